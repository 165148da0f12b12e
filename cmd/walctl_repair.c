/*
 * walctl_repair.c - walctl repair: say what is lost, and with --apply go on without it.
 *
 * Without --apply nothing is changed: what is printed is what would be done. Nothing is ever
 * deleted; the old segments stay in the directory under names that end in ".aside".
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cmd/walctl.h"
#include "wal/log/repair.h"

static const char name[] = "repair";

struct repair_args {
    const char *dir;
    enum wal_repair_policy policy;
    bool apply, json;
};

enum { KEY_APPLY = 0x100, KEY_POLICY, KEY_JSON };

static const struct argp_option options[] = {
    {.name = "apply", .key = KEY_APPLY, .doc = "Do it; else only say what would be done"},
    {.name = "policy",
     .key = KEY_POLICY,
     .arg = "POLICY",
     .doc = "stop: keep what stands before the first loss; salvage: keep all that is valid, and "
            "put records that say so in the places of the lost. One has to be chosen"},
    {.name = "json", .key = KEY_JSON, .doc = "Print JSON Lines"},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct repair_args *args = state->input;

    switch (key) {
    case KEY_APPLY: args->apply = true; return 0;
    case KEY_JSON: args->json = true; return 0;
    case KEY_POLICY:
        if (strcmp(arg, "stop") == 0) {
            args->policy = WAL_REPAIR_STOP;
        } else if (strcmp(arg, "salvage") == 0) {
            args->policy = WAL_REPAIR_SALVAGE;
        } else {
            argp_error(state, "--policy is stop or salvage, not '%s'", arg);
        }
        return 0;
    case ARGP_KEY_SUCCESS:
        if (args->policy == 0) {
            argp_error(state, "--policy is missing: stop or salvage decides what is given up");
        }
        return 0;
    default: return walctl_take_dir(key, arg, state, &args->dir);
    }
}

static const struct argp argp = {
    .options = options,
    .parser = parse,
    .args_doc = "DIR",
    .doc = "Say which LSNs of the damaged log in DIR are lost, and with --apply make it usable "
           "without them. The old segments are set aside, never deleted.",
};

static void observe(void *context, const struct wal_event *event)
{
    const struct repair_args *args = context;

    if (event->kind != WAL_EVENT_CORRUPTION) return;
    if (args->json) {
        fputs("{\"type\":\"lost\"", stdout);
        walctl_json_place(stdout, &event->place);
        fputs("}\n", stdout);
        return;
    }
    fputs("lost: ", stdout);
    walctl_print_place(stdout, &event->place);
    putchar('\n');
}

static void print_json(const struct repair_args *args, const struct wal_repair_report *report)
{
    printf("{\"type\":\"summary\",\"needed\":%s,\"applied\":%s", report->needed ? "true" : "false",
           report->needed && args->apply ? "true" : "false");
    if (report->needed) {
        printf(",\"floor_lsn\":%" PRIu64 ",\"last_lsn\":%" PRIu64 ",\"kept\":%" PRIu64
               ",\"lost\":%" PRIu64 ",\"segment\":%" PRIu64 ",\"aside\":%" PRIu64,
               report->floor_lsn, report->last_lsn, report->kept, report->lost, report->segment,
               report->aside);
    }
    puts("}");
}

static void print_text(const struct repair_args *args, const struct wal_repair_report *report)
{
    char segment[WALCTL_NAME_BYTES];

    if (!report->needed) {
        puts("nothing is damaged; nothing to do");
        return;
    }
    walctl_segment_name(segment, report->segment);
    printf("%s: %" PRIu64 " record%s kept in %s, %" PRIu64 " lost, the last LSN is %" PRIu64
           "; %" PRIu64 " segment%s set aside as *.aside\n",
           args->apply ? "repaired" : "would be repaired", report->kept,
           report->kept == 1 ? "" : "s", segment, report->lost, report->last_lsn, report->aside,
           report->aside == 1 ? "" : "s");
    if (!args->apply) puts("nothing was changed; --apply does it");
}

int walctl_repair(struct wal_io *io, int argc, char **argv)
{
    struct repair_args args = {.dir = NULL};
    struct wal_repair_report report;

    walctl_parse(&argp, argc, argv, &args);
    const struct wal_repair_options repair = {
        .policy = args.policy, .apply = args.apply, .observe = observe, .observe_context = &args};
    enum wal_err err = wal_repair(io, args.dir, &repair, &report);
    if (err) return walctl_fail(name, args.dir, err, NULL);

    if (args.json) {
        print_json(&args, &report);
    } else {
        print_text(&args, &report);
    }
    if (!walctl_flush(name)) return WALCTL_FAILED;
    return report.needed && !args.apply ? WALCTL_FAILED : WALCTL_OK;
}
