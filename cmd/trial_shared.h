/*
 * trial_shared.h - what the two processes of a trial share. Private to trial*.c.
 */
#ifndef CMD_TRIAL_SHARED_H
#define CMD_TRIAL_SHARED_H

#include <stdatomic.h>
#include <stddef.h>

#include "cmd/trial.h"

/* More than any run: it has at most 400 boots. Memory that is not touched costs nothing. */
enum {
    TRIAL_OPERATIONS_MAX = 16384,
    TRIAL_WHOS_MAX = 65536,
    TRIAL_DECISIONS_MAX = 65536,
    TRIAL_MILESTONES_MAX = 1024,
};

/* Mapped at the same place in both, so that it may hold pointers into itself. */
struct trial_shared {
    struct trial_options options;
    const struct scenario *scenario; /* NULL: `asked` is run. */
    struct run_options run_options;
    struct run_case asked;
    struct run_case effective;
    struct trial_outcome outcome;
    _Atomic bool running;
};

bool trial_fits(const struct run_case *run_case);

/* The life of the child: a byte on `requests` is a run to be made, a byte on `replies` is one that
 * ended. */
_Noreturn void trial_serve(struct trial_shared *shared, int requests, int replies);

#endif
