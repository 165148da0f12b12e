/*
 * world_internal.h - what the files of the world share.
 *
 * One struct for all: the run, the process that runs in it, and what is reused over runs. The
 * process on the side (sim_side_run) uses the same parts: it runs only while no other does.
 */
#ifndef SIM_WORLD_INTERNAL_H
#define SIM_WORLD_INTERNAL_H

#include <assert.h>

#include "sim/context.h"
#include "sim/memory.h"
#include "sim/scheduler.h"
#include "sim/trace.h"
#include "sim/world.h"

enum {
    DESCRIPTORS_MAX = 256,
    DESCRIPTOR_NAME_BYTES = 64, /* What faults see of a name. */
    CALL_NS = 100,              /* What any call takes. */
    SIM_FAULT_NOMEM = 19,       /* Its number in the catalogue of faults. */
};

enum descriptor_kind { DESCRIPTOR_FREE, DESCRIPTOR_FILE, DESCRIPTOR_DIR };

struct descriptor {
    enum descriptor_kind kind;
    int32_t target; /* Inode or directory. */
    unsigned flags; /* Of open. */
    uint32_t align; /* 1: not direct. */
    bool locked;
    uint32_t errors_heard; /* See disk_error_heard. */
    char name[DESCRIPTOR_NAME_BYTES];
};

struct replay {
    const struct sim_record *record; /* NULL: no replay. */
    uint32_t *slots;                 /* Hash table: index in record plus 1. */
    uint8_t *asked;
    size_t capacity, mask;
    bool kinds[SIM_KIND_COUNT]; /* That are asked: those that occur, or all. */
    uint64_t crash_calls;       /* At which crashes occur. */
};

/* Hashes of the images drawn at this crash. */
struct image_set {
    uint64_t *slots;
    size_t capacity, count;
};

/* All that goes when it dies, and stays while it is paused. */
struct process {
    uint32_t instance;
    uint64_t steps, steps_max;
    uint64_t allocs, alloc_bytes;
    uint32_t descriptors_used; /* From here on all are free. */
    int32_t boot_context;
    uint64_t randoms;      /* On the side: how often random was asked. */
    struct memory *memory; /* One of these. */
    struct memory arena, bump;
    bool arena_made;
    disk_inode dies_at; /* The file at which the crash about to happen strikes; -1: none. */
    struct sim_end end;
    void (*entry)(struct wal_io *io, void *arg);
    void *arg;
    struct scheduler scheduler;
    struct descriptor descriptors[DESCRIPTORS_MAX];
};

enum world_state { WORLD_IDLE, WORLD_BOOTED, WORLD_RUNNING, WORLD_POWERLESS };

struct sim_world {
    struct wal_io io; /* First: the door hands it back. */
    struct wal_io_ops ops;
    struct sim_options options;
    enum world_state state;
    bool healed, side;
    bool quiet; /* healed or side, or a zombie runs: nothing is decided. */

    /* What is armed now: of the options, unless quiet or used up. */
    uint64_t crash_calls, resume_calls, strike_calls;
    uint64_t alert_calls; /* The first two. */
    uint32_t alloc_odds;

    uint64_t now_ns, call_ns;
    uint64_t wall_ns; /* What the clock on the wall shows at time 0: it can be set. */
    uint64_t steps;   /* Of processes that have stopped. */
    uint32_t booted, crashes, tasks_spawned;
    uint64_t policy_draws;
    int32_t stopped_context; /* Whom the last stop hit. */
    bool crashed_in_boot;    /* The last crash hit a boot. */
    struct disk *disk;       /* The one in use: the machine's, or on the side another. */
    struct disk *machine, *image, *copy;
    uint64_t stream_seeds[4];

    struct process processes[2];
    struct process *process; /* The one that runs, or ran last, or will run next; */
    struct process *zombie;  /* the other one is paused. NULL: none is. */
    bool zombie_is_alone;    /* Its successor has ended. */
    struct fiber_pool stacks;
    struct contexts contexts;
    struct sim_record record, image_record;
    struct replay replay;
    struct image_set images_seen;
    struct trace trace;
    uint32_t notes[WAL_NOTE_COUNT];
    uint32_t side_notes[WAL_NOTE_COUNT]; /* Of the last process on the side. */
};

static inline bool world_runs_zombie(const struct sim_world *world)
{
    return world->process == world->zombie;
}

/* A zombie runs, and it is its successor who lets time pass. */
static inline bool zombie_has_company(const struct sim_world *world)
{
    return world_runs_zombie(world) && !world->zombie_is_alone;
}

static inline struct sim_world *world_of(struct wal_io *io)
{
    return (struct sim_world *)(void *)io;
}

/* Whom decisions are asked for: the current task's context, or between processes that of the last
 * one's stop. */
static inline int32_t world_context(const struct sim_world *world)
{
    const struct wal_task *task = world->process->scheduler.current;

    return task != NULL ? task->context : world->stopped_context;
}

static inline uint32_t context_operation(const struct sim_world *world, int32_t context)
{
    return context == CONTEXT_NONE ? HISTORY_NO_OPERATION : world->contexts.whos[context].operation;
}

/* world.c */
void world_trace_slow(struct sim_world *world, enum sim_call call, unsigned result, uint64_t a,
                      uint64_t b, uint64_t data);
_Noreturn void world_stop(struct sim_world *world, enum sim_stop stop, enum sim_call call);
/* What is told of the end that the current task meets. */
void world_note_end(struct sim_world *world, enum sim_stop stop, enum sim_call call);
/* The line of a process's end. */
void world_trace_end(struct sim_world *world);
/* Compute what is armed. */
void world_arm(struct sim_world *world);

static inline void world_trace(struct sim_world *world, enum sim_call call, unsigned result,
                               uint64_t a, uint64_t b, uint64_t data)
{
    if (!world->side) world_trace_slow(world, call, result, a, b, data);
}

/* decide.c */
bool decide_begin(struct sim_world *world, enum sim_stream stream, unsigned kind,
                  enum sim_call call, struct sim_decision *ret_decision);
/* Tell and record it. `tasks`: sim_asked.tasks, 0 but for SIM_KIND_PREEMPT. */
void decide_tell(struct sim_world *world, const struct sim_decision *decision, uint32_t bound,
                 uint64_t tasks);
uint64_t decide_hash(const struct sim_world *world, const struct sim_decision *address,
                     uint64_t plain_who);
uint32_t decide_below(uint64_t hash, uint32_t bound);
uint32_t decide_crash(struct sim_world *world, enum sim_call call);
void replay_begin(struct replay *replay, const struct sim_record *record, bool ask_all);
void replay_free(struct replay *replay);

static inline void decide_end(struct sim_world *world, const struct sim_decision *decision,
                              uint32_t bound)
{
    if (decision->outcome != 0 || world->options.asked != NULL)
        decide_tell(world, decision, bound, 0);
}

/* image.c */
void image_set_clear(struct image_set *set);
void image_set_free(struct image_set *set);

/* task.c, door.c, door_file.c, door_name.c: their rows of the table. */
void task_fill_ops(struct wal_io_ops *ops);
void door_fill_ops(struct wal_io_ops *ops);
void door_fill_file_ops(struct wal_io_ops *ops);
void door_fill_name_ops(struct wal_io_ops *ops);

/* door_name.c: forget all descriptors of the process. Returns how many were open. */
size_t descriptors_drop(struct sim_world *world);
/* Let go of what they hold on the disk; needed where another process lives on. */
void descriptors_release(struct sim_world *world);
/* Its locks are lost; the descriptors do not know. */
void descriptors_lose_locks(struct sim_world *world);

/* zombie.c */
/* The process that was paused becomes the zombie. */
void zombie_begin(struct sim_world *world);
/* Stop the process here; returns when it goes on. */
void zombie_pause(struct sim_world *world, enum sim_call call, bool loses_lock);
/* Its calls are used up, or it can only wait: back to who let it go on. Returns when it may again.
 */
void zombie_yield(struct sim_world *world);
/* Ask whether it goes on for some calls. */
void zombie_ask(struct sim_world *world, enum sim_call call);
void zombie_last_run(struct sim_world *world);
/* It is gone, and lets go of what it held unless power is lost. */
void zombie_bury(struct sim_world *world, enum sim_stop stop);

#endif
