/*
 * model.h - an independent idea of a log: which record may stand at which LSN.
 *
 * Folded over the history that properties see. It knows no format and no algorithm; it keeps book
 * of what the log promised and what it showed.
 *
 * An OPERATION (a batch, or a record alone) is
 *
 *     limbo       submitted, and nothing is known: it may stand, whole, at any LSN not held
 *     accepted    the log gave it LSNs: it may stand there and nowhere else, or be lost
 *     settled     acknowledged, or served, at its LSNs
 *     dead        refused, rolled back, dropped by a recovery, or its LSN went to another: it must
 *                 never appear
 *
 * A SLOT is an LSN. It is settled once its content is known for ever: acknowledged by name, or
 * served. Until then, all accepted operations that begin there are its candidates. There can be
 * several: a task may learn that its record was rolled back after another's got the same LSN. For
 * that reason an acknowledgement of all up to an LSN settles only the operation it belongs to; for
 * the others it says that something must stand there (must_lsn), not what.
 *
 * A recovery that was read to its end without an error decides: what it showed is settled, and
 * whatever was accepted or in limbo before and isn't in it is dead. A read that ended with an error
 * settles what it showed and decides nothing else. A reader beside a writer may serve only what is
 * durable, so it settles too; the operation of a limbo record it served stays in limbo, since
 * records of few bytes look alike and its own acceptance will tell who it was.
 *
 * A SESSION is the time between a boot, a crash or a close and the next one. What was submitted in
 * the present one is never dropped by the observation that began it.
 *
 * A TRUNCATION that was asked for and not answered may have happened or not, whole; the next
 * recovery that is read to its end decides. While it is open, an acknowledgement proves nothing of
 * what lies above the LSN it keeps: it may be from before. The same goes for an operation that
 * began before the answer and is told only after it, and for who reads meanwhile. What was accepted
 * before it was asked for is dead once it happened; what was accepted later may be either.
 *
 * The FLOOR is where the log begins. It may be anywhere up to where somebody asked to prune, and
 * must not be below what was acknowledged as pruned, or shown by a recovery.
 *
 * Several DAMAGED events in a row, nothing between them, were told together, and the flags of all
 * of them hold. A later one takes back the witness flags of those before it: it may have hit what
 * witnessed them.
 */
#ifndef PROPERTIES_MODEL_H
#define PROPERTIES_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/history.h"

#define MODEL_NONE UINT32_MAX

enum model_fate {
    MODEL_ABSENT, /* A number that nobody used, or an operation without records. */
    MODEL_LIMBO,
    MODEL_ACCEPTED,
    MODEL_SETTLED,
    MODEL_REFUSED, /* From here on: dead. */
    MODEL_ROLLED_BACK,
    MODEL_DROPPED,
    MODEL_SUPERSEDED,
    MODEL_TRUNCATED,
};

struct model_operation {
    enum model_fate fate;
    uint32_t count;        /* Records of the batch, */
    uint32_t submitted;    /* how many of them were seen, */
    uint32_t first_record; /* and where they are in model.records. */
    uint32_t session;
    bool over_limit;    /* It asks for more than the log takes. */
    bool gives_up;      /* Whoever asks has a deadline, or may cancel. */
    bool cuts;          /* It truncates, prunes or pins, and so reads what may be damaged. */
    uint32_t instance;  /* Which accepted it. */
    uint32_t submitter; /* To which it was submitted. */
    uint32_t excused;   /* Errors (bits) that a fault explains which struck on its behalf. */
    uint64_t begun;     /* When it was submitted, */
    uint64_t over;      /* and what had struck its instance by then was over and done with. */
    uint64_t accepted;  /* When that was told. */
    uint32_t next;      /* In the list of limbo or in that of a slot. */
    uint32_t previous;  /* In the list of limbo. */
    uint64_t first_lsn; /* Or the one that it prunes below, pins, or truncates from. */
};

/* Asked for, and not known not to have happened. */
struct model_truncation {
    uint64_t kept_lsn; /* All above it goes. */
    uint64_t asked;    /* When. */
    uint64_t over;     /* When it was acknowledged; 0: it is open whether it happened. */
    uint32_t operation;
};

struct model_pin {
    bool held;
    uint64_t lsn;
};

struct model_record {
    uint64_t hash;
    uint32_t length;
    uint32_t operation;
};

struct model_slot {
    uint64_t hash;      /* If settled. */
    uint64_t commit_ns; /* As it was shown first; 0: not yet. */
    uint32_t length;
    uint32_t operation;  /* MODEL_NONE: served, and nobody knows yet whose it is. */
    uint32_t index;      /* In its batch */
    uint32_t count;      /* of so many; 0: not settled. */
    uint32_t candidates; /* First of the operations that begin here; dead ones may be among them. */
};

struct model_damage {
    uint64_t first_lsn; /* Widened to whole batches; 0: no record's bytes. */
    uint64_t last_lsn;
    uint32_t fault;
    bool witnessed;
    bool survivable; /* It excuses no error. */
    bool spent;  /* A recovery rightly ended before it: it explains errors, but no further loss. */
    bool booted; /* A process ran while it was in force. */
};

/* Until when does an injection excuse errors? */
enum model_until {
    MODEL_UNTIL_CLOSED, /* The instance that it struck boots again, or closes its log. */
    MODEL_UNTIL_HEARD,  /* Whoever comes by may hear of it, even another process. */
    MODEL_FOR_GOOD,     /* The disk itself is not what it was promised to be. */
};

/* An injection of this fault, whose call said this, excuses these errors (bits). */
struct model_alibi {
    uint32_t fault;
    enum history_error said;
    uint32_t errors;
    enum model_until until;
};

extern const struct model_alibi model_alibis[];
extern const size_t model_alibi_count;

struct model_instance {
    /* When something last struck it that excuses this error; 0: never, since it booted or closed
     * its log, */
    uint64_t struck_at[HISTORY_ERROR_COUNT];
    uint64_t struck_before_at[HISTORY_ERROR_COUNT]; /* and before it closed it. */
    uint64_t over; /* What struck it by then is over: it acknowledged what was submitted later. */
};

/* What is wrong with what was read. Reading stops at the first. */
enum model_anomaly {
    MODEL_NO_ANOMALY,
    MODEL_STRANGER,  /* Nobody submitted it. */
    MODEL_GHOST,     /* It is dead; reading.fate says how it died. */
    MODEL_TWICE,     /* It stands at reading.other too. */
    MODEL_GAP,       /* LSN reading.other stands where reading.lsn should. */
    MODEL_MISPLACED, /* It belongs to LSN reading.other. */
    MODEL_REPLACED,  /* Another one was acknowledged or served at this LSN. */
    MODEL_SPLIT,     /* A batch begins without its end, or ends without its beginning. */
};

struct model_match {
    uint32_t operation; /* MODEL_NONE: see model_slot. */
    uint32_t index;
    uint32_t count;
};

/* An observation, compared with the model. */
struct model_reading {
    const struct history_observation *observation;
    bool undisturbed;  /* Of an image on the side: no fault was injected while it was recovered. */
    uint64_t last_lsn; /* The last one served; from_lsn - 1 if none. */
    uint32_t truncation; /* An open one that must have happened, for this to be right; or */
    uint64_t kept_lsn;  /* MODEL_NONE. All above this is taken as truncated; UINT64_MAX: nothing. */
    uint64_t loose_lsn; /* Above it somebody truncated meanwhile: only strangers are noticed. */
    uint32_t matched;   /* Records before the anomaly, all of them if there is none. */
    enum model_anomaly anomaly;
    enum model_fate fate;
    uint64_t lsn;
    uint64_t other;
    struct model_match *matches;
    uint32_t capacity;
};

enum { MODEL_DAMAGES_MAX = 64, MODEL_TRUNCATIONS_MAX = 32, MODEL_PINS_MAX = 16 };

struct model {
    struct model_operation *operations;
    uint32_t operation_count, operation_capacity;
    struct model_record *records;
    uint32_t record_count, record_capacity;
    struct model_slot *slots; /* LSN slot_base and up. */
    uint32_t slot_count, slot_capacity;
    uint64_t slot_base;
    uint32_t limbo;      /* First of the list, */
    uint32_t limbo_last; /* and the last. */
    uint32_t batch_max;  /* Records of the largest batch. */
    uint32_t session;

    uint64_t floor_lsn;  /* The lowest LSN ever settled; UINT64_MAX: none. */
    uint64_t must_lsn;   /* All up to here was acknowledged or served. */
    uint64_t served_lsn; /* Where the last recovery that was read to its end ended. */

    struct model_damage damages[MODEL_DAMAGES_MAX]; /* In force. */
    uint32_t damage_count;
    bool damage_last; /* The last event was a damage. */

    /* Lifted, but a process that met it may have taken the log over without it, and died before
     * anybody saw that. Kept until a recovery shows how it ended. */
    struct model_damage losses[MODEL_DAMAGES_MAX];
    uint32_t loss_count;

    struct model_truncation truncations[MODEL_TRUNCATIONS_MAX];
    uint32_t truncation_count;
    uint64_t
        floor_asked_lsn;    /* The highest that a prune asked for and may have reached; 0: none. */
    uint64_t floor_min_lsn; /* All below is known to be pruned. */
    struct model_pin pins[MODEL_PINS_MAX];

    struct model_instance *instances;
    uint32_t instance_count, instance_capacity;
    uint32_t excused_unheard; /* Errors, see enum model_until. */
    uint32_t excused_for_good;
    uint64_t now; /* Events taken in so far. */

    struct model_reading *reading; /* Of the observation being judged. Scratch. */
};

void model_init(struct model *model);
void model_free(struct model *model);
void model_begin(struct model *model); /* A new history. Keeps the memory. */

/* Did anybody ever submit such bytes? */
bool model_is_known(const struct model *model, const struct history_record *record);

/* Compare with the model; the result is model->reading. Changes nothing else. Above loose_lsn the
 * log was truncated while it was read; UINT64_MAX: nowhere. */
void model_read(const struct model *model, const struct history_observation *observation,
                bool undisturbed, uint64_t loose_lsn);

/* Take the event in. An observation must have been read just before. */
void model_take(struct model *model, const struct history_event *event);

/* NULL if it is out of range. */
const struct model_slot *model_slot(const struct model *model, uint64_t lsn);
const struct model_operation *model_operation(const struct model *model, uint32_t operation);

/* What is known to stand there, as far as the reading doesn't take it as truncated; or NULL. */
const struct model_slot *model_content(const struct model *model, uint64_t lsn);

/* Can these be the LSNs of this operation, by number and by nearness to all others? */
bool model_plausible(const struct model *model, const struct model_operation *operation,
                     uint64_t first_lsn, uint64_t last_lsn);

/* Does the slot hold, or may it hold, this record of this operation? True if it isn't settled. */
bool model_agrees(const struct model *model, const struct model_slot *slot, uint32_t operation,
                  uint32_t index);

/* Above which LSN may something have been truncated since then? UINT64_MAX: nothing was. */
uint64_t model_kept_since(const struct model *model, uint64_t begun);
/* The same for an operation that ends now; one that nobody knows began at `otherwise`. */
uint64_t model_kept_beside(const struct model *model, uint32_t operation, uint64_t otherwise);
/* May it be that this operation asked to truncate inside a batch? */
bool model_splits_batch(const struct model *model, uint32_t operation);
/* How far does an acknowledgement reach, whatever was truncated meanwhile? */
uint64_t model_acked_lsn(const struct model *model, const struct history_event *event);
/* All up to here must be in what was just read. */
uint64_t model_must_lsn(const struct model *model);
/* The lowest LSN that a pin holds; UINT64_MAX: there is none. */
uint64_t model_pinned_lsn(const struct model *model);

/* Parts of model_take. */
void model_take_asked(struct model *model, const struct history_event *event);
void model_take_truncating(struct model *model, const struct history_event *event);
void model_take_truncated(struct model *model, const struct history_event *event);
void model_take_cut_failed(struct model *model, const struct history_event *event);
void model_truncate(struct model *model, const struct model_truncation *truncation);
void model_take_pruning(struct model *model, const struct history_event *event);
void model_take_pruned(struct model *model, const struct history_event *event);
void model_take_pin(struct model *model, const struct history_event *event);
void model_take_floor(struct model *model, const struct history_observation *observation);
void model_cut_damage(struct model *model, uint64_t kept_lsn);
/* Witnessed damage that the reading ended before, though it met no error; NULL: none. */
const struct model_damage *model_silent_loss(const struct model *model);
void model_take_damaged(struct model *model, const struct history_event *event);
void model_take_lifted(struct model *model);
void model_take_injected(struct model *model, const struct history_event *event);
void model_instance_closed(struct model_instance *instance);
struct model_instance *model_instance_make(struct model *model, uint32_t instance);
struct model_operation *model_operation_make(struct model *model, uint32_t operation);

/* May a recovery rightly end before this LSN? Only unwitnessed damage to it allows that. */
bool model_loss_excused(const struct model *model, uint64_t lsn);

/* Is there an alibi for this error? In what any look at the disk shows; in a process; in what an
 * operation reads; in what an operation of an instance came to. */
bool model_excuses_reading(const struct model *model, enum history_error error);
bool model_excuses_instance(const struct model *model, enum history_error error, uint32_t instance);
bool model_excuses_reader(const struct model *model, enum history_error error, uint32_t operation);
bool model_excuses_operation(const struct model *model, enum history_error error, uint32_t instance,
                             uint32_t operation);

#endif
