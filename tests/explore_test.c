/*
 * explore_test.c - what an explorer says it visited, it visited; what random images show it saw.
 *
 * ctest: timeout=400
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "scenarios/explore.h"
#include "scenarios/run.h"

enum { OUTCOMES = 1 << 16, DRAWS = 400, CHOICES_MAX = 512 };

static const struct explore_options as_written = {.sequence = EXPLORE_AS_WRITTEN,
                                                  .crashes = EXPLORE_AS_WRITTEN,
                                                  .faults = EXPLORE_AS_WRITTEN,
                                                  .preemptions = EXPLORE_AS_WRITTEN};

static struct scenario *load(const char *text, char message[SCENARIO_MESSAGE_BYTES])
{
    static const char head[] = "[scenario]\nstory = A test.\n"
                               "[log]\nblock-bytes = 512\nqueue-bytes = 576\n"
                               "segment-bytes = 3072\n"
                               "[mix]\nappend = 1\n[workload]\nrecord-bytes = 0\n"
                               "[faults]\nfaults = F20 F21 F22 F23 F24 F25 F27 F29\n";
    char path[] = "explore-XXXXXX";
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    FILE *file = fdopen(fd, "w");
    assert_non_null(file);
    assert_true(fprintf(file, "%s%s", head, text) > 0);
    assert_int_equal(fclose(file), 0);
    message[0] = '\0';
    struct scenario *scenario = scenario_load(path, message);
    assert_int_equal(unlink(path), 0);
    return scenario;
}

static struct scenario *scenario_of(const char *text)
{
    char message[SCENARIO_MESSAGE_BYTES];
    struct scenario *scenario = load(text, message);

    if (scenario == NULL) fail_msg("%s", message);
    return scenario;
}

/* What broke last, reused. */
static struct run_case failed_case;
static struct run_result failed;

static struct explore_count explore(const struct scenario *scenario,
                                    const struct explore_options *options)
{
    struct explorer *explorer = explorer_create(scenario, options);
    struct explore_count count = {.runs = 0};

    assert_non_null(explorer);
    for (uint64_t unit = 0; unit < explorer_units(explorer); unit++) {
        struct explore_count of_unit = {.runs = 0};
        bool held = explorer_visit(explorer, unit, &of_unit, &failed_case, &failed);
        assert_int_equal(held, of_unit.failures == 0);
        explore_count_add(&count, &of_unit);
    }
    explorer_destroy(explorer);
    return count;
}

static struct explore_count explore_text(const char *text, const struct explore_options *options)
{
    struct scenario *scenario = scenario_of(text);
    struct explore_count count = explore(scenario, options);

    scenario_free(scenario);
    return count;
}

/* ---- What random images show ---- */

/* What was seen where: the outcome of a recovery, and how much was promised then. */
static uint64_t outcomes[OUTCOMES];
static size_t outcome_count;
static size_t unmet; /* By the explorer. */

static uint64_t outcome_of(const struct runner *runner)
{
    const struct history_observation *seen = &runner->side;
    uint64_t hash = sim_mix(runner->history.count, runner->must_lsn,
                            (uint64_t)seen->open_error << 32 | seen->read_error);

    for (uint32_t i = 0; i < seen->count; i++) {
        hash = sim_mix(hash, seen->records[i].lsn, seen->records[i].hash);
    }
    return hash | 1;
}

static uint64_t *outcome_slot(uint64_t outcome)
{
    size_t slot = (size_t)outcome % OUTCOMES;

    while (outcomes[slot] != 0 && outcomes[slot] != outcome) slot = (slot + 1) % OUTCOMES;
    return &outcomes[slot];
}

static void remember(void *context, const struct runner *runner)
{
    uint64_t outcome = outcome_of(runner), *slot = outcome_slot(outcome);

    (void)context;
    if (*slot != 0) return;
    *slot = outcome;
    assert_true(++outcome_count < OUTCOMES / 2);
}

static bool draw_images(void *context, struct runner *runner)
{
    size_t *drawn = context;

    for (uint32_t k = 1; k <= DRAWS; k++) {
        uint64_t hash;
        struct disk *image = sim_image_draw(runner->world, k, &hash);
        if (image == NULL) continue;
        assert_true(run_judge_image(runner, image, k, hash));
        unmet += *outcome_slot(outcome_of(runner)) == 0;
        ++*drawn;
    }
    return false; /* The run need not go on. */
}

struct crash {
    struct sim_decision address;
    int32_t who;
};

static struct crash crashes[CHOICES_MAX];
static uint32_t crash_count;

static void note_crash(void *context, const struct sim_asked *asked)
{
    if (asked->address.kind != SIM_KIND_CRASH) return;
    assert_true(crash_count < CHOICES_MAX);
    crashes[crash_count++] =
        (struct crash){asked->address, sim_context(runner_world(*(struct runner **)context))};
}

/* The workload of failed_case's set-up and operations, once for each loss of power. */
static size_t draw_at_each_crash(struct run_case *run_case)
{
    struct runner *runner = runner_create();
    struct run_result result;
    size_t drawn = 0, who_count;

    crash_count = 0;
    runner_run(
        runner, NULL,
        &(struct run_options){.replay = run_case, .asked = note_crash, .asked_context = &runner},
        &result);
    const struct sim_who *whos = sim_world_whos(runner_world(runner), &who_count);
    case_reserve(run_case, 0, (uint32_t)who_count, 1, 0);
    memcpy(run_case->whos, whos, who_count * sizeof *whos);
    run_case->who_count = (uint32_t)who_count;
    run_case->decision_count = 1;
    for (uint32_t i = 0; i < 3 * crash_count; i++) {
        const struct crash *crash = &crashes[i / 3];
        run_case->decisions[0] = (struct case_decision){.who = (uint32_t)crash->who,
                                                        .kind = SIM_KIND_CRASH,
                                                        .call = crash->address.call,
                                                        .ordinal = crash->address.ordinal,
                                                        .outcome = 1 + i % 3};
        runner_run(runner, NULL,
                   &(struct run_options){.replay = run_case,
                                         .at_power_loss = draw_images,
                                         .at_power_loss_context = &drawn},
                   &result);
        assert_null(result.property);
    }
    runner_destroy(runner);
    return drawn;
}

/* Catches the set-up of the workload that runs first. */
static void catch_case(void *context, const struct run_case *run_case)
{
    struct run_case *to = context;

    if (to->operation_count == 0) case_copy(to, run_case);
}

static void what_random_images_show_was_visited(void **state)
{
    static const char *const workloads[] = {
        "[explore]\nworkload = append:1 append:449 append-async:20\n",
        "[explore]\nworkload = append-async:448 append-async:1 batch:1+448 sync\n",
        "[disk]\nprofiles = ext4-writeback\n[explore]\nworkload = append:512 reopen append:1\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof workloads / sizeof workloads[0]; i++) {
        struct run_case run_case = {.seed = 0};
        struct explore_options options = as_written;
        options.judged = remember;
        options.next = catch_case;
        options.context = &run_case;
        memset(outcomes, 0, sizeof outcomes);
        outcome_count = unmet = 0;
        struct explore_count count = explore_text(workloads[i], &options);
        assert_true(explore_complete(&count));
        assert_true(draw_at_each_crash(&run_case) > 1000);
        assert_true(outcome_count >= 8);
        assert_int_equal(unmet, 0);
        case_free(&run_case);
    }
}

static void sparing_what_nobody_reads_loses_no_outcome(void **state)
{
    static const char text[] =
        "[disk]\nprofiles = xfs\n[explore]\nworkload = append:1\ncrashes = 2\n";
    struct explore_options options = as_written;

    (void)state;
    options.judged = remember;
    memset(outcomes, 0, sizeof outcomes);
    outcome_count = 0;
    struct explore_count spared = explore_text(text, &options);
    size_t outcomes_spared = outcome_count;
    options.read_or_not = true;
    struct explore_count all = explore_text(text, &options);
    assert_true(spared.spared > 0);
    assert_int_equal(all.spared, 0);
    assert_true(all.images > spared.images);
    assert_int_equal(outcome_count, outcomes_spared);
}

/* ---- Counts ---- */

static void a_sequence_is_visited_as_if_it_were_written_out(void **state)
{
    struct explore_count sequences =
        explore_text("[explore]\nsequence = 2\nsizes = 1 448\n", &as_written);
    struct explore_count written = explore_text("[explore]\n"
                                                "workload = append:1\n"
                                                "workload = append:448\n"
                                                "workload = append:1 append:1\n"
                                                "workload = append:1 append:448\n"
                                                "workload = append:448 append:1\n"
                                                "workload = append:448 append:448\n",
                                                &as_written);

    (void)state;
    assert_true(explore_complete(&sequences));
    assert_true(explore_complete(&written));
    assert_int_equal(sequences.workloads, 6);
    assert_int_equal(written.workloads, 6);
    assert_int_equal(sequences.crashes, written.crashes);
    assert_true(sequences.crashes > 600);
    assert_true(sequences.runs < written.runs); /* Their beginnings are visited once. */
    assert_in_range(sequences.distinct, 100, written.distinct);
}

static void every_alternative_is_a_set_up(void **state)
{
    struct scenario *scenario = scenario_of("[log]\nblock-bytes = 512|8\nmark-policy = 0|1|2\n"
                                            "[disk]\nprofiles = weak strict\n"
                                            "[explore]\nworkload = sync\nworkload = append:1\n");
    struct explorer *explorer = explorer_create(scenario, &as_written);

    (void)state;
    assert_int_equal(explorer_units(explorer), 2 * 3 * 2 * 2);
    explorer_destroy(explorer);
    scenario_free(scenario);
}

static void counts_are_the_same_again(void **state)
{
    static const char text[] = "[explore]\nsequence = 2\nsizes = edge\n";
    struct explore_count first = explore_text(text, &as_written);
    struct explore_count second = explore_text(text, &as_written);

    (void)state;
    assert_memory_equal(&first, &second, sizeof first);
}

static void a_second_crash_is_met_after_each_image(void **state)
{
    static const char text[] = "[disk]\nprofiles = strict\n[explore]\nworkload = append:1\n";
    struct explore_options options = as_written;
    struct explore_count once = explore_text(text, &options);

    (void)state;
    options.crashes = 2;
    struct explore_count twice = explore_text(text, &options);
    assert_int_equal(once.promoted, 0);
    assert_true(twice.promoted > 5);
    assert_true(twice.crashes > 20 * once.crashes);
    assert_true(twice.distinct > 2 * once.distinct);
    assert_true(explore_complete(&twice));
}

static void preemptions_are_visited(void **state)
{
    static const char text[] = "[workload]\nclients = 2\n[explore]\n"
                               "workload = append:1 append:1\ncrashes = 0\npreemptions = 1\n";
    struct explore_options options = as_written;
    struct explore_count one = explore_text(text, &options);

    (void)state;
    options.preemptions = 0;
    struct explore_count none = explore_text(text, &options);
    assert_int_equal(none.runs, 1);
    assert_true(one.runs > 10);
}

static void too_many_images_are_said(void **state)
{
    static const char text[] = "[explore]\nworkload = append-async:448 append-async:1\n";
    struct explore_options options = as_written;

    (void)state;
    options.images_max = 8;
    struct explore_count count = explore_text(text, &options);
    assert_true(count.too_many > 0);
    assert_false(explore_complete(&count));
    assert_true(count.images > 8 * count.too_many); /* The plain ones and the drawn ones. */
}

static bool at_once(void *context)
{
    (void)context;
    return true;
}

static void stopping_is_said(void **state)
{
    struct explore_options options = as_written;

    (void)state;
    options.stop = at_once;
    struct explore_count count = explore_text("[explore]\nworkload = append:1\n", &options);
    assert_int_equal(count.runs, 0);
    assert_int_equal(count.stopped, 1);
    assert_false(explore_complete(&count));
}

/* ---- Failures ---- */

static void a_lying_sync_is_found_and_its_case_replays(void **state)
{
    struct runner *runner = runner_create();
    struct run_result again;
    struct explore_count count = explore_text("[explore]\nworkload = append:1\n"
                                              "faults = 1\nfault-kinds = F40\n",
                                              &as_written);

    (void)state;
    assert_int_equal(count.failures, 1);
    assert_false(explore_complete(&count));
    assert_string_equal(failed.property->name, "durability");
    assert_string_equal(failed_case.property, "durability");
    runner_run(runner, NULL, &(struct run_options){.replay = &failed_case}, &again);
    assert_ptr_equal(again.property, failed.property);
    assert_int_equal(again.stale, RUN_FRESH);
    runner_destroy(runner);
}

static void without_a_lie_nothing_is_found(void **state)
{
    struct explore_count count = explore_text("[explore]\nworkload = append:1\n"
                                              "faults = 1\nfault-kinds = F01 F08\n",
                                              &as_written);

    (void)state;
    assert_int_equal(count.failures, 0);
    assert_true(count.crashes > 2000);
}

/* ---- Files ---- */

static void a_scenario_without_the_section_is_not_explored(void **state)
{
    struct scenario *scenario = scenario_of("");

    (void)state;
    assert_null(explorer_create(scenario, &as_written));
    scenario_free(scenario);
}

static void what_is_wrong_is_said(void **state)
{
    static const struct {
        const char *text;
        const char *says[2];
    } rows[] = {
        {"[explore]\nsequnce = 2\n", {"unknown key 'sequnce'", "'sequence'"}},
        {"[explore]\nsequence = 9\n", {"sequence", "'9'"}},
        {"[explore]\nsizes = edges\n", {"'edges'", "length"}},
        {"[explore]\nfault-kinds = F3\n", {"unknown fault 'F3'", "did you mean"}},
        {"[explore]\nfault-kinds = F20\n", {"'F20'", "does not strike"}},
        {"[explore]\nworkload = apend:1\n", {"unknown operation 'apend'", "'append'"}},
        {"[explore]\nworkload = append\n", {"'append'", "needs a length"}},
        {"[explore]\nworkload = sync:3\n", {"'sync'", "takes no length"}},
        {"[explore]\nworkload = append:1+x\n", {"'x'", "not a length"}},
        {"[explore]\ncrashes = 2\n", {"neither sequence nor workload", ""}},
        {"[explore]\nsequence = 2\n", {"sizes: missing", ""}},
        {"[explore]\nworkload = sync\nfaults = 1\n", {"fault-kinds", ""}},
        {"[explore]\nworkload = append:600\n", {"workload", "queue-bytes"}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char message[SCENARIO_MESSAGE_BYTES];
        struct scenario *scenario = load(rows[i].text, message);
        if (scenario != NULL) fail_msg("%s was read", rows[i].text);
        for (size_t j = 0; j < 2; j++) {
            if (strstr(message, rows[i].says[j]) == NULL) {
                fail_msg("%s: '%s' is not in '%s'", rows[i].text, rows[i].says[j], message);
            }
        }
    }
}

static int forget(void **state)
{
    (void)state;
    case_free(&failed_case);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_random_images_show_was_visited),
        cmocka_unit_test(sparing_what_nobody_reads_loses_no_outcome),
        cmocka_unit_test(a_sequence_is_visited_as_if_it_were_written_out),
        cmocka_unit_test(every_alternative_is_a_set_up),
        cmocka_unit_test(counts_are_the_same_again),
        cmocka_unit_test(a_second_crash_is_met_after_each_image),
        cmocka_unit_test(preemptions_are_visited),
        cmocka_unit_test(too_many_images_are_said),
        cmocka_unit_test(stopping_is_said),
        cmocka_unit_test(a_lying_sync_is_found_and_its_case_replays),
        cmocka_unit_test(without_a_lie_nothing_is_found),
        cmocka_unit_test(a_scenario_without_the_section_is_not_explored),
        cmocka_unit_test(what_is_wrong_is_said),
    };

    return cmocka_run_group_tests_name("explore", tests, NULL, forget);
}
