/*
 * wal_modes_test.c - segments that are prewritten or recycled: their size tells nothing, and what
 * they held before proves nothing.
 */
#include "tests/log_fixture.h"
#include "wal/log/segment.h"

enum { LARGE = 64 * 1024 };

static struct wal_survey verified(struct fixture *fixture)
{
    struct wal_survey survey;

    assert_ok(wal_verify(fixture->io, "log", true, NULL, NULL, &survey, NULL));
    return survey;
}

/* Appended one by one; then the power goes, and all that was not synced with it. */
static void die_after(struct fixture *fixture, uint64_t last)
{
    fixture->options.preallocate = true;
    fixture->options.segment_bytes = LARGE;
    open_log(fixture);
    append_wait(fixture, 1, last);
    power_cut_in(fixture->power, 1);
    err_ignore(wal_close(fixture->log)); /* The power goes in it. */
    fixture->log = NULL;
    power_crash(fixture->power, POWER_LOSE_ALL);
    fixture->events.count = 0;
}

static struct wal_segment_header header_of(struct fixture *fixture, uint64_t number)
{
    struct wal_segment_header header;
    char name[WAL_SEGMENT_NAME_BYTES];

    log_segment_name(name, number);
    assert_ok(log_segment_header_decode(file_of(fixture, name)->now, &header));
    return header;
}

static void zeros_behind_the_last_record_are_no_tail(void **state)
{
    struct fixture *fixture = *state;

    die_after(fixture, 5);
    assert_u64(file_of(fixture, "0000000000000001.wal")->now_size, LARGE);
    assert_int_equal(verified(fixture).tail, WAL_TAIL_EXACT);
    open_log(fixture);
    assert_true(event_find(fixture, WAL_EVENT_TAIL_CUT) == NULL);
    assert_true(event_find(fixture, WAL_EVENT_RECOVERED) != NULL);
    close_log(fixture);
    assert_reads(fixture, 0, 5);
}

static void a_byte_that_is_not_zero_is_a_torn_tail_up_to_it(void **state)
{
    struct fixture *fixture = *state;

    die_after(fixture, 5);
    struct wal_survey before = verified(fixture);
    struct power_inode *segment = file_of(fixture, "0000000000000001.wal");
    segment->now[before.tail_offset + 5000] = 1;
    struct wal_survey survey = verified(fixture);
    assert_int_equal(survey.tail, WAL_TAIL_TORN);
    assert_u64(survey.tail_bytes,
               log_round_up(before.tail_offset + 5001, 512) - survey.tail_offset);
    open_log(fixture);
    const struct wal_event *cut = event_find(fixture, WAL_EVENT_TAIL_CUT);
    assert_true(cut != NULL);
    assert_u64(cut->bytes, survey.tail_bytes);
    close_log(fixture);
    assert_reads(fixture, 0, 5);
}

static void a_log_that_was_closed_is_opened_without_looking_behind_its_end(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.preallocate = true;
    fixture->options.segment_bytes = LARGE;
    open_log(fixture);
    append_wait(fixture, 1, 5);
    close_log(fixture);
    /* A byte that would be a torn tail, if anybody looked. */
    file_of(fixture, "0000000000000001.wal")->now[LARGE - 1] = 1;
    open_log(fixture);
    assert_true(event_find(fixture, WAL_EVENT_RECOVERED) == NULL);
    assert_u64(stat_of(fixture).segment, 1);
    append_wait(fixture, 6, 7);
    close_log(fixture);
    assert_reads(fixture, 0, 7);
}

static void the_next_segment_is_there_when_it_is_needed(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.preallocate = true;
    open_log(fixture);
    append_wait(fixture, 1, 100);
    struct wal_stat stat = stat_of(fixture);
    assert_true(stat.rotations > 2);
    for (uint64_t number = 1; number <= stat.segment; number++) {
        assert_u64(header_of(fixture, number).flags & WAL_SEGMENT_RECYCLED, 0);
    }
    unsigned *notes = fixture->power->notes;
    assert_u64(notes[WAL_NOTE_SEGMENT_READY] + notes[WAL_NOTE_SEGMENT_AWAITED] +
                   notes[WAL_NOTE_SEGMENT_INLINE],
               stat.rotations);
    assert_true(notes[WAL_NOTE_SEGMENT_READY] + notes[WAL_NOTE_SEGMENT_AWAITED] > 0);
    close_log(fixture);
    for (int i = 0; i < fixture->power->now.count; i++) {
        assert_false(log_tmp_name(fixture->power->now.entries[i].name) &&
                     fixture->power->now.entries[i].inode >= 0);
    }
    assert_reads(fixture, 0, 100);
}

/* The spare's groups are well-formed groups of this very log and life, and where the recycled
 * segment's would be. */
static void what_a_recycled_segment_held_before_is_not_served(void **state)
{
    struct fixture *fixture = *state;
    uint64_t floor_lsn = 0;
    bool recycled = false;

    fixture->options.preallocate = true;
    open_log(fixture);
    append_wait(fixture, 1, 60);
    assert_ok(wal_prune_before(fixture->log, 50, &floor_lsn));
    uint64_t first = stat_of(fixture).segment + 1;
    append_wait(fixture, 61, 100);
    uint64_t last = stat_of(fixture).segment;
    for (uint64_t number = first; number <= last; number++) {
        uint32_t flags = header_of(fixture, number).flags;
        recycled = recycled || (flags & WAL_SEGMENT_RECYCLED) != 0;
        if (flags & WAL_SEGMENT_RECYCLED) assert_true(flags & WAL_SEGMENT_PREWRITTEN);
    }
    assert_true(recycled);
    power_cut_in(fixture->power, 1);
    err_ignore(wal_close(fixture->log)); /* The power goes in it. */
    fixture->log = NULL;
    power_crash(fixture->power, POWER_LOSE_ALL);
    assert_u64(verified(fixture).last_lsn, 100);
    open_log(fixture);
    assert_u64(stat_of(fixture).durable_lsn, 100);
    close_log(fixture);
    assert_reads(fixture, floor_lsn, 100);
}

static void a_log_is_opened_without_direct_io_where_there_is_none(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.io_mode = WAL_IO_DSYNC;
    open_log(fixture);
    assert_true(event_find(fixture, WAL_EVENT_NODIRECT) != NULL);
    append_wait(fixture, 1, 20);
    assert_true(stat_of(fixture).syncs >= 20);
    power_cut_in(fixture->power, 1);
    err_ignore(wal_close(fixture->log)); /* The power goes in it. */
    fixture->log = NULL;
    power_crash(fixture->power, POWER_LOSE_ALL);
    open_log(fixture);
    close_log(fixture);
    assert_reads(fixture, 0, 20);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(zeros_behind_the_last_record_are_no_tail),
        TEST(a_byte_that_is_not_zero_is_a_torn_tail_up_to_it),
        TEST(a_log_that_was_closed_is_opened_without_looking_behind_its_end),
        TEST(the_next_segment_is_there_when_it_is_needed),
        TEST(what_a_recycled_segment_held_before_is_not_served),
        TEST(a_log_is_opened_without_direct_io_where_there_is_none),
    };

    return cmocka_run_group_tests_name("wal_modes", tests, NULL, NULL);
}
