/*
 * squall_run.c - squall run: sweep over seeds of scenarios.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "cmd/kept.h"
#include "cmd/output_file.h"
#include "cmd/reach.h"
#include "cmd/report.h"
#include "cmd/scenario_set.h"
#include "cmd/seeds.h"
#include "cmd/squall.h"

#define TIME_NS UINT64_C(60000000000) /* With neither seeds nor a time given. */
enum { FAILURES_ENOUGH = 10 };        /* For one scenario, unless told to keep going. */

enum {
    KEY_SEEDS = 0x100,
    KEY_SEED,
    KEY_FOR,
    KEY_JOBS,
    KEY_SHARD,
    KEY_JSON,
    KEY_JUNIT,
    KEY_KEEP_GOING,
    KEY_STOP_AT_FIRST,
    KEY_REACH,
};

static const struct argp_option options[] = {
    {.name = "seeds", .key = KEY_SEEDS, .arg = "A..B", .doc = "These seeds, both ends included"},
    {.name = "seed", .key = KEY_SEED, .arg = "N", .doc = "This seed, decimal or 0x..."},
    {.name = "for",
     .key = KEY_FOR,
     .arg = "TIME",
     .doc = "So long in all (60s, 5m, 1h), from a random seed on unless seeds are given; the "
            "general scenario gets half of it [60s]"},
    {.name = "jobs", .key = KEY_JOBS, .arg = "N", .doc = "Worker processes [one a core]"},
    {.name = "shard", .key = KEY_SHARD, .arg = "I/N", .doc = "The I-th of N shares of the seeds"},
    {.name = "json",
     .key = KEY_JSON,
     .arg = "FILE",
     .doc = "Write JSON Lines; - is standard output"},
    {.name = "junit", .key = KEY_JUNIT, .arg = "FILE", .doc = "Write JUnit XML"},
    {.name = "reach",
     .key = KEY_REACH,
     .doc = "Also print how often each fault struck in each phase, and whether that mattered; what "
            "could be reached and was not counts as a failure"},
    {.name = "keep-going",
     .key = KEY_KEEP_GOING,
     .doc = "Do not stop a scenario after 10 failing seeds"},
    {.name = "stop-at-first",
     .key = KEY_STOP_AT_FIRST,
     .doc = "Stop a scenario at its first failing seed; leave the kept seeds alone"},
    {0},
};

struct run_arguments {
    struct selection selection;
    char **names;
    size_t name_count;
    bool has_seeds;
    uint64_t first, last;
    uint64_t for_ns; /* 0: no limit. */
    uint32_t jobs;
    uint64_t shard, shards;
    const char *json, *junit;
    uint32_t failures_max;
    bool reach;
    bool alone; /* --stop-at-first: nothing from earlier runs, nothing for later ones. */
};

static void take_seeds(struct run_arguments *arguments, struct argp_state *state,
                       const char *option, const char *text, const char *wrong)
{
    squall_refuse(state, option, text, wrong);
    if (arguments->has_seeds) argp_error(state, "seeds are given twice");
    arguments->has_seeds = true;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct run_arguments *arguments = state->input;
    uint64_t number;

    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &arguments->selection; return 0;
    case KEY_SEEDS:
        take_seeds(arguments, state, "--seeds", arg,
                   seed_range_parse(arg, &arguments->first, &arguments->last));
        return 0;
    case KEY_SEED:
        take_seeds(arguments, state, "--seed", arg, seed_parse(arg, &arguments->first));
        arguments->last = arguments->first;
        return 0;
    case KEY_FOR:
        squall_refuse(state, "--for", arg, duration_parse(arg, &arguments->for_ns));
        return 0;
    case KEY_JOBS:
        squall_refuse(state, "--jobs", arg, count_parse(arg, 1, SWEEP_JOBS_MAX, &number));
        arguments->jobs = (uint32_t)number;
        return 0;
    case KEY_SHARD:
        squall_refuse(state, "--shard", arg,
                      shard_parse(arg, &arguments->shard, &arguments->shards));
        return 0;
    case KEY_JSON: arguments->json = arg; return 0;
    case KEY_REACH: arguments->reach = true; return 0;
    case KEY_JUNIT: arguments->junit = arg; return 0;
    case KEY_KEEP_GOING: arguments->failures_max = 0; return 0;
    case KEY_STOP_AT_FIRST:
        arguments->failures_max = 1;
        arguments->alone = true;
        return 0;
    case ARGP_KEY_ARGS:
        arguments->names = state->argv + state->next;
        arguments->name_count = (size_t)(state->argc - state->next);
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static struct run_arguments parse_arguments(int argc, char **argv)
{
    static const struct argp_child children[] = {{.argp = &selection_argp}, {0}};
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .args_doc = "[SCENARIO...]",
        .doc = "Run seeds of scenarios and judge every run by the properties.\v"
               "A SCENARIO is a name from `squall list' or the path of an .ini file; without one, "
               "all that are not expected to fail. Exit status: 0 all held, 1 a property was "
               "broken, 2 usage, 3 the harness failed, 130 interrupted.",
        .children = children,
    };
    struct run_arguments arguments = {
        .jobs = squall_cpus(), .shard = 1, .shards = 1, .failures_max = FAILURES_ENOUGH};

    squall_parse(&argp, argc, argv, &arguments);
    if (arguments.json != NULL && arguments.junit != NULL && strcmp(arguments.json, "-") == 0 &&
        strcmp(arguments.junit, "-") == 0) {
        squall_say("only one of --json and --junit can be standard output");
        exit(SQUALL_USAGE);
    }
    return arguments;
}

/* ---- What to run ---- */

struct run_plan {
    struct scenario_set set;
    struct kept_list kept;
    bool keeps; /* Runs that fail are kept, and those that were kept are tried. */
    struct sweep_part parts[SWEEP_PARTS_MAX];
    struct report_part names[SWEEP_PARTS_MAX];
    size_t count;
};

/* A scenario's kept cases lie together: their files are sorted by name. */
static void plan_kept(struct run_plan *plan, const struct run_arguments *arguments,
                      const struct scenario_choice *choice)
{
    const struct kept_list *kept = &plan->kept;
    size_t first = 0, end;

    while (first < kept->count && strcmp(kept->cases[first].scenario, choice->typed) != 0) first++;
    end = first;
    while (end < kept->count && strcmp(kept->cases[end].scenario, choice->typed) == 0) end++;
    if (first == end) return;
    plan->names[plan->count] = (struct report_part){
        .typed = choice->typed, .selection = arguments->selection, .kept = &kept->paths[first]};
    plan->names[plan->count].selection.images = 0; /* The one that matters is in the case. */
    plan->parts[plan->count++] = (struct sweep_part){
        .scenario = choice->scenario, .cases = &kept->cases[first], .count = end - first};
}

/* Seeds of one share: the range's from the I-th on, every N-th. */
static void plan_seeds(struct sweep_part *part, const struct run_arguments *arguments)
{
    part->first = arguments->first + (arguments->shard - 1);
    part->stride = arguments->shards;
    part->count = UINT64_MAX;
    if (!arguments->has_seeds) return;
    uint64_t last = arguments->last - arguments->first; /* The range has one more. */
    if (last < arguments->shard - 1) {
        part->count = 0;
    } else if (last < UINT64_MAX) {
        part->count = (last - (arguments->shard - 1)) / arguments->shards + 1;
    }
}

static void plan_parts(struct run_plan *plan, const struct run_arguments *arguments)
{
    if (2 * plan->set.count > SWEEP_PARTS_MAX) {
        squall_say("%zu scenarios are more than %d at once", plan->set.count, SWEEP_PARTS_MAX / 2);
        exit(SQUALL_USAGE);
    }
    for (size_t i = 0; i < plan->set.count && plan->keeps; i++) {
        plan_kept(plan, arguments, &plan->set.choices[i]);
    }
    for (size_t i = 0; i < plan->set.count; i++) {
        struct sweep_part part = {.scenario = plan->set.choices[i].scenario,
                                  .failures_max = arguments->failures_max};
        plan_seeds(&part, arguments);
        plan->names[plan->count] = (struct report_part){.typed = plan->set.choices[i].typed,
                                                        .selection = arguments->selection};
        plan->parts[plan->count++] = part;
    }
    for (size_t i = 0; i < plan->count; i++) { /* Not before the selections have their place. */
        plan->parts[i].options = selection_options(&plan->names[i].selection);
    }
}

/* The parts one after the other share the time: the general scenario has half of it. */
static void plan_deadlines(struct run_plan *plan, uint64_t for_ns)
{
    uint64_t begin_ns = squall_now_ns(), shares = 0, share = 0;
    size_t scenarios = plan->set.count;

    for (size_t i = 0; i < plan->count; i++) {
        if (plan->names[i].kept != NULL) continue;
        bool general = strcmp(plan->names[i].typed, "everything") == 0 && scenarios > 1;
        plan->parts[i].deadline_ns = general ? scenarios - 1 : 1; /* A weight; a time below. */
        shares += plan->parts[i].deadline_ns;
    }
    if (shares == 0) return; /* Nothing but kept failures: they take no time worth a share. */
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->names[i].kept != NULL) continue;
        share += plan->parts[i].deadline_ns;
        plan->parts[i].deadline_ns = begin_ns + for_ns / shares * share;
    }
}

static uint64_t random_seed(void)
{
    uint64_t seed = 0;

    if (getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed) {
        squall_say("no random seed; give --seeds");
        exit(SQUALL_FAILED);
    }
    return seed;
}

/* ---- Afterwards ---- */

static bool failed_again(const struct report *report, size_t part, uint64_t position)
{
    for (size_t i = 0; i < report->failure_count; i++) {
        const struct sweep_failure *failure = &report->failures[i];
        if (failure->part == part && failure->position == position) return true;
    }
    return false;
}

/* What was kept and holds now. */
static void forget_kept(const struct run_plan *plan, const struct report *report)
{
    for (size_t i = 0; i < plan->count; i++) {
        const struct sweep_part *part = &plan->parts[i];
        if (plan->names[i].kept == NULL || report->tallies[i].seeds != part->count) continue;
        for (uint64_t j = 0; j < part->count; j++) {
            if (!failed_again(report, i, j)) kept_forget(plan->names[i].kept[j]);
        }
    }
}

/* Scenarios that are to fail, or that are files of somebody's own, leave nothing. */
static void keep_failures(const struct report *report)
{
    struct kept_failure *failures = calloc(report->failure_count + 1, sizeof failures[0]);
    size_t count = 0;

    if (failures == NULL) abort();
    for (size_t i = 0; i < report->failure_count; i++) {
        const struct sweep_failure *failure = &report->failures[i];
        const struct report_part *name = &report->parts[failure->part];
        const struct sweep_part *part = &report->sweep_parts[failure->part];
        if (name->kept != NULL || scenario_expects_failure(part->scenario)) continue;
        if (strchr(name->typed, '/') != NULL || strchr(name->typed, '.') != NULL) continue;
        failures[count] = (struct kept_failure){.scenario = part->scenario,
                                                .options = part->options,
                                                .property = sweep_failure_property(failure),
                                                .why = failure->text};
        failures[count++].options.seed = failure->seed;
    }
    kept_add(failures, count);
    free(failures);
}

/* Every fault that one of the scenarios may draw. */
static struct reach_scope scope_of(const struct run_plan *plan, const struct selection *selection)
{
    struct reach_scope scope = {.faults = {0}};

    for (uint32_t number = 0; number < FAULT_NUMBER_COUNT; number++) {
        bool allowed = (!selection->has_only || selection->only[number] != 0) &&
                       (!selection->has_without || selection->without[number] == 0);
        for (size_t i = 0; i < plan->count && allowed; i++) {
            if (scenario_has_fault(plan->parts[i].scenario, number)) scope.faults[number] = 1;
        }
    }
    return scope;
}

/* False: something that could be reached was not. */
static bool tell_reach(const struct run_plan *plan, const struct run_arguments *arguments,
                       struct report *report, struct reach_table *tables, FILE *json)
{
    struct reach_scope scope = scope_of(plan, &arguments->selection);

    for (uint32_t i = 1; i < arguments->jobs; i++) reach_add(&tables[0], &tables[i]);
    fputc('\n', report->out);
    size_t zero = reach_print(report->out, &tables[0], &scope);
    if (json != NULL) reach_json(json, &tables[0], &scope);
    return zero == 0;
}

static int exit_status(const struct report *report, bool written)
{
    if (report->end == SWEEP_BROKEN || !written) return SQUALL_FAILED;
    if (report->failure_count > 0) return SQUALL_BROKEN;
    return report->end == SWEEP_INTERRUPTED ? SQUALL_INTERRUPTED : SQUALL_HELD;
}

static int run_plan(struct run_plan *plan, const struct run_arguments *arguments,
                    struct output_file *json, struct output_file *junit)
{
    struct progress progress = progress_begin();
    struct sweep_tally *tallies = calloc(plan->count + 1, sizeof tallies[0]);
    bool taken = json->out == stdout || junit->out == stdout;
    struct report report = {
        .out = taken ? stderr : stdout,
        .progress = &progress,
        .sweep_parts = plan->parts,
        .parts = plan->names,
        .part_count = plan->count,
        .jobs = arguments->jobs,
        .began_ns = squall_now_ns(),
    };
    struct reach_table *reach = arguments->reach ? reach_share(arguments->jobs) : NULL;
    const struct sweep sweep = {
        .parts = plan->parts,
        .part_count = plan->count,
        .jobs = arguments->jobs,
        .reach = reach,
        .on_failure = report_failure,
        .on_tick = report_tick,
        .context = &report,
    };

    if (tallies == NULL || (arguments->reach && reach == NULL)) abort();
    if (!arguments->has_seeds) {
        fprintf(report.out, "seeds from 0x%016" PRIx64 " on\n", arguments->first);
        fflush(report.out);
    }
    report.end = sweep_run(&sweep, tallies);
    report.wall_ns = squall_now_ns() - report.began_ns;
    report.tallies = tallies;
    report_sort(&report);
    report_summary(&report);
    bool reached = reach == NULL || tell_reach(plan, arguments, &report, reach, json->out);
    reach_unshare(reach, arguments->jobs);
    if (plan->keeps) {
        forget_kept(plan, &report);
        keep_failures(&report);
    }
    if (json->out != NULL) report_json(&report, json->out);
    if (junit->out != NULL) report_junit(&report, junit->out);
    bool written = output_file_close(json);
    written = output_file_close(junit) && written;
    int status = exit_status(&report, written);
    if (status == SQUALL_HELD && !reached) status = SQUALL_BROKEN;
    report_free(&report);
    free(tallies);
    return status;
}

int squall_run(int argc, char **argv)
{
    static struct run_plan plan; /* Large, and there is one. */
    struct run_arguments arguments = parse_arguments(argc, argv);
    struct output_file json, junit;

    if (arguments.name_count > 0) {
        scenario_set_named(&plan.set, arguments.names, arguments.name_count);
    } else {
        scenario_set_all(&plan.set, false);
    }
    if (!output_file_open(&json, arguments.json)) return SQUALL_USAGE;
    if (!output_file_open(&junit, arguments.junit)) return SQUALL_USAGE;
    if (!arguments.has_seeds) {
        arguments.first = random_seed();
        if (arguments.for_ns == 0) arguments.for_ns = TIME_NS;
    }
    plan.keeps = !arguments.alone && selection_is_plain(&arguments.selection);
    if (plan.keeps) kept_load(&plan.kept);
    plan_parts(&plan, &arguments);
    if (arguments.for_ns != 0) plan_deadlines(&plan, arguments.for_ns);
    int status = run_plan(&plan, &arguments, &json, &junit);
    kept_free(&plan.kept);
    scenario_set_free(&plan.set);
    return status;
}
