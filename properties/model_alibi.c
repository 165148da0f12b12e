/*
 * model_alibi.c - which errors each kind of injection excuses, of whom, and until when.
 *
 * Each error of the log needs an alibi: something the world did that explains an error of this
 * class. What an injection explains depends on the fault and on what the struck call said. A call
 * that was cut short, interrupted, delayed, or failed at close explains nothing: these are to be
 * survived, and so have no row.
 *
 * Whom it excuses: an operation that reads beside the writer does its own calls, so only what
 * struck on its behalf excuses it. An operation that appends waits for others' work, so whatever
 * struck in its instance may; but not what is over: once the instance acknowledged an operation
 * that was submitted after the strike, those submitted after that owe the strike nothing.
 */
#include <assert.h>

#include "properties/model.h"

#define E(name) (UINT32_C(1) << HISTORY_##name)
#define LOOKS_DAMAGED (E(CORRUPT) | E(VERSION) | E(OTHER))

/* clang-format off */
const struct model_alibi model_alibis[] = {
    {  3, HISTORY_NOSPACE, E(NOSPACE) | E(ROLLED_BACK),               MODEL_UNTIL_CLOSED },
    {  4, HISTORY_NOSPACE, E(NOSPACE) | E(POISONED),                  MODEL_UNTIL_CLOSED },
    {  4, HISTORY_OK,      E(IO) | E(POISONED),                       MODEL_UNTIL_HEARD },
    {  5, HISTORY_NOSPACE, E(NOSPACE) | E(ROLLED_BACK),               MODEL_UNTIL_CLOSED },
    {  7, HISTORY_IO,      E(IO) | E(POISONED),                       MODEL_UNTIL_CLOSED },
    {  8, HISTORY_IO,      E(IO) | E(POISONED),                       MODEL_UNTIL_CLOSED },
    {  9, HISTORY_IO,      E(IO) | E(POISONED),                       MODEL_UNTIL_CLOSED },
    {  9, HISTORY_OK,      E(IO) | E(POISONED),                       MODEL_UNTIL_HEARD },
    {  9, HISTORY_OK,      LOOKS_DAMAGED,                             MODEL_FOR_GOOD },
    { 10, HISTORY_IO,      E(IO) | E(POISONED),                       MODEL_UNTIL_CLOSED },
    { 11, HISTORY_OK,      E(IO) | E(POISONED),                       MODEL_UNTIL_HEARD },
    { 14, HISTORY_IO,      E(IO) | E(POISONED) | E(ROLLED_BACK),      MODEL_UNTIL_CLOSED },
    { 14, HISTORY_NOSPACE, E(NOSPACE) | E(POISONED) | E(ROLLED_BACK), MODEL_UNTIL_CLOSED },
    { 14, HISTORY_OTHER,   E(OTHER) | E(POISONED) | E(ROLLED_BACK),   MODEL_UNTIL_CLOSED },
    { 19, HISTORY_NOMEM,   E(NOMEM) | E(ROLLED_BACK),                 MODEL_UNTIL_CLOSED },
    { 39, HISTORY_OK,      E(LOCKED),                                 MODEL_UNTIL_HEARD },
    { 40, HISTORY_OK,      LOOKS_DAMAGED,                             MODEL_FOR_GOOD },
};
/* clang-format on */

const size_t model_alibi_count = sizeof model_alibis / sizeof model_alibis[0];

/* Damage at rest is met by who reads. A sector that can't be read says so; others look damaged. */
static uint32_t excused_by_damage(const struct model_damage *damage)
{
    if (damage->survivable) return 0;
    return damage->fault == 15 ? E(IO) | E(CORRUPT) : LOOKS_DAMAGED;
}

static void strike(struct model *model, const struct history_event *event, uint32_t errors)
{
    struct model_instance *instance = model_instance_make(model, event->instance);

    for (uint32_t error = 0; error < HISTORY_ERROR_COUNT; error++) {
        if (errors >> error & 1) instance->struck_at[error] = model->now;
    }
    if (event->operation == HISTORY_NO_OPERATION) return;
    model_operation_make(model, event->operation)->excused |= errors;
}

void model_take_injected(struct model *model, const struct history_event *event)
{
    for (size_t i = 0; i < model_alibi_count; i++) {
        const struct model_alibi *alibi = &model_alibis[i];

        if (alibi->fault != event->fault || alibi->said != event->error) continue;
        switch (alibi->until) {
        case MODEL_UNTIL_CLOSED: strike(model, event, alibi->errors); break;
        case MODEL_UNTIL_HEARD: model->excused_unheard |= alibi->errors; break;
        case MODEL_FOR_GOOD: model->excused_for_good |= alibi->errors; break;
        }
    }
}

void model_instance_closed(struct model_instance *instance)
{
    for (uint32_t error = 0; error < HISTORY_ERROR_COUNT; error++) {
        if (instance->struck_at[error] != 0) {
            instance->struck_before_at[error] = instance->struck_at[error];
        }
        instance->struck_at[error] = 0;
    }
}

static bool has(uint32_t errors, enum history_error error)
{
    return (errors >> error & 1) != 0;
}

bool model_excuses_reading(const struct model *model, enum history_error error)
{
    if (error == HISTORY_OK || has(model->excused_for_good, error)) return true;
    for (uint32_t i = 0; i < model->damage_count; i++) {
        if (has(excused_by_damage(&model->damages[i]), error)) return true;
    }
    return false;
}

bool model_excuses_instance(const struct model *model, enum history_error error, uint32_t instance)
{
    if (error == HISTORY_OK || has(model->excused_unheard, error)) return true;
    return instance < model->instance_count && model->instances[instance].struck_at[error] != 0;
}

bool model_excuses_reader(const struct model *model, enum history_error error, uint32_t operation)
{
    if (error == HISTORY_OK || has(model->excused_unheard, error)) return true;
    return operation < model->operation_count && has(model->operations[operation].excused, error);
}

bool model_excuses_operation(const struct model *model, enum history_error error, uint32_t instance,
                             uint32_t operation)
{
    const struct model_operation *own = model_operation(model, operation);

    if (error == HISTORY_BELOW_FLOOR) {
        return own != NULL && own->cuts && own->first_lsn < model->floor_asked_lsn;
    }
    if (error == HISTORY_CUT_OFF) {
        return own != NULL && own->fate > MODEL_LIMBO &&
               model_kept_since(model, own->begun) < own->first_lsn + own->count - 1;
    }
    if (own != NULL && own->cuts && model_excuses_reading(model, error)) return true;
    if (error == HISTORY_OTHER && model_splits_batch(model, operation)) return true;
    if (own == NULL || own->fate == MODEL_ABSENT) {
        return model_excuses_instance(model, error, instance); /* It submitted nothing. */
    }
    if (error == HISTORY_OK || has(model->excused_unheard, error)) return true;
    if (error == HISTORY_LIMIT) return own->over_limit;
    if (error == HISTORY_GAVE_UP) return own->gives_up; /* Nobody else's doing. */
    if (instance >= model->instance_count) return false;
    const struct model_instance *found = &model->instances[instance];
    if (found->struck_at[error] > own->over) return true;
    /* A task may tell only after the close what it was told before. */
    return own->session != model->session && found->struck_before_at[error] > own->over;
}
