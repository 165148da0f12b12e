/*
 * host_task_test.c - the host's tasks, clocks, chance and memory keep the promises of the door.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/log_check.h"
#include "wal/host/host.h"
#include "wal/io.h"

enum { MS = 1000000 };

struct fixture {
    struct wal_io *io;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    if (fixture == NULL || wal_host_create(&fixture->io) != WAL_OK) return -1;
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    wal_host_destroy(fixture->io);
    free(fixture);
    return 0;
}

/* What the tasks of a test share. */
struct shared {
    struct wal_io *io;
    struct wal_mutex *mutex;
    struct wal_cond *cond;
    struct wal_cancel *cancel;
    unsigned count;
    bool go;
    enum wal_err err;
    sigset_t blocked;
};

static void shared_make(struct shared *shared, struct wal_io *io)
{
    *shared = (struct shared){.io = io};
    assert_ok(io_mutex_create(io, &shared->mutex));
    assert_ok(io_cond_create(io, &shared->cond));
    assert_ok(io_cancel_create(io, &shared->cancel));
}

static void shared_drop(struct shared *shared)
{
    io_cancel_destroy(shared->io, shared->cancel);
    io_cond_destroy(shared->io, shared->cond);
    io_mutex_destroy(shared->io, shared->mutex);
}

static void count_up(void *arg)
{
    struct shared *shared = arg;

    for (int i = 0; i < 20000; i++) {
        io_mutex_lock(shared->io, shared->mutex);
        shared->count++;
        io_mutex_unlock(shared->io, shared->mutex);
    }
}

static void wait_to_go(void *arg)
{
    struct shared *shared = arg;

    io_mutex_lock(shared->io, shared->mutex);
    shared->count++;
    io_cond_broadcast(shared->io, shared->cond);
    while (!shared->go && shared->err == WAL_OK) {
        shared->err = io_cond_wait(shared->io, shared->cond, shared->mutex, WAL_NO_DEADLINE);
    }
    io_mutex_unlock(shared->io, shared->mutex);
}

static void sleep_long(void *arg)
{
    struct shared *shared = arg;

    shared->err = io_sleep(shared->io, UINT64_MAX, shared->cancel);
}

static void look_at_signals(void *arg)
{
    struct shared *shared = arg;

    pthread_sigmask(SIG_BLOCK, NULL, &shared->blocked);
}

enum { TASKS = 4 };

static void run_tasks(struct shared *shared, void (*entry)(void *arg), struct wal_task **tasks)
{
    for (int i = 0; i < TASKS; i++) {
        assert_ok(io_spawn(shared->io, "a task with a long name", entry, shared, &tasks[i]));
    }
}

static void join_tasks(struct shared *shared, struct wal_task **tasks)
{
    for (int i = 0; i < TASKS; i++) io_join(shared->io, tasks[i]);
}

static void a_mutex_lets_in_one_task_at_a_time(void **state)
{
    struct fixture *fixture = *state;
    struct wal_task *tasks[TASKS];
    struct shared shared;

    shared_make(&shared, fixture->io);
    run_tasks(&shared, count_up, tasks);
    join_tasks(&shared, tasks);
    assert_int_equal(shared.count, TASKS * 20000);
    shared_drop(&shared);
}

static void a_broadcast_wakes_every_waiter(void **state)
{
    struct fixture *fixture = *state;
    struct wal_task *tasks[TASKS];
    struct shared shared;

    shared_make(&shared, fixture->io);
    run_tasks(&shared, wait_to_go, tasks);
    io_mutex_lock(shared.io, shared.mutex);
    while (shared.count < TASKS) {
        assert_ok(io_cond_wait(shared.io, shared.cond, shared.mutex, WAL_NO_DEADLINE));
    }
    shared.go = true;
    io_cond_broadcast(shared.io, shared.cond);
    io_mutex_unlock(shared.io, shared.mutex);
    join_tasks(&shared, tasks);
    assert_ok(shared.err);
    shared_drop(&shared);
}

static void a_signal_wakes_a_waiter(void **state)
{
    struct fixture *fixture = *state;
    struct wal_task *task = NULL;
    struct shared shared;

    shared_make(&shared, fixture->io);
    assert_ok(io_spawn(shared.io, "waiter", wait_to_go, &shared, &task));
    io_mutex_lock(shared.io, shared.mutex);
    while (shared.count < 1) {
        assert_ok(io_cond_wait(shared.io, shared.cond, shared.mutex, WAL_NO_DEADLINE));
    }
    shared.go = true;
    io_cond_signal(shared.io, shared.cond);
    io_mutex_unlock(shared.io, shared.mutex);
    io_join(shared.io, task);
    assert_ok(shared.err);
    shared_drop(&shared);
}

static void waiting_ends_at_the_deadline_and_not_before(void **state)
{
    struct fixture *fixture = *state;
    enum wal_err err = WAL_OK;
    struct shared shared;

    shared_make(&shared, fixture->io);
    io_mutex_lock(shared.io, shared.mutex);
    assert_err(io_cond_wait(shared.io, shared.cond, shared.mutex, 0), WAL_TIMEOUT);
    uint64_t deadline_ns = io_monotonic_ns(shared.io) + 20 * MS;
    while (err == WAL_OK) {
        err = io_cond_wait(shared.io, shared.cond, shared.mutex, deadline_ns);
    }
    assert_err(err, WAL_TIMEOUT);
    assert_true(io_monotonic_ns(shared.io) >= deadline_ns);
    io_mutex_unlock(shared.io, shared.mutex); /* Asserts that the mutex is held. */
    shared_drop(&shared);
}

static void a_sleep_lasts_and_a_cancel_ends_it(void **state)
{
    struct fixture *fixture = *state;
    struct wal_task *task = NULL;
    struct shared shared;

    shared_make(&shared, fixture->io);
    uint64_t begin_ns = io_monotonic_ns(shared.io);
    assert_ok(io_sleep(shared.io, 10 * MS, NULL));
    assert_true(io_monotonic_ns(shared.io) - begin_ns >= 10 * MS);
    begin_ns = io_monotonic_ns(shared.io);
    assert_ok(io_sleep(shared.io, 10 * MS, shared.cancel));
    assert_true(io_monotonic_ns(shared.io) - begin_ns >= 10 * MS);

    assert_false(io_cancel_fired(shared.io, shared.cancel));
    assert_ok(io_spawn(shared.io, "sleeper", sleep_long, &shared, &task));
    assert_ok(io_sleep(shared.io, 5 * MS, NULL));
    io_cancel_fire(shared.io, shared.cancel);
    io_join(shared.io, task);
    assert_err(shared.err, WAL_CANCELLED);
    assert_true(io_cancel_fired(shared.io, shared.cancel));
    assert_err(io_sleep(shared.io, UINT64_MAX, shared.cancel), WAL_CANCELLED);
    shared_drop(&shared);
}

static void tasks_leave_signals_to_the_program(void **state)
{
    struct fixture *fixture = *state;
    struct wal_task *task = NULL;
    struct shared shared;
    sigset_t own;

    shared_make(&shared, fixture->io);
    assert_ok(io_spawn(shared.io, "task", look_at_signals, &shared, &task));
    io_join(shared.io, task);
    assert_int_equal(sigismember(&shared.blocked, SIGTERM), 1);
    assert_int_equal(sigismember(&shared.blocked, SIGXFSZ), 1);
    assert_int_equal(sigismember(&shared.blocked, SIGSEGV), 0);
    pthread_sigmask(SIG_BLOCK, NULL, &own);
    assert_int_equal(sigismember(&own, SIGTERM), 0);
    shared_drop(&shared);
}

static void clocks_run_and_chance_differs(void **state)
{
    struct fixture *fixture = *state;
    uint64_t before_ns = io_monotonic_ns(fixture->io);
    uint8_t first[600] = {0}, second[600] = {0};

    assert_true(io_monotonic_ns(fixture->io) >= before_ns);
    assert_true(io_wall_ns(fixture->io) > UINT64_C(1600000000) * 1000 * MS);
    assert_ok(io_random(fixture->io, first, sizeof(first)));
    assert_ok(io_random(fixture->io, second, sizeof(second)));
    assert_memory_not_equal(first, second, 8);
    assert_memory_not_equal(first + sizeof(first) - 8, second + sizeof(second) - 8, 8);
}

static void memory_comes_and_goes(void **state)
{
    struct fixture *fixture = *state;
    uint8_t *memory = io_alloc(fixture->io, 1000);

    assert_non_null(memory);
    memset(memory, 1, 1000);
    io_free(fixture->io, memory, 1000);
    io_free(fixture->io, NULL, 0);
    io_note(fixture->io, WAL_NOTE_ROTATED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static void wait_until_cancelled(void *arg)
{
    struct shared *shared = arg;

    io_mutex_lock(shared->io, shared->mutex);
    shared->count++;
    while (shared->err == WAL_OK) {
        shared->err = io_cond_wait_cancel(shared->io, shared->cond, shared->mutex, WAL_NO_DEADLINE,
                                          shared->cancel);
    }
    io_mutex_unlock(shared->io, shared->mutex);
}

/* Without a pause, so that the flag is fired before, while and after the task begins to wait. */
static void a_cancel_ends_a_wait_whenever_it_is_fired(void **state)
{
    struct fixture *fixture = *state;

    for (unsigned round = 0; round < 2000; round++) {
        struct wal_task *task = NULL;
        struct shared shared;

        shared_make(&shared, fixture->io);
        assert_ok(io_spawn(shared.io, "waiter", wait_until_cancelled, &shared, &task));
        for (volatile unsigned i = 0; i < round * 20; i++) continue;
        io_cancel_fire(shared.io, shared.cancel);
        io_join(shared.io, task);
        assert_err(shared.err, WAL_CANCELLED);
        shared_drop(&shared);
    }
}

static void a_wait_with_a_flag_that_is_not_fired_is_like_any_other(void **state)
{
    struct fixture *fixture = *state;
    struct wal_task *task = NULL;
    struct shared shared;

    shared_make(&shared, fixture->io);
    io_mutex_lock(shared.io, shared.mutex);
    uint64_t deadline_ns = io_monotonic_ns(shared.io) + 20 * MS;
    assert_err(
        io_cond_wait_cancel(shared.io, shared.cond, shared.mutex, deadline_ns, shared.cancel),
        WAL_TIMEOUT);
    assert_true(io_monotonic_ns(shared.io) >= deadline_ns);
    assert_ok(io_spawn(shared.io, "waiter", wait_to_go, &shared, &task));
    while (shared.count < 1) {
        assert_ok(io_cond_wait_cancel(shared.io, shared.cond, shared.mutex, WAL_NO_DEADLINE,
                                      shared.cancel));
    }
    shared.go = true;
    io_cond_signal(shared.io, shared.cond);
    io_mutex_unlock(shared.io, shared.mutex);
    io_join(shared.io, task);
    shared_drop(&shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_mutex_lets_in_one_task_at_a_time),
        TEST(a_broadcast_wakes_every_waiter),
        TEST(a_signal_wakes_a_waiter),
        TEST(waiting_ends_at_the_deadline_and_not_before),
        TEST(a_sleep_lasts_and_a_cancel_ends_it),
        TEST(a_cancel_ends_a_wait_whenever_it_is_fired),
        TEST(a_wait_with_a_flag_that_is_not_fired_is_like_any_other),
        TEST(tasks_leave_signals_to_the_program),
        TEST(clocks_run_and_chance_differs),
        TEST(memory_comes_and_goes),
    };

    return cmocka_run_group_tests_name("host_task", tests, NULL, NULL);
}
