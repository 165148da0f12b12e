/*
 * walctl_say.c - what went wrong, in one line, and where.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cmd/json.h"
#include "cmd/walctl.h"

/* What a user can make of an error, where its text alone does not say. */
static const struct {
    enum wal_err err;
    const char *hint;
} hints[] = {
    {WAL_NOTFOUND, "no log is there"},
    {WAL_NOTLOG, "it holds other things; nothing was touched"},
    {WAL_VERSION, "nothing was touched"},
    {WAL_LOCKED, "one writer at a time; reading is possible beside it"},
    {WAL_NOSPACE, "what was durable still is"},
    {WAL_QUOTA, "what was durable still is"},
    {WAL_FILE_TOO_LARGE, "what was durable still is; see ulimit -f"},
    {WAL_READONLY, "reading is possible"},
    {WAL_PRUNED, "stat says where it begins"},
};

static const char *hint_of(enum wal_err err)
{
    for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
        if (hints[i].err == err) return hints[i].hint;
    }
    return NULL;
}

static void print_lsns(FILE *out, const struct wal_place *place)
{
    if (place->first_lsn == 0) return;
    if (place->last_lsn == UINT64_MAX) {
        fprintf(out, ": LSNs %" PRIu64 " and on", place->first_lsn);
    } else {
        fprintf(out, ": LSNs %" PRIu64 "..%" PRIu64, place->first_lsn, place->last_lsn);
    }
}

void walctl_print_place(FILE *out, const struct wal_place *place)
{
    fputs(place->name, out);
    if (place->segment != 0) fprintf(out, " offset %" PRIu64, place->offset);
    print_lsns(out, place);
}

void walctl_json_place(FILE *out, const struct wal_place *place)
{
    fputs(",\"file\":", out);
    json_string(out, place->name, strlen(place->name));
    fprintf(out, ",\"segment\":%" PRIu64 ",\"offset\":%" PRIu64, place->segment, place->offset);
    fprintf(out, ",\"first_lsn\":%" PRIu64 ",\"last_lsn\":", place->first_lsn);
    if (place->last_lsn == UINT64_MAX) {
        fputs("null", out);
    } else {
        fprintf(out, "%" PRIu64, place->last_lsn);
    }
}

int walctl_fail(const char *command, const char *dir, enum wal_err err,
                const struct wal_place *place)
{
    const char *hint = hint_of(err);

    fprintf(stderr, "walctl %s: %s: ", command, dir);
    if (place != NULL && place->name[0] != '\0') {
        walctl_print_place(stderr, place);
        fputs(": ", stderr);
    }
    fputs(wal_err_text(err), stderr);
    if (hint != NULL) fprintf(stderr, " (%s)", hint);
    fputc('\n', stderr);
    return WALCTL_FAILED;
}

void walctl_say(const char *command, const char *format, ...)
{
    va_list args;

    fprintf(stderr, "walctl %s: ", command);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

bool walctl_flush(const char *command)
{
    bool lost = ferror(stdout) != 0;

    if (fflush(stdout) == 0 && !lost) return true;
    if (errno != EPIPE) walctl_say(command, "standard output: %s", strerror(errno));
    return false;
}

const char *walctl_tail_name(enum wal_tail tail)
{
    switch (tail) {
    case WAL_TAIL_CLEAN: return "clean";
    case WAL_TAIL_EXACT: return "exact";
    case WAL_TAIL_TORN: return "torn";
    case WAL_TAIL_ROTTEN: return "rotten";
    }
    return "unknown";
}

void walctl_segment_name(char name[WALCTL_NAME_BYTES], uint64_t segment)
{
    snprintf(name, WALCTL_NAME_BYTES, "%016" PRIx64 ".wal", segment);
}
