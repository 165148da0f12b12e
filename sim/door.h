/*
 * door.h - what every call through the door does before and after its own work.
 *
 * On entry, before any effect: a little time passes, the step is counted, another task may run,
 * the process may die (before, or it is noted that it shall die inside or after the call), a fault
 * may strike. On leaving: a line in the trace, and the death that was noted.
 */
#ifndef SIM_DOOR_H
#define SIM_DOOR_H

#include "sim/world_internal.h"

/* What a call must heed on its way. */
enum door_crash { DOOR_NO_CRASH, DOOR_CRASH_INSIDE, DOOR_CRASH_AFTER };

struct passage {
    enum door_crash crash;
    disk_inode inode;  /* Of the file that the call is about; -1: none. */
    enum sim_stop how; /* Of the crash: by power or the process alone. */
    const struct sim_outcome *outcome;
    struct sim_outcome drawn;
};

/* A paused process may go on here, and the current one die: at once if before the call. */
void door_alert(struct sim_world *world, enum sim_call call, struct passage *passage);
/* A livelock; a zombie waits until it is given more. */
void door_out_of_steps(struct sim_world *world, enum sim_call call);
/* Asks the faults. */
void door_strike(struct sim_world *world, enum sim_call call, const struct descriptor *file,
                 uint64_t offset, size_t len, struct passage *passage);

/* A call of the kind that was cut: is it the same one, going on? */
void door_go_on(struct wal_task *task, disk_inode inode);

extern const struct sim_outcome door_no_outcome;

/* `about`: the name of the file that the call is about, for the trace; NULL: none. */
static inline void door_enter_at(struct sim_world *world, enum sim_call call, disk_inode inode,
                                 const char *about, struct passage *passage)
{
    struct scheduler *scheduler = &world->process->scheduler;

    assert(scheduler->current != NULL);
    passage->crash = DOOR_NO_CRASH;
    passage->inode = inode;
    passage->outcome = &door_no_outcome;
    scheduler->current->about = about;
    if (inode != -1 && scheduler->current->cut_call == (unsigned)call + 1)
        door_go_on(scheduler->current, inode);
    world->now_ns += world->call_ns;
    if (++world->process->steps > world->process->steps_max) door_out_of_steps(world, call);
    if (scheduler->ready_count > 0 || scheduler->next_wake_ns <= world->now_ns)
        scheduler_point(world, call);
    if (world->alert_calls >> call & 1) door_alert(world, call, passage);
}

static inline void door_enter(struct sim_world *world, enum sim_call call, struct passage *passage)
{
    door_enter_at(world, call, -1, NULL, passage);
}

static inline void door_die(struct sim_world *world, enum sim_call call,
                            const struct passage *passage)
{
    world->process->dies_at = passage->inode;
    world_stop(world, passage->how, call);
}

/* A call without a line of its own in the trace. */
static inline void door_leave_quietly(struct sim_world *world, enum sim_call call,
                                      const struct passage *passage)
{
    if (passage->crash != DOOR_NO_CRASH) door_die(world, call, passage);
}

static inline void door_leave(struct sim_world *world, enum sim_call call,
                              const struct passage *passage, enum wal_err result, uint64_t a,
                              uint64_t b, uint64_t data)
{
    world_trace(world, call, result, a, b, data);
    if (passage->inode != -1) world->process->scheduler.current->retry = 0;
    door_leave_quietly(world, call, passage);
}

static inline bool door_struck_at(const struct sim_world *world, enum sim_call call)
{
    return (world->strike_calls >> call & 1) != 0;
}

/* What an identifier means. A wrong one is a bug of the caller. */
static inline struct descriptor *descriptor_of(struct sim_world *world, int32_t id,
                                               enum descriptor_kind kind)
{
    assert(id >= 0 && (uint32_t)id < world->process->descriptors_used);
    assert(world->process->descriptors[id].kind == kind);
    return &world->process->descriptors[id];
}

static inline struct descriptor *descriptor_file(struct sim_world *world, struct wal_file file)
{
    return descriptor_of(world, file.id, DESCRIPTOR_FILE);
}

static inline struct descriptor *descriptor_dir(struct sim_world *world, struct wal_dir dir)
{
    return descriptor_of(world, dir.id, DESCRIPTOR_DIR);
}

/* Memory that is accounted to the process. The decision whether it fails is asked at `call`; NULL:
 * it does. */
void *door_alloc(struct sim_world *world, enum sim_call call, size_t size);

#endif
