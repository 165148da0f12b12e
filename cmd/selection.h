/*
 * selection.h - what a run is held to besides its scenario and seed: --images, --profile, --only,
 * --without, --property.
 *
 * A run is a function of these too, so whatever is not the default belongs into the line that
 * replays it.
 */
#ifndef CMD_SELECTION_H
#define CMD_SELECTION_H

#include <argp.h>
#include <stdbool.h>
#include <stdio.h>

#include "faults/fault.h"
#include "scenarios/scenario.h"

enum { SELECTION_IMAGES = 8 }; /* Without --images. */

struct selection {
    uint32_t images;
    const struct disk_profile *profile; /* NULL: the scenario draws. */
    bool has_policy;
    enum sim_policy policy; /* Of the scheduler; else it is drawn. */
    bool has_only, has_without;
    uint8_t only[FAULT_NUMBER_COUNT], without[FAULT_NUMBER_COUNT]; /* Non-zero: named. */
    uint64_t property_mask;                                        /* 0: all. */
};

/* A child parser; its input is a struct selection. */
extern const struct argp selection_argp;

/* The selection must outlive the options. */
struct run_options selection_options(const struct selection *selection);

/* Nothing restricts which runs fail how. */
bool selection_is_plain(const struct selection *selection);

/* What to type to have this run again: "./squall replay NAME:SEED" and the options that matter. */
void selection_print_replay(FILE *out, const struct selection *selection, const char *typed,
                            uint64_t seed);

#endif
