/*
 * disk_internal.h - what the files of the simulated disk share.
 *
 * A file has two contents, durable and cache. Either can be someone else's until it is changed: an
 * image's durable bytes may be the source disk's, and a cache that equals the durable bytes is not
 * kept twice. Buffers stay with their slot when the file in it dies, so a disk that was used once
 * allocates no more.
 *
 * Pending items of all files lie in one array in issue order, and so do pending directory
 * operations: a crash cuts across files, and the arrays are short.
 */
#ifndef SIM_DISK_INTERNAL_H
#define SIM_DISK_INTERNAL_H

#include <assert.h>
#include <string.h>

#include "sim/disk.h"

enum {
    DISK_NAME_BYTES = 64, /* With the terminator. */
    DISK_ROOT = 0,
    DISK_FREED_MAX = 4,
};
#define DISK_FILE_BYTES_MAX (UINT64_C(1) << 30)

struct disk_bytes {
    uint8_t *bytes;
    size_t capacity;
};

/* What disk_sweep found out about a file or directory. */
enum disk_mark { DISK_MARK_NONE, DISK_MARK_AFTER_CRASH, DISK_MARK_NOW };

struct disk_file {
    bool live;
    enum disk_mark mark;
    bool nameless; /* It may have lost its last name. */
    bool locked;
    bool error_told; /* Of the last failure to write back somebody has heard. */
    bool cache_own;  /* Else the cache is the durable bytes, and nothing is pending. */
    uint32_t holds;
    uint32_t errors;  /* Failures to write back, those that nobody heard of between two as one. */
    uint32_t pending; /* Items. */
    const uint8_t *borrowed; /* An image's durable bytes, while they are the source's. NULL: own. */
    uint64_t durable_size;
    uint64_t cache_size;
    uint64_t charged; /* Bytes that count against space: the size, or more if reserved. */
    uint64_t previous_size;
    uint64_t chunk_end; /* While units are collected: one past the highest chunk so far. */
    struct disk_bytes own_durable;
    struct disk_bytes own_cache;
    struct disk_bytes previous; /* What was overwritten last, at its place. Not in images. */
    struct disk_bytes window;   /* A damaged copy of the cache. */
};

enum disk_item_kind {
    DISK_ITEM_WRITE,
    DISK_ITEM_TRUNCATE, /* The size is `offset` now, smaller or larger. */
    DISK_ITEM_GROW,     /* The size is at least `offset` now. */
};

struct disk_item {
    uint64_t issue;
    uint64_t offset;
    uint64_t len;
    size_t at; /* Its bytes in the pool. */
    disk_inode inode;
    enum disk_item_kind kind;
};

/* The name is zero-filled, so that an entry can be hashed as it lies. */
struct disk_entry {
    disk_inode inode; /* -1: a directory. */
    int32_t dir;      /* -1: a file. */
    char name[DISK_NAME_BYTES];
};

struct disk_entries {
    struct disk_entry *all;
    size_t count;
    size_t capacity;
};

struct disk_dir {
    bool live;
    enum disk_mark mark;
    struct disk_entries now;
    struct disk_entries durable;
};

/* A pending directory operation. Making a directory is a create whose target is a directory. */
struct disk_name_op {
    uint64_t issue;
    enum disk_name_kind kind;
    bool left_to_luck; /* A sync of the directory failed: no later one covers it. */
    int32_t dir;
    struct disk_entry target; /* With the new name; of an unlink: what is removed. */
    char from[DISK_NAME_BYTES];
};

struct disk_overlay {
    disk_inode inode;
    enum disk_damage kind;
    uint64_t sector;
    uint8_t bytes[DISK_SECTOR_BYTES];
};

/* A name that damage took away; what it named is kept. */
struct disk_lost_name {
    int32_t dir;
    disk_inode stand_in; /* The empty file that it names; -1: it is missing. */
    struct disk_entry entry;
};

/* The numbers are the answers to DISK_ASK_CHUNK. */
enum disk_fate {
    DISK_FATE_LOST,
    DISK_FATE_KEPT,
    DISK_FATE_ZERO,
    DISK_FATE_GARBAGE,
    DISK_FATE_STALE,
    DISK_FATE_TORN,
    DISK_FATE_COUNT
};

/* What a crash keeps or loses as a whole: a chunk of a write, or a change of the size. */
struct disk_unit {
    uint64_t begin, end; /* In the file; of a change of the size: the size, twice. */
    size_t at;
    disk_inode inode;
    enum disk_item_kind kind;
    enum disk_fate fate;
    uint32_t before; /* The last earlier unit of the same chunk, plus 1; 0: none. */
    uint32_t torn_bytes;
    uint32_t seed;
};

/* What the blocks of a file hold that is gone; a new file may get them. */
struct disk_freed {
    struct disk_bytes bytes;
    uint64_t size;
};

struct disk {
    const struct disk_profile *profile;
    uint32_t chunk_bytes;
    uint64_t space_bytes;
    uint64_t charged; /* The sum over files that a name or a descriptor reaches. */
    uint64_t issue;
    bool is_image;
    struct disk_watch *watch; /* NULL: nobody watches. */

    struct disk_file *files;
    size_t file_count, file_capacity;
    struct disk_dir *dirs;
    size_t dir_count, dir_capacity;

    struct disk_item *items;
    size_t item_count, item_capacity;
    struct disk_bytes pool;
    size_t pool_used, pool_live;

    struct disk_name_op *name_ops;
    size_t name_op_count, name_op_capacity;

    struct disk_freed freed[DISK_FREED_MAX];
    size_t freed_count; /* Of all files with durable bytes that died: the last ones are kept. */

    struct disk_overlay *overlays;
    size_t overlay_count, overlay_capacity;
    struct disk_lost_name *lost_names;
    size_t lost_name_count, lost_name_capacity;

    /* Scratch of one image or one failed sync. */
    struct disk_unit *units;
    size_t unit_count, unit_capacity;
    struct disk_bytes kept_names;
};

/* ---- disk.c ---- */

/* Room for `count` elements of `size` bytes; no memory is the end of the harness. */
void *disk_grow(void *array, size_t *capacity, size_t count, size_t size);
void disk_reserve(struct disk_bytes *bytes, size_t len);
/* A content's size changes; what is new reads as zeros. */
void disk_resize(struct disk_bytes *bytes, uint64_t *size, uint64_t new_size);
/* Bytes are written, and the content grows to hold them. */
void disk_put_bytes(struct disk_bytes *content, uint64_t *size, uint64_t offset, const void *bytes,
                    size_t len);

static inline bool disk_live(const struct disk *disk, disk_inode inode)
{
    return inode >= 0 && (size_t)inode < disk->file_count && disk->files[inode].live;
}

static inline struct disk_file *disk_file(const struct disk *disk, disk_inode inode)
{
    assert(disk_live(disk, inode));
    return &disk->files[inode];
}

static inline const uint8_t *disk_durable_bytes(const struct disk_file *file)
{
    return file->borrowed != NULL ? file->borrowed : file->own_durable.bytes;
}

static inline const uint8_t *disk_cache_bytes(const struct disk_file *file)
{
    return file->cache_own ? file->own_cache.bytes : disk_durable_bytes(file);
}

static inline void disk_copy(void *to, const void *from, size_t len)
{
    if (len > 0) memcpy(to, from, len);
}

/* Slots up to `count` exist; those that are new are dead. */
void disk_files_reserve(struct disk *disk, size_t count);
/* A live file without bytes in this slot. */
struct disk_file *disk_file_init(struct disk *disk, disk_inode inode);
disk_inode disk_file_create(struct disk *disk);
/* The file is gone, with its items and its damage. */
void disk_file_die(struct disk *disk, disk_inode inode);
void disk_durable_own(struct disk_file *file);
/* The cache falls back to the durable bytes; nothing of the file may be pending. */
void disk_cache_drop(struct disk_file *file);
/* Count anew what is charged against space, after a crash. */
void disk_charge_all(struct disk *disk);

/* ---- disk_sync.c ---- */

/* `bytes` may be NULL where the kind has none. */
void disk_item_add(struct disk *disk, disk_inode inode, enum disk_item_kind kind, uint64_t offset,
                   const void *bytes, size_t len);
/* Forget the file's items with issue <= ticket. */
void disk_items_drop(struct disk *disk, disk_inode inode, uint64_t ticket);
/* Append an item's units to disk->units of `scratch`; files of `scratch` hold the chunk marks. */
void disk_units_add(struct disk *scratch, struct disk_file *mark, const struct disk_item *item,
                    uint32_t chunk_bytes);
/* Whoever kept a chunk's later version kept its earlier ones. */
void disk_units_close(struct disk *scratch);

/* ---- disk_name.c ---- */

const struct disk_entry *disk_entries_find(const struct disk_entries *entries, const char *name);
void disk_entries_copy(struct disk_entries *to, const struct disk_entries *from);
void disk_entries_set(struct disk_entries *entries, const struct disk_entry *entry);
void disk_entries_remove(struct disk_entries *entries, const char *name);
void disk_entries_apply(struct disk_entries *entries, const struct disk_name_op *op);
/* Directories up to `count` exist, those that are new are dead and empty. */
void disk_dirs_reserve(struct disk *disk, size_t count);
/* Forget what no entry, pending operation or descriptor reaches. */
void disk_sweep(struct disk *disk);

/* ---- disk_watch.c ---- */

void disk_watch_bytes(struct disk_watch *watch, disk_inode inode, uint64_t offset, uint64_t len);
void disk_watch_size(struct disk_watch *watch, disk_inode inode);
void disk_watch_names(struct disk_watch *watch);

/* ---- disk_damage.c ---- */

void disk_overlay_read(const struct disk *disk, disk_inode inode, uint64_t offset, uint8_t *buffer,
                       size_t len, bool *ret_bad);
void disk_overlay_write(struct disk *disk, disk_inode inode, uint64_t offset, const uint8_t *bytes,
                        size_t len);
void disk_overlay_forget(struct disk *disk, disk_inode inode);
void disk_lost_names_copy(const struct disk *disk, struct disk *image);
/* Bytes of a seeded mixer; `offset` is their place in the file. */
void disk_garbage(uint64_t seed, uint64_t offset, uint8_t *bytes, size_t len);
/* A sector of some bytes, zero-filled past their end. True if any byte is not zero. */
bool disk_sector_of(const uint8_t *bytes, uint64_t size, uint64_t sector,
                    uint8_t ret_bytes[DISK_SECTOR_BYTES]);

#endif
