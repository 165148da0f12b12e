/*
 * program.c - choosing a command, and refusing what is not one.
 */
#include "cmd/program.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/nearest.h"

enum { OPTIONS_MAX = 64, COMMANDS_MAX = 32, TITLE_BYTES = 64 };

static const char option_mark[] = "option --";

_Noreturn void program_unknown(const char *what, const char *name, const char *const *known,
                               size_t count)
{
    const char *nearest = nearest_name(name, known, count);
    bool option = strcmp(what, option_mark) == 0;

    fprintf(stderr, "%s: unknown %s", program_invocation_name, option ? "option" : what);
    fprintf(stderr, option ? " '--%s'" : " '%s'", name);
    if (nearest != NULL) fprintf(stderr, "; did you mean '%s%s'?", option ? "--" : "", nearest);
    if (nearest == NULL) fprintf(stderr, "; see `%s --help'", program_invocation_name);
    fputc('\n', stderr);
    exit(PROGRAM_USAGE);
}

static void take_names(const struct argp_option *options, const char **names, size_t *count)
{
    for (size_t i = 0; options != NULL && (options[i].name != NULL || options[i].doc != NULL);
         i++) {
        if (options[i].name == NULL) continue;
        assert(*count < OPTIONS_MAX);
        names[(*count)++] = options[i].name;
    }
}

/* Those of the command and of what it is made of, and those that argp adds. */
static size_t option_names(const struct argp *argp, const char **names)
{
    size_t count = 0;

    names[count++] = "help";
    names[count++] = "usage";
    names[count++] = "version";
    take_names(argp->options, names, &count);
    for (size_t i = 0; argp->children != NULL && argp->children[i].argp != NULL; i++) {
        take_names(argp->children[i].argp->options, names, &count);
    }
    return count;
}

/* argp, too, refuses an unknown option, but cannot say which one may have been meant. Beginnings
 * of names are left to argp, which knows whether they are unique. */
static void check_option(const struct argp *argp, const char *arg)
{
    const char *names[OPTIONS_MAX];
    char name[64];

    if (strncmp(arg, "--", 2) != 0 || arg[2] == '\0') return;
    size_t count = option_names(argp, names), len = strcspn(arg + 2, "=");
    for (size_t i = 0; i < count; i++) {
        if (strncmp(names[i], arg + 2, len) == 0) return;
    }
    (void)snprintf(name, sizeof name, "%.*s", (int)(len < sizeof name ? len : sizeof name - 1),
                   arg + 2);
    program_unknown(option_mark, name, names, count);
}

void program_parse(const struct argp *argp, int argc, char **argv, void *input, int failed)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) check_option(argp, argv[i]);
    error_t err = argp_parse(argp, argc, argv, 0, NULL, input);
    if (err == 0) return;
    fprintf(stderr, "%s: %s\n", program_invocation_name, strerror(err));
    exit(failed);
}

/* While the program's own arguments are parsed: where the command stands in argv. */
struct choice {
    const struct program *program;
    int at;
};

/* The table as the help's last part. argp frees what it is given. */
static char *list_commands(int key, const char *text, void *input)
{
    const struct choice *choice = input;
    const struct program *program = choice->program;
    char *list = NULL;
    size_t bytes = 0;
    int width = 0;

    if (key != ARGP_KEY_HELP_POST_DOC) return (char *)(uintptr_t)text;
    for (size_t i = 0; i < program->count; i++) {
        const struct program_command *command = &program->commands[i];
        int len = (int)(strlen(command->name) + 1 + strlen(command->arguments));
        if (len > width) width = len;
    }

    FILE *out = open_memstream(&list, &bytes);
    if (out == NULL) return NULL;
    fprintf(out, "Commands (`%s COMMAND --help' says more):\n", program->name);
    for (size_t i = 0; i < program->count; i++) {
        const struct program_command *command = &program->commands[i];
        int rest = width - (int)strlen(command->name) - 1;
        fprintf(out, "  %s %-*s  %s\n", command->name, rest, command->arguments, command->story);
    }
    fprintf(out, "\nExit status: %s.", program->statuses);
    fclose(out);
    return list;
}

/* Stops at the command: what follows is the command's own. */
static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct choice *choice = state->input;

    (void)arg;
    switch (key) {
    case ARGP_KEY_ARG:
        choice->at = state->next - 1;
        state->next = state->argc;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_state_help(state, stderr, ARGP_HELP_USAGE | ARGP_HELP_POST_DOC);
        exit(PROGRAM_USAGE);
    default: return ARGP_ERR_UNKNOWN;
    }
}

const struct program_command *program_choose(const struct program *program, int *argc, char ***argv)
{
    static char title[TITLE_BYTES];
    const char *names[COMMANDS_MAX];
    struct choice choice = {.program = program};
    const struct argp argp = {
        .parser = parse,
        .args_doc = "COMMAND [ARGUMENT...]",
        .doc = program->doc,
        .help_filter = list_commands,
    };

    assert(program->count <= COMMANDS_MAX);
    (void)snprintf(title, sizeof title, "%s", program->name);
    program_invocation_name = (*argv)[0] = title; /* Whatever the file is called. */
    argp_err_exit_status = PROGRAM_USAGE;
    for (int i = 1; i < *argc && (*argv)[i][0] == '-'; i++) check_option(&argp, (*argv)[i]);
    argp_parse(&argp, *argc, *argv, ARGP_IN_ORDER, NULL, &choice);

    *argc -= choice.at;
    *argv += choice.at;
    for (size_t i = 0; i < program->count; i++) {
        names[i] = program->commands[i].name;
        if (strcmp((*argv)[0], names[i]) != 0) continue;
        (void)snprintf(title, sizeof title, "%s %s", program->name, names[i]);
        (*argv)[0] = title;
        return &program->commands[i];
    }
    program_unknown("command", (*argv)[0], names, program->count);
}
