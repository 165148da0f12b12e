/*
 * bench_replay.c - reading a log back from the page cache.
 *
 * The log is written in full groups and checked once, record by record; then it is read in turns
 * with a bare loop that reads the same files and takes the CRC of all their bytes, which is the
 * least that anyone does who trusts no disk. What counts are payload bytes.
 */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <isa-l.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/squall.h"
#include "tests/bench/bench_log.h"

enum { CHUNK_BYTES = 256 * 1024 };

#define REPLAY_BYTES (UINT64_C(192) << 20) /* Payload in the log. */

static uint64_t write_log(struct bench_world *world, const char *path, size_t payload_bytes,
                          bool spoil)
{
    struct wal_options options = bench_options();
    uint8_t payload[BENCH_PAYLOAD_MAX];
    uint64_t count = REPLAY_BYTES / payload_bytes;
    struct wal_ticket ticket;
    struct wal_log *log = NULL;

    options.sync_policy = WAL_SYNC_ON_DEMAND;
    bench_payload_init(payload, payload_bytes, 0);
    bench_check(wal_open(&world->io, path, &options, &log, NULL), "open");
    for (uint64_t i = 0; i < count; i++) {
        bench_payload_number(payload, i);
        if (spoil && i == count / 2) payload[payload_bytes - 1] ^= 1;
        bench_check(wal_append(log, payload, payload_bytes, &ticket), "append");
    }
    bench_check(wal_close(log), "close");
    return count;
}

static uint64_t log_turn(struct bench_world *world, const char *path, enum wal_read_mode mode,
                         uint64_t expected_bytes)
{
    const struct wal_reader_options options = {.mode = mode};
    struct wal_reader *reader = NULL;
    struct wal_record record;
    uint64_t bytes = 0, begin_ns = bench_now_ns();
    enum wal_err err;

    bench_check(wal_reader_open(&world->io, path, &options, &reader, NULL), "read");
    while ((err = wal_reader_next(reader, &record, NULL)) == WAL_OK) bytes += record.len;
    wal_reader_close(reader);
    uint64_t ns = bench_now_ns() - begin_ns;
    if (err != WAL_END) bench_check(err, "reading");
    if (bytes != expected_bytes) bench_die("%" PRIu64 " payload bytes came back", bytes);
    return ns;
}

static uint32_t read_file(const char *path, uint8_t *chunk, uint32_t crc)
{
    int fd = open(path, O_RDONLY);
    ssize_t len = 0;

    if (fd < 0) bench_die("%s cannot be read", path);
    while ((len = read(fd, chunk, CHUNK_BYTES)) > 0) crc = crc32_iscsi(chunk, (int)len, crc);
    if (len < 0) bench_die("%s cannot be read", path);
    close(fd);
    return crc;
}

static uint64_t bare_turn(const char *path, uint8_t *chunk, uint32_t *crc)
{
    uint64_t begin_ns = bench_now_ns();
    DIR *dir = opendir(path);
    struct dirent *entry;

    if (dir == NULL) bench_die("%s cannot be listed", path);
    *crc = 0;
    while ((entry = readdir(dir)) != NULL) {
        if (strstr(entry->d_name, ".wal") == NULL) continue;
        char *name = squall_path("%s/%s", path, entry->d_name);
        *crc = read_file(name, chunk, *crc);
        free(name);
    }
    closedir(dir);
    return bench_now_ns() - begin_ns;
}

static void replay(const struct bench_setup *setup, size_t payload_bytes, enum wal_read_mode mode,
                   struct bench_result *result)
{
    double ratios[BENCH_PAIRS_MAX], values[BENCH_PAIRS_MAX];
    struct bench_world world;
    char *path = bench_path(setup, "log");
    uint8_t *chunk = malloc(CHUNK_BYTES);
    size_t pairs = 0;
    uint32_t crc = 0, first_crc = 0;

    if (chunk == NULL) bench_die("no memory");
    bench_world_init(&world);
    uint64_t count = write_log(&world, path, payload_bytes, setup->spoil);
    bench_verify(&world, path, payload_bytes, &count, 1);
    atomic_store(&world.memory_most, 0);
    uint64_t bytes = count * payload_bytes, begin_ns = bench_now_ns(), cpu_ns = 0;
    (void)bare_turn(path, chunk, &first_crc);
    while (pairs < 3 || (pairs < BENCH_PAIRS_MAX && bench_now_ns() - begin_ns < setup->for_ns)) {
        uint64_t bare_ns = bare_turn(path, chunk, &crc), cpu_begin_ns = bench_cpu_ns();
        uint64_t ns = log_turn(&world, path, mode, bytes);
        cpu_ns += bench_cpu_ns() - cpu_begin_ns;
        if (crc != first_crc) bench_die("the files changed while they were read");
        ratios[pairs] = (double)bare_ns / (double)ns;
        values[pairs++] = (double)bytes / (double)ns;
    }
    result->value = bench_median(values, pairs);
    bench_ratios(ratios, pairs, result);
    double cpu = (double)cpu_ns / (double)count / (double)pairs;
    uint64_t memory = atomic_load(&world.memory_most);
    (void)snprintf(result->note, sizeof result->note,
                   "a record: %.1f ns CPU; %.2f MB memory; the bare loop reads the files and takes "
                   "their CRC",
                   cpu, (double)memory / 1e6);
    (void)snprintf(result->json, sizeof result->json, ",\"cpu_ns\":%.1f,\"memory_bytes\":%" PRIu64,
                   cpu, memory);
    bench_world_end(&world);
    bench_remove(path);
    free(chunk);
    free(path);
}

void bench_replay_128(const struct bench_setup *setup, struct bench_result *result)
{
    replay(setup, 128, WAL_READ_MAPPED, result);
}

void bench_replay_1024(const struct bench_setup *setup, struct bench_result *result)
{
    replay(setup, 1024, WAL_READ_MAPPED, result);
}

void bench_streamed_128(const struct bench_setup *setup, struct bench_result *result)
{
    replay(setup, 128, WAL_READ_STREAM, result);
}

void bench_streamed_1024(const struct bench_setup *setup, struct bench_result *result)
{
    replay(setup, 1024, WAL_READ_STREAM, result);
}
