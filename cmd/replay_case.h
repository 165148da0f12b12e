/*
 * replay_case.h - a case again, and what came of it in words.
 */
#ifndef CMD_REPLAY_CASE_H
#define CMD_REPLAY_CASE_H

#include <stdio.h>

#include "cmd/trial.h"

struct replay_case {
    const char *name; /* Of the case: its file. */
    const struct run_case *run_case;
    struct trial *trial;
    struct trial_options options;
    bool neighbours; /* If it does not fail, try those next to it. */
    FILE *out;
};

/* Why a case that was replayed no longer tests what it did, in words; "": it still does. */
void replay_case_stale(const struct run_case *run_case, const struct trial_outcome *outcome,
                       char *text, size_t bytes);

/* Replays and tells. Returns an exit status: SQUALL_BROKEN a property was broken, SQUALL_HELD all
 * held, SQUALL_STALE all held, but of another run than was written down, SQUALL_FAILED. */
int replay_case(const struct replay_case *replay);

/* The first neighbour that breaks a property. False: the harness failed. UINT32_MAX: none does. */
bool replay_case_neighbours(struct trial *trial, const struct run_case *run_case,
                            const struct trial_options *options, uint32_t *ret_n,
                            struct trial_outcome *ret_outcome);

#endif
