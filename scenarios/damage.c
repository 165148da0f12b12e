/*
 * damage.c - durable bytes rot while nobody runs.
 *
 * At most one sector of the log's directory in a run: the log's redundancy on one disk is its
 * witnesses, and the same record is never damaged twice. Which LSNs are hit and whether something
 * else still proves them durable is computed from the pristine bytes and told to the properties.
 */
#include <assert.h>
#include <string.h>

#include "scenarios/decoder.h"
#include "scenarios/run.h"

/* What F43 makes of a sector. */
static const enum disk_damage wrong_sectors[] = {DISK_DAMAGE_ZERO, DISK_DAMAGE_OTHER,
                                                 DISK_DAMAGE_LOST_WRITE, DISK_DAMAGE_GARBAGE};

static void put_down(struct runner *runner, const struct fault *fault, uint64_t first_lsn,
                     uint64_t last_lsn, bool witnessed)
{
    history_add(&runner->history, &(struct history_event){.kind = HISTORY_DAMAGED,
                                                          .operation = HISTORY_NO_OPERATION,
                                                          .fault = fault->number,
                                                          .first_lsn = first_lsn,
                                                          .last_lsn = last_lsn,
                                                          .flag = witnessed});
}

/* One sector may hold records that are known durable elsewhere and behind them some that are not:
 * those are two damages. */
static void put_down_hit(struct runner *runner, const struct fault *fault,
                         const struct decoder_hit *hit)
{
    uint64_t known = hit->witness_lsn < hit->last_lsn ? hit->witness_lsn : hit->last_lsn;

    if (hit->first_lsn == 0) {
        put_down(runner, fault, 0, 0, false);
        return;
    }
    if (known >= hit->first_lsn) put_down(runner, fault, hit->first_lsn, known, true);
    if (known < hit->first_lsn) known = hit->first_lsn - 1;
    if (known < hit->last_lsn) put_down(runner, fault, known + 1, hit->last_lsn, false);
}

static void damage(struct runner *runner, const struct fault *fault, uint32_t which,
                   const struct fault_strike *strike)
{
    struct disk *disk = sim_disk(runner->world);
    uint32_t count = decoder_sector_count(runner->decoder);
    uint64_t entropy = sim_mix(which, fault->number, 7);
    enum disk_damage kind = fault->damage;
    disk_inode inode, other;
    uint64_t sector, other_sector;

    decoder_sector(runner->decoder, (which - 1) % count, &inode, &sector);
    decoder_sector(runner->decoder, (uint32_t)(entropy >> 32) % count, &other, &other_sector);
    if (fault->number == 43) kind = wrong_sectors[entropy % 4];

    uint64_t detail = entropy;
    if (kind == DISK_DAMAGE_OTHER) {
        if (inode == other && sector == other_sector) return; /* The right place after all. */
        detail = (uint64_t)(uint32_t)other << 32 | other_sector;
    }
    struct decoder_hit hit = decoder_hit(runner->decoder, inode, sector);
    disk_damage(disk, inode, sector, kind, detail);
    if (!disk_damaged(disk)) return;
    runner->media_left--;
    fault_plan_count(&runner->plan, strike);
    put_down_hit(runner, fault, &hit);
}

void run_damage(struct runner *runner)
{
    bool decoded = false;

    for (size_t i = 0; i < faults_count && runner->media_left > 0; i++) {
        const struct fault *fault = &faults_all[i];
        if (!fault->at_rest || runner->plan.odds[fault->number] == 0) continue;
        uint32_t which =
            sim_decide_odds(runner->world, SIM_STREAM_FAULT, SIM_KIND_FAULT + fault->number,
                            SIM_CALL_HARNESS, runner->plan.odds[fault->number], 1 << 20);
        if (which == 0) continue;
        if (!decoded) decoder_read(runner->decoder, sim_disk(runner->world), RUN_LOG_PATH);
        decoded = true;
        const struct fault_strike strike = {
            .decision = (uint32_t)sim_world_record(runner->world)->count - 1,
            .decisions = 1,
            .number = fault->number,
            .phase = FAULT_REST};
        runner->plan.reach[fault->number][FAULT_REST].drawn++;
        if (decoder_sector_count(runner->decoder) > 0) damage(runner, fault, which, &strike);
    }
}

bool run_durable_lsn(void *context, const struct sim_point *point, uint64_t *ret_lsn)
{
    struct runner *runner = context;

    if (run_file(runner, point->inode) != RUN_FILE_SEGMENT) return false;
    decoder_read(runner->decoder, sim_disk(runner->world), RUN_LOG_PATH);
    *ret_lsn = decoder_durable_lsn(runner->decoder);
    return true;
}
