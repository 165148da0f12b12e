/*
 * disk.h - a disk that remembers which bytes, sizes and names are safe.
 *
 * A pure state machine: it knows no scheduler, no fault and no chance; sim/door.c drives it, and
 * whoever resolves a crash hands in the choices. Bytes, sizes and names are three things, each with
 * a state now (what calls see, the cache) and a durable one, and the pending items between:
 *
 *     file        cache bytes and size; durable bytes and size; the pending writes, truncations
 *                 and reservations since the last fsync, in issue order, writes in chunks
 *     directory   entries now; durable entries; pending creates, links, renames, unlinks in order
 *
 * fsync covers the items whose call had returned before it began (disk_sync_begin takes that
 * snapshot) and no others. It never makes a name durable unless the profile says so. What a crash
 * leaves is chosen item by item and chunk by chunk (disk_image). Media damage is an overlay on the
 * durable bytes: reads see it, rereading does not heal it, rewriting the sector does, and it can be
 * lifted; the pristine bytes stay known.
 *
 * Cost matters: a disk is set up, crashed and copied tens of thousands of times a second. Memory is
 * pooled in the disk and reused over runs; an image borrows the bytes of the files that it does not
 * change.
 */
#ifndef SIM_DISK_H
#define SIM_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wal/err.h"

struct disk;

/* What a file system promises: faults.md A1, "Profiles to ship". One table in disk_profile.c. */
enum disk_fsync_failure {
    DISK_FSYNC_NEW_IN_CACHE, /* EIO; pages clean and new in cache, failed chunks old on disk. */
    DISK_FSYNC_LATE,         /* Returns 0; the next fsync reports EIO. Negative suite only. */
    DISK_FSYNC_REVERT,       /* EIO; cache, size and mapping fall back to the durable state. */
    DISK_FSYNC_CLEAN,        /* EIO; nothing is lost yet: items stay pending (strict profile). */
};

enum disk_name_order {
    DISK_NAMES_IN_ORDER, /* A crash keeps a prefix of the pending directory operations. */
    DISK_NAMES_SUBSET,   /* Any subset (in order where they touch the same name). */
};

struct disk_profile {
    const char *name;
    const char *story;
    uint32_t chunk_bytes;  /* 512 or 4096: the unit that is kept or lost (but see disk_set_chunk);
                              also what direct I/O demands. */
    bool negative;         /* Only for the negative suite. */
    bool size_before_data; /* A kept size may stand over lost chunks. */
    bool tail_lost;        /* Where it may not: the size is cut before a lost chunk. */
    bool tail_zero, tail_garbage, tail_stale; /* What a lost chunk under a kept size may show. */
    bool torn_chunks;                         /* A chunk may be cut at a byte. */
    bool overwrite_garbage;     /* A lost overwrite may leave garbage in its own range. */
    bool names_durable_at_once; /* strict: a directory operation is durable when it returned. */
    enum disk_name_order name_order;
    bool rename_may_split;    /* hostile: a rename may leave neither name. */
    bool overwrite_powersafe; /* A torn write never damages bytes outside its range. */
    uint32_t fsync_failures;  /* Bit set over enum disk_fsync_failure that a seed draws from. */
};

extern const struct disk_profile disk_profiles[];
extern const size_t disk_profile_count;
const struct disk_profile *disk_profile_find(const char *name); /* NULL: unknown. */

struct disk *disk_create(void);
void disk_destroy(struct disk *disk);

/* Empty, for a new run; memory is kept. `space_bytes`: room for file bytes, UINT64_MAX: any. */
void disk_reset(struct disk *disk, const struct disk_profile *profile, uint64_t space_bytes);
const struct disk_profile *disk_profile_of(const struct disk *disk);
void disk_set_space(struct disk *disk, uint64_t space_bytes);
/* The unit that is kept or lost (F28), until the next reset: 8, 512 or 4096 instead of what the
 * profile says. Only of a disk on which nothing is pending. What direct I/O demands stays. */
void disk_set_chunk(struct disk *disk, uint32_t chunk_bytes);
uint32_t disk_chunk(const struct disk *disk);

/* Inodes and directories are small numbers, stable for the life of the disk; -1: none. */
typedef int32_t disk_inode; /* A number with a name: the one typedef. */

/* The calls. Arguments are those of the door; errors are the file system's own (NOTFOUND, EXISTS,
 * NOTDIR; INVALID for a name over 63 bytes and for a directory where a file is meant; EXISTS for a
 * directory that would be replaced: none ever goes; FILE_TOO_LARGE over 1 GiB). Injected failures
 * are the caller's business. Paths have no "." and "..", and a relative one starts at the root. */
WAL_CHECKED enum wal_err disk_mkdir(struct disk *disk, const char *path);
WAL_CHECKED enum wal_err disk_dir_find(struct disk *disk, const char *path, int32_t *ret_dir);
WAL_CHECKED enum wal_err disk_open(struct disk *disk, int32_t dir, const char *name, bool create,
                                   bool exclusive, disk_inode *ret_inode);
WAL_CHECKED enum wal_err disk_rename(struct disk *disk, int32_t dir, const char *from,
                                     const char *to);
WAL_CHECKED enum wal_err disk_link(struct disk *disk, int32_t dir, const char *from,
                                   const char *to);
WAL_CHECKED enum wal_err disk_unlink(struct disk *disk, int32_t dir, const char *name);
/* Entries in creation order: i from 0 until NULL; a directory's inode is -1. Valid until the
 * directory changes. */
const char *disk_entry(const struct disk *disk, int32_t dir, size_t i, disk_inode *ret_inode);

/* Bytes read, 0 at or past the end. *ret_bad: the range touches an unreadable sector (overlay). */
size_t disk_read(const struct disk *disk, disk_inode inode, uint64_t offset, void *buffer,
                 size_t len, bool *ret_bad);
/* Bytes written: less than len where space (or the largest size) ends, with *ret_full set. */
size_t disk_write(struct disk *disk, disk_inode inode, uint64_t offset, const void *bytes,
                  size_t len, bool *ret_full);
/* O_DSYNC: make this range (and the size it needs) durable now. */
void disk_write_through(struct disk *disk, disk_inode inode, uint64_t offset, size_t len);
uint64_t disk_size(const struct disk *disk, disk_inode inode);
WAL_CHECKED enum wal_err disk_truncate(struct disk *disk, disk_inode inode, uint64_t size);
WAL_CHECKED enum wal_err disk_allocate(struct disk *disk, disk_inode inode, uint64_t offset,
                                       uint64_t len, bool keep_size);
/* The bytes that disk_read would give. NULL: offset+len lies beyond the size, or an unreadable
 * sector lies inside (disk_read tells which). Valid until the next write to the file, and where
 * there is damage until the next window of it. */
const uint8_t *disk_window(const struct disk *disk, disk_inode inode, uint64_t offset, size_t len);

/* An open descriptor keeps an unlinked inode alive. */
void disk_hold(struct disk *disk, disk_inode inode);
void disk_release(struct disk *disk, disk_inode inode);

/* fsync in three steps, so that the scheduler can switch while it is in flight: what is pending at
 * begin is what end makes durable. The ticket is the inode's issue number at begin. */
uint64_t disk_sync_begin(struct disk *disk, disk_inode inode);
void disk_sync_end(struct disk *disk, disk_inode inode, uint64_t ticket);
/* The sync fails so. `choose` picks which chunks of the snapshot reached the disk. Returns
 * WAL_IO, or WAL_OK for LATE. Who else hears of it: below. */
struct disk_chooser;
WAL_CHECKED enum wal_err disk_sync_fail(struct disk *disk, disk_inode inode, uint64_t ticket,
                                        enum disk_fsync_failure how,
                                        const struct disk_chooser *chooser);
/* The kernel writes back by itself what is pending, and that fails as in NEW_IN_CACHE: no call
 * returns an error now. */
void disk_writeback_fail(struct disk *disk, disk_inode inode, const struct disk_chooser *chooser);

/* Who hears that writing back failed (Linux since 4.13): each descriptor that was open then, once,
 * at its next sync. One that is opened later only if nobody has been told by then; else its syncs
 * return OK although pages are lost. The error is the inode's, so it outlives processes, but not
 * power. A descriptor keeps what disk_error_at_open gave it and shows it at each sync; true: the
 * sync fails. The caller of a sync that failed has been told. */
uint32_t disk_error_at_open(const struct disk *disk, disk_inode inode);
bool disk_error_heard(struct disk *disk, disk_inode inode, uint32_t *heard);
uint64_t disk_sync_dir_begin(struct disk *disk, int32_t dir);
void disk_sync_dir_end(struct disk *disk, int32_t dir, uint64_t ticket);
/* The sync fails: names of files that it would have made durable stay pending, and a crash may keep
 * them, but no later sync covers them. A later operation on the same name is another matter. */
void disk_sync_dir_fail(struct disk *disk, int32_t dir, uint64_t ticket);

/* ---- Crash images ---- */

/* Who answers the questions "which of 0..bound-1"; 0 is always the tamest answer. `what` names the
 * question for the address of the decision. */
enum disk_question {
    DISK_ASK_MODE,       /* Bound 100; disk_image_mode makes an enum disk_crash_mode of it. */
    DISK_ASK_CUT,        /* Prefix: how many chunks are kept. */
    DISK_ASK_CUT_BYTE,   /* Prefix: how much of the next chunk. */
    DISK_ASK_OMIT,       /* Omit one: which. */
    DISK_ASK_CHUNK,      /* On its own: 0 lost, 1 kept, 2 zero, 3 garbage, 4 stale, 5 torn. Where a
                            chunk cannot be 2 or 5 it is kept, where not 3 or 4 it is lost. In the
                            other modes, once a file: what its lost tail shows (0, 2, 3, 4). */
    DISK_ASK_CHUNK_BYTE, /* Where it is torn. */
    DISK_ASK_GARBAGE,    /* Seed of garbage, and whose stale bytes. */
    DISK_ASK_SIZE,       /* Once a file, where it matters: 0 as the kept data needs, 1 survives
                            without the lost data (if size_before_data), 2 is lost, and what was
                            written past it. */
    DISK_ASK_NAMES,      /* 0 none, 1 all, 2 an ordered prefix, 3 a subset (if the profile may). */
    DISK_ASK_NAME,       /* Prefix length, or for a subset: keep this one? */
    DISK_ASK_SPLIT,      /* A rename: 0 atomic, 1 both names, 2 neither (hostile). Not asked where
                            all names are kept. */
    DISK_ASK_SYNC_CHUNK, /* A failed sync: did this chunk reach the disk? */
    DISK_QUESTION_COUNT
};

enum disk_name_kind { DISK_NAME_CREATE, DISK_NAME_LINK, DISK_NAME_RENAME, DISK_NAME_UNLINK };

/* What the question that is being asked is about: a file's bytes, a directory operation, or (inode
 * and dir both -1) everything that is pending. */
struct disk_about {
    disk_inode inode; /* -1: no file. */
    /* The bytes that the answer decides about; of a change of the size: the new size, and 0. Of
     * DISK_ASK_SIZE: the range in which the size may end. Of a directory operation: 0, 0. */
    uint64_t offset, len;
    uint64_t size_from; /* The answer may also decide where the file ends, and so all that comes
                           after this byte. UINT64_MAX: it does not. */
    int32_t dir;        /* -1: no directory. */
    enum disk_name_kind kind;
    const char *name; /* The name that is made or removed; NULL where dir is -1. */
    const char *from; /* Of a rename or link: the other name, else "". */
};

enum disk_crash_mode { DISK_LOSE_ALL, DISK_KEEP_ALL, DISK_PREFIX, DISK_OMIT_ONE, DISK_EACH };

/* The mode that an answer of 0..99 to DISK_ASK_MODE means: weights 35, 10, 20, 10, 25 among those
 * in the bit set `modes` (0: all). */
enum disk_crash_mode disk_image_mode(uint32_t answer, uint32_t modes);

struct disk_chooser {
    uint32_t (*choose)(void *context, enum disk_question question, uint32_t bound);
    void *context;
    uint32_t modes; /* Bit set of what may happen, 0: all. Bits 0..4: enum disk_crash_mode; 5: size
                       without data and data without size, 6: torn, 7: garbage, 8: stale, 9: names
                       lost or reordered (else all are kept). */
    struct disk_about *about; /* Filled before each question. NULL: nobody wants to know. */
};

/* What a crash did. Chunks count as kept, torn and so on only where the file shows it. */
struct disk_crash_tally {
    uint32_t chunks_pending, chunks_kept, chunks_torn, chunks_zero, chunks_garbage, chunks_stale;
    uint32_t chunks_recycled; /* Those stale ones that show an older state of the same file, or one
                                 that is gone. */
    uint32_t overwrites_lost; /* Chunks where what stood there before shows, all of it. */
    uint32_t sizes_without_data; /* Files: data is lost below a size that covers it. */
    uint32_t data_without_size;  /* Files: data arrived, and the size does not reach over it. */
    uint32_t truncations_undone; /* Also of those that make a file longer. */
    uint32_t reservations_pending, reservations_lost; /* Of those that change the size. */
    uint32_t names_pending, names_lost;
    uint32_t creates_lost, renames_undone, unlinks_undone; /* Of those lost. A link is a create. */
    uint32_t names_reordered;                              /* Kept, and an earlier one lost. */
    uint32_t renames_both, renames_neither;                /* Kept, but split. */
};

/* How many chunks and names are pending, that is, whether a crash has more than one outcome. */
size_t disk_pending(const struct disk *disk);

/* Write into `image` (a disk of its own, reset by this call) what power loss leaves of `disk` when
 * the chooser answers. `disk` is not changed and must stay unchanged while the image lives: the
 * image borrows bytes of files without pending items. Nothing is pending in the image; overlays
 * are copied. Returns a hash of what differs between images of the same disk, for finding
 * duplicates. ret_tally may be NULL. */
uint64_t disk_image(const struct disk *disk, const struct disk_chooser *chooser, struct disk *image,
                    struct disk_crash_tally *ret_tally);

/* Become what `image` is: the run goes on with it. The image must have been drawn from `disk`, and
 * is empty afterwards. Descriptors are gone. */
void disk_adopt(struct disk *disk, struct disk *image);

/* Lose everything unsynced, in place, asking nobody. */
void disk_lose_pending(struct disk *disk);

/* The process died, the machine lives: cache and pending items stay, descriptors and locks go. */
void disk_process_died(struct disk *disk);

/* ---- Media damage: an overlay on durable bytes ---- */

enum disk_damage {
    DISK_DAMAGE_FLIP, /* One bit of the sector. `detail`: which. */
    DISK_DAMAGE_ZERO, /* The sector reads as zeros. */
    DISK_DAMAGE_GARBAGE,
    DISK_DAMAGE_OTHER,      /* A misdirected write: the bytes of another sector. detail: the source,
                               as inode << 32 | sector. */
    DISK_DAMAGE_LOST_WRITE, /* The sector shows its previous generation, or zeros if it had none. */
    DISK_DAMAGE_UNREADABLE, /* Reads that touch it fail. */
    DISK_DAMAGE_BYTES,      /* disk_damage_bytes. */
};

enum { DISK_SECTOR_BYTES = 512 };

void disk_damage(struct disk *disk, disk_inode inode, uint64_t sector, enum disk_damage kind,
                 uint64_t detail);
/* The sector reads so: for damage that somebody else worked out. */
void disk_damage_bytes(struct disk *disk, disk_inode inode, uint64_t sector,
                       const uint8_t bytes[DISK_SECTOR_BYTES]);
/* A durable name is missing, or names an empty file. Lifting damage brings back what it named,
 * unless the name was made anew meanwhile. False: there is no such file name, or names are on
 * their way to the disk; then nothing is done. */
bool disk_damage_name(struct disk *disk, int32_t dir, const char *name, bool empty);
bool disk_damaged(const struct disk *disk);
void disk_lift_damage(struct disk *disk);

/* ---- Looking at it from outside (decoder, tests) ---- */

/* The pristine durable bytes, as if there were no overlay. NULL, 0 for an empty file. */
const uint8_t *disk_durable(const struct disk *disk, disk_inode inode, uint64_t *ret_size);
/* A durable directory entry: i from 0 until NULL. */
const char *disk_durable_entry(const struct disk *disk, int32_t dir, size_t i,
                               disk_inode *ret_inode);
/* Order-free hash of everything durable and pending, for tests of determinism. */
uint64_t disk_fingerprint(const struct disk *disk);
size_t disk_open_count(const struct disk *disk); /* Holds. */

/* Advisory locks, one per inode: false if held. Gone with the last release, with
 * disk_process_died and with power; the door unlocks when the descriptor that locked is closed. */
bool disk_lock(struct disk *disk, disk_inode inode);
void disk_unlock(struct disk *disk, disk_inode inode);

#endif
