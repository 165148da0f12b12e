/*
 * squall_replay.c - squall replay: one run again.
 *
 * It is a sweep over one seed: so a run that kills its process is reported as it was the first
 * time, and so is one that differs from itself.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/report.h"
#include "cmd/scenario_set.h"
#include "cmd/seeds.h"
#include "cmd/squall.h"
#include "cmd/trace_print.h"

enum { KEY_TRACE = 0x100, KEY_UNTIL, KEY_BREAK };

static const struct argp_option options[] = {
    {.name = "trace", .key = KEY_TRACE, .doc = "Print each event, and what a user could see"},
    {.name = "until",
     .key = KEY_UNTIL,
     .arg = "EVENT",
     .doc = "The same, and stop after this event"},
    {.name = "break",
     .key = KEY_BREAK,
     .arg = "EVENT",
     .doc = "Stop in the debugger at this event, on the stack of the task that makes the call: "
            "gdb --args ./build/squall replay SCENARIO:SEED --break EVENT"},
    {0},
};

struct replay_arguments {
    struct selection selection;
    const char *token;
    bool trace;
    uint64_t until, break_at; /* 0: not asked for. */
};

static uint64_t parse_event(struct argp_state *state, const char *option, const char *text)
{
    uint64_t event = 0;
    const char *wrong = seed_parse(text, &event);

    squall_refuse(state, option, text, wrong == NULL && event == 0 ? "is not an event" : wrong);
    return event;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct replay_arguments *arguments = state->input;

    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &arguments->selection; return 0;
    case KEY_TRACE: arguments->trace = true; return 0;
    case KEY_UNTIL:
        arguments->trace = true;
        arguments->until = parse_event(state, "--until", arg);
        return 0;
    case KEY_BREAK: arguments->break_at = parse_event(state, "--break", arg); return 0;
    case ARGP_KEY_ARG:
        if (arguments->token != NULL) argp_error(state, "one run at a time, not also '%s'", arg);
        arguments->token = arg;
        return 0;
    case ARGP_KEY_END:
        if (arguments->token == NULL) argp_error(state, "SCENARIO:SEED is missing");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static struct replay_arguments parse_arguments(int argc, char **argv)
{
    static const struct argp_child children[] = {{.argp = &selection_argp}, {0}};
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .args_doc = "SCENARIO:SEED",
        .doc = "Repeat the run that this token names.\v"
               "Exit status: 1 the failure was reproduced, 0 all held, 2 usage, 3 the harness "
               "failed, 125 the token is malformed; so that it can drive `git bisect run'. 130 "
               "it was interrupted, or --until stopped it.",
        .children = children,
    };
    struct replay_arguments arguments = {.token = NULL};

    squall_parse(&argp, argc, argv, &arguments);
    return arguments;
}

/* Cuts the token in two. */
static bool split(char *token, uint64_t *ret_seed)
{
    char *colon = strrchr(token, ':');

    if (colon == NULL || colon == token) {
        squall_say("'%s' is not SCENARIO:SEED", token);
        return false;
    }
    const char *wrong = seed_parse(colon + 1, ret_seed);
    if (wrong != NULL) {
        squall_say("seed '%s' %s", colon + 1, wrong);
        return false;
    }
    *colon = '\0';
    return true;
}

static void no_tick(void *context, const struct sweep_tally *tallies)
{
    (void)context;
    (void)tallies;
}

static int replay(const struct replay_arguments *arguments, const struct scenario_choice *choice,
                  uint64_t seed)
{
    const struct report_part name = {.typed = choice->typed, .selection = arguments->selection};
    const struct sweep_part part = {.scenario = choice->scenario,
                                    .options = selection_options(&arguments->selection),
                                    .list = &seed,
                                    .count = 1};
    struct sweep_tally tally = {.seeds = 0};
    struct report report = {.out = stdout, .parts = &name, .sweep_parts = &part, .part_count = 1};
    const struct sweep sweep = {
        .parts = &part,
        .part_count = 1,
        .jobs = 1,
        .trace = arguments->trace,
        .patient = arguments->trace, /* Somebody may be reading page by page. */
        .on_failure = report_failure,
        .on_tick = no_tick,
        .context = &report,
    };

    enum sweep_end end = sweep_run(&sweep, &tally);
    size_t failures = report.failure_count;
    report_free(&report);
    if (end == SWEEP_BROKEN) return SQUALL_FAILED;
    if (failures > 0) return SQUALL_BROKEN;
    if (end == SWEEP_INTERRUPTED) return SQUALL_INTERRUPTED;
    printf("digest %016" PRIx64 "%016" PRIx64 "\nall held\n", tally.last.high, tally.last.low);
    return SQUALL_HELD;
}

/* Without a process of its own, so that a debugger that runs us is where the run is. */
static int replay_here(const struct replay_arguments *arguments, const struct scenario *scenario,
                       const struct run_options *from)
{
    struct run_options run = *from;
    struct trace_print print = {.out = arguments->trace ? stdout : NULL,
                                .runner = runner_create(),
                                .until = arguments->until,
                                .break_at = arguments->break_at};
    struct run_result result;

    trace_print_begin(&print, &run);
    runner_run(print.runner, scenario, &run, &result);
    trace_print_end(&print);
    if (result.property != NULL) {
        printf("FAIL  %s  %s: %s\n      %s\n", arguments->token, result.property->name,
               result.failure, result.property->claim);
    }
    if (print.events < arguments->until || print.events < arguments->break_at) {
        squall_say("the run has only %" PRIu64 " events", print.events);
    }
    printf("digest %016" PRIx64 "%016" PRIx64 "\n%s", result.digest.high, result.digest.low,
           result.property == NULL ? "all held\n" : "");
    runner_destroy(print.runner);
    return result.property == NULL ? SQUALL_HELD : SQUALL_BROKEN;
}

int squall_replay(int argc, char **argv)
{
    struct replay_arguments arguments = parse_arguments(argc, argv);
    char *name = squall_path("%s", arguments.token);
    struct scenario_set set;
    uint64_t seed;

    if (!split(name, &seed)) {
        free(name);
        return SQUALL_STALE;
    }
    scenario_set_named(&set, &name, 1);
    int status;
    if (arguments.until != 0 || arguments.break_at != 0) {
        struct run_options here = selection_options(&arguments.selection);
        here.seed = seed;
        status = replay_here(&arguments, set.choices[0].scenario, &here);
    } else {
        status = replay(&arguments, &set.choices[0], seed);
    }
    scenario_set_free(&set);
    free(name);
    return status;
}
