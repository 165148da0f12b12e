/*
 * prepare.h - the next segment, made in the background before it is needed.
 *
 * With options.preallocate a task of its own writes a file of full size, be it zeros or one of the
 * spares that pruning left, so that a commit changes no metadata and a rotation only has to write a
 * header. It is a help and nothing more: whatever goes wrong with it, the writer makes the segment
 * itself, as it would without.
 *
 * SPARES are only segments that this writer made and sealed, and those found at open, of which the
 * same is true of the writer before: a file that somebody may still write to, who has lost his lock
 * and does not know it, must not become a segment of somebody else.
 */
#ifndef WAL_LOG_PREPARE_H
#define WAL_LOG_PREPARE_H

#include "wal/io.h"
#include "wal/log/format.h"

enum { LOG_SPARES_MAX = 16 };

enum log_prepare_state {
    LOG_PREPARE_IDLE,
    LOG_PREPARE_WANTED,
    LOG_PREPARE_MAKING,
    LOG_PREPARE_READY,
};

struct log_preparer {
    /* Set by start. */
    struct wal_io *io;
    struct wal_dir dir;
    uint64_t segment_bytes;
    unsigned fill_flags; /* See log_fill_flags, */
    uint32_t align;      /* and what that demands. */
    uint32_t spares_max;
    uint64_t first_own; /* Segments from here on are this writer's. */
    char tmp_name[WAL_SEGMENT_NAME_BYTES];
    struct wal_task *task; /* NULL: there is none, and all is done without it. */
    struct wal_mutex *mutex;
    struct wal_cond *moved;

    uint64_t asked_segment; /* The writer's: asked for the successor of this one. */

    /* Guarded by the mutex. */
    enum log_prepare_state state;
    bool ending;
    struct wal_file file; /* If READY. */
    bool recycled;
    uint64_t spares[LOG_SPARES_MAX];
    uint32_t spare_count;
};

struct wal_log;

/* Before it is started there may be spares to know of. False: no more are wanted. */
bool log_preparer_adopt(struct log_preparer *preparer, uint64_t spare);

/* Does nothing if the log's options do not ask for it, or if there is no memory. */
void log_preparer_start(struct wal_log *log);
void log_preparer_stop(struct log_preparer *preparer);

/* `segment` will soon need a successor. */
void log_preparer_want(struct log_preparer *preparer, uint64_t segment);

/* The successor of the log's tip, with this header but for its flags, ready to be written to. For
 * the committer, or whoever is in its place. On failure *ret_unsure says whether the log must be
 * poisoned. */
WAL_CHECKED enum wal_err log_next_segment(struct wal_log *log, struct wal_segment_header *header,
                                          struct wal_file *ret_file, bool *ret_unsure);

/* Segment `number` lies below the floor, and that is durable: its file becomes a spare, or goes.
 * If neither can be done it harms nobody; the next to open the log removes what is left. */
void log_segment_retire(struct wal_log *log, uint64_t number);

#endif
