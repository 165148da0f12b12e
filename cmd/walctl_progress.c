/*
 * walctl_progress.c - prints the durable LSN as it advances, from a task of its own.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "cmd/walctl_progress.h"

/* The log wakes us for every advance. The deadline is for what was awaited and will not come,
 * because it was rolled back. */
#define PATIENCE_NS UINT64_C(100000000)

static void print_line(struct progress *progress, uint64_t lsn)
{
    progress->printed = lsn;
    progress->any = true;
    if (progress->error != 0) return;
    if (printf("%" PRIu64 "\n", lsn) < 0 || fflush(stdout) != 0) progress->error = errno;
}

/* Wait until something is awaited; false: nothing ever will be. */
static bool work_to_do(struct progress *progress)
{
    io_mutex_lock(progress->io, progress->mutex);
    while (!progress->done && progress->awaited <= progress->printed) {
        err_ignore(io_cond_wait(progress->io, progress->cond, progress->mutex,
                                WAL_NO_DEADLINE)); /* Without a deadline it only succeeds. */
    }
    bool more = !progress->done;
    io_mutex_unlock(progress->io, progress->mutex);
    return more;
}

static void progress_main(void *arg)
{
    struct progress *progress = arg;

    while (work_to_do(progress)) {
        uint64_t deadline_ns = io_monotonic_ns(progress->io) + PATIENCE_NS;
        uint64_t durable_lsn = 0;
        enum wal_err err =
            wal_wait_durable(progress->log, progress->printed, deadline_ns, &durable_lsn);

        if (err == WAL_TIMEOUT) continue;
        if (err) return; /* The log failed; who appends learns it, too, and says so. */
        if (progress->quiet) {
            progress->printed = durable_lsn;
        } else {
            print_line(progress, durable_lsn);
        }
    }
}

enum wal_err progress_start(struct progress *progress, struct wal_io *io, struct wal_log *log,
                            uint64_t durable_lsn, bool quiet)
{
    *progress = (struct progress){
        .io = io, .log = log, .quiet = quiet, .awaited = durable_lsn, .printed = durable_lsn};

    enum wal_err err = io_mutex_create(io, &progress->mutex);
    if (err) return err;
    err = io_cond_create(io, &progress->cond);
    if (err) goto undo;
    err = io_spawn(io, "progress", progress_main, progress, &progress->task);
    if (err) goto undo;
    return WAL_OK;

undo:
    if (progress->cond != NULL) io_cond_destroy(io, progress->cond);
    io_mutex_destroy(io, progress->mutex);
    return err;
}

void progress_await(struct progress *progress, uint64_t lsn)
{
    io_mutex_lock(progress->io, progress->mutex);
    progress->awaited = lsn;
    io_cond_signal(progress->io, progress->cond);
    io_mutex_unlock(progress->io, progress->mutex);
}

void progress_stop(struct progress *progress)
{
    io_mutex_lock(progress->io, progress->mutex);
    progress->done = true;
    io_cond_signal(progress->io, progress->cond);
    io_mutex_unlock(progress->io, progress->mutex);
    io_join(progress->io, progress->task);
    io_cond_destroy(progress->io, progress->cond);
    io_mutex_destroy(progress->io, progress->mutex);
}

int progress_last(struct progress *progress, uint64_t durable_lsn)
{
    if (progress->quiet || !progress->any || progress->printed != durable_lsn) {
        print_line(progress, durable_lsn);
    }
    return progress->error;
}
