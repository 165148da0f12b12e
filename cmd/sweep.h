/*
 * sweep.h - many seeds, in worker processes.
 *
 * A run can crash, overrun its stack, spin or be killed, and takes its process with it. So runs
 * happen in workers, forked by a master that judges nothing itself: a worker notes in shared memory
 * which seed it is about to run and, in one step, that it is done with it and what came of it. When
 * a worker dies or makes no progress for a long time, the seed it was at is a failing seed like any
 * other, and a new worker goes on behind it.
 *
 * A sweep is a list of parts, each one scenario over some seeds. Workers go through the parts in
 * order and take the seeds of a part in small chunks. The sum of what came of a part does not
 * depend on who ran what; its digest is an order-free sum over the seeds.
 *
 * A sample of the seeds is run twice, with other memory: if the two executions differ, that is a
 * failure of the property "determinism".
 */
#ifndef CMD_SWEEP_H
#define CMD_SWEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scenarios/scenario.h"

enum { SWEEP_PARTS_MAX = 256, SWEEP_JOBS_MAX = 1024, SWEEP_TEXT_BYTES = 512 };

/* The property of a seed that its process did not survive. */
enum { SWEEP_WORKER = -1 };

struct sweep_part {
    const struct scenario *scenario;
    struct run_options options;   /* The seed is filled in. */
    const struct run_case *cases; /* To be replayed; NULL: seeds. */
    const uint64_t *list;         /* The seeds; NULL: first, first + stride, ... */
    uint64_t first, stride;       /* They wrap around. */
    uint64_t count;               /* How many; UINT64_MAX: until the deadline. */
    uint64_t deadline_ns;         /* By squall_now_ns; no new seed after it. 0: none. */
    uint32_t failures_max;        /* No new seed after so many failures. 0: never stop. */
};

struct sweep_tally {
    uint64_t seeds, failures, crashes, boots, operations, images, log_bytes, sim_ns;
    uint64_t busy_ns; /* Wall time, summed over the workers. */
    struct sim_digest digest;
    struct sim_digest last; /* Of the last run alone; for a sweep over one seed. */
};

struct sweep_failure {
    uint32_t part;
    int32_t property; /* properties_all[], or SWEEP_WORKER. */
    uint64_t seed;
    uint64_t position;        /* In the part. */
    uint64_t events;          /* Of the history. */
    struct sim_digest digest; /* Of the run; zero if there is none. */
    uint32_t image;
    char text[SWEEP_TEXT_BYTES];   /* What broke, one line. */
    char detail[SWEEP_TEXT_BYTES]; /* More lines, or "". */
};

const char *sweep_failure_property(const struct sweep_failure *failure);
const char *sweep_failure_claim(const struct sweep_failure *failure);

struct reach_table;

struct sweep {
    const struct sweep_part *parts;
    size_t part_count;
    uint32_t jobs;
    struct reach_table *reach; /* One for each job, shared with workers; NULL: it is not asked. */
    bool trace;                /* Print what each run does, and its history, on standard output. */
    bool patient;              /* Nobody is killed for not making progress. */
    void (*on_failure)(void *context, const struct sweep_failure *failure);
    void (*on_tick)(void *context, const struct sweep_tally *tallies); /* About ten a second. */
    void *context;
};

enum sweep_end {
    SWEEP_COMPLETE,    /* Every seed was run; where they have no end, until the deadline. */
    SWEEP_STOPPED,     /* Not so: enough failures, or no more time. */
    SWEEP_INTERRUPTED, /* By SIGINT or SIGTERM. */
    SWEEP_BROKEN,      /* The harness failed; it has been said how. */
};

/* ret_tallies: one for each part. */
enum sweep_end sweep_run(const struct sweep *sweep, struct sweep_tally *ret_tallies);

/* `last` is that of the second. */
void sweep_tally_add(struct sweep_tally *sum, const struct sweep_tally *tally);
void sweep_digest_add(struct sim_digest *sum, struct sim_digest digest);

#endif
