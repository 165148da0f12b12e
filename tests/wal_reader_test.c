/*
 * wal_reader_test.c - reading beside a writer: never too far, never what is taken back.
 */
#include "tests/log_fixture.h"

static void a_reader_serves_only_what_is_known_durable(void **state)
{
    struct fixture *fixture = *state;
    struct wal_reader_options options = {.from_lsn = 0};
    struct wal_reader *reader = NULL;
    struct wal_record record;
    uint64_t last = 0;
    struct wal_place place;

    open_log(fixture);
    append_wait(fixture, 1, 10);
    /* The tenth is durable, but nothing on disk says so yet. */
    assert_err(read_from(fixture, 0, &last, &place), WAL_END);
    assert_u64(last, 9);
    assert_true(fixture->power->notes[WAL_NOTE_LIVE_READ] > 0);
    options.witness_lsn = stat_of(fixture).durable_lsn;
    assert_ok(wal_reader_open(fixture->io, "log", &options, &reader, NULL));
    for (uint64_t lsn = 1; lsn <= 10; lsn++) {
        assert_ok(wal_reader_next(reader, &record, NULL));
        assert_record(&record, lsn);
    }
    assert_err(wal_reader_next(reader, &record, NULL), WAL_END);
    append_wait(fixture, 11, 40); /* Through a few segments. */
    for (uint64_t lsn = 11; lsn <= 39; lsn++) {
        assert_ok(wal_reader_next(reader, &record, NULL));
        assert_record(&record, lsn);
    }
    assert_err(wal_reader_next(reader, &record, NULL), WAL_END);
    close_log(fixture);
    assert_ok(wal_reader_next(reader, &record, NULL));
    assert_record(&record, 40);
    assert_u64(wal_reader_witness(reader), 40);
    wal_reader_close(reader);
}

static void a_reader_never_shows_what_is_rolled_back_behind_it(void **state)
{
    struct fixture *fixture = *state;
    const struct wal_reader_options options = {.from_lsn = 0};
    struct wal_reader *reader = NULL;
    struct wal_record record;
    struct wal_ticket ticket;

    fixture->options.sync_policy = WAL_SYNC_ON_DEMAND;
    open_log(fixture);
    append_wait(fixture, 1, 3);
    ticket = append_lsn(fixture, 4);
    while (stat_of(fixture).groups < 4) continue;
    assert_ok(wal_reader_open(fixture->io, "log", &options, &reader, NULL));
    for (uint64_t lsn = 1; lsn <= 3; lsn++) assert_ok(wal_reader_next(reader, &record, NULL));
    assert_err(wal_reader_next(reader, &record, NULL), WAL_END); /* It has seen 4. */
    power_writes_fail(fixture->power, WAL_NOSPACE);
    ticket = append_lsn(fixture, 5);
    assert_err(wal_wait(fixture->log, &ticket), WAL_NOSPACE);
    power_writes_fail(fixture->power, WAL_OK);
    append_wait(fixture, 5, 8);
    for (uint64_t lsn = 4; lsn <= 7; lsn++) {
        assert_ok(wal_reader_next(reader, &record, NULL));
        assert_record(&record, lsn);
    }
    wal_reader_close(reader);
    close_log(fixture);
}

static void a_reader_follows_a_takeover(void **state)
{
    struct fixture *fixture = *state;
    const struct wal_reader_options options = {.from_lsn = 0};
    struct wal_reader *reader = NULL;
    struct wal_record record;

    die_at_16(fixture);
    assert_ok(wal_reader_open(fixture->io, "log", &options, &reader, NULL));
    for (uint64_t lsn = 1; lsn <= 15; lsn++) assert_ok(wal_reader_next(reader, &record, NULL));
    assert_err(wal_reader_next(reader, &record, NULL), WAL_END);
    open_log(fixture);
    append_wait(fixture, 17, 20);
    for (uint64_t lsn = 16; lsn <= 19; lsn++) {
        assert_ok(wal_reader_next(reader, &record, NULL));
        assert_record(&record, lsn);
        assert_u64(record.segment, 2);
    }
    wal_reader_close(reader);
    close_log(fixture);
}

static void a_cancelled_reader_stops(void **state)
{
    struct fixture *fixture = *state;
    struct wal_reader_options options = {.from_lsn = 0};
    struct wal_reader *reader = NULL;
    struct wal_record record;

    open_log(fixture);
    append_wait(fixture, 1, 3);
    close_log(fixture);
    assert_ok(io_cancel_create(fixture->io, &options.cancel));
    assert_ok(wal_reader_open(fixture->io, "log", &options, &reader, NULL));
    assert_ok(wal_reader_next(reader, &record, NULL));
    io_cancel_fire(fixture->io, options.cancel);
    assert_err(wal_reader_next(reader, &record, NULL), WAL_CANCELLED);
    wal_reader_close(reader);
    io_cancel_destroy(fixture->io, options.cancel);
}

/* Turn record `index` of the group at `offset` of segment 1 into one of another kind. */
static void kind_change(struct fixture *fixture, uint64_t offset, uint64_t lsn, uint8_t kind)
{
    struct power_inode *file = file_of(fixture, "0000000000000001.wal");
    struct wal_segment_header header;
    struct wal_record_header record;

    assert_ok(log_segment_header_decode(file->now, &header));
    offset += WAL_GROUP_HEADER_BYTES;
    log_record_header_decode(file->now + offset, &record);
    record.kind = kind;
    log_record_header_encode(file->now + offset, &record);
    log_records_seal(file->now + offset, log_binding(header.log_id, header.life, header.segment),
                     offset, lsn, 1);
}

static void unknown_kinds_are_skipped_if_optional_and_refused_if_not(void **state)
{
    struct fixture *fixture = *state;
    const struct wal_reader_options options = {.from_lsn = 0};
    struct wal_reader *reader = NULL;
    struct wal_record record;
    struct wal_place place;

    open_log(fixture);
    append_wait(fixture, 1, 5);
    close_log(fixture);
    kind_change(fixture, 512 + 512, 2, 0x80);
    kind_change(fixture, 512 + 1024, 3, 0xff);
    kind_change(fixture, 512 + 2048, 5, 0x7f);
    assert_ok(wal_reader_open(fixture->io, "log", &options, &reader, NULL));
    assert_ok(wal_reader_next(reader, &record, NULL));
    assert_record(&record, 1);
    assert_ok(wal_reader_next(reader, &record, NULL));
    assert_record(&record, 4);
    assert_err(wal_reader_next(reader, &record, &place), WAL_VERSION);
    assert_u64(place.first_lsn, 5);
    assert_u64(place.offset, 512 + 2048 + WAL_GROUP_HEADER_BYTES);
    wal_reader_close(reader);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_reader_serves_only_what_is_known_durable),
        TEST(a_reader_never_shows_what_is_rolled_back_behind_it),
        TEST(a_reader_follows_a_takeover),
        TEST(a_cancelled_reader_stops),
        TEST(unknown_kinds_are_skipped_if_optional_and_refused_if_not),
    };
#undef TEST

    return cmocka_run_group_tests_name("wal_reader", tests, NULL, NULL);
}
