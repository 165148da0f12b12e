/*
 * kept.c - runs that failed earlier, to be tried first.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/kept.h"
#include "cmd/repro_file.h"
#include "cmd/squall.h"
#include "cmd/trial.h"

#define PATIENCE_NS                                                               \
    UINT64_C(1000000000) /* Runs that hang are run once more, to be written down. \
                          */
enum { KEPT_PER_SCENARIO = 100 };

static char *kept_folder(void)
{
    return squall_path("%s/failures", squall_build());
}

void kept_load(struct kept_list *list)
{
    char message[CASE_MESSAGE_BYTES], *folder = kept_folder();
    int count = repro_file_list(folder, &list->paths);

    free(folder);
    if (count < 0) {
        *list = (struct kept_list){.cases = NULL};
        return;
    }
    list->count = 0;
    list->cases = calloc((size_t)count + 1, sizeof list->cases[0]);
    if (list->cases == NULL) abort();
    for (int i = 0; i < count; i++) {
        char *path = list->paths[i];
        if (case_load(path, &list->cases[list->count], message)) {
            list->paths[list->count++] = path;
        } else {
            kept_forget(path); /* Of another version, most likely. */
            free(path);
        }
    }
}

void kept_free(struct kept_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        case_free(&list->cases[i]);
        free(list->paths[i]);
    }
    free(list->cases);
    free(list->paths);
    *list = (struct kept_list){.cases = NULL};
}

void kept_forget(const char *path)
{
    (void)unlink(path);
}

/* How many there are of a scenario. */
static size_t count_kept(const char *folder, const char *scenario)
{
    char **paths = NULL;
    int count = repro_file_list(folder, &paths);
    size_t of_scenario = 0, prefix = strlen(folder) + 1, len = strlen(scenario);

    for (int i = 0; i < count; i++) {
        const char *name = paths[i] + prefix;
        of_scenario += strncmp(name, scenario, len) == 0 && strncmp(name + len, "-0x", 3) == 0;
        free(paths[i]);
    }
    free(paths);
    return of_scenario;
}

/* What is exported says what the sweep said of it: it may not fail every time. */
static void write_down(struct trial *trial, const struct kept_failure *failure, const char *path)
{
    const struct trial_options how = {.annotate = true,
                                      .patience_ns = PATIENCE_NS,
                                      .property_mask = failure->options.property_mask};
    struct trial_outcome outcome;
    struct run_case run_case = {.seed = 0};

    if (!trial_generate(trial, failure->scenario, &failure->options, &how, &outcome)) return;
    if (trial_case(trial) == NULL) return;
    case_copy(&run_case, trial_case(trial));
    (void)snprintf(run_case.property, sizeof run_case.property, "%s", failure->property);
    (void)snprintf(run_case.why, sizeof run_case.why, "%.*s", CASE_WHY_BYTES - 1, failure->why);
    (void)repro_file_write(path, &run_case); /* It said why, and that is all. */
    case_free(&run_case);
}

/* Earlier versions kept a list in a file of this name. */
static bool make_folder(const char *folder)
{
    struct stat there;

    if (stat(folder, &there) == 0 && S_ISREG(there.st_mode)) (void)unlink(folder);
    return repro_file_folder(folder);
}

void kept_add(const struct kept_failure *failures, size_t count)
{
    char *folder = kept_folder();
    struct trial *trial = count > 0 && make_folder(folder) ? trial_begin() : NULL;

    for (size_t i = 0; i < count && trial != NULL; i++) {
        const char *scenario = scenario_name(failures[i].scenario);
        char *path =
            squall_path("%s/%s-0x%" PRIx64 ".repro", folder, scenario, failures[i].options.seed);
        if (access(path, F_OK) != 0 && count_kept(folder, scenario) < KEPT_PER_SCENARIO) {
            write_down(trial, &failures[i], path);
        }
        free(path);
    }
    trial_end(trial);
    free(folder);
}
