/*
 * fault_zombie_test.c - a process is paused, its successor runs, and then it goes on (F39).
 */
#include "tests/fault_rig.h"

/* Write under a lock. */
static void write_locked(struct machine *machine)
{
    struct wal_file file = rig_open(machine, "a");

    assert_ok(io_lock(machine->io, file));
    assert_done(rig_put(machine, file, 0, 'A', 100), WAL_OK, 100);
    rig_shut(machine, file);
}

static void find_it_locked(struct machine *machine)
{
    struct wal_file file = rig_open(machine, "a");
    uint8_t byte;

    assert_err(io_lock(machine->io, file), WAL_LOCKED);
    assert_done(rig_get(machine, file, 0, &byte, 1), WAL_OK, 0);
    rig_shut(machine, file);
}

static void take_the_lock(struct machine *machine)
{
    struct wal_file file = rig_open(machine, "a");
    uint8_t byte;

    assert_ok(io_lock(machine->io, file));
    assert_done(rig_get(machine, file, 0, &byte, 1), WAL_OK, 0);
    rig_shut(machine, file);
}

/* When its successor has ended it goes on where it was, and writes. */
static void F39_a_process_is_paused_and_comes_back(void **state)
{
    void (*const successors[])(struct machine * machine) = {NULL, find_it_locked, take_the_lock};
    struct rig *rig = *state;
    uint8_t bytes[100];
    bool bad;

    for (uint32_t outcome = 1; outcome <= 2; outcome++) {
        rig_order(rig, 39, SIM_CALL_PWRITE, 0, outcome);
        assert_int_equal(machine_fresh(rig->machine, write_locked), SIM_STOP_PAUSED);
        assert_true(sim_has_zombie(rig->machine->world));
        assert_struck(rig, 39, 1);
        assert_int_equal(disk_read(rig_disk(rig), rig_inode(rig), 0, bytes, 100, &bad), 0);
        assert_int_equal(machine_run(rig->machine, successors[outcome]), SIM_STOP_DONE);
        assert_false(sim_has_zombie(rig->machine->world));
        assert_int_equal(disk_read(rig_disk(rig), rig_inode(rig), 0, bytes, 100, &bad), 100);
        assert_true(script_equal(bytes, 100, "A100"));
    }
}

/* One at a time: its successor is not paused. */
static void F39_there_is_one_at_a_time(void **state)
{
    struct rig *rig = *state;

    rig_allow(rig, 39, 65536);
    rig->machine->options.seed = 1;
    assert_int_equal(machine_fresh(rig->machine, write_locked), SIM_STOP_PAUSED);
    enum sim_stop stop = machine_run(rig->machine, rig_idle);
    assert_int_equal(stop, SIM_STOP_DONE);
    assert_struck(rig, 39, 1);
}

static bool mine(const struct fault *fault)
{
    return fault->number == 39;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(F39_a_process_is_paused_and_comes_back),
        RIG_TEST(F39_there_is_one_at_a_time),
    };

    rig_assert_covered(tests, sizeof tests / sizeof tests[0], mine);
    return cmocka_run_group_tests_name("fault_zombie", tests, NULL, NULL);
}
