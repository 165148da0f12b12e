/*
 * no_phantom.c - nothing is read that wasn't written.
 *
 * Whatever is served was submitted, byte for byte; it was not refused, not rolled back before an
 * error said so, and not dropped by an earlier recovery (cut bytes that come back under new ones
 * are the classic case); it was not truncated, nor does the log begin below what was pruned; and it
 * is served once.
 */
#include "properties/model.h"
#include "properties/property_list.h"

static const char *ghost_why(enum model_fate fate)
{
    switch (fate) {
    case MODEL_ROLLED_BACK: return "a record was returned that had been rolled back";
    case MODEL_DROPPED: return "a record was returned that an earlier recovery had dropped";
    case MODEL_SUPERSEDED: return "a record was returned whose LSN had gone to another";
    case MODEL_TRUNCATED: return "a record was returned that had been truncated";
    case MODEL_ABSENT:
    case MODEL_LIMBO:
    case MODEL_ACCEPTED:
    case MODEL_SETTLED:
    case MODEL_REFUSED: break;
    }
    return "a record was returned that the log had refused";
}

static void no_phantom_judge(const void *state, const struct model *model,
                             const struct history_observation *observation, struct verdict *verdict)
{
    const struct model_reading *reading = model->reading;

    (void)state;
    if (observation->recovery && observation->open_error == HISTORY_OK &&
        observation->from_lsn != 0 && observation->from_lsn < model->floor_min_lsn) {
        property_break(verdict, "the log begins below what was pruned for good",
                       observation->from_lsn, model->floor_min_lsn);
        return;
    }
    switch (reading->anomaly) {
    case MODEL_STRANGER:
        property_break(verdict, "a record was returned that nobody submitted", reading->lsn, 0);
        break;
    case MODEL_GHOST: property_break(verdict, ghost_why(reading->fate), reading->lsn, 0); break;
    case MODEL_TWICE:
        property_break(verdict, "a record was returned twice", reading->lsn, reading->other);
        break;
    case MODEL_NO_ANOMALY:
    case MODEL_GAP:
    case MODEL_MISPLACED:
    case MODEL_REPLACED:
    case MODEL_SPLIT: break;
    }
}

const struct property property_no_phantom = {
    .name = "no-phantom",
    .claim = "Every record returned was submitted, is not known to be gone, and is returned once.",
    .judge = no_phantom_judge,
};
