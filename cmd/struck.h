/*
 * struck.h - what each decision of a run did, in words, for reproducers.
 *
 * The trace shows a decision right before the call that it struck. Those of one run come in the
 * order in which the run's case has them.
 */
#ifndef CMD_STRUCK_H
#define CMD_STRUCK_H

#include "scenarios/scenario.h"

struct struck {
    struct runner *runner;
    char (*texts)[CASE_STRUCK_BYTES];
    struct sim_trace_event *decisions;
    uint32_t count, capacity;
    uint8_t *waits; /* By decision: for the line of what it struck. */
    uint32_t told;  /* Up to here none does. */
};

/* Make the run that is about to be made with these options tell. */
void struck_watch(struct struck *struck, struct runner *runner, struct run_options *options);

/* Afterwards: write it into the case that the run was. */
void struck_tell(const struct struck *struck, struct run_case *run_case);
void struck_free(struct struck *struck);

#endif
