/*
 * repair_list.c - which of the names in a damaged log's directory are segments that count.
 */
#include <string.h>

#include "wal/log/codec.h"
#include "wal/log/repair_walk.h"

enum { NUMBER_DIGITS = 16 };

#define ASIDE_SEGMENT ".wal.aside"
#define ASIDE_MARK ".mark.aside"

static void aside_name(char name[LOG_ASIDE_NAME_BYTES], uint64_t number, const char *suffix)
{
    char segment[WAL_SEGMENT_NAME_BYTES];

    log_segment_name(segment, number);
    memcpy(name, segment, NUMBER_DIGITS);
    memcpy(name + NUMBER_DIGITS, suffix, strlen(suffix) + 1);
}

void log_aside_mark_name(char name[LOG_ASIDE_NAME_BYTES], uint64_t number)
{
    aside_name(name, number, ASIDE_MARK);
}

void log_aside_segment_name(char name[LOG_ASIDE_NAME_BYTES], uint64_t number)
{
    aside_name(name, number, ASIDE_SEGMENT);
}

static bool aside_parse(const char *name, const char *suffix, uint64_t *ret_number)
{
    char segment[WAL_SEGMENT_NAME_BYTES];

    if (strlen(name) != NUMBER_DIGITS + strlen(suffix)) return false;
    if (strcmp(name + NUMBER_DIGITS, suffix) != 0) return false;
    memcpy(segment, name, NUMBER_DIGITS);
    memcpy(segment + NUMBER_DIGITS, ".wal", 5);
    return log_segment_name_parse(segment, ret_number);
}

const char *log_walk_next_name(const struct log_walk *walk, const char *name)
{
    const char *next = name == NULL ? walk->names : name + strlen(name) + 1;

    return next < walk->names + walk->names_bytes ? next : NULL;
}

/* A repair died between naming its segment and publishing the mark that makes it count: nothing but
 * a copy of what is still here. */
static void find_unfinished(struct log_walk *walk)
{
    for (const char *name = NULL; (name = log_walk_next_name(walk, name)) != NULL;) {
        uint64_t number;

        if (!aside_parse(name, ASIDE_MARK, &number)) continue;
        if (walk->marked && walk->mark.floor_segment >= number) continue;
        if (number > walk->unfinished) walk->unfinished = number;
    }
}

static bool counts(const struct log_walk *walk, const char *name, uint64_t *ret_number)
{
    if (!log_segment_name_parse(name, ret_number)) return false;
    if (walk->marked && *ret_number < walk->mark.floor_segment) return false;
    return walk->unfinished == 0 || *ret_number < walk->unfinished;
}

static void sort_segments(struct log_walk *walk)
{
    for (size_t i = 1; i < walk->count; i++) {
        struct log_walk_segment segment = walk->segments[i];
        size_t at = i;

        for (; at > 0 && walk->segments[at - 1].number > segment.number; at--) {
            walk->segments[at] = walk->segments[at - 1];
        }
        walk->segments[at] = segment;
    }
}

enum wal_err log_walk_list(struct log_walk *walk)
{
    uint64_t number;
    size_t count = 0;

    find_unfinished(walk);
    for (const char *name = NULL; (name = log_walk_next_name(walk, name)) != NULL;) {
        bool named = log_segment_name_parse(name, &number) ||
                     aside_parse(name, ASIDE_SEGMENT, &number) ||
                     aside_parse(name, ASIDE_MARK, &number);
        if (named && number > walk->number_max) walk->number_max = number;
        count += counts(walk, name, &number);
    }
    if (walk->marked && walk->mark.segment > walk->number_max) {
        walk->number_max = walk->mark.segment;
    }
    if (count == 0) return walk->marked ? WAL_OK : WAL_NOTLOG;
    walk->segments = io_alloc(walk->io, count * sizeof *walk->segments);
    if (walk->segments == NULL) return WAL_NOMEM;
    walk->capacity = count;
    for (const char *name = NULL; (name = log_walk_next_name(walk, name)) != NULL;) {
        if (!counts(walk, name, &number)) continue;
        walk->segments[walk->count++] = (struct log_walk_segment){.number = number};
    }
    sort_segments(walk);
    return WAL_OK;
}
