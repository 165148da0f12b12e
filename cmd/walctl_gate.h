/*
 * walctl_gate.h - a world in front of the host's that can stop writing.
 *
 * When a group of records does not fit on the disk, the log rolls it back and goes on with whatever
 * is appended next. For a stream that is wrong: what the log holds must be the beginning of what
 * was read, and the record that comes next may be small enough to fit. The log reports the rollback
 * from the task that writes; so a gate shut there and then lets nothing slip through, however many
 * records are on their way.
 */
#ifndef CMD_WALCTL_GATE_H
#define CMD_WALCTL_GATE_H

#include <stdatomic.h>

#include "wal/io.h"

struct gate {
    struct wal_io io; /* First: a gate is a world. */
    struct wal_io_ops ops;
    const struct wal_io_ops *behind;
    atomic_bool shut; /* Every write is refused with WAL_NOSPACE. */
};

/* All calls but writes go straight to the host's. */
void gate_init(struct gate *gate, const struct wal_io *host);

#endif
