/*
 * walctl_metrics.h - the numbers of a log, for people and for Prometheus.
 */
#ifndef CMD_WALCTL_METRICS_H
#define CMD_WALCTL_METRICS_H

#include <stdio.h>

#include "wal/log/log.h"

/* A line a kind of latency: count, median, 99th percentile, largest. */
void metrics_print_latencies(FILE *out, const struct wal_latencies *latencies);

/* In Prometheus' text format. */
void metrics_prometheus_stat(FILE *out, const struct wal_stat *stat);
void metrics_prometheus_latencies(FILE *out, const struct wal_latencies *latencies);
void metrics_prometheus_survey(FILE *out, const struct wal_survey *survey, uint64_t bytes);

#endif
