/*
 * property.h - a claim about every history, and the machinery that folds a history over it.
 *
 * A property is a fold: init, step for each event, judge for each observation (what recovery
 * showed). judge must not change anything: it is called for the run's own recoveries and, with the
 * same state, for each of the extra crash images drawn beside the run. That is why its state need
 * not be copied for them.
 *
 * The bookkeeping that several properties need (which record may stand at which LSN, what was
 * acknowledged, what was damaged) is one independent model of a log, model.h, folded over the same
 * events. For each event: every property judges (if it is an observation) and steps against the
 * model as it was before the event; then the model takes the event in.
 *
 * Nothing here includes a header of the log.
 */
#ifndef PROPERTIES_PROPERTY_H
#define PROPERTIES_PROPERTY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/history.h"

struct model;

struct verdict {
    bool broken;
    const char *why; /* One sentence without numbers, static storage. NULL while it holds. */
    uint64_t lsn;    /* The LSN it is about; 0: none. */
    uint64_t other;  /* A second number for the report, what `why` says. */
};

enum { PROPERTY_STATE_BYTES_MAX = 256 };

#define PROPERTY_KIND(kind) (UINT32_C(1) << (kind))

struct property {
    const char *name;          /* "durability" */
    const char *claim;         /* One sentence with a full stop. */
    size_t state_size;         /* At most PROPERTY_STATE_BYTES_MAX; 0: none. */
    void (*init)(void *state); /* NULL: all zero. */
    uint32_t kinds;            /* PROPERTY_KIND of each event that step is called for. */
    /* Either may be NULL. *verdict comes in as holding; setting .broken ends the run. */
    void (*step)(void *state, const struct model *model, const struct history_event *event,
                 struct verdict *verdict);
    void (*judge)(const void *state, const struct model *model,
                  const struct history_observation *observation, struct verdict *verdict);
};

/* All of them, in the order in which they are asked; NULL at the end. */
extern const struct property *const properties_all[];

/* A history being folded. */
struct property_suite;

struct property_suite *property_suite_create(void);
void property_suite_destroy(struct property_suite *suite);

/* Begin a new history. `mask`: bit i stands for properties_all[i]. Keeps its memory. */
void property_suite_begin(struct property_suite *suite, uint64_t mask);

/* The next event of the run. Returns the first property that it breaks, or NULL. */
const struct property *property_suite_step(struct property_suite *suite,
                                           const struct history_event *event,
                                           struct verdict *ret_verdict);

/* What the recovery of an extra image showed, judged after the events so far. Changes nothing. */
const struct property *property_suite_judge(const struct property_suite *suite,
                                            const struct history_observation *observation,
                                            struct verdict *ret_verdict);

/* For a second look at an image: having shown `first`, it lost power at once, losing everything
 * unsynced, and shows `second`. What was served must still be there, and nothing else. */
const struct property *property_suite_judge_again(const struct property_suite *suite,
                                                  const struct history_observation *first,
                                                  const struct history_observation *second,
                                                  struct verdict *ret_verdict);

#endif
