/*
 * trace_print.h - a run as lines, one for each event.
 *
 * Columns stay where they are, so that two runs can be compared by diff; where one has an event
 * more, leave out the numbers: cut -c8-. What a user could see stands between the events, at the
 * point where it happened.
 */
#ifndef CMD_TRACE_PRINT_H
#define CMD_TRACE_PRINT_H

#include <stdio.h>

#include "scenarios/scenario.h"

struct trace_print {
    FILE *out; /* NULL: nothing is printed. */
    struct runner *runner;
    uint64_t until;    /* The last event to go to, 0: all. */
    uint64_t break_at; /* Raise SIGTRAP at this event, 0: at none. */
    uint64_t events;
    size_t facts; /* Rows of the history that were printed. */
};

/* Before a run: prints the heads, and makes the run tell. */
void trace_print_begin(struct trace_print *print, struct run_options *options);

/* After it: what the history has left. */
void trace_print_end(struct trace_print *print);

/* An event by itself, as the digest has it; for comparing. */
void trace_print_event(FILE *out, const struct sim_trace_event *event);

#endif
