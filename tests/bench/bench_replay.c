/*
 * bench_replay.c - reading a log back from the page cache.
 *
 * The log is written in full groups and checked once, record by record; then it is read in turns
 * with a bare loop that reads the same files in the same way, mapped whole or through a buffer that
 * the cache holds, and takes the CRC of all their bytes as fast as it is known to be done: in
 * pieces as long as a record, four side by side, asking ahead for what comes next. It knows no
 * record, no place and no LSN. That is the least that anyone does who trusts no disk. What counts
 * are payload bytes.
 */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <isa-l.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/squall.h"
#include "tests/bench/bench_log.h"

enum {
    CHUNK_BYTES = 256 * 1024, /* Fits the second cache, next to the processor. */
    AHEAD_BYTES = 4096,
    RECORD_HEADER_BYTES = 16,
};

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

#if defined(__x86_64__)
#include <nmmintrin.h>

static uint64_t word_at(const uint8_t *p)
{
    uint64_t word;

    memcpy(&word, p, sizeof word);
    return word;
}

/* Of whole pieces, four of them side by side; returns how many bytes they are. */
__attribute__((target("sse4.2"))) static size_t crc_pieces(const uint8_t *p, size_t len,
                                                           size_t piece, uint64_t *crc)
{
    size_t done = 0;

    for (; len - done >= 4 * piece; done += 4 * piece) {
        const uint8_t *q = p + done;
        uint64_t a = 0, b = 0, c = 0, d = 0;

        for (size_t at = 0; at < piece; at += 8) {
            if (at % 64 == 0) {
                __builtin_prefetch(q + at + AHEAD_BYTES);
                __builtin_prefetch(q + at + piece + AHEAD_BYTES);
                __builtin_prefetch(q + at + 2 * piece + AHEAD_BYTES);
                __builtin_prefetch(q + at + 3 * piece + AHEAD_BYTES);
            }
            a = _mm_crc32_u64(a, word_at(q + at));
            b = _mm_crc32_u64(b, word_at(q + at + piece));
            c = _mm_crc32_u64(c, word_at(q + at + 2 * piece));
            d = _mm_crc32_u64(d, word_at(q + at + 3 * piece));
        }
        *crc = *crc * 31 + a + b + c + d;
    }
    return done;
}
#else
static size_t crc_pieces(const uint8_t *p, size_t len, size_t piece, uint64_t *crc)
{
    (void)p;
    (void)len;
    (void)piece;
    (void)crc;
    return 0;
}
#endif

static uint64_t crc_bytes(const uint8_t *p, size_t len, size_t piece, uint64_t crc)
{
    size_t done = crc_pieces(p, len, piece, &crc);

    return crc * 31 + crc32_iscsi((unsigned char *)(uintptr_t)(p + done), (int)(len - done), 0);
}

static uint64_t stream_file(int fd, uint8_t *chunk, size_t piece, uint64_t crc)
{
    ssize_t len = 0;

    while ((len = read(fd, chunk, CHUNK_BYTES)) > 0)
        crc = crc_bytes(chunk, (size_t)len, piece, crc);
    if (len < 0) bench_die("the bare loop cannot read");
    return crc;
}

static uint64_t map_file(int fd, size_t piece, uint64_t crc)
{
    struct stat status;

    if (fstat(fd, &status) != 0) bench_die("the bare loop cannot read");
    size_t len = (size_t)status.st_size;
    void *bytes = mmap(NULL, len, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
    if (bytes == MAP_FAILED) bench_die("the bare loop cannot map");
    crc = crc_bytes(bytes, len, piece, crc);
    (void)munmap(bytes, len);
    return crc;
}

struct bare {
    const char *path;
    enum wal_read_mode mode;
    uint8_t *chunk;
    size_t piece; /* Bytes of a record. */
};

static uint64_t bare_turn(const struct bare *bare, uint64_t *crc)
{
    uint64_t begin_ns = bench_now_ns();
    DIR *dir = opendir(bare->path);
    struct dirent *entry;

    if (dir == NULL) bench_die("%s cannot be listed", bare->path);
    *crc = 0;
    while ((entry = readdir(dir)) != NULL) {
        if (strstr(entry->d_name, ".wal") == NULL) continue;
        char *name = squall_path("%s/%s", bare->path, entry->d_name);
        int fd = open(name, O_RDONLY);
        if (fd < 0) bench_die("%s cannot be read", name);
        *crc = bare->mode == WAL_READ_MAPPED ? map_file(fd, bare->piece, *crc)
                                             : stream_file(fd, bare->chunk, bare->piece, *crc);
        close(fd);
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
    const struct bare bare = {path, mode, malloc(CHUNK_BYTES), RECORD_HEADER_BYTES + payload_bytes};
    size_t pairs = 0;
    uint64_t crc = 0, first_crc = 0;

    if (bare.chunk == NULL) bench_die("no memory");
    bench_world_init(&world);
    uint64_t count = write_log(&world, path, payload_bytes, setup->spoil);
    bench_verify(&world, path, payload_bytes, &count, 1);
    atomic_store(&world.memory_most, 0);
    uint64_t bytes = count * payload_bytes, begin_ns = bench_now_ns(), cpu_ns = 0;
    (void)bare_turn(&bare, &first_crc);
    while (pairs < 3 || (pairs < BENCH_PAIRS_MAX && bench_now_ns() - begin_ns < setup->for_ns)) {
        uint64_t bare_ns = bare_turn(&bare, &crc), cpu_begin_ns = bench_cpu_ns();
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
                   "a record: %.1f ns CPU; %.2f MB memory; the bare loop %s the files and takes "
                   "their CRC in pieces, four side by side",
                   cpu, (double)memory / 1e6, mode == WAL_READ_MAPPED ? "maps" : "reads");
    (void)snprintf(result->json, sizeof result->json, ",\"cpu_ns\":%.1f,\"memory_bytes\":%" PRIu64,
                   cpu, memory);
    bench_world_end(&world);
    bench_remove(path);
    free(bare.chunk);
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
