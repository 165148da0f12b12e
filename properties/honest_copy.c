/*
 * honest_copy.c - a copy made while the log was written shows a prefix of it, or says it cannot.
 *
 * The pieces of such a copy are of different moments, so it may end early, and damage may be found
 * in it where the log has none. What it may not do is to show a record that nobody wrote, at an LSN
 * that is not its own, out of order, or a part of a batch. A record that the log took back
 * meanwhile, and so one that stands where another was acknowledged later, is rightly there.
 */
#include "properties/model.h"
#include "properties/property_list.h"

static void honest_copy_step(void *state, const struct model *model,
                             const struct history_event *event, struct verdict *verdict)
{
    const struct model_reading *reading = model->reading;
    const struct history_observation *copy = event->observation;
    bool opened = copy->open_error == HISTORY_OK;
    enum history_error error = opened ? copy->read_error : copy->open_error;

    (void)state;
    switch (reading->anomaly) {
    case MODEL_STRANGER:
        property_break(verdict, "a copy showed a record that nobody submitted", reading->lsn, 0);
        return;
    case MODEL_TWICE:
        property_break(verdict, "a copy showed a record twice", reading->lsn, reading->other);
        return;
    case MODEL_GAP:
        property_break(verdict, "a copy showed LSNs that are not consecutive", reading->lsn,
                       reading->other);
        return;
    case MODEL_MISPLACED:
        property_break(verdict, "a copy showed a record at another LSN than its own", reading->lsn,
                       reading->other);
        return;
    case MODEL_SPLIT:
        property_break(verdict, "a copy showed a part of a batch", reading->lsn, 0);
        return;
    case MODEL_GHOST:
        if (reading->fate != MODEL_DROPPED) break;
        property_break(verdict, "a copy showed a record that an earlier recovery had dropped",
                       reading->lsn, 0);
        return;
    case MODEL_NO_ANOMALY:
    case MODEL_REPLACED: break;
    }
    if (error == HISTORY_OK) return;
    if (error != HISTORY_CORRUPT) {
        property_break(verdict, "a copy was refused with an error that does not say it is damaged",
                       0, (uint64_t)error);
    } else if (copy->place.segment == 0 && copy->place.first_lsn == 0) {
        property_break(verdict, "damage of a copy was reported without a place", 0, 0);
    }
}

const struct property property_honest_copy = {
    .name = "honest-copy",
    .claim = "A copy made while the log is written shows a prefix of it or names where it cannot.",
    .kinds = PROPERTY_KIND(HISTORY_COPIED),
    .step = honest_copy_step,
};
