/*
 * squall.c - squall: the harness on the command line.
 *
 * Only cmd/ prints. Results go to standard output; what is wrong, and how far a command is, to
 * standard error.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/squall.h"

const char *argp_program_version = "squall 0.1.0";

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *usage;
    const char *story;
} commands[] = {
    {"run", squall_run, "run [SCENARIO...]", "Run seeds of scenarios and judge every run."},
    {"replay", squall_replay, "replay SCENARIO:SEED", "Repeat one run."},
    {"shrink", squall_shrink, "shrink SCENARIO:SEED",
     "Find a smaller run that fails the same way."},
    {"regress", squall_regress, "regress [DIR]", "Replay the reproducers kept with the sources."},
    {"report", squall_report, "report SCENARIO:SEED", "Tell one run as a page (HTML)."},
    {"list", squall_list, "list [SECTION]", "Scenarios, faults, properties, bugs, profiles."},
    {"explore", squall_explore, "explore [SCENARIO...]",
     "Visit every crash and image of small workloads."},
    {"bugs", squall_bugs, "bugs [NAME...]", "Plant known bugs and hunt them."},
    {"bench", squall_bench, "bench [NAME...]", "Measure the simulation."},
    {"test", squall_test, "test [--all]", "Run the test suite."},
};

enum { COMMANDS = sizeof commands / sizeof commands[0] };

/* The table as the help's last part. argp frees what it is given. */
static char *list_commands(int key, const char *text, void *input)
{
    char *list = NULL;
    size_t bytes = 0;

    (void)input;
    if (key != ARGP_KEY_HELP_POST_DOC) return (char *)(uintptr_t)text;

    FILE *out = open_memstream(&list, &bytes);
    if (out == NULL) return NULL;
    fputs("Commands (`squall COMMAND --help' says more):\n", out);
    for (size_t i = 0; i < COMMANDS; i++) {
        fprintf(out, "  %-22s %s\n", commands[i].usage, commands[i].story);
    }
    fputs("\nExit status: 0 all held, 1 a property was broken, 2 usage, 3 the harness failed.",
          out);
    fclose(out);
    return list;
}

/* Stops at the command: what follows is the command's own. */
static error_t parse(int key, char *arg, struct argp_state *state)
{
    int *ret_command = state->input;

    (void)arg;
    switch (key) {
    case ARGP_KEY_ARG:
        *ret_command = state->next - 1;
        state->next = state->argc;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_state_help(state, stderr, ARGP_HELP_USAGE | ARGP_HELP_POST_DOC);
        exit(SQUALL_USAGE);
    default: return ARGP_ERR_UNKNOWN;
    }
}

static int run(const char *name, int argc, char **argv)
{
    static char title[64];
    const char *names[COMMANDS];

    for (size_t i = 0; i < COMMANDS; i++) {
        names[i] = commands[i].name;
        if (strcmp(name, names[i]) != 0) continue;
        (void)snprintf(title, sizeof title, "squall %s", name);
        program_invocation_name = argv[0] = title;
        return commands[i].run(argc, argv);
    }
    squall_unknown("command", name, names, COMMANDS);
}

int main(int argc, char **argv)
{
    static const struct argp argp = {
        .parser = parse,
        .args_doc = "COMMAND [ARGUMENT...]",
        .doc = "Run a write-ahead log through storms that can be repeated.\v ",
        .help_filter = list_commands,
    };
    static char program[] = "squall";
    int command = 0;

    program_invocation_name = argv[0] = program;
    argp_err_exit_status = SQUALL_USAGE;
    for (int i = 1; i < argc && argv[i][0] == '-'; i++) squall_check_option(&argp, argv[i]);
    argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &command);
    return run(argv[command], argc - command, argv + command);
}
