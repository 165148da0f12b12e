/*
 * walctl_metrics.c - the numbers of a log, for people and for Prometheus.
 *
 * Prometheus wants seconds, cumulative buckets, and that names say what is counted. Of the log's
 * buckets each fourth is a line, from a microsecond up: the ends that are powers of two.
 */
#include "cmd/walctl_metrics.h"

#include <inttypes.h>

enum { STEPS = 4, FIRST_SHOWN = 9 * STEPS - 1, LAST_SHOWN = 35 * STEPS - 1 };

static void print_duration(FILE *out, uint64_t ns)
{
    if (ns < 10000) {
        fprintf(out, " %6" PRIu64 " ns", ns);
    } else if (ns < 10000000) {
        fprintf(out, " %6" PRIu64 " us", ns / 1000);
    } else {
        fprintf(out, " %6" PRIu64 " ms", ns / 1000000);
    }
}

static void print_latency(FILE *out, const char *what, const struct wal_histogram *histogram)
{
    fprintf(out, "%-7s %10" PRIu64 " ", what, histogram->count);
    print_duration(out, wal_histogram_quantile_ns(histogram, 500));
    print_duration(out, wal_histogram_quantile_ns(histogram, 990));
    print_duration(out, histogram->max_ns);
    fputc('\n', out);
}

void metrics_print_latencies(FILE *out, const struct wal_latencies *latencies)
{
    fprintf(out, "%-7s %10s  %9s %9s %9s\n", "latency", "count", "median", "99%", "max");
    print_latency(out, "queue", &latencies->queue);
    print_latency(out, "sync", &latencies->sync);
    print_latency(out, "commit", &latencies->commit);
}

static void head(FILE *out, const char *name, const char *type, const char *help)
{
    fprintf(out, "# HELP wal_%s %s\n# TYPE wal_%s %s\n", name, help, name, type);
}

static void number(FILE *out, const char *name, const char *type, const char *help, uint64_t value)
{
    head(out, name, type, help);
    fprintf(out, "wal_%s %" PRIu64 "\n", name, value);
}

void metrics_prometheus_stat(FILE *out, const struct wal_stat *stat)
{
    number(out, "floor_lsn", "gauge", "The first LSN that was not pruned.", stat->first_lsn);
    number(out, "durable_lsn", "gauge", "All up to this LSN is durable.", stat->durable_lsn);
    number(out, "accepted_lsn", "gauge", "The last LSN accepted.", stat->accepted_lsn);
    number(out, "segments", "gauge", "Segments from the floor on.", stat->segments);
    number(out, "records_total", "counter", "Records accepted.", stat->records);
    number(out, "groups_total", "counter", "Commit groups written.", stat->groups);
    number(out, "written_bytes_total", "counter", "Bytes written, with headers and padding.",
           stat->bytes_written);
    number(out, "syncs_total", "counter", "Syncs of segments.", stat->syncs);
    number(out, "rotations_total", "counter", "Segments begun.", stat->rotations);
    number(out, "rollbacks_total", "counter", "Groups that were rolled back.", stat->rollbacks);
    number(out, "marks_total", "counter", "Renewals of the mark.", stat->marks);
}

static void seconds(FILE *out, uint64_t ns)
{
    fprintf(out, "%" PRIu64 ".%09" PRIu64, ns / 1000000000, ns % 1000000000);
}

static void histogram(FILE *out, const char *name, const char *help,
                      const struct wal_histogram *histogram)
{
    uint64_t seen = 0;

    head(out, name, "histogram", help);
    for (unsigned i = 0; i < WAL_HISTOGRAM_BUCKETS; i++) {
        seen += histogram->buckets[i];
        if (i < FIRST_SHOWN || i > LAST_SHOWN || i % STEPS != STEPS - 1) continue;
        fprintf(out, "wal_%s_bucket{le=\"", name);
        seconds(out, wal_histogram_upper_ns(i));
        fprintf(out, "\"} %" PRIu64 "\n", seen);
    }
    fprintf(out, "wal_%s_bucket{le=\"+Inf\"} %" PRIu64 "\nwal_%s_sum ", name, histogram->count,
            name);
    seconds(out, histogram->sum_ns);
    fprintf(out, "\nwal_%s_count %" PRIu64 "\n", name, histogram->count);
}

void metrics_prometheus_latencies(FILE *out, const struct wal_latencies *latencies)
{
    histogram(out, "queue_seconds", "From acceptance until the group begins to be written.",
              &latencies->queue);
    histogram(out, "sync_seconds", "One sync.", &latencies->sync);
    histogram(out, "commit_seconds", "From acceptance until it is durable.", &latencies->commit);
}

void metrics_prometheus_survey(FILE *out, const struct wal_survey *survey, uint64_t bytes)
{
    number(out, "floor_lsn", "gauge", "The first LSN that was not pruned.", survey->floor_lsn);
    number(out, "last_lsn", "gauge", "The last LSN that is valid.", survey->last_lsn);
    number(out, "witness_lsn", "gauge", "The highest LSN known durable.", survey->witness_lsn);
    number(out, "segments", "gauge", "Segments from the floor on.", survey->segments);
    number(out, "segment_bytes", "gauge", "Bytes of these segments.", bytes);
    number(out, "tail_bytes", "gauge", "Bytes behind the last valid record.", survey->tail_bytes);
    number(out, "rotten", "gauge", "1 if durable records are damaged or missing.",
           survey->tail == WAL_TAIL_ROTTEN);
}
