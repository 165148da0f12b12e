/*
 * disk_name.c - directories: entries now, durable entries, and the operations between.
 *
 * An operation carries all that is needed to apply it to any state of its directory: the name it
 * makes or removes and what that name stands for. So the cache, fsync and a crash image apply the
 * same operation to three sets of entries. Inodes and directories live as long as an entry, a
 * pending operation or a descriptor reaches them: a name that is gone now may come back.
 */
#include "sim/disk_internal.h"

/* The last bytes first: there names of files that belong together differ. */
static bool is_named(const struct disk_entry *entry, const char *name, size_t len)
{
    uint64_t own, other;

    if (entry->name[len] != '\0') return false;
    if (len < sizeof own) return memcmp(entry->name, name, len) == 0;
    memcpy(&own, entry->name + len - sizeof own, sizeof own);
    memcpy(&other, name + len - sizeof own, sizeof other);
    return own == other && memcmp(entry->name, name, len - sizeof own) == 0;
}

const struct disk_entry *disk_entries_find(const struct disk_entries *entries, const char *name)
{
    size_t len = strlen(name);

    if (len >= DISK_NAME_BYTES) return NULL;
    for (size_t i = 0; i < entries->count; i++) {
        if (is_named(&entries->all[i], name, len)) return &entries->all[i];
    }
    return NULL;
}

void disk_entries_copy(struct disk_entries *to, const struct disk_entries *from)
{
    to->all = disk_grow(to->all, &to->capacity, from->count, sizeof to->all[0]);
    disk_copy(to->all, from->all, from->count * sizeof to->all[0]);
    to->count = from->count;
}

void disk_entries_remove(struct disk_entries *entries, const char *name)
{
    const struct disk_entry *entry = disk_entries_find(entries, name);

    if (entry == NULL) return;
    size_t at = (size_t)(entry - entries->all);
    memmove(&entries->all[at], &entries->all[at + 1],
            (entries->count - at - 1) * sizeof entries->all[0]);
    entries->count--;
}

void disk_entries_set(struct disk_entries *entries, const struct disk_entry *entry)
{
    const struct disk_entry *old = disk_entries_find(entries, entry->name);

    if (old != NULL) {
        entries->all[old - entries->all] = *entry;
        return;
    }
    entries->all =
        disk_grow(entries->all, &entries->capacity, entries->count + 1, sizeof entries->all[0]);
    entries->all[entries->count++] = *entry;
}

void disk_entries_apply(struct disk_entries *entries, const struct disk_name_op *op)
{
    switch (op->kind) {
    case DISK_NAME_CREATE:
    case DISK_NAME_LINK: disk_entries_set(entries, &op->target); break;
    case DISK_NAME_RENAME:
        disk_entries_remove(entries, op->from);
        disk_entries_set(entries, &op->target);
        break;
    case DISK_NAME_UNLINK: disk_entries_remove(entries, op->target.name); break;
    }
}

void disk_dirs_reserve(struct disk *disk, size_t count)
{
    disk->dirs = disk_grow(disk->dirs, &disk->dir_capacity, count, sizeof disk->dirs[0]);
    for (; disk->dir_count < count; disk->dir_count++) {
        struct disk_dir *dir = &disk->dirs[disk->dir_count];
        dir->live = false;
        dir->now.count = dir->durable.count = 0;
    }
}

static int32_t dir_create(struct disk *disk)
{
    size_t dir = 0;

    while (dir < disk->dir_count && disk->dirs[dir].live) dir++;
    if (dir == disk->dir_count) disk_dirs_reserve(disk, dir + 1);
    disk->dirs[dir].live = true;
    disk->dirs[dir].now.count = disk->dirs[dir].durable.count = 0;
    return (int32_t)dir;
}

static struct disk_dir *dir_at(const struct disk *disk, int32_t dir)
{
    assert(dir >= 0 && (size_t)dir < disk->dir_count && disk->dirs[dir].live);
    return &disk->dirs[dir];
}

/* ---- Who is still reached ---- */

static void mark_entry(struct disk *disk, const struct disk_entry *entry, enum disk_mark mark);

static void mark_entries(struct disk *disk, const struct disk_entries *entries, enum disk_mark mark)
{
    for (size_t i = 0; i < entries->count; i++) mark_entry(disk, &entries->all[i], mark);
}

static void mark_dir(struct disk *disk, struct disk_dir *dir, enum disk_mark mark)
{
    if (dir->mark >= mark) return;
    dir->mark = mark;
    mark_entries(disk, &dir->now, mark);
    mark_entries(disk, &dir->durable, DISK_MARK_AFTER_CRASH);
}

static void mark_entry(struct disk *disk, const struct disk_entry *entry, enum disk_mark mark)
{
    if (entry->dir >= 0) {
        mark_dir(disk, &disk->dirs[entry->dir], mark);
    } else if (disk->files[entry->inode].mark < mark) {
        disk->files[entry->inode].mark = mark;
    }
}

void disk_sweep(struct disk *disk)
{
    for (size_t i = 0; i < disk->file_count; i++) {
        disk->files[i].mark = disk->files[i].holds > 0 ? DISK_MARK_NOW : DISK_MARK_NONE;
    }
    for (size_t i = 0; i < disk->dir_count; i++) disk->dirs[i].mark = DISK_MARK_NONE;
    mark_dir(disk, &disk->dirs[DISK_ROOT], DISK_MARK_NOW);
    for (size_t i = 0; i < disk->name_op_count; i++) {
        mark_entry(disk, &disk->name_ops[i].target, DISK_MARK_AFTER_CRASH);
    }
    for (size_t i = 0; i < disk->lost_name_count; i++) {
        mark_entry(disk, &disk->lost_names[i].entry, DISK_MARK_AFTER_CRASH);
    }
    for (size_t i = 0; i < disk->file_count; i++) {
        struct disk_file *file = &disk->files[i];
        if (!file->live || file->mark == DISK_MARK_NOW) continue;
        disk->charged -= file->charged;
        file->charged = 0;
        if (file->mark == DISK_MARK_NONE) disk_file_die(disk, (disk_inode)i);
    }
    for (size_t i = 0; i < disk->dir_count; i++) {
        if (disk->dirs[i].mark == DISK_MARK_NONE) disk->dirs[i].live = false;
    }
}

/* ---- Calls ---- */

/* 0: the name is too long. */
static size_t name_bytes(const char *name)
{
    size_t len = strlen(name);

    return len < DISK_NAME_BYTES ? len : 0;
}

static struct disk_entry entry_of(disk_inode inode, int32_t dir, const char *name)
{
    struct disk_entry entry = {.inode = inode, .dir = dir};

    memcpy(entry.name, name, strlen(name));
    return entry;
}

/* Apply it to the directory now, and to the durable one now or later. */
static void name_op_add(struct disk *disk, enum disk_name_kind kind, int32_t dir, const char *from,
                        struct disk_entry target)
{
    struct disk_name_op op = {.kind = kind, .dir = dir, .target = target};

    memcpy(op.from, from, strlen(from));
    op.issue = ++disk->issue;
    disk_entries_apply(&disk->dirs[dir].now, &op);
    if (disk->profile->names_durable_at_once) {
        disk_entries_apply(&disk->dirs[dir].durable, &op);
        return;
    }
    disk->name_ops = disk_grow(disk->name_ops, &disk->name_op_capacity, disk->name_op_count + 1,
                               sizeof disk->name_ops[0]);
    disk->name_ops[disk->name_op_count++] = op;
}

/* The next component of a path, or false at its end. One that is too long is cut, and has no
 * name_bytes. */
static bool path_next(const char **path, char ret_name[DISK_NAME_BYTES + 1])
{
    size_t len = 0;

    while (**path == '/') (*path)++;
    if (**path == '\0') return false;
    for (; **path != '/' && **path != '\0'; (*path)++) {
        if (len < DISK_NAME_BYTES) ret_name[len++] = **path;
    }
    ret_name[len] = '\0';
    return true;
}

/* Names are about to be looked at. */
static const struct disk_entries *entries_seen(const struct disk *disk, int32_t dir)
{
    if (disk->watch != NULL) disk_watch_names(disk->watch);
    return &dir_at(disk, dir)->now;
}

/* The directory in which the path's last component lies, and that component ("" for the root). */
static enum wal_err path_walk(const struct disk *disk, const char *path, int32_t *ret_parent,
                              char ret_name[DISK_NAME_BYTES + 1])
{
    char next[DISK_NAME_BYTES + 1] = "";
    int32_t dir = DISK_ROOT;

    ret_name[0] = '\0';
    while (path_next(&path, next)) {
        if (name_bytes(next) == 0) return WAL_INVALID;
        if (ret_name[0] != '\0') {
            const struct disk_entry *entry = disk_entries_find(entries_seen(disk, dir), ret_name);
            if (entry == NULL) return WAL_NOTFOUND;
            if (entry->dir < 0) return WAL_NOTDIR;
            dir = entry->dir;
        }
        memcpy(ret_name, next, sizeof next);
    }
    *ret_parent = dir;
    return WAL_OK;
}

enum wal_err disk_mkdir(struct disk *disk, const char *path)
{
    char name[DISK_NAME_BYTES + 1];
    int32_t parent;
    enum wal_err err = path_walk(disk, path, &parent, name);

    if (err) return err;
    if (name[0] == '\0' || disk_entries_find(entries_seen(disk, parent), name) != NULL) {
        return WAL_EXISTS;
    }
    name_op_add(disk, DISK_NAME_CREATE, parent, "", entry_of(-1, dir_create(disk), name));
    return WAL_OK;
}

enum wal_err disk_dir_find(struct disk *disk, const char *path, int32_t *ret_dir)
{
    char name[DISK_NAME_BYTES + 1];
    int32_t parent;
    enum wal_err err = path_walk(disk, path, &parent, name);

    if (err) return err;
    if (name[0] == '\0') {
        *ret_dir = DISK_ROOT;
        return WAL_OK;
    }
    const struct disk_entry *entry = disk_entries_find(entries_seen(disk, parent), name);
    if (entry == NULL) return WAL_NOTFOUND;
    if (entry->dir < 0) return WAL_NOTDIR;
    *ret_dir = entry->dir;
    return WAL_OK;
}

enum wal_err disk_open(struct disk *disk, int32_t dir, const char *name, bool create,
                       bool exclusive, disk_inode *ret_inode)
{
    const struct disk_entry *entry = disk_entries_find(entries_seen(disk, dir), name);

    if (entry != NULL) {
        if (create && exclusive) return WAL_EXISTS;
        if (entry->inode < 0) return WAL_INVALID;
        *ret_inode = entry->inode;
        return WAL_OK;
    }
    if (!create) return WAL_NOTFOUND;
    if (name_bytes(name) == 0) return WAL_INVALID;
    *ret_inode = disk_file_create(disk);
    name_op_add(disk, DISK_NAME_CREATE, dir, "", entry_of(*ret_inode, -1, name));
    return WAL_OK;
}

/* A name is about to stand for something else, or nothing. */
static void unname(struct disk *disk, const struct disk_entry *entry)
{
    if (entry != NULL && entry->inode >= 0) disk->files[entry->inode].nameless = true;
}

enum wal_err disk_rename(struct disk *disk, int32_t dir, const char *from, const char *to)
{
    const struct disk_entries *now = entries_seen(disk, dir);
    const struct disk_entry *source = disk_entries_find(now, from);
    const struct disk_entry *target = disk_entries_find(now, to);

    if (source == NULL) return WAL_NOTFOUND;
    if (name_bytes(to) == 0) return WAL_INVALID;
    if (target == source) return WAL_OK;
    if (target != NULL && target->dir >= 0) return source->dir >= 0 ? WAL_EXISTS : WAL_INVALID;
    if (target != NULL && source->dir >= 0) return WAL_NOTDIR;
    if (target != NULL && target->inode == source->inode) return WAL_OK; /* As POSIX has it. */
    unname(disk, target);
    name_op_add(disk, DISK_NAME_RENAME, dir, from, entry_of(source->inode, source->dir, to));
    if (target != NULL) disk_sweep(disk);
    return WAL_OK;
}

enum wal_err disk_link(struct disk *disk, int32_t dir, const char *from, const char *to)
{
    const struct disk_entries *now = entries_seen(disk, dir);
    const struct disk_entry *source = disk_entries_find(now, from);

    if (source == NULL) return WAL_NOTFOUND;
    if (disk_entries_find(now, to) != NULL) return WAL_EXISTS;
    if (source->dir >= 0) return WAL_ACCESS;
    if (name_bytes(to) == 0) return WAL_INVALID;
    name_op_add(disk, DISK_NAME_LINK, dir, from, entry_of(source->inode, -1, to));
    return WAL_OK;
}

enum wal_err disk_unlink(struct disk *disk, int32_t dir, const char *name)
{
    const struct disk_entry *entry = disk_entries_find(entries_seen(disk, dir), name);

    if (entry == NULL) return WAL_NOTFOUND;
    if (entry->dir >= 0) return WAL_INVALID;
    unname(disk, entry);
    name_op_add(disk, DISK_NAME_UNLINK, dir, "", *entry);
    disk_sweep(disk);
    return WAL_OK;
}

static const char *entry_at(const struct disk_entries *entries, size_t i, disk_inode *ret_inode)
{
    if (i >= entries->count) return NULL;
    *ret_inode = entries->all[i].inode;
    return entries->all[i].name;
}

const char *disk_entry(const struct disk *disk, int32_t dir, size_t i, disk_inode *ret_inode)
{
    return entry_at(entries_seen(disk, dir), i, ret_inode);
}

const char *disk_durable_entry(const struct disk *disk, int32_t dir, size_t i,
                               disk_inode *ret_inode)
{
    return entry_at(&dir_at(disk, dir)->durable, i, ret_inode);
}

uint64_t disk_sync_dir_begin(struct disk *disk, int32_t dir)
{
    assert(dir_at(disk, dir)->live);
    return disk->issue;
}

static bool name_is(const char *name, const struct disk_name_op *op)
{
    return strcmp(name, op->target.name) == 0 ||
           (op->from[0] != '\0' && strcmp(name, op->from) == 0);
}

/* Is it left to luck, and settled meanwhile by a later operation on one of its names that is made
 * durable now? */
static bool is_outdone(const struct disk *disk, size_t at, uint64_t ticket)
{
    const struct disk_name_op *op = &disk->name_ops[at];

    for (size_t i = at + 1; op->left_to_luck && i < disk->name_op_count; i++) {
        const struct disk_name_op *later = &disk->name_ops[i];
        if (later->dir != op->dir || later->issue > ticket || later->left_to_luck) continue;
        if (name_is(op->target.name, later)) return true;
        if (op->from[0] != '\0' && name_is(op->from, later)) return true;
    }
    return false;
}

void disk_sync_dir_end(struct disk *disk, int32_t dir, uint64_t ticket)
{
    size_t left = 0;
    bool removed = false;

    for (size_t i = 0; i < disk->name_op_count; i++) {
        const struct disk_name_op *op = &disk->name_ops[i];
        bool covered = op->dir == dir && op->issue <= ticket;
        if (!covered || (op->left_to_luck && !is_outdone(disk, i, ticket))) {
            if (left != i) disk->name_ops[left] = *op;
            left++;
            continue;
        }
        if (!op->left_to_luck) disk_entries_apply(&dir_at(disk, dir)->durable, op);
        if (op->left_to_luck || op->kind == DISK_NAME_RENAME || op->kind == DISK_NAME_UNLINK) {
            removed = true;
        }
    }
    disk->name_op_count = left;
    if (removed) disk_sweep(disk);
}

/* The name of a directory is spared. A program has no second name for it to try with, and no file
 * system is known that goes on after it lost one. */
void disk_sync_dir_fail(struct disk *disk, int32_t dir, uint64_t ticket)
{
    for (size_t i = 0; i < disk->name_op_count; i++) {
        struct disk_name_op *op = &disk->name_ops[i];
        if (op->dir == dir && op->issue <= ticket && op->target.dir < 0) op->left_to_luck = true;
    }
}
