/*
 * trace_print.h - traces and histories as lines.
 *
 * Columns stay where they are and no line is numbered, so that two runs can be compared by diff.
 */
#ifndef CMD_TRACE_PRINT_H
#define CMD_TRACE_PRINT_H

#include <stdio.h>

#include "sim/history.h"
#include "sim/world.h"

void trace_print_heads(FILE *out);
void trace_print_event(FILE *out, const struct sim_trace_event *event);
void trace_print_history(FILE *out, const struct history *history);

#endif
