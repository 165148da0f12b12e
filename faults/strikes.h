/*
 * strikes.h - what the faults of the catalogue do to a call. Private to faults/.
 *
 * Each asks one decision at its call; the outcome, not the odds, says what happens, so that a
 * recorded outcome replays whatever the odds were.
 */
#ifndef FAULTS_STRIKES_H
#define FAULTS_STRIKES_H

#include "faults/fault.h"

/* The shape of fault.strike. */
#define STRIKE_DECLARE(name)                                                               \
    void name(struct fault_plan *plan, const struct fault *fault, struct sim_world *world, \
              const struct sim_point *point, struct sim_outcome *outcome)

STRIKE_DECLARE(strike_short);
STRIKE_DECLARE(strike_interrupted);
STRIKE_DECLARE(strike_no_space);
STRIKE_DECLARE(strike_too_large);
STRIKE_DECLARE(strike_write_eio);
STRIKE_DECLARE(strike_fsync);
STRIKE_DECLARE(strike_fsync_lies);
STRIKE_DECLARE(strike_close);
STRIKE_DECLARE(strike_name_call);
STRIKE_DECLARE(strike_latency);
STRIKE_DECLARE(strike_flip);
STRIKE_DECLARE(strike_clock_jump);
STRIKE_DECLARE(strike_pause);
STRIKE_DECLARE(strike_writeback);

#endif
