/*
 * run_begin.c - before the first process boots: all of the run before is forgotten, what this one
 * is made of is drawn, or taken from a case, and the machine is set up.
 *
 * A runner is used for seed after seed, and none may depend on the one before: so all that a run
 * knows is emptied as a whole, and what is left is memory. With junk that is filled, too, as fresh
 * memory is: who looks at what he has not written shows.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios/foreign.h"
#include "scenarios/run.h"

enum {
    STEPS_MAX = 2000000,        /* Calls of one process before it counts as livelocked. */
    BUMP_OPERATIONS_MAX = 1024, /* Runs so short that their processes take memory from a bump
                                   region: the allocator is a seventh of the cost of small ones. */
    RESUME_ODDS = 8192,         /* Calls at which a zombie goes on for a while. */
};

/* What the log is opened with. */
static void set_up_log(struct runner *runner)
{
    const struct case_config *config = &runner->config;
    struct wal_options *log = &runner->log;

    *log = wal_options_default();
    log->create = true;
    log->observe = run_observe;
    log->block_bytes = config->block_bytes;
    log->segment_bytes = config->segment_bytes;
    log->queue_bytes = config->queue_bytes;
    /* So that what is a byte over one of them would still fit the queue. */
    log->record_bytes_max = config->queue_bytes - 64;
    log->batch_bytes_max = config->queue_bytes - 88;
    log->first_segment = config->first_segment;
    log->first_lsn = config->first_lsn;
    log->verify_all = config->verify_all != 0;
    log->preallocate = config->preallocate != 0;
    log->spares = config->spares;
    if (config->block_bytes % config->profile->chunk_bytes == 0) {
        log->io_mode = (enum wal_io_mode)config->io_mode;
    }
    log->sync_policy = (enum wal_sync_policy)config->sync_policy;
    log->sync_interval_ns = config->sync_interval_ns;
    log->stop_on_rollback = config->stop_on_rollback != 0;
    log->mark_policy = (enum wal_mark_policy)config->mark_policy;
}

static void set_up_clients(struct runner *runner)
{
    for (uint32_t i = 0; i < 2 * runner->config.clients; i++) {
        struct run_client *client = &runner->clients[i % 2][i / 2];
        if (client->bytes_capacity >= runner->log.queue_bytes) continue;
        client->bytes_capacity = runner->log.queue_bytes;
        free(client->bytes);
        client->bytes = malloc(client->bytes_capacity);
        assert(client->bytes != NULL);
    }
}

static void begin_world(struct runner *runner)
{
    const struct run_options *options = runner->options;
    const struct case_config *config = &runner->config;
    const struct run_odds *odds = &runner->odds;
    struct sim_options sim = {
        .seed = options->replay != NULL ? options->replay->seed : options->seed,
        .replay = options->replay != NULL ? &runner->replay : NULL,
        .address_salt = options->address_salt,
        .profile = config->profile,
        .space_bytes = UINT64_MAX,
        .policy = odds->policy,
        .switch_odds = odds->switch_odds,
        .crash_odds = odds->crash,
        .kill_odds = odds->kill,
        .crashes_max = odds->crashes_max,
        .spare_boots = odds->spare_boots,
        .image_modes = config->image_modes,
        .chunk_bytes = config->chunk_bytes,
        .alloc_odds = odds->alloc,
        .resume_odds = runner->plan.odds[39] != 0 ? RESUME_ODDS : 0,
        .resume_spares_boots = true,
        .fsync_ns = config->fsync_ns,
        .still_time = config->still_time != 0,
        .wall_start_ns = UINT64_C(1700000000000000000),
        .steps_max = STEPS_MAX,
        .strike_calls = runner->plan.calls,
        .strike = fault_plan_strike,
        .strike_context = &runner->plan,
        .history = &runner->history,
        .junk = options->junk,
        .bump_memory = options->bump_memory != (runner->operation_count <= BUMP_OPERATIONS_MAX),
        .trace = options->trace,
        .trace_context = options->trace_context,
        .asked = options->asked,
        .asked_context = options->asked_context,
    };
    sim_world_begin(runner->world, &sim);
}

static void zero_from(void *object, size_t offset, size_t size)
{
    memset((uint8_t *)object + offset, 0, size - offset);
}

static void spoil_list(const struct record_list *list, uint8_t junk)
{
    if (list->capacity > 0) memset(list->records, junk, list->capacity * sizeof *list->records);
}

/* What is filled before it is looked at can hold anything before. */
static void spoil_memory(struct runner *runner, uint8_t junk)
{
    struct run_row *row = &runner->row;

    memset(row->values, junk, sizeof row->values);
    memset(row->pool, junk, sizeof row->pool);
    memset(row->changed, junk, sizeof row->changed);
    memset(runner->milestones, junk, sizeof runner->milestones);
    if (runner->operation_capacity > 0) {
        memset(runner->operations, junk, runner->operation_capacity * sizeof *runner->operations);
    }
    for (uint32_t i = 0; i < 2 * CLIENTS_MAX; i++) {
        struct run_client *client = &runner->clients[i % 2][i / 2];
        memset(client->tickets, junk, sizeof client->tickets);
        memset(client->notices, junk, sizeof client->notices);
        if (client->bytes_capacity > 0) memset(client->bytes, junk, client->bytes_capacity);
        spoil_list(&client->seen, junk);
    }
    spoil_list(&runner->observed[0], junk);
    spoil_list(&runner->observed[1], junk);
    spoil_list(&runner->seen, junk);
    spoil_list(&runner->seen_again, junk);
}

/* A run knows nothing of the one before. */
static void forget(struct runner *runner)
{
    zero_from(runner, offsetof(struct runner, config), sizeof *runner);
    for (uint32_t i = 0; i < 2 * CLIENTS_MAX; i++) {
        zero_from(&runner->clients[i % 2][i / 2], offsetof(struct run_client, ticket_count),
                  sizeof runner->clients[0][0]);
    }
    if (runner->options->junk != 0) spoil_memory(runner, runner->options->junk);
}

void run_begin(struct runner *runner)
{
    const struct run_options *options = runner->options;

    forget(runner);
    history_clear(&runner->history);
    property_suite_begin(runner->suite,
                         options->property_mask != 0 ? options->property_mask : UINT64_MAX);
    if (options->replay != NULL) {
        run_take_case(runner);
    } else {
        run_draw(runner);
    }
    for (uint32_t i = 0; i < runner->operation_count; i++) {
        if (runner->operations[i].content == CONTENT_ROW) runner->has_rows = true;
    }
    /* What a damaged sector held is told from the format, which only ours is known. */
    if (foreign_log_under_test == NULL) runner->plan.media_left = runner->config.media_max;
    runner->plan.durable_lsn = run_durable_lsn;
    runner->plan.phase = run_phase;
    runner->plan.context = runner;
    fault_plan_arm(&runner->plan);
    set_up_log(runner);
    set_up_clients(runner);
    begin_world(runner);
}
