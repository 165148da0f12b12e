/*
 * stat.c - the numbers of an open log, for whoever wants them at any time.
 *
 * They are published as a whole: who reads them sees a state that was, and never the records that
 * are durable of one moment and those that are accepted of another. Nobody waits for a lock for
 * that, least of all the appenders: the writer, who holds the mutex, makes a number odd before and
 * even after, and who has read looks whether it was even and is the same still.
 *
 * Release and acquire on each word keep the order; on most processors they cost nothing. Fences
 * would do, too, but not for ThreadSanitizer.
 */
#include "wal/log/log_state.h"

enum { WORDS = sizeof(struct wal_stat) / sizeof(uint64_t) };

_Static_assert(sizeof(struct wal_stat) % sizeof(uint64_t) == 0, "wal_stat is words");
_Static_assert(WORDS == sizeof(((struct log_published *)0)->words) / sizeof(uint64_t), "all words");

void log_stat_publish(struct wal_log *log)
{
    struct log_published *published = &log->published;
    uint64_t words[WORDS];
    uint64_t turn = atomic_load_explicit(&published->turn, memory_order_relaxed);

    log->stat.durable_lsn = log->durable_lsn;
    log->stat.accepted_lsn = log->accepted_lsn;
    memcpy(words, &log->stat, sizeof words);
    atomic_store_explicit(&published->turn, turn + 1, memory_order_relaxed);
    for (unsigned i = 0; i < WORDS; i++) {
        atomic_store_explicit(&published->words[i], words[i], memory_order_release);
    }
    atomic_store_explicit(&published->turn, turn + 2, memory_order_release);
}

static void put(struct log_published *published, size_t offset, uint64_t word)
{
    atomic_store_explicit(&published->words[offset / sizeof(uint64_t)], word, memory_order_release);
}

void log_stat_accepted(struct wal_log *log)
{
    struct log_published *published = &log->published;
    uint64_t turn = atomic_load_explicit(&published->turn, memory_order_relaxed);

    atomic_store_explicit(&published->turn, turn + 1, memory_order_relaxed);
    put(published, offsetof(struct wal_stat, accepted_lsn), log->accepted_lsn);
    put(published, offsetof(struct wal_stat, records), log->stat.records);
    atomic_store_explicit(&published->turn, turn + 2, memory_order_release);
}

void wal_log_stat(struct wal_log *log, struct wal_stat *ret_stat)
{
    struct log_published *published = &log->published;
    uint64_t words[WORDS];
    uint64_t turn = 0, after = 0;

    do {
        turn = atomic_load_explicit(&published->turn, memory_order_acquire);
        for (unsigned i = 0; i < WORDS; i++) {
            words[i] = atomic_load_explicit(&published->words[i], memory_order_acquire);
        }
        after = atomic_load_explicit(&published->turn, memory_order_relaxed);
    } while (turn % 2 != 0 || turn != after);
    memcpy(ret_stat, words, sizeof words);
}

void wal_log_latencies(struct wal_log *log, struct wal_latencies *ret_latencies)
{
    log_histogram_read(&log->queued, &ret_latencies->queue);
    log_histogram_read(&log->synced, &ret_latencies->sync);
    log_histogram_read(&log->committed, &ret_latencies->commit);
}
