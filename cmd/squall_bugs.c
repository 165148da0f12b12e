/*
 * squall_bugs.c - squall bugs: plant known bugs in copies of the library, and hunt them.
 *
 * Each trial is a range of seeds of its own, the same for all bugs. A bug that is not found within
 * the cap is a miss; a null mutant, which behaves rightly though not as before, must not be found.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "cmd/bug_patch.h"
#include "cmd/bugs_compare.h"
#include "cmd/bugs_policies.h"
#include "cmd/hunt.h"
#include "cmd/mutant.h"
#include "cmd/output_file.h"
#include "cmd/progress.h"
#include "cmd/repro_file.h"
#include "cmd/seeds.h"
#include "cmd/shrunk.h"
#include "cmd/squall.h"
#include "sim/decide.h"

enum { TRIALS = 3, TRIALS_MAX = 1000 };
enum {
    KEY_TRIALS = 0x100,
    KEY_CAP,
    KEY_FOR,
    KEY_JSON,
    KEY_JOBS,
    KEY_COMPARE,
    KEY_POLICIES,
    KEY_NO_SHRINK,
    KEY_KEEP
};

static const struct argp_option options[] = {
    {.name = "trials", .key = KEY_TRIALS, .arg = "N", .doc = "Independent hunts for each bug [3]"},
    {.name = "cap",
     .key = KEY_CAP,
     .arg = "N",
     .doc = "Seeds after which a hunt gives up [gross 5000, classification 50000, subtle 200000, "
            "rare 1000000, null 20000]"},
    {.name = "for", .key = KEY_FOR, .arg = "TIME", .doc = "No longer than this in all"},
    {.name = "json",
     .key = KEY_JSON,
     .arg = "FILE",
     .doc = "Write JSON Lines; - is standard output"},
    {.name = "no-shrink", .key = KEY_NO_SHRINK, .doc = "Do not shrink what is found"},
    {.name = "keep",
     .key = KEY_KEEP,
     .arg = "DIR",
     .doc = "Write the shrunk reproducers there: NAME.repro, NAME-2.repro, ..."},
    {.name = "compare",
     .key = KEY_COMPARE,
     .arg = "OLD",
     .doc = "Hunt nothing: compare two files of --json, OLD and the one that is named instead of a "
            "bug"},
    {.name = "policies",
     .key = KEY_POLICIES,
     .doc = "Hunt with each policy of the scheduler alone: which finds which race"},
    {.name = "jobs", .key = KEY_JOBS, .arg = "N", .doc = "Hunts at once [one a core]"},
    {0},
};

struct bugs_arguments {
    char **names;
    size_t name_count;
    uint32_t trials;
    uint64_t cap; /* 0: by stratum. */
    uint64_t for_ns;
    const char *json, *compare, *keep;
    bool policies;
    uint32_t jobs;
    bool no_shrink;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct bugs_arguments *arguments = state->input;
    uint64_t number;

    switch (key) {
    case KEY_TRIALS:
        squall_refuse(state, "--trials", arg, count_parse(arg, 1, TRIALS_MAX, &number));
        arguments->trials = (uint32_t)number;
        return 0;
    case KEY_CAP:
        squall_refuse(state, "--cap", arg, count_parse(arg, 1, INT64_MAX, &arguments->cap));
        return 0;
    case KEY_FOR:
        squall_refuse(state, "--for", arg, duration_parse(arg, &arguments->for_ns));
        return 0;
    case KEY_JSON: arguments->json = arg; return 0;
    case KEY_POLICIES: arguments->policies = true; return 0;
    case KEY_NO_SHRINK: arguments->no_shrink = true; return 0;
    case KEY_KEEP: arguments->keep = arg; return 0;
    case KEY_COMPARE: arguments->compare = arg; return 0;
    case KEY_JOBS:
        squall_refuse(state, "--jobs", arg, count_parse(arg, 1, 1024, &number));
        arguments->jobs = (uint32_t)number;
        return 0;
    case ARGP_KEY_ARGS:
        arguments->names = state->argv + state->next;
        arguments->name_count = (size_t)(state->argc - state->next);
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* ---- Planting ---- */

struct campaign {
    struct bug_list list;
    struct hunt *hunts; /* trials * list.count, trial by trial: so each bug gets its turn early. */
    uint32_t trials;
    char **programs, **folders;
    struct progress progress;
};

static bool plant_all(struct campaign *campaign)
{
    for (size_t i = 0; i < campaign->list.count; i++) {
        const char *name = campaign->list.bugs[i].name;
        char line[PROGRESS_BYTES];

        if (progress_due(&campaign->progress, squall_now_ns())) {
            (void)snprintf(line, sizeof line, "planting %zu of %zu: %s", i + 1,
                           campaign->list.count, name);
            progress_show(&campaign->progress, squall_now_ns(), line);
        }
        if (!mutant_plant(name)) return false;
        campaign->folders[i] = mutant_folder(name);
        campaign->programs[i] = mutant_program(name);
    }
    return true;
}

/* Where the find of a trial goes. */
static char *reproducer_path(const char *keep, const struct campaign *campaign, size_t bug,
                             uint32_t trial)
{
    char *path = keep != NULL ? squall_path("%s/%s.repro", keep, campaign->list.bugs[bug].name)
                              : squall_path("%s/shrunk.repro", campaign->folders[bug]);
    char *numbered = trial > 0 ? repro_file_numbered(path, trial + 1) : squall_path("%s", path);

    free(path);
    return numbered;
}

static void prepare_hunts(struct campaign *campaign, const struct bugs_arguments *arguments)
{
    for (uint32_t trial = 0; trial < campaign->trials; trial++) {
        for (size_t i = 0; i < campaign->list.count; i++) {
            const struct bug_patch *bug = &campaign->list.bugs[i];
            campaign->hunts[trial * campaign->list.count + i] = (struct hunt){
                .program = campaign->programs[i],
                .folder = campaign->folders[i],
                .name = bug->name,
                .first = sim_mix(trial, 1, 0) >> 1,
                .count = arguments->cap != 0 ? arguments->cap : bug_stratum_cap(bug->stratum),
                .reproducer = arguments->no_shrink
                                  ? NULL
                                  : reproducer_path(arguments->keep, campaign, i, trial),
            };
        }
    }
}

static void tick(void *context, size_t finished)
{
    struct campaign *campaign = context;
    uint64_t now_ns = squall_now_ns();
    char line[PROGRESS_BYTES];

    if (!progress_due(&campaign->progress, now_ns)) return;
    (void)snprintf(line, sizeof line, "%zu of %zu hunts ended", finished,
                   campaign->trials * campaign->list.count);
    progress_show(&campaign->progress, now_ns, line);
}

/* ---- Telling ---- */

struct verdict_on_bug {
    uint32_t finished, found;
    uint32_t unsound; /* Trials that found what fails without the bug, too. */
    bool broken;
    double median_seeds, p90_seeds, median_s; /* Negative: more than half, or a tenth, missed. */
    const char *property;                     /* The most frequent one, or NULL. */
    struct shrunk shrunk;
};

static int by_value(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;

    return (left > right) - (left < right);
}

/* The value at a quantile of `found` values among `finished`, the others being beyond all. */
static double quantile(const double *values, uint32_t found, uint32_t finished, uint32_t percent)
{
    uint32_t at = (finished * percent + 99) / 100;

    if (at == 0) at = 1;
    return at > found ? -1 : values[at - 1];
}

static const char *most_frequent(const struct campaign *campaign, size_t bug)
{
    const char *best = NULL;
    uint32_t best_count = 0;

    for (uint32_t i = 0; i < campaign->trials; i++) {
        const struct hunt *hunt = &campaign->hunts[i * campaign->list.count + bug];
        uint32_t same = 0;
        if (hunt->end != HUNT_FOUND) continue;
        for (uint32_t j = 0; j < campaign->trials; j++) {
            const struct hunt *other = &campaign->hunts[j * campaign->list.count + bug];
            if (strcmp(hunt->property, other->property) == 0) same++;
        }
        if (same <= best_count) continue;
        best_count = same;
        best = hunt->property;
    }
    return best;
}

static struct verdict_on_bug judge(const struct campaign *campaign, size_t bug)
{
    struct verdict_on_bug verdict = {.property = most_frequent(campaign, bug)};
    double seeds[TRIALS_MAX], seconds[TRIALS_MAX];

    for (uint32_t trial = 0; trial < campaign->trials; trial++) {
        const struct hunt *hunt = &campaign->hunts[trial * campaign->list.count + bug];
        if (hunt->end == HUNT_BROKEN) verdict.broken = true;
        if (hunt->end == HUNT_UNSOUND) verdict.unsound++;
        if (hunt->end == HUNT_FOUND || hunt->end == HUNT_NOTHING) verdict.finished++;
        if (hunt->end != HUNT_FOUND) continue;
        seeds[verdict.found] = (double)hunt->seeds;
        seconds[verdict.found++] = hunt->seconds;
    }
    qsort(seeds, verdict.found, sizeof seeds[0], by_value);
    qsort(seconds, verdict.found, sizeof seconds[0], by_value);
    verdict.median_seeds = quantile(seeds, verdict.found, verdict.finished, 50);
    verdict.p90_seeds = quantile(seeds, verdict.found, verdict.finished, 90);
    verdict.median_s = quantile(seconds, verdict.found, verdict.finished, 50);
    verdict.shrunk = shrunk_of(&campaign->hunts[bug], campaign->trials, campaign->list.count);
    return verdict;
}

static const char *remark(const struct bug_patch *bug, const struct verdict_on_bug *verdict,
                          uint32_t trials)
{
    if (verdict->broken) return "  the hunt failed";
    if (verdict->unsound > 0) return "  FAILS WITHOUT IT";
    if (bug->stratum == BUG_NULL && verdict->found > 0) return "  FALSE FIND";
    if (bug->stratum != BUG_NULL && verdict->found < verdict->finished) return "  MISSED";
    return verdict->finished < trials ? "  not finished" : "";
}

static void print_number(FILE *out, int width, int digits, double value)
{
    if (value < 0) {
        fprintf(out, " %*s", width, "-");
    } else {
        fprintf(out, " %*.*f", width, digits, value);
    }
}

static void tell(FILE *out, const struct bug_patch *bug, const struct verdict_on_bug *verdict,
                 uint32_t trials)
{
    fprintf(out, "%-36s %-14s %3" PRIu32 "/%-3" PRIu32, bug->name, bug_stratum_name(bug->stratum),
            verdict->found, verdict->finished);
    print_number(out, 9, 0, verdict->median_seeds);
    print_number(out, 9, 0, verdict->p90_seeds);
    print_number(out, 9, 2, verdict->median_s);
    print_number(out, 5, 1, verdict->shrunk.operations);
    print_number(out, 5, 1, verdict->shrunk.decisions);
    fprintf(out, "  %s%s\n", verdict->property == NULL ? "-" : verdict->property,
            remark(bug, verdict, trials));
}

static void json_number(FILE *out, const char *name, int digits, double value)
{
    if (value < 0) {
        fprintf(out, ",\"%s\":null", name);
    } else {
        fprintf(out, ",\"%s\":%.*f", name, digits, value);
    }
}

/* What each trial that ended took; null: nothing was found within the cap. */
static void json_trials(FILE *out, const struct campaign *campaign, size_t bug)
{
    bool any = false;

    fprintf(out, ",\"cap\":%" PRIu64 ",\"trial_seeds\":[", campaign->hunts[bug].count);
    for (uint32_t trial = 0; trial < campaign->trials; trial++) {
        const struct hunt *hunt = &campaign->hunts[trial * campaign->list.count + bug];
        if (hunt->end != HUNT_FOUND && hunt->end != HUNT_NOTHING) continue;
        if (any) fputc(',', out);
        any = true;
        if (hunt->end == HUNT_FOUND) fprintf(out, "%" PRIu64, hunt->seeds);
        if (hunt->end == HUNT_NOTHING) fputs("null", out);
    }
    fputc(']', out);
}

static void tell_json(FILE *out, const struct campaign *campaign, size_t i,
                      const struct verdict_on_bug *verdict)
{
    const struct bug_patch *bug = &campaign->list.bugs[i];

    fprintf(out,
            "{\"type\":\"bug\",\"bug\":\"%s\",\"stratum\":\"%s\",\"trials\":%" PRIu32
            ",\"found\":%" PRIu32,
            bug->name, bug_stratum_name(bug->stratum), verdict->finished, verdict->found);
    json_number(out, "median_seeds", 0, verdict->median_seeds);
    json_number(out, "p90_seeds", 0, verdict->p90_seeds);
    json_number(out, "median_s", 3, verdict->median_s);
    json_trials(out, campaign, i);
    fprintf(out, ",\"unsound\":%" PRIu32, verdict->unsound);
    if (verdict->property == NULL) fputs(",\"property\":null", out);
    if (verdict->property != NULL) fprintf(out, ",\"property\":\"%s\"", verdict->property);
    json_number(out, "shrunk_operations", 1, verdict->shrunk.operations);
    json_number(out, "shrunk_operations_max", 0, verdict->shrunk.operations_max);
    json_number(out, "shrunk_decisions", 1, verdict->shrunk.decisions);
    json_number(out, "shrink_s", 3, verdict->shrunk.seconds);
    fputs("}\n", out);
}

static void tell_shrunk(const struct campaign *campaign, FILE *out)
{
    const struct shrunk all =
        shrunk_of(campaign->hunts, campaign->trials * campaign->list.count, 1);

    if (all.count == 0) return;
    fprintf(out,
            "%" PRIu32 " shrunk and replayed: median %.1f operations and %.1f decisions in %.2f s, "
            "at most %.0f operations\n",
            all.count, all.operations, all.decisions, all.seconds, all.operations_max);
}

/* Failures of our own log. They are no finds: of the bug nothing is known then. */
static void tell_unsound(const struct campaign *campaign, FILE *out)
{
    for (size_t i = 0; i < campaign->trials * campaign->list.count; i++) {
        const struct hunt *hunt = &campaign->hunts[i];
        if (hunt->end != HUNT_UNSOUND) continue;
        const bool seed = hunt->stage == HUNT_STAGE_SOUND;
        fprintf(out, "%s fails without %s, too: %s\n", seed ? hunt->seed : hunt->reproducer,
                hunt->name, hunt->property);
    }
}

/* Returns the exit status. */
static int tell_all(const struct campaign *campaign, FILE *out, FILE *json)
{
    size_t misses = 0, false_finds = 0, unsound = 0, unfinished = 0;
    bool broken = false;

    fprintf(out, "%-36s %-14s %7s %9s %9s %9s %5s %5s  %s\n", "bug", "stratum", "found", "median",
            "p90", "seconds", "ops", "decs", "property");
    for (size_t i = 0; i < campaign->list.count; i++) {
        const struct bug_patch *bug = &campaign->list.bugs[i];
        struct verdict_on_bug verdict = judge(campaign, i);
        bool miss = bug->stratum != BUG_NULL && verdict.found < verdict.finished;

        tell(out, bug, &verdict, campaign->trials);
        if (json != NULL) tell_json(json, campaign, i, &verdict);
        misses += miss ? 1 : 0;
        false_finds += bug->stratum == BUG_NULL && verdict.found > 0 ? 1 : 0;
        unsound += verdict.unsound > 0 ? 1 : 0;
        unfinished += verdict.finished + verdict.unsound < campaign->trials ? 1 : 0;
        broken = broken || verdict.broken;
    }
    fprintf(out,
            "%zu planted, %zu missed, %zu found falsely, %zu fail without it, %zu not finished\n",
            campaign->list.count, misses, false_finds, unsound, unfinished);
    tell_unsound(campaign, out);
    tell_shrunk(campaign, out);
    if (broken) return SQUALL_FAILED;
    return misses + false_finds + unsound > 0 ? SQUALL_BROKEN : SQUALL_HELD;
}

static void free_campaign(struct campaign *campaign)
{
    for (size_t i = 0; i < campaign->trials * campaign->list.count; i++) {
        free(campaign->hunts[i].reproducer);
    }
    for (size_t i = 0; i < campaign->list.count; i++) {
        free(campaign->programs[i]);
        free(campaign->folders[i]);
    }
    free(campaign->programs);
    free(campaign->folders);
    free(campaign->hunts);
    bug_list_free(&campaign->list);
}

static int hunt_bugs(struct campaign *campaign, const struct bugs_arguments *arguments,
                     struct output_file *json)
{
    uint64_t deadline_ns = arguments->for_ns != 0 ? squall_now_ns() + arguments->for_ns : 0;

    campaign->progress = progress_begin();
    bool planted = plant_all(campaign);
    progress_clear(&campaign->progress);
    if (!planted) return SQUALL_FAILED;
    if (arguments->policies) {
        return bugs_policies(&campaign->list, arguments->trials, arguments->cap, arguments->jobs);
    }
    prepare_hunts(campaign, arguments);
    bool whole = hunt_all(campaign->hunts, campaign->trials * campaign->list.count, arguments->jobs,
                          deadline_ns, tick, campaign);
    progress_clear(&campaign->progress);
    int status = tell_all(campaign, json->out == stdout ? stderr : stdout, json->out);
    return !whole && status == SQUALL_HELD ? SQUALL_INTERRUPTED : status;
}

int squall_bugs(int argc, char **argv)
{
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .args_doc = "[NAME...]",
        .doc = "Plant each bug of scenarios/bugs in a copy of the library and hunt it with the "
               "general scenario; the rare ones only if they are named.\v"
               "Prints seeds and seconds until a bug was found, and how many operations and "
               "decisions the failure has after shrinking. A seed that fails without the bug, "
               "too, is no find, and is told. Exit status: 0 all were found and no null mutant "
               "was, 1 not so, 2 usage, 3 one could not be planted.",
    };
    struct bugs_arguments arguments = {.trials = TRIALS, .jobs = squall_cpus()};
    struct campaign campaign = {.trials = 0};
    struct output_file json;

    squall_parse(&argp, argc, argv, &arguments);
    if (arguments.compare != NULL && arguments.name_count != 1) {
        squall_say("--compare takes two files: --compare OLD.json NEW.json");
        return SQUALL_USAGE;
    }
    if (arguments.compare != NULL) return bugs_compare(arguments.compare, arguments.names[0]);
    if (arguments.name_count > 0) {
        bug_list_named(&campaign.list, arguments.names, arguments.name_count);
    } else {
        bug_list_hunted(&campaign.list);
    }
    if (arguments.keep != NULL && !repro_file_folder(arguments.keep)) return SQUALL_USAGE;
    if (!output_file_open(&json, arguments.json)) return SQUALL_USAGE;
    campaign.trials = arguments.trials;
    campaign.hunts = calloc(campaign.trials * campaign.list.count + 1, sizeof campaign.hunts[0]);
    campaign.programs = calloc(campaign.list.count + 1, sizeof campaign.programs[0]);
    campaign.folders = calloc(campaign.list.count + 1, sizeof campaign.folders[0]);
    if (campaign.hunts == NULL || campaign.programs == NULL || campaign.folders == NULL) abort();
    int status = hunt_bugs(&campaign, &arguments, &json);
    if (!output_file_close(&json)) status = SQUALL_FAILED;
    free_campaign(&campaign);
    return status;
}
