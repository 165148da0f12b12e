/*
 * policy.c - which task a policy would let run next.
 *
 * No policy finds everything: starving a task for long and hitting a narrow window between tasks of
 * very different length need opposite ones. So a seed draws one, with the weights below. What a
 * policy draws is no decision, since the switch that comes of it is one; and none learns from other
 * runs, since then a run would not be a function of its seed.
 */
#include <string.h>

#include "sim/world_internal.h"

enum {
    STICKY_KEEPS = 9, /* In 10. */
    /* PCT can starve a task for ever that others wait for by polling; after so many contested
     * points in a process it draws uniformly instead. */
    PCT_FAIR_AFTER = 20000,
};

/* clang-format off */
static const struct { const char *name; uint32_t weight; } policies[SIM_POLICY_COUNT] = {
    [SIM_POLICY_FIRST]       = { "first",        0 },
    [SIM_POLICY_PCT]         = { "pct",         40 },
    [SIM_POLICY_STICKY]      = { "sticky",      20 },
    [SIM_POLICY_RANDOM]      = { "random",      10 },
    [SIM_POLICY_URW]         = { "urw",         25 },
    [SIM_POLICY_ROUND_ROBIN] = { "round-robin",  5 },
};
/* clang-format on */

const char *sim_policy_name(enum sim_policy policy)
{
    assert((unsigned)policy < SIM_POLICY_COUNT);
    return policies[policy].name;
}

uint32_t sim_policy_weight(enum sim_policy policy)
{
    assert((unsigned)policy < SIM_POLICY_COUNT);
    return policies[policy].weight;
}

bool sim_policy_parse(const char *name, enum sim_policy *ret_policy)
{
    for (unsigned i = 0; i < SIM_POLICY_COUNT; i++) {
        if (strcmp(policies[i].name, name) != 0) continue;
        *ret_policy = (enum sim_policy)i;
        return true;
    }
    return false;
}

static uint64_t draw(struct sim_world *world)
{
    return sim_mix(world->stream_seeds[SIM_STREAM_SCHEDULE], 0, world->policy_draws++);
}

void policy_task_added(struct sim_world *world, struct wal_task *task)
{
    if (world->options.policy == SIM_POLICY_PCT && !world->quiet)
        task->priority = draw(world) | PRIORITY_FRESH;
}

/* The i-th of those that could run; the one behind them all is the current task. */
static struct wal_task *ready_at(struct scheduler *scheduler, unsigned i)
{
    return i == scheduler->ready_count ? scheduler->current
                                       : &scheduler->tasks[scheduler->ready[i]];
}

static struct wal_task *uniform(struct sim_world *world, bool may_stay)
{
    struct scheduler *scheduler = &world->process->scheduler;
    uint32_t count = scheduler->ready_count + (may_stay ? 1U : 0U);

    return ready_at(scheduler, decide_below(draw(world), count));
}

static struct wal_task *highest(struct scheduler *scheduler, bool may_stay)
{
    struct wal_task *best = may_stay ? scheduler->current : NULL;

    for (unsigned i = 0; i < scheduler->ready_count; i++) {
        struct wal_task *task = ready_at(scheduler, i);
        if (best == NULL || task->priority > best->priority) best = task;
    }
    return best;
}

static struct wal_task *by_priority(struct sim_world *world, bool may_stay)
{
    struct scheduler *scheduler = &world->process->scheduler;

    if (scheduler->contested > PCT_FAIR_AFTER) return uniform(world, may_stay);
    if ((draw(world) & 0xffff) < world->options.switch_odds)
        highest(scheduler, may_stay)->priority = --scheduler->low;
    return highest(scheduler, may_stay);
}

static uint32_t left_of(const struct wal_task *task)
{
    return task->left == 0 ? 1 : task->left;
}

/* Each with a chance in proportion to what it has left: so all interleavings of what is left are
 * equally likely, where a step of each is as long as that of another. */
static struct wal_task *by_what_is_left(struct sim_world *world, bool may_stay)
{
    struct scheduler *scheduler = &world->process->scheduler;
    unsigned count = scheduler->ready_count + (may_stay ? 1U : 0U), i = 0;
    uint32_t total = 0;

    for (unsigned j = 0; j < count; j++) total += left_of(ready_at(scheduler, j));
    uint32_t at = decide_below(draw(world), total);
    for (; at >= left_of(ready_at(scheduler, i)); i++) at -= left_of(ready_at(scheduler, i));
    return ready_at(scheduler, i);
}

struct wal_task *policy_propose(struct sim_world *world, bool may_stay)
{
    switch (world->options.policy) {
    case SIM_POLICY_PCT: return by_priority(world, may_stay);
    case SIM_POLICY_STICKY:
        if (may_stay && draw(world) % 10 < STICKY_KEEPS) return world->process->scheduler.current;
        return uniform(world, false);
    case SIM_POLICY_RANDOM: return uniform(world, may_stay);
    case SIM_POLICY_URW: return by_what_is_left(world, may_stay);
    case SIM_POLICY_ROUND_ROBIN: return ready_at(&world->process->scheduler, 0);
    case SIM_POLICY_FIRST: break;
    }
    assert(0 && "not a policy that proposes");
    return NULL;
}
