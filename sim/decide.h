/*
 * decide.h - every chance event is a named decision.
 *
 * A decision answers 0..bound-1, and 0 is always the tame answer: no fault, no preemption, no
 * delay, lose everything unsynced. Its value is a hash of (seed, stream, address); so it does not
 * depend on what else was asked, and taking one operation or one decision away leaves the others as
 * they were. The address is
 *
 *     who       on whose behalf: a context (below)
 *     kind      what is asked: a crash, a preemption, a fault of the catalogue, ...
 *     call      at which call of the door
 *     ordinal   how many times (who, kind, call) was asked before
 *
 * A call that goes on where the same task's last one was cut short or interrupted counts apart from
 * first attempts (SIM_CALL_RETRY): so to take that fault away does not move what struck later.
 *
 * Contexts belong to tasks and are switched with them. An operation of the workload is one; a boot
 * is one, named by its cause (the context whose call the crash hit, and how many boots that context
 * caused before), never by a running number; a background task acts for the context that first woke
 * it since it last slept, else for one of its own, named by its boot and its task name. To sleep is
 * to wait for a condition or a time, not for a lock or the disk: who holds a lock is a matter of
 * the schedule, and addresses should not be. A spawned task acts for its spawner until it first
 * sleeps.
 *
 * Decisions that came out non-zero are recorded. A run replays from that record alone: every
 * address that is not in it answers 0, and the seed is not used.
 */
#ifndef SIM_DECIDE_H
#define SIM_DECIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/call.h"

enum sim_stream { SIM_STREAM_FAULT, SIM_STREAM_SCHEDULE, SIM_STREAM_CRASH, SIM_STREAM_IMAGE };

/* Kinds below SIM_KIND_FAULT are the world's own; a fault of the catalogue is SIM_KIND_FAULT plus
 * the number in its identifier (F08: +8). The numbers are part of addresses: never renumber. What
 * they are called in reproducers is in address.c. */
enum {
    SIM_KIND_CRASH = 1,
    SIM_KIND_PREEMPT = 2,
    SIM_KIND_ALLOC = 3,
    SIM_KIND_WAKE = 4,   /* Which waiter a signal wakes; spurious wake-ups. */
    SIM_KIND_LOOK = 5,   /* What the harness looks at beside the run after a crash. */
    SIM_KIND_RESUME = 6, /* A paused process goes on for a while. */
    SIM_KIND_IMAGE = 16, /* Plus enum disk_question. */
    SIM_KIND_FAULT = 64,
    SIM_KIND_COUNT = 64 + 128
};

/* In sim_decision.call: the call goes on with one that was cut short or interrupted. */
enum { SIM_CALL_RETRY = 0x80 };

enum sim_who_kind { SIM_WHO_OPERATION, SIM_WHO_BOOT, SIM_WHO_TASK };

/* A context's name, for people and for reproducers. */
struct sim_who {
    enum sim_who_kind kind;
    uint64_t hash;      /* What addresses are made of. */
    uint64_t plain;     /* The same without the salt: what chances are drawn from. */
    uint32_t operation; /* OPERATION: which. */
    uint32_t nth;       /* BOOT: the how-manieth by this cause; TASK: of this name, from 0 on. */
    int32_t cause;      /* The index of another context, or -1. BOOT: whose call the crash hit (the
                           first boot: -1); TASK: the boot. */
    char task[16];      /* TASK: its name. */
};

struct sim_decision {
    uint64_t who; /* sim_who.hash */
    uint32_t ordinal;
    uint32_t outcome;
    uint16_t kind;
    uint8_t call; /* enum sim_call, and maybe SIM_CALL_RETRY. */
    uint8_t stream;
};

/* A run's non-zero decisions, in the order in which they were made. */
struct sim_record {
    struct sim_decision *decisions;
    size_t count;
    size_t capacity;
};

void sim_record_free(struct sim_record *record);
void sim_record_push(struct sim_record *record, const struct sim_decision *decision);
bool sim_record_copy(struct sim_record *to, const struct sim_record *from);

/* The hash of a context, from its name and the hash of its cause (0: it has none). Another salt
 * gives another form of all addresses; nothing but their hashes depends on it. So in a run that is
 * replayed under another salt, whoever took an address from elsewhere than its context shows. */
uint64_t sim_who_hash(const struct sim_who *who, uint64_t cause_hash, uint64_t salt);

/* Which stream decisions of this kind are drawn from. */
enum sim_stream sim_kind_stream(unsigned kind);

struct sim_world;

/* Uniform over 0..bound-1; bound of 0 or 1 answers 0 and is still counted. */
uint32_t sim_decide(struct sim_world *world, enum sim_stream stream, unsigned kind,
                    enum sim_call call, uint32_t bound);

/* 0 but with odds/65536, then uniform over 1..outcomes. What is recorded is the outcome, not the
 * odds: they vanish on replay. */
uint32_t sim_decide_odds(struct sim_world *world, enum sim_stream stream, unsigned kind,
                         enum sim_call call, uint32_t odds, uint32_t outcomes);

/* Count as if it had been asked, and ask nothing: where one decision makes another one needless, so
 * that the later ones of that address stay the same whatever came of the first. */
void sim_decide_skip(struct sim_world *world, unsigned kind, enum sim_call call);

/* The mixer behind it all, also for generators: a good 64-bit hash of three words. */
uint64_t sim_mix(uint64_t a, uint64_t b, uint64_t c);

#endif
