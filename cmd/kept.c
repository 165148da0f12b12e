/*
 * kept.c - seeds that failed in earlier runs, to be tried first.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/kept.h"
#include "cmd/output_file.h"
#include "cmd/seeds.h"
#include "cmd/squall.h"

enum { KEPT_PER_SCENARIO = 100 };

static char *kept_path(void)
{
    return squall_path("%s/failures", squall_build());
}

static bool is_it(const struct kept_seed *kept, const char *scenario, uint64_t seed)
{
    return kept->seed == seed && strcmp(kept->scenario, scenario) == 0;
}

void kept_add(struct kept_list *list, const char *scenario, uint64_t seed, uint32_t images)
{
    size_t of_scenario = 0;

    if (strlen(scenario) >= KEPT_NAME_BYTES) return;
    for (size_t i = 0; i < list->count; i++) {
        if (is_it(&list->seeds[i], scenario, seed)) return;
        if (strcmp(list->seeds[i].scenario, scenario) == 0) of_scenario++;
    }
    if (of_scenario >= KEPT_PER_SCENARIO) return;
    list->seeds = realloc(list->seeds, (list->count + 1) * sizeof list->seeds[0]);
    if (list->seeds == NULL) abort();
    struct kept_seed *kept = &list->seeds[list->count++];
    memset(kept, 0, sizeof *kept);
    memcpy(kept->scenario, scenario, strlen(scenario));
    kept->seed = seed;
    kept->images = images;
}

void kept_remove(struct kept_list *list, const char *scenario, uint64_t seed)
{
    for (size_t i = 0; i < list->count; i++) {
        if (!is_it(&list->seeds[i], scenario, seed)) continue;
        list->count--;
        memmove(&list->seeds[i], &list->seeds[i + 1], (list->count - i) * sizeof list->seeds[0]);
        return;
    }
}

void kept_load(struct kept_list *list)
{
    char *path = kept_path(), name[KEPT_NAME_BYTES], seed_text[32];
    uint32_t images;
    uint64_t seed;
    FILE *in = fopen(path, "re");

    *list = (struct kept_list){.seeds = NULL};
    free(path);
    if (in == NULL) return;
    while (fscanf(in, "%63s %31s %" SCNu32, name, seed_text, &images) == 3) {
        if (seed_parse(seed_text, &seed) == NULL) kept_add(list, name, seed, images);
    }
    fclose(in);
}

void kept_free(struct kept_list *list)
{
    free(list->seeds);
    *list = (struct kept_list){.seeds = NULL};
}

bool kept_save(const struct kept_list *list)
{
    char *path = kept_path();
    struct output_file file;

    bool opened = output_file_open(&file, path);
    free(path);
    if (!opened) return false;
    for (size_t i = 0; i < list->count; i++) {
        fprintf(file.out, "%s 0x%" PRIx64 " %" PRIu32 "\n", list->seeds[i].scenario,
                list->seeds[i].seed, list->seeds[i].images);
    }
    return output_file_close(&file);
}
