/*
 * recovery_idempotence.c - a recovery that was interrupted, however often, ends as one that wasn't.
 *
 * At a boot the harness recovers a copy of the image on the side, undisturbed, and says what that
 * showed. Until something else may rightly change the outcome, every later recovery, on the side or
 * not, must show the same records. What may change it:
 *
 *     a new record is submitted, bytes at rest are damaged or mended, or somebody asks to truncate
 *         or to prune
 *     storage breaks its word (9, 40)
 *     a recovery ends with an error
 *     power is lost, if the image was what a dead process left: its cache may hold bytes that never
 *     became durable and are rightly lost with it
 */
#include "properties/model.h"
#include "properties/property_list.h"

static bool changes_outcome(uint32_t fault)
{
    return fault == 9 || fault == 40;
}

struct shown {
    uint64_t last_lsn;
    uint64_t digest;
    uint32_t count;
};

struct recovery_idempotence {
    struct shown shown;
    bool valid;
    bool from_power; /* The image is what power loss left: all of it is durable. */
    bool killed;     /* The last crash was of the process alone. */
};

static struct shown shown_by(const struct model *model,
                             const struct history_observation *observation)
{
    struct shown shown = {.last_lsn = model->reading->last_lsn, .count = observation->count};

    for (uint32_t i = 0; i < observation->count; i++) {
        const struct history_record *record = &observation->records[i];
        uint64_t mixed = shown.digest ^ record->lsn ^ record->hash ^ (uint64_t)record->length << 32;
        shown.digest = (mixed << 27 | mixed >> 37) * UINT64_C(0x9e3779b97f4a7c15);
    }
    return shown;
}

static bool read_whole(const struct history_observation *observation)
{
    return observation->open_error == HISTORY_OK && observation->read_error == HISTORY_OK;
}

static void observed(struct recovery_idempotence *own, const struct model *model,
                     const struct history_event *event, struct verdict *verdict)
{
    const struct history_observation *observation = event->observation;
    bool undisturbed = event->kind == HISTORY_UNDISTURBED;

    if (!undisturbed && !observation->recovery) return;
    if (!read_whole(observation)) {
        own->valid = false;
        return;
    }
    if (!own->valid && !undisturbed) return; /* There is nothing to compare it with. */
    struct shown shown = shown_by(model, observation);
    if (own->valid && (shown.last_lsn != own->shown.last_lsn || shown.count != own->shown.count ||
                       shown.digest != own->shown.digest)) {
        property_break(verdict, "an interrupted recovery ended other than an undisturbed one",
                       shown.last_lsn, own->shown.last_lsn);
        return;
    }
    if (own->valid) return;
    own->shown = shown;
    own->valid = true;
    own->from_power = !own->killed;
}

static void recovery_idempotence_step(void *state, const struct model *model,
                                      const struct history_event *event, struct verdict *verdict)
{
    struct recovery_idempotence *own = state;

    if (event->kind == HISTORY_OBSERVED || event->kind == HISTORY_UNDISTURBED) {
        observed(own, model, event, verdict);
    } else if (event->kind == HISTORY_CRASHED) {
        if (event->flag && !own->from_power) own->valid = false;
        own->killed = !event->flag;
    } else if (event->kind == HISTORY_INJECTED) {
        if (changes_outcome(event->fault)) own->valid = false;
    } else {
        own->valid = false;
    }
}

const struct property property_recovery_idempotence = {
    .name = "recovery-idempotence",
    .claim = "A recovery interrupted by crashes ends with the same records as an undisturbed one.",
    .state_size = sizeof(struct recovery_idempotence),
    .kinds = PROPERTY_KIND(HISTORY_OBSERVED) | PROPERTY_KIND(HISTORY_UNDISTURBED) |
             PROPERTY_KIND(HISTORY_CRASHED) | PROPERTY_KIND(HISTORY_INJECTED) |
             PROPERTY_KIND(HISTORY_SUBMITTED) | PROPERTY_KIND(HISTORY_ACCEPTED) |
             PROPERTY_KIND(HISTORY_TRUNCATING) | PROPERTY_KIND(HISTORY_PRUNING) |
             PROPERTY_KIND(HISTORY_DAMAGED) | PROPERTY_KIND(HISTORY_LIFTED),
    .step = recovery_idempotence_step,
};
