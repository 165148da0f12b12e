/*
 * sim_disk_door_test.c - the disk as processes meet it: its unit, its watch, and who hears of pages
 * that the kernel could not write back (F11).
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

/* ---- Who hears of a failed writeback ---- */

/* Each write fails to be written back when `armed`. */
static bool armed;

static void strike_writeback(void *context, struct sim_world *world, const struct sim_point *point,
                             struct sim_outcome *outcome)
{
    (void)context, (void)world;
    if (point->call == SIM_CALL_PWRITE) outcome->writeback_fails = armed;
    if (point->call == SIM_CALL_FSYNC && armed) {
        *outcome =
            (struct sim_outcome){.fsync_fails = true, .fsync_failure = DISK_FSYNC_NEW_IN_CACHE};
    }
}

static enum sim_stop run_failing(struct machine *machine, machine_body *body)
{
    armed = false;
    machine->options.strike = strike_writeback;
    machine->options.strike_calls = SIM_CALL_BIT(PWRITE) | SIM_CALL_BIT(FSYNC);
    return machine_fresh(machine, body);
}

static void lose_a_page(struct machine *machine, struct wal_file file)
{
    armed = true;
    machine_write(machine, file, 0, "lost"); /* It succeeds. */
    armed = false;
}

static void assert_nothing_durable(struct machine *machine, const char *name)
{
    struct disk *disk = sim_disk(machine->world);
    disk_inode inode = -1;
    uint64_t size;
    int32_t dir;

    assert_ok(disk_dir_find(disk, "/d", &dir));
    assert_ok(disk_open(disk, dir, name, false, false, &inode));
    const uint8_t *bytes = disk_durable(disk, inode, &size);
    assert_int_equal(size, 4);
    assert_memory_equal(bytes, "\0\0\0\0", 4);
    assert_string_equal(machine_text(machine, name), "lost"); /* In the cache only. */
}

static void hold_one_descriptor(struct machine *machine)
{
    machine_dir(machine);
    struct wal_file file = machine_open(machine, "f");
    lose_a_page(machine, file);
    assert_err(io_fdatasync(machine->io, file), WAL_IO);
    assert_ok(io_fdatasync(machine->io, file)); /* Told once. */
    assert_nothing_durable(machine, "f");
}

static void F11_who_held_the_file_since_the_write_hears(void **state)
{
    assert_int_equal(run_failing(*state, hold_one_descriptor), SIM_STOP_DONE);
}

static void hold_two_descriptors(struct machine *machine)
{
    machine_dir(machine);
    struct wal_file one = machine_open(machine, "f"), two = machine_open(machine, "f");
    struct wal_file other = machine_open(machine, "g");
    lose_a_page(machine, one);
    assert_ok(io_fdatasync(machine->io, other)); /* Another file. */
    assert_err(io_fdatasync(machine->io, two), WAL_IO);
    assert_err(io_fsync(machine->io, one), WAL_IO);
    assert_ok(io_fsync(machine->io, two));
    armed = true;
    assert_err(io_fsync(machine->io, one), WAL_IO); /* Struck itself: */
    armed = false;
    struct wal_file later = machine_open(machine, "f");
    assert_ok(io_fsync(machine->io, one));
    assert_err(io_fsync(machine->io, two), WAL_IO); /* this one was open then, */
    assert_ok(io_fsync(machine->io, later));        /* and this one was not. */
}

static void F11_each_descriptor_open_at_the_failure_hears_once(void **state)
{
    assert_int_equal(run_failing(*state, hold_two_descriptors), SIM_STOP_DONE);
}

static void close_and_reopen(struct machine *machine)
{
    machine_dir(machine);
    struct wal_file watcher = machine_open(machine, "f");
    struct wal_file writer = machine_open(machine, "f");
    lose_a_page(machine, writer);
    assert_ok(io_close(machine->io, writer));
    assert_err(io_fdatasync(machine->io, watcher), WAL_IO); /* Somebody else is told. */
    writer = machine_open(machine, "f");
    assert_ok(io_fdatasync(machine->io, writer)); /* The lie that loses a log its records. */
    assert_nothing_durable(machine, "f");
}

static void F11_who_reopens_after_another_was_told_hears_nothing(void **state)
{
    assert_int_equal(run_failing(*state, close_and_reopen), SIM_STOP_DONE);
}

static void reopen_untold(struct machine *machine)
{
    machine_dir(machine);
    struct wal_file writer = machine_open(machine, "f");
    lose_a_page(machine, writer);
    assert_ok(io_close(machine->io, writer));
    writer = machine_open(machine, "f");
    struct wal_file second = machine_open(machine, "f");
    assert_err(io_fdatasync(machine->io, writer), WAL_IO);
    struct wal_file third = machine_open(machine, "f");
    assert_err(io_fdatasync(machine->io, second), WAL_IO); /* It was opened before that. */
    assert_ok(io_fdatasync(machine->io, third));
}

static void F11_who_reopens_before_anybody_was_told_hears(void **state)
{
    assert_int_equal(run_failing(*state, reopen_untold), SIM_STOP_DONE);
}

static void lose_and_die(struct machine *machine)
{
    machine_dir(machine);
    lose_a_page(machine, machine_open(machine, "f"));
    sim_kill(machine->world);
}

static void lose_hear_and_die(struct machine *machine)
{
    machine_dir(machine);
    struct wal_file file = machine_open(machine, "f");
    lose_a_page(machine, file);
    assert_err(io_fsync(machine->io, file), WAL_IO);
    sim_kill(machine->world);
}

static void sync_and_hear(struct machine *machine)
{
    machine_dir(machine);
    assert_err(io_fsync(machine->io, machine_open(machine, "f")), WAL_IO);
}

static void sync_and_hear_nothing(struct machine *machine)
{
    machine_dir(machine);
    assert_ok(io_fsync(machine->io, machine_open(machine, "f")));
    assert_nothing_durable(machine, "f");
}

static void F11_the_next_process_hears_unless_the_last_one_did(void **state)
{
    struct machine *machine = *state;

    assert_int_equal(run_failing(machine, lose_and_die), SIM_STOP_KILLED);
    assert_int_equal(machine_run(machine, sync_and_hear), SIM_STOP_DONE);
    assert_int_equal(machine_run(machine, sync_and_hear_nothing), SIM_STOP_DONE);
    assert_int_equal(run_failing(machine, lose_hear_and_die), SIM_STOP_KILLED);
    assert_int_equal(machine_run(machine, sync_and_hear_nothing), SIM_STOP_DONE);
}

static void lose_through_dsync(struct machine *machine)
{
    struct wal_file file = WAL_FILE_NONE;
    size_t len = 77;

    machine_dir(machine);
    assert_ok(io_open(machine->io, machine->dir, "f",
                      WAL_OPEN_WRITE | WAL_OPEN_CREATE | WAL_OPEN_DSYNC, &file, NULL));
    armed = true;
    assert_err(io_pwrite(machine->io, file, 0, "lost", 4, &len), WAL_IO);
    armed = false;
    assert_int_equal(len, 77);
    assert_ok(io_pwrite(machine->io, file, 512, "kept", 4, &len));
    struct wal_file other = machine_open(machine, "f");
    lose_a_page(machine, other);
    assert_err(io_pwrite(machine->io, file, 512, "kept", 4, &len), WAL_IO);
}

static void F11_a_write_through_hears_by_itself(void **state)
{
    assert_int_equal(run_failing(*state, lose_through_dsync), SIM_STOP_DONE);
}

static void write_directly(struct machine *machine)
{
    static _Alignas(4096) char block[4096];
    struct wal_file file = WAL_FILE_NONE;
    size_t len = 0;

    machine_dir(machine);
    assert_ok(io_open(machine->io, machine->dir, "f",
                      WAL_OPEN_WRITE | WAL_OPEN_CREATE | WAL_OPEN_DIRECT, &file, NULL));
    armed = true;
    assert_ok(io_pwrite(machine->io, file, 0, block, sizeof block, &len));
    armed = false;
    assert_ok(io_fdatasync(machine->io, file));
}

static void F11_a_direct_write_has_no_pages_to_lose(void **state)
{
    assert_int_equal(run_failing(*state, write_directly), SIM_STOP_DONE);
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, machine_setup, machine_teardown)
    const struct CMUnitTest tests[] = {
        ROW(the_atomic_unit_of_the_disk_can_be_set),
        ROW(an_image_can_be_watched_on_the_side),
        ROW(F11_who_held_the_file_since_the_write_hears),
        ROW(F11_each_descriptor_open_at_the_failure_hears_once),
        ROW(F11_who_reopens_after_another_was_told_hears_nothing),
        ROW(F11_who_reopens_before_anybody_was_told_hears),
        ROW(F11_the_next_process_hears_unless_the_last_one_did),
        ROW(F11_a_write_through_hears_by_itself),
        ROW(F11_a_direct_write_has_no_pages_to_lose),
    };
#undef ROW
    return cmocka_run_group_tests_name("sim_disk_door", tests, NULL, NULL);
}
