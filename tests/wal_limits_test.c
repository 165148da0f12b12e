/*
 * wal_limits_test.c - what is over a limit is refused before anything is written, what is at it is
 * not; and positions are 64 bits wide, in records and in bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/counting_io.h"
#include "tests/log_check.h"
#include "wal/log/codec.h"
#include "wal/log/log.h"

enum {
    QUEUE_BYTES = 64 * 1024,
    RECORD_BYTES_MAX = 16 * 1024,
    BATCH_BYTES_MAX = 32 * 1024,
    PATH_BYTES = 256,
    BLOCK_BYTES = 4096,
};

#define EDGE (UINT64_C(1) << 32)

struct fixture {
    struct counting_io *counting;
    struct wal_io *io;
    struct wal_options options;
    struct wal_log *log; /* If open. */
    char dir[PATH_BYTES];
    char path[PATH_BYTES + 8];
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    const char *tmp = getenv("TMPDIR");

    if (fixture == NULL || (fixture->counting = counting_create()) == NULL) return -1;
    fixture->io = &fixture->counting->io;
    snprintf(fixture->dir, sizeof fixture->dir, "%s/wal_limits_test.XXXXXX", tmp ? tmp : "/tmp");
    if (mkdtemp(fixture->dir) == NULL) return -1;
    snprintf(fixture->path, sizeof fixture->path, "%s/log", fixture->dir);
    fixture->options = wal_options_default();
    fixture->options.create = true;
    fixture->options.sync_policy = WAL_SYNC_EVERY_GROUP;
    fixture->options.queue_bytes = QUEUE_BYTES;
    fixture->options.record_bytes_max = RECORD_BYTES_MAX;
    fixture->options.batch_bytes_max = BATCH_BYTES_MAX;
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    char command[PATH_BYTES + 16];

    if (fixture->log != NULL) err_ignore(wal_close(fixture->log)); /* A test failed. */
    snprintf(command, sizeof command, "rm -rf '%s'", fixture->dir);
    int failed = system(command);
    counting_destroy(fixture->counting);
    free(fixture);
    return failed;
}

static void open_log(struct fixture *fixture)
{
    assert_ok(wal_open(fixture->io, fixture->path, &fixture->options, &fixture->log, NULL));
}

static void close_log(struct fixture *fixture)
{
    struct wal_log *log = fixture->log;

    fixture->log = NULL;
    assert_ok(wal_close(log));
}

static void append_wait(struct fixture *fixture, uint64_t lsn)
{
    struct wal_ticket ticket = {.first_lsn = 0};

    assert_ok(wal_append(fixture->log, &lsn, sizeof lsn, &ticket));
    assert_u64(ticket.first_lsn, lsn);
    assert_ok(wal_wait(fixture->log, &ticket));
}

/* The records from..last each hold their LSN, and nothing follows. */
static void assert_reads(struct fixture *fixture, uint64_t from, uint64_t last)
{
    const struct wal_reader_options options = {.from_lsn = from};
    struct wal_reader *reader = NULL;
    struct wal_record record;
    enum wal_err err;
    uint64_t next = from;

    assert_ok(wal_reader_open(fixture->io, fixture->path, &options, &reader, NULL));
    while ((err = wal_reader_next(reader, &record, NULL)) == WAL_OK) {
        assert_u64(record.lsn, next);
        assert_u64(record.len, sizeof next);
        assert_memory_equal(record.bytes, &next, sizeof next);
        next++;
    }
    wal_reader_close(reader);
    assert_err(err, WAL_END);
    assert_u64(next - 1, last);
}

/* ---- Over a limit, and at it ---- */

static void an_append_over_a_limit_writes_and_allocates_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct counting_io *counting = fixture->counting;
    static const uint8_t bytes[RECORD_BYTES_MAX + 1];
    const struct wal_slice heavy[] = {
        {bytes, RECORD_BYTES_MAX}, {bytes, RECORD_BYTES_MAX}, {bytes, 1}};
    const struct wal_slice one_over[] = {{bytes, 1}, {bytes, RECORD_BYTES_MAX + 1}};
    static struct wal_slice many[QUEUE_BYTES / WAL_RECORD_HEADER_BYTES + 1];
    struct wal_ticket ticket = {.first_lsn = 77};
    struct wal_stat stat;

    for (size_t i = 0; i < sizeof many / sizeof *many; i++) many[i] = (struct wal_slice){bytes, 0};
    fixture->options.mark_interval_ns = UINT64_C(3600000000000); /* It writes by itself, too. */
    open_log(fixture);
    uint64_t changes = counting->changes;
    uint64_t allocs = counting->allocs;

    assert_err(wal_append(fixture->log, bytes, RECORD_BYTES_MAX + 1, &ticket), WAL_RECORD_LIMIT);
    assert_err(wal_append(fixture->log, bytes, SIZE_MAX, &ticket), WAL_RECORD_LIMIT);
    assert_err(wal_append(fixture->log, bytes, (size_t)EDGE + 8, &ticket), WAL_RECORD_LIMIT);
    assert_err(wal_append_batch(fixture->log, one_over, 2, &ticket), WAL_RECORD_LIMIT);
    assert_err(wal_append_batch(fixture->log, heavy, 3, &ticket), WAL_BATCH_LIMIT);
    assert_err(wal_append_batch(fixture->log, many, sizeof many / sizeof *many, &ticket),
               WAL_BATCH_LIMIT);

    assert_u64(ticket.first_lsn, 77);
    wal_log_stat(fixture->log, &stat);
    assert_u64(stat.accepted_lsn, 0);
    assert_u64(counting->changes, changes);
    assert_u64(counting->allocs, allocs);
    append_wait(fixture, 1);
    close_log(fixture);
    assert_reads(fixture, 1, 1);
}

static void what_is_exactly_at_a_limit_is_accepted(void **state)
{
    struct fixture *fixture = *state;
    static uint8_t bytes[RECORD_BYTES_MAX];
    const struct wal_slice heavy[] = {{bytes, RECORD_BYTES_MAX}, {bytes, RECORD_BYTES_MAX}};
    static struct wal_slice many[QUEUE_BYTES / WAL_RECORD_HEADER_BYTES];
    const uint64_t empty = sizeof many / sizeof *many;
    const struct wal_reader_options from = {.from_lsn = 1};
    struct wal_reader *reader = NULL;
    struct wal_record record;
    struct wal_ticket ticket;

    for (size_t i = 0; i < empty; i++) many[i] = (struct wal_slice){NULL, 0};
    memset(bytes, 0x5a, sizeof bytes);
    open_log(fixture);
    assert_ok(wal_append_batch(fixture->log, many, empty, &ticket));
    assert_ok(wal_append_batch(fixture->log, heavy, 2, &ticket));
    assert_ok(wal_append(fixture->log, bytes, RECORD_BYTES_MAX, &ticket));
    close_log(fixture);

    assert_ok(wal_reader_open(fixture->io, fixture->path, &from, &reader, NULL));
    for (uint64_t lsn = 1; lsn <= empty + 3; lsn++) {
        assert_ok(wal_reader_next(reader, &record, NULL));
        assert_u64(record.lsn, lsn);
        assert_u64(record.len, lsn <= empty ? 0 : RECORD_BYTES_MAX);
    }
    assert_err(wal_reader_next(reader, &record, NULL), WAL_END);
    wal_reader_close(reader);
}

/* The smallest segment that holds the largest group. */
static uint64_t segment_bytes_min(const struct wal_options *options)
{
    return BLOCK_BYTES +
           log_round_up(WAL_GROUP_HEADER_BYTES + (uint64_t)options->queue_bytes, BLOCK_BYTES);
}

static void options_over_a_limit_make_no_directory(void **state)
{
    struct fixture *fixture = *state;
    const struct wal_options good = fixture->options;
    enum { BAD = 12 };
    struct wal_options bad[BAD];
    struct wal_log *log = NULL;

    for (size_t i = 0; i < BAD; i++) bad[i] = good;
    bad[0].block_bytes = 1000;
    bad[1].block_bytes = 0;
    bad[2].first_lsn = 0;
    bad[3].first_lsn = UINT64_MAX;
    bad[4].first_segment = UINT64_MAX;
    bad[5].segment_bytes = UINT64_MAX;
    bad[6].record_bytes_max = UINT32_MAX;
    bad[7].batch_bytes_max = QUEUE_BYTES;
    bad[8].queue_bytes = UINT32_MAX;
    bad[9].sync_policy = WAL_SYNC_UNSET;
    bad[10].spares = 17;
    bad[11].segment_bytes = segment_bytes_min(&good) - 1;
    for (size_t i = 0; i < BAD; i++) {
        enum wal_err expected = i == 11 ? WAL_SEGMENT_LIMIT : WAL_OPTION;

        assert_err(wal_open(fixture->io, fixture->path, &bad[i], &log, NULL), expected);
        assert_int_not_equal(access(fixture->path, F_OK), 0);
    }
    assert_null(log);
    assert_u64(fixture->counting->changes, 0);
    assert_u64(fixture->counting->bytes_held, 0);
}

static void a_segment_limit_leaves_an_empty_directory_empty(void **state)
{
    struct fixture *fixture = *state;
    struct wal_log *log = NULL;

    assert_ok(io_mkdir(fixture->io, fixture->path));
    fixture->options.segment_bytes = segment_bytes_min(&fixture->options) - 1;
    assert_err(wal_open(fixture->io, fixture->path, &fixture->options, &log, NULL),
               WAL_SEGMENT_LIMIT);
    assert_int_equal(rmdir(fixture->path), 0);
    fixture->options.segment_bytes++;
    open_log(fixture);
    close_log(fixture);
}

static void a_log_in_use_holds_two_queues_and_no_more(void **state)
{
    struct fixture *fixture = *state;
    struct counting_io *counting = fixture->counting;
    static const uint8_t bytes[RECORD_BYTES_MAX];
    struct wal_ticket ticket = {.last_lsn = 0};

    fixture->options.segment_bytes = 1024 * 1024;
    open_log(fixture);
    counting->bytes_held_max = 0;
    for (unsigned i = 0; i < 600; i++) { /* 9 MiB through a queue of 64 KiB. */
        assert_ok(wal_append(fixture->log, bytes, sizeof bytes, &ticket));
    }
    assert_ok(wal_wait(fixture->log, &ticket));
    assert_true(counting->bytes_held <= 2 * QUEUE_BYTES + 64 * 1024);
    assert_true(counting->bytes_held_max <= 2 * QUEUE_BYTES + 64 * 1024);
    close_log(fixture);
    assert_u64(counting->bytes_held, 0);
}

/* ---- 2^32 records ---- */

static void lsns_and_segments_cross_the_edge_of_32_bits(void **state)
{
    struct fixture *fixture = *state;
    const uint64_t first = EDGE - 5;

    fixture->options.first_lsn = first;
    fixture->options.first_segment = EDGE - 1;
    fixture->options.segment_bytes = segment_bytes_min(&fixture->options);
    open_log(fixture);
    for (uint64_t lsn = first; lsn < first + 40; lsn++) append_wait(fixture, lsn);
    close_log(fixture);
    open_log(fixture);
    append_wait(fixture, first + 40);
    struct wal_stat stat;
    wal_log_stat(fixture->log, &stat);
    assert_true(stat.segment > EDGE);
    close_log(fixture);

    for (uint64_t from = first; from <= first + 41; from++) {
        assert_reads(fixture, from, first + 40);
    }
    struct wal_survey survey;
    assert_ok(wal_verify(fixture->io, fixture->path, true, NULL, NULL, &survey, NULL));
    assert_u64(survey.last_lsn, first + 40);
    assert_u64(survey.first_segment, EDGE - 1);
}

/* ---- 2^32 bytes in one segment ---- */

enum {
    STRIDE = 64 * 1024 * 1024, /* A group of one record of a kind that nobody knows. */
    STRIDES = 64,
};

/* Make the empty segment a sparse file of 4 GiB that ends one block before the edge: groups of one
 * optional record each, all zeros but for the headers. */
static void segment_stretch(struct fixture *fixture, struct wal_mark_slot *ret_mark)
{
    const size_t around = WAL_GROUP_HEADER_BYTES + WAL_RECORD_HEADER_BYTES;
    uint8_t *bytes = calloc(1, STRIDE);
    uint8_t area[WAL_SEGMENT_HEADER_BYTES];
    char path[PATH_BYTES + 64];
    struct wal_segment_header header;
    uint64_t offset = BLOCK_BYTES;
    uint64_t lsn = 1;

    snprintf(path, sizeof path, "%s/0000000000000001.wal", fixture->path);
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0 && bytes != NULL);
    assert_int_equal(pread(fd, area, sizeof area, 0), sizeof area);
    assert_ok(log_segment_header_decode(area, &header));
    uint32_t binding = log_binding(header.log_id, header.life, header.segment);

    for (; lsn <= STRIDES; lsn++) {
        uint64_t end = lsn < STRIDES ? offset + STRIDE : EDGE - BLOCK_BYTES;
        uint32_t len = (uint32_t)(end - offset - around);

        log_record_header_encode(bytes + WAL_GROUP_HEADER_BYTES,
                                 &(struct wal_record_header){len, WAL_RECORD_OPTIONAL, 0, 0});
        log_records_seal(bytes + WAL_GROUP_HEADER_BYTES, binding, offset + WAL_GROUP_HEADER_BYTES,
                         lsn, 1);
        const struct wal_group_header group = {
            .first_lsn = lsn,
            .durable_lsn = lsn - 1,
            .length = len + WAL_RECORD_HEADER_BYTES,
            .count = 1,
        };
        log_group_header_encode(bytes, &group, binding, offset);
        assert_int_equal(pwrite(fd, bytes, around, (off_t)offset), around);
        offset = end;
    }
    assert_int_equal(ftruncate(fd, (off_t)offset), 0);
    close(fd);
    free(bytes);
    *ret_mark = (struct wal_mark_slot){
        .version = WAL_FORMAT_VERSION,
        .sequence = 1000,
        .life = header.life,
        .durable_lsn = lsn - 1,
        .floor_lsn = 1,
        .floor_segment = 1,
        .segment = 1,
        .offset = offset,
    };
    memcpy(ret_mark->log_id, header.log_id, WAL_LOG_ID_BYTES);
}

static void mark_put(struct fixture *fixture, const struct wal_mark_slot *mark)
{
    uint8_t bytes[WAL_MARK_SLOT_BYTES];
    char path[PATH_BYTES + 64];

    snprintf(path, sizeof path, "%s/%s", fixture->path, WAL_MARK_NAME);
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    for (unsigned slot = 0; slot < WAL_MARK_SLOTS; slot++) {
        log_mark_slot_encode(bytes, slot, mark);
        assert_int_equal(pwrite(fd, bytes, sizeof bytes, slot * WAL_MARK_SLOT_STRIDE),
                         sizeof bytes);
    }
    close(fd);
}

/* Records STRIDES+1..last lie on both sides of the edge, in one segment. */
static struct wal_mark_slot log_across(struct fixture *fixture, uint64_t last)
{
    struct wal_mark_slot mark;
    struct wal_stat stat;

    fixture->options.segment_bytes = 2 * EDGE;
    open_log(fixture);
    close_log(fixture);
    segment_stretch(fixture, &mark);
    mark.clean = true;
    mark_put(fixture, &mark);
    open_log(fixture);
    wal_log_stat(fixture->log, &stat);
    assert_u64(stat.offset, EDGE - BLOCK_BYTES);
    for (uint64_t lsn = STRIDES + 1; lsn <= last; lsn++) append_wait(fixture, lsn);
    wal_log_stat(fixture->log, &stat);
    assert_u64(stat.segment, 1);
    assert_u64(stat.offset, EDGE + (last - STRIDES - 1) * BLOCK_BYTES);
    close_log(fixture);
    mark.clean = false;
    return mark;
}

static void a_segment_crosses_the_edge_of_32_bits(void **state)
{
    struct fixture *fixture = *state;
    const uint64_t last = STRIDES + 8;

    log_across(fixture, last);
    assert_reads(fixture, STRIDES + 1, last);
    assert_reads(fixture, last, last);
    open_log(fixture);
    append_wait(fixture, last + 1);
    close_log(fixture);
    assert_reads(fixture, STRIDES + 1, last + 1);

    struct wal_survey survey;
    assert_ok(wal_verify(fixture->io, fixture->path, false, NULL, NULL, &survey, NULL));
    assert_u64(survey.segments, 1);
    assert_u64(survey.tail_offset, EDGE + 8 * BLOCK_BYTES);
}

static void recovery_crosses_the_edge_of_32_bits(void **state)
{
    struct fixture *fixture = *state;
    const uint64_t last = STRIDES + 8;
    struct wal_mark_slot mark = log_across(fixture, last);
    struct wal_stat stat;

    mark_put(fixture, &mark); /* It died when the mark knew only what lies before the edge. */
    open_log(fixture);
    wal_log_stat(fixture->log, &stat);
    assert_u64(stat.durable_lsn, last);
    assert_u64(stat.segment, 2);
    append_wait(fixture, last + 1);
    close_log(fixture);
    assert_reads(fixture, STRIDES + 1, last + 1);
}

static void damage_beyond_the_edge_of_32_bits_is_named(void **state)
{
    struct fixture *fixture = *state;
    const uint64_t at = EDGE + UINT64_C(3) * BLOCK_BYTES; /* The group of record STRIDES + 5. */
    struct wal_place place = {.name = ""};
    struct wal_reader *reader = NULL;
    struct wal_record record;
    char path[PATH_BYTES + 64];
    enum wal_err err;

    log_across(fixture, STRIDES + 8);
    snprintf(path, sizeof path, "%s/0000000000000001.wal", fixture->path);
    int fd = open(path, O_RDWR);
    assert_int_equal(pwrite(fd, "damage", 6, (off_t)at + WAL_GROUP_HEADER_BYTES + 16), 6);
    close(fd);

    const struct wal_reader_options from = {.from_lsn = STRIDES + 1};
    assert_ok(wal_reader_open(fixture->io, fixture->path, &from, &reader, NULL));
    while ((err = wal_reader_next(reader, &record, &place)) == WAL_OK) continue;
    wal_reader_close(reader);
    assert_err(err, WAL_CORRUPT);
    assert_u64(place.segment, 1);
    assert_true(place.offset >= at && place.offset < at + BLOCK_BYTES);
    assert_u64(place.first_lsn, STRIDES + 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_append_over_a_limit_writes_and_allocates_nothing, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_is_exactly_at_a_limit_is_accepted, setup, teardown),
        cmocka_unit_test_setup_teardown(options_over_a_limit_make_no_directory, setup, teardown),
        cmocka_unit_test_setup_teardown(a_segment_limit_leaves_an_empty_directory_empty, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_log_in_use_holds_two_queues_and_no_more, setup, teardown),
        cmocka_unit_test_setup_teardown(lsns_and_segments_cross_the_edge_of_32_bits, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_segment_crosses_the_edge_of_32_bits, setup, teardown),
        cmocka_unit_test_setup_teardown(recovery_crosses_the_edge_of_32_bits, setup, teardown),
        cmocka_unit_test_setup_teardown(damage_beyond_the_edge_of_32_bits_is_named, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
