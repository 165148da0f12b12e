/*
 * reader_state.h - what a reader knows, for the files that it is made of.
 *
 *     reader_open.c      where to begin
 *     reader_witness.c   how far the segment may be read, and whether there is a next one
 *     reader.c           groups, batches and records
 */
#ifndef WAL_LOG_READER_STATE_H
#define WAL_LOG_READER_STATE_H

#include "wal/log/log.h"
#include "wal/log/mark.h"
#include "wal/log/scan.h"

struct wal_reader {
    struct wal_io *io;
    struct wal_dir dir;
    struct wal_reader_options options; /* The bookmarks are looked at by open only. */
    uint8_t log_id[WAL_LOG_ID_BYTES];

    struct wal_file file; /* Of the segment being read, */
    struct wal_segment_header header;
    struct wal_file next_file; /* and of its successor, if there is one. */
    struct wal_segment_header next_header;
    bool ready;             /* The successor was looked for. */
    uint64_t known_segment; /* The last one heard of. */
    uint64_t witness_lsn;
    uint64_t mark_life; /* As the mark was seen last: what is durable of this segment ends here. */
    uint64_t mark_segment;
    uint64_t mark_offset;

    struct log_scan scan;
    struct log_position at; /* The group being read. */
    struct log_group group; /* If loaded. */
    bool loaded;
    uint32_t pos;           /* The next record in it, */
    uint64_t pos_lsn;       /* its LSN, */
    uint64_t batch_end_lsn; /* and the end of its batch, which may be served. */
    uint64_t next_lsn;      /* The first not served yet. */
    uint64_t served_lsn;    /* The last one served; 0: none. */

    uint64_t once_lsn;         /* Missing, and looked for again, */
    uint64_t looked_lsn;       /* and again. */
    uint64_t resynced_segment; /* Beyond its break a witness was looked for. */
    enum wal_err failed;       /* What ended the reading. */
    struct wal_place place;
};

static inline bool log_reader_sealed(const struct wal_reader *reader)
{
    return reader->next_file.id >= 0;
}

/* The last LSN that may be served from this segment. */
static inline uint64_t log_reader_final_lsn(const struct wal_reader *reader)
{
    return log_reader_sealed(reader) ? reader->next_header.first_lsn - 1 : reader->witness_lsn;
}

/* Forget the group and the window. */
static inline void log_reader_unload(struct wal_reader *reader)
{
    log_scan_drop(&reader->scan);
    reader->loaded = false;
    reader->pos_lsn = reader->at.lsn;
    reader->batch_end_lsn = 0;
}

/* ---- reader_witness.c ---- */

/* Reading ends here, for good. What looks damaged in a segment that was pruned meanwhile may be
 * another one's bytes by now, and is WAL_PRUNED. */
WAL_CHECKED enum wal_err log_reader_fail(struct wal_reader *reader, enum wal_err err,
                                         struct wal_place place);

/* Open segment `number` and read its header. Its place is noted if that is what's wrong. */
WAL_CHECKED enum wal_err log_reader_segment(struct wal_reader *reader, uint64_t number,
                                            struct wal_file *ret_file,
                                            struct wal_segment_header *ret_header);

/* The segment in `file` is the one to read now. */
void log_reader_enter(struct wal_reader *reader, struct wal_file file,
                      const struct wal_segment_header *header);

/* Nothing of a segment is looked at before it is known how far it may be read. */
WAL_CHECKED enum wal_err log_reader_ready(struct wal_reader *reader);

/* WAL_PRUNED, WAL_TRUNCATED: the segment being read is no longer part of the log. */
WAL_CHECKED enum wal_err log_reader_gone(struct wal_reader *reader);

void log_reader_mark_seen(struct wal_reader *reader, const struct wal_mark_slot *mark);

/* Learn whether more is durable by now. */
WAL_CHECKED enum wal_err log_reader_refresh(struct wal_reader *reader, bool *ret_more);

/* Nothing valid follows, and nothing proves that it should: unless something beyond does. */
WAL_CHECKED enum wal_err log_reader_resync(struct wal_reader *reader, uint64_t offset,
                                           bool *ret_more);

#endif
