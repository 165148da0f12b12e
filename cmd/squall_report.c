/*
 * squall_report.c - squall report: one run as a page for people.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/output_file.h"
#include "cmd/report_html.h"
#include "cmd/run_source.h"
#include "cmd/squall.h"
#include "cmd/story.h"

static const struct argp_option options[] = {
    {.name = "output", .key = 'o', .arg = "FILE.html", .doc = "Where to; - is standard output"},
    {0},
};

struct report_arguments {
    struct selection selection;
    const char *token;
    const char *output;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct report_arguments *arguments = state->input;

    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &arguments->selection; return 0;
    case 'o': arguments->output = arg; return 0;
    case ARGP_KEY_ARG:
        if (arguments->token != NULL) argp_error(state, "one run at a time, not also '%s'", arg);
        arguments->token = arg;
        return 0;
    case ARGP_KEY_END:
        if (arguments->token == NULL) {
            argp_error(state, "SCENARIO:SEED or FILE.repro is missing");
        } else if (arguments->output == NULL) {
            argp_error(state, "-o FILE.html is missing");
        }
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static struct report_arguments parse_arguments(int argc, char **argv)
{
    static const struct argp_child children[] = {{.argp = &selection_argp}, {0}};
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .args_doc = "SCENARIO:SEED | FILE.repro",
        .doc = "Tell one run as a page: what was promised, what happened, what is wrong; the run "
               "over time, and the bytes in question. The file needs a browser and nothing else.\v"
               "Exit status: 0 the page was written, whether the run broke or not; 2 usage, 3 the "
               "harness failed, 125 the token or the file is malformed.",
        .children = children,
    };
    struct report_arguments arguments = {.token = NULL};

    squall_parse(&argp, argc, argv, &arguments);
    return arguments;
}

static int write_page(const struct report_arguments *arguments, const struct story_request *request)
{
    struct output_file file;
    struct story *story = story_create();

    if (story == NULL) {
        squall_say("no memory for the story");
        return SQUALL_FAILED;
    }
    const char *wrong = story_collect(story, request);
    if (wrong != NULL) squall_say("%s: %s", arguments->token, wrong);
    bool well = wrong == NULL && output_file_open(&file, arguments->output);
    if (well) {
        report_html_write(file.out, story);
        well = output_file_close(&file);
    }
    if (well && strcmp(arguments->output, "-") != 0) {
        printf("%s: %s\n", arguments->output, story->wrong);
    }
    story_destroy(story);
    return well ? SQUALL_HELD : SQUALL_FAILED;
}

/* What to type to have it again. */
static char *replay_line(const struct report_arguments *arguments, const struct run_source *source)
{
    char *line = NULL;
    size_t size;

    if (source->path != NULL) return squall_path("./squall replay %s", source->path);
    FILE *out = open_memstream(&line, &size);
    if (out == NULL) abort();
    selection_print_replay(out, &arguments->selection, source->set.choices[0].typed, source->seed);
    fclose(out);
    return line;
}

int squall_report(int argc, char **argv)
{
    struct report_arguments arguments = parse_arguments(argc, argv);
    struct run_source source;
    int status = run_source_open(&source, arguments.token);

    if (status != SQUALL_HELD) return status;
    struct run_options run = selection_options(&arguments.selection);
    run.seed = source.seed;
    char *replay = replay_line(&arguments, &source);
    struct story_request request = {.token = arguments.token, .replay = replay};
    if (source.path != NULL) {
        request.run_case = &source.run_case;
    } else {
        request.scenario = source.set.choices[0].scenario;
        request.options = &run;
    }
    status = write_page(&arguments, &request);
    free(replay);
    run_source_close(&source);
    return status;
}
