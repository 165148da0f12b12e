/*
 * image.c - what a loss of power leaves: the image that the run goes on with, and extra ones.
 *
 * Extra images are asked for at the addresses that the main one will have, in a stream of their
 * own: so a failing one can be made the main image of a rerun by giving its answers
 * (sim_image_record) to a replay. They are drawn from the seed also when the run itself is a
 * replay.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/world_internal.h"

static uint32_t choose_main(void *context, enum disk_question question, uint32_t bound)
{
    return sim_decide(context, SIM_STREAM_IMAGE, SIM_KIND_IMAGE + (unsigned)question,
                      SIM_CALL_HARNESS, bound);
}

void sim_settle(struct sim_world *world, struct disk_crash_tally *ret_tally)
{
    const struct disk_chooser chooser = {
        .choose = choose_main, .context = world, .modes = world->options.image_modes};

    assert(world->state == WORLD_POWERLESS);
    (void)disk_image(world->machine, &chooser, world->image, ret_tally);
    disk_adopt(world->machine, world->image);
    world->state = WORLD_IDLE;
}

/* ---- Extra images ---- */

struct drawing {
    struct sim_world *world;
    uint64_t stream;
    const struct disk_chooser *chooser; /* Who answers; NULL: the stream. */
    uint32_t asked[DISK_QUESTION_COUNT];
};

static uint32_t choose_extra(void *context, enum disk_question question, uint32_t bound)
{
    struct drawing *drawing = context;
    struct sim_world *world = drawing->world;
    unsigned kind = SIM_KIND_IMAGE + (unsigned)question;
    int32_t who = world_context(world);
    uint32_t asked = *context_counter(&world->contexts, who, kind, SIM_CALL_HARNESS);
    struct sim_decision decision = {.who = world->contexts.whos[who].hash,
                                    .ordinal = asked + drawing->asked[question]++,
                                    .kind = (uint16_t)kind,
                                    .call = SIM_CALL_HARNESS,
                                    .stream = SIM_STREAM_IMAGE};

    if (drawing->chooser != NULL) {
        decision.outcome = drawing->chooser->choose(drawing->chooser->context, question, bound);
    } else {
        uint64_t hash = decide_hash(world, &decision, world->contexts.whos[who].plain);
        decision.outcome = decide_below(sim_mix(hash, drawing->stream, 0), bound);
    }
    if (decision.outcome != 0) sim_record_push(&world->image_record, &decision);
    return decision.outcome;
}

void image_set_clear(struct image_set *set)
{
    if (set->count == 0) return;
    memset(set->slots, 0, set->capacity * sizeof *set->slots);
    set->count = 0;
}

void image_set_free(struct image_set *set)
{
    free(set->slots);
    *set = (struct image_set){0};
}

static uint64_t *slot_of(const struct image_set *set, uint64_t hash)
{
    size_t slot = (size_t)hash;

    for (;; slot++) {
        uint64_t *taken = &set->slots[slot & (set->capacity - 1)];
        if (*taken == 0 || *taken == hash) return taken;
    }
}

static void set_grow(struct image_set *set)
{
    struct image_set grown = {.capacity = set->capacity == 0 ? 64 : set->capacity * 4};

    grown.slots = calloc(grown.capacity, sizeof *grown.slots);
    assert(grown.slots != NULL);
    for (size_t i = 0; i < set->capacity; i++) {
        if (set->slots[i] != 0) *slot_of(&grown, set->slots[i]) = set->slots[i];
    }
    grown.count = set->count;
    image_set_free(set);
    *set = grown;
}

/* False: it was there. */
static bool set_add(struct image_set *set, uint64_t hash)
{
    if (hash == 0) hash = 1; /* 0 marks a free slot. */
    if ((set->count + 1) * 2 > set->capacity) set_grow(set);
    uint64_t *slot = slot_of(set, hash);
    if (*slot == hash) return false;
    *slot = hash;
    set->count++;
    return true;
}

static struct disk *image_make(struct sim_world *world, const struct disk_chooser *chooser,
                               uint64_t *ret_hash)
{
    assert(world->state == WORLD_POWERLESS);
    world->image_record.count = 0;
    uint64_t hash = disk_image(world->machine, chooser, world->image, NULL);
    *ret_hash = hash;
    return set_add(&world->images_seen, hash) ? world->image : NULL;
}

struct disk *sim_image_draw(struct sim_world *world, uint32_t k, uint64_t *ret_hash)
{
    struct drawing drawing = {.world = world, .stream = k};
    const struct disk_chooser chooser = {
        .choose = choose_extra, .context = &drawing, .modes = world->options.image_modes};

    assert(k > 0);
    return image_make(world, &chooser, ret_hash);
}

struct disk *sim_image_choose(struct sim_world *world, const struct disk_chooser *chooser,
                              uint64_t *ret_hash)
{
    struct drawing drawing = {.world = world, .chooser = chooser};
    const struct disk_chooser asking = {.choose = choose_extra,
                                        .context = &drawing,
                                        .modes = chooser->modes,
                                        .about = chooser->about};

    return image_make(world, &asking, ret_hash);
}

const struct sim_record *sim_image_record(const struct sim_world *world)
{
    return &world->image_record;
}
