/*
 * bench_nosync.c - appends that nobody waits for and nothing is synced for.
 *
 * Each slice has a log of its own, whose one segment is large enough that it need not rotate, for
 * rotation syncs. It is read back, and removed, before the next. The bare loop writes as many bytes
 * with as few calls into a file of its own.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/bench/bench_log.h"

enum { PAYLOAD_BYTES = 128, RECORDS = 1 << 20, CHUNK_BYTES = 1 << 20 };

#define SEGMENT_BYTES (UINT64_C(1) << 30)

struct nosync {
    uint64_t ns, cpu_ns, memory;
};

static struct nosync log_slice(const struct bench_setup *setup)
{
    struct wal_options options = bench_options();
    struct nosync slice = {.ns = 0};
    struct bench_world world;
    struct wal_log *log = NULL;
    struct wal_ticket ticket;
    uint8_t payload[PAYLOAD_BYTES];
    const uint64_t count = RECORDS;
    char *path = bench_path(setup, "log");

    bench_world_init(&world);
    bench_payload_init(payload, sizeof payload, 0);
    options.sync_policy = WAL_SYNC_NEVER;
    options.segment_bytes = SEGMENT_BYTES;
    bench_check(wal_open(&world.io, path, &options, &log, NULL), "open");
    uint64_t cpu_ns = bench_cpu_ns(), begin_ns = bench_now_ns();
    for (uint64_t i = 0; i < RECORDS; i++) {
        bench_payload_number(payload, i);
        if (setup->spoil && i == RECORDS / 2) payload[sizeof payload - 1] ^= 1;
        bench_check(wal_append(log, payload, sizeof payload, &ticket), "append");
    }
    slice.ns = bench_now_ns() - begin_ns;
    slice.cpu_ns = bench_cpu_ns() - cpu_ns;
    bench_check(wal_close(log), "close");
    slice.memory = atomic_load(&world.memory_most);
    bench_verify(&world, path, sizeof payload, &count, 1);
    bench_world_end(&world);
    bench_remove(path);
    free(path);
    return slice;
}

static struct nosync bare_slice(const struct bench_setup *setup)
{
    struct nosync slice = {.ns = 0};
    struct bench_bare bare;
    uint64_t bytes = (uint64_t)RECORDS * (WAL_RECORD_HEADER_BYTES + PAYLOAD_BYTES);

    bench_bare_begin(&bare, setup, BENCH_PLAIN, CHUNK_BYTES, false);
    bare.file_bytes = SEGMENT_BYTES;
    uint64_t begin_ns = bench_now_ns();
    while (bare.offset < bytes) bench_bare_write(&bare);
    slice.ns = bench_now_ns() - begin_ns;
    bench_bare_end(&bare);
    return slice;
}

void bench_nosync_128(const struct bench_setup *setup, struct bench_result *result)
{
    double ratios[BENCH_PAIRS_MAX], values[BENCH_PAIRS_MAX];
    uint64_t begin_ns = bench_now_ns(), cpu_ns = 0;
    struct nosync logged = {.ns = 0}, bared = {.ns = 0};
    size_t pairs = 0;

    while (pairs < 3 || (pairs < BENCH_PAIRS_MAX && bench_now_ns() - begin_ns < setup->for_ns)) {
        if (pairs % 2 == 0) bared = bare_slice(setup);
        logged = log_slice(setup);
        if (pairs % 2 == 1) bared = bare_slice(setup);
        ratios[pairs] = (double)bared.ns / (double)logged.ns;
        values[pairs++] = (double)RECORDS * (double)BENCH_NS_PER_S / (double)logged.ns;
        cpu_ns += logged.cpu_ns;
    }
    result->value = bench_median(values, pairs);
    bench_ratios(ratios, pairs, result);
    double cpu = (double)cpu_ns / (double)RECORDS / (double)pairs;
    (void)snprintf(result->note, sizeof result->note,
                   "a record: %.3f us CPU; %.1f MB memory; the bare loop writes as many bytes, "
                   "1 MiB at once",
                   cpu / 1000, (double)logged.memory / 1e6);
    (void)snprintf(result->json, sizeof result->json, ",\"cpu_ns\":%.0f,\"memory_bytes\":%" PRIu64,
                   cpu, logged.memory);
}
