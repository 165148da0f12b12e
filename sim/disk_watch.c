/*
 * disk_watch.c - what of a disk was looked at.
 */
#include "sim/disk_watch.h"

#include "sim/disk_internal.h"

void disk_watch_reads(struct disk *disk, struct disk_watch *watch)
{
    if (watch != NULL) {
        memset(watch, 0, sizeof *watch);
        watch->chunk_bytes = disk->chunk_bytes;
    }
    disk->watch = watch;
}

/* The sectors of [offset, offset+len) that have a bit: [begin, end). True if there are others. */
static bool sectors_of(uint64_t offset, uint64_t len, uint64_t *ret_begin, uint64_t *ret_end)
{
    uint64_t last = len > UINT64_MAX - offset ? UINT64_MAX : offset + len;
    uint64_t begin = offset / DISK_SECTOR_BYTES, end = begin;

    if (len > 0) end = (last - 1) / DISK_SECTOR_BYTES + 1;
    *ret_begin = begin < DISK_WATCH_SECTORS ? begin : DISK_WATCH_SECTORS;
    *ret_end = end < DISK_WATCH_SECTORS ? end : DISK_WATCH_SECTORS;
    return end > DISK_WATCH_SECTORS;
}

/* The bits of a word that lie in [begin, end), which overlaps the word. */
static uint64_t bits_of(uint64_t word, uint64_t begin, uint64_t end)
{
    uint64_t first = begin > word * 64 ? begin - word * 64 : 0;
    uint64_t bits = UINT64_MAX << first;

    if (end < (word + 1) * 64) bits &= (UINT64_C(1) << (end - word * 64)) - 1;
    return bits;
}

void disk_watch_bytes(struct disk_watch *watch, disk_inode inode, uint64_t offset, uint64_t len)
{
    uint64_t begin, end;

    if (inode >= DISK_WATCH_FILES) {
        watch->other_files = true;
        return;
    }
    struct disk_watched_file *file = &watch->files[inode];
    if (sectors_of(offset, len, &begin, &end)) file->beyond = true;
    for (uint64_t word = begin / 64; word * 64 < end; word++) {
        file->sectors[word] |= bits_of(word, begin, end);
    }
}

void disk_watch_size(struct disk_watch *watch, disk_inode inode)
{
    if (inode >= DISK_WATCH_FILES) watch->other_files = true;
    if (inode < DISK_WATCH_FILES) watch->files[inode].size = true;
}

void disk_watch_names(struct disk_watch *watch)
{
    watch->names = true;
}

bool disk_watch_saw_bytes(const struct disk_watch *watch, disk_inode inode, uint64_t offset,
                          uint64_t len)
{
    uint64_t begin, end;

    if (inode >= DISK_WATCH_FILES) return watch->other_files && len > 0;
    const struct disk_watched_file *file = &watch->files[inode];
    if (sectors_of(offset, len, &begin, &end) && file->beyond) return true;
    for (uint64_t word = begin / 64; word * 64 < end; word++) {
        if (file->sectors[word] & bits_of(word, begin, end)) return true;
    }
    return false;
}

bool disk_watch_saw_size(const struct disk_watch *watch, disk_inode inode)
{
    return inode < DISK_WATCH_FILES ? watch->files[inode].size : watch->other_files;
}

/* Operations on names bring each other along over directories, and so do the versions of a chunk.
 */
bool disk_watch_saw(const struct disk_watch *watch, const struct disk_about *about)
{
    if (about->dir >= 0) return watch->names;
    if (about->inode < 0) return true;
    uint64_t begin = about->offset / watch->chunk_bytes * watch->chunk_bytes;
    uint64_t end = about->offset + about->len;
    end += (watch->chunk_bytes - end % watch->chunk_bytes) % watch->chunk_bytes;
    if (disk_watch_saw_bytes(watch, about->inode, begin, end - begin)) return true;
    return about->size_from != UINT64_MAX &&
           (disk_watch_saw_size(watch, about->inode) ||
            disk_watch_saw_bytes(watch, about->inode, about->size_from, UINT64_MAX));
}
