/*
 * honesty_bench.h - a runner whose door can be tampered with, between the log and the world.
 *
 * A call of the door is replaced in a copy of the world's table. What stands there then is the
 * log's mistake or the world's dishonesty, as the test will have it. The world itself stays as it
 * is.
 */
#ifndef TESTS_HONESTY_BENCH_H
#define TESTS_HONESTY_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "scenarios/run.h"

struct bench {
    struct scenario *scenario;
    struct runner *runner;
    struct wal_io_ops ops; /* What the log calls. */
    const struct wal_io_ops *honest;
    uint64_t count; /* For what stands in the table. */
};

/* The one of the test that runs: the door has no room for a context. */
static struct bench *bench_now;

static inline void bench_be_honest(struct bench *bench)
{
    bench->ops = *bench->honest;
    bench->count = 0;
}

static inline int bench_set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);

    assert_non_null(bench);
    bench->runner = runner_create();
    struct wal_io *io = sim_io(bench->runner->world);
    bench->honest = io->ops;
    bench_be_honest(bench);
    io->ops = &bench->ops;
    bench_now = bench;
    *state = bench;
    return 0;
}

static inline int bench_tear_down(void **state)
{
    struct bench *bench = *state;

    runner_destroy(bench->runner);
    scenario_free(bench->scenario);
    free(bench);
    return 0;
}

#define BENCH_TEST(name) cmocka_unit_test_setup_teardown(name, bench_set_up, bench_tear_down)

static inline void bench_load(struct bench *bench, const char *path)
{
    char message[SCENARIO_MESSAGE_BYTES] = "";

    scenario_free(bench->scenario);
    bench->scenario = scenario_load(path, message);
    if (bench->scenario == NULL) fail_msg("%s", message);
}

/* A scenario of the tree. */
static inline void bench_take(struct bench *bench, const char *name)
{
    const char *root = getenv("SQUALL_ROOT");
    char path[1024];

    (void)snprintf(path, sizeof path, "%s/scenarios/%s.ini", root != NULL ? root : ".", name);
    bench_load(bench, path);
}

/* A scenario of the test's own. */
static inline void bench_write(struct bench *bench, const char *text)
{
    char path[] = "scenario-XXXXXX";
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(close(fd), 0);
    bench_load(bench, path);
    assert_int_equal(unlink(path), 0);
}

static inline struct run_result bench_run(struct bench *bench, const struct run_options *options)
{
    struct run_result result;

    runner_run(bench->runner, bench->scenario, options, &result);
    return result;
}

#endif
