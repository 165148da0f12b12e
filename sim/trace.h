/*
 * trace.h - one line per call, and a running digest of all lines.
 *
 * Lines gather in a block; a full block is hashed together with the digest before it.
 */
#ifndef SIM_TRACE_H
#define SIM_TRACE_H

#include <stdint.h>

#include "sim/world.h"

enum { TRACE_BLOCK_EVENTS = 64 };

/* Hashed as it lies: no padding anywhere. */
struct trace_block {
    struct sim_digest before;
    struct sim_trace_event events[TRACE_BLOCK_EVENTS];
};

struct trace {
    uint32_t count; /* In the block. */
    struct trace_block block;
};

void trace_reset(struct trace *trace);
void trace_flush(struct trace *trace);
struct sim_digest trace_digest(const struct trace *trace);

/* Hash of bytes, for a line. */
uint64_t trace_hash(const void *bytes, size_t len);

/* The same of bytes that follow from lines before it: what was written is hashed whole, so of what
 * is read both ends do. */
uint64_t trace_hash_ends(const void *bytes, size_t len);

/* Room for one more line, and when that is filled: it counts. */
static inline struct sim_trace_event *trace_next(struct trace *trace)
{
    return &trace->block.events[trace->count];
}

static inline void trace_add(struct trace *trace)
{
    if (++trace->count == TRACE_BLOCK_EVENTS) trace_flush(trace);
}

#endif
