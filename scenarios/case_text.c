/*
 * case_text.c - cases as text: reproducers.
 *
 * An INI file. Comments start with ";", also behind a value; lines are shorter than 200 bytes.
 *
 *     [case]
 *     format = 1
 *     scenario = everything            where it came from; the file replays without it
 *     seed = 0x000000000000002a        likewise, and the salt of the world's random bytes
 *     bug = no-directory-sync          the planted bug it was found with, if any
 *     property = durability            what it broke
 *     why = ...                        and how
 *
 *     [set-up]                         struct case_config; what is left out is tame
 *     profile = weak
 *     block-bytes = 512
 *     ...
 *
 *     [operations]                     in order; NUMBER = KIND client N [bytes N...] [argument N]
 *     3 = append client 0 bytes 120        [noise N] [content log|replica|row]
 *     7 = batch client 1 bytes 10 20 30
 *     9 = power-off client 0
 *
 *     [decisions]                      WHO KIND CALL ORDINAL = OUTCOME
 *     op7/committer.0 F08 fdatasync 0 = 1 ; what it struck
 *
 *     [milestones]                     the crashes, in order: WHO power|kill must LSN pending N
 *     1 = op9 power must 4 pending 3
 *
 * Contexts, kinds and calls are spelled as sim/address.h says; a context "/boot0" that repeats
 * itself is written once, as "/boot0*7".
 */
#include <assert.h>
#include <ini.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/nearest.h"
#include "scenarios/case.h"
#include "scenarios/case_keys.h"
#include "sim/address.h"
#include "sim/history.h"

enum {
    FORMAT = 1,
    NUMBER_MAX = 1 << 23,
    LINE_BYTES = 190,
    PATH_BYTES = 4096,
    WORD_BYTES = 32,
};

/* ---- Writing ---- */

struct text {
    char *bytes;
    size_t count, capacity;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *text, const char *format, ...)
{
    for (;;) {
        va_list arguments;
        size_t left = text->capacity - text->count;

        va_start(arguments, format);
        int len = vsnprintf(text->bytes + text->count, left, format, arguments);
        va_end(arguments);
        assert(len >= 0);
        if ((size_t)len < left) {
            text->count += (size_t)len;
            return;
        }
        text->capacity = 2 * text->capacity + (size_t)len;
        text->bytes = realloc(text->bytes, text->capacity);
        assert(text->bytes != NULL);
    }
}

/* A value must not look like a comment or end its line. */
static void add_words(struct text *text, const char *key, const char *words)
{
    size_t start = text->count;

    if (words[0] == '\0') return;
    add(text, "%s = %.150s\n", key, words);
    for (size_t i = start; i + 1 < text->count; i++) {
        if (text->bytes[i] == ';' || text->bytes[i] == '\n') text->bytes[i] = ',';
    }
}

static void add_set_up(struct text *text, const struct case_config *config)
{
    const struct case_config tame = case_config_tame();

    add(text, "\n[set-up]\nprofile = %s\n", config->profile->name);
    for (size_t i = 0; i < case_key_count; i++) {
        const struct case_key *key = &case_keys[i];
        uint64_t value = case_get(config, key);
        if (value == case_get(&tame, key)) continue;
        if (key->words != NULL) {
            add(text, "%s = %s\n", key->name, key->words[value]);
        } else {
            add(text, "%s = %" PRIu64 "\n", key->name, value);
        }
    }
}

static bool has_argument(enum operation_kind kind)
{
    return kind == OPERATION_IDLE || kind == OPERATION_READ || kind == OPERATION_APPEND_OVER ||
           kind == OPERATION_TRUNCATE || kind == OPERATION_PRUNE || kind == OPERATION_PIN ||
           kind == OPERATION_APPEND_UNTIL || kind == OPERATION_APPEND_MANY ||
           kind == OPERATION_READ_MAPPED || kind == OPERATION_FOLLOW ||
           kind == OPERATION_TRUNCATE_WATCHED;
}

static void add_operation(struct text *text, const struct operation *operation)
{
    add(text, "%" PRIu32 " = %s client %" PRIu32, operation->number,
        operation_name(operation->kind), operation->client);
    if (operation_has_records(operation->kind)) {
        add(text, " bytes");
        for (uint32_t i = 0; i < operation->records; i++) {
            add(text, " %" PRIu32, operation->lengths[i]);
        }
        if (operation->noise != 0) add(text, " noise 0x%" PRIx64, operation->noise);
        if (operation->content != CONTENT_NOISE)
            add(text, " content %s", content_name(operation->content));
    }
    if (has_argument(operation->kind)) add(text, " argument %" PRIu64, operation->argument);
    add(text, "\n");
}

/* A process that cannot open the log is followed by another on its account, and so on: the same
 * "/boot0" many times over is written once, "/boot0*7". Lines have to stay short. */
static void squeeze(const char *path, char ret_text[PATH_BYTES])
{
    size_t used = 0;

    while (*path != '\0') {
        size_t len = 1 + strcspn(path + 1, "/");
        unsigned times = 1;
        if (strncmp(path, "/boot", 5) == 0) {
            while (strncmp(path + times * len, path, len) == 0 &&
                   (path[(times + 1) * len] == '/' || path[(times + 1) * len] == '\0')) {
                times++;
            }
        }
        memcpy(ret_text + used, path, len);
        used += len;
        path += times * len;
        if (times > 1) used += (size_t)snprintf(ret_text + used, PATH_BYTES - used, "*%u", times);
    }
    ret_text[used] = '\0';
}

/* The reverse. False: it says more boots than there can be. */
static bool stretch(const char *text, char ret_path[PATH_BYTES])
{
    size_t used = 0;

    while (*text != '\0') {
        size_t len = 1 + strcspn(text + 1, "/*");
        unsigned long times = 1;
        const char *part = text;
        text += len;
        if (*text == '*') {
            char *end;
            times = strtoul(text + 1, &end, 10);
            if (times < 2 || end == text + 1 || (*end != '/' && *end != '\0')) return false;
            text = end;
        }
        for (; times > 0; times--) {
            if (used + len >= PATH_BYTES) return false;
            memcpy(ret_path + used, part, len);
            used += len;
        }
    }
    ret_path[used] = '\0';
    return true;
}

static void add_decision(struct text *text, const struct run_case *run_case,
                         const struct case_decision *decision)
{
    char path[PATH_BYTES], who[PATH_BYTES], kind[WORD_BYTES], call[WORD_BYTES];
    size_t start = text->count;

    bool named =
        sim_who_path(run_case->whos, run_case->who_count, decision->who, path, sizeof path) &&
        sim_kind_print(decision->kind, kind, sizeof kind) &&
        sim_call_print(decision->call, call, sizeof call);
    assert(named);
    if (!named) return;
    squeeze(path, who);
    add(text, "%s %s %s %" PRIu32 " = %" PRIu32, who, kind, call, decision->ordinal,
        decision->outcome);
    size_t used = text->count - start;
    if (decision->struck[0] != '\0' && used + 20 < LINE_BYTES) {
        add(text, " ; %.*s", (int)(LINE_BYTES - used), decision->struck);
    }
    add(text, "\n");
}

char *case_text(const struct run_case *run_case)
{
    struct text text = {.capacity = 4096};

    text.bytes = malloc(text.capacity);
    assert(text.bytes != NULL);
    add(&text, "; A reproducer: squall replay FILE\n[case]\nformat = %d\n", FORMAT);
    add_words(&text, "scenario", run_case->scenario);
    add(&text, "seed = 0x%016" PRIx64 "\n", run_case->seed);
    add_words(&text, "bug", run_case->bug);
    add_words(&text, "property", run_case->property);
    add_words(&text, "why", run_case->why);
    add_set_up(&text, &run_case->config);
    add(&text, "\n[operations]\n");
    for (uint32_t i = 0; i < run_case->operation_count; i++) {
        add_operation(&text, &run_case->operations[i]);
    }
    add(&text, "\n[decisions]\n; who kind call ordinal = outcome ; what it struck\n");
    for (uint32_t i = 0; i < run_case->decision_count; i++) {
        add_decision(&text, run_case, &run_case->decisions[i]);
    }
    if (run_case->milestone_count > 0) add(&text, "\n[milestones]\n");
    for (uint32_t i = 0; i < run_case->milestone_count; i++) {
        const struct case_milestone *milestone = &run_case->milestones[i];
        add(&text, "%" PRIu32 " = ", i + 1);
        if (milestone->operation == HISTORY_NO_OPERATION) add(&text, "nobody");
        if (milestone->operation != HISTORY_NO_OPERATION)
            add(&text, "op%" PRIu32, milestone->operation);
        add(&text, " %s must %" PRIu64 " pending %" PRIu64 "\n",
            milestone->power ? "power" : "kill", milestone->must_lsn, milestone->pending);
    }
    return text.bytes;
}

/* ---- Reading ---- */

struct reading {
    struct run_case *run_case;
    char *message; /* What is wrong, without the place. */
    bool failed, formatted;
    struct sim_who_list whos;
};

__attribute__((format(printf, 2, 3))) static int refuse(struct reading *reading, const char *format,
                                                        ...)
{
    va_list arguments;

    if (reading->failed) return 0;
    va_start(arguments, format);
    (void)vsnprintf(reading->message, CASE_MESSAGE_BYTES / 2, format, arguments);
    va_end(arguments);
    reading->failed = true;
    return 0;
}

static int refuse_unknown(struct reading *reading, const char *what, const char *name,
                          const char *const *known, size_t count)
{
    const char *nearest = nearest_name(name, known, count);

    if (nearest == NULL) return refuse(reading, "unknown %s '%.64s'", what, name);
    return refuse(reading, "unknown %s '%.64s'; did you mean '%s'?", what, name, nearest);
}

static bool number_parse(const char *text, uint64_t min, uint64_t max, uint64_t *ret_number)
{
    char *end;
    bool hex = text[0] == '0' && text[1] == 'x';

    if (text[0] < '0' || text[0] > '9') return false;
    uint64_t number = strtoull(text, &end, hex ? 16 : 10);
    if (*end != '\0' || number < min || number > max) return false;
    *ret_number = number;
    return true;
}

/* The next word of a line that is cut up; NULL: there is none. */
static char *next_word(char **rest)
{
    char *word = *rest + strspn(*rest, " \t");

    if (*word == '\0') return NULL;
    *rest = word + strcspn(word, " \t");
    if (**rest != '\0') *(*rest)++ = '\0';
    return word;
}

static int read_case_key(struct reading *reading, const char *name, const char *value)
{
    static const char *const known[] = {"format", "scenario", "seed", "bug", "property", "why"};
    struct run_case *run_case = reading->run_case;
    uint64_t number;
    const struct {
        const char *name;
        char *to;
        size_t size;
    } texts[] = {{"scenario", run_case->scenario, sizeof run_case->scenario},
                 {"bug", run_case->bug, sizeof run_case->bug},
                 {"property", run_case->property, sizeof run_case->property},
                 {"why", run_case->why, sizeof run_case->why}};

    if (strcmp(name, "format") == 0) {
        if (!number_parse(value, FORMAT, FORMAT, &number)) {
            return refuse(reading, "format: '%.32s' is not one this program reads; it reads %d",
                          value, FORMAT);
        }
        reading->formatted = true;
        return 1;
    }
    if (strcmp(name, "seed") == 0) {
        if (number_parse(value, 0, UINT64_MAX, &run_case->seed)) return 1;
        return refuse(reading, "seed: '%.32s' is not a number", value);
    }
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (strcmp(name, texts[i].name) != 0) continue;
        if (strlen(value) >= texts[i].size) return refuse(reading, "%s: too long", name);
        memcpy(texts[i].to, value, strlen(value) + 1);
        return 1;
    }
    return refuse_unknown(reading, "key in [case]", name, known, 6);
}

static int read_profile(struct reading *reading, const char *value)
{
    const char *known[32];
    size_t count = 0;

    reading->run_case->config.profile = disk_profile_find(value);
    if (reading->run_case->config.profile != NULL) return 1;
    for (; count < disk_profile_count && count < 32; count++)
        known[count] = disk_profiles[count].name;
    return refuse_unknown(reading, "disk profile", value, known, count);
}

static int read_set_up_key(struct reading *reading, const char *name, const char *value)
{
    const char *known[CASE_KEYS_MAX + 1];
    uint64_t number;

    if (strcmp(name, "profile") == 0) return read_profile(reading, value);
    for (size_t i = 0; i < case_key_count; i++) {
        const struct case_key *key = &case_keys[i];
        known[i] = key->name;
        if (strcmp(key->name, name) != 0) continue;
        size_t word = 0;
        while (key->words != NULL && key->words[word] != NULL &&
               strcmp(key->words[word], value) != 0)
            word++;
        if (key->words != NULL && key->words[word] != NULL) {
            case_set(&reading->run_case->config, key, word);
            return 1;
        }
        if (key->words != NULL) return refuse_unknown(reading, name, value, key->words, word);
        if (!number_parse(value, key->min, key->max, &number)) {
            return refuse(reading, "%s: '%.32s' is not a number from %" PRIu64 " to %" PRIu64, name,
                          value, key->min, key->max);
        }
        case_set(&reading->run_case->config, key, number);
        return 1;
    }
    known[case_key_count] = "profile";
    return refuse_unknown(reading, "key in [set-up]", name, known, case_key_count + 1);
}

/* "bytes 10 20 30": up to the next word that is no number, which is left in *word. */
static int read_lengths(struct reading *reading, struct operation *operation, char **rest,
                        char **word)
{
    uint64_t number;

    operation->records = 0;
    while ((*word = next_word(rest)) != NULL && number_parse(*word, 0, 1 << 20, &number)) {
        if (operation->records == BATCH_RECORDS_MAX) {
            return refuse(reading, "a batch has no more than %d records", BATCH_RECORDS_MAX);
        }
        operation->lengths[operation->records++] = (uint32_t)number;
    }
    return 1;
}

static int read_content(struct reading *reading, struct operation *operation, const char *word)
{
    const char *known[CONTENT_COUNT];

    for (unsigned i = 0; i < CONTENT_COUNT; i++) {
        known[i] = content_name((enum operation_content)i);
        if (word == NULL || strcmp(known[i], word) != 0) continue;
        operation->content = (enum operation_content)i;
        return 1;
    }
    return refuse_unknown(reading, "content", word == NULL ? "" : word, known, CONTENT_COUNT);
}

static int read_attributes(struct reading *reading, struct operation *operation, char *rest)
{
    uint64_t number;

    for (char *word = next_word(&rest); word != NULL;) {
        if (strcmp(word, "bytes") == 0 && operation_has_records(operation->kind)) {
            if (!read_lengths(reading, operation, &rest, &word)) return 0;
            continue;
        }
        const char *value = next_word(&rest);
        bool known = true;
        if (strcmp(word, "content") == 0 && operation_has_records(operation->kind)) {
            if (!read_content(reading, operation, value)) return 0;
            word = next_word(&rest);
            continue;
        }
        if (value == NULL || !number_parse(value, 0, UINT64_MAX, &number)) {
            return refuse(reading, "'%.32s' is not followed by a number", word);
        }
        if (strcmp(word, "client") == 0 && number < 8) {
            operation->client = (uint32_t)number;
        } else if (strcmp(word, "noise") == 0 && operation_has_records(operation->kind)) {
            operation->noise = number;
        } else if (strcmp(word, "argument") == 0 && has_argument(operation->kind)) {
            operation->argument = number;
        } else {
            known = false;
        }
        if (!known) {
            return refuse(reading, "'%.32s %.32s' says nothing to an operation '%s'", word, value,
                          operation_name(operation->kind));
        }
        word = next_word(&rest);
    }
    return 1;
}

static int read_operation(struct reading *reading, const char *name, char *rest)
{
    struct run_case *run_case = reading->run_case;
    const char *known[OPERATION_KIND_COUNT];
    struct operation operation = {.records = 1};
    uint64_t number;
    const char *kind = next_word(&rest);

    if (!number_parse(name, 0, NUMBER_MAX, &number)) {
        return refuse(reading, "'%.32s' is not the number of an operation", name);
    }
    operation.number = (uint32_t)number;
    if (kind == NULL) return refuse(reading, "operation %s: nothing is said of it", name);
    uint32_t which = 0;
    for (; which < OPERATION_KIND_COUNT; which++) {
        known[which] = operation_name((enum operation_kind)which);
        if (strcmp(known[which], kind) == 0) break;
    }
    if (which == OPERATION_KIND_COUNT) {
        return refuse_unknown(reading, "operation", kind, known, OPERATION_KIND_COUNT);
    }
    operation.kind = (enum operation_kind)which;
    if (!read_attributes(reading, &operation, rest)) return 0;
    if (operation.records == 0) return refuse(reading, "operation %s has no records", name);
    bool batch = which == OPERATION_BATCH || which == OPERATION_BATCH_ASYNC;
    if (!batch && operation.records != 1) {
        return refuse(reading, "operation %s: %s has one record", name, kind);
    }
    case_reserve(run_case, run_case->operation_count + 1, 0, 0, 0);
    run_case->operations[run_case->operation_count++] = operation;
    return 1;
}

static int read_decision(struct reading *reading, char *rest, const char *value)
{
    struct run_case *run_case = reading->run_case;
    struct case_decision decision = {.who = 0};
    const char *who = next_word(&rest), *kind_name = next_word(&rest);
    const char *call = next_word(&rest), *ordinal = next_word(&rest);
    char path[PATH_BYTES];
    uint64_t number;
    unsigned kind;

    if (ordinal == NULL || next_word(&rest) != NULL) {
        return refuse(reading, "a decision is 'WHO KIND CALL ORDINAL = OUTCOME'");
    }
    if (!stretch(who, path) || !sim_who_parse(path, 0, &reading->whos, &decision.who)) {
        return refuse(reading, "'%.64s' is nobody on whose behalf something is decided", who);
    }
    if (!sim_kind_parse(kind_name, &kind)) {
        return refuse(reading, "'%.32s' is not a kind of decision", kind_name);
    }
    if (!sim_call_parse(call, &decision.call)) {
        return refuse(reading, "'%.32s' is not a call", call);
    }
    decision.kind = (uint16_t)kind;
    if (!number_parse(ordinal, 0, UINT32_MAX, &number)) {
        return refuse(reading, "'%.32s' does not say the how-manieth time", ordinal);
    }
    decision.ordinal = (uint32_t)number;
    if (!number_parse(value, 1, UINT32_MAX, &number)) {
        return refuse(reading, "'%.32s' is not an outcome (1 or more; 0 is not written down)",
                      value);
    }
    decision.outcome = (uint32_t)number;
    case_reserve(run_case, 0, 0, run_case->decision_count + 1, 0);
    run_case->decisions[run_case->decision_count++] = decision;
    return 1;
}

static int read_milestone(struct reading *reading, char *rest)
{
    struct run_case *run_case = reading->run_case;
    struct case_milestone milestone = {.operation = HISTORY_NO_OPERATION};
    const char *words[7];
    uint64_t number = 0;

    for (size_t i = 0; i < 7; i++) words[i] = next_word(&rest);
    if (words[5] == NULL || words[6] != NULL || strcmp(words[2], "must") != 0 ||
        strcmp(words[4], "pending") != 0 ||
        (strcmp(words[1], "power") != 0 && strcmp(words[1], "kill") != 0) ||
        !number_parse(words[3], 0, UINT64_MAX, &milestone.must_lsn) ||
        !number_parse(words[5], 0, UINT64_MAX, &milestone.pending)) {
        return refuse(reading, "a milestone is 'WHO power|kill must LSN pending N'");
    }
    milestone.power = strcmp(words[1], "power") == 0;
    if (strcmp(words[0], "nobody") != 0) {
        if (strncmp(words[0], "op", 2) != 0 ||
            !number_parse(words[0] + 2, 0, NUMBER_MAX, &number)) {
            return refuse(reading, "'%.32s' is neither 'nobody' nor an operation", words[0]);
        }
        milestone.operation = (uint32_t)number;
    }
    case_reserve(run_case, 0, 0, 0, run_case->milestone_count + 1);
    run_case->milestones[run_case->milestone_count++] = milestone;
    return 1;
}

static int read_key(void *user, const char *section, const char *name, const char *value)
{
    static const char *const sections[] = {"case", "set-up", "operations", "decisions",
                                           "milestones"};
    struct reading *reading = user;
    char key_text[256], value_text[256];

    if (reading->failed) return 0;
    if (strlen(name) >= sizeof key_text || strlen(value) >= sizeof value_text) {
        return refuse(reading, "the line is too long");
    }
    memcpy(key_text, name, strlen(name) + 1);
    memcpy(value_text, value, strlen(value) + 1);
    if (strcmp(section, "case") == 0) return read_case_key(reading, name, value);
    if (!reading->formatted) return refuse(reading, "[case] format is not said before this");
    if (strcmp(section, "set-up") == 0) return read_set_up_key(reading, name, value);
    if (strcmp(section, "operations") == 0) return read_operation(reading, name, value_text);
    if (strcmp(section, "decisions") == 0) return read_decision(reading, key_text, value);
    if (strcmp(section, "milestones") == 0) return read_milestone(reading, value_text);
    return refuse_unknown(reading, "section", section, sections, 5);
}

static void take_whos(struct run_case *run_case, const struct sim_who_list *list)
{
    case_reserve(run_case, 0, (uint32_t)list->count, 0, 0);
    run_case->who_count = (uint32_t)list->count;
    if (list->count > 0) memcpy(run_case->whos, list->whos, list->count * sizeof list->whos[0]);
}

bool case_load(const char *path, struct run_case *ret_case, char message[CASE_MESSAGE_BYTES])
{
    char what[CASE_MESSAGE_BYTES / 2] = "not 'key = value', '[section]' or a comment";
    struct run_case run_case = {.config = case_config_tame()};
    struct reading reading = {.run_case = &run_case, .message = what};
    int line = ini_parse(path, read_key, &reading);
    const char *why = NULL;

    take_whos(&run_case, &reading.whos);
    sim_who_list_free(&reading.whos);
    if (line == 0) why = reading.formatted ? case_invalid(&run_case) : "[case] format is missing";
    if (line == 0 && why == NULL) {
        case_copy(ret_case, &run_case);
        case_free(&run_case);
        return true;
    }
    if (line < 0) {
        (void)snprintf(message, CASE_MESSAGE_BYTES, "%.200s: cannot be read", path);
    } else if (line > 0) {
        (void)snprintf(message, CASE_MESSAGE_BYTES, "%.200s:%d: %s", path, line, what);
    } else {
        (void)snprintf(message, CASE_MESSAGE_BYTES, "%.200s: %s", path, why);
    }
    case_free(&run_case);
    return false;
}
