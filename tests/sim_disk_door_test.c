/*
 * sim_disk_door_test.c - the disk as processes meet it: its unit, its watch.
 */
#include "sim/disk_watch.h"
#include "tests/sim_machine.h"

static void write_unsynced(struct machine *machine)
{
    static char bytes[4096];
    struct wal_dir root = WAL_DIR_NONE;
    size_t len = 0;

    machine_dir(machine);
    assert_ok(io_dir_open(machine->io, "/", &root));
    assert_ok(io_fsync_dir(machine->io, root));
    struct wal_file file = machine_open(machine, "f");
    assert_ok(io_fsync_dir(machine->io, machine->dir));
    memset(bytes, 'o', sizeof bytes);
    assert_ok(io_pwrite(machine->io, file, 0, bytes, sizeof bytes, &len));
    assert_ok(io_fsync(machine->io, file));
    for (uint64_t i = 0; i < 3; i++) {
        memset(bytes, 'a' + (int)i, sizeof bytes);
        assert_ok(io_pwrite(machine->io, file, i * 512, bytes, 512, &len));
    }
    sim_power_off(machine->world);
}

static void read_one_sector(struct machine *machine)
{
    struct wal_file file = WAL_FILE_NONE;
    char bytes[10];
    size_t len = 0;

    machine_dir(machine);
    assert_ok(io_open(machine->io, machine->dir, "f", 0, &file, NULL));
    assert_ok(io_pread(machine->io, file, 600, bytes, sizeof bytes, &len));
    assert_ok(io_close(machine->io, file));
}

static void an_image_can_be_watched_on_the_side(void **state)
{
    static struct disk_watch watch;
    struct machine *machine = *state;
    disk_inode inode;
    uint64_t hash;
    int32_t dir;

    assert_int_equal(machine_fresh(machine, write_unsynced), SIM_STOP_POWER);
    struct disk *disk = sim_image_draw(machine->world, 1, &hash);
    assert_ok(disk_dir_find(disk, "/d", &dir));
    assert_non_null(disk_entry(disk, dir, 0, &inode));
    disk_watch_reads(disk, &watch);
    assert_int_equal(machine_side(machine, disk, read_one_sector), SIM_STOP_DONE);
    assert_true(watch.names);
    assert_true(disk_watch_saw_bytes(&watch, inode, 512, 512));
    assert_false(disk_watch_saw_bytes(&watch, inode, 0, 512));
    assert_false(disk_watch_saw_bytes(&watch, inode, 1024, UINT64_MAX));
    assert_false(disk_watch_saw_size(&watch, inode));
}

static void the_atomic_unit_of_the_disk_can_be_set(void **state)
{
    struct machine *machine = *state;

    machine_begin(machine);
    assert_int_equal(disk_chunk(sim_disk(machine->world)), 512);
    machine->options.chunk_bytes = 8;
    machine_begin(machine);
    assert_int_equal(disk_chunk(sim_disk(machine->world)), 8);
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, machine_setup, machine_teardown)
    const struct CMUnitTest tests[] = {
        ROW(the_atomic_unit_of_the_disk_can_be_set),
        ROW(an_image_can_be_watched_on_the_side),
    };
#undef ROW
    return cmocka_run_group_tests_name("sim_disk_door", tests, NULL, NULL);
}
