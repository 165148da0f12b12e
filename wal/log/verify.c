/*
 * verify.c - read a whole log and report every damage.
 *
 * It takes no lock, so a writer may be at work beside it: a segment vanishes after it was listed,
 * the tail is rewritten while it is read. What looks like damage is therefore looked at again, and
 * only what looks the same twice is reported.
 */
#include "wal/log/codec.h"
#include "wal/log/survey.h"

enum { LOOKS_MAX = 6 };

static enum wal_err look(struct log_survey *survey, bool all)
{
    enum wal_err err = log_survey_names(survey);
    if (err) return err;
    switch (survey->kind) {
    case LOG_KIND_EMPTY: return WAL_NOTFOUND;
    case LOG_KIND_FOREIGN: return WAL_NOTLOG;
    case LOG_KIND_UNBEGUN:
        err = log_survey_unbegun(survey);
        if (err) return err;
        return survey->damages > 0 ? WAL_CORRUPT : WAL_NOTFOUND;
    case LOG_KIND_LOG: break;
    }
    err = log_survey_headers(survey, all);
    if (err) return err;
    err = log_survey_tail(survey, all, 0);
    if (err) return err;
    return survey->damages > 0 ? WAL_CORRUPT : WAL_OK;
}

static enum wal_tail tail_of(const struct log_survey *survey)
{
    if (survey->damages > 0) return WAL_TAIL_ROTTEN;
    if (survey->clean) return WAL_TAIL_CLEAN;
    return survey->end.offset < survey->tail_end ? WAL_TAIL_TORN : WAL_TAIL_EXACT;
}

static struct wal_survey summary(const struct log_survey *survey)
{
    struct wal_survey result = {
        .life = survey->life,
        .floor_lsn = survey->mark.floor_lsn,
        .last_lsn = survey->end.lsn > 0 ? survey->end.lsn - 1 : 0,
        .witness_lsn = survey->witness.lsn > 0 ? survey->witness.lsn - 1 : 0,
        .segments = survey->count,
        .first_segment = survey->floor_segment,
        .last_segment = survey->last_segment,
        .tail_offset = survey->end.offset,
        .witness_offset = survey->witness_end,
        .tail = tail_of(survey),
    };

    memcpy(result.log_id, survey->mark.log_id, WAL_LOG_ID_BYTES);
    if (result.tail_offset > survey->last_size) result.tail_offset = survey->last_size;
    if (result.witness_offset > survey->last_size) result.witness_offset = survey->last_size;
    if (survey->tail_end > result.tail_offset) {
        result.tail_bytes = survey->tail_end - result.tail_offset;
    }
    if (result.witness_lsn < survey->mark.durable_lsn) {
        result.witness_lsn = survey->mark.durable_lsn;
    }
    for (size_t i = survey->first; i < survey->count && result.block_bytes == 0; i++) {
        if (survey->segments[i].sound) result.block_bytes = survey->segments[i].header.block_bytes;
    }
    return result;
}

static bool same_place(const struct wal_place *a, const struct wal_place *b)
{
    return strcmp(a->name, b->name) == 0 && a->offset == b->offset &&
           a->first_lsn == b->first_lsn && a->last_lsn == b->last_lsn;
}

enum wal_err wal_verify(struct wal_io *io, const char *path, bool all, wal_observe *observe,
                        void *observe_context, struct wal_survey *ret_survey,
                        struct wal_place *reterr_place)
{
    struct wal_dir dir;
    struct wal_place place = {.name = ""};
    bool sure = false;
    enum wal_err before = WAL_OK;

    enum wal_err err = io_dir_open(io, path, &dir);
    if (err) return err;
    for (unsigned i = 0; i < LOOKS_MAX; i++) {
        struct log_survey survey;

        log_survey_init(&survey, io, dir);
        survey.go_on = true;
        if (sure) {
            survey.observe = observe;
            survey.observe_context = observe_context;
        }
        before = err;
        err = look(&survey, all);
        bool same = err == before && same_place(&place, &survey.place);
        bool done = sure || (err != WAL_CORRUPT && err != WAL_NOTFOUND);
        place = survey.place;
        if (err == WAL_OK || err == WAL_CORRUPT) *ret_survey = summary(&survey);
        log_survey_end(&survey);
        if (done) break;
        if (same && err == WAL_NOTFOUND) break;
        /* The last look is the one that reports. */
        sure = same || i + 2 == LOOKS_MAX;
    }
    io_dir_close(io, dir);
    if (err && reterr_place != NULL) *reterr_place = place;
    return err;
}
