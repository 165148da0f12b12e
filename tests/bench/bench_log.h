/*
 * bench_log.h - what the benchmarks of the log share: the world, the payload, the bare loop.
 *
 * A benchmark ends the program when anything fails: the speed of a wrong thing is no number.
 */
#ifndef TESTS_BENCH_BENCH_LOG_H
#define TESTS_BENCH_BENCH_LOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cmd/bench_rows.h"
#include "wal/io.h"
#include "wal/log/log.h"

#define BENCH_NS_PER_S UINT64_C(1000000000)
#define BENCH_NS_PER_MS UINT64_C(1000000)

/* How rows whose appends are waited for write. */
enum bench_mode {
    BENCH_PLAIN,    /* Buffered, into a file that grows. */
    BENCH_BUFFERED, /* From here on into files that were written in advance. */
    BENCH_DIRECT,
    BENCH_DSYNC, /* Direct, and each write durable when it returns. */
    BENCH_MODES
};

struct bench_setup {
    enum bench_mode mode;
    const char *dir; /* All files are made here, and go away again. */
    uint64_t for_ns; /* For each row. */
    bool spoil;      /* Write one wrong record, so that it is seen that what is read is checked. */
};

/* Each of these measures one row. */
typedef void bench_measure(const struct bench_setup *setup, struct bench_result *result);
bench_measure bench_sync_128, bench_sync_1024, bench_sync_16384, bench_group_16, bench_group_64,
    bench_async;
bench_measure bench_nosync_128;
bench_measure bench_replay_128, bench_replay_1024, bench_streamed_128, bench_streamed_1024;
bench_measure bench_open_1mb, bench_open_100mb, bench_open_10gb, bench_recover_1mb,
    bench_recover_100mb, bench_recover_10gb;

_Noreturn void bench_die(const char *format, ...) __attribute__((format(printf, 1, 2)));
void bench_check(enum wal_err err, const char *what);

/* ---- The real world, with counters in front (bench_world.c) ---- */

struct bench_world {
    struct wal_io io; /* First. */
    struct wal_io_ops ops;
    struct wal_io *host;
    _Atomic uint64_t reads, bytes_read, syncs;
    _Atomic uint64_t memory, memory_most; /* That the log has asked for. */
};

void bench_world_init(struct bench_world *world);
void bench_world_end(struct bench_world *world);

uint64_t bench_now_ns(void);
uint64_t bench_cpu_ns(void); /* Of the process, user and system. */
void bench_sleep(uint64_t ns);

char *bench_path(const struct bench_setup *setup, const char *name);
/* A file, or a directory with files. */
void bench_remove(const char *path);
bool bench_try_remove(const char *path);

/* What all rows open their logs with. */
struct wal_options bench_options(void);

const char *bench_mode_name(enum bench_mode mode);
void bench_mode_apply(enum bench_mode mode, struct wal_options *options);

/* ---- Payload (bench_payload.c): whose it is, the how-manieth, and bytes that are always the same.
 * ---- */

enum { BENCH_WRITERS_MAX = 64, BENCH_PAYLOAD_MAX = 16384 };

void bench_payload_init(uint8_t *payload, size_t len, uint64_t writer);
void bench_payload_number(uint8_t *payload, uint64_t number);

/* Read the log back: each writer's records are all there, in order, and nothing else. */
void bench_verify(struct bench_world *world, const char *path, size_t len, const uint64_t *counts,
                  uint32_t writers);

/* ---- The bare loop (bench_bare.c): write so many bytes behind the last, fdatasync. ---- */

struct bench_bare {
    char *path;
    int fd;
    uint8_t *bytes; /* Aligned, so that it may be written directly. */
    size_t len;     /* Of one write. */
    uint64_t offset;
    uint64_t file_bytes; /* Then it begins a new file, as the log begins a new segment. */
    enum bench_mode mode;
    bool sync;
};

void bench_bare_begin(struct bench_bare *bare, const struct bench_setup *setup,
                      enum bench_mode mode, size_t len, bool sync);
void bench_bare_write(struct bench_bare *bare);
/* Until the deadline, but at least so many; how many it was. */
uint64_t bench_bare_run(struct bench_bare *bare, uint64_t deadline_ns, uint64_t least);
void bench_bare_end(struct bench_bare *bare);

#endif
