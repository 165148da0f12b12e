/*
 * fault_sync_test.c - each way in which a sync fails: what is told, and what is durable.
 */
#include "tests/fault_rig.h"

static enum wal_err sync_by(struct machine *machine, struct wal_file file)
{
    return rig_of(machine)->call == SIM_CALL_FSYNC ? io_fsync(machine->io, file)
                                                   : io_fdatasync(machine->io, file);
}

/* 512 durable bytes, and new ones over and behind them. */
static struct wal_file unsynced(struct machine *machine)
{
    struct wal_file file = rig_open(machine, "a");

    assert_done(rig_put(machine, file, 0, 'A', 512), WAL_OK, 512);
    assert_ok(sync_by(machine, file));
    assert_ok(io_fsync_dir(machine->io, machine->dir));
    assert_done(rig_put(machine, file, 0, 'B', 1024), WAL_OK, 1024);
    return file;
}

static void second_sync_fails(struct machine *machine)
{
    struct wal_file file = unsynced(machine);

    assert_err(sync_by(machine, file), WAL_IO);
    assert_ok(sync_by(machine, file)); /* And proves nothing. */
    rig_shut(machine, file);
}

static void F08_a_failed_sync_leaves_clean_pages_that_are_not_on_disk(void **state)
{
    static const enum sim_call calls[] = {SIM_CALL_FSYNC, SIM_CALL_FDATASYNC};
    struct rig *rig = *state;

    for (size_t i = 0; i < 2; i++) {
        rig->plan.fsync_failure = DISK_FSYNC_NEW_IN_CACHE;
        rig_order(rig, 8, calls[i], 1, 1);
        assert_int_equal(machine_fresh(rig->machine, second_sync_fails), SIM_STOP_DONE);
        assert_shows(rig_disk(rig), "a", "B1024");
        assert_durable(rig_disk(rig), rig_inode(rig), "A512.512");
        assert_int_equal(disk_pending(rig_disk(rig)), 0);
        assert_struck(rig, 8, 1);
    }
}

static void F08_a_failed_sync_may_have_brought_some_chunks_to_the_disk(void **state)
{
    struct rig *rig = *state;

    rig->plan.fsync_failure = DISK_FSYNC_NEW_IN_CACHE;
    for (uint32_t chunk = 0; chunk < 2; chunk++) {
        rig_order(rig, 8, SIM_CALL_FSYNC, 1, 1);
        rig_decide(rig, SIM_STREAM_IMAGE, SIM_KIND_IMAGE + DISK_ASK_SYNC_CHUNK, SIM_CALL_HARNESS,
                   chunk, 1);
        assert_int_equal(machine_fresh(rig->machine, second_sync_fails), SIM_STOP_DONE);
        assert_durable(rig_disk(rig), rig_inode(rig), chunk == 0 ? "B512.512" : "A512B512");
    }
}

/* The two ordinary writes before it cannot be struck. */
static void write_that_syncs_fails(struct machine *machine)
{
    const enum wal_err err = rig_of(machine)->plan.odds[4] != 0 ? WAL_NOSPACE : WAL_IO;
    struct wal_file file = unsynced(machine), through = WAL_FILE_NONE;

    assert_ok(sync_by(machine, file));
    assert_ok(
        io_open(machine->io, machine->dir, "a", WAL_OPEN_WRITE | WAL_OPEN_DSYNC, &through, NULL));
    assert_done(rig_put(machine, through, 1024, 'C', 512), err, 0);
    assert_ok(io_close(machine->io, through));
    rig_shut(machine, file);
}

static void F08_a_write_that_syncs_fails_as_a_sync_does(void **state)
{
    static const uint32_t numbers[] = {4, 8};
    struct rig *rig = *state;

    for (size_t i = 0; i < 2; i++) {
        rig->plan.fsync_failure = DISK_FSYNC_NEW_IN_CACHE;
        rig_order(rig, numbers[i], SIM_CALL_PWRITE, 2, 1);
        assert_int_equal(machine_fresh(rig->machine, write_that_syncs_fails), SIM_STOP_DONE);
        assert_shows(rig_disk(rig), "a", "B1024C512");
        assert_durable(rig_disk(rig), rig_inode(rig), "B1024.512");
        assert_struck(rig, numbers[i], 1);
    }
}

static void directory_sync_fails(struct machine *machine)
{
    struct wal_file file = rig_open(machine, "a");

    assert_err(io_fsync_dir(machine->io, machine->dir), WAL_IO);
    assert_ok(io_fsync(machine->io, file));
    assert_ok(io_close(machine->io, file));
    sim_power_off(machine->world);
}

static void F08_a_failed_sync_of_a_directory_makes_no_name_durable(void **state)
{
    struct rig *rig = *state;

    rig_order(rig, 8, SIM_CALL_FSYNC_DIR, 0, 1);
    assert_int_equal(machine_fresh(rig->machine, directory_sync_fails), SIM_STOP_POWER);
    assert_absent(rig_settle(rig), "a");
    assert_struck(rig, 8, 1);
}

static void sync_fails_late(struct machine *machine)
{
    struct wal_file file = unsynced(machine);

    assert_ok(sync_by(machine, file)); /* A lie, which the next one admits. */
    assert_durable(sim_disk(machine->world), script_find(sim_disk(machine->world), "a"),
                   "A512.512");
    assert_err(sync_by(machine, file), WAL_IO);
    assert_ok(sync_by(machine, file));
    rig_shut(machine, file);
}

static void F09_a_sync_loses_pages_and_the_next_one_says_so(void **state)
{
    struct rig *rig = *state;

    rig->plan.fsync_failure = DISK_FSYNC_LATE;
    rig_order(rig, 9, SIM_CALL_FSYNC, 1, 1);
    assert_int_equal(machine_fresh(rig->machine, sync_fails_late), SIM_STOP_DONE);
    assert_shows(rig_disk(rig), "a", "B1024");
    assert_durable(rig_disk(rig), rig_inode(rig), "A512.512");
    assert_struck(rig, 9, 1);
}

static void F10_a_failed_sync_takes_cache_and_size_back(void **state)
{
    struct rig *rig = *state;

    rig->plan.fsync_failure = DISK_FSYNC_REVERT;
    rig_order(rig, 10, SIM_CALL_FSYNC, 1, 1);
    assert_int_equal(machine_fresh(rig->machine, second_sync_fails), SIM_STOP_DONE);
    assert_shows(rig_disk(rig), "a", "A512");
    assert_durable(rig_disk(rig), rig_inode(rig), "A512");
    assert_struck(rig, 10, 1);
}

static void sync_after_the_kernel_failed(struct machine *machine)
{
    struct wal_file file = unsynced(machine), other;

    assert_err(sync_by(machine, file), WAL_IO);
    assert_ok(sync_by(machine, file)); /* And proves nothing. */
    other = machine_open(machine, "a");
    assert_ok(sync_by(machine, other)); /* It came too late to hear of it. */
    assert_ok(io_close(machine->io, other));
    rig_shut(machine, file);
}

static void F11_the_kernel_loses_pages_and_the_next_sync_says_so(void **state)
{
    struct rig *rig = *state;

    rig_order(rig, 11, SIM_CALL_PWRITE, 1, 1);
    assert_int_equal(machine_fresh(rig->machine, sync_after_the_kernel_failed), SIM_STOP_DONE);
    assert_shows(rig_disk(rig), "a", "B1024");
    assert_durable(rig_disk(rig), rig_inode(rig), "A512.512");
    assert_struck(rig, 11, 1);
}

/* Whoever closes the file and opens it again before he syncs is told that all is well, if somebody
 * else was told that it is not: beyond the contract. Our log holds one descriptor. */
static void sync_by_another_descriptor(struct machine *machine)
{
    struct wal_file file = unsynced(machine), other = machine_open(machine, "a");

    assert_err(sync_by(machine, other), WAL_IO); /* It hears of it first, */
    assert_ok(io_close(machine->io, file));
    file = machine_open(machine, "a");
    assert_ok(sync_by(machine, file)); /* and who wrote never. */
    assert_ok(io_close(machine->io, other));
    rig_shut(machine, file);
}

static void F11_who_opens_the_file_again_may_not_hear_of_it(void **state)
{
    struct rig *rig = *state;

    rig_order(rig, 11, SIM_CALL_PWRITE, 1, 1);
    assert_int_equal(machine_fresh(rig->machine, sync_by_another_descriptor), SIM_STOP_DONE);
    assert_durable(rig_disk(rig), rig_inode(rig), "A512.512");
    assert_struck(rig, 11, 1);
}

static void sync_without_space(struct machine *machine)
{
    struct wal_file file = unsynced(machine);

    assert_err(sync_by(machine, file), WAL_NOSPACE);
    assert_ok(sync_by(machine, file)); /* And proves nothing. */
    rig_shut(machine, file);
}

static void F04_a_sync_finds_no_space_for_what_was_written(void **state)
{
    struct rig *rig = *state;

    rig->plan.fsync_failure = DISK_FSYNC_NEW_IN_CACHE;
    rig_order(rig, 4, SIM_CALL_FSYNC, 1, 1);
    assert_int_equal(machine_fresh(rig->machine, sync_without_space), SIM_STOP_DONE);
    assert_shows(rig_disk(rig), "a", "B1024");
    assert_durable(rig_disk(rig), rig_inode(rig), "A512.512");
    assert_struck(rig, 4, 1);
}

static void sync_lies(struct machine *machine)
{
    struct wal_file file = unsynced(machine);

    assert_ok(sync_by(machine, file));
    sim_power_off(machine->world);
}

static void F40_a_device_acknowledges_a_sync_and_forgets_it(void **state)
{
    struct rig *rig = *state;

    rig_order(rig, 40, SIM_CALL_FDATASYNC, 1, 1);
    assert_int_equal(machine_fresh(rig->machine, sync_lies), SIM_STOP_POWER);
    assert_shows(rig_settle(rig), "a", "A512");
    assert_int_equal(fault_plan_struck(&rig->plan, 40), 1);
    assert_int_equal(rig_injected(rig, 40), 0); /* A lie excuses nothing. */
}

static void write_beside(void *arg)
{
    struct machine *machine = arg;

    assert_ok(io_sleep(machine->io, machine->options.fsync_ns / 2, NULL));
    assert_done(rig_put(machine, rig_of(machine)->file, 512, 'B', 512), WAL_OK, 512);
}

static void sync_beside_a_writer(struct machine *machine)
{
    struct rig *rig = rig_of(machine);
    struct wal_task *task;

    rig->file = rig_open(machine, "a");
    assert_done(rig_put(machine, rig->file, 0, 'A', 512), WAL_OK, 512);
    assert_ok(io_spawn(machine->io, "writer", write_beside, machine, &task));
    assert_ok(io_fsync(machine->io, rig->file));
    assert_shows(sim_disk(machine->world), "a", "A512B512"); /* The write came first. */
    io_join(machine->io, task);
    rig_shut(machine, rig->file);
}

static void F12_a_sync_covers_only_writes_that_had_returned(void **state)
{
    struct rig *rig = *state;

    assert_int_equal(machine_fresh(rig->machine, sync_beside_a_writer), SIM_STOP_DONE);
    assert_shows(rig_disk(rig), "a", "A512B512");
    assert_durable(rig_disk(rig), rig_inode(rig), "A512");
    assert_true(disk_pending(rig_disk(rig)) > 0);
}

static bool mine(const struct fault *fault)
{
    return fault->number == 4 || (fault->number >= 8 && fault->number <= 12) || fault->number == 40;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(F04_a_sync_finds_no_space_for_what_was_written),
        RIG_TEST(F08_a_failed_sync_leaves_clean_pages_that_are_not_on_disk),
        RIG_TEST(F08_a_failed_sync_may_have_brought_some_chunks_to_the_disk),
        RIG_TEST(F08_a_write_that_syncs_fails_as_a_sync_does),
        RIG_TEST(F08_a_failed_sync_of_a_directory_makes_no_name_durable),
        RIG_TEST(F09_a_sync_loses_pages_and_the_next_one_says_so),
        RIG_TEST(F10_a_failed_sync_takes_cache_and_size_back),
        RIG_TEST(F11_the_kernel_loses_pages_and_the_next_sync_says_so),
        RIG_TEST(F11_who_opens_the_file_again_may_not_hear_of_it),
        RIG_TEST(F12_a_sync_covers_only_writes_that_had_returned),
        RIG_TEST(F40_a_device_acknowledges_a_sync_and_forgets_it),
    };

    rig_assert_covered(tests, sizeof tests / sizeof tests[0], mine);
    return cmocka_run_group_tests_name("fault_sync", tests, NULL, NULL);
}
