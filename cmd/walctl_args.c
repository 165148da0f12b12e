/*
 * walctl_args.c - what the subcommands' arguments have in common.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/nearest.h"
#include "cmd/walctl.h"

enum { OPTIONS_MAX = 32 };

/* Those of the command, and those that argp adds. Returns how many. */
static size_t option_names(const struct argp *argp, const char **names)
{
    size_t count = 0;

    names[count++] = "help";
    names[count++] = "usage";
    names[count++] = "version";
    for (size_t i = 0; argp->options != NULL && argp->options[i].name != NULL; i++) {
        assert(count < OPTIONS_MAX);
        names[count++] = argp->options[i].name;
    }
    return count;
}

/* Beginnings of names are left to argp, which knows whether they are unique. */
void walctl_check_option(const struct argp *argp, const char *program, const char *arg)
{
    const char *names[OPTIONS_MAX];

    if (strncmp(arg, "--", 2) != 0) return;
    size_t count = option_names(argp, names), len = strcspn(arg + 2, "=");
    char name[64];

    for (size_t i = 0; i < count; i++) {
        if (strncmp(names[i], arg + 2, len) == 0) return;
    }
    snprintf(name, sizeof(name), "%.*s", (int)(len < sizeof(name) ? len : sizeof(name) - 1),
             arg + 2);
    const char *nearest = nearest_name(name, names, count);
    fprintf(stderr, "%s: unknown option '--%s'", program, name);
    if (nearest != NULL) fprintf(stderr, "; did you mean '--%s'?", nearest);
    if (nearest == NULL) fprintf(stderr, "; see `%s --help'", program);
    fputc('\n', stderr);
    exit(WALCTL_USAGE);
}

void walctl_parse(const struct argp *argp, int argc, char **argv, void *input)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        walctl_check_option(argp, argv[0], argv[i]);
    }
    error_t failed = argp_parse(argp, argc, argv, 0, NULL, input);
    if (failed) {
        fprintf(stderr, "%s: %s\n", argv[0], strerror(failed));
        exit(WALCTL_FAILED);
    }
}

error_t walctl_take_dir(int key, char *arg, struct argp_state *state, const char **ret_dir)
{
    switch (key) {
    case ARGP_KEY_ARG:
        if (*ret_dir != NULL) argp_error(state, "one DIR at a time, not also '%s'", arg);
        if (arg[0] == '\0') argp_error(state, "DIR is empty");
        *ret_dir = arg;
        return 0;
    case ARGP_KEY_END:
        if (*ret_dir == NULL) argp_error(state, "DIR is missing");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

uint64_t walctl_number(const char *option, const char *text, const struct argp_state *state)
{
    char *end = NULL;

    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0) {
        argp_error(state, "%s wants a decimal number, not '%s'", option, text);
    }
    return number;
}

enum { KEY_JSON = 0x100, KEY_PROMETHEUS };

static error_t parse_look(int key, char *arg, struct argp_state *state)
{
    struct walctl_look *look = state->input;

    if (key == KEY_JSON || key == KEY_PROMETHEUS) {
        look->json = key == KEY_JSON;
        look->prometheus = key == KEY_PROMETHEUS;
        return 0;
    }
    return walctl_take_dir(key, arg, state, &look->dir);
}

struct walctl_look walctl_parse_look(int argc, char **argv, bool prometheus, const char *doc)
{
    static const struct argp_option options[] = {
        {.name = "json", .key = KEY_JSON, .doc = "Print JSON Lines"},
        {.name = "prometheus", .key = KEY_PROMETHEUS, .doc = "Print Prometheus' text format"},
        {0},
    };
    static const struct argp_option only_json[] = {
        {.name = "json", .key = KEY_JSON, .doc = "Print JSON Lines"},
        {0},
    };
    struct argp argp = {.options = prometheus ? options : only_json,
                        .parser = parse_look,
                        .args_doc = "DIR",
                        .doc = doc};
    struct walctl_look look = {.dir = NULL};

    walctl_parse(&argp, argc, argv, &look);
    return look;
}
