/*
 * shrink_repair.c - what else has to move when something is taken away.
 *
 * Addresses count, and name boots by their causes. Without a short write there is one write less;
 * without an operation nobody causes the boots that it caused. So where a deletion alone does not
 * fail any more, it is tried again with what may belong to it: later ordinals at one place one up
 * or down, an operation's decisions in the hands of a neighbour, the boot that a crash led to made
 * one with what crashed.
 */
#include "cmd/shrink_pass.h"

enum { PLACES_MAX = 24, AIMS_MAX = 24 };

/* ---- Ordinals ---- */

static void shift(struct case_decision *decision, int32_t by)
{
    if (by < 0 && decision->ordinal == 0) return;
    decision->ordinal = (uint32_t)((int64_t)decision->ordinal + by);
}

/* The decisions behind `index` in the draft that are of the same kind, or at the same call. */
static void shift_later(struct run_case *draft, const struct case_decision *gone, uint32_t index,
                        bool same_kind, int32_t by)
{
    for (uint32_t i = index; i < draft->decision_count; i++) {
        struct case_decision *decision = &draft->decisions[i];
        if (decision->who != gone->who) continue;
        if (same_kind ? decision->kind == gone->kind : decision->call == gone->call) {
            shift(decision, by);
        }
    }
}

static bool repair_ordinals(struct shrink *shrink, uint32_t index)
{
    const struct case_decision gone = shrink->best.decisions[index];

    for (uint32_t how = 0; how < 4; how++) {
        struct run_case *draft = shrink_draft(shrink);
        shrink_cut_decisions(draft, index, 1);
        shift_later(draft, &gone, index, how < 2, how % 2 == 0 ? -1 : 1);
        if (shrink_attempt(shrink)) return true;
    }
    return false;
}

/* ---- Crashes ---- */

/* Which of the boots that it caused this crash led to. */
static uint32_t nth_crash(const struct run_case *run_case, uint32_t index)
{
    uint32_t nth = 0;

    for (uint32_t i = 0; i < index; i++) {
        const struct case_decision *decision = &run_case->decisions[i];
        nth += decision->kind == SIM_KIND_CRASH && decision->who == run_case->decisions[index].who;
    }
    return nth;
}

static bool is_boot_of(const struct sim_who *who, uint32_t cause)
{
    return who->kind == SIM_WHO_BOOT && who->cause == (int32_t)cause;
}

/* The boots behind the one that is not caused any more count from one less. */
static void renumber_boots(struct run_case *draft, uint32_t cause, uint32_t nth)
{
    for (uint32_t i = 0; i < draft->who_count; i++) {
        struct sim_who *who = &draft->whos[i];
        if (is_boot_of(who, cause) && who->nth > nth) who->nth--;
    }
}

/* What the boot did, its cause did: it has not died. */
static void merge_boot(struct run_case *draft, uint32_t cause, uint32_t nth)
{
    uint32_t boot = 0;

    while (boot < draft->who_count &&
           !(is_boot_of(&draft->whos[boot], cause) && draft->whos[boot].nth == nth)) {
        boot++;
    }
    if (boot == draft->who_count) return;
    for (uint32_t i = 0; i < draft->decision_count; i++) {
        if (draft->decisions[i].who == boot) draft->decisions[i].who = cause;
    }
    for (uint32_t i = boot + 1; i < draft->who_count; i++) {
        if (draft->whos[i].cause != (int32_t)boot) continue;
        draft->whos[i].cause = (int32_t)cause;
        if (draft->whos[i].kind == SIM_WHO_BOOT) draft->whos[i].nth += nth;
    }
}

static bool repair_crash(struct shrink *shrink, uint32_t index)
{
    const uint32_t cause = shrink->best.decisions[index].who;
    const uint32_t nth = nth_crash(&shrink->best, index);
    struct run_case *draft = shrink_draft(shrink);

    shrink_cut_decisions(draft, index, 1);
    renumber_boots(draft, cause, nth);
    if (shrink_attempt(shrink)) return true;
    draft = shrink_draft(shrink);
    shrink_cut_decisions(draft, index, 1);
    merge_boot(draft, cause, nth);
    return shrink_attempt(shrink);
}

/* A process also ends when it cannot open the log: without what kept it from that, its successor's
 * successors are one generation less away. */
static bool repair_failed_open(struct shrink *shrink, uint32_t index)
{
    const uint32_t who = shrink->best.decisions[index].who;
    struct run_case *draft;

    if (shrink->best.whos[who].kind != SIM_WHO_BOOT) return false;
    draft = shrink_draft(shrink);
    shrink_cut_decisions(draft, index, 1);
    merge_boot(draft, who, 0);
    return shrink_attempt(shrink);
}

bool shrink_repair_decision(struct shrink *shrink, uint32_t index)
{
    bool crash = shrink->best.decisions[index].kind == SIM_KIND_CRASH;

    if (crash && repair_crash(shrink, index)) return true;
    if (!crash && repair_failed_open(shrink, index)) return true;
    return repair_ordinals(shrink, index);
}

/* ---- Operations ---- */

/* What was done for one operation is done for another one. */
static void hand_over(struct run_case *draft, uint32_t from, uint32_t to)
{
    for (uint32_t i = 0; i < draft->who_count; i++) {
        struct sim_who *who = &draft->whos[i];
        if (who->kind == SIM_WHO_OPERATION && who->operation == from) who->operation = to;
    }
}

static bool repair_neighbour(struct shrink *shrink, uint32_t index, uint32_t neighbour)
{
    const struct run_case *best = &shrink->best;

    if (neighbour >= best->operation_count) return false;
    const uint32_t from = best->operations[index].number;
    const uint32_t to = best->operations[neighbour].number;
    struct run_case *draft = shrink_draft(shrink);
    shrink_cut_operations(draft, index, 1);
    hand_over(draft, from, to);
    return shrink_attempt(shrink);
}

/* Other operations' places: (who, call), each once, one up or down. */
static bool repair_places(struct shrink *shrink, uint32_t index)
{
    const uint32_t count = shrink->best.decision_count;
    uint32_t places = 0;

    for (uint32_t i = 0; i < count && places < PLACES_MAX; i++) {
        const struct case_decision *first = &shrink->best.decisions[i];
        uint32_t j = 0;
        while (shrink->best.decisions[j].who != first->who ||
               shrink->best.decisions[j].call != first->call) {
            j++;
        }
        if (j < i) continue; /* This place was seen. */
        const struct case_decision place = *first;
        for (int32_t by = -1; by <= 1; by += 2, places++) {
            struct run_case *draft = shrink_draft(shrink);
            shrink_cut_operations(draft, index, 1);
            shift_later(draft, &place, 0, false, by);
            if (shrink_attempt(shrink)) return true;
        }
    }
    return false;
}

static bool is_aim(uint32_t kind)
{
    return kind >= SIM_KIND_IMAGE && kind < SIM_KIND_FAULT;
}

/* The draft without the operation, and with another outcome of a decision. */
static bool attempt_aim(struct shrink *shrink, uint32_t index, uint32_t decision, int64_t outcome)
{
    if (outcome < 1 || outcome > UINT32_MAX) return false;
    struct run_case *draft = shrink_draft(shrink);
    shrink_cut_operations(draft, index, 1);
    draft->decisions[decision].outcome = (uint32_t)outcome;
    return shrink_attempt(shrink);
}

/* Damage at rest and crash images say which of so many: with fewer there, it is another one. */
static bool repair_aims(struct shrink *shrink, uint32_t index)
{
    for (uint32_t i = 0; i < shrink->best.decision_count; i++) {
        const struct case_decision decision = shrink->best.decisions[i];
        const bool at_rest = decision.kind >= SIM_KIND_FAULT && decision.call == SIM_CALL_HARNESS;
        for (uint32_t which = 1; at_rest && which <= AIMS_MAX; which++) {
            if (attempt_aim(shrink, index, i, which)) return true;
        }
        for (int32_t by = -2; is_aim(decision.kind) && by <= 2; by++) {
            if (by != 0 && attempt_aim(shrink, index, i, (int64_t)decision.outcome + by))
                return true;
        }
    }
    return false;
}

bool shrink_repair_operation(struct shrink *shrink, uint32_t index)
{
    return repair_neighbour(shrink, index, index + 1) ||
           (index > 0 && repair_neighbour(shrink, index, index - 1)) ||
           repair_places(shrink, index) || repair_aims(shrink, index);
}
