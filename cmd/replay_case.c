/*
 * replay_case.c - a case again, and what came of it in words.
 */
#include <inttypes.h>
#include <string.h>

#include "cmd/decision_name.h"
#include "cmd/neighbours.h"
#include "cmd/replay_case.h"
#include "cmd/squall.h"
#include "properties/property.h"

void replay_case_stale(const struct run_case *run_case, const struct trial_outcome *outcome,
                       char *text, size_t bytes)
{
    char name[DECISION_NAME_BYTES];

    switch (outcome->stale) {
    case RUN_FRESH: text[0] = '\0'; return;
    case RUN_STALE_ADDRESS:
    case RUN_STALE_OUTCOME:
        if (outcome->stale_at >= run_case->decision_count) break;
        decision_name(run_case, outcome->stale_at, name, sizeof name);
        (void)snprintf(text, bytes, "%s: %s", run_stale_name(outcome->stale), name);
        return;
    case RUN_STALE_MILESTONE:
        (void)snprintf(text, bytes, "%s: milestone %" PRIu32, run_stale_name(outcome->stale),
                       outcome->stale_at + 1);
        return;
    }
    (void)snprintf(text, bytes, "%s", run_stale_name(outcome->stale));
}

static const char *claim_of(const char *property)
{
    for (size_t i = 0; properties_all[i] != NULL; i++) {
        if (strcmp(properties_all[i]->name, property) == 0) return properties_all[i]->claim;
    }
    return "A run does not end its process.";
}

static void tell_failure(const struct replay_case *replay, const struct trial_outcome *outcome)
{
    const char *expected = replay->run_case->property;

    fprintf(replay->out, "FAIL  %s  %s: %s\n      %s\n", replay->name, outcome->property,
            outcome->failure, claim_of(outcome->property));
    if (outcome->words[0] != '\0') fprintf(replay->out, "%s\n", outcome->words);
    if (expected[0] != '\0' && strcmp(expected, outcome->property) != 0) {
        fprintf(replay->out, "      it is written down to break another property: %s\n", expected);
    }
}

static void tell_digest(const struct replay_case *replay, const struct trial_outcome *outcome)
{
    if (strcmp(outcome->property, TRIAL_WORKER) == 0) return;
    fprintf(replay->out, "digest %016" PRIx64 "%016" PRIx64 "\n", outcome->digest.high,
            outcome->digest.low);
}

bool replay_case_neighbours(struct trial *trial, const struct run_case *run_case,
                            const struct trial_options *options, uint32_t *ret_n,
                            struct trial_outcome *ret_outcome)
{
    const uint32_t count = neighbours_count(run_case);
    struct run_case neighbour = {.seed = 0};
    bool ran = true;
    uint32_t n = 0;

    for (; n < count; n++) {
        if (!neighbours_make(run_case, n, &neighbour)) continue;
        ran = trial_run(trial, &neighbour, options, ret_outcome);
        if (!ran || ret_outcome->property[0] != '\0') break;
    }
    case_free(&neighbour);
    *ret_n = n < count ? n : UINT32_MAX;
    return ran;
}

/* SQUALL_HELD: none of them fails. */
static int try_neighbours(const struct replay_case *replay)
{
    const struct trial_options options = {.property_mask = replay->options.property_mask};
    struct trial_outcome outcome;
    char name[2 * DECISION_NAME_BYTES];
    uint32_t n;

    if (!replay_case_neighbours(replay->trial, replay->run_case, &options, &n, &outcome)) {
        return SQUALL_FAILED;
    }
    if (n == UINT32_MAX) return SQUALL_HELD;
    tell_failure(replay, &outcome);
    neighbours_name(replay->run_case, n, name, sizeof name);
    fprintf(replay->out, "      it is a neighbour that fails: %s\n", name);
    return SQUALL_BROKEN;
}

int replay_case(const struct replay_case *replay)
{
    struct trial_outcome outcome;
    char stale[2 * DECISION_NAME_BYTES];

    if (!trial_run(replay->trial, replay->run_case, &replay->options, &outcome)) {
        return SQUALL_FAILED;
    }
    replay_case_stale(replay->run_case, &outcome, stale, sizeof stale);
    const bool fails = outcome.property[0] != '\0';
    if (fails) tell_failure(replay, &outcome);
    if (!fails && replay->neighbours) {
        int status = try_neighbours(replay);
        if (status != SQUALL_HELD) return status;
    }
    /* A run that died did not come to ask for everything. */
    if (stale[0] != '\0') fprintf(replay->out, "%s: stale: %s\n", replay->name, stale);
    tell_digest(replay, &outcome);
    if (fails) return SQUALL_BROKEN;
    if (stale[0] != '\0') return SQUALL_STALE;
    fputs("all held\n", replay->out);
    return SQUALL_HELD;
}
