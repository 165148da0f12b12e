/*
 * prune.c - give up what lies below a floor, but nothing that a pin holds.
 *
 * First the mark says how far the floor is to go: from then on no pin below that is granted (pin.h
 * says who sees whom). Then the pins are looked at, and the floor goes as far as they let it. It is
 * not the floor itself that is written first: were the log to die before the look at the pins, the
 * floor would lie above a pin that was granted meanwhile.
 *
 * The floor is durable, in both slots of the mark, before anything is unlinked: so a segment that
 * is missing below it is no gap, nor is one that a crash brings back. And the pins are looked at
 * again after the mark was written, because one may have come meanwhile (pin.h says who sees whom).
 *
 * Before the first name goes, the mark is read back by its name: if it is no longer ours, our lock
 * was taken from us and another writer may count on these segments. One that takes over after this
 * look has read our floor; one that did before has replaced the mark.
 */
#include "wal/log/codec.h"
#include "wal/log/log_state.h"
#include "wal/log/pin.h"
#include "wal/log/segment.h"

static enum wal_err header_get(struct wal_log *log, uint64_t number,
                               struct wal_segment_header *ret_header)
{
    struct wal_file file;

    enum wal_err err = log_segment_open(log->io, log->dir, number, 0, &file);
    if (err == WAL_NOTFOUND) err = WAL_CORRUPT;
    if (err) return err;
    err = log_segment_header_read(log->io, file, number, ret_header);
    err_ignore(io_close(log->io, file)); /* Only read. */
    return err;
}

void log_report_damage(const struct wal_log *log, enum wal_err err, struct wal_place place)
{
    if (err != WAL_CORRUPT && err != WAL_VERSION) return;
    log_emit(&log->options, (struct wal_event){
                                .kind = WAL_EVENT_CORRUPTION,
                                .err = err,
                                .lsn = place.first_lsn,
                                .place = place,
                            });
}

static enum wal_err header_read(struct wal_log *log, uint64_t number, uint64_t lsn,
                                struct wal_segment_header *ret_header)
{
    enum wal_err err = header_get(log, number, ret_header);

    log_report_damage(log, err, log_place_segment(number, 0, lsn, lsn));
    return err;
}

enum wal_err log_segment_holding(struct wal_log *log, uint64_t lsn,
                                 struct wal_segment_header *ret_header)
{
    uint64_t low = log->floor_segment;
    uint64_t high = log->tip.segment;
    struct wal_segment_header header = {.segment = 0};

    /* The last one that begins at or below it, by halves: LSNs only grow. */
    while (low < high) {
        uint64_t middle = low + (high - low + 1) / 2;
        struct wal_segment_header look;

        enum wal_err err = header_read(log, middle, lsn, &look);
        if (err) return err;
        if (look.first_lsn <= lsn) {
            header = look;
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    if (header.segment != low) {
        enum wal_err err = header_read(log, low, lsn, &header);
        if (err) return err;
    }
    *ret_header = header;
    return WAL_OK;
}

enum wal_err log_mark_is_ours(struct wal_log *log)
{
    struct wal_mark_slot mark;
    unsigned bad = 0;

    enum wal_err err = log_mark_read(log->io, log->dir, &mark, &bad);
    if (err == WAL_NOTFOUND) return WAL_LOCKED;
    if (err) return err;
    bool ours = memcmp(mark.log_id, log->log_id, WAL_LOG_ID_BYTES) == 0 && mark.life == log->life &&
                mark.sequence == log->mark.newest.sequence;
    return ours ? WAL_OK : WAL_LOCKED;
}

/* Where the floor may go, as far as the pins let it. */
static enum wal_err floor_bounded(struct wal_log *log, uint64_t *floor_lsn)
{
    uint64_t pinned = UINT64_MAX;
    struct wal_place place = {.name = ""};

    enum wal_err err = log_pins_lowest(log->io, log->dir, log->log_id, &pinned, &place);
    log_report_damage(log, err, place);
    if (err == WAL_OK && pinned < *floor_lsn) *floor_lsn = pinned;
    return err;
}

static enum wal_err floor_write(struct wal_log *log, uint64_t floor_lsn, bool *unsure)
{
    struct wal_segment_header header;

    enum wal_err err = log_segment_holding(log, floor_lsn, &header);
    if (err) return err;
    log->floor_lsn = floor_lsn;
    log->floor_segment = header.segment;
    err = log_renew_mark(log, true, false, unsure);
    /* The other slot too: it could be the only good one some day. */
    if (err == WAL_OK) err = log_renew_mark(log, true, false, unsure);
    return err;
}

/* From now on no pin below it is granted; those that were are seen by whoever looks now. */
static enum wal_err prune_announce(struct wal_log *log, uint64_t *floor_lsn, bool *unsure)
{
    uint64_t wanted_lsn = *floor_lsn;

    log->pruning_lsn = wanted_lsn;
    enum wal_err err = log_renew_mark(log, false, false, unsure);
    if (err == WAL_OK) err = floor_bounded(log, floor_lsn);
    if (err == WAL_OK && *floor_lsn < wanted_lsn) io_note(log->io, WAL_NOTE_PRUNE_MET_PIN);
    log->pruning_lsn = 0;
    return err;
}

enum wal_err log_prune(struct wal_log *log, struct log_command *command, bool *unsure)
{
    const uint64_t before_lsn = log->floor_lsn;
    const uint64_t before_segment = log->floor_segment;
    uint64_t floor_lsn = command->lsn;

    command->floor_lsn = before_lsn;
    if (floor_lsn > log->tip.durable_lsn + 1) floor_lsn = log->tip.durable_lsn + 1;
    enum wal_err err = floor_bounded(log, &floor_lsn);
    if (err || floor_lsn <= before_lsn) return err;
    err = prune_announce(log, &floor_lsn, unsure);
    if (err || floor_lsn <= before_lsn) goto undo;
    err = floor_write(log, floor_lsn, unsure);
    if (err) goto undo;
    err = log_mark_is_ours(log);
    if (err == WAL_LOCKED) *unsure = true; /* We are not the writer any more. */
    if (err) goto undo;
    for (uint64_t number = before_segment; number < log->floor_segment; number++) {
        log_segment_retire(log, number);
    }
    if (before_segment < log->floor_segment) io_note(log->io, WAL_NOTE_PRUNED);
    command->floor_lsn = log->floor_lsn;
    return WAL_OK;

undo:
    /* Nothing is gone; but the mark may say so already. If it can't be mended, its timer tries. */
    log->floor_lsn = before_lsn;
    log->floor_segment = before_segment;
    if (!*unsure) err_ignore(log_renew_mark(log, true, false, unsure));
    return err;
}

enum wal_err wal_prune_before(struct wal_log *log, uint64_t lsn, uint64_t *ret_floor_lsn)
{
    struct log_command command = {.kind = LOG_COMMAND_PRUNE, .lsn = lsn};

    enum wal_err err = log_command_wait(log, &command);
    if (err == WAL_OK) *ret_floor_lsn = command.floor_lsn;
    return err;
}
