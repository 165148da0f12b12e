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

enum {
    FAULT_NUMBER_COUNT = 128,
    FAULT_PER_CALL_MAX = 16, /* Faults that can strike the same call. */
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
};

extern const struct fault faults_all[];
extern const size_t faults_count;
const struct fault *fault_find(const char *id_or_name); /* NULL: unknown. */
const char *fault_contract_name(enum fault_contract contract);

/* Which faults exist in one run, how often they strike, and what they must remember. */
struct fault_plan {
    uint32_t odds[FAULT_NUMBER_COUNT]; /* 0: this fault does not exist in this run. */
    uint32_t struck[FAULT_NUMBER_COUNT];
    uint64_t calls; /* Union of the calls of the faults that exist. */
    const struct fault *by_call[SIM_CALL_COUNT][FAULT_PER_CALL_MAX];
    uint8_t by_call_count[SIM_CALL_COUNT];
    enum disk_fsync_failure fsync_failure; /* What a failed sync does on this run's disk. */

    /* What strikes remember. All zero at the start. */
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
    void *context;
};

/* Compute by_call and calls from odds. Keeps durable_lsn and context. */
void fault_plan_arm(struct fault_plan *plan);

/* The sim_strike of a plan (context: struct fault_plan). */
void fault_plan_strike(void *context, struct sim_world *world, const struct sim_point *point,
                       struct sim_outcome *outcome);

#endif
