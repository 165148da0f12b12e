/*
 * story_words.c - a failure in three paragraphs: what was promised, what happened, what is wrong.
 *
 * For somebody who never saw this project: every word that is not everyday English is explained
 * where it is used.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/story.h"
#include "cmd/story_fate.h"

const char *story_time(struct story *story, uint64_t time_ns)
{
    static const struct {
        uint64_t ns;
        const char *name;
        int digits; /* To a tenth of a microsecond. */
    } units[] = {{1000000000, "s", 7}, {1000000, "ms", 4}, {1000, "µs", 1}};

    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (time_ns < units[i].ns) continue;
        return story_text(story, "%" PRIu64 ".%0*" PRIu64 " %s", time_ns / units[i].ns,
                          units[i].digits, time_ns % units[i].ns / 100, units[i].name);
    }
    return story_text(story, "%" PRIu64 " ns", time_ns);
}

static const char *lsns(struct story *story)
{
    if (story->first_lsn == story->last_lsn) {
        return story_text(story, "record %" PRIu64, story->first_lsn);
    }
    return story_text(story, "records %" PRIu64 " to %" PRIu64, story->first_lsn, story->last_lsn);
}

/* ---- What was promised ---- */

static const struct {
    const char *property;
    const char *means;
} meanings[] = {
    {"durability", "When the log acknowledges a record, it says: whatever happens to this machine "
                   "now, you will read it again."},
    {"honest-corruption", "A log may only call its files damaged if the storage damaged bytes that "
                          "were safe; and then it must say so. The unfinished end of a write that "
                          "a loss of power cut off is no damage: the log simply ends before it."},
    {"prefix", "Records are numbered without a gap (the number is called LSN), and what is read "
               "back is the beginning of what was written: none left out, none swapped."},
    {"no-phantom", "Whatever the log returns, somebody put in."},
    {"batch-atomicity", "Records that were handed over together come back together, or none does."},
    {"fsync-honesty", "A sync asks the disk to make safe what was written. When it fails, nobody "
                      "knows what is safe, so nothing may be acknowledged on the strength of it."},
    {"recovery-idempotence", "Recovery is what the log does when it is opened after a crash. If it "
                             "is cut short by another crash, the next one must come to the same "
                             "result."},
    {"liveness", "The log goes on: no task waits for ever, and an error is reported only when "
                 "something caused it."},
    {"no-leak", "A log that was closed leaves no memory and no open file behind."},
    {"determinism", "A simulated run is a function of its seed; else nothing could be repeated."},
};

static void tell_promise(struct story *story)
{
    const struct property *property = story->result.property;

    if (!story->ended) {
        story->promised = "A run ends by itself within its process.";
        return;
    }
    if (property == NULL) {
        story->promised = "Every property held.";
        return;
    }
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++) {
        if (strcmp(meanings[i].property, property->name) != 0) continue;
        story->promised = story_text(story, "%s %s", property->claim, meanings[i].means);
        return;
    }
    story->promised = property->claim;
}

/* ---- What happened ---- */

/* "power was lost at 1.2 ms, in process 2, at fdatasync" */
static void say_stop(struct story *story, FILE *out, const struct story_stop *stop)
{
    const struct story_event *event = &story->events[stop->event];
    const char *what = stop->how == SIM_STOP_POWER ? "Power was lost"
                       : stop->how == SIM_STOP_KILLED
                           ? "The process was killed (the machine lived on)"
                           : "The process ended";

    fprintf(out, "%s at %s, in process %" PRIu32, what, story_time(story, event->time_ns),
            stop->instance);
    if (event->operation != HISTORY_NO_OPERATION) {
        fprintf(out, " during operation %" PRIu32, event->operation);
    }
    if (stop->how == SIM_STOP_POWER && event->call != SIM_CALL_HARNESS) {
        fprintf(out, ", at the call “%s”", sim_call_name((enum sim_call)event->call));
    }
    fputs(". ", out);
}

/* What the concerned sectors came to, counted. */
static void say_sectors(struct story *story, FILE *out)
{
    enum { FATES = STORY_FATE_UNREADABLE + 1 };
    uint32_t counts[FATES] = {0};
    struct story_sector_view view;
    const char *file = NULL;
    uint32_t concerned = 0;

    for (uint32_t i = 0; i < story->sector_count; i++) {
        if (!story->sectors[i].concerned) continue;
        story_sector_look(story, &story->sectors[i], &view);
        counts[view.fate]++;
        concerned++;
        if (file == NULL) file = story->sectors[i].file;
    }
    if (concerned == 0) return;
    if (concerned == 1) {
        enum story_fate fate = STORY_FATE_UNKNOWN;
        while (counts[fate] == 0) fate++;
        fprintf(out, "The sector in question (512 bytes of %s) %s. ", file, story_fate_words(fate));
        return;
    }
    fprintf(out, "Of the %" PRIu32 " sectors (512 bytes each) of %s in question", concerned, file);
    const char *between = ": ";
    for (uint32_t i = 0; i < FATES; i++) {
        if (counts[i] == 0) continue;
        fprintf(out, "%s%" PRIu32 " %s", between, counts[i], story_fate_brief((enum story_fate)i));
        between = "; ";
    }
    fputs(". ", out);
}

static const struct story_step *step_titled(const struct story_record *record, const char *title)
{
    for (uint32_t i = 0; i < record->step_count; i++) {
        if (strcmp(record->steps[i].title, title) == 0) return &record->steps[i];
    }
    return NULL;
}

static void say_record(struct story *story, FILE *out)
{
    const struct story_record *record = &story->records[0];

    if (story->record_count == 0) return;
    const struct story_step *handed = step_titled(record, "handed over");
    const struct story_step *acked = step_titled(record, "acknowledged");
    if (handed == NULL) {
        fprintf(out, "The number %" PRIu64 " had not been given to any record. ", record->lsn);
        return;
    }
    fprintf(out, "Record %" PRIu64 " (the number is called LSN) was handed to the log at %s",
            record->lsn, story_time(story, handed->time_ns));
    if (acked != NULL) {
        fprintf(out, " and acknowledged at %s. ", story_time(story, acked->time_ns));
    } else {
        fputs(" and was not acknowledged: nobody was promised to see it again. ", out);
    }
}

/* Rows before it broke. */
static uint32_t facts_before(const struct story *story)
{
    return story->broken_fact == STORY_NONE ? story->fact_count : story->broken_fact;
}

/* The last damage to bytes at rest that was not undone; NULL: none is. */
static const struct story_fact *standing_damage(const struct story *story)
{
    for (uint32_t i = facts_before(story); i > 0; i--) {
        const struct story_fact *fact = &story->facts[i - 1];
        if (fact->row.kind == HISTORY_LIFTED) break;
        if (fact->row.kind == HISTORY_DAMAGED) return fact;
    }
    return NULL;
}

/* The last call that a fault struck; one that was only slow does not count if another was not. */
static const struct story_event *last_struck(const struct story *story)
{
    const uint32_t facts = facts_before(story);
    const struct story_event *slow = NULL;

    for (uint32_t i = facts < story->fact_count ? story->facts[facts].event : story->event_count;
         i > 0; i--) {
        const struct story_event *event = &story->events[i - 1];
        if (event->struck == NULL) continue;
        if (!event->slowed) return event;
        if (slow == NULL) slow = event;
    }
    return slow;
}

/* What a fault does is in the history, but for those that nobody could know of. */
static void say_last_fault(struct story *story, FILE *out)
{
    const struct story_fact *damage = standing_damage(story), *injected = NULL;
    const struct story_event *struck = last_struck(story);

    if (damage != NULL) {
        fprintf(out, "While nobody ran, at %s: %s. ", story_time(story, damage->row.time_ns),
                damage->words);
        return;
    }
    for (uint32_t i = facts_before(story); i > 0 && injected == NULL; i--) {
        if (story->facts[i - 1].row.kind == HISTORY_INJECTED) injected = &story->facts[i - 1];
    }
    if (injected == NULL && struck == NULL) {
        fputs("No fault was simulated before it. ", out);
        return;
    }
    bool by_event = injected == NULL ||
                    (struck != NULL && !struck->slowed && struck->time_ns >= injected->row.time_ns);
    fprintf(out, "The last fault that was simulated before it, at %s: %s. ",
            story_time(story, by_event ? struck->time_ns : injected->row.time_ns),
            by_event ? struck->struck : injected->words);
}

static void say_seen(struct story *story, FILE *out)
{
    if (story->broken_fact == STORY_NONE) return;
    const struct story_fact *fact = &story->facts[story->broken_fact];
    fprintf(out, "Then, at %s in process %" PRIu32 ": %s.", story_time(story, fact->row.time_ns),
            fact->row.instance, fact->words);
}

static void tell_events(struct story *story)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (out == NULL) return;
    say_record(story, out);
    if (story->result.property != NULL || !story->ended) {
        if (story_stop_came_first(story)) {
            say_stop(story, out, &story->stops[story->broken_stop]);
            say_sectors(story, out);
        }
        say_last_fault(story, out);
        say_seen(story, out);
    } else {
        fprintf(out, "%" PRIu32 " events in %" PRIu32 " processes, all as promised.",
                story->event_count, story->stop_count);
    }
    fclose(out);
    story->happened = story_text(story, "%s", text);
    free(text);
}

/* ---- What is wrong ---- */

/* What the verdict "damage was reported of a log that has none" comes to. */
static const char *explain_false_alarm(const struct story *story)
{
    const struct story_record *record = &story->records[0];
    const bool crashed =
        story_stop_came_first(story) && story->stops[story->broken_stop].how != SIM_STOP_DONE;
    enum story_tone tone = STORY_PLAIN;

    if (story->record_count > 0 && step_titled(record, "acknowledged") != NULL) {
        const char *fate = story_record_fate(story, record, &tone);
        if (fate != NULL && tone == STORY_GOOD) {
            return " The bytes of the record are on the disk as they were made safe: the log has "
                   "lost the way to them, or reads them wrongly.";
        }
        return " The record had been acknowledged: either its bytes were not safe when the log "
               "promised that they were, or the log has lost the way to them.";
    }
    if (crashed) {
        return " No record that was acknowledged is missing there. What lies at that place is what "
               "the crash left of something unfinished (of a write: a torn tail). The log must "
               "end before it and go on.";
    }
    return "";
}

static const char *explain(struct story *story)
{
    const char *name = story->result.property->name;

    if (strcmp(story->result.verdict.why, "damage was reported of a log that has none") == 0) {
        return story_text(story, " The simulated storage had damaged nothing that was safe.%s",
                          explain_false_alarm(story));
    }
    if (strcmp(name, "durability") == 0 && story->record_count > 0) {
        const bool lied = step_titled(&story->records[0], "synced, falsely") != NULL;
        return story_text(story,
                          " What should be read back includes %s, and recovery ends before.%s",
                          lsns(story),
                          lied ? " But it was the disk that broke its promise first: it said that "
                                 "the bytes were safe, and they were not. No log could help it."
                               : "");
    }
    return "";
}

static void tell_wrong(struct story *story)
{
    const struct run_result *result = &story->result;

    if (!story->ended) {
        story->wrong = story_text(story, "The process that ran the log did not survive: %s. %s",
                                  story->death, story->last_words);
    } else if (result->property == NULL) {
        story->wrong = "Nothing.";
    } else {
        char first = result->verdict.why[0];
        if (first >= 'a' && first <= 'z') first = (char)(first - 'a' + 'A');
        story->wrong = story_text(story, "%c%s.%s", first, result->verdict.why + 1, explain(story));
    }
}

void story_tell(struct story *story)
{
    for (uint32_t i = 0; i < story->record_count; i++) story_steps(story, &story->records[i]);
    tell_promise(story);
    tell_events(story);
    tell_wrong(story);
}
