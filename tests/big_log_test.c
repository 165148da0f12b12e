/*
 * big_log_test.c - what opening costs does not grow with the log.
 *
 * After a clean close a bounded amount is read; after a death no more than what lies above the
 * mark, once to verify it and once to copy it forward or to look again (wal_open_reads_test counts
 * it byte by byte). A small log is enough to see that;
 * big_deep_test.sh sets BIG_LOG_MIB and makes one of 10 GiB.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/counting_io.h"
#include "tests/log_check.h"
#include "wal/log/codec.h"
#include "wal/log/log.h"
#include "wal/log/mark.h"

enum {
    KIB = 1024,
    MIB = 1024 * KIB,
    LOG_MIB = 64,
    DEATH_MIB = 24,            /* What is appended by the one who dies. */
    OPEN_BYTES_MAX = 64 * KIB, /* The mark, a header, and a look behind the end. */
    OPEN_MS_MAX = 5000,        /* Of a machine that has other things to do. */
    PATH_BYTES = 256,
};

struct fixture {
    struct counting_io *counting;
    struct wal_options options;
    uint64_t records; /* Of 1 MiB each. */
    char dir[PATH_BYTES];
    char path[PATH_BYTES + 8];
};

static void record_put(uint8_t *bytes, uint64_t lsn)
{
    for (size_t i = 0; i < MIB; i += KIB) memcpy(bytes + i, &lsn, sizeof lsn);
}

/* Fails with the error's name. */
static void append_all(struct fixture *fixture, struct wal_log *log, uint64_t first, uint64_t count)
{
    static uint8_t bytes[MIB];
    struct wal_ticket ticket;

    (void)fixture;
    for (uint64_t lsn = first; lsn < first + count; lsn++) {
        record_put(bytes, lsn);
        assert_ok(wal_append(log, bytes, sizeof bytes, &ticket));
        assert_u64(ticket.last_lsn, lsn);
    }
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    const char *tmp = getenv("TMPDIR");
    const char *mib = getenv("BIG_LOG_MIB");
    struct wal_log *log = NULL;

    if (fixture == NULL || (fixture->counting = counting_create()) == NULL) return -1;
    snprintf(fixture->dir, sizeof fixture->dir, "%s/big_log_test.XXXXXX", tmp ? tmp : "/tmp");
    if (mkdtemp(fixture->dir) == NULL) return -1;
    snprintf(fixture->path, sizeof fixture->path, "%s/log", fixture->dir);
    fixture->records = mib != NULL ? strtoull(mib, NULL, 10) : LOG_MIB;
    fixture->options = wal_options_default();
    fixture->options.create = true;
    fixture->options.sync_policy = WAL_SYNC_ON_DEMAND;
    *state = fixture;
    assert_ok(wal_open(&fixture->counting->io, fixture->path, &fixture->options, &log, NULL));
    append_all(fixture, log, 1, fixture->records);
    assert_ok(wal_close(log));
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    char command[PATH_BYTES + 16];

    snprintf(command, sizeof command, "rm -rf '%s'", fixture->dir);
    int failed = system(command);
    counting_destroy(fixture->counting);
    free(fixture);
    return failed;
}

/* Open it, and say what that took. */
static uint64_t open_counted(struct fixture *fixture, const char *what, struct wal_log **ret_log)
{
    struct counting_io *counting = fixture->counting;
    uint64_t before = counting->bytes_read;
    uint64_t start_ns = io_monotonic_ns(&counting->io);

    assert_ok(wal_open(&counting->io, fixture->path, &fixture->options, ret_log, NULL));
    uint64_t bytes = counting->bytes_read - before;
    uint64_t us = (io_monotonic_ns(&counting->io) - start_ns) / 1000;
    print_message("# %" PRIu64 " MiB, %s: %" PRIu64 " bytes read, %" PRIu64 " us\n",
                  fixture->records, what, bytes, us);
    assert_true(us / 1000 <= OPEN_MS_MAX);
    return bytes;
}

static void assert_last_record(struct fixture *fixture, uint64_t last)
{
    const struct wal_reader_options options = {.from_lsn = last};
    static uint8_t bytes[MIB];
    struct wal_reader *reader = NULL;
    struct wal_record record;

    record_put(bytes, last);
    assert_ok(wal_reader_open(&fixture->counting->io, fixture->path, &options, &reader, NULL));
    assert_ok(wal_reader_next(reader, &record, NULL));
    assert_u64(record.lsn, last);
    assert_u64(record.len, MIB);
    for (size_t i = 0; i < MIB; i += KIB) {
        assert_memory_equal((const uint8_t *)record.bytes + i, bytes + i, sizeof last);
    }
    assert_err(wal_reader_next(reader, &record, NULL), WAL_END);
    wal_reader_close(reader);
}

static void opening_after_a_clean_close_reads_a_bounded_amount(void **state)
{
    struct fixture *fixture = *state;
    struct wal_log *log = NULL;
    struct wal_stat stat;

    uint64_t bytes = open_counted(fixture, "closed", &log);
    wal_log_stat(log, &stat);
    assert_u64(stat.durable_lsn, fixture->records);
    assert_true(stat.segments > 3);
    assert_ok(wal_close(log));
    assert_true(bytes <= OPEN_BYTES_MAX);
    assert_last_record(fixture, fixture->records);
}

/* The bytes that no mark vouches for: from its place to the end of the last segment. */
static uint64_t bytes_above_the_mark(struct fixture *fixture)
{
    struct wal_io *io = &fixture->counting->io;
    struct wal_mark_slot mark;
    struct wal_dir dir;
    uint64_t bytes = 0;
    unsigned bad = 0;

    assert_ok(io_dir_open(io, fixture->path, &dir));
    assert_ok(log_mark_read(io, dir, &mark, &bad));
    io_dir_close(io, dir);
    assert_false(mark.clean);
    for (uint64_t number = mark.segment;; number++) {
        char name[WAL_SEGMENT_NAME_BYTES];
        char path[2 * PATH_BYTES];
        struct stat status;

        log_segment_name(name, number);
        snprintf(path, sizeof path, "%s/%s", fixture->path, name);
        if (stat(path, &status) != 0) break;
        bytes += (uint64_t)status.st_size;
    }
    assert_true(bytes >= mark.offset);
    return bytes - mark.offset;
}

/* Append, and die with some of it accepted, some written, some synced. */
static void die_appending(struct fixture *fixture)
{
    int status = 0;
    pid_t child = fork(); /* There is no other thread: no log is open. */

    assert_true(child >= 0);
    if (child == 0) {
        struct wal_log *log = NULL;
        enum wal_err err =
            wal_open(&fixture->counting->io, fixture->path, &fixture->options, &log, NULL);

        if (err == WAL_OK) append_all(fixture, log, fixture->records + 1, DEATH_MIB);
        kill(getpid(), err == WAL_OK ? SIGKILL : SIGABRT);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
}

static void opening_after_a_death_reads_what_lies_above_the_mark(void **state)
{
    struct fixture *fixture = *state;
    struct wal_log *log = NULL;
    struct wal_stat stat;

    die_appending(fixture);
    uint64_t above = bytes_above_the_mark(fixture);
    print_message("# %" PRIu64 " bytes above the mark\n", above);
    uint64_t bytes = open_counted(fixture, "killed", &log);
    wal_log_stat(log, &stat);
    uint64_t last = stat.durable_lsn;
    assert_ok(wal_close(log));
    assert_true(bytes <= 2 * above + OPEN_BYTES_MAX);
    assert_true(last >= fixture->records);
    assert_true(last <= fixture->records + DEATH_MIB);
    assert_last_record(fixture, last);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opening_after_a_clean_close_reads_a_bounded_amount),
        cmocka_unit_test(opening_after_a_death_reads_what_lies_above_the_mark),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
