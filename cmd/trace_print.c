/*
 * trace_print.c - traces and histories as lines.
 */
#include <assert.h>
#include <inttypes.h>

#include "cmd/trace_print.h"

static const char *result_name(uint16_t result)
{
    switch (result) {
    case SIM_TRACE_DECISION: return "decision";
    case SIM_TRACE_HARNESS: return "harness";
    case SIM_TRACE_STOP: return "stop";
    case SIM_TRACE_SIDE: return "side stop";
    default: return result < WAL_ERR_COUNT ? wal_err_name((enum wal_err)result) : "?";
    }
}

static void print_operation(FILE *out, uint32_t operation)
{
    if (operation == HISTORY_NO_OPERATION) {
        fprintf(out, " %6s", "-");
    } else {
        fprintf(out, " %6" PRIu32, operation);
    }
}

void trace_print_heads(FILE *out)
{
    fprintf(out, "%14s %4s %4s %6s %-14s %-18s %16s %16s %16s\n", "time_ns", "inst", "task", "op",
            "call", "result", "a", "b", "data");
}

void trace_print_event(FILE *out, const struct sim_trace_event *event)
{
    assert(event->call < SIM_CALL_COUNT);
    fprintf(out, "%14" PRIu64 " %4" PRIu32 " %4" PRIu32, event->time_ns, event->instance,
            event->task);
    print_operation(out, event->operation);
    fprintf(out, " %-14s %-18s %16" PRIx64 " %16" PRIx64 " %16" PRIx64 "\n",
            sim_call_name((enum sim_call)event->call), result_name(event->result), event->a,
            event->b, event->data);
}

static void print_observation(FILE *out, const struct history_observation *seen)
{
    fprintf(out, " %s open: %s", seen->recovery ? "recovery" : "reader",
            history_error_name(seen->open_error));
    if (seen->open_error != HISTORY_OK) return;
    fprintf(out, ", %" PRIu32 " records from LSN %" PRIu64 ", then %s", seen->count, seen->from_lsn,
            seen->read_error == HISTORY_OK ? "the end" : history_error_name(seen->read_error));
}

/* The fields that mean nothing for a kind are zero, and left out. */
static void print_fields(FILE *out, const struct history_event *event)
{
    if (event->fault != 0) {
        fprintf(out, " %c%02" PRIu32, event->fault > 100 ? 'O' : 'F', event->fault % 100);
    }
    if (event->error != HISTORY_OK) fprintf(out, " %s", history_error_name(event->error));
    if (event->first_lsn != 0) fprintf(out, " from LSN %" PRIu64, event->first_lsn);
    if (event->last_lsn != 0) fprintf(out, " to LSN %" PRIu64, event->last_lsn);
    if (event->index != 0 || event->count != 0) {
        fprintf(out, " %" PRIu32 "/%" PRIu32, event->index, event->count);
    }
    if (event->length != 0) fprintf(out, " length %" PRIu32, event->length);
    if (event->hash != 0) fprintf(out, " hash %" PRIx64, event->hash);
    if (event->flag) fputs(" yes", out);
}

void trace_print_history(FILE *out, const struct history *history)
{
    fprintf(out, "\nhistory\n%14s %4s %6s what\n", "time_ns", "inst", "op");
    for (size_t i = 0; i < history->count; i++) {
        const struct history_event *event = &history->events[i];

        fprintf(out, "%14" PRIu64 " %4" PRIu32, event->time_ns, event->instance);
        print_operation(out, event->operation);
        fprintf(out, " %s", history_kind_name(event->kind));
        print_fields(out, event);
        if (event->observation != NULL) print_observation(out, event->observation);
        fputc('\n', out);
    }
}
