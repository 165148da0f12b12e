/*
 * histogram.h - how long things took: counts in buckets that grow with what they hold.
 *
 * Four buckets for each power of two, so that a bucket's ends are within a quarter of each other.
 * One task adds; anybody may read at any time, without a lock: each number is right, and a reader
 * may see one of them a moment before the others.
 */
#ifndef WAL_LOG_HISTOGRAM_H
#define WAL_LOG_HISTOGRAM_H

#include <stdatomic.h>
#include <stdint.h>

#include "wal/log/log.h"

struct log_histogram {
    _Atomic uint64_t sum_ns;
    _Atomic uint64_t max_ns;
    _Atomic uint64_t buckets[WAL_HISTOGRAM_BUCKETS];
};

void log_histogram_add(struct log_histogram *histogram, uint64_t ns);
void log_histogram_read(struct log_histogram *histogram, struct wal_histogram *ret_histogram);

#endif
