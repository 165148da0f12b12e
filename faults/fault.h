/*
 * fault.h - how the world breaks: the catalogue.
 *
 * One fault, one place: a row of data with an identifier (F08: shared with the papers and stable
 * for ever), a story, the contract that the log has under it, how it strikes, on which disks, and
 * in which phases of the log's life. docs/faults.md is printed from it.
 *
 * A run draws which faults exist in it at all and how often each strikes (struct fault_plan); what
 * then happens are decisions.
 */
#ifndef FAULTS_FAULT_H
#define FAULTS_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/world.h"

/* design.md section 5. */
enum fault_contract {
    FAULT_SURVIVE, /* No property bends; no operation fails. */
    FAULT_DETECT,  /* An operation may fail, with a typed error that says what and where. */
    FAULT_BEYOND,  /* Storage broke a promise no log can do without. Negative suite only. */
};

/* In which part of the log's life something strikes. */
/* clang-format off */
#define FAULT_PHASE_MAP(X)                                                  \
    X(RECOVERY, "recovery", "before the log is open")                       \
    X(COMMIT,   "commit",   "its segments, while it is open")               \
    X(MARK,     "mark",     "the mark file, while it is open")              \
    X(ROTATE,   "rotate",   "new segments and names, while it is open")     \
    X(READ,     "read",     "a reader beside the writer")                   \
    X(CUT,      "cut",      "truncating, pruning, pinning")                 \
    X(CLOSE,    "close",    "during a clean close")                         \
    X(REST,     "rest",     "while nobody runs")

enum fault_phase {
#define FAULT_PHASE_ENUM(name, text, story) FAULT_##name,
    FAULT_PHASE_MAP(FAULT_PHASE_ENUM)
#undef FAULT_PHASE_ENUM
    FAULT_PHASE_COUNT
};
/* clang-format on */

const char *fault_phase_name(enum fault_phase phase);  /* "recovery" */
const char *fault_phase_story(enum fault_phase phase); /* "before the log is open" */

enum {
    FAULT_NUMBER_COUNT = 128,
    FAULT_PER_CALL_MAX = 16, /* Faults that can strike the same call. */
    FAULT_STRIKES_MAX = 256, /* So many are remembered one by one. */
};

/* How it comes about. */
/* clang-format off */
#define FAULT_SORT_MAP(X)                                                   \
    X(AT_CALL,  "call",   "asked at its calls, it changes what they do")    \
    X(AT_CRASH, "crash",  "a way in which power loss may leave the disk")   \
    X(AT_REST,  "rest",   "damages durable bytes while nobody runs")        \
    X(BY_WORLD, "world",  "the machine or the workload does it")            \
    X(ALWAYS,   "always", "how the disk works: it cannot be switched off")

enum fault_sort {
#define FAULT_SORT_ENUM(name, text, story) FAULT_##name,
    FAULT_SORT_MAP(FAULT_SORT_ENUM)
#undef FAULT_SORT_ENUM
    FAULT_SORT_COUNT
};

/* What the disk profile must allow for it; the text goes on after "where". */
#define FAULT_NEED_MAP(X)                                                                      \
    X(NOTHING, "", true)                                                                       \
    X(NEW, "a failed sync leaves the cache as it is",                                          \
      fails(profile, DISK_FSYNC_NEW_IN_CACHE) || fails(profile, DISK_FSYNC_CLEAN))             \
    X(LATE, "a sync may report its failure late", fails(profile, DISK_FSYNC_LATE))             \
    X(REVERT, "a failed sync takes the cache back", fails(profile, DISK_FSYNC_REVERT))         \
    X(ZEROS, "a size may stand over lost data", profile->size_before_data || profile->tail_zero) \
    X(STALE, "lost data may show garbage or older bytes",                                      \
      profile->tail_garbage || profile->tail_stale)                                            \
    X(TORN, "a chunk may be cut at a byte", profile->torn_chunks)                              \
    X(NAMES, "a name is not durable at once", !profile->names_durable_at_once)                 \
    X(ORDER, "directory operations are reordered", profile->name_order == DISK_NAMES_SUBSET)

enum fault_need {
#define FAULT_NEED_ENUM(name, text, holds) FAULT_NEEDS_##name,
    FAULT_NEED_MAP(FAULT_NEED_ENUM)
#undef FAULT_NEED_ENUM
};

/* Where damage at rest goes: to a sector picked at random, or to the next one that qualifies. */
#define FAULT_TARGET_MAP(X)                                                                     \
    X(ANY,       "any sector of the log's files")                                               \
    X(WITNESSED, "a sector of a segment whose records something intact elsewhere proves durable") \
    X(NEWEST,    "a sector with acknowledged records that nothing else proves durable")         \
    X(TAIL,      "a sector behind the last record that was acknowledged or served")             \
    X(MARK,      "a slot of the mark")                                                          \
    X(SEGMENT,   "a whole segment")                                                             \
    X(SIDE,      "a file of the log that is neither a segment nor the mark")                    \
    X(RECORD,    "a record and its checksum")

enum fault_target {
#define FAULT_TARGET_ENUM(name, text) FAULT_TARGET_##name,
    FAULT_TARGET_MAP(FAULT_TARGET_ENUM)
#undef FAULT_TARGET_ENUM
};
/* clang-format on */

const char *fault_sort_name(enum fault_sort sort);       /* "call" */
const char *fault_sort_story(enum fault_sort sort);      /* "asked at its calls, ..." */
const char *fault_need_text(enum fault_need need);       /* "" for NOTHING */
const char *fault_target_text(enum fault_target target); /* "a whole segment" */

struct fault_plan;

struct fault {
    uint32_t number;      /* 8 for F08. */
    const char *id;       /* "F08" */
    const char *name;     /* "fsync-eio" */
    const char *story;    /* One sentence with a full stop. */
    const char *outcomes; /* What it may come out as; NULL: there is one way. */
    const char *beyond;   /* When it is beyond the contract all the same; NULL: never. */
    enum fault_sort sort;
    enum fault_contract contract;
    enum fault_need need;
    uint32_t phases; /* Bits of enum fault_phase: where it can strike a run of our log. 0: nowhere,
                        since the log does not do what it takes; then the tests meet it with a
                        program of their own. */
    uint64_t calls;  /* SIM_CALL_BITs at which strike is asked. */
    void (*strike)(struct fault_plan *plan, const struct fault *fault, struct sim_world *world,
                   const struct sim_point *point, struct sim_outcome *outcome);
    uint32_t
        with; /* It exists in a run where this other row does, and is drawn with it; 0: alone. */
    uint32_t image_mode;     /* AT_CRASH: bits of disk_chooser.modes, which other rows may share. */
    enum disk_damage damage; /* AT_REST: what becomes of the sector, */
    enum fault_target target; /* and which sector. */
    uint32_t odds[4];         /* What a seed draws from, in 65536ths; odds[0] is 0. */
};

extern const struct fault faults_all[];
extern const size_t faults_count;
const struct fault *fault_find(const char *id_or_name); /* NULL: unknown. */
const char *fault_contract_name(enum fault_contract contract);
/* Can it happen on such a disk? */
bool fault_possible(const struct fault *fault, const struct disk_profile *profile);

/* How often a fault met one phase. */
struct fault_reach {
    uint32_t drawn;  /* Its decision came out non-zero. */
    uint32_t struck; /* That had an effect. */
};

/* One strike, for whoever wants to take it away: it stands in sim_world_record. */
struct fault_strike {
    uint32_t decision;  /* Index of the first decision that it consists of, */
    uint32_t decisions; /* and how many; 0: none that could be taken away. */
    uint32_t number;    /* Of the fault. */
    enum fault_phase phase;
};

/* Which faults exist in one run, how often they strike, and what they must remember. */
struct fault_plan {
    uint32_t odds[FAULT_NUMBER_COUNT]; /* 0: this fault does not exist in this run. */
    struct fault_reach reach[FAULT_NUMBER_COUNT][FAULT_PHASE_COUNT];
    struct fault_strike strikes[FAULT_STRIKES_MAX]; /* The first ones. */
    uint32_t strike_count;
    bool asked;           /* The strike going on has a decision of its own, */
    uint32_t asked_index; /* this one. */
    uint64_t calls;       /* Union of the calls of the faults that exist. */
    const struct fault *by_call[SIM_CALL_COUNT][FAULT_PER_CALL_MAX];
    uint8_t by_call_count[SIM_CALL_COUNT];
    enum disk_fsync_failure fsync_failure; /* What a failed sync does on this run's disk. */

    uint32_t burst_calls; /* After a strike, for so many calls of the process, all are likelier:
                             a disk that goes bad fails more than once. 0: it is not. */

    uint32_t pages_lost; /* Strikes with which a sync lost what it was to bring to the disk. */
    uint32_t media_left; /* Faults that may still spoil bytes, at rest or on their way (F17). */

    /* What strikes remember. All zero at the start. */
    bool counted;                   /* This one's address has counted the call. */
    uint64_t burst_until;           /* Of the machine's calls. */
    uint64_t full_until_ns;         /* F03: nothing can grow until then. */
    bool interrupted;               /* F02: a row of interruptions is on: */
    uint32_t interrupted_left;      /* how many more times, */
    enum wal_err interrupted_err;   /* how, */
    enum sim_call interrupted_call; /* at which call, */
    disk_inode interrupted_inode;   /* on which file. */
    bool too_large_next;            /* F05: the next write to this file is refused. */
    disk_inode too_large_inode;

    /* Filled by the runner. A sync is about to fail: is it that of a segment, and up to which LSN
     * is the log durable on disk before it (0: nothing is)? NULL: nobody knows. */
    bool (*durable_lsn)(void *context, const struct sim_point *point, uint64_t *ret_lsn);
    /* The same; NULL: everything counts as COMMIT. */
    enum fault_phase (*phase)(void *context, const struct sim_point *point);
    void *context;
};

/* Something was struck, in this phase, by so many decisions of sim_world_record. */
void fault_plan_count(struct fault_plan *plan, const struct fault_strike *strike);
/* Over all phases. */
uint32_t fault_plan_struck(const struct fault_plan *plan, uint32_t number);

/* Compute by_call and calls from odds. Keeps what the runner filled in. */
void fault_plan_arm(struct fault_plan *plan);

/* The sim_strike of a plan (context: struct fault_plan). */
void fault_plan_strike(void *context, struct sim_world *world, const struct sim_point *point,
                       struct sim_outcome *outcome);

#endif
