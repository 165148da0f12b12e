/*
 * wal_truncate_test.c - taking back records: all above an LSN or none, and never back again.
 *
 * Records are told apart by `era`: what is written after a truncation differs from what had the
 * same LSN before.
 */
#include "tests/log_fixture.h"

enum { LAST = 40, CUT = 17, CALLS_MAX = 300 };

static size_t era_record(unsigned era, uint64_t lsn, uint8_t *bytes)
{
    size_t len = record_of(lsn, bytes);

    for (size_t i = 0; i < len; i++) bytes[i] ^= (uint8_t)(era * 0x55);
    return len;
}

static struct wal_ticket append_era(struct fixture *fixture, unsigned era, uint64_t lsn)
{
    uint8_t bytes[RECORD_MAX];
    struct wal_ticket ticket = {.first_lsn = 0};
    size_t len = era_record(era, lsn, bytes);

    assert_ok(wal_append(fixture->log, bytes, len, &ticket));
    assert_u64(ticket.first_lsn, lsn);
    return ticket;
}

static void append_eras(struct fixture *fixture, unsigned era, uint64_t first, uint64_t last)
{
    for (uint64_t lsn = first; lsn <= last; lsn++) {
        struct wal_ticket ticket = append_era(fixture, era, lsn);
        assert_ok(wal_wait(fixture->log, &ticket));
    }
}

static bool is_era(const struct wal_record *record, unsigned era)
{
    uint8_t bytes[RECORD_MAX];
    size_t len = era_record(era, record->lsn, bytes);

    return record->len == len && (len == 0 || memcmp(record->bytes, bytes, len) == 0);
}

static void fill(struct fixture *fixture)
{
    fixture->options.mark_policy = WAL_MARK_EVERY_GROUP; /* For readers beside the writer. */
    open_log(fixture);
    append_eras(fixture, 0, 1, LAST);
    assert_true(stat_of(fixture).segments > 5);
}

/* LSNs 1..cut are of era 0, and cut+1..last of `era`. */
static void assert_eras(struct fixture *fixture, uint64_t cut, unsigned era, uint64_t last)
{
    const struct wal_reader_options options = {.from_lsn = 1};
    struct wal_reader *reader = NULL;
    struct wal_record record;
    uint64_t next = 1;
    enum wal_err err;

    assert_ok(wal_reader_open(fixture->io, "log", &options, &reader, NULL));
    while ((err = wal_reader_next(reader, &record, NULL)) == WAL_OK) {
        assert_u64(record.lsn, next);
        if (!is_era(&record, next <= cut ? 0 : era)) {
            fail_msg("LSN %llu is of another era", (unsigned long long)next);
        }
        next++;
    }
    wal_reader_close(reader);
    assert_err(err, WAL_END);
    assert_u64(next - 1, last);
}

static void assert_sound(struct fixture *fixture)
{
    struct wal_survey survey;

    assert_ok(wal_verify(fixture->io, "log", true, NULL, NULL, &survey, NULL));
}

static void what_was_truncated_is_gone_and_its_numbers_are_given_again(void **state)
{
    struct fixture *fixture = *state;

    fill(fixture);
    struct wal_ticket kept = append_era(fixture, 0, LAST + 1);
    assert_ok(wal_wait(fixture->log, &kept));
    kept.last_lsn = kept.first_lsn = CUT;
    struct wal_ticket gone = append_era(fixture, 0, LAST + 2);
    uint64_t life = stat_of(fixture).life;
    assert_ok(wal_truncate_after(fixture->log, CUT));
    assert_true(stat_of(fixture).life > life);
    assert_u64(stat_of(fixture).durable_lsn, CUT);
    assert_err(wal_wait(fixture->log, &gone), WAL_TRUNCATED);
    assert_ok(wal_wait(fixture->log, &kept));
    assert_eras(fixture, CUT, 0, CUT);
    append_eras(fixture, 1, CUT + 1, LAST + 5);
    assert_eras(fixture, CUT, 1, LAST + 5);
    close_log(fixture);
    assert_sound(fixture);
    open_log(fixture);
    append_eras(fixture, 1, LAST + 6, LAST + 7);
    assert_eras(fixture, CUT, 1, LAST + 7);
    close_log(fixture);
}

static void any_lsn_may_be_the_cut_and_many_times(void **state)
{
    struct fixture *fixture = *state;

    fill(fixture);
    for (uint64_t cut = LAST; cut > 0; cut--) {
        assert_ok(wal_truncate_after(fixture->log, cut));
        assert_ok(wal_truncate_after(fixture->log, cut - 1));
        assert_eras(fixture, cut - 1, 0, cut - 1);
        append_eras(fixture, 1, cut, cut + 1);
        assert_eras(fixture, cut - 1, 1, cut + 1);
    }
    assert_ok(wal_truncate_after(fixture->log, 0));
    assert_eras(fixture, 0, 0, 0);
    close_log(fixture);
    assert_sound(fixture);
    open_log(fixture);
    append_eras(fixture, 0, 1, 3);
    assert_eras(fixture, 3, 0, 3);
    close_log(fixture);
}

static void nothing_above_is_nothing_to_do(void **state)
{
    struct fixture *fixture = *state;

    fill(fixture);
    uint64_t life = stat_of(fixture).life;
    assert_ok(wal_truncate_after(fixture->log, LAST));
    assert_ok(wal_truncate_after(fixture->log, UINT64_MAX));
    assert_u64(stat_of(fixture).life, life);
    close_log(fixture);
}

static void a_cut_inside_a_batch_or_below_the_floor_is_refused(void **state)
{
    struct fixture *fixture = *state;
    const struct wal_slice batch[] = {{"one", 3}, {"two", 3}, {"three", 5}};
    struct wal_ticket ticket;
    uint64_t floor_lsn = 0;

    fill(fixture);
    assert_ok(wal_append_batch(fixture->log, batch, 3, &ticket));
    assert_err(wal_truncate_after(fixture->log, LAST + 1), WAL_OPTION);
    assert_err(wal_truncate_after(fixture->log, LAST + 2), WAL_OPTION);
    assert_u64(stat_of(fixture).durable_lsn, LAST + 3);
    assert_ok(wal_prune_before(fixture->log, 10, &floor_lsn));
    assert_err(wal_truncate_after(fixture->log, 8), WAL_PRUNED);
    assert_ok(wal_truncate_after(fixture->log, LAST));
    assert_ok(wal_truncate_after(fixture->log, 9));
    struct wal_place place;
    uint64_t last = 0;
    assert_err(read_from(fixture, 10, &last, &place), WAL_END);
    assert_u64(last, 9);
    append_eras(fixture, 0, 10, 20);
    assert_reads(fixture, 10, 20);
    close_log(fixture);
    open_log(fixture);
    assert_reads(fixture, 10, 20);
    close_log(fixture);
}

/* A reader that served `before` records, and then the log is truncated and written to again. */
static void reader_beside(uint64_t before, uint64_t cut, uint64_t again)
{
    void *state = NULL;
    const struct wal_reader_options options = {.from_lsn = 1};
    struct wal_reader *reader = NULL;
    struct wal_record record;
    bool newer = false;
    uint64_t next = 1;
    enum wal_err err = WAL_OK;

    assert_int_equal(setup(&state), 0);
    struct fixture *fixture = state;
    fill(fixture);
    assert_ok(wal_reader_open(fixture->io, "log", &options, &reader, NULL));
    for (; next <= before; next++) assert_ok(wal_reader_next(reader, &record, NULL));
    assert_ok(wal_truncate_after(fixture->log, cut));
    append_eras(fixture, 1, cut + 1, again);
    while ((err = wal_reader_next(reader, &record, NULL)) == WAL_OK) {
        assert_u64(record.lsn, next);
        next++;
        bool is_new = record.lsn > cut && !is_era(&record, 0);
        /* Old ones above the cut it may serve; then never new ones. */
        if (is_new && !newer) assert_u64(record.lsn, cut + 1);
        if (newer && !is_new && record.len > 0) fail_msg("LSN %d of both sides", (int)record.lsn);
        newer = newer || is_new;
    }
    if (err == WAL_END) {
        if (next - 1 != again || (!newer && cut != again)) {
            fail_msg("%llu read, truncated to %llu, written to %llu: ended at %llu%s",
                     (unsigned long long)before, (unsigned long long)cut, (unsigned long long)again,
                     (unsigned long long)next - 1, newer ? ", new ones too" : "");
        }
    } else {
        if (err != WAL_TRUNCATED || newer) {
            fail_msg("%llu read, truncated to %llu, written to %llu: %s at %llu%s",
                     (unsigned long long)before, (unsigned long long)cut, (unsigned long long)again,
                     wal_err_name(err), (unsigned long long)next - 1,
                     newer ? ", new ones too" : "");
        }
    }
    wal_reader_close(reader);
    close_log(fixture);
    assert_int_equal(teardown(&state), 0);
}

static void a_reader_never_serves_records_of_both_sides(void **state)
{
    (void)state;
    for (uint64_t before = 0; before <= LAST; before += 3) {
        for (uint64_t cut = 2; cut < LAST; cut += 5) {
            reader_beside(before, cut, cut);
            reader_beside(before, cut, cut + 2);
            reader_beside(before, cut, LAST + 20);
        }
    }
}

struct outcome {
    bool reached;
    bool acknowledged;
};

/* The nth call of a truncation is the last before the power goes; of the open after it, too. */
static struct outcome cut_at(unsigned nth, unsigned second, enum power_image image)
{
    void *state = NULL;
    struct outcome outcome;

    assert_int_equal(setup(&state), 0);
    struct fixture *fixture = state;
    struct power *p = fixture->power;
    fill(fixture);
    power_cut_in(p, nth);
    outcome.acknowledged = wal_truncate_after(fixture->log, CUT) == WAL_OK;
    outcome.reached = power_is_dead(p);
    power_cut_in(p, 1);
    err_ignore(wal_close(fixture->log));
    fixture->log = NULL;
    power_crash(p, image);
    if (second > 0) {
        power_cut_in(p, second);
        enum wal_err err = wal_open(fixture->io, "log", &fixture->options, &fixture->log, NULL);
        power_cut_in(p, 1);
        if (err == WAL_OK) err_ignore(wal_close(fixture->log));
        fixture->log = NULL;
        power_crash(p, image);
    }
    uint64_t seen = 0;
    struct wal_place place;
    assert_err(read_from(fixture, 1, &seen, &place), WAL_END);
    open_log(fixture);
    uint64_t last = stat_of(fixture).durable_lsn;
    if (last != CUT && (last != LAST || outcome.acknowledged)) {
        fail_msg("cut at call %u: LSN %llu", nth, (unsigned long long)last);
    }
    if (seen > last) fail_msg("call %u: %llu were shown", nth, (unsigned long long)seen);
    assert_eras(fixture, LAST, 0, last);
    append_eras(fixture, 1, last + 1, last + 20);
    assert_eras(fixture, last, 1, last + 20);
    power_cut_in(p, 1);
    err_ignore(wal_close(fixture->log));
    power_crash(p, image);
    open_log(fixture);
    assert_eras(fixture, last, 1, last + 20);
    close_log(fixture);
    assert_sound(fixture);
    assert_int_equal(teardown(&state), 0);
    return outcome;
}

static void cut_at_any_call_it_happened_or_not(void **state)
{
    (void)state;
    for (unsigned image = POWER_LOSE_ALL; image <= POWER_KEEP_SOME; image++) {
        unsigned nth = 1;
        while (cut_at(nth, 0, (enum power_image)image).reached) nth++;
        assert_true(nth > 20 && nth < CALLS_MAX);
    }
}

static void the_open_that_finishes_it_may_be_cut_at_any_call(void **state)
{
    (void)state;
    for (unsigned image = POWER_LOSE_ALL; image <= POWER_KEEP_SOME; image++) {
        for (unsigned nth = 25; nth < 50; nth += 4) {
            for (unsigned second = 1; second < 60; second += 3) {
                (void)cut_at(nth, second, (enum power_image)image);
            }
        }
    }
}

/* The nth call of a truncation fails. False: it wasn't reached. */
static bool fail_at(unsigned nth, enum wal_err with)
{
    void *state = NULL;

    assert_int_equal(setup(&state), 0);
    struct fixture *fixture = state;
    struct power *p = fixture->power;
    fill(fixture);
    p->fail_at = p->calls + nth;
    p->fail_with = with;
    enum wal_err err = wal_truncate_after(fixture->log, CUT);
    bool reached = p->calls >= p->fail_at;
    p->fail_at = 0;
    uint64_t last = err ? LAST : CUT;
    if (err != WAL_POISONED) {
        assert_u64(stat_of(fixture).durable_lsn, last);
        append_eras(fixture, 1, last + 1, last + 3);
        assert_eras(fixture, last, 1, last + 3);
        power_cut_in(p, 1);
        err_ignore(wal_close(fixture->log));
    } else {
        assert_err(wal_close(fixture->log), WAL_POISONED);
    }
    fixture->log = NULL;
    power_crash(p, POWER_LOSE_ALL);
    open_log(fixture);
    if (err == WAL_POISONED) {
        last = stat_of(fixture).durable_lsn;
        assert_true(last == CUT || last == LAST);
        append_eras(fixture, 1, last + 1, last + 3);
    }
    assert_eras(fixture, last, 1, last + 3);
    close_log(fixture);
    assert_int_equal(teardown(&state), 0);
    return reached;
}

static void one_that_fails_changed_nothing_or_poisons(void **state)
{
    static const enum wal_err errs[] = {WAL_NOSPACE, WAL_IO, WAL_NOMEM};

    (void)state;
    for (size_t i = 0; i < sizeof errs / sizeof errs[0]; i++) {
        unsigned nth = 1;
        while (fail_at(nth, errs[i])) nth++;
        assert_true(nth > 20 && nth < CALLS_MAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_truncated_is_gone_and_its_numbers_are_given_again,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(any_lsn_may_be_the_cut_and_many_times, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_above_is_nothing_to_do, setup, teardown),
        cmocka_unit_test_setup_teardown(a_cut_inside_a_batch_or_below_the_floor_is_refused, setup,
                                        teardown),
        cmocka_unit_test(a_reader_never_serves_records_of_both_sides),
        cmocka_unit_test(cut_at_any_call_it_happened_or_not),
        cmocka_unit_test(the_open_that_finishes_it_may_be_cut_at_any_call),
        cmocka_unit_test(one_that_fails_changed_nothing_or_poisons),
    };

    return cmocka_run_group_tests_name("wal_truncate", tests, NULL, NULL);
}
