/*
 * liveness.c - the log works unless something keeps it from it.
 *
 * A log that answers every call with an error is perfectly safe. So each error needs an alibi:
 * model_alibi.c has the table of what excuses which error, whose and until when. An image on the
 * side, and a recovery that was left alone, are excused by damage to the disk only. Once the world
 * is healed no alibi is made any more, and the run must end with an acknowledgement. Nobody may be
 * stuck, ever.
 *
 * Whether damage was rightly reported is honest_corruption.c's question, and not asked again here.
 */
#include "properties/model.h"
#include "properties/property_list.h"

struct liveness {
    bool healed;
    bool acked; /* Since then. */
};

static void liveness_judge(const void *state, const struct model *model,
                           const struct history_observation *observation, struct verdict *verdict)
{
    bool opened = observation->open_error == HISTORY_OK;
    enum history_error error = opened ? observation->read_error : observation->open_error;

    (void)state;
    if (!observation->recovery || error == HISTORY_CORRUPT) return;
    if (model_excuses_reading(model, error)) return;
    if (!model->reading->undisturbed &&
        model_excuses_instance(model, error, observation->instance)) {
        return;
    }
    property_break(verdict,
                   opened ? "reading failed though nothing was injected that excuses it"
                          : "opening failed though nothing was injected that excuses it",
                   0, (uint64_t)error);
}

/* Reading beside the writer. */
static void observed(const struct model *model, const struct history_event *event,
                     struct verdict *verdict)
{
    const struct history_observation *seen = event->observation;
    enum history_error error = seen->read_error;

    if (seen->recovery || error == HISTORY_CORRUPT) return;
    /* The log was cut under its reader; where it began counts, for it may begin there again. */
    if (error == HISTORY_BELOW_FLOOR && seen->from_lsn < model->floor_asked_lsn) return;
    if (error == HISTORY_CUT_OFF && model_kept_beside(model, event->operation, 0) != UINT64_MAX) {
        return;
    }
    if (model_excuses_reading(model, error)) return;
    if (event->operation != HISTORY_NO_OPERATION
            ? model_excuses_reader(model, error, event->operation)
            : model_excuses_instance(model, error, event->instance)) {
        return;
    }
    property_break(verdict, "reading failed though nothing was injected that excuses it", 0,
                   (uint64_t)error);
}

static void failed(const struct model *model, const struct history_event *event,
                   struct verdict *verdict)
{
    if (model_excuses_operation(model, event->error, event->instance, event->operation)) return;
    property_break(verdict, "an operation failed though nothing was injected that excuses it", 0,
                   (uint64_t)event->error);
}

static const char *stuck_why(uint32_t stuck)
{
    if (stuck == HISTORY_STUCK_DEADLOCK) return "nobody can run and no timer is set";
    if (stuck == HISTORY_STUCK_LIVELOCK) return "the step budget was used up without an end";
    if (stuck == HISTORY_STUCK_DEAF) return "a reader that was cancelled went on";
    return "a misaligned direct call was issued";
}

static void liveness_step(void *state, const struct model *model, const struct history_event *event,
                          struct verdict *verdict)
{
    struct liveness *own = state;

    if (event->kind == HISTORY_FAILED) {
        failed(model, event, verdict);
    } else if (event->kind == HISTORY_OBSERVED) {
        observed(model, event, verdict);
    } else if (event->kind == HISTORY_CLOSED) {
        if (model_excuses_instance(model, event->error, event->instance)) return;
        property_break(verdict, "a clean close failed though nothing was injected that excuses it",
                       0, (uint64_t)event->error);
    } else if (event->kind == HISTORY_STUCK) {
        property_break(verdict, stuck_why(event->index), 0, event->instance);
    } else if (event->kind == HISTORY_HEALED) {
        own->healed = true;
        own->acked = false;
    } else if (event->kind == HISTORY_ACKED) {
        own->acked = true;
    } else if (own->healed && !own->acked && model->damage_count == 0) { /* ENDED */
        property_break(verdict, "the world was healed and nothing was acknowledged afterwards", 0,
                       0);
    }
}

const struct property property_liveness = {
    .name = "liveness",
    .claim = "Nobody is stuck, every error has a cause, and once faults stop the log works again.",
    .state_size = sizeof(struct liveness),
    .kinds = PROPERTY_KIND(HISTORY_FAILED) | PROPERTY_KIND(HISTORY_OBSERVED) |
             PROPERTY_KIND(HISTORY_CLOSED) | PROPERTY_KIND(HISTORY_STUCK) |
             PROPERTY_KIND(HISTORY_HEALED) | PROPERTY_KIND(HISTORY_ACKED) |
             PROPERTY_KIND(HISTORY_ENDED),
    .step = liveness_step,
    .judge = liveness_judge,
};
