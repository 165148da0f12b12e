/*
 * walctl_args.c - what the subcommands' arguments have in common.
 */
#include <errno.h>
#include <stdlib.h>

#include "cmd/walctl.h"

void walctl_parse(const struct argp *argp, int argc, char **argv, void *input)
{
    program_parse(argp, argc, argv, input, WALCTL_FAILED);
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
