/*
 * survey.h - look at a directory, change nothing, and say what log is in it.
 *
 * Open, readers and verify all begin here. First the mark, then the names, then the headers: in
 * this order even a look at a log that is being written never sees a mark that names a segment the
 * list hasn't. What it cannot rule out beside a live writer (a slot half renewed, a segment pruned
 * after it was listed) its callers settle by looking again.
 */
#ifndef WAL_LOG_SURVEY_H
#define WAL_LOG_SURVEY_H

#include "wal/io.h"
#include "wal/log/format.h"
#include "wal/log/log.h"
#include "wal/log/scan.h"

enum log_kind {
    LOG_KIND_EMPTY,   /* Nothing but what an interrupted creation may leave. */
    LOG_KIND_FOREIGN, /* Other things, and no log. */
    LOG_KIND_UNBEGUN, /* Segments, but no mark. */
    LOG_KIND_LOG,
};

struct log_survey_segment {
    struct wal_segment_header header;
    bool sound; /* There, with a good header. */
};

struct log_survey {
    struct wal_io *io;
    struct wal_dir dir;

    /* log_survey_names: the mark and the list. */
    enum log_kind kind;
    struct wal_mark_slot mark; /* If kind is LOG. */
    unsigned mark_bad_slots;
    char *names;
    size_t names_bytes;
    uint64_t floor_segment;
    uint64_t last_segment;
    uint64_t wals; /* Segments from the floor on, without leftovers. */

    /* log_survey_headers: segments[i] is number floor_segment + i. */
    struct log_survey_segment *segments;
    size_t count;
    size_t first; /* Those below were not looked at. */
    uint64_t life;
    bool announced; /* The mark says that a life begins, and there is nothing of it yet. */

    /* log_survey_tail. */
    struct log_scan scan;
    struct log_position start;   /* Where in the last segment it began to verify. */
    struct log_position end;     /* Where its valid batches end; end.lsn - 1 is L. */
    struct log_position witness; /* The group that holds the first one above M, if there is one.
                                    witness.lsn - 1 is M, rounded up to whole batches. */
    uint64_t witness_end;        /* Where those at or below M end. */
    uint64_t last_size;          /* Of the last segment's file. */
    uint64_t tail_end;           /* Where what was left behind end.offset ends. */
    bool clean;                  /* Ends as the mark says that it was closed. */

    /* Damage: the first is remembered, each is reported, and only verify goes on. */
    bool go_on;
    bool holed; /* Segments are missing; what follows them was not looked at. */
    uint64_t damages;
    struct wal_place place;
    wal_observe *observe;
    void *observe_context;
};

void log_survey_init(struct log_survey *survey, struct wal_io *io, struct wal_dir dir);
void log_survey_end(struct log_survey *survey);

WAL_CHECKED enum wal_err log_survey_names(struct log_survey *survey);

/* For kind UNBEGUN: WAL_OK if it is an interrupted creation, WAL_CORRUPT if the mark is lost. */
WAL_CHECKED enum wal_err log_survey_unbegun(struct log_survey *survey);

/* For kind LOG: no segment is missing between the floor and the last one known. */
WAL_CHECKED enum wal_err log_survey_dense(struct log_survey *survey);

/* For kind LOG: dense, and the headers good and of one log: all of them, or those from the mark's
 * segment on, so that what open reads does not grow with the log. */
WAL_CHECKED enum wal_err log_survey_headers(struct log_survey *survey, bool all);

/* Verify the records, all of them or those above the mark, and weigh the witnesses. */
WAL_CHECKED enum wal_err log_survey_tail(struct log_survey *survey, bool all, uint64_t witness_lsn);

/* Iterate: NULL to begin with; NULL at the end. */
const char *log_survey_next_name(const struct log_survey *survey, const char *name);

static inline const struct wal_segment_header *log_survey_last(const struct log_survey *survey)
{
    return &survey->segments[survey->count - 1].header;
}

#endif
