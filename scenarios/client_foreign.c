/*
 * client_foreign.c - clients of a log that is not ours: what of each operation any log can do.
 */
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "scenarios/foreign.h"
#include "scenarios/run.h"

/* ---- Opening and reading ---- */

static void seen(void *context, uint64_t lsn, const void *bytes, size_t len)
{
    run_list_add(context, (struct history_record){.lsn = lsn,
                                                  .hash = XXH3_64bits(bytes, len),
                                                  .length = (uint32_t)len});
}

static void read_from(void *log, uint64_t from_lsn, struct record_list *list,
                      struct history_observation *ret_observation)
{
    list->count = 0;
    enum wal_err err = foreign_log_under_test->read(log, from_lsn, seen, list);

    *ret_observation = (struct history_observation){.from_lsn = from_lsn,
                                                    .records = list->records,
                                                    .count = list->count,
                                                    .read_error = sim_error_class(err)};
}

void run_foreign_recover(struct runner *runner, struct boot *boot, struct wal_io *io,
                         struct record_list *list, struct history_observation *ret_observation)
{
    struct history_observation observation = {.open_error = HISTORY_OK};
    void *log = NULL;

    enum wal_err err = foreign_log_under_test->open(io, RUN_LOG_PATH, &log);
    if (err == WAL_OK) {
        if (boot != NULL) {
            boot->foreign = log;
            boot->opened_at = runner->history.count;
        }
        read_from(log, 1, list, &observation);
        if (boot != NULL) boot->foreign_lsn = observation.count;
    }
    observation.open_error = sim_error_class(err);
    observation.recovery = true;
    *ret_observation = observation;
}

enum wal_err run_foreign_close(struct boot *boot)
{
    void *log = boot->foreign;

    boot->foreign = NULL;
    return foreign_log_under_test->close(log);
}

/* ---- Operations ---- */

/* Did the world strike this process? */
static bool is_struck(const struct boot *boot)
{
    const struct history *history = &boot->runner->history;
    uint32_t instance = sim_instance(boot->runner->world);

    for (size_t i = boot->opened_at; i < history->count; i++) {
        const struct history_event *event = &history->events[i];
        if (event->kind == HISTORY_INJECTED && event->instance == instance &&
            event->error != HISTORY_OK) {
            return true;
        }
    }
    return false;
}

/* A log may give up for any cause. What it was asked then has the outcome that it would have had in
 * a crash; and as after one, the next process has to recover. */
static void put_down_failure(struct boot *boot, uint32_t operation, enum wal_err err)
{
    if (err == WAL_POISONED && is_struck(boot)) {
        boot->broken = true;
    } else {
        run_put_down_failure(boot, operation, err);
    }
}

/* Whoever waits may find that LSNs mean something else by now. Never equal while somebody
 * truncates. */
static uint64_t truncations(const struct run_client *client)
{
    return client->boot->cutting > 0 ? UINT64_MAX : client->runner->truncations;
}

/* All up to `lsn` at least is to be durable, unless somebody truncates meanwhile. */
static void sync_up_to(struct run_client *client, uint32_t number, uint64_t lsn)
{
    uint64_t durable_lsn = 0, before = truncations(client);

    enum wal_err err = foreign_log_under_test->sync(client->boot->foreign, &durable_lsn);
    if (err != WAL_OK) {
        put_down_failure(client->boot, number, err);
    } else if (durable_lsn < lsn && before == client->runner->truncations) {
        run_put_down_error(client->boot, number, HISTORY_UNANSWERED);
    } else {
        run_put_down_ack(client->runner, number, durable_lsn);
    }
}

static void append(struct run_client *client, const struct operation *operation, bool sync)
{
    struct boot *boot = client->boot;
    struct operation one = *operation;
    struct wal_slice slice;
    uint64_t lsn = 0, before = truncations(client);

    one.kind = OPERATION_APPEND;
    one.records = 1;
    uint32_t used = run_submit(client, &one, &slice);
    enum wal_err err = foreign_log_under_test->append(boot->foreign, slice.bytes, slice.len, &lsn);
    /* The log had to copy: from here on the bytes are ours, and worthless. */
    if (used > 0) memset(client->bytes, 0xdd, used);
    if (err != WAL_OK) {
        put_down_failure(boot, operation->number, err);
        return;
    }
    if (boot->foreign_lsn < lsn && before == client->runner->truncations) boot->foreign_lsn = lsn;
    run_put_down(client->runner, (struct history_event){.kind = HISTORY_ACCEPTED,
                                                        .operation = operation->number,
                                                        .first_lsn = lsn,
                                                        .last_lsn = lsn});
    if (sync) sync_up_to(client, operation->number, lsn);
}

static void sync_all(struct run_client *client, uint32_t number)
{
    uint64_t accepted_lsn = client->boot->foreign_lsn;

    run_put_down(client->runner,
                 (struct history_event){.kind = HISTORY_ASKED, .operation = number});
    sync_up_to(client, number, accepted_lsn);
}

static void read_beside(struct run_client *client, const struct operation *operation)
{
    struct history_observation observation;
    uint64_t from_lsn = 1 + operation->argument % (client->boot->foreign_lsn + 1);

    run_put_down(client->runner,
                 (struct history_event){.kind = HISTORY_ASKED, .operation = operation->number});
    read_from(client->boot->foreign, from_lsn, &client->seen, &observation);
    observation.instance = sim_instance(client->runner->world);
    run_put_down(client->runner, (struct history_event){.kind = HISTORY_OBSERVED,
                                                        .operation = operation->number,
                                                        .error = observation.read_error,
                                                        .observation = &observation});
}

static void truncate_back(struct run_client *client, const struct operation *operation)
{
    uint64_t *accepted_lsn = &client->boot->foreign_lsn, back = operation->argument;

    if (foreign_log_under_test->truncate == NULL) return;
    uint64_t last_lsn = *accepted_lsn - (back < *accepted_lsn ? back : *accepted_lsn);
    enum wal_err err = run_truncate_after(client, operation->number, last_lsn);
    if (err) {
        put_down_failure(client->boot, operation->number, err);
    } else if (*accepted_lsn > last_lsn) {
        *accepted_lsn = last_lsn;
    }
}

bool run_foreign_operate(struct run_client *client, const struct operation *operation)
{
    switch (operation->kind) {
    case OPERATION_APPEND:
    case OPERATION_APPEND_UNTIL:
    case OPERATION_BATCH: append(client, operation, true); return true;
    case OPERATION_APPEND_ASYNC:
    case OPERATION_APPEND_NOTIFY:
    case OPERATION_BATCH_ASYNC: append(client, operation, false); return true;
    case OPERATION_WAIT:
    case OPERATION_SYNC: sync_all(client, operation->number); return true;
    case OPERATION_READ:
    case OPERATION_READ_MAPPED:
    case OPERATION_FOLLOW: read_beside(client, operation); return true;
    case OPERATION_TRUNCATE: truncate_back(client, operation); return true;
    case OPERATION_TRUNCATE_WATCHED:
    case OPERATION_PRUNE:
    case OPERATION_PIN:
    case OPERATION_UNPIN:
    case OPERATION_POLL:
    case OPERATION_CANCEL:
    case OPERATION_COPY:
    case OPERATION_APPEND_OVER:
    case OPERATION_APPEND_MANY: return true; /* Any log need not have them. */
    case OPERATION_IDLE:
    case OPERATION_POWER_OFF:
    case OPERATION_KILL:
    case OPERATION_REOPEN:
    case OPERATION_KIND_COUNT: break;
    }
    return false;
}
