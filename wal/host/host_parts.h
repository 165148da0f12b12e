/*
 * host_parts.h - the parts of the host world; each puts its own calls into the table.
 */
#ifndef WAL_HOST_HOST_PARTS_H
#define WAL_HOST_HOST_PARTS_H

#include <stdatomic.h>

#include "wal/io.h"

void host_dir_fill(struct wal_io_ops *ops);
void host_file_fill(struct wal_io_ops *ops);
void host_task_fill(struct wal_io_ops *ops);
void host_cond_fill(struct wal_io_ops *ops);

/* host_cond.c: sleep while the number is what was noted, until the deadline. WAL_OK also where
 * nothing happened. */
enum wal_err host_futex_wait(atomic_uint *number, unsigned noted, uint64_t deadline_ns);
void host_futex_wake(atomic_uint *number, int how_many);

/* host_mutex.c */
void host_mutex_fill(struct wal_io_ops *ops);
void host_mutex_lock(struct wal_io *io, struct wal_mutex *mutex);
void host_mutex_unlock(struct wal_io *io, struct wal_mutex *mutex);

#endif
