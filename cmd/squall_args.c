/*
 * squall_args.c - what the subcommands' arguments have in common.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "cmd/squall.h"

void squall_parse(const struct argp *argp, int argc, char **argv, void *input)
{
    program_parse(argp, argc, argv, input, SQUALL_FAILED);
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
