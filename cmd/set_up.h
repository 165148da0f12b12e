/*
 * set_up.h - how far a set-up is from the tamest one.
 */
#ifndef CMD_SET_UP_H
#define CMD_SET_UP_H

#include "scenarios/case.h"

/* The fields that are not tame, and how much the disk may do. */
uint64_t set_up_distance(const struct case_config *config);

/* No field is beyond what a reproducer may say. */
bool set_up_allowed(const struct case_config *config);

/* How much a disk may do that a strict one does not. */
uint32_t set_up_laxity(const struct disk_profile *profile);

#endif
