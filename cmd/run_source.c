/*
 * run_source.c - SCENARIO:SEED or FILE.repro.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/run_source.h"
#include "cmd/seeds.h"
#include "cmd/squall.h"

#define PATIENCE_NS                                                               \
    UINT64_C(2000000000) /* Of processor time: a thousand times what a run takes. \
                          */

static const char suffix[] = ".repro";

bool run_source_is_file(const char *token)
{
    const size_t len = strlen(token), end = sizeof suffix - 1;

    return len > end && strcmp(token + len - end, suffix) == 0;
}

/* Cuts the token in two. */
static bool split(char *token, uint64_t *ret_seed)
{
    char *colon = strrchr(token, ':');

    if (colon == NULL || colon == token) {
        squall_say("'%s' is neither SCENARIO:SEED nor FILE.repro", token);
        return false;
    }
    const char *wrong = seed_parse(colon + 1, ret_seed);
    if (wrong != NULL) {
        squall_say("seed '%s' %s", colon + 1, wrong);
        return false;
    }
    *colon = '\0';
    return true;
}

int run_source_open(struct run_source *source, const char *token)
{
    char message[CASE_MESSAGE_BYTES];

    *source = (struct run_source){.name = squall_path("%s", token)};
    if (run_source_is_file(token)) {
        source->path = source->name;
        if (case_load(token, &source->run_case, message)) return SQUALL_HELD;
        squall_say("%s", message);
    } else if (split(source->name, &source->seed)) {
        scenario_set_named(&source->set, &source->name, 1);
        return SQUALL_HELD;
    }
    free(source->name);
    return SQUALL_STALE;
}

void run_source_close(struct run_source *source)
{
    case_free(&source->run_case);
    scenario_set_free(&source->set);
    free(source->name);
}

int run_source_case(struct run_source *source, struct trial *trial,
                    const struct selection *selection, struct trial_outcome *ret_outcome)
{
    const struct trial_options options = {.property_mask = selection->property_mask,
                                          .patience_ns = PATIENCE_NS};
    struct run_options run_options = selection_options(selection);

    *ret_outcome = (struct trial_outcome){.property = ""};
    if (source->path != NULL) return SQUALL_HELD;
    run_options.seed = source->seed;
    if (!trial_generate(trial, source->set.choices[0].scenario, &run_options, &options,
                        ret_outcome)) {
        return SQUALL_FAILED;
    }
    if (ret_outcome->property[0] == '\0') return SQUALL_HELD;
    if (trial_case(trial) == NULL) {
        squall_say("%s:0x%" PRIx64 " (%s) left nothing that could be written down", source->name,
                   source->seed, ret_outcome->why);
        return SQUALL_FAILED;
    }
    case_copy(&source->run_case, trial_case(trial));
    return SQUALL_HELD;
}
