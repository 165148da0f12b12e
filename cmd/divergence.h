/*
 * divergence.h - where two executions that should be one part ways.
 */
#ifndef CMD_DIVERGENCE_H
#define CMD_DIVERGENCE_H

#include <stddef.h>

#include "scenarios/scenario.h"

/* Run both, and say where they differ first: one line in ret_text, both events in ret_detail, each
 * `bytes` long. */
void divergence_explain(struct runner *runner, const struct scenario *scenario,
                        const struct run_options *one, const struct run_options *other,
                        char *ret_text, char *ret_detail, size_t bytes);

#endif
