/*
 * lead.c - who commits: one task at a time leads.
 *
 * Who waits as long as it takes for records of his own does best to write and sync them himself,
 * with whatever else is queued: to hand that to another task and to be woken by it costs as much as
 * the fastest devices take for a write. So he leads, if nobody does, until it is decided what
 * became of his records. Those who come meanwhile queue up, and wait; one of them is his heir. Who
 * has a deadline or can be cancelled never leads, for in the middle of a sync nobody can turn back.
 *
 * The committer is the task in the background. It leads where nobody waits who could: for records
 * that were only appended, syncs and the mark whose time has come, the end. It leaves to others
 * what they are about to do: what is queued and nobody asks for, it takes only after LOG_LINGER_NS.
 * To wake it is dear, so while there is something going on it looks that often by itself.
 *
 * NOBODY IS FORGOTTEN. Each of the patient is counted under the queue in which his records lie, as
 * long as it is not decided what became of them: who tells them sets the count to 0. So if it is
 * not 0 and one of them is signalled, one wakes who has a reason to lead; or he is awake already
 * and will look, because he has yet to take the mutex.
 */
#include "wal/log/log_state.h"

static bool is_due(const struct wal_log *log, uint64_t due_ns)
{
    return due_ns != WAL_NO_DEADLINE && io_monotonic_ns(log->io) >= due_ns;
}

/* A truncation waits for all that was accepted before it; a prune must not wait for a queue that
 * may never be empty. */
static bool command_is_due(const struct wal_log *log, bool queued)
{
    if (log->command == NULL) return false;
    return log->command->kind == LOG_COMMAND_PRUNE || !queued;
}

/* Not while more is queued that the same waiter waits for. */
static bool sync_is_due(const struct wal_log *log, bool queued)
{
    const struct log_tip *tip = &log->tip;

    if (tip->written_lsn == tip->durable_lsn) return false;
    if (log->closing && !queued) return true;
    if (is_due(log, log->sync_due_ns)) return true;
    if (log->sync_wanted_lsn <= tip->durable_lsn) return false;
    return tip->written_lsn >= log->sync_wanted_lsn || !queued;
}

static bool is_queued(const struct wal_log *log)
{
    return log->queues[log->accepting].count > 0;
}

/* What is to be done for those who wait. */
static enum log_step step_wanted(const struct wal_log *log)
{
    bool queued = is_queued(log);

    if (log->poisoned) return LOG_STEP_NONE;
    if (sync_is_due(log, queued)) return LOG_STEP_SYNC;
    if (command_is_due(log, queued)) return LOG_STEP_COMMAND;
    return queued ? LOG_STEP_GROUP : LOG_STEP_NONE;
}

uint64_t log_queue_due_ns(const struct wal_log *log)
{
    const struct log_queue *queue = &log->queues[log->accepting];

    if (queue->count == 0) return WAL_NO_DEADLINE;
    if (log->hurry || log->closing || log->command != NULL) return 0;
    if (log->watchers > 0 || log->room_waiters > 0) return 0;
    if (queue->used >= log->options.queue_bytes / 2) return 0;
    return queue->since_ns + LOG_LINGER_NS;
}

static bool notice_is_decided(const struct wal_log *log)
{
    const struct wal_notice *notice = log->notices;

    if (notice == NULL) return false;
    return log->poisoned || notice->ticket.epoch != log->epoch ||
           notice->ticket.last_lsn <= log->durable_lsn;
}

static uint64_t earlier(uint64_t a_ns, uint64_t b_ns)
{
    return a_ns < b_ns ? a_ns : b_ns;
}

void log_wake_committer(struct wal_log *log, uint64_t by_ns)
{
    if (log->led || !log->committer_waits || log->committer_ns <= by_ns) return;
    log->committer_waits = false;
    io_cond_signal(log->io, log->work);
}

void log_let_go(struct wal_log *log, struct wal_cond *heir)
{
    unsigned told = log->told;

    log->told = 0;
    io_mutex_unlock(log->io, log->mutex);
    if (heir != NULL) io_cond_signal(log->io, heir);
    for (unsigned i = 0; i < 2; i++) {
        if (told & 1U << i) io_cond_broadcast(log->io, log->decided[i]);
    }
    if (told & LOG_TELL_WATCHERS) io_cond_broadcast(log->io, log->moved);
}

/* One of those who have a reason to lead. */
static struct wal_cond *heir_find(const struct wal_log *log)
{
    enum log_step step = step_wanted(log);
    unsigned which = log->accepting;

    if (step == LOG_STEP_NONE) return NULL;
    /* What is queued is for those whose records it is, the rest for any. */
    if (log->patient[which] == 0 && step != LOG_STEP_GROUP) which ^= 1U;
    return log->patient[which] > 0 ? log->decided[which] : NULL;
}

/* Somebody else may lead now, and if there is something to do somebody will. */
static void give(struct wal_log *log)
{
    struct wal_cond *heir = heir_find(log);
    uint64_t due_ns = earlier(log->mark_timer.due_ns, log->sync_due_ns);

    log->led = false;
    log->led_count++;
    if (heir == NULL) due_ns = earlier(due_ns, log_queue_due_ns(log));
    if (heir == NULL && log->command != NULL) due_ns = 0;
    if (heir == NULL && log->sync_wanted_lsn > log->tip.durable_lsn) due_ns = 0;
    if (log->closing || notice_is_decided(log)) due_ns = 0;
    log_wake_committer(log, due_ns);
    if (heir == NULL && log->told == 0) return;
    log_let_go(log, heir);
    if (heir != NULL) io_note(log->io, WAL_NOTE_LEAD_HANDED_ON);
    io_mutex_lock(log->io, log->mutex);
}

static bool is_decided(struct wal_log *log, const struct wal_ticket *ticket,
                       const struct log_command *command)
{
    enum wal_err err = WAL_OK;
    uint64_t lsn = 0;

    if (ticket != NULL) return log_ticket_decided(log, ticket, &err, &lsn);
    return command->done;
}

bool log_lead(struct wal_log *log, const struct wal_ticket *ticket,
              const struct log_command *command)
{
    if (log->led) return false;
    enum log_step step = step_wanted(log);
    if (step == LOG_STEP_NONE) return false;
    log->led = true;
    do {
        log_step_run(log, step);
        step = step_wanted(log);
    } while (step != LOG_STEP_NONE && !is_decided(log, ticket, command));
    give(log);
    return true;
}

enum wal_err log_command_wait(struct wal_log *log, struct log_command *command)
{
    enum wal_err err = WAL_OK;

    io_mutex_lock(log->io, log->mutex);
    log->waiters++;
    while (err == WAL_OK && !command->done) {
        if (log->command == NULL) {
            if (log->poisoned) err = WAL_POISONED;
            if (log->closing) err = WAL_CLOSED;
            if (err) break;
            log->command = command;
        }
        if (log_lead(log, NULL, command)) continue;
        log->watchers++;
        err_ignore(io_cond_wait(log->io, log->moved, log->mutex, WAL_NO_DEADLINE));
        log->watchers--;
    }
    log_leave(log, &log->waiters);
    if (err == WAL_OK) err = command->err;
    io_mutex_unlock(log->io, log->mutex);
    return err;
}

/* ---- The committer ---- */

/* Call back whoever is first in line, if it is decided what becomes of his records. */
static bool call_back(struct wal_log *log)
{
    struct wal_notice *notice = log->notices;
    enum wal_err err = WAL_OK;
    uint64_t lsn = 0;

    if (notice == NULL || !log_ticket_decided(log, &notice->ticket, &err, &lsn)) return false;
    log->notices = notice->next;
    if (err) io_note(log->io, WAL_NOTE_CALLED_BACK);
    io_mutex_unlock(log->io, log->mutex);
    notice->call(notice, err, lsn); /* From here on its memory is not ours. */
    io_mutex_lock(log->io, log->mutex);
    return true;
}

/* `busy`: it has just written a group, and what came meanwhile shall not linger. */
static enum log_step committer_step(const struct wal_log *log, bool busy)
{
    enum log_step step = step_wanted(log);

    if (log->poisoned) return LOG_STEP_NONE;
    if (step == LOG_STEP_GROUP && !busy && !is_due(log, log_queue_due_ns(log)))
        step = LOG_STEP_NONE;
    if (step != LOG_STEP_NONE) return step;
    if (log->closing) return LOG_STEP_CLOSE;
    return is_due(log, log->mark_timer.due_ns) ? LOG_STEP_MARK : LOG_STEP_NONE;
}

/* `seen`: how often somebody had led when it last looked. */
static void committer_wait(struct wal_log *log, uint64_t *seen)
{
    uint64_t until_ns = WAL_NO_DEADLINE;

    if (!log->led && !log->poisoned) {
        until_ns =
            earlier(log_queue_due_ns(log), earlier(log->mark_timer.due_ns, log->sync_due_ns));
    }
    if (*seen != log->led_count) {
        until_ns = earlier(until_ns, io_monotonic_ns(log->io) + LOG_LINGER_NS);
    }
    *seen = log->led_count;
    log->committer_waits = true;
    log->committer_ns = until_ns;
    err_ignore(io_cond_wait(log->io, log->work, log->mutex, until_ns)); /* It looks again. */
    log->committer_waits = false;
}

/* False: all is done. */
static bool committer_look(struct wal_log *log, uint64_t *seen)
{
    if (call_back(log)) return true;
    if (log->led) {
        committer_wait(log, seen);
        return true;
    }
    if (log->poisoned && log->closing) return false;
    enum log_step step = committer_step(log, false);
    if (step == LOG_STEP_NONE) {
        committer_wait(log, seen);
        return true;
    }
    enum log_step last;
    if (step == LOG_STEP_GROUP && log->patient[log->accepting] == 0) {
        io_note(log->io, WAL_NOTE_LINGERED);
    }
    log->led = true;
    do {
        log_step_run(log, step);
        last = step;
        step = committer_step(log, last == LOG_STEP_GROUP);
    } while (step != LOG_STEP_NONE && last != LOG_STEP_CLOSE && !notice_is_decided(log));
    if (last == LOG_STEP_CLOSE) log->ended = true;
    give(log);
    return !log->ended;
}

void log_committer(void *arg)
{
    struct wal_log *log = arg;
    uint64_t seen = 0;

    io_mutex_lock(log->io, log->mutex);
    while (committer_look(log, &seen)) continue;
    log->ended = true;
    io_cond_broadcast(log->io, log->moved);
    io_mutex_unlock(log->io, log->mutex);
}
