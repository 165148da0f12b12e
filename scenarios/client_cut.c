/*
 * client_cut.c - what a client asks the log to forget: its end, its beginning; and what to keep.
 *
 * How far is counted back from what the log says of itself just before, so others may append, cut
 * and pin in between.
 */
#include <assert.h>

#include "scenarios/foreign.h"
#include "scenarios/run.h"

bool run_cuts(enum operation_kind kind)
{
    return kind == OPERATION_TRUNCATE || kind == OPERATION_TRUNCATE_WATCHED ||
           kind == OPERATION_PRUNE || kind == OPERATION_PIN || kind == OPERATION_UNPIN;
}

/* So many records before `end_lsn`, which is behind the last, but nothing below the floor. */
static uint64_t back_from(const struct wal_stat *stat, uint64_t end_lsn, uint64_t records)
{
    uint64_t there_are = end_lsn > stat->first_lsn ? end_lsn - stat->first_lsn : 0;

    return end_lsn - (records < there_are ? records : there_are);
}

enum wal_err run_truncate_after(struct run_client *client, uint32_t number, uint64_t last_lsn)
{
    struct boot *boot = client->boot;
    struct runner *runner = client->runner;
    struct history_event event = {
        .kind = HISTORY_TRUNCATING, .operation = number, .last_lsn = last_lsn};

    runner->truncations++;
    run_put_down(runner, event);
    boot->cutting++;
    enum wal_err err = boot->foreign != NULL
                           ? foreign_log_under_test->truncate(boot->foreign, last_lsn)
                           : wal_truncate_after(boot->log, last_lsn);
    boot->cutting--;
    if (err != WAL_OK) return err;
    runner->truncations++;
    event.kind = HISTORY_TRUNCATED;
    run_put_down(runner, event);
    if (sim_is_zombie(runner->world)) return WAL_OK;
    if (runner->must_lsn > last_lsn) runner->must_lsn = last_lsn;
    if (runner->served_lsn > last_lsn) runner->served_lsn = last_lsn;
    return WAL_OK;
}

static void truncate_back(struct run_client *client, uint32_t number, uint64_t records,
                          const struct wal_stat *stat)
{
    uint64_t last_lsn = back_from(stat, stat->accepted_lsn + 1, records) - 1;
    struct boot *boot = client->boot;

    boot->cut = (struct run_last_cut){.alone = boot->truncating == 0,
                                      .lsn = last_lsn,
                                      .life = stat->life,
                                      .records = stat->records};
    boot->truncating++;
    enum wal_err err = run_truncate_after(client, number, last_lsn);
    boot->truncating--;
    /* At once: what excuses it may be gone when an onlooker is. */
    if (err) run_put_down_failure(boot, number, err);
}

static void prune_before(struct run_client *client, uint32_t number, uint64_t first_lsn)
{
    struct history_event event = {
        .kind = HISTORY_PRUNING, .operation = number, .first_lsn = first_lsn};

    run_put_down(client->runner, event);
    enum wal_err err = wal_prune_before(client->boot->log, first_lsn, &event.first_lsn);
    if (err != WAL_OK) {
        run_put_down_failure(client->boot, number, err);
        return;
    }
    event.kind = HISTORY_PRUNED;
    run_put_down(client->runner, event);
}

/* Each client has a pin of its own. */
static const char *pin_name(uint32_t pin)
{
    static const char *const names[CLIENTS_MAX] = {"pin0", "pin1", "pin2", "pin3",
                                                   "pin4", "pin5", "pin6", "pin7"};

    return names[pin];
}

static void pin_from(struct run_client *client, uint32_t number, uint64_t first_lsn)
{
    struct history_event event = {.kind = HISTORY_PINNING,
                                  .operation = number,
                                  .index = client->number,
                                  .first_lsn = first_lsn};

    run_put_down(client->runner, event);
    client->boot->cutting++;
    enum wal_err err = wal_pin(client->boot->io, RUN_LOG_PATH, pin_name(client->number), first_lsn);
    client->boot->cutting--;
    if (err != WAL_OK) {
        run_put_down_failure(client->boot, number, err);
        return;
    }
    event.kind = HISTORY_PINNED;
    run_put_down(client->runner, event);
}

static void unpin(struct run_client *client, uint32_t number)
{
    run_put_down(client->runner, (struct history_event){.kind = HISTORY_UNPINNED,
                                                        .operation = number,
                                                        .index = client->number});
    client->boot->cutting++;
    enum wal_err err = wal_unpin(client->boot->io, RUN_LOG_PATH, pin_name(client->number));
    client->boot->cutting--;
    if (err == WAL_OK || err == WAL_NOTFOUND) return;
    run_put_down_failure(client->boot, number, err);
}

static void cut(struct run_client *client, const struct operation *operation)
{
    struct wal_stat stat;

    wal_log_stat(client->boot->log, &stat);
    if (sim_is_zombie(client->runner->world)) return; /* Nobody would hear what it asks for. */
    uint64_t durable_end = back_from(&stat, stat.durable_lsn + 1, operation->argument);
    switch (operation->kind) {
    case OPERATION_TRUNCATE:
        truncate_back(client, operation->number, operation->argument, &stat);
        break;
    case OPERATION_TRUNCATE_WATCHED:
        truncate_back(client, operation->number, operation->argument % RUN_WATCHED_BACK, &stat);
        break;
    case OPERATION_PRUNE: prune_before(client, operation->number, durable_end); break;
    case OPERATION_PIN: pin_from(client, operation->number, durable_end); break;
    case OPERATION_UNPIN: unpin(client, operation->number); break;
    case OPERATION_APPEND:
    case OPERATION_APPEND_ASYNC:
    case OPERATION_BATCH:
    case OPERATION_BATCH_ASYNC:
    case OPERATION_WAIT:
    case OPERATION_SYNC:
    case OPERATION_READ:
    case OPERATION_READ_MAPPED:
    case OPERATION_FOLLOW:
    case OPERATION_APPEND_MANY:
    case OPERATION_IDLE:
    case OPERATION_POWER_OFF:
    case OPERATION_KILL:
    case OPERATION_REOPEN:
    case OPERATION_COPY:
    case OPERATION_APPEND_OVER:
    case OPERATION_APPEND_NOTIFY:
    case OPERATION_APPEND_UNTIL:
    case OPERATION_POLL:
    case OPERATION_CANCEL:
    case OPERATION_KIND_COUNT: assert(0 && "cuts nothing"); break;
    }
}

/* Nothing may come between what the log says of itself and what it is asked: so who looks on has
 * begun before. At some time within what a truncation may take he opens his eyes. */
void run_cut(struct run_client *client, const struct operation *operation)
{
    struct run_onlooker onlooker = {.boot = client->boot, .operation = operation->number};

    onlooker.after_ns =
        operation->argument / RUN_WATCHED_BACK % (10 * client->runner->config.fsync_ns + 1);
    if (operation->kind == OPERATION_TRUNCATE_WATCHED) run_look_on(&onlooker);
    cut(client, operation);
    if (operation->kind == OPERATION_TRUNCATE_WATCHED) run_look_away(&onlooker);
}
