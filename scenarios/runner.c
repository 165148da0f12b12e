/*
 * runner.c - drives a run: boot, run, crash, judge the images, settle, boot again; then heal.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios/decoder.h"
#include "scenarios/foreign.h"
#include "scenarios/run.h"

enum {
    BOOTS_MAX = 400,          /* Then faults stop, so that every run ends. */
    UNDISTURBED_ODDS = 32768, /* Crashes after which one undisturbed recovery is looked at. */
};

struct runner *runner_create(void)
{
    struct runner *runner = calloc(1, sizeof *runner);

    assert(runner != NULL);
    runner->world = sim_world_create();
    runner->suite = property_suite_create();
    runner->decoder = decoder_create();
    runner->look_disk = disk_create();
    runner->copy_disk = disk_create();
    sim_guard_init(&runner->row.guard, RUN_ROW_BYTES_MAX);
    history_init(&runner->history);
    for (uint32_t i = 0; i < 2 * CLIENTS_MAX; i++) {
        runner->clients[i / CLIENTS_MAX][i % CLIENTS_MAX] = (struct run_client){
            .runner = runner, .boot = &runner->boots[i / CLIENTS_MAX], .number = i % CLIENTS_MAX};
    }
    return runner;
}

void runner_destroy(struct runner *runner)
{
    if (runner == NULL) return;
    for (uint32_t i = 0; i < 2 * CLIENTS_MAX; i++) {
        free(runner->clients[i / CLIENTS_MAX][i % CLIENTS_MAX].bytes);
        free(runner->clients[i / CLIENTS_MAX][i % CLIENTS_MAX].seen.records);
    }
    free(runner->observed[0].records);
    free(runner->observed[1].records);
    free(runner->seen.records);
    free(runner->seen_again.records);
    free(runner->operations);
    free(runner->begun);
    history_free(&runner->history);
    sim_record_free(&runner->replay);
    disk_destroy(runner->look_disk);
    disk_destroy(runner->copy_disk);
    decoder_destroy(runner->decoder);
    sim_guard_free(&runner->row.guard);
    property_suite_destroy(runner->suite);
    sim_world_destroy(runner->world);
    free(runner);
}

static void put_down(struct runner *runner, struct history_event event)
{
    event.operation = HISTORY_NO_OPERATION;
    event.instance = sim_instance(runner->world);
    event.time_ns = sim_now_ns(runner->world);
    history_add(&runner->history, &event);
}

static void broken(struct runner *runner, const struct property *property,
                   const struct verdict *verdict, uint32_t image)
{
    struct run_result *result = &runner->result;

    result->property = property;
    result->verdict = *verdict;
    result->image = image;
    result->event = runner->folded;
    int len = snprintf(result->failure, sizeof result->failure, "%s", verdict->why);
    if (verdict->lsn != 0 && len > 0 && (size_t)len < sizeof result->failure) {
        (void)snprintf(result->failure + len, sizeof result->failure - (size_t)len,
                       " (LSN %" PRIu64 ", %" PRIu64 ")", verdict->lsn, verdict->other);
    }
}

/* Show the properties what happened since the last time. True if all hold. */
static bool fold(struct runner *runner)
{
    while (runner->folded < runner->history.count) {
        const struct history_event *event = &runner->history.events[runner->folded];
        struct verdict verdict = {.broken = false};

        sim_digest_add(runner->world,
                       (uint64_t)event->kind << 32 | (uint64_t)event->error << 16 | event->fault,
                       event->first_lsn ^ event->last_lsn << 20 ^ event->hash);
        if (event->kind == HISTORY_INJECTED && event->fault == 19) {
            run_count_alloc(runner, runner->folded);
        }
        const struct property *property = property_suite_step(runner->suite, event, &verdict);
        if (property != NULL) {
            broken(runner, property, &verdict, 0);
            return false;
        }
        runner->folded++;
    }
    return true;
}

/* Boot on the disk on the side, open, read all. */
static void look(struct runner *runner, struct disk *disk, struct record_list *list,
                 struct history_observation *ret_observation, enum sim_stop *ret_stop)
{
    struct sim_end end;

    runner->side_list = list;
    runner->side = (struct history_observation){.recovery = true, .open_error = HISTORY_OTHER};
    sim_side_run(runner->world, disk, run_side_task, runner, &end);
    *ret_observation = runner->side;
    *ret_stop = end.stop;
}

static uint32_t stuck_how(enum sim_stop stop)
{
    return stop == SIM_STOP_DEADLOCK   ? HISTORY_STUCK_DEADLOCK
           : stop == SIM_STOP_LIVELOCK ? HISTORY_STUCK_LIVELOCK
                                       : HISTORY_STUCK_MISALIGNED;
}

/* Images that lose power once more after they were recovered, and are read again. */
static uint32_t image_again_percent(const struct runner *runner)
{
    return runner->scenario != NULL ? runner->scenario->image_again_percent : 100;
}

static bool judge_image(struct runner *runner, struct disk *disk, uint32_t k, uint64_t hash)
{
    struct history_observation first, second;
    struct verdict verdict = {.broken = false};
    enum sim_stop stop;

    look(runner, disk, &runner->seen, &first, &stop);
    runner->result.images++;
    sim_digest_add(runner->world, hash, (uint64_t)first.count << 8 | first.open_error);
    if (stop != SIM_STOP_ABANDONED) {
        const struct history_event stuck = {.kind = HISTORY_STUCK, .index = stuck_how(stop)};
        const struct property *liveness = property_suite_step(runner->suite, &stuck, &verdict);
        if (liveness == NULL) return true; /* It is not among those that are asked. */
        broken(runner, liveness, &verdict, k);
        return false;
    }
    const struct property *property = property_suite_judge(runner->suite, &first, &verdict);
    /* Damage may be met by the second look only, if the first one did not have to read it. */
    if (property == NULL && first.open_error == HISTORY_OK && first.read_error == HISTORY_OK &&
        !disk_damaged(disk) && hash % 100 < image_again_percent(runner)) {
        disk_lose_pending(disk);
        look(runner, disk, &runner->seen_again, &second, &stop);
        property = property_suite_judge_again(runner->suite, &first, &second, &verdict);
    }
    if (property != NULL) broken(runner, property, &verdict, k);
    return property == NULL;
}

bool run_judge_image(struct runner *runner, struct disk *disk, uint32_t k, uint64_t hash)
{
    runner->judging = true;
    bool held = judge_image(runner, disk, k, hash);
    runner->judging = false;
    return held;
}

static void look_undisturbed(struct runner *runner)
{
    struct history_observation observation;
    enum sim_stop stop;

    look(runner, NULL, &runner->seen, &observation, &stop);
    if (stop != SIM_STOP_ABANDONED) return;
    put_down(runner, (struct history_event){.kind = HISTORY_UNDISTURBED,
                                            .error = observation.open_error,
                                            .observation = &observation});
}

static uint32_t keep_all(void *context, enum disk_question question, uint32_t bound)
{
    (void)context, (void)question, (void)bound;
    return 0;
}

/* As an extra image is looked at: recovered, and once more after another loss of power. */
static bool look_twice(struct runner *runner)
{
    const struct disk_chooser chooser = {.choose = keep_all, .modes = 1U << DISK_KEEP_ALL};
    struct history_observation first, second;
    struct verdict verdict = {.broken = false};
    enum sim_stop stop;

    (void)disk_image(sim_disk(runner->world), &chooser, runner->look_disk, NULL);
    look(runner, runner->look_disk, &runner->seen, &first, &stop);
    if (stop != SIM_STOP_ABANDONED) return true; /* The run itself will meet it. */
    const struct property *property = property_suite_judge(runner->suite, &first, &verdict);
    if (property == NULL) {
        disk_lose_pending(runner->look_disk);
        look(runner, runner->look_disk, &runner->seen_again, &second, &stop);
        property = property_suite_judge_again(runner->suite, &first, &second, &verdict);
    }
    if (property != NULL) broken(runner, property, &verdict, 0);
    return property == NULL;
}

/* LOOK. 0: no; 1: at what an undisturbed recovery shows; 2, never drawn but in cases: twice. */
static bool look_beside(struct runner *runner)
{
    bool replays = runner->scenario == NULL;

    if (!replays && (runner->odds.crash == 0 || runner->healed)) return true;
    uint32_t how = sim_decide_odds(runner->world, SIM_STREAM_IMAGE, SIM_KIND_LOOK, SIM_CALL_HARNESS,
                                   UNDISTURBED_ODDS, replays ? 2 : 1);
    if (how == 1) look_undisturbed(runner);
    return how != 2 || look_twice(runner);
}

/* Power was lost: judge the extra images, settle on one, and maybe look at it undisturbed. */
static bool after_power_loss(struct runner *runner)
{
    const struct run_options *options = runner->options;

    if (options->at_power_loss != NULL &&
        !options->at_power_loss(options->at_power_loss_context, runner)) {
        return false;
    }
    for (uint32_t k = 1; k <= options->images; k++) {
        uint64_t hash;
        struct disk *disk = sim_image_draw(runner->world, k, &hash);
        if (disk != NULL && !run_judge_image(runner, disk, k, hash)) return false;
    }
    struct disk_crash_tally tally;
    size_t decisions = sim_world_record(runner->world)->count;
    sim_settle(runner->world, &tally);
    run_count_crash(runner, &tally, decisions);
    return look_beside(runner);
}

/* Open what was copied while the process ran. */
static void look_at_copy(struct runner *runner)
{
    struct history_observation observation;
    enum sim_stop stop;

    runner->copied = false;
    run_count_copy(runner);
    look(runner, runner->copy_disk, &runner->seen, &observation, &stop);
    if (stop == SIM_STOP_ABANDONED) {
        put_down(runner, (struct history_event){.kind = HISTORY_COPIED,
                                                .error = observation.open_error,
                                                .observation = &observation});
    } else {
        put_down(runner, (struct history_event){.kind = HISTORY_STUCK, .index = stuck_how(stop)});
    }
}

/* The log does not open: on a copy of the disk an operator repairs it. */
static void look_at_repaired(struct runner *runner)
{
    struct sim_end end;

    runner->side_list = &runner->seen;
    runner->repair_needed = runner->repaired = false;
    runner->side = (struct history_observation){.recovery = true, .open_error = HISTORY_OTHER};
    sim_side_run(runner->world, NULL, run_repair_task, runner, &end);
    runner->repairs += sim_side_notes(runner->world)[WAL_NOTE_REPAIRED];
    if (end.stop != SIM_STOP_ABANDONED) {
        put_down(runner,
                 (struct history_event){.kind = HISTORY_STUCK, .index = stuck_how(end.stop)});
    } else if (runner->repair_needed) { /* Else any recovery would have shown the same. */
        put_down(runner, (struct history_event){.kind = HISTORY_REPAIRED,
                                                .error = runner->side.open_error,
                                                .flag = runner->repaired,
                                                .observation = &runner->side});
    }
}

static void after_end(struct runner *runner, const struct sim_end *end)
{
    if (end->leaked_blocks == 0 && end->leaked_descriptors == 0) return;
    put_down(runner, (struct history_event){.kind = HISTORY_LEAKED,
                                            .count = (uint32_t)end->leaked_blocks,
                                            .hash = end->leaked_bytes,
                                            .length = (uint32_t)end->leaked_descriptors});
}

/* What was damaged may be gone: a mark that was bad is replaced by the next one who opens the log.
 * Then it explains nothing that comes later. */
static void damage_gone(struct runner *runner)
{
    if (!runner->damage_told || disk_damaged(sim_disk(runner->world))) return;
    runner->damage_told = false;
    put_down(runner, (struct history_event){.kind = HISTORY_LIFTED});
}

/* One process from boot to death, and what follows. True if all properties hold so far. */
static bool one_boot(struct runner *runner)
{
    const struct run_options *options = runner->options;
    struct sim_end end;

    /* Not where a zombie lives. */
    const struct boot *taken = sim_has_zombie(runner->world) ? runner->paused : runner->boot;
    uint32_t which = taken == &runner->boots[0] ? 1 : 0;
    runner->boot = &runner->boots[which];
    *runner->boot = (struct boot){.runner = runner,
                                  .clients = runner->clients[which],
                                  .observed = &runner->observed[which],
                                  .opened_at = SIZE_MAX,
                                  .closing_at = SIZE_MAX};
    runner->copied = false;
    runner->copier = NULL;
    sim_boot(runner->world, run_main_task, runner->boot);
    runner->result.boots++;
    sim_run(runner->world, &end);
    runner->power_lost = end.stop == SIM_STOP_POWER;
    switch (end.stop) {
    case SIM_STOP_DONE: after_end(runner, &end); break;
    case SIM_STOP_DEADLOCK:
    case SIM_STOP_LIVELOCK:
    case SIM_STOP_MISALIGNED:
        put_down(runner,
                 (struct history_event){.kind = HISTORY_STUCK, .index = stuck_how(end.stop)});
        break;
    case SIM_STOP_KILLED:
    case SIM_STOP_POWER:
        runner->result.crashes++;
        run_add_milestone(runner, &end);
        run_count_death(runner, &end);
        /* As for a takeover that gave up half way, see run_main_task. */
        if (!run_has_log(runner->boot)) sim_zombie_kill(runner->world);
        break;
    case SIM_STOP_PAUSED: runner->paused = runner->boot; break; /* Its successor may meet it. */
    case SIM_STOP_ABANDONED: assert(0 && "only side processes are abandoned"); break;
    }
    damage_gone(runner);
    if (!fold(runner)) return false;
    if (runner->copied) {
        look_at_copy(runner);
        if (!fold(runner)) return false;
    }
    if (end.stop == SIM_STOP_POWER && !after_power_loss(runner)) return false;
    if (end.stop == SIM_STOP_KILLED && options->at_kill != NULL &&
        !options->at_kill(options->at_power_loss_context, runner)) {
        return false;
    }
    return fold(runner);
}

static void lift(struct runner *runner)
{
    if (!disk_damaged(sim_disk(runner->world))) return;
    disk_lift_damage(sim_disk(runner->world));
    runner->damage_told = false;
    put_down(runner, (struct history_event){.kind = HISTORY_LIFTED});
}

static bool all_begun(const struct runner *runner)
{
    for (uint32_t i = runner->next; i < runner->operation_count; i++) {
        if (!runner->begun[i]) return false;
    }
    return true;
}

/* Boots until every operation was tried. True if all held. */
static bool run_storm(struct runner *runner)
{
    do {
        if (!one_boot(runner)) return false;
        if (runner->boot->opened) {
            runner->failed_opens = 0;
        } else {
            /* Nobody could use the log. If bytes are damaged, that is why: an operator brings them
             * back. */
            runner->failed_opens++;
            if (foreign_log_under_test == NULL && runner->failed_opens == 1 &&
                disk_damaged(sim_disk(runner->world))) {
                look_at_repaired(runner);
                if (!fold(runner)) return false;
            }
            lift(runner);
        }
        if (!all_begun(runner)) run_damage(runner);
    } while (!all_begun(runner) && runner->result.boots < BOOTS_MAX);
    return true;
}

/* Faults stop: now the log must work. */
static bool run_calm(struct runner *runner)
{
    sim_heal(runner->world);
    runner->healed = true;
    lift(runner);
    put_down(runner, (struct history_event){.kind = HISTORY_HEALED});
    runner->probe = true;
    runner->failed_opens = 0;
    if (!one_boot(runner)) return false;
    put_down(runner, (struct history_event){.kind = HISTORY_ENDED});
    return fold(runner);
}

void runner_run(struct runner *runner, const struct scenario *scenario,
                const struct run_options *options, struct run_result *ret_result)
{
    struct run_result *result = &runner->result;

    runner->scenario = options->replay != NULL ? NULL : scenario;
    runner->own_options = *options;
    runner->options = &runner->own_options;
    run_begin(runner);
    if (run_storm(runner)) (void)run_calm(runner);
    result->digest = sim_world_digest(runner->world);
    result->operations = runner->operation_count;
    result->steps = sim_steps(runner->world);
    result->sim_ns = sim_now_ns(runner->world);
    for (size_t i = 0; i < faults_count; i++) {
        uint32_t number = faults_all[i].number;
        runner->struck[number] = fault_plan_struck(&runner->plan, number);
    }
    run_conclude(runner);
    *ret_result = *result;
}

const struct history *runner_history(const struct runner *runner)
{
    return &runner->history;
}

const struct sim_record *runner_record(const struct runner *runner)
{
    return sim_world_record(runner->world);
}

const uint32_t *runner_struck(const struct runner *runner)
{
    return runner->struck;
}

const struct fault_reach *runner_reach(const struct runner *runner, uint32_t number)
{
    return runner->plan.reach[number];
}

const struct fault_strike *runner_strikes(const struct runner *runner, uint32_t *ret_count)
{
    *ret_count = runner->plan.strike_count;
    return runner->plan.strikes;
}

uint64_t runner_note(const struct runner *runner, enum wal_note note)
{
    uint64_t count = sim_notes(runner->world)[note];

    return note == WAL_NOTE_REPAIRED ? count + runner->repairs : count;
}

const struct history_observation *runner_last_look(const struct runner *runner)
{
    return &runner->side;
}

struct sim_world *runner_world(const struct runner *runner)
{
    return runner->world;
}
