/*
 * shrink.h - from a case to the smallest one that fails in the same way.
 *
 * Smaller cases are tried until none that we can think of fails: operations are taken away, then
 * decisions, then what they came out as, lengths, and the set-up. What is kept is always the case
 * that a run effectively was, so that whatever hung on something that is gone goes with it.
 *
 * In the same way means: the same property, for the same reason (the words of its verdict), and the
 * world did the same kind of thing last. A smaller case that fails in another way has slipped: it
 * may be another bug, and is kept as a find of its own.
 */
#ifndef CMD_SHRINK_H
#define CMD_SHRINK_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "cmd/trial.h"

enum { SHRINK_SLIPS_MAX = 8, SHRINK_MEMO = 1 << 16 };

struct shrink_signature {
    char property[CASE_NAME_BYTES];
    char why[CASE_WHY_BYTES];
    enum run_cause cause;
};

/* Compared in this order; nothing is accepted that is not smaller. */
struct shrink_size {
    uint64_t operations;
    uint64_t decisions;
    uint64_t outcomes; /* Their sum. */
    uint64_t kinds;    /* Ranks of the operations' kinds, and whose they are. */
    uint64_t bytes;    /* Lengths and arguments. */
    uint64_t set_up;   /* How far from tame. */
    uint64_t ordinals; /* How late the decisions strike. */
};

struct shrink_slip {
    struct shrink_signature signature;
    struct run_case run_case;
};

struct shrink_limits {
    uint64_t for_ns;                    /* 0: no limit. */
    uint64_t runs_max;                  /* 0: no limit. */
    const volatile sig_atomic_t *stop;  /* Non-zero: enough. NULL: never. */
    void (*on_progress)(void *context); /* After every run; NULL: nobody listens. */
    void *context;
};

struct shrink {
    struct trial *trial;
    struct trial_options options;
    struct shrink_limits limits;
    struct shrink_signature signature;
    struct run_case best, draft;
    struct shrink_size size;
    struct shrink_slip slips[SHRINK_SLIPS_MAX];
    uint32_t slip_count;
    uint64_t memo[SHRINK_MEMO]; /* Hashes of what was tried; the later of two in one place stays. */
    uint64_t began_ns, runs, slowest_ns;
    bool over;   /* A limit was reached. */
    bool broken; /* The harness failed; it has been said how. */
};

/* Begin with a case that fails. False: it does not, or (broken) it could not be tried; ret_outcome
 * says what came of it. The options say how runs are judged; `shrink` is for shrink_free then. */
bool shrink_begin(struct shrink *shrink, struct trial *trial, const struct run_case *from,
                  const struct trial_options *options, const struct shrink_limits *limits,
                  struct trial_outcome *ret_outcome);

/* As far as it goes. What there is then is in `best`. */
void shrink_run(struct shrink *shrink);

void shrink_free(struct shrink *shrink);

struct shrink_size shrink_size_of(const struct run_case *run_case);

#endif
