/*
 * kept.h - seeds that failed in earlier runs, to be tried first.
 *
 * A text file in the build folder, "SCENARIO SEED IMAGES" a line. It is a convenience: what cannot
 * be read is as if it were empty, and of two runs at once the later one's view stays.
 */
#ifndef CMD_KEPT_H
#define CMD_KEPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { KEPT_NAME_BYTES = 64 };

struct kept_seed {
    char scenario[KEPT_NAME_BYTES];
    uint64_t seed;
    uint32_t images;
};

struct kept_list {
    struct kept_seed *seeds;
    size_t count;
};

void kept_load(struct kept_list *list);
void kept_free(struct kept_list *list);

/* Nothing changes if it is there, or if there are many of this scenario. */
void kept_add(struct kept_list *list, const char *scenario, uint64_t seed, uint32_t images);
void kept_remove(struct kept_list *list, const char *scenario, uint64_t seed);

/* False, having said why, if it could not be written. */
bool kept_save(const struct kept_list *list);

#endif
