/*
 * set_up.c - how far a set-up is from the tamest one.
 */
#include "cmd/set_up.h"

#include "scenarios/case_keys.h"

uint32_t set_up_laxity(const struct disk_profile *profile)
{
    const bool lax[] = {
        profile->size_before_data,
        profile->tail_lost,
        profile->tail_zero,
        profile->tail_garbage,
        profile->tail_stale,
        profile->torn_chunks,
        profile->overwrite_garbage,
        profile->negative,
        !profile->names_durable_at_once,
        profile->rename_may_split,
        profile->name_order == DISK_NAMES_SUBSET,
    };
    uint32_t count = 0;

    for (size_t i = 0; i < sizeof lax / sizeof lax[0]; i++) count += lax[i];
    return count;
}

bool set_up_allowed(const struct case_config *config)
{
    for (size_t i = 0; i < case_key_count; i++) {
        const uint64_t value = case_get(config, &case_keys[i]);
        if (value < case_keys[i].min || value > case_keys[i].max) return false;
    }
    return true;
}

uint64_t set_up_distance(const struct case_config *config)
{
    const struct case_config tame = case_config_tame();
    uint64_t distance = set_up_laxity(config->profile);

    for (size_t i = 0; i < case_key_count; i++) {
        distance += case_get(config, &case_keys[i]) != case_get(&tame, &case_keys[i]);
    }
    return distance;
}
