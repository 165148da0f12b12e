/*
 * squall.c - squall: the harness on the command line.
 *
 * Only cmd/ prints. Results go to standard output; what is wrong, and how far a command is, to
 * standard error.
 */
#include "cmd/squall.h"
#include "wal/version.h"

const char *argp_program_version = "squall " WAL_LIBRARY_VERSION;

static const struct program_command commands[] = {
    {"run", "[SCENARIO...]", "Run seeds of scenarios and judge every run.", {.alone = squall_run}},
    {"replay", "SCENARIO:SEED | FILE", "Repeat one run.", {.alone = squall_replay}},
    {"shrink",
     "SCENARIO:SEED | FILE",
     "Find a smaller run that fails the same way.",
     {.alone = squall_shrink}},
    {"regress",
     "[DIR]",
     "Replay the reproducers kept with the sources.",
     {.alone = squall_regress}},
    {"report", "SCENARIO:SEED | FILE", "Tell one run as a page (HTML).", {.alone = squall_report}},
    {"list", "[SECTION]", "Scenarios, faults, properties, bugs, profiles.", {.alone = squall_list}},
    {"explore",
     "[SCENARIO...]",
     "Visit every crash and image of small workloads.",
     {.alone = squall_explore}},
    {"bugs", "[NAME...]", "Plant known bugs and hunt them.", {.alone = squall_bugs}},
    {"bench", "[NAME...]", "Measure the simulation, and the log.", {.alone = squall_bench}},
    {"test", "[--all]", "Run the test suite.", {.alone = squall_test}},
};

int main(int argc, char **argv)
{
    static const struct program program = {
        .name = "squall",
        .doc = "Run a write-ahead log through storms that can be repeated.\v ",
        .statuses = "0 all held, 1 a property was broken, 2 usage, 3 the harness failed, "
                    "125 what should be replayed is malformed or stale, 130 interrupted",
        .commands = commands,
        .count = sizeof commands / sizeof commands[0],
    };

    return program_choose(&program, &argc, &argv)->run.alone(argc, argv);
}
