/*
 * history.c - what happened, in the order in which it happened.
 *
 * Events are rows of one array. Observations and their records are copied into chunks of memory
 * that never move, so that an event may point to them. Clearing keeps both, since a sweep writes
 * tens of thousands of histories a second.
 */
#include "sim/history.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { EVENTS_AT_FIRST = 256, CHUNK_BYTES_MIN = 16384, CHUNK_ALIGN = 8 };

/* history.chunks points to the one being filled; those before it are full, those after it free. */
struct history_chunk {
    struct history_chunk *previous;
    struct history_chunk *next;
    size_t capacity;
    size_t used;
    uint64_t bytes[];
};

void history_init(struct history *history)
{
    *history = (struct history){0};
}

static struct history_chunk *chunk_first(struct history *history)
{
    struct history_chunk *chunk = history->chunks;

    while (chunk != NULL && chunk->previous != NULL) chunk = chunk->previous;
    return chunk;
}

void history_clear(struct history *history)
{
    struct history_chunk *first = chunk_first(history);

    history->count = 0;
    history->chunks = first;
    if (first != NULL) first->used = 0;
}

void history_free(struct history *history)
{
    struct history_chunk *chunk = chunk_first(history);

    while (chunk != NULL) {
        struct history_chunk *next = chunk->next;
        free(chunk);
        chunk = next;
    }
    free(history->events);
    history_init(history);
}

/* The harness has no use for a history that it could not write down: no memory is the end. */
static void *must(void *memory)
{
    assert(memory != NULL);
    return memory;
}

static struct history_chunk *chunk_insert(struct history_chunk *after, size_t bytes)
{
    size_t capacity = bytes < CHUNK_BYTES_MIN ? CHUNK_BYTES_MIN : bytes;
    struct history_chunk *chunk = must(malloc(sizeof *chunk + capacity));

    *chunk = (struct history_chunk){.previous = after, .capacity = capacity};
    if (after != NULL) {
        chunk->next = after->next;
        if (chunk->next != NULL) chunk->next->previous = chunk;
        after->next = chunk;
    }
    return chunk;
}

static void *chunk_take(struct history *history, size_t bytes)
{
    struct history_chunk *chunk = history->chunks;

    bytes = (bytes + CHUNK_ALIGN - 1) / CHUNK_ALIGN * CHUNK_ALIGN;
    if (chunk == NULL || chunk->capacity - chunk->used < bytes) {
        struct history_chunk *next = chunk == NULL ? NULL : chunk->next;
        if (next == NULL || next->capacity < bytes) next = chunk_insert(chunk, bytes);
        next->used = 0;
        history->chunks = chunk = next;
    }
    void *taken = (unsigned char *)chunk->bytes + chunk->used;
    chunk->used += bytes;
    return taken;
}

static const struct history_observation *
observation_copy(struct history *history, const struct history_observation *observation)
{
    size_t bytes = observation->count * sizeof *observation->records;
    struct history_observation *copy = chunk_take(history, sizeof *copy);

    *copy = *observation;
    copy->records = NULL;
    if (bytes > 0) {
        copy->records = memcpy(chunk_take(history, bytes), observation->records, bytes);
    }
    return copy;
}

size_t history_add(struct history *history, const struct history_event *event)
{
    if (history->count == history->capacity) {
        size_t capacity = history->capacity == 0 ? EVENTS_AT_FIRST : history->capacity * 2;
        history->events = must(realloc(history->events, capacity * sizeof *history->events));
        history->capacity = capacity;
    }
    struct history_event *added = &history->events[history->count];
    *added = *event;
    if (event->observation != NULL) {
        added->observation = observation_copy(history, event->observation);
    }
    return history->count++;
}

const char *history_kind_name(enum history_kind kind)
{
    static const char *const names[] = {
#define HISTORY_EVENT_TEXT(name, text) text,
        HISTORY_EVENT_MAP(HISTORY_EVENT_TEXT)
#undef HISTORY_EVENT_TEXT
    };
    assert((size_t)kind < HISTORY_KIND_COUNT);
    return names[kind];
}

const char *history_error_name(enum history_error error)
{
    static const char *const names[] = {
#define HISTORY_ERROR_TEXT(name, text) text,
        HISTORY_ERROR_MAP(HISTORY_ERROR_TEXT)
#undef HISTORY_ERROR_TEXT
    };
    assert((size_t)error < HISTORY_ERROR_COUNT);
    return names[error];
}
