/*
 * model_damage.c - which stored bytes the world has spoiled, and what that may cost.
 *
 * Damage that nothing intact witnesses can't be told from a torn tail: a recovery that meets it may
 * end before it. That stays true after the damage was lifted, until a recovery that was read to its
 * end shows how it went.
 */
#include "properties/model.h"

static bool is_settled(const struct model *model, uint64_t lsn)
{
    const struct model_slot *slot = model_slot(model, lsn);

    return slot != NULL && slot->count != 0;
}

static bool costs_records(const struct model_damage *damage)
{
    return !damage->witnessed && !damage->spent && damage->first_lsn != 0;
}

static bool any_covers(const struct model_damage *damages, uint32_t count, uint64_t lsn)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!costs_records(&damages[i])) continue;
        if (damages[i].first_lsn <= lsn && lsn <= damages[i].last_lsn) return true;
    }
    return false;
}

bool model_loss_excused(const struct model *model, uint64_t lsn)
{
    return any_covers(model->damages, model->damage_count, lsn) ||
           any_covers(model->losses, model->loss_count, lsn);
}

/* A batch with a damaged record is lost whole, so damage reaches to its ends; where it isn't known
 * which batch that is, as far as one can reach. */
static void widen(const struct model *model, struct model_damage *damage)
{
    if (damage->first_lsn == 0) return;
    if (is_settled(model, damage->first_lsn)) {
        damage->first_lsn -= model_slot(model, damage->first_lsn)->index;
    } else {
        for (uint32_t i = 1; i < model->batch_max && damage->first_lsn > 1; i++) {
            if (is_settled(model, damage->first_lsn - 1)) break;
            damage->first_lsn--;
        }
    }
    if (is_settled(model, damage->last_lsn)) {
        const struct model_slot *last = model_slot(model, damage->last_lsn);
        damage->last_lsn += last->count - 1 - last->index;
    } else {
        for (uint32_t i = 1; i < model->batch_max && damage->last_lsn < UINT64_MAX; i++) {
            if (is_settled(model, damage->last_lsn + 1)) break;
            damage->last_lsn++;
        }
    }
}

void model_take_damaged(struct model *model, const struct history_event *event)
{
    struct model_damage damage = {.first_lsn = event->first_lsn,
                                  .last_lsn = event->last_lsn,
                                  .fault = event->fault,
                                  .survivable = event->index == 1,
                                  .witnessed = event->flag && event->first_lsn != 0};

    for (uint32_t i = 0; i < model->damage_count && !model->damage_last; i++) {
        model->damages[i].witnessed = false;
    }
    widen(model, &damage);
    if (model->damage_count < MODEL_DAMAGES_MAX) {
        model->damages[model->damage_count++] = damage;
        return;
    }
    /* Too many to tell apart: the last one stands for anything. */
    model->damages[MODEL_DAMAGES_MAX - 1] =
        (struct model_damage){.first_lsn = 1, .last_lsn = UINT64_MAX};
}

void model_take_lifted(struct model *model)
{
    for (uint32_t i = 0; i < model->damage_count; i++) {
        const struct model_damage *damage = &model->damages[i];
        if (!damage->booted || !costs_records(damage)) continue;
        if (model->loss_count == MODEL_DAMAGES_MAX) model->loss_count--;
        model->losses[model->loss_count++] = *damage;
    }
    model->damage_count = 0;
}

static uint32_t cut(struct model_damage *damages, uint32_t count, uint64_t kept_lsn)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < count; i++) {
        struct model_damage damage = damages[i];
        if (damage.first_lsn > kept_lsn) continue;
        if (damage.last_lsn != UINT64_MAX && damage.last_lsn > kept_lsn) damage.last_lsn = kept_lsn;
        damages[kept++] = damage;
    }
    return kept;
}

/* What was truncated is missed by nobody, and nobody has to read it. */
void model_cut_damage(struct model *model, uint64_t kept_lsn)
{
    model->damage_count = cut(model->damages, model->damage_count, kept_lsn);
    model->loss_count = cut(model->losses, model->loss_count, kept_lsn);
}

const struct model_damage *model_silent_loss(const struct model *model)
{
    const struct model_reading *reading = model->reading;

    for (uint32_t i = 0; i < model->damage_count; i++) {
        const struct model_damage *damage = &model->damages[i];
        if (!damage->witnessed || damage->spent) continue;
        if (damage->first_lsn > reading->kept_lsn) continue; /* Truncated. */
        if (damage->first_lsn > reading->last_lsn) return damage;
    }
    return NULL;
}
