/*
 * decision_name.c - a decision as its reproducer names it.
 */
#include <inttypes.h>
#include <stdio.h>

#include "cmd/decision_name.h"
#include "sim/address.h"

void decision_name(const struct run_case *run_case, uint32_t index, char *text, size_t bytes)
{
    const struct case_decision *decision = &run_case->decisions[index];
    char who[DECISION_NAME_BYTES] = "?", kind[32] = "?", call[32] = "?";

    (void)sim_who_path(run_case->whos, run_case->who_count, decision->who, who, sizeof who);
    (void)sim_kind_print(decision->kind, kind, sizeof kind);
    (void)sim_call_print(decision->call, call, sizeof call);
    (void)snprintf(text, bytes, "%.180s %s %s %" PRIu32 " = %" PRIu32, who, kind, call,
                   decision->ordinal, decision->outcome);
}
