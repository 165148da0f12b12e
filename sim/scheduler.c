/*
 * scheduler.c - who runs next: see scheduler.h.
 *
 * Few tasks are alive at a time, so the queues are small arrays, and a point at which nobody else
 * can run costs two comparisons (door.h).
 */
#include "sim/scheduler.h"

#include <stdlib.h>
#include <string.h>

#include "sim/world_internal.h"

void scheduler_reset(struct sim_world *world)
{
    struct scheduler *scheduler = &world->process->scheduler;

    scheduler->current = NULL;
    scheduler->next_wake_ns = UINT64_MAX;
    scheduler->ready_count = scheduler->sleeper_count = 0;
    scheduler->slots_used = scheduler->live = 0;
    scheduler->spawned = scheduler->contested = 0;
    scheduler->low = PRIORITY_FRESH;
}

void scheduler_clear(struct sim_world *world)
{
    struct scheduler *scheduler = &world->process->scheduler;

    for (unsigned i = 0; i < scheduler->slots_used; i++) {
        struct wal_task *task = &scheduler->tasks[i];
        if (task->state != TASK_FREE) fiber_drop(&world->stacks, &task->fiber);
        task->state = TASK_FREE;
    }
    scheduler_reset(world);
}

/* ---- Queues ---- */

static void ready_push(struct scheduler *scheduler, struct wal_task *task)
{
    assert(scheduler->ready_count < TASKS_MAX);
    scheduler->ready[scheduler->ready_count++] = task->slot;
}

static void ready_take(struct scheduler *scheduler, const struct wal_task *task)
{
    unsigned i = 0;

    while (scheduler->ready[i] != task->slot) i++;
    assert(i < scheduler->ready_count);
    scheduler->ready_count--;
    memmove(&scheduler->ready[i], &scheduler->ready[i + 1], scheduler->ready_count - i);
}

static void sleepers_changed(struct scheduler *scheduler)
{
    unsigned count = scheduler->sleeper_count;

    scheduler->next_wake_ns = count == 0 ? UINT64_MAX : scheduler->sleepers[count - 1].wake_ns;
}

/* Of those that wake at the same time the one that slept longest is first. */
static void sleepers_add(struct scheduler *scheduler, struct wal_task *task, uint64_t wake_ns)
{
    unsigned i = scheduler->sleeper_count++;

    assert(i < TASKS_MAX);
    for (; i > 0 && scheduler->sleepers[i - 1].wake_ns <= wake_ns; i--)
        scheduler->sleepers[i] = scheduler->sleepers[i - 1];
    scheduler->sleepers[i] = (struct sleeper){wake_ns, task->slot};
    task->timed = true;
    sleepers_changed(scheduler);
}

static void sleepers_take(struct scheduler *scheduler, struct wal_task *task)
{
    unsigned i = 0;

    while (scheduler->sleepers[i].slot != task->slot) i++;
    assert(i < scheduler->sleeper_count);
    scheduler->sleeper_count--;
    memmove(&scheduler->sleepers[i], &scheduler->sleepers[i + 1],
            (scheduler->sleeper_count - i) * sizeof scheduler->sleepers[0]);
    task->timed = false;
    sleepers_changed(scheduler);
}

static void queue_add(struct scheduler *scheduler, struct wait_queue *queue, struct wal_task *task)
{
    task->queue = queue;
    task->next = TASK_NONE;
    if (queue->tail == TASK_NONE) {
        queue->head = (int8_t)task->slot;
    } else {
        scheduler->tasks[queue->tail].next = (int8_t)task->slot;
    }
    queue->tail = (int8_t)task->slot;
    queue->count++;
}

static void queue_take(struct scheduler *scheduler, struct wal_task *task)
{
    struct wait_queue *queue = task->queue;
    int8_t before = TASK_NONE;

    for (int8_t at = queue->head; at != (int8_t)task->slot; at = scheduler->tasks[at].next)
        before = at;
    if (before == TASK_NONE) {
        queue->head = task->next;
    } else {
        scheduler->tasks[before].next = task->next;
    }
    if (queue->tail == (int8_t)task->slot) queue->tail = before;
    queue->count--;
    task->queue = NULL;
}

struct wal_task *scheduler_waiter(struct sim_world *world, const struct wait_queue *queue,
                                  uint32_t i)
{
    assert(i < queue->count);
    struct wal_task *task = &world->process->scheduler.tasks[queue->head];
    for (; i > 0; i--) task = &world->process->scheduler.tasks[task->next];
    return task;
}

/* ---- Tasks ---- */

static void task_body(void *arg)
{
    struct wal_task *task = arg;

    fiber_race_acquire(task);
    task->entry(task->arg);
    fiber_race_release(task);
    scheduler_end_task(task->world);
}

struct wal_task *scheduler_add(struct sim_world *world, const char *name, void (*entry)(void *arg),
                               void *arg)
{
    struct scheduler *scheduler = &world->process->scheduler;
    unsigned slot = 0;

    while (slot < scheduler->slots_used && scheduler->tasks[slot].state != TASK_FREE) slot++;
    if (slot == TASKS_MAX) return NULL;
    if (slot == scheduler->slots_used) scheduler->slots_used++;
    struct wal_task *task = &scheduler->tasks[slot];
    size_t len = strlen(name);
    if (len >= sizeof task->name) len = sizeof task->name - 1;
    memset(task, 0, sizeof *task);
    memcpy(task->name, name, len);
    fiber_init(&task->fiber, task_body, task);
    task->world = world;
    task->entry = entry;
    task->arg = arg;
    task->state = TASK_RUNNABLE;
    task->number = scheduler->spawned++;
    task->run_number = world->side ? 0 : ++world->tasks_spawned;
    task->slot = (uint8_t)slot;
    task->next = TASK_NONE;
    policy_task_added(world, task);
    scheduler->live++;
    fiber_race_release(task);
    if (scheduler->current != NULL) ready_push(scheduler, task);
    return task;
}

void scheduler_remove(struct sim_world *world, struct wal_task *task)
{
    assert(task->state == TASK_ENDED);
    fiber_race_acquire(task);
    fiber_drop(&world->stacks, &task->fiber);
    task->state = TASK_FREE;
}

/* ---- Choosing ---- */

static void wake_due(struct sim_world *world)
{
    struct scheduler *scheduler = &world->process->scheduler;

    while (scheduler->next_wake_ns <= world->now_ns) {
        const struct sleeper *first = &scheduler->sleepers[scheduler->sleeper_count - 1];
        scheduler_wake(world, &scheduler->tasks[first->slot], TASK_WAKE_TIMER);
    }
}

/* Who can run and has this number; else `tame`. */
static struct wal_task *named(struct scheduler *scheduler, uint32_t outcome, struct wal_task *tame)
{
    for (unsigned i = 0; i < scheduler->ready_count; i++) {
        struct wal_task *task = &scheduler->tasks[scheduler->ready[i]];
        if (task->number + 1 == outcome) return task;
    }
    return tame;
}

/* The outcomes that name somebody; numbers from 63 on have no bit. */
static uint64_t legal(const struct scheduler *scheduler, const struct wal_task *tame)
{
    uint64_t outcomes = 1;

    for (unsigned i = 0; i < scheduler->ready_count; i++) {
        const struct wal_task *task = &scheduler->tasks[scheduler->ready[i]];
        if (task != tame && task->number < 63) outcomes |= UINT64_C(2) << task->number;
    }
    return outcomes;
}

/* Take who runs next out of the ready ones (unless it is the current task that stays). */
static struct wal_task *choose(struct sim_world *world, enum sim_call call, bool may_stay)
{
    struct scheduler *scheduler = &world->process->scheduler;
    struct wal_task *tame = may_stay ? scheduler->current : &scheduler->tasks[scheduler->ready[0]];
    struct wal_task *next = tame;
    struct sim_decision decision;

    if (scheduler->ready_count + (may_stay ? 1 : 0) > 1 &&
        decide_begin(world, SIM_STREAM_SCHEDULE, SIM_KIND_PREEMPT, call, &decision)) {
        scheduler->contested++;
        if (world->replay.record != NULL) {
            next = named(scheduler, decision.outcome, tame);
        } else if (world->options.policy != SIM_POLICY_FIRST) {
            next = policy_propose(world, may_stay);
        }
        decision.outcome = next == tame ? 0 : 1 + next->number;
        if (decision.outcome != 0 || world->options.asked != NULL)
            decide_tell(world, &decision, scheduler->spawned + 1, legal(scheduler, tame));
    }
    if (!may_stay || next != scheduler->current) ready_take(scheduler, next);
    return next;
}

static void switch_to(struct sim_world *world, struct wal_task *next)
{
    struct scheduler *scheduler = &world->process->scheduler;
    struct wal_task *current = scheduler->current;

    if (next == current) return;
    scheduler->current = next;
    fiber_race_release(&scheduler->thread); /* Who looks when the process is dead sees all. */
    fiber_switch(&world->stacks, &current->fiber, &next->fiber);
}

/* Somebody else, or whoever is woken first; the current task cannot go on. */
static struct wal_task *next_runnable(struct sim_world *world, enum sim_call call)
{
    struct scheduler *scheduler = &world->process->scheduler;

    wake_due(world);
    while (scheduler->ready_count == 0) {
        if (scheduler->sleeper_count == 0) world_stop(world, SIM_STOP_DEADLOCK, call);
        if (zombie_has_company(world)) {
            zombie_yield(world);
            wake_due(world);
            continue;
        }
        world->now_ns = scheduler->next_wake_ns;
        wake_due(world);
    }
    return choose(world, call, false);
}

void scheduler_point(struct sim_world *world, enum sim_call call)
{
    struct scheduler *scheduler = &world->process->scheduler;

    wake_due(world);
    if (scheduler->ready_count == 0) return;
    struct wal_task *current = scheduler->current;
    struct wal_task *next = choose(world, call, true);
    if (next == current) return;
    ready_push(scheduler, current);
    switch_to(world, next);
}

void scheduler_block(struct sim_world *world, enum sim_call call, struct wait_queue *queue,
                     uint64_t wake_ns)
{
    struct scheduler *scheduler = &world->process->scheduler;
    struct wal_task *current = scheduler->current;

    current->state = TASK_BLOCKED;
    if (queue != NULL) queue_add(scheduler, queue, current);
    if (wake_ns != UINT64_MAX) sleepers_add(scheduler, current, wake_ns);
    switch_to(world, next_runnable(world, call));
}

void scheduler_pass(struct sim_world *world, enum sim_call call, uint64_t duration_ns)
{
    const struct scheduler *scheduler = &world->process->scheduler;
    uint64_t wake_ns = world->now_ns + duration_ns;

    if (duration_ns == 0) return;
    if (wake_ns < world->now_ns) wake_ns = UINT64_MAX - 1;
    if (scheduler->ready_count == 0 && wake_ns < scheduler->next_wake_ns &&
        !zombie_has_company(world)) {
        world->now_ns = wake_ns;
        return;
    }
    scheduler_block(world, call, NULL, wake_ns);
}

void scheduler_wake(struct sim_world *world, struct wal_task *task, enum task_wake how)
{
    struct scheduler *scheduler = &world->process->scheduler;

    assert(task->state == TASK_BLOCKED);
    if (task->timed) sleepers_take(scheduler, task);
    if (task->queue != NULL) queue_take(scheduler, task);
    task->state = TASK_RUNNABLE;
    task->wake = how;
    ready_push(scheduler, task);
}

_Noreturn void scheduler_end_task(struct sim_world *world)
{
    struct scheduler *scheduler = &world->process->scheduler;
    struct wal_task *current = scheduler->current;

    current->state = TASK_ENDED;
    current->about = NULL;
    world_trace(world, SIM_CALL_TASK_END, 0, current->number, 0, 0);
    scheduler->live--;
    if (current->joiner != NULL) scheduler_wake(world, current->joiner, TASK_WAKE_TOLD);
    if (scheduler->live == 0) world_stop(world, SIM_STOP_DONE, SIM_CALL_TASK_END);
    switch_to(world, next_runnable(world, SIM_CALL_TASK_END));
    assert(0 && "an ended task ran");
    abort();
}

void scheduler_run(struct sim_world *world)
{
    struct scheduler *scheduler = &world->process->scheduler;

    fiber_init_thread(&scheduler->thread);
    fiber_switch(&world->stacks, &scheduler->thread, &scheduler->current->fiber);
    fiber_race_acquire(&scheduler->thread);
}

void scheduler_pause(struct sim_world *world)
{
    struct scheduler *scheduler = &world->process->scheduler;

    fiber_race_release(&scheduler->thread);
    fiber_switch(&world->stacks, &scheduler->current->fiber, &scheduler->thread);
}

_Noreturn void scheduler_leave(struct sim_world *world)
{
    scheduler_pause(world);
    assert(0 && "a stopped process ran");
    abort();
}
