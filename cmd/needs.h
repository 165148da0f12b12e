/*
 * needs.h - what a failure needs: which kinds of decisions, and which disks.
 */
#ifndef CMD_NEEDS_H
#define CMD_NEEDS_H

#include "cmd/trial.h"

enum { NEEDS_KINDS_MAX = 32, NEEDS_PROFILES_MAX = 32, NEEDS_NAME_BYTES = 48 };

struct need {
    char kind[NEEDS_NAME_BYTES]; /* "F08 fsync-eio-new-in-cache", "crash", "crash image", ... */
    uint32_t decisions;
    bool needed;                   /* Without its decisions the failure is not there. */
    char instead[CASE_NAME_BYTES]; /* The property that is broken then; "": all held. */
};

struct needs {
    struct need kinds[NEEDS_KINDS_MAX];
    uint32_t kind_count;
    const struct disk_profile *profiles[NEEDS_PROFILES_MAX]; /* On which it remains. */
    uint32_t profile_count;
};

/* By some more runs. False: the harness failed. */
bool needs_find(struct trial *trial, const struct run_case *run_case,
                const struct trial_options *options, struct needs *ret_needs);

#endif
