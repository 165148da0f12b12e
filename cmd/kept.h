/*
 * kept.h - runs that failed earlier, to be tried first.
 *
 * They lie in the build folder as reproducers, failures/SCENARIO-SEED.repro, as they were and not
 * shrunk. It is a convenience: what cannot be read is as if it were not there.
 */
#ifndef CMD_KEPT_H
#define CMD_KEPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scenarios/scenario.h"

struct kept_list {
    struct run_case *cases; /* In the order of their paths. */
    char **paths;
    size_t count;
};

void kept_load(struct kept_list *list);
void kept_free(struct kept_list *list);

/* It holds now. */
void kept_forget(const char *path);

/* What failed, and how. */
struct kept_failure {
    const struct scenario *scenario;
    struct run_options options; /* With its seed. */
    const char *property, *why;
};

/* Write these runs down, unless they are there, or there are many of their scenario. */
void kept_add(const struct kept_failure *failures, size_t count);

#endif
