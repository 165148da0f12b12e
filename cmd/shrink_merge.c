/*
 * shrink_merge.c - one operation for several, where what they add up to is what matters.
 *
 * A failure may need so many bytes in a segment, or so many records before a number is full. Bytes
 * can come from one record, and numbers can begin later. Where each record has to stay what it is,
 * since an LSN is counted from it or a sector ends in it, a batch can hold them all.
 */
#include "cmd/shrink_pass.h"

enum { SPAN_MAX = 10, QUEUE_MARGIN = 88, QUEUE_MAX_BYTES = 16384, RECORD_HEAD_BYTES = 24 };

static uint32_t bytes_of(const struct operation *operation)
{
    uint32_t bytes = (operation->records - 1) * RECORD_HEAD_BYTES;

    for (uint32_t i = 0; i < operation->records; i++) bytes += operation->lengths[i];
    return bytes;
}

/* The first of them becomes one record as long as all. False: they are not all appends. */
static bool merge(struct run_case *draft, uint32_t first, uint32_t count)
{
    struct case_config *config = &draft->config;
    struct operation *one = &draft->operations[first];
    uint32_t bytes = 0;

    for (uint32_t i = 0; i < count; i++) {
        if (!operation_has_records(one[i].kind)) return false;
        bytes += bytes_of(&one[i]) + (i > 0 ? config->block_bytes : 0);
    }
    one->kind = OPERATION_APPEND;
    one->records = 1;
    one->lengths[0] = bytes;
    if (bytes + QUEUE_MARGIN > config->queue_bytes) config->queue_bytes = bytes + QUEUE_MARGIN;
    if (config->queue_bytes > QUEUE_MAX_BYTES) return false;
    shrink_cut_operations(draft, first + 1, count - 1);
    return true;
}

/* All their records in one batch, which leaves each record its bytes and its LSN. False: they are
 * not all appends, or there are too many. */
static bool merge_batch(struct run_case *draft, uint32_t first, uint32_t count)
{
    struct case_config *config = &draft->config;
    struct operation *one = &draft->operations[first];
    struct operation all = *one;
    uint32_t bytes = 0;

    all.kind = OPERATION_BATCH;
    all.records = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (!operation_has_records(one[i].kind)) return false;
        if (all.records + one[i].records > BATCH_RECORDS_MAX) return false;
        for (uint32_t j = 0; j < one[i].records; j++) {
            all.lengths[all.records++] = one[i].lengths[j];
        }
        bytes += bytes_of(&one[i]) + RECORD_HEAD_BYTES;
    }
    *one = all;
    if (bytes + QUEUE_MARGIN > config->queue_bytes) config->queue_bytes = bytes + QUEUE_MARGIN;
    if (config->queue_bytes > QUEUE_MAX_BYTES) return false;
    shrink_cut_operations(draft, first + 1, count - 1);
    return true;
}

static void batches(struct shrink *shrink)
{
    for (uint32_t span = BATCH_RECORDS_MAX; span > 1; span--) {
        uint32_t first = 0;
        while (first + span <= shrink->best.operation_count) {
            bool merged = merge_batch(shrink_draft(shrink), first, span) && shrink_attempt(shrink);
            if (!merged) first++;
        }
    }
}

void shrink_merge(struct shrink *shrink)
{
    batches(shrink);
    for (uint32_t span = SPAN_MAX; span > 1; span--) {
        uint32_t first = 0;
        while (first + span <= shrink->best.operation_count) {
            bool merged = merge(shrink_draft(shrink), first, span) && shrink_attempt(shrink);
            if (!merged) first++; /* Else the one that is left may take more. */
        }
    }
}

/* Without operations, and numbers begin where the records that are gone would have ended. */
static bool begin_later(struct shrink *shrink, uint32_t first, uint32_t count, uint64_t segments)
{
    struct run_case *draft = shrink_draft(shrink);

    if (segments > 0) {
        draft->config.first_segment += segments;
    } else {
        for (uint32_t i = first; i < first + count; i++) {
            draft->config.first_lsn += draft->operations[i].records;
        }
    }
    shrink_cut_operations(draft, first, count);
    return shrink_attempt(shrink);
}

bool shrink_without_later(struct shrink *shrink, uint32_t first, uint32_t count)
{
    const struct case_config tame = case_config_tame(), *config = &shrink->best.config;

    if (config->first_lsn != tame.first_lsn && begin_later(shrink, first, count, 0)) return true;
    return config->first_segment != tame.first_segment && begin_later(shrink, first, count, 1);
}
