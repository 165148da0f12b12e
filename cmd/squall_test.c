/*
 * squall_test.c - squall test: the test suite, which ./squall has built.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/squall.h"

enum { KEY_ALL = 0x100 };

static const struct argp_option options[] = {
    {.name = "all", .key = KEY_ALL, .doc = "The slow tests, too"},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    (void)arg;
    if (key == ARGP_KEY_ARG) argp_error(state, "takes no argument");
    if (key != KEY_ALL) return ARGP_ERR_UNKNOWN;
    *(bool *)state->input = true;
    return 0;
}

/* "  Test  #7: sanitize_test" is one of the lines that ctest -N prints. */
static void say_skipped(const char *folder)
{
    char *command = squall_path("ctest --test-dir '%s' -N -L '^slow$' 2>/dev/null", folder);
    FILE *in = popen(command, "re");
    char line[512];
    unsigned count = 0;

    free(command);
    if (in == NULL) return;
    while (fgets(line, sizeof line, in) != NULL) {
        const char *colon = strstr(line, ": ");
        if (strstr(line, "Test ") == NULL || strchr(line, '#') == NULL || colon == NULL) continue;
        printf("%s%.*s", count++ == 0 ? "left out, being slow (--all runs them): " : ", ",
               (int)strcspn(colon + 2, "\n"), colon + 2);
    }
    if (count > 0) putchar('\n');
    fflush(stdout);
    pclose(in);
}

int squall_test(int argc, char **argv)
{
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .doc = "Run the test suite.\v"
               "What a test skips and why is in its output. Exit status: 0 all passed, 2 usage, "
               "else that of ctest.",
    };
    bool all = false;
    char *jobs = squall_path("%u", squall_cpus());

    squall_parse(&argp, argc, argv, &all);
    if (!all) say_skipped(squall_build());
    execlp("ctest", "ctest", "--test-dir", squall_build(), "--output-on-failure", "-j", jobs,
           all ? (char *)NULL : "-LE", "^slow$", (char *)NULL);
    squall_say("ctest cannot be run; it comes with cmake");
    return SQUALL_FAILED;
}
