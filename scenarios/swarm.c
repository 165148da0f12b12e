/*
 * swarm.c - what the seed draws before a run begins: sizes, the disk, the policy, which faults and
 * operations exist at all, and the list of operations.
 *
 * Swarm testing: in most seeds each operation and each fault is off altogether with a chance that
 * is itself drawn, since what a mixture of everything dilutes shows where little happens. These
 * draws are the generator; they are not decisions. Each is a hash of (seed, label, number), so
 * that one does not move the others.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios/run.h"

static uint64_t label_hash(const char *label)
{
    uint64_t hash = 0xcbf29ce484222325U;

    for (const char *p = label; *p != '\0'; p++) hash = (hash ^ (uint8_t)*p) * 0x100000001b3U;
    return hash;
}

uint64_t run_entropy(const struct runner *runner, const char *label, uint64_t number)
{
    return sim_mix(runner->options->seed, label_hash(label), number);
}

static uint64_t draw(const struct runner *runner, const char *label, const struct range *range)
{
    return range_draw(range, run_entropy(runner, label, 0));
}

static bool percent(const struct runner *runner, const char *label, uint64_t number,
                    uint32_t chance)
{
    return run_entropy(runner, label, number) % 100 < chance;
}

static uint32_t weighted(const uint32_t *weights, uint32_t count, uint64_t entropy)
{
    uint64_t total = 0;

    for (uint32_t i = 0; i < count; i++) total += weights[i];
    assert(total > 0);
    uint64_t at = entropy % total;
    for (uint32_t i = 0;; i++) {
        if (at < weights[i]) return i;
        at -= weights[i];
    }
}

static void draw_log(struct runner *runner)
{
    const struct scenario *scenario = runner->scenario;
    struct wal_options *log = &runner->config.log;

    *log = wal_options_default();
    log->create = true;
    log->observe = run_observe;
    log->observe_context = runner;
    log->block_bytes = (uint32_t)draw(runner, "block-bytes", &scenario->block_bytes);
    log->segment_bytes = draw(runner, "segment-bytes", &scenario->segment_bytes);
    log->queue_bytes = (uint32_t)draw(runner, "queue-bytes", &scenario->queue_bytes);
    uint64_t smallest = log->queue_bytes + 2 * (uint64_t)log->block_bytes + SEGMENT_HEAD_BYTES;
    if (log->segment_bytes < smallest) log->segment_bytes = smallest;
    log->record_bytes_max = log->queue_bytes - 32;
    log->batch_bytes_max = log->queue_bytes - 32;
    log->first_segment = draw(runner, "first-segment", &scenario->first_segment);
    log->first_lsn = draw(runner, "first-lsn", &scenario->first_lsn);
    log->verify_all = draw(runner, "verify-all", &scenario->verify_all) != 0;
    log->sync_policy = draw(runner, "sync-policy", &scenario->sync_policy) == 0
                           ? WAL_SYNC_EVERY_GROUP
                           : WAL_SYNC_ON_DEMAND;
    switch (draw(runner, "mark-policy", &scenario->mark_policy)) {
    case 0: log->mark_policy = WAL_MARK_INTERVAL; break;
    case 1: log->mark_policy = WAL_MARK_EVERY_GROUP; break;
    default: log->mark_policy = WAL_MARK_EVERY_SYNCED; break;
    }
}

static bool fault_wanted(const struct runner *runner, const struct fault *fault)
{
    const struct run_options *options = runner->options;

    if (!runner->scenario->faults[fault->number]) return false;
    if (options->faults_only != NULL && !options->faults_only[fault->number]) return false;
    return options->faults_without == NULL || !options->faults_without[fault->number];
}

/* A failed sync does one thing on one disk: the profile's, or one of those it may be. */
static void draw_fsync_failure(struct runner *runner)
{
    uint32_t weights[4];
    static const uint32_t fault_of[] = {[DISK_FSYNC_NEW_IN_CACHE] = 8,
                                        [DISK_FSYNC_LATE] = 9,
                                        [DISK_FSYNC_REVERT] = 10,
                                        [DISK_FSYNC_CLEAN] = 8};
    struct fault_plan *plan = &runner->plan;

    for (uint32_t i = 0; i < 4; i++) {
        weights[i] = runner->config.profile->fsync_failures >> i & 1;
    }
    plan->fsync_failure =
        (enum disk_fsync_failure)weighted(weights, 4, run_entropy(runner, "fsync-failure", 0));
    uint32_t mine = fault_of[plan->fsync_failure];
    for (uint32_t number = 8; number <= 10; number++) {
        if (number != mine) plan->odds[number] = 0;
    }
}

static void draw_faults(struct runner *runner, bool swarm)
{
    struct run_config *config = &runner->config;
    struct fault_plan *plan = &runner->plan;
    uint32_t off = swarm ? (uint32_t)(run_entropy(runner, "fault-off", 0) % 100) : 0;

    memset(plan, 0, sizeof *plan);
    for (size_t i = 0; i < faults_count; i++) {
        const struct fault *fault = &faults_all[i];
        uint64_t entropy = run_entropy(runner, "fault", fault->number);

        if (!fault_wanted(runner, fault) || entropy % 100 < off) continue;
        uint32_t column = swarm ? 1 + (uint32_t)(entropy >> 32) % 3 : 2;
        plan->odds[fault->number] = fault->odds[column];
        config->image_modes |= fault->image_mode;
    }
    if (config->image_modes == 0) config->image_modes = 1;
    draw_fsync_failure(runner);
    config->alloc_odds = plan->odds[19];
    config->kill_odds = plan->odds[38];
    runner->media_left = percent(runner, "media", 0, swarm ? 40 : 100) ? 1 : 0;
    plan->durable_lsn = run_durable_lsn;
    plan->context = runner;
    fault_plan_arm(plan);
}

static void draw_mix(struct runner *runner, bool swarm)
{
    struct run_config *config = &runner->config;
    uint32_t off = swarm ? (uint32_t)(run_entropy(runner, "operation-off", 0) % 100) : 0;

    config->mix_total = 0;
    for (uint32_t i = 0; i < OPERATION_KIND_COUNT; i++) {
        config->mix[i] = runner->scenario->mix[i];
        if (percent(runner, "operation", i, off)) config->mix[i] = 0;
        config->mix_total += config->mix[i];
    }
    if (config->mix_total > 0) return;
    memcpy(config->mix, runner->scenario->mix, sizeof config->mix);
    config->mix_total = 1;
}

static void draw_operations(struct runner *runner)
{
    struct run_config *config = &runner->config;

    if (runner->operation_capacity < config->operations + 1) {
        runner->operation_capacity = config->operations + 1;
        free(runner->operations);
        free(runner->begun);
        runner->operations = calloc(runner->operation_capacity, sizeof *runner->operations);
        runner->begun = calloc(runner->operation_capacity, sizeof *runner->begun);
        assert(runner->operations != NULL);
        assert(runner->begun != NULL);
    }
    memset(runner->begun, 0, runner->operation_capacity);
    /* Behind the last one: the probe, when faults have stopped. */
    runner->operations[config->operations] = (struct operation){
        .kind = OPERATION_APPEND, .records = 1, .entropy = run_entropy(runner, "probe", 0)};
    for (uint32_t i = 0; i < config->operations; i++) {
        uint64_t entropy = run_entropy(runner, "op", i);
        struct operation *operation = &runner->operations[i];

        operation->kind =
            (enum operation_kind)weighted(config->mix, OPERATION_KIND_COUNT, entropy & UINT32_MAX);
        operation->client = (uint32_t)(entropy >> 32) % config->clients;
        operation->entropy = sim_mix(entropy, i, 1);
        operation->records = 1;
        if (operation->kind == OPERATION_BATCH || operation->kind == OPERATION_BATCH_ASYNC) {
            operation->records =
                (uint32_t)range_draw(&runner->scenario->batch_records, sim_mix(entropy, i, 2));
        }
    }
}

void run_draw(struct runner *runner)
{
    const struct scenario *scenario = runner->scenario;
    struct run_config *config = &runner->config;
    bool swarm = percent(runner, "swarm", 0, scenario->swarm_percent);

    memset(config, 0, sizeof *config);
    config->profile = runner->options->profile;
    if (config->profile == NULL) {
        config->profile =
            scenario->profiles[run_entropy(runner, "profile", 0) % scenario->profile_count];
    }
    config->operations = (uint32_t)draw(runner, "operations", &scenario->operations);
    config->clients = (uint32_t)draw(runner, "clients", &scenario->clients);
    config->end_power_off = percent(runner, "end", 0, scenario->end_power_off_percent);
    config->crash_odds = (uint32_t)draw(runner, "crash-odds", &scenario->crash_odds);
    config->crashes_max = (uint32_t)draw(runner, "crashes-max", &scenario->crashes_max);
    config->fsync_ns = draw(runner, "fsync-ns", &scenario->fsync_ns);
    config->policy =
        (enum sim_policy)weighted(scenario->policy, POLICY_COUNT, run_entropy(runner, "policy", 0));
    config->switch_odds = 65536 / (uint32_t)(4 + run_entropy(runner, "switch", 0) % 60);
    draw_log(runner);
    draw_faults(runner, swarm);
    draw_mix(runner, swarm);
    draw_operations(runner);
}
