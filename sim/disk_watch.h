/*
 * disk_watch.h - what of a disk was looked at.
 *
 * An explorer that permutes what a crash may leave need not permute what nobody reads. While a disk
 * is watched, every read is put down: of bytes as they were asked for, also past the end of the
 * file, because that there was nothing is an answer too; of sizes; of directories. It is put down
 * too much rather than too little: by sectors, and files or bytes beyond the bounds below together.
 *
 * A question of a crash about bytes, sizes or names that were not looked at could have had any
 * answer: the same calls would have had the same results (disk_watch_saw). Except, that is, for the
 * space left on the disk, in which all files have a say, where space is limited.
 */
#ifndef SIM_DISK_WATCH_H
#define SIM_DISK_WATCH_H

#include "sim/disk.h"

enum {
    DISK_WATCH_FILES = 32,
    DISK_WATCH_SECTORS = 4096, /* 2 MiB. */
};

struct disk_watched_file {
    uint64_t sectors[DISK_WATCH_SECTORS / 64]; /* A bit for each. */
    bool beyond;                               /* Some byte after those. */
    bool size;
};

struct disk_watch {
    struct disk_watched_file files[DISK_WATCH_FILES];
    bool other_files;     /* Anything of a file that has no place above. */
    bool names;           /* Names in some directory were looked up, made, removed or listed. */
    uint32_t chunk_bytes; /* Of the disk. */
};

/* From now on what is read of the disk is put down in `watch`, which starts empty; until the next
 * reset, or with NULL no more. An image is watched from after it was drawn. */
void disk_watch_reads(struct disk *disk, struct disk_watch *watch);

/* Was any byte of [offset, offset+len) of the file asked for? */
bool disk_watch_saw_bytes(const struct disk_watch *watch, disk_inode inode, uint64_t offset,
                          uint64_t len);
/* Was its size asked for? Who reads past the end learns the size as well: ask for those bytes. */
bool disk_watch_saw_size(const struct disk_watch *watch, disk_inode inode);

/* Could another answer to a question about this have been noticed? Always, for a question about
 * everything. */
bool disk_watch_saw(const struct disk_watch *watch, const struct disk_about *about);

#endif
