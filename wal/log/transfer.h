/*
 * transfer.h - whole reads and whole writes out of calls that may do less than they were asked.
 */
#ifndef WAL_LOG_TRANSFER_H
#define WAL_LOG_TRANSFER_H

#include "wal/err.h"
#include "wal/io.h"

/* *ret_len is less than len only where the file ends. */
WAL_CHECKED enum wal_err log_read_full(struct wal_io *io, struct wal_file file, uint64_t offset,
                                       void *buffer, size_t len, size_t *ret_len);

/* On an error any part may have been written. */
WAL_CHECKED enum wal_err log_write_full(struct wal_io *io, struct wal_file file, uint64_t offset,
                                        const void *buffer, size_t len);

/* The same for a file that demands `align` of offset, buffer and length: what a short write leaves
 * is written again from the last multiple on. */
WAL_CHECKED enum wal_err log_write_aligned(struct wal_io *io, struct wal_file file, uint64_t offset,
                                           const void *buffer, size_t len, uint32_t align);

/* True for errors after which it is known what was done: nothing, or a prefix that can be cut off
 * again. After any other one it is not, and whoever wrote must stop. */
bool log_err_is_sure(enum wal_err err);

#endif
