/*
 * bugs_policies.h - squall bugs --policies: which way of scheduling finds which planted race.
 */
#ifndef CMD_BUGS_POLICIES_H
#define CMD_BUGS_POLICIES_H

#include <stdint.h>

#include "cmd/bug_patch.h"

/* Hunts each bug, whose programs are built, with each policy alone. Returns the exit status. */
int bugs_policies(const struct bug_list *list, uint32_t trials, uint64_t cap, uint32_t jobs);

#endif
