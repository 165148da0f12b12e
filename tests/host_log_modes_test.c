/*
 * host_log_modes_test.c - each way of writing, on a real directory: buffered, direct and direct
 * with each write its own sync; segments that grow, that are prewritten, and that are recycled.
 *
 * Where the file system has no direct I/O the log has to say so and be buffered; the test goes on
 * with that.
 */
#include "tests/log_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wal/host/host.h"
#include "wal/log/codec.h"
#include "wal/log/log.h"

enum {
    SEGMENT = 256 * 1024,
    PAYLOAD = 3000,
    RECORDS = 400, /* Some five segments. */
};

struct fixture {
    char parent[256];
    char path[300];
    struct wal_io *io;
    struct wal_options options;
    bool nodirect;
};

static void observe(void *context, const struct wal_event *event)
{
    struct fixture *fixture = context;

    if (event->kind == WAL_EVENT_NODIRECT) fixture->nodirect = true;
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    const char *tmp = getenv("TMPDIR");

    if (fixture == NULL) return -1;
    snprintf(fixture->parent, sizeof fixture->parent, "%s/log_modes.XXXXXX", tmp ? tmp : "/tmp");
    if (mkdtemp(fixture->parent) == NULL) return -1;
    snprintf(fixture->path, sizeof fixture->path, "%s/log", fixture->parent);
    if (wal_host_create(&fixture->io) != WAL_OK) return -1;
    fixture->options = wal_options_default();
    fixture->options.create = true;
    fixture->options.segment_bytes = SEGMENT;
    fixture->options.record_bytes_max = PAYLOAD;
    fixture->options.batch_bytes_max = PAYLOAD;
    fixture->options.queue_bytes = SEGMENT / 4;
    fixture->options.sync_policy = WAL_SYNC_ON_DEMAND;
    fixture->options.observe = observe;
    fixture->options.observe_context = fixture;
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    char command[400];

    wal_host_destroy(fixture->io);
    snprintf(command, sizeof command, "rm -rf '%s'", fixture->parent);
    int failed = system(command);
    free(fixture);
    return failed;
}

static size_t record_of(uint64_t lsn, uint8_t *bytes)
{
    size_t len = (size_t)(lsn * 977 % PAYLOAD);

    for (size_t i = 0; i < len; i++) bytes[i] = (uint8_t)(lsn * 31 + i);
    return len;
}

static struct wal_log *opened(struct fixture *fixture)
{
    struct wal_log *log = NULL;

    assert_ok(wal_open(fixture->io, fixture->path, &fixture->options, &log, NULL));
    return log;
}

static void append(struct wal_log *log, uint64_t first, uint64_t last)
{
    uint8_t bytes[PAYLOAD];
    struct wal_ticket ticket;

    for (uint64_t lsn = first; lsn <= last; lsn++) {
        assert_ok(wal_append(log, bytes, record_of(lsn, bytes), &ticket));
        assert_u64(ticket.last_lsn, lsn);
        if (lsn % 16 == 0 || lsn == last) assert_ok(wal_wait(log, &ticket));
    }
}

static void assert_reads(struct fixture *fixture, uint64_t first, uint64_t last)
{
    const struct wal_reader_options options = {.from_lsn = first};
    struct wal_reader *reader = NULL;
    struct wal_record record;
    uint8_t bytes[PAYLOAD];

    assert_ok(wal_reader_open(fixture->io, fixture->path, &options, &reader, NULL));
    for (uint64_t lsn = first; lsn <= last; lsn++) {
        assert_ok(wal_reader_next(reader, &record, NULL));
        assert_u64(record.lsn, lsn);
        assert_u64(record.len, record_of(lsn, bytes));
        assert_memory_equal(record.bytes, bytes, record.len);
    }
    assert_err(wal_reader_next(reader, &record, NULL), WAL_END);
    wal_reader_close(reader);
}

static struct wal_survey verified(struct fixture *fixture)
{
    struct wal_survey survey;

    assert_ok(wal_verify(fixture->io, fixture->path, true, NULL, NULL, &survey, NULL));
    return survey;
}

static struct stat stat_of(struct fixture *fixture, uint64_t segment)
{
    char path[400];
    char name[WAL_SEGMENT_NAME_BYTES];
    struct stat status;

    log_segment_name(name, segment);
    snprintf(path, sizeof path, "%s/%s", fixture->path, name);
    assert_int_equal(stat(path, &status), 0);
    return status;
}

/* Twice opened, so that the second goes on within a segment. */
static void write_and_read(struct fixture *fixture, enum wal_io_mode mode, bool preallocate)
{
    fixture->options.io_mode = mode;
    fixture->options.preallocate = preallocate;
    struct wal_log *log = opened(fixture);
    append(log, 1, RECORDS / 2);
    assert_ok(wal_close(log));
    assert_int_equal(verified(fixture).tail, WAL_TAIL_CLEAN);
    log = opened(fixture);
    append(log, RECORDS / 2 + 1, RECORDS);
    assert_ok(wal_close(log));
    assert_reads(fixture, 1, RECORDS);
    struct wal_survey survey = verified(fixture);
    assert_int_equal(survey.tail, WAL_TAIL_CLEAN);
    assert_true(survey.segments >= 3);
    if (preallocate) assert_u64((uint64_t)stat_of(fixture, survey.last_segment).st_size, SEGMENT);
    if (!preallocate) assert_true(stat_of(fixture, survey.last_segment).st_size < SEGMENT);
    if (mode == WAL_IO_BUFFERED) assert_false(fixture->nodirect);
}

static void a_buffered_log_of_growing_segments(void **state)
{
    write_and_read(*state, WAL_IO_BUFFERED, false);
}

static void a_buffered_log_of_prewritten_segments(void **state)
{
    write_and_read(*state, WAL_IO_BUFFERED, true);
}

static void a_direct_log_of_growing_segments(void **state)
{
    write_and_read(*state, WAL_IO_DIRECT, false);
}

static void a_direct_log_of_prewritten_segments(void **state)
{
    write_and_read(*state, WAL_IO_DIRECT, true);
}

static void a_dsync_log_of_growing_segments(void **state)
{
    write_and_read(*state, WAL_IO_DSYNC, false);
}

static void a_dsync_log_of_prewritten_segments(void **state)
{
    write_and_read(*state, WAL_IO_DSYNC, true);
}

static void dsync_writes_need_no_other_sync(void **state)
{
    struct fixture *fixture = *state;
    struct wal_stat stat;

    fixture->options.io_mode = WAL_IO_DSYNC;
    fixture->options.sync_policy = WAL_SYNC_EVERY_GROUP;
    fixture->options.segment_bytes = 64 * 1024 * 1024;
    struct wal_log *log = opened(fixture);
    append(log, 1, 64);
    wal_log_stat(log, &stat);
    if (fixture->nodirect) assert_true(stat.syncs > 0);
    if (!fixture->nodirect) assert_u64(stat.syncs, 0);
    assert_ok(wal_close(log));
}

/* Blocks of 8 bytes would make misaligned writes. */
static void blocks_below_the_alignment_are_refused(void **state)
{
    struct fixture *fixture = *state;
    struct wal_log *log = NULL;

    fixture->options.io_mode = WAL_IO_DIRECT;
    fixture->options.block_bytes = 8;
    enum wal_err err = wal_open(fixture->io, fixture->path, &fixture->options, &log, NULL);
    if (fixture->nodirect) {
        assert_ok(err);
        assert_ok(wal_close(log));
    } else {
        assert_err(err, WAL_OPTION);
        assert_true(log == NULL);
    }
}

static void pruned_segments_are_used_again(void **state)
{
    struct fixture *fixture = *state;
    uint64_t floor_lsn = 0;
    bool again = false;

    fixture->options.preallocate = true;
    fixture->options.io_mode = WAL_IO_DIRECT;
    struct wal_log *log = opened(fixture);
    append(log, 1, RECORDS / 2);
    struct stat gone = stat_of(fixture, 2);
    assert_ok(wal_prune_before(log, RECORDS / 2, &floor_lsn));
    append(log, RECORDS / 2 + 1, RECORDS);
    assert_ok(wal_close(log));
    struct wal_survey survey = verified(fixture);
    assert_u64(survey.floor_lsn, floor_lsn);
    for (uint64_t i = survey.first_segment; i <= survey.last_segment; i++) {
        again = again || stat_of(fixture, i).st_ino == gone.st_ino;
    }
    assert_true(again);
    assert_reads(fixture, floor_lsn, RECORDS);
    log = opened(fixture);
    append(log, RECORDS + 1, RECORDS + 40);
    assert_ok(wal_close(log));
    assert_reads(fixture, floor_lsn, RECORDS + 40);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_buffered_log_of_growing_segments), TEST(a_buffered_log_of_prewritten_segments),
        TEST(a_direct_log_of_growing_segments),   TEST(a_direct_log_of_prewritten_segments),
        TEST(a_dsync_log_of_growing_segments),    TEST(a_dsync_log_of_prewritten_segments),
        TEST(dsync_writes_need_no_other_sync),    TEST(blocks_below_the_alignment_are_refused),
        TEST(pruned_segments_are_used_again),
    };

    return cmocka_run_group_tests_name("host_log_modes", tests, NULL, NULL);
}
