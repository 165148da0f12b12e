/*
 * repair_walk.h - everything valid in a damaged log, in order, and what is missing between.
 *
 * Where recovery stops at the first break, this goes on behind it: it looks for the next group at
 * every place where one may start, and in a damaged group for the next batch. Nothing is taken for
 * valid but what its checksum binds to its place, and of a segment only LSNs before its
 * successor's: what follows is what a takeover left behind. A valid group behind a gap may not have
 * been acknowledged; but nobody can tell, and it is what a repair is asked to save.
 */
#ifndef WAL_LOG_REPAIR_WALK_H
#define WAL_LOG_REPAIR_WALK_H

#include "wal/io.h"
#include "wal/log/format.h"
#include "wal/log/log.h"

struct log_walk_segment {
    uint64_t number;
    uint64_t size;
    bool sound; /* The header can be read; else it is made up from those around it. */
    bool empty; /* Not sound, and no group was found that would tell of which life it is. */
    struct wal_segment_header header; /* first_lsn 0: not known. */
};

struct log_walk {
    struct wal_io *io;
    struct wal_dir dir;
    char *names;
    size_t names_bytes;
    bool marked; /* There is a mark, and it can be read. */
    struct wal_mark_slot mark;
    struct log_walk_segment *segments; /* Those that count, by number. */
    size_t count, capacity;
    uint64_t number_max; /* Of any file here that has, or had, a segment's name. */
    uint64_t unfinished; /* The segment of a repair that was not finished; 0: none. */
    uint8_t log_id[WAL_LOG_ID_BYTES];
    uint32_t block_bytes;
    uint64_t segment_bytes;
    uint64_t life; /* The highest. */
    uint64_t floor_lsn;
    uint64_t begin_lsn;   /* Where the walk began: at the floor, or at the batch that it is in. */
    uint64_t witness_lsn; /* The highest LSN known durable. */

    uint8_t *window; /* Bytes of the segment that is walked. */
    uint64_t window_offset;
    size_t window_bytes;
    uint8_t *group;
    size_t group_bytes;
    uint64_t next_lsn;      /* Of the record that should come now, */
    struct wal_place place; /* and where it should stand. */
};

/* Both may end the walk by an error of their own. */
struct log_walk_visitor {
    /* Valid batches, in a group of their own: the header says which, `records` are as they were. */
    enum wal_err (*keep)(void *context, const struct wal_group_header *header,
                         const uint8_t *records);
    /* Nothing valid is there for these; where they should stand. */
    enum wal_err (*lost)(void *context, const struct wal_place *place);
    void *context;
};

void log_walk_init(struct log_walk *walk, struct wal_io *io, struct wal_dir dir);
void log_walk_end(struct log_walk *walk);

/* Find out what there is. Errors: WAL_NOTLOG, WAL_VERSION, WAL_CORRUPT (nothing tells of which log
 * the segments are), and what the world says. */
WAL_CHECKED enum wal_err log_walk_survey(struct log_walk *walk, uint64_t witness_lsn);

/* From the floor to the end. */
WAL_CHECKED enum wal_err log_walk_run(struct log_walk *walk,
                                      const struct log_walk_visitor *visitor);

/* The segments that count, from the names in the directory, and the numbers that are taken. Errors:
 * WAL_NOTLOG, WAL_NOMEM. */
WAL_CHECKED enum wal_err log_walk_list(struct log_walk *walk);

/* The next name in the directory; NULL first. */
const char *log_walk_next_name(const struct log_walk *walk, const char *name);

/* "0000000000000005.mark.aside" is what the mark was called when segment 5 was begun to be written
 * by a repair. Is it such a name? */
enum { LOG_ASIDE_NAME_BYTES = 40 };
void log_aside_mark_name(char name[LOG_ASIDE_NAME_BYTES], uint64_t number);
void log_aside_segment_name(char name[LOG_ASIDE_NAME_BYTES], uint64_t number);

#endif
