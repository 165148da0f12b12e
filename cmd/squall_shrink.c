/*
 * squall_shrink.c - squall shrink: the smallest run that fails in the same way.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/json.h"
#include "cmd/needs.h"
#include "cmd/output_file.h"
#include "cmd/progress.h"
#include "cmd/repro_file.h"
#include "cmd/run_source.h"
#include "cmd/seeds.h"
#include "cmd/shrink.h"
#include "cmd/squall.h"

#define FOR_NS UINT64_C(20000000000)

enum { KEY_JSON = 0x100, KEY_FOR, KEY_BUG, KEY_NO_OTHERS };

static const struct argp_option options[] = {
    {.name = "output",
     .key = 'o',
     .arg = "FILE.repro",
     .doc = "Where the reproducer is written [SCENARIO-SEED.repro in the build folder]"},
    {.name = "json",
     .key = KEY_JSON,
     .arg = "FILE",
     .doc = "Write a JSON line; - is standard output"},
    {.name = "for", .key = KEY_FOR, .arg = "TIME", .doc = "No longer than this [20s]"},
    {.name = "no-others",
     .key = KEY_NO_OTHERS,
     .doc = "Other failures that were met on the way are told, but not written"},
    {.name = "bug",
     .key = KEY_BUG,
     .arg = "NAME",
     .doc = "This program has the planted bug NAME: the reproducer says so"},
    {0},
};

struct shrink_arguments {
    struct selection selection;
    const char *token, *output, *json, *bug;
    uint64_t for_ns;
    bool no_others;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct shrink_arguments *arguments = state->input;

    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &arguments->selection; return 0;
    case 'o':
        if (!run_source_is_file(arg)) argp_error(state, "'%s' does not end in .repro", arg);
        arguments->output = arg;
        return 0;
    case KEY_JSON: arguments->json = arg; return 0;
    case KEY_FOR:
        squall_refuse(state, "--for", arg, duration_parse(arg, &arguments->for_ns));
        return 0;
    case KEY_NO_OTHERS: arguments->no_others = true; return 0;
    case KEY_BUG:
        if (strlen(arg) >= CASE_NAME_BYTES) argp_error(state, "'%s' is too long", arg);
        arguments->bug = arg;
        return 0;
    case ARGP_KEY_ARG:
        if (arguments->token != NULL) argp_error(state, "one run at a time, not also '%s'", arg);
        arguments->token = arg;
        return 0;
    case ARGP_KEY_END:
        if (arguments->token == NULL) argp_error(state, "SCENARIO:SEED or FILE.repro is missing");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* ---- Interrupts ---- */

static volatile sig_atomic_t interrupted; /* A signal handler has no other place. */

static void note_signal(int number)
{
    (void)number;
    interrupted = 1;
}

/* ---- A shrink ---- */

struct job {
    const struct shrink_arguments *arguments;
    struct run_source source;
    struct trial *trial;
    struct trial_outcome first; /* Of the run as it was named. */
    struct shrink shrink;
    struct shrink_size before;
    struct run_case annotated;
    struct needs needs;
    char *path;
    char *slips[SHRINK_SLIPS_MAX];
    double seconds;
    struct progress progress;
    FILE *out;
};

static void tick(void *context)
{
    struct job *job = context;
    char line[PROGRESS_BYTES];

    if ((job->shrink.runs & 15) != 0) return;
    uint64_t now_ns = squall_now_ns();
    if (!progress_due(&job->progress, now_ns)) return;
    (void)snprintf(line, sizeof line,
                   "shrinking: %" PRIu64 " operations, %" PRIu64 " decisions after %" PRIu64
                   " runs, %.1f s",
                   job->shrink.size.operations, job->shrink.size.decisions, job->shrink.runs,
                   (double)(now_ns - job->shrink.began_ns) / 1e9);
    progress_show(&job->progress, now_ns, line);
}

/* Once something was shrunk it is known how long a run may take. */
static struct trial_options judging(const struct job *job)
{
    return (struct trial_options){.property_mask = job->arguments->selection.property_mask,
                                  .patience_ns = job->shrink.options.patience_ns};
}

/* Does the case fail as the seed did? If not, cases do not say all that they should. */
static int confirm(struct job *job)
{
    const struct trial_options how = judging(job);
    const struct shrink_limits limits = {.for_ns = job->arguments->for_ns,
                                         .stop = &interrupted,
                                         .on_progress = tick,
                                         .context = job};
    struct trial_outcome outcome;
    const struct run_source *source = &job->source;

    bool fails = shrink_begin(&job->shrink, job->trial, &source->run_case, &how, &limits, &outcome);
    if (job->shrink.broken) return SQUALL_FAILED;
    if (source->path != NULL) {
        job->first = outcome;
        if (fails) return SQUALL_BROKEN;
        fprintf(job->out, "%s: all held: nothing to shrink\n", source->path);
        return outcome.stale == RUN_FRESH ? SQUALL_HELD : SQUALL_STALE;
    }
    if (strcmp(outcome.property, job->first.property) == 0 &&
        strcmp(outcome.why, job->first.why) == 0) {
        return SQUALL_BROKEN;
    }
    squall_say("%s:0x%" PRIx64 " broke %s (%s), but written down as a case it breaks %s (%s): this "
               "is a defect of the harness",
               source->name, source->seed, job->first.property, job->first.why,
               fails ? outcome.property : "nothing", outcome.why);
    return SQUALL_FAILED;
}

/* Run what is left once more, to have it say what each decision struck. */
static bool annotate(struct job *job)
{
    struct trial_options how = judging(job);
    struct trial_outcome outcome;

    how.annotate = true;
    how.twice = true;
    if (!trial_run(job->trial, &job->shrink.best, &how, &outcome)) return false;
    if (strcmp(outcome.property, job->shrink.signature.property) != 0) {
        squall_say("the shrunk case broke %s, and now %s: %s", job->shrink.signature.property,
                   outcome.property[0] != '\0' ? outcome.property : "nothing", outcome.failure);
        return false;
    }
    const struct run_case *said = trial_case(job->trial);
    case_copy(&job->annotated, said != NULL ? said : &job->shrink.best);
    memcpy(job->annotated.property, outcome.property, sizeof job->annotated.property);
    memcpy(job->annotated.why, outcome.failure, sizeof job->annotated.why);
    if (job->arguments->bug != NULL) {
        (void)snprintf(job->annotated.bug, sizeof job->annotated.bug, "%s", job->arguments->bug);
    }
    return true;
}

static bool write_all(struct job *job)
{
    if (!repro_file_write(job->path, &job->annotated)) return false;
    for (uint32_t i = 0; i < job->shrink.slip_count && !job->arguments->no_others; i++) {
        struct shrink_slip *slip = &job->shrink.slips[i];
        memcpy(slip->run_case.bug, job->annotated.bug, sizeof slip->run_case.bug);
        job->slips[i] = repro_file_numbered(job->path, i + 2);
        if (!repro_file_write(job->slips[i], &slip->run_case)) return false;
    }
    return true;
}

/* ---- Telling ---- */

static void tell_needs(const struct job *job)
{
    const struct needs *needs = &job->needs;

    for (uint32_t i = 0; i < needs->kind_count; i++) {
        const struct need *need = &needs->kinds[i];
        const char *instead = need->instead[0] != '\0' ? need->instead : "all holds";
        fprintf(job->out, "  %-34s %s", need->kind, need->needed ? "needed: without it " : "not");
        fprintf(job->out, "%s\n", need->needed ? instead : " needed");
    }
    fputs("  remains on these disks:", job->out);
    for (uint32_t i = 0; i < needs->profile_count; i++) {
        fprintf(job->out, " %s", needs->profiles[i]->name);
    }
    fputc('\n', job->out);
}

static void tell(const struct job *job)
{
    const struct shrink *shrink = &job->shrink;

    fprintf(job->out, "%s: %s\n", job->annotated.property, job->annotated.why);
    fprintf(job->out,
            "  %" PRIu64 " operations and %" PRIu64 " decisions, now %" PRIu64 " and %" PRIu64
            ", after %" PRIu64 " runs in %.2f s%s\n",
            job->before.operations, job->before.decisions, shrink->size.operations,
            shrink->size.decisions, shrink->runs, job->seconds,
            interrupted    ? ", interrupted"
            : shrink->over ? ", and there was no more time"
                           : "");
    tell_needs(job);
    for (uint32_t i = 0; i < shrink->slip_count; i++) {
        const struct shrink_signature *found = &shrink->slips[i].signature;
        fprintf(job->out, "  on the way, another failure: %s: %s, after %s%s%s\n", found->property,
                found->why, run_cause_name(found->cause), job->slips[i] != NULL ? ": " : "",
                job->slips[i] != NULL ? job->slips[i] : "");
    }
    char *text = case_text(&job->annotated);
    fprintf(job->out, "\n%s\nreplay with: ./squall replay %s\n", text, job->path);
    free(text);
}

static void json_text(FILE *out, const char *key, const char *text)
{
    fprintf(out, ",\"%s\":", key);
    json_string(out, text, strlen(text));
}

static void tell_json(const struct job *job, FILE *out)
{
    const struct shrink *shrink = &job->shrink;

    fputs("{\"type\":\"shrunk\"", out);
    json_text(out, "scenario", job->annotated.scenario);
    fprintf(out, ",\"seed\":\"0x%016" PRIx64 "\"", job->annotated.seed);
    json_text(out, "property", job->annotated.property);
    json_text(out, "why", job->annotated.why);
    fprintf(out,
            ",\"operations_before\":%" PRIu64 ",\"decisions_before\":%" PRIu64
            ",\"operations\":%" PRIu64 ",\"decisions\":%" PRIu64 ",\"runs\":%" PRIu64
            ",\"seconds\":%.3f,\"complete\":%s",
            job->before.operations, job->before.decisions, shrink->size.operations,
            shrink->size.decisions, shrink->runs, job->seconds, shrink->over ? "false" : "true");
    fputs(",\"kinds\":[", out);
    for (uint32_t i = 0; i < job->needs.kind_count; i++) {
        const struct need *need = &job->needs.kinds[i];
        fprintf(out, "%s{\"kind\":\"%s\",\"decisions\":%" PRIu32 ",\"needed\":%s}",
                i > 0 ? "," : "", need->kind, need->decisions, need->needed ? "true" : "false");
    }
    fputs("],\"profiles\":[", out);
    for (uint32_t i = 0; i < job->needs.profile_count; i++) {
        fprintf(out, "%s\"%s\"", i > 0 ? "," : "", job->needs.profiles[i]->name);
    }
    fputs("],\"slips\":[", out);
    for (uint32_t i = 0; i < shrink->slip_count && job->slips[i] != NULL; i++) {
        if (i > 0) fputc(',', out);
        json_string(out, job->slips[i], strlen(job->slips[i]));
    }
    fputc(']', out);
    json_text(out, "reproducer", job->path);
    fputs("}\n", out);
}

/* ---- All of it ---- */

static int shrink(struct job *job)
{
    job->before = shrink_size_of(&job->source.run_case);
    int status = confirm(job);
    if (status != SQUALL_BROKEN) return status;
    shrink_run(&job->shrink);
    progress_clear(&job->progress);
    job->seconds = (double)(squall_now_ns() - job->shrink.began_ns) / 1e9;
    if (job->shrink.broken || !annotate(job)) return SQUALL_FAILED;
    const struct trial_options how = judging(job);
    if (!needs_find(job->trial, &job->annotated, &how, &job->needs)) return SQUALL_FAILED;
    return write_all(job) ? SQUALL_BROKEN : SQUALL_FAILED;
}

static int find_and_shrink(struct job *job, struct output_file *json)
{
    const struct shrink_arguments *arguments = job->arguments;

    int status = run_source_case(&job->source, job->trial, &arguments->selection, &job->first);
    if (status != SQUALL_HELD) return status;
    if (job->source.path == NULL && job->first.property[0] == '\0') {
        fprintf(job->out, "%s:0x%" PRIx64 ": all held: nothing to shrink\n", job->source.name,
                job->source.seed);
        return SQUALL_HELD;
    }
    const struct run_case *from = &job->source.run_case;
    job->path = arguments->output != NULL ? squall_path("%s", arguments->output)
                                          : squall_path("%s/%s-0x%" PRIx64 ".repro", squall_build(),
                                                        from->scenario, from->seed);
    status = shrink(job);
    if (status == SQUALL_BROKEN) tell(job);
    if (status == SQUALL_BROKEN && json->out != NULL) tell_json(job, json->out);
    return status;
}

static void free_job(struct job *job)
{
    shrink_free(&job->shrink);
    case_free(&job->annotated);
    for (uint32_t i = 0; i < SHRINK_SLIPS_MAX; i++) free(job->slips[i]);
    free(job->path);
    trial_end(job->trial);
    run_source_close(&job->source);
}

int squall_shrink(int argc, char **argv)
{
    static struct job job; /* Large, and there is one. */
    static const struct argp_child children[] = {{.argp = &selection_argp}, {0}};
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .args_doc = "SCENARIO:SEED|FILE.repro",
        .doc = "Find the smallest run that fails as this one does, and write it down.\v"
               "Then says for each kind of fault that is left whether the failure needs it, and on "
               "which disks it remains. An interrupt ends the search; the best so far is written. "
               "Exit status: 1 there is a reproducer, 0 all held, 2 usage, 3 the harness failed, "
               "125 the reproducer is stale or malformed.",
        .children = children,
    };
    struct shrink_arguments arguments = {.for_ns = FOR_NS};
    const struct sigaction action = {.sa_handler = note_signal};
    struct output_file json;

    squall_parse(&argp, argc, argv, &arguments);
    job.arguments = &arguments;
    int status = run_source_open(&job.source, arguments.token);
    if (status != SQUALL_HELD) return status;
    if (!output_file_open(&json, arguments.json)) return SQUALL_USAGE;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    job.out = json.out == stdout ? stderr : stdout;
    job.progress = progress_begin();
    job.trial = trial_begin();
    status = find_and_shrink(&job, &json);
    if (!output_file_close(&json)) status = SQUALL_FAILED;
    free_job(&job);
    return status;
}
