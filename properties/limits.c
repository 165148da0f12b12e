/*
 * limits.c - what is over a limit is refused as such, and nothing else is.
 *
 * The workload asks for a record or a batch one byte larger than the log was told to take, and
 * knows it. The log must say so with the error that means it, at once: a device error or poisoning
 * would be a lie about the device, and acceptance a group that may not fit. That no byte of it was
 * written is no-phantom's business: what was refused is never read.
 */
#include "properties/model.h"
#include "properties/property_list.h"

static void limits_step(void *state, const struct model *model, const struct history_event *event,
                        struct verdict *verdict)
{
    const struct model_operation *own = model_operation(model, event->operation);
    bool over = own != NULL && own->over_limit;

    (void)state;
    if (event->kind == HISTORY_ACCEPTED) {
        if (over) property_break(verdict, "what is over a limit was accepted", event->first_lsn, 0);
        return;
    }
    if (over == (event->error == HISTORY_LIMIT)) return;
    property_break(verdict,
                   over ? "what is over a limit was refused with another error"
                        : "what is within the limits was refused as over one",
                   0, (uint64_t)event->error);
}

const struct property property_limits = {
    .name = "limits",
    .claim = "What is over a limit is refused with the error that says so, and nothing else is.",
    .kinds = PROPERTY_KIND(HISTORY_ACCEPTED) | PROPERTY_KIND(HISTORY_FAILED),
    .step = limits_step,
};
