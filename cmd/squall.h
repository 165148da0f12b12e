/*
 * squall.h - what the subcommands of squall share.
 */
#ifndef CMD_SQUALL_H
#define CMD_SQUALL_H

#include <argp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cmd/program.h"

enum squall_exit {
    SQUALL_HELD = 0,
    SQUALL_BROKEN = 1, /* A property, or what the command is there to check. */
    SQUALL_USAGE = PROGRAM_USAGE,
    SQUALL_FAILED = 3,  /* The harness itself. */
    SQUALL_STALE = 125, /* What should be replayed is malformed; git bisect skips then. */
    SQUALL_INTERRUPTED = 130,
};

/* argv[0] is "squall NAME". */
int squall_run(int argc, char **argv);
int squall_replay(int argc, char **argv);
int squall_shrink(int argc, char **argv);
int squall_regress(int argc, char **argv);
int squall_report(int argc, char **argv);
int squall_list(int argc, char **argv);
int squall_explore(int argc, char **argv);
int squall_bugs(int argc, char **argv);
int squall_bench(int argc, char **argv);
int squall_test(int argc, char **argv);

/* ---- Where things are (squall_place.c). The script ./squall says it in the environment. ---- */

const char *squall_root(void);  /* SQUALL_ROOT: the sources. Else the current directory. */
const char *squall_build(void); /* SQUALL_BUILD. Else "build" there. */

/* A path put together, to be freed. */
__attribute__((format(printf, 1, 2))) char *squall_path(const char *format, ...);

unsigned squall_cpus(void); /* That this process may use. */
uint64_t squall_now_ns(void);

/* ---- Arguments (squall_args.c). What is wrong with them ends the program: SQUALL_USAGE. ---- */

void squall_parse(const struct argp *argp, int argc, char **argv, void *input);

/* Ends with "--seeds 5..1 is empty: ..." if wrong is not NULL. */
void squall_refuse(struct argp_state *state, const char *option, const char *text,
                   const char *wrong);

/* "squall run: ...", one line on standard error. */
__attribute__((format(printf, 1, 2))) void squall_say(const char *format, ...);

#endif
