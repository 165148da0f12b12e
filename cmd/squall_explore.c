/*
 * squall_explore.c - squall explore: every crash point and every image of small workloads.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/explore_pool.h"
#include "cmd/json.h"
#include "cmd/output_file.h"
#include "cmd/progress.h"
#include "cmd/scenario_set.h"
#include "cmd/seeds.h"
#include "cmd/squall.h"
#include "properties/property.h"

enum {
    KEY_DEPTH = 0x100,
    KEY_CRASHES,
    KEY_FAULTS,
    KEY_PREEMPTIONS,
    KEY_IMAGES_MAX,
    KEY_FOR,
    KEY_JOBS,
    KEY_JSON
};

static const struct argp_option options[] = {
    {.name = "depth",
     .key = KEY_DEPTH,
     .arg = "N",
     .doc = "Sequences of up to N operations [as the scenario says, like the next three]"},
    {.name = "crashes", .key = KEY_CRASHES, .arg = "N", .doc = "Up to N crashes in one run"},
    {.name = "faults", .key = KEY_FAULTS, .arg = "N", .doc = "Up to N strikes of faults"},
    {.name = "preemptions", .key = KEY_PREEMPTIONS, .arg = "N", .doc = "Up to N preemptions"},
    {.name = "images-max",
     .key = KEY_IMAGES_MAX,
     .arg = "N",
     .doc = "Where one loss of power leaves more than N images, only the plain ones and some "
            "drawn ones [4096]"},
    {.name = "for", .key = KEY_FOR, .arg = "TIME", .doc = "Stop after so long (60s, 5m)"},
    {.name = "jobs", .key = KEY_JOBS, .arg = "N", .doc = "Worker processes [one a core]"},
    {.name = "json",
     .key = KEY_JSON,
     .arg = "FILE",
     .doc = "Write JSON Lines; - is standard output"},
    {0},
};

struct explore_arguments {
    char **names;
    size_t name_count;
    struct explore_options explore;
    uint64_t for_ns; /* 0: no limit. */
    uint32_t jobs;
    const char *json;
};

static void take_count(struct argp_state *state, const char *option, const char *text, uint64_t min,
                       uint64_t max, uint32_t *ret_count)
{
    uint64_t count = 0;

    squall_refuse(state, option, text, count_parse(text, min, max, &count));
    *ret_count = (uint32_t)count;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct explore_arguments *arguments = state->input;
    struct explore_options *explore = &arguments->explore;

    switch (key) {
    case KEY_DEPTH: take_count(state, "--depth", arg, 1, 8, &explore->sequence); return 0;
    case KEY_CRASHES: take_count(state, "--crashes", arg, 0, 4, &explore->crashes); return 0;
    case KEY_FAULTS: take_count(state, "--faults", arg, 0, 4, &explore->faults); return 0;
    case KEY_PREEMPTIONS:
        take_count(state, "--preemptions", arg, 0, 4, &explore->preemptions);
        return 0;
    case KEY_IMAGES_MAX:
        take_count(state, "--images-max", arg, 1, 1 << 24, &explore->images_max);
        return 0;
    case KEY_FOR:
        squall_refuse(state, "--for", arg, duration_parse(arg, &arguments->for_ns));
        return 0;
    case KEY_JOBS:
        take_count(state, "--jobs", arg, 1, EXPLORE_JOBS_MAX, &arguments->jobs);
        return 0;
    case KEY_JSON: arguments->json = arg; return 0;
    case ARGP_KEY_ARGS:
        arguments->names = state->argv + state->next;
        arguments->name_count = (size_t)(state->argc - state->next);
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static struct explore_arguments parse_arguments(int argc, char **argv)
{
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .args_doc = "[SCENARIO...]",
        .doc = "Visit every crash point and every image of small workloads: the section [explore] "
               "of a scenario says which; without a SCENARIO, all that have one and are not "
               "expected to fail.\v"
               "Says `complete', or what bound it hit. Exit status: 0 all that was visited held, 1 "
               "a property was broken, 2 usage, 3 the harness failed, 130 interrupted.",
    };
    struct explore_arguments arguments = {.explore = {.sequence = EXPLORE_AS_WRITTEN,
                                                      .crashes = EXPLORE_AS_WRITTEN,
                                                      .faults = EXPLORE_AS_WRITTEN,
                                                      .preemptions = EXPLORE_AS_WRITTEN}};

    squall_parse(&argp, argc, argv, &arguments);
    if (arguments.jobs == 0) arguments.jobs = squall_cpus();
    return arguments;
}

/* ---- What came of one scenario ---- */

struct explored {
    const struct scenario_choice *choice;
    struct explore_outcome outcome;
    uint64_t wall_ns;
};

static double seconds(const struct explored *explored)
{
    return (double)explored->wall_ns / 1e9;
}

static double images_per_s(const struct explored *explored)
{
    return explored->wall_ns == 0 ? 0
                                  : (double)explored->outcome.count.distinct / seconds(explored);
}

/* What was left out, or NULL. */
static char *bounds(const struct explore_outcome *outcome)
{
    const struct explore_count *count = &outcome->count;
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    const char *between = "";

    if (out == NULL) abort();
    if (outcome->units_done < outcome->units || count->stopped > 0) {
        fprintf(out, "%s after %" PRIu64 " of %" PRIu64 " units",
                outcome->interrupted ? "interrupted" : "out of time", outcome->units_done,
                outcome->units);
        between = "; ";
    }
    if (count->failures > 0) {
        fprintf(out, "%s%" PRIu64 " %s left at a failure", between, count->failures,
                count->failures == 1 ? "unit" : "units");
        between = "; ";
    }
    if (count->too_many > 0) {
        fprintf(out, "%s%" PRIu64 " losses of power left more images than --images-max", between,
                count->too_many);
        between = "; ";
    }
    if (count->not_taken > 0) {
        fprintf(out, "%sruns did not go on with %" PRIu64 " more images", between,
                count->not_taken);
    }
    fclose(out);
    if (bytes > 0) return text;
    free(text);
    return NULL;
}

static const char *claim_of(const char *property)
{
    for (size_t i = 0; properties_all[i] != NULL; i++) {
        if (strcmp(properties_all[i]->name, property) == 0) return properties_all[i]->claim;
    }
    return "A run ends by itself within its process.";
}

static void print_failures(const struct explored *explored, FILE *out)
{
    const struct explore_outcome *outcome = &explored->outcome;

    for (uint32_t i = 0; i < outcome->failure_count; i++) {
        const struct explore_failure *failure = &outcome->failures[i];
        fprintf(out, "FAIL  %s unit %" PRIu64 "  %s: %s\n      %s\n", explored->choice->typed,
                failure->unit + 1, failure->property, failure->what, claim_of(failure->property));
        if (failure->path[0] != '\0') {
            fprintf(out, "      replay with: ./squall replay %s\n", failure->path);
        }
    }
}

static void print_explored(const struct explored *explored, FILE *out)
{
    const struct explore_count *count = &explored->outcome.count;
    char *left_out = bounds(&explored->outcome);

    print_failures(explored, out);
    fprintf(out,
            "%-20s %8" PRIu64 " workloads %9" PRIu64 " crashes %8" PRIu64 " states %10" PRIu64
            " images %9" PRIu64 " distinct %6.1f s %8.0f images/s\n",
            explored->choice->typed, count->workloads, count->crashes, count->states, count->images,
            count->distinct, seconds(explored), images_per_s(explored));
    if (left_out == NULL) fprintf(out, "%-20s complete\n", "");
    if (left_out != NULL) fprintf(out, "%-20s not complete: %s\n", "", left_out);
    free(left_out);
}

static void member(FILE *out, const char *name, const char *value)
{
    fprintf(out, ",\"%s\":", name);
    json_string(out, value, strlen(value));
}

static void json_failures(const struct explored *explored, FILE *out)
{
    const struct explore_outcome *outcome = &explored->outcome;

    for (uint32_t i = 0; i < outcome->failure_count; i++) {
        const struct explore_failure *failure = &outcome->failures[i];
        fputs("{\"type\":\"failure\"", out);
        member(out, "scenario", explored->choice->typed);
        fprintf(out, ",\"unit\":%" PRIu64, failure->unit + 1);
        member(out, "property", failure->property);
        member(out, "claim", claim_of(failure->property));
        member(out, "what", failure->what);
        if (failure->path[0] != '\0') member(out, "reproducer", failure->path);
        fputs("}\n", out);
    }
}

static void json_explored(const struct explored *explored, FILE *out)
{
    const struct explore_count *count = &explored->outcome.count;
    char *left_out = bounds(&explored->outcome);

    json_failures(explored, out);
    fputs("{\"type\":\"explore\"", out);
    member(out, "scenario", explored->choice->typed);
    fprintf(out, ",\"complete\":%s", left_out == NULL ? "true" : "false");
    if (left_out != NULL) member(out, "left_out", left_out);
    fprintf(out,
            ",\"units\":%" PRIu64 ",\"workloads\":%" PRIu64 ",\"runs\":%" PRIu64
            ",\"crashes\":%" PRIu64 ",\"merged\":%" PRIu64 ",\"states\":%" PRIu64
            ",\"images\":%" PRIu64 ",\"distinct\":%" PRIu64 ",\"spared\":%" PRIu64
            ",\"promoted\":%" PRIu64 ",\"too_many\":%" PRIu64 ",\"not_taken\":%" PRIu64
            ",\"failures\":%" PRIu64 ",\"wall_s\":%.3f,\"images_per_s\":%.0f}\n",
            explored->outcome.units, count->workloads, count->runs, count->crashes, count->merged,
            count->states, count->images, count->distinct, count->spared, count->promoted,
            count->too_many, count->not_taken, count->failures, seconds(explored),
            images_per_s(explored));
    free(left_out);
}

/* ---- One scenario after the other ---- */

struct showing {
    struct progress progress;
    const char *name;
};

static void show(void *context, const struct explore_outcome *so_far)
{
    struct showing *showing = context;
    uint64_t now_ns = squall_now_ns();
    char line[PROGRESS_BYTES];

    if (!progress_due(&showing->progress, now_ns)) return;
    (void)snprintf(line, sizeof line,
                   "%s: %" PRIu64 " of %" PRIu64 " units, %" PRIu64 " workloads, %" PRIu64
                   " crashes, %" PRIu64 " images, %" PRIu64 " failing",
                   showing->name, so_far->units_done, so_far->units, so_far->count.workloads,
                   so_far->count.crashes, so_far->count.distinct, so_far->count.failures);
    progress_show(&showing->progress, now_ns, line);
}

static bool explores(const struct scenario *scenario)
{
    const struct explore_options none = {.images_max = 1};
    struct explorer *explorer = explorer_create(scenario, &none);

    explorer_destroy(explorer);
    return explorer != NULL;
}

static void explore_one(const struct explore_arguments *arguments, uint64_t until_ns,
                        struct explored *explored)
{
    struct showing showing = {.progress = progress_begin(), .name = explored->choice->typed};
    const struct explore_job job = {.scenario = explored->choice->scenario,
                                    .options = arguments->explore,
                                    .jobs = arguments->jobs,
                                    .until_ns = until_ns,
                                    .progress = show,
                                    .context = &showing};
    uint64_t begin_ns = squall_now_ns();

    explore_pool_run(&job, &explored->outcome);
    explored->wall_ns = squall_now_ns() - begin_ns;
    progress_clear(&showing.progress);
}

static int explore(const struct explore_arguments *arguments, const struct scenario_set *set,
                   struct output_file *json)
{
    uint64_t until_ns = arguments->for_ns == 0 ? 0 : squall_now_ns() + arguments->for_ns;
    int status = SQUALL_HELD;

    for (size_t i = 0; i < set->count; i++) {
        struct explored explored = {.choice = &set->choices[i]};
        if (!explores(explored.choice->scenario)) continue;
        explore_one(arguments, until_ns, &explored);
        if (explored.outcome.broken) return SQUALL_FAILED;
        print_explored(&explored, json->out == stdout ? stderr : stdout);
        if (json->out != NULL) json_explored(&explored, json->out);
        if (explored.outcome.count.failures > 0) status = SQUALL_BROKEN;
        if (explored.outcome.interrupted) {
            return status == SQUALL_HELD ? SQUALL_INTERRUPTED : status;
        }
    }
    return status;
}

static void choose(const struct explore_arguments *arguments, struct scenario_set *set)
{
    if (arguments->name_count == 0) {
        scenario_set_all(set, false);
        return;
    }
    scenario_set_named(set, arguments->names, arguments->name_count);
    for (size_t i = 0; i < set->count; i++) {
        if (explores(set->choices[i].scenario)) continue;
        squall_say("%s has no section [explore] that says what to visit", set->choices[i].typed);
        exit(SQUALL_USAGE);
    }
}

int squall_explore(int argc, char **argv)
{
    struct explore_arguments arguments = parse_arguments(argc, argv);
    struct scenario_set set;
    struct output_file json;

    choose(&arguments, &set);
    if (!output_file_open(&json, arguments.json)) return SQUALL_USAGE;
    int status = explore(&arguments, &set, &json);
    if (!output_file_close(&json)) status = SQUALL_FAILED;
    scenario_set_free(&set);
    return status;
}
