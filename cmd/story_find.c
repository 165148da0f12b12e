/*
 * story_find.c - what in a run is worth showing: where it broke, which records the verdict is
 * about, what became of them, and the sectors in which they lay.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cmd/story.h"
#include "scenarios/decoder.h"

enum { SECTORS_A_RECORD_MAX = 4 };

/* ---- Where it broke ---- */

static void find_break(struct story *story)
{
    story->broken_fact = story->broken_stop = STORY_NONE;
    if (story->result.property == NULL && story->ended) return;
    if (story->ended && story->result.event < story->fact_count) {
        story->broken_fact = (uint32_t)story->result.event;
    }
    for (uint32_t i = 0; i < story->stop_count; i++) {
        if (story->broken_fact != STORY_NONE && story->stops[i].facts > story->broken_fact) break;
        story->broken_stop = i;
    }
    /* No process had ended before: then what its own end left. */
    if (story->broken_stop == STORY_NONE && story->stop_count > 0) story->broken_stop = 0;
}

bool story_stop_came_first(const struct story *story)
{
    if (story->broken_stop == STORY_NONE) return false;
    return story->broken_fact == STORY_NONE ||
           story->stops[story->broken_stop].facts <= story->broken_fact;
}

static const struct history_observation *broken_observation(const struct story *story)
{
    return story->broken_fact == STORY_NONE ? NULL
                                            : story->facts[story->broken_fact].row.observation;
}

/* The range that a verdict is about. Most name one LSN, and something else beside it. */
static void find_range(struct story *story)
{
    const struct history_observation *seen = broken_observation(story);
    const struct verdict *verdict = &story->result.verdict;

    if (!story->ended || story->result.property == NULL) return;
    story->first_lsn = story->last_lsn = verdict->lsn;
    if (strcmp(story->result.property->name, "durability") == 0 && verdict->other > verdict->lsn) {
        bool begins_late = strncmp(verdict->why, "recovery begins", 15) == 0;
        story->last_lsn = begins_late ? verdict->other - 1 : verdict->other;
    }
    if (story->first_lsn == 0 && seen != NULL) {
        story->first_lsn = story->last_lsn = seen->place.first_lsn;
    }
}

/* ---- Where a record lies ---- */

struct search {
    uint64_t lsn;
    uint64_t header;
    struct story_place found;
    bool found_valid, here;
};

static void search_field(void *context, const struct decoder_field *field)
{
    struct search *search = context;
    const bool begins = strcmp(field->name, "crc") == 0;

    if (strcmp(field->part, "group header") == 0 && begins) search->header = field->offset;
    if (strcmp(field->part, "record") != 0) return;
    if (begins) {
        search->here = field->lsn == search->lsn && !search->found_valid;
        if (!search->here) return;
        search->found_valid = field->valid;
        search->found.header = search->header;
        search->found.begin = field->offset;
    }
    if (search->here) search->found.end = field->offset + field->length;
}

static bool search_bytes(struct search *search, const char *name, const uint8_t *bytes,
                         uint64_t size)
{
    if (bytes == NULL) return false;
    decoder_fields(bytes, size, name, search_field, search);
    if (search->found.end == 0) return false;
    search->found.file = name;
    return true;
}

/* As it was before the end of the process, or safe then, or as it is afterwards. */
static struct story_place find_place(const struct story *story, uint64_t lsn)
{
    struct search search = {.lsn = lsn};

    if (story->broken_stop == STORY_NONE) return search.found;
    const struct story_stop *stop = &story->stops[story->broken_stop];
    for (uint32_t i = 0; i < stop->before.count; i++) {
        const struct story_file *file = &stop->before.files[i];
        if (strstr(file->name, ".wal") == NULL) continue;
        if (search_bytes(&search, file->name, file->now, file->now_size)) return search.found;
        if (search_bytes(&search, file->name, file->durable, file->durable_size)) {
            return search.found;
        }
    }
    for (uint32_t i = 0; i < stop->after.count; i++) {
        const struct story_file *file = &stop->after.files[i];
        if (strstr(file->name, ".wal") == NULL) continue;
        if (search_bytes(&search, file->name, file->now, file->now_size)) return search.found;
    }
    return search.found;
}

/* ---- Sectors ---- */

static void add_sector(struct story *story, const char *file, uint64_t sector, bool concerned)
{
    for (uint32_t i = 0; i < story->sector_count; i++) {
        const struct story_sector *is = &story->sectors[i];
        if (is->sector == sector && strcmp(is->file, file) == 0) return;
    }
    if (story->sector_count == STORY_SECTORS_MAX) return;
    story->sectors[story->sector_count++] = (struct story_sector){file, sector, concerned};
}

static void add_place(struct story *story, const struct story_place *place)
{
    if (place->file == NULL) return;
    uint64_t first = place->begin / STORY_SECTOR_BYTES;
    uint64_t last = (place->end - 1) / STORY_SECTOR_BYTES;

    add_sector(story, place->file, place->header / STORY_SECTOR_BYTES, true);
    for (uint64_t at = first; at <= last && at < first + SECTORS_A_RECORD_MAX; at++) {
        add_sector(story, place->file, at, true);
    }
}

/* The place that the log itself named. */
static void add_named_place(struct story *story)
{
    const struct history_observation *seen = broken_observation(story);

    if (seen == NULL || seen->place.segment == 0) return;
    add_sector(story, story_text(story, "%016" PRIx64 ".wal", seen->place.segment),
               seen->place.offset / STORY_SECTOR_BYTES, true);
}

static void add_changed(struct story *story, const struct story_stop *stop,
                        const struct story_file *file)
{
    static const struct story_file none = {.name = NULL};
    const struct story_file *other = story_file_find(&stop->after, file->name);
    uint8_t before[STORY_SECTOR_BYTES], after[STORY_SECTOR_BYTES];

    if (other == NULL) other = &none;
    uint64_t size = file->now_size > other->now_size ? file->now_size : other->now_size;
    for (uint64_t at = 0; at * STORY_SECTOR_BYTES < size; at++) {
        (void)story_sector_bytes(file->now, file->now_size, at, before);
        (void)story_sector_bytes(other->now, other->now_size, at, after);
        if (memcmp(before, after, sizeof before) == 0) continue;
        story->sectors_changed++;
        add_sector(story, file->name, at, false);
    }
}

static void find_sectors(struct story *story)
{
    for (uint32_t i = 0; i < story->record_count; i++) {
        add_place(story, &story->records[i].place);
    }
    add_named_place(story);
    if (story->broken_stop == STORY_NONE) return;
    const struct story_stop *stop = &story->stops[story->broken_stop];
    if (!stop->has_after) return;
    for (uint32_t i = 0; i < stop->before.count; i++) {
        if (stop->before.files[i].named) add_changed(story, stop, &stop->before.files[i]);
    }
}

static void find_records(struct story *story)
{
    if (story->first_lsn == 0) return;
    for (uint64_t lsn = story->first_lsn; lsn <= story->last_lsn; lsn++) {
        bool is_last = story->record_count + 1 == STORY_RECORDS_MAX;
        struct story_record *record = &story->records[story->record_count++];
        record->lsn = is_last ? story->last_lsn : lsn;
        record->place = find_place(story, record->lsn);
        if (is_last) break;
    }
}

void story_find(struct story *story)
{
    find_break(story);
    find_range(story);
    find_records(story);
    find_sectors(story);
}

void story_step_add(struct story_record *record, struct story_step step)
{
    uint32_t at = record->step_count;

    if (at == STORY_STEPS_MAX) return;
    for (; at > 0 && record->steps[at - 1].time_ns > step.time_ns; at--) {
        record->steps[at] = record->steps[at - 1];
    }
    record->steps[at] = step;
    record->step_count++;
}
