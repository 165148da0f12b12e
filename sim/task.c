/*
 * task.c - tasks, locks, conditions, cancelling and sleep.
 *
 * Locks are not handed over: whoever unlocks wakes the first that waits, and another may come
 * before it. Conditions may wake without cause. Locks, conditions and cancel flags are memory of
 * the process, so that one which is not destroyed is a leak and one used afterwards is found.
 */
#include <string.h>

#include "sim/door.h"

enum { SPURIOUS_ODDS = 512 };

struct wal_mutex {
    struct wal_task *owner;
    struct wait_queue waiters;
};

struct wal_cond {
    struct wait_queue waiters;
};

struct wal_cancel {
    bool fired;
    struct wait_queue waiters; /* Those who sleep. */
};

/* ---- Contexts ---- */

/* A task that sleeps forgets for whom it acted; see decide.h. */
static void context_woken(struct sim_world *world, struct wal_task *task)
{
    if (task->adopts && !task->owns_operation)
        task->context = world->process->scheduler.current->context;
}

static void context_timed_out(struct wal_task *task)
{
    if (task->adopts && !task->owns_operation) task->context = task->own_context;
}

static void wake_first(struct sim_world *world, struct wait_queue *queue, uint32_t which)
{
    struct wal_task *task = scheduler_waiter(world, queue, which);

    context_woken(world, task);
    scheduler_wake(world, task, TASK_WAKE_TOLD);
}

/* ---- Tasks ---- */

static enum wal_err task_spawn(struct wal_io *io, const char *name, void (*entry)(void *arg),
                               void *arg, struct wal_task **ret_task)
{
    struct sim_world *world = world_of(io);
    struct passage passage;
    enum wal_err err = WAL_NOMEM;

    door_enter(world, SIM_CALL_SPAWN, &passage);
    const struct wal_task *spawner = world->process->scheduler.current;
    if (sim_decide_odds(world, SIM_STREAM_FAULT, SIM_KIND_ALLOC, SIM_CALL_SPAWN, world->alloc_odds,
                        1) != 0) {
        sim_inject(world, &(struct sim_injection){.fault = SIM_FAULT_NOMEM, .err = WAL_NOMEM});
        goto out;
    }
    struct wal_task *task = scheduler_add(world, name, entry, arg);
    if (task == NULL) goto out;
    task->adopts = true;
    task->own_context =
        world->quiet ? spawner->own_context
                     : context_of_task(&world->contexts, world->process->boot_context, task->name);
    task->context = spawner->context;
    task->left = spawner->left;
    *ret_task = task;
    err = WAL_OK;
out:
    door_leave(world, SIM_CALL_SPAWN, &passage, err, world->process->scheduler.spawned, 0, 0);
    return err;
}

static void task_join(struct wal_io *io, struct wal_task *task)
{
    struct sim_world *world = world_of(io);
    struct passage passage;

    door_enter(world, SIM_CALL_JOIN, &passage);
    assert(task->joiner == NULL);
    assert(task != world->process->scheduler.current);
    if (task->state != TASK_ENDED) {
        task->joiner = world->process->scheduler.current;
        scheduler_block(world, SIM_CALL_JOIN, NULL, UINT64_MAX);
    }
    uint32_t number = task->number;
    scheduler_remove(world, task);
    door_leave(world, SIM_CALL_JOIN, &passage, WAL_OK, number, 0, 0);
}

/* ---- Locks ---- */

static void *sync_create(struct sim_world *world, size_t size, struct passage *passage)
{
    door_enter(world, SIM_CALL_SYNC_CREATE, passage);
    return door_alloc(world, SIM_CALL_SYNC_CREATE, size);
}

static void sync_destroy(struct sim_world *world, void *memory, size_t size)
{
    struct passage passage;

    door_enter(world, SIM_CALL_SYNC_DESTROY, &passage);
    memory_free(world->process->memory, memory, size);
    door_leave_quietly(world, SIM_CALL_SYNC_DESTROY, &passage);
}

static enum wal_err mutex_create(struct wal_io *io, struct wal_mutex **ret_mutex)
{
    struct passage passage;
    struct wal_mutex *mutex = sync_create(world_of(io), sizeof *mutex, &passage);

    if (mutex != NULL) {
        *mutex = (struct wal_mutex){NULL, WAIT_QUEUE_EMPTY};
        *ret_mutex = mutex;
    }
    door_leave_quietly(world_of(io), SIM_CALL_SYNC_CREATE, &passage);
    return mutex == NULL ? WAL_NOMEM : WAL_OK;
}

static void mutex_destroy(struct wal_io *io, struct wal_mutex *mutex)
{
    assert(mutex->owner == NULL);
    assert(mutex->waiters.count == 0);
    sync_destroy(world_of(io), mutex, sizeof *mutex);
}

static void take(struct sim_world *world, struct wal_mutex *mutex)
{
    assert(mutex->owner != world->process->scheduler.current);
    while (mutex->owner != NULL)
        scheduler_block(world, SIM_CALL_MUTEX_LOCK, &mutex->waiters, UINT64_MAX);
    mutex->owner = world->process->scheduler.current;
    fiber_race_acquire(mutex);
}

static void give(struct sim_world *world, struct wal_mutex *mutex)
{
    assert(mutex->owner == world->process->scheduler.current);
    fiber_race_release(mutex);
    mutex->owner = NULL;
    if (mutex->waiters.count > 0)
        scheduler_wake(world, scheduler_waiter(world, &mutex->waiters, 0), TASK_WAKE_TOLD);
}

static void mutex_lock(struct wal_io *io, struct wal_mutex *mutex)
{
    struct sim_world *world = world_of(io);
    struct passage passage;

    door_enter(world, SIM_CALL_MUTEX_LOCK, &passage);
    take(world, mutex);
    door_leave(world, SIM_CALL_MUTEX_LOCK, &passage, WAL_OK, 0, 0, 0);
}

static void mutex_unlock(struct wal_io *io, struct wal_mutex *mutex)
{
    struct sim_world *world = world_of(io);
    struct passage passage;

    door_enter(world, SIM_CALL_MUTEX_UNLOCK, &passage);
    give(world, mutex);
    door_leave(world, SIM_CALL_MUTEX_UNLOCK, &passage, WAL_OK, 0, 0, 0);
}

/* ---- Conditions ---- */

static enum wal_err cond_create(struct wal_io *io, struct wal_cond **ret_cond)
{
    struct passage passage;
    struct wal_cond *cond = sync_create(world_of(io), sizeof *cond, &passage);

    if (cond != NULL) {
        cond->waiters = WAIT_QUEUE_EMPTY;
        *ret_cond = cond;
    }
    door_leave_quietly(world_of(io), SIM_CALL_SYNC_CREATE, &passage);
    return cond == NULL ? WAL_NOMEM : WAL_OK;
}

static void cond_destroy(struct wal_io *io, struct wal_cond *cond)
{
    assert(cond->waiters.count == 0);
    sync_destroy(world_of(io), cond, sizeof *cond);
}

static bool left_to_chance(const struct sim_world *world)
{
    return world->options.policy != SIM_POLICY_FIRST || world->replay.record != NULL;
}

static bool wakes_without_cause(struct sim_world *world)
{
    uint32_t odds = left_to_chance(world) ? SPURIOUS_ODDS : 0;

    return sim_decide_odds(world, SIM_STREAM_SCHEDULE, SIM_KIND_WAKE, SIM_CALL_COND_WAIT, odds,
                           1) != 0;
}

static enum wal_err cond_wait(struct wal_io *io, struct wal_cond *cond, struct wal_mutex *mutex,
                              uint64_t deadline_ns, struct wal_cancel *cancel)
{
    struct sim_world *world = world_of(io);
    struct wal_task *current = world->process->scheduler.current;
    struct passage passage;
    enum wal_err err = WAL_OK;

    door_enter(world, SIM_CALL_COND_WAIT, &passage);
    bool spurious = wakes_without_cause(world);
    give(world, mutex);
    if (spurious || (cancel != NULL && cancel->fired)) {
        scheduler_point(world, SIM_CALL_COND_WAIT);
    } else {
        current->cancel = cancel;
        scheduler_block(world, SIM_CALL_COND_WAIT, &cond->waiters, deadline_ns);
        current->cancel = NULL;
        if (current->wake == TASK_WAKE_TIMER) {
            context_timed_out(current);
            err = WAL_TIMEOUT;
        }
    }
    take(world, mutex);
    if (cancel != NULL && cancel->fired) {
        fiber_race_acquire(cancel);
        err = WAL_CANCELLED;
    }
    door_leave(world, SIM_CALL_COND_WAIT, &passage, err, deadline_ns, 0, 0);
    return err;
}

static void cond_signal(struct wal_io *io, struct wal_cond *cond)
{
    struct sim_world *world = world_of(io);
    struct passage passage;
    uint32_t which = 0;

    door_enter(world, SIM_CALL_COND_SIGNAL, &passage);
    if (cond->waiters.count > 1 && left_to_chance(world)) {
        which = sim_decide(world, SIM_STREAM_SCHEDULE, SIM_KIND_WAKE, SIM_CALL_COND_SIGNAL,
                           cond->waiters.count);
    }
    if (cond->waiters.count > 0) wake_first(world, &cond->waiters, which);
    door_leave(world, SIM_CALL_COND_SIGNAL, &passage, WAL_OK, 0, 0, 0);
}

static void cond_broadcast(struct wal_io *io, struct wal_cond *cond)
{
    struct sim_world *world = world_of(io);
    struct passage passage;

    door_enter(world, SIM_CALL_COND_BROADCAST, &passage);
    while (cond->waiters.count > 0) wake_first(world, &cond->waiters, 0);
    door_leave(world, SIM_CALL_COND_BROADCAST, &passage, WAL_OK, 0, 0, 0);
}

/* ---- Cancelling and sleep ---- */

static enum wal_err cancel_create(struct wal_io *io, struct wal_cancel **ret_cancel)
{
    struct passage passage;
    struct wal_cancel *cancel = sync_create(world_of(io), sizeof *cancel, &passage);

    if (cancel != NULL) {
        *cancel = (struct wal_cancel){false, WAIT_QUEUE_EMPTY};
        *ret_cancel = cancel;
    }
    door_leave_quietly(world_of(io), SIM_CALL_SYNC_CREATE, &passage);
    return cancel == NULL ? WAL_NOMEM : WAL_OK;
}

static void cancel_destroy(struct wal_io *io, struct wal_cancel *cancel)
{
    assert(cancel->waiters.count == 0);
    sync_destroy(world_of(io), cancel, sizeof *cancel);
}

/* Those who wait for a condition with this flag, in the order of their slots. */
static void wake_cancelled(struct sim_world *world, const struct wal_cancel *cancel)
{
    struct scheduler *scheduler = &world->process->scheduler;

    for (uint32_t i = 0; i < scheduler->slots_used; i++) {
        struct wal_task *task = &scheduler->tasks[i];
        if (task->state != TASK_BLOCKED || task->cancel != cancel) continue;
        context_woken(world, task);
        scheduler_wake(world, task, TASK_WAKE_TOLD);
    }
}

static void cancel_fire(struct wal_io *io, struct wal_cancel *cancel)
{
    struct sim_world *world = world_of(io);
    struct passage passage;

    door_enter(world, SIM_CALL_CANCEL_FIRE, &passage);
    fiber_race_release(cancel);
    cancel->fired = true;
    while (cancel->waiters.count > 0) wake_first(world, &cancel->waiters, 0);
    wake_cancelled(world, cancel);
    door_leave(world, SIM_CALL_CANCEL_FIRE, &passage, WAL_OK, 0, 0, 0);
}

static bool cancel_fired(struct wal_io *io, struct wal_cancel *cancel)
{
    struct sim_world *world = world_of(io);
    struct passage passage;

    door_enter(world, SIM_CALL_CANCEL_FIRED, &passage);
    bool fired = cancel->fired;
    if (fired) fiber_race_acquire(cancel);
    door_leave_quietly(world, SIM_CALL_CANCEL_FIRED, &passage);
    return fired;
}

static enum wal_err task_sleep(struct wal_io *io, uint64_t duration_ns, struct wal_cancel *cancel)
{
    struct sim_world *world = world_of(io);
    struct wal_task *current = world->process->scheduler.current;
    struct passage passage;
    enum wal_err err = WAL_OK;

    door_enter(world, SIM_CALL_SLEEP, &passage);
    uint64_t wake_ns = world->now_ns + duration_ns;
    if (wake_ns < duration_ns) wake_ns = UINT64_MAX - 1;
    if (cancel == NULL || !cancel->fired) {
        scheduler_block(world, SIM_CALL_SLEEP, cancel == NULL ? NULL : &cancel->waiters, wake_ns);
        if (current->wake == TASK_WAKE_TIMER) context_timed_out(current);
    }
    if (cancel != NULL && cancel->fired) {
        fiber_race_acquire(cancel);
        err = WAL_CANCELLED;
    }
    door_leave(world, SIM_CALL_SLEEP, &passage, err, duration_ns, 0, 0);
    return err;
}

void task_fill_ops(struct wal_io_ops *ops)
{
    ops->spawn = task_spawn;
    ops->join = task_join;
    ops->mutex_create = mutex_create;
    ops->mutex_destroy = mutex_destroy;
    ops->mutex_lock = mutex_lock;
    ops->mutex_unlock = mutex_unlock;
    ops->cond_create = cond_create;
    ops->cond_destroy = cond_destroy;
    ops->cond_wait = cond_wait;
    ops->cond_signal = cond_signal;
    ops->cond_broadcast = cond_broadcast;
    ops->cancel_create = cancel_create;
    ops->cancel_destroy = cancel_destroy;
    ops->cancel_fire = cancel_fire;
    ops->cancel_fired = cancel_fired;
    ops->sleep = task_sleep;
}
