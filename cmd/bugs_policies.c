/*
 * bugs_policies.c - the same bugs, hunted with one policy of the scheduler at a time.
 *
 * A cell is the median of the seeds that it took, over the same ranges of seeds for all policies;
 * "-" where more than half of the trials found nothing within the cap.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cmd/bugs_policies.h"
#include "cmd/hunt.h"
#include "cmd/progress.h"
#include "cmd/squall.h"
#include "sim/world.h"

struct matrix {
    const struct bug_list *list;
    struct hunt *hunts; /* [bug][policy][trial] */
    uint32_t trials;
    struct progress progress;
};

static struct hunt *cell(const struct matrix *matrix, size_t bug, unsigned policy)
{
    return &matrix->hunts[(bug * SIM_POLICY_COUNT + policy) * matrix->trials];
}

static void tick(void *context, size_t finished)
{
    struct matrix *matrix = context;
    uint64_t now_ns = squall_now_ns();
    char line[PROGRESS_BYTES];

    if (!progress_due(&matrix->progress, now_ns)) return;
    (void)snprintf(line, sizeof line, "%zu of %zu hunts ended", finished,
                   matrix->list->count * SIM_POLICY_COUNT * matrix->trials);
    progress_show(&matrix->progress, now_ns, line);
}

static int by_number(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

    return (left > right) - (left < right);
}

/* UINT64_MAX: more than half missed. */
static uint64_t median_of(const struct hunt *hunts, uint32_t trials, bool *ret_broken)
{
    uint64_t *seeds = calloc(trials, sizeof seeds[0]);

    if (seeds == NULL) abort();
    for (uint32_t i = 0; i < trials; i++) {
        seeds[i] = hunts[i].end == HUNT_FOUND ? hunts[i].seeds : UINT64_MAX;
        if (hunts[i].end == HUNT_UNSOUND) {
            squall_say("%s fails without %s, too", hunts[i].seed, hunts[i].name);
        }
        if (hunts[i].end == HUNT_BROKEN || hunts[i].end == HUNT_UNSOUND) *ret_broken = true;
    }
    qsort(seeds, trials, sizeof seeds[0], by_number);
    uint64_t median = seeds[(trials - 1) / 2];
    free(seeds);
    return median;
}

static bool tell(const struct matrix *matrix)
{
    bool broken = false;

    printf("%-36s", "median seeds until found by");
    for (unsigned policy = 0; policy < SIM_POLICY_COUNT; policy++) {
        printf(" %11s", sim_policy_name((enum sim_policy)policy));
    }
    printf("\n");
    for (size_t bug = 0; bug < matrix->list->count; bug++) {
        printf("%-36s", matrix->list->bugs[bug].name);
        for (unsigned policy = 0; policy < SIM_POLICY_COUNT; policy++) {
            uint64_t median = median_of(cell(matrix, bug, policy), matrix->trials, &broken);
            if (median == UINT64_MAX) printf(" %11s", "-");
            if (median != UINT64_MAX) printf(" %11" PRIu64, median);
        }
        printf("\n");
    }
    return !broken;
}

int bugs_policies(const struct bug_list *list, uint32_t trials, uint64_t cap, uint32_t jobs)
{
    size_t count = list->count * SIM_POLICY_COUNT * trials;
    struct matrix matrix = {.list = list, .trials = trials, .progress = progress_begin()};

    matrix.hunts = calloc(count + 1, sizeof matrix.hunts[0]);
    char **folders = calloc(list->count + 1, sizeof folders[0]);
    char **programs = calloc(list->count + 1, sizeof programs[0]);
    if (matrix.hunts == NULL || folders == NULL || programs == NULL) abort();
    for (size_t bug = 0; bug < list->count; bug++) {
        folders[bug] = squall_path("%s/bugs/%s", squall_build(), list->bugs[bug].name);
        programs[bug] = squall_path("%s/squall", folders[bug]);
        for (uint32_t i = 0; i < SIM_POLICY_COUNT * trials; i++) {
            matrix.hunts[bug * SIM_POLICY_COUNT * trials + i] = (struct hunt){
                .program = programs[bug],
                .folder = folders[bug],
                .name = list->bugs[bug].name,
                .policy = sim_policy_name((enum sim_policy)(i / trials)),
                .first = sim_mix(i % trials, 2, 0) >> 1,
                .count = cap != 0 ? cap : bug_stratum_cap(list->bugs[bug].stratum),
            };
        }
    }
    bool whole = hunt_all(matrix.hunts, count, jobs, 0, tick, &matrix);
    progress_clear(&matrix.progress);
    bool right = tell(&matrix);
    for (size_t bug = 0; bug < list->count; bug++) {
        free(folders[bug]);
        free(programs[bug]);
    }
    free(folders);
    free(programs);
    free(matrix.hunts);
    if (!right) return SQUALL_FAILED;
    return whole ? SQUALL_HELD : SQUALL_INTERRUPTED;
}
