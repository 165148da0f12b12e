/*
 * shrink_decisions.c - fewer decisions, lower outcomes, earlier strikes.
 */
#include <string.h>

#include "cmd/shrink_pass.h"
#include "sim/disk.h"

enum { REPAIR_MAX = 64 };

void shrink_cut_decisions(struct run_case *run_case, uint32_t first, uint32_t count)
{
    const uint32_t rest = run_case->decision_count - first - count;

    memmove(&run_case->decisions[first], &run_case->decisions[first + count],
            rest * sizeof run_case->decisions[0]);
    run_case->decision_count -= count;
}

/* ---- Fewer ---- */

/* Crash images are one kind: they hang together. */
static uint32_t sort_of(uint32_t kind)
{
    return kind >= SIM_KIND_IMAGE && kind < SIM_KIND_FAULT ? SIM_KIND_IMAGE : kind;
}

/* All of a sort at once. */
static void without_sorts(struct shrink *shrink)
{
    for (uint32_t sort = 0; sort < SIM_KIND_COUNT; sort++) {
        struct run_case *draft = shrink_draft(shrink);
        uint32_t kept = 0;

        for (uint32_t i = 0; i < draft->decision_count; i++) {
            if (sort_of(draft->decisions[i].kind) == sort) continue;
            draft->decisions[kept++] = draft->decisions[i];
        }
        if (kept == draft->decision_count) continue;
        draft->decision_count = kept;
        (void)shrink_attempt(shrink);
    }
}

static bool without(struct shrink *shrink, uint32_t first, uint32_t count)
{
    shrink_cut_decisions(shrink_draft(shrink), first, count);
    if (shrink_attempt(shrink)) return true;
    if (count > 1 || shrink->best.decision_count > REPAIR_MAX) return false;
    return shrink_repair_decision(shrink, first);
}

void shrink_decisions(struct shrink *shrink)
{
    without_sorts(shrink);
    shrink_runs(shrink, &shrink->best.decision_count, without);
}

/* ---- Lower ---- */

static bool attempt_outcome(struct shrink *shrink, uint32_t index, uint32_t outcome)
{
    if (index >= shrink->best.decision_count) return false;
    if (outcome == 0 || outcome >= shrink->best.decisions[index].outcome) return false;
    shrink_draft(shrink)->decisions[index].outcome = outcome;
    return shrink_attempt(shrink);
}

/* A mode of crash images is a range of outcomes: the lowest one of each. */
static bool lower_mode(struct shrink *shrink, uint32_t index)
{
    const uint32_t modes = shrink->best.config.image_modes;
    const uint32_t outcome = shrink->best.decisions[index].outcome;

    for (uint32_t lower = 1; lower < outcome; lower++) {
        if (disk_image_mode(lower, modes) == disk_image_mode(lower - 1, modes)) continue;
        if (attempt_outcome(shrink, index, lower)) return true;
    }
    return attempt_outcome(shrink, index, 1);
}

static bool lower(struct shrink *shrink, uint32_t index)
{
    if (index >= shrink->best.decision_count) return false;
    const struct case_decision *decision = &shrink->best.decisions[index];
    const uint32_t outcome = decision->outcome;

    if (decision->kind == SIM_KIND_IMAGE + DISK_ASK_MODE) return lower_mode(shrink, index);
    return attempt_outcome(shrink, index, 1) || attempt_outcome(shrink, index, outcome / 2) ||
           attempt_outcome(shrink, index, outcome - 1);
}

/* ---- Earlier ---- */

static bool attempt_ordinal(struct shrink *shrink, uint32_t index, uint32_t ordinal)
{
    if (index >= shrink->best.decision_count) return false;
    if (ordinal >= shrink->best.decisions[index].ordinal) return false;
    shrink_draft(shrink)->decisions[index].ordinal = ordinal;
    return shrink_attempt(shrink);
}

static bool earlier(struct shrink *shrink, uint32_t index)
{
    if (index >= shrink->best.decision_count) return false;
    const uint32_t ordinal = shrink->best.decisions[index].ordinal;

    return attempt_ordinal(shrink, index, 0) || attempt_ordinal(shrink, index, ordinal / 2) ||
           attempt_ordinal(shrink, index, ordinal - 1U);
}

void shrink_outcomes(struct shrink *shrink)
{
    for (uint32_t i = shrink->best.decision_count; i > 0; i--) {
        while (lower(shrink, i - 1)) continue;
    }
    for (uint32_t i = shrink->best.decision_count; i > 0; i--) {
        while (earlier(shrink, i - 1)) continue;
    }
}
