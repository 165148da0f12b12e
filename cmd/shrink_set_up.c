/*
 * shrink_set_up.c - a tamer set-up: everything, one field after the other, and the disk.
 */
#include "cmd/set_up.h"
#include "cmd/shrink_pass.h"
#include "scenarios/case_keys.h"

static void stricter_disk(struct shrink *shrink)
{
    const uint32_t now = set_up_laxity(shrink->best.config.profile);

    for (uint32_t laxity = 0; laxity < now; laxity++) {
        for (size_t i = 0; i < disk_profile_count; i++) {
            if (set_up_laxity(&disk_profiles[i]) != laxity) continue;
            shrink_draft(shrink)->config.profile = &disk_profiles[i];
            if (shrink_attempt(shrink)) return;
        }
    }
}

static void tamer_field(struct shrink *shrink, const struct case_key *key)
{
    const struct case_config tame = case_config_tame();
    const uint64_t value = case_get(&tame, key);

    if (case_get(&shrink->best.config, key) == value) return;
    case_set(&shrink_draft(shrink)->config, key, value);
    (void)shrink_attempt(shrink);
}

/* Small segments hold small queues: the one cannot be tame without the other. */
static void tamer_sizes(struct shrink *shrink)
{
    const struct case_config tame = case_config_tame();
    struct case_config *config = &shrink_draft(shrink)->config;

    config->block_bytes = tame.block_bytes;
    config->segment_bytes = tame.segment_bytes;
    config->queue_bytes = tame.queue_bytes;
    (void)shrink_attempt(shrink);
}

void shrink_set_up(struct shrink *shrink)
{
    struct run_case *draft = shrink_draft(shrink);
    const struct disk_profile *profile = draft->config.profile;

    draft->config = case_config_tame();
    if (!shrink_attempt(shrink)) {
        draft = shrink_draft(shrink);
        const uint32_t clients = draft->config.clients;
        draft->config = case_config_tame();
        draft->config.profile = profile;
        draft->config.clients = clients;
        (void)shrink_attempt(shrink);
    }
    tamer_sizes(shrink);
    for (size_t i = 0; i < case_key_count; i++) tamer_field(shrink, &case_keys[i]);
    stricter_disk(shrink);
}
