/*
 * bench_durable.c - durable appends: one writer, many, and one that does not wait for each.
 *
 * The log and the bare loop take turns, in slices so short that what else goes on on the disk hits
 * both, but of some writes each, or write for write where there is one writer. Who begins changes.
 * A slice of the log ends when all that was accepted in it is durable. Between the two the log has
 * time to renew its mark, which it does once it is idle and which nobody should pay for twice.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/bench_log.h"

#define SLICE_NS (25 * BENCH_NS_PER_MS)
#define LOG_BYTES_MAX (UINT64_C(2) << 30) /* Room that a row may take on the disk. */

enum {
    STREAM_BYTES = 1 << 20, /* What the bare loop writes at once if the log need not wait. */
    SLICE_WRITES = 8,       /* At least, in a slice of one writer or of the bare loop. */
};

struct durable;

struct writer {
    struct durable *durable;
    pthread_t thread;
    uint64_t number;
    uint64_t count; /* Records that are durable. */
    uint8_t payload[BENCH_PAYLOAD_MAX];
};

struct durable {
    struct bench_world world;
    struct wal_log *log;
    char *path;
    size_t payload_bytes;
    uint32_t writers;
    enum bench_mode mode;
    uint64_t slice_writes;
    bool wait_each;
    bool spoil;
    pthread_barrier_t gate; /* All begin at once; and all have ended. */
    uint64_t deadline_ns;
    bool over;
    struct writer each[BENCH_WRITERS_MAX];
};

static void write_slice(struct writer *writer)
{
    struct durable *durable = writer->durable;
    struct wal_ticket ticket;
    uint64_t lsn = 0;

    for (uint64_t i = 1;; i++) {
        bench_payload_number(writer->payload, writer->count);
        if (durable->spoil) writer->payload[durable->payload_bytes - 1] ^= 1;
        durable->spoil = false;
        bench_check(wal_append(durable->log, writer->payload, durable->payload_bytes, &ticket),
                    "append");
        if (durable->wait_each) bench_check(wal_wait(durable->log, &ticket), "wait");
        writer->count++;
        /* The clock costs a tenth of an append that does not wait. */
        if (i % (durable->wait_each ? durable->slice_writes : 64) != 0) continue;
        if (bench_now_ns() >= durable->deadline_ns) break;
    }
    if (!durable->wait_each) bench_check(wal_sync(durable->log, &lsn), "sync");
}

static void *writer_main(void *arg)
{
    struct writer *writer = arg;

    for (;;) {
        pthread_barrier_wait(&writer->durable->gate);
        if (writer->durable->over) return NULL;
        write_slice(writer);
        pthread_barrier_wait(&writer->durable->gate);
    }
}

static void begin(struct durable *durable, const struct bench_setup *setup)
{
    struct wal_options options = bench_options();

    bench_mode_apply(durable->mode, &options);
    bench_world_init(&durable->world);
    durable->path = bench_path(setup, "log");
    durable->spoil = setup->spoil;
    bench_check(wal_open(&durable->world.io, durable->path, &options, &durable->log, NULL), "open");
    pthread_barrier_init(&durable->gate, NULL, durable->writers + 1);
    for (uint32_t i = 0; i < durable->writers; i++) {
        struct writer *writer = &durable->each[i];
        *writer = (struct writer){.durable = durable, .number = i};
        bench_payload_init(writer->payload, durable->payload_bytes, i);
        if (durable->writers == 1) break; /* It writes in the thread that measures. */
        if (pthread_create(&writer->thread, NULL, writer_main, writer) != 0) bench_die("threads");
    }
}

static uint64_t records(const struct durable *durable)
{
    uint64_t count = 0;

    for (uint32_t i = 0; i < durable->writers; i++) count += durable->each[i].count;
    return count;
}

static void end(struct durable *durable)
{
    uint64_t counts[BENCH_WRITERS_MAX];

    durable->over = true;
    if (durable->writers > 1) {
        pthread_barrier_wait(&durable->gate);
        for (uint32_t i = 0; i < durable->writers; i++) {
            pthread_join(durable->each[i].thread, NULL);
        }
    }
    pthread_barrier_destroy(&durable->gate);
    bench_check(wal_close(durable->log), "close");
    for (uint32_t i = 0; i < durable->writers; i++) counts[i] = durable->each[i].count;
    bench_verify(&durable->world, durable->path, durable->payload_bytes, counts, durable->writers);
    bench_world_end(&durable->world);
    bench_remove(durable->path);
    free(durable->path);
}

struct slice {
    uint64_t ns, cpu_ns, records, bytes;
};

static uint64_t bytes_written(struct durable *durable)
{
    struct wal_stat stat;

    wal_log_stat(durable->log, &stat);
    return stat.bytes_written;
}

static struct slice log_slice(struct durable *durable)
{
    struct slice slice = {.records = records(durable), .bytes = bytes_written(durable)};
    uint64_t cpu_ns = bench_cpu_ns(), begin_ns = bench_now_ns();

    durable->deadline_ns = begin_ns + SLICE_NS;
    if (durable->writers == 1) {
        write_slice(&durable->each[0]);
    } else {
        pthread_barrier_wait(&durable->gate);
        pthread_barrier_wait(&durable->gate);
    }
    slice.ns = bench_now_ns() - begin_ns;
    slice.cpu_ns = bench_cpu_ns() - cpu_ns;
    slice.records = records(durable) - slice.records;
    slice.bytes = bytes_written(durable) - slice.bytes;
    bench_sleep(2 * bench_options().mark_interval_ns);
    return slice;
}

static struct slice bare_slice(struct bench_bare *bare)
{
    uint64_t begin_ns = bench_now_ns();
    struct slice slice = {.records = bench_bare_run(bare, begin_ns + SLICE_NS, SLICE_WRITES)};

    slice.ns = bench_now_ns() - begin_ns;
    slice.bytes = slice.records * bare->len;
    return slice;
}

/* One writer: write for write, since the disk may be another one from a moment to the next. */
static void alternate(struct durable *durable, struct bench_bare *bare, struct slice *logged,
                      struct slice *bared)
{
    uint64_t bytes = bytes_written(durable), count = 2 * SLICE_WRITES;

    *logged = *bared = (struct slice){.records = count};
    durable->slice_writes = 1;
    durable->deadline_ns = 0; /* One write. */
    for (uint64_t i = 0; i < 2 * count; i++) {
        uint64_t cpu_ns = bench_cpu_ns(), begin_ns = bench_now_ns();
        if ((i + i / 2) % 2 == 0) { /* Who was second is first the next time. */
            bench_bare_write(bare);
            bared->ns += bench_now_ns() - begin_ns;
        } else {
            write_slice(&durable->each[0]);
            logged->ns += bench_now_ns() - begin_ns;
            logged->cpu_ns += bench_cpu_ns() - cpu_ns;
        }
    }
    bared->bytes = count * bare->len;
    logged->bytes = bytes_written(durable) - bytes;
}

/* One each. */
static void take_turn(struct durable *durable, struct bench_bare *bare, bool bare_first,
                      struct slice *logged, struct slice *bared)
{
    if (durable->writers == 1 && durable->wait_each) {
        alternate(durable, bare, logged, bared);
        return;
    }
    if (bare_first) *bared = bare_slice(bare);
    *logged = log_slice(durable);
    if (!bare_first) *bared = bare_slice(bare);
}

static double rate(uint64_t count, const struct slice *slice)
{
    return (double)count * (double)BENCH_NS_PER_S / (double)slice->ns;
}

static void take_turns(struct durable *durable, struct bench_bare *bare, uint64_t for_ns,
                       struct bench_result *result)
{
    double ratios[BENCH_PAIRS_MAX], values[BENCH_PAIRS_MAX], bares[BENCH_PAIRS_MAX];
    struct slice logged, bared;
    uint64_t cpu_ns = 0, bytes = 0, count = 0;
    uint64_t begin_ns = bench_now_ns();
    size_t pairs = 0;

    for (; pairs < BENCH_PAIRS_MAX && bytes < LOG_BYTES_MAX; pairs++) {
        if (pairs >= 3 && bench_now_ns() - begin_ns >= for_ns) break;
        take_turn(durable, bare, pairs % 2 == 0, &logged, &bared);
        bool each = durable->wait_each;
        bares[pairs] = rate(each ? bared.records : bared.bytes, &bared);
        ratios[pairs] = rate(each ? logged.records : logged.bytes, &logged) / bares[pairs];
        values[pairs] = rate(logged.records, &logged);
        cpu_ns += logged.cpu_ns;
        bytes += logged.bytes;
        count += logged.records;
    }
    result->value = bench_median(values, pairs);
    bench_ratios(ratios, pairs, result);
    double bare_rate = bench_median(bares, pairs);
    double cpu = (double)cpu_ns / (double)count, written = (double)bytes / (double)count;
    uint64_t memory = atomic_load(&durable->world.memory_most);
    (void)snprintf(result->note, sizeof result->note,
                   "%s; a record: %.2f us CPU, %.0f bytes on disk; %.1f MB memory; bare %.0f %s",
                   bench_mode_name(durable->mode), cpu / 1000, written, (double)memory / 1e6,
                   durable->wait_each ? bare_rate : bare_rate / 1e6,
                   durable->wait_each ? "/s" : "MB/s");
    (void)snprintf(result->json, sizeof result->json,
                   ",\"mode\":\"%s\",\"cpu_ns\":%.0f,\"disk_bytes\":%.0f,\"memory_bytes\":%" PRIu64
                   ",\"bare\":%.1f,\"records\":%" PRIu64,
                   bench_mode_name(durable->mode), cpu, written, memory, bare_rate, count);
}

static void measure(const struct bench_setup *setup, uint32_t writers, size_t payload_bytes,
                    bool wait_each, struct bench_result *result)
{
    struct durable *durable = calloc(1, sizeof *durable);
    struct bench_bare bare;
    uint64_t block_bytes = bench_options().block_bytes;
    size_t group = WAL_GROUP_HEADER_BYTES + WAL_RECORD_HEADER_BYTES + payload_bytes;
    size_t padded = (group + block_bytes - 1) / block_bytes * block_bytes;

    if (durable == NULL) bench_die("no memory");
    durable->writers = writers;
    durable->payload_bytes = payload_bytes;
    durable->wait_each = wait_each;
    durable->slice_writes = 1;
    /* Who need not wait fills segments faster than they can be written in advance. */
    durable->mode = wait_each ? setup->mode : BENCH_PLAIN;
    begin(durable, setup);
    bench_bare_begin(&bare, setup, durable->mode, wait_each ? padded : STREAM_BYTES, true);
    take_turns(durable, &bare, setup->for_ns, result);
    bench_bare_end(&bare);
    end(durable);
    free(durable);
}

void bench_sync_128(const struct bench_setup *setup, struct bench_result *result)
{
    measure(setup, 1, 128, true, result);
}

void bench_sync_1024(const struct bench_setup *setup, struct bench_result *result)
{
    measure(setup, 1, 1024, true, result);
}

void bench_sync_16384(const struct bench_setup *setup, struct bench_result *result)
{
    measure(setup, 1, 16384, true, result);
}

void bench_group_16(const struct bench_setup *setup, struct bench_result *result)
{
    measure(setup, 16, 128, true, result);
}

void bench_group_64(const struct bench_setup *setup, struct bench_result *result)
{
    measure(setup, 64, 128, true, result);
}

void bench_async(const struct bench_setup *setup, struct bench_result *result)
{
    measure(setup, 1, 128, false, result);
}
