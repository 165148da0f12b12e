/*
 * trial_child.c - the process that runs what it is asked to.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#ifdef SIM_MEMORY_TRACKED
#include <sanitizer/common_interface_defs.h>
#endif

#include "cmd/divergence.h"
#include "cmd/squall.h"
#include "cmd/struck.h"
#include "cmd/trace_print.h"
#include "cmd/trial_shared.h"
#include "properties/property.h"

enum { OTHER_JUNK = 0xa5, STACK_BYTES = 256 * 1024, LAST_MOMENTS_S = 2 };

/* What a run leaves when it dies. A signal handler has no other place to find it. */
static struct {
    struct trial_shared *shared;
    struct runner *runner;
    struct run_case mine;
    struct struck struck;
} last_will;

static void write_down(void)
{
    struct trial_shared *shared = last_will.shared;

    runner_export(last_will.runner, &last_will.mine);
    if (!trial_fits(&last_will.mine)) return;
    case_copy(&shared->effective, &last_will.mine);
    if (shared->options.annotate) struck_tell(&last_will.struck, &shared->effective);
    shared->outcome.exported = true;
}

static uint64_t processor_ns(void)
{
    struct timespec used;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (uint64_t)used.tv_sec * UINT64_C(1000000000) + (uint64_t)used.tv_nsec;
}

static void on_death(void)
{
    if (!atomic_load(&last_will.shared->running) || last_will.shared->outcome.exported) return;
    alarm(LAST_MOMENTS_S); /* Nobody knows who holds which lock. */
    write_down();
}

/* Then the signal comes again, and does what it does. */
static void on_signal(int number)
{
    on_death();
    if (number == SIGUSR1) _exit(SQUALL_FAILED);
}

static void expect_death(void)
{
    static const int fatal[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGUSR1};
    static unsigned char stack[STACK_BYTES]; /* The run's may be what it overran. */
    const stack_t other = {.ss_sp = stack, .ss_size = sizeof stack};

    sigaltstack(&other, NULL);
    for (size_t i = 0; i < sizeof fatal / sizeof fatal[0]; i++) {
        struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};
        action.sa_flags |= (int)SA_RESETHAND;
        sigaction(fatal[i], &action, NULL);
    }
#ifdef SIM_MEMORY_TRACKED
    __sanitizer_set_death_callback(on_death); /* A sanitizer ends the process without a signal. */
#endif
}

static void check_again(struct runner *runner, const struct scenario *scenario,
                        const struct run_options *options, const struct run_result *result,
                        struct trial_outcome *outcome)
{
    struct run_options other = *options;
    struct run_result second;
    char text[sizeof outcome->words];

    other.trace = NULL;
    other.junk = OTHER_JUNK;
    other.bump_memory = !options->bump_memory;
    runner_run(runner, scenario, &other, &second);
    if (second.digest.low == result->digest.low && second.digest.high == result->digest.high &&
        second.property == result->property) {
        return;
    }
    struct run_options one = *options;
    one.trace = NULL;
    divergence_explain(runner, scenario, &one, &other, text, outcome->words, sizeof text);
    (void)snprintf(outcome->property, sizeof outcome->property, "determinism");
    (void)snprintf(outcome->why, sizeof outcome->why, "two executions differ");
    (void)snprintf(outcome->failure, sizeof outcome->failure, "%.150s", text);
}

static void tell(const struct runner *runner, const struct run_result *result,
                 struct trial_outcome *outcome)
{
    outcome->cause = result->cause;
    outcome->stale = result->stale;
    outcome->stale_at = result->stale_at;
    outcome->outcome = runner_outcome(runner);
    outcome->digest = result->digest;
    if (result->property == NULL) return;
    (void)snprintf(outcome->property, sizeof outcome->property, "%s", result->property->name);
    (void)snprintf(outcome->why, sizeof outcome->why, "%s", result->verdict.why);
    (void)snprintf(outcome->failure, sizeof outcome->failure, "%s", result->failure);
}

static void run_one(struct runner *runner, struct trial_shared *shared)
{
    const struct trial_options *how = &shared->options;
    struct run_options options = {.replay = &shared->asked};
    struct run_result result;
    const uint64_t began_ns = processor_ns();
    struct trace_print print = {.out = stdout, .runner = runner};

    if (shared->scenario != NULL) options = shared->run_options;
    options.property_mask = how->property_mask;
    options.address_salt = how->address_salt;
    if (how->trace) {
        trace_print_begin(&print, &options);
    } else if (how->annotate) {
        struck_watch(&last_will.struck, runner, &options);
    }
    runner_run(runner, shared->scenario, &options, &result);
    tell(runner, &result, &shared->outcome);
    shared->outcome.processor_ns = processor_ns() - began_ns;
    if (result.property != NULL || how->annotate) write_down();
    struck_free(&last_will.struck);
    if (how->trace) trace_print_end(&print);
    if (how->twice) check_again(runner, shared->scenario, &options, &result, &shared->outcome);
    fflush(stdout);
}

_Noreturn void trial_serve(struct trial_shared *shared, int requests, int replies)
{
    char byte;

    last_will.shared = shared;
    last_will.runner = runner_create();
    case_reserve(&last_will.mine, TRIAL_OPERATIONS_MAX, TRIAL_WHOS_MAX, TRIAL_DECISIONS_MAX,
                 TRIAL_MILESTONES_MAX);
    expect_death();
    while (read(requests, &byte, 1) == 1) {
        if (shared->options.trace) setvbuf(stdout, NULL, _IOLBF, 0); /* Death takes no line. */
        atomic_store(&shared->running, true);
        run_one(last_will.runner, shared);
        atomic_store(&shared->running, false);
        if (write(replies, &byte, 1) != 1) break;
    }
    _exit(0);
}
