/*
 * trace_print.c - a run as lines, one for each event.
 *
 *     event        time_ns inst task         op     call           file     ...      result
 *        51         256500    1 committer    -      pwrite         0000000000000001.wal ...
 *        52         256600    1 committer    op0    ? op0 F40 fdatasync 0 = 1 (fsync-lies)
 *         !         256600    1              op0    F40 fsync-lies strikes, telling nobody
 *        53         306600    1 committer    op0    fdatasync      0000000000000001.wal ...
 *         ^         620300    2              -      recovered nothing from LSN 1 on
 *
 * A sign in place of the number: '=' is a row of the history, '!' one that is the world's doing,
 * '^' a recovery. "=512" is a size. What stands behind a '?' is a decision.
 */
#include <assert.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "cmd/squall.h"
#include "cmd/trace_print.h"
#include "cmd/trace_words.h"

void trace_print_event(FILE *out, const struct sim_trace_event *event)
{
    assert(event->call < SIM_CALL_COUNT);
    fprintf(out, "%14" PRIu64 " %4" PRIu32 " %4" PRIu32, event->time_ns, event->instance,
            event->task);
    if (event->operation == HISTORY_NO_OPERATION) {
        fprintf(out, " %6s", "-");
    } else {
        fprintf(out, " %6" PRIu32, event->operation);
    }
    fprintf(out, " %-14s %-18s %16" PRIx64 " %16" PRIx64 " %16" PRIx64 "\n",
            sim_call_name((enum sim_call)event->call), trace_result_name(event->result), event->a,
            event->b, event->data);
}

static void print_head(FILE *out, uint64_t time_ns, uint32_t instance, const char *task,
                       uint32_t operation)
{
    char op[16] = "-";

    if (operation != HISTORY_NO_OPERATION) (void)snprintf(op, sizeof op, "op%" PRIu32, operation);
    fprintf(out, " %14" PRIu64 " %4" PRIu32 " %-12s %-6s ", time_ns, instance, task, op);
}

static void print_facts(struct trace_print *print)
{
    const struct history *history = runner_history(print->runner);

    for (; print->facts < history->count; print->facts++) {
        const struct history_event *event = &history->events[print->facts];

        fprintf(print->out, "%7c", trace_fact_mark(event));
        print_head(print->out, event->time_ns, event->instance, "", event->operation);
        trace_words_fact(print->out, event);
        fputc('\n', print->out);
    }
}

static void print_call(FILE *out, struct sim_world *world, const struct sim_trace_event *event)
{
    char place[48] = "-";
    const char *name = trace_file_name(world, event);

    if (event->call == SIM_CALL_SIZE || event->call == SIM_CALL_FTRUNCATE) {
        (void)snprintf(place, sizeof place, "=%" PRIu64, event->a);
    } else if (trace_has_place(event)) {
        (void)snprintf(place, sizeof place, "%" PRIu64 "+%" PRIu64, event->a, trace_length(event));
    }
    fprintf(out, "%-14s %-20s %16s  %s", sim_call_name((enum sim_call)event->call),
            *name != '\0' ? name : "-", place, trace_result_name(event->result));
}

static void print_line(struct trace_print *print, const struct sim_trace_event *event)
{
    struct sim_world *world = runner_world(print->runner);
    FILE *out = print->out;

    print_facts(print);
    fprintf(out, "%7" PRIu64, print->events);
    print_head(out, event->time_ns, event->instance, sim_trace_task(world), event->operation);
    if (event->result == SIM_TRACE_DECISION) {
        fputs("? ", out);
        trace_words_decision(out, world, event);
    } else if (event->result == SIM_TRACE_STOP) {
        trace_words_stop(out, event);
    } else {
        print_call(out, world, event);
    }
    fputc('\n', out);
    fflush(out); /* The next call may be the one that the process does not survive. */
}

static bool is_debugged(void)
{
    FILE *in = fopen("/proc/self/status", "re");
    char line[128];
    long tracer = 0;

    if (in == NULL) return false;
    while (fgets(line, sizeof line, in) != NULL) {
        if (sscanf(line, "TracerPid: %ld", &tracer) == 1) break;
    }
    fclose(in);
    return tracer != 0;
}

/* We are on the stack of the task that makes the call: a debugger shows it. */
static void stop_here(const struct trace_print *print)
{
    fflush(NULL);
    if (!is_debugged()) {
        squall_say("event %" PRIu64 ": no debugger is here; gdb --args ./build/squall replay ... "
                   "--break %" PRIu64,
                   print->events, print->events);
    }
    (void)raise(SIGTRAP);
}

/* A run cannot be left but by leaving the process: it is on a stack of its own. */
static _Noreturn void end_here(struct trace_print *print)
{
    if (print->out != NULL) {
        print_facts(print);
        fprintf(print->out, "stopped after event %" PRIu64 ", as asked\n", print->events);
    }
    fflush(NULL);
    _exit(SQUALL_INTERRUPTED);
}

static void take(void *context, const struct sim_trace_event *event)
{
    struct trace_print *print = context;

    if (!trace_is_counted(event)) return;
    print->events++;
    if (print->out != NULL) print_line(print, event);
    if (print->events == print->break_at) stop_here(print);
    if (print->events == print->until) end_here(print);
}

void trace_print_begin(struct trace_print *print, struct run_options *options)
{
    print->events = 0;
    print->facts = 0;
    options->trace = take;
    options->trace_context = print;
    if (print->out == NULL) return;
    fprintf(print->out, "%7s %14s %4s %-12s %-6s %-14s %-20s %16s  %s\n", "event", "time_ns",
            "inst", "task", "op", "call", "file", "offset+length", "result");
}

void trace_print_end(struct trace_print *print)
{
    if (print->out != NULL) print_facts(print);
}
