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
#include <string.h>

#include "scenarios/run.h"

enum { FAULT_COPIED = 49, MANY_MIN = 400, MANY_QUEUE_BYTES = 24 * 1024, LOOK_ON_MAX_NS = 1000000 };

static uint64_t label_hash(const char *label)
{
    uint64_t hash = 0xcbf29ce484222325U;

    for (const char *p = label; *p != '\0'; p++) hash = (hash ^ (uint8_t)*p) * 0x100000001b3U;
    return hash;
}

/* Where many are drawn under one label, it is hashed once. */
static uint64_t entropy_of(const struct runner *runner, uint64_t label, uint64_t number)
{
    return sim_mix(runner->options->seed, label, number);
}

uint64_t run_entropy(const struct runner *runner, const char *label, uint64_t number)
{
    return entropy_of(runner, label_hash(label), number);
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

static uint64_t sum_of(const uint32_t *weights, uint32_t count)
{
    uint64_t total = 0;

    for (uint32_t i = 0; i < count; i++) total += weights[i];
    return total;
}

/* `total`: what all of them add up to. */
static uint32_t weighted_of(const uint32_t *weights, uint64_t total, uint64_t entropy)
{
    assert(total > 0);
    uint64_t at = entropy % total;
    for (uint32_t i = 0;; i++) {
        if (at < weights[i]) return i;
        at -= weights[i];
    }
}

static uint32_t weighted(const uint32_t *weights, uint32_t count, uint64_t entropy)
{
    return weighted_of(weights, sum_of(weights, count), entropy);
}

/* Seeds with APPEND_MANY. */
static bool has_many(const struct runner *runner)
{
    return percent(runner, "many", 0, runner->scenario->many_percent);
}

static void draw_log(struct runner *runner)
{
    const struct scenario *scenario = runner->scenario;
    struct case_config *config = &runner->config;

    config->block_bytes = (uint32_t)draw(runner, "block-bytes", &scenario->block_bytes);
    config->segment_bytes = draw(runner, "segment-bytes", &scenario->segment_bytes);
    config->queue_bytes = (uint32_t)draw(runner, "queue-bytes", &scenario->queue_bytes);
    if (has_many(runner) && config->queue_bytes < MANY_QUEUE_BYTES) {
        config->queue_bytes = MANY_QUEUE_BYTES;
    }
    uint64_t smallest =
        config->queue_bytes + 2 * (uint64_t)config->block_bytes + CASE_SEGMENT_HEAD_BYTES;
    if (config->segment_bytes < smallest) config->segment_bytes = smallest;
    config->first_segment = draw(runner, "first-segment", &scenario->first_segment);
    config->first_lsn = draw(runner, "first-lsn", &scenario->first_lsn);
    config->verify_all = draw(runner, "verify-all", &scenario->verify_all) != 0;
    config->preallocate = draw(runner, "preallocate", &scenario->preallocate) != 0;
    config->spares = (uint32_t)draw(runner, "spares", &scenario->spares);
    config->io_mode = (uint32_t)draw(runner, "io-mode", &scenario->io_mode);
    config->sync_policy =
        WAL_SYNC_EVERY_GROUP + (uint32_t)draw(runner, "sync-policy", &scenario->sync_policy);
    config->sync_interval_ns = draw(runner, "sync-interval-ns", &scenario->sync_interval_ns);
    config->stop_on_rollback =
        (uint32_t)draw(runner, "stop-on-rollback", &scenario->stop_on_rollback);
    static const enum wal_mark_policy marks[] = {WAL_MARK_INTERVAL, WAL_MARK_EVERY_GROUP,
                                                 WAL_MARK_EVERY_SYNCED};
    config->mark_policy = marks[draw(runner, "mark-policy", &scenario->mark_policy)];
}

/* As far as the options go. */
static bool fault_allowed(const struct runner *runner, uint32_t number)
{
    const struct run_options *options = runner->options;

    if (options->faults_only != NULL && !options->faults_only[number]) return false;
    return options->faults_without == NULL || !options->faults_without[number];
}

/* A row that goes with another one exists where that one does, or if it is named itself. */
static bool fault_wanted(const struct runner *runner, const struct fault *fault)
{
    const struct run_options *options = runner->options;
    const bool *listed = runner->scenario->faults;
    uint32_t own = fault->number, other = fault->with != 0 ? fault->with : own;

    if (!listed[own] && !listed[other]) return false;
    if (options->faults_without != NULL &&
        (options->faults_without[own] || options->faults_without[other])) {
        return false;
    }
    return options->faults_only == NULL || options->faults_only[own] || options->faults_only[other];
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
    runner->config.fsync_failure = weighted(weights, 4, run_entropy(runner, "fsync-failure", 0));
    plan->fsync_failure = (enum disk_fsync_failure)runner->config.fsync_failure;
    uint32_t mine = fault_of[plan->fsync_failure];
    for (uint32_t number = 8; number <= 10; number++) {
        if (number != mine) plan->odds[number] = 0;
    }
}

/* F28. Small ones make many, so they are rare. */
static uint32_t draw_chunk(const struct runner *runner)
{
    static const uint32_t chunk_bytes[] = {0, 8, 512, 4096}; /* 0: the profile's. */
    static const uint32_t weights[] = {4, 1, 3, 3};

    return chunk_bytes[weighted(weights, 4, run_entropy(runner, "chunk-bytes", 0))];
}

static void draw_faults(struct runner *runner, bool swarm)
{
    struct case_config *config = &runner->config;
    struct fault_plan *plan = &runner->plan;
    uint32_t off = swarm ? (uint32_t)(run_entropy(runner, "fault-off", 0) % 100) : 0;

    const uint64_t label = label_hash("fault");
    memset(plan, 0, sizeof *plan);
    for (size_t i = 0; i < faults_count; i++) {
        const struct fault *fault = &faults_all[i];
        uint32_t draws_as = fault->with != 0 ? fault->with : fault->number;

        if (!fault_wanted(runner, fault) || !fault_possible(fault, config->profile)) continue;
        uint64_t entropy = entropy_of(runner, label, draws_as);
        if (entropy % 100 < off) continue;
        uint32_t column = swarm ? 1 + (uint32_t)(entropy >> 32) % 3 : 2;
        plan->odds[fault->number] = fault->odds[column];
        config->image_modes |= fault->image_mode;
    }
    if (config->image_modes == 0) config->image_modes = 1;
    draw_fsync_failure(runner);
    runner->odds.alloc = plan->odds[19];
    runner->odds.kill = plan->odds[38];
    runner->odds.spare_boots = plan->odds[37] == 0;
    config->chunk_bytes = plan->odds[28] == 0 ? 0 : draw_chunk(runner);
    if (percent(runner, "burst", 0, runner->scenario->burst_percent)) {
        plan->burst_calls = 16U << run_entropy(runner, "burst-calls", 0) % 5;
    }
    config->media_max = percent(runner, "media", 0, swarm ? 40 : 100) ? 1 : 0;
}

/* Weights of operations in this run. */
static void draw_mix(const struct runner *runner, bool swarm, uint32_t mix[OPERATION_KIND_COUNT])
{
    uint32_t off = swarm ? (uint32_t)(run_entropy(runner, "operation-off", 0) % 100) : 0;
    uint32_t total = 0;

    for (uint32_t i = 0; i < OPERATION_KIND_COUNT; i++) {
        bool away = percent(runner, "operation", i, off);
        mix[i] = away ? 0 : runner->scenario->mix[i];
        total += mix[i];
    }
    if (!has_many(runner)) total -= mix[OPERATION_APPEND_MANY];
    if (total == 0 || total == mix[OPERATION_COPY]) {
        memcpy(mix, runner->scenario->mix, sizeof runner->scenario->mix);
    }
    if (!fault_allowed(runner, FAULT_COPIED)) mix[OPERATION_COPY] = 0;
    if (!has_many(runner)) mix[OPERATION_APPEND_MANY] = 0;
}

/* A group has to fit the queue, with the headers of its records. */
static void draw_lengths(const struct runner *runner, struct operation *operation, uint64_t entropy)
{
    uint32_t left = runner->config.queue_bytes - 64;

    for (uint32_t i = 0; i < operation->records; i++) {
        uint32_t len =
            (uint32_t)range_draw(&runner->scenario->record_bytes, sim_mix(entropy, i, 3));
        uint32_t rest = (operation->records - i - 1) * 24;

        if (len + 24 + rest > left) len = left > 24 + rest ? left - 24 - rest : 0;
        left -= len + 24 < left ? len + 24 : left;
        operation->lengths[i] = len;
    }
}

/* What is the same for all operations of a run, drawn once. */
struct habit {
    bool rows, log_content, optional;
    uint64_t row, content, optional_operation; /* Labels. */
};

static struct habit draw_habit(const struct runner *runner)
{
    const struct scenario *scenario = runner->scenario;

    return (struct habit){
        .rows = percent(runner, "rows", 0, scenario->row_percent),
        .log_content = percent(runner, "log-content", 0, scenario->log_content_percent),
        .optional = percent(runner, "optional", 0, scenario->optional_percent),
        .row = label_hash("row"),
        .content = label_hash("content"),
        .optional_operation = label_hash("optional-operation"),
    };
}

/* Where there is one such payload there are many: they have to meet a crash, and soon. */
static enum operation_content draw_content(const struct runner *runner, const struct habit *habit,
                                           uint32_t number)
{
    if (habit->optional && entropy_of(runner, habit->optional_operation, number) % 100 < 30) {
        return CONTENT_OPTIONAL;
    }
    if (habit->rows && entropy_of(runner, habit->row, number) % 100 < 75) return CONTENT_ROW;
    if (!habit->log_content) return CONTENT_NOISE;
    return (enum operation_content)(entropy_of(runner, habit->content, number) % CONTENT_ROW);
}

/* About as long as a sync takes, or until it is cancelled. */
static uint64_t draw_patience_ns(uint64_t entropy)
{
    static const uint64_t most_ns[] = {1, 1000, 100000, 2000000};

    return (entropy & UINT32_MAX) % most_ns[(entropy >> 32) % 4];
}

static uint64_t draw_argument(const struct scenario *scenario, enum operation_kind kind,
                              uint64_t entropy)
{
    if (kind == OPERATION_IDLE) return range_draw(&scenario->idle_ns, entropy);
    if (kind == OPERATION_TRUNCATE) return range_draw(&scenario->truncate_back, entropy);
    if (kind == OPERATION_TRUNCATE_WATCHED) {
        uint64_t back = range_draw(&scenario->truncate_back, entropy) % RUN_WATCHED_BACK;
        return (entropy >> 32) % LOOK_ON_MAX_NS * RUN_WATCHED_BACK + back;
    }
    if (kind == OPERATION_PRUNE) return range_draw(&scenario->prune_keep, entropy);
    if (kind == OPERATION_PIN) return range_draw(&scenario->pin_back, entropy);
    if (kind == OPERATION_APPEND_UNTIL) return draw_patience_ns(entropy);
    if (kind == OPERATION_APPEND_OVER) return entropy >> 32 & 1;
    if (kind == OPERATION_APPEND_MANY) {
        return MANY_MIN + (entropy >> 32) % (OPERATION_MANY_MAX / 2 - MANY_MIN);
    }
    return entropy >> 32;
}

static struct operation draw_operation(const struct runner *runner, const struct habit *habit,
                                       uint32_t number, enum operation_kind kind, uint64_t entropy)
{
    const struct scenario *scenario = runner->scenario;
    struct operation operation = {.kind = kind,
                                  .number = number,
                                  .client = (uint32_t)(entropy >> 32) % runner->config.clients,
                                  .records = 1};
    uint64_t own = sim_mix(entropy, number, 1);

    operation.noise = own;
    operation.argument = draw_argument(scenario, kind, own);
    if (kind == OPERATION_BATCH || kind == OPERATION_BATCH_ASYNC) {
        operation.records =
            (uint32_t)range_draw(&scenario->batch_records, sim_mix(entropy, number, 2));
    }
    draw_lengths(runner, &operation, own);
    operation.content = draw_content(runner, habit, number);
    return operation;
}

/* Who pins what another prunes has to come at the right moment: so half of the prunes are followed
 * by such a pin of another client, where there is one. */
static void draw_company(const struct runner *runner, const struct habit *habit,
                         const uint32_t *mix, uint32_t i, uint64_t entropy)
{
    struct operation *operation = &runner->operations[i];
    uint32_t clients = runner->config.clients;

    if (i == 0 || clients == 1 || mix[OPERATION_PIN] == 0) return;
    if (runner->operations[i - 1].kind != OPERATION_PRUNE || (entropy >> 40 & 1) != 0) return;
    *operation = draw_operation(runner, habit, i, OPERATION_PIN, entropy);
    operation->client = (runner->operations[i - 1].client + 1) % clients;
    operation->argument = runner->operations[i - 1].argument + 1 + (entropy >> 41 & 3);
}

static void draw_operations(struct runner *runner, bool swarm)
{
    uint32_t count = (uint32_t)draw(runner, "operations", &runner->scenario->operations);
    uint32_t mix[OPERATION_KIND_COUNT];

    draw_mix(runner, swarm, mix);
    const uint64_t total = sum_of(mix, OPERATION_KIND_COUNT);
    const struct habit habit = draw_habit(runner);
    const uint64_t label = label_hash("op");
    run_reserve_operations(runner, count);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t entropy = entropy_of(runner, label, i);
        enum operation_kind kind =
            (enum operation_kind)weighted_of(mix, total, entropy & UINT32_MAX);
        runner->operations[i] = draw_operation(runner, &habit, i, kind, entropy);
        draw_company(runner, &habit, mix, i, entropy);
    }
    runner->operations[count] = run_probe_operation(count);
}

void run_draw(struct runner *runner)
{
    const struct scenario *scenario = runner->scenario;
    struct case_config *config = &runner->config;
    struct run_odds *odds = &runner->odds;
    bool swarm = percent(runner, "swarm", 0, scenario->swarm_percent);

    memset(config, 0, sizeof *config);
    config->profile = runner->options->profile;
    if (config->profile == NULL) {
        config->profile =
            scenario->profiles[run_entropy(runner, "profile", 0) % scenario->profile_count];
    }
    config->clients = (uint32_t)draw(runner, "clients", &scenario->clients);
    config->end_power_off = percent(runner, "end", 0, scenario->end_power_off_percent);
    config->fsync_ns = draw(runner, "fsync-ns", &scenario->fsync_ns);
    config->still_time = (uint32_t)draw(runner, "still-time", &scenario->still_time);
    odds->crash = (uint32_t)draw(runner, "crash-odds", &scenario->crash_odds);
    odds->crashes_max = (uint32_t)draw(runner, "crashes-max", &scenario->crashes_max);
    odds->policy = (enum sim_policy)weighted(scenario->policy, SIM_POLICY_COUNT,
                                             run_entropy(runner, "policy", 0));
    if (runner->options->policy != NULL) odds->policy = *runner->options->policy;
    odds->switch_odds = 65536 / (uint32_t)(4 + run_entropy(runner, "switch", 0) % 60);
    draw_log(runner);
    draw_faults(runner, swarm);
    draw_operations(runner, swarm);
}
