/*
 * client_stat.c - the log's numbers: whenever somebody looks they are of one moment, and of one
 * that was.
 */
#include "scenarios/run.h"

enum { LOOKS_MAX = 1000 };

/* A truncation leaves what it was asked to, and all above that has been accepted since. */
static bool forgot_the_cut(const struct boot *boot, const struct wal_stat *stat)
{
    const struct run_last_cut *cut = &boot->cut;

    if (!cut->alone || stat->life == cut->life) return false;
    return stat->accepted_lsn > cut->lsn + (stat->records - cut->records);
}

bool run_stat(struct boot *boot, uint32_t operation, struct wal_stat *ret_stat)
{
    wal_log_stat(boot->log, ret_stat);
    bool good = ret_stat->durable_lsn <= ret_stat->accepted_lsn &&
                ret_stat->rollbacks >= boot->rollbacks && !forgot_the_cut(boot, ret_stat);
    if (!good) run_put_down_error(boot, operation, HISTORY_UNANSWERED);
    return good;
}

static void look(void *arg)
{
    const struct run_onlooker *onlooker = arg;
    struct boot *boot = onlooker->boot;
    struct wal_stat stat;

    err_ignore(io_sleep(boot->io, onlooker->after_ns, NULL)); /* Cannot be cancelled. */
    for (unsigned i = 0; i < LOOKS_MAX && !onlooker->over; i++) {
        if (!run_stat(boot, onlooker->operation, &stat)) return;
        (void)io_monotonic_ns(boot->io); /* Others may go on. */
    }
}

void run_look_on(struct run_onlooker *onlooker)
{
    if (io_spawn(onlooker->boot->io, "onlooker", look, onlooker, &onlooker->task) != WAL_OK) {
        onlooker->task = NULL; /* Out of memory: nobody looks. */
    }
}

void run_look_away(struct run_onlooker *onlooker)
{
    onlooker->over = true;
    if (onlooker->task != NULL) io_join(onlooker->boot->io, onlooker->task);
}
