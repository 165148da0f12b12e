/*
 * walctl_truncate.c - walctl truncate: take back the newest records of a log.
 */
#include <inttypes.h>
#include <stdio.h>

#include "cmd/walctl.h"

static const char name[] = "truncate";

struct truncate_args {
    const char *dir;
    uint64_t after_lsn;
    bool given; /* 0 is an LSN to truncate after, too. */
};

enum { KEY_AFTER = 0x100 };

static const struct argp_option options[] = {
    {.name = "after", .key = KEY_AFTER, .arg = "LSN", .doc = "Take back all records above it"},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct truncate_args *args = state->input;

    if (key == KEY_AFTER) {
        args->after_lsn = walctl_number("--after", arg, state);
        args->given = true;
        return 0;
    }
    if (key == ARGP_KEY_END && !args->given) argp_error(state, "--after LSN is missing");
    return walctl_take_dir(key, arg, state, &args->dir);
}

static const struct argp argp = {
    .options = options,
    .parser = parse,
    .args_doc = "DIR",
    .doc =
        "Give up the records of the log in DIR below an LSN, but nothing that a pin holds. Prints "
        "the first LSN that is left.",
};

int walctl_truncate(struct wal_io *io, int argc, char **argv)
{
    struct truncate_args args = {.dir = NULL};
    struct wal_options log_options = wal_options_default();
    struct wal_log *log = NULL;
    struct wal_place place = {0};
    struct wal_stat stat = {0};

    walctl_parse(&argp, argc, argv, &args);
    log_options.sync_policy = WAL_SYNC_EVERY_GROUP;
    enum wal_err err = wal_open(io, args.dir, &log_options, &log, &place);
    if (err) return walctl_fail(name, args.dir, err, &place);
    err = wal_truncate_after(log, args.after_lsn);
    wal_log_stat(log, &stat);
    enum wal_err closed = wal_close(log);
    if (err == WAL_OK) err = closed;
    if (err) return walctl_fail(name, args.dir, err, NULL);
    printf("%" PRIu64 "\n", stat.durable_lsn);
    return walctl_flush(name) ? WALCTL_OK : WALCTL_FAILED;
}
