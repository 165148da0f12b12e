/*
 * report.h - what came of a sweep, for people and for programs.
 */
#ifndef CMD_REPORT_H
#define CMD_REPORT_H

#include <stdio.h>

#include "cmd/progress.h"
#include "cmd/selection.h"
#include "cmd/sweep.h"

enum { REPORT_FAILURES_MAX = 10000 };

struct report_part {
    const char *typed;          /* The scenario as one names it. */
    struct selection selection; /* What its runs are held to. */
    char *const *kept;          /* Not NULL: the files of these cases, which failed earlier; they
                                   count nowhere but as failures. */
};

struct report {
    FILE *out; /* For people. */
    struct progress *progress;
    const struct sweep_part *sweep_parts;
    const struct report_part *parts;
    size_t part_count;
    uint32_t jobs;

    struct sweep_failure *failures; /* Each seed of a scenario once. */
    size_t failure_count;
    size_t unlisted; /* Failures beyond the first REPORT_FAILURES_MAX are only counted. */

    uint64_t began_ns;

    /* Known at the end. */
    const struct sweep_tally *tallies;
    enum sweep_end end;
    uint64_t wall_ns;
};

/* The on_failure of a sweep (context: struct report): prints and keeps it. */
void report_failure(void *context, const struct sweep_failure *failure);

/* The on_tick. */
void report_tick(void *context, const struct sweep_tally *tallies);

/* What to type to have the run of this failure again. */
void report_print_replay(const struct report *report, const struct sweep_failure *failure,
                         FILE *out);

/* Sort the failures by scenario and seed. Before any of the following. */
void report_sort(struct report *report);

void report_summary(const struct report *report);          /* report.c */
void report_json(const struct report *report, FILE *out);  /* report_json.c */
void report_junit(const struct report *report, FILE *out); /* report_junit.c */

/* All parts but those with kept seeds. */
struct sweep_tally report_total(const struct report *report);

double report_seconds(uint64_t ns);
double report_per_s(uint64_t count, uint64_t ns);
void report_free(struct report *report);

#endif
