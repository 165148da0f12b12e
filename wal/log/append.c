/*
 * append.c - accepting records, and waiting for what becomes of them.
 *
 * An append encodes its records straight into the queue, all but the checksums, which need the
 * place in the file that only the committer knows. Nothing here allocates or touches a file.
 */
#include "wal/log/codec.h"
#include "wal/log/log_state.h"

static uint8_t *record_put(uint8_t *p, const struct wal_slice *slice, uint8_t kind,
                           uint32_t batch_index, bool goes_on)
{
    size_t padded = (size_t)log_round_up(slice->len, WAL_RECORD_ALIGN);

    log_record_header_encode(p, &(struct wal_record_header){
                                    .length = (uint32_t)slice->len,
                                    .kind = kind,
                                    .flags = goes_on ? WAL_RECORD_BATCH_GOES_ON : 0,
                                    .batch_index = batch_index,
                                });
    p += WAL_RECORD_HEADER_BYTES;
    /* The last word first: so there is no call for each record that fills its words. */
    if (padded > slice->len) memset(p + padded - WAL_RECORD_ALIGN, 0, WAL_RECORD_ALIGN);
    if (slice->len > 0) memcpy(p, slice->bytes, slice->len);
    return p + padded;
}

/* What the batch takes in the queue, if it is within the limits. */
static enum wal_err batch_measure(const struct wal_options *options,
                                  const struct wal_slice *records, size_t count, uint32_t *ret_need)
{
    uint64_t need = 0;
    uint64_t payload = 0;

    for (size_t i = 0; i < count; i++) {
        assert(records[i].bytes != NULL || records[i].len == 0);
        if (records[i].len > options->record_bytes_max) return WAL_RECORD_LIMIT;
        payload += records[i].len;
        need += log_record_bytes(records[i].len);
        if (need > options->queue_bytes) return WAL_BATCH_LIMIT;
        if (count > 1 && payload > options->batch_bytes_max) return WAL_BATCH_LIMIT;
    }
    *ret_need = (uint32_t)need;
    return WAL_OK;
}

static const struct wal_patience patient = {.deadline_ns = WAL_NO_DEADLINE};

/* With the mutex held: somebody who waited does so no longer, and may be whom wal_close waits for.
 */
void log_leave(struct wal_log *log, unsigned *waiters)
{
    (*waiters)--;
    if (log->ended && log->waiters + log->room_waiters == 0) io_cond_signal(log->io, log->work);
}

static enum wal_err room_sleep(struct wal_log *log, const struct wal_patience *patience)
{
    log->room_waiters++;
    enum wal_err err = io_cond_wait_cancel(log->io, log->room, log->mutex, patience->deadline_ns,
                                           patience->cancel);
    log_leave(log, &log->room_waiters);
    return err;
}

/* What is accepted now would get an LSN that is about to be taken back. */
static bool truncates(const struct wal_log *log)
{
    return log->command != NULL && log->command->kind == LOG_COMMAND_TRUNCATE;
}

/* Returns with the mutex held, also on an error. */
static enum wal_err room_wait(struct wal_log *log, uint32_t need,
                              const struct wal_patience *patience)
{
    bool noted = false;
    enum wal_err err = WAL_OK;

    io_mutex_lock(log->io, log->mutex);
    for (;;) {
        if (truncates(log)) {
            if (err) return err;
            err = room_sleep(log, patience);
            continue;
        }
        if (log->poisoned) return WAL_POISONED;
        if (log->closing) return WAL_CLOSED;
        if (log->stopped_err) return log->stopped_err;
        if (need <= log->options.queue_bytes - log->queues[log->accepting].used) return WAL_OK;
        if (err) {
            io_note(log->io, WAL_NOTE_GAVE_UP_APPEND);
            return err;
        }
        if (!noted) io_note(log->io, WAL_NOTE_QUEUE_FULL);
        noted = true;
        err = room_sleep(log, patience);
    }
}

static enum wal_err append(struct wal_log *log, uint8_t kind, const struct wal_slice *records,
                           size_t count, const struct wal_patience *patience,
                           struct wal_ticket *ret_ticket)
{
    uint32_t need = 0;

    assert(count >= 1);
    assert(kind == WAL_RECORD_DATA || kind >= WAL_RECORD_OPTIONAL);
    enum wal_err err = batch_measure(&log->options, records, count, &need);
    if (err) return err;
    err = room_wait(log, need, patience);
    if (err) {
        io_mutex_unlock(log->io, log->mutex);
        return err;
    }
    struct log_queue *queue = &log->queues[log->accepting];
    uint8_t *p = queue->bytes + WAL_GROUP_HEADER_BYTES + queue->used;
    struct wal_ticket ticket = {
        .first_lsn = log->accepted_lsn + 1,
        .last_lsn = log->accepted_lsn + count,
        .epoch = log->epoch,
    };

    for (size_t i = 0; i < count; i++) {
        p = record_put(p, &records[i], kind, (uint32_t)i, i + 1 < count);
    }
    if (queue->count == 0) {
        queue->first_lsn = ticket.first_lsn;
        queue->since_ns = io_monotonic_ns(log->io);
    }
    queue->used += need;
    queue->count += (uint32_t)count;
    queue->appends++;
    log->accepted_lsn = ticket.last_lsn;
    log->stat.records += count;
    log_stat_accepted(log);
    if (log->committer_waits) log_wake_committer(log, log_queue_due_ns(log));
    io_mutex_unlock(log->io, log->mutex);
    *ret_ticket = ticket;
    return WAL_OK;
}

enum wal_err wal_append_until(struct wal_log *log, const struct wal_slice *records, size_t count,
                              const struct wal_patience *patience, struct wal_ticket *ret_ticket)
{
    return append(log, WAL_RECORD_DATA, records, count, patience, ret_ticket);
}

enum wal_err wal_append_kind(struct wal_log *log, uint8_t kind, const struct wal_slice *records,
                             size_t count, struct wal_ticket *ret_ticket)
{
    return append(log, kind, records, count, &patient, ret_ticket);
}

enum wal_err wal_append_batch(struct wal_log *log, const struct wal_slice *records, size_t count,
                              struct wal_ticket *ret_ticket)
{
    return wal_append_until(log, records, count, &patient, ret_ticket);
}

enum wal_err wal_append(struct wal_log *log, const void *bytes, size_t len,
                        struct wal_ticket *ret_ticket)
{
    return wal_append_until(log, &(struct wal_slice){bytes, len}, 1, &patient, ret_ticket);
}

/* What became of a ticket of an earlier epoch. What the end of an epoch kept was durable, but a
 * later truncation may have taken it. */
static enum wal_err old_ticket(struct wal_log *log, const struct wal_ticket *ticket,
                               uint64_t *ret_lsn)
{
    assert(ticket->epoch < log->epoch);
    *ret_lsn = ticket->first_lsn;
    if (log->epoch - ticket->epoch > LOG_ROLLBACKS_KEPT) return WAL_ROLLED_BACK;
    *ret_lsn = log->durable_lsn;
    for (uint64_t epoch = ticket->epoch; epoch < log->epoch; epoch++) {
        const struct log_rollback *rollback = &log->rollbacks[epoch % LOG_ROLLBACKS_KEPT];

        if (ticket->last_lsn <= rollback->kept_lsn) continue;
        if (epoch == log->unheard_epoch) log->unheard_err = WAL_OK;
        *ret_lsn = rollback->kept_lsn + 1;
        return rollback->err;
    }
    return WAL_OK;
}

bool log_ticket_decided(struct wal_log *log, const struct wal_ticket *ticket, enum wal_err *ret_err,
                        uint64_t *ret_lsn)
{
    if (ticket->epoch != log->epoch) {
        *ret_err = old_ticket(log, ticket, ret_lsn);
        return true;
    }
    assert(ticket->last_lsn <= log->accepted_lsn);
    bool durable = ticket->last_lsn <= log->durable_lsn;
    if (!durable && !log->poisoned) return false;
    *ret_err = durable ? WAL_OK : WAL_POISONED;
    *ret_lsn = durable ? log->durable_lsn : log->durable_lsn + 1;
    return true;
}

/* With the mutex held: it shall be synced up to here. What isn't accepted yet can't be asked for;
 * who waits for it is woken whenever something moves, and asks again. */
static void sync_demand(struct wal_log *log, uint64_t wanted_lsn)
{
    if (wanted_lsn > log->accepted_lsn) wanted_lsn = log->accepted_lsn;
    if (log->sync_wanted_lsn < wanted_lsn) log->sync_wanted_lsn = wanted_lsn;
}

/* With the mutex held: somebody wants to know when this is durable, */
static void show_interest(struct wal_log *log, uint64_t lsn)
{
    if (log->options.sync_policy == WAL_SYNC_ON_DEMAND) sync_demand(log, lsn);
}

/* and will not see to it himself. */
static void hurry(struct wal_log *log)
{
    bool queued = log->queues[log->accepting].count > 0;

    log->hurry = queued;
    if (queued || log->sync_wanted_lsn > log->durable_lsn) log_wake_committer(log, 0);
}

/* With the mutex held, for who has a deadline or the like: wait until something moved. */
static enum wal_err watch(struct wal_log *log, const struct wal_patience *patience)
{
    hurry(log);
    log->waiters++;
    log->watchers++;
    enum wal_err err = io_cond_wait_cancel(log->io, log->moved, log->mutex, patience->deadline_ns,
                                           patience->cancel);
    log->watchers--;
    log_leave(log, &log->waiters);
    return err;
}

/* With the mutex held, for who waits as long as it takes: until he is told, or is to lead. */
static void sleep_patiently(struct wal_log *log, const struct wal_ticket *ticket)
{
    const struct log_queue *queue = &log->queues[log->accepting];
    bool queued = queue->count > 0 && ticket->last_lsn >= queue->first_lsn;
    unsigned which = queued ? log->accepting : log->accepting ^ 1U;
    uint64_t turn = log->turns[which];

    log->patient[which]++;
    /* Without patience to lose it only succeeds. */
    err_ignore(io_cond_wait(log->io, log->decided[which], log->mutex, WAL_NO_DEADLINE));
    if (log->turns[which] == turn) log->patient[which]--;
}

/* With the mutex held, while it isn't decided what becomes of the ticket: do something for it, or
 * wait for somebody to do so. */
static enum wal_err advance(struct wal_log *log, const struct wal_ticket *ticket,
                            const struct wal_patience *patience)
{
    if (patience->deadline_ns != WAL_NO_DEADLINE || patience->cancel != NULL) {
        return watch(log, patience);
    }
    log->waiters++;
    if (!log_lead(log, ticket, NULL)) sleep_patiently(log, ticket);
    log_leave(log, &log->waiters);
    return WAL_OK;
}

enum wal_err wal_wait_until(struct wal_log *log, const struct wal_ticket *ticket,
                            const struct wal_patience *patience, uint64_t *reterr_lost_lsn)
{
    enum wal_err err = WAL_OK;
    uint64_t lsn = 0;
    bool decided = false;

    io_mutex_lock(log->io, log->mutex);
    while (!(decided = log_ticket_decided(log, ticket, &err, &lsn)) && err == WAL_OK) {
        if (log->options.sync_policy == WAL_SYNC_NEVER) {
            err = WAL_NOTDURABLE;
            break;
        }
        show_interest(log, ticket->last_lsn);
        err = advance(log, ticket, patience);
        if (err) io_note(log->io, WAL_NOTE_GAVE_UP_WAIT);
    }
    io_mutex_unlock(log->io, log->mutex);
    if (decided && err && reterr_lost_lsn != NULL) *reterr_lost_lsn = lsn;
    return err;
}

enum wal_err wal_wait(struct wal_log *log, const struct wal_ticket *ticket)
{
    return wal_wait_until(log, ticket, &patient, NULL);
}

enum wal_err wal_poll(struct wal_log *log, const struct wal_ticket *ticket, bool *ret_durable)
{
    enum wal_err err = WAL_OK;
    uint64_t lsn = 0;

    io_mutex_lock(log->io, log->mutex);
    bool decided = log_ticket_decided(log, ticket, &err, &lsn);
    if (!decided) {
        show_interest(log, ticket->last_lsn);
        hurry(log);
    }
    io_mutex_unlock(log->io, log->mutex);
    if (err == WAL_OK) *ret_durable = decided;
    return err;
}

static bool is_after(const struct wal_ticket *a, const struct wal_ticket *b)
{
    return a->epoch != b->epoch ? a->epoch > b->epoch : a->last_lsn >= b->last_lsn;
}

void wal_notify(struct wal_log *log, struct wal_notice *notice)
{
    struct wal_notice **at = &log->notices;

    io_mutex_lock(log->io, log->mutex);
    if (*at != NULL && is_after(&notice->ticket, &log->last_notice->ticket)) {
        at = &log->last_notice->next; /* As a rule. */
    }
    while (*at != NULL && is_after(&notice->ticket, &(*at)->ticket)) at = &(*at)->next;
    notice->next = *at;
    *at = notice;
    if (notice->next == NULL) log->last_notice = notice;
    show_interest(log, notice->ticket.last_lsn);
    hurry(log);
    if (log->notices == notice) log_wake_committer(log, 0); /* It may be decided already. */
    io_mutex_unlock(log->io, log->mutex);
}

enum wal_err wal_sync(struct wal_log *log, uint64_t *ret_durable_lsn)
{
    uint64_t lsn = 0;

    io_mutex_lock(log->io, log->mutex);
    const struct wal_ticket ticket = {
        .first_lsn = log->accepted_lsn,
        .last_lsn = log->accepted_lsn,
        .epoch = log->epoch,
    };
    enum wal_err err = log->poisoned ? WAL_POISONED : WAL_OK;
    while (err == WAL_OK && !log_ticket_decided(log, &ticket, &err, &lsn)) {
        sync_demand(log, ticket.last_lsn);
        err_ignore(advance(log, &ticket, &patient)); /* Without patience to lose it succeeds. */
    }
    if (err == WAL_TRUNCATED) err = WAL_OK; /* It was durable before it went. */
    if (err == WAL_OK) err = log->unheard_err;
    if (err == WAL_OK) err = log->stopped_err;
    if (err == WAL_OK) *ret_durable_lsn = log->durable_lsn;
    log->unheard_err = WAL_OK;
    log->stopped_err = WAL_OK;
    io_mutex_unlock(log->io, log->mutex);
    return err;
}

enum wal_err wal_wait_durable(struct wal_log *log, uint64_t lsn, uint64_t deadline_ns,
                              uint64_t *ret_durable_lsn)
{
    const struct wal_patience patience = {.deadline_ns = deadline_ns};
    enum wal_err err = WAL_OK;

    io_mutex_lock(log->io, log->mutex);
    while (log->durable_lsn <= lsn && err == WAL_OK) {
        show_interest(log, lsn + 1);
        err = log->poisoned ? WAL_POISONED : log->ended ? WAL_CLOSED : watch(log, &patience);
    }
    if (log->durable_lsn > lsn) err = WAL_OK;
    if (err == WAL_OK) *ret_durable_lsn = log->durable_lsn;
    io_mutex_unlock(log->io, log->mutex);
    return err;
}
