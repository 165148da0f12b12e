/*
 * runner_test.c - a run is a function of (scenario, seed, code), and its switches do what they say.
 */
#include <dirent.h>
#include <stdlib.h>

#include "faults/fault.h"
#include "scenarios/scenario.h"
#include "tests/sim_machine.h"

enum { SCENARIOS_MAX = 64, IMAGES = 3 };

struct stage {
    struct runner *runner, *other;
    struct scenario *scenarios[SCENARIOS_MAX];
    size_t count;
};

static const char *scenario_path(const char *file)
{
    static char path[1024];
    const char *root = getenv("SQUALL_ROOT");

    (void)snprintf(path, sizeof path, "%s/scenarios/%s", root != NULL ? root : ".", file);
    return path;
}

static struct scenario *load(const char *file)
{
    char message[SCENARIO_MESSAGE_BYTES];
    struct scenario *scenario = scenario_load(scenario_path(file), message);

    if (scenario == NULL) fail_msg("%s", message);
    return scenario;
}

static int raise_stage(void **state)
{
    struct stage *stage = calloc(1, sizeof *stage);
    struct dirent *entry;

    assert_non_null(stage);
    stage->runner = runner_create();
    stage->other = runner_create();
    DIR *dir = opendir(scenario_path(""));
    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        const char *dot = strrchr(entry->d_name, '.');
        if (dot == NULL || strcmp(dot, ".ini") != 0) continue;
        assert_true(stage->count < SCENARIOS_MAX);
        stage->scenarios[stage->count++] = load(entry->d_name);
    }
    closedir(dir);
    *state = stage;
    return 0;
}

static int strike_stage(void **state)
{
    struct stage *stage = *state;

    if (stage == NULL) return 0; /* It was never raised. */
    for (size_t i = 0; i < stage->count; i++) scenario_free(stage->scenarios[i]);
    runner_destroy(stage->runner);
    runner_destroy(stage->other);
    free(stage);
    return 0;
}

static const struct scenario *named(const struct stage *stage, const char *name)
{
    for (size_t i = 0; i < stage->count; i++) {
        if (strcmp(scenario_name(stage->scenarios[i]), name) == 0) return stage->scenarios[i];
    }
    fail_msg("there is no scenario %s", name);
    return NULL;
}

/* The long ones are for benchmarks. */
static uint64_t seeds_of(const struct scenario *scenario, uint64_t seeds)
{
    return strcmp(scenario_name(scenario), "bench_lifecycle") == 0 ? 1 : seeds;
}

static void assert_same_result(const struct run_result *a, const struct run_result *b)
{
    assert_same_digest(a->digest, b->digest);
    assert_ptr_equal(a->property, b->property);
    assert_string_equal(a->failure, b->failure);
    assert_int_equal(a->image, b->image);
    assert_int_equal(a->event, b->event);
    assert_int_equal(a->crashes, b->crashes);
    assert_int_equal(a->boots, b->boots);
    assert_int_equal(a->images, b->images);
    assert_int_equal(a->log_bytes, b->log_bytes);
    assert_int_equal(a->sim_ns, b->sim_ns);
}

static uint32_t count_events(const struct runner *runner, enum history_kind kind)
{
    const struct history *history = runner_history(runner);
    uint32_t count = 0;

    for (size_t i = 0; i < history->count; i++) count += history->events[i].kind == kind;
    return count;
}

/* ---- Files ---- */

static void every_scenario_in_the_tree_loads(void **state)
{
    const struct stage *stage = *state;
    uint32_t negative = 0;

    assert_true(stage->count >= 5);
    for (size_t i = 0; i < stage->count; i++) {
        const char *name = scenario_name(stage->scenarios[i]);
        const char *story = scenario_story(stage->scenarios[i]);
        assert_true(name[0] != '\0');
        assert_null(strchr(name, '.'));
        assert_true(strlen(story) > 10);
        negative += scenario_expects_failure(stage->scenarios[i]);
    }
    assert_int_equal(negative, 5); /* tests/canary_test.sh shows that each of them fails. */
}

/* ---- Determinism ---- */

static void the_same_seed_gives_the_same_run(void **state)
{
    const struct stage *stage = *state;
    struct run_result first, again, elsewhere;

    for (size_t i = 0; i < stage->count; i++) {
        for (uint64_t seed = 1; seed <= seeds_of(stage->scenarios[i], 10); seed++) {
            const struct run_options options = {.seed = seed, .images = IMAGES};
            runner_run(stage->runner, stage->scenarios[i], &options, &first);
            runner_run(stage->runner, stage->scenarios[i], &options, &again);
            runner_run(stage->other, stage->scenarios[i], &options, &elsewhere);
            assert_same_result(&first, &again);
            assert_same_result(&first, &elsewhere);
        }
    }
}

static void another_seed_gives_another_run(void **state)
{
    const struct stage *stage = *state;
    struct run_result one, other;

    for (size_t i = 0; i < stage->count; i++) {
        runner_run(stage->runner, stage->scenarios[i], &(struct run_options){.seed = 1}, &one);
        runner_run(stage->runner, stage->scenarios[i], &(struct run_options){.seed = 2}, &other);
        assert_true(one.digest.low != other.digest.low);
        assert_true(one.digest.high != other.digest.high);
    }
}

static void junk_and_allocator_do_not_matter(void **state)
{
    static const uint8_t junks[] = {0x00, 0x5a, 0xff};
    const struct stage *stage = *state;
    struct run_result plain, other;

    for (size_t i = 0; i < stage->count; i++) {
        for (uint64_t seed = 1; seed <= seeds_of(stage->scenarios[i], 6); seed++) {
            struct run_options options = {.seed = seed, .images = IMAGES, .junk = 0xa5};
            runner_run(stage->runner, stage->scenarios[i], &options, &plain);
            for (size_t j = 0; j < 6; j++) {
                options.junk = junks[j % 3];
                options.bump_memory = j >= 3;
                runner_run(stage->runner, stage->scenarios[i], &options, &other);
                assert_same_result(&plain, &other);
            }
        }
    }
}

static void a_case_replays_the_run(void **state)
{
    const struct stage *stage = *state;
    struct run_result first, again;
    struct run_case run_case = {.seed = 0};
    size_t decisions = 0;

    for (size_t i = 0; i < stage->count; i++) {
        for (uint64_t seed = 1; seed <= seeds_of(stage->scenarios[i], 20); seed++) {
            struct run_options options = {.seed = seed};
            runner_run(stage->runner, stage->scenarios[i], &options, &first);
            runner_export(stage->runner, &run_case);
            decisions += run_case.decision_count;
            const struct run_options replay = {.replay = &run_case};
            runner_run(stage->other, NULL, &replay, &again);
            assert_same_result(&first, &again);
            assert_int_equal(again.stale, RUN_FRESH);
            assert_int_equal(runner_record(stage->other)->count, run_case.decision_count);
        }
    }
    assert_true(decisions > 1000);
    case_free(&run_case);
}

static void a_case_without_decisions_replays_without_faults(void **state)
{
    const struct stage *stage = *state;
    struct run_case run_case = {.seed = 0};
    struct run_result result;

    for (uint64_t seed = 1; seed <= 50; seed++) {
        const struct run_options options = {.seed = seed};
        runner_run(stage->runner, named(stage, "everything"), &options, &result);
        runner_export(stage->runner, &run_case);
        run_case.decision_count = run_case.milestone_count = 0;
        const struct run_options replay = {.replay = &run_case};
        runner_run(stage->runner, NULL, &replay, &result);
        assert_int_equal(runner_record(stage->runner)->count, 0);
        assert_int_equal(count_events(stage->runner, HISTORY_INJECTED), 0);
        assert_int_equal(count_events(stage->runner, HISTORY_DAMAGED), 0);
    }
    case_free(&run_case);
}

/* ---- Properties ---- */

static const struct property *canary_property(const struct stage *stage, uint64_t mask,
                                              struct run_result *ret_result)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        const struct run_options options = {.seed = seed, .images = 1, .property_mask = mask};
        runner_run(stage->runner, named(stage, "canary"), &options, ret_result);
        if (ret_result->property != NULL) return ret_result->property;
    }
    return NULL;
}

/* A log whose witness outlived the records notices the loss itself, and reports damage where the
 * harness did none: that, too, is the device's lie. */
static void the_canary_loses_acknowledged_records(void **state)
{
    const struct stage *stage = *state;
    struct run_result result;
    unsigned lost = 0, broken = 0;

    for (uint64_t seed = 1; seed <= 20; seed++) {
        runner_run(stage->runner, named(stage, "canary"), &(struct run_options){.seed = seed},
                   &result);
        if (result.property == NULL) continue;
        bool durability = strcmp(result.property->name, "durability") == 0;
        if (!durability) assert_string_equal(result.property->name, "honest-corruption");
        assert_true(result.verdict.broken);
        assert_true(strlen(result.failure) > 0);
        lost += durability;
        broken++;
    }
    assert_true(lost > 0);
    assert_int_equal(broken, 20);
}

static void a_mask_of_one_property_reports_only_that_one(void **state)
{
    struct run_result result;
    unsigned broken = 0;

    for (unsigned i = 0; properties_all[i] != NULL; i++) {
        const struct property *property = canary_property(*state, UINT64_C(1) << i, &result);
        broken += property != NULL;
        if (property != NULL) assert_ptr_equal(property, properties_all[i]);
        if (strcmp(properties_all[i]->name, "durability") == 0) assert_non_null(property);
        if (strcmp(properties_all[i]->name, "no-leak") == 0) assert_null(property);
    }
    assert_true(broken >= 1);
}

/* ---- Faults ---- */

static void without_faults_nothing_is_injected(void **state)
{
    const struct stage *stage = *state;
    const uint8_t none[FAULT_NUMBER_COUNT] = {0};
    struct run_result result;

    for (size_t i = 0; i < stage->count; i++) {
        for (uint64_t seed = 1; seed <= seeds_of(stage->scenarios[i], 30); seed++) {
            const struct run_options options = {.seed = seed, .images = 1, .faults_only = none};
            runner_run(stage->runner, stage->scenarios[i], &options, &result);
            assert_int_equal(count_events(stage->runner, HISTORY_INJECTED), 0);
            assert_int_equal(count_events(stage->runner, HISTORY_DAMAGED), 0);
            for (size_t f = 0; f < FAULT_NUMBER_COUNT; f++) {
                /* The tamest power loss, and the workload's own kills, are no fault's doing. */
                if (f == 20 || f == 38) continue;
                assert_int_equal(runner_struck(stage->runner)[f], 0);
            }
        }
    }
}

/* The events that are put down for a fault, over some seeds. */
static void tally_faults(const struct stage *stage, const struct scenario *scenario,
                         const uint8_t *only, const uint8_t *without,
                         uint32_t ret_events[FAULT_NUMBER_COUNT])
{
    struct run_result result;

    for (uint64_t seed = 1; seed <= 200; seed++) {
        const struct run_options options = {
            .seed = seed, .faults_only = only, .faults_without = without};
        runner_run(stage->runner, scenario, &options, &result);
        const struct history *history = runner_history(stage->runner);
        for (size_t i = 0; i < history->count; i++) {
            const struct history_event *event = &history->events[i];
            if (event->kind != HISTORY_INJECTED && event->kind != HISTORY_DAMAGED) continue;
            assert_true(event->fault < FAULT_NUMBER_COUNT);
            ret_events[event->fault]++;
        }
    }
}

/* Does it strike at a call or at rest, within the contract? */
static bool strikes(const struct fault *fault)
{
    bool at_call = fault->sort == FAULT_AT_CALL && fault->strike != NULL;
    bool at_rest = fault->sort == FAULT_AT_REST;

    return ((at_call || at_rest) && fault->contract != FAULT_BEYOND) || fault->number == 19;
}

/* Not in every hundred seeds is there what it aims at. */
static bool rarely_strikes(const struct fault *fault)
{
    return fault->target == FAULT_TARGET_NEWEST || fault->target == FAULT_TARGET_TAIL ||
           fault->target == FAULT_TARGET_SIDE;
}

static void add_struck(const struct stage *stage, const char *scenario, uint64_t seeds,
                       uint64_t sums[FAULT_NUMBER_COUNT])
{
    struct run_result result;

    for (uint64_t seed = 1; seed <= seeds; seed++) {
        const struct run_options options = {.seed = seed};
        runner_run(stage->runner, named(stage, scenario), &options, &result);
        assert_null(result.property);
        for (uint32_t i = 0; i < FAULT_NUMBER_COUNT; i++) {
            sums[i] += runner_struck(stage->runner)[i];
        }
    }
}

static void every_fault_strikes_that_a_run_can_meet(void **state)
{
    uint64_t sums[FAULT_NUMBER_COUNT] = {0};

    add_struck(*state, "everything", 3000, sums);
    add_struck(*state, "rot", 300, sums);
    add_struck(*state, "crash_in_recovery", 300, sums);
    for (size_t i = 0; i < faults_count; i++) {
        if ((faults_all[i].phases != 0) != (sums[faults_all[i].number] > 0)) {
            fail_msg("%s: %u times", faults_all[i].id, (unsigned)sums[faults_all[i].number]);
        }
    }
}

static void only_the_faults_that_are_asked_for_strike(void **state)
{
    for (size_t i = 0; i < faults_count; i++) {
        const struct fault *fault = &faults_all[i];
        uint32_t events[FAULT_NUMBER_COUNT] = {0};
        uint8_t only[FAULT_NUMBER_COUNT] = {0};
        if (!strikes(fault)) continue;
        only[fault->number] = 1;
        tally_faults(*state, named(*state, "everything"), only, NULL, events);
        for (uint32_t number = 0; number < FAULT_NUMBER_COUNT; number++) {
            bool expected = number == fault->number;
            if (expected && events[number] == 0 && rarely_strikes(fault)) continue;
            if ((events[number] > 0) != expected) {
                fail_msg("asked for %s: %u struck %u times", fault->id, number, events[number]);
            }
        }
    }
}

static void a_fault_that_is_excluded_does_not_strike(void **state)
{
    static const uint32_t excluded[] = {8, 14, 19, 41};

    for (size_t i = 0; i < sizeof excluded / sizeof excluded[0]; i++) {
        uint32_t events[FAULT_NUMBER_COUNT] = {0};
        uint8_t without[FAULT_NUMBER_COUNT] = {0};
        without[excluded[i]] = 1;
        tally_faults(*state, named(*state, "everything"), NULL, without, events);
        assert_int_equal(events[excluded[i]], 0);
        assert_true(events[1] > 0);
    }
}

static void bytes_at_rest_rot_in_each_of_their_ways(void **state)
{
    uint32_t events[FAULT_NUMBER_COUNT] = {0};

    tally_faults(*state, named(*state, "rot"), NULL, NULL, events);
    assert_true(events[15] > 0);
    assert_true(events[41] > 0);
    assert_true(events[43] > 0);
}

/* ---- Runs ---- */

/* The copies are of different moments: some end before what was acknowledged, some show damage
 * that the log has not. */
static void copies_made_while_writing_are_torn_in_time(void **state)
{
    const struct stage *stage = *state;
    struct run_result result;
    unsigned copies = 0, damaged = 0, early = 0;

    for (uint64_t seed = 1; seed <= 4000; seed++) {
        const struct run_options options = {.seed = seed};
        runner_run(stage->runner, named(stage, "everything"), &options, &result);
        assert_null(result.property);
        const struct history *history = runner_history(stage->runner);
        uint64_t acked = 0;
        for (size_t i = 0; i < history->count; i++) {
            const struct history_event *event = &history->events[i];
            if (event->kind == HISTORY_ACKED && event->last_lsn > acked) acked = event->last_lsn;
            if (event->kind != HISTORY_COPIED) continue;
            const struct history_observation *copy = event->observation;
            bool bad = copy->open_error != HISTORY_OK || copy->read_error != HISTORY_OK;
            copies++;
            damaged += bad;
            early += !bad && copy->from_lsn + copy->count - 1 < acked;
        }
    }
    print_message("%u copies, %u damaged, %u early\n", copies, damaged, early);
    assert_true(copies > 500);
    assert_true(damaged > 0);
    assert_true(early > 20);
}

static void a_run_that_holds_heals_and_ends(void **state)
{
    const struct stage *stage = *state;
    struct run_result result;
    uint32_t held = 0, in_recovery = 0;

    for (uint64_t seed = 1; seed <= 50; seed++) {
        const struct run_options options = {.seed = seed};
        runner_run(stage->runner, named(stage, "crash_in_recovery"), &options, &result);
        const struct history *history = runner_history(stage->runner);
        assert_int_equal(history->events[0].kind, HISTORY_BOOTED);
        assert_int_equal(count_events(stage->runner, HISTORY_BOOTED), result.boots);
        assert_int_equal(count_events(stage->runner, HISTORY_CRASHED), result.crashes);
        for (size_t i = 0; i < history->count; i++) {
            in_recovery += history->events[i].kind == HISTORY_BOOTED && history->events[i].flag;
        }
        if (result.property != NULL) continue;
        held++;
        assert_int_equal(history->events[history->count - 1].kind, HISTORY_ENDED);
        assert_int_equal(count_events(stage->runner, HISTORY_HEALED), 1);
        assert_int_equal(count_events(stage->runner, HISTORY_ENDED), 1);
    }
    assert_true(held > 0);
    assert_true(in_recovery > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_scenario_in_the_tree_loads),
        cmocka_unit_test(the_same_seed_gives_the_same_run),
        cmocka_unit_test(another_seed_gives_another_run),
        cmocka_unit_test(junk_and_allocator_do_not_matter),
        cmocka_unit_test(a_case_replays_the_run),
        cmocka_unit_test(a_case_without_decisions_replays_without_faults),
        cmocka_unit_test(the_canary_loses_acknowledged_records),
        cmocka_unit_test(a_mask_of_one_property_reports_only_that_one),
        cmocka_unit_test(without_faults_nothing_is_injected),
        cmocka_unit_test(every_fault_strikes_that_a_run_can_meet),
        cmocka_unit_test(only_the_faults_that_are_asked_for_strike),
        cmocka_unit_test(a_fault_that_is_excluded_does_not_strike),
        cmocka_unit_test(bytes_at_rest_rot_in_each_of_their_ways),
        cmocka_unit_test(copies_made_while_writing_are_torn_in_time),
        cmocka_unit_test(a_run_that_holds_heals_and_ends),
    };

    return cmocka_run_group_tests_name("runner", tests, raise_stage, strike_stage);
}
