/*
 * divergence.c - where two executions that should be one part ways.
 *
 * Differences are rare and runs are short: so nothing is kept while sweeping, and both executions
 * are repeated with their traces kept.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/divergence.h"
#include "cmd/trace_print.h"

struct tape {
    struct sim_trace_event *events;
    size_t count;
    size_t capacity;
};

static void keep(void *context, const struct sim_trace_event *event)
{
    struct tape *tape = context;

    if (tape->count == tape->capacity) {
        tape->capacity = tape->capacity == 0 ? 4096 : 2 * tape->capacity;
        tape->events = realloc(tape->events, tape->capacity * sizeof tape->events[0]);
        if (tape->events == NULL) abort();
    }
    tape->events[tape->count++] = *event;
}

static struct tape play(struct runner *runner, const struct scenario *scenario,
                        const struct run_options *options)
{
    struct run_options kept = *options;
    struct run_result result;
    struct tape tape = {.events = NULL};

    kept.trace = keep;
    kept.trace_context = &tape;
    runner_run(runner, scenario, &kept, &result);
    return tape;
}

/* Field by field would miss nothing either; there is no padding (sim/trace.h). */
static size_t first_difference(const struct tape *one, const struct tape *other)
{
    size_t at = 0;

    while (at < one->count && at < other->count &&
           memcmp(&one->events[at], &other->events[at], sizeof one->events[0]) == 0) {
        at++;
    }
    return at;
}

static void show(FILE *out, const char *which, const struct tape *tape, size_t at)
{
    fprintf(out, "%s ", which);
    if (at < tape->count) {
        trace_print_event(out, &tape->events[at]);
    } else {
        fputs("ends here\n", out);
    }
}

void divergence_explain(struct runner *runner, const struct scenario *scenario,
                        const struct run_options *one, const struct run_options *other,
                        char *ret_text, char *ret_detail, size_t bytes)
{
    struct tape first = play(runner, scenario, one);
    struct tape second = play(runner, scenario, other);
    size_t at = first_difference(&first, &second);

    if (at == first.count && at == second.count) {
        (void)snprintf(ret_text, bytes,
                       "two executions differed, but not in any of the %zu events of their traces",
                       at);
    } else {
        (void)snprintf(ret_text, bytes, "two executions differ first at event %zu", at + 1);
        FILE *out = fmemopen(ret_detail, bytes, "w");
        if (out != NULL) {
            show(out, "once ", &first, at);
            show(out, "again", &second, at);
            fclose(out);
        }
    }
    free(first.events);
    free(second.events);
}
