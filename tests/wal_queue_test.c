/*
 * wal_queue_test.c - what becomes of accepted records: asking, being called back, giving up, and
 * closing while others wait.
 *
 * The disk can be stopped, so that the queue fills up and waits last.
 */
#include "tests/log_fixture.h"

#include <stdatomic.h>

#include "wal/log/histogram.h"

static atomic_bool stopped;
static atomic_bool held; /* A write is being held up. */

static enum wal_err (*go_on_pwrite)(struct wal_io *io, struct wal_file file, uint64_t offset,
                                    const void *buffer, size_t len, size_t *ret_len);

static enum wal_err stoppable_pwrite(struct wal_io *io, struct wal_file file, uint64_t offset,
                                     const void *buffer, size_t len, size_t *ret_len)
{
    while (atomic_load(&stopped)) {
        atomic_store(&held, true);
        err_ignore(io_sleep(io, 100000, NULL)); /* Cannot fail. */
    }
    atomic_store(&held, false);
    return go_on_pwrite(io, file, offset, buffer, len, ret_len);
}

static void open_stoppable(struct fixture *fixture)
{
    atomic_store(&stopped, false);
    go_on_pwrite = fixture->power->ops.pwrite;
    fixture->power->ops.pwrite = stoppable_pwrite;
    open_log(fixture);
}

/* The committer hangs in a write of record 1, and the queue behind it is full. Returns the last
 * LSN that found room. */
static uint64_t stop_and_fill(struct fixture *fixture)
{
    static const uint8_t bytes[500];
    const struct wal_slice slice = {bytes, sizeof bytes};
    const struct wal_patience none = {.deadline_ns = 0};
    struct wal_ticket ticket = {.first_lsn = 0};
    uint64_t last_lsn = 0;
    enum wal_err err = WAL_OK;

    atomic_store(&stopped, true);
    uint64_t groups = stat_of(fixture).groups;
    while (stat_of(fixture).accepted_lsn < 20 && err == WAL_OK) {
        err = wal_append_until(fixture->log, &slice, 1, &none, &ticket);
        if (err == WAL_OK) last_lsn = ticket.last_lsn;
        while (last_lsn == 1 && !atomic_load(&held)) continue;
    }
    assert_err(err, WAL_TIMEOUT);
    assert_u64(stat_of(fixture).groups, groups);
    return last_lsn;
}

/* So many appends have found no room, that of stop_and_fill among them, and all wait who do. */
static void until_waiting(struct fixture *fixture, unsigned count)
{
    bool waiting = false;

    while (!waiting) {
        pthread_mutex_lock(&fixture->power->lock);
        waiting = fixture->power->notes[WAL_NOTE_QUEUE_FULL] >= count;
        pthread_mutex_unlock(&fixture->power->lock);
    }
}

/* ---- Asking and being called back ---- */

static void asking_does_not_wait(void **state)
{
    struct fixture *fixture = *state;
    bool durable = true;

    open_stoppable(fixture);
    atomic_store(&stopped, true);
    struct wal_ticket ticket = append_lsn(fixture, 1);
    assert_ok(wal_poll(fixture->log, &ticket, &durable));
    assert_false(durable);
    atomic_store(&stopped, false);
    assert_ok(wal_wait(fixture->log, &ticket));
    assert_ok(wal_poll(fixture->log, &ticket, &durable));
    assert_true(durable);
    close_log(fixture);
}

struct called {
    struct wal_notice notice;
    unsigned times;
    unsigned turn; /* The how-manieth of all. */
    enum wal_err err;
    uint64_t lsn;
};

static atomic_uint turns;

static void note_call(struct wal_notice *notice, enum wal_err err, uint64_t lsn)
{
    struct called *called = (struct called *)notice;

    called->times++;
    called->turn = atomic_fetch_add(&turns, 1) + 1;
    called->err = err;
    called->lsn = lsn;
}

static void notify(struct fixture *fixture, struct called *called, const struct wal_ticket *ticket)
{
    *called = (struct called){.notice = {.call = note_call, .ticket = *ticket}};
    wal_notify(fixture->log, &called->notice);
}

static void everybody_is_called_back_once_and_in_turn(void **state)
{
    struct fixture *fixture = *state;
    struct wal_ticket tickets[4];
    struct called called[5];

    open_stoppable(fixture);
    atomic_store(&turns, 0);
    atomic_store(&stopped, true);
    for (unsigned i = 0; i < 4; i++) tickets[i] = append_lsn(fixture, i + 1);
    notify(fixture, &called[2], &tickets[2]);
    notify(fixture, &called[0], &tickets[0]);
    notify(fixture, &called[3], &tickets[3]);
    notify(fixture, &called[1], &tickets[1]);
    atomic_store(&stopped, false);
    assert_ok(wal_wait(fixture->log, &tickets[3]));
    while (atomic_load(&turns) < 4) err_ignore(io_sleep(fixture->io, 100000, NULL));
    notify(fixture, &called[4], &tickets[0]); /* Durable long since. */
    while (atomic_load(&turns) < 5) err_ignore(io_sleep(fixture->io, 100000, NULL));
    close_log(fixture);
    assert_u64(atomic_load(&turns), 5);
    for (unsigned i = 0; i < 5; i++) {
        assert_u64(called[i].times, 1);
        if (i < 4) assert_u64(called[i].turn, i + 1);
        assert_ok(called[i].err);
        assert_true(called[i].lsn >= called[i].notice.ticket.last_lsn);
    }
}

/* ---- Losing ---- */

struct waiter {
    struct wal_log *log;
    struct wal_ticket ticket;
    enum wal_err err;
    uint64_t lost_lsn;
};

static void wait_and_lose(void *arg)
{
    const struct wal_patience patience = {.deadline_ns = WAL_NO_DEADLINE};
    struct waiter *waiter = arg;

    waiter->err = wal_wait_until(waiter->log, &waiter->ticket, &patience, &waiter->lost_lsn);
}

enum { WAITERS = 4 };

static void a_poisoning_tells_everybody_what_the_first_lost_lsn_is(void **state)
{
    struct fixture *fixture = *state;

    open_log(fixture);
    atomic_store(&turns, 0);
    append_wait(fixture, 1, 4);
    power_next_sync_fails(fixture->power, WAL_IO);
    struct wal_ticket ticket = append_lsn(fixture, 5);
    uint64_t lost_lsn = 0;
    const struct wal_patience patience = {.deadline_ns = WAL_NO_DEADLINE};
    assert_err(wal_wait_until(fixture->log, &ticket, &patience, &lost_lsn), WAL_POISONED);
    assert_u64(lost_lsn, 5);
    struct called called;
    notify(fixture, &called, &ticket); /* After the fact. */
    struct wal_log *log = fixture->log;
    fixture->log = NULL;
    assert_err(wal_close(log), WAL_POISONED);
    assert_u64(called.times, 1);
    assert_err(called.err, WAL_POISONED);
    assert_u64(called.lsn, 5);
}

static void a_rollback_tells_everybody_what_the_first_lost_lsn_is(void **state)
{
    struct fixture *fixture = *state;

    open_stoppable(fixture);
    atomic_store(&turns, 0);
    append_wait(fixture, 1, 3);
    atomic_store(&stopped, true);
    struct wal_ticket first = append_lsn(fixture, 4);
    while (!atomic_load(&held)) continue;
    power_writes_fail(fixture->power, WAL_NOSPACE);

    struct wal_task *tasks[WAITERS];
    struct waiter waiters[WAITERS];
    struct called called[WAITERS];
    for (unsigned i = 0; i < WAITERS; i++) {
        waiters[i] = (struct waiter){.log = fixture->log, .ticket = append_lsn(fixture, 5 + i)};
        notify(fixture, &called[i], &waiters[i].ticket);
        assert_ok(io_spawn(fixture->io, "waiter", wait_and_lose, &waiters[i], &tasks[i]));
    }
    atomic_store(&stopped, false);
    for (unsigned i = 0; i < WAITERS; i++) io_join(fixture->io, tasks[i]);
    assert_err(wal_wait(fixture->log, &first), WAL_NOSPACE);
    while (atomic_load(&turns) < WAITERS) err_ignore(io_sleep(fixture->io, 100000, NULL));
    for (unsigned i = 0; i < WAITERS; i++) {
        assert_err(waiters[i].err, WAL_NOSPACE);
        assert_u64(waiters[i].lost_lsn, 4);
        assert_u64(called[i].times, 1);
        assert_err(called[i].err, WAL_NOSPACE);
        assert_u64(called[i].lsn, 4);
    }
    power_writes_fail(fixture->power, WAL_OK);
    close_log(fixture);
}

static void after_a_rollback_nothing_is_accepted_if_so_asked(void **state)
{
    struct fixture *fixture = *state;
    struct wal_ticket ticket;
    uint64_t durable = 0;

    fixture->options.stop_on_rollback = true;
    open_log(fixture);
    append_wait(fixture, 1, 1);
    power_writes_fail(fixture->power, WAL_QUOTA);
    ticket = append_lsn(fixture, 2);
    assert_err(wal_wait(fixture->log, &ticket), WAL_QUOTA);
    power_writes_fail(fixture->power, WAL_OK);
    assert_err(wal_append(fixture->log, "x", 1, &ticket), WAL_QUOTA);
    assert_err(wal_append(fixture->log, "x", 1, &ticket), WAL_QUOTA);
    assert_err(wal_sync(fixture->log, &durable), WAL_QUOTA);
    append_wait(fixture, 2, 2);
    assert_ok(wal_sync(fixture->log, &durable));
    assert_u64(durable, 2);
    close_log(fixture);
    assert_reads(fixture, 0, 2);
}

/* ---- Giving up ---- */

static void an_append_that_finds_no_room_gives_up_at_its_deadline(void **state)
{
    struct fixture *fixture = *state;
    struct wal_ticket ticket;

    open_stoppable(fixture);
    uint64_t last_lsn = stop_and_fill(fixture);
    static const uint8_t bytes[500];
    const struct wal_slice slice = {bytes, sizeof bytes};
    uint64_t deadline_ns = io_monotonic_ns(fixture->io) + 5000000;
    const struct wal_patience patience = {.deadline_ns = deadline_ns};
    assert_err(wal_append_until(fixture->log, &slice, 1, &patience, &ticket), WAL_TIMEOUT);
    assert_true(io_monotonic_ns(fixture->io) >= deadline_ns);
    atomic_store(&stopped, false);
    assert_u64(stat_of(fixture).accepted_lsn, last_lsn);
    close_log(fixture);
}

struct impatient {
    struct fixture *fixture;
    struct wal_cancel *cancel;
    enum wal_err err;
};

static void append_impatiently(void *arg)
{
    static const uint8_t bytes[500];
    const struct wal_slice slice = {bytes, sizeof bytes};
    struct impatient *impatient = arg;
    const struct wal_patience patience = {WAL_NO_DEADLINE, impatient->cancel};
    struct wal_ticket ticket;

    impatient->err = wal_append_until(impatient->fixture->log, &slice, 1, &patience, &ticket);
}

static void an_append_that_waits_for_room_is_cancelled(void **state)
{
    struct fixture *fixture = *state;
    struct impatient impatient = {.fixture = fixture};
    struct wal_task *task = NULL;

    open_stoppable(fixture);
    uint64_t last_lsn = stop_and_fill(fixture);
    assert_ok(io_cancel_create(fixture->io, &impatient.cancel));
    assert_ok(io_spawn(fixture->io, "impatient", append_impatiently, &impatient, &task));
    until_waiting(fixture, 2);
    io_cancel_fire(fixture->io, impatient.cancel);
    io_join(fixture->io, task);
    assert_err(impatient.err, WAL_CANCELLED);
    io_cancel_destroy(fixture->io, impatient.cancel);
    assert_u64(stat_of(fixture).accepted_lsn, last_lsn);
    atomic_store(&stopped, false);
    close_log(fixture);
}

static void who_gives_up_waiting_may_ask_again(void **state)
{
    struct fixture *fixture = *state;
    struct wal_patience patience = {.deadline_ns = 0};
    uint64_t lost_lsn = 77;

    open_stoppable(fixture);
    atomic_store(&stopped, true);
    struct wal_ticket ticket = append_lsn(fixture, 1);
    assert_err(wal_wait_until(fixture->log, &ticket, &patience, &lost_lsn), WAL_TIMEOUT);
    assert_u64(lost_lsn, 77);
    assert_ok(io_cancel_create(fixture->io, &patience.cancel));
    io_cancel_fire(fixture->io, patience.cancel);
    patience.deadline_ns = WAL_NO_DEADLINE;
    assert_err(wal_wait_until(fixture->log, &ticket, &patience, &lost_lsn), WAL_CANCELLED);
    atomic_store(&stopped, false);
    assert_ok(wal_wait(fixture->log, &ticket));
    assert_ok(wal_wait_until(fixture->log, &ticket, &patience, &lost_lsn)); /* No need to wait. */
    io_cancel_destroy(fixture->io, patience.cancel);
    close_log(fixture);
}

/* ---- Closing ---- */

static atomic_bool following;

/* One call, which has begun when the log is closed: a second might begin after. */
static void wait_for_what_never_comes(void *arg)
{
    struct waiter *waiter = arg;
    uint64_t durable_lsn = 0;

    atomic_store(&following, true);
    waiter->err = wal_wait_durable(waiter->log, 1000, WAL_NO_DEADLINE, &durable_lsn);
}

static void closing_sends_home_whoever_waits(void **state)
{
    struct fixture *fixture = *state;
    struct impatient impatients[WAITERS];
    struct wal_task *tasks[WAITERS];
    struct wal_task *follower = NULL;

    open_stoppable(fixture);
    uint64_t last_lsn = stop_and_fill(fixture);
    struct waiter follow = {.log = fixture->log};
    atomic_store(&following, false);
    assert_ok(io_spawn(fixture->io, "follower", wait_for_what_never_comes, &follow, &follower));
    while (!atomic_load(&following)) continue;
    for (unsigned i = 0; i < WAITERS; i++) {
        impatients[i] = (struct impatient){.fixture = fixture};
        assert_ok(io_spawn(fixture->io, "blocked", append_impatiently, &impatients[i], &tasks[i]));
    }
    until_waiting(fixture, 1 + WAITERS);
    err_ignore(io_sleep(fixture->io, 50000000, NULL)); /* The follower's call, too, has begun. */
    struct wal_log *log = fixture->log;
    atomic_store(&stopped, false);
    assert_ok(wal_close(log));
    for (unsigned i = 0; i < WAITERS; i++) io_join(fixture->io, tasks[i]);
    io_join(fixture->io, follower);
    fixture->log = NULL;
    assert_err(follow.err, WAL_CLOSED);
    for (unsigned i = 0; i < WAITERS; i++) {
        if (impatients[i].err == WAL_OK) last_lsn++;
        if (impatients[i].err != WAL_OK) assert_err(impatients[i].err, WAL_CLOSED);
    }
    open_log(fixture);
    assert_u64(stat_of(fixture).durable_lsn, last_lsn);
    close_log(fixture);
}

/* ---- Numbers ---- */

static void a_bucket_holds_what_is_above_the_one_before(void **state)
{
    static struct log_histogram histogram;
    struct wal_histogram read;

    (void)state;
    for (unsigned i = 0; i + 1 < WAL_HISTOGRAM_BUCKETS; i++) {
        uint64_t upper_ns = wal_histogram_upper_ns(i);

        memset(&histogram, 0, sizeof histogram);
        log_histogram_add(&histogram, upper_ns);
        log_histogram_add(&histogram, upper_ns + 1);
        log_histogram_read(&histogram, &read);
        assert_u64(read.count, 2);
        assert_u64(read.buckets[i], 1);
        assert_u64(read.buckets[i + 1], 1);
        assert_u64(read.max_ns, upper_ns + 1);
        assert_u64(wal_histogram_quantile_ns(&read, 500), upper_ns);
        assert_u64(wal_histogram_quantile_ns(&read, 1000), upper_ns + 1);
    }
    assert_true(wal_histogram_upper_ns(WAL_HISTOGRAM_BUCKETS - 2) > 1000000000000);
    log_histogram_add(&histogram, UINT64_MAX / 4);
    log_histogram_read(&histogram, &read);
    assert_u64(read.buckets[WAL_HISTOGRAM_BUCKETS - 1], 2);
}

static atomic_bool done;

/* What is durable was accepted, also in between. */
static void look_all_the_time(void *arg)
{
    struct waiter *waiter = arg;
    struct wal_stat stat, before = {.records = 0};

    while (!atomic_load(&done)) {
        wal_log_stat(waiter->log, &stat);
        bool whole = stat.durable_lsn <= stat.accepted_lsn && stat.accepted_lsn == stat.records;
        bool later = stat.records >= before.records && stat.groups >= before.groups;
        if (!whole || !later) waiter->lost_lsn++;
        before = stat;
    }
}

static void the_numbers_are_those_of_one_moment(void **state)
{
    struct fixture *fixture = *state;
    struct wal_task *task = NULL;
    struct wal_latencies latencies;

    open_log(fixture);
    struct waiter waiter = {.log = fixture->log};
    atomic_store(&done, false);
    assert_ok(io_spawn(fixture->io, "looker", look_all_the_time, &waiter, &task));
    for (uint64_t lsn = 1; lsn <= 600; lsn++) append_lsn(fixture, lsn);
    atomic_store(&done, true);
    io_join(fixture->io, task);
    assert_u64(waiter.lost_lsn, 0);
    uint64_t durable_lsn = 0;
    assert_ok(wal_sync(fixture->log, &durable_lsn));
    wal_log_latencies(fixture->log, &latencies);
    struct wal_stat stat = stat_of(fixture);
    assert_u64(stat.records, 600);
    assert_u64(stat.durable_lsn, 600);
    assert_u64(latencies.queue.count, stat.groups);
    assert_u64(latencies.sync.count, stat.syncs);
    assert_u64(latencies.commit.count, stat.groups);
    assert_true(latencies.commit.sum_ns >= latencies.sync.sum_ns);
    assert_true(latencies.commit.sum_ns >= latencies.queue.sum_ns);
    close_log(fixture);
}

/* ---- What is written ---- */

static unsigned padded_groups, stray_bytes;

static enum wal_err padding_pwrite(struct wal_io *io, struct wal_file file, uint64_t offset,
                                   const void *buffer, size_t len, size_t *ret_len)
{
    const uint8_t *p = buffer;

    if (len > WAL_GROUP_HEADER_BYTES && memcmp(p + 4, "GRP1", 4) == 0) {
        for (size_t at = WAL_GROUP_HEADER_BYTES + get_u32(p + 40); at < len; at++) {
            if (p[at] != 0) stray_bytes++;
        }
        padded_groups++;
    }
    return go_on_pwrite(io, file, offset, buffer, len, ret_len);
}

static void append_of(struct fixture *fixture, size_t len, enum wal_err expected)
{
    uint8_t bytes[600];
    struct wal_ticket ticket;

    memset(bytes, 0xff, sizeof bytes);
    assert_ok(wal_append(fixture->log, bytes, len, &ticket));
    assert_err(wal_wait(fixture->log, &ticket), expected);
}

static void behind_a_small_group_nothing_is_left_of_a_larger_one(void **state)
{
    static const size_t lens[] = {1, 600, 1, 20, 600, 600, 20, 20, 1, 1, 300, 300, 7, 7, 300, 7};
    struct fixture *fixture = *state;
    unsigned count = 0;

    go_on_pwrite = fixture->power->ops.pwrite;
    fixture->power->ops.pwrite = padding_pwrite;
    padded_groups = stray_bytes = 0;
    open_log(fixture);
    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++, count++) {
        append_of(fixture, lens[i], WAL_OK);
    }
    for (size_t refused = 0; refused < 3; refused++) {
        power_writes_fail(fixture->power, WAL_NOSPACE);
        append_of(fixture, 600, WAL_NOSPACE);
        power_writes_fail(fixture->power, WAL_OK);
        for (size_t i = 0; i < refused + 1; i++, count++) append_of(fixture, 1, WAL_OK);
    }
    close_log(fixture);
    assert_true(padded_groups >= count);
    assert_u64(stray_bytes, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(asking_does_not_wait),
        TEST(everybody_is_called_back_once_and_in_turn),
        TEST(a_poisoning_tells_everybody_what_the_first_lost_lsn_is),
        TEST(a_rollback_tells_everybody_what_the_first_lost_lsn_is),
        TEST(after_a_rollback_nothing_is_accepted_if_so_asked),
        TEST(an_append_that_finds_no_room_gives_up_at_its_deadline),
        TEST(an_append_that_waits_for_room_is_cancelled),
        TEST(who_gives_up_waiting_may_ask_again),
        TEST(closing_sends_home_whoever_waits),
        TEST(a_bucket_holds_what_is_above_the_one_before),
        TEST(the_numbers_are_those_of_one_moment),
        TEST(behind_a_small_group_nothing_is_left_of_a_larger_one),
    };

    return cmocka_run_group_tests_name("wal_queue", tests, NULL, NULL);
}
