/*
 * disk_sync.c - pending items, and how a sync makes them durable or fails to.
 *
 * An item holds its own copy of the bytes that were written, so a sync makes durable what was there
 * when it began, although later writes to the same place have changed the cache since. Items are
 * committed in issue order. What a commit overwrites or cuts is remembered as the sector's previous
 * generation: it is what a lost write or a stale block shows.
 *
 * A write through (O_DSYNC) takes its range out of the items that were issued before it. It commits
 * changes of the size only where its own bytes could not be read without them; one that is
 * committed before older writes cuts those, as it cut their dirty pages.
 */
#include "sim/disk_drawing.h"

enum { POOL_COMPACT_BYTES = 65536 };

void disk_item_add(struct disk *disk, disk_inode inode, enum disk_item_kind kind, uint64_t offset,
                   const void *bytes, size_t len)
{
    disk->items =
        disk_grow(disk->items, &disk->item_capacity, disk->item_count + 1, sizeof disk->items[0]);
    disk_reserve(&disk->pool, disk->pool_used + len);
    disk_copy(disk->pool.bytes + disk->pool_used, bytes, len);
    disk->items[disk->item_count++] = (struct disk_item){.issue = ++disk->issue,
                                                         .offset = offset,
                                                         .len = len,
                                                         .at = disk->pool_used,
                                                         .inode = inode,
                                                         .kind = kind};
    disk->pool_used += len;
    disk->pool_live += len;
    disk_file(disk, inode)->pending++;
}

/* Items lie in the pool in the order of the array, so that they can only move down. Parts of a
 * split item share the place of the whole; what lies between them is dropped. */
static void pool_compact(struct disk *disk)
{
    size_t used = 0;

    if (disk->item_count == 0) {
        disk->pool_used = disk->pool_live = 0;
        return;
    }
    if (disk->pool_used < POOL_COMPACT_BYTES || disk->pool_live > disk->pool_used / 2) return;
    for (size_t i = 0; i < disk->item_count; i++) {
        struct disk_item *item = &disk->items[i];
        memmove(disk->pool.bytes + used, disk->pool.bytes + item->at, (size_t)item->len);
        item->at = used;
        used += (size_t)item->len;
    }
    disk->pool_used = disk->pool_live = used;
}

static void item_gone(struct disk *disk, const struct disk_item *item)
{
    disk->pool_live -= (size_t)item->len;
    disk->files[item->inode].pending--;
}

void disk_items_drop(struct disk *disk, disk_inode inode, uint64_t ticket)
{
    size_t left = 0;

    if (disk_file(disk, inode)->pending == 0) return;
    for (size_t i = 0; i < disk->item_count; i++) {
        const struct disk_item *item = &disk->items[i];
        if (item->inode == inode && item->issue <= ticket) {
            item_gone(disk, item);
            continue;
        }
        if (left != i) disk->items[left] = *item;
        left++;
    }
    disk->item_count = left;
    pool_compact(disk);
}

/* ---- Committing ---- */

/* What stands in [begin, end) is about to be overwritten or cut. */
static void remember(const struct disk *disk, struct disk_file *file, uint64_t begin, uint64_t end)
{
    if (disk->is_image || begin >= file->durable_size) return;
    begin -= begin % DISK_SECTOR_BYTES;
    if (end < file->durable_size) end += DISK_SECTOR_BYTES - 1 - (end - 1) % DISK_SECTOR_BYTES;
    if (end > file->durable_size) end = file->durable_size;
    if (end > file->previous_size) disk_resize(&file->previous, &file->previous_size, end);
    memcpy(file->previous.bytes + begin, disk_durable_bytes(file) + begin, (size_t)(end - begin));
}

static void commit_size(const struct disk *disk, struct disk_file *file, uint64_t size)
{
    if (size == file->durable_size) return;
    disk_durable_own(file);
    if (size < file->durable_size) remember(disk, file, size, file->durable_size);
    disk_resize(&file->own_durable, &file->durable_size, size);
}

static void commit_bytes(const struct disk *disk, struct disk_file *file, uint64_t offset,
                         const uint8_t *bytes, uint64_t len)
{
    disk_durable_own(file);
    remember(disk, file, offset, offset + len);
    disk_put_bytes(&file->own_durable, &file->durable_size, offset, bytes, (size_t)len);
}

static void commit_item(const struct disk *disk, struct disk_file *file,
                        const struct disk_item *item)
{
    switch (item->kind) {
    case DISK_ITEM_WRITE:
        commit_bytes(disk, file, item->offset, disk->pool.bytes + item->at, item->len);
        break;
    case DISK_ITEM_TRUNCATE: commit_size(disk, file, item->offset); break;
    case DISK_ITEM_GROW:
        if (item->offset > file->durable_size) commit_size(disk, file, item->offset);
        break;
    }
}

uint64_t disk_sync_begin(struct disk *disk, disk_inode inode)
{
    assert(disk_live(disk, inode));
    return disk->issue;
}

void disk_sync_end(struct disk *disk, disk_inode inode, uint64_t ticket)
{
    struct disk_file *file = disk_file(disk, inode);

    if (file->pending == 0) return;
    for (size_t i = 0; i < disk->item_count; i++) {
        const struct disk_item *item = &disk->items[i];
        if (item->issue > ticket) break;
        if (item->inode == inode) commit_item(disk, file, item);
    }
    disk_items_drop(disk, inode, ticket);
}

/* ---- Write through ---- */

/* Item i becomes two: what lies before `begin`, and what lies from `end` on. */
static void item_split(struct disk *disk, size_t i, uint64_t begin, uint64_t end)
{
    disk->items =
        disk_grow(disk->items, &disk->item_capacity, disk->item_count + 1, sizeof disk->items[0]);
    struct disk_item *item = &disk->items[i];
    memmove(item + 1, item, (disk->item_count - i) * sizeof *item);
    disk->item_count++;
    disk->files[item->inode].pending++;
    disk->pool_live -= (size_t)(end - begin);
    item[1].at += (size_t)(end - item->offset);
    item[1].len -= end - item->offset;
    item[1].offset = end;
    item[0].len = begin - item->offset;
}

/* Take [begin, end) out of the file's writes among the first `count` items. */
static void items_trim(struct disk *disk, disk_inode inode, size_t count, uint64_t begin,
                       uint64_t end)
{
    for (size_t i = 0; i < count; i++) {
        struct disk_item *item = &disk->items[i];
        uint64_t item_end = item->offset + item->len;
        if (item->inode != inode || item->kind != DISK_ITEM_WRITE) continue;
        if (item->offset >= end || item_end <= begin) continue;
        if (item->offset < begin && item_end > end) {
            item_split(disk, i, begin, end);
            i++;
            count++;
        } else if (item->offset < begin) {
            disk->pool_live -= (size_t)(item_end - begin);
            item->len = begin - item->offset;
        } else {
            uint64_t cut = (item_end < end ? item_end : end) - item->offset;
            disk->pool_live -= (size_t)cut;
            item->at += (size_t)cut;
            item->offset += cut;
            item->len -= cut;
        }
    }
}

/* Items that committing or trimming has emptied. */
static void items_remove_empty(struct disk *disk)
{
    size_t left = 0;

    for (size_t i = 0; i < disk->item_count; i++) {
        const struct disk_item *item = &disk->items[i];
        if (item->kind == DISK_ITEM_WRITE && item->len == 0) {
            item_gone(disk, item);
            continue;
        }
        if (left != i) disk->items[left] = *item;
        left++;
    }
    disk->item_count = left;
    pool_compact(disk);
}

/* Can bytes up to `end` not be read after a crash unless a change of the size is committed? */
static bool size_needed(const struct disk *disk, disk_inode inode, uint64_t end)
{
    if (disk->files[inode].durable_size < end) return true;
    for (size_t i = 0; i < disk->item_count; i++) {
        const struct disk_item *item = &disk->items[i];
        if (item->inode != inode || item->kind != DISK_ITEM_TRUNCATE) continue;
        if (item->offset < end) return true;
    }
    return false;
}

static void commit_sizes(struct disk *disk, disk_inode inode)
{
    struct disk_file *file = disk_file(disk, inode);

    for (size_t i = 0; i < disk->item_count; i++) {
        struct disk_item *item = &disk->items[i];
        if (item->inode != inode || item->kind == DISK_ITEM_WRITE) continue;
        uint64_t size = item->offset;
        bool cuts = item->kind == DISK_ITEM_TRUNCATE;
        commit_item(disk, file, item);
        item->kind = DISK_ITEM_WRITE; /* An empty one now. */
        if (!cuts) continue;
        size_t before = disk->item_count;
        items_trim(disk, inode, i, size, UINT64_MAX);
        i += disk->item_count - before;
    }
}

void disk_write_through(struct disk *disk, disk_inode inode, uint64_t offset, size_t len)
{
    struct disk_file *file = disk_file(disk, inode);
    uint64_t end = offset + len;

    if (end > file->cache_size) end = file->cache_size;
    if (offset >= end || file->pending == 0) return;
    if (size_needed(disk, inode, end)) commit_sizes(disk, inode);
    items_trim(disk, inode, disk->item_count, offset, end);
    commit_bytes(disk, file, offset, disk_cache_bytes(file) + offset, end - offset);
    items_remove_empty(disk);
}

/* ---- Units ---- */

static uint32_t unit_before(const struct disk *scratch, disk_inode inode, uint64_t chunk,
                            uint32_t chunk_bytes)
{
    for (size_t i = scratch->unit_count; i > 0; i--) {
        const struct disk_unit *unit = &scratch->units[i - 1];
        if (unit->inode == inode && unit->kind == DISK_ITEM_WRITE &&
            unit->begin / chunk_bytes == chunk) {
            return (uint32_t)i;
        }
    }
    return 0;
}

void disk_units_add(struct disk *scratch, struct disk_file *mark, const struct disk_item *item,
                    uint32_t chunk_bytes)
{
    uint64_t at = item->offset, end = item->offset + item->len;

    do {
        uint64_t chunk = at / chunk_bytes;
        struct disk_unit unit = {.begin = at,
                                 .end = end,
                                 .at = item->at + (size_t)(at - item->offset),
                                 .inode = item->inode,
                                 .kind = item->kind,
                                 .fate = DISK_FATE_LOST};
        if (unit.end > (chunk + 1) * chunk_bytes) unit.end = (chunk + 1) * chunk_bytes;
        if (item->kind == DISK_ITEM_WRITE) {
            bool again = chunk < mark->chunk_end;
            if (again) unit.before = unit_before(scratch, item->inode, chunk, chunk_bytes);
            if (!again) mark->chunk_end = chunk + 1;
        }
        scratch->units = disk_grow(scratch->units, &scratch->unit_capacity, scratch->unit_count + 1,
                                   sizeof scratch->units[0]);
        scratch->units[scratch->unit_count++] = unit;
        at = unit.end;
    } while (at < end);
}

void disk_units_close(struct disk *scratch)
{
    for (size_t i = scratch->unit_count; i > 0; i--) {
        const struct disk_unit *unit = &scratch->units[i - 1];
        if (unit->before == 0) continue;
        if (unit->fate != DISK_FATE_KEPT && unit->fate != DISK_FATE_TORN) continue;
        scratch->units[unit->before - 1].fate = DISK_FATE_KEPT;
    }
}

/* ---- Failing ---- */

/* The snapshot's pages are clean now. Chunks that were lucky are on disk; sizes are, all of them,
 * since they went through the journal; so blocks that were never written read as zeros. */
static void commit_lucky(struct disk *disk, disk_inode inode, uint64_t ticket,
                         const struct disk_chooser *chooser)
{
    struct disk_file *file = disk_file(disk, inode);

    disk->unit_count = 0;
    file->chunk_end = 0;
    for (size_t i = 0; i < disk->item_count; i++) {
        const struct disk_item *item = &disk->items[i];
        if (item->inode != inode || item->issue > ticket) continue;
        disk_units_add(disk, file, item, disk_chunk(disk));
    }
    for (size_t i = 0; i < disk->unit_count; i++) {
        struct disk_unit *unit = &disk->units[i];
        if (unit->kind == DISK_ITEM_WRITE) {
            disk_tell(chooser, inode, unit->begin, unit->end - unit->begin, UINT64_MAX, NULL);
            if (disk_put(chooser, DISK_ASK_SYNC_CHUNK, 2) == 0) continue;
        }
        unit->fate = DISK_FATE_KEPT;
    }
    disk_units_close(disk);
    for (size_t i = 0; i < disk->unit_count; i++) {
        const struct disk_unit *unit = &disk->units[i];
        if (unit->kind == DISK_ITEM_WRITE && unit->fate == DISK_FATE_LOST) {
            if (unit->end > file->durable_size) commit_size(disk, file, unit->end);
            continue;
        }
        const struct disk_item part = {.kind = unit->kind,
                                       .offset = unit->begin,
                                       .len = unit->end - unit->begin,
                                       .at = unit->at};
        commit_item(disk, file, &part);
    }
    disk_items_drop(disk, inode, ticket);
}

/* Failures that nobody was told of are one. */
static void error_set(struct disk_file *file)
{
    if (file->errors == 0 || file->error_told) file->errors++;
    file->error_told = false;
}

enum wal_err disk_sync_fail(struct disk *disk, disk_inode inode, uint64_t ticket,
                            enum disk_fsync_failure how, const struct disk_chooser *chooser)
{
    struct disk_file *file = disk_file(disk, inode);

    switch (how) {
    case DISK_FSYNC_NEW_IN_CACHE:
    case DISK_FSYNC_LATE:
        commit_lucky(disk, inode, ticket, chooser);
        error_set(file);
        return how == DISK_FSYNC_LATE ? WAL_OK : WAL_IO;
    case DISK_FSYNC_REVERT:
        disk_items_drop(disk, inode, UINT64_MAX);
        disk_cache_drop(file);
        disk->charged = disk->charged - file->charged + file->cache_size;
        file->charged = file->cache_size;
        error_set(file);
        return WAL_IO;
    case DISK_FSYNC_CLEAN: return WAL_IO;
    }
    assert(0 && "no such failure");
    return WAL_IO;
}

void disk_writeback_fail(struct disk *disk, disk_inode inode, const struct disk_chooser *chooser)
{
    struct disk_file *file = disk_file(disk, inode);

    if (file->pending == 0) return;
    commit_lucky(disk, inode, disk->issue, chooser);
    error_set(file);
}

/* What a descriptor that has heard of everything keeps. */
static uint32_t all_heard(const struct disk_file *file)
{
    return 2 * file->errors + (file->error_told ? 1 : 0);
}

uint32_t disk_error_at_open(const struct disk *disk, disk_inode inode)
{
    const struct disk_file *file = disk_file(disk, inode);

    return file->error_told ? all_heard(file) : 0;
}

bool disk_error_heard(struct disk *disk, disk_inode inode, uint32_t *heard)
{
    struct disk_file *file = disk_file(disk, inode);

    if (*heard == all_heard(file)) return false;
    file->error_told = true;
    *heard = all_heard(file);
    return true;
}
