/*
 * bench_open.c - what opening costs, by size of the log and by how it was left.
 *
 * Clean: closed. Recovery: the process that wrote died, and nothing of the last segment was in the
 * mark, which is the worst that can be: no more than that segment has to be read. What is measured
 * is the call, the bytes it reads and the memory it takes.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/bench_log.h"

enum { REPEATS = 5, PAYLOAD_BYTES = 1024 };

#define MB UINT64_C(1000000)
#define NEVER_NS (UINT64_C(3600) * BENCH_NS_PER_S)

/* Append so much; then close, or die. */
static void grow(const char *path, uint64_t bytes, bool clean)
{
    struct wal_options options = bench_options();
    uint8_t payload[PAYLOAD_BYTES];
    struct bench_world world;
    struct wal_log *log = NULL;
    struct wal_ticket ticket;
    uint64_t lsn = 0;

    options.sync_policy = WAL_SYNC_ON_DEMAND;
    options.mark_interval_ns = NEVER_NS;
    bench_world_init(&world);
    bench_payload_init(payload, sizeof payload, 0);
    bench_check(wal_open(&world.io, path, &options, &log, NULL), "open");
    for (uint64_t done = 0; done < bytes; done += sizeof payload) {
        bench_payload_number(payload, done / sizeof payload);
        bench_check(wal_append(log, payload, sizeof payload, &ticket), "append");
    }
    bench_check(wal_sync(log, &lsn), "sync");
    if (!clean) _exit(0);
    bench_check(wal_close(log), "close");
    bench_world_end(&world);
}

/* The one that dies is a process of its own. */
static void grow_and_die(const char *path, uint64_t bytes)
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) grow(path, bytes, false);
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
        bench_die("the process that was to die did not get so far");
    }
}

static void measure(const struct bench_setup *setup, uint64_t bytes, bool clean,
                    struct bench_result *result)
{
    char *path = bench_path(setup, "log");
    const struct wal_options options = bench_options();
    uint64_t most = options.segment_bytes / 4 * 3; /* What dies leaves most of a segment. */
    uint64_t tail = bytes < most ? bytes : most, read = 0, reads = 0, memory = 0;
    double values[REPEATS];

    grow(path, bytes, true);
    for (size_t i = 0; i < REPEATS; i++) {
        struct bench_world world;
        struct wal_log *log = NULL;

        if (!clean) grow_and_die(path, tail);
        bench_world_init(&world);
        uint64_t begin_ns = bench_now_ns();
        bench_check(wal_open(&world.io, path, &options, &log, NULL), "open");
        values[i] = (double)(bench_now_ns() - begin_ns) / 1e6;
        read = atomic_load(&world.bytes_read);
        reads = atomic_load(&world.reads);
        memory = atomic_load(&world.memory_most);
        bench_check(wal_close(log), "close");
        bench_world_end(&world);
    }
    result->value = bench_median(values, REPEATS);
    (void)snprintf(result->note, sizeof result->note,
                   "reads %" PRIu64 " bytes in %" PRIu64 " calls%s; %.1f MB memory", read, reads,
                   clean ? "" : ", the last segment being above the mark", (double)memory / 1e6);
    (void)snprintf(result->json, sizeof result->json,
                   ",\"bytes_read\":%" PRIu64 ",\"reads\":%" PRIu64 ",\"memory_bytes\":%" PRIu64,
                   read, reads, memory);
    bench_remove(path);
    free(path);
}

void bench_open_1mb(const struct bench_setup *setup, struct bench_result *result)
{
    measure(setup, MB, true, result);
}

void bench_open_100mb(const struct bench_setup *setup, struct bench_result *result)
{
    measure(setup, 100 * MB, true, result);
}

void bench_open_10gb(const struct bench_setup *setup, struct bench_result *result)
{
    measure(setup, 10000 * MB, true, result);
}

void bench_recover_1mb(const struct bench_setup *setup, struct bench_result *result)
{
    measure(setup, MB, false, result);
}

void bench_recover_100mb(const struct bench_setup *setup, struct bench_result *result)
{
    measure(setup, 100 * MB, false, result);
}

void bench_recover_10gb(const struct bench_setup *setup, struct bench_result *result)
{
    measure(setup, 10000 * MB, false, result);
}
