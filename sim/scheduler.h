/*
 * scheduler.h - which task of the process runs next, and the time that passes while none can.
 *
 * Every call through the door is a scheduling point, and so is everything that blocks. Where two or
 * more tasks could go on (a contested point) the policy of the run proposes one, and what is
 * recorded is who runs next, by name: 0 for the tame answer, that is the current task or, if it
 * cannot go on, the one that could run longest; else 1 plus the task's number in its process, which
 * is the order of spawning. The policy's own draws are not decisions. When nobody can run, time
 * jumps to the next timer.
 */
#ifndef SIM_SCHEDULER_H
#define SIM_SCHEDULER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/fiber.h"
#include "sim/world.h"

enum {
    TASKS_MAX = 64, /* Alive in a process at the same time, and not yet joined. */
    TASK_NONE = -1,
    TASK_NAME_BYTES = 16,
};

enum task_state { TASK_FREE, TASK_RUNNABLE, TASK_BLOCKED, TASK_ENDED };
enum task_wake { TASK_WAKE_TOLD, TASK_WAKE_TIMER };

/* Tasks that wait for the same thing, the longest first. Linked by slot. */
struct wait_queue {
    int8_t head, tail;
    uint8_t count;
};
#define WAIT_QUEUE_EMPTY ((struct wait_queue){TASK_NONE, TASK_NONE, 0})

struct wal_task {
    struct fiber fiber;
    struct sim_world *world;
    void (*entry)(void *arg);
    void *arg;
    enum task_state state;
    enum task_wake wake;
    uint32_t number;     /* In its process, by order of spawning. */
    uint32_t run_number; /* In the run. */
    int32_t own_context;
    int32_t context;     /* Whom it acts for. */
    bool owns_operation; /* It was told to act for an operation. */
    bool adopts;         /* It acts for whoever wakes it; the main task does not. */
    uint64_t priority;   /* PCT. */
    uint32_t left;       /* Operations that it has left; 0: it never said. */
    uint8_t retry;       /* SIM_CALL_RETRY while its call goes on with the last one; else 0. */
    uint8_t cut_call;    /* The last call that was cut short or interrupted, plus 1; 0: none. */
    disk_inode cut_inode;
    int32_t cut_context;
    const char *about; /* The name of the file that its call is about; NULL: none. */
    uint8_t slot;
    int8_t next;                     /* In the queue in which it waits. */
    bool timed;                      /* It is among the sleepers. */
    struct wait_queue *queue;        /* NULL: it waits in none. */
    const struct wal_cancel *cancel; /* While it waits for a condition with one. */
    struct wal_task *joiner;
    char name[TASK_NAME_BYTES];
};

struct sleeper {
    uint64_t wake_ns;
    uint8_t slot;
};

struct scheduler {
    struct wal_task *current; /* NULL: no process runs. */
    uint64_t next_wake_ns;    /* Of the first sleeper; UINT64_MAX: none. */
    uint8_t ready_count;      /* Who can run beside the current one, the longest first. */
    uint8_t sleeper_count;    /* Latest first. */
    uint8_t slots_used;       /* Slots from here on were never used. */
    uint8_t live;             /* Tasks that have not ended. */
    uint32_t spawned;
    uint32_t contested; /* Contested points so far. */
    uint64_t low;       /* PCT: the lowest priority given so far. */
    uint8_t ready[TASKS_MAX];
    struct sleeper sleepers[TASKS_MAX];
    struct wal_task tasks[TASKS_MAX];
    struct fiber thread; /* Who let the process run. */
};

#define PRIORITY_FRESH (UINT64_C(1) << 63) /* PCT: above all that were lowered. */

/* policy.c: whom the policy of the run would let go on. SIM_POLICY_FIRST is not asked. */
void policy_task_added(struct sim_world *world, struct wal_task *task);
struct wal_task *policy_propose(struct sim_world *world, bool may_stay);

/* No tasks. */
void scheduler_reset(struct sim_world *world);
/* Kill whoever is left; give all stacks back. Not to be called on a task. */
void scheduler_clear(struct sim_world *world);

/* A new task that can run; NULL: there are TASKS_MAX already. */
struct wal_task *scheduler_add(struct sim_world *world, const char *name, void (*entry)(void *arg),
                               void *arg);
/* Its slot can be used again; it has ended. */
void scheduler_remove(struct sim_world *world, struct wal_task *task);

/* Switch from here to the current task; returns when the process stops or pauses. */
void scheduler_run(struct sim_world *world);
/* Switch from the current task back to there, */
void scheduler_pause(struct sim_world *world);
/* or for good. */
_Noreturn void scheduler_leave(struct sim_world *world);

/* The current task could go on, but maybe another one does first. */
void scheduler_point(struct sim_world *world, enum sim_call call);
/* The current task cannot go on until it is woken. How it was: task->wake. */
void scheduler_block(struct sim_world *world, enum sim_call call, struct wait_queue *queue,
                     uint64_t wake_ns);
/* The current task has ended. */
_Noreturn void scheduler_end_task(struct sim_world *world);
/* Let time pass for the current task. */
void scheduler_pass(struct sim_world *world, enum sim_call call, uint64_t duration_ns);

void scheduler_wake(struct sim_world *world, struct wal_task *task, enum task_wake how);
/* The i-th that waits, the longest is 0. */
struct wal_task *scheduler_waiter(struct sim_world *world, const struct wait_queue *queue,
                                  uint32_t i);

#endif
