/*
 * scenario_internal.h - what a scenario file says. Private to scenarios/.
 */
#ifndef SCENARIOS_SCENARIO_INTERNAL_H
#define SCENARIOS_SCENARIO_INTERNAL_H

#include "faults/fault.h"
#include "scenarios/case.h"
#include "scenarios/range.h"
#include "scenarios/scenario.h"

enum {
    PROFILES_MAX = 16,
    EXPLORE_SIZES_MAX = 8,
    EXPLORE_WRITTEN_MAX = 16,
    EXPLORE_WRITTEN_OPERATIONS = 16,
    EXPLORE_WHY_BYTES = 200,
};

/* What is to be visited: the section [explore]. */
struct explore_plan {
    bool present;
    uint32_t sequence; /* Operations in a row; 0: only what is written out. */
    bool edges;        /* Sizes at which something ends; and these: */
    uint32_t sizes[EXPLORE_SIZES_MAX], size_count;
    uint32_t crashes, faults, preemptions;   /* How many in one run. */
    uint8_t fault_kinds[FAULT_NUMBER_COUNT]; /* Those that may strike. */
    struct operation written[EXPLORE_WRITTEN_MAX][EXPLORE_WRITTEN_OPERATIONS];
    uint32_t written_lengths[EXPLORE_WRITTEN_MAX], written_count;
};

struct scenario {
    char name[64];
    char story[256];
    bool expects_failure;

    struct range operations; /* How many. */
    struct range clients;
    struct range record_bytes;
    struct range batch_records;
    struct range idle_ns;
    struct range truncate_back;         /* Records that a truncation forgets, */
    struct range prune_keep;            /* that a prune leaves, */
    struct range pin_back;              /* and that a pin keeps. */
    uint32_t mix[OPERATION_KIND_COUNT]; /* Weights. */
    uint32_t log_content_percent;       /* Seeds with payloads that look like the log. */
    uint32_t row_percent;               /* Seeds with payloads that are rows. */
    uint32_t optional_percent;          /* Seeds with records of optional kinds, */
    uint32_t many_percent;              /* and with many of them in one batch. */
    uint32_t swarm_percent; /* Seeds in which each operation and fault may be off altogether. */
    uint32_t end_power_off_percent; /* Seeds that end by power loss instead of a clean close. */

    struct range block_bytes;
    struct range segment_bytes;
    struct range queue_bytes;
    struct range sync_policy; /* 0 every group, 1 on demand, 2 at intervals, 3 never */
    struct range sync_interval_ns;
    struct range stop_on_rollback;
    struct range mark_policy; /* 0 interval, 1 every group, 2 every group synced */
    struct range preallocate;
    struct range spares;
    struct range io_mode; /* 0 buffered, 1 direct, 2 dsync; where blocks are large enough */
    struct range first_segment;
    struct range first_lsn;
    struct range verify_all;

    struct range crash_odds; /* Per call with an effect, in 65536ths. */
    struct range crashes_max;
    struct range fsync_ns;
    struct range still_time;      /* 1: calls take no time, time passes by sleeping alone. */
    uint32_t burst_percent;       /* Runs in which a strike makes others likelier for a while. */
    uint32_t image_again_percent; /* Extra images that lose power once more and are read again. */

    const struct disk_profile *profiles[PROFILES_MAX];
    uint32_t profile_count;
    uint32_t policy[SIM_POLICY_COUNT]; /* Weights. */
    bool faults[FAULT_NUMBER_COUNT];
    struct explore_plan explore;
};

/* explore_file.c: a key of [explore]. NULL, or what is wrong with it (static storage or `why`). */
const char *explore_read_key(struct explore_plan *plan, const char *name, const char *value,
                             char why[EXPLORE_WHY_BYTES]);
/* What [explore] allows by itself but not with the rest; NULL: nothing. */
const char *explore_impossible(const struct scenario *scenario);

#endif
