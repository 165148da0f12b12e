/*
 * trace.c - the digest of a run.
 */
#include "sim/trace.h"

#include <stddef.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

_Static_assert(sizeof(struct sim_trace_event) == 4 * 8 + 4 + 2 + 2 + 4 + 4, "padding is hashed");

void trace_reset(struct trace *trace)
{
    trace->count = 0;
    trace->block.before = (struct sim_digest){0, 0};
}

struct sim_digest trace_digest(const struct trace *trace)
{
    size_t len =
        offsetof(struct trace_block, events) + trace->count * sizeof(struct sim_trace_event);

    if (trace->count == 0) return trace->block.before;
    XXH128_hash_t hash = XXH3_128bits(&trace->block, len);
    return (struct sim_digest){hash.low64, hash.high64};
}

void trace_flush(struct trace *trace)
{
    trace->block.before = trace_digest(trace);
    trace->count = 0;
}

uint64_t trace_hash(const void *bytes, size_t len)
{
    return XXH3_64bits(bytes, len);
}

uint64_t trace_hash_ends(const void *bytes, size_t len)
{
    enum { END_BYTES = 64 };

    if (len <= (size_t)END_BYTES * 2) return trace_hash(bytes, len);
    const unsigned char *last = (const unsigned char *)bytes + len - END_BYTES;
    return trace_hash(bytes, END_BYTES) ^ trace_hash(last, END_BYTES) << 1;
}
