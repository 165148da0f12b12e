/*
 * needs.c - what a failure needs.
 */
#include "cmd/needs.h"

#include <stdio.h>
#include <string.h>

#include "faults/fault.h"
#include "sim/address.h"

static void name_kind(uint32_t kind, char name[NEEDS_NAME_BYTES])
{
    char text[16] = "?";

    if (kind == SIM_KIND_IMAGE) {
        (void)snprintf(name, NEEDS_NAME_BYTES, "crash image");
        return;
    }
    (void)sim_kind_print(kind, text, sizeof text);
    (void)snprintf(name, NEEDS_NAME_BYTES, "%s", text);
    for (size_t i = 0; i < faults_count; i++) {
        if (kind != SIM_KIND_FAULT + faults_all[i].number) continue;
        (void)snprintf(name, NEEDS_NAME_BYTES, "%s %.30s", text, faults_all[i].name);
    }
}

/* Questions about crash images are one kind. */
static uint32_t sort_of(const struct case_decision *decision)
{
    const bool image = decision->kind >= SIM_KIND_IMAGE && decision->kind < SIM_KIND_FAULT;

    return image ? SIM_KIND_IMAGE : decision->kind;
}

static bool still_fails(struct trial *trial, const struct run_case *run_case,
                        const struct trial_options *options, const char *property,
                        struct trial_outcome *outcome, bool *ret_ran)
{
    *ret_ran = trial_run(trial, run_case, options, outcome);
    return *ret_ran && strcmp(outcome->property, property) == 0;
}

static bool look_at_kind(struct trial *trial, const struct run_case *run_case, uint32_t sort,
                         const struct trial_options *options, struct needs *needs)
{
    struct run_case without = {.seed = 0};
    struct trial_outcome outcome = {.property = ""};
    uint32_t kept = 0;
    bool ran = true;

    case_copy(&without, run_case);
    for (uint32_t i = 0; i < run_case->decision_count; i++) {
        if (sort_of(&run_case->decisions[i]) == sort) continue;
        without.decisions[kept++] = run_case->decisions[i];
    }
    without.decision_count = kept;
    if (kept < run_case->decision_count && needs->kind_count < NEEDS_KINDS_MAX) {
        struct need *need = &needs->kinds[needs->kind_count++];
        need->needed = !still_fails(trial, &without, options, run_case->property, &outcome, &ran);
        need->decisions = run_case->decision_count - kept;
        name_kind(sort, need->kind);
        memcpy(need->instead, outcome.property, sizeof need->instead);
    }
    case_free(&without);
    return ran;
}

static bool look_at_profile(struct trial *trial, const struct run_case *run_case,
                            const struct disk_profile *profile, const struct trial_options *options,
                            struct needs *needs)
{
    struct run_case other = {.seed = 0};
    struct trial_outcome outcome;
    bool ran;

    case_copy(&other, run_case);
    other.config.profile = profile;
    if (still_fails(trial, &other, options, run_case->property, &outcome, &ran) &&
        needs->profile_count < NEEDS_PROFILES_MAX) {
        needs->profiles[needs->profile_count++] = profile;
    }
    case_free(&other);
    return ran;
}

bool needs_find(struct trial *trial, const struct run_case *run_case,
                const struct trial_options *options, struct needs *ret_needs)
{
    memset(ret_needs, 0, sizeof *ret_needs);
    for (uint32_t sort = 0; sort < SIM_KIND_COUNT; sort++) {
        if (!look_at_kind(trial, run_case, sort, options, ret_needs)) return false;
    }
    for (size_t i = 0; i < disk_profile_count; i++) {
        if (!look_at_profile(trial, run_case, &disk_profiles[i], options, ret_needs)) return false;
    }
    return true;
}
