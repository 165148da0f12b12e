/*
 * context.c - operations, boots and tasks as contexts.
 */
#include "sim/context.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { CONTEXTS_AT_FIRST = 64, COLUMNS_AT_FIRST = 128, OPERATIONS_MAX = 1 << 24 };

static void *must(void *memory)
{
    assert(memory != NULL);
    return memory;
}

void contexts_init(struct contexts *contexts)
{
    memset(contexts, 0, sizeof *contexts);
}

void contexts_free(struct contexts *contexts)
{
    free(contexts->whos);
    free(contexts->boots);
    free(contexts->counters);
    free(contexts->of_operation);
    contexts_init(contexts);
}

void contexts_clear(struct contexts *contexts, uint64_t salt)
{
    contexts->salt = salt;
    for (uint32_t i = 0; i < contexts->count; i++) {
        const struct sim_who *who = &contexts->whos[i];
        if (who->kind == SIM_WHO_OPERATION) contexts->of_operation[who->operation] = CONTEXT_NONE;
    }
    contexts->count = 0;
}

/* Counters in rows of another length. */
static void lay_out(struct contexts *contexts, uint32_t capacity, uint32_t columns_capacity)
{
    uint32_t *counters = must(calloc((size_t)capacity * columns_capacity, sizeof *counters));

    for (uint32_t i = 0; i < contexts->count; i++) {
        memcpy(&counters[(size_t)i * columns_capacity],
               &contexts->counters[(size_t)i * contexts->columns_capacity],
               contexts->columns * sizeof *counters);
    }
    free(contexts->counters);
    contexts->counters = counters;
    contexts->capacity = capacity;
    contexts->columns_capacity = columns_capacity;
}

static void grow(struct contexts *contexts)
{
    uint32_t capacity = contexts->capacity == 0 ? CONTEXTS_AT_FIRST : contexts->capacity * 2;
    uint32_t columns =
        contexts->columns_capacity == 0 ? COLUMNS_AT_FIRST : contexts->columns_capacity;

    contexts->whos = must(realloc(contexts->whos, capacity * sizeof *contexts->whos));
    contexts->boots = must(realloc(contexts->boots, capacity * sizeof *contexts->boots));
    lay_out(contexts, capacity, columns);
}

uint32_t context_column(struct contexts *contexts, unsigned kind, uint8_t call)
{
    assert(kind < SIM_KIND_COUNT);
    assert((call & ~(unsigned)SIM_CALL_RETRY) < SIM_CALL_COUNT);
    assert(contexts->count > 0);
    if (contexts->columns == contexts->columns_capacity)
        lay_out(contexts, contexts->capacity, contexts->columns_capacity * 2);
    uint32_t column = contexts->columns++; /* All zero: nobody has counted in it. */
    assert(column + 1 <= UINT16_MAX);
    contexts->column[kind][context_call(call)] = (uint16_t)(column + 1);
    return column + 1;
}

static uint64_t name_hash(const char *name)
{
    uint64_t hash = 0;

    for (; *name != '\0'; name++) hash = sim_mix(hash, (unsigned char)*name, 1);
    return hash;
}

uint64_t sim_who_hash(const struct sim_who *who, uint64_t cause_hash, uint64_t salt)
{
    uint64_t kind = who->kind ^ salt;

    switch (who->kind) {
    case SIM_WHO_OPERATION: return sim_mix(kind, who->operation, 0);
    case SIM_WHO_BOOT: return sim_mix(kind, cause_hash, who->nth);
    case SIM_WHO_TASK: return sim_mix(cause_hash ^ kind, name_hash(who->task), who->nth + 1);
    }
    assert(0 && "not a context");
    return 0;
}

static int32_t add(struct contexts *contexts, const struct sim_who *who)
{
    if (contexts->count == contexts->capacity) grow(contexts);
    uint32_t index = contexts->count++;
    const struct sim_who *cause = who->cause == CONTEXT_NONE ? NULL : &contexts->whos[who->cause];
    struct sim_who *added = &contexts->whos[index];
    *added = *who;
    added->plain = sim_who_hash(who, cause == NULL ? 0 : cause->plain, 0);
    added->hash = added->plain;
    if (contexts->salt != 0) {
        added->hash = sim_who_hash(who, cause == NULL ? 0 : cause->hash, contexts->salt);
    }
    contexts->boots[index] = 0;
    memset(&contexts->counters[(size_t)index * contexts->columns_capacity], 0,
           contexts->columns * sizeof *contexts->counters);
    return (int32_t)index;
}

int32_t context_of_operation(struct contexts *contexts, uint32_t operation)
{
    assert(operation < OPERATIONS_MAX);
    if (operation >= contexts->operations_capacity) {
        uint32_t capacity = (operation + 64) / 64 * 128;
        contexts->of_operation =
            must(realloc(contexts->of_operation, capacity * sizeof *contexts->of_operation));
        for (uint32_t i = contexts->operations_capacity; i < capacity; i++)
            contexts->of_operation[i] = CONTEXT_NONE;
        contexts->operations_capacity = capacity;
    }
    int32_t *context = &contexts->of_operation[operation];
    if (*context == CONTEXT_NONE) {
        const struct sim_who who = {
            .kind = SIM_WHO_OPERATION, .operation = operation, .cause = CONTEXT_NONE};
        *context = add(contexts, &who);
    }
    return *context;
}

int32_t context_of_boot(struct contexts *contexts, int32_t cause)
{
    struct sim_who who = {.kind = SIM_WHO_BOOT, .operation = UINT32_MAX, .cause = cause};

    if (cause != CONTEXT_NONE) who.nth = contexts->boots[cause]++;
    return add(contexts, &who);
}

/* A second task of the same name in the same boot has a context of its own. */
int32_t context_of_task(struct contexts *contexts, int32_t boot, const char *name)
{
    struct sim_who who = {.kind = SIM_WHO_TASK, .operation = UINT32_MAX, .cause = boot};
    size_t len = strlen(name);

    if (len >= sizeof who.task) len = sizeof who.task - 1;
    memcpy(who.task, name, len);
    for (uint32_t i = (uint32_t)boot; i < contexts->count; i++) {
        const struct sim_who *other = &contexts->whos[i];
        if (other->kind == SIM_WHO_TASK && other->cause == boot &&
            strcmp(other->task, who.task) == 0) {
            who.nth++;
        }
    }
    return add(contexts, &who);
}
