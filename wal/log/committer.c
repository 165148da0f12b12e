/*
 * committer.c - what only one task at a time does, the one that leads (lead.c): it writes groups,
 * syncs, rotates, renews the mark, and deals with what goes wrong.
 *
 * An error is either sure or unsure. After a sure one it is known what is on disk, or it was cut
 * off again and that was synced: the group is rolled back, and with it all that was accepted after
 * it, for its LSNs would leave a gap. After an unsure one nobody can know, so the log is poisoned.
 *
 * After a rollback the next group goes to a fresh segment, be it this writer's or, after a close,
 * the next one's. At the same place it would be bound to the same offset and LSNs as the one that
 * was cut off, and a file system that shows stale blocks after a crash could bring that one back.
 * This holds for a segment without any record too: a full disk may get some empty segments, but a
 * record that was refused never returns. It also lets a log go on whose file hit a size limit.
 */
#include "wal/log/codec.h"
#include "wal/log/log_state.h"
#include "wal/log/prepare.h"
#include "wal/log/segment.h"
#include "wal/log/transfer.h"

static uint64_t later(uint64_t now_ns, uint64_t duration_ns)
{
    return now_ns < WAL_NO_DEADLINE - duration_ns ? now_ns + duration_ns : WAL_NO_DEADLINE - 1;
}

enum wal_err log_renew_mark(struct wal_log *log, bool sync, bool clean, bool *unsure)
{
    struct wal_mark_slot contents = {
        .version = WAL_FORMAT_VERSION,
        .clean = clean,
        .life = log->life,
        .cut_life = log->cut_life,
        .cut_lsn = log->cut_lsn,
        .durable_lsn = log->tip.durable_lsn,
        .floor_lsn = log->floor_lsn,
        .floor_segment = log->floor_segment,
        .pruning_lsn = log->pruning_lsn,
        .segment = log->tip.segment,
        .offset = log->tip.durable_offset,
        .commit_ns = log->tip.durable_commit_ns,
        .added = log_mark_added(log->tip.begun_lsn, log->tip.durable_lsn),
    };

    memcpy(contents.log_id, log->log_id, WAL_LOG_ID_BYTES);
    enum wal_err err = log_mark_renew(log->io, &log->mark, &contents, sync, unsure);
    log->counts.marks++;
    log->mark_timer.behind = err != WAL_OK;
    log->mark_timer.due_ns = WAL_NO_DEADLINE;
    if (!sync || err) {
        uint64_t now_ns = io_monotonic_ns(log->io);
        log->mark_timer.due_ns = later(now_ns, log->options.mark_interval_ns);
    }
    return err;
}

/* The time has come: either something new became durable, or nothing has for a while. */
static enum wal_err mark_on_time(struct wal_log *log, bool *unsure)
{
    bool idle = !log->mark_timer.behind;

    enum wal_err err = log_renew_mark(log, idle, false, unsure);
    if (err == WAL_OK && idle) io_note(log->io, WAL_NOTE_MARK_IDLE_SYNC);
    return *unsure ? err : WAL_OK; /* If it is sure, the timer will try again. */
}

/* Something became durable; it isn't acknowledged yet. */
static enum wal_err mark_follow(struct wal_log *log, uint64_t now_ns, bool *unsure)
{
    enum wal_err err = WAL_OK;

    switch (log->options.mark_policy) {
    case WAL_MARK_INTERVAL:
        if (!log->mark_timer.behind) {
            log->mark_timer.behind = true;
            log->mark_timer.due_ns = later(now_ns, log->options.mark_interval_ns);
        } else if (now_ns >= log->mark_timer.due_ns) {
            err = mark_on_time(log, unsure);
        }
        return err;
    case WAL_MARK_EVERY_GROUP:
        err = log_renew_mark(log, false, false, unsure);
        return *unsure ? err : WAL_OK;
    case WAL_MARK_EVERY_SYNCED:
        /* What is durable can't be taken back, and must not be acknowledged without its mark. */
        err = log_renew_mark(log, true, false, unsure);
        *unsure = err != WAL_OK;
        return err;
    }
    return err;
}

/* All that was written is durable now. */
static enum wal_err tip_synced(struct wal_log *log, uint64_t now_ns, bool *unsure)
{
    struct log_tip *tip = &log->tip;

    if (tip->durable_lsn == tip->written_lsn) return WAL_OK;
    tip->durable_lsn = tip->written_lsn;
    tip->durable_offset = tip->offset;
    tip->durable_commit_ns = tip->commit_ns;
    log->sync_due_ns = WAL_NO_DEADLINE;
    log_histogram_add(&log->committed, now_ns - tip->since_ns);
    return mark_follow(log, now_ns, unsure);
}

static enum wal_err tip_sync(struct wal_log *log, bool *unsure)
{
    if (log->tip.durable_lsn == log->tip.written_lsn) return WAL_OK;
    uint64_t begin_ns = io_monotonic_ns(log->io);
    /* Each write was its own sync. */
    if (log->file_flags & WAL_OPEN_DSYNC) return tip_synced(log, begin_ns, unsure);
    enum wal_err err = io_fdatasync(log->io, log->tip.file);
    uint64_t end_ns = io_monotonic_ns(log->io);
    log_histogram_add(&log->synced, end_ns - begin_ns);
    log->counts.syncs++;
    if (err) {
        *unsure = true;
        return err;
    }
    return tip_synced(log, end_ns, unsure);
}

/* Seal the segment and begin its successor. */
static enum wal_err rotate(struct wal_log *log, bool *unsure)
{
    struct log_tip *tip = &log->tip;
    struct wal_file file = WAL_FILE_NONE;

    /* Whatever the policy: what has a successor is durable to its end. */
    enum wal_err err = tip_sync(log, unsure);
    if (err) return err;

    struct wal_segment_header header = {
        .version = WAL_FORMAT_VERSION,
        .block_bytes = log->block_bytes,
        .life = log->life,
        .segment = tip->segment + 1,
        .first_lsn = tip->durable_lsn + 1,
        .durable_lsn = tip->durable_lsn,
        .commit_ns = tip->commit_ns,
        .segment_bytes = log->options.segment_bytes,
        .prev_life = log->life,
        .prev_durable_lsn = tip->begun_lsn,
    };
    memcpy(header.log_id, log->log_id, WAL_LOG_ID_BYTES);
    err = log_next_segment(log, &header, &file, unsure);
    if (err == WAL_LOCKED && log_leftover_remove(log, header.segment) == WAL_OK) {
        err = log_next_segment(log, &header, &file, unsure);
    }
    if (err) return err;

    err_ignore(io_close(log->io, tip->file)); /* Synced to its end. */
    tip->file = file;
    tip->segment = header.segment;
    tip->begun_lsn = header.durable_lsn;
    tip->offset = log_area_bytes(log->block_bytes);
    tip->durable_offset = tip->offset;
    tip->bytes_max = header.segment_bytes;
    tip->binding = log_binding(log->log_id, log->life, header.segment);
    tip->spent = false;
    log->counts.rotations++;
    io_note(log->io, WAL_NOTE_ROTATED);

    /* If this fails surely, the old mark and the new header still say all that recovery needs. */
    err = log_renew_mark(log, true, false, unsure);
    return *unsure ? err : WAL_OK;
}

/* Where the queue ends, header included. */
static uint32_t queue_end(const struct log_queue *queue)
{
    return WAL_GROUP_HEADER_BYTES + queue->used;
}

/* Zeros behind the records. To write them takes a fiftieth of the time of a small group, and to
 * have them fetched from the processor's cache costs the device some more; but where groups are
 * small they are still there from the last time. */
static void group_pad(struct log_queue *group, uint32_t padded)
{
    uint32_t len = queue_end(group);

    if (group->zeros_from <= len && group->zeros_to >= padded) return;
    memset(group->bytes + len, 0, padded - len);
    group->zeros_from = len;
    group->zeros_to = padded;
}

/* Checksums and header, for this place. Returns how long the group is with its padding. */
static size_t group_seal(const struct wal_log *log, struct log_queue *group, uint64_t wall_ns,
                         uint64_t commit_ns)
{
    const struct log_tip *tip = &log->tip;
    uint8_t *records = group->bytes + WAL_GROUP_HEADER_BYTES;
    size_t padded = (size_t)log_round_up(queue_end(group), log->block_bytes);

    log_records_seal(records, tip->binding, tip->offset + WAL_GROUP_HEADER_BYTES, group->first_lsn,
                     group->count);
    const struct wal_group_header header = {
        .first_lsn = group->first_lsn,
        .durable_lsn = tip->durable_lsn,
        .wall_ns = wall_ns,
        .commit_ns = commit_ns,
        .length = group->used,
        .count = group->count,
    };
    log_group_header_encode(group->bytes, &header, tip->binding, tip->offset);
    group_pad(group, (uint32_t)padded);
    return padded;
}

/* Cut off what a failed write may have left, and make that durable. */
static enum wal_err group_cut(struct wal_log *log, bool *unsure)
{
    struct log_tip *tip = &log->tip;

    tip->spent = true;
    enum wal_err err = io_ftruncate(log->io, tip->file, tip->offset);
    if (err == WAL_OK) err = io_fsync(log->io, tip->file);
    log->counts.syncs++;
    if (err) {
        *unsure = true;
        return err;
    }
    return tip_synced(log, io_monotonic_ns(log->io), unsure);
}

static enum wal_err group_write(struct wal_log *log, struct log_queue *group, bool *unsure)
{
    struct log_tip *tip = &log->tip;
    uint64_t len = WAL_GROUP_HEADER_BYTES + (uint64_t)group->used;
    enum wal_err err = WAL_OK;

    if (tip->spent || tip->offset + log_round_up(len, log->block_bytes) > tip->bytes_max) {
        err = rotate(log, unsure);
        if (err) return err;
    }
    assert(group->first_lsn == tip->written_lsn + 1);
    if (tip->durable_lsn == tip->written_lsn) tip->since_ns = group->since_ns;
    log_histogram_add(&log->queued, io_monotonic_ns(log->io) - group->since_ns);
    uint64_t wall_ns = io_wall_ns(log->io);
    uint64_t commit_ns = wall_ns > tip->commit_ns ? wall_ns : tip->commit_ns;
    size_t padded = group_seal(log, group, wall_ns, commit_ns);
    assert(tip->offset + padded <= tip->bytes_max);
    err =
        log_write_aligned(log->io, tip->file, tip->offset, group->bytes, padded, log->direct_align);
    if (err) {
        *unsure = !log_err_is_sure(err);
        if (*unsure) return err;
        enum wal_err cut_err = group_cut(log, unsure);
        return *unsure ? cut_err : err;
    }
    tip->offset += padded;
    tip->written_lsn += group->count;
    tip->commit_ns = commit_ns;
    log->counts.groups++;
    log->counts.bytes_written += padded;
    if (tip->offset > tip->bytes_max / 4) log_preparer_want(&log->preparer, tip->segment);
    if (group->appends > 1) io_note(log->io, WAL_NOTE_GROUP_OF_MANY);
    if (log->options.sync_policy == WAL_SYNC_EVERY_GROUP) return tip_sync(log, unsure);
    if (log->options.sync_policy == WAL_SYNC_INTERVAL && log->sync_due_ns == WAL_NO_DEADLINE) {
        log->sync_due_ns = later(io_monotonic_ns(log->io), log->options.sync_interval_ns);
    }
    return WAL_OK;
}

/* From here on with the mutex held. */

static void queue_empty(struct log_queue *queue)
{
    uint32_t end = queue_end(queue);

    if (queue->zeros_from < end) queue->zeros_from = end;
    queue->used = 0;
    queue->count = 0;
    queue->appends = 0;
}

static void publish(struct wal_log *log)
{
    const struct log_tip *tip = &log->tip;

    log->durable_lsn = tip->durable_lsn;
    log->stat.first_lsn = log->floor_lsn;
    log->stat.life = log->life;
    log->stat.segment = tip->segment;
    log->stat.offset = tip->offset;
    log->stat.segments = tip->segment - log->floor_segment + 1;
    log->stat.groups = log->counts.groups;
    log->stat.bytes_written = log->counts.bytes_written;
    log->stat.syncs = log->counts.syncs;
    log->stat.rotations = log->counts.rotations;
    log->stat.marks = log->counts.marks;
    log_stat_publish(log);
}

/* What became of these tickets is decided. They are woken when the mutex is let go. */
static void tell(struct wal_log *log, unsigned whom)
{
    for (unsigned i = 0; i < 2; i++) {
        if (!(whom & 1U << i) || log->patient[i] == 0) continue;
        log->patient[i] = 0;
        log->turns[i]++;
        log->told |= 1U << i;
    }
    if (log->watchers > 0) log->told |= LOG_TELL_WATCHERS;
}

/* Publish, and tell those whom it may concern. */
static void publish_moved(struct wal_log *log, unsigned whom)
{
    uint64_t before_lsn = log->durable_lsn;

    publish(log);
    if (log->durable_lsn != before_lsn) tell(log, whom);
}

static void command_end(struct wal_log *log, enum wal_err err)
{
    log->command->err = err;
    log->command->done = true;
    log->command = NULL;
    tell(log, LOG_TELL_ALL);
    if (log->room_waiters > 0) io_cond_broadcast(log->io, log->room); /* A truncation held them. */
}

static void poison(struct wal_log *log, enum wal_err err)
{
    log->poisoned = true;
    if (log->command != NULL) command_end(log, WAL_POISONED);
    log->close_err = WAL_POISONED;
    tell(log, LOG_TELL_ALL);
    io_cond_broadcast(log->io, log->room);
    io_note(log->io, WAL_NOTE_POISONED);
    log_emit(&log->options, (struct wal_event){
                                .kind = WAL_EVENT_POISONED,
                                .err = err,
                                .lsn = log->durable_lsn + 1,
                                .place = log_place_segment(log->tip.segment, log->tip.offset,
                                                           log->durable_lsn + 1, log->accepted_lsn),
                            });
}

/* What was accepted above the tip is not, any more: `err` is why. Publish it with the tip: of the
 * two, neither alone is a state that was. */
static void epoch_end(struct wal_log *log, enum wal_err err)
{
    log->rollbacks[log->epoch % LOG_ROLLBACKS_KEPT] = (struct log_rollback){
        .epoch = log->epoch,
        .kept_lsn = log->tip.durable_lsn,
        .err = err,
    };
    log->epoch++;
    log->accepted_lsn = log->tip.durable_lsn;
    if (log->sync_wanted_lsn > log->accepted_lsn) log->sync_wanted_lsn = log->accepted_lsn;
}

static void roll_back(struct wal_log *log, enum wal_err err)
{
    const struct log_tip *tip = &log->tip;
    const struct wal_event event = {
        .kind = WAL_EVENT_ROLLED_BACK,
        .err = err,
        .lsn = tip->durable_lsn,
        .place =
            log_place_segment(tip->segment, tip->offset, tip->durable_lsn + 1, log->accepted_lsn),
    };

    assert(tip->durable_lsn == tip->written_lsn);
    io_note(log->io, WAL_NOTE_ROLLED_BACK);
    log->stat.rollbacks++;
    log->unheard_epoch = log->epoch;
    epoch_end(log, err);
    queue_empty(&log->queues[log->accepting]);
    log->unheard_err = err;
    if (log->options.stop_on_rollback) log->stopped_err = err;
    if (log->room_waiters > 0) io_cond_broadcast(log->io, log->room);
    publish(log);
    tell(log, LOG_TELL_ALL);
    log_emit(&log->options, event); /* Who hears of it is shown it: statistics need no lock. */
}

static void commit_group(struct wal_log *log)
{
    unsigned which = log->accepting;
    struct log_queue *group = &log->queues[which];
    bool unsure = false;

    log->accepting ^= 1U;
    log->hurry = false;
    if (log->room_waiters > 0) io_cond_broadcast(log->io, log->room);
    log_let_go(log, NULL);

    enum wal_err err = group_write(log, group, &unsure);

    io_mutex_lock(log->io, log->mutex);
    queue_empty(group);
    if (unsure) {
        poison(log, err);
    } else if (err) {
        roll_back(log, err);
    } else {
        /* If each group is synced, it is only this one's that became durable. */
        bool each = log->options.sync_policy == WAL_SYNC_EVERY_GROUP;
        publish_moved(log, each ? 1U << which : LOG_TELL_ALL);
    }
}

/* Run one of the steps above without the mutex; publish what came of it, or poison. */
static enum wal_err run_unlocked(struct wal_log *log,
                                 enum wal_err (*step)(struct wal_log *log, bool *unsure))
{
    bool unsure = false;

    log_let_go(log, NULL);
    enum wal_err err = step(log, &unsure);
    io_mutex_lock(log->io, log->mutex);
    if (unsure) {
        poison(log, err);
    } else {
        if (log->command != NULL && log->command->truncated) epoch_end(log, WAL_TRUNCATED);
        publish_moved(log, LOG_TELL_ALL);
    }
    return err;
}

static enum wal_err command_carry_out(struct wal_log *log, bool *unsure)
{
    switch (log->command->kind) {
    case LOG_COMMAND_PRUNE: return log_prune(log, log->command, unsure);
    case LOG_COMMAND_TRUNCATE: return log_truncate(log, log->command, unsure);
    }
    return WAL_OK;
}

static void command_run(struct wal_log *log)
{
    bool truncates = log->command->kind == LOG_COMMAND_TRUNCATE;

    /* What is cut off was accepted and durable once: nobody is told otherwise. */
    if (truncates) err_ignore(run_unlocked(log, tip_sync)); /* It poisons on every error. */
    if (log->poisoned) return;
    enum wal_err err = run_unlocked(log, command_carry_out);
    if (log->poisoned) return;
    command_end(log, err);
}

/* A spent segment must not be gone on with: leave a fresh one, or if there is no room for it a mark
 * that does not call the log clean. */
static enum wal_err mark_clean(struct wal_log *log, bool *unsure)
{
    /* From the clean mark on a successor of the same life may be at work, whose .tmp name is ours.
     */
    log_preparer_stop(&log->preparer);
    if (log->tip.spent) {
        enum wal_err err = rotate(log, unsure);
        if (*unsure) return err;
    }
    return log_renew_mark(log, true, !log->tip.spent, unsure);
}

static void close_out(struct wal_log *log)
{
    assert(log->accepted_lsn == log->tip.durable_lsn);
    enum wal_err err = run_unlocked(log, mark_clean);
    if (err && !log->poisoned) log->close_err = err;
}

void log_step_run(struct wal_log *log, enum log_step step)
{
    assert(log->led && !log->poisoned);
    switch (step) {
    case LOG_STEP_NONE: return;
    case LOG_STEP_SYNC: err_ignore(run_unlocked(log, tip_sync)); return; /* It poisons. */
    case LOG_STEP_COMMAND: command_run(log); return;
    case LOG_STEP_GROUP: commit_group(log); return;
    case LOG_STEP_CLOSE: close_out(log); return;
    case LOG_STEP_MARK: err_ignore(run_unlocked(log, mark_on_time)); return; /* Or tries again. */
    }
}
