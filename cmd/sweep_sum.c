/*
 * sweep_sum.c - sums over seeds that do not depend on the order, and what states are made of.
 */
#include <string.h>

#include "cmd/sweep_shared.h"
#include "properties/property.h"

void sweep_digest_add(struct sim_digest *sum, struct sim_digest digest)
{
    sum->low += digest.low;
    sum->high += digest.high + (sum->low < digest.low ? 1 : 0);
}

void sweep_tally_add(struct sweep_tally *sum, const struct sweep_tally *tally)
{
    sum->seeds += tally->seeds;
    sum->failures += tally->failures;
    sum->crashes += tally->crashes;
    sum->boots += tally->boots;
    sum->operations += tally->operations;
    sum->images += tally->images;
    sum->log_bytes += tally->log_bytes;
    sum->sim_ns += tally->sim_ns;
    sum->busy_ns += tally->busy_ns;
    sweep_digest_add(&sum->digest, tally->digest);
    sum->last = tally->last;
}

struct sim_digest sweep_seed_digest(const struct scenario *scenario, uint64_t seed,
                                    int32_t property, struct sim_digest digest)
{
    uint64_t name = 0;

    for (const char *c = scenario_name(scenario); *c != '\0'; c++) {
        name = sim_mix(name, (unsigned char)*c, 0);
    }
    uint64_t who = sim_mix(name, seed, (uint64_t)(uint32_t)property);
    return (struct sim_digest){.low = sim_mix(who, digest.low, digest.high),
                               .high = sim_mix(digest.high, who, digest.low)};
}

uint64_t sweep_part_seed(const struct sweep_part *part, uint64_t position)
{
    if (part->cases != NULL) return part->cases[position].seed;
    if (part->list != NULL) return part->list[position];
    return part->first + position * part->stride;
}

const struct sweep_state *sweep_slot_state(const struct sweep_slot *slot)
{
    return &slot->states[atomic_load_explicit(&slot->current, memory_order_acquire)];
}

void sweep_slot_publish(struct sweep_slot *slot, const struct sweep_state *state)
{
    uint32_t other = 1 - atomic_load_explicit(&slot->current, memory_order_relaxed);

    slot->states[other] = *state;
    atomic_store_explicit(&slot->current, other, memory_order_release);
}

void sweep_count_failure(struct sweep_shared *shared, const struct sweep *sweep, uint32_t part)
{
    uint32_t max = sweep->parts[part].failures_max;
    uint32_t failures = atomic_fetch_add(&shared->parts[part].failures, 1) + 1;

    if (max != 0 && failures >= max) atomic_store(&shared->parts[part].stop, true);
}

const char *sweep_failure_property(const struct sweep_failure *failure)
{
    return failure->property == SWEEP_WORKER ? "worker" : properties_all[failure->property]->name;
}

const char *sweep_failure_claim(const struct sweep_failure *failure)
{
    if (failure->property == SWEEP_WORKER) return "A run ends by itself within its process.";
    return properties_all[failure->property]->claim;
}
