/*
 * prefix.c - what is read is in order, without a gap, and each record at its own LSN.
 *
 *     records[i].lsn = from_lsn + i, and the record at LSN n is the one that the log put there
 *
 * The log says where by accepting it (so an LSN that was served is never given away again) and by
 * acknowledging it (so no two operations are acknowledged at one LSN). That an LSN is accepted
 * twice in one instance is right: the first may have been rolled back, and its owner not told yet.
 */
#include "properties/model.h"
#include "properties/property_list.h"

static void prefix_judge(const void *state, const struct model *model,
                         const struct history_observation *observation, struct verdict *verdict)
{
    const struct model_reading *reading = model->reading;

    (void)state;
    (void)observation;
    switch (reading->anomaly) {
    case MODEL_GAP:
        property_break(verdict, "the LSNs returned are not consecutive", reading->lsn,
                       reading->other);
        break;
    case MODEL_MISPLACED:
        property_break(verdict, "a record was returned at another LSN than its own", reading->lsn,
                       reading->other);
        break;
    case MODEL_REPLACED:
        property_break(verdict, "another record stands where one was acknowledged or served",
                       reading->lsn, 0);
        break;
    case MODEL_NO_ANOMALY:
    case MODEL_STRANGER:
    case MODEL_GHOST:
    case MODEL_TWICE:
    case MODEL_SPLIT: break;
    }
}

static void accepted(const struct model *model, const struct model_operation *operation,
                     const struct history_event *event, struct verdict *verdict)
{
    if (operation->fate != MODEL_LIMBO) return;
    if (!model_plausible(model, operation, event->first_lsn, event->last_lsn)) {
        property_break(verdict, "an operation was given LSNs that can't be its own",
                       event->first_lsn, event->last_lsn);
    } else if (event->first_lsn <= model->served_lsn &&
               event->first_lsn <= model_kept_since(model, operation->begun) &&
               !model_loss_excused(model, event->first_lsn)) {
        property_break(verdict, "an LSN was given away that a served record holds",
                       event->first_lsn, model->served_lsn);
    }
}

static void acknowledged(const struct model *model, const struct model_operation *operation,
                         const struct history_event *event, struct verdict *verdict)
{
    bool superseded = operation->fate == MODEL_SUPERSEDED;

    if (operation->fate != MODEL_ACCEPTED && operation->fate != MODEL_SETTLED && !superseded) {
        return;
    }
    /* It may have been truncated meanwhile, and is told late. */
    if (model_acked_lsn(model, event) < operation->first_lsn + operation->count - 1) return;
    for (uint32_t i = 0; i < operation->count; i++) {
        uint64_t lsn = operation->first_lsn + i;
        if (!superseded && model_agrees(model, model_slot(model, lsn), event->operation, i)) {
            continue;
        }
        property_break(verdict, "an operation was acknowledged at an LSN that another holds", lsn,
                       0);
        return;
    }
}

static void prefix_step(void *state, const struct model *model, const struct history_event *event,
                        struct verdict *verdict)
{
    const struct model_operation *operation = model_operation(model, event->operation);

    (void)state;
    if (operation == NULL) return;
    if (event->kind == HISTORY_ACCEPTED) {
        accepted(model, operation, event, verdict);
    } else {
        acknowledged(model, operation, event, verdict);
    }
}

const struct property property_prefix = {
    .name = "prefix",
    .claim = "What is read has no gap, is in order, and has each record at its own LSN.",
    .kinds = PROPERTY_KIND(HISTORY_ACCEPTED) | PROPERTY_KIND(HISTORY_ACKED),
    .step = prefix_step,
    .judge = prefix_judge,
};
