/*
 * report.c - what came of a sweep, for people.
 *
 * A failing seed is printed at once, in the order of time; what is printed at the end is in the
 * order of scenarios and seeds, and so the same for any number of workers.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/report.h"
#include "cmd/squall.h"

double report_seconds(uint64_t ns)
{
    return (double)ns / 1e9;
}

double report_per_s(uint64_t count, uint64_t ns)
{
    return ns == 0 ? 0 : (double)count / report_seconds(ns);
}

static bool same_seed(const struct report *report, const struct sweep_failure *a,
                      const struct sweep_failure *b)
{
    return a->seed == b->seed &&
           strcmp(report->parts[a->part].typed, report->parts[b->part].typed) == 0;
}

static bool is_known(const struct report *report, const struct sweep_failure *failure)
{
    for (size_t i = 0; i < report->failure_count; i++) {
        if (same_seed(report, &report->failures[i], failure)) return true;
    }
    return false;
}

/* Lines of what a dead process said, or of a trace, under a failure. */
static void print_detail(FILE *out, const char *detail)
{
    while (*detail != '\0') {
        size_t len = strcspn(detail, "\n");

        fprintf(out, "      | %.*s\n", (int)len, detail);
        detail += len + (detail[len] == '\n' ? 1 : 0);
    }
}

void report_print_replay(const struct report *report, const struct sweep_failure *failure,
                         FILE *out)
{
    const struct report_part *part = &report->parts[failure->part];

    if (part->kept != NULL) {
        fprintf(out, "./squall replay %s", part->kept[failure->position]);
    } else {
        selection_print_replay(out, &part->selection, part->typed, failure->seed);
    }
}

static void print_failure(const struct report *report, const struct sweep_failure *failure)
{
    const struct report_part *part = &report->parts[failure->part];
    bool colour = progress_colour(report->out);

    fprintf(report->out, "%sFAIL%s  %s:0x%" PRIx64 "  %s: %s\n", colour ? "\033[31m" : "",
            colour ? "\033[0m" : "", part->typed, failure->seed, sweep_failure_property(failure),
            failure->text);
    fprintf(report->out, "      %s\n", sweep_failure_claim(failure));
    print_detail(report->out, failure->detail);
    if (failure->property != SWEEP_WORKER) {
        fprintf(report->out, "      digest %016" PRIx64 "%016" PRIx64 "\n", failure->digest.high,
                failure->digest.low);
    }
    fputs("      replay with: ", report->out);
    report_print_replay(report, failure, report->out);
    fputc('\n', report->out);
    fflush(report->out);
}

void report_failure(void *context, const struct sweep_failure *failure)
{
    struct report *report = context;

    if (is_known(report, failure)) return;
    if (report->failure_count == REPORT_FAILURES_MAX) {
        report->unlisted++;
        return;
    }
    report->failures =
        realloc(report->failures, (report->failure_count + 1) * sizeof report->failures[0]);
    if (report->failures == NULL) abort();
    report->failures[report->failure_count++] = *failure;
    progress_clear(report->progress);
    print_failure(report, failure);
}

struct sweep_tally report_total(const struct report *report)
{
    struct sweep_tally total = {.seeds = 0};

    for (size_t i = 0; i < report->part_count; i++) {
        if (report->parts[i].kept == NULL) sweep_tally_add(&total, &report->tallies[i]);
    }
    return total;
}

/* ---- While it goes on ---- */

static void say_time(char text[32], uint64_t ns)
{
    static const struct {
        double s;
        const char *name;
    } units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {0, "s"}};
    double s = report_seconds(ns);
    size_t i = 0;

    while (s < 2 * units[i].s) i++;
    (void)snprintf(text, 32, "%.*f %s", units[i].s > 0 ? 1 : 0, units[i].s > 0 ? s / units[i].s : s,
                   units[i].name);
}

/* By the clock if there is a deadline, else by the seeds that are left. */
static uint64_t time_left_ns(const struct report *report, const struct sweep_tally *total,
                             uint64_t now_ns)
{
    uint64_t deadline_ns = 0;
    double seeds = 0;

    for (size_t i = 0; i < report->part_count; i++) {
        const struct sweep_part *part = &report->sweep_parts[i];
        if (part->deadline_ns > deadline_ns) deadline_ns = part->deadline_ns;
        if (report->parts[i].kept == NULL) seeds += (double)part->count;
    }
    if (deadline_ns != 0) return deadline_ns > now_ns ? deadline_ns - now_ns : 0;
    if (total->seeds == 0) return 0;
    double ns = (double)report->wall_ns * (seeds / (double)total->seeds - 1);
    return ns > 0 && ns < 1e18 ? (uint64_t)ns : 0;
}

void report_tick(void *context, const struct sweep_tally *tallies)
{
    struct report *report = context;
    uint64_t now_ns = squall_now_ns();
    char line[PROGRESS_BYTES], simulated[32], left[32];

    if (!progress_due(report->progress, now_ns)) return;
    report->tallies = tallies;
    struct sweep_tally total = report_total(report);
    report->wall_ns = now_ns - report->began_ns;
    say_time(simulated, total.sim_ns);
    say_time(left, time_left_ns(report, &total, now_ns));
    (void)snprintf(line, sizeof line,
                   "%" PRIu64 " seeds, %.0f/s  %.0f images/s  %s simulated  %zu failing  %s left",
                   total.seeds, report_per_s(total.seeds, report->wall_ns),
                   report_per_s(total.images, report->wall_ns), simulated, report->failure_count,
                   left);
    progress_show(report->progress, now_ns, line);
}

/* ---- At the end ---- */

static int by_part_and_seed(const void *a, const void *b)
{
    const struct sweep_failure *left = a, *right = b;

    if (left->part != right->part) return left->part < right->part ? -1 : 1;
    return (left->seed > right->seed) - (left->seed < right->seed);
}

void report_sort(struct report *report)
{
    if (report->failure_count == 0) return;
    qsort(report->failures, report->failure_count, sizeof report->failures[0], by_part_and_seed);
}

static void print_part(const struct report *report, const char *name,
                       const struct sweep_tally *tally, double per_s)
{
    fprintf(report->out,
            "%-18s %9" PRIu64 " seeds %9" PRIu64 " crashes %10" PRIu64 " images %4" PRIu64
            " failing %8.0f seeds/s  digest %016" PRIx64 "%016" PRIx64 "\n",
            name, tally->seeds, tally->crashes, tally->images, tally->failures, per_s,
            tally->digest.high, tally->digest.low);
}

static void print_kept(const struct report *report)
{
    uint64_t tried = 0, failing = 0;

    for (size_t i = 0; i < report->part_count; i++) {
        if (report->parts[i].kept == NULL) continue;
        tried += report->tallies[i].seeds;
        failing += report->tallies[i].failures;
    }
    if (tried == 0) return;
    fprintf(report->out,
            "kept from earlier runs: %" PRIu64 " tried first, %" PRIu64 " fail, %" PRIu64
            " hold now and are forgotten\n",
            tried, failing, tried - failing);
}

static const char *how_it_ended(enum sweep_end end)
{
    switch (end) {
    case SWEEP_COMPLETE: return "";
    case SWEEP_STOPPED: return ", stopped early";
    case SWEEP_INTERRUPTED: return ", interrupted";
    case SWEEP_BROKEN: return ", the harness failed";
    }
    return "";
}

static void print_verdict(const struct report *report)
{
    enum { TOKENS_MAX = 20 };

    if (report->failure_count == 0) {
        fprintf(report->out, "all held%s\n", how_it_ended(report->end));
        return;
    }
    fprintf(report->out, "%zu failing seed%s%s:", report->failure_count,
            report->failure_count == 1 ? "" : "s", how_it_ended(report->end));
    for (size_t i = 0; i < report->failure_count && i < TOKENS_MAX; i++) {
        fprintf(report->out, " %s:0x%" PRIx64, report->parts[report->failures[i].part].typed,
                report->failures[i].seed);
    }
    fputs(report->failure_count > TOKENS_MAX ? " ...\n" : "\n", report->out);
    if (report->unlisted > 0) fprintf(report->out, "and %zu more, not listed\n", report->unlisted);
}

void report_summary(const struct report *report)
{
    struct sweep_tally total = report_total(report);
    size_t lines = 0;

    progress_clear(report->progress);
    print_kept(report);
    for (size_t i = 0; i < report->part_count; i++) {
        const struct sweep_tally *tally = &report->tallies[i];
        if (report->parts[i].kept != NULL) continue;
        print_part(report, report->parts[i].typed, tally,
                   report_per_s(tally->seeds * report->jobs, tally->busy_ns));
        lines++;
    }
    if (lines > 1) print_part(report, "all", &total, report_per_s(total.seeds, report->wall_ns));
    print_verdict(report);
    fflush(report->out);
}

void report_free(struct report *report)
{
    free(report->failures);
}
