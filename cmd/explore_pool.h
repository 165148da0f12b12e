/*
 * explore_pool.h - worker processes that explore a scenario together.
 *
 * Units are handed out one by one, and what was counted in each adds up: so the sums do not depend
 * on how many workers there are. A unit that kills its worker is a failure like any other; it is
 * visited once more by a process that writes down each run before it begins.
 */
#ifndef CMD_EXPLORE_POOL_H
#define CMD_EXPLORE_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "scenarios/explore.h"

enum { EXPLORE_JOBS_MAX = 256, EXPLORE_FAILURES_KEPT = 16, EXPLORE_PATH_BYTES = 512 };

struct explore_failure {
    uint64_t unit;
    char property[64];
    char what[200];
    char path[EXPLORE_PATH_BYTES]; /* Of the reproducer; "": it could not be written. */
};

struct explore_outcome {
    struct explore_count count;
    uint64_t units, units_done;
    struct explore_failure failures[EXPLORE_FAILURES_KEPT]; /* The first ones, by unit. */
    uint32_t failure_count;
    bool interrupted, out_of_time;
    bool broken; /* The harness failed, and has said how. */
};

struct explore_job {
    const struct scenario *scenario;
    struct explore_options options; /* stop, next, judged are the pool's. */
    uint32_t jobs;
    uint64_t until_ns; /* 0: no limit. */
    void (*progress)(void *context, const struct explore_outcome *so_far);
    void *context;
};

void explore_pool_run(const struct explore_job *job, struct explore_outcome *ret_outcome);

#endif
