/*
 * world.c - runs, processes, and how they stop.
 *
 * A process stops in the middle of whatever it does: the current task leaves its stack for good,
 * and everything that belonged to the process is dropped from outside. No code of the process runs
 * any more.
 */
#include "sim/world.h"

#include <stdlib.h>
#include <string.h>

#include "sim/world_internal.h"

#define CRASH_CALLS_DEFAULT                                                                       \
    (SIM_CALL_BIT(PWRITE) | SIM_CALL_BIT(FDATASYNC) | SIM_CALL_BIT(FSYNC) |                       \
     SIM_CALL_BIT(FSYNC_DIR) | SIM_CALL_BIT(RENAME) | SIM_CALL_BIT(LINK) | SIM_CALL_BIT(UNLINK) | \
     SIM_CALL_BIT(OPEN) | SIM_CALL_BIT(FTRUNCATE) | SIM_CALL_BIT(FALLOCATE) |                     \
     SIM_CALL_BIT(MKDIR) | SIM_CALL_BIT(CLOSE) | SIM_CALL_BIT(LOCK) | SIM_CALL_BIT(LIST) |        \
     SIM_CALL_BIT(PREAD) | SIM_CALL_BIT(COND_SIGNAL) | SIM_CALL_BIT(MUTEX_UNLOCK))

/* Where others see what the call did, or it what others did. */
#define RESUME_CALLS                                                                              \
    (SIM_CALL_BIT(PWRITE) | SIM_CALL_BIT(FDATASYNC) | SIM_CALL_BIT(FSYNC) |                       \
     SIM_CALL_BIT(FSYNC_DIR) | SIM_CALL_BIT(RENAME) | SIM_CALL_BIT(LINK) | SIM_CALL_BIT(UNLINK) | \
     SIM_CALL_BIT(OPEN) | SIM_CALL_BIT(FTRUNCATE) | SIM_CALL_BIT(FALLOCATE) |                     \
     SIM_CALL_BIT(MKDIR) | SIM_CALL_BIT(CLOSE) | SIM_CALL_BIT(LOCK) | SIM_CALL_BIT(LIST) |        \
     SIM_CALL_BIT(PREAD))

/* One that the last run left; nobody listens any more. */
static void zombie_forget(struct sim_world *world)
{
    world->options.trace = NULL;
    if (world->zombie != NULL) zombie_bury(world, SIM_STOP_ABANDONED);
}

struct sim_world *sim_world_create(void)
{
    struct sim_world *world = calloc(1, sizeof *world);

    assert(world != NULL);
    task_fill_ops(&world->ops);
    door_fill_ops(&world->ops);
    door_fill_file_ops(&world->ops);
    door_fill_name_ops(&world->ops);
    world->io.ops = &world->ops;
    world->machine = disk_create();
    world->image = disk_create();
    world->copy = disk_create();
    for (int i = 0; i < 2; i++) memory_init(&world->processes[i].bump, MEMORY_BUMP);
    world->process = &world->processes[0];
    contexts_init(&world->contexts);
    scheduler_reset(world);
    return world;
}

void sim_world_destroy(struct sim_world *world)
{
    if (world == NULL) return;
    assert(world->process->scheduler.current == NULL);
    zombie_forget(world);
    fiber_pool_free(&world->stacks);
    for (int i = 0; i < 2; i++) {
        if (world->processes[i].arena_made) memory_destroy(&world->processes[i].arena);
        memory_destroy(&world->processes[i].bump);
    }
    disk_destroy(world->machine);
    disk_destroy(world->image);
    disk_destroy(world->copy);
    contexts_free(&world->contexts);
    sim_record_free(&world->record);
    sim_record_free(&world->image_record);
    replay_free(&world->replay);
    image_set_free(&world->images_seen);
    free(world);
}

void world_arm(struct sim_world *world)
{
    const struct sim_options *options = &world->options;
    uint64_t crash_calls = options->crash_calls != 0 ? options->crash_calls : CRASH_CALLS_DEFAULT;

    world->quiet = world->healed || world->side || world_runs_zombie(world);
    world->crash_calls = world->resume_calls = world->strike_calls = world->alert_calls = 0;
    world->alloc_odds = 0;
    if (world->quiet) return;
    if (options->strike != NULL) world->strike_calls = options->strike_calls;
    world->alloc_odds = options->alloc_odds;
    if (world->replay.record != NULL) {
        world->crash_calls = world->replay.crash_calls;
        if (options->asked != NULL) world->crash_calls |= crash_calls;
        if (world->replay.kinds[SIM_KIND_ALLOC]) world->alloc_odds = 1; /* So that it is asked. */
    } else if (options->crash_odds + options->kill_odds > 0 &&
               world->crashes < options->crashes_max) {
        world->crash_calls = crash_calls;
    }
    bool may_resume = world->replay.record != NULL ? world->replay.kinds[SIM_KIND_RESUME]
                                                   : options->resume_odds > 0;
    if (world->zombie != NULL && may_resume) world->resume_calls = RESUME_CALLS;
    world->alert_calls = world->crash_calls | world->resume_calls;
}

void sim_world_begin(struct sim_world *world, const struct sim_options *options)
{
    assert(world->process->scheduler.current == NULL);
    zombie_forget(world);
    world->options = *options;
    world->state = WORLD_IDLE;
    world->healed = world->side = world->crashed_in_boot = false;
    world->now_ns = world->steps = 0;
    world->wall_ns = options->wall_start_ns;
    world->call_ns = options->still_time ? 0 : CALL_NS;
    if (options->still_time) world->options.fsync_ns = 0;
    world->booted = world->process->instance = world->crashes = world->tasks_spawned = 0;
    world->processes[0].steps = world->processes[1].steps = 0;
    world->stopped_context = CONTEXT_NONE;
    world->disk = world->machine;
    world->policy_draws = 0;
    for (uint64_t i = 0; i < 4; i++) world->stream_seeds[i] = sim_mix(options->seed, i, 0);
    contexts_clear(&world->contexts, options->address_salt);
    world->record.count = world->image_record.count = 0;
    replay_begin(&world->replay, options->replay, options->asked != NULL);
    image_set_clear(&world->images_seen);
    trace_reset(&world->trace);
    memset(world->notes, 0, sizeof world->notes);
    disk_reset(world->machine, options->profile, options->space_bytes);
    if (options->chunk_bytes != 0) disk_set_chunk(world->machine, options->chunk_bytes);
    world_arm(world);
}

void sim_heal(struct sim_world *world)
{
    assert(world->process->scheduler.current == NULL);
    world->healed = true;
    sim_zombie_kill(world);
    world_arm(world);
}

/* ---- Processes ---- */

static void main_body(void *arg)
{
    struct sim_world *world = arg;

    world->process->entry(&world->io, world->process->arg);
}

static struct memory *memory_of(struct sim_world *world)
{
    struct process *process = world->process;

    if (world->side || world->options.bump_memory) return &process->bump;
    if (!process->arena_made) memory_init(&process->arena, MEMORY_ARENA);
    process->arena_made = true;
    return &process->arena;
}

static void process_start(struct sim_world *world, int32_t context,
                          void (*entry)(struct wal_io *io, void *arg), void *arg)
{
    struct process *process = world->process;

    process->steps = process->allocs = process->alloc_bytes = process->randoms = 0;
    process->steps_max = world->options.steps_max == 0 ? UINT64_MAX : world->options.steps_max;
    process->descriptors_used = 0;
    process->dies_at = -1;
    process->boot_context = context;
    process->memory = memory_of(world);
    process->memory->junk = world->options.junk;
    memory_reset(process->memory);
    process->entry = entry;
    process->arg = arg;
    scheduler_reset(world);
    struct wal_task *task = scheduler_add(world, "main", main_body, world);
    assert(task != NULL);
    task->own_context = task->context = context;
}

/* From boot to death; everything that was the process's is gone afterwards, unless it is paused. */
static void process_run(struct sim_world *world)
{
    struct process *process = world->process;
    struct scheduler *scheduler = &world->process->scheduler;

    scheduler->current = &scheduler->tasks[0];
    scheduler_run(world);
    struct sim_end *end = &process->end;
    world->stopped_context = scheduler->current->context;
    if (end->stop == SIM_STOP_PAUSED) return;
    scheduler->current = NULL;
    bool powerless = end->stop == SIM_STOP_POWER && !world->side;
    bool others_live = world->zombie != NULL && !world->side;
    if (!powerless && others_live) descriptors_release(world);
    size_t open = descriptors_drop(world);
    if (end->stop == SIM_STOP_DONE) {
        end->leaked_descriptors = open;
        end->leaked_blocks = process->memory->blocks;
        end->leaked_bytes = process->memory->bytes;
        for (unsigned i = 1; i < scheduler->slots_used; i++)
            end->leaked_blocks += scheduler->tasks[i].state != TASK_FREE;
    }
    scheduler_clear(world);
    memory_reset(process->memory);
    if (!powerless && !others_live) disk_process_died(world->disk);
}

void world_note_end(struct sim_world *world, enum sim_stop stop, enum sim_call call)
{
    const struct wal_task *task = world->process->scheduler.current;

    assert(task != NULL);
    world->process->end = (struct sim_end){
        .stop = stop,
        .call = call,
        .inode = world->process->dies_at,
        .operation = context_operation(world, task->context),
        .in_boot = world->contexts.whos[task->context].kind == SIM_WHO_BOOT,
    };
    memcpy(world->process->end.task, task->name, sizeof task->name);
}

_Noreturn void world_stop(struct sim_world *world, enum sim_stop stop, enum sim_call call)
{
    world_note_end(world, stop, call);
    scheduler_leave(world);
}

void world_trace_end(struct sim_world *world)
{
    const struct process *process = world->process;

    world_trace(world, process->end.call, SIM_TRACE_STOP, process->end.stop, process->steps,
                sim_mix(process->allocs, process->alloc_bytes, process->end.leaked_bytes));
}

static void put_down(struct sim_world *world, enum history_kind kind, bool flag)
{
    if (world->options.history == NULL) return;
    history_add(world->options.history,
                &(struct history_event){.kind = kind,
                                        .operation = HISTORY_NO_OPERATION,
                                        .instance = world->process->instance,
                                        .flag = flag,
                                        .time_ns = world->now_ns});
}

uint32_t sim_boot(struct sim_world *world, void (*entry)(struct wal_io *io, void *arg), void *arg)
{
    assert(world->state == WORLD_IDLE);
    world->state = WORLD_BOOTED;
    world->process->instance = ++world->booted;
    int32_t context = context_of_boot(&world->contexts, world->stopped_context);
    process_start(world, context, entry, arg);
    put_down(world, HISTORY_BOOTED, world->crashed_in_boot);
    return world->process->instance;
}

void sim_run(struct sim_world *world, struct sim_end *ret_end)
{
    const struct process *process = world->process;
    const struct sim_end *end = &process->end;

    assert(world->state == WORLD_BOOTED);
    world->state = WORLD_RUNNING;
    process_run(world);
    world->steps += process->steps;
    world->state = end->stop == SIM_STOP_POWER ? WORLD_POWERLESS : WORLD_IDLE;
    world_trace_end(world);
    world->process->steps = 0;
    world->crashed_in_boot = false;
    if (end->stop == SIM_STOP_POWER || end->stop == SIM_STOP_KILLED) {
        world->crashed_in_boot = end->in_boot;
        image_set_clear(&world->images_seen);
        put_down(world, HISTORY_CRASHED, end->stop == SIM_STOP_POWER);
    }
    *ret_end = *end;
    if (end->stop == SIM_STOP_PAUSED) {
        zombie_begin(world);
    } else if (world->zombie != NULL && end->stop == SIM_STOP_POWER) {
        zombie_bury(world, SIM_STOP_POWER);
    } else if (world->zombie != NULL && end->stop == SIM_STOP_DONE) {
        zombie_last_run(world);
    }
}

/* ---- On the side ---- */

static uint32_t choose_nothing(void *context, enum disk_question question, uint32_t bound)
{
    (void)context, (void)question, (void)bound;
    return 0;
}

static struct disk *copy_of_machine(struct sim_world *world)
{
    const struct disk_chooser keep_all = {.choose = choose_nothing, .modes = 1U << DISK_KEEP_ALL};

    (void)disk_image(world->machine, &keep_all, world->copy, NULL);
    return world->copy;
}

void sim_side_run(struct sim_world *world, struct disk *disk,
                  void (*entry)(struct wal_io *io, void *arg), void *arg, struct sim_end *ret_end)
{
    const uint64_t now_ns = world->now_ns;
    const int32_t context = world->stopped_context;

    assert(world->state == WORLD_IDLE || world->state == WORLD_POWERLESS);
    assert(context != CONTEXT_NONE);
    world->side = true;
    memset(world->side_notes, 0, sizeof world->side_notes);
    world_arm(world);
    world->disk = disk != NULL ? disk : copy_of_machine(world);
    process_start(world, context, entry, arg);
    process_run(world);
    uint64_t took_ns = world->now_ns - now_ns;
    world->disk = world->machine;
    world->now_ns = now_ns;
    world->side = false;
    world_arm(world);
    world_trace(world, world->process->end.call, SIM_TRACE_SIDE, world->process->end.stop,
                world->process->steps, took_ns);
    world->process->steps = 0;
    *ret_end = world->process->end;
}

/* ---- Called on a task ---- */

void sim_set_operation(struct sim_world *world, uint32_t operation)
{
    struct wal_task *task = world->process->scheduler.current;

    assert(task != NULL);
    if (world->side) return;
    task->owns_operation = operation != HISTORY_NO_OPERATION;
    task->context = task->owns_operation ? context_of_operation(&world->contexts, operation)
                                         : task->own_context;
}

void sim_set_left(struct sim_world *world, uint32_t operations)
{
    assert(world->process->scheduler.current != NULL);
    world->process->scheduler.current->left = operations;
}

uint32_t sim_operation(const struct sim_world *world)
{
    return context_operation(world, world_context(world));
}

_Noreturn void sim_power_off(struct sim_world *world)
{
    world_stop(world, SIM_STOP_POWER, SIM_CALL_HARNESS);
}

_Noreturn void sim_kill(struct sim_world *world)
{
    world_stop(world, SIM_STOP_KILLED, SIM_CALL_HARNESS);
}

_Noreturn void sim_abandon(struct sim_world *world)
{
    world_stop(world, SIM_STOP_ABANDONED, SIM_CALL_HARNESS);
}

void sim_inject(struct sim_world *world, const struct sim_injection *injection)
{
    if (world->options.history == NULL) return;
    history_add(world->options.history,
                &(struct history_event){.kind = HISTORY_INJECTED,
                                        .error = sim_error_class(injection->err),
                                        .operation = sim_operation(world),
                                        .instance = world->process->instance,
                                        .fault = injection->fault,
                                        .flag = injection->of_segment,
                                        .last_lsn = injection->durable_lsn,
                                        .time_ns = world->now_ns});
}

/* ---- The trace ---- */

void world_trace_slow(struct sim_world *world, enum sim_call call, unsigned result, uint64_t a,
                      uint64_t b, uint64_t data)
{
    const struct wal_task *task = world->process->scheduler.current;
    struct sim_trace_event *event = trace_next(&world->trace);

    event->time_ns = world->now_ns;
    event->a = a;
    event->b = b;
    event->data = data;
    event->task = task != NULL ? task->run_number : 0;
    event->call = (uint16_t)call;
    event->result = (uint16_t)result;
    event->operation = context_operation(world, world_context(world));
    event->instance = world->process->instance;
    if (world->options.trace != NULL) world->options.trace(world->options.trace_context, event);
    trace_add(&world->trace);
}

struct sim_digest sim_world_digest(struct sim_world *world)
{
    return trace_digest(&world->trace);
}

void sim_digest_add(struct sim_world *world, uint64_t a, uint64_t b)
{
    if (world->process->scheduler.current != NULL) world->process->scheduler.current->about = NULL;
    world_trace(world, SIM_CALL_HARNESS, SIM_TRACE_HARNESS, a, b, 0);
}

const char *sim_trace_name(const struct sim_world *world)
{
    const struct wal_task *task = world->process->scheduler.current;

    return task != NULL && task->about != NULL ? task->about : "";
}

const char *sim_trace_task(const struct sim_world *world)
{
    const struct wal_task *task = world->process->scheduler.current;

    return task != NULL ? task->name : "";
}

/* ---- Looking at it ---- */

struct disk *sim_disk(struct sim_world *world)
{
    return world->disk;
}

struct wal_io *sim_io(struct sim_world *world)
{
    return &world->io;
}

struct history *sim_history(struct sim_world *world)
{
    return world->options.history;
}

uint32_t sim_instance(const struct sim_world *world)
{
    return world->process->instance;
}

uint64_t sim_now_ns(const struct sim_world *world)
{
    return world->now_ns;
}

uint64_t sim_steps(const struct sim_world *world)
{
    if (world->side) return world->steps;
    return world->steps + world->processes[0].steps + world->processes[1].steps;
}

uint32_t sim_crashes(const struct sim_world *world)
{
    return world->crashes;
}

int32_t sim_context(const struct sim_world *world)
{
    return world_context(world);
}

bool sim_in_side_run(const struct sim_world *world)
{
    return world->side;
}

const struct sim_record *sim_world_record(const struct sim_world *world)
{
    return &world->record;
}

const struct sim_who *sim_world_whos(const struct sim_world *world, size_t *ret_count)
{
    *ret_count = world->contexts.count;
    return world->contexts.whos;
}

const uint32_t *sim_notes(const struct sim_world *world)
{
    return world->notes;
}

const uint32_t *sim_side_notes(const struct sim_world *world)
{
    return world->side_notes;
}
