/*
 * walctl_dump.c - walctl dump: records become lines.
 *
 * Takes no lock and may run beside a writer; it prints what is known to be durable and nothing
 * else. What was read before damage is printed; nothing behind it is.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cmd/json.h"
#include "cmd/walctl.h"
#include "cmd/walctl_row.h"

static const char name[] = "dump";

enum {
    OUTPUT_BYTES = 1 << 20,
    NS_PER_S = 1000000000,
};

struct dump_args {
    const char *dir;
    uint64_t from_lsn;
    uint64_t to_lsn;
    bool json;
    bool rows;
};

/* The calendar is worked out once a second of log time, not once a record. */
struct calendar {
    uint64_t second;
    char text[32];
};

enum { KEY_FROM = 0x100, KEY_TO, KEY_JSON, KEY_ROWS };

static const struct argp_option options[] = {
    {.name = "from", .key = KEY_FROM, .arg = "LSN", .doc = "Begin here [the first record]"},
    {.name = "to", .key = KEY_TO, .arg = "LSN", .doc = "End behind this one [the last durable]"},
    {.name = "json", .key = KEY_JSON, .doc = "Print JSON Lines, with time and place"},
    {.name = "rows", .key = KEY_ROWS, .doc = "The records are rows: print each as a JSON array"},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct dump_args *args = state->input;

    switch (key) {
    case KEY_FROM: args->from_lsn = walctl_number("--from", arg, state); return 0;
    case KEY_TO: args->to_lsn = walctl_number("--to", arg, state); return 0;
    case KEY_JSON: args->json = true; return 0;
    case KEY_ROWS: args->rows = true; return 0;
    default: return walctl_take_dir(key, arg, state, &args->dir);
    }
}

static const struct argp argp = {
    .options = options,
    .parser = parse,
    .args_doc = "DIR",
    .doc = "Print the records of the log in DIR, each followed by a newline.",
};

/* 2026-01-02T03:04:05.123456789Z */
static void print_time(struct calendar *calendar, uint64_t ns)
{
    uint64_t second = ns / NS_PER_S;

    if (calendar->text[0] == '\0' || calendar->second != second) {
        time_t when = (time_t)second;
        struct tm parts;

        gmtime_r(&when, &parts);
        strftime(calendar->text, sizeof(calendar->text), "%Y-%m-%dT%H:%M:%S", &parts);
        calendar->second = second;
    }
    printf("%s.%09" PRIu64 "Z", calendar->text, ns % NS_PER_S);
}

/* Up to what the record holds. */
static void print_json_head(const struct wal_record *record, struct calendar *calendar)
{
    printf("{\"lsn\":%" PRIu64 ",\"time\":\"", record->lsn);
    print_time(calendar, record->wall_ns);
    printf("\",\"commit_ns\":\"%" PRIu64 "\",\"segment\":%" PRIu64 ",\"offset\":%" PRIu64,
           record->commit_ns, record->segment, record->offset);
    printf(",\"batch_index\":%" PRIu32 ",\"batch_goes_on\":%s,\"length\":%" PRIu32,
           record->batch_index, record->batch_goes_on ? "true" : "false", record->len);
}

static void print_json(const struct wal_record *record, struct calendar *calendar)
{
    print_json_head(record, calendar);
    if (record->lost) {
        fputs(",\"lost\":true", stdout);
    } else if (json_is_text(record->bytes, record->len)) {
        fputs(",\"text\":", stdout);
        json_string(stdout, record->bytes, record->len);
    } else {
        fputs(",\"base64\":", stdout);
        json_base64(stdout, record->bytes, record->len);
    }
    fputs("}\n", stdout);
}

/* calendar: NULL for the row alone. False, having printed nothing and said so: it is none. */
static bool print_record_row(const struct wal_record *record, struct calendar *calendar)
{
    size_t offset = 0;

    if (!row_check_whole(record->bytes, record->len, &offset)) {
        walctl_say(name, "LSN %" PRIu64 " is not a row: byte %zu of %" PRIu32, record->lsn, offset,
                   record->len);
        return false;
    }
    if (calendar != NULL) {
        print_json_head(record, calendar);
        fputs(",\"row\":", stdout);
    }
    row_print(stdout, record->bytes, record->len);
    fputs(calendar != NULL ? "}\n" : "\n", stdout);
    return true;
}

static void print_text(const struct wal_record *record)
{
    if (record->len > 0) fwrite(record->bytes, 1, record->len, stdout);
    putchar('\n');
}

/* Until the end, damage, --to, or nobody reads any more. */
static enum wal_err print_records(struct wal_reader *reader, const struct dump_args *args,
                                  struct wal_place *reterr_place)
{
    struct calendar calendar = {0, ""};
    struct wal_record record;

    while (!ferror(stdout)) {
        enum wal_err err = wal_reader_next(reader, &record, reterr_place);

        if (err) return err;
        if (record.lsn > args->to_lsn) return WAL_OK;
        if (record.lost && !args->json) {
            walctl_say(name, "LSN %" PRIu64 " is lost: a repair did not find it", record.lsn);
        } else if (args->rows && !record.lost) {
            if (!print_record_row(&record, args->json ? &calendar : NULL)) return WAL_NOTROW;
        } else if (args->json) {
            print_json(&record, &calendar);
        } else {
            print_text(&record);
        }
        if (record.lsn == args->to_lsn) return WAL_OK;
    }
    return WAL_OK;
}

/* Nothing is left out in silence. */
static void say_unserved(struct wal_io *io, const char *dir)
{
    struct wal_survey survey;

    if (wal_verify(io, dir, false, NULL, NULL, &survey, NULL) != WAL_OK) return;
    if (survey.tail == WAL_TAIL_CLEAN) return;
    uint64_t bytes = survey.tail_offset - survey.witness_offset + survey.tail_bytes;
    if (bytes == 0) return;
    walctl_say(name,
               "%s: %" PRIu64 " bytes after LSN %" PRIu64
               " are not known durable; the next writer decides about them",
               dir, bytes, survey.witness_lsn);
}

int walctl_dump(struct wal_io *io, int argc, char **argv)
{
    static char output[OUTPUT_BYTES];
    struct dump_args args = {.to_lsn = UINT64_MAX};
    struct wal_reader *reader = NULL;
    struct wal_place place = {0};

    walctl_parse(&argp, argc, argv, &args);
    setvbuf(stdout, output, _IOFBF, sizeof(output));

    const struct wal_reader_options from = {.from_lsn = args.from_lsn};
    enum wal_err err = wal_reader_open(io, args.dir, &from, &reader, &place);
    if (err) return walctl_fail(name, args.dir, err, &place);

    err = print_records(reader, &args, &place);
    wal_reader_close(reader);
    bool printed = walctl_flush(name);
    if (err == WAL_NOTROW) return WALCTL_FAILED; /* It has been said. */
    if (err != WAL_OK && err != WAL_END) return walctl_fail(name, args.dir, err, &place);
    if (err == WAL_END) say_unserved(io, args.dir);
    return printed ? WALCTL_OK : WALCTL_FAILED;
}
