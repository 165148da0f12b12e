/*
 * struck.c - what each decision of a run did, in words.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/struck.h"
#include "faults/fault.h"

enum { INODE_SHIFT = 40, WORDS_BYTES = 64 };

static uint32_t kind_of(const struct sim_trace_event *decision)
{
    return (uint32_t)(decision->b >> 32);
}

/* ---- What it was about ---- */

/* "pwrite at 512, 120 bytes" */
static void say_call(const struct sim_trace_event *event, char words[WORDS_BYTES])
{
    const uint64_t len = event->b & ((UINT64_C(1) << INODE_SHIFT) - 1);
    const char *name = sim_call_name((enum sim_call)event->call);
    int used = snprintf(words, WORDS_BYTES, "%s", name);

    if ((event->call == SIM_CALL_PWRITE || event->call == SIM_CALL_PREAD) && used > 0 &&
        event->result < WAL_ERR_COUNT) {
        (void)snprintf(words + used, WORDS_BYTES - (size_t)used,
                       " at %" PRIu64 ", %" PRIu64 " bytes", event->a, len);
    }
}

static void say_crash(uint32_t outcome, const char *call, char text[CASE_STRUCK_BYTES])
{
    static const char *const where[] = {"before", "inside", "after"};
    const bool power = outcome <= 3;

    (void)snprintf(text, CASE_STRUCK_BYTES, "%s %s %.40s", power ? "power is lost" : "process dies",
                   where[(outcome - 1) % 3], call);
}

static void say_fault(uint32_t number, const char *call, uint16_t result,
                      char text[CASE_STRUCK_BYTES])
{
    const char *name = "?";

    for (size_t i = 0; i < faults_count; i++) {
        if (faults_all[i].number == number) name = faults_all[i].name;
    }
    const char *error = result < WAL_ERR_COUNT ? wal_err_name((enum wal_err)result) : "?";
    (void)snprintf(text, CASE_STRUCK_BYTES, "%.25s: %.28s: %.14s", name, call, error);
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

static void say(const struct sim_trace_event *decision, const struct sim_trace_event *event,
                char text[CASE_STRUCK_BYTES])
{
    const uint32_t kind = kind_of(decision), outcome = (uint32_t)decision->data;
    char call[WORDS_BYTES];

    say_call(event, call);
    if (kind == SIM_KIND_CRASH) {
        say_crash(outcome, call, text);
    } else if (kind == SIM_KIND_PREEMPT) {
        (void)snprintf(text, CASE_STRUCK_BYTES, "then task %" PRIu32 ": %.40s", event->task, call);
    } else if (kind == SIM_KIND_WAKE) {
        (void)snprintf(text, CASE_STRUCK_BYTES, "another waiter is woken");
    } else if (kind == SIM_KIND_ALLOC) {
        (void)snprintf(text, CASE_STRUCK_BYTES, "no memory");
    } else if (kind == SIM_KIND_LOOK) {
        (void)snprintf(text, CASE_STRUCK_BYTES,
                       "the harness looks at what is left, beside the run");
    } else if (kind >= SIM_KIND_FAULT) {
        say_fault(kind - SIM_KIND_FAULT, call, event->result, text);
    }
}

/* ---- Watching ---- */

static void add(struct struck *struck, const struct sim_trace_event *event)
{
    if (struck->count == struck->capacity) {
        struck->capacity = struck->capacity == 0 ? 64 : struck->capacity * 2;
        struck->texts = realloc(struck->texts, struck->capacity * sizeof struck->texts[0]);
        struck->decisions =
            realloc(struck->decisions, struck->capacity * sizeof struck->decisions[0]);
        if (struck->texts == NULL || struck->decisions == NULL) abort();
    }
    struck->decisions[struck->count] = *event;
    struck->texts[struck->count++][0] = '\0';
}

static void watch(void *context, const struct sim_trace_event *event)
{
    struct struck *struck = context;

    if (event->result == SIM_TRACE_DECISION) {
        add(struck, event);
        return;
    }
    for (; struck->waiting < struck->count; struck->waiting++) {
        say(&struck->decisions[struck->waiting], event, struck->texts[struck->waiting]);
    }
}

void struck_watch(struct struck *struck, struct runner *runner, struct run_options *options)
{
    *struck = (struct struck){.runner = runner};
    options->trace = watch;
    options->trace_context = struck;
}

void struck_tell(struct struck *struck, struct run_case *run_case)
{
    const uint32_t allowed = run_case->config.image_modes;

    for (uint32_t i = 0; i < struck->count && i < run_case->decision_count; i++) {
        const uint32_t kind = kind_of(&struck->decisions[i]);
        const uint32_t outcome = (uint32_t)struck->decisions[i].data;
        char *text = run_case->decisions[i].struck;

        memcpy(text, struck->texts[i], CASE_STRUCK_BYTES);
        if (kind < SIM_KIND_IMAGE || kind >= SIM_KIND_FAULT) continue;
        if (kind == SIM_KIND_IMAGE + DISK_ASK_MODE) {
            say_mode(outcome, allowed, text);
        } else {
            say_image(kind - SIM_KIND_IMAGE, outcome, text);
        }
    }
    free(struck->texts);
    free(struck->decisions);
    *struck = (struct struck){.runner = NULL};
}
