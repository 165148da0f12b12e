/*
 * walctl_append.c - walctl append: standard input becomes records.
 *
 * Many records are in flight: nothing here waits for one to become durable before the next is
 * appended. What the log holds is always the beginning of the input: the first failure ends all
 * appending, and of what was on its way nothing gets in (stop_on_rollback).
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cmd/walctl.h"
#include "cmd/walctl_input.h"
#include "cmd/walctl_metrics.h"
#include "cmd/walctl_progress.h"
#include "cmd/walctl_row.h"

static const char name[] = "append";

enum { STOP_SIGNAL, STOP_TROUBLE }; /* Of the input's stop descriptors. */

enum {
    SEGMENT_BYTES_MIN = 32 * 1024,
    AROUND_GROUP_BYTES = 16 * 1024, /* Headers and padding, with room to spare. */
    JSON_PER_ROW_BYTE = 32,         /* A null with its type named, which is a byte. */
};

struct append_args {
    const char *dir;
    struct wal_options options;
    enum input_framing framing;
    bool rows;
    bool quiet;
    bool stats;
    const char *prometheus; /* NULL: no. */
};

struct appender {
    const struct append_args *args;
    const char *dir;
    struct wal_log *log;
    struct progress progress;
    struct input input;
    bool rows; /* The lines say rows. */
    struct row_maker maker;
    struct row_problem problem; /* Of the line that does not. */
    sigset_t signals;

    uint64_t first_lsn; /* Of this run; 0 before the first. */
    uint64_t last_lsn;  /* The last accepted. */
    atomic_int trouble; /* The enum wal_err of the first rollback or poisoning. */
};

/* ---- Arguments ---- */

enum {
    KEY_CREATE = 0x100,
    KEY_NO_CREATE,
    KEY_SEGMENT_BYTES,
    KEY_BLOCK_BYTES,
    KEY_LINES,
    KEY_LENGTH_PREFIXED,
    KEY_ROWS,
    KEY_QUIET,
    KEY_SYNC,
    KEY_SYNC_INTERVAL,
    KEY_STATS,
    KEY_PROMETHEUS,
};

static const struct argp_option options[] = {
    {.name = "create", .key = KEY_CREATE, .doc = "Make the log if there is none (default)"},
    {.name = "no-create", .key = KEY_NO_CREATE, .doc = "Fail if there is no log"},
    {.name = "segment-bytes",
     .key = KEY_SEGMENT_BYTES,
     .arg = "N",
     .doc = "Begin a new segment at this size"},
    {.name = "block-bytes",
     .key = KEY_BLOCK_BYTES,
     .arg = "N",
     .doc = "A new log's commits begin at multiples of this: 4096 (default), 512 or 8"},
    {.name = "sync",
     .key = KEY_SYNC,
     .arg = "POLICY",
     .doc = "What was written is synced: every-group (default), on-demand, at an interval, or "
            "never before the end of the input"},
    {.name = "sync-interval-us",
     .key = KEY_SYNC_INTERVAL,
     .arg = "N",
     .doc = "With --sync=interval: so many microseconds after it was written (10000)"},
    {.name = "lines", .key = KEY_LINES, .doc = "A record is a line (default)"},
    {.name = "length-prefixed",
     .key = KEY_LENGTH_PREFIXED,
     .doc = "A record is a little-endian u32 and so many bytes"},
    {.name = "rows",
     .key = KEY_ROWS,
     .doc = "A line is a row: a JSON array of null, booleans, numbers, texts and "
            "{\"type\":T,\"value\":V}"},
    {.name = "stats", .key = KEY_STATS, .doc = "Say at the end how long commits took"},
    {.name = "prometheus",
     .key = KEY_PROMETHEUS,
     .arg = "FILE",
     .doc = "Write statistics to FILE at the end, in Prometheus' text format"},
    {.name = "quiet", .key = KEY_QUIET, .doc = "Print only the last durable LSN"},
    {0},
};

/* Indexed by enum wal_sync_policy. */
static const char *const sync_policies[] = {
    [WAL_SYNC_EVERY_GROUP] = "every-group",
    [WAL_SYNC_ON_DEMAND] = "on-demand",
    [WAL_SYNC_INTERVAL] = "interval",
    [WAL_SYNC_NEVER] = "never",
};

static enum wal_sync_policy sync_policy(const char *arg, const struct argp_state *state)
{
    for (int i = WAL_SYNC_EVERY_GROUP; i <= WAL_SYNC_NEVER; i++) {
        if (strcmp(arg, sync_policies[i]) == 0) return (enum wal_sync_policy)i;
    }
    argp_error(state, "--sync is every-group, on-demand, interval or never, not '%s'", arg);
    return WAL_SYNC_UNSET;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct append_args *args = state->input;
    uint64_t number = 0;

    switch (key) {
    case KEY_CREATE: args->options.create = true; return 0;
    case KEY_NO_CREATE: args->options.create = false; return 0;
    case KEY_LINES: args->framing = INPUT_LINES; return 0;
    case KEY_LENGTH_PREFIXED: args->framing = INPUT_LENGTH_PREFIXED; return 0;
    case KEY_ROWS: args->rows = true; return 0;
    case KEY_QUIET: args->quiet = true; return 0;
    case KEY_STATS: args->stats = true; return 0;
    case KEY_PROMETHEUS: args->prometheus = arg; return 0;
    case KEY_SYNC: args->options.sync_policy = sync_policy(arg, state); return 0;
    case KEY_SYNC_INTERVAL:
        args->options.sync_interval_ns = 1000 * walctl_number("--sync-interval-us", arg, state);
        return 0;
    case KEY_SEGMENT_BYTES:
        number = walctl_number("--segment-bytes", arg, state);
        if (number < SEGMENT_BYTES_MIN) {
            argp_error(state, "--segment-bytes is at least %d, not '%s'", SEGMENT_BYTES_MIN, arg);
        }
        args->options.segment_bytes = number;
        return 0;
    case KEY_BLOCK_BYTES:
        number = walctl_number("--block-bytes", arg, state);
        if (number != 4096 && number != 512 && number != 8) {
            argp_error(state, "--block-bytes is 4096, 512 or 8, not '%s'", arg);
        }
        args->options.block_bytes = (uint32_t)number;
        return 0;
    default: return walctl_take_dir(key, arg, state, &args->dir);
    }
}

static const struct argp argp = {
    .options = options,
    .parser = parse,
    .args_doc = "DIR",
    .doc = "Append standard input to the log in DIR, and print the durable LSN as it advances.\v"
           "A number is printed when all records up to it are durable, never before. Interrupted, "
           "it makes durable what it has accepted, closes the log and ends with 130.",
};

static void fit_down(uint32_t *value, uint64_t limit)
{
    if (*value > limit) *value = (uint32_t)limit;
}

/* A segment must hold the largest group; so small segments mean small limits. */
static void fit_limits(struct wal_options *fitted)
{
    uint64_t queue = fitted->segment_bytes - AROUND_GROUP_BYTES;

    fit_down(&fitted->queue_bytes, queue);
    fit_down(&fitted->record_bytes_max, fitted->queue_bytes / 2);
    fit_down(&fitted->batch_bytes_max, fitted->queue_bytes / 2);
}

/* ---- What the log reports ---- */

static void observe(void *context, const struct wal_event *event)
{
    struct appender *appender = context;
    int none = WAL_OK;

    switch (event->kind) {
    case WAL_EVENT_ROLLED_BACK:
    case WAL_EVENT_POISONED:
        atomic_compare_exchange_strong(&appender->trouble, &none, (int)event->err);
        eventfd_write(appender->input.stop_fds[STOP_TROUBLE], 1);
        break;
    case WAL_EVENT_RECOVERED:
        walctl_say(name, "%s: recovered, for it was not closed; the last LSN is %" PRIu64,
                   appender->dir, event->lsn);
        break;
    case WAL_EVENT_TAIL_CUT:
        walctl_say(name,
                   "%s: %" PRIu64 " bytes of torn tail at %s+%" PRIu64
                   " left behind (nothing durable is missing)",
                   appender->dir, event->bytes, event->place.name, event->place.offset);
        break;
    case WAL_EVENT_MARK_SLOT_BAD:
        walctl_say(name, "%s: one half of the mark is unreadable; the other counts", appender->dir);
        break;
    case WAL_EVENT_LEFTOVER_REMOVED:
        walctl_say(name, "%s: unfinished file %s removed", appender->dir, event->place.name);
        break;
    case WAL_EVENT_NODIRECT:
        walctl_say(name, "%s: no direct I/O is possible there; buffered instead", appender->dir);
        break;
    case WAL_EVENT_REPAIRED:
    case WAL_EVENT_CORRUPTION: break; /* wal_open fails with the same place. */
    }
}

/* ---- Appending ---- */

static enum wal_err append_one(struct appender *appender, const char *bytes, size_t len)
{
    struct wal_ticket ticket;

    if (atomic_load(&appender->trouble) != WAL_OK) return WAL_ROLLED_BACK;
    enum wal_err err = wal_append(appender->log, bytes, len, &ticket);
    if (err) return err;
    if (appender->first_lsn == 0) appender->first_lsn = ticket.first_lsn;
    appender->last_lsn = ticket.last_lsn;
    return WAL_OK;
}

/* A line becomes the bytes of its row. */
static enum input_result make_row(struct appender *appender, const char **bytes, size_t *len)
{
    const uint8_t *row = NULL;

    if (!appender->rows) return INPUT_RECORD;
    if (!row_parse(&appender->maker, *bytes, *len, &row, len, &appender->problem))
        return INPUT_NOTROW;
    *bytes = (const char *)row;
    return INPUT_RECORD;
}

/* Until the input ends, or something does. */
static enum input_result append_all(struct appender *appender, enum wal_err *ret_err)
{
    enum input_result result = INPUT_MORE;
    const char *bytes = NULL;
    size_t len = 0;

    while (result == INPUT_MORE) {
        while ((result = input_take(&appender->input, &bytes, &len)) == INPUT_RECORD) {
            result = make_row(appender, &bytes, &len);
            if (result != INPUT_RECORD) break;
            *ret_err = append_one(appender, bytes, len);
            if (*ret_err) return INPUT_RECORD;
        }
        if (appender->last_lsn != 0) progress_await(&appender->progress, appender->last_lsn);
        if (result == INPUT_MORE) result = input_fill(&appender->input);
    }
    return result;
}

/* ---- How it ended ---- */

static const char *unit(const struct appender *appender)
{
    return appender->input.framing == INPUT_LINES ? "line" : "record";
}

/* Which record of the input is the first that is not in the log. */
static int say_refused(const struct appender *appender, enum wal_err err, uint64_t durable_lsn)
{
    int trouble = atomic_load(&appender->trouble);
    uint64_t kept = 0;

    if (trouble != WAL_OK) err = (enum wal_err)trouble;
    if (appender->first_lsn != 0 && durable_lsn >= appender->first_lsn) {
        kept = durable_lsn - appender->first_lsn + 1;
    }
    walctl_say(name, "%s: %s; %s %" PRIu64 " is the first that is not in the log", appender->dir,
               wal_err_text(err), unit(appender), kept + 1);
    return WALCTL_FAILED;
}

static int say_input(const struct appender *appender, enum input_result result)
{
    const struct input *input = &appender->input;

    switch (result) {
    case INPUT_RECORD:
    case INPUT_MORE:
    case INPUT_END: return WALCTL_OK;
    case INPUT_STOPPED: return WALCTL_INTERRUPTED;
    case INPUT_CUT:
        walctl_say(name, "standard input ends inside record %" PRIu64, input->number);
        return WALCTL_FAILED;
    case INPUT_TOO_LONG:
        walctl_say(name,
                   "%s %" PRIu64 " is over the limit of %zu bytes; those before it are in "
                   "the log",
                   unit(appender), input->number, input->limit);
        return WALCTL_FAILED;
    case INPUT_NOTROW:
        walctl_say(name, "line %" PRIu64 ", column %zu: %s; the lines before it are in the log",
                   input->number, appender->problem.column, appender->problem.what);
        return WALCTL_FAILED;
    case INPUT_FAILED:
        walctl_say(name, "standard input: %s", strerror(input->error));
        return WALCTL_FAILED;
    }
    return WALCTL_FAILED;
}

static int worse(int status, int other)
{
    return status == WALCTL_OK ? other : status;
}

static bool say_statistics(const struct append_args *args, const struct wal_stat *stat,
                           const struct wal_latencies *latencies)
{
    if (args->stats) metrics_print_latencies(stderr, latencies);
    if (args->prometheus == NULL) return true;

    FILE *out = fopen(args->prometheus, "w");
    if (out != NULL) {
        metrics_prometheus_stat(out, stat);
        metrics_prometheus_latencies(out, latencies);
    }
    bool written = out != NULL && ferror(out) == 0;
    if (out != NULL && fclose(out) != 0) written = false;
    if (!written) walctl_say(name, "%s: %s", args->prometheus, strerror(errno));
    return written;
}

/* Make durable, close, and say what the durable LSN is. */
static int finish(struct appender *appender, enum input_result result, enum wal_err err)
{
    uint64_t durable_lsn = 0;
    struct wal_stat stat;
    struct wal_latencies latencies;

    enum wal_err err_sync = wal_sync(appender->log, &durable_lsn);
    if (err == WAL_OK) err = err_sync;
    if (err == WAL_OK) err = (enum wal_err)atomic_load(&appender->trouble);
    progress_stop(&appender->progress);
    wal_log_stat(appender->log, &stat);
    wal_log_latencies(appender->log, &latencies);
    enum wal_err err_close = wal_close(appender->log);

    int status = say_input(appender, result);
    if (err) status = say_refused(appender, err, stat.durable_lsn);
    if (err == WAL_OK && err_close != WAL_OK) {
        status = walctl_fail(name, appender->dir, err_close, NULL);
    }

    if (!say_statistics(appender->args, &stat, &latencies)) status = worse(status, WALCTL_FAILED);
    int error = progress_last(&appender->progress, stat.durable_lsn);
    if (error == 0) return status;
    walctl_say(name, "standard output: %s; the last durable LSN is %" PRIu64, strerror(error),
               stat.durable_lsn);
    return worse(status, WALCTL_FAILED);
}

/* Who interrupts twice does not want to wait: after the first, a signal kills. */
static void let_signals_kill(const struct appender *appender)
{
    struct signalfd_siginfo first;
    ssize_t got = 0;

    do {
        got = read(appender->input.stop_fds[STOP_SIGNAL], &first, sizeof(first));
    } while (got > 0);
    sigprocmask(SIG_UNBLOCK, &appender->signals, NULL);
}

static int append_and_finish(struct appender *appender)
{
    enum wal_err err = WAL_OK;
    enum input_result result = append_all(appender, &err);

    if (result == INPUT_STOPPED) let_signals_kill(appender);
    return finish(appender, result, err);
}

/* ---- Beginning ---- */

/* Signals become input: a descriptor that the wait for standard input watches, too. */
static enum wal_err watch_signals(struct appender *appender)
{
    int *fd = &appender->input.stop_fds[STOP_SIGNAL];

    sigemptyset(&appender->signals);
    sigaddset(&appender->signals, SIGINT);
    sigaddset(&appender->signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &appender->signals, NULL);
    *fd = signalfd(-1, &appender->signals, SFD_CLOEXEC | SFD_NONBLOCK);
    return *fd >= 0 ? WAL_OK : WAL_NOFILES;
}

/* Until signals are watched they kill, which a log survives like any crash: so opening one, which
 * may take long, can be interrupted. */
static int run(struct wal_io *io, struct appender *appender, const struct append_args *args)
{
    struct wal_place place = {0};
    struct wal_stat stat;

    enum wal_err err = wal_open(io, args->dir, &args->options, &appender->log, &place);
    if (err == WAL_SEGMENT_LIMIT || err == WAL_OPTION) {
        walctl_say(name, "--segment-bytes %" PRIu64 ": %s", args->options.segment_bytes,
                   wal_err_text(err));
        return WALCTL_USAGE;
    }
    if (err == WAL_NOTFOUND && args->options.create) {
        walctl_say(name, "%s: %s (nor the directory to make it in)", args->dir, wal_err_text(err));
        return WALCTL_FAILED;
    }
    if (err) return walctl_fail(name, args->dir, err, &place);

    wal_log_stat(appender->log, &stat);
    err = watch_signals(appender);
    if (err == WAL_OK) {
        err = progress_start(&appender->progress, io, appender->log, stat.durable_lsn, args->quiet);
    }
    if (err) {
        err_ignore(wal_close(appender->log)); /* Nothing was appended. */
        return walctl_fail(name, args->dir, err, NULL);
    }
    return append_and_finish(appender);
}

int walctl_append(struct wal_io *io, int argc, char **argv)
{
    struct append_args args = {.options = wal_options_default(), .framing = INPUT_LINES};
    struct appender appender = {.input = {.fd = STDIN_FILENO, .stop_fds = {-1, -1}}};
    int *stop_fds = appender.input.stop_fds;

    args.options.create = true;
    args.options.sync_policy = WAL_SYNC_EVERY_GROUP;
    args.options.stop_on_rollback = true;
    args.options.mark_policy = WAL_MARK_EVERY_GROUP; /* What is printed survives a kill. */
    walctl_parse(&argp, argc, argv, &args);
    fit_limits(&args.options);
    args.options.observe = observe;
    args.options.observe_context = &appender;

    appender.args = &args;
    appender.dir = args.dir;
    appender.input.framing = args.framing;
    appender.input.limit = args.options.record_bytes_max;
    appender.rows = args.rows;
    if (args.rows) appender.input.limit *= JSON_PER_ROW_BYTE; /* The row is what is limited. */
    stop_fds[STOP_TROUBLE] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (stop_fds[STOP_TROUBLE] < 0) return walctl_fail(name, args.dir, WAL_NOFILES, NULL);

    int status = run(io, &appender, &args);
    input_free(&appender.input);
    row_maker_free(&appender.maker);
    for (int i = 0; i < INPUT_STOPS; i++) {
        if (stop_fds[i] >= 0) close(stop_fds[i]);
    }
    return status;
}
