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
    uint32_t waiting; /* From here on they wait for the line of what they struck. */
};

/* Make the run that is about to be made with these options tell. */
void struck_watch(struct struck *struck, struct runner *runner, struct run_options *options);

/* Afterwards: write it into the case that the run was, and forget it. */
void struck_tell(struct struck *struck, struct run_case *run_case);

#endif
