/*
 * report_junit.c - what came of a sweep as JUnit XML: a suite for each scenario, in it one case for
 * its seeds as a whole and one for each seed that failed.
 */
#include <inttypes.h>
#include <string.h>

#include "cmd/report.h"

/* XML 1.0 cannot say most control characters at all. */
static void print_text(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '<': fputs("&lt;", out); break;
        case '>': fputs("&gt;", out); break;
        case '&': fputs("&amp;", out); break;
        case '"': fputs("&quot;", out); break;
        case '\n': fputs("&#10;", out); break;
        case '\t': fputs("&#9;", out); break;
        default: fputc((unsigned char)*text < 0x20 ? '?' : *text, out);
        }
    }
}

static void print_failure(const struct report *report, const struct sweep_failure *failure,
                          FILE *out)
{
    const struct report_part *part = &report->parts[failure->part];

    fputs("    <testcase classname=\"", out);
    print_text(out, part->typed);
    fprintf(out, "\" name=\"seed 0x%" PRIx64 "\">\n      <failure type=\"", failure->seed);
    print_text(out, sweep_failure_property(failure));
    fputs("\" message=\"", out);
    print_text(out, failure->text);
    fputs("\">", out);
    print_text(out, sweep_failure_claim(failure));
    fputc('\n', out);
    print_text(out, failure->detail);
    fputs("replay with: ", out);
    report_print_replay(report, failure, out);
    fputs("</failure>\n    </testcase>\n", out);
}

/* A scenario's kept seeds are reported with it. */
static size_t failures_of(const struct report *report, const char *typed)
{
    size_t count = 0;

    for (size_t i = 0; i < report->failure_count; i++) {
        if (strcmp(report->parts[report->failures[i].part].typed, typed) == 0) count++;
    }
    return count;
}

static void print_suite(const struct report *report, size_t index, FILE *out)
{
    const char *typed = report->parts[index].typed;
    const struct sweep_part *part = &report->sweep_parts[index];
    const struct sweep_tally *tally = &report->tallies[index];
    size_t failures = failures_of(report, typed);
    double seconds = report_seconds(tally->busy_ns) / report->jobs;

    fputs("  <testsuite name=\"", out);
    print_text(out, typed);
    fprintf(out, "\" tests=\"%zu\" failures=\"%zu\" errors=\"0\" skipped=\"0\" time=\"%.3f\">\n",
            failures + 1, failures, seconds);
    fputs("    <testcase classname=\"", out);
    print_text(out, typed);
    fprintf(out, "\" name=\"%" PRIu64 " seeds from 0x%" PRIx64 " on\" time=\"%.3f\"/>\n",
            tally->seeds, part->first, seconds);
    for (size_t i = 0; i < report->failure_count; i++) {
        if (strcmp(report->parts[report->failures[i].part].typed, typed) != 0) continue;
        print_failure(report, &report->failures[i], out);
    }
    fputs("  </testsuite>\n", out);
}

void report_junit(const struct report *report, FILE *out)
{
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"squall run\">\n", out);
    for (size_t i = 0; i < report->part_count; i++) {
        if (report->parts[i].kept == NULL) print_suite(report, i, out);
    }
    fputs("</testsuites>\n", out);
}
