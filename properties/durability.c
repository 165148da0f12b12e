/*
 * durability.c - what was acknowledged, or served once, is still there.
 *
 *     ACKED(lsn) or OBSERVED(.. lsn) at i, and a recovery up to `last` at j > i  =>  lsn <= last
 *
 * It says nothing about records that were neither: recovery may keep or drop those. Nor does it
 * look at bytes; that is prefix.c. Only recoveries are held to it: a reader beside a writer knows
 * of what is durable a little later, and may end earlier than another did. A record whose damage
 * nothing witnesses can't be told from a torn tail, so with it all that followed may go. What was
 * truncated is gone with leave, and so is what lies below where somebody asked to prune: but for
 * that, the log's first record is there as well.
 */
#include "properties/model.h"
#include "properties/property_list.h"

static void durability_judge(const void *state, const struct model *model,
                             const struct history_observation *observation, struct verdict *verdict)
{
    uint64_t last_lsn = model->reading->last_lsn, must_lsn = model_must_lsn(model);
    uint64_t floor_lsn = model->floor_lsn;

    (void)state;
    if (!observation->recovery || observation->open_error != HISTORY_OK) return;
    if (floor_lsn < model->floor_asked_lsn) floor_lsn = model->floor_asked_lsn;
    if (observation->count > 0 && observation->records[0].lsn > floor_lsn) {
        property_break(verdict, "recovery begins behind the first acknowledged or served record",
                       floor_lsn, observation->records[0].lsn);
        return;
    }
    if (observation->read_error != HISTORY_OK || last_lsn >= must_lsn) return;
    if (model_loss_excused(model, last_lsn + 1)) return;
    property_break(verdict, "recovery ended before the last acknowledged or served record",
                   last_lsn + 1, must_lsn);
}

const struct property property_durability = {
    .name = "durability",
    .claim = "A record acknowledged, or served once, is present after each later recovery.",
    .judge = durability_judge,
};
