/*
 * trial.h - run a case, or a seed, in another process, and hear what came of it.
 *
 * Whoever looks for a failure among thousands of cases meets runs that die, spin, or overrun their
 * stacks. A trial is one long-lived child that runs whatever lies in memory shared with it: some
 * 20 us more than the run itself. A run that kills the child breaks the property "worker"; the next
 * one has a new child.
 *
 * A run that broke something leaves the case that it effectively was: of the decisions those that
 * were asked for, with what they came out as. So it does when it dies: the child writes it down in
 * its last moments. That may fail (memory may be in any state by then); what was tried is all there
 * is then.
 */
#ifndef CMD_TRIAL_H
#define CMD_TRIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "scenarios/scenario.h"

#define TRIAL_WORKER "worker" /* The property of a run that its process did not survive. */

enum { TRIAL_TEXT_BYTES = 512 };

struct trial;

struct trial_options {
    uint64_t property_mask; /* As in struct run_options. */
    uint64_t patience_ns;   /* Of processor time, before it counts as hung. 0: 20 s. */
    uint64_t address_salt;
    bool annotate; /* The effective case says of each decision what it struck. */
    bool trace;    /* Print what the run does, and its history, on standard output. */
    bool twice;    /* And once more with other memory: does it do the same? */
};

struct trial_outcome {
    char property[CASE_NAME_BYTES]; /* ""; all held. */
    char why[CASE_WHY_BYTES];       /* The same for all runs that break it in this way. */
    char failure[CASE_WHY_BYTES];   /* With the numbers of this run. */
    char words[TRIAL_TEXT_BYTES];   /* What a process said before it died, or how two executions
                                       differed. */
    enum run_cause cause;
    enum run_stale stale;
    uint32_t stale_at;
    uint64_t outcome; /* What a user saw. */
    struct sim_digest digest;
    uint64_t processor_ns; /* What it took, if it did not die. */
    bool hung;
    bool exported; /* There is an effective case. */
};

struct trial *trial_begin(void);
void trial_end(struct trial *trial);

/* False, having said why: the harness failed. */
bool trial_run(struct trial *trial, const struct run_case *run_case,
               const struct trial_options *options, struct trial_outcome *ret_outcome);

/* A run from its seed: one child for each. */
bool trial_generate(struct trial *trial, const struct scenario *scenario,
                    const struct run_options *run_options, const struct trial_options *options,
                    struct trial_outcome *ret_outcome);

/* The effective case of the last run, if it has one. Until the next run. */
const struct run_case *trial_case(const struct trial *trial);

/* How many runs so far. */
uint64_t trial_count(const struct trial *trial);

#endif
