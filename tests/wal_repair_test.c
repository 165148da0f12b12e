/*
 * wal_repair_test.c - a repaired log has what was valid, says what is lost, and nothing is deleted.
 *
 * ctest: timeout=300
 */
#include "tests/log_fixture.h"

#include "wal/log/repair.h"

enum { LSNS = 24, POLICIES = 2 };

static const enum wal_repair_policy policies[POLICIES] = {WAL_REPAIR_STOP, WAL_REPAIR_SALVAGE};

/* A closed log of several segments; LSNs 5..8 and 13..16 are batches. */
static void make_log(struct fixture *fixture)
{
    open_log(fixture);
    for (uint64_t lsn = 1; lsn <= LSNS;) {
        uint8_t bytes[4][RECORD_MAX];
        struct wal_slice slices[4];
        struct wal_ticket ticket;
        size_t count = lsn == 5 || lsn == 13 ? 4 : 1;

        for (size_t i = 0; i < count; i++) {
            slices[i] = (struct wal_slice){bytes[i], record_of(lsn + i, bytes[i])};
        }
        assert_ok(wal_append_batch(fixture->log, slices, count, &ticket));
        assert_ok(wal_wait(fixture->log, &ticket));
        lsn += count;
    }
    close_log(fixture);
    fixture->events.count = 0;
}

static struct wal_repair_report repair(struct fixture *fixture, enum wal_repair_policy policy,
                                       bool apply)
{
    const struct wal_repair_options options = {
        .policy = policy, .apply = apply, .observe = observe, .observe_context = &fixture->events};
    struct wal_repair_report report = {.needed = false};

    fixture->events.count = 0;
    assert_ok(wal_repair(fixture->io, "log", &options, &report));
    return report;
}

/* Reads all: each record is right, or lost. Returns how many are lost. */
static uint64_t read_repaired(struct fixture *fixture, uint64_t last_lsn)
{
    const struct wal_reader_options options = {.from_lsn = 0};
    struct wal_reader *reader = NULL;
    struct wal_record record;
    struct wal_place place;
    uint64_t lsn = 0, lost = 0;
    enum wal_err err;

    assert_ok(wal_reader_open(fixture->io, "log", &options, &reader, &place));
    while ((err = wal_reader_next(reader, &record, &place)) == WAL_OK) {
        lsn++;
        assert_u64(record.lsn, lsn);
        if (!record.lost) {
            assert_record(&record, lsn);
            continue;
        }
        assert_u64(record.len, 0);
        lost++;
    }
    assert_err(err, WAL_END);
    assert_u64(lsn, last_lsn);
    wal_reader_close(reader);
    return lost;
}

/* What the events say is lost. */
static uint64_t told_lost(const struct fixture *fixture)
{
    uint64_t lost = 0;

    for (unsigned i = 0; i < fixture->events.count; i++) {
        const struct wal_event *event = &fixture->events.list[i];
        if (event->kind != WAL_EVENT_CORRUPTION) continue;
        lost += event->place.last_lsn - event->place.first_lsn + 1;
    }
    return lost;
}

/* A repaired log is whole, can be written to, and has what the report says. */
static void check_repaired(struct fixture *fixture, const struct wal_repair_report *report,
                           enum wal_repair_policy policy)
{
    struct wal_survey survey;
    struct wal_place place;

    assert_ok(wal_verify(fixture->io, "log", true, NULL, NULL, &survey, &place));
    assert_u64(survey.last_lsn, report->last_lsn);
    assert_int_equal(survey.tail, WAL_TAIL_CLEAN);
    uint64_t lost = read_repaired(fixture, report->last_lsn);
    assert_u64(lost, policy == WAL_REPAIR_SALVAGE ? report->lost : 0);
    assert_u64(report->kept + lost, report->last_lsn);
    open_log(fixture);
    append_wait(fixture, report->last_lsn + 1, report->last_lsn + 3);
    close_log(fixture);
    assert_u64(read_repaired(fixture, report->last_lsn + 3), lost);
}

static uint64_t segment_count(struct fixture *fixture)
{
    struct wal_survey survey;

    assert_ok(wal_verify(fixture->io, "log", true, NULL, NULL, &survey, NULL));
    return survey.segments;
}

static void segment_name(char *name, uint64_t number, const char *suffix)
{
    snprintf(name, 64, "%016llx.wal%s", (unsigned long long)number, suffix);
}

static bool is_there(struct fixture *fixture, const char *name)
{
    return power_find(&fixture->power->now, name) >= 0;
}

/* ---- One fault ---- */

static void a_good_log_needs_no_repair_and_none_is_done(void **state)
{
    struct fixture *fixture = *state;

    make_log(fixture);
    struct power_names before = fixture->power->now;
    assert_false(repair(fixture, WAL_REPAIR_SALVAGE, true).needed);
    before.count += is_there(fixture, "lock") && power_find(&before, "lock") < 0;
    assert_int_equal(fixture->power->now.count, before.count);
    assert_reads(fixture, 0, LSNS);
}

static void a_torn_tail_is_left_to_the_next_writer(void **state)
{
    struct fixture *fixture = *state;

    die_at_16(fixture);
    struct power_inode *file = file_of(fixture, "0000000000000001.wal");
    file->now_size -= 8;
    memset(file->now + file->now_size, 0, 8);
    file->now[file->now_size - 300] ^= 1;
    assert_false(repair(fixture, WAL_REPAIR_SALVAGE, false).needed);
}

static void a_plan_changes_nothing_and_says_what_repair_does(void **state)
{
    struct fixture *fixture = *state;

    make_log(fixture);
    file_of(fixture, "0000000000000001.wal")->now[600] ^= 1;
    const struct power_names before = fixture->power->now;
    struct wal_repair_report plan = repair(fixture, WAL_REPAIR_SALVAGE, false);
    assert_true(plan.needed);
    assert_u64(told_lost(fixture), plan.lost);
    assert_memory_equal(&fixture->power->now, &before, sizeof before);
    struct wal_repair_report done = repair(fixture, WAL_REPAIR_SALVAGE, true);
    assert_memory_equal(&plan, &done, sizeof plan);
    assert_u64(event_find(fixture, WAL_EVENT_REPAIRED)->bytes, plan.lost);
}

static void one_record_is_lost_and_all_others_stay(void **state)
{
    struct fixture *fixture = *state;

    make_log(fixture);
    /* The first record of the first group: 37 bytes. */
    file_of(fixture, "0000000000000001.wal")->now[512 + 48 + 16 + 5] ^= 1;
    struct wal_repair_report report = repair(fixture, WAL_REPAIR_SALVAGE, true);
    assert_u64(report.lost, 1);
    assert_u64(report.kept, LSNS - 1);
    const struct wal_event *event = event_find(fixture, WAL_EVENT_CORRUPTION);
    assert_non_null(event);
    assert_u64(event->place.first_lsn, 1);
    assert_u64(event->place.last_lsn, 1);
    check_repaired(fixture, &report, WAL_REPAIR_SALVAGE);
}

static void stop_keeps_what_stands_before_the_first_loss(void **state)
{
    struct fixture *fixture = *state;

    make_log(fixture);
    struct power_inode *file = file_of(fixture, "0000000000000002.wal");
    file->now[512 + 48 + 16] ^= 1;
    uint64_t first = 0;
    memcpy(&first, file->now + 48, 8); /* first_lsn of the segment. */
    struct wal_repair_report report = repair(fixture, WAL_REPAIR_STOP, true);
    assert_u64(report.last_lsn, first - 1);
    assert_u64(report.lost, LSNS - first + 1);
    assert_u64(told_lost(fixture), report.lost);
    check_repaired(fixture, &report, WAL_REPAIR_STOP);
}

static void a_batch_is_lost_whole(void **state)
{
    struct fixture *fixture = *state;

    make_log(fixture);
    for (uint64_t number = 1;; number++) {
        char name[64];
        struct power_inode *file;
        uint8_t bytes[RECORD_MAX];
        size_t len = record_of(6, bytes);

        segment_name(name, number, "");
        file = file_of(fixture, name);
        uint8_t *at = memmem(file->now, file->now_size, bytes, len);
        if (at == NULL) continue;
        at[len - 1] ^= 0x40;
        break;
    }
    struct wal_repair_report report = repair(fixture, WAL_REPAIR_SALVAGE, true);
    assert_u64(report.lost, 4);
    const struct wal_event *event = event_find(fixture, WAL_EVENT_CORRUPTION);
    assert_u64(event->place.first_lsn, 5);
    assert_u64(event->place.last_lsn, 8);
    check_repaired(fixture, &report, WAL_REPAIR_SALVAGE);
}

static void a_missing_segment_is_lost_and_those_behind_it_stay(void **state)
{
    struct fixture *fixture = *state;

    make_log(fixture);
    assert_true(segment_count(fixture) >= 3);
    struct wal_dir dir;
    assert_ok(io_dir_open(fixture->io, "log", &dir));
    assert_ok(io_unlink(fixture->io, dir, "0000000000000002.wal"));
    io_dir_close(fixture->io, dir);
    struct wal_repair_report report = repair(fixture, WAL_REPAIR_SALVAGE, true);
    assert_true(report.lost > 0 && report.lost < LSNS);
    assert_u64(report.last_lsn, LSNS);
    check_repaired(fixture, &report, WAL_REPAIR_SALVAGE);
}

static void a_log_without_a_mark_gets_one(void **state)
{
    struct fixture *fixture = *state;

    make_log(fixture);
    struct power_inode *mark = file_of(fixture, "mark");
    mark->now[40] ^= 1;
    mark->now[WAL_MARK_SLOT_STRIDE + 40] ^= 1;
    struct wal_repair_report report = repair(fixture, WAL_REPAIR_SALVAGE, true);
    assert_true(report.needed);
    assert_u64(report.kept, LSNS);
    check_repaired(fixture, &report, WAL_REPAIR_SALVAGE);
}

static void a_segment_without_a_header_loses_no_record(void **state)
{
    struct fixture *fixture = *state;

    make_log(fixture);
    memset(file_of(fixture, "0000000000000002.wal")->now, 0, 512);
    struct wal_repair_report report = repair(fixture, WAL_REPAIR_SALVAGE, true);
    assert_u64(report.lost, 0);
    check_repaired(fixture, &report, WAL_REPAIR_SALVAGE);
}

/* Of LSNs 1..6 those above 3 are cut off, and then given to others, which stand in segment 2. */
static void make_cut_log(struct fixture *fixture)
{
    fixture->options.segment_bytes = 1 << 16;
    open_log(fixture);
    append_wait(fixture, 1, 6);
    assert_ok(wal_truncate_after(fixture->log, 3));
    for (uint64_t lsn = 4; lsn <= 5; lsn++) {
        struct wal_ticket ticket;
        uint8_t bytes[RECORD_MAX];

        assert_ok(wal_append(fixture->log, bytes, record_of(lsn + 100, bytes), &ticket));
        assert_u64(ticket.first_lsn, lsn);
        assert_ok(wal_wait(fixture->log, &ticket));
    }
    close_log(fixture);
    fixture->events.count = 0;
}

/* Nothing that was cut off is there. Returns how many are lost. */
static uint64_t read_cut_log(struct fixture *fixture, uint64_t last_lsn)
{
    const struct wal_reader_options options = {.from_lsn = 0};
    struct wal_reader *reader = NULL;
    struct wal_record record;
    struct wal_place place;
    uint64_t lsn = 0, lost = 0;

    assert_ok(wal_reader_open(fixture->io, "log", &options, &reader, &place));
    while (wal_reader_next(reader, &record, &place) == WAL_OK) {
        uint8_t bytes[RECORD_MAX];

        lsn++;
        assert_u64(record.lsn, lsn);
        lost += record.lost;
        if (record.lost) continue;
        assert_u64(record.len, record_of(lsn <= 3 ? lsn : lsn + 100, bytes));
        assert_memory_equal(record.bytes, bytes, record.len);
    }
    assert_u64(lsn, last_lsn);
    wal_reader_close(reader);
    return lost;
}

static void what_was_cut_off_stays_away_when_the_header_behind_it_is_lost(void **state)
{
    struct fixture *fixture = *state;

    make_cut_log(fixture);
    memset(file_of(fixture, "0000000000000002.wal")->now, 0, 512);
    struct wal_repair_report report = repair(fixture, WAL_REPAIR_SALVAGE, true);
    assert_u64(report.last_lsn, 5);
    assert_u64(report.lost, 0);
    assert_u64(read_cut_log(fixture, 5), 0);
}

static void what_was_cut_off_stays_away_when_the_segment_behind_it_is_gone(void **state)
{
    struct fixture *fixture = *state;
    struct wal_dir dir;

    make_cut_log(fixture);
    assert_ok(io_dir_open(fixture->io, "log", &dir));
    assert_ok(io_unlink(fixture->io, dir, "0000000000000002.wal"));
    io_dir_close(fixture->io, dir);
    struct wal_repair_report report = repair(fixture, WAL_REPAIR_SALVAGE, true);
    assert_u64(report.lost, 2);
    assert_u64(read_cut_log(fixture, 5), 2);
}

static void what_was_there_is_set_aside(void **state)
{
    struct fixture *fixture = *state;

    make_log(fixture);
    file_of(fixture, "0000000000000001.wal")->now[600] ^= 1;
    const struct power_names before = fixture->power->now;
    struct wal_repair_report report = repair(fixture, WAL_REPAIR_SALVAGE, true);
    assert_true(report.aside >= 2);
    for (uint64_t number = 1; number <= report.aside; number++) {
        char name[64], aside[64];

        segment_name(name, number, "");
        segment_name(aside, number, ".aside");
        assert_false(is_there(fixture, name));
        int was = power_find(&before, name), is = power_find(&fixture->power->now, aside);
        assert_true(was >= 0 && is >= 0);
        assert_int_equal(fixture->power->now.entries[is].inode, before.entries[was].inode);
    }
    assert_true(is_there(fixture, "0000000000000001.wal.aside"));
    char mark[64];
    snprintf(mark, sizeof mark, "%016llx.mark.aside", (unsigned long long)report.segment);
    assert_true(is_there(fixture, mark));
}

static void a_log_in_use_is_not_repaired(void **state)
{
    struct fixture *fixture = *state;
    const struct wal_repair_options options = {.policy = WAL_REPAIR_STOP, .apply = true};
    struct wal_repair_options nothing = {.policy = 0};
    struct wal_repair_report report;

    assert_err(wal_repair(fixture->io, "log", &options, &report), WAL_NOTFOUND);
    make_log(fixture);
    assert_err(wal_repair(fixture->io, "log", &nothing, &report), WAL_OPTION);
    open_log(fixture);
    assert_err(wal_repair(fixture->io, "log", &options, &report), WAL_LOCKED);
    close_log(fixture);
}

/* ---- Any byte, and any crash ---- */

static void whatever_byte_is_flipped_the_log_is_repaired(void **state)
{
    struct fixture *fixture = *state;
    uint64_t repaired = 0;

    (void)fixture;
    for (size_t at = 3; at < 4096; at += 61) {
        for (uint64_t number = 1; number <= 2; number++) {
            struct fixture *own = NULL;
            char name[64];

            assert_int_equal(setup((void **)&own), 0);
            assert_non_null(own);
            make_log(own);
            segment_name(name, number, "");
            struct power_inode *file = file_of(own, name);
            if (at < file->now_size) {
                enum wal_repair_policy policy = policies[at % POLICIES];

                file->now[at] ^= 0x10;
                struct wal_repair_report report = repair(own, policy, true);
                if (report.needed) check_repaired(own, &report, policy);
                if (report.needed && policy == WAL_REPAIR_SALVAGE) {
                    assert_true(report.lost <= 4); /* A batch, at most. */
                }
                repaired += report.needed;
            }
            assert_int_equal(teardown((void **)&own), 0);
        }
    }
    assert_true(repaired > 20);
}

/* Cut the power at call n of the repair; false: it has fewer. */
static bool repair_is_cut(struct fixture *fixture, enum wal_repair_policy policy, unsigned call)
{
    const struct wal_repair_options options = {.policy = policy, .apply = true};
    struct wal_repair_report report;
    struct power *p = fixture->power;

    power_cut_in(p, call);
    enum wal_err err = wal_repair(fixture->io, "log", &options, &report);
    if (!p->dead) {
        p->cut_at = 0;
        assert_ok(err);
        return false;
    }
    return true;
}

static void a_repair_that_loses_power_anywhere_is_done_again(void **state)
{
    static const enum power_image images[] = {POWER_LOSE_ALL, POWER_KEEP_ALL, POWER_KEEP_SOME};
    int cuts = 0;

    (void)state;
    for (int run = 0;; run++) {
        struct fixture *own = NULL;
        enum wal_repair_policy policy = policies[run % POLICIES];

        assert_int_equal(setup((void **)&own), 0);
        assert_non_null(own);
        make_log(own);
        power_crash(own->power, POWER_KEEP_ALL); /* So that the damage is on disk, too. */
        struct power_inode *file = file_of(own, "0000000000000002.wal");
        file->now[600] ^= 1;
        file->safe[600] ^= 1;
        struct wal_repair_report plan = repair(own, policy, false), report;
        bool cut = repair_is_cut(own, policy, 1 + (unsigned)run / 6);
        if (cut) {
            power_crash(own->power, images[run / 2 % 3]);
            report = repair(own, policy, true);
            if (report.needed) {
                assert_u64(report.kept, plan.kept);
                assert_u64(report.lost, plan.lost);
                assert_u64(report.last_lsn, plan.last_lsn);
            }
            cuts++;
        }
        check_repaired(own, &plan, policy);
        for (uint64_t number = 1; number <= plan.aside; number++) {
            char aside[64];

            segment_name(aside, number, ".aside");
            assert_true(is_there(own, aside));
        }
        assert_int_equal(teardown((void **)&own), 0);
        if (!cut) break;
    }
    assert_true(cuts > 6 * 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(a_good_log_needs_no_repair_and_none_is_done),
        TEST(a_torn_tail_is_left_to_the_next_writer),
        TEST(a_plan_changes_nothing_and_says_what_repair_does),
        TEST(one_record_is_lost_and_all_others_stay),
        TEST(stop_keeps_what_stands_before_the_first_loss),
        TEST(a_batch_is_lost_whole),
        TEST(a_missing_segment_is_lost_and_those_behind_it_stay),
        TEST(a_log_without_a_mark_gets_one),
        TEST(a_segment_without_a_header_loses_no_record),
        TEST(what_was_cut_off_stays_away_when_the_header_behind_it_is_lost),
        TEST(what_was_cut_off_stays_away_when_the_segment_behind_it_is_gone),
        TEST(what_was_there_is_set_aside),
        TEST(a_log_in_use_is_not_repaired),
        TEST(whatever_byte_is_flipped_the_log_is_repaired),
        TEST(a_repair_that_loses_power_anywhere_is_done_again),
#undef TEST
    };

    return cmocka_run_group_tests_name("wal_repair", tests, NULL, NULL);
}
