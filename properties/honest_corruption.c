/*
 * honest_corruption.c - damage is reported, and only damage, and where it is.
 *
 * Three lies are told about stored bytes: that they are fine (a recovery that ends, without an
 * error, before damage that something intact witnesses); that they are damaged (CORRUPT, or "a
 * newer version", of a good log); and that it is elsewhere (a range of LSNs away from the damage,
 * or no place at all). A bit flipped on its way from the disk looks like damage and excuses the
 * second; so do the faults with which storage breaks its word, even long ago.
 */
#include "properties/model.h"
#include "properties/property_list.h"

static bool adjoins(const struct model_damage *damage, const struct history_place *place)
{
    uint64_t after_place = place->last_lsn == UINT64_MAX ? UINT64_MAX : place->last_lsn + 1;
    uint64_t after_damage = damage->last_lsn == UINT64_MAX ? UINT64_MAX : damage->last_lsn + 1;

    return place->first_lsn <= after_damage && damage->first_lsn <= after_place;
}

static void corrupt(const struct model *model, const struct history_place *place,
                    struct verdict *verdict)
{
    bool nowhere = place->segment == 0 && place->first_lsn == 0;
    bool anywhere = false; /* Damage that hit no record. */
    bool here = false, any = false;

    for (uint32_t i = 0; i < model->damage_count; i++) {
        const struct model_damage *damage = &model->damages[i];
        if (damage->survivable) continue;
        any = true;
        if (damage->first_lsn == 0) anywhere = true;
        if (place->first_lsn == 0 || adjoins(damage, place)) here = true;
    }
    if (anywhere) return;
    if (!any) {
        property_break(verdict, "damage was reported of a log that has none", place->first_lsn,
                       place->segment);
    } else if (nowhere) {
        property_break(verdict, "damage was reported without a place", 0, 0);
    } else if (!here) {
        property_break(verdict, "damage was reported at another place than where it is",
                       place->first_lsn, model->damages[0].first_lsn);
    }
}

static void silent_loss(const struct model *model, struct verdict *verdict)
{
    const struct model_damage *damage = model_silent_loss(model);

    if (damage == NULL) return;
    property_break(verdict, "recovery ended before witnessed damage and said nothing",
                   damage->first_lsn, model->reading->last_lsn);
}

static void honest_corruption_judge(const void *state, const struct model *model,
                                    const struct history_observation *observation,
                                    struct verdict *verdict)
{
    bool opened = observation->open_error == HISTORY_OK;
    enum history_error error = opened ? observation->read_error : observation->open_error;
    bool excused = (model->excused_for_good >> error & 1) != 0 ||
                   (!model->reading->undisturbed &&
                    model_excuses_instance(model, error, observation->instance));

    (void)state;
    /* A reader may be told from elsewhere what was durable before it was truncated. */
    bool cut = observation->place.first_lsn > model->reading->loose_lsn;
    if (error == HISTORY_CORRUPT && !excused && !cut) corrupt(model, &observation->place, verdict);
    if ((error == HISTORY_VERSION || error == HISTORY_OTHER) && !excused &&
        !model_excuses_reading(model, error)) {
        property_break(verdict, "a good log was refused as something else", 0, (uint64_t)error);
    }
    if (error == HISTORY_OK && observation->recovery) silent_loss(model, verdict);
}

const struct property property_honest_corruption = {
    .name = "honest-corruption",
    .claim = "Witnessed damage is reported, at its place, and nothing else is called damage.",
    .judge = honest_corruption_judge,
};
