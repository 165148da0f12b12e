/*
 * bench_rows.c - the table of what is measured, and the telling of it.
 */
#include "cmd/bench_rows.h"

#include <stdlib.h>
#include <string.h>

#include "cmd/squall.h"

static const struct bench_row rows[] = {
    {.name = "small_seeds", .unit = "seeds/s", .goal = 20000},
    {.name = "crash_images", .unit = "images/s", .goal = 100000},
    {.name = "log_lifecycles", .unit = "lifecycles/s", .goal = 3000},
    {.name = "append_sync_1_128", .unit = "records/s", .goal_ratio = 0.95, .log = true},
    {.name = "append_sync_1_1024", .unit = "records/s", .goal_ratio = 0.95, .log = true},
    {.name = "append_sync_1_16384", .unit = "records/s", .goal_ratio = 0.95, .log = true},
    {.name = "append_group_16", .unit = "records/s", .goal_ratio = 4.5, .log = true},
    {.name = "append_group_64", .unit = "records/s", .goal_ratio = 8, .log = true},
    {.name = "append_async", .unit = "records/s", .goal = 5e6, .goal_ratio = 0.8, .log = true},
    {.name = "append_nosync_128", .unit = "records/s", .goal = 1e7, .log = true},
    {.name = "replay_128", .unit = "GB/s", .goal = 8, .log = true},
    {.name = "replay_1024", .unit = "GB/s", .goal = 15, .log = true},
    {.name = "replay_streamed_128", .unit = "GB/s", .log = true},
    {.name = "replay_streamed_1024", .unit = "GB/s", .log = true},
    {.name = "open_clean_1mb", .unit = "ms", .log = true},
    {.name = "open_clean_100mb", .unit = "ms", .log = true},
    {.name = "open_clean_10gb", .unit = "ms", .log = true, .large = true},
    {.name = "recover_1mb", .unit = "ms", .log = true},
    {.name = "recover_100mb", .unit = "ms", .log = true},
    {.name = "recover_10gb", .unit = "ms", .log = true, .large = true},
};

enum { ROWS = sizeof rows / sizeof rows[0] };

_Static_assert(sizeof rows / sizeof rows[0] <= BENCH_ROWS_MAX, "a set of rows has room for all");

size_t bench_row_count(void)
{
    return ROWS;
}

const struct bench_row *bench_row(size_t i)
{
    return &rows[i];
}

size_t bench_row_named(const char *name)
{
    const char *names[ROWS];

    for (size_t i = 0; i < ROWS; i++) {
        names[i] = rows[i].name;
        if (strcmp(names[i], name) == 0) return i;
    }
    program_unknown("benchmark", name, names, ROWS);
}

/* ---- Telling ---- */

static bool has_goal(const struct bench_row *row)
{
    return row->goal > 0 || row->goal_ratio > 0;
}

static bool met(const struct bench_row *row, const struct bench_result *result)
{
    return (row->goal > 0 && result->value >= row->goal) ||
           (row->goal_ratio > 0 && result->ratio >= row->goal_ratio);
}

void bench_tell_head(FILE *people)
{
    fprintf(people, "%-19s %22s   %-24s %-17s %s\n", "what", "measured", "ratio to the bare loop",
            "goal", "");
}

void bench_tell(const struct bench_row *row, const struct bench_result *result, FILE *people,
                FILE *json)
{
    char ratio[64] = "", goal[64] = "", member[32] = "null";

    if (result->ratio > 0) {
        (void)snprintf(ratio, sizeof ratio, "%.2f (%.2f .. %.2f, %zu)", result->ratio, result->low,
                       result->high, result->pairs);
        (void)snprintf(member, sizeof member, "%.3f", result->ratio);
    }
    if (row->goal > 0 && row->goal_ratio > 0) {
        (void)snprintf(goal, sizeof goal, "%.0f or %.2fx", row->goal, row->goal_ratio);
    } else if (has_goal(row)) {
        (void)snprintf(goal, sizeof goal, row->goal > 0 ? "%.0f" : "%.2fx",
                       row->goal > 0 ? row->goal : row->goal_ratio);
    }
    fprintf(people, "%-19s %12.*f %-12s %-24s %-12s %-6s %s\n", row->name,
            result->value < 1000 ? 2 : 0, result->value, row->unit, ratio, goal,
            !has_goal(row)     ? ""
            : met(row, result) ? "met"
                               : "missed",
            result->note);
    fflush(people);
    if (json == NULL) return;
    fprintf(json,
            "{\"type\":\"bench\",\"name\":\"%s\",\"value\":%.3f,\"unit\":\"%s\",\"ratio\":%s,",
            row->name, result->value, row->unit, member);
    if (has_goal(row)) {
        fprintf(json, "\"goal\":%g,\"met\":%s", row->goal > 0 ? row->goal : row->goal_ratio,
                met(row, result) ? "true" : "false");
    } else {
        fputs("\"goal\":null,\"met\":null", json);
    }
    if (result->ratio > 0) {
        fprintf(json, ",\"ratio_low\":%.3f,\"ratio_high\":%.3f,\"pairs\":%zu", result->low,
                result->high, result->pairs);
    }
    fprintf(json, "%s}\n", result->json);
    fflush(json);
}

/* ---- Statistics ---- */

static int by_value(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;

    return (left > right) - (left < right);
}

double bench_median(double *values, size_t count)
{
    if (count == 0) return 0;
    qsort(values, count, sizeof values[0], by_value);
    return values[count / 2];
}

void bench_ratios(double *ratios, size_t count, struct bench_result *result)
{
    if (count == 0) return;
    result->ratio = bench_median(ratios, count);
    result->low = ratios[count / 4];
    result->high = ratios[count - 1 - count / 4];
    result->pairs = count;
}
