/*
 * door.c - entering and leaving, and the calls for time, chance and memory.
 *
 * io_random is a hash of the seed, of whom it is asked for and of how often: it is no decision, and
 * replay does not change it, so a reproducer carries the seed for it.
 */
#include "sim/door.h"

#include <string.h>

const struct sim_outcome door_no_outcome = {.err = WAL_OK};

#define CALLS_DYING_INSIDE \
    (SIM_CALL_BIT(PWRITE) | SIM_CALL_BIT(FDATASYNC) | SIM_CALL_BIT(FSYNC) | SIM_CALL_BIT(FSYNC_DIR))
#define CALLS_WITHOUT_EFFECT \
    (SIM_CALL_BIT(PREAD) | SIM_CALL_BIT(LIST) | SIM_CALL_BIT(SIZE) | SIM_CALL_BIT(MAP))

static void draw_crash(struct sim_world *world, enum sim_call call, struct passage *passage)
{
    uint32_t outcome = decide_crash(world, call);

    if (outcome == 0) return;
    world->crashes++;
    world_arm(world);                  /* It may have been the last. */
    uint32_t when = (outcome - 1) % 3; /* Before, inside, after. */
    uint64_t bit = UINT64_C(1) << call;
    passage->how = outcome <= 3 ? SIM_STOP_POWER : SIM_STOP_KILLED;
    if (when == 1 && (bit & CALLS_WITHOUT_EFFECT) != 0) when = 0;
    if (when == 1 && (bit & CALLS_DYING_INSIDE) == 0) when = 2;
    if (when == 0) door_die(world, call, passage);
    passage->crash = when == 1 ? DOOR_CRASH_INSIDE : DOOR_CRASH_AFTER;
}

void door_alert(struct sim_world *world, enum sim_call call, struct passage *passage)
{
    if (world->resume_calls >> call & 1) zombie_ask(world, call);
    if (world->crash_calls >> call & 1) draw_crash(world, call, passage);
}

void door_out_of_steps(struct sim_world *world, enum sim_call call)
{
    if (!world_runs_zombie(world)) world_stop(world, SIM_STOP_LIVELOCK, call);
    zombie_yield(world);
}

void door_go_on(struct wal_task *task, disk_inode inode)
{
    if (task->context == task->cut_context) {
        if (inode != task->cut_inode) return;
        task->retry = SIM_CALL_RETRY;
    }
    task->cut_call = 0;
}

/* What a fault leaves of a length, 0: all. Direct calls are cut at their unit. */
static size_t cut_at_unit(const struct descriptor *file, size_t len_max, size_t len)
{
    if (len_max >= len) return 0;
    assert(file != NULL); /* Only calls that move bytes of a file are cut. */
    return len_max - len_max % file->align;
}

/* The fault cut this call: the caller's next one may go on with it. */
static void remember_cut(struct sim_world *world, enum sim_call call, disk_inode inode)
{
    struct wal_task *task = world->process->scheduler.current;

    task->cut_call = (uint8_t)(call + 1);
    task->cut_inode = inode;
    task->cut_context = task->context;
}

void door_strike(struct sim_world *world, enum sim_call call, const struct descriptor *file,
                 uint64_t offset, size_t len, struct passage *passage)
{
    int32_t context = world_context(world);
    const struct sim_point point = {
        .call = call,
        .name = file != NULL ? file->name : "",
        .inode = file != NULL && file->kind == DESCRIPTOR_FILE ? file->target : -1,
        .offset = offset,
        .len = len,
        .flags = file != NULL ? file->flags : 0,
        .instance = world->process->instance,
        .operation = context_operation(world, context),
    };

    passage->drawn = door_no_outcome;
    passage->outcome = &passage->drawn;
    world->options.strike(world->options.strike_context, world, &point, &passage->drawn);
    struct sim_outcome *drawn = &passage->drawn;
    if (point.inode != -1) {
        drawn->len_max = cut_at_unit(file, drawn->len_max, len);
        if (drawn->err == WAL_INTERRUPTED || drawn->err == WAL_AGAIN ||
            (drawn->err == WAL_OK && drawn->len_max != 0))
            remember_cut(world, call, point.inode);
    }
    if (passage->drawn.delay_ns > 0 && !world->options.still_time)
        scheduler_pass(world, call, passage->drawn.delay_ns);
    if (passage->drawn.pause && world->zombie == NULL) {
        passage->crash = DOOR_NO_CRASH; /* It comes to that no more. */
        zombie_pause(world, call, passage->drawn.pause_loses_lock);
    }
}

/* ---- Memory ---- */

void *door_alloc(struct sim_world *world, enum sim_call call, size_t size)
{
    if (world->alloc_odds > 0 &&
        sim_decide_odds(world, SIM_STREAM_FAULT, SIM_KIND_ALLOC, call, world->alloc_odds, 1) != 0) {
        sim_inject(world, &(struct sim_injection){.fault = SIM_FAULT_NOMEM, .err = WAL_NOMEM});
        return NULL;
    }
    world->process->allocs++;
    world->process->alloc_bytes += size;
    return memory_alloc(world->process->memory, size);
}

static void *door_io_alloc(struct wal_io *io, size_t size)
{
    struct sim_world *world = world_of(io);
    struct passage passage;

    door_enter(world, SIM_CALL_ALLOC, &passage);
    void *memory = door_alloc(world, SIM_CALL_ALLOC, size);
    door_leave_quietly(world, SIM_CALL_ALLOC, &passage);
    return memory;
}

static void door_io_free(struct wal_io *io, void *memory, size_t size)
{
    struct sim_world *world = world_of(io);
    struct passage passage;

    door_enter(world, SIM_CALL_FREE, &passage);
    memory_free(world->process->memory, memory, size);
    door_leave_quietly(world, SIM_CALL_FREE, &passage);
}

/* ---- Time, chance, milestones ---- */

static uint64_t door_monotonic_ns(struct wal_io *io)
{
    struct sim_world *world = world_of(io);
    struct passage passage;

    door_enter(world, SIM_CALL_MONOTONIC, &passage);
    door_leave_quietly(world, SIM_CALL_MONOTONIC, &passage);
    return world->now_ns;
}

/* Set the clock on the wall; it cannot show a time before its zero. */
static void set_wall(struct sim_world *world, int64_t jump_ns)
{
    uint64_t back_ns = jump_ns < 0 ? (uint64_t)-jump_ns : 0;

    if (back_ns > world->wall_ns) back_ns = world->wall_ns;
    world->wall_ns = jump_ns < 0 ? world->wall_ns - back_ns : world->wall_ns + (uint64_t)jump_ns;
}

static uint64_t door_wall_ns(struct wal_io *io)
{
    struct sim_world *world = world_of(io);
    struct passage passage;

    door_enter(world, SIM_CALL_WALL, &passage);
    if (door_struck_at(world, SIM_CALL_WALL)) {
        door_strike(world, SIM_CALL_WALL, NULL, 0, 0, &passage);
        set_wall(world, passage.outcome->wall_jump_ns);
    }
    door_leave_quietly(world, SIM_CALL_WALL, &passage);
    return world->wall_ns + world->now_ns;
}

static uint64_t random_word(struct sim_world *world)
{
    int32_t context = world_context(world);
    uint64_t who = world->contexts.whos[context].plain;

    if (world->side) return sim_mix(world->options.seed, ~who, world->process->randoms++);
    uint32_t *asked =
        context_counter(&world->contexts, context, CONTEXT_KIND_RANDOM, SIM_CALL_RANDOM);
    return sim_mix(world->options.seed, who, UINT64_C(1) << 63 | (*asked)++);
}

static enum wal_err door_random(struct wal_io *io, void *buffer, size_t len)
{
    struct sim_world *world = world_of(io);
    unsigned char *bytes = buffer;
    struct passage passage;

    door_enter(world, SIM_CALL_RANDOM, &passage);
    if (door_struck_at(world, SIM_CALL_RANDOM))
        door_strike(world, SIM_CALL_RANDOM, NULL, 0, len, &passage);
    enum wal_err err = passage.outcome->err;
    if (err == WAL_OK) {
        for (size_t done = 0; done < len; done += sizeof(uint64_t)) {
            uint64_t word = random_word(world);
            size_t part = len - done < sizeof word ? len - done : sizeof word;
            memcpy(bytes + done, &word, part);
        }
    }
    door_leave(world, SIM_CALL_RANDOM, &passage, err, 0, len,
               err == WAL_OK ? trace_hash(buffer, len) : 0);
    return err;
}

static void door_note(struct wal_io *io, enum wal_note note)
{
    struct sim_world *world = world_of(io);
    struct passage passage;

    door_enter(world, SIM_CALL_NOTE, &passage);
    (world->side ? world->side_notes : world->notes)[note]++;
    door_leave_quietly(world, SIM_CALL_NOTE, &passage);
}

void door_fill_ops(struct wal_io_ops *ops)
{
    ops->monotonic_ns = door_monotonic_ns;
    ops->wall_ns = door_wall_ns;
    ops->random = door_random;
    ops->alloc = door_io_alloc;
    ops->free = door_io_free;
    ops->note = door_note;
}
