/*
 * neighbours.c - the cases next to a case.
 */
#include <stdio.h>

#include "cmd/decision_name.h"
#include "cmd/neighbours.h"

static const int64_t moves[] = {-1, 1, -2, 2};

uint32_t neighbours_count(const struct run_case *run_case)
{
    return run_case->decision_count * NEIGHBOURS_PER_DECISION;
}

static bool same_place(const struct case_decision *a, const struct case_decision *b)
{
    return a->who == b->who && a->kind == b->kind && a->call == b->call;
}

/* Which decision, whether those behind it move too, and by how much. */
static uint32_t take_apart(uint32_t n, bool *ret_later, int64_t *ret_by)
{
    *ret_later = n / 4 % 2 != 0;
    *ret_by = moves[n % 4];
    return n / NEIGHBOURS_PER_DECISION;
}

bool neighbours_make(const struct run_case *run_case, uint32_t n, struct run_case *ret_case)
{
    bool later;
    int64_t by;
    const uint32_t index = take_apart(n, &later, &by);
    const struct case_decision *first = &run_case->decisions[index];
    uint32_t moved = 0;

    case_copy(ret_case, run_case);
    for (uint32_t i = 0; i < run_case->decision_count; i++) {
        struct case_decision *decision = &ret_case->decisions[i];
        if (i != index && !(later && same_place(decision, first))) continue;
        if (decision->ordinal < first->ordinal) continue;
        const int64_t ordinal = decision->ordinal + by;
        if (ordinal < 0 || ordinal > UINT32_MAX) return false;
        decision->ordinal = (uint32_t)ordinal;
        moved++;
    }
    return !later || moved > 1;
}

void neighbours_name(const struct run_case *run_case, uint32_t n, char *text, size_t bytes)
{
    bool later;
    int64_t by;
    char name[DECISION_NAME_BYTES];

    decision_name(run_case, take_apart(n, &later, &by), name, sizeof name);
    (void)snprintf(text, bytes, "%s%s, by %+d", name, later ? ", and the later ones there" : "",
                   (int)by);
}
