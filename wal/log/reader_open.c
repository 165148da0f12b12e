/*
 * reader_open.c - where to begin: the segment, by its header, and the group in it.
 *
 * A bookmark is no more than a guess. A group header that is valid where the bookmark says, bound
 * to that place and with that LSN, can only have come there as what it is; then what lies before it
 * need not be walked through. With any other bookmark it is.
 */
#include "wal/log/codec.h"
#include "wal/log/reader_state.h"
#include "wal/log/segment.h"
#include "wal/log/survey.h"

enum { LOOKS_MAX = 8 };

/* A segment that was listed. If it is not there it has been pruned since; unless it is missing the
 * next time, too. */
static enum wal_err listed_segment(struct wal_reader *reader, uint64_t number,
                                   struct wal_file *ret_file, struct wal_segment_header *ret_header)
{
    enum wal_err err = log_reader_segment(reader, number, ret_file, ret_header);

    if (err != WAL_NOTFOUND) return err;
    reader->place = log_place_segment(number, 0, 0, UINT64_MAX);
    return WAL_CORRUPT;
}

/* Enter segment `number` if it begins at or below from_lsn. */
static enum wal_err probe(struct wal_reader *reader, uint64_t number, uint64_t from_lsn,
                          bool *ret_entered)
{
    struct wal_segment_header header;
    struct wal_file file;

    enum wal_err err = listed_segment(reader, number, &file, &header);
    if (err) return err;
    *ret_entered = header.first_lsn <= from_lsn;
    if (*ret_entered) {
        log_reader_enter(reader, file, &header);
    } else {
        err_ignore(io_close(reader->io, file)); /* Only read. */
    }
    return WAL_OK;
}

/* Go to where the bookmark says, if a group begins there, and further on than now. */
static enum wal_err bookmark_try(struct wal_reader *reader, const struct wal_bookmark *bookmark)
{
    struct wal_group_header header;
    bool valid = false;

    if (bookmark->segment != reader->header.segment || bookmark->lsn > reader->next_lsn ||
        bookmark->lsn <= reader->at.lsn || bookmark->lsn > log_reader_final_lsn(reader) ||
        bookmark->offset <= reader->at.offset ||
        bookmark->offset % reader->header.block_bytes != 0) {
        return WAL_OK;
    }
    enum wal_err err = log_scan_peek(&reader->scan, bookmark->offset, &header, &valid);
    if (err) return err;
    if (!valid || header.first_lsn != bookmark->lsn) {
        io_note(reader->io, WAL_NOTE_BOOKMARK_WRONG);
        return WAL_OK;
    }
    io_note(reader->io, WAL_NOTE_BOOKMARK_USED);
    reader->at.offset = bookmark->offset;
    reader->at.lsn = bookmark->lsn;
    log_reader_unload(reader);
    return WAL_OK;
}

/* The mark is the best one for who follows: it says where the first group that it doesn't know of
 * would start, and as the recovery of the log does, so may we believe it. */
static void mark_try(struct wal_reader *reader, const struct wal_mark_slot *mark)
{
    if (mark->segment != reader->header.segment || mark->life != reader->header.life ||
        mark->durable_lsn >= reader->next_lsn || mark->durable_lsn < reader->at.lsn ||
        mark->offset <= reader->at.offset || mark->offset > reader->scan.size ||
        mark->offset % reader->header.block_bytes != 0) {
        return;
    }
    reader->at.offset = mark->offset;
    reader->at.lsn = mark->durable_lsn + 1;
    log_reader_unload(reader);
}

/* Enter the last segment that begins at or below from_lsn, and is below the last. Only what is
 * needed is opened, by halves; if the header of one is damaged, those above it, one by one. */
static enum wal_err start_find(struct wal_reader *reader, const struct log_survey *survey,
                               uint64_t from_lsn)
{
    uint64_t low = survey->floor_segment;
    uint64_t high = survey->last_segment;
    bool walks = false;
    bool entered = false;

    if (from_lsn == survey->mark.floor_lsn) high = low + 1;
    while (high - low > 1) {
        uint64_t middle = walks ? high - 1 : low + (high - low) / 2;
        enum wal_err err = probe(reader, middle, from_lsn, &entered);

        if (err == WAL_CORRUPT && !walks) {
            walks = true;
            continue;
        }
        if (err) return err;
        if (entered) {
            low = middle;
            if (walks) high = low + 1;
        } else {
            high = middle;
        }
    }
    if (reader->file.id >= 0) return WAL_OK;
    return probe(reader, low, UINT64_MAX, &entered);
}

/* Beginning with the last segment: where most ask, and it may know more than the mark. */
static enum wal_err start_enter(struct wal_reader *reader, const struct log_survey *survey)
{
    struct wal_segment_header header;
    struct wal_file file;
    uint64_t last = survey->last_segment;
    uint64_t from_lsn = reader->next_lsn;

    enum wal_err err = listed_segment(reader, last, &file, &header);
    if (err) return err;
    bool announced = survey->mark.begins && last == survey->mark.segment;
    if (header.life < survey->mark.life && !announced) {
        err_ignore(io_close(reader->io, file)); /* Only read. */
        return log_reader_fail(reader, WAL_CORRUPT,
                               log_place_segment(last, 0, 0, survey->mark.durable_lsn));
    }
    if (header.durable_lsn > reader->witness_lsn && !announced) {
        reader->witness_lsn = header.durable_lsn;
    }
    if (last == survey->floor_segment || header.first_lsn <= from_lsn) {
        log_reader_enter(reader, file, &header);
        return WAL_OK;
    }
    err_ignore(io_close(reader->io, file)); /* Only read. */
    return start_find(reader, survey, from_lsn);
}

static enum wal_err start(struct wal_reader *reader, const struct log_survey *survey)
{
    const struct wal_reader_options *options = &reader->options;

    log_reader_mark_seen(reader, &survey->mark);
    enum wal_err err = start_enter(reader, survey);
    if (err) return err;
    err = log_reader_ready(reader);
    for (size_t i = 0; i < options->bookmark_count && err == WAL_OK; i++) {
        err = bookmark_try(reader, &options->bookmarks[i]);
    }
    if (err) return err;
    mark_try(reader, &survey->mark);
    return WAL_OK;
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
    err = start(reader, survey);
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
        .options = *options,
        .file = WAL_FILE_NONE,
        .next_file = WAL_FILE_NONE,
    };
    log_scan_init(&reader->scan, io);
    if (options->window_bytes > 0) {
        reader->scan.ahead_bytes = options->window_bytes;
        reader->scan.map_bytes_max = options->window_bytes;
    }
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
