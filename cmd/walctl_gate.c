/*
 * walctl_gate.c - a world in front of the host's that can stop writing.
 */
#include "cmd/walctl_gate.h"

static enum wal_err gate_pwrite(struct wal_io *io, struct wal_file file, uint64_t offset,
                                const void *buffer, size_t len, size_t *ret_len)
{
    struct gate *gate = (struct gate *)io;

    if (atomic_load(&gate->shut)) return WAL_NOSPACE;
    return gate->behind->pwrite(io, file, offset, buffer, len, ret_len);
}

void gate_init(struct gate *gate, const struct wal_io *host)
{
    gate->behind = host->ops;
    gate->ops = *host->ops;
    gate->ops.pwrite = gate_pwrite;
    gate->io = (struct wal_io){.ops = &gate->ops, .objects = host->objects};
    atomic_init(&gate->shut, false);
}
