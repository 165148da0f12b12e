/*
 * sweep_worker.c - a worker process of a sweep: takes chunks of seeds and runs them.
 *
 * A failure is sent before the seed counts as done: a worker killed in between reports it twice
 * rather than never.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/divergence.h"
#include "cmd/reach.h"
#include "cmd/squall.h"
#include "cmd/sweep_shared.h"
#include "cmd/trace_print.h"
#include "properties/property.h"

enum {
    SAMPLE_ONE_IN = 256, /* Seeds that are run twice, */
    SAMPLE_JUNK = 0xa5,  /* the second time with fresh memory filled with this. */
    CHUNK_MAX = 64,
};

static int32_t property_index(const struct property *property)
{
    int32_t index = 0;

    while (properties_all[index] != property) {
        assert(properties_all[index] != NULL);
        index++;
    }
    return index;
}

/* -1: there is none, or it is not asked. */
static int32_t determinism_index(const struct run_options *options)
{
    for (int32_t i = 0; properties_all[i] != NULL; i++) {
        if (strcmp(properties_all[i]->name, "determinism") != 0) continue;
        return options->property_mask == 0 || (options->property_mask >> i & 1) != 0 ? i : -1;
    }
    return -1;
}

static bool is_sampled(const struct sweep_part *part, uint64_t position, uint64_t seed)
{
    if (part->cases != NULL || part->list != NULL || position == 0) return true;
    return sim_mix(seed, SAMPLE_ONE_IN, SAMPLE_JUNK) % SAMPLE_ONE_IN == 0;
}

/* Every byte must leave: a failure that nobody reads of is the worst of all. */
static void send(const struct sweep_worker *worker, const struct sweep_failure *failure)
{
    ssize_t sent;

    do {
        sent = write(worker->failures_fd, failure, sizeof *failure);
    } while (sent < 0 && errno == EINTR);
    if (sent != (ssize_t)sizeof *failure) _exit(SQUALL_FAILED);
}

static void describe(const struct sweep_worker *worker, const struct run_result *result,
                     struct sweep_failure *failure)
{
    failure->property = property_index(result->property);
    failure->image = result->image;
    failure->events = runner_history(worker->runner)->count;
    if (result->image == 0) {
        (void)snprintf(failure->text, sizeof failure->text, "%s", result->failure);
    } else {
        (void)snprintf(failure->text, sizeof failure->text, "%s, in crash image %" PRIu32,
                       result->failure, result->image);
    }
}

/* Run it again with other memory. True: no difference. */
static bool check_determinism(struct sweep_worker *worker, const struct sweep_part *part,
                              const struct run_options *options, const struct run_result *result,
                              struct sweep_failure *failure)
{
    struct run_options other = *options;
    struct run_result second;

    other.trace = NULL;
    other.junk = SAMPLE_JUNK;
    other.bump_memory = !options->bump_memory;
    runner_run(worker->runner, part->scenario, &other, &second);
    if (second.digest.low == result->digest.low && second.digest.high == result->digest.high &&
        second.property == result->property) {
        return true;
    }
    other.trace = NULL;
    divergence_explain(worker->runner, part->scenario, options, &other, failure->text,
                       failure->detail, SWEEP_TEXT_BYTES);
    return false;
}

static void tally_run(struct sweep_tally *tally, const struct sweep_part *part, uint64_t seed,
                      int32_t property, const struct run_result *result)
{
    tally->seeds++;
    tally->crashes += result->crashes;
    tally->boots += result->boots;
    tally->operations += result->operations;
    tally->images += result->images;
    tally->log_bytes += result->log_bytes;
    tally->sim_ns += result->sim_ns;
    tally->last = result->digest;
    sweep_digest_add(&tally->digest,
                     sweep_seed_digest(part->scenario, seed, property, result->digest));
}

static void run_seed(struct sweep_worker *worker, const struct sweep_part *part, uint64_t position)
{
    struct run_options options = part->options;
    struct run_result result;
    struct sweep_failure failure = {
        .part = worker->state.part, .position = position, .property = INT32_MAX};
    struct trace_print print = {.out = stdout, .runner = worker->runner};

    options.seed = failure.seed = sweep_part_seed(part, position);
    if (part->cases != NULL) options.replay = &part->cases[position];
    if (worker->sweep->trace) trace_print_begin(&print, &options);
    runner_run(worker->runner, part->scenario, &options, &result);
    if (worker->sweep->trace) trace_print_end(&print);
    if (result.property != NULL) describe(worker, &result, &failure);
    if (worker->sweep->reach != NULL) {
        reach_take(&worker->sweep->reach[worker->slot - worker->shared->slots], worker->runner,
                   &result);
    }

    int32_t determinism = determinism_index(&options);
    if (determinism >= 0 && is_sampled(part, position, options.seed) &&
        !check_determinism(worker, part, &options, &result, &failure)) {
        failure.property = determinism;
        failure.image = 0;
    }
    failure.digest = result.digest;
    tally_run(&worker->state.tally, part, options.seed, failure.property, &result);
    if (failure.property == INT32_MAX) return;
    worker->state.tally.failures++;
    sweep_count_failure(worker->shared, worker->sweep, worker->state.part);
    send(worker, &failure);
}

static uint64_t chunk_of(const struct sweep *sweep, const struct sweep_part *part)
{
    uint64_t chunk = part->count / sweep->jobs / 8;

    return chunk < 1 ? 1 : chunk > CHUNK_MAX ? CHUNK_MAX : chunk;
}

/* Take the next chunk of this part or of the next one that has some left. False: none has. */
static bool take_chunk(struct sweep_worker *worker)
{
    struct sweep_state *state = &worker->state;

    for (;;) {
        struct sweep_shared_part *shared = &worker->shared->parts[state->part];
        const struct sweep_part *part = &worker->sweep->parts[state->part];
        if (!atomic_load(&shared->stop)) {
            uint64_t chunk = chunk_of(worker->sweep, part);
            uint64_t at = atomic_fetch_add(&shared->next, chunk);
            if (at < part->count) {
                state->at = at;
                state->end = part->count - at < chunk ? part->count : at + chunk;
                return true;
            }
        }
        if (state->part + 1 == worker->sweep->part_count) return false;
        worker->slot->left[state->part] = state->tally;
        state->tally = (struct sweep_tally){.seeds = 0};
        state->part++;
        state->at = state->end = 0;
        sweep_slot_publish(worker->slot, state);
    }
}

_Noreturn void sweep_work(struct sweep_worker *worker)
{
    struct sweep_state *state = &worker->state;

    *state = *sweep_slot_state(worker->slot);
    worker->runner = runner_create();
    uint64_t before_ns = squall_now_ns();
    while (state->at < state->end || take_chunk(worker)) {
        const struct sweep_part *part = &worker->sweep->parts[state->part];

        sweep_slot_publish(worker->slot, state);
        while (state->at < state->end && !atomic_load(&worker->shared->parts[state->part].stop)) {
            atomic_store(&worker->slot->running, state->runs + 1);
            run_seed(worker, part, state->at);
            uint64_t now_ns = squall_now_ns();
            state->tally.busy_ns += now_ns - before_ns;
            before_ns = now_ns;
            state->at++;
            state->runs++;
            sweep_slot_publish(worker->slot, state);
        }
        state->at = state->end;
    }
    sweep_slot_publish(worker->slot, state);
    runner_destroy(worker->runner);
    fflush(NULL);
    _exit(0);
}
