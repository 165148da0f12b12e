/*
 * power_disk.h - a disk in memory whose power can be cut at any call, for tests of the log alone.
 *
 * Far simpler than sim/: tasks, clocks and locks are the host's, so it is not deterministic where
 * two tasks race, and it knows one kind of disk. What it has: bytes, sizes and names that are safe
 * only after the sync that POSIX asks for; syncs that fail and leave the pages clean; processes
 * that die and leave their cache behind; the nth call failing or being the last; and a count of
 * everything that must be given back.
 */
#ifndef TESTS_POWER_DISK_H
#define TESTS_POWER_DISK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wal/host/host.h"
#include "wal/io.h"

enum {
    POWER_NAMES = 256,
    POWER_INODES = 1024,
    POWER_FDS = 64,
    POWER_SECTOR = 512,
    POWER_OPS = 512,
    POWER_SECTORS = 256,
    POWER_FILE_BYTES = POWER_SECTORS * POWER_SECTOR,
    POWER_DIR_ID = 1000,
    POWER_PARENT_ID = 1001,
};

struct power_inode {
    uint8_t *now, *safe;
    size_t now_size, safe_size;
    bool dirty[POWER_SECTORS]; /* Written since a sync was tried. */
};

struct power_name {
    char name[64];
    int inode; /* -1: none. */
};

struct power_names {
    struct power_name entries[POWER_NAMES];
    int count;
};

/* name now stands for inode, or (-1) for nothing; two such make a rename. */
struct power_op {
    struct power_name set[2];
    int count;
};

struct power_fd {
    bool used, locked, writable;
    int inode;
};

struct power {
    struct wal_io io;
    struct wal_io_ops ops;
    struct wal_io *host;
    pthread_mutex_t lock;
    struct power_inode inodes[POWER_INODES];
    int inode_count;
    struct power_names now, safe;
    struct power_op pending[POWER_OPS];
    int pending_count;
    bool dir_now, dir_safe;
    struct power_fd fds[POWER_FDS];

    uint64_t random;
    unsigned calls;   /* That may fail or change the disk. */
    unsigned cut_at;  /* The power goes at this one; 0: never. */
    unsigned fail_at; /* This one fails; 0: none. */
    enum wal_err fail_with;
    unsigned syncs_fail_one_in; /* 0: never. */
    unsigned space_fails_one_in;
    enum wal_err writes_fail;     /* Each, until told otherwise. */
    enum wal_err next_sync_fails; /* That one; the next "succeeds". */
    bool short_io;
    bool dead, just_died;
    int owed; /* Memory, locks, tasks and descriptors not given back yet. */
    unsigned notes[WAL_NOTE_COUNT];
};

static inline struct power *power_of(struct wal_io *io)
{
    return (struct power *)io;
}

static inline uint64_t draw(uint64_t *random, uint64_t bound)
{
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return *random % bound;
}

static inline uint64_t power_draw(struct power *p, uint64_t bound)
{
    return draw(&p->random, bound);
}

static inline bool power_is_dead(struct power *p)
{
    pthread_mutex_lock(&p->lock);
    bool dead = p->dead;
    pthread_mutex_unlock(&p->lock);
    return dead;
}

static inline void power_writes_fail(struct power *p, enum wal_err err)
{
    pthread_mutex_lock(&p->lock);
    p->writes_fail = err;
    pthread_mutex_unlock(&p->lock);
}

static inline void power_next_sync_fails(struct power *p, enum wal_err err)
{
    pthread_mutex_lock(&p->lock);
    p->next_sync_fails = err;
    pthread_mutex_unlock(&p->lock);
}

/* Cut at the nth call from now; 0: never. Returns how many were still to come before. */
static inline unsigned power_cut_in(struct power *p, unsigned calls)
{
    pthread_mutex_lock(&p->lock);
    unsigned before = p->cut_at > p->calls ? p->cut_at - p->calls : 0;
    p->cut_at = calls > 0 ? p->calls + calls : 0;
    pthread_mutex_unlock(&p->lock);
    return before;
}

/* Begin a call: locks; says how it is to end. */
static inline enum wal_err power_enter(struct power *p)
{
    pthread_mutex_lock(&p->lock);
    p->just_died = false;
    if (p->dead) return WAL_IO;
    p->calls++;
    if (p->calls == p->cut_at) {
        p->dead = true;
        p->just_died = true;
        return WAL_IO;
    }
    return p->calls == p->fail_at ? p->fail_with : WAL_OK;
}

static inline enum wal_err power_leave(struct power *p, enum wal_err err)
{
    pthread_mutex_unlock(&p->lock);
    return err;
}

static inline int power_find(const struct power_names *names, const char *name)
{
    for (int i = 0; i < names->count; i++) {
        if (names->entries[i].inode >= 0 && strcmp(names->entries[i].name, name) == 0) return i;
    }
    return -1;
}

static inline void power_set(struct power_names *names, const struct power_name *set)
{
    int at = power_find(names, set->name);

    for (int i = 0; at < 0 && i < names->count; i++) {
        if (names->entries[i].inode < 0) at = i;
    }
    if (at < 0) at = names->count++;
    if (names->count > POWER_NAMES) abort();
    names->entries[at] = *set;
}

static inline void power_apply(struct power_names *names, const struct power_op *op)
{
    for (int i = 0; i < op->count; i++) power_set(names, &op->set[i]);
}

static inline void power_op(struct power *p, const char *first, int first_inode, const char *second,
                            int second_inode)
{
    if (p->pending_count == POWER_OPS) abort();
    struct power_op *op = &p->pending[p->pending_count++];
    *op = (struct power_op){.count = second == NULL ? 1 : 2};
    snprintf(op->set[0].name, sizeof op->set[0].name, "%s", first);
    op->set[0].inode = first_inode;
    if (second != NULL) {
        snprintf(op->set[1].name, sizeof op->set[1].name, "%s", second);
        op->set[1].inode = second_inode;
    }
    power_apply(&p->now, op);
}

static inline enum wal_err power_mkdir(struct wal_io *io, const char *path)
{
    struct power *p = power_of(io);
    enum wal_err err = power_enter(p);

    (void)path;
    if (err == WAL_OK && p->dir_now) err = WAL_EXISTS;
    if (err == WAL_OK) p->dir_now = true;
    return power_leave(p, err);
}

static inline enum wal_err power_dir_open(struct wal_io *io, const char *path,
                                          struct wal_dir *ret_dir)
{
    struct power *p = power_of(io);
    enum wal_err err = power_enter(p);
    bool parent = strcmp(path, "log") != 0;

    if (err == WAL_OK && !parent && !p->dir_now) err = WAL_NOTFOUND;
    if (err == WAL_OK) {
        ret_dir->id = parent ? POWER_PARENT_ID : POWER_DIR_ID;
        p->owed++;
    }
    return power_leave(p, err);
}

static inline void power_dir_close(struct wal_io *io, struct wal_dir dir)
{
    struct power *p = power_of(io);

    (void)dir;
    pthread_mutex_lock(&p->lock);
    p->owed--;
    pthread_mutex_unlock(&p->lock);
}

static inline bool power_sync_fails(struct power *p)
{
    return p->syncs_fail_one_in > 0 && power_draw(p, p->syncs_fail_one_in) == 0;
}

static inline enum wal_err power_fsync_dir(struct wal_io *io, struct wal_dir dir)
{
    struct power *p = power_of(io);
    enum wal_err err = power_enter(p);

    if (p->dead) return power_leave(p, err);
    if (dir.id == POWER_PARENT_ID) {
        if (err == WAL_OK) p->dir_safe = p->dir_now;
        return power_leave(p, err);
    }
    if (err == WAL_OK && power_sync_fails(p)) err = WAL_IO;
    if (err == WAL_OK) {
        for (int i = 0; i < p->pending_count; i++) power_apply(&p->safe, &p->pending[i]);
    }
    p->pending_count = 0; /* After a failure: there to be seen, and never to be written. */
    return power_leave(p, err);
}

static inline enum wal_err power_list(struct wal_io *io, struct wal_dir dir, char **ret_names,
                                      size_t *ret_bytes)
{
    struct power *p = power_of(io);
    enum wal_err err = power_enter(p);
    size_t bytes = 0;

    (void)dir;
    if (err) return power_leave(p, err);
    for (int i = 0; i < p->now.count; i++) {
        if (p->now.entries[i].inode >= 0) bytes += strlen(p->now.entries[i].name) + 1;
    }
    char *names = bytes > 0 ? malloc(bytes) : NULL;
    char *at = names;
    for (int i = p->now.count - 1; i >= 0; i--) {
        if (p->now.entries[i].inode < 0) continue;
        size_t len = strlen(p->now.entries[i].name) + 1;
        memcpy(at, p->now.entries[i].name, len);
        at += len;
    }
    if (names != NULL) p->owed++;
    *ret_names = names;
    *ret_bytes = bytes;
    return power_leave(p, WAL_OK);
}

static inline enum wal_err power_rename(struct wal_io *io, struct wal_dir dir, const char *from,
                                        const char *to)
{
    struct power *p = power_of(io);
    enum wal_err err = power_enter(p);
    int at = power_find(&p->now, from);

    (void)dir;
    if (err == WAL_OK && at < 0) err = WAL_NOTFOUND;
    if (err == WAL_OK) power_op(p, to, p->now.entries[at].inode, from, -1);
    return power_leave(p, err);
}

static inline enum wal_err power_link(struct wal_io *io, struct wal_dir dir, const char *from,
                                      const char *to)
{
    struct power *p = power_of(io);
    enum wal_err err = power_enter(p);
    int at = power_find(&p->now, from);

    (void)dir;
    if (err == WAL_OK && at < 0) err = WAL_NOTFOUND;
    if (err == WAL_OK && power_find(&p->now, to) >= 0) err = WAL_EXISTS;
    if (err == WAL_OK) power_op(p, to, p->now.entries[at].inode, NULL, 0);
    return power_leave(p, err);
}

static inline enum wal_err power_unlink(struct wal_io *io, struct wal_dir dir, const char *name)
{
    struct power *p = power_of(io);
    enum wal_err err = power_enter(p);

    (void)dir;
    if (err == WAL_OK && power_find(&p->now, name) < 0) err = WAL_NOTFOUND;
    if (err == WAL_OK) power_op(p, name, -1, NULL, 0);
    return power_leave(p, err);
}

static inline int power_inode_new(struct power *p)
{
    if (p->inode_count == POWER_INODES) abort();
    struct power_inode *inode = &p->inodes[p->inode_count];
    inode->now = calloc(1, POWER_FILE_BYTES);
    inode->safe = calloc(1, POWER_FILE_BYTES);
    if (inode->now == NULL || inode->safe == NULL) abort();
    return p->inode_count++;
}

static inline enum wal_err power_open(struct wal_io *io, struct wal_dir dir, const char *name,
                                      unsigned flags, struct wal_file *ret_file,
                                      uint32_t *ret_align)
{
    struct power *p = power_of(io);
    enum wal_err err = power_enter(p);
    int at = power_find(&p->now, name);
    int fd = 0;

    (void)dir;
    (void)ret_align;
    if (err == WAL_OK && (flags & WAL_OPEN_DIRECT)) err = WAL_NODIRECT;
    if (err == WAL_OK && at < 0 && !(flags & WAL_OPEN_CREATE)) err = WAL_NOTFOUND;
    if (err == WAL_OK && at >= 0 && (flags & WAL_OPEN_EXCLUSIVE)) err = WAL_EXISTS;
    if (err) return power_leave(p, err);
    while (p->fds[fd].used) fd++;
    if (fd >= POWER_FDS) abort();
    int inode = at >= 0 ? p->now.entries[at].inode : power_inode_new(p);
    if (at < 0) power_op(p, name, inode, NULL, 0);
    p->fds[fd] =
        (struct power_fd){.used = true, .inode = inode, .writable = (flags & WAL_OPEN_WRITE) != 0};
    p->owed++;
    ret_file->id = fd;
    return power_leave(p, WAL_OK);
}

/* As on a file system that cannot. */
static inline enum wal_err power_fallocate(struct wal_io *io, struct wal_file file, uint64_t offset,
                                           uint64_t len, bool keep_size)
{
    (void)io;
    (void)file;
    (void)offset;
    (void)len;
    (void)keep_size;
    return WAL_UNSUPPORTED;
}

static inline enum wal_err power_close(struct wal_io *io, struct wal_file file)
{
    struct power *p = power_of(io);

    pthread_mutex_lock(&p->lock);
    if (!p->fds[file.id].used) abort();
    p->fds[file.id].used = false;
    p->owed--;
    return power_leave(p, WAL_OK);
}

static inline struct power_inode *power_inode(struct power *p, struct wal_file file)
{
    if (!p->fds[file.id].used) abort();
    return &p->inodes[p->fds[file.id].inode];
}

static inline enum wal_err power_pread(struct wal_io *io, struct wal_file file, uint64_t offset,
                                       void *buffer, size_t len, size_t *ret_len)
{
    struct power *p = power_of(io);
    enum wal_err err = power_enter(p);
    struct power_inode *inode = power_inode(p, file);

    if (err) return power_leave(p, err);
    if (offset >= inode->now_size) len = 0;
    if (len > inode->now_size - offset && len > 0) len = inode->now_size - (size_t)offset;
    if (p->short_io && len > 1 && power_draw(p, 4) == 0) len = 1 + (size_t)power_draw(p, len - 1);
    if (p->short_io && power_draw(p, 8) == 0) return power_leave(p, WAL_INTERRUPTED);
    if (len > 0) memcpy(buffer, inode->now + offset, len);
    *ret_len = len;
    return power_leave(p, WAL_OK);
}

/* The file's own bytes: what is written later shows in it. */
static inline enum wal_err power_map(struct wal_io *io, struct wal_file file, uint64_t offset,
                                     size_t len, const uint8_t **ret_window)
{
    struct power *p = power_of(io);
    enum wal_err err = power_enter(p);
    const struct power_inode *inode = power_inode(p, file);

    if (err) return power_leave(p, err);
    uint64_t end = (inode->now_size + 4095) / 4096 * 4096;
    if (offset > end || len > end - offset) return power_leave(p, WAL_INVALID);
    *ret_window = inode->now + offset;
    p->owed++;
    return power_leave(p, WAL_OK);
}

static inline void power_unmap(struct wal_io *io, const uint8_t *window, size_t len)
{
    struct power *p = power_of(io);

    (void)window, (void)len;
    pthread_mutex_lock(&p->lock);
    p->owed--;
    pthread_mutex_unlock(&p->lock);
}

static inline void power_put(struct power_inode *inode, size_t offset, const void *buffer,
                             size_t len)
{
    if (len == 0) return;
    memcpy(inode->now + offset, buffer, len);
    if (inode->now_size < offset + len) inode->now_size = offset + len;
    for (size_t i = offset / POWER_SECTOR; i <= (offset + len - 1) / POWER_SECTOR; i++) {
        inode->dirty[i] = true;
    }
}

static inline enum wal_err power_pwrite(struct wal_io *io, struct wal_file file, uint64_t offset,
                                        const void *buffer, size_t len, size_t *ret_len)
{
    struct power *p = power_of(io);
    enum wal_err err = power_enter(p);
    struct power_inode *inode = power_inode(p, file);

    if (!p->fds[file.id].writable || offset + len > POWER_FILE_BYTES) abort();
    if (err == WAL_OK && p->writes_fail != WAL_OK) return power_leave(p, p->writes_fail);
    if (err == WAL_OK && p->space_fails_one_in > 0 && power_draw(p, p->space_fails_one_in) == 0) {
        err = WAL_NOSPACE;
    }
    if (err) {
        /* Any part of it may have got through. */
        size_t part = (size_t)power_draw(p, len + 1);
        if (!p->dead || p->just_died) power_put(inode, offset, buffer, part);
        return power_leave(p, err);
    }
    if (p->short_io && power_draw(p, 8) == 0) return power_leave(p, WAL_INTERRUPTED);
    if (p->short_io && len > 1 && power_draw(p, 4) == 0) len = 1 + (size_t)power_draw(p, len - 1);
    power_put(inode, offset, buffer, len);
    *ret_len = len;
    return power_leave(p, WAL_OK);
}

static inline void power_sector_safe(struct power_inode *inode, size_t sector)
{
    memcpy(inode->safe + sector * POWER_SECTOR, inode->now + sector * POWER_SECTOR, POWER_SECTOR);
}

static inline enum wal_err power_fsync(struct wal_io *io, struct wal_file file)
{
    struct power *p = power_of(io);
    enum wal_err err = power_enter(p);
    struct power_inode *inode = power_inode(p, file);

    if (p->dead) return power_leave(p, err);
    if (err == WAL_OK && power_sync_fails(p)) err = WAL_IO;
    if (err == WAL_OK) err = p->next_sync_fails;
    p->next_sync_fails = WAL_OK;
    for (size_t i = 0; i < POWER_SECTORS; i++) {
        /* When it fails, some are written; all are clean, and will not be written again. */
        if (inode->dirty[i] && (err == WAL_OK || power_draw(p, 2) == 0)) {
            power_sector_safe(inode, i);
        }
        inode->dirty[i] = false;
    }
    if (err == WAL_OK || power_draw(p, 2) == 0) inode->safe_size = inode->now_size;
    return power_leave(p, err);
}

static inline enum wal_err power_ftruncate(struct wal_io *io, struct wal_file file, uint64_t size)
{
    struct power *p = power_of(io);
    enum wal_err err = power_enter(p);
    struct power_inode *inode = power_inode(p, file);

    if (err == WAL_OK) {
        /* The cut bytes are zeros from now on, durably only after a sync. */
        if (size < inode->now_size) {
            size_t from = (size_t)size;
            memset(inode->now + from, 0, inode->now_size - from);
            for (size_t i = from / POWER_SECTOR; i < POWER_SECTORS; i++) inode->dirty[i] = true;
        }
        inode->now_size = (size_t)size;
    }
    return power_leave(p, err);
}

static inline enum wal_err power_size(struct wal_io *io, struct wal_file file, uint64_t *ret_size)
{
    struct power *p = power_of(io);
    enum wal_err err = power_enter(p);

    if (err == WAL_OK) *ret_size = power_inode(p, file)->now_size;
    return power_leave(p, err);
}

static inline enum wal_err power_lock(struct wal_io *io, struct wal_file file)
{
    struct power *p = power_of(io);
    enum wal_err err = power_enter(p);

    for (int i = 0; i < POWER_FDS; i++) {
        const struct power_fd *fd = &p->fds[i];
        if (fd->used && fd->locked && fd->inode == p->fds[file.id].inode) err = WAL_LOCKED;
    }
    if (err == WAL_OK) p->fds[file.id].locked = true;
    return power_leave(p, err);
}

#endif
