/*
 * honesty_lies.h - for each property a lie about a real run that it must see through.
 */
#ifndef TESTS_HONESTY_LIES_H
#define TESTS_HONESTY_LIES_H

#include <stdbool.h>

#include "tests/property_rows.h"

/* A lie about an event of a real history: true if it can be told here. `seen` and its records are
 * copies of what the event points to. */
typedef bool told_lie(struct history_event *event, struct history_observation *seen,
                      struct history_record *records);

static bool recovered(const struct history_event *event, uint32_t least)
{
    return event->kind == HISTORY_OBSERVED && event->observation->recovery &&
           event->observation->open_error == HISTORY_OK && event->observation->count >= least;
}

static bool it_diverged(struct history_event *event, struct history_observation *seen,
                        struct history_record *records)
{
    (void)seen, (void)records;
    *event = (struct history_event){.kind = HISTORY_DIVERGED};
    return true;
}

static bool it_showed_a_stranger(struct history_event *event, struct history_observation *seen,
                                 struct history_record *records)
{
    if (recovered(event, 1)) records[seen->count - 1].hash ^= UINT64_C(1) << 40;
    return recovered(event, 1);
}

static bool it_cut_a_batch(struct history_event *event, struct history_observation *seen,
                           struct history_record *records)
{
    if (!recovered(event, 2) || records[seen->count - 1].batch_index == 0) return false;
    seen->count--;
    return true;
}

static bool it_left_a_gap(struct history_event *event, struct history_observation *seen,
                          struct history_record *records)
{
    if (recovered(event, 2)) records[seen->count - 1].lsn++;
    return recovered(event, 2);
}

static bool it_called_itself_damaged(struct history_event *event, struct history_observation *seen,
                                     struct history_record *records)
{
    (void)records;
    if (!recovered(event, 1)) return false;
    event->error = seen->open_error = HISTORY_CORRUPT;
    seen->place = (struct history_place){.segment = 1, .first_lsn = 1, .last_lsn = 1};
    seen->count = 0;
    return true;
}

static bool it_lost_everything(struct history_event *event, struct history_observation *seen,
                               struct history_record *records)
{
    (void)records;
    if (!recovered(event, 1)) return false;
    seen->count = 0;
    return true;
}

static bool a_sync_had_failed(struct history_event *event, struct history_observation *seen,
                              struct history_record *records)
{
    (void)seen, (void)records;
    if (event->kind != HISTORY_ACCEPTED) return false;
    *event = (struct history_event)SYNC_FAILED(event->instance, 8, 0);
    return true;
}

static bool undisturbed_it_showed_less(struct history_event *event,
                                       struct history_observation *seen,
                                       struct history_record *records)
{
    (void)records;
    if (event->kind != HISTORY_UNDISTURBED || seen->count == 0) return false;
    seen->count--;
    return true;
}

static bool its_copy_showed_a_stranger(struct history_event *event,
                                       struct history_observation *seen,
                                       struct history_record *records)
{
    if (event->kind != HISTORY_COPIED || seen->count == 0) return false;
    records[seen->count - 1].hash ^= UINT64_C(1) << 40;
    return true;
}

static bool it_set_the_clock_back(struct history_event *event, struct history_observation *seen,
                                  struct history_record *records)
{
    if (!recovered(event, 2)) return false;
    records[seen->count - 1].commit_ns = 1;
    return true;
}

static bool it_was_over_a_limit(struct history_event *event, struct history_observation *seen,
                                struct history_record *records)
{
    (void)seen, (void)records;
    if (event->kind != HISTORY_SUBMITTED || event->flag) return false;
    event->flag = true;
    return true;
}

static bool its_repair_gave_all_up(struct history_event *event, struct history_observation *seen,
                                   struct history_record *records)
{
    if (!recovered(event, 1)) return false;
    event->kind = HISTORY_REPAIRED;
    event->flag = true;
    for (uint32_t i = 0; i < seen->count; i++) records[i].lost = true;
    return true;
}

static bool its_row_was_another(struct history_event *event, struct history_observation *seen,
                                struct history_record *records)
{
    (void)records;
    if (!recovered(event, 1)) return false;
    seen->row_lsn = 1;
    seen->row = HISTORY_ROW_OTHER;
    return true;
}

static bool it_pruned_too_much(struct history_event *event, struct history_observation *seen,
                               struct history_record *records)
{
    (void)seen, (void)records;
    if (event->kind != HISTORY_PRUNED) return false;
    event->first_lsn += 1000;
    return true;
}

static bool it_got_stuck(struct history_event *event, struct history_observation *seen,
                         struct history_record *records)
{
    (void)seen, (void)records;
    *event = (struct history_event)STUCK(HISTORY_STUCK_DEADLOCK);
    return true;
}

static bool it_leaked(struct history_event *event, struct history_observation *seen,
                      struct history_record *records)
{
    (void)seen, (void)records;
    *event = (struct history_event)LEAKED(1, 0);
    return true;
}

static const struct {
    const char *property;
    told_lie *lie;
} lies[] = {
    {"determinism", it_diverged},
    {"no-phantom", it_showed_a_stranger},
    {"batch-atomicity", it_cut_a_batch},
    {"prefix", it_left_a_gap},
    {"honest-corruption", it_called_itself_damaged},
    {"durability", it_lost_everything},
    {"fsync-honesty", a_sync_had_failed},
    {"recovery-idempotence", undisturbed_it_showed_less},
    {"honest-copy", its_copy_showed_a_stranger},
    {"commit-time", it_set_the_clock_back},
    {"limits", it_was_over_a_limit},
    {"honest-repair", its_repair_gave_all_up},
    {"rows", its_row_was_another},
    {"pruning", it_pruned_too_much},
    {"liveness", it_got_stuck},
    {"no-leak", it_leaked},
};

#endif
