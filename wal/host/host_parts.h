/*
 * host_parts.h - the parts of the host world; each puts its own calls into the table.
 */
#ifndef WAL_HOST_HOST_PARTS_H
#define WAL_HOST_HOST_PARTS_H

#include "wal/io.h"

void host_dir_fill(struct wal_io_ops *ops);
void host_file_fill(struct wal_io_ops *ops);
void host_task_fill(struct wal_io_ops *ops);
void host_cond_fill(struct wal_io_ops *ops);

/* host_task.c: for who waits. */
void host_mutex_lock(struct wal_io *io, struct wal_mutex *mutex);
void host_mutex_unlock(struct wal_io *io, struct wal_mutex *mutex);

#endif
