/*
 * client.c - what runs on the tasks of the simulated process: the program that uses the log.
 *
 * The main task opens the log, reads back everything it holds, starts the clients and closes. Each
 * client carries out its operations in order and puts down in the history what it asked for and
 * what it was told. Every process opens the log once: after a poisoning it ends, and the next one
 * recovers, as a service would that is restarted.
 */
#include <assert.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "scenarios/foreign.h"
#include "scenarios/run.h"
#include "wal/log/repair.h"

void run_put_down(struct runner *runner, struct history_event event)
{
    if (sim_is_zombie(runner->world)) return;
    event.instance = sim_instance(runner->world);
    event.time_ns = sim_now_ns(runner->world);
    history_add(&runner->history, &event);
}

void run_put_down_error(struct boot *boot, uint32_t operation, enum history_error error)
{
    run_put_down(boot->runner, (struct history_event){
                                   .kind = HISTORY_FAILED, .operation = operation, .error = error});
    if (error == HISTORY_POISONED) boot->broken = true;
}

void run_put_down_failure(struct boot *boot, uint32_t operation, enum wal_err err)
{
    run_put_down_error(boot, operation, sim_error_class(err));
}

void run_put_down_ack(struct runner *runner, uint32_t operation, uint64_t last_lsn)
{
    if (runner->must_lsn < last_lsn && !sim_is_zombie(runner->world)) runner->must_lsn = last_lsn;
    if (runner->served_lsn < last_lsn) runner->served_lsn = last_lsn;
    run_put_down(runner, (struct history_event){
                             .kind = HISTORY_ACKED, .operation = operation, .last_lsn = last_lsn});
}

/* Open for writing and read back everything. boot: NULL on the side. */
static void recover(struct runner *runner, struct boot *boot, struct wal_io *io,
                    struct record_list *list, struct history_observation *ret_observation)
{
    struct history_observation observation;
    struct wal_options options = runner->log;
    struct wal_log *log;
    struct wal_place place = {.segment = 0};
    struct wal_stat stat;

    if (foreign_log_under_test != NULL) {
        run_foreign_recover(runner, boot, io, list, ret_observation);
        return;
    }
    options.observe_context = boot;
    enum wal_err err = wal_open(io, RUN_LOG_PATH, &options, &log, &place);
    if (err != WAL_OK) {
        *ret_observation = (struct history_observation){
            .recovery = true, .open_error = sim_error_class(err), .place = run_place(&place)};
        return;
    }
    if (boot != NULL) {
        boot->log = log;
        boot->opened_at = runner->history.count;
    }
    wal_log_stat(log, &stat);
    run_read(io,
             &(struct run_reading){
                 .runner = runner, .floor_lsn = stat.first_lsn, .witness_lsn = stat.durable_lsn},
             list, &observation);
    observation.recovery = true;
    observation.from_lsn = stat.first_lsn;
    *ret_observation = observation;
}

/* ---- Operations ---- */

bool run_has_log(const struct boot *boot)
{
    return boot->log != NULL || boot->foreign != NULL;
}

uint32_t run_submit(struct run_client *client, const struct operation *operation,
                    struct wal_slice *slices)
{
    struct runner *runner = client->runner;
    bool gives_up = operation->kind == OPERATION_APPEND_UNTIL;
    uint32_t used = 0;

    for (uint32_t i = 0; i < operation->records; i++) {
        uint8_t *bytes = client->bytes + used;
        uint32_t len = operation->lengths[i];

        run_fill(runner, operation, i, bytes);
        used += len;
        slices[i] = (struct wal_slice){bytes, len};
        run_put_down(runner,
                     (struct history_event){.kind = HISTORY_SUBMITTED,
                                            .error = gives_up ? HISTORY_GAVE_UP : HISTORY_OK,
                                            .operation = operation->number,
                                            .index = i,
                                            .count = operation->records,
                                            .flag = operation->kind == OPERATION_APPEND_OVER,
                                            .length = len,
                                            .hash = XXH3_64bits(bytes, len)});
        runner->result.log_bytes += len;
    }
    return used;
}

/* What is done about a record when it is accepted. */
enum afterwards { WAIT_NOW, WAIT_LATER, BE_CALLED };

/* Is it this operation's own wish not to wait any longer? */
static bool gave_up(const struct operation *operation, enum wal_err err)
{
    return operation->kind == OPERATION_APPEND_UNTIL &&
           (err == WAL_TIMEOUT || (err == WAL_CANCELLED && operation->argument == 0));
}

static struct wal_patience patience_for(const struct run_client *client,
                                        const struct operation *operation)
{
    struct wal_patience patience = {.deadline_ns = WAL_NO_DEADLINE};

    if (operation->kind != OPERATION_APPEND_UNTIL) return patience;
    if (operation->argument == 0) {
        patience.cancel = client->cancel;
    } else {
        patience.deadline_ns = io_monotonic_ns(client->boot->io) + operation->argument;
    }
    return patience;
}

/* Has it rolled back, and nobody asked it since to make durable what there is? If it was to stop
 * then, it accepts nothing until somebody does. */
bool run_is_stopped(const struct boot *boot)
{
    return boot->runner->config.stop_on_rollback != 0 && boot->syncs_running == 0 &&
           boot->stopped_at < boot->rollbacks;
}

static void append(struct run_client *client, const struct operation *operation,
                   enum afterwards afterwards)
{
    struct runner *runner = client->runner;
    struct wal_slice slices[BATCH_RECORDS_MAX];
    uint32_t used = run_submit(client, operation, slices);
    struct ticket ticket = {.operation = operation->number};
    struct wal_patience patience = patience_for(client, operation);
    bool stopped = run_is_stopped(client->boot);
    enum wal_err err;

    if (operation->content == CONTENT_OPTIONAL && operation->kind != OPERATION_APPEND_UNTIL) {
        err = wal_append_kind(client->boot->log, WAL_RECORD_OPTIONAL, slices, operation->records,
                              &ticket.ticket);
    } else if (operation->kind == OPERATION_APPEND_UNTIL) {
        err = wal_append_until(client->boot->log, slices, operation->records, &patience,
                               &ticket.ticket);
    } else if (operation->records == 1) {
        err = wal_append(client->boot->log, slices[0].bytes, slices[0].len, &ticket.ticket);
    } else {
        err = wal_append_batch(client->boot->log, slices, operation->records, &ticket.ticket);
    }
    /* The log had to copy: from here on the bytes are ours, and worthless. */
    if (used > 0) memset(client->bytes, 0xdd, used);
    if (err != WAL_OK) {
        run_put_down_error(client->boot, operation->number,
                           gave_up(operation, err) ? HISTORY_GAVE_UP : sim_error_class(err));
        return;
    }
    run_put_down(runner, (struct history_event){.kind = HISTORY_ACCEPTED,
                                                .operation = operation->number,
                                                .first_lsn = ticket.ticket.first_lsn,
                                                .last_lsn = ticket.ticket.last_lsn});
    if (stopped && run_is_stopped(client->boot)) {
        run_put_down_error(client->boot, operation->number, HISTORY_UNANSWERED);
    }
    switch (afterwards) {
    case WAIT_NOW: run_wait_for(client, &ticket, &patience); break;
    case WAIT_LATER: run_keep_ticket(client, &ticket); break;
    case BE_CALLED: run_notify(client, &ticket); break;
    }
}

/* One byte more than the log takes, of a record or of a batch. */
static void append_over(struct run_client *client, const struct operation *operation)
{
    const struct wal_options *log = &client->runner->log;
    struct operation over = {.kind = operation->kind, .number = operation->number, .records = 1};

    over.lengths[0] = log->record_bytes_max + 1;
    if (operation->argument % 2 != 0) {
        over.records = 2;
        over.lengths[0] = log->batch_bytes_max / 2;
        over.lengths[1] = log->batch_bytes_max + 1 - over.lengths[0];
    }
    append(client, &over, WAIT_NOW);
}

static void sync_all(const struct run_client *client, uint32_t number)
{
    uint64_t durable_lsn;

    run_put_down(client->runner,
                 (struct history_event){.kind = HISTORY_ASKED, .operation = number});
    client->boot->syncs_running++;
    enum wal_err err = wal_sync(client->boot->log, &durable_lsn);
    client->boot->syncs_running--;
    client->boot->stopped_at = client->boot->rollbacks;

    if (err != WAL_OK) {
        run_put_down_failure(client->boot, number, err);
    } else {
        run_put_down_ack(client->runner, number, durable_lsn);
    }
}

/* Many records in one go: what a reader does for each of them must not add up. */
static void append_many(struct run_client *client, const struct operation *operation)
{
    static const struct wal_slice empty[OPERATION_MANY_MAX];
    struct runner *runner = client->runner;
    struct ticket ticket = {.operation = operation->number};
    uint32_t count = (uint32_t)operation->argument;

    for (uint32_t i = 0; i < count; i++) {
        run_put_down(runner, (struct history_event){.kind = HISTORY_SUBMITTED,
                                                    .operation = operation->number,
                                                    .index = i,
                                                    .count = count,
                                                    .hash = XXH3_64bits("", 0)});
    }
    enum wal_err err =
        wal_append_kind(client->boot->log, WAL_RECORD_OPTIONAL + 1, empty, count, &ticket.ticket);
    if (err != WAL_OK) {
        run_put_down_failure(client->boot, operation->number, err);
        return;
    }
    run_put_down(runner, (struct history_event){.kind = HISTORY_ACCEPTED,
                                                .operation = operation->number,
                                                .first_lsn = ticket.ticket.first_lsn,
                                                .last_lsn = ticket.ticket.last_lsn});
    run_wait_for(client, &ticket, &(struct wal_patience){.deadline_ns = WAL_NO_DEADLINE});
}

static void read_beside(struct run_client *client, const struct operation *operation)
{
    struct runner *runner = client->runner;
    struct history_observation observation;
    struct wal_stat stat;

    run_put_down(runner,
                 (struct history_event){.kind = HISTORY_ASKED, .operation = operation->number});
    if (!run_stat(client->boot, operation->number, &stat)) return;
    struct run_reading reading = run_reading_choose(client, operation, &stat);
    run_read(client->boot->io, &reading, &client->seen, &observation);
    observation.instance = sim_instance(runner->world);
    run_put_down(runner, (struct history_event){.kind = HISTORY_OBSERVED,
                                                .operation = operation->number,
                                                .error = observation.read_error,
                                                .observation = &observation});
    if (reading.deaf) {
        run_put_down(runner, (struct history_event){.kind = HISTORY_STUCK,
                                                    .operation = operation->number,
                                                    .index = HISTORY_STUCK_DEAF});
    }
}

/* The client itself, if there is no other: then it has done so before it waits. */
static void cancel_next(const struct run_client *client)
{
    uint32_t next = (client->number + 1) % client->runner->config.clients;
    struct wal_cancel *cancel = client->boot->clients[next].cancel;

    if (cancel != NULL) io_cancel_fire(client->boot->io, cancel);
}

static void operate(struct run_client *client, const struct operation *operation)
{
    struct runner *runner = client->runner;

    if (foreign_log_under_test != NULL && run_foreign_operate(client, operation)) return;
    switch (operation->kind) {
    case OPERATION_APPEND:
    case OPERATION_APPEND_UNTIL:
    case OPERATION_BATCH: append(client, operation, WAIT_NOW); break;
    case OPERATION_APPEND_ASYNC:
    case OPERATION_BATCH_ASYNC: append(client, operation, WAIT_LATER); break;
    case OPERATION_APPEND_NOTIFY: append(client, operation, BE_CALLED); break;
    case OPERATION_WAIT: run_wait_for_all(client); break;
    case OPERATION_POLL: run_poll_all(client); break;
    case OPERATION_CANCEL: cancel_next(client); break;
    case OPERATION_SYNC: sync_all(client, operation->number); break;
    case OPERATION_READ:
    case OPERATION_READ_MAPPED:
    case OPERATION_FOLLOW: read_beside(client, operation); break;
    case OPERATION_APPEND_MANY: append_many(client, operation); break;
    case OPERATION_IDLE:
        err_ignore(io_sleep(client->boot->io, operation->argument,
                            NULL)); /* There is no cancel token: it cannot fail. */
        break;
    case OPERATION_POWER_OFF: sim_power_off(runner->world);
    case OPERATION_KILL: sim_kill(runner->world);
    case OPERATION_COPY: run_copy(client->boot); break;
    case OPERATION_APPEND_OVER: append_over(client, operation); break;
    case OPERATION_TRUNCATE:
    case OPERATION_TRUNCATE_WATCHED:
    case OPERATION_PRUNE:
    case OPERATION_PIN:
    case OPERATION_UNPIN: run_cut(client, operation); break;
    case OPERATION_REOPEN: break; /* Ends the span: the main task's business. */
    case OPERATION_KIND_COUNT: assert(0 && "not an operation"); break;
    }
}

static bool is_to_do(const struct run_client *client, uint32_t i)
{
    const struct runner *runner = client->runner;

    return runner->operations[i].client == client->number && !runner->begun[i];
}

static void client_task(void *arg)
{
    struct run_client *client = arg;
    struct runner *runner = client->runner;
    uint32_t left = 0;

    for (uint32_t i = runner->next; i < client->boot->span_end; i++) left += is_to_do(client, i);
    for (uint32_t i = runner->next; i < client->boot->span_end; i++) {
        if (client->boot->broken || sim_is_zombie(runner->world)) break;
        const struct operation *operation = &runner->operations[i];
        if (!is_to_do(client, i)) continue;
        sim_set_left(runner->world, left--);
        runner->begun[i] = 1;
        sim_set_operation(runner->world, operation->number);
        operate(client, operation);
    }
    sim_set_operation(runner->world, HISTORY_NO_OPERATION);
}

/* Carry out the operations up to the next REOPEN. */
static void run_span(struct boot *boot)
{
    static const char *const names[CLIENTS_MAX] = {"client0", "client1", "client2", "client3",
                                                   "client4", "client5", "client6", "client7"};
    struct runner *runner = boot->runner;
    const struct case_config *config = &runner->config;

    while (runner->next < runner->operation_count && runner->begun[runner->next]) runner->next++;
    boot->span_end = runner->next;
    while (boot->span_end < runner->operation_count &&
           (runner->operations[boot->span_end].kind != OPERATION_REOPEN ||
            runner->begun[boot->span_end])) {
        boot->span_end++;
    }
    if (config->clients == 1) {
        client_task(&boot->clients[0]);
    } else {
        uint32_t spawned = 0;
        sim_set_left(runner->world, boot->span_end - runner->next); /* They begin with that. */
        for (; spawned < config->clients; spawned++) {
            if (io_spawn(boot->io, names[spawned], client_task, &boot->clients[spawned],
                         &boot->tasks[spawned]) != WAL_OK) {
                break; /* Out of memory: the operations are left for the next process. */
            }
        }
        sim_set_left(runner->world, 0);
        for (uint32_t i = 0; i < spawned; i++) io_join(boot->io, boot->tasks[i]);
        if (spawned < config->clients) return;
    }
    if (boot->broken || sim_is_zombie(runner->world)) return;
    if (boot->span_end < runner->operation_count) {
        runner->begun[boot->span_end] = 1;
        sim_set_operation(runner->world, runner->operations[boot->span_end].number);
    }
    boot->finished = true;
}

/* The last boot: something new must be accepted and acknowledged. */
static void run_probe(struct boot *boot)
{
    struct run_client *client = &boot->clients[0];

    operate(client, &boot->runner->operations[boot->runner->operation_count]);
}

void run_observe(void *context, const struct wal_event *event)
{
    struct boot *boot = context;

    if (boot != NULL && event->kind == WAL_EVENT_ROLLED_BACK) {
        boot->rollbacks++;
        boot->rolled_back_lsn = event->lsn;
    }
}

static void close_log(struct boot *boot)
{
    struct runner *runner = boot->runner;
    struct wal_stat stat;

    bool ours = boot->log != NULL;
    bool known = ours && run_stat(boot, HISTORY_NO_OPERATION, &stat);
    boot->closing = true;
    boot->closing_at = runner->history.count;
    enum wal_err err = ours ? wal_close(boot->log) : run_foreign_close(boot);
    boot->log = NULL;
    run_check_notices(boot);
    /* A close that succeeds made durable what was accepted; but what was rolled back since we asked
     * how much that is, was told to those who waited, and is no longer accepted. The numbers know
     * of which rollbacks they know; to count at any other moment would be to count wrongly. */
    if (err == WAL_OK && known && stat.rollbacks == boot->rollbacks) {
        run_put_down_ack(runner, HISTORY_NO_OPERATION, stat.accepted_lsn);
    }
    run_put_down(runner, (struct history_event){.kind = HISTORY_CLOSED,
                                                .operation = HISTORY_NO_OPERATION,
                                                .error = sim_error_class(err)});
}

/* A flag that cannot be had, because memory is short, is nobody's. */
static void begin_clients(struct boot *boot)
{
    for (uint32_t i = 0; i < boot->runner->config.clients; i++) {
        struct run_client *client = &boot->clients[i];

        client->ticket_count = 0;
        client->notice_count = 0;
        if (io_cancel_create(boot->io, &client->cancel) != WAL_OK) client->cancel = NULL;
    }
}

static void end_clients(struct boot *boot)
{
    for (uint32_t i = 0; i < boot->runner->config.clients; i++) {
        struct run_client *client = &boot->clients[i];

        if (client->cancel != NULL) io_cancel_destroy(boot->io, client->cancel);
        client->cancel = NULL;
    }
}

void run_main_task(struct wal_io *io, void *arg)
{
    struct boot *boot = arg;
    struct runner *runner = boot->runner;
    struct history_observation observation;

    boot->io = io;
    if (runner->failed_opens > 0) {
        uint32_t patience = runner->failed_opens < 10 ? runner->failed_opens : 10;
        err_ignore(io_sleep(io, (uint64_t)patience * 20000000, NULL)); /* Cannot fail. */
    }
    recover(runner, boot, io, boot->observed, &observation);
    observation.instance = sim_instance(runner->world);
    run_put_down(runner, (struct history_event){.kind = HISTORY_OBSERVED,
                                                .operation = HISTORY_NO_OPERATION,
                                                .error = observation.open_error,
                                                .observation = &observation});
    if (!run_has_log(boot)) {
        /* A takeover that gives up half way beside a live writer is beyond the contract: the log's
         * life has not changed, but what is beyond the mark may have been written anew. */
        bool halfway = observation.open_error != HISTORY_LOCKED && sim_has_zombie(runner->world);
        if (halfway && !sim_is_zombie(runner->world)) sim_zombie_kill(runner->world);
        return;
    }
    begin_clients(boot);
    /* Nor does a log know that its lock is lost if it is paused after it has looked, and then
     * unlinks what it truncated: by then those are the names of its successor's segments. And two
     * processes must not share the name of a pin. */
    if (sim_has_zombie(runner->world) && !sim_is_zombie(runner->world) &&
        runner->paused->cutting > 0) {
        sim_zombie_kill(runner->world);
    }
    boot->opened = observation.read_error == HISTORY_OK;
    uint64_t end_lsn = observation.from_lsn + observation.count;
    if (runner->served_lsn + 1 < end_lsn) runner->served_lsn = end_lsn - 1;
    if (runner->truncations > 0 && boot->opened)
        runner->must_lsn = runner->served_lsn = end_lsn - 1;
    if (boot->opened && !sim_is_zombie(runner->world)) {
        if (runner->probe) {
            run_probe(boot);
        } else {
            run_span(boot);
            bool last = boot->finished && boot->span_end == runner->operation_count;
            if (last && runner->config.end_power_off) sim_power_off(runner->world);
        }
    }
    close_log(boot);
    end_clients(boot);
}

void run_side_task(struct wal_io *io, void *arg)
{
    struct runner *runner = arg;

    recover(runner, NULL, io, runner->side_list, &runner->side);
    sim_abandon(runner->world);
}

void run_repair_task(struct wal_io *io, void *arg)
{
    const struct wal_repair_options options = {.policy = WAL_REPAIR_SALVAGE, .apply = true};
    struct runner *runner = arg;
    struct wal_repair_report report = {.needed = true};

    enum wal_err err = wal_repair(io, RUN_LOG_PATH, &options, &report);
    runner->repair_needed = report.needed;
    runner->repaired = err == WAL_OK;
    if (err) {
        runner->side =
            (struct history_observation){.recovery = true, .open_error = sim_error_class(err)};
    } else {
        recover(runner, NULL, io, runner->side_list, &runner->side);
    }
    sim_abandon(runner->world);
}
