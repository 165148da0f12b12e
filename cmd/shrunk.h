/*
 * shrunk.h - how small finds became.
 */
#ifndef CMD_SHRUNK_H
#define CMD_SHRUNK_H

#include "cmd/hunt.h"

/* Medians; negative: there is none. */
struct shrunk {
    uint32_t count;
    double operations, decisions, seconds, operations_max;
};

/* Of every `stride`-th hunt, `count` of them. */
struct shrunk shrunk_of(const struct hunt *hunts, size_t count, size_t stride);

#endif
