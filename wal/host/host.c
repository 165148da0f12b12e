/*
 * host.c - the host world itself: its table, and the calls that need no file and no thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "wal/host/host.h"
#include "wal/host/host_errno.h"
#include "wal/host/host_parts.h"

enum { NS_PER_S = 1000000000 };

struct wal_host {
    struct wal_io io; /* First: a wal_host is a wal_io. */
    struct wal_io_ops ops;
};

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec now;
    int failed = clock_gettime(clock, &now);

    assert(failed == 0);
    if (now.tv_sec < 0) return 0; /* A wall clock set before 1970. */
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static uint64_t host_monotonic_ns(struct wal_io *io)
{
    (void)io;
    return clock_ns(CLOCK_MONOTONIC);
}

static uint64_t host_wall_ns(struct wal_io *io)
{
    (void)io;
    return clock_ns(CLOCK_REALTIME);
}

static enum wal_err host_random(struct wal_io *io, void *buffer, size_t len)
{
    unsigned char *to = buffer;

    (void)io;
    while (len > 0) {
        ssize_t got = getrandom(to, len, 0);

        if (got < 0) return host_errno(errno);
        to += got;
        len -= (size_t)got;
    }
    return WAL_OK;
}

static void *host_alloc(struct wal_io *io, size_t size)
{
    (void)io;
    return malloc(size);
}

static void host_free(struct wal_io *io, void *memory, size_t size)
{
    (void)io;
    (void)size;
    free(memory);
}

/* The host has no harness to tell. */
static void host_note(struct wal_io *io, enum wal_note note)
{
    (void)io;
    (void)note;
}

enum wal_err wal_host_create(struct wal_io **ret_io)
{
    struct wal_host *host = malloc(sizeof(*host));

    if (host == NULL) return WAL_NOMEM;
    host->io.ops = &host->ops;
    host->io.objects = NULL;
    host->ops = (struct wal_io_ops){
        .monotonic_ns = host_monotonic_ns,
        .wall_ns = host_wall_ns,
        .random = host_random,
        .alloc = host_alloc,
        .free = host_free,
        .note = host_note,
    };
    host_dir_fill(&host->ops);
    host_file_fill(&host->ops);
    host_task_fill(&host->ops);
    host_mutex_fill(&host->ops);
    host_cond_fill(&host->ops);
    *ret_io = &host->io;
    return WAL_OK;
}

void wal_host_destroy(struct wal_io *io)
{
    free(io);
}
