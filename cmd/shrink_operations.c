/*
 * shrink_operations.c - fewer operations, and simpler ones.
 */
#include <string.h>

#include "cmd/shrink_pass.h"

enum { REPAIR_MAX = 24, SECTOR_BYTES = 512, PAIRS_MAX = 14, WINDOW_MAX = 12 };

void shrink_cut_operations(struct run_case *run_case, uint32_t first, uint32_t count)
{
    const uint32_t rest = run_case->operation_count - first - count;

    memmove(&run_case->operations[first], &run_case->operations[first + count],
            rest * sizeof run_case->operations[0]);
    run_case->operation_count -= count;
}

static bool without(struct shrink *shrink, uint32_t first, uint32_t count)
{
    shrink_cut_operations(shrink_draft(shrink), first, count);
    if (shrink_attempt(shrink) || shrink_without_later(shrink, first, count)) return true;
    if (count > 1 || shrink->best.operation_count > REPAIR_MAX) return false;
    return shrink_repair_operation(shrink, first);
}

/* The last operation takes away power: so may the end of the run. */
static void end_without_power_off(struct shrink *shrink)
{
    const struct run_case *best = &shrink->best;

    if (best->operation_count == 0 || best->config.end_power_off != 0) return;
    if (best->operations[best->operation_count - 1].kind != OPERATION_POWER_OFF) return;
    struct run_case *draft = shrink_draft(shrink);
    draft->operation_count--;
    draft->config.end_power_off = 1;
    (void)shrink_attempt(shrink);
}

void shrink_operations(struct shrink *shrink)
{
    shrink_runs(shrink, &shrink->best.operation_count, without);
    end_without_power_off(shrink);
}

/* ---- Simpler ones ---- */

static bool attempt_kind(struct shrink *shrink, uint32_t index, enum operation_kind kind)
{
    struct operation *operation = &shrink_draft(shrink)->operations[index];
    const bool batch = kind == OPERATION_BATCH || kind == OPERATION_BATCH_ASYNC;

    operation->kind = kind;
    if (!batch && operation->records > 1) operation->records = 1;
    return shrink_attempt(shrink);
}

static void simplify_kind(struct shrink *shrink, uint32_t index)
{
    static const struct {
        enum operation_kind from, to;
    } simpler[] = {
        {OPERATION_BATCH_ASYNC, OPERATION_APPEND},
        {OPERATION_BATCH_ASYNC, OPERATION_BATCH},
        {OPERATION_BATCH_ASYNC, OPERATION_APPEND_ASYNC},
        {OPERATION_BATCH, OPERATION_APPEND},
        {OPERATION_APPEND_ASYNC, OPERATION_APPEND},
        {OPERATION_KILL, OPERATION_POWER_OFF},
        {OPERATION_REOPEN, OPERATION_POWER_OFF},
        {OPERATION_REOPEN, OPERATION_KILL},
        {OPERATION_APPEND_NOTIFY, OPERATION_APPEND},
        {OPERATION_APPEND_UNTIL, OPERATION_APPEND},
        {OPERATION_POLL, OPERATION_WAIT},
        {OPERATION_TRUNCATE_WATCHED, OPERATION_TRUNCATE},
    };

    for (size_t i = 0; i < sizeof simpler / sizeof simpler[0]; i++) {
        if (shrink->best.operations[index].kind != simpler[i].from) continue;
        if (attempt_kind(shrink, index, simpler[i].to)) return;
    }
}

static void fewer_records(struct shrink *shrink, uint32_t index)
{
    const uint32_t records = shrink->best.operations[index].records;
    const uint32_t fewer[] = {1, 2, records / 2, records - 1};

    for (size_t i = 0; i < sizeof fewer / sizeof fewer[0]; i++) {
        if (fewer[i] == 0 || fewer[i] >= shrink->best.operations[index].records) continue;
        shrink_draft(shrink)->operations[index].records = fewer[i];
        if (shrink_attempt(shrink)) return;
    }
}

/* True if there may be more to gain. */
static bool shorter(struct shrink *shrink, uint32_t index, uint32_t record)
{
    const struct run_case *best = &shrink->best;

    if (index >= best->operation_count || record >= best->operations[index].records) return false;
    const uint32_t length = best->operations[index].lengths[record];
    const uint32_t edge = length / SECTOR_BYTES * SECTOR_BYTES;
    const uint32_t lengths[] = {0, 1, 8, edge, length / 2, length - length / 4};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        if (lengths[i] >= length) continue;
        shrink_draft(shrink)->operations[index].lengths[record] = lengths[i];
        if (shrink_attempt(shrink)) return true;
    }
    return false;
}

static bool shorter_wait(struct shrink *shrink, uint32_t index)
{
    if (index >= shrink->best.operation_count) return false;
    const uint64_t argument = shrink->best.operations[index].argument;
    if (argument == 0) return false;
    shrink_draft(shrink)->operations[index].argument = 0;
    if (shrink_attempt(shrink)) return false;
    shrink_draft(shrink)->operations[index].argument = argument / 2;
    return shrink_attempt(shrink);
}

static void one_client(struct shrink *shrink)
{
    struct run_case *draft = shrink_draft(shrink);

    for (uint32_t i = 0; i < draft->operation_count; i++) draft->operations[i].client = 0;
    draft->config.clients = 1;
    (void)shrink_attempt(shrink);
}

static void plain_bytes(struct shrink *shrink)
{
    struct run_case *draft = shrink_draft(shrink);

    for (uint32_t i = 0; i < draft->operation_count; i++) {
        draft->operations[i].noise = 0;
        draft->operations[i].content = CONTENT_NOISE;
    }
    (void)shrink_attempt(shrink);
}

/* Another client's and of plain bytes, if not all of them can be. */
static void plain(struct shrink *shrink, uint32_t index)
{
    shrink_draft(shrink)->operations[index].client = 0;
    (void)shrink_attempt(shrink);
    if (index >= shrink->best.operation_count) return;
    shrink_draft(shrink)->operations[index].noise = 0;
    (void)shrink_attempt(shrink);
    if (index >= shrink->best.operation_count) return;
    shrink_draft(shrink)->operations[index].content = CONTENT_NOISE;
    (void)shrink_attempt(shrink);
}

void shrink_simplify(struct shrink *shrink)
{
    const struct run_case *best = &shrink->best;

    one_client(shrink);
    plain_bytes(shrink);
    for (uint32_t i = 0; i < best->operation_count; i++) {
        simplify_kind(shrink, i);
        if (i < best->operation_count) fewer_records(shrink, i);
        for (uint32_t j = 0; j < BATCH_RECORDS_MAX; j++) {
            while (shorter(shrink, i, j)) continue;
        }
        while (shorter_wait(shrink, i)) continue;
        if (i < best->operation_count) plain(shrink, i);
    }
}

/* ---- Two at once ---- */

/* Of any length, anywhere: as many as fill a segment, say. */
void shrink_windows(struct shrink *shrink)
{
    for (uint32_t length = WINDOW_MAX; length > 1; length--) {
        uint32_t first = 0;
        while (first + length <= shrink->best.operation_count) {
            shrink_cut_operations(shrink_draft(shrink), first, length);
            first = shrink_attempt(shrink) ? 0 : first + 1;
        }
    }
}

static void operation_pairs(struct shrink *shrink)
{
    for (uint32_t i = 1; i < shrink->best.operation_count; i++) {
        for (uint32_t j = 0; j < i && i < shrink->best.operation_count; j++) {
            struct run_case *draft = shrink_draft(shrink);
            shrink_cut_operations(draft, i, 1);
            shrink_cut_operations(draft, j, 1);
            (void)shrink_attempt(shrink);
        }
    }
}

static void decision_pairs(struct shrink *shrink)
{
    for (uint32_t i = 1; i < shrink->best.decision_count; i++) {
        for (uint32_t j = 0; j < i && i < shrink->best.decision_count; j++) {
            struct run_case *draft = shrink_draft(shrink);
            shrink_cut_decisions(draft, i, 1);
            shrink_cut_decisions(draft, j, 1);
            (void)shrink_attempt(shrink);
        }
    }
}

void shrink_pairs(struct shrink *shrink)
{
    shrink_windows(shrink);
    if (shrink->best.operation_count <= PAIRS_MAX) operation_pairs(shrink);
    if (shrink->best.decision_count <= PAIRS_MAX) decision_pairs(shrink);
}
