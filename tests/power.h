/*
 * power.h - the disk of power_disk.h made a whole world, by the host's tasks, locks and clocks.
 */
#ifndef TESTS_POWER_H
#define TESTS_POWER_H

#include "tests/power_disk.h"

static inline void *power_alloc(struct wal_io *io, size_t size)
{
    struct power *p = power_of(io);
    enum wal_err err = power_enter(p);
    void *memory = err == WAL_OK || p->dead ? malloc(size) : NULL;

    if (memory != NULL) {
        memset(memory, 0xa5, size);
        p->owed++;
    }
    power_leave(p, WAL_OK);
    return memory;
}

static inline void power_free(struct wal_io *io, void *memory, size_t size)
{
    struct power *p = power_of(io);

    (void)size;
    pthread_mutex_lock(&p->lock);
    p->owed--;
    pthread_mutex_unlock(&p->lock);
    free(memory);
}

static inline void power_note(struct wal_io *io, enum wal_note note)
{
    struct power *p = power_of(io);

    pthread_mutex_lock(&p->lock);
    p->notes[note]++;
    pthread_mutex_unlock(&p->lock);
}

/* Lock objects: the host's, but creating them is a call like any other. */
static inline enum wal_err power_mutex_create(struct wal_io *io, struct wal_mutex **ret_mutex)
{
    struct power *p = power_of(io);
    enum wal_err err = power_enter(p);

    if (p->dead) err = WAL_OK;
    if (err == WAL_OK) err = p->host->ops->mutex_create(p->host, ret_mutex);
    if (err == WAL_OK) p->owed++;
    return power_leave(p, err);
}

static inline void power_mutex_destroy(struct wal_io *io, struct wal_mutex *mutex)
{
    power_of(io)->owed--;
    power_of(io)->host->ops->mutex_destroy(power_of(io)->host, mutex);
}

static inline enum wal_err power_cond_create(struct wal_io *io, struct wal_cond **ret_cond)
{
    struct power *p = power_of(io);
    enum wal_err err = power_enter(p);

    if (p->dead) err = WAL_OK;
    if (err == WAL_OK) err = p->host->ops->cond_create(p->host, ret_cond);
    if (err == WAL_OK) p->owed++;
    return power_leave(p, err);
}

static inline void power_cond_destroy(struct wal_io *io, struct wal_cond *cond)
{
    power_of(io)->owed--;
    power_of(io)->host->ops->cond_destroy(power_of(io)->host, cond);
}

static inline enum wal_err power_spawn(struct wal_io *io, const char *name, void (*entry)(void *),
                                       void *arg, struct wal_task **ret_task)
{
    struct power *p = power_of(io);
    enum wal_err err = power_enter(p);

    if (p->dead) err = WAL_OK;
    if (err == WAL_OK) err = p->host->ops->spawn(p->host, name, entry, arg, ret_task);
    if (err == WAL_OK) p->owed++;
    return power_leave(p, err);
}

static inline void power_join(struct wal_io *io, struct wal_task *task)
{
    power_of(io)->host->ops->join(power_of(io)->host, task);
    power_of(io)->owed--;
}

static inline struct power *power_create(uint64_t seed)
{
    struct power *p = calloc(1, sizeof *p);

    if (p == NULL) abort();
    if (wal_host_create(&p->host) != WAL_OK) abort();
    p->random = seed * 0x9e3779b97f4a7c15U + 1;
    p->ops = *p->host->ops;
    p->ops.mkdir = power_mkdir;
    p->ops.dir_open = power_dir_open;
    p->ops.dir_close = power_dir_close;
    p->ops.fsync_dir = power_fsync_dir;
    p->ops.list = power_list;
    p->ops.rename = power_rename;
    p->ops.link = power_link;
    p->ops.unlink = power_unlink;
    p->ops.open = power_open;
    p->ops.close = power_close;
    p->ops.pread = power_pread;
    p->ops.pwrite = power_pwrite;
    p->ops.fsync = power_fsync;
    p->ops.fdatasync = power_fsync;
    p->ops.ftruncate = power_ftruncate;
    p->ops.fallocate = power_fallocate;
    p->ops.size = power_size;
    p->ops.map = power_map;
    p->ops.unmap = power_unmap;
    p->ops.lock = power_lock;
    p->ops.alloc = power_alloc;
    p->ops.free = power_free;
    p->ops.note = power_note;
    p->ops.mutex_create = power_mutex_create;
    p->ops.mutex_destroy = power_mutex_destroy;
    p->ops.cond_create = power_cond_create;
    p->ops.cond_destroy = power_cond_destroy;
    p->ops.spawn = power_spawn;
    p->ops.join = power_join;
    p->io.ops = &p->ops;
    pthread_mutex_init(&p->lock, NULL);
    return p;
}

static inline void power_destroy(struct power *p)
{
    for (int i = 0; i < p->inode_count; i++) {
        free(p->inodes[i].now);
        free(p->inodes[i].safe);
    }
    pthread_mutex_destroy(&p->lock);
    wal_host_destroy(p->host);
    free(p);
}

#endif
