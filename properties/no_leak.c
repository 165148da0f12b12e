/*
 * no_leak.c - a clean end leaves nothing behind.
 *
 * No block of memory and no open descriptor, whatever errors were met on the way. A crash frees
 * nothing and is not held to it.
 */
#include "properties/property_list.h"

static void no_leak_step(void *state, const struct model *model, const struct history_event *event,
                         struct verdict *verdict)
{
    (void)state;
    (void)model;
    if (event->count != 0 || event->hash != 0) {
        property_break(verdict, "memory was left allocated", 0, event->count);
    } else if (event->length != 0) {
        property_break(verdict, "a descriptor was left open", 0, event->length);
    }
}

const struct property property_no_leak = {
    .name = "no-leak",
    .claim = "After a clean end no memory is allocated and no descriptor is open.",
    .kinds = PROPERTY_KIND(HISTORY_LEAKED),
    .step = no_leak_step,
};
