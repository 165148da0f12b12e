/*
 * reader.c - read a log in order, as far as it is known durable, perhaps beside its writer.
 *
 * Two rules make it safe without a lock.
 *
 *   Bytes are believed only if they were read after it was known that their LSNs are durable. What
 *   was read before may be of a group that was rolled back and written over. So whenever more
 *   becomes known, the window is dropped.
 *
 *   How far a segment may be read is known only after looking for its successor, and a witness
 *   counts for a segment only if, after the witness was seen, there was no successor. A takeover
 *   leaves groups behind in the old segment that look valid and must not be served, and the
 *   witness may speak of records in the new one.
 */
#include "wal/log/codec.h"
#include "wal/log/reader_state.h"
#include "wal/log/segment.h"

enum {
    CHECK_BYTES = 2048, /* What is checked is served before it leaves the cache. */
    POLL_NS_FIRST = 100 * 1000,
    POLL_NS_MAX = 10 * 1000 * 1000, /* As often as a mark is renewed, if nobody says otherwise. */
};

static enum wal_err damage(struct wal_reader *reader, uint64_t offset)
{
    return log_reader_fail(reader, WAL_CORRUPT,
                           log_place_segment(reader->header.segment, offset, reader->pos_lsn,
                                             log_reader_final_lsn(reader)));
}

/* No valid record is where pos_lsn should be. */
static enum wal_err break_found(struct wal_reader *reader)
{
    uint64_t offset = reader->group.offset;
    bool more = false;

    if (reader->group.valid_count > 0) {
        offset += WAL_GROUP_HEADER_BYTES + (uint64_t)reader->group.valid_bytes;
    }
    if (reader->pos_lsn <= log_reader_final_lsn(reader)) {
        if (reader->looked_lsn == reader->pos_lsn) {
            enum wal_err err = log_reader_gone(reader);
            return err ? err : damage(reader, offset);
        }
        /* Look again: at the bytes, and at whether there is a successor that ends this one. Twice:
         * once the writer may have been faster, and once a bit may flip on its way. */
        if (reader->once_lsn == reader->pos_lsn) reader->looked_lsn = reader->pos_lsn;
        reader->once_lsn = reader->pos_lsn;
        enum wal_err err = log_reader_refresh(reader, &more);
        log_reader_unload(reader);
        return err;
    }
    enum wal_err err = log_reader_refresh(reader, &more);
    if (err || more) return err;
    err = log_reader_resync(reader, offset, &more);
    if (err || more) return err;
    return WAL_END;
}

/* Go past the group at reader->at by its header, if all of it is durable and before next_lsn. */
static enum wal_err group_skip(struct wal_reader *reader, bool *ret_skipped)
{
    struct wal_group_header header;
    bool valid = false;

    *ret_skipped = false;
    enum wal_err err = log_scan_peek(&reader->scan, reader->at.offset, &header, &valid);
    if (err || !valid || header.first_lsn != reader->at.lsn) return err;

    uint64_t end_lsn = header.first_lsn + header.count;
    if (end_lsn > reader->next_lsn || end_lsn - 1 > log_reader_final_lsn(reader)) return WAL_OK;
    reader->at.offset = log_next_offset(&reader->scan, reader->at.offset, header.length);
    reader->at.lsn = end_lsn;
    reader->pos_lsn = end_lsn;
    *ret_skipped = true;
    return WAL_OK;
}

static enum wal_err group_load(struct wal_reader *reader)
{
    if (reader->next_lsn > reader->at.lsn) {
        bool skipped = false;
        enum wal_err err = group_skip(reader, &skipped);
        if (err || skipped) return err;
    }
    enum wal_err err =
        log_scan_group_begin(&reader->scan, reader->at.offset, reader->at.lsn, &reader->group);
    if (err) return err;
    reader->loaded = true;
    reader->pos = 0;
    reader->pos_lsn = reader->at.lsn;
    return WAL_OK;
}

/* Check more of the group, and admit what is valid of it in one go, if it may be served. */
static enum wal_err group_check(struct wal_reader *reader)
{
    enum wal_err err = log_scan_group_check(&reader->scan, &reader->group, CHECK_BYTES);
    if (err) return err;
    uint64_t end_lsn = reader->at.lsn + reader->group.valid_count;
    if (end_lsn - 1 <= log_reader_final_lsn(reader)) reader->batch_end_lsn = end_lsn;
    return WAL_OK;
}

static enum wal_err segment_advance(struct wal_reader *reader)
{
    struct wal_segment_header header = reader->next_header;

    if (reader->pos_lsn != header.first_lsn) {
        return log_reader_fail(
            reader, WAL_CORRUPT,
            log_place_segment(header.segment, 0, header.first_lsn, reader->pos_lsn - 1));
    }
    log_reader_enter(reader, reader->next_file, &header);
    return WAL_OK;
}

/* A valid batch begins at pos. May it be served? */
static enum wal_err batch_admit(struct wal_reader *reader)
{
    uint32_t pos = reader->pos;
    uint64_t end_lsn = reader->pos_lsn;
    struct wal_record_header record = {.flags = WAL_RECORD_BATCH_GOES_ON};
    bool more = false;

    for (; record.flags & WAL_RECORD_BATCH_GOES_ON; end_lsn++) {
        log_record_header_decode(log_group_record(&reader->group, pos), &record);
        pos += (uint32_t)log_record_bytes(record.length);
    }
    if (end_lsn - 1 <= log_reader_final_lsn(reader)) {
        reader->batch_end_lsn = end_lsn;
        return WAL_OK;
    }
    if (log_reader_sealed(reader)) {
        return damage(reader, reader->group.offset + WAL_GROUP_HEADER_BYTES + reader->pos);
    }
    enum wal_err err = log_reader_refresh(reader, &more);
    if (err || more) return err;
    io_note(reader->io, WAL_NOTE_LIVE_READ);
    return WAL_END;
}

/* Find the next batch that may be served; one step at a time, so that it can be cancelled. */
static enum wal_err batch_find(struct wal_reader *reader)
{
    if (!reader->ready) return log_reader_ready(reader);
    if (log_reader_sealed(reader) && reader->pos_lsn > log_reader_final_lsn(reader))
        return segment_advance(reader);
    if (!reader->loaded) return group_load(reader);
    if (reader->pos_lsn < reader->at.lsn + reader->group.valid_count) return batch_admit(reader);
    if (!reader->group.checked) return group_check(reader);
    if (reader->group.state != LOG_GROUP_WHOLE) return break_found(reader);
    reader->at.offset = reader->group.next_offset;
    reader->at.lsn = reader->pos_lsn;
    reader->loaded = false;
    return WAL_OK;
}

/* The record at pos, which p points to, is the next one: show it, and step over it. */
static inline void record_serve(struct wal_reader *reader, const uint8_t *p,
                                const struct wal_record_header *header,
                                struct wal_record *ret_record)
{
    uint64_t lsn = reader->pos_lsn;

    ret_record->lsn = lsn;
    ret_record->commit_ns = reader->group.header.commit_ns;
    ret_record->wall_ns = reader->group.header.wall_ns;
    ret_record->bytes = p + WAL_RECORD_HEADER_BYTES;
    ret_record->len = header->length;
    ret_record->batch_index = header->batch_index;
    ret_record->batch_goes_on = (header->flags & WAL_RECORD_BATCH_GOES_ON) != 0;
    ret_record->lost = header->kind == WAL_RECORD_LOST;
    ret_record->kind = header->kind;
    ret_record->segment = reader->header.segment;
    ret_record->offset = reader->group.offset + WAL_GROUP_HEADER_BYTES + reader->pos;
    reader->pos += (uint32_t)log_record_bytes(header->length);
    reader->pos_lsn = lsn + 1;
    reader->next_lsn = lsn + 1;
    reader->served_lsn = lsn;
}

/* Step over the record at pos; hand it out if it is one to be served. */
static enum wal_err record_take(struct wal_reader *reader, struct wal_record *ret_record,
                                bool *ret_served)
{
    const uint8_t *p = log_group_record(&reader->group, reader->pos);
    uint64_t offset = reader->group.offset + WAL_GROUP_HEADER_BYTES + reader->pos;
    uint64_t lsn = reader->pos_lsn;
    struct wal_record_header header;

    log_record_header_decode(p, &header);
    bool optional = header.kind >= WAL_RECORD_OPTIONAL;
    bool wanted = header.kind == WAL_RECORD_DATA || header.kind == WAL_RECORD_LOST ||
                  (optional && reader->options.optional);
    if (lsn >= reader->next_lsn && !wanted && !optional) {
        return log_reader_fail(reader, WAL_VERSION,
                               log_place_segment(reader->header.segment, offset, lsn, lsn));
    }
    bool skips = optional && !wanted && lsn >= reader->next_lsn;
    bool shown = skips && reader->options.skipped != NULL;
    *ret_served = wanted && lsn >= reader->next_lsn;
    if (skips) io_note(reader->io, WAL_NOTE_UNKNOWN_SKIPPED);
    if (*ret_served) {
        record_serve(reader, p, &header, ret_record);
    } else if (shown) {
        struct wal_record record;

        record_serve(reader, p, &header, &record);
        reader->options.skipped(reader->options.skipped_context, &record);
    } else {
        reader->pos += (uint32_t)log_record_bytes(header.length);
        reader->pos_lsn++;
        if (reader->next_lsn <= lsn) reader->next_lsn = lsn + 1;
    }
    return WAL_OK;
}

static bool cancelled(struct wal_reader *reader)
{
    if (reader->options.cancel == NULL) return false;
    if (!io_cancel_fired(reader->io, reader->options.cancel)) return false;
    io_note(reader->io, WAL_NOTE_READ_CANCELLED);
    return true;
}

/* What is not just the next record of what was admitted. Apart, so that who calls it seldom does
 * not save registers for it always. */
__attribute__((noinline)) static enum wal_err
next_found(struct wal_reader *reader, struct wal_record *ret_record, struct wal_place *reterr_place)
{
    enum wal_err err = reader->failed;
    bool served = false;

    if (!reader->failed) reader->place.name[0] = '\0';
    if (err == WAL_OK && cancelled(reader)) err = WAL_CANCELLED;
    while (err == WAL_OK && !served) {
        if (reader->pos_lsn < reader->batch_end_lsn) {
            err = record_take(reader, ret_record, &served);
            continue;
        }
        err = batch_find(reader);
        if (err == WAL_OK && cancelled(reader)) err = WAL_CANCELLED;
    }
    if (err == WAL_OK) return WAL_OK;
    if (err != WAL_END && reader->place.name[0] == '\0') {
        reader->place = log_place_segment(reader->header.segment, reader->at.offset,
                                          reader->pos_lsn, UINT64_MAX);
    }
    if (reterr_place != NULL) *reterr_place = reader->place;
    return err;
}

enum wal_err wal_reader_next(struct wal_reader *reader, struct wal_record *ret_record,
                             struct wal_place *reterr_place)
{
    /* Nearly all there is to do, nearly always. */
    if (reader->pos_lsn < reader->batch_end_lsn && reader->pos_lsn == reader->next_lsn &&
        reader->options.cancel == NULL && reader->failed == WAL_OK) {
        const uint8_t *p = log_group_record(&reader->group, reader->pos);
        struct wal_record_header header;

        log_record_header_decode(p, &header);
        if (header.kind == WAL_RECORD_DATA) {
            record_serve(reader, p, &header, ret_record);
            return WAL_OK;
        }
    }
    return next_found(reader, ret_record, reterr_place);
}

enum wal_err wal_reader_follow(struct wal_reader *reader, uint64_t deadline_ns,
                               struct wal_record *ret_record, struct wal_place *reterr_place)
{
    const struct wal_reader_options *options = &reader->options;
    uint64_t poll_ns = options->poll_ns > 0 ? options->poll_ns : POLL_NS_MAX;
    uint64_t pause_ns = poll_ns < POLL_NS_FIRST ? poll_ns : POLL_NS_FIRST;

    for (;;) {
        enum wal_err err = wal_reader_next(reader, ret_record, reterr_place);
        if (err != WAL_END) return err;

        uint64_t now_ns = io_monotonic_ns(reader->io);
        if (now_ns >= deadline_ns) return WAL_END;
        if (pause_ns > deadline_ns - now_ns) pause_ns = deadline_ns - now_ns;
        io_note(reader->io, WAL_NOTE_FOLLOW_WAITED);
        err = io_sleep(reader->io, pause_ns, options->cancel);
        if (err) {
            if (reterr_place != NULL) *reterr_place = (struct wal_place){.name = ""};
            return err;
        }
        pause_ns = pause_ns < poll_ns / 2 ? pause_ns * 2 : poll_ns;
    }
}

uint64_t wal_reader_witness(const struct wal_reader *reader)
{
    return reader->witness_lsn;
}

uint64_t wal_reader_next_lsn(const struct wal_reader *reader)
{
    return reader->next_lsn;
}

bool wal_reader_bookmark(const struct wal_reader *reader, struct wal_bookmark *ret_bookmark)
{
    if (!reader->loaded) return false;
    *ret_bookmark = (struct wal_bookmark){
        .lsn = reader->at.lsn,
        .segment = reader->header.segment,
        .offset = reader->at.offset,
    };
    return true;
}

void wal_reader_close(struct wal_reader *reader)
{
    struct wal_io *io = reader->io;

    /* Files that were only read. */
    if (reader->file.id >= 0) err_ignore(io_close(io, reader->file));
    if (reader->next_file.id >= 0) err_ignore(io_close(io, reader->next_file));
    log_scan_end(&reader->scan);
    if (reader->dir.id >= 0) io_dir_close(io, reader->dir);
    io_free(io, reader, sizeof *reader);
}
