/*
 * zombie.c - a process that was paused, and comes back while its successor runs.
 *
 * The world has room for two processes. Everything that is about "the process" goes through
 * world->process; to let the zombie go on is to point that at it and to switch to its current task,
 * on top of the call in which its successor is. It comes back from there when its steps are used up
 * (the limit that otherwise finds livelocks) or when it can only wait.
 */
#include "sim/world_internal.h"

void zombie_pause(struct sim_world *world, enum sim_call call, bool loses_lock)
{
    assert(world->zombie == NULL);
    if (loses_lock) descriptors_lose_locks(world);
    world_note_end(world, SIM_STOP_PAUSED, call);
    scheduler_pause(world);
}

void zombie_begin(struct sim_world *world)
{
    struct process *zombie = world->process;

    world->zombie = zombie;
    world->process = zombie == &world->processes[0] ? &world->processes[1] : &world->processes[0];
    world->process->instance = zombie->instance; /* Until the next one boots. */
    world_arm(world);
}

void zombie_yield(struct sim_world *world)
{
    assert(world_runs_zombie(world));
    scheduler_pause(world);
}

/* The call in which it waits is the first of `calls`. */
static void go_on(struct sim_world *world, uint32_t calls)
{
    struct process *successor = world->process;
    struct process *zombie = world->zombie;

    zombie->steps_max = zombie->steps + calls - 1;
    world->process = zombie;
    world_arm(world);
    scheduler_run(world);
    world->process = successor;
    if (zombie->end.stop != SIM_STOP_PAUSED) zombie_bury(world, zombie->end.stop);
    world_arm(world);
}

void zombie_ask(struct sim_world *world, enum sim_call call)
{
    bool boots = world->contexts.whos[world_context(world)].kind == SIM_WHO_BOOT;

    if (boots && world->options.resume_spares_boots) return;
    uint32_t calls = sim_decide_odds(world, SIM_STREAM_SCHEDULE, SIM_KIND_RESUME, call,
                                     world->options.resume_odds, SIM_ZOMBIE_CALLS_MAX);

    if (calls > 0) go_on(world, calls);
}

void zombie_last_run(struct sim_world *world)
{
    world->zombie_is_alone = true;
    go_on(world, SIM_ZOMBIE_CALLS_LAST);
    world->zombie_is_alone = false;
    sim_zombie_kill(world);
}

void zombie_bury(struct sim_world *world, enum sim_stop stop)
{
    struct process *successor = world->process;
    struct process *zombie = world->zombie;

    world->process = zombie;
    zombie->end.stop = stop;
    zombie->scheduler.current = NULL;
    world_trace_end(world);
    if (stop != SIM_STOP_POWER) descriptors_release(world);
    (void)descriptors_drop(world); /* How many it left open says nothing. */
    scheduler_clear(world);
    memory_reset(zombie->memory);
    world->steps += zombie->steps;
    zombie->steps = 0;
    world->process = successor;
    world->zombie = NULL;
    world_arm(world);
}

/* ---- For the harness ---- */

bool sim_has_zombie(const struct sim_world *world)
{
    return world->zombie != NULL;
}

bool sim_is_zombie(const struct sim_world *world)
{
    return world_runs_zombie(world);
}

void sim_zombie_kill(struct sim_world *world)
{
    assert(!world_runs_zombie(world));
    if (world->zombie != NULL) zombie_bury(world, SIM_STOP_KILLED);
}
