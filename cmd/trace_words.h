/*
 * trace_words.h - what happened in a run, in words.
 *
 * For the trace (trace_print.c) and for the story of a failure (story.c), which say it alike. Words
 * end without a newline and without a full stop.
 */
#ifndef CMD_TRACE_WORDS_H
#define CMD_TRACE_WORDS_H

#include <stdio.h>

#include "faults/fault.h"
#include "sim/history.h"
#include "sim/world.h"

/* Whether the event has a number. What is looked at beside the run has none, nor has what the
 * harness mixes into the digest: so a run has the same numbers with any number of extra images. */
bool trace_is_counted(const struct sim_trace_event *event);

/* "WAL_OK", "decision", "stop" */
const char *trace_result_name(uint16_t result);

/* A row of the history: "acknowledged: all up to LSN 17 is durable" */
void trace_words_fact(FILE *out, const struct history_event *event);

/* '!' something went wrong, '^' a recovery, '=' anything else. */
char trace_fact_mark(const struct history_event *event);

/* The line of a decision: "op3/boot0 F08 fdatasync 0 = 1 (fsync-eio)" */
void trace_words_decision(FILE *out, const struct sim_world *world,
                          const struct sim_trace_event *event);

/* The fault of the catalogue that a decision is about; NULL: it is about something else. */
const struct fault *trace_fault(const struct sim_trace_event *event);

/* The line of a process's end: "power lost at fdatasync, after 120 calls" */
void trace_words_stop(FILE *out, const struct sim_trace_event *event);

/* The file that a call is about, under the name that it has now: a descriptor knows only the one
 * that it was opened by. "": none. Only inside the trace callback. */
const char *trace_file_name(struct sim_world *world, const struct sim_trace_event *event);

/* Whether the call is about a place in a file: then event->a is the offset, and this the length. */
bool trace_has_place(const struct sim_trace_event *event);
uint64_t trace_length(const struct sim_trace_event *event);

#endif
