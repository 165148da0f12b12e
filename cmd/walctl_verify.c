/*
 * walctl_verify.c - walctl verify: read every record, name every damage.
 */
#include <inttypes.h>
#include <stdio.h>

#include "cmd/walctl.h"

static const char name[] = "verify";

struct findings {
    bool json;
    uint64_t damages;
};

static void print_damage(struct findings *findings, const struct wal_place *place)
{
    findings->damages++;
    if (findings->json) {
        fputs("{\"type\":\"damage\"", stdout);
        walctl_json_place(stdout, place);
        fputs("}\n", stdout);
        return;
    }
    fputs("damaged: ", stdout);
    walctl_print_place(stdout, place);
    putchar('\n');
}

static void observe(void *context, const struct wal_event *event)
{
    if (event->kind == WAL_EVENT_CORRUPTION) print_damage(context, &event->place);
}

static void print_ok(const struct wal_survey *survey)
{
    char segment[WALCTL_NAME_BYTES];

    if (survey->last_lsn < survey->floor_lsn) {
        fputs("ok: no records, ", stdout);
    } else {
        printf("ok: LSNs %" PRIu64 "..%" PRIu64 ", ", survey->floor_lsn, survey->last_lsn);
    }
    printf("%" PRIu64 " segment%s, ", survey->segments, survey->segments == 1 ? "" : "s");
    switch (survey->tail) {
    case WAL_TAIL_CLEAN: puts("closed cleanly"); break;
    case WAL_TAIL_EXACT: puts("ends without a close"); break;
    case WAL_TAIL_ROTTEN: break; /* Not ok; the damage was printed. */
    case WAL_TAIL_TORN:
        walctl_segment_name(segment, survey->last_segment);
        printf("torn tail of %" PRIu64 " bytes at %s+%" PRIu64 " (nothing durable is missing)\n",
               survey->tail_bytes, segment, survey->tail_offset);
        break;
    }
}

static void print_summary(const struct wal_survey *survey, const struct findings *findings)
{
    printf("{\"type\":\"summary\",\"ok\":%s,\"damages\":%" PRIu64,
           findings->damages == 0 ? "true" : "false", findings->damages);
    printf(",\"floor_lsn\":%" PRIu64 ",\"last_lsn\":%" PRIu64 ",\"witness_lsn\":%" PRIu64,
           survey->floor_lsn, survey->last_lsn, survey->witness_lsn);
    printf(",\"segments\":%" PRIu64 ",\"last_segment\":%" PRIu64, survey->segments,
           survey->last_segment);
    printf(",\"tail\":\"%s\",\"tail_offset\":%" PRIu64 ",\"tail_bytes\":%" PRIu64 "}\n",
           walctl_tail_name(survey->tail), survey->tail_offset, survey->tail_bytes);
}

int walctl_verify(struct wal_io *io, int argc, char **argv)
{
    struct walctl_look look = walctl_parse_look(
        argc, argv, false, "Read every record of the log in DIR and name what is damaged.");
    struct findings findings = {look.json, 0};
    struct wal_survey survey = {0};
    struct wal_place place = {0};

    enum wal_err err = wal_verify(io, look.dir, true, observe, &findings, &survey, &place);
    if (err != WAL_OK && err != WAL_CORRUPT) return walctl_fail(name, look.dir, err, &place);

    if (err == WAL_CORRUPT && findings.damages == 0) print_damage(&findings, &place);
    if (look.json) {
        print_summary(&survey, &findings);
    } else if (err == WAL_OK) {
        print_ok(&survey);
    }
    if (!walctl_flush(name)) return WALCTL_FAILED;
    return err == WAL_OK ? WALCTL_OK : WALCTL_FAILED;
}
