/*
 * liveness.c - the log works unless something keeps it from it.
 *
 * A log that answers every call with an error is perfectly safe. So each error needs an alibi: a
 * fault that struck in the same instance since it last closed its log, of a kind that excuses this
 * class of error (the table below), or damage in force. Short and interrupted calls, delays and
 * failing closes excuse nothing: they are to be survived. Once the world is healed no alibi is
 * made any more, and the run must end with an acknowledgement. Nobody may be stuck, ever.
 *
 * Whether damage was rightly reported is honest_corruption.c's question, and not asked again here.
 */
#include "properties/model.h"
#include "properties/property_list.h"

#define F(number) MODEL_FAULT(number)

/* clang-format off */
static const uint64_t alibis[HISTORY_ERROR_COUNT] = {
    [HISTORY_IO]          = F(4) | F(7) | F(8) | F(9) | F(10) | F(14) | F(15) | F(17),
    [HISTORY_NOSPACE]     = F(3) | F(4) | F(5) | F(14),
    [HISTORY_NOMEM]       = F(19),
    [HISTORY_LOCKED]      = F(39),
    [HISTORY_CORRUPT]     = F(15) | F(17),
    [HISTORY_POISONED]    = F(4) | F(7) | F(8) | F(9) | F(10) | F(14),
    [HISTORY_ROLLED_BACK] = F(3) | F(5) | F(14) | F(19),
    [HISTORY_LIMIT]       = 0, /* No workload goes over a limit. */
    [HISTORY_PRUNED]      = 0,
    [HISTORY_VERSION]     = F(17),
    [HISTORY_INTERRUPTED] = 0,
    [HISTORY_OTHER]       = F(14),
};
/* clang-format on */

struct liveness {
    bool healed;
    bool acked; /* Since then. */
};

static bool damage_excuses(const struct model *model, enum history_error error)
{
    bool about_bytes = error == HISTORY_CORRUPT || error == HISTORY_IO ||
                       error == HISTORY_VERSION || error == HISTORY_OTHER;

    return about_bytes && model->damage_count > 0;
}

static bool has_alibi(const struct model *model, enum history_error error, uint64_t injected)
{
    if (error == HISTORY_OK || damage_excuses(model, error)) return true;
    /* A zombie holds the lock whoever is refused. */
    if (error == HISTORY_LOCKED) injected |= model->injected;
    /* The error of a late sync waits in the inode for whoever syncs next, be it another process. */
    injected |= model->injected & F(9);
    return (alibis[error] & injected) != 0;
}

static void liveness_judge(const void *state, const struct model *model,
                           const struct history_observation *observation, struct verdict *verdict)
{
    bool opened = observation->open_error == HISTORY_OK;
    enum history_error error = opened ? observation->read_error : observation->open_error;
    uint64_t injected =
        model->reading->undisturbed ? 0 : model_injected(model, observation->instance, false);

    (void)state;
    if (error == HISTORY_CORRUPT || has_alibi(model, error, injected)) return;
    property_break(verdict,
                   opened ? "reading failed though nothing was injected that excuses it"
                          : "opening failed though nothing was injected that excuses it",
                   0, (uint64_t)error);
}

static void failed(const struct model *model, const struct history_event *event,
                   struct verdict *verdict)
{
    const struct model_operation *operation = model_operation(model, event->operation);
    /* A task may tell only after the close what it was told before. */
    bool before = operation != NULL && operation->fate != MODEL_ABSENT &&
                  operation->session != model->session;

    if (has_alibi(model, event->error, model_injected(model, event->instance, before))) return;
    property_break(verdict, "an operation failed though nothing was injected that excuses it", 0,
                   (uint64_t)event->error);
}

static const char *stuck_why(uint32_t stuck)
{
    if (stuck == HISTORY_STUCK_DEADLOCK) return "nobody can run and no timer is set";
    if (stuck == HISTORY_STUCK_LIVELOCK) return "the step budget was used up without an end";
    return "a misaligned direct call was issued";
}

static void liveness_step(void *state, const struct model *model, const struct history_event *event,
                          struct verdict *verdict)
{
    struct liveness *own = state;

    if (event->kind == HISTORY_FAILED) {
        failed(model, event, verdict);
    } else if (event->kind == HISTORY_CLOSED) {
        if (has_alibi(model, event->error, model_injected(model, event->instance, false))) return;
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
    .kinds = PROPERTY_KIND(HISTORY_FAILED) | PROPERTY_KIND(HISTORY_CLOSED) |
             PROPERTY_KIND(HISTORY_STUCK) | PROPERTY_KIND(HISTORY_HEALED) |
             PROPERTY_KIND(HISTORY_ACKED) | PROPERTY_KIND(HISTORY_ENDED),
    .step = liveness_step,
    .judge = liveness_judge,
};
