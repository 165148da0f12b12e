/*
 * survey.c - names and headers: which segments there are, and whether they belong together.
 */
#include "wal/log/survey.h"

#include "wal/log/codec.h"
#include "wal/log/mark.h"
#include "wal/log/pin.h"
#include "wal/log/segment.h"
#include "wal/log/survey_damage.h"

void log_survey_init(struct log_survey *survey, struct wal_io *io, struct wal_dir dir)
{
    *survey = (struct log_survey){.io = io, .dir = dir};
    log_scan_init(&survey->scan, io);
}

void log_survey_end(struct log_survey *survey)
{
    log_scan_end(&survey->scan);
    io_free(survey->io, survey->names, survey->names_bytes);
    io_free(survey->io, survey->segments, survey->count * sizeof *survey->segments);
    survey->names = NULL;
    survey->names_bytes = 0;
    survey->segments = NULL;
    survey->count = 0;
}

enum wal_err log_survey_damage(struct log_survey *survey, struct wal_place place)
{
    if (survey->damages++ == 0) survey->place = place;
    if (survey->observe != NULL) {
        survey->observe(survey->observe_context, &(struct wal_event){
                                                     .kind = WAL_EVENT_CORRUPTION,
                                                     .err = WAL_CORRUPT,
                                                     .lsn = place.first_lsn,
                                                     .place = place,
                                                 });
    }
    return survey->go_on ? WAL_OK : WAL_CORRUPT;
}

const char *log_survey_next_name(const struct log_survey *survey, const char *name)
{
    if (survey->names_bytes == 0) return NULL;
    const char *next = name == NULL ? survey->names : name + strlen(name) + 1;
    return next < survey->names + survey->names_bytes ? next : NULL;
}

static bool name_is_ours(const char *name)
{
    uint64_t number;

    return strcmp(name, WAL_LOCK_NAME) == 0 || strcmp(name, WAL_MARK_NAME) == 0 ||
           log_tmp_name(name) || log_spare_name_parse(name, &number) || log_pin_name(name);
}

static void names_sort_out(struct log_survey *survey, bool marked)
{
    const char *foreign = NULL;
    uint64_t lowest = UINT64_MAX;

    survey->floor_segment = marked ? survey->mark.floor_segment : 1;
    for (const char *name = NULL; (name = log_survey_next_name(survey, name)) != NULL;) {
        uint64_t number;

        if (!log_segment_name_parse(name, &number)) {
            if (!name_is_ours(name)) foreign = name;
            continue;
        }
        if (number < survey->floor_segment) continue;
        survey->wals++;
        if (number < lowest) lowest = number;
        if (number > survey->last_segment) survey->last_segment = number;
    }
    if (marked) {
        survey->kind = LOG_KIND_LOG;
    } else if (survey->wals > 0) {
        survey->kind = LOG_KIND_UNBEGUN;
        survey->floor_segment = lowest;
    } else if (foreign != NULL) {
        survey->kind = LOG_KIND_FOREIGN;
        survey->place = log_place_file(foreign);
    } else {
        survey->kind = LOG_KIND_EMPTY;
    }
}

static enum wal_err header_at(struct log_survey *survey, uint64_t number,
                              struct wal_segment_header *ret_header, uint64_t *ret_size)
{
    struct wal_file file;

    enum wal_err err = log_segment_open(survey->io, survey->dir, number, 0, &file);
    if (err) return err;
    err = log_segment_header_read(survey->io, file, number, ret_header);
    if (err == WAL_OK && ret_size != NULL) err = io_size(survey->io, file, ret_size);
    err_ignore(io_close(survey->io, file)); /* Only read. */
    return err;
}

/* Of which life is this segment? 0: it can't be read. One of a newer format is of a later life. */
static enum wal_err life_of(struct log_survey *survey, uint64_t number, uint64_t *ret_life)
{
    struct wal_segment_header header = {.life = 0};

    enum wal_err err = header_at(survey, number, &header, NULL);
    if (err == WAL_VERSION) header.life = UINT64_MAX;
    if (err == WAL_CORRUPT || err == WAL_VERSION || err == WAL_NOTFOUND) err = WAL_OK;
    if (err == WAL_OK) *ret_life = header.life;
    return err;
}

/* Of the names above `number`: the highest that can be read and is of the mark's life or a later
 * one, 0 if there is none; and the lowest that is of an earlier one. */
static enum wal_err lives_above(struct log_survey *survey, uint64_t number, uint64_t *ret_member,
                                uint64_t *ret_leftover)
{
    uint64_t member = 0;
    uint64_t leftover = UINT64_MAX;

    for (const char *name = NULL; (name = log_survey_next_name(survey, name)) != NULL;) {
        uint64_t at;
        uint64_t life = 0;

        if (!log_segment_name_parse(name, &at) || at <= number) continue;
        enum wal_err err = life_of(survey, at, &life);
        if (err) return err;
        if (life >= survey->mark.life && at > member) member = at;
        if (life != 0 && life < survey->mark.life && at < leftover) leftover = at;
    }
    *ret_member = member;
    *ret_leftover = leftover;
    return WAL_OK;
}

/* Segments above the mark's that are of a lower life than the mark are not part of the log: a new
 * life has begun below them (format.h, "A LIFE begins"). Nor is what stands above such a one, for
 * the new life's segments leave no number out, unless it can be read and is of that life. But one
 * that can't be read, with no leftover below it, may be: whoever needs it will say so. So what is
 * left is all names up to last_segment, and wals counts them. */
static enum wal_err leftovers_set_aside(struct log_survey *survey)
{
    uint64_t number;
    uint64_t last = survey->mark.segment;
    uint64_t member = 0;
    uint64_t leftover = 0;

    enum wal_err err = lives_above(survey, last, &member, &leftover);
    if (err) return err;
    if (member > last) {
        last = member;
        if (leftover < last) err = lives_above(survey, last, &member, &leftover);
        if (err) return err;
    }
    for (const char *name = NULL; (name = log_survey_next_name(survey, name)) != NULL;) {
        if (!log_segment_name_parse(name, &number)) continue;
        if (number < leftover && number > last) last = number;
    }
    for (const char *name = NULL; (name = log_survey_next_name(survey, name)) != NULL;) {
        if (log_segment_name_parse(name, &number) && number > last) survey->wals--;
    }
    survey->last_segment = last;
    return WAL_OK;
}

enum wal_err log_survey_names(struct log_survey *survey)
{
    enum wal_err err =
        log_mark_read(survey->io, survey->dir, &survey->mark, &survey->mark_bad_slots);
    bool marked = err == WAL_OK;

    if (err != WAL_OK && err != WAL_NOTFOUND) {
        survey->place = log_place_file(WAL_MARK_NAME);
        /* Without a mark nobody knows where the log begins: not even verify can go on. */
        if (err == WAL_CORRUPT) err_ignore(log_survey_damage(survey, survey->place));
        return err;
    }
    err = io_list(survey->io, survey->dir, &survey->names, &survey->names_bytes);
    if (err) return err;
    names_sort_out(survey, marked);
    if (!marked || survey->last_segment <= survey->mark.segment) return WAL_OK;
    return leftovers_set_aside(survey);
}

/* Does no group follow the header of a segment whose size does not tell? Not: nothing but zeros. A
 * flipped bit among them is no reason to call a log lost that never began. */
static enum wal_err no_group_follows(struct log_survey *survey, uint64_t number,
                                     const struct wal_segment_header *header, uint64_t size,
                                     bool *ret_empty)
{
    struct wal_file file;
    uint64_t witness = 0;
    uint64_t tail_end = 0;

    enum wal_err err = log_segment_open(survey->io, survey->dir, number, 0, &file);
    if (err) return err;
    log_scan_file(&survey->scan, file, header, size);
    survey->scan.flags |= WAL_SEGMENT_RECYCLED;
    err = log_scan_rest(&survey->scan, log_area_bytes(header->block_bytes), &witness, &tail_end);
    log_scan_drop(&survey->scan);
    err_ignore(io_close(survey->io, file)); /* Only read. */
    if (err) return err;
    *ret_empty = tail_end == 0;
    return WAL_OK;
}

enum wal_err log_survey_unbegun(struct log_survey *survey)
{
    survey->place = log_place_file(WAL_MARK_NAME);
    for (const char *name = NULL; (name = log_survey_next_name(survey, name)) != NULL;) {
        struct wal_segment_header header;
        uint64_t number;
        uint64_t size = 0;

        if (!log_segment_name_parse(name, &number)) continue;
        enum wal_err err = header_at(survey, number, &header, &size);
        if (err != WAL_OK && err != WAL_CORRUPT) return err;
        /* Segments are synced with nothing in them, and get no group before there is a mark. There
         * may be several: a mark whose name never became durable could be seen for a while, and
         * the log be taken over. But in none of them was there ever a record before. */
        bool empty = err == WAL_OK && size == log_area_bytes(header.block_bytes);
        if (err == WAL_OK && (header.flags & WAL_SEGMENT_PREWRITTEN)) {
            err = no_group_follows(survey, number, &header, size, &empty);
            if (err) return err;
        }
        if (empty && header.commit_ns == 0) continue;
        return log_survey_damage(survey, survey->place);
    }
    return WAL_OK;
}

/* Up to which LSN the segments before `number` count, as others have it: the one behind, whose
 * header this is, or the mark. UINT64_MAX: nobody says. */
static uint64_t kept_below(const struct log_survey *survey, uint64_t number,
                           const struct wal_segment_header *behind)
{
    if (behind != NULL && behind->segment == number + 1 && behind->prev_life != 0) {
        return log_prev_kept_lsn(behind);
    }
    return number == survey->mark.segment ? log_mark_kept_lsn(&survey->mark) : UINT64_MAX;
}

/* The LSN after the last that segment `number` holds; 0 if that can't be known. Reads all of it,
 * only to say what is lost, if nobody tells how far it counts. */
static uint64_t lsn_after(struct log_survey *survey, uint64_t number)
{
    struct wal_segment_header header;
    struct log_position position = {.lsn = 0};
    struct wal_file file;
    uint64_t size = 0;
    struct log_witness witness = {.lsn = 0};

    if (number < survey->floor_segment) return survey->mark.floor_lsn;
    enum wal_err err = log_segment_open(survey->io, survey->dir, number, 0, &file);
    if (err) return 0;
    err = log_segment_header_read(survey->io, file, number, &header);
    if (err == WAL_OK) err = io_size(survey->io, file, &size);
    if (err == WAL_OK) {
        position.offset = log_area_bytes(header.block_bytes);
        position.lsn = header.first_lsn;
        log_scan_file(&survey->scan, file, &header, size);
        err = log_scan_chain(&survey->scan, &position, UINT64_MAX, &witness);
    }
    err_ignore(io_close(survey->io, file)); /* Only read. */
    if (err) return 0;
    bool cut = header.life < survey->mark.cut_life && survey->mark.cut_lsn < position.lsn;
    return cut ? survey->mark.cut_lsn + 1 : position.lsn; /* What was cut off is not held. */
}

/* The first number from the floor on that no segment has. */
static enum wal_err first_hole(struct log_survey *survey, uint64_t *ret_hole)
{
    size_t count = (size_t)survey->wals + 1; /* So one of these numbers must be missing. */
    size_t i = 0;
    uint8_t *seen = io_alloc(survey->io, count);

    if (seen == NULL) return WAL_NOMEM;
    memset(seen, 0, count);
    for (const char *name = NULL; (name = log_survey_next_name(survey, name)) != NULL;) {
        uint64_t number;
        if (!log_segment_name_parse(name, &number) || number < survey->floor_segment) continue;
        if (number > survey->last_segment) continue; /* A leftover, which wals does not count. */
        if (number - survey->floor_segment < count) seen[number - survey->floor_segment] = 1;
    }
    while (i < count && seen[i] != 0) i++;
    assert(i < count);
    io_free(survey->io, seen, count);
    *ret_hole = survey->floor_segment + i;
    return WAL_OK;
}

/* Segments are missing. Verify goes on with those before the hole. */
static enum wal_err hole_report(struct log_survey *survey)
{
    uint64_t hole = 0;
    uint64_t next = UINT64_MAX;
    uint64_t last_lsn = survey->mark.durable_lsn;
    struct wal_segment_header header = {.segment = 0};

    enum wal_err err = first_hole(survey, &hole);
    if (err) return err;
    for (const char *name = NULL; (name = log_survey_next_name(survey, name)) != NULL;) {
        uint64_t number;
        if (!log_segment_name_parse(name, &number) || number > survey->last_segment) continue;
        if (number > hole && number < next) next = number;
    }
    if (next < UINT64_MAX) {
        err = header_at(survey, next, &header, NULL);
        last_lsn = err == WAL_OK ? header.first_lsn - 1 : UINT64_MAX;
    }
    survey->holed = true;
    survey->last_segment = hole - 1;
    uint64_t first_lsn = kept_below(survey, hole, &header) + 1;
    if (first_lsn == 0) first_lsn = lsn_after(survey, hole - 1);
    return log_survey_damage(survey, log_place_segment(hole, 0, first_lsn, last_lsn));
}

/* Does this header belong here, between its neighbours? */
static bool header_fits(const struct log_survey *survey, const struct wal_segment_header *before,
                        const struct wal_segment_header *header)
{
    if (memcmp(header->log_id, survey->mark.log_id, WAL_LOG_ID_BYTES) != 0) return false;
    if (header->segment == survey->mark.segment) {
        bool before_mark = header->life < survey->mark.life;
        if (survey->mark.begins ? !before_mark : header->life != survey->mark.life) return false;
    }
    if (header->segment == survey->floor_segment && header->first_lsn > survey->mark.floor_lsn) {
        return false;
    }
    if (before == NULL) return true;
    return header->block_bytes == before->block_bytes && header->life >= before->life &&
           header->first_lsn >= before->first_lsn;
}

static enum wal_err headers_read(struct log_survey *survey)
{
    const struct wal_segment_header *before = NULL;

    for (size_t i = survey->first; i < survey->count; i++) {
        struct log_survey_segment *segment = &survey->segments[i];
        uint64_t number = survey->floor_segment + i;

        enum wal_err err = header_at(survey, number, &segment->header, NULL);
        if (err == WAL_VERSION) survey->place = log_place_segment(number, 0, 0, 0);
        if (err != WAL_OK && err != WAL_CORRUPT) return err;
        segment->sound = err == WAL_OK && header_fits(survey, before, &segment->header);
        if (segment->sound) before = &segment->header;
    }
    survey->life = before == NULL ? survey->mark.life : before->life;
    survey->announced = survey->mark.begins && survey->last_segment == survey->mark.segment;
    if (survey->announced) survey->life = survey->mark.life;
    return WAL_OK;
}

/* The first LSN of segment i, without what is in the one before, too, unless its own header says
 * it; 0: nobody does. */
static uint64_t first_lsn_of(const struct log_survey *survey, size_t i)
{
    const struct log_survey_segment *segment = &survey->segments[i];
    bool behind = i + 1 < survey->count && segment[1].sound;

    if (segment->sound) return segment->header.first_lsn;
    return kept_below(survey, survey->floor_segment + i, behind ? &segment[1].header : NULL) + 1;
}

static enum wal_err headers_report(struct log_survey *survey)
{
    for (size_t i = survey->first; i < survey->count; i++) {
        uint64_t number = survey->floor_segment + i;
        uint64_t first_lsn = first_lsn_of(survey, i);
        uint64_t last_lsn = survey->mark.segment < number ? UINT64_MAX : survey->mark.durable_lsn;

        if (survey->segments[i].sound) continue;
        if (first_lsn == 0) first_lsn = lsn_after(survey, number - 1);
        for (size_t j = i + 1; j < survey->count; j++) {
            uint64_t after_lsn = first_lsn_of(survey, j);

            if (after_lsn == 0) continue;
            last_lsn = after_lsn - 1;
            break;
        }
        enum wal_err err =
            log_survey_damage(survey, log_place_segment(number, 0, first_lsn, last_lsn));
        if (err) return err;
    }
    return WAL_OK;
}

enum wal_err log_survey_dense(struct log_survey *survey)
{
    assert(survey->kind == LOG_KIND_LOG);
    if (survey->last_segment >= survey->mark.segment &&
        survey->wals == survey->last_segment - survey->floor_segment + 1) {
        return WAL_OK;
    }
    return hole_report(survey);
}

enum wal_err log_survey_headers(struct log_survey *survey, bool all)
{
    enum wal_err err = log_survey_dense(survey);
    if (err) return err;
    if (survey->last_segment < survey->floor_segment) return WAL_CORRUPT;

    size_t count = (size_t)(survey->last_segment - survey->floor_segment + 1);
    survey->segments = io_alloc(survey->io, count * sizeof *survey->segments);
    if (survey->segments == NULL) return WAL_NOMEM;
    survey->count = count;
    if (!all && survey->mark.segment <= survey->last_segment) {
        survey->first = (size_t)(survey->mark.segment - survey->floor_segment);
    }
    memset(survey->segments, 0, count * sizeof *survey->segments);
    err = headers_read(survey);
    if (err) return err;
    err = headers_report(survey);
    if (err) return err;
    if (survey->mark.life <= survey->life || survey->holed) return WAL_OK;
    survey->life = survey->mark.life;
    return log_survey_damage(
        survey, log_place_segment(survey->last_segment, 0, 0, survey->mark.durable_lsn));
}
