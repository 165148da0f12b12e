/*
 * suite.c - all properties, and a history folded over them.
 *
 * The order is that in which they are asked, the more specific before the more general: a record
 * that nobody wrote is a phantom first, and only then one that stands in another's place.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "properties/model.h"
#include "properties/property.h"
#include "properties/property_list.h"

/* clang-format off */
const struct property *const properties_all[] = {
    &property_determinism,
    &property_no_phantom,
    &property_batch_atomicity,
    &property_prefix,
    &property_honest_corruption,
    &property_honest_copy,
    &property_honest_repair,
    &property_durability,
    &property_pruning,
    &property_fsync_honesty,
    &property_recovery_idempotence,
    &property_commit_time,
    &property_limits,
    &property_rows,
    &property_liveness,
    &property_no_leak,
    NULL,
};
/* clang-format on */

enum { PROPERTIES = sizeof properties_all / sizeof properties_all[0] - 1 };

struct property_suite {
    struct model model;
    uint64_t mask;
    uint64_t states[PROPERTIES][PROPERTY_STATE_BYTES_MAX / sizeof(uint64_t)];
    uint32_t by_kind[HISTORY_KIND_COUNT]; /* Bit i: properties_all[i] steps on it. */
};

struct property_suite *property_suite_create(void)
{
    struct property_suite *suite = calloc(1, sizeof *suite);

    assert(suite != NULL);
    model_init(&suite->model);
    for (size_t i = 0; i < PROPERTIES; i++) {
        const struct property *property = properties_all[i];
        assert(property->state_size <= PROPERTY_STATE_BYTES_MAX);
        for (unsigned kind = 0; kind < HISTORY_KIND_COUNT; kind++) {
            if ((property->kinds & PROPERTY_KIND(kind)) == 0) continue;
            assert(property->step != NULL);
            suite->by_kind[kind] |= UINT32_C(1) << i;
        }
    }
    return suite;
}

void property_suite_destroy(struct property_suite *suite)
{
    if (suite == NULL) return;
    model_free(&suite->model);
    free(suite);
}

void property_suite_begin(struct property_suite *suite, uint64_t mask)
{
    suite->mask = mask;
    model_begin(&suite->model);
    for (size_t i = 0; i < PROPERTIES; i++) {
        const struct property *property = properties_all[i];
        memset(suite->states[i], 0, property->state_size);
        if (property->init != NULL) property->init(suite->states[i]);
    }
}

/* What all say of an observation, and of the event it came with, if any. */
static const struct property *ask(const struct property_suite *suite, uint64_t asked,
                                  const struct history_observation *observation,
                                  struct property_suite *stepped, const struct history_event *event,
                                  struct verdict *ret_verdict)
{
    const struct model *model = &suite->model;
    struct verdict verdict = {0};

    asked &= (UINT64_C(1) << PROPERTIES) - 1;
    for (; asked != 0; asked &= asked - 1) { /* The lowest bit goes. */
        size_t i = (size_t)__builtin_ctzll(asked);
        const struct property *property = properties_all[i];
        if (observation != NULL && property->judge != NULL) {
            property->judge(suite->states[i], model, observation, &verdict);
        }
        if (!verdict.broken && event != NULL && (suite->by_kind[event->kind] >> i & 1) != 0) {
            property->step(stepped->states[i], model, event, &verdict);
        }
        if (!verdict.broken) continue;
        *ret_verdict = verdict;
        return property;
    }
    return NULL;
}

/* Who read while others truncated may have seen this or that above. A copy may be of any moment
 * of its process. */
static uint64_t loose_lsn(const struct model *model, const struct history_event *event)
{
    if (event->kind == HISTORY_COPIED) return model_kept_since(model, 0);
    if (event->observation->recovery) return UINT64_MAX;
    return model_kept_beside(model, event->operation, 0);
}

const struct property *property_suite_step(struct property_suite *suite,
                                           const struct history_event *event,
                                           struct verdict *ret_verdict)
{
    const struct history_observation *observation = event->observation;
    uint64_t asked = suite->mask;

    assert((size_t)event->kind < HISTORY_KIND_COUNT);
    if (observation == NULL) {
        asked &= suite->by_kind[event->kind];
    } else {
        model_read(&suite->model, observation, event->kind == HISTORY_UNDISTURBED,
                   loose_lsn(&suite->model, event));
    }
    if (event->kind == HISTORY_COPIED ||
        event->kind ==
            HISTORY_REPAIRED) { /* Not a state of the log: only its own claim is asked. */
        asked &= suite->by_kind[event->kind];
        observation = NULL;
    }
    const struct property *broken = ask(suite, asked, observation, suite, event, ret_verdict);
    model_take(&suite->model, event);
    return broken;
}

const struct property *property_suite_judge(const struct property_suite *suite,
                                            const struct history_observation *observation,
                                            struct verdict *ret_verdict)
{
    model_read(&suite->model, observation, true, UINT64_MAX);
    return ask(suite, suite->mask, observation, NULL, NULL, ret_verdict);
}

static const struct property *if_asked(const struct property_suite *suite,
                                       const struct property *property, const char *why,
                                       uint64_t lsn, uint64_t other, struct verdict *ret_verdict)
{
    for (size_t i = 0; i < PROPERTIES; i++) {
        if (properties_all[i] != property || (suite->mask >> i & 1) == 0) continue;
        property_break(ret_verdict, why, lsn, other);
        return property;
    }
    return NULL;
}

static uint64_t last_of(const struct history_observation *observation)
{
    if (observation->count > 0) return observation->records[observation->count - 1].lsn;
    return observation->from_lsn > 0 ? observation->from_lsn - 1 : 0;
}

const struct property *property_suite_judge_again(const struct property_suite *suite,
                                                  const struct history_observation *first,
                                                  const struct history_observation *second,
                                                  struct verdict *ret_verdict)
{
    if (first->open_error != HISTORY_OK || first->read_error != HISTORY_OK) return NULL;
    if (second->open_error != HISTORY_OK || second->read_error != HISTORY_OK) {
        return if_asked(suite, &property_recovery_idempotence,
                        "a log that was served could not be served again", last_of(second),
                        last_of(first), ret_verdict);
    }
    uint32_t count = first->count < second->count ? first->count : second->count;
    for (uint32_t i = 0; i < count; i++) {
        const struct history_record *was = &first->records[i];
        const struct history_record *is = &second->records[i];
        if (was->lsn == is->lsn && was->hash == is->hash && was->length == is->length &&
            was->commit_ns == is->commit_ns) {
            continue;
        }
        return if_asked(suite, &property_recovery_idempotence,
                        "a second recovery showed another record", was->lsn, is->lsn, ret_verdict);
    }
    if (last_of(second) < last_of(first) || second->count < first->count) {
        return if_asked(suite, &property_durability, "a record was served once and lost later",
                        last_of(second) + 1, last_of(first), ret_verdict);
    }
    if (second->count > first->count || last_of(second) != last_of(first)) {
        return if_asked(suite, &property_recovery_idempotence,
                        "a second recovery showed more records", last_of(first) + 1,
                        last_of(second), ret_verdict);
    }
    return NULL;
}
