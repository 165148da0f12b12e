/*
 * pruning.c - pruning stops at what it was asked for, and at what is pinned.
 *
 *     PINNED(pin, L), and no PINNING or UNPINNED of it since   =>   the log begins at or below L
 *
 * A pin outlives the process that made it. Whoever prunes beside somebody who makes a pin either
 * respects it, or the pin is refused.
 */
#include "properties/model.h"
#include "properties/property_list.h"

static void pruning_judge(const void *state, const struct model *model,
                          const struct history_observation *observation, struct verdict *verdict)
{
    uint64_t pinned_lsn = model_pinned_lsn(model);

    (void)state;
    if (!observation->recovery || observation->open_error != HISTORY_OK) return;
    if (observation->from_lsn <= pinned_lsn) return;
    property_break(verdict, "the log begins behind what a pin holds", pinned_lsn,
                   observation->from_lsn);
}

static void pruning_step(void *state, const struct model *model, const struct history_event *event,
                         struct verdict *verdict)
{
    const struct model_operation *own = model_operation(model, event->operation);
    uint64_t pinned_lsn = model_pinned_lsn(model);

    (void)state;
    if (event->first_lsn > pinned_lsn) {
        property_break(verdict, "pruning went past what a pin holds", pinned_lsn, event->first_lsn);
    } else if (own != NULL && event->first_lsn > own->first_lsn &&
               event->first_lsn > model->floor_asked_lsn) {
        property_break(verdict, "pruning went further than it was asked to", own->first_lsn,
                       event->first_lsn);
    }
}

const struct property property_pruning = {
    .name = "pruning",
    .claim = "Pruning goes no further than it was asked to, and never past what a pin holds.",
    .kinds = PROPERTY_KIND(HISTORY_PRUNED),
    .step = pruning_step,
    .judge = pruning_judge,
};
