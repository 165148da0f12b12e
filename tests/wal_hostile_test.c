/*
 * wal_hostile_test.c - what no writer of ours writes, but a file may hold.
 *
 * Typed results with a place, a stack that does not grow, and memory that does not either: the
 * long logs are read on a small stack, with every allocation counted.
 */
#include "tests/log_fixture.h"

#include <stdlib.h>
#include <unistd.h>

#include "wal/host/host.h"

enum {
    STACK_BYTES = 256 * 1024, /* A frame of 6 bytes for each of 50,000 would be too much. */
    BATCH = 5000,
    MEMORY_BESIDE = 1024 * 1024, /* Beside twice the largest group: while the window grows. */
};

static const enum wal_read_mode modes[] = {WAL_READ_STREAM, WAL_READ_MAPPED};

/* ---- Many records ---- */

static int64_t memory_now, memory_most;

static void *counted_alloc(struct wal_io *io, size_t size)
{
    (void)io;
    memory_now += (int64_t)size;
    if (memory_most < memory_now) memory_most = memory_now;
    return malloc(size);
}

static void counted_free(struct wal_io *io, void *memory, size_t size)
{
    (void)io;
    memory_now -= (int64_t)size;
    free(memory);
}

struct long_log {
    char path[256];
    struct wal_io *host;
    struct wal_io_ops ops;
    struct wal_io counted;
    enum wal_read_mode mode;
    uint64_t served, last_lsn;
    enum wal_err ended;
};

static void long_log_begin(struct long_log *log)
{
    const char *tmp = getenv("TMPDIR");

    *log = (struct long_log){.served = 0};
    snprintf(log->path, sizeof log->path, "%s/hostile.XXXXXX", tmp != NULL ? tmp : "/tmp");
    assert_non_null(mkdtemp(log->path));
    assert_ok(wal_host_create(&log->host));
    log->ops = *log->host->ops;
    log->ops.alloc = counted_alloc;
    log->ops.free = counted_free;
    log->counted.ops = &log->ops;
}

static void long_log_end(struct long_log *log)
{
    struct wal_dir dir;
    char *names = NULL;
    size_t bytes = 0;

    assert_ok(io_dir_open(log->host, log->path, &dir));
    assert_ok(io_list(log->host, dir, &names, &bytes));
    for (const char *name = names; name < names + bytes; name += strlen(name) + 1) {
        assert_ok(io_unlink(log->host, dir, name));
    }
    io_free(log->host, names, bytes);
    io_dir_close(log->host, dir);
    assert_int_equal(rmdir(log->path), 0);
    wal_host_destroy(log->host);
}

/* `count` optional records that nobody knows, and one that everybody does. */
static void long_log_write(struct long_log *log, uint64_t count)
{
    static const struct wal_slice empty[BATCH];
    struct wal_options options = wal_options_default();
    struct wal_log *writer = NULL;
    struct wal_ticket ticket;

    options.create = true;
    options.sync_policy = WAL_SYNC_ON_DEMAND;
    assert_ok(wal_open(log->host, log->path, &options, &writer, NULL));
    for (uint64_t i = 0; i < count; i += BATCH) {
        assert_ok(wal_append_kind(writer, 0xfe, empty, BATCH, &ticket));
    }
    assert_ok(wal_append(writer, "the last", 8, &ticket));
    assert_u64(ticket.last_lsn, count + 1);
    assert_ok(wal_close(writer));
}

static void *long_log_read(void *arg)
{
    struct long_log *log = arg;
    const struct wal_reader_options options = {.mode = log->mode};
    struct wal_reader *reader = NULL;
    struct wal_record record;

    log->served = 0;
    log->ended = wal_reader_open(&log->counted, log->path, &options, &reader, NULL);
    if (log->ended) return NULL;
    while ((log->ended = wal_reader_next(reader, &record, NULL)) == WAL_OK) {
        log->served++;
        log->last_lsn = record.lsn;
    }
    wal_reader_close(reader);
    return NULL;
}

static void many_are_skipped(uint64_t count)
{
    struct long_log log;
    pthread_attr_t attributes;
    pthread_t thread;

    long_log_begin(&log);
    long_log_write(&log, count);
    assert_int_equal(pthread_attr_init(&attributes), 0);
    assert_int_equal(pthread_attr_setstacksize(&attributes, STACK_BYTES), 0);
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        memory_now = memory_most = 0;
        log.mode = modes[i];
        assert_int_equal(pthread_create(&thread, &attributes, long_log_read, &log), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_err(log.ended, WAL_END);
        assert_u64(log.served, 1);
        assert_u64(log.last_lsn, count + 1);
        assert_true(memory_now == 0);
        int64_t allowed = 2 * (int64_t)wal_options_default().queue_bytes + MEMORY_BESIDE;
        assert_true(memory_most > 0 && memory_most < allowed);
    }
    assert_int_equal(pthread_attr_destroy(&attributes), 0);
    long_log_end(&log);
}

static void fifty_thousand_unknown_records_are_skipped(void **state)
{
    (void)state;
    many_are_skipped(50000);
}

static void five_million_unknown_records_are_skipped(void **state)
{
    (void)state;
    many_are_skipped(5000000);
}

/* ---- Numbers that are too large ---- */

enum { GROUP_2 = 1024, GROUP_3 = 1536 }; /* Where they begin: groups of one block. */

static uint8_t *segment_bytes(struct fixture *fixture, uint32_t *ret_binding)
{
    struct power_inode *file = file_of(fixture, "0000000000000001.wal");
    struct wal_segment_header header;

    assert_ok(log_segment_header_decode(file->now, &header));
    *ret_binding = log_binding(header.log_id, header.life, header.segment);
    return file->now;
}

static void write_five(struct fixture *fixture)
{
    open_log(fixture);
    append_wait(fixture, 1, 5);
    close_log(fixture);
}

/* LSN 1 is served, then reading ends for good at LSN 2, with its place. */
static void two_is_damaged(struct fixture *fixture, uint64_t offset)
{
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        const struct wal_reader_options options = {.mode = modes[i]};
        struct wal_reader *reader = NULL;
        struct wal_record record;
        struct wal_place place;

        assert_ok(wal_reader_open(fixture->io, "log", &options, &reader, NULL));
        assert_ok(wal_reader_next(reader, &record, NULL));
        assert_record(&record, 1);
        for (int again = 0; again < 2; again++) {
            assert_err(wal_reader_next(reader, &record, &place), WAL_CORRUPT);
            assert_string_equal(place.name, "0000000000000001.wal");
            assert_u64(place.offset, offset);
            assert_u64(place.first_lsn, 2);
            assert_u64(place.last_lsn, 5);
        }
        wal_reader_close(reader);
    }
}

static void a_group_cannot_count_more_than_it_has(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        uint32_t length, count;
    } lies[] = {{40, UINT32_MAX},
                {UINT32_MAX - 7, UINT32_MAX},
                {UINT32_MAX - 7, UINT32_MAX / 16},
                {UINT32_MAX - 7, 1},
                {UINT32_MAX, 1},
                {4096, 1},
                {0, 0},
                {0, 1},
                {8, 1}};

    write_five(fixture);
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        uint32_t binding;
        uint8_t *bytes = segment_bytes(fixture, &binding);
        uint8_t before[WAL_GROUP_HEADER_BYTES];
        struct wal_group_header header;

        memcpy(before, bytes + GROUP_2, sizeof before);
        assert_true(log_group_header_decode(before, binding, GROUP_2, &header));
        header.length = lies[i].length;
        header.count = lies[i].count;
        log_group_header_encode(bytes + GROUP_2, &header, binding, GROUP_2);
        two_is_damaged(fixture, GROUP_2);
        memcpy(bytes + GROUP_2, before, sizeof before);
    }
    assert_reads(fixture, 0, 5);
}

/* Its checksum would lie beyond the end, so it isn't even looked at. */
static void a_record_cannot_be_longer_than_its_group(void **state)
{
    struct fixture *fixture = *state;
    static const uint32_t lengths[] = {UINT32_MAX, UINT32_MAX - 7, INT32_MAX, 4096, 464};
    uint8_t *record;
    uint32_t binding;

    write_five(fixture);
    record = segment_bytes(fixture, &binding) + GROUP_2 + WAL_GROUP_HEADER_BYTES;
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        uint8_t before[WAL_RECORD_HEADER_BYTES];

        memcpy(before, record, sizeof before);
        memcpy(record + 4, &lengths[i], sizeof lengths[i]);
        two_is_damaged(fixture, GROUP_2);
        memcpy(record, before, sizeof before);
    }
    assert_reads(fixture, 0, 5);
}

static void an_empty_payload_is_a_record(void **state)
{
    struct fixture *fixture = *state;
    static const struct wal_slice empty[3];
    struct wal_ticket ticket;

    open_log(fixture);
    assert_ok(wal_append(fixture->log, NULL, 0, &ticket));
    assert_ok(wal_append_batch(fixture->log, empty, 3, &ticket));
    close_log(fixture);
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        const struct wal_reader_options options = {.mode = modes[i]};
        struct wal_reader *reader = NULL;
        struct wal_record record;

        assert_ok(wal_reader_open(fixture->io, "log", &options, &reader, NULL));
        for (uint64_t lsn = 1; lsn <= 4; lsn++) {
            assert_ok(wal_reader_next(reader, &record, NULL));
            assert_u64(record.lsn, lsn);
            assert_u64(record.len, 0);
            assert_non_null(record.bytes);
            assert_u64(record.batch_index, lsn == 1 ? 0 : lsn - 2);
        }
        assert_err(wal_reader_next(reader, &record, NULL), WAL_END);
        wal_reader_close(reader);
    }
}

/* ---- Kinds ---- */

static void skipped_sum(void *context, const struct wal_record *record)
{
    uint64_t *sum = context;

    assert_true(record->kind >= WAL_RECORD_OPTIONAL);
    assert_memory_equal(record->bytes, record->lsn == 3 ? "two" : "one", 3);
    *sum = *sum * 10 + record->lsn;
}

static void optional_records_are_served_if_asked_for_and_else_shown(void **state)
{
    struct fixture *fixture = *state;
    const struct wal_slice pair[] = {{"one", 3}, {"two", 3}};
    struct wal_ticket ticket;

    open_log(fixture);
    append_wait(fixture, 1, 1);
    assert_ok(wal_append_kind(fixture->log, 0x80, pair, 2, &ticket));
    assert_u64(ticket.first_lsn, 2);
    assert_u64(ticket.last_lsn, 3);
    append_wait(fixture, 4, 4);
    assert_ok(wal_append_kind(fixture->log, 0xff, pair, 1, &ticket));
    close_log(fixture);
    for (size_t i = 0; i < 2 * sizeof modes / sizeof modes[0]; i++) {
        uint64_t sum = 0;
        const struct wal_reader_options options = {.mode = modes[i / 2],
                                                   .optional = i % 2 != 0,
                                                   .skipped = skipped_sum,
                                                   .skipped_context = &sum};
        static const uint8_t kinds[] = {WAL_RECORD_DATA, 0x80, 0x80, WAL_RECORD_DATA, 0xff};
        struct wal_reader *reader = NULL;
        struct wal_record record;

        assert_ok(wal_reader_open(fixture->io, "log", &options, &reader, NULL));
        for (uint64_t lsn = 1; lsn <= 5; lsn++) {
            if (kinds[lsn - 1] != WAL_RECORD_DATA && !options.optional) continue;
            assert_ok(wal_reader_next(reader, &record, NULL));
            assert_u64(record.lsn, lsn);
            assert_u64(record.kind, kinds[lsn - 1]);
            if (lsn == 3) assert_memory_equal(record.bytes, "two", 3);
        }
        assert_err(wal_reader_next(reader, &record, NULL), WAL_END);
        assert_u64(wal_reader_next_lsn(reader), 6);
        assert_u64(sum, options.optional ? 0 : 235);
        wal_reader_close(reader);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fifty_thousand_unknown_records_are_skipped),
        cmocka_unit_test(five_million_unknown_records_are_skipped),
        TEST(a_group_cannot_count_more_than_it_has),
        TEST(a_record_cannot_be_longer_than_its_group),
        TEST(an_empty_payload_is_a_record),
        TEST(optional_records_are_served_if_asked_for_and_else_shown),
    };
#undef TEST

    return cmocka_run_group_tests_name("wal_hostile", tests, NULL, NULL);
}
