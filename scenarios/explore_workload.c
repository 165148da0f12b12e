/*
 * explore_workload.c - which workloads there are: set-ups, and the letters of their sequences.
 *
 * A set-up is one profile and one alternative of each range of [log], of which the lower end is
 * taken. Waited appends come in every size; batches and appends that nobody waits for in two, one
 * byte and what fills a block, because the others make the same shapes.
 */
#include <assert.h>
#include <string.h>

#include "scenarios/explore_internal.h"
#include "wal/log/format.h"

enum { HEAD_BYTES = WAL_GROUP_HEADER_BYTES + WAL_RECORD_HEADER_BYTES };

/* ---- Set-ups ---- */

/* Takes a digit of *number. */
static uint64_t alternative(const struct range *range, uint32_t *number)
{
    uint32_t i = *number % range->count;

    *number /= range->count;
    return range->low[i];
}

uint32_t explore_setups(const struct scenario *scenario)
{
    const struct range *ranges[] = {&scenario->block_bytes, &scenario->segment_bytes,
                                    &scenario->queue_bytes, &scenario->sync_policy,
                                    &scenario->mark_policy, &scenario->verify_all,
                                    &scenario->preallocate, &scenario->io_mode,
                                    &scenario->first_lsn,   &scenario->first_segment};
    uint32_t setups = scenario->profile_count;

    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) setups *= ranges[i]->count;
    return setups;
}

static uint32_t image_modes(const struct scenario *scenario)
{
    uint32_t modes = 0;

    for (size_t i = 0; i < faults_count; i++) {
        if (scenario->faults[faults_all[i].number]) modes |= faults_all[i].image_mode;
    }
    return modes != 0 ? modes : 1;
}

static struct case_config set_up(const struct scenario *scenario, uint32_t setup)
{
    struct case_config config = case_config_tame();

    config.profile = scenario->profiles[setup % scenario->profile_count];
    setup /= scenario->profile_count;
    config.block_bytes = (uint32_t)alternative(&scenario->block_bytes, &setup);
    config.segment_bytes = alternative(&scenario->segment_bytes, &setup);
    config.queue_bytes = (uint32_t)alternative(&scenario->queue_bytes, &setup);
    config.sync_policy =
        WAL_SYNC_EVERY_GROUP + (uint32_t)alternative(&scenario->sync_policy, &setup);
    config.sync_interval_ns = range_min(&scenario->sync_interval_ns);
    config.stop_on_rollback = (uint32_t)range_min(&scenario->stop_on_rollback);
    config.mark_policy = (uint32_t)alternative(&scenario->mark_policy, &setup);
    config.verify_all = (uint32_t)alternative(&scenario->verify_all, &setup);
    config.preallocate = (uint32_t)alternative(&scenario->preallocate, &setup);
    config.io_mode = (uint32_t)alternative(&scenario->io_mode, &setup);
    config.first_lsn = alternative(&scenario->first_lsn, &setup);
    config.first_segment = alternative(&scenario->first_segment, &setup);
    uint64_t smallest =
        config.queue_bytes + 2 * (uint64_t)config.block_bytes + CASE_SEGMENT_HEAD_BYTES;
    if (config.segment_bytes < smallest) config.segment_bytes = smallest;
    config.clients = (uint32_t)range_min(&scenario->clients);
    config.fsync_ns = range_min(&scenario->fsync_ns);
    config.image_modes = image_modes(scenario);
    config.media_max = 0;
    while ((config.profile->fsync_failures >> config.fsync_failure & 1) == 0) {
        config.fsync_failure++;
    }
    return config;
}

/* ---- Letters ---- */

static uint32_t used_bytes(uint32_t len)
{
    return WAL_RECORD_HEADER_BYTES +
           (len + WAL_RECORD_ALIGN - 1) / WAL_RECORD_ALIGN * WAL_RECORD_ALIGN;
}

static bool fits(const struct case_config *config, const struct explore_letter *letter)
{
    uint32_t used = 64; /* As case_invalid counts. */

    for (uint32_t i = 0; i < letter->records; i++) used += letter->lengths[i] + (i > 0 ? 24U : 0U);
    return used <= config->queue_bytes;
}

static bool same_letter(const struct explore_letter *a, const struct explore_letter *b)
{
    return a->kind == b->kind && a->size == b->size && a->records == b->records &&
           a->argument == b->argument && memcmp(a->lengths, b->lengths, sizeof a->lengths) == 0;
}

static void add(struct explore_alphabet *alphabet, const struct explore_letter *letter)
{
    if (!fits(&alphabet->config, letter)) return;
    for (uint32_t i = 0; i < alphabet->count; i++) {
        if (same_letter(&alphabet->letters[i], letter)) return;
    }
    assert(alphabet->count < EXPLORE_LETTERS_MAX);
    alphabet->letters[alphabet->count++] = *letter;
}

static void add_one(struct explore_alphabet *alphabet, enum operation_kind kind, uint32_t len)
{
    add(alphabet, &(struct explore_letter){.kind = kind, .records = 1, .lengths = {len}});
}

/* The first record of this length, the others of one byte. */
static void add_batch(struct explore_alphabet *alphabet, enum operation_kind kind, uint32_t records,
                      uint32_t len)
{
    struct explore_letter letter = {.kind = kind, .records = records, .lengths = {len}};

    for (uint32_t i = 1; i < records; i++) letter.lengths[i] = 1;
    add(alphabet, &letter);
}

/* A record of this length fills its block. */
static uint32_t exact(const struct case_config *config)
{
    return config->block_bytes > HEAD_BYTES ? config->block_bytes - HEAD_BYTES : WAL_RECORD_ALIGN;
}

static void add_rest(struct explore_alphabet *alphabet)
{
    add(alphabet, &(struct explore_letter){
                      .kind = OPERATION_APPEND, .size = EXPLORE_SIZE_REST, .records = 1});
}

static void add_appends(const struct explore_plan *plan, struct explore_alphabet *alphabet,
                        enum operation_kind kind, bool all)
{
    uint32_t full = exact(&alphabet->config);
    const uint32_t edges[] = {1, full, 0, full - 1, full + 1};

    for (uint32_t i = 0; plan->edges && i < (all ? 5 : 2); i++) add_one(alphabet, kind, edges[i]);
    for (uint32_t i = 0; i < plan->size_count; i++) add_one(alphabet, kind, plan->sizes[i]);
    if (plan->edges && all) add_rest(alphabet);
}

static void add_batches(const struct scenario *scenario, struct explore_alphabet *alphabet,
                        enum operation_kind kind)
{
    const struct explore_plan *plan = &scenario->explore;
    uint32_t records = (uint32_t)range_min(&scenario->batch_records);

    if (plan->edges) {
        add_batch(alphabet, kind, records, 1);
        add_batch(alphabet, kind, records, exact(&alphabet->config));
    }
    for (uint32_t i = 0; i < plan->size_count; i++) {
        add_batch(alphabet, kind, records, plan->sizes[i]);
    }
}

static void add_plain(const struct scenario *scenario, struct explore_alphabet *alphabet,
                      enum operation_kind kind)
{
    struct explore_letter letter = {.kind = kind};

    if (kind == OPERATION_IDLE) letter.argument = range_min(&scenario->idle_ns);
    add(alphabet, &letter);
}

void explore_alphabet(const struct scenario *scenario, uint32_t setup,
                      struct explore_alphabet *ret_alphabet)
{
    ret_alphabet->config = set_up(scenario, setup);
    ret_alphabet->count = 0;
    for (unsigned i = 0; i < OPERATION_KIND_COUNT; i++) {
        enum operation_kind kind = (enum operation_kind)i;
        if (scenario->mix[i] == 0) continue;
        if (kind == OPERATION_BATCH || kind == OPERATION_BATCH_ASYNC) {
            add_batches(scenario, ret_alphabet, kind);
        } else if (operation_has_records(kind)) {
            add_appends(&scenario->explore, ret_alphabet, kind, kind == OPERATION_APPEND);
        } else {
            add_plain(scenario, ret_alphabet, kind);
        }
    }
}

/* ---- Spelling ---- */

static uint64_t padded(const struct case_config *config, const struct operation *operation)
{
    uint64_t bytes = WAL_GROUP_HEADER_BYTES, block = config->block_bytes;

    for (uint32_t i = 0; i < operation->records; i++) bytes += used_bytes(operation->lengths[i]);
    return (bytes + block - 1) / block * block;
}

/* Where the segment stands after these operations, if each append was a group of its own and
 * nobody interfered; 0: that is not so. */
static uint64_t offset_after(const struct run_case *run_case)
{
    const struct case_config *config = &run_case->config;
    uint64_t area = config->block_bytes > WAL_SEGMENT_HEADER_AREA_MIN ? config->block_bytes
                                                                      : WAL_SEGMENT_HEADER_AREA_MIN;
    uint64_t offset = area;

    if (config->clients > 1 || config->sync_policy != WAL_SYNC_EVERY_GROUP) return 0;
    for (uint32_t i = 0; i < run_case->operation_count; i++) {
        const struct operation *operation = &run_case->operations[i];
        switch (operation->kind) {
        case OPERATION_APPEND:
        case OPERATION_BATCH:
            if (offset + padded(config, operation) > config->segment_bytes) offset = area;
            offset += padded(config, operation);
            break;
        case OPERATION_WAIT:
        case OPERATION_SYNC:
        case OPERATION_READ:
        case OPERATION_READ_MAPPED:
        case OPERATION_FOLLOW:
        case OPERATION_IDLE:
        case OPERATION_POLL:
        case OPERATION_CANCEL:
        case OPERATION_APPEND_OVER:
        case OPERATION_PRUNE:
        case OPERATION_PIN:
        case OPERATION_UNPIN: break;
        case OPERATION_APPEND_MANY:
        case OPERATION_APPEND_ASYNC:
        case OPERATION_BATCH_ASYNC:
        case OPERATION_APPEND_NOTIFY:
        case OPERATION_APPEND_UNTIL:
        case OPERATION_POWER_OFF:
        case OPERATION_KILL:
        case OPERATION_REOPEN:
        case OPERATION_COPY:
        case OPERATION_TRUNCATE:
        case OPERATION_TRUNCATE_WATCHED:
        case OPERATION_KIND_COUNT: return 0;
        }
    }
    return offset;
}

/* The length of the record that fills the segment; 0: there is none that is not a letter anyway. */
static uint32_t rest_of_segment(const struct explore_alphabet *alphabet,
                                const struct run_case *run_case)
{
    const struct case_config *config = &run_case->config;
    uint64_t offset = offset_after(run_case);

    if (offset == 0 || offset >= config->segment_bytes) return 0;
    uint64_t rest = (config->segment_bytes - offset) / config->block_bytes * config->block_bytes;
    if (rest <= HEAD_BYTES || rest > config->queue_bytes) return 0;
    uint32_t len = (uint32_t)rest - HEAD_BYTES;
    for (uint32_t i = 0; i < alphabet->count; i++) {
        const struct explore_letter *letter = &alphabet->letters[i];
        if (letter->kind == OPERATION_APPEND && letter->lengths[0] == len) return 0;
    }
    return len;
}

bool explore_spell(const struct explore_alphabet *alphabet, const struct explore_letter *letter,
                   struct run_case *run_case)
{
    uint32_t number = run_case->operation_count;
    struct operation operation = {.kind = letter->kind,
                                  .number = number,
                                  .client = number % run_case->config.clients,
                                  .records = letter->records,
                                  .argument = letter->argument};

    memcpy(operation.lengths, letter->lengths, sizeof operation.lengths);
    if (letter->size == EXPLORE_SIZE_REST) {
        operation.lengths[0] = rest_of_segment(alphabet, run_case);
        if (operation.lengths[0] == 0) return false;
    }
    case_reserve(run_case, number + 1, 0, 0, 0);
    run_case->operations[run_case->operation_count++] = operation;
    return true;
}
