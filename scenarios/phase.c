/*
 * phase.c - in which part of the log's life a call or a crash falls, and what faults reached there.
 *
 * A phase is told from what the program is at (its log is not open yet, open, being closed) and
 * from what the call is about: a segment, the mark, a name, or something that is only read. A file
 * is known by the names it has now: the log writes segments under the name they had when they were
 * made.
 */
#include <string.h>

#include "scenarios/run.h"

#define CALLS_READING                                                                        \
    (SIM_CALL_BIT(PREAD) | SIM_CALL_BIT(LIST) | SIM_CALL_BIT(DIR_OPEN) | SIM_CALL_BIT(MAP) | \
     SIM_CALL_BIT(SIZE))
#define CALLS_ON_NAMES                                                                       \
    (SIM_CALL_BIT(OPEN) | SIM_CALL_BIT(LINK) | SIM_CALL_BIT(RENAME) | SIM_CALL_BIT(UNLINK) | \
     SIM_CALL_BIT(FSYNC_DIR) | SIM_CALL_BIT(MKDIR))

static bool ends_with(const char *name, const char *end)
{
    size_t name_len = strlen(name), end_len = strlen(end);

    return name_len >= end_len && strcmp(name + name_len - end_len, end) == 0;
}

enum run_file run_file(const struct runner *runner, disk_inode inode)
{
    struct disk *disk = sim_disk(runner->world);
    enum run_file file = RUN_FILE_OTHER;
    disk_inode named;
    int32_t dir;
    const char *name;

    if (inode < 0 || disk_dir_find(disk, RUN_LOG_PATH, &dir) != WAL_OK) return RUN_FILE_NONE;
    for (size_t i = 0; (name = disk_entry(disk, dir, i, &named)) != NULL; i++) {
        if (named != inode) continue;
        if (ends_with(name, ".wal")) return RUN_FILE_SEGMENT;
        if (strncmp(name, "mark", 4) == 0) file = RUN_FILE_MARK;
    }
    return file;
}

static enum operation_kind kind_of(const struct runner *runner, uint32_t number)
{
    /* Unless some were taken away it lies where its number says. */
    if (number < runner->operation_count && runner->operations[number].number == number) {
        return runner->operations[number].kind;
    }
    for (uint32_t i = 0; i < runner->operation_count; i++) {
        if (runner->operations[i].number == number) return runner->operations[i].kind;
    }
    return OPERATION_KIND_COUNT;
}

enum fault_phase run_phase(void *context, const struct sim_point *point)
{
    const struct runner *runner = context;
    const struct boot *boot = runner->boot;
    uint64_t call = UINT64_C(1) << point->call;
    bool opens = (call & (SIM_CALL_BIT(OPEN) | SIM_CALL_BIT(CLOSE))) != 0;

    if (boot->closing) return FAULT_CLOSE;
    if (!run_has_log(boot)) return FAULT_RECOVERY;
    if (run_cuts(kind_of(runner, point->operation))) return FAULT_CUT;
    if ((call & CALLS_READING) != 0 || (opens && (point->flags & WAL_OPEN_WRITE) == 0)) {
        return FAULT_READ;
    }
    if ((call & CALLS_ON_NAMES) != 0) return FAULT_ROTATE;
    switch (run_file(runner, point->inode)) {
    case RUN_FILE_NONE:
    case RUN_FILE_SEGMENT: return FAULT_COMMIT;
    case RUN_FILE_MARK: return FAULT_MARK;
    case RUN_FILE_OTHER: return FAULT_ROTATE;
    }
    return FAULT_COMMIT;
}

/* A crash says nothing of flags: a file that is opened or closed counts as one that is written. */
static enum fault_phase crash_phase(struct runner *runner, const struct sim_end *end)
{
    const struct sim_point point = {.call = end->call,
                                    .name = "",
                                    .inode = end->inode,
                                    .flags = WAL_OPEN_WRITE,
                                    .operation = end->operation};

    return run_phase(runner, &point);
}

/* The decision that struck last, of this kind. */
static struct fault_strike strike_of(const struct runner *runner, uint32_t number,
                                     enum fault_phase phase, unsigned kind)
{
    const struct sim_record *record = sim_world_record(runner->world);
    struct fault_strike strike = {.number = number, .phase = phase};

    for (size_t i = record->count; i > 0 && strike.decisions == 0; i--) {
        if (record->decisions[i - 1].kind != kind) continue;
        strike.decision = (uint32_t)i - 1;
        strike.decisions = 1;
    }
    return strike;
}

void run_count_death(struct runner *runner, const struct sim_end *end)
{
    enum fault_phase phase = crash_phase(runner, end);
    struct fault_strike strike = strike_of(runner, 0, phase, SIM_KIND_CRASH);

    runner->death = phase;
    if (end->call == SIM_CALL_HARNESS) strike.decisions = 0; /* The workload's own. */
    for (strike.number = 37; strike.number <= 38; strike.number++) {
        bool it = strike.number == 37 ? phase == FAULT_RECOVERY : end->stop == SIM_STOP_KILLED;
        if (!it) continue;
        runner->plan.reach[strike.number][phase].drawn++;
        fault_plan_count(&runner->plan, &strike);
    }
}

/* In which mode the image was drawn that the run goes on with. */
static enum disk_crash_mode mode_of(const struct runner *runner, size_t first_decision)
{
    const struct sim_record *record = sim_world_record(runner->world);

    for (size_t i = first_decision; i < record->count; i++) {
        const struct sim_decision *decision = &record->decisions[i];
        if (decision->kind == SIM_KIND_IMAGE + DISK_ASK_MODE) {
            return disk_image_mode(decision->outcome, runner->config.image_modes);
        }
    }
    return disk_image_mode(0, runner->config.image_modes);
}

void run_count_crash(struct runner *runner, const struct disk_crash_tally *tally,
                     size_t first_decision)
{
    const struct sim_record *record = sim_world_record(runner->world);
    uint32_t pending = tally->chunks_pending, kept = tally->chunks_kept;
    bool some = kept > 0 && kept < pending;
    bool prefix = mode_of(runner, first_decision) == DISK_PREFIX;
    uint32_t chunk_bytes = runner->config.chunk_bytes;
    bool another_unit = chunk_bytes != 0 && chunk_bytes != runner->config.profile->chunk_bytes;
    const struct {
        uint32_t number;
        bool shown;
    } rows[] = {
        {20, pending > 0 && kept == 0},
        {21, pending > 0 && kept == pending},
        {22, some && prefix},
        {23, some && !prefix},
        {24, tally->sizes_without_data > 0},
        {25, tally->chunks_garbage > 0 || tally->chunks_stale > 0},
        {26, tally->data_without_size > 0},
        {27, tally->chunks_torn > 0},
        {28, some && another_unit},
        {29, tally->creates_lost > 0},
        {30, tally->renames_undone > 0},
        {31, tally->renames_both + tally->renames_neither > 0},
        {32, tally->names_reordered > 0},
        {33, tally->unlinks_undone > 0},
        {34, tally->truncations_undone > 0},
        {35, tally->reservations_lost > 0},
        {36, tally->chunks_recycled > 0},
    };

    runner->result.crashes_pending += pending > 0;
    uint32_t decisions = (uint32_t)(record->count - first_decision);

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fault_strike strike = {.decision = (uint32_t)first_decision,
                                      .decisions = decisions,
                                      .number = rows[i].number,
                                      .phase = runner->death};
        bool allowed = runner->plan.odds[strike.number] != 0;
        bool possible = allowed && pending + tally->names_pending > 0;

        if (possible || rows[i].shown) runner->plan.reach[strike.number][strike.phase].drawn++;
        if (rows[i].shown) fault_plan_count(&runner->plan, &strike);
    }
}

/* An allocation failed while event `index` was the next. */
static enum fault_phase alloc_phase(const struct runner *runner, size_t index)
{
    const struct boot *boot = runner->boot;

    if (index < boot->opened_at) return FAULT_RECOVERY;
    if (index >= boot->closing_at) return FAULT_CLOSE;
    enum operation_kind kind = kind_of(runner, runner->history.events[index].operation);
    if (run_cuts(kind)) return FAULT_CUT;
    bool reads =
        kind == OPERATION_READ || kind == OPERATION_READ_MAPPED || kind == OPERATION_FOLLOW;
    return reads ? FAULT_READ : FAULT_COMMIT;
}

void run_count_alloc(struct runner *runner, size_t index)
{
    const struct sim_record *record = sim_world_record(runner->world);
    struct fault_strike strike = {.number = 19, .phase = alloc_phase(runner, index)};

    while (runner->alloc_next < record->count && strike.decisions == 0) {
        if (record->decisions[runner->alloc_next].kind == SIM_KIND_ALLOC) {
            strike.decision = (uint32_t)runner->alloc_next;
            strike.decisions = 1;
        }
        runner->alloc_next++;
    }
    runner->plan.reach[19][strike.phase].drawn++;
    fault_plan_count(&runner->plan, &strike);
}

void run_count_copy(struct runner *runner)
{
    const struct fault_strike strike = {.number = 49, .phase = FAULT_READ};

    runner->plan.reach[strike.number][strike.phase].drawn++;
    fault_plan_count(&runner->plan, &strike);
}
