/*
 * pin.h - pins: files that say from where on somebody still needs the log.
 *
 * A pin needs no writer and no lock. Whoever makes one and whoever prunes look at each other's
 * traces in opposite order, so one of them sees the other:
 *
 *     pinning     the pin gets its name; then the mark is read: is it, or will it be, pruned?
 *     pruning     the mark says how far it is to go; then the pins are read
 */
#ifndef WAL_LOG_PIN_H
#define WAL_LOG_PIN_H

#include "wal/io.h"
#include "wal/log/format.h"
#include "wal/log/log.h"

/* The lowest LSN that a pin of this log holds; UINT64_MAX if there is none. WAL_CORRUPT and
 * WAL_VERSION: there is a pin that can't be read, and so no telling what it holds; *ret_place. */
WAL_CHECKED enum wal_err log_pins_lowest(struct wal_io *io, struct wal_dir dir,
                                         const uint8_t *log_id, uint64_t *ret_lsn,
                                         struct wal_place *reterr_place);

/* Is it the name of a pin, or of one that is being made? */
bool log_pin_name(const char *name);

#endif
