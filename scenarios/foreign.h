/*
 * foreign.h - a log that is not ours, as a table of six functions.
 *
 * Whoever has a log of his own compiles an adapter that defines foreign_log_under_test and links it
 * with squall (README.md says how): all scenarios then use that log instead of wal/log. The
 * machine, its crashes and its faults are the same, and so is what is asked: what was acknowledged
 * is there after each recovery, what is read is a gap-free prefix of what was appended, nobody
 * hangs, nothing leaks, and when faults stop it works again.
 *
 * The log reaches the machine through wal/io.h only: what it asks of the operating system directly
 * is not simulated, and makes runs that do not repeat. It keeps no state outside of what open gives
 * back: processes die in the middle of anything, and several use the same program. LSNs begin with
 * 1 and have no gaps. Several tasks may call at a time where a scenario has several clients.
 *
 * Of what scenarios do, batches are shortened to one record, an append that nobody waits for is an
 * append, one that somebody waits for is an append and a sync; pins, prunes, copies (F49), repair
 * and damage at rest (F41 to F48), which need to know the format, are left out.
 */
#ifndef SCENARIOS_FOREIGN_H
#define SCENARIOS_FOREIGN_H

#include <stddef.h>
#include <stdint.h>

#include "wal/err.h"
#include "wal/io.h"

/* Told of each record that is read. The bytes are looked at during the call only. */
typedef void foreign_record(void *context, uint64_t lsn, const void *bytes, size_t len);

struct foreign_log {
    const char *name;

    /* Open for writing what is at `path`, a directory, and recover it; make it if it is not there.
     * WAL_CORRUPT is believed only where bytes were damaged. Recovery must not serve what a crash
     * could still take away: what was served once is expected again. */
    enum wal_err (*open)(struct wal_io *io, const char *path, void **ret_log);
    /* Take a copy of the bytes, and give them the next LSN. They may be lost until a sync.
     *
     * An error of this or any other function is what the door said, and sure: nothing happened, and
     * what was refused is never seen. Whoever cannot be sure says WAL_POISONED, and may do so from
     * there on: the process ends, and the next one recovers. */
    enum wal_err (*append)(void *log, const void *bytes, size_t len, uint64_t *ret_lsn);
    /* All that was appended before the call is durable; *ret_lsn: up to where. */
    enum wal_err (*sync)(void *log, uint64_t *ret_lsn);
    /* All durable records from this LSN on, in order. */
    enum wal_err (*read)(void *log, uint64_t from_lsn, foreign_record *record, void *context);
    /* Forget, for good, all above this LSN. NULL: it cannot. */
    enum wal_err (*truncate)(void *log, uint64_t last_lsn);
    /* The log is gone, also on failure. */
    enum wal_err (*close)(void *log);
};

/* NULL: wal/log. */
extern const struct foreign_log *const foreign_log_under_test;

#endif
