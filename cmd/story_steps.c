/*
 * story_steps.c - what became of one record, step by step, from being handed to the log until it
 * should have been read back.
 */
#include <inttypes.h>
#include <string.h>

#include "cmd/story.h"
#include "cmd/story_fate.h"

/* Rows up to here count: those before the process's end that did it, or before it broke. */
static uint32_t facts_until(const struct story *story)
{
    if (story->broken_stop == STORY_NONE) return story->fact_count;
    uint32_t at_stop = story->stops[story->broken_stop].facts;
    return story->broken_fact != STORY_NONE && at_stop > story->broken_fact ? story->broken_fact + 1
                                                                            : at_stop;
}

static const char *operation_text(struct story *story, uint32_t operation)
{
    if (operation == HISTORY_NO_OPERATION) return "nobody in particular";
    return story_text(story, "operation %" PRIu32, operation);
}

static void add(struct story_record *record, const char *title, const char *text,
                const struct story_fact *fact, enum story_tone tone)
{
    story_step_add(record, (struct story_step){.title = title,
                                               .text = text,
                                               .time_ns = fact->row.time_ns,
                                               .event = fact->event,
                                               .tone = tone});
}

/* The last time before `until` that the log gave out this LSN. */
static uint32_t find_accepted(const struct story *story, uint64_t lsn, uint32_t until)
{
    for (uint32_t i = until; i > 0; i--) {
        const struct history_event *row = &story->facts[i - 1].row;
        if (row->kind != HISTORY_ACCEPTED) continue;
        if (row->first_lsn <= lsn && lsn <= row->last_lsn) return i - 1;
    }
    return STORY_NONE;
}

static uint32_t find_submitted(const struct story *story, uint32_t accepted, uint64_t lsn)
{
    const struct history_event *as = &story->facts[accepted].row;

    for (uint32_t i = accepted; i > 0; i--) {
        const struct history_event *row = &story->facts[i - 1].row;
        if (row->kind != HISTORY_SUBMITTED || row->operation != as->operation) continue;
        if (row->index == lsn - as->first_lsn) return i - 1;
    }
    return STORY_NONE;
}

/* A row behind `accepted` that tells how it ended: acknowledged, or failed. */
static uint32_t find_outcome(const struct story *story, uint32_t accepted, uint64_t lsn,
                             uint32_t until)
{
    const uint32_t operation = story->facts[accepted].row.operation;

    for (uint32_t i = accepted + 1; i < until; i++) {
        const struct history_event *row = &story->facts[i].row;
        if (row->kind == HISTORY_ACKED && row->last_lsn >= lsn) return i;
        if (row->kind == HISTORY_FAILED && row->operation == operation) return i;
    }
    return STORY_NONE;
}

static void add_outcome(struct story *story, struct story_record *record, uint32_t outcome)
{
    if (outcome == STORY_NONE) return;
    const struct story_fact *fact = &story->facts[outcome];
    if (fact->row.kind == HISTORY_ACKED) {
        add(record, "acknowledged",
            story_text(story, "the log promised %s that it is durable",
                       operation_text(story, fact->row.operation)),
            fact, STORY_GOOD);
    } else {
        add(record, "failed",
            story_text(story, "the log told %s: %s", operation_text(story, fact->row.operation),
                       history_error_name(fact->row.error)),
            fact, STORY_PLAIN);
    }
}

/* ---- Written, and made safe ---- */

static bool is_sync(const struct story_event *event)
{
    return event->result == WAL_OK &&
           (event->call == SIM_CALL_FSYNC || event->call == SIM_CALL_FDATASYNC);
}

static bool writes(const struct story *story, const struct story_event *event,
                   const struct story_place *place)
{
    return event->call == SIM_CALL_PWRITE && event->result < WAL_ERR_COUNT &&
           strcmp(story->names[event->file], place->file) == 0 && event->offset <= place->begin &&
           event->offset + event->length > place->begin;
}

static void add_sync(struct story *story, struct story_record *record, uint32_t written,
                     uint32_t until)
{
    const struct story_event *write = &story->events[written];

    for (uint32_t i = written + 1; i < until; i++) {
        const struct story_event *event = &story->events[i];
        if (!is_sync(event) || event->file != write->file) continue;
        if (event->began_ns < write->time_ns) continue; /* It does not cover the write. */
        story_step_add(
            record,
            (struct story_step){.title = event->lied ? "synced, falsely" : "made safe",
                                .text = event->lied ? event->struck
                                                    : "the disk says that what was written is safe",
                                .time_ns = event->time_ns,
                                .event = i,
                                .tone = event->lied ? STORY_BAD : STORY_GOOD});
        return;
    }
}

/* The record is nowhere to be found: perhaps the last that was written behind its acceptance is a
 * part of it. */
static void add_last_write(struct story *story, struct story_record *record, uint32_t accepted,
                           uint32_t until)
{
    for (uint32_t i = until; i > story->facts[accepted].event; i--) {
        const struct story_event *event = &story->events[i - 1];
        if (event->call != SIM_CALL_PWRITE || event->result >= WAL_ERR_COUNT) continue;
        if (strstr(story->names[event->file], ".wal") == NULL) continue;
        story_step_add(record, (struct story_step){
                                   .title = "last write",
                                   .text = story_text(
                                       story, "%" PRIu64 " byte%s at byte %" PRIu64 " of %s%s%s",
                                       event->length, event->length == 1 ? "" : "s", event->offset,
                                       story->names[event->file], event->struck != NULL ? ": " : "",
                                       event->struck != NULL ? event->struck : ""),
                                   .time_ns = event->time_ns,
                                   .event = i - 1,
                                   .tone = STORY_RISK});
        return;
    }
}

/* From its acceptance on: nobody may write a record before. */
static void add_written(struct story *story, struct story_record *record, uint32_t accepted,
                        uint32_t until)
{
    const struct story_place *place = &record->place;

    if (place->file == NULL) {
        add_last_write(story, record, accepted, until);
        return;
    }
    for (uint32_t i = story->facts[accepted].event; i < until; i++) {
        const struct story_event *event = &story->events[i];
        if (!writes(story, event, place)) continue;
        story_step_add(record,
                       (struct story_step){.title = "written",
                                           .text = story_text(story,
                                                              "to %s at byte %" PRIu64
                                                              "; a loss of power may still take it",
                                                              place->file, place->begin),
                                           .time_ns = event->time_ns,
                                           .event = i,
                                           .tone = STORY_RISK});
        add_sync(story, record, i, until);
        return;
    }
}

/* ---- The end of the process, and what came after ---- */

const char *story_record_fate(const struct story *story, const struct story_record *record,
                              enum story_tone *ret_tone)
{
    const struct story_place *place = &record->place;
    struct story_sector_view view;
    const char *words = NULL;

    *ret_tone = STORY_PLAIN;
    if (place->file == NULL) return NULL;
    for (uint64_t at = place->begin / STORY_SECTOR_BYTES;
         at <= (place->end - 1) / STORY_SECTOR_BYTES; at++) {
        const struct story_sector sector = {.file = place->file, .sector = at};
        story_sector_look(story, &sector, &view);
        if (words != NULL && story_fate_tone(view.fate) <= *ret_tone) continue;
        *ret_tone = story_fate_tone(view.fate);
        words = story_fate_words(view.fate);
    }
    return words;
}

static void add_stop(struct story *story, struct story_record *record)
{
    enum story_tone tone;

    if (!story_stop_came_first(story)) return;
    const struct story_stop *stop = &story->stops[story->broken_stop];
    const struct story_event *event = &story->events[stop->event];
    const char *title = stop->how == SIM_STOP_POWER    ? "power lost"
                        : stop->how == SIM_STOP_KILLED ? "process died"
                                                       : "process ended";
    const char *fate = story_record_fate(story, record, &tone);
    if (fate == NULL) fate = "it was in no file as a whole";
    story_step_add(record,
                   (struct story_step){.title = title,
                                       .text = record->place.file == NULL
                                                   ? fate
                                                   : story_text(story, "its sector %s", fate),
                                       .time_ns = event->time_ns,
                                       .event = stop->event,
                                       .tone = tone});
}

static bool shows(const struct history_observation *seen, uint64_t lsn)
{
    for (uint32_t i = 0; i < seen->count; i++) {
        if (seen->records[i].lsn == lsn) return true;
    }
    return false;
}

static void add_observed(struct story *story, struct story_record *record)
{
    if (story->broken_fact == STORY_NONE) return;
    const struct story_fact *fact = &story->facts[story->broken_fact];
    const struct history_observation *seen = fact->row.observation;
    if (seen == NULL) {
        add(record, "broken here", fact->words, fact, STORY_BAD);
        return;
    }
    const char *end = seen->open_error != HISTORY_OK ? ""
                      : shows(seen, record->lsn)     ? "; it is there"
                                                     : "; it is missing";
    add(record, seen->recovery ? "recovery" : "read", story_text(story, "%s%s", fact->words, end),
        fact, STORY_BAD);
}

void story_steps(struct story *story, struct story_record *record)
{
    const uint32_t until = facts_until(story);
    const uint32_t accepted = find_accepted(story, record->lsn, until);
    const uint32_t last_event =
        until < story->fact_count ? story->facts[until].event : story->event_count;

    if (accepted != STORY_NONE) {
        const uint32_t submitted = find_submitted(story, accepted, record->lsn);
        const struct story_fact *fact = &story->facts[accepted];
        if (submitted != STORY_NONE) {
            const struct story_fact *first = &story->facts[submitted];
            add(record, "handed over",
                story_text(story, "%s gives the log %" PRIu32 " bytes",
                           operation_text(story, first->row.operation), first->row.length),
                first, STORY_PLAIN);
        }
        add(record, "accepted",
            story_text(story, "it gets the number LSN %" PRIu64 "; nothing is promised yet",
                       record->lsn),
            fact, STORY_PLAIN);
        add_written(story, record, accepted, last_event);
        add_outcome(story, record, find_outcome(story, accepted, record->lsn, until));
    }
    add_stop(story, record);
    add_observed(story, record);
}
