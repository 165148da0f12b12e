/*
 * scenario.h - who meets what: scenario files, and one run of one.
 *
 * A scenario file (INI) says who runs, what he does and how often, which faults may be drawn and on
 * which disks; most values are ranges from which the seed draws (swarm). A run is a function of
 * (scenario, seed, code) and of nothing else. It is named "scenario:seed".
 *
 * A runner owns the memory of runs and is used by one thread; runs one after the other reuse it.
 */
#ifndef SCENARIOS_SCENARIO_H
#define SCENARIOS_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "faults/fault.h"
#include "properties/property.h"
#include "scenarios/case.h"
#include "sim/world.h"

struct scenario;

enum { SCENARIO_MESSAGE_BYTES = 512 };

/* Reads and checks a file. On failure returns NULL and says in `message` what is wrong, with file
 * and line, the name that is unknown and the nearest one that is known. */
struct scenario *scenario_load(const char *path, char message[SCENARIO_MESSAGE_BYTES]);
void scenario_free(struct scenario *scenario);

const char *scenario_name(const struct scenario *scenario);  /* The file's, without ".ini". */
const char *scenario_story(const struct scenario *scenario); /* One sentence. */
bool scenario_has_fault(const struct scenario *scenario, uint32_t number);
bool scenario_expects_failure(const struct scenario *scenario); /* expect = fail */

struct runner;

/* The class of what the world did to the log, for telling failures apart that break the same
 * property. */
enum run_cause {
    RUN_CAUSE_NONE,
    RUN_CAUSE_CALL,   /* A call failed. */
    RUN_CAUSE_SYNC,   /* A sync failed. */
    RUN_CAUSE_MEMORY, /* An allocation failed. */
    RUN_CAUSE_KILL,   /* The process died. */
    RUN_CAUSE_POWER,  /* Power was lost. */
    RUN_CAUSE_MEDIA,  /* Bytes at rest were damaged. */
};
const char *run_cause_name(enum run_cause cause);

/* Does a case still test what it did when it was written down? */
enum run_stale {
    RUN_FRESH,
    RUN_STALE_ADDRESS,   /* A decision was never asked for. */
    RUN_STALE_OUTCOME,   /* A decision was asked for and could not come out so. */
    RUN_STALE_MILESTONE, /* Something else was at stake at a crash before the last. */
};
const char *run_stale_name(enum run_stale stale);

struct run_options {
    uint64_t seed;
    uint32_t images;                    /* Extra crash images at each crash. */
    const struct disk_profile *profile; /* NULL: drawn from those of the scenario. */
    const uint8_t *faults_only;         /* Indexed by fault number, FAULT_NUMBER_COUNT long: */
    const uint8_t *faults_without;      /* non-zero counts. NULL: no restriction. */
    uint64_t property_mask;             /* Bit i: properties_all[i]. 0: all. */
    const struct run_case *replay;      /* NULL: generate. Else it says everything, and neither the
                                           scenario nor anything above but images and
                                           property_mask is asked. */
    uint64_t address_salt;         /* Another form of addresses, for replays; must not matter. */
    const enum sim_policy *policy; /* NULL: drawn with the weights of the scenario. */
    /* Asked after each loss of power instead of drawing extra images; the run's disk is as it was
     * when power went. False: a property broke. See run.h, run_judge_image. */
    bool (*at_power_loss)(void *context, struct runner *runner);
    /* Asked after each death of the process alone. False: the run ends here. */
    bool (*at_kill)(void *context, struct runner *runner);
    void *at_power_loss_context;
    /* Told of every decision of a replay, which then asks also what the case does not hold:
     * crashes, allocations, and the faults whose number is not zero here. */
    void (*asked)(void *context, const struct sim_asked *asked);
    void *asked_context;
    const uint8_t *faults_asked;
    uint8_t junk;     /* What fresh memory is filled with; must not matter. */
    bool bump_memory; /* Another allocator; must not matter. */
    void (*trace)(void *context, const struct sim_trace_event *event);
    void *trace_context;
};

struct run_result {
    const struct property *property; /* NULL: all held. */
    struct verdict verdict;
    uint32_t image; /* Which extra image broke it; 0: the run itself. */
    size_t event;   /* The history event at which it broke. */
    struct sim_digest digest;
    uint32_t operations;
    uint32_t crashes;
    uint32_t crashes_pending; /* Of these: losses of power with written bytes not yet synced. */
    uint32_t boots;
    uint64_t images;      /* Extra images recovered and judged, all distinct. */
    uint64_t log_bytes;   /* Payload bytes submitted. */
    uint64_t steps;       /* Calls through the door. */
    uint64_t sim_ns;      /* Virtual time. */
    enum run_cause cause; /* What the world did last before it broke. */
    enum run_stale stale; /* Of a replay. */
    uint32_t stale_at;    /* Which decision or milestone. */
    char failure[160];    /* One line for people when property is not NULL. */
};

struct runner *runner_create(void);
void runner_destroy(struct runner *runner);
void runner_run(struct runner *runner, const struct scenario *scenario,
                const struct run_options *options, struct run_result *ret_result);

/* Of the last run: what happened, the decisions it took, and how often each fault struck, by fault
 * number, FAULT_NUMBER_COUNT long. Valid until the next run. */
const struct history *runner_history(const struct runner *runner);
const struct sim_record *runner_record(const struct runner *runner);
const uint32_t *runner_struck(const struct runner *runner);
/* The same by phase: FAULT_PHASE_COUNT of them. */
const struct fault_reach *runner_reach(const struct runner *runner, uint32_t number);
/* The strikes one by one, the first FAULT_STRIKES_MAX of them. */
const struct fault_strike *runner_strikes(const struct runner *runner, uint32_t *ret_count);
/* The last run as a case. Where an extra image broke it, that image is made the main one of its
 * crash, and what came after is left out. */
void runner_export(const struct runner *runner, struct run_case *ret_case);

/* Hash of what a user could see, without times. */
uint64_t runner_outcome(const struct runner *runner);

/* What was seen by the last look at a disk beside the run: where result.event is behind the end of
 * the history, this is what broke the property. */
const struct history_observation *runner_last_look(const struct runner *runner);

/* For looking at it from the trace callback, and afterwards. */
struct sim_world *runner_world(const struct runner *runner);

/* How often this milestone was reached: by the processes that run, not by those on the side that
 * only look at an image. But a log is repaired on the side only, so that counts there. */
uint64_t runner_note(const struct runner *runner, enum wal_note note);

#endif
