/*
 * mark.h - the mark file: reading it, replacing it at open, renewing it during a life.
 *
 * Why open replaces the file and never renews it: after a process died, nobody knows which of its
 * slots is on disk and which is only in the cache, and overwriting the wrong one could lose both.
 * It also leaves a writer that should be dead with a file that has no name any more.
 *
 * During a life the two slots take turns: a renewal goes to the slot that is not the newest one
 * known synced, until it is synced itself.
 */
#ifndef WAL_LOG_MARK_H
#define WAL_LOG_MARK_H

#include "wal/io.h"
#include "wal/log/format.h"

struct log_mark {
    struct wal_file file;
    struct wal_mark_slot newest; /* As last written. */
    unsigned synced_slot;        /* The newest one known to be on disk. */
};

/* The slot that counts. WAL_NOTFOUND, WAL_VERSION, WAL_CORRUPT (no slot is readable). */
WAL_CHECKED enum wal_err log_mark_read(struct wal_io *io, struct wal_dir dir,
                                       struct wal_mark_slot *ret_mark, unsigned *ret_bad_slots);

/* Write both slots of a new mark under the .tmp name, and sync it; publish then gives it its name,
 * durably. What it names must have its name before. */
WAL_CHECKED enum wal_err log_mark_prepare(struct wal_io *io, struct wal_dir dir,
                                          const struct wal_mark_slot *contents,
                                          struct log_mark *ret_mark);
WAL_CHECKED enum wal_err log_mark_publish(struct wal_io *io, struct wal_dir dir);

/* On failure *ret_unsure says whether the log must be poisoned; if not, try again later. */
WAL_CHECKED enum wal_err log_mark_renew(struct wal_io *io, struct log_mark *mark,
                                        const struct wal_mark_slot *contents, bool sync,
                                        bool *ret_unsure);

/* How many LSNs up to durable_lsn the segment's header does not know, and the other way round: what
 * counts at most in the segments before; UINT64_MAX: the mark doesn't say. */
static inline uint32_t log_mark_added(uint64_t header_durable_lsn, uint64_t durable_lsn)
{
    if (durable_lsn <= header_durable_lsn) return 0;
    uint64_t added = durable_lsn - header_durable_lsn;

    return added < WAL_MARK_ADDED_UNKNOWN ? (uint32_t)added : WAL_MARK_ADDED_UNKNOWN;
}

static inline uint64_t log_mark_kept_lsn(const struct wal_mark_slot *mark)
{
    return mark->added == WAL_MARK_ADDED_UNKNOWN ? UINT64_MAX : mark->durable_lsn - mark->added;
}

/* The same, as this header has it of the segments before the one in front of it. A truncation may
 * have cut into what was copied there. UINT64_MAX: there is none in front. */
static inline uint64_t log_prev_kept_lsn(const struct wal_segment_header *header)
{
    if (header->prev_life == 0) return UINT64_MAX;
    bool within = header->prev_durable_lsn < header->first_lsn;

    return within ? header->prev_durable_lsn : header->first_lsn - 1;
}

#endif
