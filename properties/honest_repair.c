/*
 * honest_repair.c - what a repair says is lost is lost, and everything else is there.
 *
 * Where a damaged log does not open, it is repaired in a copy, by the policy that keeps all that is
 * valid. Each record that it shows is the one that was acknowledged or served at that LSN; each one
 * that it calls lost was hit by damage, and so was what is missing at the end.
 */
#include "properties/model.h"
#include "properties/property_list.h"

static bool is_hit(const struct model *model, uint64_t lsn)
{
    for (uint32_t i = 0; i < model->damage_count; i++) {
        const struct model_damage *damage = &model->damages[i];
        if (damage->first_lsn <= lsn && lsn <= damage->last_lsn) return true;
        if (damage->first_lsn == 0 && !damage->survivable) return true;
    }
    return model_loss_excused(model, lsn);
}

/* A truncation that was asked for and never answered may have happened: then the log ends no higher
 * than at what it kept. */
static bool may_be_cut(const struct model *model, uint64_t lsn, uint64_t last_lsn)
{
    for (uint32_t i = 0; i < model->truncation_count; i++) {
        const struct model_truncation *truncation = &model->truncations[i];
        if (truncation->over != 0) continue;
        if (last_lsn <= truncation->kept_lsn && truncation->kept_lsn < lsn) return true;
    }
    return false;
}

/* And where it has happened something else may stand above, which was appended since. */
static bool may_be_another(const struct model *model, const struct history_record *record)
{
    for (uint32_t i = 0; i < model->truncation_count; i++) {
        const struct model_truncation *truncation = &model->truncations[i];
        if (truncation->over != 0 || truncation->kept_lsn >= record->lsn) continue;
        if (model_is_known(model, record)) return true;
    }
    return false;
}

static void judge_record(const struct model *model, const struct history_record *record,
                         struct verdict *verdict)
{
    const struct model_slot *slot = model_slot(model, record->lsn);
    bool settled = slot != NULL && slot->count != 0;

    if (record->lost && settled && !is_hit(model, record->lsn)) {
        property_break(verdict, "a repair gave up a record that nothing had damaged", record->lsn,
                       0);
    } else if (!record->lost && settled &&
               (slot->hash != record->hash || slot->length != record->length) &&
               !may_be_another(model, record)) {
        property_break(verdict, "a repaired log showed another record than the one that was there",
                       record->lsn, 0);
    }
}

static void honest_repair_step(void *state, const struct model *model,
                               const struct history_event *event, struct verdict *verdict)
{
    const struct history_observation *seen = event->observation;
    uint64_t lsn = seen->from_lsn;

    (void)state;
    if (seen->open_error != HISTORY_OK || seen->read_error != HISTORY_OK) {
        enum history_error error = seen->open_error ? seen->open_error : seen->read_error;
        bool refused = error == HISTORY_CORRUPT || error == HISTORY_IO;
        if (event->flag || !refused) {
            property_break(verdict, "a repaired log could not be opened and read", 0,
                           (uint64_t)error);
        }
        return;
    }
    for (uint32_t i = 0; i < seen->count && !verdict->broken; i++, lsn++) {
        if (seen->records[i].lsn != lsn) {
            property_break(verdict, "a repaired log has a gap", lsn, seen->records[i].lsn);
            return;
        }
        judge_record(model, &seen->records[i], verdict);
    }
    uint64_t last_lsn = lsn - 1;
    for (; lsn <= model->must_lsn && !verdict->broken; lsn++) {
        if (is_hit(model, lsn) || may_be_cut(model, lsn, last_lsn)) continue;
        property_break(verdict, "a repaired log ends before a record that nothing had damaged", lsn,
                       0);
    }
}

const struct property property_honest_repair = {
    .name = "honest-repair",
    .claim = "What a repair calls lost was damaged, and it keeps everything else.",
    .kinds = PROPERTY_KIND(HISTORY_REPAIRED),
    .step = honest_repair_step,
};
