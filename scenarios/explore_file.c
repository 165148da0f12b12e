/*
 * explore_file.c - the section [explore] of a scenario file.
 *
 *     sequence = 4              all sequences of up to four operations of [mix]
 *     sizes = edge 100          records of these lengths; edge: 0, 1, what fills a block, one byte
 *                               less and more, and what fills the segment
 *     workload = append:120 batch:0+448 sync reopen
 *                               this one, written out; there may be several
 *     crashes = 1               in one run
 *     faults = 1                strikes of
 *     fault-kinds = F03 F08     these in one run
 *     preemptions = 0           in one run
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/nearest.h"
#include "scenarios/scenario_internal.h"

/* What records take in a queue, as case_invalid counts it. */
enum { RECORD_HEAD_BYTES = 64, RECORD_NEXT_BYTES = 24 };

struct word_reader {
    struct explore_plan *plan;
    const char *key;
    char *why;
};

static bool number(const char *text, uint64_t max, uint32_t *ret_number)
{
    struct range range;

    if (!range_parse(text, 0, max, &range)) return false;
    if (range.count != 1 || range.low[0] != range.high[0]) return false;
    *ret_number = (uint32_t)range.low[0];
    return true;
}

static const char *unknown(struct word_reader *reader, const char *what, const char *name,
                           const char *const *known, size_t count)
{
    const char *nearest = nearest_name(name, known, count);

    (void)snprintf(reader->why, EXPLORE_WHY_BYTES, "%.20s: unknown %s '%.40s'%s%.40s%s",
                   reader->key, what, name, nearest != NULL ? "; did you mean '" : "",
                   nearest != NULL ? nearest : "", nearest != NULL ? "'?" : "");
    return reader->why;
}

static const char *refuse(struct word_reader *reader, const char *word, const char *wrong)
{
    (void)snprintf(reader->why, EXPLORE_WHY_BYTES, "%.20s: '%.60s' %.90s", reader->key, word,
                   wrong);
    return reader->why;
}

static const char *read_size(struct word_reader *reader, char *word)
{
    struct explore_plan *plan = reader->plan;

    if (strcmp(word, "edge") == 0) {
        plan->edges = true;
        return NULL;
    }
    if (plan->size_count == EXPLORE_SIZES_MAX) return refuse(reader, word, "is one size too many");
    if (!number(word, 65536, &plan->sizes[plan->size_count])) {
        return refuse(reader, word, "is neither 'edge' nor a length from 0 to 65536");
    }
    plan->size_count++;
    return NULL;
}

static const char *read_fault(struct word_reader *reader, char *word)
{
    const struct fault *fault = fault_find(word);

    if (fault == NULL) {
        const char *known[FAULT_NUMBER_COUNT];
        size_t count = 0;
        for (size_t i = 0; i < faults_count; i++) known[count++] = faults_all[i].id;
        return unknown(reader, "fault", word, known, count);
    }
    if (fault->strike == NULL && fault->number != 19) {
        return refuse(reader, word, "does not strike at a call; it is not one of these decisions");
    }
    reader->plan->fault_kinds[fault->number] = 1;
    return NULL;
}

static const char *read_lengths(struct word_reader *reader, char *text, struct operation *operation)
{
    while (text != NULL) {
        char *rest = strchr(text, '+');
        if (rest != NULL) *rest++ = '\0';
        if (operation->records == BATCH_RECORDS_MAX) {
            return refuse(reader, text, "is one record too many");
        }
        if (!number(text, 65536, &operation->lengths[operation->records])) {
            return refuse(reader, text, "is not a length from 0 to 65536");
        }
        operation->records++;
        text = rest;
    }
    return NULL;
}

/* "append:120", "batch:1+2", "idle:1000000", "sync" */
static const char *read_operation(struct word_reader *reader, char *word)
{
    struct explore_plan *plan = reader->plan;
    const char *names[OPERATION_KIND_COUNT];
    char *argument = strchr(word, ':');
    uint32_t kind = 0, *length = &plan->written_lengths[plan->written_count];

    if (*length == EXPLORE_WRITTEN_OPERATIONS) {
        return refuse(reader, word, "is one operation too many");
    }
    struct operation *operation = &plan->written[plan->written_count][*length];
    if (argument != NULL) *argument++ = '\0';
    for (uint32_t i = 0; i < OPERATION_KIND_COUNT; i++) {
        names[i] = operation_name((enum operation_kind)i);
    }
    while (kind < OPERATION_KIND_COUNT && strcmp(names[kind], word) != 0) kind++;
    if (kind == OPERATION_KIND_COUNT) {
        return unknown(reader, "operation", word, names, OPERATION_KIND_COUNT);
    }
    *operation = (struct operation){.kind = (enum operation_kind)kind, .number = *length};
    ++*length;
    bool appends = operation_has_records((enum operation_kind)kind);
    bool may_have_one = kind == OPERATION_IDLE || kind == OPERATION_READ ||
                        kind == OPERATION_TRUNCATE || kind == OPERATION_PRUNE ||
                        kind == OPERATION_PIN || kind == OPERATION_READ_MAPPED ||
                        kind == OPERATION_FOLLOW;
    if (appends != (argument != NULL) && !may_have_one) {
        return refuse(reader, word, appends ? "needs a length" : "takes no length");
    }
    if (argument == NULL) return NULL;
    if (appends) return read_lengths(reader, argument, operation);
    uint32_t value;
    if (!number(argument, UINT32_MAX, &value)) return refuse(reader, argument, "is not a number");
    operation->argument = value;
    return NULL;
}

static const char *each_word(struct word_reader *reader, const char *value,
                             const char *(*read_word)(struct word_reader *reader, char *word))
{
    char text[1024];

    if (strlen(value) >= sizeof text) return "the list is too long";
    memcpy(text, value, strlen(value) + 1);
    for (char *rest = text;;) {
        char *word = rest + strspn(rest, " ,");
        if (*word == '\0') return NULL;
        rest = word + strcspn(word, " ,");
        if (*rest != '\0') *rest++ = '\0';
        const char *wrong = read_word(reader, word);
        if (wrong != NULL) return wrong;
    }
}

const char *explore_read_key(struct explore_plan *plan, const char *name, const char *value,
                             char why[EXPLORE_WHY_BYTES])
{
    struct {
        const char *name;
        uint32_t *number;
        uint32_t max;
    } numbers[] = {{"sequence", &plan->sequence, 8},
                   {"crashes", &plan->crashes, 4},
                   {"faults", &plan->faults, 4},
                   {"preemptions", &plan->preemptions, 4}};
    static const char *const known[] = {"sequence", "sizes",       "workload",   "crashes",
                                        "faults",   "fault-kinds", "preemptions"};
    struct word_reader reader = {.plan = plan, .key = name, .why = why};

    if (!plan->present) plan->crashes = 1; /* Unless something else is said. */
    plan->present = true;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (strcmp(numbers[i].name, name) != 0) continue;
        if (number(value, numbers[i].max, numbers[i].number)) return NULL;
        return refuse(&reader, value, "is not a number that small");
    }
    if (strcmp(name, "sizes") == 0) return each_word(&reader, value, read_size);
    if (strcmp(name, "fault-kinds") == 0) return each_word(&reader, value, read_fault);
    if (strcmp(name, "workload") == 0) {
        if (plan->written_count == EXPLORE_WRITTEN_MAX) return "workload: too many";
        const char *wrong = each_word(&reader, value, read_operation);
        if (wrong == NULL) plan->written_count++;
        return wrong;
    }
    reader.key = "[explore]";
    return unknown(&reader, "key", name, known, sizeof known / sizeof known[0]);
}

/* Every written workload in the smallest queue. */
static bool written_fit(const struct scenario *scenario)
{
    const struct explore_plan *plan = &scenario->explore;

    for (uint32_t i = 0; i < plan->written_count; i++) {
        for (uint32_t j = 0; j < plan->written_lengths[i]; j++) {
            uint64_t used = RECORD_HEAD_BYTES;
            for (uint32_t k = 0; k < plan->written[i][j].records; k++) {
                used += plan->written[i][j].lengths[k] + (k > 0 ? RECORD_NEXT_BYTES : 0U);
            }
            if (used > range_min(&scenario->queue_bytes)) return false;
        }
    }
    return true;
}

const char *explore_impossible(const struct scenario *scenario)
{
    const struct explore_plan *plan = &scenario->explore;
    uint32_t kinds = 0;

    if (plan->sequence == 0 && plan->written_count == 0) {
        return "[explore]: neither sequence nor workload says what to visit";
    }
    if (plan->sequence > 0 && !plan->edges && plan->size_count == 0) {
        return "[explore] sizes: missing, so there is no record to append";
    }
    if (!written_fit(scenario)) {
        return "[explore] workload: an operation's records do not fit the smallest queue "
               "([log] queue-bytes) with 64 bytes to spare";
    }
    for (uint32_t i = 0; i < FAULT_NUMBER_COUNT; i++) kinds += plan->fault_kinds[i];
    if ((plan->faults > 0) != (kinds > 0)) {
        return "[explore]: faults says how many strikes, fault-kinds which; one needs the other";
    }
    return NULL;
}
