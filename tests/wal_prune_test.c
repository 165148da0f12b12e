/*
 * wal_prune_test.c - giving up what lies below a floor: durably, atomically, and nothing pinned.
 */
#include "tests/log_fixture.h"

enum { LAST = 40, CALLS_MAX = 200 };

static void fill(struct fixture *fixture)
{
    fixture->options.mark_policy = WAL_MARK_EVERY_GROUP; /* For readers beside the writer. */
    open_log(fixture);
    append_wait(fixture, 1, LAST);
    assert_true(stat_of(fixture).segments > 5);
}

static uint64_t prune(struct fixture *fixture, uint64_t lsn)
{
    uint64_t floor_lsn = 0;

    assert_ok(wal_prune_before(fixture->log, lsn, &floor_lsn));
    assert_u64(stat_of(fixture).first_lsn, floor_lsn);
    return floor_lsn;
}

static unsigned segment_files(const struct fixture *fixture)
{
    const struct power_names *names = &fixture->power->now;
    unsigned count = 0;

    for (int i = 0; i < names->count; i++) {
        uint64_t number;
        if (names->entries[i].inode < 0) continue;
        if (log_segment_name_parse(names->entries[i].name, &number)) count++;
    }
    return count;
}

static void what_lies_below_the_floor_is_gone(void **state)
{
    struct fixture *fixture = *state;
    struct wal_place place;
    uint64_t last = 0;

    fill(fixture);
    unsigned before = segment_files(fixture);
    assert_u64(prune(fixture, 20), 20);
    assert_true(segment_files(fixture) < before);
    assert_u64(segment_files(fixture), stat_of(fixture).segments);
    assert_reads(fixture, 20, LAST);
    assert_err(read_from(fixture, 19, &last, &place), WAL_PRUNED);
    close_log(fixture);
    open_log(fixture);
    assert_u64(stat_of(fixture).first_lsn, 20);
    append_wait(fixture, LAST + 1, LAST + 5);
    assert_reads(fixture, 20, LAST + 5);
    close_log(fixture);
}

static void the_floor_never_goes_down_nor_above_what_is_durable(void **state)
{
    struct fixture *fixture = *state;

    fill(fixture);
    assert_u64(prune(fixture, 20), 20);
    assert_u64(prune(fixture, 5), 20);
    assert_u64(prune(fixture, UINT64_MAX), LAST + 1);
    assert_u64(segment_files(fixture), 1);
    append_wait(fixture, LAST + 1, LAST + 3);
    assert_reads(fixture, LAST + 1, LAST + 3);
    close_log(fixture);
    open_log(fixture);
    assert_reads(fixture, LAST + 1, LAST + 3);
    close_log(fixture);
}

static void nothing_that_is_pinned_is_pruned(void **state)
{
    struct fixture *fixture = *state;

    fill(fixture);
    assert_ok(wal_pin(fixture->io, "log", "one", 12));
    assert_ok(wal_pin(fixture->io, "log", "two", 8));
    assert_u64(prune(fixture, 30), 8);
    assert_reads(fixture, 8, LAST);
    assert_ok(wal_unpin(fixture->io, "log", "two"));
    assert_u64(prune(fixture, 30), 12);
    assert_ok(wal_pin(fixture->io, "log", "one", 25)); /* Moves on. */
    assert_u64(prune(fixture, 30), 25);
    assert_err(wal_unpin(fixture->io, "log", "two"), WAL_NOTFOUND);
    assert_ok(wal_unpin(fixture->io, "log", "one"));
    assert_u64(prune(fixture, 30), 30);
    close_log(fixture);
}

static void a_pin_below_the_floor_is_refused_and_leaves_what_was(void **state)
{
    struct fixture *fixture = *state;

    fill(fixture);
    assert_u64(prune(fixture, 20), 20);
    assert_err(wal_pin(fixture->io, "log", "late", 19), WAL_PRUNED);
    assert_u64(prune(fixture, 22), 22);
    assert_ok(wal_pin(fixture->io, "log", "late", 25));
    assert_err(wal_pin(fixture->io, "log", "late", 3), WAL_PRUNED);
    assert_u64(prune(fixture, 30), 25);
    assert_err(wal_pin(fixture->io, "log", "a/b", 30), WAL_OPTION);
    assert_err(wal_pin(fixture->io, "log", ".hidden", 30), WAL_OPTION);
    assert_err(wal_pin(fixture->io, "log", "", 30), WAL_OPTION);
    assert_err(wal_pin(fixture->io, "log", "zero", 0), WAL_OPTION);
    close_log(fixture);
}

static void a_pin_survives_a_crash(void **state)
{
    struct fixture *fixture = *state;

    fill(fixture);
    assert_ok(wal_pin(fixture->io, "log", "shipper", 9));
    power_cut_in(fixture->power, 1);
    err_ignore(wal_close(fixture->log));
    power_crash(fixture->power, POWER_LOSE_ALL);
    open_log(fixture);
    assert_u64(prune(fixture, 30), 9);
    close_log(fixture);
}

static void a_pin_that_cannot_be_read_stops_pruning(void **state)
{
    struct fixture *fixture = *state;
    uint64_t floor_lsn = 77;

    fill(fixture);
    assert_ok(wal_pin(fixture->io, "log", "rotten", 9));
    file_of(fixture, "rotten.pin")->now[33] ^= 1;
    fixture->events.count = 0;
    assert_err(wal_prune_before(fixture->log, 30, &floor_lsn), WAL_CORRUPT);
    assert_u64(floor_lsn, 77);
    assert_string_equal(event_find(fixture, WAL_EVENT_CORRUPTION)->place.name, "rotten.pin");
    assert_reads(fixture, 1, LAST);
    assert_ok(wal_unpin(fixture->io, "log", "rotten"));
    assert_u64(prune(fixture, 30), 30);
    close_log(fixture);
}

static void a_reader_that_is_overtaken_hears_of_it(void **state)
{
    struct fixture *fixture = *state;
    const struct wal_reader_options options = {.from_lsn = 0};
    struct wal_reader *reader = NULL;
    struct wal_record record;
    uint64_t next = 1;

    fill(fixture);
    assert_ok(wal_reader_open(fixture->io, "log", &options, &reader, NULL));
    assert_ok(wal_reader_next(reader, &record, NULL));
    assert_record(&record, next++);
    assert_u64(prune(fixture, LAST), LAST);
    enum wal_err err;
    while ((err = wal_reader_next(reader, &record, NULL)) == WAL_OK) assert_record(&record, next++);
    assert_err(err, WAL_PRUNED);
    assert_true(next < LAST);
    wal_reader_close(reader);
    close_log(fixture);
}

/* The nth call of a prune is the last before the power goes. False: it wasn't reached. */
static bool cut_at(unsigned nth, enum power_image image)
{
    void *state = NULL;

    assert_int_equal(setup(&state), 0);
    struct fixture *fixture = state;
    fill(fixture);
    uint64_t floor_lsn = 0;
    assert_u64(prune(fixture, 10), 10);
    power_cut_in(fixture->power, nth);
    enum wal_err err = wal_prune_before(fixture->log, 30, &floor_lsn);
    bool reached = power_is_dead(fixture->power);
    power_cut_in(fixture->power, 1);
    err_ignore(wal_close(fixture->log));
    fixture->log = NULL;
    power_crash(fixture->power, image);
    open_log(fixture);
    uint64_t first_lsn = stat_of(fixture).first_lsn;
    if (first_lsn != 30 && (first_lsn != 10 || err == WAL_OK)) {
        fail_msg("cut at call %u: %s, floor %llu", nth, wal_err_name(err),
                 (unsigned long long)first_lsn);
    }
    assert_u64(segment_files(fixture), stat_of(fixture).segments);
    assert_reads(fixture, first_lsn, LAST);
    append_wait(fixture, LAST + 1, LAST + 3);
    close_log(fixture);
    open_log(fixture);
    assert_reads(fixture, first_lsn, LAST + 3);
    close_log(fixture);
    assert_int_equal(teardown(&state), 0);
    return reached;
}

static void cut_at_any_call_the_floor_is_the_old_or_the_new(void **state)
{
    (void)state;
    for (unsigned image = POWER_LOSE_ALL; image <= POWER_KEEP_SOME; image++) {
        unsigned nth = 1;
        while (cut_at(nth, (enum power_image)image)) nth++;
        assert_true(nth > 12 && nth < CALLS_MAX);
    }
}

/* The nth call of a prune fails. False: it wasn't reached. */
static bool fail_at(unsigned nth, enum wal_err with)
{
    void *state = NULL;

    assert_int_equal(setup(&state), 0);
    struct fixture *fixture = state;
    struct power *p = fixture->power;
    uint64_t floor_lsn = 0;
    fill(fixture);
    p->fail_at = p->calls + nth;
    p->fail_with = with;
    enum wal_err err = wal_prune_before(fixture->log, 30, &floor_lsn);
    bool reached = p->calls >= p->fail_at;
    p->fail_at = 0;
    if (err != WAL_POISONED) {
        assert_u64(stat_of(fixture).first_lsn, err ? 1 : 30);
        assert_reads(fixture, err ? 1 : 30, LAST);
        append_wait(fixture, LAST + 1, LAST + 2);
        assert_u64(prune(fixture, 35), 35);
        assert_reads(fixture, 35, LAST + 2);
        close_log(fixture);
    } else {
        assert_err(wal_close(fixture->log), WAL_POISONED);
        fixture->log = NULL;
    }
    open_log(fixture);
    assert_reads(fixture, stat_of(fixture).first_lsn, err == WAL_POISONED ? LAST : LAST + 2);
    close_log(fixture);
    assert_int_equal(teardown(&state), 0);
    return reached;
}

static void a_prune_that_fails_gave_up_nothing(void **state)
{
    static const enum wal_err errs[] = {WAL_NOSPACE, WAL_IO, WAL_NOMEM};

    (void)state;
    for (size_t i = 0; i < sizeof errs / sizeof errs[0]; i++) {
        unsigned nth = 1;
        while (fail_at(nth, errs[i])) nth++;
        assert_true(nth > 12 && nth < CALLS_MAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_lies_below_the_floor_is_gone, setup, teardown),
        cmocka_unit_test_setup_teardown(the_floor_never_goes_down_nor_above_what_is_durable, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(nothing_that_is_pinned_is_pruned, setup, teardown),
        cmocka_unit_test_setup_teardown(a_pin_below_the_floor_is_refused_and_leaves_what_was, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_pin_survives_a_crash, setup, teardown),
        cmocka_unit_test_setup_teardown(a_pin_that_cannot_be_read_stops_pruning, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reader_that_is_overtaken_hears_of_it, setup, teardown),
        cmocka_unit_test(cut_at_any_call_the_floor_is_the_old_or_the_new),
        cmocka_unit_test(a_prune_that_fails_gave_up_nothing),
    };

    return cmocka_run_group_tests_name("wal_prune", tests, NULL, NULL);
}
