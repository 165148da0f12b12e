/*
 * run_source.h - which run a command is about: SCENARIO:SEED or FILE.repro.
 */
#ifndef CMD_RUN_SOURCE_H
#define CMD_RUN_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "cmd/scenario_set.h"
#include "cmd/selection.h"
#include "cmd/trial.h"

struct run_source {
    char *name;               /* As it was typed; of SCENARIO:SEED, what stands before the colon. */
    const char *path;         /* Of a reproducer; NULL: it is a seed. */
    struct run_case run_case; /* What it says. */
    struct scenario_set set;
    uint64_t seed;
};

bool run_source_is_file(const char *token);

/* SQUALL_HELD; or else, having said why, the exit status: SQUALL_STALE for what is malformed. An
 * unknown scenario ends the program. */
int run_source_open(struct run_source *source, const char *token);
void run_source_close(struct run_source *source);

/* The run as a case: what the file says, or what the seed makes of the scenario. ret_outcome is of
 * the seed's run; of a file's nothing is known yet. Returns an exit status; SQUALL_HELD: the case
 * is there, unless the seed's run held. */
int run_source_case(struct run_source *source, struct trial *trial,
                    const struct selection *selection, struct trial_outcome *ret_outcome);

#endif
