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

#endif
