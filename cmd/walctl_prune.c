/*
 * walctl_prune.c - walctl prune: give up the oldest records of a log.
 */
#include <inttypes.h>
#include <stdio.h>

#include "cmd/walctl.h"

static const char name[] = "prune";

struct prune_args {
    const char *dir;
    uint64_t before_lsn;
};

enum { KEY_BEFORE = 0x100 };

static const struct argp_option options[] = {
    {.name = "before", .key = KEY_BEFORE, .arg = "LSN", .doc = "Give up all records below it"},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct prune_args *args = state->input;

    if (key == KEY_BEFORE) {
        args->before_lsn = walctl_number("--before", arg, state);
        return 0;
    }
    if (key == ARGP_KEY_END && args->before_lsn == 0) argp_error(state, "--before LSN is missing");
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

int walctl_prune(struct wal_io *io, int argc, char **argv)
{
    struct prune_args args = {.dir = NULL};
    struct wal_options log_options = wal_options_default();
    struct wal_log *log = NULL;
    struct wal_place place = {0};
    uint64_t floor_lsn = 0;

    walctl_parse(&argp, argc, argv, &args);
    log_options.sync_policy = WAL_SYNC_EVERY_GROUP;
    enum wal_err err = wal_open(io, args.dir, &log_options, &log, &place);
    if (err) return walctl_fail(name, args.dir, err, &place);
    err = wal_prune_before(log, args.before_lsn, &floor_lsn);
    enum wal_err closed = wal_close(log);
    if (err == WAL_OK) err = closed;
    if (err) return walctl_fail(name, args.dir, err, NULL);
    printf("%" PRIu64 "\n", floor_lsn);
    return walctl_flush(name) ? WALCTL_OK : WALCTL_FAILED;
}
