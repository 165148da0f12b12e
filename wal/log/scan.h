/*
 * scan.h - walk the groups of one segment. The only code that parses them.
 *
 * Reads through one window that is as large as it has to be and no larger: never more than what is
 * left of the file, and a length is believed only after its checksum. What a group points to stays
 * in place until the next call on the same scan.
 *
 * The window is a buffer, or, below map_end, a mapping of the file. A mapping shows what is done to
 * the file while it is looked at, and touching what was cut off kills the process: so map_end lies
 * at or below the end of what is durable, which nobody changes or cuts. Where a window can't be
 * mapped its bytes are read, so that both ways end alike, with the same errors in the same places.
 */
#ifndef WAL_LOG_SCAN_H
#define WAL_LOG_SCAN_H

#include "wal/io.h"
#include "wal/log/format.h"

struct log_scan {
    struct wal_io *io;
    struct wal_file file;
    uint64_t size; /* Bytes of the file to look at; shrinks if it turns out to be shorter. */
    uint64_t segment_bytes;
    uint32_t block_bytes;
    uint32_t flags; /* Of the segment. */
    uint32_t binding;
    uint8_t *buffer;
    size_t buffer_bytes;
    size_t ahead_bytes;   /* Read ahead so far, as far as there is a file, */
    size_t map_bytes_max; /* and map at most so much at once, if what is asked for is no larger. */
    uint64_t map_end;     /* What lies below may be mapped; 0: nothing. */
    uint64_t map_bytes;   /* The last window's size: the next is twice as large. */
    const uint8_t *mapping;
    size_t mapping_bytes;
    const uint8_t *window;  /* In the buffer or the mapping: */
    uint64_t window_offset; /* where in the file its bytes come from, */
    size_t window_bytes;    /* and how many there are. */
};

enum log_group_state {
    LOG_GROUP_NONE, /* No group that follows the record before starts here. */
    LOG_GROUP_TORN, /* It starts, but not all of it is valid. */
    LOG_GROUP_WHOLE,
};

struct log_group {
    enum log_group_state state;
    struct wal_group_header header;
    uint64_t offset;      /* Of the group header. */
    uint64_t next_offset; /* Where the next group would start. */
    bool whole;           /* All of it is to lie in the window at once; else only what follows */
    uint64_t from_bytes;  /* so many bytes of records. */
    uint8_t *records;     /* From there on; not to be changed where it may be a mapping. */
    uint32_t valid_bytes; /* Of whole valid batches, from `records` on, */
    uint32_t valid_count; /* and how many records they are. */

    uint64_t there_bytes;   /* Bytes of records that there are, */
    uint64_t read_bytes;    /* and that lie in the window already. */
    uint64_t checked_bytes; /* So far it was looked at, */
    uint32_t checked_count; /* so many records are valid, */
    uint32_t batch_index;   /* and the next one continues a batch so. */
    uint32_t kept_bytes;    /* These were valid when it was last looked at. */
    bool checked;           /* It was looked at to its end, or to where validity ends. */
};

/* The record that begins at `pos`. */
static inline const uint8_t *log_group_record(const struct log_group *group, uint64_t pos)
{
    return group->records + (pos - group->from_bytes);
}

/* Where a group starts, what its first LSN must be, and the commit time before it. */
struct log_position {
    uint64_t offset;
    uint64_t lsn;
    uint64_t commit_ns;
    uint64_t torn_end; /* Where a torn group that was met would end; 0: none was. */
};

void log_scan_init(struct log_scan *scan, struct wal_io *io);
void log_scan_file(struct log_scan *scan, struct wal_file file,
                   const struct wal_segment_header *header, uint64_t size);
/* Map what lies below `end`. Never lower it while the file is read on: only log_scan_file does. */
void log_scan_map(struct log_scan *scan, uint64_t end);
void log_scan_drop(struct log_scan *scan); /* Forget what was read; read again. */
void log_scan_end(struct log_scan *scan);

/* The group at `offset`, whose first record must be `lsn`, with all that is valid of it in place.
 * What is not valid is read and looked at once more: what went wrong on the way from the disk may
 * go right now, and what is acknowledged must not be taken for torn or rotten. */
WAL_CHECKED enum wal_err log_scan_group_twice(struct log_scan *scan, uint64_t offset, uint64_t lsn,
                                              struct log_group *ret_group);

/* The same, but nothing of its records is looked at; and then some of it, once, at least so many
 * bytes, so that what is checked is still at hand when it is used: until the next call, no longer.
 * TORN until all of it is valid. */
WAL_CHECKED enum wal_err log_scan_group_begin(struct log_scan *scan, uint64_t offset, uint64_t lsn,
                                              struct log_group *ret_group);
WAL_CHECKED enum wal_err log_scan_group_check(struct log_scan *scan, struct log_group *group,
                                              uint64_t bytes);

/* For that: have so many bytes of its records in the window, but for those that were valid when the
 * call began. */
WAL_CHECKED enum wal_err log_scan_group_read(struct log_scan *scan, struct log_group *group,
                                             uint64_t bytes);

/* Only the header, of whatever LSN; nothing is read ahead and the window stays as it is. */
WAL_CHECKED enum wal_err log_scan_peek(struct log_scan *scan, uint64_t offset,
                                       struct wal_group_header *ret_header, bool *ret_valid);

/* The same through the window. */
WAL_CHECKED enum wal_err log_scan_header(struct log_scan *scan, uint64_t offset,
                                         struct wal_group_header *ret_header, bool *ret_valid);

/* The highest LSN that a header on the way knew durable, and where the group behind it begins, if
 * that is where the header stood: then nobody has to look for it. */
struct log_witness {
    uint64_t lsn;
    struct log_position behind; /* behind.lsn - 1 was the witness then; it may have risen since. */
};

/* From *position on to where validity ends, or beyond limit_lsn. *position is then behind the last
 * valid batch; the witness is raised by the group headers on the way. */
WAL_CHECKED enum wal_err log_scan_chain(struct log_scan *scan, struct log_position *position,
                                        uint64_t limit_lsn, struct log_witness *witness);

/* What follows from `offset` on, to the end of the file, in one reading. Raise *witness to what any
 * valid group header there knew durable, and *tail_end to where the bytes end that a writer of this
 * segment may have left: the file's end, or where its size does not tell, as format.h says. */
WAL_CHECKED enum wal_err log_scan_rest(struct log_scan *scan, uint64_t offset, uint64_t *witness,
                                       uint64_t *tail_end);

/* Where the next group would start behind a group of `length`, at `offset`. */
uint64_t log_next_offset(const struct log_scan *scan, uint64_t offset, uint32_t length);

#endif
