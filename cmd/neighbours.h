/*
 * neighbours.h - the cases next to a case.
 *
 * A change of the log that has nothing to do with a failure may add a call somewhere, and what a
 * decision struck is then one place further on. The neighbours of a case have one decision, or it
 * and the later ones at its place (the same context, kind and call), moved by one or two.
 */
#ifndef CMD_NEIGHBOURS_H
#define CMD_NEIGHBOURS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scenarios/case.h"

enum { NEIGHBOURS_PER_DECISION = 8 };

uint32_t neighbours_count(const struct run_case *run_case);

/* The n-th, from 0 on. False: there is none (nothing is asked before the first time), or it is
 * another one's twin. */
bool neighbours_make(const struct run_case *run_case, uint32_t n, struct run_case *ret_case);

/* What was moved: "op3 crash fdatasync 0, and the later ones there, by +1". */
void neighbours_name(const struct run_case *run_case, uint32_t n, char *text, size_t bytes);

#endif
