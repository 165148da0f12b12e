/*
 * history.h - what a user of the system could see, and what the world did to him.
 *
 * The only thing that properties read. It knows nothing of any log's code: errors are classes of
 * errors, records are an LSN, a length and a hash of their bytes, and damage is told in LSNs,
 * computed from the pristine disk image by a decoder that shares no code with the log.
 *
 * An event is one row. Which fields mean something for which kind stands beside the kind.
 */
#ifndef SIM_HISTORY_H
#define SIM_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* clang-format off */
#define HISTORY_ERROR_MAP(X)                                            \
    X(HISTORY_OK,          "ok")                                        \
    X(HISTORY_IO,          "device error")                              \
    X(HISTORY_NOSPACE,     "no space, quota, file or descriptor limit") \
    X(HISTORY_NOMEM,       "out of memory")                             \
    X(HISTORY_LOCKED,      "in use")                                    \
    X(HISTORY_CORRUPT,     "corrupt")                                   \
    X(HISTORY_POISONED,    "poisoned")                                  \
    X(HISTORY_ROLLED_BACK, "rolled back")                               \
    X(HISTORY_LIMIT,       "over a limit")                              \
    X(HISTORY_BELOW_FLOOR, "pruned")                                    \
    X(HISTORY_CUT_OFF,     "truncated")                                 \
    X(HISTORY_VERSION,     "newer version")                             \
    X(HISTORY_INTERRUPTED, "interrupted")                               \
    X(HISTORY_GAVE_UP,     "given up by who asked")                    \
    X(HISTORY_UNANSWERED,  "not told, or told twice")                  \
    X(HISTORY_OTHER,       "another error")

enum history_error {
#define HISTORY_ERROR_ENUM(name, text) name,
    HISTORY_ERROR_MAP(HISTORY_ERROR_ENUM)
#undef HISTORY_ERROR_ENUM
    HISTORY_ERROR_COUNT
};

#define HISTORY_EVENT_MAP(X)                                                                     \
    /* A process starts. instance, flag: the boot happens inside recovery from an earlier crash */ \
    X(HISTORY_BOOTED,      "booted")                                                             \
    /* operation, instance: an operation begins that hands over no record (a sync, a reading). */ \
    X(HISTORY_ASKED,       "asked")                                                              \
    /* operation, instance, index (of count), length, hash: a record is about to be handed to   */ \
    /* the log; flag: the operation is over a limit of the log, which must refuse it; error:    */ \
    /* HISTORY_GAVE_UP if whoever asks may give up waiting.                                     */ \
    X(HISTORY_SUBMITTED,   "submitted")                                                          \
    /* operation, instance, first_lsn, last_lsn: the log gave the operation's records LSNs. */   \
    X(HISTORY_ACCEPTED,    "accepted")                                                           \
    /* operation, instance, last_lsn: the log said that all up to last_lsn is durable. */        \
    X(HISTORY_ACKED,       "acknowledged")                                                       \
    /* operation, instance, error: the operation's outcome is this error. */                     \
    X(HISTORY_FAILED,      "failed")                                                             \
    /* operation, instance, last_lsn: asked to forget all records above last_lsn, for good. */   \
    X(HISTORY_TRUNCATING,  "truncating")                                                         \
    /* operation, instance, last_lsn: the log said that it has. */                               \
    X(HISTORY_TRUNCATED,   "truncated")                                                          \
    /* operation, instance, first_lsn: asked to give up all records below first_lsn. */          \
    X(HISTORY_PRUNING,     "pruning")                                                            \
    /* operation, instance, first_lsn: the log said so, and begins there from now on. */         \
    X(HISTORY_PRUNED,      "pruned")                                                             \
    /* operation, instance, index (the pin), first_lsn: asked to keep all from there on, and    */ \
    /* no longer what this pin held before.                                                     */ \
    X(HISTORY_PINNING,     "pinning")                                                            \
    /* operation, instance, index, first_lsn: the log said that it does. */                      \
    X(HISTORY_PINNED,      "pinned")                                                             \
    /* operation, instance, index: the pin is about to be taken away. */                         \
    X(HISTORY_UNPINNED,    "unpinned")                                                           \
    /* observation: after a recovery (observation->recovery) or by a reader beside a writer. */  \
    X(HISTORY_OBSERVED,    "observed")                                                           \
    /* observation: what one undisturbed recovery of the image just booted would show. */        \
    X(HISTORY_UNDISTURBED, "undisturbed")                                                        \
    /* observation: what a copy showed that was made while the log was written. */              \
    X(HISTORY_COPIED,      "copied")                                                             \
    /* observation: what a copy showed after it was repaired, flag: or was to be used again.    */ \
    X(HISTORY_REPAIRED,    "repaired")                                                           \
    /* instance, error: a clean close ended so. */                                               \
    X(HISTORY_CLOSED,      "closed")                                                             \
    /* instance, flag: true if power was lost, false if only the process died. */                \
    X(HISTORY_CRASHED,     "crashed")                                                            \
    /* operation, instance, fault, error: what the struck call said, OK if nothing; flag: it is */ \
    /* a failed sync of a segment, and last_lsn the highest LSN that was durable before it.     */ \
    X(HISTORY_INJECTED,    "injected")                                                           \
    /* fault, first_lsn..last_lsn (0, 0: no record's bytes), index: 1 if it must be survived: */ \
    /* it excuses no error, at most a loss; flag: something durable and intact                */ \
    /* elsewhere witnesses that these records were durable. */                                   \
    X(HISTORY_DAMAGED,     "damaged")                                                            \
    /* All damage at rest is undone, or gone with the bytes that it had hit. */                  \
    X(HISTORY_LIFTED,      "damage lifted")                                                      \
    /* From here on no fault is injected and nothing is crashed. */                              \
    X(HISTORY_HEALED,      "healed")                                                             \
    /* instance, count (blocks), hash (bytes), length (descriptors): left after a clean end. */  \
    X(HISTORY_LEAKED,      "leaked")                                                             \
    /* instance, index: enum history_stuck. */                                                   \
    X(HISTORY_STUCK,       "stuck")                                                              \
    /* Two executions of this run differed. */                                                   \
    X(HISTORY_DIVERGED,    "diverged")                                                           \
    /* The run is over. */                                                                       \
    X(HISTORY_ENDED,       "ended")

enum history_kind {
#define HISTORY_EVENT_ENUM(name, text) name,
    HISTORY_EVENT_MAP(HISTORY_EVENT_ENUM)
#undef HISTORY_EVENT_ENUM
    HISTORY_KIND_COUNT
};
/* clang-format on */

enum history_stuck {
    HISTORY_STUCK_DEADLOCK,   /* Nobody can run and no timer is set. */
    HISTORY_STUCK_LIVELOCK,   /* The step budget is used up. */
    HISTORY_STUCK_MISALIGNED, /* A misaligned direct call was issued. */
    HISTORY_STUCK_DEAF,       /* Somebody who was cancelled went on. */
};

/* What became of a payload that is a row, or that somebody changed, when it was decoded. */
enum history_row {
    HISTORY_ROW_GOOD,    /* Its values are those that were written. */
    HISTORY_ROW_REFUSED, /* It is no row. */
    HISTORY_ROW_OTHER,   /* Its values are others than those that were written. */
    HISTORY_ROW_OUTSIDE, /* A value lies outside its bytes. */
    HISTORY_ROW_CHANGED, /* It was accepted, but its values do not make these bytes. */
    HISTORY_ROW_GREEDY,  /* More memory was asked for than it accounts for. */
};

#define HISTORY_NO_OPERATION UINT32_MAX

struct history_record {
    uint64_t lsn;
    uint64_t hash;      /* Of its bytes. */
    uint64_t commit_ns; /* The monotone time of its commit; 0: unknown. */
    uint32_t length;
    uint32_t batch_index;
    bool batch_goes_on;
    bool lost; /* Not a record: a repair said that there was one. */
};

struct history_place {
    uint64_t segment;
    uint64_t offset;
    uint64_t first_lsn; /* The LSNs that the log says are lost; 0: it named none. */
    uint64_t last_lsn;
};

/* What somebody saw who opened the log and read it from `from_lsn` on. */
struct history_observation {
    uint32_t instance;
    bool recovery;                 /* The log was opened for writing, else read beside a writer. */
    enum history_error open_error; /* Not OK: nothing was read. */
    enum history_error read_error; /* Not OK: reading ended with it after `count` records. */
    struct history_place place;    /* Of either error. */
    uint64_t from_lsn;             /* The first LSN asked for: the floor if all was read. */
    const struct history_record *records;
    uint32_t count;
    /* The first record that is a row and was not decoded as it should (0: all were): as it was
     * written, or changed by somebody on purpose. */
    uint64_t row_lsn;
    enum history_row row;
    bool row_changed;
};

struct history_event {
    enum history_kind kind;
    enum history_error error;
    uint32_t operation; /* HISTORY_NO_OPERATION: on nobody's behalf. */
    uint32_t instance;  /* Process instances count from 1 through the run. */
    uint32_t fault;     /* The number in its identifier: 8 for F08, 101 for O01. */
    uint32_t index;
    uint32_t count;
    uint32_t length;
    bool flag;
    uint64_t first_lsn;
    uint64_t last_lsn;
    uint64_t hash;
    uint64_t time_ns; /* Virtual. */
    const struct history_observation *observation;
};

/* Append-only; events and the observations they point to live until history_clear. */
struct history {
    struct history_event *events;
    size_t count;
    size_t capacity;
    void *chunks; /* Memory of observations. */
};

void history_init(struct history *history);
void history_clear(struct history *history); /* Forgets the events, keeps the memory. */
void history_free(struct history *history);

/* Copies the event, and its observation with the records, if it has one. Returns its index. */
size_t history_add(struct history *history, const struct history_event *event);

/* "acknowledged". Static storage. */
const char *history_kind_name(enum history_kind kind);
const char *history_error_name(enum history_error error);

#endif
