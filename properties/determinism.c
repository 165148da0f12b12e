/*
 * determinism.c - the same run twice is the same run.
 *
 * The harness executes a sample of its runs again, with other addresses and other junk in fresh
 * memory, and says DIVERGED where the two differ. Whatever else is found by a run that isn't a
 * function of its seed can't be trusted, so this is asked first.
 */
#include "properties/property_list.h"

static void determinism_step(void *state, const struct model *model,
                             const struct history_event *event, struct verdict *verdict)
{
    (void)state;
    (void)model;
    (void)event;
    property_break(verdict, "two executions of the same run differ", 0, 0);
}

const struct property property_determinism = {
    .name = "determinism",
    .claim = "The same scenario, seed and code give the same run.",
    .kinds = PROPERTY_KIND(HISTORY_DIVERGED),
    .step = determinism_step,
};
