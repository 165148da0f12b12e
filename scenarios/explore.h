/*
 * explore.h - every crash point and every image of small workloads.
 *
 * A sweep draws; this visits. The section [explore] of a scenario file says of which workloads: all
 * sequences of operations of [mix] up to a length, with records of edge sizes, or workloads written
 * out; on each profile and with each alternative of each range of [log]. Each workload is run with
 * all answers tame, and then again for each decision that was asked, with each legal outcome, and
 * so on for each set of decisions within the budgets: so many crashes (each call with an effect,
 * before, inside and after it, by loss of power and by death of the process alone), so many strikes
 * of the faults listed, so many preemptions. A set is visited once: its last decision is one that
 * was asked after all others of it.
 *
 * At each loss of power all images are recovered, judged, and, having lost power once more, read
 * again (odometer.h). The run itself goes on with the one that lost everything, to its end; where
 * there is a budget for another crash, with others too; and then each workload is followed by a
 * reopening, so that there is a recovery for the second crash to hit.
 *
 * What is the same is visited once. Two losses of power that leave the same disk and the same
 * history, but for times, have the same images to judge; if also the same operations are left, the
 * run goes on the same way. Two images with the same bytes and names, judged against the same
 * history, are one. "Complete" means: nothing of this was left out because there was too much of
 * it.
 *
 * Workloads that begin with the same operation are a unit, which stands for itself: what was seen
 * in one unit does not matter in another. So units can be visited anywhere, and counts add up.
 */
#ifndef SCENARIOS_EXPLORE_H
#define SCENARIOS_EXPLORE_H

#include <stdbool.h>
#include <stdint.h>

#include "scenarios/case.h"
#include "scenarios/scenario.h"

#define EXPLORE_AS_WRITTEN UINT32_MAX /* As the scenario file says. */

struct explore_options {
    uint32_t sequence, crashes, faults, preemptions; /* Or EXPLORE_AS_WRITTEN. */
    uint32_t images_max;                             /* At one crash; 0: 4096. */
    bool read_or_not; /* Vary also what no recovery looks at; for tests. */
    /* Asked between runs: is it enough? NULL: never. */
    bool (*stop)(void *context);
    /* What runs next; its outcome is not known. NULL: nobody wants to know. */
    void (*next)(void *context, const struct run_case *run_case);
    /* An image was recovered, judged, and held: runner->side (run.h) is what was seen last. NULL:
     * likewise. */
    void (*judged)(void *context, const struct runner *runner);
    void *context;
};

/* Sums; adding those of all units gives those of the whole. */
struct explore_count {
    uint64_t workloads;
    uint64_t runs;
    uint64_t crashes;   /* Runs that ended a process at some call. */
    uint64_t merged;    /* Of them, those that went on as another one had. */
    uint64_t states;    /* Losses of power whose images were visited. */
    uint64_t images;    /* Drawn there, */
    uint64_t distinct;  /* recovered and judged: those that were not known. */
    uint64_t spared;    /* Answers not tried because no recovery looked. */
    uint64_t promoted;  /* Images with which runs went on. */
    uint64_t too_many;  /* Losses of power with more images than images_max. */
    uint64_t not_taken; /* Images that a run could have gone on with and did not. */
    uint64_t stopped;   /* Units left because it was enough. */
    uint64_t failures;  /* Units left because something broke. */
};
void explore_count_add(struct explore_count *to, const struct explore_count *from);
/* Nothing was left out. */
bool explore_complete(const struct explore_count *count);

struct explorer;

/* NULL: the scenario has no [explore]. The scenario must outlive it. */
struct explorer *explorer_create(const struct scenario *scenario,
                                 const struct explore_options *options);
void explorer_destroy(struct explorer *explorer);

uint64_t explorer_units(const struct explorer *explorer);

/* Visit all of a unit, or up to what breaks. True: all held; else *ret_case (reused) is the run
 * that did not, as runner_export writes it down, and ret_result says what broke. */
bool explorer_visit(struct explorer *explorer, uint64_t unit, struct explore_count *count,
                    struct run_case *ret_case, struct run_result *ret_result);

#endif
