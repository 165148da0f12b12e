/*
 * host.h - the real world behind wal/io.h: POSIX files, threads, clocks.
 *
 * One world serves any number of logs; it holds no state of its own. Its calls use nothing of `io`
 * but its table, so a program may put a world of its own in front, with some of them replaced.
 * There is no object store in it (io->objects is NULL).
 *
 * What it asks of the program that uses it:
 *
 *   - A write over the largest file size (ulimit -f) also raises SIGXFSZ, which kills a process by
 *     default. Ignore it, and the write returns WAL_FILE_TOO_LARGE as the door says.
 *   - Tasks run with signals blocked, so that handlers run in the program's own threads. Calls made
 *     by the program's threads may return WAL_INTERRUPTED; nothing is retried here.
 *   - A mapped window is whole when it is handed out. A file that somebody shortens afterwards
 *     raises SIGBUS all the same: no kernel offers better.
 */
#ifndef WAL_HOST_HOST_H
#define WAL_HOST_HOST_H

#include "wal/err.h"
#include "wal/io.h"

#ifdef __cplusplus
extern "C" {
#endif

/* WAL_NOMEM is the only error. */
WAL_CHECKED enum wal_err wal_host_create(struct wal_io **ret_io);

/* All files are closed and all tasks joined by then. NULL is allowed. */
void wal_host_destroy(struct wal_io *io);

#ifdef __cplusplus
}
#endif

#endif
