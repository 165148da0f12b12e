/*
 * fault_rig.h - a machine with a plan of faults, and a way to order one outcome of one of them.
 *
 * A fault is ordered as a replay orders it: its decision stands in a record, every other decision
 * is 0. So a test meets exactly the outcome that it names, and nothing else.
 */
#ifndef TESTS_FAULT_RIG_H
#define TESTS_FAULT_RIG_H

#include "tests/disk_script.h"
#undef assert_ok /* The machine's says which errors they were. */
#include "tests/sim_machine.h"

#include "faults/fault.h"

enum { RIG_ORDERS_MAX = 16, RIG_BYTES_MAX = 4096 };

struct rig {
    struct fault_plan plan; /* First: it is the context of the strike. */
    struct machine *machine;
    struct sim_decision orders[RIG_ORDERS_MAX];
    struct sim_record record;

    /* For bodies. */
    struct wal_file file;
    enum sim_call call;
    uint32_t outcome;
    size_t len;
};

static inline struct rig *rig_of(struct machine *machine)
{
    return machine->options.strike_context;
}

static inline int rig_setup(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);

    assert_non_null(rig);
    machine_setup((void **)&rig->machine);
    rig->machine->options.strike = fault_plan_strike;
    rig->machine->options.strike_context = rig;
    *state = rig;
    return 0;
}

static inline int rig_teardown(void **state)
{
    struct rig *rig = *state;

    machine_teardown((void **)&rig->machine);
    free(rig);
    return 0;
}

#define RIG_TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

/* Only this fault exists from now on. */
static inline void rig_allow(struct rig *rig, uint32_t number, uint32_t odds)
{
    enum disk_fsync_failure how = rig->plan.fsync_failure;

    memset(&rig->plan, 0, sizeof rig->plan);
    rig->plan.odds[number] = odds;
    rig->plan.fsync_failure = how;
    fault_plan_arm(&rig->plan);
    rig->record = (struct sim_record){.decisions = rig->orders};
    rig->machine->options.strike_calls = rig->plan.calls;
    rig->machine->options.replay = NULL;
}

static inline void rig_idle(struct machine *machine)
{
    (void)machine;
}

/* The nth decision (from 0) of this kind that the first process takes at this call. */
static inline void rig_decide(struct rig *rig, enum sim_stream stream, unsigned kind,
                              enum sim_call call, uint32_t nth, uint32_t outcome)
{
    struct machine *machine = rig->machine;
    size_t whos;

    machine->options.replay = NULL;
    machine_fresh(machine, rig_idle);
    uint64_t who = sim_world_whos(machine->world, &whos)[0].hash;
    assert_int_equal(whos, 1);
    assert_true(rig->record.count < RIG_ORDERS_MAX);
    rig->orders[rig->record.count++] = (struct sim_decision){.who = who,
                                                             .ordinal = nth,
                                                             .outcome = outcome,
                                                             .kind = (uint16_t)kind,
                                                             .call = (uint8_t)call,
                                                             .stream = (uint8_t)stream};
    machine->options.replay = &rig->record;
}

static inline void rig_also(struct rig *rig, uint32_t number, enum sim_call call, uint32_t nth,
                            uint32_t outcome)
{
    rig_decide(rig, SIM_STREAM_FAULT, SIM_KIND_FAULT + number, call, nth, outcome);
    rig->call = call;
    rig->outcome = outcome;
}

static inline void rig_order(struct rig *rig, uint32_t number, enum sim_call call, uint32_t nth,
                             uint32_t outcome)
{
    rig_allow(rig, number, 65536);
    rig_also(rig, number, call, nth, outcome);
}

static inline uint32_t rig_injected(const struct rig *rig, uint32_t number)
{
    const struct history *history = &rig->machine->history;
    uint32_t count = 0;

    for (size_t i = 0; i < history->count; i++) {
        const struct history_event *event = &history->events[i];
        count += event->kind == HISTORY_INJECTED && event->fault == number;
    }
    return count;
}

/* It struck so often, was put down as injected so often, and no other fault struck. */
#define assert_struck(rig, number, times)                                     \
    do {                                                                      \
        for (uint32_t other = 0; other < FAULT_NUMBER_COUNT; other++) {       \
            uint32_t wanted = other == (number) ? (times) : 0;                \
            assert_int_equal(fault_plan_struck(&(rig)->plan, other), wanted); \
            assert_int_equal(rig_injected(rig, other), wanted);               \
        }                                                                     \
    } while (0)

/* ---- For bodies: files lie in the root directory ---- */

struct done {
    enum wal_err err;
    size_t len;
};

static inline struct done rig_put(struct machine *machine, struct wal_file file, uint64_t offset,
                                  char letter, size_t len)
{
    uint8_t bytes[RIG_BYTES_MAX];
    struct done done = {WAL_OK, 0};

    memset(bytes, letter, len);
    done.err = io_pwrite(machine->io, file, offset, bytes, len, &done.len);
    return done;
}

static inline struct done rig_get(struct machine *machine, struct wal_file file, uint64_t offset,
                                  uint8_t *bytes, size_t len)
{
    struct done done = {WAL_OK, 0};

    done.err = io_pread(machine->io, file, offset, bytes, len, &done.len);
    return done;
}

static inline struct wal_file rig_open(struct machine *machine, const char *name)
{
    assert_ok(io_dir_open(machine->io, "/", &machine->dir));
    return machine_open(machine, name);
}

#define assert_done(call, expected, len) \
    assert_done_at(call, expected, len, #call, __FILE__, __LINE__)

static inline void assert_done_at(struct done done, enum wal_err err, size_t len, const char *call,
                                  const char *file, int line)
{
    assert_err_at(done.err, err, call, file, line);
    _assert_int_equal(done.len, len, file, line);
}

/* The end of a body that is through: everything is given back. */
static inline void rig_shut(struct machine *machine, struct wal_file file)
{
    assert_ok(io_close(machine->io, file));
    io_dir_close(machine->io, machine->dir);
}

static inline struct disk *rig_disk(const struct rig *rig)
{
    return sim_disk(rig->machine->world);
}

static inline disk_inode rig_inode(const struct rig *rig)
{
    return script_find(rig_disk(rig), "a");
}

/* Power was lost: go on with what is left. */
static inline struct disk *rig_settle(const struct rig *rig)
{
    sim_settle(rig->machine->world, NULL);
    return rig_disk(rig);
}

/* Each row of the catalogue for which `mine` holds has a test whose name begins with its id. */
static inline void rig_assert_covered(const struct CMUnitTest *tests, size_t count,
                                      bool (*mine)(const struct fault *fault))
{
    for (size_t i = 0; i < faults_count; i++) {
        size_t len = strlen(faults_all[i].id);
        size_t found = 0;
        for (size_t j = 0; j < count; j++) {
            found +=
                strncmp(tests[j].name, faults_all[i].id, len) == 0 && tests[j].name[len] == '_';
        }
        if (found == 0 && mine(&faults_all[i])) {
            (void)fprintf(stderr, "%s has no test\n", faults_all[i].id);
            abort();
        }
    }
}

#endif
