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
#include "wal/log/mark.h"
#include "wal/log/segment.h"
#include "wal/log/survey.h"
#include "wal/log/transfer.h"

enum { LOOKS_MAX = 4 };

struct wal_reader {
    struct wal_io *io;
    struct wal_dir dir;
    struct wal_cancel *cancel;
    uint8_t log_id[WAL_LOG_ID_BYTES];

    struct wal_file file; /* Of the segment being read, */
    struct wal_segment_header header;
    struct wal_file next_file; /* and of its successor, if there is one. */
    struct wal_segment_header next_header;
    bool ready;             /* The successor was looked for. */
    uint64_t known_segment; /* The last one heard of. */
    uint64_t witness_lsn;

    struct log_scan scan;
    struct log_position at; /* The group being read. */
    struct log_group group; /* If loaded. */
    bool loaded;
    uint32_t pos;           /* The next record in it, */
    uint64_t pos_lsn;       /* its LSN, */
    uint64_t batch_end_lsn; /* and the end of its batch, which may be served. */
    uint64_t next_lsn;      /* The first not served yet. */

    uint64_t once_lsn;      /* Missing, and looked for again, */
    uint64_t looked_lsn;    /* and again. */
    uint64_t resync_offset; /* Beyond the break here no witness was found, */
    uint64_t resync_size;   /* when the file was so large. */
    enum wal_err failed;    /* What ended the reading. */
    struct wal_place place;
};

static bool sealed(const struct wal_reader *reader)
{
    return reader->next_file.id >= 0;
}

/* The last LSN that may be served from this segment. */
static uint64_t final_lsn(const struct wal_reader *reader)
{
    return sealed(reader) ? reader->next_header.first_lsn - 1 : reader->witness_lsn;
}

static void unload(struct wal_reader *reader)
{
    log_scan_drop(&reader->scan);
    reader->loaded = false;
    reader->pos_lsn = reader->at.lsn;
    reader->batch_end_lsn = 0;
}

static enum wal_err fail(struct wal_reader *reader, enum wal_err err, struct wal_place place)
{
    reader->failed = err;
    reader->place = place;
    return err;
}

static enum wal_err damage(struct wal_reader *reader, uint64_t offset)
{
    return fail(
        reader, WAL_CORRUPT,
        log_place_segment(reader->header.segment, offset, reader->pos_lsn, final_lsn(reader)));
}

/* Open segment `number` and read its header. Its place is noted if that is what's wrong. */
static enum wal_err segment_get(struct wal_reader *reader, uint64_t number,
                                struct wal_file *ret_file, struct wal_segment_header *ret_header)
{
    struct wal_file file;

    enum wal_err err = log_segment_open(reader->io, reader->dir, number, 0, &file);
    if (err) return err;
    err = log_segment_header_read(reader->io, file, number, ret_header);
    if (err == WAL_OK && memcmp(ret_header->log_id, reader->log_id, WAL_LOG_ID_BYTES) != 0) {
        err = WAL_CORRUPT;
    }
    if (err) {
        err_ignore(io_close(reader->io, file)); /* Only read. */
        reader->place = log_place_segment(number, 0, reader->pos_lsn, UINT64_MAX);
        return err;
    }
    *ret_file = file;
    return WAL_OK;
}

/* Is there a successor? */
static enum wal_err successor_find(struct wal_reader *reader)
{
    struct wal_segment_header header;
    struct wal_file file = WAL_FILE_NONE;

    if (sealed(reader)) return WAL_OK;
    enum wal_err err = segment_get(reader, reader->header.segment + 1, &file, &header);
    if (err == WAL_NOTFOUND) return WAL_OK;
    if (err == WAL_CORRUPT || err == WAL_VERSION) return fail(reader, err, reader->place);
    if (err) return err;
    if (header.life < reader->header.life || header.first_lsn < reader->header.first_lsn ||
        header.block_bytes != reader->header.block_bytes) {
        err_ignore(io_close(reader->io, file)); /* Only read. */
        return fail(reader, WAL_CORRUPT,
                    log_place_segment(header.segment, 0, reader->pos_lsn, UINT64_MAX));
    }
    reader->next_file = file;
    reader->next_header = header;
    unload(reader);
    return WAL_OK;
}

/* A successor was heard of that isn't there. */
static enum wal_err successor_missing(struct wal_reader *reader, const struct wal_mark_slot *mark)
{
    uint64_t missing = reader->header.segment + 1;
    bool pruned = mark != NULL && mark->floor_segment > missing;

    return fail(reader, pruned ? WAL_PRUNED : WAL_CORRUPT,
                log_place_segment(missing, 0, reader->pos_lsn, reader->witness_lsn));
}

/* The segment in `file` is the one to read now. */
static void segment_enter(struct wal_reader *reader, struct wal_file file,
                          const struct wal_segment_header *header)
{
    if (reader->file.id >= 0) err_ignore(io_close(reader->io, reader->file)); /* Only read. */
    reader->file = file;
    reader->header = *header;
    reader->next_file = WAL_FILE_NONE;
    reader->ready = false;
    reader->at = (struct log_position){
        .offset = log_area_bytes(header->block_bytes),
        .lsn = header->first_lsn,
    };
    if (reader->witness_lsn < header->durable_lsn) reader->witness_lsn = header->durable_lsn;
    log_scan_file(&reader->scan, file, header, 0);
    unload(reader);
}

/* Nothing of a segment is looked at before it is known how far it may be read. */
static enum wal_err segment_ready(struct wal_reader *reader)
{
    enum wal_err err = successor_find(reader);
    if (err) return err;
    if (!sealed(reader) && reader->known_segment > reader->header.segment) {
        return successor_missing(reader, NULL);
    }
    err = io_size(reader->io, reader->file, &reader->scan.size);
    if (err) return err;
    unload(reader);
    reader->ready = true;
    return WAL_OK;
}

/* What the group headers from here on know durable, as far as they follow one another. */
static enum wal_err chain_witness(struct wal_reader *reader, uint64_t *witness)
{
    struct log_position at = reader->at;

    for (;;) {
        uint8_t bytes[WAL_GROUP_HEADER_BYTES];
        struct wal_group_header header;
        size_t len = 0;

        if (at.offset + sizeof bytes > reader->scan.size) return WAL_OK;
        enum wal_err err =
            log_read_full(reader->io, reader->file, at.offset, bytes, sizeof bytes, &len);
        if (err || len < sizeof bytes) return err;
        if (!log_group_header_decode(bytes, reader->scan.binding, at.offset, &header) ||
            header.first_lsn != at.lsn) {
            return WAL_OK;
        }
        if (*witness < header.durable_lsn) *witness = header.durable_lsn;
        at.lsn += header.count;
        at.offset = log_next_offset(&reader->scan, at.offset, header.length);
    }
}

static enum wal_err mark_witness(struct wal_reader *reader, struct wal_mark_slot *ret_mark)
{
    unsigned bad = 0;

    enum wal_err err = log_mark_read(reader->io, reader->dir, ret_mark, &bad);
    if (err == WAL_OK && memcmp(ret_mark->log_id, reader->log_id, WAL_LOG_ID_BYTES) != 0) {
        err = WAL_CORRUPT;
    }
    if (err == WAL_CORRUPT || err == WAL_NOTFOUND) {
        return fail(reader, WAL_CORRUPT, log_place_file(WAL_MARK_NAME));
    }
    return err;
}

/* `witness` was seen. It counts if there is no successor now. */
static enum wal_err witness_apply(struct wal_reader *reader, uint64_t witness, bool *ret_more)
{
    bool was_sealed = sealed(reader);

    enum wal_err err = successor_find(reader);
    if (err) return err;
    *ret_more = sealed(reader) != was_sealed;
    if (!sealed(reader) && witness > reader->witness_lsn) {
        reader->witness_lsn = witness;
        *ret_more = true;
    }
    if (*ret_more) unload(reader);
    return WAL_OK;
}

/* Learn whether more is durable by now. */
static enum wal_err refresh(struct wal_reader *reader, bool *ret_more)
{
    struct wal_mark_slot mark;

    *ret_more = false;
    enum wal_err err = io_size(reader->io, reader->file, &reader->scan.size);
    if (err || sealed(reader)) return err;
    err = mark_witness(reader, &mark);
    if (err) return err;
    uint64_t witness = mark.durable_lsn;
    err = chain_witness(reader, &witness);
    if (err) return err;
    err = witness_apply(reader, witness, ret_more);
    if (err) return err;
    if (reader->known_segment < mark.segment) reader->known_segment = mark.segment;
    if (sealed(reader) || reader->known_segment <= reader->header.segment) return WAL_OK;
    return successor_missing(reader, &mark);
}

/* Nothing valid follows, and nothing proves that it should: unless something beyond does. */
static enum wal_err resync(struct wal_reader *reader, uint64_t offset, bool *ret_more)
{
    uint64_t witness = 0;

    *ret_more = false;
    if (offset >= reader->scan.size) return WAL_OK;
    if (offset == reader->resync_offset && reader->scan.size == reader->resync_size) return WAL_OK;
    reader->resync_offset = offset;
    reader->resync_size = reader->scan.size;
    log_scan_drop(&reader->scan);
    enum wal_err err = log_scan_resync(&reader->scan, offset, &witness);
    unload(reader);
    if (err) return err;
    return witness_apply(reader, witness, ret_more);
}

/* No valid record is where pos_lsn should be. */
static enum wal_err break_found(struct wal_reader *reader)
{
    uint64_t offset = reader->group.offset;
    bool more = false;

    if (reader->group.valid_count > 0) {
        offset += WAL_GROUP_HEADER_BYTES + (uint64_t)reader->group.valid_bytes;
    }
    if (reader->pos_lsn <= final_lsn(reader)) {
        if (reader->looked_lsn == reader->pos_lsn) return damage(reader, offset);
        /* Look again: at the bytes, and at whether there is a successor that ends this one. Twice:
         * once the writer may have been faster, and once a bit may flip on its way. */
        if (reader->once_lsn == reader->pos_lsn) reader->looked_lsn = reader->pos_lsn;
        reader->once_lsn = reader->pos_lsn;
        enum wal_err err = refresh(reader, &more);
        unload(reader);
        return err;
    }
    enum wal_err err = refresh(reader, &more);
    if (err || more) return err;
    err = resync(reader, offset, &more);
    if (err || more) return err;
    return WAL_END;
}

/* The group at reader->at; or go past it, if all of it is durable and comes before next_lsn. */
static enum wal_err group_load(struct wal_reader *reader)
{
    struct wal_group_header header;
    bool valid = false;

    if (reader->next_lsn > reader->at.lsn) {
        enum wal_err err = log_scan_header(&reader->scan, reader->at.offset, &header, &valid);
        if (err) return err;
    }
    if (valid && header.first_lsn == reader->at.lsn) {
        uint64_t end_lsn = header.first_lsn + header.count;

        if (end_lsn <= reader->next_lsn && end_lsn - 1 <= final_lsn(reader)) {
            reader->at.offset = log_next_offset(&reader->scan, reader->at.offset, header.length);
            reader->at.lsn = end_lsn;
            reader->pos_lsn = end_lsn;
            return WAL_OK;
        }
    }
    enum wal_err err =
        log_scan_group(&reader->scan, reader->at.offset, reader->at.lsn, &reader->group);
    if (err) return err;
    reader->loaded = true;
    reader->pos = 0;
    reader->pos_lsn = reader->at.lsn;
    return WAL_OK;
}

static enum wal_err segment_advance(struct wal_reader *reader)
{
    struct wal_segment_header header = reader->next_header;

    if (reader->pos_lsn != header.first_lsn) {
        return fail(reader, WAL_CORRUPT,
                    log_place_segment(header.segment, 0, header.first_lsn, reader->pos_lsn - 1));
    }
    segment_enter(reader, reader->next_file, &header);
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
        log_record_header_decode(reader->group.records + pos, &record);
        pos += (uint32_t)log_record_bytes(record.length);
    }
    if (end_lsn - 1 <= final_lsn(reader)) {
        reader->batch_end_lsn = end_lsn;
        return WAL_OK;
    }
    if (sealed(reader)) {
        return damage(reader, reader->group.offset + WAL_GROUP_HEADER_BYTES + reader->pos);
    }
    enum wal_err err = refresh(reader, &more);
    if (err || more) return err;
    io_note(reader->io, WAL_NOTE_LIVE_READ);
    return WAL_END;
}

/* Find the next batch that may be served; one step at a time, so that it can be cancelled. */
static enum wal_err batch_find(struct wal_reader *reader)
{
    if (!reader->ready) return segment_ready(reader);
    if (sealed(reader) && reader->pos_lsn > final_lsn(reader)) return segment_advance(reader);
    if (!reader->loaded) return group_load(reader);
    if (reader->pos_lsn < reader->at.lsn + reader->group.valid_count) return batch_admit(reader);
    if (reader->group.state != LOG_GROUP_WHOLE) return break_found(reader);
    reader->at.offset = reader->group.next_offset;
    reader->at.lsn = reader->pos_lsn;
    reader->loaded = false;
    return WAL_OK;
}

/* Step over the record at pos; hand it out if it is one to be served. */
static enum wal_err record_take(struct wal_reader *reader, struct wal_record *ret_record,
                                bool *ret_served)
{
    const uint8_t *p = reader->group.records + reader->pos;
    uint64_t offset = reader->group.offset + WAL_GROUP_HEADER_BYTES + reader->pos;
    uint64_t lsn = reader->pos_lsn;
    struct wal_record_header header;

    log_record_header_decode(p, &header);
    bool known = header.kind == WAL_RECORD_DATA;
    if (lsn >= reader->next_lsn && !known && header.kind < WAL_RECORD_OPTIONAL) {
        return fail(reader, WAL_VERSION,
                    log_place_segment(reader->header.segment, offset, lsn, lsn));
    }
    reader->pos += (uint32_t)log_record_bytes(header.length);
    reader->pos_lsn++;
    *ret_served = known && lsn >= reader->next_lsn;
    if (reader->next_lsn <= lsn) reader->next_lsn = lsn + 1;
    if (!*ret_served) return WAL_OK;
    *ret_record = (struct wal_record){
        .lsn = lsn,
        .commit_ns = reader->group.header.commit_ns,
        .wall_ns = reader->group.header.wall_ns,
        .bytes = p + WAL_RECORD_HEADER_BYTES,
        .len = header.length,
        .batch_index = header.batch_index,
        .batch_goes_on = (header.flags & WAL_RECORD_BATCH_GOES_ON) != 0,
        .segment = reader->header.segment,
        .offset = offset,
    };
    return WAL_OK;
}

enum wal_err wal_reader_next(struct wal_reader *reader, struct wal_record *ret_record,
                             struct wal_place *reterr_place)
{
    enum wal_err err = reader->failed;
    bool served = false;

    reader->place = reader->failed ? reader->place : (struct wal_place){.name = ""};
    while (err == WAL_OK && !served) {
        if (reader->cancel != NULL && io_cancel_fired(reader->io, reader->cancel)) {
            err = WAL_CANCELLED;
        } else if (reader->loaded && reader->pos_lsn < reader->batch_end_lsn) {
            err = record_take(reader, ret_record, &served);
        } else {
            err = batch_find(reader);
        }
    }
    if (err && err != WAL_END && reader->place.name[0] == '\0') {
        reader->place = log_place_segment(reader->header.segment, reader->at.offset,
                                          reader->pos_lsn, UINT64_MAX);
    }
    if (err && reterr_place != NULL) *reterr_place = reader->place;
    return err;
}

uint64_t wal_reader_witness(const struct wal_reader *reader)
{
    return reader->witness_lsn;
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

/* The last segment that begins at or below the LSN asked for; from the end, where most ask. */
static enum wal_err start_find(struct wal_reader *reader, const struct log_survey *survey,
                               uint64_t from_lsn)
{
    uint64_t number = survey->last_segment;

    for (;; number--) {
        struct wal_file file;
        struct wal_segment_header header;
        bool fits = number == survey->floor_segment;

        enum wal_err err = segment_get(reader, number, &file, &header);
        if (err) return err;
        if (number == survey->last_segment && header.life < survey->mark.life) {
            err_ignore(io_close(reader->io, file)); /* Only read. */
            return fail(reader, WAL_CORRUPT,
                        log_place_segment(number, 0, 0, survey->mark.durable_lsn));
        }
        if (number == survey->last_segment && header.durable_lsn > reader->witness_lsn) {
            reader->witness_lsn = header.durable_lsn;
        }
        fits = fits || header.first_lsn <= from_lsn;
        if (fits) {
            segment_enter(reader, file, &header);
            return segment_ready(reader);
        }
        err_ignore(io_close(reader->io, file)); /* Only read. */
        if (from_lsn == survey->mark.floor_lsn) number = survey->floor_segment + 1;
    }
}

static enum wal_err reader_begin(struct wal_reader *reader, struct log_survey *survey,
                                 const struct wal_reader_options *options)
{
    enum wal_err err = log_survey_names(survey);
    if (err) return err;
    switch (survey->kind) {
    case LOG_KIND_EMPTY: return WAL_NOTFOUND;
    case LOG_KIND_FOREIGN: return WAL_NOTLOG;
    case LOG_KIND_UNBEGUN: err = log_survey_unbegun(survey); return err ? err : WAL_NOTFOUND;
    case LOG_KIND_LOG: break;
    }
    err = log_survey_dense(survey);
    if (err) return err;
    memcpy(reader->log_id, survey->mark.log_id, WAL_LOG_ID_BYTES);
    reader->witness_lsn = survey->mark.durable_lsn;
    if (reader->witness_lsn < options->witness_lsn) reader->witness_lsn = options->witness_lsn;
    reader->next_lsn = options->from_lsn > 0 ? options->from_lsn : survey->mark.floor_lsn;
    if (reader->next_lsn < survey->mark.floor_lsn) return WAL_PRUNED;
    reader->failed = WAL_OK;
    reader->known_segment = survey->last_segment;
    err = start_find(reader, survey, reader->next_lsn);
    if (err) survey->place = reader->place;
    return err;
}

/* Forget a start that failed. */
static void reader_reset(struct wal_reader *reader)
{
    if (reader->file.id >= 0) err_ignore(io_close(reader->io, reader->file)); /* Only read. */
    if (reader->next_file.id >= 0) err_ignore(io_close(reader->io, reader->next_file));
    reader->file = WAL_FILE_NONE;
    reader->next_file = WAL_FILE_NONE;
}

enum wal_err wal_reader_open(struct wal_io *io, const char *path,
                             const struct wal_reader_options *options,
                             struct wal_reader **ret_reader, struct wal_place *reterr_place)
{
    struct wal_place place = {.name = ""};
    enum wal_err before = WAL_OK;
    struct wal_reader *reader = io_alloc(io, sizeof *reader);
    if (reader == NULL) return WAL_NOMEM;

    *reader = (struct wal_reader){
        .io = io,
        .dir = WAL_DIR_NONE,
        .cancel = options->cancel,
        .file = WAL_FILE_NONE,
        .next_file = WAL_FILE_NONE,
    };
    log_scan_init(&reader->scan, io);
    enum wal_err err = io_dir_open(io, path, &reader->dir);
    if (err) goto undo;

    /* A writer may be at work: what looks wrong once may be right the next time. */
    for (unsigned i = 0; i < LOOKS_MAX; i++) {
        struct log_survey survey;

        log_survey_init(&survey, io, reader->dir);
        before = err;
        err = reader_begin(reader, &survey, options);
        bool same = err == before && memcmp(&place, &survey.place, sizeof place) == 0;
        place = survey.place;
        log_survey_end(&survey);
        if (err != WAL_CORRUPT && err != WAL_NOTFOUND) break;
        reader_reset(reader);
        if (same) break;
    }
    if (err) goto undo;
    *ret_reader = reader;
    return WAL_OK;

undo:
    wal_reader_close(reader);
    if (reterr_place != NULL) *reterr_place = place;
    return err;
}
