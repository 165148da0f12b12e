/*
 * format.h - the record log's bytes on disk, version 1. Nothing else in wal/ knows an offset.
 *
 * A log is a directory:
 *
 *     mark                    what is known to be durable, where the log begins, and its life
 *     0000000000000001.wal    segments, named by their number in 16 hexadecimal digits; numbers are
 *     0000000000000002.wal    consecutive from the floor segment on
 *     lock                    empty; locked by the writer
 *     segment.tmp, mark.tmp   unfinished files of whoever opens the log; ignored by readers and
 *                             removed by the next writer
 *     0000000000000001.tmp    the next segment, while the writer of that life makes it: one that
 *                             has lost its lock without knowing it must not touch its successor's
 *     0000000000000001.old    a pruned segment, kept to be used again; ignored by readers
 *
 * All integers are little-endian. Reserved bytes and padding are zero. CRC is CRC-32C. LSNs start
 * at 1 and have no gaps; records of unknown kinds consume them too.
 *
 * SEGMENT HEADER, 128 bytes, alone in the first max(block size, 512) bytes of the segment
 *
 *       0   8   magic         "SQUALSEG"
 *       8   4   version       1
 *      12   4   block_bytes   groups start at multiples of this: 4096, 512, or 8 (packed)
 *      16  16   log_id        random, the same in every file of the log
 *      32   8   life          see below
 *      40   8   segment       equal to the number in the name
 *      48   8   first_lsn     one more than the last LSN of the segment before
 *      56   8   durable_lsn   witness: every LSN up to it was durable before this segment got its
 *                             name, including those in this segment; at least first_lsn - 1
 *      64   8   commit_ns     monotone commit time of the record before first_lsn; 0 if none
 *      72   8   segment_bytes the size at which the segment is full
 *      80   4   flags         bit 0: recycled, bit 1: prewritten, see below; others: refuse
 *      84   4   reserved
 *      88   8   prev_life     life and durable_lsn in the header of the segment before, as it was
 *      96   8   prev_durable  when this one was made; or 0, 0. Nothing above that LSN counts in the
 *                             segments before that one, should its header be lost
 *     104  20   reserved
 *     124   4   crc           of bytes 0..123
 *
 * A segment is written under a .tmp name, synced, linked to its name (never replacing one that is
 * part of the log; a leftover is replaced, see below) and the directory synced. So a segment with a
 * name has a good header; one that has not is damaged.
 *
 * A PREWRITTEN segment had its whole size, in zeros, before its first group, so that commits change
 * no metadata: the size of its file says nothing about where the log ends. A RECYCLED one is
 * prewritten too, but was another segment before, and what follows its groups are the old bytes.
 * Its old groups are bound to another segment number (and perhaps life), so they are not valid in
 * it, and prove nothing. A segment number is never used twice in a life.
 *
 * GROUP HEADER, 48 bytes, at a multiple of block_bytes; one commit
 *
 *       0   4   crc           of the binding, then bytes 4..47
 *       4   4   magic         "GRP1"
 *       8   8   first_lsn     of the group's first record
 *      16   8   durable_lsn   witness: the highest LSN known durable when this was written
 *      24   8   wall_ns       the wall clock at the commit, as it was
 *      32   8   commit_ns     the same, but never below its predecessor's: order by this
 *      40   4   length        bytes of the records that follow, a multiple of 8, not 0
 *      44   4   count         records that follow, not 0
 *
 * RECORD, 16 bytes and a payload, records one after the other behind the group header
 *
 *       0   4   crc           of the binding, the LSN as 8 bytes, bytes 4..15, payload, padding
 *       4   4   length        payload bytes; 0 is legal
 *       8   1   kind          1 data; 2 lost: a repair did not find it; 0x80..0xff optional: skip
 *                             when unknown; others: refuse
 *       9   1   flags         bit 0: the batch goes on with the next record
 *      10   2   reserved
 *      12   4   batch_index   0 for the first record of a batch, and for a record alone
 *      16   .   payload, then zeros to the next multiple of 8
 *
 * The BINDING is log_id, life, segment (the CRC of these 32 bytes is computed once per segment) and
 * the byte offset of the header in the file, as 8 bytes. It is not stored: it is what ties bytes to
 * their place, so that a well-formed record of another segment, life or log, or one copied inside a
 * payload, is not valid here.
 *
 * A group header is VALID if crc and magic match, length and count are in range, first_lsn follows
 * the record before, and durable_lsn < first_lsn. A record is VALID if it lies inside its group and
 * its crc matches. A batch is valid if all its records are: flags and batch_index run 0, 1, 2, ...
 * and a batch never spans groups, nor a group segments.
 *
 * WHERE A SEGMENT ENDS. One with a successor ends with LSN successor.first_lsn - 1, and whatever
 * bytes follow were never acknowledged: they are what a takeover left behind. A break before that
 * is damage. The last segment ends at its last valid batch, L. If a witness of the present life, be
 * it in the mark, in a header or in a group header found valid beyond the break, knows an LSN above
 * L durable, that is damage to L+1 and on; otherwise the bytes beyond are a torn tail: in a
 * prewritten segment up to the last that is not zero, in a recycled one to the end of the last
 * group whose header is valid. That a valid
 * group stands beyond the break proves nothing by itself: a crash may keep the later blocks of an
 * unsynced write and lose the earlier. A last segment that is shorter than the offset in a mark of
 * the present life was cut by somebody, be it only in its padding, and that is damage too.
 *
 * A LIFE begins when a writer takes the log over after anything but a clean close, and with each
 * truncation. Its number is in the mark, the segment headers and the binding; it is above its
 * predecessor's by 1 and a random number below 2^32, so that bytes of a beginning that died before
 * it had a name are of another life than those of the next, should the file system show them again
 * there. Only witnesses of the highest life count.
 *
 * The mark says so first (bit 1 of its flags), in both slots and synced; its segment and offset are
 * where the old life ends, and segments above that one, if of a lower life than the mark's, are
 * leftovers: not part of the log. They are unlinked before any segment gets such a number; but the
 * lowest gives its name to the new life's first segment, in one step, so that without the mark,
 * too, nothing is cut off but by a segment behind it. Then comes the mark without bit 1. So whoever
 * dies on the way is finished by the next to open the log, and a writer that has lost its lock and
 * begins segments nevertheless begins leftovers. A takeover keeps all that is valid in the mark's
 * segment; a truncation (bit 2) nothing above durable_lsn, which is where it has cut.
 *
 * MARK, 4608 bytes: two slots of 128 bytes at 0 and 4096, each followed by zeros to the end of its
 * 512 bytes; nothing is written between them
 *
 *       0   8   magic         "SQUALMRK"
 *       8   4   version       1
 *      12   4   flags         bit 0: closed cleanly, nothing was written after durable_lsn
 *                             bit 1: a life begins, and none of its segments is known yet
 *                             bit 2: with bit 1: nothing above durable_lsn counts
 *      16  16   log_id
 *      32   8   sequence      the valid slot with the higher (life, sequence) counts
 *      40   8   life
 *      48   8   durable_lsn   witness
 *      56   8   floor_lsn     all below is pruned; 1 at first
 *      64   8   floor_segment the segment that holds floor_lsn; segments below it are leftovers
 *      72   8   segment       where durable_lsn ends,
 *      80   8   offset        and the byte where the next group would start
 *      88   8   commit_ns     monotone time of the commit of durable_lsn
 *      96   8   pruning_lsn   a prune up to here is under way, and no pin below it is granted; or 0
 *     104   8   cut_life      the life that the latest truncation began, or 0: in segments of lower
 *     112   8   cut_lsn       lives nothing above this LSN counts, for whoever cannot read where
 *                             that life's first segment begins
 *     120   4   added         durable_lsn less the one in the header of `segment`, 0 if that is
 *                             higher; 2^32 - 1: that many, or more. So nothing above the rest
 *                             counts in the segments before, should that header be lost
 *     124   4   crc           of the slot's offset in the file as 8 bytes, then bytes 0..123
 *
 * PIN, 64 bytes, a file NAME.pin: somebody needs the log from this LSN on, so it is not pruned. It
 * is made under NAME.pin.tmp, synced, renamed and the directory synced.
 *
 *       0   8   magic         "SQUALPIN"
 *       8   4   version       1
 *      12   4   reserved
 *      16  16   log_id
 *      32   8   lsn
 *      40  20   reserved
 *      60   4   crc           of bytes 0..59
 *
 * A renewal never overwrites the newest slot that is known synced, so one good slot always stands.
 * A log exists once its mark has its name: segment first, then the mark. Segments without records,
 * now or ever (commit_ns is 0), and without a mark are an interrupted creation, which is begun
 * again.
 */
#ifndef WAL_LOG_FORMAT_H
#define WAL_LOG_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WAL_FORMAT_VERSION = 1,
    WAL_LOG_ID_BYTES = 16,

    WAL_SEGMENT_HEADER_BYTES = 128,
    WAL_SEGMENT_RECYCLED = 1 << 0,
    WAL_SEGMENT_PREWRITTEN = 1 << 1,
    WAL_SEGMENT_FLAGS = WAL_SEGMENT_RECYCLED | WAL_SEGMENT_PREWRITTEN,
    WAL_SEGMENT_HEADER_AREA_MIN = 512,
    WAL_GROUP_HEADER_BYTES = 48,
    WAL_RECORD_HEADER_BYTES = 16,
    WAL_RECORD_ALIGN = 8,

    WAL_MARK_SLOTS = 2,
    WAL_MARK_SLOT_STRIDE = 4096, /* No block of a file system or device holds both slots. */
    WAL_MARK_SLOT_BYTES = 128,
    WAL_MARK_SLOT_AREA_BYTES = 512, /* What is written: a sector, whole. */

    WAL_PIN_BYTES = 64,
    WAL_PIN_NAME_MAX = 40, /* Without the ending. */

    WAL_RECORD_DATA = 1,
    WAL_RECORD_LOST = 2,
    WAL_RECORD_OPTIONAL = 0x80,
    WAL_RECORD_BATCH_GOES_ON = 1 << 0,

    WAL_SEGMENT_NAME_BYTES = 16 + 4 + 1, /* With the terminator. */
};

#define WAL_MARK_ADDED_UNKNOWN UINT32_MAX

#define WAL_MARK_NAME "mark"
#define WAL_MARK_TMP_NAME "mark.tmp"
#define WAL_SEGMENT_TMP_NAME "segment.tmp"
#define WAL_LOCK_NAME "lock"
#define WAL_PIN_ENDING ".pin"

struct wal_segment_header {
    uint32_t version;
    uint32_t block_bytes;
    uint8_t log_id[WAL_LOG_ID_BYTES];
    uint64_t life;
    uint64_t segment;
    uint64_t first_lsn;
    uint64_t durable_lsn;
    uint64_t commit_ns;
    uint64_t segment_bytes;
    uint32_t flags;
    uint64_t prev_life;
    uint64_t prev_durable_lsn;
};

struct wal_group_header {
    uint64_t first_lsn;
    uint64_t durable_lsn;
    uint64_t wall_ns;
    uint64_t commit_ns;
    uint32_t length;
    uint32_t count;
};

struct wal_record_header {
    uint32_t length;
    uint8_t kind;
    uint8_t flags;
    uint32_t batch_index;
};

struct wal_mark_slot {
    uint32_t version;
    bool clean;
    bool begins;
    bool cut;
    uint8_t log_id[WAL_LOG_ID_BYTES];
    uint64_t sequence;
    uint64_t life;
    uint64_t durable_lsn;
    uint64_t floor_lsn;
    uint64_t floor_segment;
    uint64_t segment;
    uint64_t offset;
    uint64_t commit_ns;
    uint64_t pruning_lsn;
    uint64_t cut_life;
    uint64_t cut_lsn;
    uint32_t added;
};

struct wal_pin_file {
    uint32_t version;
    uint8_t log_id[WAL_LOG_ID_BYTES];
    uint64_t lsn;
};

#endif
