/*
 * disk_image.c - what power loss leaves.
 *
 * Names first: the durable entries, and those pending operations that are kept. A file without a
 * name in the image is gone, and nothing is asked about its data.
 *
 * Then data. The pending writes of the files that are left are cut into chunks, in issue order
 * over all files; a change of a size is a unit of its own. One mode decides about all of them. A
 * chunk has versions, one for each pending write to it, and shows one of them: who keeps a later
 * version has kept the earlier ones. Then each file settles (disk_settle.c).
 */
#include "sim/disk_drawing.h"

enum {
    NAMES_NONE = 0, /* Answers to DISK_ASK_NAMES. */
    NAMES_ALL,
    NAMES_PREFIX,
    NAMES_ANY,

    SPLIT_BOTH = 1, /* Answers to DISK_ASK_SPLIT. */
    SPLIT_NEITHER,
};

enum disk_crash_mode disk_image_mode(uint32_t answer, uint32_t modes)
{
    static const uint32_t weights[] = {[DISK_LOSE_ALL] = 35,
                                       [DISK_KEEP_ALL] = 10,
                                       [DISK_PREFIX] = 20,
                                       [DISK_OMIT_ONE] = 10,
                                       [DISK_EACH] = 25};
    uint32_t total = 0;

    if (modes == 0) modes = UINT32_MAX;
    for (unsigned mode = 0; mode <= DISK_EACH; mode++) {
        if (modes >> mode & 1) total += weights[mode];
    }
    uint32_t at = answer * total / 100;
    for (unsigned mode = 0; mode <= DISK_EACH; mode++) {
        if ((modes >> mode & 1) == 0) continue;
        if (at < weights[mode]) return (enum disk_crash_mode)mode;
        at -= weights[mode];
    }
    return DISK_LOSE_ALL; /* None of the five is allowed. */
}

/* ---- Names ---- */

static bool names_touch(const struct disk_name_op *a, const struct disk_name_op *b)
{
    if (b->dir == a->target.dir) return true; /* It happened in the directory that a made. */
    if (a->target.inode >= 0 && a->target.inode == b->target.inode) return true;
    if (a->target.dir >= 0 && a->target.dir == b->target.dir) return true;
    if (a->dir != b->dir) return false;
    if (strcmp(a->target.name, b->target.name) == 0) return true;
    if (a->from[0] != '\0' && strcmp(a->from, b->target.name) == 0) return true;
    return b->from[0] != '\0' &&
           (strcmp(a->target.name, b->from) == 0 || strcmp(a->from, b->from) == 0);
}

/* Which operations are kept. Returns the answer that decided it. */
static uint32_t choose_names(struct disk_drawing *drawing, uint8_t *kept)
{
    const struct disk *disk = drawing->disk;
    size_t count = disk->name_op_count;
    bool any_subset = drawing->profile->name_order == DISK_NAMES_SUBSET;

    uint32_t how = NAMES_ALL;
    if (disk_allowed(drawing, DISK_MODE_NAMES))
        how = disk_ask(drawing, DISK_ASK_NAMES, any_subset ? 4 : 3);
    size_t prefix = 0;
    if (how == NAMES_PREFIX) prefix = disk_ask(drawing, DISK_ASK_NAME, count + 1);
    for (size_t i = 0; i < count; i++) {
        kept[i] = how == NAMES_ALL || i < prefix;
        if (how == NAMES_ANY) {
            kept[i] = disk_ask_name(drawing, DISK_ASK_NAME, 2, &disk->name_ops[i]) == 1;
        }
    }
    for (size_t j = count; how == NAMES_ANY && j > 0; j--) {
        if (!kept[j - 1]) continue;
        for (size_t i = 0; i + 1 < j; i++) {
            if (names_touch(&disk->name_ops[i], &disk->name_ops[j - 1])) kept[i] = 1;
        }
    }
    return how;
}

static void keep_name(struct disk_drawing *drawing, const struct disk_name_op *op, bool may_split)
{
    struct disk_entries *entries = &drawing->image->dirs[op->dir].durable;
    uint32_t split = 0;

    if (op->kind == DISK_NAME_RENAME && may_split) {
        split =
            disk_ask_name(drawing, DISK_ASK_SPLIT, drawing->profile->rename_may_split ? 3 : 2, op);
    }
    if (drawing->tally->names_lost > 0) drawing->tally->names_reordered++;
    if (split == SPLIT_BOTH) {
        drawing->tally->renames_both++;
        disk_entries_set(entries, &op->target);
    } else if (split == SPLIT_NEITHER) {
        drawing->tally->renames_neither++;
        disk_entries_remove(entries, op->from);
        disk_entries_remove(entries, op->target.name);
    } else {
        disk_entries_apply(entries, op);
    }
}

static void lose_name(struct disk_drawing *drawing, const struct disk_name_op *op)
{
    struct disk_crash_tally *tally = drawing->tally;

    tally->names_lost++;
    switch (op->kind) {
    case DISK_NAME_CREATE:
    case DISK_NAME_LINK: tally->creates_lost++; break;
    case DISK_NAME_RENAME: tally->renames_undone++; break;
    case DISK_NAME_UNLINK: tally->unlinks_undone++; break;
    }
}

/* The directory exists in the image; so do the files and directories that it names. */
static void reach(struct disk_drawing *drawing, int32_t number)
{
    const struct disk *disk = drawing->disk;
    struct disk *image = drawing->image;
    struct disk_dir *dir = &image->dirs[number];

    dir->live = true;
    disk_entries_copy(&dir->now, &dir->durable);
    for (size_t i = 0; i < dir->durable.count; i++) {
        const struct disk_entry *entry = &dir->durable.all[i];
        if (entry->inode < 0) {
            if (!image->dirs[entry->dir].live) reach(drawing, entry->dir);
        } else if (!image->files[entry->inode].live) {
            const struct disk_file *from = disk_file(disk, entry->inode);
            struct disk_file *file = disk_file_init(image, entry->inode);
            file->borrowed = disk_durable_bytes(from);
            file->durable_size = file->cache_size = from->durable_size;
        }
    }
}

static void draw_names(struct disk_drawing *drawing)
{
    const struct disk *disk = drawing->disk;
    struct disk *image = drawing->image;

    disk_dirs_reserve(image, disk->dir_count);
    disk_files_reserve(image, disk->file_count);
    for (size_t i = 0; i < disk->dir_count; i++) {
        image->dirs[i].live = false;
        if (disk->dirs[i].live) {
            disk_entries_copy(&image->dirs[i].durable, &disk->dirs[i].durable);
        }
    }
    if (disk->name_op_count > 0) {
        disk_reserve(&image->kept_names, disk->name_op_count);
        uint32_t how = choose_names(drawing, image->kept_names.bytes);
        bool may_split = how != NAMES_ALL;
        for (size_t i = 0; i < disk->name_op_count; i++) {
            const struct disk_name_op *op = &disk->name_ops[i];
            if (image->kept_names.bytes[i]) keep_name(drawing, op, may_split);
            if (!image->kept_names.bytes[i]) lose_name(drawing, op);
        }
        drawing->tally->names_pending = (uint32_t)disk->name_op_count;
    }
    reach(drawing, DISK_ROOT);
    for (size_t i = 0; disk->name_op_count > 0 && i < image->dir_count; i++) {
        const struct disk_entries *entries = &image->dirs[i].durable;
        if (!image->dirs[i].live) continue;
        disk_hash_words(drawing, i, entries->count);
        disk_hash_bytes(drawing, entries->all, entries->count * sizeof entries->all[0]);
    }
}

/* ---- Which units are kept ---- */

uint64_t disk_size_from(const struct disk_drawing *drawing, const struct disk_unit *unit)
{
    const struct disk *image = drawing->image;
    uint64_t from = drawing->disk->files[unit->inode].durable_size;
    bool moves = (unit->begin / image->chunk_bytes + 1) * image->chunk_bytes > from;

    for (size_t i = 0; i < image->unit_count; i++) {
        const struct disk_unit *other = &image->units[i];
        if (other->inode != unit->inode || other->kind == DISK_ITEM_WRITE) continue;
        moves = true;
        if (other->begin < from) from = other->begin;
    }
    return moves ? from : UINT64_MAX;
}

static bool in_tail(const struct disk_drawing *drawing, const struct disk_unit *unit)
{
    return unit->end > drawing->disk->files[unit->inode].durable_size;
}

static void tear(const struct disk_drawing *drawing, struct disk_unit *unit, uint32_t bytes)
{
    unit->fate = DISK_FATE_TORN;
    unit->torn_bytes = bytes;
    if (!drawing->profile->overwrite_powersafe) {
        unit->seed = disk_ask_unit(drawing, DISK_ASK_GARBAGE, DISK_SEED_BOUND, unit);
    }
}

static bool may_tear(const struct disk_drawing *drawing, const struct disk_unit *unit)
{
    return drawing->profile->torn_chunks && disk_allowed(drawing, DISK_MODE_TORN) &&
           unit->end - unit->begin > 1;
}

static void choose_each(struct disk_drawing *drawing, struct disk_unit *unit)
{
    if (unit->kind != DISK_ITEM_WRITE) {
        unit->fate = (enum disk_fate)disk_ask_unit(drawing, DISK_ASK_CHUNK, 2, unit);
        return;
    }
    bool tail = in_tail(drawing, unit);
    enum disk_fate fate =
        (enum disk_fate)disk_ask_unit(drawing, DISK_ASK_CHUNK, DISK_FATE_COUNT, unit);
    unit->fate = fate;
    switch (fate) {
    case DISK_FATE_LOST:
    case DISK_FATE_KEPT: return;
    case DISK_FATE_ZERO:
        if (!tail || !disk_may_show(drawing, fate)) unit->fate = DISK_FATE_KEPT;
        return;
    case DISK_FATE_GARBAGE:
        if (!disk_may_show(drawing, fate) || (!tail && !drawing->profile->overwrite_garbage)) {
            unit->fate = DISK_FATE_LOST;
        }
        break;
    case DISK_FATE_STALE:
        if (!tail || !disk_may_show(drawing, fate)) unit->fate = DISK_FATE_LOST;
        break;
    case DISK_FATE_TORN:
        unit->fate = DISK_FATE_KEPT;
        if (!may_tear(drawing, unit)) return;
        tear(drawing, unit,
             1 + disk_ask_unit(drawing, DISK_ASK_CHUNK_BYTE, (size_t)(unit->end - unit->begin) - 1,
                               unit));
        return;
    case DISK_FATE_COUNT: assert(0 && "no such fate"); return;
    }
    if (unit->fate != DISK_FATE_LOST)
        unit->seed = disk_ask_unit(drawing, DISK_ASK_GARBAGE, DISK_SEED_BOUND, unit);
}

static void choose_prefix(struct disk_drawing *drawing, struct disk_unit *units, size_t count)
{
    size_t cut = disk_ask(drawing, DISK_ASK_CUT, count);
    struct disk_unit *next = &units[cut];

    for (size_t i = 0; i < cut; i++) units[i].fate = DISK_FATE_KEPT;
    if (next->kind != DISK_ITEM_WRITE || !may_tear(drawing, next)) return;
    uint32_t bytes =
        disk_ask_unit(drawing, DISK_ASK_CUT_BYTE, (size_t)(next->end - next->begin), next);
    if (bytes > 0) tear(drawing, next, bytes);
}

static void choose_units(struct disk_drawing *drawing)
{
    const struct disk *disk = drawing->disk;
    struct disk *image = drawing->image;

    for (size_t i = 0; i < disk->item_count; i++) {
        const struct disk_item *item = &disk->items[i];
        struct disk_file *file = &image->files[item->inode];
        if (file->live) disk_units_add(image, file, item, disk->chunk_bytes);
    }
    size_t count = image->unit_count;
    drawing->tally->chunks_pending = (uint32_t)count;
    if (count == 0) return;
    drawing->mode = disk_image_mode(disk_ask(drawing, DISK_ASK_MODE, 100), drawing->chooser->modes);
    size_t omitted = count;
    switch (drawing->mode) {
    case DISK_LOSE_ALL: return;
    case DISK_PREFIX: choose_prefix(drawing, image->units, count); break;
    case DISK_OMIT_ONE: omitted = disk_ask(drawing, DISK_ASK_OMIT, count); /* fallthrough */
    case DISK_KEEP_ALL:
        for (size_t i = 0; i < count; i++) {
            if (i != omitted) image->units[i].fate = DISK_FATE_KEPT;
        }
        break;
    case DISK_EACH:
        for (size_t i = 0; i < count; i++) choose_each(drawing, &image->units[i]);
        break;
    }
    disk_units_close(image);
}

/* ---- The whole ---- */

size_t disk_pending(const struct disk *disk)
{
    uint64_t chunk_bytes = disk_chunk(disk);
    size_t count = disk->name_op_count;

    for (size_t i = 0; i < disk->item_count; i++) {
        const struct disk_item *item = &disk->items[i];
        count++;
        if (item->len == 0) continue;
        count +=
            (size_t)((item->offset + item->len - 1) / chunk_bytes - item->offset / chunk_bytes);
    }
    return count;
}

static void copy_overlays(const struct disk *disk, struct disk *image)
{
    image->overlays = disk_grow(image->overlays, &image->overlay_capacity, disk->overlay_count,
                                sizeof image->overlays[0]);
    for (size_t i = 0; i < disk->overlay_count; i++) {
        if (!disk_live(image, disk->overlays[i].inode)) continue;
        image->overlays[image->overlay_count++] = disk->overlays[i];
    }
}

uint64_t disk_image(const struct disk *disk, const struct disk_chooser *chooser, struct disk *image,
                    struct disk_crash_tally *ret_tally)
{
    struct disk_crash_tally tally = {0};
    struct disk_drawing drawing = {.disk = disk,
                                   .profile = disk->profile,
                                   .chooser = chooser,
                                   .image = image,
                                   .tally = &tally};

    disk_reset(image, disk->profile, disk->space_bytes);
    image->chunk_bytes = disk_chunk(disk);
    image->is_image = true;
    image->issue = disk->issue;
    draw_names(&drawing);
    choose_units(&drawing);
    for (size_t i = 0; image->unit_count > 0 && i < disk->file_count; i++) {
        if (!image->files[i].live || disk->files[i].pending == 0) continue;
        disk_settle(&drawing, (disk_inode)i);
    }
    if (disk->overlay_count > 0) copy_overlays(disk, image);
    if (disk->lost_name_count > 0) disk_lost_names_copy(disk, image);
    disk_charge_all(image);
    if (ret_tally != NULL) *ret_tally = tally;
    return drawing.hash;
}

static void forget_pending(struct disk *disk)
{
    disk->item_count = disk->name_op_count = 0;
    disk->pool_used = disk->pool_live = 0;
    for (size_t i = 0; i < disk->file_count; i++) {
        struct disk_file *file = &disk->files[i];
        file->pending = 0;
        file->holds = 0;
        file->locked = file->nameless = file->error_told = false;
        file->errors = 0;
    }
}

/* Power is back: the cache is what the disk holds, and what has no name is gone. */
static void come_back(struct disk *disk)
{
    for (size_t i = 0; i < disk->dir_count; i++) {
        if (disk->dirs[i].live) disk_entries_copy(&disk->dirs[i].now, &disk->dirs[i].durable);
    }
    disk_sweep(disk);
    for (size_t i = 0; i < disk->file_count; i++) {
        if (disk->files[i].live) disk_cache_drop(&disk->files[i]);
    }
    disk_charge_all(disk);
}

void disk_lose_pending(struct disk *disk)
{
    forget_pending(disk);
    come_back(disk);
}

void disk_adopt(struct disk *disk, struct disk *image)
{
    assert(image->is_image);
    assert(image->file_count == disk->file_count);
    assert(image->dir_count == disk->dir_count);
    forget_pending(disk);
    for (size_t i = 0; i < image->dir_count; i++) {
        const struct disk_dir dir = disk->dirs[i];
        disk->dirs[i] = image->dirs[i];
        image->dirs[i] = dir;
    }
    for (size_t i = 0; i < image->file_count; i++) {
        struct disk_file *file = &disk->files[i], *drawn = &image->files[i];
        if (!drawn->live || drawn->borrowed != NULL) continue;
        const struct disk_bytes bytes = file->own_durable;
        file->own_durable = drawn->own_durable;
        drawn->own_durable = bytes;
        file->durable_size = drawn->durable_size;
        file->borrowed = NULL;
    }
    come_back(disk);
    disk_reset(image, disk->profile, disk->space_bytes);
}
