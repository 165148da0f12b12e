/*
 * sim_scheduler_test.c - which orders are found, and what blocks, wakes, times out and gets stuck.
 */
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/fiber.h"
#include "tests/sim_machine.h"

enum { SEEDS = 200 };

/* What the tasks of a test share. */
static struct {
    struct machine *machine;
    struct wal_mutex *mutex;
    struct wal_cond *cond;
    struct wal_cancel *cancel;
    int counter;
    int inside;
    bool overlapped;
    char order[64];
} shared;

static void note_order(const char *what)
{
    assert_true(strlen(shared.order) + strlen(what) < sizeof shared.order);
    strcat(shared.order, what);
}

static void start(struct machine *machine)
{
    memset(&shared, 0, sizeof shared);
    shared.machine = machine;
    assert_ok(io_mutex_create(machine->io, &shared.mutex));
    assert_ok(io_cond_create(machine->io, &shared.cond));
    assert_ok(io_cancel_create(machine->io, &shared.cancel));
}

static void finish(struct machine *machine)
{
    io_cancel_destroy(machine->io, shared.cancel);
    io_cond_destroy(machine->io, shared.cond);
    io_mutex_destroy(machine->io, shared.mutex);
}

static struct wal_task *spawn(const char *name, void (*entry)(void *arg), void *arg)
{
    struct wal_task *task = NULL;

    assert_ok(io_spawn(shared.machine->io, name, entry, arg, &task));
    return task;
}

/* ---- Orders ---- */

static void do_nothing(void *arg)
{
    (void)arg;
}

/* Planted: reads, asks the time, writes. */
static void add_without_lock(void *arg)
{
    (void)arg;
    int seen = shared.counter;
    (void)io_monotonic_ns(shared.machine->io);
    shared.counter = seen + 1;
}

static void lost_update(struct machine *machine)
{
    start(machine);
    io_join(machine->io, spawn("none", do_nothing, NULL)); /* Numbers are not places. */
    struct wal_task *one = spawn("one", add_without_lock, NULL);
    struct wal_task *two = spawn("two", add_without_lock, NULL);
    io_join(machine->io, one);
    io_join(machine->io, two);
    finish(machine);
}

static int seeds_that_lose_an_update(struct machine *machine, enum sim_policy policy)
{
    int found = 0;

    machine->options.policy = policy;
    machine->options.switch_odds = 16384;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        machine->options.seed = seed;
        assert_int_equal(machine_fresh(machine, lost_update), SIM_STOP_DONE);
        if (shared.counter != 2) found++;
    }
    return found;
}

static void first_never_loses_an_update(void **state)
{
    assert_int_equal(seeds_that_lose_an_update(*state, SIM_POLICY_FIRST), 0);
}

static void random_finds_a_lost_update(void **state)
{
    int found = seeds_that_lose_an_update(*state, SIM_POLICY_RANDOM);

    assert_in_range(found, SEEDS / 10, SEEDS - 1);
}

static void pct_finds_a_lost_update(void **state)
{
    int found = seeds_that_lose_an_update(*state, SIM_POLICY_PCT);

    assert_in_range(found, 1, SEEDS - 1);
}

static void sticky_finds_a_lost_update(void **state)
{
    int found = seeds_that_lose_an_update(*state, SIM_POLICY_STICKY);

    assert_in_range(found, 1, SEEDS - 1);
}

static void a_lost_update_replays_from_its_decisions_alone(void **state)
{
    struct machine *machine = *state;
    struct sim_record record = {0};

    machine->options.policy = SIM_POLICY_RANDOM;
    for (machine->options.seed = 1;; machine->options.seed++) {
        assert_true(machine->options.seed < SEEDS);
        machine_fresh(machine, lost_update);
        if (shared.counter == 1) break;
    }
    struct sim_digest digest = sim_world_digest(machine->world);
    assert_true(sim_record_copy(&record, sim_world_record(machine->world)));
    assert_true(record.count > 0);
    machine->options.seed = 77777;
    machine->options.policy = SIM_POLICY_FIRST;
    machine->options.replay = &record;
    machine_fresh(machine, lost_update);
    assert_int_equal(shared.counter, 1);
    assert_same_digest(sim_world_digest(machine->world), digest);
    assert_int_equal(sim_world_record(machine->world)->count, record.count);
    sim_record_free(&record);
}

static void an_outcome_that_names_nobody_is_tame(void **state)
{
    struct machine *machine = *state;
    struct sim_record record = {0};

    machine->options.policy = SIM_POLICY_RANDOM;
    machine_fresh(machine, lost_update);
    assert_true(sim_record_copy(&record, sim_world_record(machine->world)));
    for (size_t i = 0; i < record.count; i++) record.decisions[i].outcome = 60;
    machine->options.replay = &record;
    assert_int_equal(machine_fresh(machine, lost_update), SIM_STOP_DONE);
    assert_int_equal(shared.counter, 2);
    assert_int_equal(sim_world_record(machine->world)->count, 0);
    sim_record_free(&record);
}

/* ---- Locks ---- */

static void enter_and_leave(void *arg)
{
    struct wal_io *io = shared.machine->io;

    for (int i = 0; i < 5; i++) {
        io_mutex_lock(io, shared.mutex);
        if (shared.inside++ != 0) shared.overlapped = true;
        (void)io_monotonic_ns(io);
        err_ignore(io_sleep(io, 10, NULL)); /* Cannot fail without a cancel flag. */
        shared.inside--;
        note_order(arg);
        io_mutex_unlock(io, shared.mutex);
    }
}

static void contend(struct machine *machine)
{
    static char names[3][2] = {"a", "b", "c"};
    struct wal_task *tasks[3];

    start(machine);
    for (int i = 0; i < 3; i++) tasks[i] = spawn(names[i], enter_and_leave, names[i]);
    for (int i = 0; i < 3; i++) io_join(machine->io, tasks[i]);
    finish(machine);
}

static void one_task_at_a_time_holds_a_lock(void **state)
{
    struct machine *machine = *state;
    bool mixed = false;

    machine->options.policy = SIM_POLICY_RANDOM;
    for (machine->options.seed = 1; machine->options.seed < SEEDS; machine->options.seed++) {
        assert_int_equal(machine_fresh(machine, contend), SIM_STOP_DONE);
        assert_false(shared.overlapped);
        assert_int_equal(strlen(shared.order), 15);
        /* Nobody is handed the lock: sometimes the one that gave it takes it again. */
        if (strstr(shared.order, "aa") != NULL && strstr(shared.order, "ab") != NULL) mixed = true;
    }
    assert_true(mixed);
}

static void lock_and_wait(void *arg)
{
    (void)arg;
    io_mutex_lock(shared.machine->io, shared.mutex);
    assert_ok(io_cond_wait(shared.machine->io, shared.cond, shared.mutex, WAL_NO_DEADLINE));
    io_mutex_unlock(shared.machine->io, shared.mutex);
}

static void wait_for_nothing(struct machine *machine)
{
    start(machine);
    io_join(machine->io, spawn("waiter", lock_and_wait, NULL));
}

static void waiting_for_nothing_is_a_deadlock(void **state)
{
    struct machine *machine = *state;

    assert_int_equal(machine_fresh(machine, wait_for_nothing), SIM_STOP_DEADLOCK);
    assert_string_equal(machine->end.task, "waiter");
    assert_int_equal(machine->end.call, SIM_CALL_COND_WAIT);
}

static void spin(struct machine *machine)
{
    for (;;) (void)io_monotonic_ns(machine->io);
}

static void calling_for_ever_is_a_livelock(void **state)
{
    struct machine *machine = *state;

    machine->options.steps_max = 1000;
    assert_int_equal(machine_fresh(machine, spin), SIM_STOP_LIVELOCK);
    assert_int_equal(sim_steps(machine->world), 1001);
}

/* ---- Conditions ---- */

static void wait_for_counter(void *arg)
{
    struct wal_io *io = shared.machine->io;

    io_mutex_lock(io, shared.mutex);
    while (shared.counter == 0) {
        shared.inside++;
        assert_ok(io_cond_wait(io, shared.cond, shared.mutex, WAL_NO_DEADLINE));
    }
    shared.counter--;
    note_order(arg);
    io_mutex_unlock(io, shared.mutex);
}

static void set_counter(struct machine *machine, int value)
{
    io_mutex_lock(machine->io, shared.mutex);
    shared.counter = value;
    io_mutex_unlock(machine->io, shared.mutex);
}

static void signal_each(struct machine *machine)
{
    static char names[2][2] = {"a", "b"};

    start(machine);
    struct wal_task *one = spawn("a", wait_for_counter, names[0]);
    assert_ok(io_sleep(machine->io, 1000, NULL)); /* It waits first. */
    struct wal_task *two = spawn("b", wait_for_counter, names[1]);
    assert_ok(io_sleep(machine->io, 1000, NULL));
    set_counter(machine, 1);
    io_cond_signal(machine->io, shared.cond);
    assert_ok(io_sleep(machine->io, 1000, NULL));
    assert_int_equal(strlen(shared.order), 1);
    set_counter(machine, 1);
    io_cond_broadcast(machine->io, shared.cond);
    io_join(machine->io, one);
    io_join(machine->io, two);
    finish(machine);
}

static void a_signal_wakes_one_and_chance_says_whom(void **state)
{
    struct machine *machine = *state;
    int first_a = 0, first_b = 0;

    machine->options.policy = SIM_POLICY_RANDOM;
    for (machine->options.seed = 1; machine->options.seed <= SEEDS; machine->options.seed++) {
        assert_int_equal(machine_fresh(machine, signal_each), SIM_STOP_DONE);
        if (shared.order[0] == 'a') first_a++;
        if (shared.order[0] == 'b') first_b++;
    }
    assert_true(first_a > SEEDS / 10);
    assert_true(first_b > SEEDS / 10);
}

static void waits_wake_without_cause_but_not_where_all_is_tame(void **state)
{
    struct machine *machine = *state;
    int woken = 0;

    for (machine->options.seed = 1; machine->options.seed <= SEEDS; machine->options.seed++) {
        machine->options.policy = SIM_POLICY_RANDOM;
        machine_fresh(machine, signal_each);
        if (shared.inside > 2) woken++;
        machine->options.policy = SIM_POLICY_FIRST;
        machine_fresh(machine, signal_each);
        assert_int_equal(shared.inside, 2);
        assert_string_equal(shared.order, "ab");
    }
    assert_true(woken > 0);
}

static void time_out(struct machine *machine)
{
    uint64_t begin_ns;

    start(machine);
    io_mutex_lock(machine->io, shared.mutex);
    begin_ns = io_monotonic_ns(machine->io);
    assert_err(io_cond_wait(machine->io, shared.cond, shared.mutex, begin_ns + 500000),
               WAL_TIMEOUT);
    assert_in_range(io_monotonic_ns(machine->io), begin_ns + 500000, begin_ns + 501000);
    assert_err(io_cond_wait(machine->io, shared.cond, shared.mutex, 0), WAL_TIMEOUT);
    io_mutex_unlock(machine->io, shared.mutex);
    finish(machine);
}

static void a_wait_ends_at_its_deadline_with_the_lock_held(void **state)
{
    assert_int_equal(machine_fresh(*state, time_out), SIM_STOP_DONE);
}

/* ---- Time ---- */

static void sleep_and_note(void *arg)
{
    const char *name = arg;
    struct wal_io *io = shared.machine->io;
    uint64_t deadline_ns = name[0] == 'x' ? 300000 : 100000;

    io_mutex_lock(io, shared.mutex);
    assert_err(io_cond_wait(io, shared.cond, shared.mutex, deadline_ns), WAL_TIMEOUT);
    note_order(name);
    io_mutex_unlock(io, shared.mutex);
}

static void sleep_in_turn(struct machine *machine)
{
    static char names[4][2] = {"x", "1", "2", "3"};
    struct wal_task *tasks[4];

    start(machine);
    for (int i = 0; i < 4; i++) tasks[i] = spawn(names[i], sleep_and_note, names[i]);
    for (int i = 0; i < 4; i++) io_join(machine->io, tasks[i]);
    finish(machine);
}

static void sleepers_wake_by_time_and_then_by_patience(void **state)
{
    struct machine *machine = *state;

    assert_int_equal(machine_fresh(machine, sleep_in_turn), SIM_STOP_DONE);
    assert_string_equal(shared.order, "123x");
    assert_in_range(sim_now_ns(machine->world), 300000, 310000);
}

static void wait_until_cancelled(void *arg)
{
    struct wal_io *io = shared.machine->io;

    (void)arg;
    io_mutex_lock(io, shared.mutex);
    for (int i = 0; i < 2; i++) {
        assert_err(
            io_cond_wait_cancel(io, shared.cond, shared.mutex, WAL_NO_DEADLINE, shared.cancel),
            WAL_CANCELLED);
    }
    note_order("c");
    io_mutex_unlock(io, shared.mutex);
}

static void cancel_a_wait(struct machine *machine)
{
    start(machine);
    struct wal_task *first = spawn("first", wait_until_cancelled, NULL);
    struct wal_task *second = spawn("second", wait_until_cancelled, NULL);

    assert_ok(io_sleep(machine->io, 1000, NULL));
    assert_string_equal(shared.order, "");
    io_cancel_fire(machine->io, shared.cancel);
    io_join(machine->io, first);
    io_join(machine->io, second);
    assert_string_equal(shared.order, "cc");
    finish(machine);
}

static void sleep_until_cancelled(void *arg)
{
    (void)arg;
    assert_err(io_sleep(shared.machine->io, UINT64_MAX, shared.cancel), WAL_CANCELLED);
    assert_err(io_sleep(shared.machine->io, 1000000, shared.cancel), WAL_CANCELLED);
    note_order("c");
}

static void cancel_a_sleep(struct machine *machine)
{
    start(machine);
    struct wal_task *task = spawn("sleeper", sleep_until_cancelled, NULL);
    assert_ok(io_sleep(machine->io, 1000, NULL));
    assert_false(io_cancel_fired(machine->io, shared.cancel));
    io_cancel_fire(machine->io, shared.cancel);
    assert_true(io_cancel_fired(machine->io, shared.cancel));
    io_join(machine->io, task);
    finish(machine);
}

static void cancelling_ends_every_wait_and_prevents_the_next(void **state)
{
    struct machine *machine = *state;

    assert_int_equal(machine_fresh(machine, cancel_a_wait), SIM_STOP_DONE);
}

static void cancelling_ends_a_sleep_and_prevents_the_next(void **state)
{
    struct machine *machine = *state;

    assert_int_equal(machine_fresh(machine, cancel_a_sleep), SIM_STOP_DONE);
    assert_string_equal(shared.order, "c");
    assert_true(sim_now_ns(machine->world) < 100000);
}

/* ---- Tasks ---- */

static void spawn_too_many(struct machine *machine)
{
    struct wal_task *tasks[64];
    unsigned count = 0;

    start(machine);
    while (io_spawn(machine->io, "many", do_nothing, NULL, &tasks[count]) == WAL_OK) {
        count++;
        assert_true(count < 64);
    }
    assert_int_equal(count, 63); /* And the main task. */
    for (unsigned i = 0; i < count; i++) io_join(machine->io, tasks[i]);
    for (int i = 0; i < 1000; i++) io_join(machine->io, spawn("one", do_nothing, NULL));
    finish(machine);
}

static void tasks_beyond_the_limit_are_refused_and_places_come_back(void **state)
{
    assert_int_equal(machine_fresh(*state, spawn_too_many), SIM_STOP_DONE);
}

/* Goes down until so many bytes of stack are used. */
static uint64_t descend(uintptr_t top, size_t bytes)
{
    volatile uint64_t here[64] = {bytes};

    if (top - (uintptr_t)here > bytes) return here[0];
    return descend(top, bytes) + here[63];
}

static void overrun(struct machine *machine)
{
    volatile char top = 0;

    (void)machine;
    (void)descend((uintptr_t)&top, fiber_stack_bytes() + 16384);
}

static void overrunning_a_stack_kills_the_process(void **state)
{
    struct machine *machine = *state;
    int status = 0;

    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const struct rlimit no_core = {0, 0};
        (void)setrlimit(RLIMIT_CORE, &no_core);
        (void)close(STDERR_FILENO); /* A sanitizer has much to say. */
        (void)signal(SIGSEGV, SIG_DFL);
        (void)machine_fresh(machine, overrun);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status)) {
        assert_int_equal(WTERMSIG(status), SIGSEGV);
    } else {
        assert_int_not_equal(WEXITSTATUS(status), 0); /* A sanitizer's way to die. */
    }
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, machine_setup, machine_teardown)
    const struct CMUnitTest tests[] = {
        ROW(first_never_loses_an_update),
        ROW(random_finds_a_lost_update),
        ROW(pct_finds_a_lost_update),
        ROW(sticky_finds_a_lost_update),
        ROW(a_lost_update_replays_from_its_decisions_alone),
        ROW(an_outcome_that_names_nobody_is_tame),
        ROW(one_task_at_a_time_holds_a_lock),
        ROW(waiting_for_nothing_is_a_deadlock),
        ROW(calling_for_ever_is_a_livelock),
        ROW(a_signal_wakes_one_and_chance_says_whom),
        ROW(waits_wake_without_cause_but_not_where_all_is_tame),
        ROW(a_wait_ends_at_its_deadline_with_the_lock_held),
        ROW(sleepers_wake_by_time_and_then_by_patience),
        ROW(cancelling_ends_a_sleep_and_prevents_the_next),
        ROW(cancelling_ends_every_wait_and_prevents_the_next),
        ROW(tasks_beyond_the_limit_are_refused_and_places_come_back),
        ROW(overrunning_a_stack_kills_the_process),
    };
#undef ROW
    return cmocka_run_group_tests_name("sim_scheduler", tests, NULL, NULL);
}
