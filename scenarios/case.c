/*
 * case.c - cases in memory.
 */
#include "scenarios/case.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "wal/log/log.h"

static const char *const operation_names[] = {
#define OPERATION_NAME(name, text, story) text,
    OPERATION_MAP(OPERATION_NAME)
#undef OPERATION_NAME
};

const char *operation_name(enum operation_kind kind)
{
    return operation_names[kind];
}

bool operation_has_records(enum operation_kind kind)
{
    return kind == OPERATION_APPEND || kind == OPERATION_APPEND_ASYNC || kind == OPERATION_BATCH ||
           kind == OPERATION_BATCH_ASYNC || kind == OPERATION_APPEND_NOTIFY ||
           kind == OPERATION_APPEND_UNTIL;
}

const char *content_name(enum operation_content content)
{
    static const char *const names[] = {
#define CONTENT_NAME(name, text) text,
        CONTENT_MAP(CONTENT_NAME)
#undef CONTENT_NAME
    };

    return names[content];
}

void case_free(struct run_case *run_case)
{
    free(run_case->operations);
    free(run_case->whos);
    free(run_case->decisions);
    free(run_case->milestones);
    *run_case = (struct run_case){.seed = 0};
}

static void *room(void *entries, size_t size, uint32_t *capacity, uint32_t needed)
{
    uint32_t grown = *capacity == 0 ? 16 : *capacity;

    if (needed <= *capacity) return entries;
    while (grown < needed) grown *= 2;
    entries = realloc(entries, grown * size);
    assert(entries != NULL);
    *capacity = grown;
    return entries;
}

void case_reserve(struct run_case *run_case, uint32_t operations, uint32_t whos, uint32_t decisions,
                  uint32_t milestones)
{
    run_case->operations = room(run_case->operations, sizeof run_case->operations[0],
                                &run_case->operation_capacity, operations);
    run_case->whos = room(run_case->whos, sizeof run_case->whos[0], &run_case->who_capacity, whos);
    run_case->decisions = room(run_case->decisions, sizeof run_case->decisions[0],
                               &run_case->decision_capacity, decisions);
    run_case->milestones = room(run_case->milestones, sizeof run_case->milestones[0],
                                &run_case->milestone_capacity, milestones);
}

static void copy_all(void *to, const void *from, size_t size, uint32_t count)
{
    if (count > 0) memcpy(to, from, size * count);
}

void case_copy(struct run_case *to, const struct run_case *from)
{
    struct run_case copy = *from;

    case_reserve(to, from->operation_count, from->who_count, from->decision_count,
                 from->milestone_count);
    copy.operations = to->operations;
    copy.whos = to->whos;
    copy.decisions = to->decisions;
    copy.milestones = to->milestones;
    copy.operation_capacity = to->operation_capacity;
    copy.who_capacity = to->who_capacity;
    copy.decision_capacity = to->decision_capacity;
    copy.milestone_capacity = to->milestone_capacity;
    copy_all(copy.operations, from->operations, sizeof copy.operations[0], from->operation_count);
    copy_all(copy.whos, from->whos, sizeof copy.whos[0], from->who_count);
    copy_all(copy.decisions, from->decisions, sizeof copy.decisions[0], from->decision_count);
    copy_all(copy.milestones, from->milestones, sizeof copy.milestones[0], from->milestone_count);
    *to = copy;
}

struct case_config case_config_tame(void)
{
    return (struct case_config){
        .profile = disk_profile_find("strict"),
        .segment_bytes = 8192,
        .first_segment = 1,
        .first_lsn = 1,
        .fsync_ns = 50000,
        .block_bytes = 512,
        .queue_bytes = 2048,
        .sync_policy = WAL_SYNC_EVERY_GROUP,
        .sync_interval_ns = 1000000,
        .mark_policy = WAL_MARK_INTERVAL,
        .clients = 1,
        .image_modes = 1,
        .media_max = 1,
    };
}

void case_forget_whos(struct run_case *run_case)
{
    const uint32_t count = run_case->who_count;
    uint32_t kept = 0;
    int32_t *moved = calloc(count + 1U, sizeof *moved);

    assert(moved != NULL);
    for (uint32_t i = 0; i < run_case->decision_count; i++) {
        int32_t who = (int32_t)run_case->decisions[i].who;
        for (; who >= 0 && moved[who] == 0; who = run_case->whos[who].cause) moved[who] = 1;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (moved[i] == 0) continue;
        struct sim_who who = run_case->whos[i];
        if (who.cause >= 0) who.cause = moved[who.cause];
        moved[i] = (int32_t)kept;
        run_case->whos[kept++] = who;
    }
    for (uint32_t i = 0; i < run_case->decision_count; i++) {
        run_case->decisions[i].who = (uint32_t)moved[run_case->decisions[i].who];
    }
    run_case->who_count = kept;
    free(moved);
}

void case_record(const struct run_case *run_case, uint64_t salt, struct sim_record *record)
{
    uint64_t *hashes = calloc(run_case->who_count + 1U, sizeof *hashes);

    assert(hashes != NULL);
    for (uint32_t i = 0; i < run_case->who_count; i++) {
        const struct sim_who *who = &run_case->whos[i];
        assert(who->cause < (int32_t)i);
        hashes[i] = sim_who_hash(who, who->cause >= 0 ? hashes[who->cause] : 0, salt);
    }
    record->count = 0;
    for (uint32_t i = 0; i < run_case->decision_count; i++) {
        const struct case_decision *from = &run_case->decisions[i];
        assert(from->who < run_case->who_count);
        const struct sim_decision decision = {
            .who = hashes[from->who],
            .ordinal = from->ordinal,
            .outcome = from->outcome,
            .kind = from->kind,
            .call = from->call,
            .stream = (uint8_t)sim_kind_stream(from->kind),
        };
        sim_record_push(record, &decision);
    }
    free(hashes);
}
