/*
 * scenario_file.c - reads and checks a scenario file.
 *
 * One table says which keys exist, where their value goes and what it may be. Whatever the file
 * says that is not in the table is an error with file and line and the nearest name that is.
 */
#include <assert.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/nearest.h"
#include "scenarios/scenario_internal.h"

struct key {
    const char *section;
    const char *name;
    size_t offset;
    uint64_t min, max;
    const char *value; /* When the file does not say. */
};

/* clang-format off */
#define AT(field) offsetof(struct scenario, field)
static const struct key range_keys[] = {
    { "workload", "operations",    AT(operations),    1, 100000,      "20" },
    { "workload", "clients",       AT(clients),       1, 8,           "1" },
    { "workload", "record-bytes",  AT(record_bytes),  0, 65536,       "0..200" },
    { "workload", "batch-records", AT(batch_records), 1, 16,          "2..4" },
    { "workload", "idle-ns",       AT(idle_ns),       0, 10000000000, "1000000..200000000" },
    { "workload", "truncate-back", AT(truncate_back), 0, 1000,        "0..8" },
    { "workload", "prune-keep",    AT(prune_keep),    0, 1000,        "0..16" },
    { "workload", "pin-back",      AT(pin_back),      0, 1000,        "0..16" },
    { "log", "block-bytes",        AT(block_bytes),   8, 4096,        "512" },
    { "log", "segment-bytes",      AT(segment_bytes), 2048, 16777216, "8192" },
    { "log", "queue-bytes",        AT(queue_bytes),   256, 4194304,   "2048" },
    { "log", "sync-policy",        AT(sync_policy),   0, 3,           "0" },
    { "log", "sync-interval-ns",   AT(sync_interval_ns), 0, 10000000000, "1000000" },
    { "log", "stop-on-rollback",   AT(stop_on_rollback), 0, 1,        "0" },
    { "log", "mark-policy",        AT(mark_policy),   0, 2,           "0" },
    { "log", "preallocate",        AT(preallocate),   0, 1,           "0" },
    { "log", "spares",             AT(spares),        0, 16,          "2" },
    { "log", "io-mode",            AT(io_mode),       0, 2,           "0" },
    { "log", "first-segment",      AT(first_segment), 1, UINT64_MAX / 2, "1" },
    { "log", "first-lsn",          AT(first_lsn),     1, UINT64_MAX / 2, "1" },
    { "log", "verify-all",         AT(verify_all),    0, 1,           "0" },
    { "crash", "odds",             AT(crash_odds),    0, 65536,       "0" },
    { "crash", "max",              AT(crashes_max),   0, 1000,        "8" },
    { "disk", "fsync-ns",          AT(fsync_ns),      1, 10000000000, "50000" },
    { "disk", "still-time",        AT(still_time),    0, 1,           "0" },
};
static const struct key percent_keys[] = {
    { "workload", "log-content-percent", AT(log_content_percent),   0, 100, "0" },
    { "workload", "row-percent",         AT(row_percent),           0, 100, "0" },
    { "workload", "optional-percent",    AT(optional_percent),      0, 100, "0" },
    { "workload", "many-percent",        AT(many_percent),          0, 100, "0" },
    { "workload", "swarm-percent",       AT(swarm_percent),         0, 100, "80" },
    { "workload", "end-power-off-percent", AT(end_power_off_percent), 0, 100, "70" },
    { "crash", "image-again-percent",    AT(image_again_percent),   0, 100, "25" },
    { "faults", "burst-percent",         AT(burst_percent),         0, 100, "0" },
};
#undef AT
/* clang-format on */

enum { RANGE_KEYS = sizeof range_keys / sizeof range_keys[0] };
enum { PERCENT_KEYS = sizeof percent_keys / sizeof percent_keys[0] };

struct reading {
    struct scenario *scenario;
    char *message; /* What is wrong, without the place. */
    bool failed;
};

__attribute__((format(printf, 2, 3))) static int refuse(struct reading *reading, const char *format,
                                                        ...)
{
    if (!reading->failed) {
        va_list arguments;

        va_start(arguments, format);
        (void)vsnprintf(reading->message, SCENARIO_MESSAGE_BYTES / 2, format, arguments);
        va_end(arguments);
        reading->failed = true;
    }
    return 0;
}

static int refuse_unknown(struct reading *reading, const char *what, const char *name,
                          const char *const *known, size_t count)
{
    const char *nearest = nearest_name(name, known, count);

    if (nearest == NULL) return refuse(reading, "unknown %s '%s'", what, name);
    return refuse(reading, "unknown %s '%s'; did you mean '%s'?", what, name, nearest);
}

static int read_number(struct reading *reading, const char *name, const char *value, uint64_t max,
                       uint32_t *ret_number)
{
    struct range range;

    if (!range_parse(value, 0, max, &range) || range.count != 1 || range.low[0] != range.high[0]) {
        return refuse(reading, "%s: '%s' is not a number from 0 to %llu", name, value,
                      (unsigned long long)max);
    }
    *ret_number = (uint32_t)range.low[0];
    return 1;
}

static int read_weight(struct reading *reading, const char *what, const char *name,
                       const char *value, const char *const *known, size_t count,
                       uint32_t *ret_weights)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(known[i], name) == 0) {
            return read_number(reading, name, value, 10000, &ret_weights[i]);
        }
    }
    return refuse_unknown(reading, what, name, known, count);
}

static int read_profile(struct reading *reading, const char *name)
{
    struct scenario *scenario = reading->scenario;
    const struct disk_profile *profile = disk_profile_find(name);

    if (profile == NULL) {
        const char *known[PROFILES_MAX];
        size_t count = 0;
        for (; count < disk_profile_count && count < PROFILES_MAX; count++) {
            known[count] = disk_profiles[count].name;
        }
        return refuse_unknown(reading, "disk profile", name, known, count);
    }
    if (scenario->profile_count == PROFILES_MAX) return refuse(reading, "too many profiles");
    scenario->profiles[scenario->profile_count++] = profile;
    return 1;
}

static int read_fault(struct reading *reading, const char *name)
{
    const struct fault *fault = fault_find(name);

    if (strcmp(name, "all") == 0) {
        for (size_t i = 0; i < faults_count; i++) {
            if (faults_all[i].contract == FAULT_BEYOND) continue;
            reading->scenario->faults[faults_all[i].number] = true;
        }
        return 1;
    }
    if (fault == NULL) {
        const char *known[2 * FAULT_NUMBER_COUNT];
        size_t count = 0;
        for (size_t i = 0; i < faults_count; i++) {
            known[count++] = faults_all[i].id;
            known[count++] = faults_all[i].name;
        }
        return refuse_unknown(reading, "fault", name, known, count);
    }
    reading->scenario->faults[fault->number] = true;
    return 1;
}

/* A list of names separated by spaces or commas. */
static int read_names(struct reading *reading, const char *value,
                      int (*read_one)(struct reading *reading, const char *name))
{
    char text[1024];

    if (strlen(value) >= sizeof text) return refuse(reading, "the list is too long");
    memcpy(text, value, strlen(value) + 1);
    for (char *rest = text;;) {
        char *name = rest + strspn(rest, " ,");
        if (*name == '\0') return 1;
        rest = name + strcspn(name, " ,");
        if (*rest != '\0') *rest++ = '\0';
        if (!read_one(reading, name)) return 0;
    }
}

static int read_scenario_key(struct reading *reading, const char *name, const char *value)
{
    static const char *const known[] = {"story", "expect"};
    struct scenario *scenario = reading->scenario;

    if (strcmp(name, "story") == 0) {
        if (strlen(value) >= sizeof scenario->story) return refuse(reading, "story: too long");
        memcpy(scenario->story, value, strlen(value) + 1);
        return 1;
    }
    if (strcmp(name, "expect") == 0) {
        scenario->expects_failure = strcmp(value, "fail") == 0;
        if (scenario->expects_failure || strcmp(value, "pass") == 0) return 1;
        return refuse(reading, "expect: '%s' is neither 'pass' nor 'fail'", value);
    }
    return refuse_unknown(reading, "key in [scenario]", name, known, 2);
}

static int read_table_key(struct reading *reading, const char *section, const char *name,
                          const char *value)
{
    char *base = (char *)reading->scenario;
    const char *known[RANGE_KEYS + PERCENT_KEYS + 1];
    size_t count = 0;

    for (size_t i = 0; i < RANGE_KEYS; i++) {
        const struct key *key = &range_keys[i];
        if (strcmp(key->section, section) != 0) continue;
        known[count++] = key->name;
        if (strcmp(key->name, name) != 0) continue;
        if (range_parse(value, key->min, key->max, (struct range *)(void *)(base + key->offset))) {
            return 1;
        }
        return refuse(reading, "%s: '%s' is not a number or range (a..b, a|b) within %llu..%llu",
                      name, value, (unsigned long long)key->min, (unsigned long long)key->max);
    }
    for (size_t i = 0; i < PERCENT_KEYS; i++) {
        const struct key *key = &percent_keys[i];
        if (strcmp(key->section, section) != 0) continue;
        known[count++] = key->name;
        if (strcmp(key->name, name) != 0) continue;
        return read_number(reading, name, value, key->max,
                           (uint32_t *)(void *)(base + key->offset));
    }
    if (strcmp(section, "disk") == 0) known[count++] = "profiles";
    if (strcmp(section, "faults") == 0) known[count++] = "faults";
    if (count == 0) {
        static const char *const sections[] = {"scenario", "workload", "mix",    "log",    "crash",
                                               "disk",     "schedule", "faults", "explore"};
        return refuse_unknown(reading, "section", section, sections, 9);
    }
    char what[64];
    (void)snprintf(what, sizeof what, "key in [%.32s]", section);
    return refuse_unknown(reading, what, name, known, count);
}

static int read_key(void *user, const char *section, const char *name, const char *value)
{
    struct reading *reading = user;
    struct scenario *scenario = reading->scenario;

    if (reading->failed) return 0;
    if (strcmp(section, "scenario") == 0) return read_scenario_key(reading, name, value);
    if (strcmp(section, "mix") == 0) {
        const char *operation_names[OPERATION_KIND_COUNT];
        for (int i = 0; i < OPERATION_KIND_COUNT; i++) {
            operation_names[i] = operation_name((enum operation_kind)i);
        }
        return read_weight(reading, "operation in [mix]", name, value, operation_names,
                           OPERATION_KIND_COUNT, scenario->mix);
    }
    if (strcmp(section, "schedule") == 0) {
        const char *policies[SIM_POLICY_COUNT];
        for (unsigned i = 0; i < SIM_POLICY_COUNT; i++)
            policies[i] = sim_policy_name((enum sim_policy)i);
        return read_weight(reading, "policy in [schedule]", name, value, policies, SIM_POLICY_COUNT,
                           scenario->policy);
    }
    if (strcmp(section, "faults") == 0 && strcmp(name, "faults") == 0) {
        return read_names(reading, value, read_fault);
    }
    if (strcmp(section, "disk") == 0 && strcmp(name, "profiles") == 0) {
        return read_names(reading, value, read_profile);
    }
    if (strcmp(section, "explore") == 0) {
        char why[EXPLORE_WHY_BYTES];
        const char *wrong = explore_read_key(&scenario->explore, name, value, why);
        return wrong == NULL ? 1 : refuse(reading, "%s", wrong);
    }
    return read_table_key(reading, section, name, value);
}

static void defaults(struct scenario *scenario)
{
    char *base = (char *)scenario;

    for (size_t i = 0; i < RANGE_KEYS; i++) {
        const struct key *key = &range_keys[i];
        bool parsed = range_parse(key->value, key->min, key->max,
                                  (struct range *)(void *)(base + key->offset));
        assert(parsed);
        (void)parsed;
    }
    for (size_t i = 0; i < PERCENT_KEYS; i++) {
        uint32_t percent = (uint32_t)strtoul(percent_keys[i].value, NULL, 10);
        memcpy(base + percent_keys[i].offset, &percent, sizeof percent);
    }
}

/* What each key allows by itself but not together. Returns NULL or what is wrong. */
static const char *impossible(struct scenario *scenario)
{
    uint32_t mix = 0, policies = 0;

    for (size_t i = 0; i < OPERATION_KIND_COUNT; i++) mix += scenario->mix[i];
    for (size_t i = 0; i < SIM_POLICY_COUNT; i++) policies += scenario->policy[i];
    if (scenario->story[0] == '\0') return "[scenario] story: missing";
    if (mix == 0) return "[mix]: no operation has a weight, so nothing would happen";
    for (unsigned i = 0; policies == 0 && i < SIM_POLICY_COUNT; i++)
        scenario->policy[i] = sim_policy_weight((enum sim_policy)i);
    if (scenario->profile_count == 0) {
        scenario->profiles[scenario->profile_count++] = disk_profile_find("weak");
    }
    for (uint32_t i = 0; i < scenario->block_bytes.count; i++) {
        uint64_t block = scenario->block_bytes.low[i];
        if (block != scenario->block_bytes.high[i] ||
            (block != 8 && block != 512 && block != 4096)) {
            return "[log] block-bytes: only 8, 512 and 4096 are block sizes";
        }
    }
    if (range_max(&scenario->segment_bytes) < range_min(&scenario->queue_bytes) +
                                                  2 * range_min(&scenario->block_bytes) +
                                                  CASE_SEGMENT_HEAD_BYTES) {
        return "[log] segment-bytes: the largest segment cannot hold the smallest queue, two "
               "blocks and 1024 bytes";
    }
    if (range_max(&scenario->record_bytes) + 64 > range_min(&scenario->queue_bytes)) {
        return "[workload] record-bytes: the largest record must fit the smallest queue "
               "([log] queue-bytes) with 64 bytes to spare";
    }
    if (scenario->explore.present) return explore_impossible(scenario);
    return NULL;
}

struct scenario *scenario_load(const char *path, char message[SCENARIO_MESSAGE_BYTES])
{
    char what[SCENARIO_MESSAGE_BYTES / 2] = "not 'key = value', '[section]' or a comment";
    struct scenario *scenario = calloc(1, sizeof *scenario);
    struct reading reading = {.scenario = scenario, .message = what};

    if (scenario == NULL) {
        (void)snprintf(message, SCENARIO_MESSAGE_BYTES, "%s: out of memory", path);
        return NULL;
    }
    defaults(scenario);
    int line = ini_parse(path, read_key, &reading);
    if (line < 0) {
        (void)snprintf(message, SCENARIO_MESSAGE_BYTES, "%.200s: cannot be read", path);
        goto undo;
    }
    if (line > 0) {
        (void)snprintf(message, SCENARIO_MESSAGE_BYTES, "%.200s:%d: %s", path, line, what);
        goto undo;
    }
    const char *why = impossible(scenario);
    if (why != NULL) {
        (void)snprintf(message, SCENARIO_MESSAGE_BYTES, "%.200s: %s", path, why);
        goto undo;
    }
    const char *base = strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path;
    (void)snprintf(scenario->name, sizeof scenario->name, "%.*s", (int)strcspn(base, "."), base);
    return scenario;

undo:
    free(scenario);
    return NULL;
}

void scenario_free(struct scenario *scenario)
{
    free(scenario);
}

const char *scenario_name(const struct scenario *scenario)
{
    return scenario->name;
}

const char *scenario_story(const struct scenario *scenario)
{
    return scenario->story;
}

bool scenario_has_fault(const struct scenario *scenario, uint32_t number)
{
    return scenario->faults[number];
}

bool scenario_expects_failure(const struct scenario *scenario)
{
    return scenario->expects_failure;
}
