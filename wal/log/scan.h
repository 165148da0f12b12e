/*
 * scan.h - walk the groups of one segment. The only code that parses them.
 *
 * Reads through one window that is as large as it has to be and no larger: never more than what is
 * left of the file, and a length is believed only after its checksum. What a group points to stays
 * in place until the next call on the same scan.
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
    uint32_t binding;
    uint8_t *buffer;
    size_t buffer_bytes;
    uint64_t window_offset; /* Where in the file the buffer's bytes come from. */
    size_t window_bytes;
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
    uint8_t *records;     /* In the window. */
    uint32_t valid_bytes; /* Of whole valid batches, from `records` on, */
    uint32_t valid_count; /* and how many records they are. */
};

/* Where a group starts, what its first LSN must be, and the commit time before it. */
struct log_position {
    uint64_t offset;
    uint64_t lsn;
    uint64_t commit_ns;
};

void log_scan_init(struct log_scan *scan, struct wal_io *io);
void log_scan_file(struct log_scan *scan, struct wal_file file,
                   const struct wal_segment_header *header, uint64_t size);
void log_scan_drop(struct log_scan *scan); /* Forget what was read; read again. */
void log_scan_end(struct log_scan *scan);

/* The group at `offset`, whose first record must be `lsn`. */
WAL_CHECKED enum wal_err log_scan_group(struct log_scan *scan, uint64_t offset, uint64_t lsn,
                                        struct log_group *ret_group);

/* The same, but a group that is not whole is looked at twice: what went wrong on the way from the
 * disk may go right now, and what is acknowledged must not be taken for torn or rotten. */
WAL_CHECKED enum wal_err log_scan_group_twice(struct log_scan *scan, uint64_t offset, uint64_t lsn,
                                              struct log_group *ret_group);

/* Only the header, of whatever LSN. */
WAL_CHECKED enum wal_err log_scan_header(struct log_scan *scan, uint64_t offset,
                                         struct wal_group_header *ret_header, bool *ret_valid);

/* From *position on to where validity ends, or beyond limit_lsn. *position is then behind the last
 * valid batch; *witness is raised to what the group headers on the way knew durable. */
WAL_CHECKED enum wal_err log_scan_chain(struct log_scan *scan, struct log_position *position,
                                        uint64_t limit_lsn, uint64_t *witness);

/* Raise *witness to what any valid group header from `offset` on knew durable. */
WAL_CHECKED enum wal_err log_scan_resync(struct log_scan *scan, uint64_t offset, uint64_t *witness);

/* Where the next group would start behind a group of `length`, at `offset`. */
uint64_t log_next_offset(const struct log_scan *scan, uint64_t offset, uint32_t length);

#endif
