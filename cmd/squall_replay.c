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

#include "cmd/replay_case.h"
#include "cmd/report.h"
#include "cmd/run_source.h"
#include "cmd/seeds.h"
#include "cmd/squall.h"
#include "cmd/trace_print.h"

enum { KEY_TRACE = 0x100, KEY_UNTIL, KEY_BREAK, KEY_NEIGHBOURS };

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
    {.name = "neighbours",
     .key = KEY_NEIGHBOURS,
     .doc = "Of a FILE.repro that holds: try the cases next to it, too"},
    {0},
};

struct replay_arguments {
    struct selection selection;
    const char *token;
    bool trace, neighbours;
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
    case KEY_NEIGHBOURS: arguments->neighbours = true; return 0;
    case KEY_BREAK: arguments->break_at = parse_event(state, "--break", arg); return 0;
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

static struct replay_arguments parse_arguments(int argc, char **argv)
{
    static const struct argp_child children[] = {{.argp = &selection_argp}, {0}};
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .args_doc = "SCENARIO:SEED|FILE.repro",
        .doc = "Repeat the run that this token names, or that this file describes.\v"
               "Exit status: 1 a property was broken, 0 all held, 2 usage, 3 the harness failed, "
               "125 what names the run is malformed, or all held but it has gone stale; so that it "
               "can drive `git bisect run'. 130 it was interrupted, or --until stopped it.",
        .children = children,
    };
    struct replay_arguments arguments = {.token = NULL};

    squall_parse(&argp, argc, argv, &arguments);
    return arguments;
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

static int replay_file(const struct replay_arguments *arguments, const struct run_source *source)
{
    const struct replay_case replay = {
        .name = source->path,
        .run_case = &source->run_case,
        .trial = trial_begin(),
        .options = {.property_mask = arguments->selection.property_mask,
                    .trace = arguments->trace,
                    .twice = true},
        .neighbours = arguments->neighbours,
        .out = stdout,
    };

    int status = replay_case(&replay);
    trial_end(replay.trial);
    return status;
}

int squall_replay(int argc, char **argv)
{
    struct replay_arguments arguments = parse_arguments(argc, argv);
    struct run_source source;
    const bool here = arguments.until != 0 || arguments.break_at != 0;

    int status = run_source_open(&source, arguments.token);
    if (status != SQUALL_HELD) return status;
    struct run_options run = selection_options(&arguments.selection);
    run.seed = source.seed;
    const struct scenario_choice *choice = source.path == NULL ? &source.set.choices[0] : NULL;
    if (source.path != NULL) run.replay = &source.run_case;
    if (here) {
        status = replay_here(&arguments, choice != NULL ? choice->scenario : NULL, &run);
    } else if (source.path != NULL) {
        status = replay_file(&arguments, &source);
    } else {
        status = replay(&arguments, choice, source.seed);
    }
    run_source_close(&source);
    return status;
}
