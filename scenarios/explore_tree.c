/*
 * explore_tree.c - every set of decisions of one workload, within the budgets.
 *
 * Depth first and without state: a run is begun anew for each set, which is the one before it and
 * one decision more that was asked after all of them. How deep that goes the budgets bound.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios/explore_internal.h"

enum { FAULT_ALLOC = 19, FOLLOWING_NUMBER = 100 };

bool explore_decided(const struct explorer *explorer)
{
    return sim_world_record(explorer->runner->world)->count == explorer->run_case.decision_count;
}

/* What the decision takes from the budget; NULL: it is not varied. */
static uint32_t *price(const struct explorer *explorer, unsigned kind, struct explore_budget *left)
{
    const uint8_t *kinds = explorer->scenario->explore.fault_kinds;

    if (kind == SIM_KIND_CRASH) return &left->crashes;
    if (kind == SIM_KIND_PREEMPT) return &left->preemptions;
    if (kind == SIM_KIND_ALLOC) return kinds[FAULT_ALLOC] ? &left->faults : NULL;
    if (kind < SIM_KIND_FAULT || kind >= SIM_KIND_COUNT) return NULL;
    return kinds[kind - SIM_KIND_FAULT] ? &left->faults : NULL;
}

/* Which chunks a sync that fails had written costs nothing: the failure was paid for. */
static bool is_free(unsigned kind)
{
    return kind == SIM_KIND_IMAGE + DISK_ASK_SYNC_CHUNK;
}

static bool has_others(const struct sim_asked *asked)
{
    return asked->address.kind == SIM_KIND_PREEMPT ? (asked->tasks & ~UINT64_C(1)) != 0
                                                   : asked->bound > 1;
}

static void note(void *context, const struct sim_asked *asked)
{
    struct explorer *explorer = context;
    struct explore_level *level = explorer->level;
    const struct sim_decision *address = &asked->address;
    struct explore_budget left = explorer->left;

    if (!explore_decided(explorer) || address->outcome != 0 || !has_others(asked)) return;
    const uint32_t *budget = price(explorer, address->kind, &left);
    if (!is_free(address->kind) && (budget == NULL || *budget == 0)) return;
    if (level->choice_count == level->choice_capacity) {
        level->choice_capacity = level->choice_capacity == 0 ? 256 : level->choice_capacity * 2;
        level->choices = realloc(level->choices, level->choice_capacity * sizeof *level->choices);
        assert(level->choices != NULL);
    }
    level->choices[level->choice_count++] = (struct explore_choice){
        .decision = {.who = (uint32_t)sim_context(explorer->runner->world),
                     .kind = address->kind,
                     .call = address->call,
                     .ordinal = address->ordinal},
        .who_hash = address->who,
        .bound = asked->bound,
        .tasks = asked->tasks,
        .time_ns = sim_now_ns(explorer->runner->world),
        .steps = sim_steps(explorer->runner->world),
        .events = explorer->runner->history.count,
    };
}

/* The contexts of the run just made: those that its decisions name come first in every run that
 * makes the same decisions. */
static void keep_whos(struct explorer *explorer)
{
    struct explore_level *level = explorer->level;
    size_t count;
    const struct sim_who *whos = sim_world_whos(explorer->runner->world, &count);

    if (count > level->who_capacity) {
        level->who_capacity = (uint32_t)count * 2;
        level->whos = realloc(level->whos, level->who_capacity * sizeof *level->whos);
        assert(level->whos != NULL);
    }
    memcpy(level->whos, whos, count * sizeof *whos);
    level->who_count = (uint32_t)count;
}

static void take_whos(struct explorer *explorer, const struct explore_level *level)
{
    struct run_case *run_case = &explorer->run_case;

    case_reserve(run_case, 0, level->who_count, 0, 0);
    memcpy(run_case->whos, level->whos, level->who_count * sizeof *level->whos);
    run_case->who_count = level->who_count;
}

static void decide(struct explorer *explorer, const struct case_decision *decision,
                   uint32_t outcome)
{
    struct run_case *run_case = &explorer->run_case;

    case_reserve(run_case, 0, 0, run_case->decision_count + 1, 0);
    run_case->decisions[run_case->decision_count] = *decision;
    run_case->decisions[run_case->decision_count++].outcome = outcome;
}

/* One run with the decisions of the case. False: it broke something. */
static bool run_set(struct explorer *explorer)
{
    const struct explore_budget *left = &explorer->left;
    const struct explore_options *options = &explorer->options;
    bool listen = left->crashes + left->faults + left->preemptions > 0;
    struct run_result result;
    const struct run_options run = {
        .replay = &explorer->run_case,
        .at_power_loss = explore_power_loss,
        .at_kill = explore_kill,
        .at_power_loss_context = explorer,
        .asked = listen ? note : NULL,
        .asked_context = explorer,
        .faults_asked = listen && left->faults > 0 ? explorer->scenario->explore.fault_kinds : NULL,
    };

    if (options->next != NULL) options->next(options->context, &explorer->run_case);
    runner_run(explorer->runner, NULL, &run, &result);
    explorer->count->runs++;
    if (result.property == NULL) return true;
    runner_export(explorer->runner, explorer->failed_case);
    *explorer->failed = result;
    explorer->count->failures++;
    return false;
}

static bool enough(const struct explorer *explorer)
{
    const struct explore_options *options = &explorer->options;

    if (options->stop == NULL || !options->stop(options->context)) return false;
    explorer->count->stopped++;
    return true;
}

static bool visit_set(struct explorer *explorer, uint32_t depth);

/* Decide so, visit, and take it back. */
static bool visit_choice(struct explorer *explorer, uint32_t depth,
                         const struct explore_choice *choice, uint32_t outcome)
{
    const struct explore_budget left = explorer->left;
    uint32_t *budget = price(explorer, choice->decision.kind, &explorer->left);
    uint32_t count = explorer->run_case.decision_count;

    if (budget != NULL) --*budget;
    if (choice->decision.kind == SIM_KIND_CRASH) explorer->count->crashes++;
    take_whos(explorer, &explorer->levels[depth]);
    decide(explorer, &choice->decision, outcome);
    bool held = visit_set(explorer, depth + 1);
    explorer->run_case.decision_count = count;
    explorer->left = left;
    return held;
}

/* Is it known that the run with this outcome goes on as another one? */
static bool skip_merged(struct explorer *explorer, const struct explore_choice *choice,
                        uint32_t outcome)
{
    if (outcome >= 64 || (choice->merged >> outcome & 1) == 0) return false;
    explorer->count->crashes++; /* Only they merge at once. */
    explorer->count->merged++;
    return true;
}

static bool visit_outcomes(struct explorer *explorer, uint32_t depth, struct explore_choice *choice)
{
    bool is_switch = choice->decision.kind == SIM_KIND_PREEMPT;
    bool is_crash = choice->decision.kind == SIM_KIND_CRASH;
    uint32_t bound = is_switch && choice->bound > 64 ? 64 : choice->bound;

    for (uint32_t outcome = 1; outcome < bound; outcome++) {
        if (is_switch && (choice->tasks >> outcome & 1) == 0) continue;
        if (skip_merged(explorer, choice, outcome)) continue;
        if (!visit_choice(explorer, depth, choice, outcome)) return false;
        const struct explore_level *level = &explorer->levels[depth + 1];
        if (is_crash && level->merged && level->promoted_images == 0) {
            choice->merged |= UINT64_C(1) << outcome;
        }
    }
    return true;
}

static bool visit_choices(struct explorer *explorer, uint32_t depth)
{
    struct explore_level *level = &explorer->levels[depth];

    for (uint32_t i = 0; i < level->choice_count; i++) {
        if (!visit_outcomes(explorer, depth, &level->choices[i])) return false;
    }
    return true;
}

/* ---- Sequences that begin alike ---- */

static bool same_choice(const struct explore_choice *a, const struct explore_choice *b)
{
    return a->who_hash == b->who_hash && a->decision.kind == b->decision.kind &&
           a->decision.call == b->decision.call && a->decision.ordinal == b->decision.ordinal &&
           a->bound == b->bound && a->tasks == b->tasks && a->time_ns == b->time_ns &&
           a->steps == b->steps && a->events == b->events;
}

/* As long as this run is the one of the beginning, its crashes merge as they did there: what is
 * left to do after them has grown by the same operation. */
static void inherit(struct explore_level *level, const struct explore_beginning *from)
{
    for (uint32_t i = 0; i < level->choice_count && i < from->count; i++) {
        if (!same_choice(&level->choices[i], &from->choices[i])) return;
        level->choices[i].merged = from->choices[i].merged;
    }
}

static void pass_on(const struct explore_level *level, struct explore_beginning *to)
{
    if (level->choice_count > to->capacity) {
        to->capacity = level->choice_count * 2;
        to->choices = realloc(to->choices, to->capacity * sizeof *to->choices);
        assert(to->choices != NULL);
    }
    to->count = level->choice_count;
    if (to->count > 0) memcpy(to->choices, level->choices, to->count * sizeof *to->choices);
}

/* Runs that go on with other images than the one that lost everything. */
static bool visit_promoted(struct explorer *explorer, uint32_t depth)
{
    const struct explore_level *level = &explorer->levels[depth];
    uint32_t count = explorer->run_case.decision_count, at = 0;

    for (uint32_t i = 0; i < level->promoted_images; i++) {
        take_whos(explorer, level);
        for (; at < level->promoted_end[i]; at++) {
            decide(explorer, &level->promoted[at], level->promoted[at].outcome);
        }
        bool held = visit_set(explorer, depth + 1);
        explorer->run_case.decision_count = count;
        if (!held) return false;
    }
    return true;
}

static bool visit_set(struct explorer *explorer, uint32_t depth)
{
    assert(depth < EXPLORE_LEVELS_MAX);
    if (enough(explorer)) return false;
    explorer->level = &explorer->levels[depth];
    explorer->level->choice_count = 0;
    explorer->level->promoted_count = explorer->level->promoted_images = 0;
    explorer->level->merged = false;
    if (!run_set(explorer)) return false;
    explorer->level = &explorer->levels[depth];
    keep_whos(explorer);
    uint32_t length = explorer->length;
    bool begins = depth == 0 && explorer->is_sequence;
    if (begins && length > 1) inherit(explorer->level, &explorer->beginnings[length - 1]);
    if (!visit_choices(explorer, depth)) return false;
    if (begins) pass_on(&explorer->levels[depth], &explorer->beginnings[length]);
    return visit_promoted(explorer, depth);
}

/* A process that nobody needs any more is not booted again, but to see that all is well: a second
 * crash would find no recovery to hit. So there is something left to do, also after a close. */
static void follow(struct run_case *run_case)
{
    static const enum operation_kind kinds[] = {OPERATION_REOPEN, OPERATION_WAIT};
    const uint32_t count = run_case->operation_count;

    case_reserve(run_case, count + 2, 0, 0, 0);
    for (uint32_t i = 0; i < 2; i++) {
        run_case->operations[run_case->operation_count++] =
            (struct operation){.kind = kinds[i], .number = FOLLOWING_NUMBER + i};
    }
}

bool explore_workload(struct explorer *explorer, bool is_sequence)
{
    explorer->length = explorer->run_case.operation_count;
    /* With more clients, the last operation may begin before those before it have ended. */
    explorer->is_sequence = is_sequence && explorer->run_case.config.clients == 1;
    explorer->left = explorer->budget;
    explorer->run_case.decision_count = explorer->run_case.who_count = 0;
    explorer->count->workloads++;
    if (explorer->budget.crashes > 1) follow(&explorer->run_case);
    bool held = visit_set(explorer, 0);
    explorer->run_case.operation_count = explorer->length;
    return held;
}
