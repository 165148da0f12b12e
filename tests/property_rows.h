/*
 * property_rows.h - histories written by hand, one line an event.
 *
 * Each record's bytes are named by one number: its hash is that number, its length is 100. An
 * operation has the number of its record; a batch's records are its operation * 10 + index.
 */
#ifndef TESTS_PROPERTY_ROWS_H
#define TESTS_PROPERTY_ROWS_H

#include "properties/property.h"

struct row {
    const char *name;
    const char *broken; /* The property that the last event breaks; NULL: all hold to the end. */
    const struct history_event *events;
    size_t count;
};

enum { ROW_LENGTH = 100 };

/* clang-format off */
#define BOOTED(process)       {.kind = HISTORY_BOOTED, .instance = (process)}
#define POWER_LOST(process)   {.kind = HISTORY_CRASHED, .instance = (process), .flag = true}
#define KILLED(process)       {.kind = HISTORY_CRASHED, .instance = (process)}
#define CLOSED(process, how)  {.kind = HISTORY_CLOSED, .instance = (process), .error = (how)}

/* An operation of one record, and the `i`th of `n` of a batch. */
#define SUBMITTED(op)         PART_OF(op, 0, 1, op)
#define PART(op, i, n)        PART_OF(op, i, n, (op) * 10 + (i))
#define OVER(op)                                                                                  \
    {.kind = HISTORY_SUBMITTED, .operation = (op), .count = 1, .hash = (op),                      \
     .length = ROW_LENGTH, .flag = true}
#define PART_OF(op, i, n, bytes)                                                                  \
    {.kind = HISTORY_SUBMITTED, .operation = (op), .index = (i), .count = (n), .hash = (bytes),   \
     .length = ROW_LENGTH}
/* Of somebody who may give up. */
#define PATIENT(op)                                                                               \
    {.kind = HISTORY_SUBMITTED, .error = HISTORY_GAVE_UP, .operation = (op), .count = 1,          \
     .hash = (op), .length = ROW_LENGTH}
#define EMPTY(op)                                                                                 \
    {.kind = HISTORY_SUBMITTED, .operation = (op), .count = 1}
#define ACCEPTED(op, process, first, last)                                                        \
    {.kind = HISTORY_ACCEPTED, .operation = (op), .instance = (process), .first_lsn = (first),    \
     .last_lsn = (last)}
#define ACKED(op, process, last)                                                                  \
    {.kind = HISTORY_ACKED, .operation = (op), .instance = (process), .last_lsn = (last)}
#define FAILED(op, process, why)                                                                  \
    {.kind = HISTORY_FAILED, .operation = (op), .instance = (process), .error = (why)}
#define ASKED(op)             {.kind = HISTORY_ASKED, .operation = (op), .instance = 1}
/* Asked to keep all up to `kept`, and told that it is so. */
#define TRUNCATING(op, kept)                                                                      \
    {.kind = HISTORY_TRUNCATING, .operation = (op), .instance = 1, .last_lsn = (kept)}
#define TRUNCATED(op, kept)                                                                       \
    {.kind = HISTORY_TRUNCATED, .operation = (op), .instance = 1, .last_lsn = (kept)}
#define PRUNING(op, below)                                                                        \
    {.kind = HISTORY_PRUNING, .operation = (op), .instance = 1, .first_lsn = (below)}
#define PRUNED(op, below)                                                                         \
    {.kind = HISTORY_PRUNED, .operation = (op), .instance = 1, .first_lsn = (below)}
#define PINNING(op, pin, from)                                                                    \
    {.kind = HISTORY_PINNING, .operation = (op), .index = (pin), .first_lsn = (from)}
#define PINNED(op, pin, from)                                                                     \
    {.kind = HISTORY_PINNED, .operation = (op), .index = (pin), .first_lsn = (from)}
#define UNPINNED(op, pin)     {.kind = HISTORY_UNPINNED, .operation = (op), .index = (pin)}
/* What a struck call says, unless the row says otherwise. */
#define SAID(number)                                                                              \
    ((number) >= 3 && (number) <= 5       ? HISTORY_NOSPACE                                       \
     : (number) == 19                     ? HISTORY_NOMEM                                         \
     : (number) >= 7 && (number) <= 14    ? ((number) == 11 ? HISTORY_OK : HISTORY_IO)            \
                                          : HISTORY_OK)
#define STRUCK_FOR(op, process, number, said)                                                     \
    {.kind = HISTORY_INJECTED, .operation = (op), .instance = (process), .fault = (number),       \
     .error = (said)}
#define STRUCK(process, number, said) STRUCK_FOR(HISTORY_NO_OPERATION, process, number, said)
/* A segment whose sync fails, with all up to `durable` durable before. */
#define SYNC_FAILED(process, number, durable)                                                     \
    {.kind = HISTORY_INJECTED, .operation = HISTORY_NO_OPERATION, .instance = (process),          \
     .fault = (number), .error = SAID(number), .last_lsn = (durable), .flag = true}
/* The same if `durable` isn't 0. */
#define INJECTED(process, number, durable)                                                        \
    {.kind = HISTORY_INJECTED, .operation = HISTORY_NO_OPERATION, .instance = (process),          \
     .fault = (number), .error = SAID(number), .last_lsn = (durable), .flag = (durable) != 0}
#define DAMAGED(first, last, witness)                                                             \
    {.kind = HISTORY_DAMAGED, .fault = 41, .first_lsn = (first), .last_lsn = (last),              \
     .flag = (witness)}
#define LIFTED                {.kind = HISTORY_LIFTED}
#define HEALED                {.kind = HISTORY_HEALED}
#define ENDED                 {.kind = HISTORY_ENDED}
#define DIVERGED              {.kind = HISTORY_DIVERGED}
#define STUCK(how)            {.kind = HISTORY_STUCK, .index = (how)}
#define LEAKED(blocks, open)                                                                      \
    {.kind = HISTORY_LEAKED, .count = (blocks), .hash = (blocks) * 64, .length = (open)}

/* What was seen at an LSN: a record alone, or the `i`th of `n` of a batch. */
#define AT(n_lsn, bytes)      {.lsn = (n_lsn), .hash = (bytes), .length = ROW_LENGTH}
#define TIMED(n_lsn, bytes, ns)                                                                   \
    {.lsn = (n_lsn), .hash = (bytes), .length = ROW_LENGTH, .commit_ns = (ns)}
#define PART_TIMED(n_lsn, op, i, n, ns)                                                           \
    {.lsn = (n_lsn), .hash = (op) * 10 + (i), .length = ROW_LENGTH, .commit_ns = (ns),            \
     .batch_index = (i), .batch_goes_on = (i) + 1 < (n)}
#define EMPTY_AT(n_lsn)       {.lsn = (n_lsn)}
#define PART_AT(n_lsn, op, i, n)                                                                  \
    {.lsn = (n_lsn), .hash = (op) * 10 + (i), .length = ROW_LENGTH, .batch_index = (i),           \
     .batch_goes_on = (i) + 1 < (n)}

#define SEEN(...)                                                                                 \
    .records = (const struct history_record[]){__VA_ARGS__},                                      \
    .count = sizeof((const struct history_record[]){__VA_ARGS__}) / sizeof(struct history_record)
#define NOTHING               .count = 0
#define ROW(n_lsn, how, by_hand) .row_lsn = (n_lsn), .row = (how), .row_changed = (by_hand)
#define OBSERVATION(kind_is, process, from, ...)                                                  \
    OBSERVATION_BY(HISTORY_NO_OPERATION, kind_is, process, from, __VA_ARGS__)
#define OBSERVATION_BY(op, kind_is, process, from, ...)                                           \
    {.kind = (kind_is), .operation = (op), .instance = (process),                                 \
     .observation = &(const struct history_observation){.instance = (process),                    \
                                                        .from_lsn = (from), __VA_ARGS__}}
#define RECOVERED_FROM(process, from, ...)                                                        \
    OBSERVATION(HISTORY_OBSERVED, process, from, .recovery = true, __VA_ARGS__)
#define REPAIRED(process, ...)                                                                    \
    {.kind = HISTORY_REPAIRED, .operation = HISTORY_NO_OPERATION, .instance = (process),          \
     .flag = true,                                                                                \
     .observation = &(const struct history_observation){.recovery = true, .from_lsn = 1,          \
                                                        __VA_ARGS__}}
#define LOST_AT(n_lsn)        {.lsn = (n_lsn), .lost = true}
#define COPIED(process, ...) OBSERVATION(HISTORY_COPIED, process, 1, .recovery = true, __VA_ARGS__)
#define RECOVERED(process, ...) RECOVERED_FROM(process, 1, __VA_ARGS__)
#define UNDISTURBED(process, ...)                                                                 \
    OBSERVATION(HISTORY_UNDISTURBED, process, 1, .recovery = true, __VA_ARGS__)
#define READ_FROM(process, from, ...)                                                             \
    OBSERVATION(HISTORY_OBSERVED, process, from, __VA_ARGS__)
#define READ(process, ...)    READ_FROM(process, 1, __VA_ARGS__)
#define READ_BY(op, process, ...)                                                                 \
    OBSERVATION_BY(op, HISTORY_OBSERVED, process, 1, __VA_ARGS__)
#define READ_BY_FROM(op, process, from, ...)                                                      \
    OBSERVATION_BY(op, HISTORY_OBSERVED, process, from, __VA_ARGS__)
#define REFUSED_AT(process, why, ...)                                                             \
    OBSERVATION(HISTORY_OBSERVED, process, 0, .recovery = true, .open_error = (why), __VA_ARGS__)
#define NOWHERE               .place = {0}
#define REFUSED(process, why) REFUSED_AT(process, why, NOWHERE)
#define LOST(first, last)     .place = {.segment = 1, .first_lsn = (first), .last_lsn = (last)}

#define EVENTS(...)                                                                               \
    (const struct history_event[]){__VA_ARGS__},                                                  \
    sizeof((const struct history_event[]){__VA_ARGS__}) / sizeof(struct history_event)
/* clang-format on */

#endif
