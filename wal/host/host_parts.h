/*
 * host_parts.h - the parts of the host world; each puts its own calls into the table.
 */
#ifndef WAL_HOST_HOST_PARTS_H
#define WAL_HOST_HOST_PARTS_H

#include "wal/io.h"

void host_dir_fill(struct wal_io_ops *ops);
void host_file_fill(struct wal_io_ops *ops);
void host_task_fill(struct wal_io_ops *ops);

#endif
