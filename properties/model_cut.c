/*
 * model_cut.c - what is taken off the log on purpose: truncated behind an LSN, or pruned below one.
 *
 * Both are asked for and acknowledged like an append, so between the two nobody knows. A truncation
 * either happened, whole, or did not. A prune may have got anywhere from where the log began to
 * where it was asked to begin: nothing breaks if it did less.
 */
#include <assert.h>

#include "properties/model.h"

void model_take_asked(struct model *model, const struct history_event *event)
{
    if (event->operation == HISTORY_NO_OPERATION) return;
    model_operation_make(model, event->operation)->begun = model->now;
}

static void begin(struct model *model, const struct history_event *event, uint64_t lsn)
{
    if (event->operation == HISTORY_NO_OPERATION) return;
    struct model_operation *own = model_operation_make(model, event->operation);

    own->begun = model->now;
    own->cuts = true;
    own->first_lsn = lsn;
}

/* ---- Truncations ---- */

static void forget_truncation(struct model *model, uint32_t i)
{
    model->truncation_count--;
    for (; i < model->truncation_count; i++) model->truncations[i] = model->truncations[i + 1];
}

/* The list is full: one that is over stands for another, too. */
static void merge_truncations(struct model *model)
{
    for (uint32_t i = 0; i + 1 < model->truncation_count; i++) {
        struct model_truncation *first = &model->truncations[i];
        const struct model_truncation *next = &model->truncations[i + 1];
        if (first->over == 0 || next->over == 0) continue;
        if (next->kept_lsn < first->kept_lsn) first->kept_lsn = next->kept_lsn;
        if (next->over > first->over) first->over = next->over;
        forget_truncation(model, i + 1);
        return;
    }
    assert(0 && "more truncations at once than there are clients");
}

void model_take_truncating(struct model *model, const struct history_event *event)
{
    begin(model, event, event->last_lsn + 1);
    if (model->truncation_count == MODEL_TRUNCATIONS_MAX) merge_truncations(model);
    model->truncations[model->truncation_count++] = (struct model_truncation){
        .kept_lsn = event->last_lsn, .asked = model->now, .operation = event->operation};
}

static void truncate_slot(struct model *model, struct model_slot *slot,
                          const struct model_truncation *truncation)
{
    if (slot->count != 0 && slot->operation != MODEL_NONE) {
        model->operations[slot->operation].fate = MODEL_TRUNCATED;
    }
    slot->count = 0;
    for (uint32_t each = slot->candidates; each != MODEL_NONE;) {
        struct model_operation *own = &model->operations[each];
        if (own->fate == MODEL_ACCEPTED && own->accepted < truncation->asked) {
            own->fate = MODEL_TRUNCATED;
        }
        each = own->next;
    }
}

/* It happened. */
void model_truncate(struct model *model, const struct model_truncation *truncation)
{
    uint64_t kept_lsn = truncation->kept_lsn;

    for (uint32_t i = 0; i < model->slot_count; i++) {
        if (model->slot_base + i <= kept_lsn) continue;
        truncate_slot(model, &model->slots[i], truncation);
    }
    if (model->must_lsn > kept_lsn) model->must_lsn = kept_lsn;
    if (model->served_lsn > kept_lsn) model->served_lsn = kept_lsn;
    model_cut_damage(model, kept_lsn);
}

/* MODEL_NONE: it is not among the open ones. */
static uint32_t open_truncation(const struct model *model, uint32_t operation)
{
    for (uint32_t i = 0; i < model->truncation_count; i++) {
        const struct model_truncation *truncation = &model->truncations[i];
        if (truncation->operation == operation && truncation->over == 0) return i;
    }
    return MODEL_NONE;
}

void model_take_truncated(struct model *model, const struct history_event *event)
{
    uint32_t i = open_truncation(model, event->operation);

    if (i == MODEL_NONE) return;
    model_truncate(model, &model->truncations[i]);
    model->truncations[i].over = model->now;
}

/* After any error but poisoning it is sure that nothing happened. */
void model_take_cut_failed(struct model *model, const struct history_event *event)
{
    uint32_t i = open_truncation(model, event->operation);

    if (i != MODEL_NONE && event->error != HISTORY_POISONED) forget_truncation(model, i);
}

bool model_splits_batch(const struct model *model, uint32_t operation)
{
    uint32_t i = open_truncation(model, operation);

    if (i == MODEL_NONE) return false;
    const struct model_slot *last = model_slot(model, model->truncations[i].kept_lsn);
    return last == NULL || last->count == 0 || last->index + 1 < last->count;
}

uint64_t model_kept_since(const struct model *model, uint64_t begun)
{
    uint64_t kept_lsn = UINT64_MAX;

    for (uint32_t i = 0; i < model->truncation_count; i++) {
        const struct model_truncation *truncation = &model->truncations[i];
        if (truncation->over != 0 && truncation->over <= begun) continue;
        if (truncation->kept_lsn < kept_lsn) kept_lsn = truncation->kept_lsn;
    }
    return kept_lsn;
}

uint64_t model_kept_beside(const struct model *model, uint32_t operation, uint64_t otherwise)
{
    const struct model_operation *own = model_operation(model, operation);

    return model_kept_since(model, own != NULL ? own->begun : otherwise);
}

uint64_t model_acked_lsn(const struct model *model, const struct history_event *event)
{
    uint64_t kept_lsn = model_kept_beside(model, event->operation, model->now);

    return event->last_lsn < kept_lsn ? event->last_lsn : kept_lsn;
}

uint64_t model_must_lsn(const struct model *model)
{
    uint64_t kept_lsn = model->reading->kept_lsn;

    return model->must_lsn < kept_lsn ? model->must_lsn : kept_lsn;
}

/* ---- Floor and pins ---- */

void model_take_pruning(struct model *model, const struct history_event *event)
{
    begin(model, event, event->first_lsn);
    if (model->floor_asked_lsn < event->first_lsn) model->floor_asked_lsn = event->first_lsn;
}

void model_take_pruned(struct model *model, const struct history_event *event)
{
    if (model->floor_min_lsn < event->first_lsn) model->floor_min_lsn = event->first_lsn;
}

/* A recovery decides where the log begins: what a dead process asked for comes no more. */
void model_take_floor(struct model *model, const struct history_observation *observation)
{
    if (observation->from_lsn == 0 || model->floor_asked_lsn == 0) return;
    model->floor_asked_lsn = observation->from_lsn;
    if (model->floor_min_lsn < observation->from_lsn) model->floor_min_lsn = observation->from_lsn;
}

void model_take_pin(struct model *model, const struct history_event *event)
{
    assert(event->index < MODEL_PINS_MAX);
    struct model_pin *pin = &model->pins[event->index];

    if (event->kind == HISTORY_PINNING) begin(model, event, event->first_lsn);
    if (event->kind == HISTORY_UNPINNED) model_take_asked(model, event);
    pin->held = event->kind == HISTORY_PINNED;
    pin->lsn = event->first_lsn;
}

uint64_t model_pinned_lsn(const struct model *model)
{
    uint64_t lowest = UINT64_MAX;

    for (uint32_t i = 0; i < MODEL_PINS_MAX; i++) {
        const struct model_pin *pin = &model->pins[i];
        if (pin->held && pin->lsn < lowest) lowest = pin->lsn;
    }
    return lowest;
}
