/*
 * damage.c - durable bytes rot while nobody runs.
 *
 * At most one thing in a run: the log's redundancy on one disk is its witnesses, and the same
 * record is never damaged twice. Which LSNs are hit and whether something else still proves them
 * durable is computed from the pristine bytes and told to the properties.
 */
#include <assert.h>
#include <string.h>

#include "scenarios/decoder.h"
#include "scenarios/foreign.h"
#include "scenarios/run.h"

enum {
    SLOT_SECTORS = 8,
    SLOT_BITS = 128 * 8,
    OUTCOMES = 1 << 20,
    FAILING_FACTOR = 8,
    FAILING_ODDS_MAX = 16384
};

/* What F43 makes of a sector, and F44 of a slot of the mark. */
static const enum disk_damage wrong_sectors[] = {DISK_DAMAGE_ZERO, DISK_DAMAGE_OTHER,
                                                 DISK_DAMAGE_LOST_WRITE, DISK_DAMAGE_GARBAGE};
static const enum disk_damage wrong_slots[] = {DISK_DAMAGE_FLIP, DISK_DAMAGE_ZERO,
                                               DISK_DAMAGE_GARBAGE, DISK_DAMAGE_LOST_WRITE};

/* One strike: what is about to be damaged, and how. */
struct blow {
    const struct fault *fault;
    uint64_t entropy;
    disk_inode inode;
    uint64_t sector;
    struct decoder_hit hit;
    bool survivable; /* Nobody has to fail for it. */
};

static void put_down(struct runner *runner, const struct blow *blow, uint64_t first_lsn,
                     uint64_t last_lsn, bool witnessed)
{
    runner->damage_told = true;
    history_add(&runner->history, &(struct history_event){.kind = HISTORY_DAMAGED,
                                                          .operation = HISTORY_NO_OPERATION,
                                                          .time_ns = sim_now_ns(runner->world),
                                                          .fault = blow->fault->number,
                                                          .index = blow->survivable,
                                                          .first_lsn = first_lsn,
                                                          .last_lsn = last_lsn,
                                                          .flag = witnessed});
}

/* One sector may hold records that are known durable elsewhere and behind them some that are not:
 * those are two damages. */
static void put_down_hit(struct runner *runner, const struct blow *blow)
{
    const struct decoder_hit *hit = &blow->hit;
    uint64_t known = hit->witness_lsn < hit->last_lsn ? hit->witness_lsn : hit->last_lsn;

    if (hit->first_lsn == 0) {
        put_down(runner, blow, 0, 0, false);
        return;
    }
    if (known >= hit->first_lsn) put_down(runner, blow, hit->first_lsn, known, true);
    if (known < hit->first_lsn) known = hit->first_lsn - 1;
    if (known < hit->last_lsn) put_down(runner, blow, known + 1, hit->last_lsn, false);
}

/* ---- Where ---- */

static bool qualifies(const struct runner *runner, const struct blow *blow)
{
    const struct decoder_hit *hit = &blow->hit;
    bool records = hit->part == DECODER_RECORDS;
    bool witnessed = hit->witness_lsn >= hit->last_lsn; /* Also if it holds no record. */

    switch (blow->fault->target) {
    case FAULT_TARGET_ANY: return true;
    case FAULT_TARGET_WITNESSED: return records && witnessed;
    case FAULT_TARGET_NEWEST: return records && !witnessed && hit->first_lsn <= runner->served_lsn;
    case FAULT_TARGET_TAIL:
        /* What is only cached may prove these records durable: it is not decoded. After a failed
         * sync that need not even be pending. */
        if (!runner->power_lost) return false;
        if (hit->part == DECODER_TAIL) return true;
        return records && hit->first_lsn > runner->served_lsn && hit->first_lsn > hit->said_lsn;
    case FAULT_TARGET_MARK: return hit->part == DECODER_MARK && blow->sector % SLOT_SECTORS == 0;
    case FAULT_TARGET_SIDE:
        /* By the name that is only cached it may be a pin or a segment by now. */
        return runner->power_lost && hit->part == DECODER_OTHER;
    case FAULT_TARGET_SEGMENT:
    case FAULT_TARGET_RECORD: break;
    }
    return false; /* Not a matter of one sector. */
}

/* The first sector that qualifies, from the one that chance says on. */
static bool aim(const struct runner *runner, struct blow *blow, uint32_t which)
{
    uint32_t count = decoder_sector_count(runner->decoder);

    for (uint32_t i = 0; i < count; i++) {
        decoder_sector(runner->decoder, (which - 1 + i) % count, &blow->inode, &blow->sector);
        blow->hit = decoder_hit(runner->decoder, blow->inode, blow->sector);
        if (qualifies(runner, blow)) return true;
    }
    return false;
}

/* ---- How ---- */

/* True if it changed anything. */
static bool damage_sector(struct runner *runner, const struct blow *blow, enum disk_damage kind)
{
    struct disk *disk = sim_disk(runner->world);
    uint64_t detail = blow->entropy, sector;
    disk_inode inode;

    if (kind == DISK_DAMAGE_OTHER) {
        uint32_t count = decoder_sector_count(runner->decoder);
        decoder_sector(runner->decoder, (uint32_t)(blow->entropy >> 32) % count, &inode, &sector);
        if (blow->inode == inode && blow->sector == sector) return false; /* The right place. */
        detail = (uint64_t)(uint32_t)inode << 32 | sector;
    }
    disk_damage(disk, blow->inode, blow->sector, kind, detail);
    return disk_damaged(disk);
}

/* One slot of the mark. If there is the other, that must be survived; a crash may have torn it
 * before, or may yet, if it is on its way to the disk. In a quarter of the cases both; but not so
 * that they are as they were before, which nobody could know. */
static bool damage_mark(struct runner *runner, struct blow *blow)
{
    enum disk_damage kind = wrong_slots[blow->entropy % 4];
    bool both = blow->entropy >> 8 & 1 && blow->entropy >> 9 & 1 && kind != DISK_DAMAGE_LOST_WRITE;

    if (kind == DISK_DAMAGE_FLIP) blow->entropy %= SLOT_BITS;
    if (!damage_sector(runner, blow, kind)) return false;
    blow->survivable =
        decoder_mark_slots(runner->decoder) == 2 && disk_pending(sim_disk(runner->world)) == 0;
    if (!both) return true;
    blow->sector = SLOT_SECTORS - blow->sector;
    blow->survivable = !damage_sector(runner, blow, kind);
    return true;
}

static bool damage_segment(struct runner *runner, struct blow *blow, uint32_t which)
{
    uint32_t count = decoder_segment_count(runner->decoder);
    char name[21];
    int32_t dir;

    if (count == 0 || disk_dir_find(sim_disk(runner->world), RUN_LOG_PATH, &dir) != WAL_OK) {
        return false;
    }
    blow->hit = decoder_segment(runner->decoder, (which - 1) % count, name);
    return disk_damage_name(sim_disk(runner->world), dir, name, (blow->entropy & 1) != 0);
}

static bool damage_record(struct runner *runner, struct blow *blow, uint32_t which)
{
    uint8_t bytes[DISK_SECTOR_BYTES];

    if (!decoder_forge(runner->decoder, which - 1, &blow->inode, &blow->sector, bytes)) {
        return false;
    }
    disk_damage_bytes(sim_disk(runner->world), blow->inode, blow->sector, bytes);
    return disk_damaged(sim_disk(runner->world));
}

static bool damage(struct runner *runner, struct blow *blow, uint32_t which)
{
    enum fault_target target = blow->fault->target;

    if (target == FAULT_TARGET_SEGMENT) return damage_segment(runner, blow, which);
    if (target == FAULT_TARGET_RECORD) return damage_record(runner, blow, which);
    if (!aim(runner, blow, which)) return false;
    if (target == FAULT_TARGET_MARK) return damage_mark(runner, blow);
    blow->survivable = blow->fault->contract == FAULT_SURVIVE;
    if (blow->fault->number != 43) return damage_sector(runner, blow, blow->fault->damage);
    return damage_sector(runner, blow, wrong_sectors[blow->entropy % 4]);
}

static void strike(struct runner *runner, const struct fault *fault, uint32_t which)
{
    const struct fault_strike strike = {.decision =
                                            (uint32_t)sim_world_record(runner->world)->count - 1,
                                        .decisions = 1,
                                        .number = fault->number,
                                        .phase = FAULT_REST};
    struct blow blow = {.fault = fault, .entropy = sim_mix(which, fault->number, 7)};

    runner->plan.reach[fault->number][FAULT_REST].drawn++;
    if (!damage(runner, &blow, which)) return;
    runner->plan.media_left--;
    fault_plan_count(&runner->plan, &strike);
    /* A lie excuses nothing. */
    if (fault->contract != FAULT_BEYOND) put_down_hit(runner, &blow);
}

/* A disk on which a sync has just failed is one whose bytes rot. Both together are what redundancy
 * is for, and each by itself is rare. */
static uint32_t odds_now(uint32_t odds, bool failing)
{
    if (!failing || odds >= FAILING_ODDS_MAX) return odds;
    return odds * FAILING_FACTOR < FAILING_ODDS_MAX ? odds * FAILING_FACTOR : FAILING_ODDS_MAX;
}

void run_damage(struct runner *runner)
{
    bool decoded = false;
    bool failing = runner->pages_lost != runner->plan.pages_lost; /* Since the last time. */

    runner->pages_lost = runner->plan.pages_lost;

    for (size_t i = 0; i < faults_count && runner->plan.media_left > 0; i++) {
        const struct fault *fault = &faults_all[i];
        if (fault->sort != FAULT_AT_REST || runner->plan.odds[fault->number] == 0) continue;
        uint32_t odds = odds_now(runner->plan.odds[fault->number], failing);
        uint32_t which =
            sim_decide_odds(runner->world, SIM_STREAM_FAULT, SIM_KIND_FAULT + fault->number,
                            SIM_CALL_HARNESS, odds, OUTCOMES);
        if (which == 0) continue;
        if (!decoded) decoder_read(runner->decoder, sim_disk(runner->world), RUN_LOG_PATH);
        decoded = true;
        strike(runner, fault, which);
    }
}

bool run_durable_lsn(void *context, const struct sim_point *point, uint64_t *ret_lsn)
{
    struct runner *runner = context;

    if (foreign_log_under_test != NULL) return false;
    if (run_file(runner, point->inode) != RUN_FILE_SEGMENT) return false;
    decoder_read(runner->decoder, sim_disk(runner->world), RUN_LOG_PATH);
    *ret_lsn = decoder_durable_lsn(runner->decoder);
    return true;
}
