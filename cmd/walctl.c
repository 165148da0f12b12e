/*
 * walctl.c - walctl: look after a log on a real disk.
 *
 * Only cmd/ prints. A subcommand prints results on standard output and one line on standard error
 * for what went wrong, naming what and where.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/nearest.h"
#include "cmd/walctl.h"
#include "wal/host/host.h"
#include "wal/version.h"

const char *argp_program_version = "walctl " WAL_LIBRARY_VERSION " (log format 1)";

static const struct {
    const char *name;
    int (*run)(struct wal_io *io, int argc, char **argv);
    const char *usage;
    const char *story;
} commands[] = {
    {"append", walctl_append, "append DIR", "Append standard input, a record a line."},
    {"dump", walctl_dump, "dump DIR", "Print the records."},
    {"verify", walctl_verify, "verify DIR", "Read every record and say what is damaged."},
    {"repair", walctl_repair, "repair DIR", "Go on without what is damaged; delete nothing."},
    {"stat", walctl_stat, "stat DIR", "Say what the log holds and how it ends."},
    {"prune", walctl_prune, "prune DIR", "Give up the oldest records."},
    {"truncate", walctl_truncate, "truncate DIR", "Take back the newest records."},
};

enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

/* The table as the help's last part. argp frees what it is given. */
static char *list_commands(int key, const char *text, void *input)
{
    char *list = NULL;
    size_t bytes = 0;

    (void)input;
    if (key != ARGP_KEY_HELP_POST_DOC) return (char *)(uintptr_t)text;

    FILE *out = open_memstream(&list, &bytes);
    if (out == NULL) return NULL;
    fputs("Commands (`walctl COMMAND --help' says more):\n", out);
    for (size_t i = 0; i < COMMANDS; i++) {
        fprintf(out, "  %-12s %s\n", commands[i].usage, commands[i].story);
    }
    fputs("\nExit status: 0 all is well, 1 damage or failure, 2 usage.", out);
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
        exit(WALCTL_USAGE);
    default: return ARGP_ERR_UNKNOWN;
    }
}

static int unknown_command(const char *name)
{
    const char *names[COMMANDS];

    for (size_t i = 0; i < COMMANDS; i++) names[i] = commands[i].name;
    const char *nearest = nearest_name(name, names, COMMANDS);

    fprintf(stderr, "walctl: unknown command '%s'", name);
    if (nearest != NULL) fprintf(stderr, "; did you mean '%s'?", nearest);
    fputs(nearest == NULL ? "; see `walctl --help'\n" : "\n", stderr);
    return WALCTL_USAGE;
}

static int run(const char *name, int argc, char **argv)
{
    char title[64];
    struct wal_io *io = NULL;
    size_t i = 0;

    while (i < COMMANDS && strcmp(name, commands[i].name) != 0) i++;
    if (i == COMMANDS) return unknown_command(name);

    if (wal_host_create(&io) != WAL_OK) {
        walctl_say(name, "%s", wal_err_text(WAL_NOMEM));
        return WALCTL_FAILED;
    }
    snprintf(title, sizeof(title), "walctl %s", name);
    argv[0] = title;
    int status = commands[i].run(io, argc, argv);
    wal_host_destroy(io);
    return status;
}

/* Were one of the three closed, a segment could get its number, and our messages with it. */
static void hold_standard_files(void)
{
    int fd = 0;

    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0) close(fd);
}

int main(int argc, char **argv)
{
    static const struct argp argp = {
        .parser = parse,
        .args_doc = "COMMAND [ARGUMENT...]",
        .doc = "Look after a write-ahead log.\v ",
        .help_filter = list_commands,
    };
    static char program[] = "walctl";
    int command = 0;

    argv[0] = program; /* Messages name us so, whatever the file is called. */
    hold_standard_files();
    signal(SIGXFSZ, SIG_IGN); /* So that a file too large is an error, not our death. */
    signal(SIGPIPE, SIG_IGN); /* So that who stops listening does not stop what we append. */
    argp_err_exit_status = WALCTL_USAGE;
    for (int i = 1; i < argc && argv[i][0] == '-'; i++) {
        walctl_check_option(&argp, program, argv[i]);
    }
    argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &command);
    return run(argv[command], argc - command, argv + command);
}
