/*
 * context.h - on whose behalf decisions are asked, and how often each was.
 *
 * A context is an index; its name is a struct sim_who. Counters lie in one row per context, one
 * column per (kind, call) that was ever asked in this world; which column that is stays inside.
 */
#ifndef SIM_CONTEXT_H
#define SIM_CONTEXT_H

#include <stdint.h>

#include "sim/decide.h"

enum {
    CONTEXT_NONE = -1,
    CONTEXT_KIND_RANDOM = 0, /* Counts io_random; not a kind of decision. */
};

struct contexts {
    uint64_t salt; /* Of their hashes, see sim_who_hash. */
    struct sim_who *whos;
    uint32_t *boots;    /* How many boots each caused, */
    uint32_t *counters; /* and its row of counters. */
    uint32_t count;
    uint32_t capacity;
    uint32_t columns;          /* In use, */
    uint32_t columns_capacity; /* and the length of a row. */
    int32_t *of_operation;
    uint32_t operations_capacity;
    uint16_t column[SIM_KIND_COUNT][2 * SIM_CALL_COUNT]; /* Plus 1; 0: not asked yet. */
};

void contexts_init(struct contexts *contexts);
void contexts_free(struct contexts *contexts);

/* Forget all contexts; in the time of what was used. The next ones are hashed with this salt. */
void contexts_clear(struct contexts *contexts, uint64_t salt);

int32_t context_of_operation(struct contexts *contexts, uint32_t operation);
int32_t context_of_boot(struct contexts *contexts, int32_t cause);
int32_t context_of_task(struct contexts *contexts, int32_t boot, const char *name);

/* Where the column of a call, with or without SIM_CALL_RETRY, is looked up. */
static inline unsigned context_call(uint8_t call)
{
    return (call & SIM_CALL_RETRY) == 0 ? call : SIM_CALL_COUNT + call - (unsigned)SIM_CALL_RETRY;
}

/* Gives (kind, call) a column. */
uint32_t context_column(struct contexts *contexts, unsigned kind, uint8_t call);

/* The counter of how often it was asked before. */
static inline uint32_t *context_counter(struct contexts *contexts, int32_t context, unsigned kind,
                                        uint8_t call)
{
    uint32_t column = contexts->column[kind][context_call(call)];

    if (column == 0) column = context_column(contexts, kind, call);
    return &contexts->counters[(size_t)context * contexts->columns_capacity + column - 1];
}

#endif
