/*
 * bench_payload.c - what the benchmarks write, and the proof that it came back.
 *
 * Making it must cost next to nothing beside what is measured: only its number changes from record
 * to record, and the bytes behind it are the same in all of them.
 */
#include <inttypes.h>
#include <string.h>

#include "tests/bench/bench_log.h"

struct stamp {
    uint64_t writer;
    uint64_t number;
};

static uint8_t filler(size_t i)
{
    return (uint8_t)(((uint64_t)i * UINT64_C(0x9e3779b97f4a7c15)) >> 56);
}

void bench_payload_init(uint8_t *payload, size_t len, uint64_t writer)
{
    const struct stamp stamp = {.writer = writer};

    for (size_t i = 0; i < len; i++) payload[i] = filler(i);
    memcpy(payload, &stamp, sizeof stamp);
}

void bench_payload_number(uint8_t *payload, uint64_t number)
{
    memcpy(payload + offsetof(struct stamp, number), &number, sizeof number);
}

static void check_record(const struct wal_record *record, const uint8_t *expected, size_t len,
                         uint64_t *next, uint32_t writers)
{
    struct stamp stamp;

    if (record->len != len) {
        bench_die("LSN %" PRIu64 " has %" PRIu32 " bytes", record->lsn, record->len);
    }
    memcpy(&stamp, record->bytes, sizeof stamp);
    const uint8_t *bytes = record->bytes;
    if (stamp.writer >= writers || stamp.number != next[stamp.writer] ||
        memcmp(bytes + sizeof stamp, expected + sizeof stamp, len - sizeof stamp) != 0) {
        bench_die("LSN %" PRIu64 " is not what was written", record->lsn);
    }
    next[stamp.writer]++;
}

void bench_verify(struct bench_world *world, const char *path, size_t len, const uint64_t *counts,
                  uint32_t writers)
{
    uint64_t next[BENCH_WRITERS_MAX] = {0}, lsn = 1;
    uint8_t expected[BENCH_PAYLOAD_MAX];
    const struct wal_reader_options options = {.from_lsn = 0};
    struct wal_reader *reader = NULL;
    struct wal_record record;
    enum wal_err err;

    bench_payload_init(expected, len, 0);
    bench_check(wal_reader_open(&world->io, path, &options, &reader, NULL), "to read it back");
    while ((err = wal_reader_next(reader, &record, NULL)) == WAL_OK) {
        if (record.lsn != lsn++) bench_die("LSN %" PRIu64 " is out of order", record.lsn);
        check_record(&record, expected, len, next, writers);
    }
    if (err != WAL_END) bench_check(err, "reading it back");
    wal_reader_close(reader);
    for (uint32_t i = 0; i < writers; i++) {
        if (next[i] == counts[i]) continue;
        bench_die("%" PRIu64 " records of writer %" PRIu32 " came back, not %" PRIu64, next[i], i,
                  counts[i]);
    }
}
