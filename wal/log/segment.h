/*
 * segment.h - a segment's file: how it comes to have a name, and how its header is read.
 *
 * A name is given only to a file that is complete and synced, and never taken from another file,
 * unless that one is known to be a leftover.
 * So there is no such thing as a half-made segment; what a crash leaves under the .tmp name has
 * never been part of the log.
 */
#ifndef WAL_LOG_SEGMENT_H
#define WAL_LOG_SEGMENT_H

#include "wal/io.h"
#include "wal/log/format.h"
#include "wal/log/log.h"

/* Make `name` anew and empty, whatever was there under it. direct: WAL_OPEN_DIRECT, or 0. */
WAL_CHECKED enum wal_err log_tmp_create(struct wal_io *io, struct wal_dir dir, const char *name,
                                        unsigned direct, struct wal_file *ret_file);

/* What writes to a file that was opened with these flags demand. Not of one that is not direct,
 * though the log's others are: what a short write leaves in the middle of a sector it would write
 * again and again instead of going on. */
static inline uint32_t log_align_of(unsigned flags, uint32_t direct_align)
{
    return flags & WAL_OPEN_DIRECT ? direct_align : 1;
}

/* `align`, here and below: what log_align_of says of the file.
 *
 * The header and its area, at the head of the file. */
WAL_CHECKED enum wal_err log_segment_header_write(struct wal_io *io, struct wal_file file,
                                                  const struct wal_segment_header *header,
                                                  uint32_t align);

/* With what to create a file that is to be filled: past the page cache, if groups will go there
 * that way. Each direct write has to look for pages in the cache and throw them out: those that
 * filling left would cost every group a fifteenth of the time that it takes to be durable. */
unsigned log_fill_flags(const struct wal_options *options, unsigned file_flags, uint32_t align);

/* Zeros from `from` to `to`, behind all that the file holds. The space is reserved first, so that a
 * full disk says so at once; but it is written, since a direct write to what is only reserved has
 * to change metadata, too. */
WAL_CHECKED enum wal_err log_segment_fill(struct wal_io *io, struct wal_file file, uint64_t from,
                                          uint64_t to, uint32_t align);

/* The same, if there is room for it; if not, *ret_filled is false and the file ends at `from`. */
WAL_CHECKED enum wal_err log_segment_try_fill(struct wal_io *io, struct wal_file file,
                                              uint64_t from, uint64_t to, uint32_t align,
                                              bool *ret_filled);

/* Have `name`, which *file is open under, open for writing groups instead: file_flags are
 * WAL_OPEN_DIRECT and WAL_OPEN_DSYNC, or 0, which changes nothing. */
WAL_CHECKED enum wal_err log_segment_reopen(struct wal_io *io, struct wal_dir dir, const char *name,
                                            unsigned file_flags, struct wal_file *file);

/* Give the synced .tmp file its name, durably. WAL_LOCKED: another writer was faster; this one, or
 * the other, has lost its lock. On failure *ret_unsure says whether the directory may hold what
 * nobody knows; if not, nothing was done. */
WAL_CHECKED enum wal_err log_segment_publish(struct wal_io *io, struct wal_dir dir,
                                             const char *tmp_name, uint64_t number,
                                             bool *ret_unsure);

/* The same where a leftover has the name, which it loses in one step: there is always one of them.
 */
WAL_CHECKED enum wal_err log_segment_replace(struct wal_io *io, struct wal_dir dir,
                                             const char *tmp_name, uint64_t number,
                                             bool *ret_unsure);

/* Make the .tmp file a segment: header, sync, name. *file is closed on failure, and else may be
 * another descriptor of it. *ret_unsure as above. */
WAL_CHECKED enum wal_err log_segment_finish(struct wal_io *io, struct wal_dir dir,
                                            const char *tmp_name,
                                            const struct wal_segment_header *header,
                                            unsigned file_flags, uint32_t align,
                                            struct wal_file *file, bool *ret_unsure);

WAL_CHECKED enum wal_err log_segment_open(struct wal_io *io, struct wal_dir dir, uint64_t number,
                                          unsigned flags, struct wal_file *ret_file);

/* WAL_CORRUPT if it isn't a header, or that of a segment of another number. */
WAL_CHECKED enum wal_err log_segment_header_read(struct wal_io *io, struct wal_file file,
                                                 uint64_t number,
                                                 struct wal_segment_header *ret_header);

struct wal_place log_place_file(const char *name);
struct wal_place log_place_segment(uint64_t number, uint64_t offset, uint64_t first_lsn,
                                   uint64_t last_lsn);

#endif
