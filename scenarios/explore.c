/*
 * explore.c - units of workloads, one sequence after the other.
 */
#include "scenarios/explore.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios/explore_internal.h"

enum { IMAGES_MAX = 4096 };

#define COUNT_FIELDS(X) \
    X(workloads)        \
    X(runs)             \
    X(crashes)          \
    X(merged)           \
    X(states)           \
    X(images) X(distinct) X(spared) X(promoted) X(too_many) X(not_taken) X(stopped) X(failures)

void explore_count_add(struct explore_count *to, const struct explore_count *from)
{
#define COUNT_ADD(field) to->field += from->field;
    COUNT_FIELDS(COUNT_ADD)
#undef COUNT_ADD
}

bool explore_complete(const struct explore_count *count)
{
    return count->too_many + count->not_taken + count->stopped + count->failures == 0;
}

static uint32_t option(uint32_t given, uint32_t written)
{
    return given == EXPLORE_AS_WRITTEN ? written : given;
}

struct explorer *explorer_create(const struct scenario *scenario,
                                 const struct explore_options *options)
{
    const struct explore_plan *plan = &scenario->explore;

    if (!plan->present) return NULL;
    struct explorer *explorer = calloc(1, sizeof *explorer);
    assert(explorer != NULL);
    explorer->scenario = scenario;
    explorer->options = *options;
    if (options->images_max == 0) explorer->options.images_max = IMAGES_MAX;
    explorer->sequence = option(options->sequence, plan->sequence);
    assert(explorer->sequence <= EXPLORE_SEQUENCE_MAX);
    explorer->budget = (struct explore_budget){
        .crashes = option(options->crashes, plan->crashes),
        .faults = option(options->faults, plan->faults),
        .preemptions = option(options->preemptions, plan->preemptions),
    };
    explorer->runner = runner_create();
    explorer->scratch = disk_create();
    return explorer;
}

void explorer_destroy(struct explorer *explorer)
{
    if (explorer == NULL) return;
    for (uint32_t i = 0; i < EXPLORE_LEVELS_MAX; i++) {
        free(explorer->levels[i].choices);
        free(explorer->levels[i].whos);
        free(explorer->levels[i].promoted);
    }
    for (uint32_t i = 0; i <= EXPLORE_SEQUENCE_MAX; i++) free(explorer->beginnings[i].choices);
    case_free(&explorer->run_case);
    explore_seen_free(&explorer->seen);
    disk_destroy(explorer->scratch);
    runner_destroy(explorer->runner);
    free(explorer);
}

/* ---- Units: for each set-up the written workloads, then the first letters ---- */

static uint64_t units_of(const struct explorer *explorer, const struct explore_alphabet *alphabet)
{
    return explorer->scenario->explore.written_count +
           (explorer->sequence > 0 ? alphabet->count : 0);
}

uint64_t explorer_units(const struct explorer *explorer)
{
    uint64_t units = 0;

    for (uint32_t setup = 0; setup < explore_setups(explorer->scenario); setup++) {
        struct explore_alphabet alphabet;
        explore_alphabet(explorer->scenario, setup, &alphabet);
        units += units_of(explorer, &alphabet);
    }
    return units;
}

/* The set-up of a unit, into explorer->alphabet. Returns which of its units it is. */
static uint64_t find_unit(struct explorer *explorer, uint64_t unit)
{
    for (uint32_t setup = 0;; setup++) {
        assert(setup < explore_setups(explorer->scenario));
        explore_alphabet(explorer->scenario, setup, &explorer->alphabet);
        uint64_t units = units_of(explorer, &explorer->alphabet);
        if (unit < units) return unit;
        unit -= units;
    }
}

/* Visit what begins with the operations of the case and the letter. */
static bool visit_sequences(struct explorer *explorer, const struct explore_letter *letter)
{
    struct run_case *run_case = &explorer->run_case;
    const struct explore_alphabet *alphabet = &explorer->alphabet;
    bool held = true;

    if (!explore_spell(alphabet, letter, run_case)) return true;
    held = explore_workload(explorer, true);
    for (uint32_t i = 0;
         held && run_case->operation_count < explorer->sequence && i < alphabet->count; i++) {
        held = visit_sequences(explorer, &alphabet->letters[i]);
    }
    run_case->operation_count--;
    return held;
}

static bool visit_written(struct explorer *explorer, uint32_t which)
{
    const struct explore_plan *plan = &explorer->scenario->explore;
    struct run_case *run_case = &explorer->run_case;
    uint32_t count = plan->written_lengths[which];

    case_reserve(run_case, count, 0, 0, 0);
    memcpy(run_case->operations, plan->written[which], count * sizeof run_case->operations[0]);
    run_case->operation_count = count;
    for (uint32_t i = 0; i < count; i++) {
        run_case->operations[i].client = i % run_case->config.clients;
    }
    return explore_workload(explorer, false);
}

bool explorer_visit(struct explorer *explorer, uint64_t unit, struct explore_count *count,
                    struct run_case *ret_case, struct run_result *ret_result)
{
    const struct explore_plan *plan = &explorer->scenario->explore;
    struct run_case *run_case = &explorer->run_case;
    uint64_t failures = count->failures, at = find_unit(explorer, unit);

    explorer->count = count;
    explorer->failed_case = ret_case;
    explorer->failed = ret_result;
    explore_seen_clear(&explorer->seen);
    explorer->watch_read = UINT32_MAX;
    run_case->config = explorer->alphabet.config;
    run_case->seed = 1;
    run_case->operation_count = 0;
    (void)snprintf(run_case->scenario, sizeof run_case->scenario, "%s",
                   scenario_name(explorer->scenario));
    if (at < plan->written_count) {
        (void)visit_written(explorer, (uint32_t)at); /* What broke is counted. */
    } else {
        (void)visit_sequences(explorer, &explorer->alphabet.letters[at - plan->written_count]);
    }
    return count->failures == failures;
}
