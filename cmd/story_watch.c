/*
 * story_watch.c - a run being watched: its events, its history and its disk, put down as they come.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/story.h"
#include "cmd/trace_words.h"

enum { FAULT_LATENCY = 18 };

/* ---- Words ---- */

static const char *words_end(struct story *story, FILE *out, char **text)
{
    fclose(out);
    const char *words = story_text(story, "%s", *text);
    free(*text);
    return words;
}

static FILE *words_begin(char **text, size_t *size)
{
    FILE *out = open_memstream(text, size);

    assert(out != NULL);
    return out;
}

static const char *fact_words(struct story *story, const struct history_event *row)
{
    char *text;
    size_t size;
    FILE *out = words_begin(&text, &size);

    trace_words_fact(out, row);
    return words_end(story, out, &text);
}

static const char *event_words(struct story *story, const struct sim_world *world,
                               const struct sim_trace_event *event)
{
    char *text;
    size_t size;

    if (event->result != SIM_TRACE_DECISION && event->result != SIM_TRACE_STOP) return NULL;
    FILE *out = words_begin(&text, &size);
    if (event->result == SIM_TRACE_DECISION) {
        trace_words_decision(out, world, event);
    } else {
        trace_words_stop(out, event);
    }
    return words_end(story, out, &text);
}

/* ---- History ---- */

static const struct history_observation *copied(struct story *story,
                                                const struct history_observation *from)
{
    struct history_observation *to = story_take(story, sizeof *to);
    struct history_record *records = story_take(story, from->count * sizeof *records);

    *to = *from;
    if (from->count > 0) memcpy(records, from->records, from->count * sizeof *records);
    to->records = records;
    return to;
}

/* Rows that were added since the last time; those that stand before an event belong to it. */
static void take_facts(struct story_watch *watch)
{
    struct story *story = watch->story;
    const struct history *history = runner_history(watch->runner);

    while (story->fact_count < history->count) {
        const struct history_event *row = &history->events[story->fact_count];
        story->facts = story_grown(story, story->facts, story->fact_count, &story->fact_capacity,
                                   sizeof story->facts[0]);
        struct story_fact *fact = &story->facts[story->fact_count];
        fact->row = *row;
        fact->words = fact_words(story, row);
        fact->event = story->event_count;
        if (row->observation != NULL) fact->row.observation = copied(story, row->observation);
        story->fact_count++;
    }
}

/* Of the rows right before this event, what a fault did at the call. */
static const char *injected_words(const struct story *story)
{
    for (uint32_t i = story->fact_count; i > 0; i--) {
        const struct story_fact *fact = &story->facts[i - 1];
        if (fact->event != story->event_count) break;
        if (fact->row.kind == HISTORY_INJECTED) return fact->words;
    }
    return NULL;
}

/* ---- Names ---- */

static uint32_t name_index(struct story *story, const char *name)
{
    for (uint32_t i = 0; i < story->name_count; i++) {
        if (strcmp(story->names[i], name) == 0) return i;
    }
    story->names = story_grown(story, story->names, story->name_count, &story->name_capacity,
                               sizeof story->names[0]);
    story->names[story->name_count] = story_text(story, "%s", name);
    return story->name_count++;
}

static uint32_t lane_index(struct story *story, const char *name)
{
    for (uint32_t i = 0; i < story->lane_count; i++) {
        if (strcmp(story->lanes[i], name) == 0) return i;
    }
    story->lanes = story_grown(story, story->lanes, story->lane_count, &story->lane_capacity,
                               sizeof story->lanes[0]);
    story->lanes[story->lane_count] = story_text(story, "%s", name);
    return story->lane_count++;
}

/* A process that was paused and comes back has lanes of its own beside its successor's. */
static uint32_t lane_of(struct story_watch *watch, const char *task, uint32_t instance)
{
    struct story *story = watch->story;

    if (instance > watch->newest) watch->newest = instance;
    if (instance == watch->newest || *task == '\0') return lane_index(story, task);
    return lane_index(story, story_text(story, "%s (process %" PRIu32 ")", task, instance));
}

static struct story_task *task_of(struct story_watch *watch, uint32_t number)
{
    while (number >= watch->task_capacity) {
        size_t before = watch->task_capacity;
        watch->tasks = story_grown(watch->story, watch->tasks, before, &watch->task_capacity,
                                   sizeof watch->tasks[0]);
    }
    return &watch->tasks[number];
}

/* ---- Events ---- */

static void look_after(struct story_watch *watch)
{
    struct story *story = watch->story;
    struct story_stop *stop = &story->stops[story->stop_count - 1];

    watch->waits = false;
    if (story_is_full(story)) return;
    story_disk_take(story, sim_disk(runner_world(watch->runner)), &stop->before, &stop->after);
    stop->has_after = true;
}

static void stopped(struct story_watch *watch, const struct sim_trace_event *event)
{
    struct story *story = watch->story;
    const struct story_stop *last =
        story->stop_count > 0 ? &story->stops[story->stop_count - 1] : NULL;

    story->stops = story_grown(story, story->stops, story->stop_count, &story->stop_capacity,
                               sizeof story->stops[0]);
    struct story_stop *stop = &story->stops[story->stop_count];
    *stop = (struct story_stop){.event = story->event_count,
                                .instance = event->instance,
                                .facts = story->fact_count,
                                .how = (enum sim_stop)event->a};
    if (!story_is_full(story)) {
        story_disk_take(story, sim_disk(runner_world(watch->runner)),
                        last != NULL ? &last->after : NULL, &stop->before);
    }
    story->stop_count++;
    watch->waits = true;
}

/* A decision comes before the call that it strikes, and other tasks may run between. */
static void add_decision(struct story_task *task, const struct sim_trace_event *from)
{
    task->fault = trace_fault(from);
    task->call = from->call;
}

static void add_call(struct story *story, struct story_task *task, struct story_event *event)
{
    event->began_ns = task->heard_ns == 0 ? event->time_ns : task->heard_ns;
    task->heard_ns = event->time_ns;
    event->struck = injected_words(story);
    if (task->fault == NULL || task->call != event->call) return;
    event->lied = task->fault->contract == FAULT_BEYOND && event->result == WAL_OK;
    event->slowed = task->fault->number == FAULT_LATENCY;
    if (event->struck == NULL) {
        event->struck =
            story_text(story, "%s %s: %s", task->fault->id, task->fault->name, task->fault->story);
    }
    task->fault = NULL;
}

static void add_event(struct story_watch *watch, const struct sim_trace_event *from)
{
    struct story *story = watch->story;
    struct sim_world *world = runner_world(watch->runner);
    const bool placed = trace_has_place(from);

    story->events = story_grown(story, story->events, story->event_count, &story->event_capacity,
                                sizeof story->events[0]);
    struct story_event *event = &story->events[story->event_count];
    *event = (struct story_event){
        .time_ns = from->time_ns,
        .began_ns = from->time_ns,
        .offset = placed ? from->a : 0,
        .length = placed ? trace_length(from) : 0,
        .words = event_words(story, world, from),
        .lane = lane_of(watch, sim_trace_task(world), from->instance),
        .file = name_index(story, trace_file_name(world, from)),
        .operation = from->operation,
        .instance = from->instance,
        .facts = story->fact_count,
        .call = from->call,
        .result = from->result,
    };
    if (from->result == SIM_TRACE_DECISION) {
        add_decision(task_of(watch, from->task), from);
    } else if (from->task != 0) {
        add_call(story, task_of(watch, from->task), event);
    }
    story->event_count++;
}

static void take(void *context, const struct sim_trace_event *event)
{
    struct story_watch *watch = context;

    take_facts(watch);
    if (!trace_is_counted(event)) return;
    if (watch->waits &&
        event->instance > watch->story->stops[watch->story->stop_count - 1].instance)
        look_after(watch);
    if (event->result == SIM_TRACE_STOP) stopped(watch, event);
    add_event(watch, event);
}

void story_watch(struct story_watch *watch, struct run_options *options)
{
    struct story *story = watch->story;

    (void)name_index(story, "");
    (void)lane_index(story, "");
    options->trace = take;
    options->trace_context = watch;
}

/* A look at the disk beside the run broke it: the row that the history does not have. */
static void add_look(struct story_watch *watch)
{
    struct story *story = watch->story;
    const struct sim_world *world = runner_world(watch->runner);
    const struct history_event row = {.kind = HISTORY_OBSERVED,
                                      .operation = HISTORY_NO_OPERATION,
                                      .instance = sim_instance(world) + 1,
                                      .time_ns = sim_now_ns(world),
                                      .observation = runner_last_look(watch->runner)};

    story->facts = story_grown(story, story->facts, story->fact_count, &story->fact_capacity,
                               sizeof story->facts[0]);
    struct story_fact *fact = &story->facts[story->fact_count++];
    *fact = (struct story_fact){.row = row, .event = story->event_count};
    fact->words = story_text(story, "a look at the disk: %s", fact_words(story, &row));
    fact->row.observation = copied(story, row.observation);
}

void story_watch_end(struct story_watch *watch, const struct run_result *result)
{
    take_facts(watch);
    if (watch->waits) look_after(watch);
    if (result->property != NULL && result->event >= watch->story->fact_count) add_look(watch);
}
