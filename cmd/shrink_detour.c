/*
 * shrink_detour.c - a step to a case that is not smaller, if smaller ones lie behind it.
 *
 * A failure that needs a segment to end needs as many operations as fill one. So the segments are
 * made small, or what is written large, and if the failure survives that, operations are taken away
 * again. What is kept in the end is smaller than what there was, or there was no detour.
 */
#include "cmd/shrink_pass.h"

enum {
    FEW_OPERATIONS = 4,
    PHASES = 4,
    RECORD_OVERHEAD = 64,
    QUEUE_MIN_BYTES = 256,
    SEGMENT_MIN_BYTES = 2048
};

/* The smallest queue that takes what is written. */
static uint32_t queue_needed(const struct run_case *run_case)
{
    uint32_t needed = QUEUE_MIN_BYTES;

    for (uint32_t i = 0; i < run_case->operation_count; i++) {
        const struct operation *operation = &run_case->operations[i];
        uint32_t used = RECORD_OVERHEAD;
        for (uint32_t j = 0; j < operation->records; j++) used += operation->lengths[j] + 24;
        if (used > needed) needed = used;
    }
    return (needed + 7) / 8 * 8;
}

static void small_segments(struct run_case *draft)
{
    struct case_config *config = &draft->config;

    config->queue_bytes = queue_needed(draft);
    config->segment_bytes =
        config->queue_bytes + 2 * (uint64_t)config->block_bytes + CASE_SEGMENT_HEAD_BYTES;
    if (config->segment_bytes < SEGMENT_MIN_BYTES) config->segment_bytes = SEGMENT_MIN_BYTES;
}

static void large_blocks(struct run_case *draft)
{
    draft->config.block_bytes = 4096;
    small_segments(draft);
}

static void small_blocks(struct run_case *draft)
{
    draft->config.block_bytes = 512;
    small_segments(draft);
}

/* Marks are renewed by the clock, which only syncs and idling let go on. */
static void slow_syncs(struct run_case *draft)
{
    draft->config.fsync_ns = draft->config.fsync_ns * 10 + 1000000;
}

/* As much as goes into one group, one record each. */
static void large_records(struct run_case *draft)
{
    draft->config.queue_bytes = 2048;
    draft->config.segment_bytes = draft->config.queue_bytes +
                                  2 * (uint64_t)draft->config.block_bytes + CASE_SEGMENT_HEAD_BYTES;
    for (uint32_t i = 0; i < draft->operation_count; i++) {
        struct operation *operation = &draft->operations[i];
        if (operation->records == 0) continue;
        operation->lengths[0] =
            (draft->config.queue_bytes - RECORD_OVERHEAD) / operation->records - 24;
        for (uint32_t j = 1; j < operation->records; j++) {
            operation->lengths[j] = operation->lengths[0];
        }
    }
}

/* Where in a segment something happens depends on what was written before: some operations less at
 * the beginning bring it elsewhere. */
static bool detour(struct shrink *shrink, void (*change)(struct run_case *draft), uint32_t phase)
{
    const struct shrink_size before = shrink->size;
    struct run_case saved = {.seed = 0};
    struct run_case *draft = shrink_draft(shrink);

    if (phase >= draft->operation_count) return false;
    shrink_cut_operations(draft, 0, phase);
    change(draft);
    case_copy(&saved, &shrink->best);
    if (shrink_step(shrink)) {
        shrink_operations(shrink);
        shrink_windows(shrink);
        shrink_merge(shrink);
        shrink_decisions(shrink);
    }
    const bool gained = shrink_smaller(&shrink->size, &before);
    if (!gained) {
        case_copy(&shrink->best, &saved);
        shrink->size = before;
    }
    case_free(&saved);
    return gained;
}

void shrink_detours(struct shrink *shrink)
{
    static void (*const changes[])(struct run_case * draft) = {
        small_segments, large_blocks, large_records, small_blocks, slow_syncs};

    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        for (uint32_t phase = 0; phase < PHASES; phase++) {
            if (shrink->best.operation_count <= FEW_OPERATIONS) return;
            if (detour(shrink, changes[i], phase)) break;
        }
    }
}
