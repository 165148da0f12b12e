/*
 * strikes.c - what the faults of the catalogue do to a call.
 *
 * One function each, and the plan that asks them. At most one fault changes the outcome of a call:
 * the first that strikes. Every strike is recorded as injected, which is what later excuses an
 * error of the log. Each call counts once for each fault that exists, asked or not: so to take one
 * strike away does not move the others.
 */
#include "faults/strikes.h"

#include <assert.h>
#include <string.h>

enum {
    FLIP_BITS = 1 << 20, /* More than any read of a simulated file. */
    BURST_FACTOR = 32,
    BURST_ODDS_MAX = 16384, /* So that something gets through. */
};

static enum fault_phase phase_of(const struct fault_plan *plan, const struct sim_point *point)
{
    return plan->phase == NULL ? FAULT_COMMIT : plan->phase(plan->context, point);
}

static uint32_t odds_now(const struct fault_plan *plan, const struct fault *fault,
                         const struct sim_world *world)
{
    uint32_t odds = plan->odds[fault->number];

    if (plan->burst_calls == 0 || sim_steps(world) >= plan->burst_until) return odds;
    uint32_t likelier = odds * BURST_FACTOR < BURST_ODDS_MAX ? odds * BURST_FACTOR : BURST_ODDS_MAX;
    return odds > likelier ? odds : likelier;
}

static uint32_t asked(struct fault_plan *plan, const struct fault *fault, struct sim_world *world,
                      const struct sim_point *point, uint32_t outcomes)
{
    uint32_t outcome = sim_decide_odds(world, SIM_STREAM_FAULT, SIM_KIND_FAULT + fault->number,
                                       point->call, odds_now(plan, fault, world), outcomes);

    plan->counted = true;
    plan->asked = outcome != 0;
    if (outcome == 0) return 0;
    plan->burst_until = sim_steps(world) + plan->burst_calls;
    plan->asked_index = (uint32_t)sim_world_record(world)->count - 1;
    plan->reach[fault->number][phase_of(plan, point)].drawn++;
    return outcome;
}

/* The strike that was asked for, or goes on, has an effect. */
static void count(struct fault_plan *plan, const struct fault *fault, const struct sim_point *point)
{
    const struct fault_strike strike = {.decision = plan->asked_index,
                                        .decisions = plan->asked ? 1 : 0,
                                        .number = fault->number,
                                        .phase = phase_of(plan, point)};

    fault_plan_count(plan, &strike);
}

/* `err`: what the call says, WAL_OK where it says nothing. */
static void struck(struct fault_plan *plan, const struct fault *fault, struct sim_world *world,
                   const struct sim_point *point, enum wal_err err)
{
    count(plan, fault, point);
    sim_inject(world, &(struct sim_injection){.fault = fault->number, .err = err});
}

/* Pages are lost that a sync was to bring to the disk: if they are a segment's, nothing that was
 * not durable before may be acknowledged by this process any more. */
static void struck_pages(struct fault_plan *plan, const struct fault *fault,
                         struct sim_world *world, const struct sim_point *point, enum wal_err err)
{
    struct sim_injection injection = {.fault = fault->number, .err = err};

    if (plan->durable_lsn != NULL) {
        injection.of_segment = plan->durable_lsn(plan->context, point, &injection.durable_lsn);
    }
    plan->pages_lost++;
    count(plan, fault, point);
    sim_inject(world, &injection);
}

/* F01, F16. Outcomes: one byte, all but one, a half, and around the last sector edge. */
void strike_short(struct fault_plan *plan, const struct fault *fault, struct sim_world *world,
                  const struct sim_point *point, struct sim_outcome *outcome)
{
    if (point->len < 2) return;

    size_t edge = (point->len - 1) / DISK_SECTOR_BYTES * DISK_SECTOR_BYTES;
    const size_t lengths[] = {0, 1, point->len - 1, point->len / 2, edge, edge + 1, edge - 1};
    uint32_t which = asked(plan, fault, world, point, 6);

    if (which == 0) return;
    if (edge == 0 && which >= 4) which -= 3;
    assert(lengths[which] > 0);
    assert(lengths[which] <= point->len);
    if (lengths[which] == point->len) return;
    outcome->len_max = lengths[which];
    struck(plan, fault, world, point, outcome->err);
}

/* F02. Outcomes 1..4: interrupted so many times in a row; 5..8: would block. The call after a row
 * goes through: a longer row would be another fault. */
void strike_interrupted(struct fault_plan *plan, const struct fault *fault, struct sim_world *world,
                        const struct sim_point *point, struct sim_outcome *outcome)
{
    bool again = plan->interrupted && plan->interrupted_call == point->call &&
                 plan->interrupted_inode == point->inode;

    if (again && plan->interrupted_left == 0) {
        plan->interrupted = false;
        return;
    }
    if (!again) {
        uint32_t which = asked(plan, fault, world, point, 8);
        if (which == 0) return;
        plan->interrupted = true;
        plan->interrupted_left = (which - 1) % 4 + 1;
        plan->interrupted_err = which <= 4 ? WAL_INTERRUPTED : WAL_AGAIN;
        plan->interrupted_call = point->call;
        plan->interrupted_inode = point->inode;
    }
    plan->interrupted_left--;
    outcome->err = plan->interrupted_err;
    struck(plan, fault, world, point, outcome->err);
}

/* Does the call need new space? Writing over bytes that are there does not. (It may on a file
 * system that copies on write; that one is not simulated.) */
static bool point_grows(const struct sim_point *point, struct sim_world *world)
{
    if (point->call == SIM_CALL_OPEN) return (point->flags & WAL_OPEN_CREATE) != 0;
    if (point->call != SIM_CALL_PWRITE) return true;
    return point->offset + point->len > disk_size(sim_disk(world), point->inode);
}

/* F03. The first four outcomes refuse at once, the next take half of the write first, the last all
 * but its last sector; then nothing can grow for a tenth of, one, ten or a hundred milliseconds. */
void strike_no_space(struct fault_plan *plan, const struct fault *fault, struct sim_world *world,
                     const struct sim_point *point, struct sim_outcome *outcome)
{
    static const uint64_t duration_ns[] = {100000, 1000000, 10000000, 100000000};

    if (!point_grows(point, world)) return;
    if (sim_now_ns(world) < plan->full_until_ns) {
        outcome->err = WAL_NOSPACE;
        struck(plan, fault, world, point, outcome->err);
        return;
    }
    uint32_t which = asked(plan, fault, world, point, 12);
    if (which == 0) return;
    plan->full_until_ns = sim_now_ns(world) + duration_ns[(which - 1) % 4];
    if (which > 4 && point->call == SIM_CALL_PWRITE && point->len > 1) {
        size_t edge = (point->len - 1) / DISK_SECTOR_BYTES * DISK_SECTOR_BYTES;
        outcome->len_max = which > 8 && edge > 0 ? edge : point->len / 2;
    } else {
        outcome->err = WAL_NOSPACE;
    }
    struck(plan, fault, world, point, outcome->err);
}

/* F05. Outcome 1 refuses at once; 2 takes half, and the write that goes on is refused. */
void strike_too_large(struct fault_plan *plan, const struct fault *fault, struct sim_world *world,
                      const struct sim_point *point, struct sim_outcome *outcome)
{
    if (plan->too_large_next && plan->too_large_inode == point->inode) {
        plan->too_large_next = false;
        outcome->err = WAL_FILE_TOO_LARGE;
        struck(plan, fault, world, point, outcome->err);
        return;
    }
    if (!point_grows(point, world)) return;
    uint32_t which = asked(plan, fault, world, point, 2);
    if (which == 0) return;
    if (which == 2 && point->len > 1) {
        plan->too_large_next = true;
        plan->too_large_inode = point->inode;
        outcome->len_max = point->len / 2;
    } else {
        outcome->err = WAL_FILE_TOO_LARGE;
    }
    struck(plan, fault, world, point, outcome->err);
}

/* F07. Outcomes: nothing, half, or everything was written before the error. */
void strike_write_eio(struct fault_plan *plan, const struct fault *fault, struct sim_world *world,
                      const struct sim_point *point, struct sim_outcome *outcome)
{
    uint32_t which = asked(plan, fault, world, point, 3);

    if (which == 0) return;
    outcome->err = WAL_IO;
    outcome->some_written = which > 1 && point->len > 1;
    if (which == 2) outcome->len_max = point->len / 2;
    struck(plan, fault, world, point, outcome->err);
}

static enum wal_err sync_says(const struct sim_point *point, const struct sim_outcome *outcome)
{
    bool late = outcome->fsync_failure == DISK_FSYNC_LATE && point->call != SIM_CALL_FSYNC_DIR;

    if (late) return WAL_OK;
    return outcome->fsync_err != WAL_OK ? outcome->fsync_err : WAL_IO;
}

/* F04, F08, F09, F10. Which of the last three a disk can do is drawn with the run. A write that is
 * its own sync, and is told of no space, has lost no pages but those that it was refused. */
void strike_fsync(struct fault_plan *plan, const struct fault *fault, struct sim_world *world,
                  const struct sim_point *point, struct sim_outcome *outcome)
{
    bool writes = point->call == SIM_CALL_PWRITE;

    if (writes && (point->flags & WAL_OPEN_DSYNC) == 0) return;
    if (asked(plan, fault, world, point, 1) == 0) return;
    outcome->fsync_fails = true;
    outcome->fsync_failure = plan->fsync_failure;
    if (fault->number == 4) outcome->fsync_err = WAL_NOSPACE;
    if (writes && fault->number == 4) {
        struck(plan, fault, world, point, WAL_NOSPACE);
    } else {
        struck_pages(plan, fault, world, point, sync_says(point, outcome));
    }
}

/* F11. The call says nothing of it. */
void strike_writeback(struct fault_plan *plan, const struct fault *fault, struct sim_world *world,
                      const struct sim_point *point, struct sim_outcome *outcome)
{
    if ((point->flags & WAL_OPEN_DIRECT) != 0) return; /* No pages to lose. */
    if (asked(plan, fault, world, point, 1) == 0) return;
    outcome->writeback_fails = true;
    struck_pages(plan, fault, world, point, WAL_OK);
}

/* F40. */
void strike_fsync_lies(struct fault_plan *plan, const struct fault *fault, struct sim_world *world,
                       const struct sim_point *point, struct sim_outcome *outcome)
{
    if (asked(plan, fault, world, point, 1) == 0) return;
    outcome->fsync_lies = true;
    count(plan, fault, point); /* Not recorded as injected: a lie excuses nothing. */
}

/* F13. */
void strike_close(struct fault_plan *plan, const struct fault *fault, struct sim_world *world,
                  const struct sim_point *point, struct sim_outcome *outcome)
{
    if (asked(plan, fault, world, point, 1) == 0) return;
    outcome->err = WAL_IO;
    struck(plan, fault, world, point, outcome->err);
}

/* F14. Outcomes: device error, no space, too many files, permission. */
void strike_name_call(struct fault_plan *plan, const struct fault *fault, struct sim_world *world,
                      const struct sim_point *point, struct sim_outcome *outcome)
{
    static const enum wal_err errs[] = {WAL_OK, WAL_IO, WAL_NOSPACE, WAL_NOFILES, WAL_ACCESS};
    uint32_t which = asked(plan, fault, world, point, 4);

    if (which == 0) return;
    outcome->err = errs[which];
    struck(plan, fault, world, point, outcome->err);
}

/* F18. Outcomes: 0.1 ms, 10 ms, 1 s. */
void strike_latency(struct fault_plan *plan, const struct fault *fault, struct sim_world *world,
                    const struct sim_point *point, struct sim_outcome *outcome)
{
    static const uint64_t delay_ns[] = {0, 100000, 10000000, 1000000000};
    uint32_t which = asked(plan, fault, world, point, 3);

    if (which == 0) return;
    outcome->delay_ns = delay_ns[which];
    struck(plan, fault, world, point, outcome->err);
}

/* F17. The outcome is the bit, from the start of what is read, plus 1. */
void strike_flip(struct fault_plan *plan, const struct fault *fault, struct sim_world *world,
                 const struct sim_point *point, struct sim_outcome *outcome)
{
    if (plan->media_left == 0) return;
    uint32_t which = asked(plan, fault, world, point, FLIP_BITS);
    if (which == 0) return;
    plan->media_left--;
    outcome->flip_bit = which;
    struck(plan, fault, world, point, outcome->err);
}

/* F39. Outcomes: paused with its lock held; its lock is taken away. There is one zombie at a time.
 */
void strike_pause(struct fault_plan *plan, const struct fault *fault, struct sim_world *world,
                  const struct sim_point *point, struct sim_outcome *outcome)
{
    if (sim_has_zombie(world)) return;
    enum fault_phase phase = plan->phase != NULL ? plan->phase(plan->context, point) : FAULT_COMMIT;
    bool keeps_lock = phase == FAULT_RECOVERY || disk_damaged(sim_disk(world));
    uint32_t which = asked(plan, fault, world, point, keeps_lock ? 1 : 2);
    if (which == 0) return;
    /* A lock that does not hold, and bytes that rot: one broken promise at a time. */
    if (which == 2) plan->media_left = 0;
    outcome->pause = true;
    outcome->pause_loses_lock = which == 2;
    struck(plan, fault, world, point, outcome->err);
}

/* F50. Outcomes: back by a second, an hour, a year; forth by as much. */
void strike_clock_jump(struct fault_plan *plan, const struct fault *fault, struct sim_world *world,
                       const struct sim_point *point, struct sim_outcome *outcome)
{
    static const int64_t second_ns = 1000000000;
    static const int64_t jump_s[] = {0, -1, -3600, -31536000, 1, 3600, 31536000};
    uint32_t which = asked(plan, fault, world, point, 6);

    if (which == 0) return;
    outcome->wall_jump_ns = jump_s[which] * second_ns;
    struck(plan, fault, world, point, outcome->err);
}

void fault_plan_count(struct fault_plan *plan, const struct fault_strike *strike)
{
    plan->reach[strike->number][strike->phase].struck++;
    if (strike->decisions == 0 || plan->strike_count == FAULT_STRIKES_MAX) return;
    plan->strikes[plan->strike_count++] = *strike;
}

uint32_t fault_plan_struck(const struct fault_plan *plan, uint32_t number)
{
    uint32_t sum = 0;

    for (unsigned phase = 0; phase < FAULT_PHASE_COUNT; phase++) {
        sum += plan->reach[number][phase].struck;
    }
    return sum;
}

void fault_plan_arm(struct fault_plan *plan)
{
    memset(plan->by_call_count, 0, sizeof plan->by_call_count);
    plan->calls = 0;
    for (size_t i = 0; i < faults_count; i++) {
        const struct fault *fault = &faults_all[i];
        if (fault->strike == NULL || plan->odds[fault->number] == 0) continue;
        plan->calls |= fault->calls;
        for (unsigned call = 0; call < SIM_CALL_COUNT; call++) {
            if ((fault->calls >> call & 1) == 0) continue;
            assert(plan->by_call_count[call] < FAULT_PER_CALL_MAX);
            plan->by_call[call][plan->by_call_count[call]++] = fault;
        }
    }
}

void fault_plan_strike(void *context, struct sim_world *world, const struct sim_point *point,
                       struct sim_outcome *outcome)
{
    struct fault_plan *plan = context;
    bool changed = false;

    for (unsigned i = 0; i < plan->by_call_count[point->call]; i++) {
        const struct fault *fault = plan->by_call[point->call][i];
        plan->asked = false;
        plan->counted = false;
        if (!changed) fault->strike(plan, fault, world, point, outcome);
        if (!plan->counted) sim_decide_skip(world, SIM_KIND_FAULT + fault->number, point->call);
        changed = outcome->err != WAL_OK || outcome->fsync_fails || outcome->fsync_lies ||
                  outcome->len_max != 0 || outcome->flip_bit != 0 || outcome->writeback_fails ||
                  outcome->pause;
    }
}
