/*
 * bench_rows.h - what `squall bench` measures: each row, its unit and its goal, and how it is told.
 *
 * Rows of the simulation are measured by squall itself, those of the log by the program bench_log,
 * which squall runs: squall is also linked with planted bugs, and knows nothing of the real world.
 */
#ifndef CMD_BENCH_ROWS_H
#define CMD_BENCH_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { BENCH_ROWS_MAX = 64, BENCH_PAIRS_MAX = 400 };

struct bench_row {
    const char *name;
    const char *unit;
    double goal;       /* Of the value; 0: none. */
    double goal_ratio; /* Of the ratio; 0: none. Where both are given one is enough. */
    bool log;          /* Measured by bench_log. */
    bool large;        /* Only if asked for by name or with --large. */
};

struct bench_result {
    double value;
    double ratio; /* Against the bare loop of the same run; 0: there is none. */
    double low;   /* A quarter of the pairwise ratios is below this, */
    double high;  /* and a quarter above this. */
    size_t pairs;
    char note[200]; /* For people. */
    char json[300]; /* Further members, each with a comma before it. */
};

size_t bench_row_count(void);
const struct bench_row *bench_row(size_t i);

/* Its index. What is unknown ends the program with what may have been meant. */
size_t bench_row_named(const char *name);

/* The head of the table. */
void bench_tell_head(FILE *people);

/* One row of it, and one line of JSON unless json is NULL. */
void bench_tell(const struct bench_row *row, const struct bench_result *result, FILE *people,
                FILE *json);

/* Sorts the values. */
double bench_median(double *values, size_t count);

/* The median of the ratios and their spread, into the result. Sorts the ratios. */
void bench_ratios(double *ratios, size_t count, struct bench_result *result);

#endif
