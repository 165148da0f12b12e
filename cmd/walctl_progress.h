/*
 * walctl_progress.h - prints the durable LSN as it advances, from a task of its own.
 *
 * A number is printed only after it is durable; so whatever was printed is there after a kill. Who
 * reads the numbers may be slow or go away without holding up the log.
 */
#ifndef CMD_WALCTL_PROGRESS_H
#define CMD_WALCTL_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "wal/io.h"
#include "wal/log/log.h"

struct progress {
    struct wal_io *io;
    struct wal_log *log;
    bool quiet; /* Only the last number. */

    struct wal_task *task;
    struct wal_mutex *mutex; /* Guards what follows. */
    struct wal_cond *cond;
    uint64_t awaited; /* Wait for this to become durable, */
    bool done;        /* or for nothing more. */

    uint64_t printed; /* The task's own while it runs. */
    bool any;
    int error; /* errno of the first line that could not be printed; nothing is printed after. */
};

/* durable_lsn: what is durable already, and not news. On an error nothing runs. */
WAL_CHECKED enum wal_err progress_start(struct progress *progress, struct wal_io *io,
                                        struct wal_log *log, uint64_t durable_lsn, bool quiet);

/* LSNs up to this one are on their way. */
void progress_await(struct progress *progress, uint64_t lsn);

/* End the task. The log must still be open. */
void progress_stop(struct progress *progress);

/* The last line, unless it stands there already. Returns the errno that printing met, or 0. */
int progress_last(struct progress *progress, uint64_t durable_lsn);

#endif
