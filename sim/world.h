/*
 * world.h - a machine that can die, and the time, tasks, memory and disk it lives with.
 *
 * A world runs one process at a time on one machine: the process is a main task that the harness
 * starts with sim_boot; it reaches the world through a struct wal_io and can spawn tasks. Tasks are
 * fibers on one OS thread. Every call through the door is a scheduling point, a place to crash, and
 * a place for faults to strike. Time is virtual.
 *
 * A world is a function of (options, seed, code). Worlds are reused: sim_world_begin costs
 * microseconds. No two worlds share anything that changes.
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/call.h"
#include "sim/decide.h"
#include "sim/disk.h"
#include "sim/history.h"
#include "wal/err.h"
#include "wal/io.h"

struct sim_world;

enum sim_policy {
    SIM_POLICY_FIRST,       /* Go on with the current task; else the one runnable longest. */
    SIM_POLICY_PCT,         /* Random priorities; change points are a chance per contested point. */
    SIM_POLICY_STICKY,      /* Keep the current task with 9 in 10. */
    SIM_POLICY_RANDOM,      /* Uniform over the runnable ones. */
    SIM_POLICY_URW,         /* Uniform random walk: in proportion to what each has left. */
    SIM_POLICY_ROUND_ROBIN, /* Switch at every contested point, in turn. */
};
enum { SIM_POLICY_COUNT = SIM_POLICY_ROUND_ROBIN + 1 };

/* "pct". False: no policy is called so. */
const char *sim_policy_name(enum sim_policy policy);
bool sim_policy_parse(const char *name, enum sim_policy *ret_policy);
/* Its share of the seeds where nobody says otherwise. */
uint32_t sim_policy_weight(enum sim_policy policy);

/* What is about to happen, for a fault that may strike it. */
struct sim_point {
    enum sim_call call;
    const char *name; /* The file's name; "" where no file is concerned. */
    disk_inode inode; /* -1: none. */
    uint64_t offset;
    size_t len;
    unsigned flags; /* Of open. */
    uint32_t instance;
    uint32_t operation;
};

/* What a fault makes of it. All zero: nothing. */
struct sim_outcome {
    enum wal_err err;     /* The call fails so and does nothing (but see below). */
    size_t len_max;       /* Read or write at most so many bytes; 0: no limit. */
    bool some_written;    /* pwrite with err: len_max bytes were written even so. */
    bool writeback_fails; /* pwrite: it succeeds, then the kernel writes the file back by itself and
                             fails; see disk_writeback_fail. Not of a direct one: no pages. */
    bool fsync_lies;      /* A sync returns WAL_OK and makes nothing durable. */
    bool fsync_fails;     /* fsync, fdatasync, fsync_dir, dsync write: as below. */
    enum disk_fsync_failure fsync_failure;
    enum wal_err fsync_err; /* What a sync that fails says; WAL_OK: WAL_IO. */
    uint64_t delay_ns;      /* The call takes so much longer. */
    int64_t wall_jump_ns;   /* wall_ns: the clock is set so much ahead, and stays so. */
    uint64_t flip_bit;      /* pread: this bit of what was read is flipped, plus 1. */
    bool pause;             /* The process stops before the call has its effect, SIM_STOP_PAUSED,
                               and may go on later. Not while another one is paused. */
    bool pause_loses_lock; /* What it has locked others can lock meanwhile: a lease that expired. */
};

/* Asked at every call in options.strike_calls, before it has any effect. It asks sim_decide* for
 * its chances and reports what it does with sim_inject. */
typedef void sim_strike(void *context, struct sim_world *world, const struct sim_point *point,
                        struct sim_outcome *outcome);

/* What a line of the trace tells, where it is not a call's error. */
enum {
    SIM_TRACE_DECISION = 0xff00, /* A non-zero one. a: who, b: kind and ordinal, data: outcome. */
    SIM_TRACE_HARNESS,           /* sim_digest_add. */
    SIM_TRACE_STOP,              /* A process stopped. a: enum sim_stop, b: calls, data: memory. */
    SIM_TRACE_SIDE,              /* So did one on the side. */
};

/* One line of the trace. The digest is made of exactly these. Calls that only ask (time, memory,
 * milestones) have no line; the line of a process's end counts them. */
struct sim_trace_event {
    uint64_t time_ns;
    uint64_t a;    /* Offset; else what the call is about: hash of a name, a time. */
    uint64_t b;    /* Length, and from bit 40 on the inode plus 1. */
    uint64_t data; /* Hash of bytes read or written. */
    uint32_t task; /* Number of the task in this run; 0: none. */
    uint16_t call;
    uint16_t result; /* enum wal_err, or one of the above. */
    uint32_t operation;
    uint32_t instance;
};

/* A decision that was asked, whatever came of it. */
struct sim_asked {
    struct sim_decision address; /* With its outcome. */
    uint32_t bound;              /* Outcomes 0..bound-1 are legal, */
    uint64_t tasks;              /* but of SIM_KIND_PREEMPT only those whose bit is set. */
};

struct sim_options {
    uint64_t seed;
    const struct sim_record *replay; /* Not NULL: replay it; the seed decides nothing. */
    uint64_t address_salt;           /* Another form of addresses, see sim_who_hash. */
    const struct disk_profile *profile;
    uint64_t space_bytes;
    uint32_t chunk_bytes; /* See disk_set_chunk; 0: as the profile says. */
    enum sim_policy policy;
    uint32_t switch_odds; /* PCT: a change point per contested point, in 65536ths; others: 0. */
    uint32_t crash_odds;  /* Per call, in 65536ths: a crash before, inside or after it. */
    uint32_t kill_odds;   /* The same for the process alone. */
    uint64_t crash_calls; /* SIM_CALL_BITs where crashes may happen; 0: those with an effect
                             that others can see. */
    bool spare_boots;     /* No crash on behalf of a boot, so none inside recovery. */
    uint32_t crashes_max; /* No more than so many crash decisions in a run. */
    uint32_t image_modes; /* Crash modes allowed, see disk_chooser.modes; 0: all. */
    uint32_t alloc_odds;  /* Allocations fail. */
    uint32_t resume_odds; /* Per call with an effect: a paused process goes on, for 1..8 calls. */
    bool resume_spares_boots; /* But not on behalf of a boot, so not inside recovery. */
    uint64_t fsync_ns;        /* What a sync takes; others take a fixed small time. */
    bool still_time; /* No call takes any time, nor does a fault: it passes by sleeping alone,
                        so what is retried leaves the clocks alone. */
    uint64_t wall_start_ns;
    uint64_t steps_max; /* Calls in one process before it counts as livelocked. */
    uint64_t strike_calls;
    sim_strike *strike;
    void *strike_context;
    struct history *history; /* Where injected faults and crashes are recorded. */
    uint8_t junk;            /* Fresh memory is filled with it. */
    bool bump_memory;        /* The bump region instead of a jemalloc arena for every process. */
    void (*trace)(void *context, const struct sim_trace_event *event); /* NULL: none. */
    void *trace_context;
    /* Told of every decision. With it a replay asks also what its record does not hold: crashes at
     * crash_calls, allocations, and whatever the faults that exist may ask. NULL: nobody. */
    void (*asked)(void *context, const struct sim_asked *asked);
    void *asked_context;
};

/* In options.trace alone: the name of the file that the line is about (of a rename or link the new
 * one), and of the task; "": none. */
const char *sim_trace_name(const struct sim_world *world);
const char *sim_trace_task(const struct sim_world *world);

struct sim_world *sim_world_create(void);
void sim_world_destroy(struct sim_world *world);

/* Begin a run: empty disk, time 0, nothing counted. */
void sim_world_begin(struct sim_world *world, const struct sim_options *options);

/* Start a process: `entry` is its main task. The boot's context is named by what ended the last
 * process. Returns the instance number, from 1 on. */
uint32_t sim_boot(struct sim_world *world, void (*entry)(struct wal_io *io, void *arg), void *arg);

enum sim_stop {
    SIM_STOP_DONE,   /* All tasks of the process ended. */
    SIM_STOP_POWER,  /* Power was lost: by decision or by sim_power_off. Memory and tasks are
                        gone; the disk is still as it was, see sim_settle. */
    SIM_STOP_KILLED, /* The process died, the machine lives. */
    SIM_STOP_DEADLOCK,
    SIM_STOP_LIVELOCK,
    SIM_STOP_MISALIGNED, /* A direct call was misaligned. */
    SIM_STOP_ABANDONED,  /* sim_abandon. */
    SIM_STOP_PAUSED,     /* A strike said so: the process is a zombie now, see below. */
};

struct sim_end {
    enum sim_stop stop;
    enum sim_call call;   /* Where, */
    disk_inode inode;     /* and at which file; -1: none. */
    uint32_t operation;   /* On whose behalf; HISTORY_NO_OPERATION. */
    bool in_boot;         /* The context was a boot: a crash inside recovery. */
    size_t leaked_blocks; /* DONE: what the process left allocated and open. A task that nobody
                             joined counts as a block. */
    size_t leaked_bytes;
    size_t leaked_descriptors;
    char task[16];
};

/* Run the process until it stops. */
void sim_run(struct sim_world *world, struct sim_end *ret_end);

/* After SIM_STOP_POWER: draw the image (decisions), and go on with it. */
void sim_settle(struct sim_world *world, struct disk_crash_tally *ret_tally);

/* After SIM_STOP_POWER and before sim_settle: the k-th extra image (from 1 on), drawn in a stream
 * of its own. NULL: its hash was drawn before at this crash. It stays valid until the next draw.
 * *ret_hash is set either way. */
struct disk *sim_image_draw(struct sim_world *world, uint32_t k, uint64_t *ret_hash);

/* The same, but the chooser answers. The image can be made the main one if the chooser's modes are
 * those of the options. */
struct disk *sim_image_choose(struct sim_world *world, const struct disk_chooser *chooser,
                              uint64_t *ret_hash);

/* The decisions that would make the last image drawn the one that sim_settle takes. */
const struct sim_record *sim_image_record(const struct sim_world *world);

/* A process on the side: boots on `disk` (an image, or the machine's own with NULL: then on a
 * throw-away copy of it), with no decision asked, no fault, no crash, time of its own, its memory
 * in a bump region; stops as sim_run does. It leaves no mark in the run but one digest event. */
void sim_side_run(struct sim_world *world, struct disk *disk,
                  void (*entry)(struct wal_io *io, void *arg), void *arg, struct sim_end *ret_end);

/* From now on no decision is asked (all answer 0): no faults, no crashes, no preemption. */
void sim_heal(struct sim_world *world);

/* ---- Called by harness code on a task of the process ---- */

/* The current task acts for this operation until told otherwise. */
void sim_set_operation(struct sim_world *world, uint32_t operation);
uint32_t sim_operation(const struct sim_world *world);

/* How many operations the current task has left, for SIM_POLICY_URW. One that never says so has
 * what its spawner had, or counts as if it had one. */
void sim_set_left(struct sim_world *world, uint32_t operations);

/* Power is lost, or the process dies, here and now. Does not return. */
_Noreturn void sim_power_off(struct sim_world *world);
_Noreturn void sim_kill(struct sim_world *world);
/* The harness has seen enough: end the process at once. Does not return. */
_Noreturn void sim_abandon(struct sim_world *world);

/* What is told of a fault that struck. */
struct sim_injection {
    uint32_t fault;       /* Its number in the catalogue. */
    enum wal_err err;     /* What the call says; WAL_OK: it lets nobody know. */
    bool of_segment;      /* A sync of a segment fails, */
    uint64_t durable_lsn; /* of which all up to here was durable before; 0: nothing. */
};

/* Record HISTORY_INJECTED for the current task. */
void sim_inject(struct sim_world *world, const struct sim_injection *injection);

/* The class in which the history puts an error. */
enum history_error sim_error_class(enum wal_err err);

/* ---- Zombies ----
 *
 * A process that is paused keeps its memory, tasks and descriptors while the next one boots, runs
 * and dies. Inside calls of its successor (SIM_KIND_RESUME) it goes on for a few calls of its own,
 * as if it had never been away: no fault strikes it, no decision is asked for it, and while it can
 * only wait it gives the time back. Where its successor ends by itself it has one last run, of up
 * to SIM_ZOMBIE_CALLS_LAST calls. It ends with that, by itself (to lose power is for it to die
 * alone), when power is lost, in sim_heal, or as told here. One process can be paused at a time.
 */
enum { SIM_ZOMBIE_CALLS_MAX = 8, SIM_ZOMBIE_CALLS_LAST = 64 };

bool sim_has_zombie(const struct sim_world *world);
/* Is what runs now the zombie? */
bool sim_is_zombie(const struct sim_world *world);
/* Not to be called by the zombie. */
void sim_zombie_kill(struct sim_world *world);

/* ---- Looking at it ---- */
struct disk *sim_disk(struct sim_world *world);
struct wal_io *sim_io(struct sim_world *world);
struct history *sim_history(struct sim_world *world);
uint32_t sim_instance(const struct sim_world *world);
uint64_t sim_now_ns(const struct sim_world *world);
uint64_t sim_steps(const struct sim_world *world);
uint32_t sim_crashes(const struct sim_world *world);
/* Whom decisions are asked for right now: an index of sim_world_whos; between processes that of the
 * last one's stop; -1: nobody yet. */
int32_t sim_context(const struct sim_world *world);
bool sim_in_side_run(const struct sim_world *world);

/* 128 bits over every trace event so far. */
struct sim_digest {
    uint64_t low, high;
};
struct sim_digest sim_world_digest(struct sim_world *world);
/* Mix a harness event (a history event, an image's verdict) into the digest. */
void sim_digest_add(struct sim_world *world, uint64_t a, uint64_t b);

/* The non-zero decisions so far, and the contexts their addresses name. */
const struct sim_record *sim_world_record(const struct sim_world *world);
const struct sim_who *sim_world_whos(const struct sim_world *world, size_t *ret_count);

/* Was the i-th decision of options.replay asked for? If not, the reproducer has gone stale. */
bool sim_replay_asked(const struct sim_world *world, size_t i);

/* How often each milestone of io_note was reached in this run. */
const uint32_t *sim_notes(const struct sim_world *world);
/* The same in the last process on the side alone. */
const uint32_t *sim_side_notes(const struct sim_world *world);

#endif
