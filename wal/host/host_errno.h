/*
 * host_errno.h - what errno means to the log; the one place that says.
 */
#ifndef WAL_HOST_HOST_ERRNO_H
#define WAL_HOST_HOST_ERRNO_H

#include "wal/err.h"

/* A number that no row knows is WAL_IO: after an unknown error nothing is sure. */
enum wal_err host_errno(int number);

#endif
