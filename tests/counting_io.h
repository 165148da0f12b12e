/*
 * counting_io.h - the real world, and how much was asked of it.
 *
 * It stands in front of the host: files are counted in calls and bytes, memory in bytes that are
 * held. A mapped window counts as read.
 */
#ifndef TESTS_COUNTING_IO_H
#define TESTS_COUNTING_IO_H

#include <stdatomic.h>
#include <stdlib.h>

#include "wal/host/host.h"
#include "wal/io.h"

struct counting_io {
    struct wal_io io; /* First. */
    struct wal_io_ops ops;
    struct wal_io *host;
    atomic_uint_fast64_t bytes_read;
    atomic_uint_fast64_t bytes_written;
    atomic_uint_fast64_t changes; /* Calls that make, name or write something. */
    atomic_uint_fast64_t bytes_held;
    atomic_uint_fast64_t bytes_held_max;
    atomic_uint_fast64_t allocs;
};

static inline struct counting_io *counting_of(struct wal_io *io)
{
    return (struct counting_io *)io;
}

static inline enum wal_err counting_pread(struct wal_io *io, struct wal_file file, uint64_t offset,
                                          void *buffer, size_t len, size_t *ret_len)
{
    struct counting_io *counting = counting_of(io);
    enum wal_err err = counting->host->ops->pread(io, file, offset, buffer, len, ret_len);

    if (err == WAL_OK) atomic_fetch_add(&counting->bytes_read, *ret_len);
    return err;
}

static inline enum wal_err counting_map(struct wal_io *io, struct wal_file file, uint64_t offset,
                                        size_t len, const uint8_t **ret_window)
{
    struct counting_io *counting = counting_of(io);

    atomic_fetch_add(&counting->bytes_read, len);
    return counting->host->ops->map(io, file, offset, len, ret_window);
}

static inline enum wal_err counting_pwrite(struct wal_io *io, struct wal_file file, uint64_t offset,
                                           const void *buffer, size_t len, size_t *ret_len)
{
    struct counting_io *counting = counting_of(io);
    enum wal_err err = counting->host->ops->pwrite(io, file, offset, buffer, len, ret_len);

    atomic_fetch_add(&counting->changes, 1);
    if (err == WAL_OK) atomic_fetch_add(&counting->bytes_written, *ret_len);
    return err;
}

static inline enum wal_err counting_mkdir(struct wal_io *io, const char *path)
{
    atomic_fetch_add(&counting_of(io)->changes, 1);
    return counting_of(io)->host->ops->mkdir(io, path);
}

static inline enum wal_err counting_open(struct wal_io *io, struct wal_dir dir, const char *name,
                                         unsigned flags, struct wal_file *ret_file,
                                         uint32_t *ret_direct_align)
{
    if (flags & WAL_OPEN_CREATE) atomic_fetch_add(&counting_of(io)->changes, 1);
    return counting_of(io)->host->ops->open(io, dir, name, flags, ret_file, ret_direct_align);
}

static inline enum wal_err counting_rename(struct wal_io *io, struct wal_dir dir, const char *from,
                                           const char *to)
{
    atomic_fetch_add(&counting_of(io)->changes, 1);
    return counting_of(io)->host->ops->rename(io, dir, from, to);
}

static inline enum wal_err counting_ftruncate(struct wal_io *io, struct wal_file file,
                                              uint64_t size)
{
    atomic_fetch_add(&counting_of(io)->changes, 1);
    return counting_of(io)->host->ops->ftruncate(io, file, size);
}

static inline void *counting_alloc(struct wal_io *io, size_t size)
{
    struct counting_io *counting = counting_of(io);
    uint64_t held = atomic_fetch_add(&counting->bytes_held, size) + size;
    uint64_t max = atomic_load(&counting->bytes_held_max);

    while (max < held && !atomic_compare_exchange_weak(&counting->bytes_held_max, &max, held)) {
        continue;
    }
    atomic_fetch_add(&counting->allocs, 1);
    return counting->host->ops->alloc(io, size);
}

static inline void counting_free(struct wal_io *io, void *memory, size_t size)
{
    atomic_fetch_sub(&counting_of(io)->bytes_held, size);
    counting_of(io)->host->ops->free(io, memory, size);
}

/* NULL: no memory. */
static inline struct counting_io *counting_create(void)
{
    struct counting_io *counting = calloc(1, sizeof *counting);

    if (counting == NULL) return NULL;
    if (wal_host_create(&counting->host) != WAL_OK) {
        free(counting);
        return NULL;
    }
    counting->ops = *counting->host->ops;
    counting->ops.pread = counting_pread;
    counting->ops.map = counting_map;
    counting->ops.pwrite = counting_pwrite;
    counting->ops.mkdir = counting_mkdir;
    counting->ops.open = counting_open;
    counting->ops.rename = counting_rename;
    counting->ops.ftruncate = counting_ftruncate;
    counting->ops.alloc = counting_alloc;
    counting->ops.free = counting_free;
    counting->io.ops = &counting->ops;
    return counting;
}

static inline void counting_destroy(struct counting_io *counting)
{
    wal_host_destroy(counting->host);
    free(counting);
}

#endif
