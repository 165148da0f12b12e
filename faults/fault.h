/*
 * fault.h - how the world breaks: the catalogue.
 *
 * One fault, one place: a row of data with an identifier (F08: shared with the papers and stable
 * for ever), a story, the contract that the log has under it, and how it strikes. Three sorts:
 *
 *     at a call      strike is asked at each call in `calls`, and changes its outcome
 *     at a crash     image_mode allows a way in which power loss may leave the disk
 *     at rest        at_rest damages durable bytes while nobody runs
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

struct fault_plan;

struct fault {
    uint32_t number;   /* 8 for F08. */
    const char *id;    /* "F08" */
    const char *name;  /* "fsync-eio-new-in-cache" */
    const char *story; /* One sentence with a full stop. */
    enum fault_contract contract;
    uint64_t calls; /* SIM_CALL_BITs at which strike is asked. */
    void (*strike)(struct fault_plan *plan, const struct fault *fault, struct sim_world *world,
                   const struct sim_point *point, struct sim_outcome *outcome);
    uint32_t image_mode; /* Bit of disk_chooser.modes; 0: not a crash state, or always there. */
    bool at_rest;
    enum disk_damage damage;
    uint32_t odds[4]; /* What a seed draws from, in 65536ths; odds[0] is 0. */
    uint32_t phases;  /* Bits of enum fault_phase: where a run can be struck. 0: nowhere, the log as
                         it is does not do what it takes. */
};

extern const struct fault faults_all[];
extern const size_t faults_count;
const struct fault *fault_find(const char *id_or_name); /* NULL: unknown. */
const char *fault_contract_name(enum fault_contract contract);

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

    /* What strikes remember. All zero at the start. */
    bool counted;                   /* This one's address has counted the call. */
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
