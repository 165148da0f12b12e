/*
 * histogram.c - counting in buckets.
 */
#include "wal/log/histogram.h"

enum { STEPS = 4, STEP_BITS = 2 };

static unsigned bucket_of(uint64_t ns)
{
    if (ns < STEPS) return (unsigned)ns;
    unsigned power = 63U - (unsigned)__builtin_clzll(ns);
    unsigned bucket = (power - 1) * STEPS + (unsigned)(ns >> (power - STEP_BITS) & (STEPS - 1));
    return bucket < WAL_HISTOGRAM_BUCKETS ? bucket : WAL_HISTOGRAM_BUCKETS - 1;
}

uint64_t wal_histogram_upper_ns(unsigned bucket)
{
    if (bucket < STEPS) return bucket;
    if (bucket >= WAL_HISTOGRAM_BUCKETS - 1) return UINT64_MAX;
    unsigned power = bucket / STEPS + 1;
    uint64_t step = UINT64_C(1) << (power - STEP_BITS);
    return (UINT64_C(1) << power) + (bucket % STEPS + 1) * step - 1;
}

/* There is one writer, so what it read is still so when it writes. */
static void add(_Atomic uint64_t *number, uint64_t n)
{
    uint64_t before = atomic_load_explicit(number, memory_order_relaxed);

    atomic_store_explicit(number, before + n, memory_order_relaxed);
}

void log_histogram_add(struct log_histogram *histogram, uint64_t ns)
{
    add(&histogram->buckets[bucket_of(ns)], 1);
    add(&histogram->sum_ns, ns);
    if (ns > atomic_load_explicit(&histogram->max_ns, memory_order_relaxed)) {
        atomic_store_explicit(&histogram->max_ns, ns, memory_order_relaxed);
    }
}

void log_histogram_read(struct log_histogram *histogram, struct wal_histogram *ret_histogram)
{
    struct wal_histogram read = {.count = 0};

    for (unsigned i = 0; i < WAL_HISTOGRAM_BUCKETS; i++) {
        read.buckets[i] = atomic_load_explicit(&histogram->buckets[i], memory_order_relaxed);
        read.count += read.buckets[i];
    }
    read.sum_ns = atomic_load_explicit(&histogram->sum_ns, memory_order_relaxed);
    read.max_ns = atomic_load_explicit(&histogram->max_ns, memory_order_relaxed);
    *ret_histogram = read;
}

uint64_t wal_histogram_quantile_ns(const struct wal_histogram *histogram, unsigned permille)
{
    uint64_t wanted = (histogram->count * permille + 999) / 1000, seen = 0;

    if (histogram->count == 0) return 0;
    for (unsigned i = 0; i < WAL_HISTOGRAM_BUCKETS; i++) {
        seen += histogram->buckets[i];
        if (seen < wanted || seen == 0) continue;
        uint64_t upper_ns = wal_histogram_upper_ns(i);
        return upper_ns < histogram->max_ns ? upper_ns : histogram->max_ns;
    }
    return histogram->max_ns;
}
