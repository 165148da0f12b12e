/*
 * disk_damage.c - rot, as an overlay on bytes that stay known.
 *
 * A damaged sector is kept beside the file, as it reads now. Reads are patched from it, so that
 * rereading changes nothing; a write over the whole sector heals it, one over a part shows its own
 * bytes and leaves the rest. Damage that changes no byte is no damage and is not kept.
 */
#include "sim/disk_internal.h"

static uint64_t garbage_word(uint64_t seed, uint64_t word)
{
    uint64_t mixed = (word + 1) * UINT64_C(0x9e3779b97f4a7c15);

    mixed ^= (seed + 1) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ mixed >> 31;
}

void disk_garbage(uint64_t seed, uint64_t offset, uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        uint64_t at = offset + i;
        bytes[i] = (uint8_t)(garbage_word(seed, at / 8) >> at % 8 * 8);
    }
}

bool disk_sector_of(const uint8_t *bytes, uint64_t size, uint64_t sector,
                    uint8_t ret_bytes[DISK_SECTOR_BYTES])
{
    uint64_t begin = sector * DISK_SECTOR_BYTES;
    bool any = false;

    memset(ret_bytes, 0, DISK_SECTOR_BYTES);
    if (begin >= size) return false;
    size_t len = size - begin < DISK_SECTOR_BYTES ? (size_t)(size - begin) : DISK_SECTOR_BYTES;
    memcpy(ret_bytes, bytes + begin, len);
    for (size_t i = 0; i < len && !any; i++) any = ret_bytes[i] != 0;
    return any;
}

/* The part of [offset, offset+len) that lies in the overlay's sector. */
static bool overlap(const struct disk_overlay *overlay, disk_inode inode, uint64_t offset,
                    size_t len, uint64_t *ret_begin, uint64_t *ret_end)
{
    uint64_t begin = overlay->sector * DISK_SECTOR_BYTES, end = begin + DISK_SECTOR_BYTES;

    if (begin < offset) begin = offset;
    if (end > offset + len) end = offset + len;
    if (overlay->inode != inode || begin >= end) return false;
    *ret_begin = begin;
    *ret_end = end;
    return true;
}

void disk_overlay_read(const struct disk *disk, disk_inode inode, uint64_t offset, uint8_t *buffer,
                       size_t len, bool *ret_bad)
{
    uint64_t begin, end;

    for (size_t i = 0; i < disk->overlay_count; i++) {
        const struct disk_overlay *overlay = &disk->overlays[i];
        if (!overlap(overlay, inode, offset, len, &begin, &end)) continue;
        if (overlay->kind == DISK_DAMAGE_UNREADABLE) *ret_bad = true;
        memcpy(buffer + (begin - offset), overlay->bytes + begin % DISK_SECTOR_BYTES,
               (size_t)(end - begin));
    }
}

static void overlay_remove(struct disk *disk, size_t i)
{
    disk->overlays[i] = disk->overlays[--disk->overlay_count];
}

void disk_overlay_write(struct disk *disk, disk_inode inode, uint64_t offset, const uint8_t *bytes,
                        size_t len)
{
    uint64_t begin, end;

    for (size_t i = disk->overlay_count; i > 0; i--) {
        struct disk_overlay *overlay = &disk->overlays[i - 1];
        if (!overlap(overlay, inode, offset, len, &begin, &end)) continue;
        if (end - begin == DISK_SECTOR_BYTES) {
            overlay_remove(disk, i - 1);
        } else {
            memcpy(overlay->bytes + begin % DISK_SECTOR_BYTES, bytes + (begin - offset),
                   (size_t)(end - begin));
        }
    }
}

void disk_overlay_forget(struct disk *disk, disk_inode inode)
{
    for (size_t i = disk->overlay_count; i > 0; i--) {
        if (disk->overlays[i - 1].inode == inode) overlay_remove(disk, i - 1);
    }
}

/* What the damaged sector reads as, from what it should be. */
static void damage_bytes(const struct disk *disk, const struct disk_file *file,
                         struct disk_overlay *overlay, uint64_t detail)
{
    uint8_t *bytes = overlay->bytes;

    switch (overlay->kind) {
    case DISK_DAMAGE_FLIP: {
        uint64_t left = file->durable_size - overlay->sector * DISK_SECTOR_BYTES;
        uint64_t bits = 8 * (left < DISK_SECTOR_BYTES ? left : DISK_SECTOR_BYTES);
        bytes[detail % bits / 8] ^= (uint8_t)(1U << detail % 8);
        break;
    }
    case DISK_DAMAGE_ZERO: memset(bytes, 0, DISK_SECTOR_BYTES); break;
    case DISK_DAMAGE_GARBAGE: disk_garbage(detail, 0, bytes, DISK_SECTOR_BYTES); break;
    case DISK_DAMAGE_OTHER: {
        const struct disk_file *other = disk_file(disk, (disk_inode)(detail >> 32));
        disk_sector_of(disk_durable_bytes(other), other->durable_size, detail & UINT32_MAX, bytes);
        break;
    }
    case DISK_DAMAGE_LOST_WRITE:
        disk_sector_of(file->previous.bytes, file->previous_size, overlay->sector, bytes);
        break;
    case DISK_DAMAGE_UNREADABLE: memset(bytes, 0, DISK_SECTOR_BYTES); break;
    case DISK_DAMAGE_BYTES: break;
    }
}

/* `given`: the bytes of BYTES. */
static void damage(struct disk *disk, disk_inode inode, uint64_t sector, enum disk_damage kind,
                   uint64_t detail, const uint8_t *given)
{
    const struct disk_file *file = disk_file(disk, inode);
    struct disk_overlay overlay = {.inode = inode, .kind = kind, .sector = sector};
    uint8_t pristine[DISK_SECTOR_BYTES];

    if (sector >= (file->durable_size + DISK_SECTOR_BYTES - 1) / DISK_SECTOR_BYTES) return;
    uint64_t left = file->durable_size - sector * DISK_SECTOR_BYTES;
    size_t len = left < DISK_SECTOR_BYTES ? (size_t)left : DISK_SECTOR_BYTES;
    disk_sector_of(disk_durable_bytes(file), file->durable_size, sector, pristine);
    memcpy(overlay.bytes, given != NULL ? given : pristine, sizeof pristine);
    damage_bytes(disk, file, &overlay, detail);
    if (kind != DISK_DAMAGE_UNREADABLE && memcmp(overlay.bytes, pristine, len) == 0) return;
    for (size_t i = disk->overlay_count; i > 0; i--) {
        const struct disk_overlay *old = &disk->overlays[i - 1];
        if (old->inode == inode && old->sector == sector) overlay_remove(disk, i - 1);
    }
    disk->overlays = disk_grow(disk->overlays, &disk->overlay_capacity, disk->overlay_count + 1,
                               sizeof disk->overlays[0]);
    disk->overlays[disk->overlay_count++] = overlay;
}

void disk_damage(struct disk *disk, disk_inode inode, uint64_t sector, enum disk_damage kind,
                 uint64_t detail)
{
    assert(kind != DISK_DAMAGE_BYTES);
    damage(disk, inode, sector, kind, detail, NULL);
}

void disk_damage_bytes(struct disk *disk, disk_inode inode, uint64_t sector,
                       const uint8_t bytes[DISK_SECTOR_BYTES])
{
    damage(disk, inode, sector, DISK_DAMAGE_BYTES, 0, bytes);
}

/* ---- Names ---- */

bool disk_damage_name(struct disk *disk, int32_t dir, const char *name, bool empty)
{
    struct disk_lost_name lost = {.dir = dir, .stand_in = -1};
    const struct disk_entry *entry = disk_entries_find(&disk->dirs[dir].durable, name);

    if (entry == NULL || entry->inode < 0 || disk->name_op_count > 0) return false;
    lost.entry = *entry;
    disk_entries_remove(&disk->dirs[dir].durable, name);
    disk_entries_remove(&disk->dirs[dir].now, name);
    if (empty) {
        struct disk_entry stand_in = lost.entry;
        stand_in.inode = lost.stand_in = disk_file_create(disk);
        disk_entries_set(&disk->dirs[dir].durable, &stand_in);
        disk_entries_set(&disk->dirs[dir].now, &stand_in);
    }
    disk->lost_names = disk_grow(disk->lost_names, &disk->lost_name_capacity,
                                 disk->lost_name_count + 1, sizeof disk->lost_names[0]);
    disk->lost_names[disk->lost_name_count++] = lost;
    return true;
}

void disk_lost_names_copy(const struct disk *disk, struct disk *image)
{
    image->lost_names = disk_grow(image->lost_names, &image->lost_name_capacity,
                                  disk->lost_name_count, sizeof image->lost_names[0]);
    image->lost_name_count = disk->lost_name_count;
    memcpy(image->lost_names, disk->lost_names,
           disk->lost_name_count * sizeof image->lost_names[0]);
}

/* Somebody else may have taken the name. */
static void bring_back(const struct disk *disk, struct disk_entries *entries,
                       const struct disk_lost_name *lost)
{
    const struct disk_entry *entry = disk_entries_find(entries, lost->entry.name);
    bool stands_in = entry != NULL && entry->inode >= 0 && entry->inode == lost->stand_in &&
                     disk->files[entry->inode].cache_size == 0;

    if (entry == NULL || stands_in) disk_entries_set(entries, &lost->entry);
}

bool disk_damaged(const struct disk *disk)
{
    return disk->overlay_count + disk->lost_name_count > 0;
}

void disk_lift_damage(struct disk *disk)
{
    disk->overlay_count = 0;
    while (disk->lost_name_count > 0) {
        const struct disk_lost_name lost = disk->lost_names[--disk->lost_name_count];
        if (!disk->dirs[lost.dir].live) continue;
        bring_back(disk, &disk->dirs[lost.dir].now, &lost);
        bring_back(disk, &disk->dirs[lost.dir].durable, &lost);
    }
}
