/*
 * disk_settle.c - size and bytes of one file after power loss.
 *
 * Which of its units are kept is known by now. Up to `sure` the size stands without any of the
 * pending writes: the durable size, or what a kept truncation or reservation made of it. Past it,
 * in the tail,
 *
 *     kept data              demands a size that reaches to its end;
 *     a lost chunk           cuts the size, and with it what was kept behind (F26), if the profile
 *                            writes data before sizes; else zeros, garbage or stale bytes show
 *                            there if the size reaches over it (F24, F25);
 *     the size by itself     may stand at where all the writes had brought it (F24), or stay at
 *                            `sure` and take the tail with it (F26).
 *
 * Stale bytes are what the disk could hold there: durable bytes of this file that a kept
 * truncation cut off, else what was overwritten or cut there last, else a sector of another file.
 * Below `sure` a lost chunk shows what was there; only a profile with overwrite_garbage may leave
 * garbage in the range of the write. A torn chunk shows the write up to a byte. What a truncation
 * cut is back if it is lost, below whatever was appended after it (F34).
 */
#include "sim/disk_drawing.h"

enum { SIZE_SURVIVES = 1, SIZE_LOST }; /* Answers to DISK_ASK_SIZE. */

/* How far the sizes of one file reach. */
struct outline {
    uint64_t sure;    /* Stands without any write. */
    uint64_t need;    /* What kept data demands. */
    uint64_t full;    /* Where all writes, kept or lost, had brought it. */
    uint64_t lost_at; /* The first lost byte in the tail, UINT64_MAX: none. */
    bool changed;     /* Something was kept. */
    bool resized;     /* A truncation or reservation was pending. */
};

/* Up to where an earlier version of the unit's chunk is there. */
static uint64_t version_end(const struct disk *image, const struct disk_unit *unit)
{
    for (uint32_t before = unit->before; before != 0;) {
        const struct disk_unit *earlier = &image->units[before - 1];
        if (earlier->fate == DISK_FATE_KEPT) return earlier->end;
        before = earlier->before;
    }
    return 0;
}

static uint64_t max_of(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t min_of(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* The first byte of the unit in the tail that no version of its chunk holds. */
static uint64_t lost_from(const struct disk *image, const struct disk_unit *unit, uint64_t sure)
{
    uint64_t from = max_of(unit->begin, max_of(sure, version_end(image, unit)));

    if (unit->fate == DISK_FATE_TORN) from = max_of(from, unit->begin + unit->torn_bytes);
    return from;
}

static void outline_size(struct outline *outline, const struct disk_unit *unit)
{
    outline->resized = true;
    if (unit->fate != DISK_FATE_KEPT) return;
    outline->changed = true;
    if (unit->kind == DISK_ITEM_TRUNCATE) {
        outline->sure = outline->need = outline->full = unit->begin;
        outline->lost_at = UINT64_MAX;
        return;
    }
    outline->sure = max_of(outline->sure, unit->begin);
    outline->need = max_of(outline->need, unit->begin);
    outline->full = max_of(outline->full, unit->begin);
    outline->lost_at = max_of(outline->lost_at, unit->begin);
}

static void outline_write(const struct disk_drawing *drawing, struct outline *outline,
                          const struct disk_unit *unit)
{
    bool shown = unit->fate == DISK_FATE_ZERO || unit->fate == DISK_FATE_GARBAGE ||
                 unit->fate == DISK_FATE_STALE;

    outline->full = max_of(outline->full, unit->end);
    if (unit->fate != DISK_FATE_LOST) outline->changed = true;
    if (unit->fate == DISK_FATE_KEPT || (shown && drawing->profile->size_before_data)) {
        outline->need = max_of(outline->need, unit->end);
    }
    if (unit->fate == DISK_FATE_TORN) {
        outline->need = max_of(outline->need, unit->begin + unit->torn_bytes);
    }
    if (unit->fate == DISK_FATE_LOST || unit->fate == DISK_FATE_TORN) {
        uint64_t from = lost_from(drawing->image, unit, outline->sure);
        if (from < unit->end) outline->lost_at = min_of(outline->lost_at, from);
    }
}

static struct outline outline_of(const struct disk_drawing *drawing, disk_inode inode)
{
    const struct disk *image = drawing->image;
    uint64_t size = image->files[inode].durable_size;
    struct outline outline = {.sure = size, .need = size, .full = size, .lost_at = UINT64_MAX};

    for (size_t i = 0; i < image->unit_count; i++) {
        const struct disk_unit *unit = &image->units[i];
        if (unit->inode != inode) continue;
        if (unit->kind == DISK_ITEM_WRITE) outline_write(drawing, &outline, unit);
        if (unit->kind != DISK_ITEM_WRITE) outline_size(&outline, unit);
    }
    return outline;
}

static uint64_t choose_size(const struct disk_drawing *drawing, disk_inode inode,
                            const struct outline *outline)
{
    const struct disk_profile *profile = drawing->profile;
    bool gaps = disk_allowed(drawing, DISK_MODE_SIZE);
    bool cuts = !gaps || (!profile->size_before_data && profile->tail_lost);

    if (cuts && disk_may_show(drawing, DISK_FATE_ZERO) && drawing->mode != DISK_EACH &&
        outline->lost_at < outline->need) {
        cuts = disk_ask_file(drawing, DISK_ASK_CHUNK, DISK_FATE_COUNT, inode, outline->lost_at,
                             outline->need, outline->sure) != DISK_FATE_ZERO;
    }
    uint64_t size = outline->need;
    if (cuts) size = min_of(size, max_of(outline->lost_at, outline->sure));
    bool may_survive = profile->size_before_data && size < outline->full;
    bool may_be_lost = size > outline->sure;
    if (!gaps || drawing->mode == DISK_KEEP_ALL || (!may_survive && !may_be_lost)) return size;
    uint32_t answer = disk_ask_file(drawing, DISK_ASK_SIZE, 3, inode, outline->sure, outline->full,
                                    outline->sure);
    if (answer == SIZE_SURVIVES && may_survive) return outline->full;
    return answer == SIZE_LOST ? outline->sure : size;
}

/* What lost chunks show that the size reaches over: asked once for the file where it was not asked
 * for each, and where there is a choice. */
static enum disk_fate choose_lost_tail(const struct disk_drawing *drawing, disk_inode inode,
                                       uint64_t lost_at, uint64_t size)
{
    static const enum disk_fate fates[] = {DISK_FATE_ZERO, DISK_FATE_STALE, DISK_FATE_GARBAGE};
    enum disk_fate tamest = DISK_FATE_COUNT;
    size_t choices = 0;

    for (size_t i = 0; i < sizeof fates / sizeof fates[0]; i++) {
        if (!disk_may_show(drawing, fates[i])) continue;
        if (tamest == DISK_FATE_COUNT) tamest = fates[i];
        choices++;
    }
    if (tamest == DISK_FATE_COUNT) return DISK_FATE_ZERO;
    if (drawing->mode == DISK_EACH || choices < 2) return tamest;
    enum disk_fate fate = (enum disk_fate)disk_ask_file(drawing, DISK_ASK_CHUNK, DISK_FATE_COUNT,
                                                        inode, lost_at, size, UINT64_MAX);
    return disk_may_show(drawing, fate) ? fate : tamest;
}

/* ---- Bytes ---- */

static uint64_t sectors_in(uint64_t size)
{
    return (size + DISK_SECTOR_BYTES - 1) / DISK_SECTOR_BYTES;
}

/* Some sector that the disk holds and that is not this file's. True if its file is gone. */
static bool other_sector(const struct disk_drawing *drawing, disk_inode inode, uint64_t sector,
                         uint32_t seed, uint8_t ret_bytes[DISK_SECTOR_BYTES])
{
    const struct disk *disk = drawing->disk;
    size_t freed_count = (size_t)min_of(disk->freed_count, DISK_FREED_MAX);
    size_t count = 0;

    memset(ret_bytes, 0, DISK_SECTOR_BYTES);
    for (size_t i = 0; i < disk->file_count; i++) {
        const struct disk_file *file = &disk->files[i];
        if (file->live && file->durable_size > 0 && i != (size_t)inode) count++;
    }
    if (count + freed_count == 0) return false;
    size_t nth = seed % (count + freed_count);
    if (nth >= count) {
        const struct disk_freed *freed = &disk->freed[nth - count];
        disk_sector_of(freed->bytes.bytes, freed->size, sector % sectors_in(freed->size),
                       ret_bytes);
        return true;
    }
    for (size_t i = 0; i < disk->file_count; i++) {
        const struct disk_file *file = &disk->files[i];
        if (!file->live || file->durable_size == 0 || i == (size_t)inode) continue;
        if (nth-- > 0) continue;
        disk_sector_of(disk_durable_bytes(file), file->durable_size,
                       sector % sectors_in(file->durable_size), ret_bytes);
        break;
    }
    return false;
}

/* True if some of it was written before: an older state of this file, or of one that is gone. */
static bool paint_stale(const struct disk_drawing *drawing, disk_inode inode, uint32_t seed,
                        uint8_t *bytes, uint64_t begin, uint64_t end)
{
    const struct disk_file *file = &drawing->disk->files[inode];
    uint8_t stale[DISK_SECTOR_BYTES];
    bool former = false;

    while (begin < end) {
        uint64_t sector = begin / DISK_SECTOR_BYTES;
        uint64_t stop = min_of(end, (sector + 1) * DISK_SECTOR_BYTES);
        former |= disk_sector_of(disk_durable_bytes(file), file->durable_size, sector, stale) ||
                  disk_sector_of(file->previous.bytes, file->previous_size, sector, stale) ||
                  other_sector(drawing, inode, sector, seed, stale);
        memcpy(bytes + begin, stale + begin % DISK_SECTOR_BYTES, (size_t)(stop - begin));
        begin = stop;
    }
    return former;
}

static void paint_garbage(uint32_t seed, uint8_t *bytes, uint64_t begin, uint64_t end)
{
    if (begin < end) disk_garbage(seed, begin, bytes + begin, (size_t)(end - begin));
}

/* The sector in which the write was cut, around the write. */
static void paint_neighbours(const struct disk_unit *unit, uint8_t *bytes, uint64_t size)
{
    uint64_t sector = (unit->begin + unit->torn_bytes) / DISK_SECTOR_BYTES * DISK_SECTOR_BYTES;

    if (unit->seed == 0) return;
    paint_garbage(unit->seed, bytes, sector, min_of(unit->begin, size));
    paint_garbage(unit->seed, bytes, max_of(unit->end, sector),
                  min_of(sector + DISK_SECTOR_BYTES, size));
}

static void paint_write(const struct disk_drawing *drawing, const struct disk_unit *unit,
                        enum disk_fate fate, uint64_t sure, uint8_t *bytes, uint64_t size)
{
    const uint8_t *written = drawing->disk->pool.bytes + unit->at;
    uint64_t end = min_of(unit->end, size), from = lost_from(drawing->image, unit, sure);
    uint64_t torn_end = min_of(unit->begin + unit->torn_bytes, size);

    if (unit->begin >= size) return;
    switch (fate) {
    case DISK_FATE_LOST: break;
    case DISK_FATE_KEPT: memcpy(bytes + unit->begin, written, (size_t)(end - unit->begin)); break;
    case DISK_FATE_TORN:
        memcpy(bytes + unit->begin, written, (size_t)(torn_end - unit->begin));
        if (!drawing->profile->overwrite_powersafe) paint_neighbours(unit, bytes, size);
        break;
    case DISK_FATE_ZERO:
        if (from < end) memset(bytes + from, 0, (size_t)(end - from));
        break;
    case DISK_FATE_GARBAGE:
        if (drawing->profile->overwrite_garbage) {
            from = max_of(unit->begin, version_end(drawing->image, unit));
        }
        paint_garbage(unit->seed, bytes, from, end);
        break;
    case DISK_FATE_STALE:
        if (paint_stale(drawing, unit->inode, unit->seed, bytes, from, end)) {
            drawing->tally->chunks_recycled++;
        }
        break;
    case DISK_FATE_COUNT: assert(0 && "no such fate"); break;
    }
}

/* Lost chunks of the tail below the size take on what they show. */
static void settle_lost(struct disk_drawing *drawing, disk_inode inode,
                        const struct outline *outline, uint64_t size)
{
    struct disk *image = drawing->image;

    if (outline->lost_at >= size) return;
    enum disk_fate fate = choose_lost_tail(drawing, inode, outline->lost_at, size);
    uint32_t seed = 0;
    if (fate != DISK_FATE_ZERO) {
        seed = disk_ask_file(drawing, DISK_ASK_GARBAGE, DISK_SEED_BOUND, inode, outline->lost_at,
                             size, UINT64_MAX);
    }
    for (size_t i = 0; i < image->unit_count; i++) {
        struct disk_unit *unit = &image->units[i];
        if (unit->inode != inode || unit->kind != DISK_ITEM_WRITE) continue;
        if (unit->fate != DISK_FATE_LOST || unit->end <= outline->sure) continue;
        if (lost_from(image, unit, outline->sure) >= min_of(unit->end, size)) continue;
        unit->fate = fate;
        unit->seed = seed;
    }
}

static void paint_file(struct disk_drawing *drawing, disk_inode inode, uint64_t size)
{
    struct disk *image = drawing->image;
    struct disk_file *file = &image->files[inode];
    uint64_t sure = file->durable_size;
    const uint8_t *old = disk_durable_bytes(file);

    disk_reserve(&file->own_durable, (size_t)size);
    uint8_t *bytes = file->own_durable.bytes;
    size_t copied = (size_t)min_of(sure, size);
    disk_copy(bytes, old, copied);
    if (copied < size) memset(bytes + copied, 0, (size_t)size - copied);
    for (size_t i = 0; i < image->unit_count; i++) {
        const struct disk_unit *unit = &image->units[i];
        if (unit->inode != inode) continue;
        if (unit->kind == DISK_ITEM_WRITE) {
            paint_write(drawing, unit, unit->fate, sure, bytes, size);
        } else if (unit->fate == DISK_FATE_KEPT) {
            bool cuts = unit->kind == DISK_ITEM_TRUNCATE;
            if (cuts && unit->begin < size) {
                memset(bytes + unit->begin, 0, (size_t)(size - unit->begin));
            }
            if (cuts || unit->begin > sure) sure = unit->begin;
        }
    }
    file->borrowed = NULL;
    file->durable_size = file->cache_size = size;
}

static void tally_file(struct disk_drawing *drawing, disk_inode inode, uint64_t size)
{
    uint32_t shown[DISK_FATE_COUNT] = {0};
    const struct disk *image = drawing->image;
    struct disk_crash_tally *tally = drawing->tally;
    uint64_t durable_size = drawing->disk->files[inode].durable_size;
    bool without_data = false, without_size = false;

    for (size_t i = 0; i < image->unit_count; i++) {
        const struct disk_unit *unit = &image->units[i];
        if (unit->inode != inode) continue;
        if (unit->kind != DISK_ITEM_WRITE) {
            bool lost = unit->fate == DISK_FATE_LOST, cuts = unit->kind == DISK_ITEM_TRUNCATE;
            shown[unit->fate]++;
            if (cuts && lost) tally->truncations_undone++;
            if (!cuts) tally->reservations_pending++;
            if (!cuts && lost) tally->reservations_lost++;
            continue;
        }
        bool absent = unit->fate == DISK_FATE_ZERO || unit->fate == DISK_FATE_GARBAGE ||
                      unit->fate == DISK_FATE_STALE;
        if (unit->begin < size) shown[unit->fate]++;
        if (unit->begin < size && unit->end > durable_size && absent) without_data = true;
        bool torn = unit->fate == DISK_FATE_TORN;
        if ((torn ? unit->begin + unit->torn_bytes : unit->end) > size) {
            if (torn || unit->fate == DISK_FATE_KEPT) without_size = true;
        }
        if (unit->fate == DISK_FATE_LOST && unit->end <= min_of(durable_size, size) &&
            version_end(image, unit) == 0) {
            tally->overwrites_lost++;
        }
    }
    tally->chunks_kept += shown[DISK_FATE_KEPT];
    tally->chunks_torn += shown[DISK_FATE_TORN];
    tally->chunks_zero += shown[DISK_FATE_ZERO];
    tally->chunks_garbage += shown[DISK_FATE_GARBAGE];
    tally->chunks_stale += shown[DISK_FATE_STALE];
    if (without_data) tally->sizes_without_data++;
    if (without_size) tally->data_without_size++;
}

static void hash_file(struct disk_drawing *drawing, disk_inode inode, bool whole)
{
    const struct disk *image = drawing->image;
    const struct disk_file *file = &image->files[inode];
    const uint8_t *bytes = disk_durable_bytes(file);

    disk_hash_words(drawing, (uint64_t)inode, file->durable_size);
    if (whole) {
        disk_hash_bytes(drawing, bytes, (size_t)file->durable_size);
        return;
    }
    for (size_t i = 0; i < image->unit_count; i++) {
        const struct disk_unit *unit = &image->units[i];
        if (unit->inode != inode) continue;
        uint64_t begin = unit->begin / DISK_SECTOR_BYTES * DISK_SECTOR_BYTES;
        uint64_t end = (unit->end + DISK_SECTOR_BYTES - 1) / DISK_SECTOR_BYTES * DISK_SECTOR_BYTES;
        end = min_of(end, file->durable_size);
        if (begin < end) disk_hash_bytes(drawing, bytes + begin, (size_t)(end - begin));
    }
}

void disk_settle(struct disk_drawing *drawing, disk_inode inode)
{
    const struct disk_file *file = &drawing->image->files[inode];
    struct outline outline = outline_of(drawing, inode);
    uint64_t size = choose_size(drawing, inode, &outline);

    settle_lost(drawing, inode, &outline, size);
    if (outline.changed || size != file->durable_size) paint_file(drawing, inode, size);
    tally_file(drawing, inode, size);
    hash_file(drawing, inode, outline.resized);
}
