/*
 * wal_log_test.c - what a writer can see: appending, waiting, limits, failures, opening.
 */
#include "tests/log_fixture.h"

/* ---- Appending ---- */

static void what_is_appended_is_read_back(void **state)
{
    struct fixture *fixture = *state;

    open_log(fixture);
    append_wait(fixture, 1, 100);
    assert_true(stat_of(fixture).rotations > 2);
    close_log(fixture);
    assert_reads(fixture, 0, 100);
    for (uint64_t from = 1; from <= 101; from++) assert_reads(fixture, from, 100);
}

static void an_empty_log_has_nothing_to_read(void **state)
{
    struct fixture *fixture = *state;

    open_log(fixture);
    assert_reads(fixture, 0, 0);
    close_log(fixture);
    assert_reads(fixture, 0, 0);
    assert_reads(fixture, 1, 0);
}

static void lsns_and_segments_go_on_beyond_32_bits(void **state)
{
    struct fixture *fixture = *state;
    const struct wal_reader_options options = {.from_lsn = UINT32_MAX - 3};
    struct wal_reader *reader = NULL;
    struct wal_record record;
    struct wal_ticket ticket;
    uint64_t first = (uint64_t)UINT32_MAX - 5;

    fixture->options.first_lsn = first;
    fixture->options.first_segment = UINT32_MAX;
    open_log(fixture);
    for (uint64_t i = 0; i < 40; i++) {
        uint8_t bytes[RECORD_MAX];
        size_t len = record_of(first + i, bytes);

        assert_ok(wal_append(fixture->log, bytes, len, &ticket));
        assert_u64(ticket.first_lsn, first + i);
        assert_ok(wal_wait(fixture->log, &ticket));
    }
    close_log(fixture);
    open_log(fixture);
    assert_u64(stat_of(fixture).durable_lsn, first + 39);
    close_log(fixture);
    assert_ok(wal_reader_open(fixture->io, "log", &options, &reader, NULL));
    for (uint64_t lsn = options.from_lsn; lsn < first + 40; lsn++) {
        assert_ok(wal_reader_next(reader, &record, NULL));
        assert_record(&record, lsn);
    }
    assert_true(record.segment > UINT32_MAX);
    assert_err(wal_reader_next(reader, &record, NULL), WAL_END);
    wal_reader_close(reader);
}

static void batches_keep_together(void **state)
{
    struct fixture *fixture = *state;
    const struct wal_reader_options options = {.from_lsn = 0};
    struct wal_reader *reader = NULL;
    struct wal_record record;
    struct wal_ticket ticket;

    open_log(fixture);
    for (uint64_t lsn = 1; lsn <= 60; lsn += 3) {
        uint8_t bytes[3][RECORD_MAX];
        struct wal_slice slices[3];

        for (size_t i = 0; i < 3; i++) {
            slices[i] = (struct wal_slice){bytes[i], record_of(lsn + i, bytes[i])};
        }
        assert_ok(wal_append_batch(fixture->log, slices, 3, &ticket));
        assert_u64(ticket.first_lsn, lsn);
        assert_u64(ticket.last_lsn, lsn + 2);
    }
    assert_ok(wal_wait(fixture->log, &ticket));
    close_log(fixture);
    assert_ok(wal_reader_open(fixture->io, "log", &options, &reader, NULL));
    for (uint64_t lsn = 1; lsn <= 60; lsn++) {
        assert_ok(wal_reader_next(reader, &record, NULL));
        assert_record(&record, lsn);
        assert_u64(record.batch_index, (lsn - 1) % 3);
        assert_int_equal(record.batch_goes_on, (lsn - 1) % 3 < 2);
    }
    wal_reader_close(reader);
}

static void what_is_over_a_limit_is_refused_and_leaves_no_trace(void **state)
{
    struct fixture *fixture = *state;
    static const uint8_t bytes[4096];
    const struct wal_slice two[] = {{bytes, 800}, {bytes, 800}};
    struct wal_slice many[200];
    struct wal_ticket ticket;

    for (size_t i = 0; i < 200; i++) many[i] = (struct wal_slice){bytes, 0};
    open_log(fixture);
    assert_err(wal_append(fixture->log, bytes, 1025, &ticket), WAL_RECORD_LIMIT);
    assert_err(wal_append_batch(fixture->log, two, 2, &ticket), WAL_BATCH_LIMIT);
    assert_err(wal_append_batch(fixture->log, many, 200, &ticket), WAL_BATCH_LIMIT);
    append_wait(fixture, 1, 3);
    close_log(fixture);
    assert_reads(fixture, 0, 3);
}

static void options_out_of_range_are_refused(void **state)
{
    struct fixture *fixture = *state;
    struct wal_options good = fixture->options;
    struct wal_log *log = NULL;
    struct wal_options bad[6];

    for (size_t i = 0; i < 6; i++) bad[i] = good;
    bad[0].block_bytes = 1000;
    bad[1].first_lsn = 0;
    bad[2].first_segment = 0;
    bad[3].record_bytes_max = 2048;
    bad[4].batch_bytes_max = 2048;
    bad[5].queue_bytes = 2000000000;
    for (size_t i = 0; i < 6; i++) {
        assert_err(wal_open(fixture->io, "log", &bad[i], &log, NULL), WAL_OPTION);
    }
    good.segment_bytes = 2048;
    assert_err(wal_open(fixture->io, "log", &good, &log, NULL), WAL_SEGMENT_LIMIT);
    open_log(fixture);
    close_log(fixture);
}

/* ---- Waiting ---- */

static void nothing_is_durable_on_demand_until_somebody_asks(void **state)
{
    struct fixture *fixture = *state;
    uint64_t durable = 99;

    fixture->options.sync_policy = WAL_SYNC_ON_DEMAND;
    open_log(fixture);
    append_lsn(fixture, 1);
    append_lsn(fixture, 2);
    while (stat_of(fixture).groups == 0) continue;
    assert_u64(stat_of(fixture).durable_lsn, 0);
    assert_u64(stat_of(fixture).accepted_lsn, 2);
    assert_ok(wal_sync(fixture->log, &durable));
    assert_u64(durable, 2);
    append_lsn(fixture, 3);
    assert_ok(wal_wait_durable(fixture->log, 2, WAL_NO_DEADLINE, &durable));
    assert_u64(durable, 3);
    append_lsn(fixture, 4);
    close_log(fixture);
    assert_reads(fixture, 0, 4);
}

static void a_sync_policy_has_to_be_chosen(void **state)
{
    struct fixture *fixture = *state;
    struct wal_options options = fixture->options;
    struct wal_log *log = NULL;

    options.sync_policy = wal_options_default().sync_policy;
    assert_err(wal_open(fixture->io, "log", &options, &log, NULL), WAL_OPTION);
    options.sync_policy = WAL_SYNC_NEVER + 1;
    assert_err(wal_open(fixture->io, "log", &options, &log, NULL), WAL_OPTION);
}

static void who_never_syncs_is_never_told_that_it_is_durable(void **state)
{
    struct fixture *fixture = *state;
    uint64_t durable = 99;

    fixture->options.sync_policy = WAL_SYNC_NEVER;
    open_log(fixture);
    struct wal_ticket ticket = append_lsn(fixture, 1);
    assert_err(wal_wait(fixture->log, &ticket), WAL_NOTDURABLE);
    while (stat_of(fixture).groups == 0) continue;
    assert_err(wal_wait(fixture->log, &ticket), WAL_NOTDURABLE);
    assert_u64(stat_of(fixture).durable_lsn, 0);
    assert_u64(stat_of(fixture).syncs, 0);
    assert_ok(wal_sync(fixture->log, &durable));
    assert_u64(durable, 1);
    assert_ok(wal_wait(fixture->log, &ticket));
    append_lsn(fixture, 2);
    close_log(fixture);
    assert_reads(fixture, 0, 2);
}

static void at_an_interval_groups_share_a_sync(void **state)
{
    struct fixture *fixture = *state;
    struct wal_ticket ticket = {.first_lsn = 0};
    uint64_t durable = 0;

    fixture->options.sync_policy = WAL_SYNC_INTERVAL;
    fixture->options.sync_interval_ns = 200000000;
    open_log(fixture);
    for (uint64_t lsn = 1; lsn <= 3; lsn++) {
        ticket = append_lsn(fixture, lsn);
        while (stat_of(fixture).groups < lsn) continue;
    }
    uint64_t before_ns = io_monotonic_ns(fixture->io);
    assert_ok(wal_wait(fixture->log, &ticket));
    assert_u64(stat_of(fixture).syncs, 1);
    assert_u64(stat_of(fixture).durable_lsn, 3);
    assert_true(io_monotonic_ns(fixture->io) - before_ns < 5000000000);

    fixture->options.sync_interval_ns = 3600000000000;
    close_log(fixture);
    open_log(fixture);
    append_lsn(fixture, 4);
    assert_ok(wal_sync(fixture->log, &durable)); /* Does not wait for it. */
    assert_u64(durable, 4);
    close_log(fixture);
}

static void waiting_for_more_than_there_is_times_out(void **state)
{
    struct fixture *fixture = *state;
    uint64_t durable = 0;

    open_log(fixture);
    append_wait(fixture, 1, 1);
    uint64_t deadline = io_monotonic_ns(fixture->io) + 1000000;
    assert_err(wal_wait_durable(fixture->log, 1, deadline, &durable), WAL_TIMEOUT);
    assert_ok(wal_wait_durable(fixture->log, 0, deadline, &durable));
    assert_u64(durable, 1);
    close_log(fixture);
}

struct appender {
    struct wal_log *log;
    unsigned number;
    unsigned count;
};

static void appender_main(void *arg)
{
    struct appender *appender = arg;

    for (unsigned i = 0; i < appender->count; i++) {
        const unsigned record[2] = {appender->number, i};
        struct wal_ticket ticket;

        if (wal_append(appender->log, record, sizeof record, &ticket) != WAL_OK) abort();
        if (wal_wait(appender->log, &ticket) != WAL_OK) abort();
    }
}

static void many_appenders_each_keep_their_order(void **state)
{
    enum { APPENDERS = 8, EACH = 60 };
    struct fixture *fixture = *state;
    struct appender appenders[APPENDERS];
    struct wal_task *tasks[APPENDERS];
    const struct wal_reader_options options = {.from_lsn = 0};
    struct wal_reader *reader = NULL;
    struct wal_record record;
    unsigned next[APPENDERS] = {0};

    open_log(fixture);
    assert_ok(wal_reader_open(fixture->io, "log", &options, &reader, NULL));
    for (unsigned i = 0; i < APPENDERS; i++) {
        appenders[i] = (struct appender){fixture->log, i, EACH};
        assert_ok(io_spawn(fixture->io, "appender", appender_main, &appenders[i], &tasks[i]));
    }
    /* And a reader beside them, following. Of the last group nothing on disk says that it is
     * durable before the log is closed. */
    bool closed = false;
    for (uint64_t lsn = 1; lsn <= APPENDERS * EACH;) {
        enum wal_err err = wal_reader_next(reader, &record, NULL);
        unsigned found[2];

        if (err == WAL_END && !closed && stat_of(fixture).durable_lsn == APPENDERS * EACH) {
            for (unsigned i = 0; i < APPENDERS; i++) io_join(fixture->io, tasks[i]);
            close_log(fixture);
            closed = true;
        }
        if (err == WAL_END) continue;
        assert_ok(err);
        assert_u64(record.lsn, lsn++);
        assert_u64(record.len, sizeof found);
        memcpy(found, record.bytes, sizeof found);
        assert_u64(found[1], next[found[0]]++);
        if (!closed) assert_true(record.lsn <= stat_of(fixture).durable_lsn);
    }
    assert_true(closed);
    assert_true(fixture->power->notes[WAL_NOTE_ROTATED] > 0);
    wal_reader_close(reader);
}

static void a_full_queue_makes_appenders_wait(void **state)
{
    struct fixture *fixture = *state;

    open_log(fixture);
    for (uint64_t lsn = 1; lsn <= 400; lsn++) append_lsn(fixture, lsn);
    close_log(fixture);
    assert_true(fixture->power->notes[WAL_NOTE_QUEUE_FULL] > 0);
    assert_true(fixture->power->notes[WAL_NOTE_GROUP_OF_MANY] > 0);
    assert_reads(fixture, 0, 400);
}

/* ---- Failures ---- */

static void a_full_disk_fails_the_append_and_leaves_the_log_usable(void **state)
{
    static const enum wal_err errors[] = {WAL_NOSPACE, WAL_QUOTA, WAL_FILE_TOO_LARGE};
    struct fixture *fixture = *state;
    uint64_t lsn = 1;

    open_log(fixture);
    for (size_t i = 0; i < 3; i++) {
        append_wait(fixture, lsn, lsn + 2);
        lsn += 3;
        power_writes_fail(fixture->power, errors[i]);
        struct wal_ticket ticket = append_lsn(fixture, lsn);
        assert_err(wal_wait(fixture->log, &ticket), errors[i]);
        assert_u64(stat_of(fixture).accepted_lsn, lsn - 1);
        power_writes_fail(fixture->power, WAL_OK);
        append_wait(fixture, lsn, lsn);
        assert_err(wal_wait(fixture->log, &ticket), errors[i]); /* Not taken for its successor. */
        lsn++;
    }
    assert_u64(stat_of(fixture).rollbacks, 3);
    const struct wal_event *event = event_find(fixture, WAL_EVENT_ROLLED_BACK);
    assert_non_null(event);
    assert_err(event->err, WAL_NOSPACE);
    assert_u64(event->lsn, 3);
    close_log(fixture);
    assert_reads(fixture, 0, lsn - 1);
}

static void a_rollback_nobody_waited_for_is_told_at_close(void **state)
{
    struct fixture *fixture = *state;

    open_log(fixture);
    power_writes_fail(fixture->power, WAL_NOSPACE);
    append_lsn(fixture, 1);
    while (stat_of(fixture).rollbacks == 0) continue;
    power_writes_fail(fixture->power, WAL_OK);
    append_wait(fixture, 1, 1);
    struct wal_log *log = fixture->log;
    fixture->log = NULL;
    assert_err(wal_close(log), WAL_NOSPACE);
    assert_reads(fixture, 0, 1);
}

static void a_failed_sync_poisons_and_nothing_is_acknowledged_after(void **state)
{
    struct fixture *fixture = *state;
    struct wal_ticket again;
    uint64_t durable = 0;

    open_log(fixture);
    append_wait(fixture, 1, 3);
    power_next_sync_fails(fixture->power, WAL_IO);
    struct wal_ticket ticket = append_lsn(fixture, 4);
    assert_err(wal_wait(fixture->log, &ticket), WAL_POISONED);
    assert_err(wal_append(fixture->log, "x", 1, &again), WAL_POISONED);
    assert_err(wal_sync(fixture->log, &durable), WAL_POISONED);
    assert_err(wal_wait_durable(fixture->log, 3, WAL_NO_DEADLINE, &durable), WAL_POISONED);
    assert_u64(stat_of(fixture).durable_lsn, 3);
    const struct wal_event *event = event_find(fixture, WAL_EVENT_POISONED);
    assert_non_null(event);
    assert_err(event->err, WAL_IO);
    assert_u64(event->lsn, 4);
    struct wal_log *log = fixture->log;
    fixture->log = NULL;
    assert_err(wal_close(log), WAL_POISONED);
    fixture->power->dead = false;
    open_log(fixture);
    close_log(fixture);
}

static void a_device_error_on_a_write_poisons(void **state)
{
    struct fixture *fixture = *state;

    open_log(fixture);
    append_wait(fixture, 1, 2);
    power_writes_fail(fixture->power, WAL_IO);
    struct wal_ticket ticket = append_lsn(fixture, 3);
    assert_err(wal_wait(fixture->log, &ticket), WAL_POISONED);
    power_writes_fail(fixture->power, WAL_OK);
    struct wal_log *log = fixture->log;
    fixture->log = NULL;
    assert_err(wal_close(log), WAL_POISONED);
    assert_reads(fixture, 0, 1); /* Nothing on disk says of the second that it is durable. */
    open_log(fixture);
    close_log(fixture);
    assert_reads(fixture, 0, 2);
}

/* ---- Opening ---- */

static void a_clean_close_is_gone_on_from_and_a_crash_is_not(void **state)
{
    struct fixture *fixture = *state;

    open_log(fixture);
    append_wait(fixture, 1, 5);
    close_log(fixture);
    open_log(fixture);
    assert_u64(stat_of(fixture).life, 1);
    assert_u64(stat_of(fixture).segment, 1);
    assert_null(event_find(fixture, WAL_EVENT_RECOVERED));
    append_wait(fixture, 6, 7);
    power_cut_in(fixture->power, 1);
    err_ignore(wal_close(fixture->log));
    power_crash(fixture->power, POWER_LOSE_ALL);
    open_log(fixture);
    assert_true(stat_of(fixture).life > 1);
    assert_u64(stat_of(fixture).durable_lsn, 7);
    const struct wal_event *event = event_find(fixture, WAL_EVENT_RECOVERED);
    assert_non_null(event);
    assert_u64(event->lsn, 7);
    close_log(fixture);
    assert_reads(fixture, 0, 7);
}

static void a_second_writer_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct wal_log *log = NULL;
    struct wal_place place;

    open_log(fixture);
    assert_err(wal_open(fixture->io, "log", &fixture->options, &log, &place), WAL_LOCKED);
    assert_string_equal(place.name, "lock");
    close_log(fixture);
}

static void absence_is_told_from_emptiness_and_from_other_things(void **state)
{
    struct fixture *fixture = *state;
    const struct wal_reader_options reading = {.from_lsn = 0};
    struct wal_reader *reader = NULL;
    struct wal_log *log = NULL;
    struct wal_survey survey;
    struct wal_place place;
    struct wal_dir dir;
    struct wal_file file;

    fixture->options.create = false;
    assert_err(wal_open(fixture->io, "log", &fixture->options, &log, &place), WAL_NOTFOUND);
    assert_err(wal_reader_open(fixture->io, "log", &reading, &reader, &place), WAL_NOTFOUND);
    assert_ok(io_mkdir(fixture->io, "log"));
    assert_err(wal_open(fixture->io, "log", &fixture->options, &log, &place), WAL_NOTFOUND);
    assert_err(wal_verify(fixture->io, "log", true, NULL, NULL, &survey, &place), WAL_NOTFOUND);
    fixture->options.create = true;

    assert_ok(io_dir_open(fixture->io, "log", &dir));
    assert_ok(
        io_open(fixture->io, dir, "photo.tmp", WAL_OPEN_WRITE | WAL_OPEN_CREATE, &file, NULL));
    assert_ok(io_close(fixture->io, file));
    assert_err(wal_open(fixture->io, "log", &fixture->options, &log, &place), WAL_NOTLOG);
    assert_string_equal(place.name, "photo.tmp");
    assert_err(wal_reader_open(fixture->io, "log", &reading, &reader, &place), WAL_NOTLOG);
    assert_true(power_find(&fixture->power->now, "lock") < 0);
    assert_ok(io_unlink(fixture->io, dir, "photo.tmp"));
    io_dir_close(fixture->io, dir);
    open_log(fixture);
    close_log(fixture);
}

static void a_newer_version_is_refused_untouched(void **state)
{
    struct fixture *fixture = *state;
    struct wal_log *log = NULL;
    struct wal_segment_header header;
    struct wal_place place;

    open_log(fixture);
    append_wait(fixture, 1, 3);
    close_log(fixture);
    struct power_inode *file = file_of(fixture, "0000000000000001.wal");
    assert_ok(log_segment_header_decode(file->now, &header));
    header.version = 2;
    log_segment_header_encode(file->now, &header);
    int pending = fixture->power->pending_count;
    assert_err(wal_open(fixture->io, "log", &fixture->options, &log, &place), WAL_VERSION);
    assert_string_equal(place.name, "0000000000000001.wal");
    assert_int_equal(fixture->power->pending_count, pending);
}

static void leftovers_are_removed_and_reported(void **state)
{
    struct fixture *fixture = *state;
    struct wal_dir dir;
    struct wal_file file;

    open_log(fixture);
    append_wait(fixture, 1, 1);
    close_log(fixture);
    assert_ok(io_dir_open(fixture->io, "log", &dir));
    assert_ok(
        io_open(fixture->io, dir, "segment.tmp", WAL_OPEN_WRITE | WAL_OPEN_CREATE, &file, NULL));
    assert_ok(io_close(fixture->io, file));
    io_dir_close(fixture->io, dir);
    open_log(fixture);
    assert_non_null(event_find(fixture, WAL_EVENT_LEFTOVER_REMOVED));
    assert_true(power_find(&fixture->power->now, "segment.tmp") < 0);
    close_log(fixture);
}

static void a_missing_segment_is_named(void **state)
{
    struct fixture *fixture = *state;
    struct wal_log *log = NULL;
    struct wal_survey survey;
    struct wal_place place;
    struct wal_dir dir;
    struct wal_record record;
    const struct wal_reader_options options = {.from_lsn = 0};
    struct wal_reader *reader = NULL;

    open_log(fixture);
    append_wait(fixture, 1, 60);
    uint64_t last = stat_of(fixture).segment;
    close_log(fixture);
    assert_true(last > 3);
    assert_ok(wal_reader_open(fixture->io, "log", &options, &reader, NULL));
    for (uint64_t lsn = 1; lsn < 60; lsn++) assert_ok(wal_reader_next(reader, &record, NULL));
    wal_reader_close(reader);
    assert_ok(io_dir_open(fixture->io, "log", &dir));
    assert_ok(io_unlink(fixture->io, dir, "0000000000000002.wal"));
    io_dir_close(fixture->io, dir);
    assert_err(wal_open(fixture->io, "log", &fixture->options, &log, &place), WAL_CORRUPT);
    assert_string_equal(place.name, "0000000000000002.wal");
    assert_true(place.first_lsn > 1 && place.last_lsn >= place.first_lsn && place.last_lsn < 60);
    assert_err(wal_verify(fixture->io, "log", true, NULL, NULL, &survey, &place), WAL_CORRUPT);
    assert_u64(place.segment, 2);
    assert_err(wal_reader_open(fixture->io, "log", &options, &reader, &place), WAL_CORRUPT);
    assert_u64(place.segment, 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_is_appended_is_read_back),
        TEST(an_empty_log_has_nothing_to_read),
        TEST(lsns_and_segments_go_on_beyond_32_bits),
        TEST(batches_keep_together),
        TEST(what_is_over_a_limit_is_refused_and_leaves_no_trace),
        TEST(options_out_of_range_are_refused),
        TEST(nothing_is_durable_on_demand_until_somebody_asks),
        TEST(a_sync_policy_has_to_be_chosen),
        TEST(who_never_syncs_is_never_told_that_it_is_durable),
        TEST(at_an_interval_groups_share_a_sync),
        TEST(waiting_for_more_than_there_is_times_out),
        TEST(many_appenders_each_keep_their_order),
        TEST(a_full_queue_makes_appenders_wait),
        TEST(a_full_disk_fails_the_append_and_leaves_the_log_usable),
        TEST(a_rollback_nobody_waited_for_is_told_at_close),
        TEST(a_failed_sync_poisons_and_nothing_is_acknowledged_after),
        TEST(a_device_error_on_a_write_poisons),
        TEST(a_clean_close_is_gone_on_from_and_a_crash_is_not),
        TEST(a_second_writer_is_refused),
        TEST(absence_is_told_from_emptiness_and_from_other_things),
        TEST(a_newer_version_is_refused_untouched),
        TEST(leftovers_are_removed_and_reported),
        TEST(a_missing_segment_is_named),
    };
#undef TEST

    return cmocka_run_group_tests_name("wal_log", tests, NULL, NULL);
}
