/*
 * sim_door_test.c - calls through the door: faults, syncs in flight, descriptors, memory, leaks.
 */
#include <stdlib.h>

#include "sim/memory.h"
#include "tests/sim_machine.h"

/* What a test's fault does, at the nth call of its kind. */
static struct {
    enum sim_call call;
    int skip;
    struct sim_outcome outcome;
    struct sim_point point;
    char name[64];
    int asked;
} plan;

static void strike(void *context, struct sim_world *world, const struct sim_point *point,
                   struct sim_outcome *outcome)
{
    (void)context, (void)world;
    if (point->call != plan.call || plan.asked++ != plan.skip) return;
    *outcome = plan.outcome;
    plan.point = *point;
    (void)snprintf(plan.name, sizeof plan.name, "%s", point->name);
}

static enum sim_stop run_struck(struct machine *machine, enum sim_call call, int skip,
                                struct sim_outcome outcome, machine_body *body)
{
    memset(&plan, 0, sizeof plan);
    plan.call = call;
    plan.skip = skip;
    plan.outcome = outcome;
    machine->options.strike = strike;
    machine->options.strike_calls = UINT64_C(1) << call;
    enum sim_stop stop = machine_fresh(machine, body);
    assert_true(plan.asked > skip);
    return stop;
}

/* ---- Faults obeyed ---- */

static void short_calls(struct machine *machine)
{
    char text[16];
    size_t len = 0;

    machine_dir(machine);
    struct wal_file file = machine_open(machine, "f");
    assert_ok(io_pwrite(machine->io, file, 0, "0123456789", 10, &len));
    assert_int_equal(len, plan.call == SIM_CALL_PWRITE ? 3 : 10);
    assert_ok(io_pwrite(machine->io, file, 0, "0123456789", 10, &len));
    assert_int_equal(len, 10);
    assert_ok(io_pread(machine->io, file, 2, text, sizeof text, &len));
    assert_int_equal(len, plan.call == SIM_CALL_PREAD ? 3 : 8);
    assert_memory_equal(text, "23456789", len);
    assert_ok(io_close(machine->io, file));
}

static void short_writes_and_reads_are_as_short_as_told(void **state)
{
    const struct sim_outcome three = {.len_max = 3};

    run_struck(*state, SIM_CALL_PWRITE, 0, three, short_calls);
    assert_string_equal(plan.name, "f");
    assert_int_equal(plan.point.len, 10);
    run_struck(*state, SIM_CALL_PREAD, 0, three, short_calls);
    assert_int_equal(plan.point.offset, 2);
}

static void failing_write(struct machine *machine)
{
    size_t len = 77;

    machine_dir(machine);
    struct wal_file file = machine_open(machine, "f");
    assert_err(io_pwrite(machine->io, file, 0, "0123456789", 10, &len), WAL_NOSPACE);
    assert_int_equal(len, 77);
    uint64_t size = 0;
    assert_ok(io_size(machine->io, file, &size));
    assert_int_equal(size, plan.outcome.some_written ? 4 : 0);
    assert_ok(io_close(machine->io, file));
}

static void a_failed_write_may_have_written_some(void **state)
{
    const struct sim_outcome none = {.err = WAL_NOSPACE};
    const struct sim_outcome some = {.err = WAL_NOSPACE, .some_written = true, .len_max = 4};

    assert_int_equal(run_struck(*state, SIM_CALL_PWRITE, 0, none, failing_write), SIM_STOP_DONE);
    assert_int_equal(run_struck(*state, SIM_CALL_PWRITE, 0, some, failing_write), SIM_STOP_DONE);
}

static void read_flipped(struct machine *machine)
{
    char text[4];
    size_t len = 0;

    machine_dir(machine);
    struct wal_file file = machine_open(machine, "f");
    machine_write(machine, file, 0, "aaaa");
    assert_ok(io_pread(machine->io, file, 0, text, 4, &len));
    assert_memory_equal(text, "aaca", 4);
    assert_ok(io_pread(machine->io, file, 0, text, 4, &len));
    assert_memory_equal(text, "aaaa", 4);
}

static void one_bit_is_flipped_in_one_read(void **state)
{
    const struct sim_outcome flip = {.flip_bit = 2 * 8 + 1 + 1};

    assert_int_equal(run_struck(*state, SIM_CALL_PREAD, 0, flip, read_flipped), SIM_STOP_DONE);
}

static void close_failing(struct machine *machine)
{
    machine_dir(machine);
    struct wal_file file = machine_open(machine, "f");
    assert_err(io_close(machine->io, file), WAL_IO);
    struct wal_file again = machine_open(machine, "f");
    assert_int_equal(again.id, file.id);
    assert_ok(io_close(machine->io, again));
    io_dir_close(machine->io, machine->dir);
}

static void a_descriptor_is_gone_also_when_close_fails(void **state)
{
    struct machine *machine = *state;
    const struct sim_outcome fails = {.err = WAL_IO};

    assert_int_equal(run_struck(machine, SIM_CALL_CLOSE, 0, fails, close_failing), SIM_STOP_DONE);
    assert_int_equal(machine->end.leaked_descriptors, 0);
}

static void open_slowly(struct machine *machine)
{
    machine_dir(machine);
    (void)machine_open(machine, "f");
}

static void a_delay_takes_virtual_time(void **state)
{
    struct machine *machine = *state;
    const struct sim_outcome slow = {.delay_ns = 1000000000};

    run_struck(machine, SIM_CALL_OPEN, 0, slow, open_slowly);
    assert_int_equal(plan.point.flags, WAL_OPEN_WRITE | WAL_OPEN_CREATE);
    assert_in_range(sim_now_ns(machine->world), 1000000000, 1000010000);
}

/* ---- Syncs ---- */

static uint64_t durable_bytes(struct machine *machine, const char *name)
{
    struct disk *disk = sim_disk(machine->world);
    const char *entry;
    disk_inode inode;
    uint64_t size = 0;
    int32_t dir;

    assert_ok(disk_dir_find(disk, "/d", &dir));
    for (size_t i = 0; (entry = disk_entry(disk, dir, i, &inode)) != NULL; i++) {
        if (strcmp(entry, name) == 0) (void)disk_durable(disk, inode, &size);
    }
    return size;
}

static struct wal_file synced_file;

static void sync_it(void *arg)
{
    struct machine *machine = arg;

    assert_ok(io_fdatasync(machine->io, synced_file));
}

static void write_during_a_sync(struct machine *machine)
{
    struct wal_task *task = NULL;

    machine_dir(machine);
    synced_file = machine_open(machine, "f");
    machine_write(machine, synced_file, 0, "before");
    assert_ok(io_spawn(machine->io, "syncer", sync_it, machine, &task));
    assert_ok(io_sleep(machine->io, machine->options.fsync_ns / 2, NULL));
    machine_write(machine, synced_file, 6, "during");
    assert_int_equal(durable_bytes(machine, "f"), 0);
    io_join(machine->io, task);
    assert_int_equal(durable_bytes(machine, "f"), 6);
    assert_ok(io_fdatasync(machine->io, synced_file));
    assert_int_equal(durable_bytes(machine, "f"), 12);
}

static void a_sync_does_not_cover_what_is_written_during_it(void **state)
{
    assert_int_equal(machine_fresh(*state, write_during_a_sync), SIM_STOP_DONE);
}

static void sync_failing(struct machine *machine)
{
    machine_dir(machine);
    struct wal_file file = machine_open(machine, "f");
    machine_write(machine, file, 0, "text");
    enum wal_err expected = plan.outcome.fsync_lies ? WAL_OK : WAL_IO;
    if (plan.outcome.fsync_failure == DISK_FSYNC_LATE) expected = WAL_OK;
    assert_err(io_fsync(machine->io, file), expected);
    if (plan.outcome.fsync_failure == DISK_FSYNC_LATE) {
        assert_err(io_fsync(machine->io, file), WAL_IO);
    }
    bool waits = plan.outcome.fsync_failure == DISK_FSYNC_CLEAN || plan.outcome.fsync_lies;
    assert_ok(io_fsync(machine->io, file));
    if (waits) assert_int_equal(durable_bytes(machine, "f"), 4);
}

static void a_sync_fails_in_the_way_told(void **state)
{
    struct machine *machine = *state;
    static const enum disk_fsync_failure ways[] = {DISK_FSYNC_NEW_IN_CACHE, DISK_FSYNC_LATE,
                                                   DISK_FSYNC_REVERT, DISK_FSYNC_CLEAN};

    for (size_t i = 0; i < 4; i++) {
        const struct sim_outcome fails = {.fsync_fails = true, .fsync_failure = ways[i]};
        assert_int_equal(run_struck(machine, SIM_CALL_FSYNC, 0, fails, sync_failing),
                         SIM_STOP_DONE);
    }
    const struct sim_outcome lies = {.fsync_lies = true, .fsync_failure = DISK_FSYNC_CLEAN};
    assert_int_equal(run_struck(machine, SIM_CALL_FSYNC, 0, lies, sync_failing), SIM_STOP_DONE);
}

static void write_through(struct machine *machine)
{
    struct wal_file file = WAL_FILE_NONE;

    machine_dir(machine);
    assert_ok(io_open(machine->io, machine->dir, "f",
                      WAL_OPEN_WRITE | WAL_OPEN_CREATE | WAL_OPEN_DSYNC, &file, NULL));
    machine_write(machine, file, 0, "text");
    assert_int_equal(durable_bytes(machine, "f"), 4);
}

static void a_write_through_is_durable_when_it_returns(void **state)
{
    struct machine *machine = *state;

    assert_int_equal(machine_fresh(machine, write_through), SIM_STOP_DONE);
    assert_true(sim_now_ns(machine->world) >= machine->options.fsync_ns);
}

/* ---- Files ---- */

static void misalign(struct machine *machine)
{
    struct wal_file file = WAL_FILE_NONE;
    static _Alignas(4096) char block[8192];
    uint32_t align = 0;
    size_t len = 0;

    machine_dir(machine);
    assert_ok(io_open(machine->io, machine->dir, "f",
                      WAL_OPEN_WRITE | WAL_OPEN_CREATE | WAL_OPEN_DIRECT, &file, &align));
    assert_true(align == 512 || align == 4096);
    assert_ok(io_pwrite(machine->io, file, align, block, align, &len));
    err_ignore(io_pwrite(machine->io, file, align + 1, block, align, &len)); /* Never returns. */
    fail();
}

static void a_misaligned_direct_call_ends_the_process(void **state)
{
    struct machine *machine = *state;

    assert_int_equal(machine_fresh(machine, misalign), SIM_STOP_MISALIGNED);
    assert_int_equal(machine->end.call, SIM_CALL_PWRITE);
}

static void short_direct(struct machine *machine)
{
    struct wal_file file = WAL_FILE_NONE;
    static _Alignas(4096) char block[16384];
    uint32_t align = 0;
    size_t len = 0;

    machine_dir(machine);
    assert_ok(io_open(machine->io, machine->dir, "f",
                      WAL_OPEN_WRITE | WAL_OPEN_CREATE | WAL_OPEN_DIRECT, &file, &align));
    assert_ok(io_pwrite(machine->io, file, 0, block, (size_t)align * 4, &len));
    assert_int_equal(len, plan.skip == 0 ? align : align * 4);
    assert_ok(io_pwrite(machine->io, file, 0, block, (size_t)align * 4, &len));
    assert_int_equal(len, align * 4);
}

static void a_short_direct_write_is_cut_at_its_unit(void **state)
{
    struct machine *machine = *state;
    const struct sim_outcome uneven = {.len_max = machine->options.profile->chunk_bytes + 100};
    const struct sim_outcome tiny = {.len_max = 100};

    assert_int_equal(run_struck(machine, SIM_CALL_PWRITE, 0, uneven, short_direct), SIM_STOP_DONE);
    assert_int_equal(run_struck(machine, SIM_CALL_PWRITE, 1, tiny, short_direct), SIM_STOP_DONE);
}

static void lock_twice(struct machine *machine)
{
    machine_dir(machine);
    struct wal_file one = machine_open(machine, "f");
    struct wal_file two = machine_open(machine, "f");
    assert_ok(io_lock(machine->io, one));
    assert_err(io_lock(machine->io, two), WAL_LOCKED);
    assert_ok(io_close(machine->io, one));
    assert_ok(io_lock(machine->io, two));
    sim_kill(machine->world);
}

static void a_lock_is_held_once_until_closed_or_dead(void **state)
{
    struct machine *machine = *state;

    assert_int_equal(machine_fresh(machine, lock_twice), SIM_STOP_KILLED);
    assert_int_equal(machine_run(machine, lock_twice), SIM_STOP_KILLED);
}

static void open_too_many(struct machine *machine)
{
    struct wal_file file = WAL_FILE_NONE;
    int opened = 1;

    machine_dir(machine);
    while (io_open(machine->io, machine->dir, "f", WAL_OPEN_WRITE | WAL_OPEN_CREATE, &file, NULL) ==
           WAL_OK) {
        opened++;
        assert_true(opened <= 256);
    }
    assert_int_equal(opened, 256);
    assert_ok(io_close(machine->io, file));
    assert_int_equal(machine_open(machine, "f").id, file.id);
}

static void descriptors_are_limited_and_come_back(void **state)
{
    struct machine *machine = *state;

    assert_int_equal(machine_fresh(machine, open_too_many), SIM_STOP_DONE);
    assert_int_equal(machine->end.leaked_descriptors, 256);
}

static void map_and_list(struct machine *machine)
{
    const uint8_t *window = NULL;
    char *names = NULL;
    size_t bytes = 0;

    machine_dir(machine);
    assert_ok(io_list(machine->io, machine->dir, &names, &bytes));
    assert_null(names);
    struct wal_file file = machine_open(machine, "ab");
    (void)machine_open(machine, "c");
    machine_write(machine, file, 0, "0123456789");
    assert_err(io_map(machine->io, file, 0, 4097, &window), WAL_INVALID);
    assert_ok(io_map(machine->io, file, 0, 10, &window));
    assert_memory_equal(window, "0123456789", 10);
    io_unmap(machine->io, window, 10);
    assert_ok(io_list(machine->io, machine->dir, &names, &bytes));
    assert_int_equal(bytes, 5);
    assert_memory_equal(names, "ab\0c", 5);
    io_free(machine->io, names, bytes);
}

static void windows_and_names_are_memory_of_the_process(void **state)
{
    struct machine *machine = *state;

    assert_int_equal(machine_fresh(machine, map_and_list), SIM_STOP_DONE);
    assert_int_equal(machine->end.leaked_blocks, 0);
}

static void write_a_sector(struct machine *machine)
{
    static char sector[DISK_SECTOR_BYTES];
    size_t len = 0;

    machine_dir(machine);
    struct wal_file file = machine_open(machine, "f");
    assert_ok(io_pwrite(machine->io, file, 0, sector, sizeof sector, &len));
    assert_ok(io_fsync(machine->io, file));
}

static void read_it_badly(struct machine *machine)
{
    const uint8_t *window = NULL;
    struct wal_file file = WAL_FILE_NONE;
    char byte;
    size_t len = 77;

    machine_dir(machine);
    assert_ok(io_open(machine->io, machine->dir, "f", 0, &file, NULL));
    assert_err(io_pread(machine->io, file, 0, &byte, 1, &len), WAL_IO);
    assert_int_equal(len, 77);
    assert_err(io_map(machine->io, file, 0, 1, &window), WAL_IO);
}

static void an_unreadable_sector_is_a_device_error(void **state)
{
    struct machine *machine = *state;
    disk_inode inode;
    int32_t dir;

    assert_int_equal(machine_fresh(machine, write_a_sector), SIM_STOP_DONE);
    struct disk *disk = sim_disk(machine->world);
    assert_ok(disk_dir_find(disk, "/d", &dir));
    assert_non_null(disk_entry(disk, dir, 0, &inode));
    disk_damage(disk, inode, 0, DISK_DAMAGE_UNREADABLE, 0);
    assert_int_equal(machine_run(machine, read_it_badly), SIM_STOP_DONE);
    assert_int_equal(machine->end.leaked_blocks, 0);
}

/* ---- Memory ---- */

static void fill_and_free(struct machine *machine)
{
    for (size_t size = 1; size < 100000; size = size * 3 + 1) {
        unsigned char *bytes = io_alloc(machine->io, size);
        assert_non_null(bytes);
        assert_int_equal((uintptr_t)bytes % 16, 0);
        size_t filled = size < MEMORY_JUNK_BYTES ? size : MEMORY_JUNK_BYTES;
        for (size_t i = 0; i < filled; i++) assert_int_equal(bytes[i], machine->options.junk);
        memset(bytes, 1, size);
        if (size % 2 == 0) io_free(machine->io, bytes, size);
    }
}

static void fresh_memory_is_junk_and_what_is_left_is_counted(void **state)
{
    struct machine *machine = *state;
    size_t blocks = 0, bytes = 0;

    for (size_t size = 1; size < 100000; size = size * 3 + 1) {
        blocks += size % 2;
        bytes += size % 2 == 0 ? 0 : size;
    }
    for (int bump = 0; bump < 2; bump++) {
        machine->options.bump_memory = bump != 0;
        machine->options.junk = (uint8_t)(0x11 + bump);
        machine_begin(machine);
        for (int i = 0; i < 3; i++) {
            assert_int_equal(machine_run(machine, fill_and_free), SIM_STOP_DONE);
            assert_int_equal(machine->end.leaked_blocks, blocks);
            assert_int_equal(machine->end.leaked_bytes, bytes);
        }
    }
}

static void nobody(void *arg)
{
    (void)arg;
}

static void leave_all_behind(struct machine *machine)
{
    struct wal_mutex *mutex = NULL;
    struct wal_task *task = NULL;

    machine_dir(machine);
    (void)machine_open(machine, "f");
    assert_ok(io_mutex_create(machine->io, &mutex));
    assert_ok(io_spawn(machine->io, "nobody", nobody, NULL, &task));
}

static void locks_tasks_and_descriptors_left_behind_are_leaks(void **state)
{
    struct machine *machine = *state;

    assert_int_equal(machine_fresh(machine, leave_all_behind), SIM_STOP_DONE);
    assert_int_equal(machine->end.leaked_blocks, 2); /* The lock, and the task. */
    assert_int_equal(machine->end.leaked_descriptors, 2);
}

static void run_out(struct machine *machine)
{
    struct wal_mutex *mutex = NULL;
    struct wal_task *task = NULL;

    assert_null(io_alloc(machine->io, 100));
    assert_err(io_mutex_create(machine->io, &mutex), WAL_NOMEM);
    assert_err(io_spawn(machine->io, "task", nobody, NULL, &task), WAL_NOMEM);
}

static void memory_can_be_short(void **state)
{
    struct machine *machine = *state;

    machine->options.alloc_odds = 65536;
    assert_int_equal(machine_fresh(machine, run_out), SIM_STOP_DONE);
    size_t injected = 0;
    for (size_t i = 0; i < machine->history.count; i++) {
        if (machine->history.events[i].kind != HISTORY_INJECTED) continue;
        assert_int_equal(machine->history.events[i].fault, 19);
        injected++;
    }
    assert_int_equal(injected, 3);
}

/* ---- Time and chance ---- */

static uint64_t salts[2];

static void draw_salts(struct machine *machine)
{
    assert_ok(io_random(machine->io, &salts[0], sizeof salts[0]));
    if (plan.asked > 0) (void)sim_decide(machine->world, SIM_STREAM_FAULT, 70, SIM_CALL_NOTE, 9);
    assert_ok(io_random(machine->io, &salts[1], sizeof salts[1]));
    uint64_t now_ns = io_monotonic_ns(machine->io);
    uint64_t wall_ns = io_wall_ns(machine->io);
    assert_int_equal(wall_ns, machine->options.wall_start_ns + now_ns + 100);
    io_note(machine->io, WAL_NOTE_ROTATED);
}

static void random_is_the_seeds_and_nobody_elses(void **state)
{
    struct machine *machine = *state;
    uint64_t before[2];

    plan.asked = 0;
    machine_fresh(machine, draw_salts);
    memcpy(before, salts, sizeof before);
    assert_int_not_equal(salts[0], salts[1]);
    plan.asked = 1;
    machine_fresh(machine, draw_salts);
    assert_memory_equal(before, salts, sizeof before);
    assert_int_equal(sim_notes(machine->world)[WAL_NOTE_ROTATED], 1);
    machine_run(machine, draw_salts); /* Another boot. */
    assert_int_not_equal(before[0], salts[0]);
    machine->options.seed = 2;
    machine_fresh(machine, draw_salts);
    assert_int_not_equal(before[0], salts[0]);
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, machine_setup, machine_teardown)
    const struct CMUnitTest tests[] = {
        ROW(short_writes_and_reads_are_as_short_as_told),
        ROW(a_failed_write_may_have_written_some),
        ROW(one_bit_is_flipped_in_one_read),
        ROW(a_descriptor_is_gone_also_when_close_fails),
        ROW(a_delay_takes_virtual_time),
        ROW(a_sync_does_not_cover_what_is_written_during_it),
        ROW(a_sync_fails_in_the_way_told),
        ROW(a_write_through_is_durable_when_it_returns),
        ROW(a_misaligned_direct_call_ends_the_process),
        ROW(a_short_direct_write_is_cut_at_its_unit),
        ROW(a_lock_is_held_once_until_closed_or_dead),
        ROW(descriptors_are_limited_and_come_back),
        ROW(windows_and_names_are_memory_of_the_process),
        ROW(an_unreadable_sector_is_a_device_error),
        ROW(fresh_memory_is_junk_and_what_is_left_is_counted),
        ROW(locks_tasks_and_descriptors_left_behind_are_leaks),
        ROW(memory_can_be_short),
        ROW(random_is_the_seeds_and_nobody_elses),
    };
#undef ROW
    return cmocka_run_group_tests_name("sim_door", tests, NULL, NULL);
}
