/*
 * sweep_shared.h - what master and workers of a sweep share. Private to sweep*.c.
 *
 * Each worker has a slot and is its only writer while it lives. What it has done it says by writing
 * the other of two states and then its number, so that whoever looks, also after the worker was
 * killed in the middle, finds a whole state.
 */
#ifndef CMD_SWEEP_SHARED_H
#define CMD_SWEEP_SHARED_H

#include <stdatomic.h>

#include "cmd/sweep.h"

struct sweep_state {
    uint64_t runs;            /* Ended, in all parts. */
    uint32_t part;            /* Where this worker is: */
    uint64_t at, end;         /* the rest of its chunk, as positions in the part; */
    struct sweep_tally tally; /* what it has done in this part. */
};

struct sweep_slot {
    _Alignas(64) _Atomic uint64_t running; /* state.runs + 1: a run is going on. */
    _Atomic uint32_t current;              /* Which of the states is valid. */
    struct sweep_state states[2];
    struct sweep_tally left[SWEEP_PARTS_MAX]; /* Parts before state.part. */
};

struct sweep_shared_part {
    _Alignas(64) _Atomic uint64_t next; /* The first position that nobody took. */
    _Atomic uint32_t failures;
    _Atomic bool stop; /* Nobody begins another seed. */
};

struct sweep_shared {
    struct sweep_shared_part parts[SWEEP_PARTS_MAX];
    struct sweep_slot slots[];
};

/* What a worker process is made of. */
struct sweep_worker {
    const struct sweep *sweep;
    struct sweep_shared *shared;
    struct sweep_slot *slot;
    struct runner *runner;
    struct sweep_state state;
    int failures_fd;
};

const struct sweep_state *sweep_slot_state(const struct sweep_slot *slot);
void sweep_slot_publish(struct sweep_slot *slot, const struct sweep_state *state);

uint64_t sweep_part_seed(const struct sweep_part *part, uint64_t position);

/* A failure in this part: count it, and stop the part if that is enough. */
void sweep_count_failure(struct sweep_shared *shared, const struct sweep *sweep, uint32_t part);

/* What a seed adds to the digest of its part. */
struct sim_digest sweep_seed_digest(const struct scenario *scenario, uint64_t seed,
                                    int32_t property, struct sim_digest digest);

/* The life of a worker, from the state in its slot on. */
_Noreturn void sweep_work(struct sweep_worker *worker);

#endif
