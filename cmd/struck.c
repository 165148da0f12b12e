/*
 * struck.c - what each decision of a run did, in words.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/struck.h"
#include "cmd/trace_words.h"
#include "faults/fault.h"

enum { WORDS_BYTES = 64 };

static uint32_t kind_of(const struct sim_trace_event *decision)
{
    return (uint32_t)(decision->b >> 32);
}

static bool is_image(uint32_t kind)
{
    return kind >= SIM_KIND_IMAGE && kind < SIM_KIND_FAULT;
}

/* ---- What it was about ---- */

/* "pwrite 00000001.seg at 512" */
static void say_call(struct sim_world *world, const struct sim_trace_event *event,
                     char words[WORDS_BYTES])
{
    const char *name = sim_call_name((enum sim_call)event->call);
    const char *file = trace_file_name(world, event);
    int used = snprintf(words, WORDS_BYTES, "%s%s%.24s", name, file[0] != '\0' ? " " : "", file);

    if (trace_has_place(event) && event->result < WAL_ERR_COUNT && used > 0) {
        (void)snprintf(words + used, WORDS_BYTES - (size_t)used, " at %" PRIu64, event->a);
    }
}

static void say_crash(uint32_t outcome, const char *call, char text[CASE_STRUCK_BYTES])
{
    static const char *const where[] = {"before", "inside", "after"};
    const bool power = outcome <= 3;

    (void)snprintf(text, CASE_STRUCK_BYTES, "%s %s %.40s",
                   power ? "power is lost" : "the process dies", where[(outcome - 1) % 3], call);
}

/* Which fault it is stands in the decision's name already. */
static void say_fault(uint32_t number, const char *call, uint16_t result,
                      char text[CASE_STRUCK_BYTES])
{
    const char *name = "?";

    for (size_t i = 0; i < faults_count; i++) {
        if (faults_all[i].number == number) name = faults_all[i].name;
    }
    if (call == NULL) {
        (void)snprintf(text, CASE_STRUCK_BYTES, "%s, while nobody runs", name);
    } else {
        const char *error = result < WAL_ERR_COUNT ? wal_err_name((enum wal_err)result) : "?";
        (void)snprintf(text, CASE_STRUCK_BYTES, "%.14s: %.36s: %.16s", name, call, error);
    }
}

/* Questions about a crash image, by enum disk_question. */
static void say_image(uint32_t question, uint32_t outcome, char text[CASE_STRUCK_BYTES])
{
    static const char *const fates[] = {"lost", "kept", "zero", "garbage", "stale", "torn"};
    static const char *const sizes[] = {"as the data needs", "survives without data", "is lost"};
    static const char *const names[] = {"none", "all", "an ordered prefix", "a subset"};
    static const struct {
        const char *about;
        const char *const *words;
        uint32_t count;
    } questions[DISK_QUESTION_COUNT] = {
        [DISK_ASK_CUT] = {"so many chunks are kept", NULL, 0},
        [DISK_ASK_CUT_BYTE] = {"bytes kept of the next chunk", NULL, 0},
        [DISK_ASK_OMIT] = {"this one is omitted", NULL, 0},
        [DISK_ASK_CHUNK] = {"chunk", fates, 6},
        [DISK_ASK_CHUNK_BYTE] = {"where the chunk is torn", NULL, 0},
        [DISK_ASK_GARBAGE] = {"seed of garbage", NULL, 0},
        [DISK_ASK_SIZE] = {"size", sizes, 3},
        [DISK_ASK_NAMES] = {"names kept", names, 4},
        [DISK_ASK_NAME] = {"how many names, or this one", NULL, 0},
        [DISK_ASK_SPLIT] = {"a rename shows both names, or neither", NULL, 0},
        [DISK_ASK_SYNC_CHUNK] = {"a chunk whose sync failed is on the disk", NULL, 0},
    };
    const char *word = "";

    if (question >= DISK_QUESTION_COUNT || questions[question].about == NULL) return;
    if (outcome < questions[question].count) word = questions[question].words[outcome];
    (void)snprintf(text, CASE_STRUCK_BYTES, "%s%s%s", questions[question].about,
                   word[0] != '\0' ? ": " : "", word);
}

static void say_mode(uint32_t outcome, uint32_t allowed, char text[CASE_STRUCK_BYTES])
{
    static const char *const modes[] = {"all is lost", "all is kept", "a prefix is kept",
                                        "one chunk is lost", "each chunk has a fate of its own"};

    (void)snprintf(text, CASE_STRUCK_BYTES, "%s", modes[disk_image_mode(outcome, allowed)]);
}

/* What it means without knowing what it struck. */
static void say_alone(const struct sim_trace_event *decision, char text[CASE_STRUCK_BYTES])
{
    const uint32_t kind = kind_of(decision);
    const char *words = "";

    if (kind == SIM_KIND_WAKE) words = "another waiter is woken";
    if (kind == SIM_KIND_ALLOC) words = "no memory";
    if (kind == SIM_KIND_LOOK) words = "the harness looks at what is left, beside the run";
    if (kind == SIM_KIND_RESUME) words = "the paused process goes on for so many calls";
    (void)snprintf(text, CASE_STRUCK_BYTES, "%s", words);
    if (kind >= SIM_KIND_FAULT && decision->call == SIM_CALL_HARNESS) {
        say_fault(kind - SIM_KIND_FAULT, NULL, 0, text);
    }
}

static void say(struct sim_world *world, const struct sim_trace_event *decision,
                const struct sim_trace_event *event, char text[CASE_STRUCK_BYTES])
{
    const uint32_t kind = kind_of(decision), outcome = (uint32_t)decision->data;
    char call[WORDS_BYTES];

    say_call(world, event, call);
    if (kind == SIM_KIND_CRASH) {
        say_crash(outcome, call, text);
    } else if (kind == SIM_KIND_PREEMPT) {
        (void)snprintf(text, CASE_STRUCK_BYTES, "then %.16s: %.40s", sim_trace_task(world), call);
    } else {
        say_fault(kind - SIM_KIND_FAULT, call, event->result, text);
    }
}

/* Is this the line of what the decision struck? Others may come before it: a sync takes time. */
static bool is_struck(const struct sim_trace_event *decision, const struct sim_trace_event *event)
{
    const uint32_t kind = kind_of(decision);

    if (event->result == SIM_TRACE_HARNESS) return false;
    if (kind == SIM_KIND_PREEMPT) return true;
    if (kind == SIM_KIND_CRASH && event->result == SIM_TRACE_STOP) return true;
    return kind >= SIM_KIND_FAULT || kind == SIM_KIND_CRASH
               ? event->task == decision->task && event->call == decision->call
               : false;
}

/* ---- Watching ---- */

static void add(struct struck *struck, const struct sim_trace_event *event)
{
    if (struck->count == struck->capacity) {
        struck->capacity = struck->capacity == 0 ? 64 : struck->capacity * 2;
        struck->texts = realloc(struck->texts, struck->capacity * sizeof struck->texts[0]);
        struck->decisions =
            realloc(struck->decisions, struck->capacity * sizeof struck->decisions[0]);
        struck->waits = realloc(struck->waits, struck->capacity);
        if (struck->texts == NULL || struck->decisions == NULL || struck->waits == NULL) abort();
    }
    const uint32_t i = struck->count++, kind = kind_of(event);
    struck->decisions[i] = *event;
    say_alone(event, struck->texts[i]);
    struck->waits[i] = struck->texts[i][0] == '\0' && !is_image(kind);
}

static void watch(void *context, const struct sim_trace_event *event)
{
    struct struck *struck = context;

    if (event->result == SIM_TRACE_DECISION) {
        add(struck, event);
        return;
    }
    while (struck->told < struck->count && struck->waits[struck->told] == 0) struck->told++;
    for (uint32_t i = struck->told; i < struck->count; i++) {
        if (struck->waits[i] == 0 || !is_struck(&struck->decisions[i], event)) continue;
        say(runner_world(struck->runner), &struck->decisions[i], event, struck->texts[i]);
        struck->waits[i] = 0;
    }
}

void struck_watch(struct struck *struck, struct runner *runner, struct run_options *options)
{
    *struck = (struct struck){.runner = runner};
    options->trace = watch;
    options->trace_context = struck;
}

void struck_tell(const struct struck *struck, struct run_case *run_case)
{
    const uint32_t allowed = run_case->config.image_modes;

    for (uint32_t i = 0; i < struck->count && i < run_case->decision_count; i++) {
        const uint32_t kind = kind_of(&struck->decisions[i]);
        const uint32_t outcome = (uint32_t)struck->decisions[i].data;
        char *text = run_case->decisions[i].struck;

        memcpy(text, struck->texts[i], CASE_STRUCK_BYTES);
        if (!is_image(kind)) continue;
        if (kind == SIM_KIND_IMAGE + DISK_ASK_MODE) {
            say_mode(outcome, allowed, text);
        } else {
            say_image(kind - SIM_KIND_IMAGE, outcome, text);
        }
    }
}

void struck_free(struct struck *struck)
{
    free(struck->texts);
    free(struck->decisions);
    free(struck->waits);
    *struck = (struct struck){.runner = NULL};
}
