/*
 * squall_args.c - what the subcommands' arguments have in common.
 */
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/nearest.h"
#include "cmd/squall.h"

enum { OPTIONS_MAX = 64 };

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
void squall_check_option(const struct argp *argp, const char *arg)
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
    squall_unknown("option --", name, names, count);
}

void squall_parse(const struct argp *argp, int argc, char **argv, void *input)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) squall_check_option(argp, argv[i]);
    error_t failed = argp_parse(argp, argc, argv, 0, NULL, input);
    if (failed) {
        squall_say("%s", strerror(failed));
        exit(SQUALL_FAILED);
    }
}

_Noreturn void squall_unknown(const char *what, const char *name, const char *const *known,
                              size_t count)
{
    const char *nearest = nearest_name(name, known, count);
    bool option = strcmp(what, "option --") == 0;

    fprintf(stderr, "%s: unknown %s", program_invocation_name, option ? "option" : what);
    fprintf(stderr, option ? " '--%s'" : " '%s'", name);
    if (nearest != NULL) fprintf(stderr, "; did you mean '%s%s'?", option ? "--" : "", nearest);
    fputc('\n', stderr);
    exit(SQUALL_USAGE);
}

void squall_refuse(struct argp_state *state, const char *option, const char *text,
                   const char *wrong)
{
    if (wrong != NULL) argp_error(state, "%s '%s' %s", option, text, wrong);
}

void squall_say(const char *format, ...)
{
    va_list arguments;

    fprintf(stderr, "%s: ", program_invocation_name);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}
