/*
 * squall_regress.c - squall regress: every reproducer that is kept with the sources.
 *
 * What was fixed must stay fixed: the case and its neighbours hold, and the case still tests what
 * it did. A reproducer of a planted bug holds with our log, and with the mutant it, or a neighbour,
 * fails: the only full proof that it still bites. One that does not is reported, and is not green.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/decision_name.h"
#include "cmd/json.h"
#include "cmd/mutant.h"
#include "cmd/neighbours.h"
#include "cmd/output_file.h"
#include "cmd/replay_case.h"
#include "cmd/repro_file.h"
#include "cmd/squall.h"

enum { KEY_NEIGHBOURS = 0x100, KEY_WITHOUT_MUTANTS, KEY_JSON };

static const struct argp_option options[] = {
    {.name = "neighbours",
     .key = KEY_NEIGHBOURS,
     .doc =
         "Our log must hold in the neighbours of each reproducer, too: a decision, or it and the "
         "later ones at its place, moved by 1 or 2"},
    {.name = "without-mutants",
     .key = KEY_WITHOUT_MUTANTS,
     .doc = "Do not ask whether reproducers of planted bugs still find them"},
    {.name = "json",
     .key = KEY_JSON,
     .arg = "FILE",
     .doc = "Write JSON Lines; - is standard output"},
    {0},
};

struct regress_arguments {
    const char *folder, *json;
    bool neighbours, without_mutants;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct regress_arguments *arguments = state->input;

    switch (key) {
    case KEY_NEIGHBOURS: arguments->neighbours = true; return 0;
    case KEY_WITHOUT_MUTANTS: arguments->without_mutants = true; return 0;
    case KEY_JSON: arguments->json = arg; return 0;
    case ARGP_KEY_ARG:
        if (arguments->folder != NULL) argp_error(state, "one folder at a time, not '%s'", arg);
        arguments->folder = arg;
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

enum bite { BITE_NOT_ASKED, BITE_ITSELF, BITE_NEIGHBOUR, BITE_NONE };

static const char *bite_name(enum bite bite)
{
    static const char *const names[] = {"", "itself", "neighbour", "no"};

    return names[bite];
}

/* What came of one reproducer. */
struct regression {
    const char *path;
    char malformed[CASE_MESSAGE_BYTES];
    char bug[CASE_NAME_BYTES], property[CASE_NAME_BYTES];
    char broken[CASE_NAME_BYTES + CASE_WHY_BYTES + 2]; /* By our log; "": nothing. */
    char neighbour[2 * DECISION_NAME_BYTES]; /* That broke it; "": it was the case itself. */
    char stale[2 * DECISION_NAME_BYTES];
    enum bite bite;
};

/* With a planted bug our log goes another way from where the mutant would have failed. */
static bool is_stale(const struct regression *regression)
{
    return regression->stale[0] != '\0' && regression->bug[0] == '\0';
}

static bool is_green(const struct regression *regression)
{
    return regression->malformed[0] == '\0' && regression->broken[0] == '\0' &&
           !is_stale(regression) && regression->bite != BITE_NONE;
}

/* ---- One of them ---- */

static void note_broken(struct regression *regression, const struct trial_outcome *outcome)
{
    (void)snprintf(regression->broken, sizeof regression->broken, "%s: %s", outcome->property,
                   outcome->failure);
}

/* False: the harness failed. */
static bool try_case(struct trial *trial, const struct run_case *run_case, bool neighbours,
                     struct regression *regression)
{
    const struct trial_options how = {.property_mask = 0};
    struct trial_outcome outcome;
    uint32_t n;

    if (!trial_run(trial, run_case, &how, &outcome)) return false;
    replay_case_stale(run_case, &outcome, regression->stale, sizeof regression->stale);
    if (outcome.property[0] != '\0') {
        note_broken(regression, &outcome);
        return true;
    }
    if (!neighbours) return true;
    if (!replay_case_neighbours(trial, run_case, &how, &n, &outcome)) return false;
    if (n == UINT32_MAX) return true;
    note_broken(regression, &outcome);
    neighbours_name(run_case, n, regression->neighbour, sizeof regression->neighbour);
    return true;
}

/* Does the mutant still fail? False: the harness failed. */
static bool try_mutant(struct regression *regression)
{
    char squall[] = "squall", replay[] = "replay", neighbours[] = "--neighbours";
    char *path = squall_path("%s", regression->path);
    char *const itself[] = {squall, replay, path, NULL};
    char *const near[] = {squall, replay, neighbours, path, NULL};
    bool planted = mutant_plant(regression->bug);
    int status = SQUALL_FAILED;

    if (planted) {
        status = mutant_run(regression->bug, itself);
        regression->bite = status == SQUALL_BROKEN ? BITE_ITSELF : BITE_NONE;
    }
    if (planted && status != SQUALL_BROKEN && status != SQUALL_FAILED) {
        status = mutant_run(regression->bug, near);
        if (status == SQUALL_BROKEN) regression->bite = BITE_NEIGHBOUR;
    }
    if (planted && status == SQUALL_FAILED) {
        squall_say("%s: squall with the bug %s failed", path, regression->bug);
    }
    free(path);
    return status != SQUALL_FAILED;
}

static bool regress_one(struct trial *trial, const struct regress_arguments *arguments,
                        struct regression *regression)
{
    struct run_case run_case = {.seed = 0};

    if (!case_load(regression->path, &run_case, regression->malformed)) return true;
    regression->malformed[0] = '\0';
    memcpy(regression->bug, run_case.bug, sizeof regression->bug);
    memcpy(regression->property, run_case.property, sizeof regression->property);
    bool ran = try_case(trial, &run_case, arguments->neighbours, regression);
    case_free(&run_case);
    if (!ran || regression->bug[0] == '\0' || arguments->without_mutants) return ran;
    return try_mutant(regression);
}

/* ---- Telling ---- */

static void tell(FILE *out, const struct regression *regression)
{
    const char *path = regression->path;

    if (regression->malformed[0] != '\0') {
        fprintf(out, "FAIL  %s\n", regression->malformed);
    } else if (regression->broken[0] != '\0') {
        fprintf(out, "FAIL  %s: %s\n", path, regression->broken);
        if (regression->neighbour[0] != '\0') {
            fprintf(out, "      in a neighbour: %s\n", regression->neighbour);
        }
    } else if (is_stale(regression)) {
        fprintf(out, "STALE %s: %s\n", path, regression->stale);
    } else if (regression->bite == BITE_NONE) {
        fprintf(out, "STALE %s: with the bug %s it no longer fails, nor does a neighbour\n", path,
                regression->bug);
    } else if (regression->bite == BITE_NEIGHBOUR) {
        fprintf(out, "ok    %s (a neighbour of it finds %s)\n", path, regression->bug);
    } else {
        fprintf(out, "ok    %s\n", path);
    }
    fflush(out);
}

static void member(FILE *out, const char *key, const char *text)
{
    fprintf(out, ",\"%s\":", key);
    if (text[0] == '\0') {
        fputs("null", out);
    } else {
        json_string(out, text, strlen(text));
    }
}

static void tell_json(FILE *out, const struct regression *regression)
{
    fputs("{\"type\":\"regression\"", out);
    member(out, "file", regression->path);
    member(out, "property", regression->property);
    member(out, "bug", regression->bug);
    member(out, "malformed", regression->malformed);
    member(out, "broken", regression->broken);
    member(out, "neighbour", regression->neighbour);
    member(out, "stale", regression->stale);
    member(out, "bites", bite_name(regression->bite));
    fprintf(out, ",\"green\":%s}\n", is_green(regression) ? "true" : "false");
}

static int regress_all(const struct regress_arguments *arguments, char **paths, int count,
                       struct output_file *json)
{
    FILE *out = json->out == stdout ? stderr : stdout;
    struct trial *trial = trial_begin();
    int green = 0, itself = 0, near = 0, tried = 0;
    bool ran = true;

    for (int i = 0; i < count && ran; i++) {
        struct regression regression = {.path = paths[i]};
        ran = regress_one(trial, arguments, &regression);
        if (!ran) break;
        tell(out, &regression);
        if (json->out != NULL) tell_json(json->out, &regression);
        tried++;
        green += is_green(&regression) ? 1 : 0;
        itself += regression.bite == BITE_ITSELF ? 1 : 0;
        near += regression.bite == BITE_NEIGHBOUR ? 1 : 0;
    }
    trial_end(trial);
    fprintf(out, "%d reproducers, %d green; %d find their bugs, %d more with a neighbour\n", tried,
            green, itself, near);
    if (json->out != NULL) {
        fprintf(json->out,
                "{\"type\":\"summary\",\"reproducers\":%d,\"green\":%d,\"itself\":%d,"
                "\"neighbour\":%d}\n",
                tried, green, itself, near);
    }
    if (!ran) return SQUALL_FAILED;
    return green == tried ? SQUALL_HELD : SQUALL_BROKEN;
}

int squall_regress(int argc, char **argv)
{
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .args_doc = "[DIR]",
        .doc = "Replay every reproducer in a folder [scenarios/regressions].\v"
               "Exit status: 0 all are green, 1 one is not: a property was broken, it has gone "
               "stale, it cannot be read, or its planted bug is not found any more; 2 usage, 3 the "
               "harness failed.",
    };
    struct regress_arguments arguments = {.folder = NULL};
    struct output_file json;
    char **paths = NULL;

    squall_parse(&argp, argc, argv, &arguments);
    char *folder = arguments.folder != NULL
                       ? squall_path("%s", arguments.folder)
                       : squall_path("%s/scenarios/regressions", squall_root());
    int count = repro_file_list(folder, &paths);
    if (count < 0) squall_say("%s: %s", folder, strerror(errno));
    free(folder);
    if (count < 0 || !output_file_open(&json, arguments.json)) return SQUALL_USAGE;
    int status = regress_all(&arguments, paths, count, &json);
    if (!output_file_close(&json)) status = SQUALL_FAILED;
    for (int i = 0; i < count; i++) free(paths[i]);
    free(paths);
    return status;
}
