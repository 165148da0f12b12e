/*
 * wal_lives_test.c - a log of several lives, of which one loses the header that says where it
 * began.
 *
 * What a truncation cut off, and what a takeover left behind, still stands in the old segments, and
 * only the segment behind them says that it doesn't count. Here histories are played, then each
 * segment in turn loses its header, or its first group too, or all of it; and whatever is repaired
 * must be what was last acknowledged at its LSN, and damage reported where it is.
 *
 * Records are told apart by `era`, which grows with each record.
 */
#include "tests/log_fixture.h"

#include <time.h>

#include "wal/log/repair.h"
#include "wal/log/segment.h"

enum { LSNS_MAX = 64, STEPS_MAX = 9, SEGMENTS_MAX = 32, HEADER_AREA = 512, GROUP_AREA = 512 };

enum step_kind {
    END,
    APPEND,   /* So many records, durable. */
    TRUNCATE, /* All above this LSN. */
    REOPEN,
    TORN, /* So many groups and two more are written; with the power goes the last but one. */
};

struct step {
    enum step_kind kind;
    uint64_t arg;
};

struct history {
    const char *name;
    uint64_t segment_bytes;
    struct step steps[STEPS_MAX];
};

static const struct history histories[] = {
    {"cut twice, the later time above",
     1 << 16,
     {{APPEND, 6}, {TRUNCATE, 3}, {APPEND, 3}, {TRUNCATE, 5}, {APPEND, 2}}},
    {"cut at the same place",
     1 << 16,
     {{APPEND, 6},
      {TRUNCATE, 3},
      {APPEND, 1},
      {TRUNCATE, 3},
      {APPEND, 1},
      {TRUNCATE, 3},
      {APPEND, 3}}},
    {"cut to nothing", 1 << 16, {{APPEND, 2}, {TRUNCATE, 0}, {APPEND, 1}, {TRUNCATE, 0}}},
    {"of many segments",
     4096,
     {{APPEND, 30},
      {TRUNCATE, 25},
      {APPEND, 10},
      {TRUNCATE, 12},
      {APPEND, 12},
      {TRUNCATE, 21},
      {APPEND, 9}}},
    {"torn", 1 << 16, {{APPEND, 4}, {TORN, 1}, {APPEND, 3}}},
    {"torn, and cut",
     1 << 16,
     {{APPEND, 6},
      {TRUNCATE, 3},
      {APPEND, 1},
      {TORN, 1},
      {APPEND, 4},
      {TRUNCATE, 6},
      {APPEND, 2},
      {TORN, 1}}},
    {"torn, and cut in what was copied",
     1 << 16,
     {{APPEND, 4}, {TORN, 4}, {TRUNCATE, 6}, {APPEND, 1}}},
    {"torn, and cut in what was copied, of many",
     4096,
     {{APPEND, 4}, {TRUNCATE, 1}, {TORN, 4}, {TRUNCATE, 3}, {APPEND, 1}, {APPEND, 8}}},
    {"torn, and opened again", 1 << 16, {{APPEND, 4}, {TORN, 4}, {REOPEN, 0}, {APPEND, 2}}},
    {"torn twice running", 1 << 16, {{APPEND, 1}, {TORN, 3}, {TORN, 2}, {TORN, 0}, {APPEND, 3}}},
    {"torn twice, of many segments",
     4096,
     {{APPEND, 15}, {TORN, 1}, {APPEND, 9}, {TORN, 1}, {APPEND, 9}}},
};

enum { HISTORIES = sizeof histories / sizeof histories[0] };

struct played {
    struct fixture *fixture;
    unsigned era;            /* The last one used. */
    unsigned eras[LSNS_MAX]; /* Of what counts, by LSN. */
    uint64_t last_lsn;
    uint64_t segments;
    bool closed;
    uint64_t first_lsn[SEGMENTS_MAX]; /* By number; */
    uint64_t own_lsn[SEGMENTS_MAX];   /* what is before is in the segment before, too. */
};

static size_t era_record(unsigned era, uint8_t *bytes)
{
    size_t len = 8 + era % 13;

    for (size_t i = 0; i < len; i++) bytes[i] = (uint8_t)(era + i);
    return len;
}

/* Accepted, and the committer has written it, as a group of its own. */
static struct wal_ticket append_group(struct played *played)
{
    struct wal_log *log = played->fixture->log;
    uint64_t groups = stat_of(played->fixture).groups;
    struct wal_ticket ticket;
    uint8_t bytes[RECORD_MAX];

    assert_ok(wal_append(log, bytes, era_record(++played->era, bytes), &ticket));
    /* Nobody asks for it, so that it is written and not synced. */
    while (stat_of(played->fixture).groups == groups) {
        (void)nanosleep(&(struct timespec){.tv_nsec = 10000}, NULL);
    }
    return ticket;
}

static void append(struct played *played, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        struct wal_ticket ticket = append_group(played);

        assert_ok(wal_wait(played->fixture->log, &ticket));
        assert_u64(ticket.first_lsn, played->last_lsn + 1);
        played->eras[++played->last_lsn] = played->era;
    }
}

/* Close, and open for groups that are synced when somebody waits. */
static void open_again(struct played *played)
{
    if (played->fixture->log != NULL) close_log(played->fixture);
    played->fixture->options.sync_policy = WAL_SYNC_ON_DEMAND;
    open_log(played->fixture);
}

static void tear(struct played *played, uint64_t kept)
{
    struct fixture *fixture = played->fixture;
    char name[WAL_SEGMENT_NAME_BYTES];
    uint64_t offset = 0;

    for (uint64_t i = 0; i < kept + 2; i++) {
        if (i == kept) offset = stat_of(fixture).offset;
        (void)append_group(played);
        if (i < kept) played->eras[++played->last_lsn] = played->era;
    }
    log_segment_name(name, stat_of(fixture).segment);
    power_cut_in(fixture->power, 1);
    err_ignore(wal_close(fixture->log)); /* It died. */
    fixture->log = NULL;
    power_crash(fixture->power, POWER_KEEP_ALL);
    struct power_inode *file = file_of(fixture, name);
    assert_true(offset + GROUP_AREA < file->now_size);
    memset(file->now + offset, 0, GROUP_AREA);
    open_again(played);
    assert_u64(stat_of(fixture).durable_lsn, played->last_lsn);
}

static void note_segments(struct played *played)
{
    struct fixture *fixture = played->fixture;
    struct wal_survey survey;

    assert_ok(wal_verify(fixture->io, "log", true, NULL, NULL, &survey, NULL));
    assert_u64(survey.first_segment, 1);
    played->last_lsn = survey.last_lsn;
    played->segments = survey.segments;
    assert_true(played->segments < SEGMENTS_MAX);
    for (uint64_t number = 1; number <= played->segments; number++) {
        char name[WAL_SEGMENT_NAME_BYTES];
        struct wal_segment_header header;

        log_segment_name(name, number);
        assert_ok(log_segment_header_decode(file_of(fixture, name)->now, &header));
        played->first_lsn[number] = header.first_lsn;
        played->own_lsn[number] = header.durable_lsn + 1;
    }
    played->first_lsn[played->segments + 1] = played->last_lsn + 1;
}

/* Leaves the log open. */
static void play_on(struct played *played, const struct history *history)
{
    *played = (struct played){.fixture = NULL};
    assert_int_equal(setup((void **)&played->fixture), 0);
    /* Half of the queue is full with any record, so that each is written at once. */
    played->fixture->options.queue_bytes = 48;
    played->fixture->options.record_bytes_max = 24;
    played->fixture->options.batch_bytes_max = 24;
    assert_non_null(played->fixture);
    played->fixture->options.segment_bytes = history->segment_bytes;
    open_again(played);
    for (const struct step *step = history->steps; step->kind != END; step++) {
        if (step->kind == APPEND) append(played, step->arg);
        if (step->kind == REOPEN) open_again(played);
        if (step->kind == TORN) tear(played, step->arg);
        if (step->kind != TRUNCATE) continue;
        assert_ok(wal_truncate_after(played->fixture->log, step->arg));
        played->last_lsn = step->arg;
    }
}

static void play(struct played *played, const struct history *history)
{
    play_on(played, history);
    close_log(played->fixture);
    played->closed = true;
    uint64_t last_lsn = played->last_lsn;
    note_segments(played);
    assert_u64(played->last_lsn, last_lsn);
}

enum loss { HEADER, FIRST_GROUP, FILE_GONE, LOSSES };

static void lose(struct played *played, uint64_t number, enum loss loss)
{
    struct fixture *fixture = played->fixture;
    char name[WAL_SEGMENT_NAME_BYTES];

    log_segment_name(name, number);
    struct power_inode *file = file_of(fixture, name);
    size_t len = loss == HEADER ? HEADER_AREA : HEADER_AREA + GROUP_AREA;
    memset(file->now, 0, len < file->now_size ? len : file->now_size);
    if (loss != FILE_GONE) return;
    fixture->power->now.entries[power_find(&fixture->power->now, name)].inode = -1;
}

/* Each record is the one that was acknowledged last, or lost. Returns how many are lost, and how
 * many of them in segments other than `number`. */
static uint64_t read_all(const struct played *played, uint64_t number, uint64_t *ret_elsewhere)
{
    const struct wal_reader_options options = {.from_lsn = 0};
    struct wal_reader *reader = NULL;
    struct wal_record record;
    uint64_t lsn = 0, lost = 0;
    enum wal_err err;

    *ret_elsewhere = 0;
    assert_ok(wal_reader_open(played->fixture->io, "log", &options, &reader, NULL));
    while ((err = wal_reader_next(reader, &record, NULL)) == WAL_OK) {
        uint8_t bytes[RECORD_MAX];

        assert_u64(record.lsn, ++lsn);
        assert_true(lsn <= played->last_lsn);
        if (record.lost) {
            bool here = played->own_lsn[number] <= lsn && lsn < played->first_lsn[number + 1];
            lost++;
            *ret_elsewhere += !here;
            continue;
        }
        size_t len = era_record(played->eras[lsn], bytes);
        if (record.len != len || memcmp(record.bytes, bytes, len) != 0) {
            fail_msg("LSN %llu does not count", (unsigned long long)lsn);
        }
    }
    wal_reader_close(reader);
    assert_err(err, WAL_END);
    /* Of a log that died the last segment alone may know what stands in it. */
    if (number < played->segments || played->closed) assert_u64(lsn, played->last_lsn);
    assert_true(lsn + 1 >= played->first_lsn[number]);
    return lost;
}

static void repair(struct fixture *fixture)
{
    const struct wal_repair_options options = {.policy = WAL_REPAIR_SALVAGE, .apply = true};
    struct wal_repair_report report = {.needed = false};

    assert_ok(wal_repair(fixture->io, "log", &options, &report));
    assert_true(report.needed);
}

/* Verify says which LSNs stood in the segment and nowhere else; where the last one ended it knows
 * only of a log that was closed. */
static void check_place(const struct played *played, uint64_t number)
{
    struct wal_survey survey;
    struct wal_place place = {.name = ""};
    char name[WAL_SEGMENT_NAME_BYTES];
    uint64_t own = played->own_lsn[number], end = played->first_lsn[number + 1];

    if (own > end) own = end;
    enum wal_err err = wal_verify(played->fixture->io, "log", true, NULL, NULL, &survey, &place);

    assert_err(err, WAL_CORRUPT);
    log_segment_name(name, number);
    assert_string_equal(place.name, name);
    assert_u64(place.first_lsn, own);
    if (number == played->segments && !played->closed) return;
    assert_u64(place.last_lsn, end - 1);
}

static void check_one_loss(const struct history *history, uint64_t number, enum loss loss)
{
    struct played played;
    uint64_t elsewhere = 0;

    play(&played, history);
    print_message("%s: segment %llu of %llu\n", history->name, (unsigned long long)number,
                  (unsigned long long)played.segments);
    lose(&played, number, loss);
    check_place(&played, number);
    repair(played.fixture);
    uint64_t lost = read_all(&played, number, &elsewhere);
    if (loss == HEADER) assert_u64(lost, 0);
    if (loss == FIRST_GROUP) assert_true(lost <= 1);
    assert_u64(elsewhere, 0);
    assert_int_equal(teardown((void **)&played.fixture), 0);
}

static void check_each(enum loss loss)
{
    for (unsigned i = 0; i < HISTORIES; i++) {
        struct played played;

        play(&played, &histories[i]);
        assert_int_equal(teardown((void **)&played.fixture), 0);
        for (uint64_t number = 1; number <= played.segments; number++) {
            check_one_loss(&histories[i], number, loss);
        }
    }
}

static void a_lost_header_loses_no_record_and_brings_none_back(void **state)
{
    (void)state;
    check_each(HEADER);
}

static void a_lost_beginning_brings_no_record_back(void **state)
{
    (void)state;
    check_each(FIRST_GROUP);
}

static void a_lost_segment_brings_no_record_back(void **state)
{
    (void)state;
    check_each(FILE_GONE);
}

/* ---- While a life begins ---- */

static const struct history before = {"cut", 4096, {{APPEND, 20}, {TRUNCATE, 12}, {APPEND, 12}}};

/* The process dies at its nth call while it cuts behind LSN 10, in the segment where it cut before,
 * so that what it cut off then is behind it again; false: there are fewer. */
static bool dies_cutting(struct played *played, unsigned call)
{
    struct power *p = played->fixture->power;

    power_cut_in(p, call);
    enum wal_err err = wal_truncate_after(played->fixture->log, 10);
    if (!power_is_dead(p)) assert_ok(err);
    return power_is_dead(p);
}

/* The same, while the log is taken over from one that died. */
static bool dies_taking_over(struct played *played, unsigned call)
{
    struct fixture *fixture = played->fixture;
    struct power *p = fixture->power;

    (void)append_group(played);
    played->eras[++played->last_lsn] = played->era;
    power_cut_in(p, 1);
    err_ignore(wal_close(fixture->log)); /* It died. */
    fixture->log = NULL;
    power_restart(p);
    power_cut_in(p, call);
    enum wal_err err = wal_open(fixture->io, "log", &fixture->options, &fixture->log, NULL);
    if (!power_is_dead(p)) assert_ok(err);
    return power_is_dead(p);
}

/* A segment above the last one is a leftover, and its header need not be readable. */
static void check_leftover(struct played *played, uint64_t number)
{
    struct wal_survey survey;
    uint64_t elsewhere = 0;

    enum wal_err err = wal_verify(played->fixture->io, "log", true, NULL, NULL, &survey, NULL);
    /* Right behind the last it might be the new life's first. */
    if (number > played->segments + 1) assert_ok(err);
    if (err == WAL_CORRUPT) repair(played->fixture);
    if (err != WAL_CORRUPT) assert_ok(err);
    assert_u64(read_all(played, played->segments, &elsewhere), 0);
}

static bool die_before(struct played *played, bool (*dies)(struct played *played, unsigned call),
                       unsigned call)
{
    play_on(played, &before);
    struct fixture *fixture = played->fixture;
    bool died = dies(played, call);
    if (!died) power_cut_in(fixture->power, 1);
    if (fixture->log != NULL) err_ignore(wal_close(fixture->log)); /* It died. */
    fixture->log = NULL;
    power_restart(fixture->power);
    return died;
}

/* The same history, with another loss each time. Returns whether it died, and how many segments
 * there are to lose. */
static bool check_death(bool (*dies)(struct played *played, unsigned call), unsigned call,
                        uint64_t number, enum loss loss, uint64_t *ret_numbers)
{
    struct played played;
    uint64_t elsewhere = 0;
    char name[WAL_SEGMENT_NAME_BYTES];

    bool died = die_before(&played, dies, call);
    note_segments(&played);
    /* The last may have had no record yet: then nobody knows that there was one. */
    bool unheard = loss == FILE_GONE && number >= played.segments;
    log_segment_name(name, number);
    if (power_find(&played.fixture->power->now, name) >= 0 && !unheard) {
        lose(&played, number, loss);
        if (number <= played.segments) {
            check_place(&played, number);
            repair(played.fixture);
            read_all(&played, number, &elsewhere);
            assert_u64(elsewhere, 0);
        } else {
            check_leftover(&played, number);
        }
    }
    *ret_numbers = 5;
    assert_int_equal(teardown((void **)&played.fixture), 0);
    return died;
}

static void check_deaths(bool (*dies)(struct played *played, unsigned call))
{
    bool died = true;
    unsigned call = 0;

    while (died) {
        uint64_t segments = 1;

        call++;
        for (uint64_t number = 1; number <= segments; number++) {
            for (int loss = 0; loss < LOSSES; loss++) {
                died = check_death(dies, call, number, (enum loss)loss, &segments);
            }
        }
    }
    assert_true(call > 12);
}

static void a_cut_that_dies_and_a_lost_header_bring_no_record_back(void **state)
{
    (void)state;
    check_deaths(dies_cutting);
}

static void a_takeover_that_dies_and_a_lost_header_bring_no_record_back(void **state)
{
    (void)state;
    check_deaths(dies_taking_over);
}

/* What a log without a mark is, its segments alone say, at any moment. */
static void check_lost_marks(bool (*dies)(struct played *played, unsigned call))
{
    bool died = true;
    unsigned call = 0;

    while (died) {
        struct played played;
        uint64_t elsewhere = 0;

        died = die_before(&played, dies, ++call);
        played.closed = false;
        memset(file_of(played.fixture, WAL_MARK_NAME)->now, 0, WAL_MARK_SLOT_STRIDE * 2);
        repair(played.fixture);
        assert_u64(read_all(&played, 1, &elsewhere), 0);
        assert_int_equal(teardown((void **)&played.fixture), 0);
    }
    assert_true(call > 12);
}

static void a_cut_that_dies_and_a_lost_mark_bring_no_record_back(void **state)
{
    (void)state;
    check_lost_marks(dies_cutting);
}

/* The call at which the cut above has been decided, and nothing of it done. */
static unsigned call_of_decision(void)
{
    for (unsigned call = 1;; call++) {
        struct played played;
        struct wal_survey survey;

        assert_true(die_before(&played, dies_cutting, call));
        assert_ok(wal_verify(played.fixture->io, "log", true, NULL, NULL, &survey, NULL));
        bool above = power_find(&played.fixture->power->now, "0000000000000004.wal") >= 0;
        assert_int_equal(teardown((void **)&played.fixture), 0);
        if (survey.last_lsn != 10) continue;
        assert_true(above);
        return call;
    }
}

/* It died there; and at its nth call dies who opens the log, and finishes the cut. */
static bool dies_finishing(struct played *played, unsigned call)
{
    static unsigned decision; /* The same each time. */
    struct fixture *fixture = played->fixture;
    struct power *p = fixture->power;

    if (decision == 0) decision = call_of_decision();
    assert_true(dies_cutting(played, decision));
    err_ignore(wal_close(fixture->log)); /* It died. */
    fixture->log = NULL;
    power_restart(p);
    power_cut_in(p, call);
    enum wal_err err = wal_open(fixture->io, "log", &fixture->options, &fixture->log, NULL);
    if (!power_is_dead(p)) assert_ok(err);
    return power_is_dead(p);
}

static void a_cut_that_is_finished_and_a_lost_header_bring_no_record_back(void **state)
{
    (void)state;
    check_deaths(dies_finishing);
}

static void a_cut_that_is_finished_and_a_lost_mark_bring_no_record_back(void **state)
{
    (void)state;
    check_lost_marks(dies_finishing);
}

/* A name that was unlinked comes back, as a crash may have it, beside the life that began then. */
static void check_returned(uint64_t number, enum loss loss)
{
    struct played played;
    char name[WAL_SEGMENT_NAME_BYTES];
    uint64_t elsewhere = 0;

    play_on(&played, &before);
    struct power *p = played.fixture->power;
    log_segment_name(name, 4);
    int at = power_find(&p->now, name);
    assert_true(at >= 0);
    const struct power_name returned = p->now.entries[at];
    assert_ok(wal_truncate_after(played.fixture->log, 10));
    played.last_lsn = 10;
    append(&played, 3);
    close_log(played.fixture);
    power_set(&p->now, &returned);
    played.closed = true;
    note_segments(&played);
    assert_u64(played.segments, 3);
    assert_u64(played.last_lsn, 13);
    lose(&played, number, loss);
    check_place(&played, number);
    repair(played.fixture);
    read_all(&played, number, &elsewhere);
    assert_u64(elsewhere, 0);
    assert_int_equal(teardown((void **)&played.fixture), 0);
}

static void a_leftover_that_returns_says_nothing_of_what_was_lost(void **state)
{
    (void)state;
    for (uint64_t number = 1; number <= 3; number++) {
        for (int loss = 0; loss < LOSSES; loss++) check_returned(number, (enum loss)loss);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lost_header_loses_no_record_and_brings_none_back),
        cmocka_unit_test(a_lost_beginning_brings_no_record_back),
        cmocka_unit_test(a_lost_segment_brings_no_record_back),
        cmocka_unit_test(a_cut_that_dies_and_a_lost_header_bring_no_record_back),
        cmocka_unit_test(a_takeover_that_dies_and_a_lost_header_bring_no_record_back),
        cmocka_unit_test(a_cut_that_is_finished_and_a_lost_header_bring_no_record_back),
        cmocka_unit_test(a_cut_that_dies_and_a_lost_mark_bring_no_record_back),
        cmocka_unit_test(a_cut_that_is_finished_and_a_lost_mark_bring_no_record_back),
        cmocka_unit_test(a_leftover_that_returns_says_nothing_of_what_was_lost),
    };

    return cmocka_run_group_tests_name("wal_lives", tests, NULL, NULL);
}
