/*
 * walctl_cut.c - walctl prune and truncate: give up the oldest records of a log, or the newest.
 */
#include <inttypes.h>
#include <stdio.h>

#include "cmd/walctl.h"

struct cut_args {
    const char *option;
    const char *dir;
    uint64_t lsn;
    bool given; /* 0 is an LSN to truncate after, too. */
};

enum { KEY_BEFORE = 0x100, KEY_AFTER };

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct cut_args *args = state->input;

    if (key == KEY_BEFORE || key == KEY_AFTER) {
        args->lsn = walctl_number(args->option, arg, state);
        if (key == KEY_BEFORE && args->lsn == 0) argp_error(state, "LSNs begin with 1");
        args->given = true;
        return 0;
    }
    if (key == ARGP_KEY_END && !args->given) argp_error(state, "%s LSN is missing", args->option);
    return walctl_take_dir(key, arg, state, &args->dir);
}

/* Opens the log, cuts it, closes it and prints the LSN that bounds what is left. */
static int cut(struct wal_io *io, const char *name, const struct cut_args *args,
               enum wal_err (*act)(struct wal_log *log, uint64_t lsn, uint64_t *ret_lsn))
{
    struct wal_options options = wal_options_default();
    struct wal_log *log = NULL;
    struct wal_place place = {0};
    uint64_t lsn = 0;

    options.sync_policy = WAL_SYNC_EVERY_GROUP;
    enum wal_err err = wal_open(io, args->dir, &options, &log, &place);
    if (err) return walctl_fail(name, args->dir, err, &place);
    err = act(log, args->lsn, &lsn);
    enum wal_err closed = wal_close(log);
    if (err == WAL_OK) err = closed;
    if (err) return walctl_fail(name, args->dir, err, NULL);
    printf("%" PRIu64 "\n", lsn);
    return walctl_flush(name) ? WALCTL_OK : WALCTL_FAILED;
}

int walctl_prune(struct wal_io *io, int argc, char **argv)
{
    static const struct argp_option options[] = {
        {.name = "before", .key = KEY_BEFORE, .arg = "LSN", .doc = "Give up all records below it"},
        {0},
    };
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .args_doc = "DIR",
        .doc = "Give up the records of the log in DIR below an LSN, but nothing that a pin holds. "
               "Prints the first LSN that is left.",
    };
    struct cut_args args = {.option = "--before"};

    walctl_parse(&argp, argc, argv, &args);
    return cut(io, "prune", &args, wal_prune_before);
}

static enum wal_err truncate_after(struct wal_log *log, uint64_t lsn, uint64_t *ret_lsn)
{
    struct wal_stat stat = {0};

    enum wal_err err = wal_truncate_after(log, lsn);
    if (err) return err;
    wal_log_stat(log, &stat);
    *ret_lsn = stat.durable_lsn;
    return WAL_OK;
}

int walctl_truncate(struct wal_io *io, int argc, char **argv)
{
    static const struct argp_option options[] = {
        {.name = "after", .key = KEY_AFTER, .arg = "LSN", .doc = "Take back all records above it"},
        {0},
    };
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .args_doc = "DIR",
        .doc = "Take back the records of the log in DIR above an LSN, for good: the next one that "
               "is appended gets their first LSN. Prints the last LSN that is left.",
    };
    struct cut_args args = {.option = "--after"};

    walctl_parse(&argp, argc, argv, &args);
    return cut(io, "truncate", &args, truncate_after);
}
