/*
 * wal_follow_test.c - following a live log: how far behind, how soon it stops.
 *
 * In the simulated world, where time passes by calls and sleeps alone and every run is the same:
 * so the bounds that log.h states can be held to the nanosecond, but for what calls take.
 */
#include <stdlib.h>

#include "tests/sim_machine.h"
#include "wal/log/log.h"

#define LOG "/log"

enum {
    RECORDS = 60,
    MS = 1000000,
    MARK_NS = 10 * MS,
    CALLS_NS = 2 * MS, /* What the calls of a look take, and those of a commit. */
};

struct follow {
    struct machine *machine;
    struct wal_reader_options options;
    struct wal_log *log;
    bool with_log;
    uint64_t acked_ns[RECORDS + 1], served_ns[RECORDS + 1];
    uint64_t served, ended_ns;
    enum wal_err ended;
    struct wal_cancel *cancel;
};

static struct follow *follow_of(struct machine *machine)
{
    return machine->options.strike_context;
}

static int set_up(void **state)
{
    struct follow *follow = calloc(1, sizeof *follow);

    assert_non_null(follow);
    machine_setup((void **)&follow->machine);
    follow->machine->options.strike_context = follow;
    follow->machine->options.policy = SIM_POLICY_FIRST;
    *state = follow;
    return 0;
}

static int tear_down(void **state)
{
    struct follow *follow = *state;

    machine_teardown((void **)&follow->machine);
    free(follow);
    return 0;
}

static struct wal_log *log_open(struct machine *machine)
{
    struct wal_options options = wal_options_default();
    struct wal_log *log = NULL;

    options.create = true;
    options.sync_policy = WAL_SYNC_EVERY_GROUP;
    options.mark_interval_ns = MARK_NS;
    options.block_bytes = 512;
    options.segment_bytes = 8192; /* So that it follows into the next one a few times. */
    options.queue_bytes = 1024;
    options.record_bytes_max = options.batch_bytes_max = 512;
    assert_ok(wal_open(machine->io, LOG, &options, &log, NULL));
    return log;
}

/* Follow until it ends. */
static void follower(void *arg)
{
    struct follow *follow = arg;
    struct wal_io *io = follow->machine->io;
    struct wal_reader *reader = NULL;
    struct wal_record record;

    if (follow->with_log) follow->options.log = follow->log;
    follow->options.cancel = follow->cancel;
    assert_ok(wal_reader_open(io, LOG, &follow->options, &reader, NULL));
    while ((follow->ended = wal_reader_follow(reader, WAL_NO_DEADLINE, &record, NULL)) == WAL_OK) {
        follow->served++;
        assert_int_equal(record.lsn, follow->served);
        follow->served_ns[record.lsn] = io_monotonic_ns(io);
    }
    follow->ended_ns = io_monotonic_ns(io);
    wal_reader_close(reader);
}

/* Write at a pace that changes, then stay alive and silent for a while, and stop the follower. */
static void write_followed(struct machine *machine)
{
    struct follow *follow = follow_of(machine);
    struct wal_io *io = machine->io;
    struct wal_task *task;
    struct wal_ticket ticket;

    follow->log = log_open(machine);
    assert_ok(io_cancel_create(io, &follow->cancel));
    assert_ok(io_spawn(io, "follower", follower, follow, &task));
    for (uint64_t lsn = 1; lsn <= RECORDS; lsn++) {
        if (lsn % 5 == 0) assert_ok(io_sleep(io, lsn * 7919 % 40 * MS, NULL));
        assert_ok(wal_append(follow->log, "a record that is followed", lsn % 25, &ticket));
        assert_ok(wal_wait(follow->log, &ticket));
        follow->acked_ns[lsn] = io_monotonic_ns(io);
    }
    assert_ok(io_sleep(io, 100 * MS, NULL));
    uint64_t fired_ns = io_monotonic_ns(io);
    io_cancel_fire(io, follow->cancel);
    io_join(io, task);
    assert_err(follow->ended, WAL_CANCELLED);
    assert_true(follow->ended_ns <= fired_ns + CALLS_NS);
    io_cancel_destroy(io, follow->cancel);
    assert_ok(wal_close(follow->log));
}

/* Returns the longest time between acknowledging a record and serving it. */
static uint64_t lag(struct follow *follow)
{
    uint64_t longest = 0;

    follow->served = 0;
    assert_int_equal(machine_fresh(follow->machine, write_followed), SIM_STOP_DONE);
    assert_int_equal(follow->served, RECORDS);
    for (unsigned lsn = 1; lsn <= RECORDS; lsn++) {
        if (follow->served_ns[lsn] < follow->acked_ns[lsn]) continue;
        uint64_t behind = follow->served_ns[lsn] - follow->acked_ns[lsn];
        if (longest < behind) longest = behind;
    }
    return longest;
}

static void a_follower_is_a_mark_and_a_poll_behind_at_most(void **state)
{
    struct follow *follow = *state;
    static const uint64_t polls[] = {MS / 2, 5 * MS, 20 * MS};

    for (size_t i = 0; i < 2 * sizeof polls / sizeof polls[0]; i++) {
        follow->options.mode = i % 2 == 0 ? WAL_READ_STREAM : WAL_READ_MAPPED;
        follow->options.poll_ns = polls[i / 2];
        uint64_t longest = lag(follow);
        assert_true(longest <= MARK_NS + polls[i / 2] + CALLS_NS);
        assert_true(longest > MS); /* It did have to wait for a mark. */
    }
}

static void a_follower_in_the_same_process_is_a_poll_behind_at_most(void **state)
{
    struct follow *follow = *state;
    static const uint64_t polls[] = {MS / 2, 5 * MS};

    follow->with_log = true;
    for (size_t i = 0; i < sizeof polls / sizeof polls[0]; i++) {
        follow->options.poll_ns = polls[i];
        assert_true(lag(follow) <= polls[i] + CALLS_NS);
    }
}

static void follow_until(struct machine *machine)
{
    struct follow *follow = follow_of(machine);
    struct wal_io *io = machine->io;
    struct wal_log *log = log_open(machine);
    struct wal_reader *reader = NULL;
    struct wal_record record;

    assert_ok(wal_reader_open(io, LOG, &follow->options, &reader, NULL));
    for (uint64_t patience_ns = 0; patience_ns <= 50 * MS; patience_ns += 5 * MS) {
        uint64_t deadline_ns = io_monotonic_ns(io) + patience_ns;
        assert_err(wal_reader_follow(reader, deadline_ns, &record, NULL), WAL_END);
        uint64_t now_ns = io_monotonic_ns(io);
        assert_true(now_ns >= deadline_ns);
        assert_true(now_ns <= deadline_ns + CALLS_NS);
    }
    wal_reader_close(reader);
    assert_ok(wal_close(log));
}

static void a_follower_waits_until_its_deadline_and_no_longer(void **state)
{
    struct follow *follow = *state;

    follow->options.poll_ns = 20 * MS;
    assert_int_equal(machine_fresh(follow->machine, follow_until), SIM_STOP_DONE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_follower_is_a_mark_and_a_poll_behind_at_most),
        TEST(a_follower_in_the_same_process_is_a_poll_behind_at_most),
        TEST(a_follower_waits_until_its_deadline_and_no_longer),
    };
#undef TEST

    return cmocka_run_group_tests_name("wal_follow", tests, NULL, NULL);
}
