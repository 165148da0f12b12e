/*
 * decide.c - hashing addresses into outcomes, recording them, and looking them up again.
 */
#include "sim/decide.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sim/world_internal.h"

__extension__ typedef unsigned __int128 wide;

/* Both halves of a product depend on all bits of both factors; together they make a hash. */
static uint64_t fold(uint64_t a, uint64_t b)
{
    wide product = (wide)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t sim_mix(uint64_t a, uint64_t b, uint64_t c)
{
    uint64_t hash = fold(a ^ UINT64_C(0xa0761d6478bd642f), b ^ UINT64_C(0xe7037ed1a0b428db));

    /* Both factors depend on c: it is often a counter, and the products of a counter with one and
     * the same number go in equal steps. */
    hash += c * UINT64_C(0x9e3779b97f4a7c15);
    hash = fold(hash ^ UINT64_C(0x8ebc6af09c88c6e3), hash ^ UINT64_C(0x589965cc75374cc3));
    return hash ^ hash >> 32;
}

/* ---- Records ---- */

void sim_record_free(struct sim_record *record)
{
    free(record->decisions);
    *record = (struct sim_record){0};
}

bool sim_record_copy(struct sim_record *to, const struct sim_record *from)
{
    if (to->capacity < from->count) {
        struct sim_decision *grown = realloc(to->decisions, from->count * sizeof *grown);
        if (grown == NULL) return false;
        to->decisions = grown;
        to->capacity = from->count;
    }
    if (from->count > 0) {
        memcpy(to->decisions, from->decisions, from->count * sizeof *to->decisions);
    }
    to->count = from->count;
    return true;
}

void sim_record_push(struct sim_record *record, const struct sim_decision *decision)
{
    if (record->count == record->capacity) {
        size_t capacity = record->capacity == 0 ? 64 : record->capacity * 2;
        record->decisions = realloc(record->decisions, capacity * sizeof *record->decisions);
        assert(record->decisions != NULL);
        record->capacity = capacity;
    }
    record->decisions[record->count++] = *decision;
}

/* ---- Replay ---- */

static bool same_address(const struct sim_decision *a, const struct sim_decision *b)
{
    return a->who == b->who && a->ordinal == b->ordinal && a->kind == b->kind &&
           a->call == b->call && a->stream == b->stream;
}

static uint64_t address_low(const struct sim_decision *decision)
{
    return (uint64_t)decision->kind << 48 | (uint64_t)decision->call << 40 | decision->ordinal;
}

static uint32_t *replay_slot(struct replay *replay, const struct sim_decision *address)
{
    size_t slot = sim_mix(address->stream, address->who, address_low(address));

    for (;; slot++) {
        uint32_t *taken = &replay->slots[slot & replay->mask];
        if (*taken == 0) return taken;
        if (same_address(&replay->record->decisions[*taken - 1], address)) return taken;
    }
}

void replay_begin(struct replay *replay, const struct sim_record *record, bool ask_all)
{
    replay->record = record;
    memset(replay->kinds, ask_all, sizeof replay->kinds);
    replay->crash_calls = 0;
    if (record == NULL) return;
    assert(record->count < UINT32_MAX / 4);
    size_t slots = 64;
    while (slots < record->count * 2) slots *= 2;
    if (slots > replay->capacity) {
        replay->slots = realloc(replay->slots, slots * sizeof *replay->slots);
        replay->asked = realloc(replay->asked, slots);
        assert(replay->slots != NULL);
        assert(replay->asked != NULL);
        replay->capacity = slots;
    }
    replay->mask = slots - 1;
    memset(replay->slots, 0, slots * sizeof *replay->slots);
    memset(replay->asked, 0, slots);
    for (uint32_t i = 0; i < record->count; i++) {
        const struct sim_decision *decision = &record->decisions[i];
        if (decision->kind >= SIM_KIND_COUNT) continue; /* From a file: never asked. */
        *replay_slot(replay, decision) = i + 1;
        replay->kinds[decision->kind] = true;
        if (decision->kind == SIM_KIND_CRASH)
            replay->crash_calls |= UINT64_C(1) << (decision->call & 63);
    }
}

void replay_free(struct replay *replay)
{
    free(replay->slots);
    free(replay->asked);
    *replay = (struct replay){0};
}

static uint32_t replay_outcome(struct replay *replay, const struct sim_decision *address)
{
    uint32_t taken = *replay_slot(replay, address);

    if (taken == 0) return 0;
    replay->asked[taken - 1] = 1;
    return replay->record->decisions[taken - 1].outcome;
}

bool sim_replay_asked(const struct sim_world *world, size_t i)
{
    const struct replay *replay = &world->replay;

    return replay->record != NULL && i < replay->record->count && replay->asked[i] != 0;
}

/* ---- Decisions ---- */

/* A quiet world asks nothing, and a replay only what can be in its record. */
static bool is_asked(const struct sim_world *world, unsigned kind)
{
    return !world->quiet && (world->replay.record == NULL || world->replay.kinds[kind]);
}

static inline uint8_t address_call(const struct sim_world *world, enum sim_call call)
{
    const struct wal_task *task = world->process->scheduler.current;

    return (uint8_t)((unsigned)call | (task != NULL ? task->retry : 0U));
}

/* Counts. */
static inline uint32_t ordinal_of(struct sim_world *world, int32_t context, unsigned kind,
                                  uint8_t call)
{
    return (*context_counter(&world->contexts, context, kind, call))++;
}

bool decide_begin(struct sim_world *world, enum sim_stream stream, unsigned kind,
                  enum sim_call call, struct sim_decision *ret_decision)
{
    if (!is_asked(world, kind)) return false;
    int32_t context = world_context(world);
    ret_decision->who = world->contexts.whos[context].hash;
    ret_decision->call = address_call(world, call);
    ret_decision->ordinal = ordinal_of(world, context, kind, ret_decision->call);
    ret_decision->outcome = 0;
    ret_decision->kind = (uint16_t)kind;
    ret_decision->stream = (uint8_t)stream;
    if (world->replay.record != NULL) {
        ret_decision->outcome = replay_outcome(&world->replay, ret_decision);
    }
    return true;
}

uint64_t decide_hash(const struct sim_world *world, const struct sim_decision *address,
                     uint64_t plain_who)
{
    return sim_mix(world->stream_seeds[address->stream], plain_who, address_low(address));
}

/* Of whom decisions are asked for now. */
static uint64_t plain_now(const struct sim_world *world)
{
    return world->contexts.whos[world_context(world)].plain;
}

void decide_tell(struct sim_world *world, const struct sim_decision *decision, uint32_t bound,
                 uint64_t tasks)
{
    if (world->options.asked != NULL) {
        const struct sim_asked asked = {*decision, bound, tasks};
        world->options.asked(world->options.asked_context, &asked);
    }
    if (decision->outcome == 0) return;
    sim_record_push(&world->record, decision);
    world_trace(world, (enum sim_call)(decision->call & ~(unsigned)SIM_CALL_RETRY),
                SIM_TRACE_DECISION, plain_now(world),
                (uint64_t)decision->kind << 32 | decision->ordinal, decision->outcome);
}

/* A hash as a number below bound. */
uint32_t decide_below(uint64_t hash, uint32_t bound)
{
    return (uint32_t)((hash >> 32) * bound >> 32);
}

uint32_t sim_decide(struct sim_world *world, enum sim_stream stream, unsigned kind,
                    enum sim_call call, uint32_t bound)
{
    struct sim_decision decision;

    if (!decide_begin(world, stream, kind, call, &decision)) return 0;
    if (world->replay.record == NULL) {
        decision.outcome = decide_below(decide_hash(world, &decision, plain_now(world)), bound);
    } else if (decision.outcome >= bound) {
        decision.outcome = 0;
    }
    decide_end(world, &decision, bound);
    return decision.outcome;
}

uint32_t sim_decide_odds(struct sim_world *world, enum sim_stream stream, unsigned kind,
                         enum sim_call call, uint32_t odds, uint32_t outcomes)
{
    struct sim_decision decision;

    if (!decide_begin(world, stream, kind, call, &decision)) return 0;
    if (world->replay.record == NULL) {
        uint64_t hash = decide_hash(world, &decision, plain_now(world));
        if ((hash & 0xffff) < odds && outcomes > 0)
            decision.outcome = 1 + decide_below(hash, outcomes);
    } else if (decision.outcome > outcomes) {
        decision.outcome = 0;
    }
    decide_end(world, &decision, outcomes + 1);
    return decision.outcome;
}

void sim_decide_skip(struct sim_world *world, unsigned kind, enum sim_call call)
{
    if (is_asked(world, kind))
        (void)ordinal_of(world, world_context(world), kind, address_call(world, call));
}

enum { CRASH_BOUND = 7 };

/* What would strike at a call, in one draw: outcomes 1 before, 2 inside, 3 after it, by loss of
 * power; 4, 5, 6 the same for the process alone. */
uint32_t decide_crash(struct sim_world *world, enum sim_call call)
{
    const struct sim_options *options = &world->options;
    struct sim_decision decision;

    if (!decide_begin(world, SIM_STREAM_CRASH, SIM_KIND_CRASH, call, &decision)) return 0;
    bool spared =
        options->spare_boots && world->contexts.whos[world_context(world)].kind == SIM_WHO_BOOT;
    if (world->replay.record == NULL) {
        uint64_t hash = decide_hash(world, &decision, plain_now(world));
        uint32_t drawn = hash & 0xffff;
        if (spared) {
            decision.outcome = 0;
        } else if (drawn < options->crash_odds) {
            decision.outcome = 1 + decide_below(hash, 3);
        } else if (drawn < options->crash_odds + options->kill_odds) {
            decision.outcome = 4 + decide_below(hash, 3);
        }
    } else if (decision.outcome >= CRASH_BOUND) {
        decision.outcome = 0;
    }
    decide_end(world, &decision, CRASH_BOUND);
    return decision.outcome;
}
