/*
 * case.h - a run written down: all that it is a function of, besides the code.
 *
 * A scenario and a seed name a run only as long as the generator stays as it is. A case names it
 * for good: what was set up, the operations one by one, and every decision that did not come out
 * tame, by address. It is what a run is shrunk as, what a reproducer file holds, and what replays
 * without the generator: the seed in it is only where it came from, and the salt of io_random.
 *
 * What is left out of a case has the tame value. So everything in it can be taken away.
 */
#ifndef SCENARIOS_CASE_H
#define SCENARIOS_CASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/world.h"

/* What a client of the log can do. The names are the keys of [mix] and the words of reproducers. */
#define OPERATION_MAP(X)                                                                           \
    X(APPEND, "append", "append one record and wait until it is durable")                          \
    X(APPEND_ASYNC, "append-async", "append one record and wait for it later")                     \
    X(BATCH, "batch", "append a batch and wait until it is durable")                               \
    X(BATCH_ASYNC, "batch-async", "append a batch and wait for it later")                          \
    X(WAIT, "wait", "wait for everything this client appended without waiting")                    \
    X(SYNC, "sync", "make durable all that was accepted")                                          \
    X(READ, "read", "read the log beside its writer")                                              \
    X(IDLE, "idle", "do nothing for a while")                                                      \
    X(POWER_OFF, "power-off", "power is lost here")                                                \
    X(KILL, "kill", "the process dies here")                                                       \
    X(REOPEN, "reopen", "close the log cleanly and open it again in a new process")                \
    X(COPY, "copy", "copy the log while others write it, and open the copy")                       \
    X(APPEND_OVER, "append-over", "append a byte more than the log takes")                         \
    X(TRUNCATE, "truncate", "forget the last records, for good")                                   \
    X(PRUNE, "prune", "give up all but the last records")                                          \
    X(PIN, "pin", "keep the last records from being pruned")                                       \
    X(UNPIN, "unpin", "take the pin away")                                                         \
    X(APPEND_NOTIFY, "append-notify", "append one record and be called back")                      \
    X(APPEND_UNTIL, "append-until", "append one record, but do not wait for ever")                 \
    X(POLL, "poll", "ask, without waiting, what became of what this client appended")              \
    X(CANCEL, "cancel", "have the next client no longer wait, where it does not want to for ever") \
    X(APPEND_MANY, "append-many", "append a batch of empty records of an unknown kind")            \
    X(READ_MAPPED, "read-mapped", "read the log beside its writer, through mappings")              \
    X(FOLLOW, "follow", "follow the log beside its writer, until it is enough")                    \
    X(TRUNCATE_WATCHED, "truncate-watched",                                                        \
      "forget the last records while somebody looks at the numbers")

enum operation_kind {
#define OPERATION_ENUM(name, text, story) OPERATION_##name,
    OPERATION_MAP(OPERATION_ENUM)
#undef OPERATION_ENUM
        OPERATION_KIND_COUNT
};

/* What the bytes of its records are (payload.c); OPTIONAL: and they are of a kind that readers
 * skip. The names are words of reproducers. */
#define CONTENT_MAP(X)    \
    X(NOISE, "noise")     \
    X(LOG, "log")         \
    X(REPLICA, "replica") \
    X(ROW, "row")         \
    X(OPTIONAL, "optional")

enum operation_content {
#define CONTENT_ENUM(name, text) CONTENT_##name,
    CONTENT_MAP(CONTENT_ENUM)
#undef CONTENT_ENUM
        CONTENT_COUNT
};

enum {
    BATCH_RECORDS_MAX = 16,
    OPERATION_MANY_MAX = 2048,      /* Records of an APPEND_MANY. */
    CASE_SEGMENT_HEAD_BYTES = 1024, /* More than a segment needs beside its queue and two blocks. */
    CASE_WHY_BYTES = 160,
    CASE_STRUCK_BYTES = 72,
    CASE_NAME_BYTES = 64,
};

struct operation {
    enum operation_kind kind;
    uint32_t number; /* Its name, in addresses and in the history. Stays when others go. */
    uint32_t client;
    uint32_t records;                    /* Appends and batches: how many, */
    uint32_t lengths[BATCH_RECORDS_MAX]; /* and of how many bytes. */
    uint64_t argument; /* IDLE: how long, in ns. READ: where from, modulo what there is; and how
                          rows that it reads are changed for one more look. APPEND_OVER: even: one
                          record, odd: a batch of two. TRUNCATE: how many records go; PRUNE,
                          PIN: how many stay.
                          APPEND_UNTIL: how long, in ns; 0: until it is cancelled.
                          APPEND_MANY: how many. READ_MAPPED, FOLLOW: see client_read.c.
                          TRUNCATE_WATCHED: see client_stat.c. */
    uint64_t noise;    /* What contents are made of, beside number, index and length, */
    enum operation_content content; /* and what they look like. */
};

/* What a run is set up with. All zero but the profile is not valid: see case_config_tame. */
struct case_config {
    const struct disk_profile *profile;
    uint64_t segment_bytes, first_segment, first_lsn;
    uint64_t fsync_ns;
    uint64_t sync_interval_ns;
    uint32_t block_bytes, queue_bytes;
    uint32_t sync_policy; /* enum wal_sync_policy */
    uint32_t stop_on_rollback;
    uint32_t mark_policy; /* enum wal_mark_policy */
    uint32_t verify_all;
    uint32_t preallocate, spares;
    uint32_t io_mode; /* enum wal_io_mode, where the blocks are large enough for it. */
    uint32_t clients;
    uint32_t end_power_off; /* The run ends by loss of power instead of a clean close. */
    uint32_t image_modes;   /* What a crash may leave: bits of disk_chooser.modes. */
    uint32_t fsync_failure; /* enum disk_fsync_failure: what a sync that fails does. */
    uint32_t media_max;     /* Sectors that may be damaged at rest. */
    uint32_t chunk_bytes;   /* The atomic unit of the disk; 0: the profile's. */
    uint32_t still_time;    /* Calls take no time. */
};

struct case_decision {
    uint32_t who; /* Index in whos. */
    uint16_t kind;
    uint8_t call;
    uint32_t ordinal;
    uint32_t outcome;
    char struck[CASE_STRUCK_BYTES]; /* What it did, for people; may be empty. */
};

/* What was at stake when a process died: if another number stands here after a change of the log,
 * the case no longer tests what it did. */
struct case_milestone {
    uint32_t operation; /* On whose behalf; HISTORY_NO_OPERATION. */
    uint32_t power;     /* 1: power was lost; 0: only the process died. */
    uint64_t must_lsn;  /* All up to here was acknowledged. */
    uint64_t pending;   /* Writes and names on their way to the disk, in chunks. */
};

struct run_case {
    char scenario[CASE_NAME_BYTES]; /* Where it came from. */
    uint64_t seed;
    char bug[CASE_NAME_BYTES];      /* The planted bug that it was found with; "": none. */
    char property[CASE_NAME_BYTES]; /* What it broke; "": nothing. */
    char why[CASE_WHY_BYTES];
    struct case_config config;
    struct operation *operations;
    struct sim_who *whos; /* Causes before what they caused. Their hashes are not used. */
    struct case_decision *decisions;
    struct case_milestone *milestones;
    uint32_t operation_count, who_count, decision_count, milestone_count;
    uint32_t operation_capacity, who_capacity, decision_capacity, milestone_capacity;
};

/* All zero is an empty case. Copying reuses the memory of `to`. */
void case_free(struct run_case *run_case);
void case_copy(struct run_case *to, const struct run_case *from);

/* Room for so many; what is there stays, what is new is not initialised. */
void case_reserve(struct run_case *run_case, uint32_t operations, uint32_t whos, uint32_t decisions,
                  uint32_t milestones);

/* The tamest set-up: one client, small blocks, a strict disk. */
struct case_config case_config_tame(void);

/* What no run could be set up with, for a case that was put together or edited; NULL: nothing. */
const char *case_invalid(const struct run_case *run_case);

/* Forget contexts that no decision names, renumbering the others. */
void case_forget_whos(struct run_case *run_case);

/* The decisions as the world takes them, in the address form of this salt (sim_options). Memory
 * of `record` is reused. */
void case_record(const struct run_case *run_case, uint64_t salt, struct sim_record *record);

/* ---- As text (case_text.c); the format is specified there ---- */

enum { CASE_MESSAGE_BYTES = 512 };

/* To be freed by the caller. */
char *case_text(const struct run_case *run_case);

/* On failure says in `message` what is wrong, with file and line, and leaves *ret_case alone. */
bool case_load(const char *path, struct run_case *ret_case, char message[CASE_MESSAGE_BYTES]);

/* Does it append one or several records of its own? */
bool operation_has_records(enum operation_kind kind);
const char *operation_name(enum operation_kind kind); /* "append-async" */
const char *content_name(enum operation_content content);

#endif
