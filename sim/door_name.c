/*
 * door_name.c - directories, names and descriptors.
 */
#include <string.h>

#include "sim/door.h"

/* ---- Descriptors ---- */

/* The lowest that is free; -1: none. */
static int32_t descriptor_add(struct sim_world *world, enum descriptor_kind kind, int32_t target,
                              const char *name)
{
    uint32_t i = 0;

    while (i < world->process->descriptors_used &&
           world->process->descriptors[i].kind != DESCRIPTOR_FREE)
        i++;
    if (i == DESCRIPTORS_MAX) return -1;
    if (i == world->process->descriptors_used) world->process->descriptors_used++;
    struct descriptor *descriptor = &world->process->descriptors[i];
    size_t len = strlen(name);
    if (len >= sizeof descriptor->name) len = sizeof descriptor->name - 1;
    descriptor->kind = kind;
    descriptor->target = target;
    descriptor->flags = 0;
    descriptor->align = 1;
    descriptor->locked = false;
    memcpy(descriptor->name, name, len);
    descriptor->name[len] = '\0';
    return (int32_t)i;
}

void descriptors_lose_locks(struct sim_world *world)
{
    for (uint32_t i = 0; i < world->process->descriptors_used; i++) {
        struct descriptor *file = &world->process->descriptors[i];
        if (file->kind != DESCRIPTOR_FILE || !file->locked) continue;
        disk_unlock(world->disk, file->target);
        file->locked = false;
    }
}

void descriptors_release(struct sim_world *world)
{
    descriptors_lose_locks(world);
    for (uint32_t i = 0; i < world->process->descriptors_used; i++) {
        const struct descriptor *file = &world->process->descriptors[i];
        if (file->kind == DESCRIPTOR_FILE) disk_release(world->disk, file->target);
    }
}

size_t descriptors_drop(struct sim_world *world)
{
    size_t open = 0;

    for (uint32_t i = 0; i < world->process->descriptors_used; i++) {
        if (world->process->descriptors[i].kind != DESCRIPTOR_FREE) open++;
        world->process->descriptors[i].kind = DESCRIPTOR_FREE;
    }
    world->process->descriptors_used = 0;
    return open;
}

/* ---- Calls ---- */

/* Enters a call that is about a name. `about` is where the fault reads it from. */
static enum wal_err enter(struct sim_world *world, enum sim_call call, const char *name,
                          unsigned flags, struct passage *passage)
{
    door_enter_at(world, call, -1, name, passage);
    if (!door_struck_at(world, call)) return WAL_OK;
    struct descriptor about = {.target = -1, .flags = flags};
    size_t len = strlen(name);
    if (len >= sizeof about.name) len = sizeof about.name - 1;
    memcpy(about.name, name, len);
    door_strike(world, call, &about, 0, 0, passage);
    return passage->outcome->err;
}

static void leave(struct sim_world *world, enum sim_call call, const struct passage *passage,
                  enum wal_err err, const char *name, const char *other)
{
    uint64_t data = other == NULL ? 0 : trace_hash(other, strlen(other));

    if (other != NULL) world->process->scheduler.current->about = other;
    door_leave(world, call, passage, err, trace_hash(name, strlen(name)), 0, data);
}

static enum wal_err door_mkdir(struct wal_io *io, const char *path)
{
    struct sim_world *world = world_of(io);
    struct passage passage;

    enum wal_err err = enter(world, SIM_CALL_MKDIR, path, 0, &passage);
    if (err == WAL_OK) err = disk_mkdir(world->disk, path);
    leave(world, SIM_CALL_MKDIR, &passage, err, path, NULL);
    return err;
}

static enum wal_err door_dir_open(struct wal_io *io, const char *path, struct wal_dir *ret_dir)
{
    struct sim_world *world = world_of(io);
    struct passage passage;
    int32_t dir = -1, id = -1;

    enum wal_err err = enter(world, SIM_CALL_DIR_OPEN, path, 0, &passage);
    if (err == WAL_OK) err = disk_dir_find(world->disk, path, &dir);
    if (err == WAL_OK) {
        id = descriptor_add(world, DESCRIPTOR_DIR, dir, path);
        if (id < 0) err = WAL_NOFILES;
    }
    if (err == WAL_OK) ret_dir->id = id;
    leave(world, SIM_CALL_DIR_OPEN, &passage, err, path, NULL);
    return err;
}

static void door_dir_close(struct wal_io *io, struct wal_dir dir)
{
    struct sim_world *world = world_of(io);
    struct passage passage;

    door_enter(world, SIM_CALL_DIR_CLOSE, &passage);
    descriptor_dir(world, dir)->kind = DESCRIPTOR_FREE;
    door_leave(world, SIM_CALL_DIR_CLOSE, &passage, WAL_OK, (uint64_t)dir.id, 0, 0);
}

/* The names of a directory one after the other; *ret_bytes is their length, with terminators. */
static enum wal_err names_of(struct sim_world *world, int32_t dir, char **ret_names,
                             size_t *ret_bytes)
{
    disk_inode inode;
    const char *name;
    size_t bytes = 0;

    for (size_t i = 0; (name = disk_entry(world->disk, dir, i, &inode)) != NULL; i++)
        bytes += strlen(name) + 1;
    *ret_names = NULL;
    *ret_bytes = bytes;
    if (bytes == 0) return WAL_OK;
    char *names = door_alloc(world, SIM_CALL_LIST, bytes);
    if (names == NULL) return WAL_NOMEM;
    *ret_names = names;
    for (size_t i = 0; (name = disk_entry(world->disk, dir, i, &inode)) != NULL; i++) {
        size_t len = strlen(name) + 1;
        memcpy(names, name, len);
        names += len;
    }
    return WAL_OK;
}

static enum wal_err door_list(struct wal_io *io, struct wal_dir dir, char **ret_names,
                              size_t *ret_bytes)
{
    struct sim_world *world = world_of(io);
    const struct descriptor *descriptor = descriptor_dir(world, dir);
    struct passage passage;
    char *names = NULL;
    size_t bytes = 0;

    enum wal_err err = enter(world, SIM_CALL_LIST, descriptor->name, 0, &passage);
    if (err == WAL_OK) err = names_of(world, descriptor->target, &names, &bytes);
    if (err == WAL_OK) {
        *ret_names = names;
        *ret_bytes = bytes;
    }
    uint64_t data = err == WAL_OK && bytes > 0 ? trace_hash(names, bytes) : 0;
    door_leave(world, SIM_CALL_LIST, &passage, err, (uint64_t)descriptor->target, bytes, data);
    return err;
}

static enum wal_err door_rename(struct wal_io *io, struct wal_dir dir, const char *from,
                                const char *to)
{
    struct sim_world *world = world_of(io);
    struct passage passage;

    enum wal_err err = enter(world, SIM_CALL_RENAME, from, 0, &passage);
    if (err == WAL_OK) err = disk_rename(world->disk, descriptor_dir(world, dir)->target, from, to);
    leave(world, SIM_CALL_RENAME, &passage, err, from, to);
    return err;
}

static enum wal_err door_link(struct wal_io *io, struct wal_dir dir, const char *from,
                              const char *to)
{
    struct sim_world *world = world_of(io);
    struct passage passage;

    enum wal_err err = enter(world, SIM_CALL_LINK, from, 0, &passage);
    if (err == WAL_OK) err = disk_link(world->disk, descriptor_dir(world, dir)->target, from, to);
    leave(world, SIM_CALL_LINK, &passage, err, from, to);
    return err;
}

static enum wal_err door_unlink(struct wal_io *io, struct wal_dir dir, const char *name)
{
    struct sim_world *world = world_of(io);
    struct passage passage;

    enum wal_err err = enter(world, SIM_CALL_UNLINK, name, 0, &passage);
    if (err == WAL_OK) err = disk_unlink(world->disk, descriptor_dir(world, dir)->target, name);
    leave(world, SIM_CALL_UNLINK, &passage, err, name, NULL);
    return err;
}

static enum wal_err open_on_disk(struct sim_world *world, struct wal_dir dir, const char *name,
                                 unsigned flags, struct wal_file *ret_file,
                                 uint32_t *ret_direct_align)
{
    disk_inode inode;

    int32_t id = descriptor_add(world, DESCRIPTOR_FILE, -1, name);
    if (id < 0) return WAL_NOFILES;
    struct descriptor *file = &world->process->descriptors[id];
    enum wal_err err =
        disk_open(world->disk, descriptor_dir(world, dir)->target, name,
                  (flags & WAL_OPEN_CREATE) != 0, (flags & WAL_OPEN_EXCLUSIVE) != 0, &inode);
    if (err != WAL_OK) {
        file->kind = DESCRIPTOR_FREE;
        return err;
    }
    disk_hold(world->disk, inode);
    file->target = inode;
    file->flags = flags;
    file->errors_heard = disk_error_at_open(world->disk, inode);
    if (flags & WAL_OPEN_DIRECT) file->align = disk_profile_of(world->disk)->chunk_bytes;
    ret_file->id = id;
    if (ret_direct_align != NULL) *ret_direct_align = file->align;
    return WAL_OK;
}

static enum wal_err door_open(struct wal_io *io, struct wal_dir dir, const char *name,
                              unsigned flags, struct wal_file *ret_file, uint32_t *ret_direct_align)
{
    struct sim_world *world = world_of(io);
    struct passage passage;

    enum wal_err err = enter(world, SIM_CALL_OPEN, name, flags, &passage);
    if (err == WAL_OK) err = open_on_disk(world, dir, name, flags, ret_file, ret_direct_align);
    leave(world, SIM_CALL_OPEN, &passage, err, name, NULL);
    return err;
}

void door_fill_name_ops(struct wal_io_ops *ops)
{
    ops->mkdir = door_mkdir;
    ops->dir_open = door_dir_open;
    ops->dir_close = door_dir_close;
    ops->list = door_list;
    ops->rename = door_rename;
    ops->link = door_link;
    ops->unlink = door_unlink;
    ops->open = door_open;
}
