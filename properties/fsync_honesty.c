/*
 * fsync_honesty.c - after a failed sync nothing unsynced is acknowledged.
 *
 *     INJECTED(failed sync of a segment, durable up to D) in instance i, then ACKED(lsn) by i
 *                                                                          =>   lsn <= D
 *
 * The same where the kernel lost pages by itself (F11): the next sync has to say so.
 *
 * A later sync that succeeds proves nothing about pages that an earlier one lost. An instance that
 * boots again, or closes its log or fails to open it and so has to recover, begins anew. What was
 * durable before may be acknowledged late: waiters wake when they wake, be it that their records
 * were truncated meanwhile.
 */
#include "properties/model.h"
#include "properties/property_list.h"

enum { INSTANCES_HELD = 4 }; /* A zombie and its successors. */

struct fsync_honesty {
    struct {
        uint32_t instance;
        bool limited;
        uint64_t lsn_max;
    } held[INSTANCES_HELD];
};

static bool is_failed_sync(uint32_t fault)
{
    return fault == 4 || (fault >= 8 && fault <= 11);
}

static void fsync_honesty_step(void *state, const struct model *model,
                               const struct history_event *event, struct verdict *verdict)
{
    struct fsync_honesty *own = state;
    uint32_t at = event->instance % INSTANCES_HELD;
    bool known = own->held[at].limited && own->held[at].instance == event->instance;

    if (event->kind == HISTORY_ACKED) {
        uint64_t acked_lsn = model_acked_lsn(model, event);
        if (!known || acked_lsn <= own->held[at].lsn_max) return;
        property_break(verdict, "acknowledged what no sync made durable after one had failed",
                       acked_lsn, own->held[at].lsn_max);
    } else if (event->kind == HISTORY_INJECTED) {
        if (!is_failed_sync(event->fault) || !event->flag) return;
        if (known && own->held[at].lsn_max <= event->last_lsn) return;
        own->held[at].instance = event->instance;
        own->held[at].limited = true;
        own->held[at].lsn_max = event->last_lsn;
    } else if (event->kind != HISTORY_OBSERVED ||
               (event->observation->recovery && event->observation->open_error != HISTORY_OK)) {
        if (known) own->held[at].limited = false;
    }
}

const struct property property_fsync_honesty = {
    .name = "fsync-honesty",
    .claim = "After a failed sync an instance acknowledges nothing that was not durable before it.",
    .state_size = sizeof(struct fsync_honesty),
    .kinds = PROPERTY_KIND(HISTORY_ACKED) | PROPERTY_KIND(HISTORY_INJECTED) |
             PROPERTY_KIND(HISTORY_BOOTED) | PROPERTY_KIND(HISTORY_CLOSED) |
             PROPERTY_KIND(HISTORY_OBSERVED),
    .step = fsync_honesty_step,
};
