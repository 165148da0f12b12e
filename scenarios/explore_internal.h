/*
 * explore_internal.h - an explorer, and what its parts ask of each other. Private to
 * scenarios/explore*.c.
 */
#ifndef SCENARIOS_EXPLORE_INTERNAL_H
#define SCENARIOS_EXPLORE_INTERNAL_H

#include "scenarios/explore.h"
#include "scenarios/odometer.h"
#include "scenarios/run.h"

enum {
    EXPLORE_SEQUENCE_MAX = 8,
    EXPLORE_LEVELS_MAX = 64,    /* Decisions in a set. */
    EXPLORE_PROMOTED_MAX = 256, /* Images of one crash with which runs go on. */
    EXPLORE_READ_FILES = 12,
    EXPLORE_LETTERS_MAX = 64,
    EXPLORE_SETUPS_MAX = 256,
};

/* ---- explore_seen.c: what was seen in this unit ---- */

/* What a recovery read, as far as tiny logs go: else it counts as everything. */
struct explore_read {
    uint64_t sectors[EXPLORE_READ_FILES]; /* Bit 63: some sector from 63 on. */
    uint32_t sizes;                       /* A bit for each. */
    uint16_t names, others;
};

struct explore_seen {
    uint64_t *keys;
    uint32_t *reads; /* Index in read_list, for images. */
    size_t capacity, count;
    struct explore_read *read_list; /* Few: most recoveries read the same. */
    uint32_t read_count, read_capacity;
};

void explore_seen_clear(struct explore_seen *seen);
void explore_seen_free(struct explore_seen *seen);
/* True: it was not there. */
bool explore_seen_add(struct explore_seen *seen, uint64_t key);
/* An image of this key, and the index of what its recovery read. */
bool explore_seen_find(const struct explore_seen *seen, uint64_t key, uint32_t *ret_read);
void explore_seen_put(struct explore_seen *seen, uint64_t key, uint32_t read);
/* What was put down, as an index, and back. */
uint32_t explore_seen_pack(struct explore_seen *seen, const struct disk_watch *watch);
void explore_seen_unpack(const struct explore_seen *seen, uint32_t read, struct disk_watch *watch);

/* ---- explore_workload.c: which workloads there are ---- */

enum explore_size { EXPLORE_SIZE_FIXED, EXPLORE_SIZE_REST };

/* An operation that sequences are made of. */
struct explore_letter {
    enum operation_kind kind;
    enum explore_size size; /* REST: what fills the segment, where that is known and fits. */
    uint32_t records;
    uint32_t lengths[BATCH_RECORDS_MAX];
    uint64_t argument;
};

struct explore_alphabet {
    struct case_config config;
    struct explore_letter letters[EXPLORE_LETTERS_MAX];
    uint32_t count;
};

/* How many set-ups the scenario has; the n-th, and the operations of its sequences. */
uint32_t explore_setups(const struct scenario *scenario);
void explore_alphabet(const struct scenario *scenario, uint32_t setup,
                      struct explore_alphabet *ret_alphabet);
/* Put the letter behind the operations. False: not there. */
bool explore_spell(const struct explore_alphabet *alphabet, const struct explore_letter *letter,
                   struct run_case *run_case);

/* ---- The explorer ---- */

struct explore_budget {
    uint32_t crashes, faults, preemptions;
};

/* A decision that was asked and could come out otherwise. */
struct explore_choice {
    struct case_decision decision;
    uint32_t bound;
    uint64_t tasks; /* Of a preemption: the legal outcomes. */
    uint64_t who_hash;
    uint64_t time_ns;     /* When it was asked, */
    size_t steps, events; /* after so many calls and events: the same, the same run so far. */
    uint64_t merged;      /* Outcomes after which the run went on as another one had. */
};

/* The choices of a workload without decisions, for those that begin with it. */
struct explore_beginning {
    struct explore_choice *choices;
    uint32_t count, capacity;
};

/* One run and what could be otherwise in it. */
struct explore_level {
    struct explore_choice *choices;
    uint32_t choice_count, choice_capacity;
    struct sim_who *whos;
    uint32_t who_count, who_capacity;
    /* Decisions of the images to go on with, one behind the other. */
    struct case_decision *promoted;
    uint32_t promoted_count, promoted_capacity;
    uint32_t promoted_end[EXPLORE_PROMOTED_MAX];
    uint32_t promoted_images;
    bool merged; /* It ended where another one had gone on. */
};

struct explorer {
    const struct scenario *scenario;
    struct explore_options options;
    struct explore_budget budget;
    uint32_t sequence;

    struct explore_beginning beginnings[EXPLORE_SEQUENCE_MAX + 1]; /* By their length. */
    uint32_t length;  /* Operations of the workload, without what follows it. */
    bool is_sequence; /* Of one client. */

    struct runner *runner;
    struct run_case run_case; /* The set of decisions that is visited. */
    struct explore_level levels[EXPLORE_LEVELS_MAX];
    struct explore_level *level;
    struct explore_budget left; /* After the decisions of run_case. */

    struct odometer odometer;
    struct disk_watch watch;
    uint32_t watch_read; /* What it holds, as an index; UINT32_MAX: something else. */
    struct disk *scratch;
    struct explore_seen seen;
    struct explore_alphabet alphabet;

    struct explore_count *count;
    struct run_case *failed_case;
    struct run_result *failed;
};

/* explore_tree.c: every set of decisions of the workload in run_case. False: something broke, or it
 * is enough. If it is a sequence, what it shares with the one before its last operation, which was
 * visited before, is not visited again. */
bool explore_workload(struct explorer *explorer, bool is_sequence);
/* The last decision of the case was made: what is going on is the run's own. */
bool explore_decided(const struct explorer *explorer);

/* explore_image.c: run_options.at_power_loss and at_kill; context: the explorer. */
bool explore_power_loss(void *context, struct runner *runner);
bool explore_kill(void *context, struct runner *runner);

#endif
