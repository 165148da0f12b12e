/*
 * report_json.c - what came of a sweep as JSON Lines.
 *
 * Seeds have 64 bits and are strings: a reader that keeps numbers as doubles would change them.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/json.h"
#include "cmd/report.h"

static void member(FILE *out, const char *name, const char *value)
{
    fprintf(out, ",\"%s\":", name);
    json_string(out, value, strlen(value));
}

static void replay_member(const struct report *report, const struct sweep_failure *failure,
                          FILE *out)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *line = open_memstream(&text, &bytes);

    if (line == NULL) abort();
    report_print_replay(report, failure, line);
    fclose(line);
    member(out, "replay", text);
    free(text);
}

static void print_failure(const struct report *report, const struct sweep_failure *failure,
                          FILE *out)
{
    const struct report_part *part = &report->parts[failure->part];

    fputs("{\"type\":\"failure\"", out);
    member(out, "scenario", part->typed);
    fprintf(out, ",\"seed\":\"0x%" PRIx64 "\"", failure->seed);
    member(out, "property", sweep_failure_property(failure));
    member(out, "claim", sweep_failure_claim(failure));
    member(out, "what", failure->text);
    if (failure->detail[0] != '\0') member(out, "detail", failure->detail);
    fprintf(out, ",\"image\":%" PRIu32 ",\"events\":%" PRIu64, failure->image, failure->events);
    if (failure->property == SWEEP_WORKER) {
        fputs(",\"digest\":null", out);
    } else {
        fprintf(out, ",\"digest\":\"%016" PRIx64 "%016" PRIx64 "\"", failure->digest.high,
                failure->digest.low);
    }
    replay_member(report, failure, out);
    fputs("}\n", out);
}

void report_json(const struct report *report, FILE *out)
{
    struct sweep_tally total = report_total(report);
    size_t scenarios = 0;

    for (size_t i = 0; i < report->failure_count; i++) {
        print_failure(report, &report->failures[i], out);
    }
    for (size_t i = 0; i < report->part_count; i++) scenarios += report->parts[i].kept == NULL;
    fprintf(out,
            "{\"type\":\"summary\",\"scenarios\":%zu,\"seeds\":%" PRIu64
            ",\"failures\":%zu,\"crashes\":%" PRIu64 ",\"images\":%" PRIu64,
            scenarios, total.seeds, report->failure_count + report->unlisted, total.crashes,
            total.images);
    fprintf(out, ",\"sim_s\":%.3f,\"wall_s\":%.3f,\"seeds_per_s\":%.1f,\"images_per_s\":%.1f",
            report_seconds(total.sim_ns), report_seconds(report->wall_ns),
            report_per_s(total.seeds, report->wall_ns),
            report_per_s(total.images, report->wall_ns));
    fprintf(out, ",\"complete\":%s,\"interrupted\":%s",
            report->end == SWEEP_COMPLETE ? "true" : "false",
            report->end == SWEEP_INTERRUPTED ? "true" : "false");
    fprintf(out, ",\"digest\":\"%016" PRIx64 "%016" PRIx64 "\"}\n", total.digest.high,
            total.digest.low);
}
