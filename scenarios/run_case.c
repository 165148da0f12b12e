/*
 * run_case.c - between runs and cases: replaying one, writing a run down, and what it came to.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "scenarios/run.h"

enum { FAULT_RESUMES = 39 };

const char *run_cause_name(enum run_cause cause)
{
    static const char *const names[] = {"nothing",       "a failed call", "a failed sync",
                                        "no memory",     "process death", "power loss",
                                        "damage at rest"};

    return names[cause];
}

const char *run_stale_name(enum run_stale stale)
{
    static const char *const names[] = {"fresh", "a decision was never asked for",
                                        "a decision could not come out as it did",
                                        "something else was at stake at a crash"};

    return names[stale];
}

void run_reserve_operations(struct runner *runner, uint32_t count)
{
    if (runner->operation_capacity < count + 1) {
        runner->operation_capacity = count + 1;
        free(runner->operations);
        free(runner->begun);
        runner->operations = calloc(runner->operation_capacity, sizeof *runner->operations);
        runner->begun = calloc(runner->operation_capacity, sizeof *runner->begun);
        assert(runner->operations != NULL);
        assert(runner->begun != NULL);
    }
    memset(runner->begun, 0, runner->operation_capacity);
    runner->operation_count = count;
}

struct operation run_probe_operation(uint32_t number)
{
    return (struct operation){
        .kind = OPERATION_APPEND, .number = number, .records = 1, .lengths = {16}};
}

/* A number that no operation has. */
static uint32_t probe_number(const struct run_case *run_case)
{
    uint32_t number = 0;

    for (uint32_t i = 0; i < run_case->operation_count; i++) {
        if (run_case->operations[i].number >= number) number = run_case->operations[i].number + 1;
    }
    return number;
}

void run_take_case(struct runner *runner)
{
    const struct run_case *from = runner->options->replay;
    struct fault_plan *plan = &runner->plan;

    runner->config = from->config;
    runner->odds = (struct run_odds){.policy = SIM_POLICY_FIRST};
    run_reserve_operations(runner, from->operation_count);
    for (uint32_t i = 0; i < from->operation_count; i++) {
        runner->operations[i] = from->operations[i];
    }
    runner->operations[from->operation_count] = run_probe_operation(probe_number(from));
    case_record(from, runner->options->address_salt, &runner->replay);

    memset(plan, 0, sizeof *plan);
    plan->fsync_failure = (enum disk_fsync_failure)from->config.fsync_failure;
    for (uint32_t i = 0; i < from->decision_count; i++) {
        uint32_t kind = from->decisions[i].kind;
        if (kind == SIM_KIND_RESUME) plan->odds[FAULT_RESUMES] = 1;
        if (kind < SIM_KIND_FAULT || kind >= SIM_KIND_COUNT) continue;
        plan->odds[kind - SIM_KIND_FAULT] = 1; /* So that it is asked. */
    }
    for (uint32_t i = 0; runner->options->faults_asked != NULL && i < FAULT_NUMBER_COUNT; i++) {
        if (runner->options->faults_asked[i]) plan->odds[i] = 1;
    }
}

void run_add_milestone(struct runner *runner, const struct sim_end *end)
{
    if (runner->milestone_count == MILESTONES_MAX) return;
    runner->milestones[runner->milestone_count++] =
        (struct case_milestone){.operation = end->operation,
                                .power = end->stop == SIM_STOP_POWER,
                                .must_lsn = runner->must_lsn,
                                .pending = disk_pending(sim_disk(runner->world))};
}

/* ---- What it came to ---- */

static enum run_cause cause_of_fault(uint32_t number)
{
    static const struct {
        uint8_t number;
        uint8_t cause;
    } others[] = {{4, RUN_CAUSE_SYNC},  {8, RUN_CAUSE_SYNC},  {9, RUN_CAUSE_SYNC},
                  {10, RUN_CAUSE_SYNC}, {11, RUN_CAUSE_SYNC}, {19, RUN_CAUSE_MEMORY},
                  {1, RUN_CAUSE_NONE},  {2, RUN_CAUSE_NONE},  {13, RUN_CAUSE_NONE},
                  {16, RUN_CAUSE_NONE}, {18, RUN_CAUSE_NONE}, {50, RUN_CAUSE_NONE}};

    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (others[i].number == number) return (enum run_cause)others[i].cause;
    }
    return RUN_CAUSE_CALL;
}

static enum run_cause last_cause(const struct runner *runner)
{
    for (size_t i = runner->history.count; i > 0; i--) {
        const struct history_event *event = &runner->history.events[i - 1];
        if (event->kind == HISTORY_DAMAGED) return RUN_CAUSE_MEDIA;
        if (event->kind == HISTORY_CRASHED) {
            return event->flag ? RUN_CAUSE_POWER : RUN_CAUSE_KILL;
        }
        if (event->kind != HISTORY_INJECTED) continue;
        enum run_cause cause = cause_of_fault(event->fault);
        if (cause != RUN_CAUSE_NONE) return cause;
    }
    return RUN_CAUSE_NONE;
}

/* What a user saw, without when. */
uint64_t runner_outcome(const struct runner *runner)
{
    uint64_t hash = 0;

    for (size_t i = 0; i < runner->history.count; i++) {
        const struct history_event *event = &runner->history.events[i];
        const struct history_observation *seen = event->observation;
        if (event->kind == HISTORY_INJECTED) continue;
        const uint64_t words[] = {hash,
                                  (uint64_t)event->kind << 32 | event->error,
                                  (uint64_t)event->operation << 32 | event->instance,
                                  event->first_lsn,
                                  event->last_lsn,
                                  event->hash,
                                  seen == NULL ? 0 : (uint64_t)seen->count << 32 | seen->open_error,
                                  seen == NULL ? 0 : seen->read_error};
        hash = XXH3_64bits(words, sizeof words);
    }
    return hash;
}

static bool same_milestone(const struct case_milestone *a, const struct case_milestone *b)
{
    return a->operation == b->operation && a->power == b->power && a->must_lsn == b->must_lsn &&
           a->pending == b->pending;
}

static void find_stale(struct runner *runner)
{
    const struct run_case *from = runner->options->replay;
    const struct sim_record *record = sim_world_record(runner->world);
    struct run_result *result = &runner->result;

    for (uint32_t i = 0; i + 1 < from->milestone_count; i++) {
        if (i < runner->milestone_count &&
            same_milestone(&from->milestones[i], &runner->milestones[i])) {
            continue;
        }
        result->stale = RUN_STALE_MILESTONE;
        result->stale_at = i;
        break;
    }
    for (uint32_t i = 0; i < from->decision_count; i++) {
        if (sim_replay_asked(runner->world, i)) continue;
        result->stale = RUN_STALE_ADDRESS;
        result->stale_at = i;
        return;
    }
    if (record->count < from->decision_count) {
        result->stale = RUN_STALE_OUTCOME;
        result->stale_at = (uint32_t)record->count;
    }
}

void run_conclude(struct runner *runner)
{
    struct run_result *result = &runner->result;

    if (result->property != NULL) {
        result->cause = result->image != 0 ? RUN_CAUSE_POWER : last_cause(runner);
    }
    if (runner->options->replay != NULL) find_stale(runner);
}

/* ---- Writing it down ---- */

static void add_decisions(const struct sim_who *whos, size_t who_count,
                          const struct sim_record *record, struct run_case *to)
{
    for (size_t i = 0; i < record->count; i++) {
        const struct sim_decision *from = &record->decisions[i];
        uint32_t who = 0;

        while (who < who_count && whos[who].hash != from->who) who++;
        assert(who < who_count);
        struct case_decision *decision = &to->decisions[to->decision_count++];
        *decision = (struct case_decision){.who = who,
                                           .kind = from->kind,
                                           .call = from->call,
                                           .ordinal = from->ordinal,
                                           .outcome = from->outcome};
    }
}

/* The image that broke it becomes the one that the run goes on with, and is looked at as it was:
 * for the run itself may have damage lifted before it boots again. */
static void promote(const struct runner *runner, struct run_case *to, const struct sim_who *whos,
                    size_t count)
{
    add_decisions(whos, count, sim_image_record(runner->world), to);
    to->decisions[to->decision_count++] =
        (struct case_decision){.who = (uint32_t)sim_context(runner->world),
                               .kind = SIM_KIND_LOOK,
                               .call = SIM_CALL_HARNESS,
                               .outcome = 2};
}

void runner_export(const struct runner *runner, struct run_case *ret_case)
{
    const struct run_result *result = &runner->result;
    const struct sim_record *record = sim_world_record(runner->world);
    const struct run_case *replay = runner->options->replay;
    size_t who_count;
    const struct sim_who *whos = sim_world_whos(runner->world, &who_count);
    uint32_t decisions = (uint32_t)(record->count + sim_image_record(runner->world)->count + 1);

    /* One more of each: there may be none, and memory that is not there cannot be copied to. */
    case_reserve(ret_case, runner->operation_count + 1, (uint32_t)who_count + 1, decisions,
                 runner->milestone_count + 1);
    ret_case->seed = replay != NULL ? replay->seed : runner->options->seed;
    ret_case->config = runner->config;
    const char *scenario = replay != NULL ? replay->scenario : scenario_name(runner->scenario);
    (void)snprintf(ret_case->scenario, sizeof ret_case->scenario, "%s", scenario);
    (void)snprintf(ret_case->bug, sizeof ret_case->bug, "%s", replay != NULL ? replay->bug : "");
    (void)snprintf(ret_case->property, sizeof ret_case->property, "%s",
                   result->property != NULL ? result->property->name : "");
    (void)snprintf(ret_case->why, sizeof ret_case->why, "%s", result->failure);
    ret_case->operation_count = runner->operation_count;
    memcpy(ret_case->operations, runner->operations,
           runner->operation_count * sizeof ret_case->operations[0]);
    ret_case->who_count = (uint32_t)who_count;
    memcpy(ret_case->whos, whos, who_count * sizeof ret_case->whos[0]);
    ret_case->milestone_count = runner->milestone_count;
    memcpy(ret_case->milestones, runner->milestones,
           runner->milestone_count * sizeof ret_case->milestones[0]);
    ret_case->decision_count = 0;
    add_decisions(whos, who_count, record, ret_case);
    if (runner->judging || (result->property != NULL && result->image != 0))
        promote(runner, ret_case, whos, who_count);
    case_forget_whos(ret_case);
}
