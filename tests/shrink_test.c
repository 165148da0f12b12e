/*
 * shrink_test.c - failures become small, stay the same failure, and replay in any form of address.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/neighbours.h"
#include "cmd/shrink_pass.h"
#include "cmd/trace_words.h"
#include "tests/sim_machine.h"

enum { SEEDS = 40, HISTORIES = 150, SALT = 0x5a17, IMAGES = 8, OPERATIONS_ENOUGH = 4 };

struct desk {
    struct trial *trial;
    struct runner *runner;
    struct scenario *canary, *late_sync, *everything;
    struct shrink *shrink;
};

static struct scenario *load(const char *name)
{
    char message[SCENARIO_MESSAGE_BYTES], path[1024];
    const char *root = getenv("SQUALL_ROOT");

    (void)snprintf(path, sizeof path, "%s/scenarios/%s.ini", root != NULL ? root : ".", name);
    struct scenario *scenario = scenario_load(path, message);
    if (scenario == NULL) fail_msg("%s", message);
    return scenario;
}

static int lay_desk(void **state)
{
    struct desk *desk = calloc(1, sizeof *desk);

    assert_non_null(desk);
    desk->trial = trial_begin();
    desk->runner = runner_create();
    desk->canary = load("canary");
    desk->late_sync = load("late_sync");
    desk->everything = load("everything");
    desk->shrink = malloc(sizeof *desk->shrink);
    assert_non_null(desk->shrink);
    *state = desk;
    return 0;
}

static int clear_desk(void **state)
{
    struct desk *desk = *state;

    trial_end(desk->trial);
    runner_destroy(desk->runner);
    scenario_free(desk->canary);
    scenario_free(desk->late_sync);
    scenario_free(desk->everything);
    free(desk->shrink);
    free(desk);
    return 0;
}

/* A run of a seed, as a case. True: it fails. */
static bool generate(struct desk *desk, const struct scenario *scenario, uint64_t seed,
                     struct run_case *ret_case, struct run_result *ret_result)
{
    const struct run_options options = {.seed = seed, .images = IMAGES};

    runner_run(desk->runner, scenario, &options, ret_result);
    runner_export(desk->runner, ret_case);
    return ret_result->property != NULL;
}

static void count_run(void *context)
{
    (*(unsigned *)context)++;
}

/* Each failure of a scenario, shrunk and replayed. */
static void shrink_all(struct desk *desk, const struct scenario *scenario, unsigned *ret_failures)
{
    const struct trial_options how = {.property_mask = 0};
    struct run_case run_case = {.seed = 0};
    unsigned runs = 0;
    const struct shrink_limits limits = {.on_progress = count_run, .context = &runs};

    *ret_failures = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct shrink *shrink = desk->shrink;
        struct run_result result;
        struct trial_outcome outcome;
        if (!generate(desk, scenario, seed, &run_case, &result)) continue;
        (*ret_failures)++;
        assert_true(shrink_begin(shrink, desk->trial, &run_case, &how, &limits, &outcome));
        assert_string_equal(outcome.property, result.property->name);
        assert_string_equal(outcome.why, result.verdict.why);
        shrink_run(shrink);
        assert_false(shrink->broken);
        assert_false(shrink->over);
        assert_true(shrink->best.operation_count <= OPERATIONS_ENOUGH);
        assert_true(trial_run(desk->trial, &shrink->best, &how, &outcome));
        assert_string_equal(outcome.property, result.property->name);
        assert_string_equal(outcome.why, result.verdict.why);
        assert_int_equal(outcome.stale, RUN_FRESH);
        shrink_free(shrink);
    }
    assert_true(runs > *ret_failures);
    case_free(&run_case);
}

static void failures_of_the_canary_become_small_and_stay_the_same(void **state)
{
    unsigned failures;

    shrink_all(*state, ((struct desk *)*state)->canary, &failures);
    assert_true(failures > SEEDS / 2);
}

static void failures_of_late_sync_become_small_and_stay_the_same(void **state)
{
    unsigned failures;

    shrink_all(*state, ((struct desk *)*state)->late_sync, &failures);
    assert_true(failures > 0);
}

static void first_failure(struct desk *desk, const struct scenario *scenario,
                          struct run_case *ret_case)
{
    struct run_result result;
    uint64_t seed = 1;

    while (!generate(desk, scenario, seed, ret_case, &result)) {
        seed++;
        assert_true(seed < 1000);
    }
}

static void a_case_that_never_fails_is_refused(void **state)
{
    struct desk *desk = *state;
    const struct trial_options how = {.property_mask = 0};
    const struct shrink_limits limits = {.for_ns = 0};
    struct run_case run_case = {.seed = 0};
    struct run_result result;
    struct trial_outcome outcome;

    assert_false(generate(desk, desk->everything, 1, &run_case, &result));
    assert_false(shrink_begin(desk->shrink, desk->trial, &run_case, &how, &limits, &outcome));
    assert_false(desk->shrink->broken);
    assert_string_equal(outcome.property, "");
    assert_int_equal(outcome.stale, RUN_FRESH);
    shrink_free(desk->shrink);
    case_free(&run_case);
}

static void the_same_case_shrinks_to_the_same(void **state)
{
    struct desk *desk = *state;
    const struct trial_options how = {.property_mask = 0};
    const struct shrink_limits limits = {.for_ns = 0};
    struct run_case run_case = {.seed = 0};
    struct trial_outcome outcome;
    char *texts[2];

    first_failure(desk, desk->canary, &run_case);
    for (int i = 0; i < 2; i++) {
        assert_true(shrink_begin(desk->shrink, desk->trial, &run_case, &how, &limits, &outcome));
        shrink_run(desk->shrink);
        texts[i] = case_text(&desk->shrink->best);
        shrink_free(desk->shrink);
    }
    assert_string_equal(texts[0], texts[1]);
    free(texts[0]);
    free(texts[1]);
    case_free(&run_case);
}

/* ---- Interrupts ---- */

struct patience {
    unsigned runs;
    volatile sig_atomic_t stop;
};

static void lose_patience(void *context)
{
    struct patience *patience = context;

    if (++patience->runs == 12) patience->stop = 1;
}

static void an_interrupt_keeps_the_best_so_far(void **state)
{
    struct desk *desk = *state;
    const struct trial_options how = {.property_mask = 0};
    struct patience patience = {.runs = 0};
    const struct shrink_limits limits = {
        .stop = &patience.stop, .on_progress = lose_patience, .context = &patience};
    struct run_case run_case = {.seed = 0};
    struct trial_outcome outcome;

    first_failure(desk, desk->canary, &run_case);
    assert_true(shrink_begin(desk->shrink, desk->trial, &run_case, &how, &limits, &outcome));
    const struct shrink_size before = desk->shrink->size;
    shrink_run(desk->shrink);
    assert_int_equal(patience.runs, 12);
    assert_true(desk->shrink->over);
    assert_true(desk->shrink->size.operations < before.operations);
    assert_true(trial_run(desk->trial, &desk->shrink->best, &how, &outcome));
    assert_string_equal(outcome.property, desk->shrink->signature.property);
    shrink_free(desk->shrink);
    case_free(&run_case);
}

static void a_limit_of_runs_is_kept(void **state)
{
    struct desk *desk = *state;
    const struct trial_options how = {.property_mask = 0};
    const struct shrink_limits limits = {.runs_max = 5};
    struct run_case run_case = {.seed = 0};
    struct trial_outcome outcome;

    first_failure(desk, desk->canary, &run_case);
    assert_true(shrink_begin(desk->shrink, desk->trial, &run_case, &how, &limits, &outcome));
    shrink_run(desk->shrink);
    assert_int_equal(desk->shrink->runs, 5);
    shrink_free(desk->shrink);
    case_free(&run_case);
}

static void appends_become_a_batch_that_keeps_their_records(void **state)
{
    struct desk *desk = *state;
    const struct trial_options how = {.property_mask = 0};
    const struct shrink_limits limits = {.for_ns = 0};
    struct run_case run_case = {.seed = 0};
    struct trial_outcome outcome;
    enum { APPENDS = 3 };

    first_failure(desk, desk->canary, &run_case);
    assert_true(run_case.operation_count >= APPENDS);
    run_case.operation_count = APPENDS;
    run_case.config.end_power_off = 1;
    for (uint32_t i = 0; i < APPENDS; i++) {
        run_case.operations[i].kind = OPERATION_APPEND;
        run_case.operations[i].records = 1;
        run_case.operations[i].lengths[0] = 10 + i;
    }
    assert_true(shrink_begin(desk->shrink, desk->trial, &run_case, &how, &limits, &outcome));
    assert_int_equal(desk->shrink->best.operation_count, APPENDS);
    shrink_merge(desk->shrink);
    assert_int_equal(desk->shrink->best.operation_count, 1);
    const struct operation *one = &desk->shrink->best.operations[0];
    assert_int_equal(one->kind, OPERATION_BATCH);
    assert_int_equal(one->records, APPENDS);
    for (uint32_t i = 0; i < APPENDS; i++) assert_int_equal(one->lengths[i], 10 + i);
    shrink_free(desk->shrink);
    case_free(&run_case);
}

/* ---- What a case and its run are ---- */

static void decisions_say_what_they_struck(void **state)
{
    struct desk *desk = *state;
    const struct trial_options how = {.annotate = true};
    struct run_case run_case = {.seed = 0};
    struct trial_outcome outcome;
    unsigned lies = 0;

    first_failure(desk, desk->canary, &run_case);
    assert_true(trial_run(desk->trial, &run_case, &how, &outcome));
    const struct run_case *told = trial_case(desk->trial);
    assert_non_null(told);
    for (uint32_t i = 0; i < told->decision_count; i++) {
        const struct case_decision *decision = &told->decisions[i];
        if (decision->kind != SIM_KIND_FAULT + 40) continue;
        assert_non_null(strstr(decision->struck, "fsync-lies: f"));
        assert_non_null(strstr(decision->struck, "WAL_OK"));
        lies++;
    }
    assert_true(lies > 0);
    case_free(&run_case);
}

static void neighbours_are_one_or_two_away(void **state)
{
    struct desk *desk = *state;
    struct run_case run_case = {.seed = 0}, near = {.seed = 0};
    struct run_result result;
    uint32_t made = 0;

    (void)generate(desk, desk->everything, 7, &run_case, &result);
    assert_true(run_case.decision_count > 0);
    for (uint32_t n = 0; n < neighbours_count(&run_case); n++) {
        uint32_t moved = 0;
        if (!neighbours_make(&run_case, n, &near)) continue;
        made++;
        assert_int_equal(near.decision_count, run_case.decision_count);
        for (uint32_t i = 0; i < near.decision_count; i++) {
            const int64_t by =
                (int64_t)near.decisions[i].ordinal - (int64_t)run_case.decisions[i].ordinal;
            assert_true(by >= -2 && by <= 2);
            moved += by != 0;
        }
        assert_true(moved > 0);
    }
    assert_true(made > run_case.decision_count);
    case_free(&run_case);
    case_free(&near);
}

/* All that a user could see, and all that was decided, in words. */
static char *history_text(struct desk *desk)
{
    const struct history *history = runner_history(desk->runner);
    struct run_case run_case = {.seed = 0};
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);

    assert_non_null(out);
    for (size_t i = 0; i < history->count; i++) {
        fprintf(out, "%llu %u ", (unsigned long long)history->events[i].time_ns,
                history->events[i].instance);
        trace_words_fact(out, &history->events[i]);
        fputc('\n', out);
    }
    runner_export(desk->runner, &run_case);
    char *decisions = case_text(&run_case);
    fputs(decisions, out);
    free(decisions);
    case_free(&run_case);
    fclose(out);
    return text;
}

/* Nothing but hashes may depend on how addresses are hashed: a context that leaks into something
 * else would show. */
static void runs_are_the_same_in_another_form_of_addresses(void **state)
{
    struct desk *desk = *state;
    struct run_case run_case = {.seed = 0};
    struct run_result result;

    for (uint64_t seed = 1; seed <= HISTORIES; seed++) {
        const struct scenario *scenario = seed % 5 == 0 ? desk->canary : desk->everything;
        (void)generate(desk, scenario, seed, &run_case, &result);
        struct run_options options = {.replay = &run_case};
        runner_run(desk->runner, NULL, &options, &result);
        char *plain = history_text(desk);
        options.address_salt = SALT;
        runner_run(desk->runner, NULL, &options, &result);
        char *salted = history_text(desk);
        assert_string_equal(plain, salted);
        free(plain);
        free(salted);
    }
    case_free(&run_case);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failures_of_the_canary_become_small_and_stay_the_same),
        cmocka_unit_test(failures_of_late_sync_become_small_and_stay_the_same),
        cmocka_unit_test(a_case_that_never_fails_is_refused),
        cmocka_unit_test(the_same_case_shrinks_to_the_same),
        cmocka_unit_test(an_interrupt_keeps_the_best_so_far),
        cmocka_unit_test(a_limit_of_runs_is_kept),
        cmocka_unit_test(appends_become_a_batch_that_keeps_their_records),
        cmocka_unit_test(decisions_say_what_they_struck),
        cmocka_unit_test(neighbours_are_one_or_two_away),
        cmocka_unit_test(runs_are_the_same_in_another_form_of_addresses),
    };

    return cmocka_run_group_tests(tests, lay_desk, clear_desk);
}
