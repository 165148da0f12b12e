/*
 * disk.c - the disk's files: bytes, sizes, space, descriptors.
 *
 * Calls change the cache and leave an item behind; nothing here touches durable bytes. Space is
 * what the cache holds: a file that neither a name nor a descriptor reaches any more gives its
 * bytes back at once, although a crash may bring it back.
 */
#include "sim/disk.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "sim/disk_internal.h"

void *disk_grow(void *array, size_t *capacity, size_t count, size_t size)
{
    if (count <= *capacity) return array;

    size_t grown = *capacity < 8 ? 8 : *capacity * 2;
    if (grown < count) grown = count;
    array = realloc(array, grown * size);
    assert(array != NULL);
    memset((uint8_t *)array + *capacity * size, 0, (grown - *capacity) * size);
    *capacity = grown;
    return array;
}

void disk_reserve(struct disk_bytes *bytes, size_t len)
{
    if (len <= bytes->capacity) return;

    size_t grown = bytes->capacity < 2048 ? 4096 : bytes->capacity * 2;
    if (grown < len) grown = len;
    bytes->bytes = realloc(bytes->bytes, grown);
    assert(bytes->bytes != NULL);
    bytes->capacity = grown;
}

void disk_resize(struct disk_bytes *bytes, uint64_t *size, uint64_t new_size)
{
    if (new_size > *size) {
        disk_reserve(bytes, (size_t)new_size);
        memset(bytes->bytes + *size, 0, (size_t)(new_size - *size));
    }
    *size = new_size;
}

void disk_put_bytes(struct disk_bytes *content, uint64_t *size, uint64_t offset, const void *bytes,
                    size_t len)
{
    uint64_t end = offset + len;

    if (offset > *size) disk_resize(content, size, offset);
    if (end > *size) {
        disk_reserve(content, (size_t)end);
        *size = end;
    }
    disk_copy(content->bytes + offset, bytes, len);
}

struct disk *disk_create(void)
{
    struct disk *disk = calloc(1, sizeof *disk);

    assert(disk != NULL);
    disk_reset(disk, disk_profile_find("weak"), UINT64_MAX);
    return disk;
}

void disk_destroy(struct disk *disk)
{
    if (disk == NULL) return;
    for (size_t i = 0; i < disk->file_capacity; i++) {
        free(disk->files[i].own_durable.bytes);
        free(disk->files[i].own_cache.bytes);
        free(disk->files[i].previous.bytes);
        free(disk->files[i].window.bytes);
    }
    for (size_t i = 0; i < disk->dir_capacity; i++) {
        free(disk->dirs[i].now.all);
        free(disk->dirs[i].durable.all);
    }
    for (size_t i = 0; i < DISK_FREED_MAX; i++) free(disk->freed[i].bytes.bytes);
    free(disk->files);
    free(disk->dirs);
    free(disk->items);
    free(disk->pool.bytes);
    free(disk->name_ops);
    free(disk->overlays);
    free(disk->lost_names);
    free(disk->units);
    free(disk->kept_names.bytes);
    free(disk);
}

void disk_reset(struct disk *disk, const struct disk_profile *profile, uint64_t space_bytes)
{
    for (size_t i = 0; i < disk->file_count; i++) disk->files[i].live = false;
    for (size_t i = 0; i < disk->dir_count; i++) disk->dirs[i].live = false;
    disk->file_count = disk->dir_count = 0;
    disk->item_count = disk->name_op_count = disk->unit_count = 0;
    disk->overlay_count = disk->lost_name_count = 0;
    disk->pool_used = disk->pool_live = 0;
    disk->freed_count = 0;
    disk->profile = profile;
    disk->chunk_bytes = profile->chunk_bytes;
    disk->space_bytes = space_bytes;
    disk->charged = 0;
    disk->issue = 0;
    disk->is_image = false;
    disk->watch = NULL;
    disk_dirs_reserve(disk, 1);
    disk->dirs[DISK_ROOT].live = true;
}

const struct disk_profile *disk_profile_of(const struct disk *disk)
{
    return disk->profile;
}

void disk_set_space(struct disk *disk, uint64_t space_bytes)
{
    disk->space_bytes = space_bytes;
}

void disk_set_chunk(struct disk *disk, uint32_t chunk_bytes)
{
    assert(chunk_bytes == 8 || chunk_bytes == 512 || chunk_bytes == 4096);
    assert(disk->item_count == 0);
    disk->chunk_bytes = chunk_bytes;
}

uint32_t disk_chunk(const struct disk *disk)
{
    return disk->chunk_bytes;
}

/* ---- Files ---- */

void disk_files_reserve(struct disk *disk, size_t count)
{
    disk->files = disk_grow(disk->files, &disk->file_capacity, count, sizeof disk->files[0]);
    for (; disk->file_count < count; disk->file_count++) disk->files[disk->file_count].live = false;
}

struct disk_file *disk_file_init(struct disk *disk, disk_inode inode)
{
    struct disk_file *file = &disk->files[inode];
    const struct disk_file old = *file;

    assert(!old.live);
    *file = (struct disk_file){.live = true,
                               .own_durable = old.own_durable,
                               .own_cache = old.own_cache,
                               .previous = old.previous,
                               .window = old.window};
    return file;
}

disk_inode disk_file_create(struct disk *disk)
{
    size_t inode = 0;

    while (inode < disk->file_count && disk->files[inode].live) inode++;
    if (inode == disk->file_count) disk_files_reserve(disk, inode + 1);
    disk_file_init(disk, (disk_inode)inode);
    return (disk_inode)inode;
}

/* The slot takes the buffer of one that is forgotten now. */
static void keep_freed(struct disk *disk, struct disk_file *file)
{
    if (file->borrowed != NULL || file->durable_size == 0) return;
    struct disk_freed *freed = &disk->freed[disk->freed_count++ % DISK_FREED_MAX];
    const struct disk_bytes spare = freed->bytes;
    *freed = (struct disk_freed){.bytes = file->own_durable, .size = file->durable_size};
    file->own_durable = spare;
}

void disk_file_die(struct disk *disk, disk_inode inode)
{
    struct disk_file *file = disk_file(disk, inode);

    keep_freed(disk, file);
    disk_items_drop(disk, inode, UINT64_MAX);
    disk_overlay_forget(disk, inode);
    disk->charged -= file->charged;
    file->charged = 0;
    file->live = false;
}

void disk_durable_own(struct disk_file *file)
{
    if (file->borrowed == NULL) return;
    disk_reserve(&file->own_durable, (size_t)file->durable_size);
    disk_copy(file->own_durable.bytes, file->borrowed, (size_t)file->durable_size);
    file->borrowed = NULL;
}

static void cache_own(struct disk_file *file)
{
    if (file->cache_own) return;
    disk_reserve(&file->own_cache, (size_t)file->durable_size);
    disk_copy(file->own_cache.bytes, disk_durable_bytes(file), (size_t)file->durable_size);
    file->cache_size = file->durable_size;
    file->cache_own = true;
}

/* What the file takes of the space is `end` bytes now. */
static void charge(struct disk *disk, struct disk_file *file, uint64_t end)
{
    disk->charged = disk->charged - file->charged + end;
    file->charged = end;
}

void disk_cache_drop(struct disk_file *file)
{
    assert(file->pending == 0);
    file->cache_own = false;
    file->cache_size = file->durable_size;
}

void disk_charge_all(struct disk *disk)
{
    disk->charged = 0;
    for (size_t i = 0; i < disk->file_count; i++) {
        if (!disk->files[i].live) continue;
        disk->files[i].charged = disk->files[i].cache_size;
        disk->charged += disk->files[i].charged;
    }
}

/* Up to where the file may grow. */
static uint64_t end_max(const struct disk *disk, const struct disk_file *file)
{
    uint64_t room = disk->space_bytes > disk->charged ? disk->space_bytes - disk->charged : 0;

    if (room >= DISK_FILE_BYTES_MAX - file->charged) return DISK_FILE_BYTES_MAX;
    return file->charged + room;
}

size_t disk_read(const struct disk *disk, disk_inode inode, uint64_t offset, void *buffer,
                 size_t len, bool *ret_bad)
{
    const struct disk_file *file = disk_file(disk, inode);

    *ret_bad = false;
    if (disk->watch != NULL) disk_watch_bytes(disk->watch, inode, offset, len);
    if (offset >= file->cache_size) return 0;
    if (len > file->cache_size - offset) len = (size_t)(file->cache_size - offset);
    disk_copy(buffer, disk_cache_bytes(file) + offset, len);
    if (disk->overlay_count > 0) disk_overlay_read(disk, inode, offset, buffer, len, ret_bad);
    return len;
}

size_t disk_write(struct disk *disk, disk_inode inode, uint64_t offset, const void *bytes,
                  size_t len, bool *ret_full)
{
    struct disk_file *file = disk_file(disk, inode);
    uint64_t max = end_max(disk, file);

    *ret_full = offset > max || len > max - offset;
    if (*ret_full) len = offset < max ? (size_t)(max - offset) : 0;
    if (len == 0) return 0;

    uint64_t end = offset + len;
    cache_own(file);
    disk_put_bytes(&file->own_cache, &file->cache_size, offset, bytes, len);
    if (end > file->charged) charge(disk, file, end);
    if (disk->overlay_count > 0) disk_overlay_write(disk, inode, offset, bytes, len);
    disk_item_add(disk, inode, DISK_ITEM_WRITE, offset, bytes, len);
    return len;
}

uint64_t disk_size(const struct disk *disk, disk_inode inode)
{
    if (disk->watch != NULL) disk_watch_size(disk->watch, inode);
    return disk_file(disk, inode)->cache_size;
}

enum wal_err disk_truncate(struct disk *disk, disk_inode inode, uint64_t size)
{
    struct disk_file *file = disk_file(disk, inode);

    if (size > DISK_FILE_BYTES_MAX) return WAL_FILE_TOO_LARGE;
    if (size == file->cache_size) return WAL_OK;
    cache_own(file);
    if (size < file->cache_size || size > file->charged) charge(disk, file, size);
    disk_resize(&file->own_cache, &file->cache_size, size);
    disk_item_add(disk, inode, DISK_ITEM_TRUNCATE, size, NULL, 0);
    return WAL_OK;
}

enum wal_err disk_allocate(struct disk *disk, disk_inode inode, uint64_t offset, uint64_t len,
                           bool keep_size)
{
    struct disk_file *file = disk_file(disk, inode);

    if (offset > DISK_FILE_BYTES_MAX || len > DISK_FILE_BYTES_MAX - offset) {
        return WAL_FILE_TOO_LARGE;
    }
    uint64_t end = offset + len;
    if (end > end_max(disk, file)) return WAL_NOSPACE;
    if (end > file->charged) charge(disk, file, end);
    if (keep_size || end <= file->cache_size) return WAL_OK;
    cache_own(file);
    disk_resize(&file->own_cache, &file->cache_size, end);
    disk_item_add(disk, inode, DISK_ITEM_GROW, end, NULL, 0);
    return WAL_OK;
}

const uint8_t *disk_window(const struct disk *disk, disk_inode inode, uint64_t offset, size_t len)
{
    struct disk_file *file = disk_file(disk, inode);
    bool bad = false;

    if (disk->watch != NULL) disk_watch_bytes(disk->watch, inode, offset, len);
    if (offset > file->cache_size || len > file->cache_size - offset) return NULL;
    if (disk->overlay_count == 0) return disk_cache_bytes(file) + offset;
    disk_reserve(&file->window, len);
    disk_copy(file->window.bytes, disk_cache_bytes(file) + offset, len);
    disk_overlay_read(disk, inode, offset, file->window.bytes, len, &bad);
    return bad ? NULL : file->window.bytes;
}

/* ---- Descriptors ---- */

void disk_hold(struct disk *disk, disk_inode inode)
{
    disk_file(disk, inode)->holds++;
}

void disk_release(struct disk *disk, disk_inode inode)
{
    struct disk_file *file = disk_file(disk, inode);

    assert(file->holds > 0);
    if (--file->holds > 0) return;
    file->locked = false;
    if (file->nameless) disk_sweep(disk);
}

bool disk_lock(struct disk *disk, disk_inode inode)
{
    struct disk_file *file = disk_file(disk, inode);

    if (file->locked) return false;
    file->locked = true;
    return true;
}

void disk_unlock(struct disk *disk, disk_inode inode)
{
    disk_file(disk, inode)->locked = false;
}

size_t disk_open_count(const struct disk *disk)
{
    size_t count = 0;

    for (size_t i = 0; i < disk->file_count; i++) {
        if (disk->files[i].live) count += disk->files[i].holds;
    }
    return count;
}

void disk_process_died(struct disk *disk)
{
    for (size_t i = 0; i < disk->file_count; i++) {
        disk->files[i].holds = 0;
        disk->files[i].locked = false;
    }
    disk_sweep(disk);
}

/* ---- Looking at it ---- */

const uint8_t *disk_durable(const struct disk *disk, disk_inode inode, uint64_t *ret_size)
{
    if (!disk_live(disk, inode) || disk->files[inode].durable_size == 0) {
        *ret_size = 0;
        return NULL;
    }
    *ret_size = disk->files[inode].durable_size;
    return disk_durable_bytes(&disk->files[inode]);
}

static uint64_t fingerprint_bytes(const uint8_t *bytes, uint64_t size, uint64_t seed)
{
    return size == 0 ? seed : XXH3_64bits_withSeed(bytes, (size_t)size, seed);
}

static uint64_t fingerprint_entries(const struct disk_entries *entries, uint64_t seed)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < entries->count; i++) {
        sum += XXH3_64bits_withSeed(&entries->all[i], sizeof entries->all[i], seed);
    }
    return sum;
}

uint64_t disk_fingerprint(const struct disk *disk)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < disk->dir_count; i++) {
        if (!disk->dirs[i].live) continue;
        sum += fingerprint_entries(&disk->dirs[i].now, 2 * i);
        sum += fingerprint_entries(&disk->dirs[i].durable, 2 * i + 1);
    }
    for (size_t i = 0; i < disk->file_count; i++) {
        const struct disk_file *file = &disk->files[i];
        if (!file->live) continue;
        uint64_t sizes[] = {i, file->durable_size, file->cache_size};
        uint64_t hash = XXH3_64bits(sizes, sizeof sizes);
        hash = fingerprint_bytes(disk_durable_bytes(file), file->durable_size, hash);
        sum += fingerprint_bytes(disk_cache_bytes(file), file->cache_size, hash);
    }
    for (size_t i = 0; i < disk->item_count; i++) {
        const struct disk_item *item = &disk->items[i];
        uint64_t words[] = {(uint64_t)item->inode, item->kind, item->offset, item->len};
        uint64_t hash = XXH3_64bits(words, sizeof words);
        sum += fingerprint_bytes(disk->pool.bytes + item->at, item->len, hash);
    }
    for (size_t i = 0; i < disk->name_op_count; i++) {
        const struct disk_name_op *op = &disk->name_ops[i];
        uint64_t words[] = {op->kind, (uint64_t)op->dir, op->left_to_luck};
        uint64_t hash = XXH3_64bits(words, sizeof words);
        hash = XXH3_64bits_withSeed(&op->target, sizeof op->target, hash);
        sum += XXH3_64bits_withSeed(op->from, sizeof op->from, hash);
    }
    return sum;
}
