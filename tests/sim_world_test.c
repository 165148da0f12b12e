/*
 * sim_world_test.c - runs, crashes at every call, images, processes on the side.
 */
#include <stdlib.h>

#include "tests/sim_machine.h"

enum { CRASH_BEFORE = 1, CRASH_INSIDE, CRASH_AFTER, KILL_BEFORE, KILL_INSIDE, KILL_AFTER };

/* Some of everything: the work of most tests here. */
static void helper_task(void *arg)
{
    struct machine *machine = arg;
    struct wal_file file = machine_open(machine, "helper");

    machine_write(machine, file, 0, "by the helper");
    assert_ok(io_fsync(machine->io, file));
    assert_ok(io_close(machine->io, file));
}

static void sync_root(struct machine *machine)
{
    struct wal_dir root = WAL_DIR_NONE;

    assert_ok(io_dir_open(machine->io, "/", &root));
    assert_ok(io_fsync_dir(machine->io, root));
    io_dir_close(machine->io, root);
}

static void work(struct machine *machine)
{
    struct wal_io *io = machine->io;
    struct wal_task *task = NULL;
    uint64_t salt = 0;

    machine_dir(machine);
    sync_root(machine);
    assert_ok(io_spawn(io, "helper", helper_task, machine, &task));
    struct wal_file file = machine_open(machine, "new");
    void *memory = io_alloc(io, 1000);
    assert_non_null(memory);
    assert_ok(io_random(io, &salt, sizeof salt));
    machine_write(machine, file, 0, "0123456789");
    assert_ok(io_fdatasync(io, file));
    assert_ok(io_rename(io, machine->dir, "new", "named"));
    assert_ok(io_fsync_dir(io, machine->dir));
    assert_ok(io_fallocate(io, file, 0, 4096, true));
    machine_write(machine, file, 10, "abcdef");
    assert_ok(io_ftruncate(io, file, 13));
    enum wal_err err = io_link(io, machine->dir, "named", "twice");
    assert_true(err == WAL_OK || err == WAL_EXISTS); /* From the process before. */
    assert_ok(io_unlink(io, machine->dir, "twice"));
    io_free(io, memory, 1000);
    io_join(io, task);
    assert_string_equal(machine_text(machine, "named"), "0123456789abc");
    assert_ok(io_close(io, file));
    io_dir_close(io, machine->dir);
}

/* ---- Determinism ---- */

static void a_run_is_a_function_of_its_seed(void **state)
{
    struct machine *machine = *state;

    machine->options.policy = SIM_POLICY_RANDOM;
    machine->options.crash_odds = 2000;
    machine->options.crashes_max = 1;
    struct sim_digest other = {0, 0};
    int crashes = 0;
    for (machine->options.seed = 1; machine->options.seed <= 50; machine->options.seed++) {
        struct sim_digest digests[3];
        for (int i = 0; i < 3; i++) {
            machine->options.junk = i == 1 ? 0x5a : 0xa5;
            machine->options.bump_memory = i == 2;
            machine_fresh(machine, work);
            if (machine->end.stop == SIM_STOP_POWER) {
                crashes++;
                sim_settle(machine->world, NULL);
            }
            digests[i] = sim_world_digest(machine->world);
        }
        assert_same_digest(digests[0], digests[1]);
        assert_same_digest(digests[0], digests[2]);
        assert_int_not_equal(digests[0].low, other.low);
        other = digests[0];
    }
    assert_in_range(crashes, 1, 149);
}

static void two_worlds_have_nothing_in_common(void **state)
{
    struct machine *machine = *state;
    struct sim_world *own = machine->world;

    machine->options.policy = SIM_POLICY_RANDOM;
    machine_fresh(machine, work);
    struct sim_digest digest = sim_world_digest(machine->world);
    machine->world = sim_world_create();
    machine->io = sim_io(machine->world);
    machine_fresh(machine, work);
    assert_same_digest(sim_world_digest(machine->world), digest);
    sim_world_destroy(machine->world);
    machine->world = own;
    machine->io = sim_io(own);
}

static void harness_events_are_in_the_digest(void **state)
{
    struct machine *machine = *state;

    machine_fresh(machine, work);
    struct sim_digest before = sim_world_digest(machine->world);
    assert_same_digest(sim_world_digest(machine->world), before); /* Asking changes nothing. */
    sim_digest_add(machine->world, 1, 2);
    struct sim_digest after = sim_world_digest(machine->world);
    assert_int_not_equal(before.low, after.low);
    assert_int_not_equal(before.high, after.high);
    for (uint64_t i = 0; i < 1000; i++) {
        before = after;
        sim_digest_add(machine->world, 3, 4);
        after = sim_world_digest(machine->world);
        assert_int_not_equal(before.low, after.low);
    }
}

static struct sim_digest digest_of_many(struct machine *machine, uint64_t first)
{
    machine_begin(machine);
    for (uint64_t i = 0; i < 1000; i++) sim_digest_add(machine->world, i == 0 ? first : i, 0);
    return sim_world_digest(machine->world);
}

static void the_first_line_is_still_in_the_digest_at_the_end(void **state)
{
    struct sim_digest one = digest_of_many(*state, 1);

    assert_same_digest(digest_of_many(*state, 1), one);
    assert_int_not_equal(digest_of_many(*state, 2).low, one.low);
}

/* ---- Crashes at every call ---- */

/* The record of a run in which nothing happens but a crash at the nth such call of the first boot.
 */
static struct sim_decision crash_at(struct machine *machine, enum sim_call call, uint32_t ordinal,
                                    uint32_t outcome)
{
    size_t count;

    machine->options.replay = NULL;
    machine->options.crash_odds = 0;
    machine_fresh(machine, work);
    return (struct sim_decision){.who = sim_world_whos(machine->world, &count)[0].hash,
                                 .ordinal = ordinal,
                                 .outcome = outcome,
                                 .kind = SIM_KIND_CRASH,
                                 .call = (uint8_t)call,
                                 .stream = SIM_STREAM_CRASH};
}

static bool has_name(struct machine *machine, const char *name)
{
    struct disk *disk = sim_disk(machine->world);
    disk_inode inode;
    int32_t dir;
    const char *entry;

    if (disk_dir_find(disk, "/d", &dir) != WAL_OK) return false;
    for (size_t i = 0; (entry = disk_entry(disk, dir, i, &inode)) != NULL; i++) {
        if (strcmp(entry, name) == 0) return true;
    }
    return false;
}

static uint64_t size_of(struct machine *machine, const char *name)
{
    struct disk *disk = sim_disk(machine->world);
    disk_inode inode;
    int32_t dir;
    const char *entry;

    assert_ok(disk_dir_find(disk, "/d", &dir));
    for (size_t i = 0; (entry = disk_entry(disk, dir, i, &inode)) != NULL; i++) {
        if (strcmp(entry, name) == 0) return disk_size(disk, inode);
    }
    fail_msg("there is no file %s", name);
    return 0;
}

static bool effect_mkdir(struct machine *machine)
{
    int32_t dir;

    return disk_dir_find(sim_disk(machine->world), "/d", &dir) == WAL_OK;
}

static bool effect_open(struct machine *machine)
{
    return has_name(machine, "new");
}

static bool effect_pwrite(struct machine *machine)
{
    return size_of(machine, "new") == 10;
}

static bool effect_rename(struct machine *machine)
{
    return has_name(machine, "named") && !has_name(machine, "new");
}

static bool effect_ftruncate(struct machine *machine)
{
    return size_of(machine, "named") == 13;
}

static bool effect_link(struct machine *machine)
{
    return has_name(machine, "twice");
}

static bool effect_unlink(struct machine *machine)
{
    return !has_name(machine, "twice");
}

static bool durable(struct machine *machine, const char *name, uint64_t bytes)
{
    struct disk *disk = sim_disk(machine->world);
    disk_inode inode;
    uint64_t size;
    int32_t dir;
    const char *entry;

    assert_ok(disk_dir_find(disk, "/d", &dir));
    for (size_t i = 0; (entry = disk_entry(disk, dir, i, &inode)) != NULL; i++) {
        if (strcmp(entry, name) != 0) continue;
        (void)disk_durable(disk, inode, &size);
        return size == bytes;
    }
    return false;
}

static bool effect_fdatasync(struct machine *machine)
{
    return durable(machine, "new", 10);
}

static bool effect_fsync_dir(struct machine *machine)
{
    struct disk *disk = sim_disk(machine->world);
    disk_inode inode;
    int32_t dir;
    const char *entry;

    assert_ok(disk_dir_find(disk, "/d", &dir));
    for (size_t i = 0; (entry = disk_durable_entry(disk, dir, i, &inode)) != NULL; i++) {
        if (strcmp(entry, "named") == 0) return true;
    }
    return false;
}

static const struct {
    enum sim_call call;
    uint32_t ordinal;
    bool (*effect)(struct machine *machine);
    bool inside; /* Is the effect there when it dies inside? */
} crash_rows[] = {
    {SIM_CALL_MKDIR, 0, effect_mkdir, true},
    {SIM_CALL_OPEN, 0, effect_open, true},
    {SIM_CALL_PWRITE, 0, effect_pwrite, false},
    {SIM_CALL_FDATASYNC, 0, effect_fdatasync, false},
    {SIM_CALL_RENAME, 0, effect_rename, true},
    {SIM_CALL_FSYNC_DIR, 1, effect_fsync_dir, false},
    {SIM_CALL_FTRUNCATE, 0, effect_ftruncate, true},
    {SIM_CALL_LINK, 0, effect_link, true},
    {SIM_CALL_UNLINK, 0, effect_unlink, true},
};

#define CALLS_ON_FILES (SIM_CALL_BIT(PWRITE) | SIM_CALL_BIT(FDATASYNC) | SIM_CALL_BIT(FTRUNCATE))

static void a_process_dies_before_inside_and_after_a_call(void **state)
{
    struct machine *machine = *state;

    for (size_t i = 0; i < sizeof crash_rows / sizeof *crash_rows; i++) {
        for (uint32_t outcome = CRASH_BEFORE; outcome <= KILL_AFTER; outcome++) {
            struct sim_decision crash =
                crash_at(machine, crash_rows[i].call, crash_rows[i].ordinal, outcome);
            const struct sim_record record = {&crash, 1, 1};
            machine->options.replay = &record;
            enum sim_stop stop = machine_fresh(machine, work);
            assert_int_equal(stop, outcome <= CRASH_AFTER ? SIM_STOP_POWER : SIM_STOP_KILLED);
            assert_int_equal(machine->end.call, crash_rows[i].call);
            bool at_file = (CALLS_ON_FILES >> crash_rows[i].call & 1) != 0;
            assert_int_equal(machine->end.inode >= 0, at_file);
            uint32_t when = (outcome - 1) % 3;
            bool expected = when == 2 || (when == 1 && crash_rows[i].inside);
            if (crash_rows[i].effect(machine) != expected)
                fail_msg("%s, outcome %u", sim_call_name(crash_rows[i].call), outcome);
            assert_int_equal(sim_crashes(machine->world), 1);
            assert_int_equal(sim_world_record(machine->world)->count, 1);
        }
    }
}

static void dying_inside_a_write_leaves_half_of_it(void **state)
{
    struct machine *machine = *state;
    struct sim_decision crash = crash_at(machine, SIM_CALL_PWRITE, 0, KILL_INSIDE);
    const struct sim_record record = {&crash, 1, 1};

    machine->options.replay = &record;
    machine_fresh(machine, work);
    assert_int_equal(size_of(machine, "new"), 5);
}

static void power_loss_takes_what_a_killed_process_leaves(void **state)
{
    struct machine *machine = *state;

    for (uint32_t outcome = CRASH_AFTER; outcome <= KILL_AFTER; outcome += 3) {
        struct sim_decision crash = crash_at(machine, SIM_CALL_PWRITE, 2, outcome);
        const struct sim_record record = {&crash, 1, 1};
        machine->options.replay = &record;
        machine_fresh(machine, work);
        assert_int_equal(disk_open_count(sim_disk(machine->world)), outcome == CRASH_AFTER ? 1 : 0);
        if (outcome == CRASH_AFTER) sim_settle(machine->world, NULL); /* Nothing replayed: tame. */
        assert_int_equal(size_of(machine, "named"), outcome == CRASH_AFTER ? 10 : 16);
        assert_int_equal(disk_open_count(sim_disk(machine->world)), 0);
    }
}

static void do_nothing(struct machine *machine)
{
    (void)machine;
}

static void crashes_come_as_often_as_told_and_no_more(void **state)
{
    struct machine *machine = *state;
    unsigned powers = 0, kills = 0;

    machine->options.crash_odds = 3000;
    machine->options.kill_odds = 1500;
    machine->options.crashes_max = 3;
    for (machine->options.seed = 1; machine->options.seed <= 300; machine->options.seed++) {
        machine_begin(machine);
        for (int boot = 0; boot < 10; boot++) {
            enum sim_stop stop = machine_run(machine, work);
            if (stop == SIM_STOP_POWER) {
                powers++;
                sim_settle(machine->world, NULL);
            }
            if (stop == SIM_STOP_KILLED) kills++;
        }
        assert_true(sim_crashes(machine->world) <= 3);
    }
    assert_in_range(powers, 400, 800);
    assert_in_range(kills, powers / 3, powers * 2 / 3);
    machine->options.crashes_max = 0;
    assert_int_equal(machine_fresh(machine, work), SIM_STOP_DONE);
}

/* ---- Images ---- */

static void write_unsynced(struct machine *machine)
{
    static char bytes[4096];
    size_t len = 0;

    machine_dir(machine);
    sync_root(machine);
    struct wal_file file = machine_open(machine, "f");
    assert_ok(io_fsync_dir(machine->io, machine->dir));
    memset(bytes, 'o', sizeof bytes);
    assert_ok(io_pwrite(machine->io, file, 0, bytes, sizeof bytes, &len));
    assert_ok(io_fsync(machine->io, file));
    for (uint64_t i = 0; i < 3; i++) {
        memset(bytes, 'a' + (int)i, sizeof bytes);
        assert_ok(io_pwrite(machine->io, file, i * 512, bytes, 512, &len));
    }
    assert_int_equal(disk_pending(sim_disk(machine->world)) > 0, true);
    sim_power_off(machine->world);
}

static void extra_images_differ_from_each_other(void **state)
{
    struct machine *machine = *state;
    uint64_t hashes[100];
    size_t count = 0, repeated = 0;

    assert_int_equal(machine_fresh(machine, write_unsynced), SIM_STOP_POWER);
    uint64_t fingerprint = disk_fingerprint(sim_disk(machine->world));
    for (uint32_t k = 1; k <= 100; k++) {
        uint64_t hash = 0;
        struct disk *disk = sim_image_draw(machine->world, k, &hash);
        if (disk == NULL) {
            repeated++;
            continue;
        }
        for (size_t i = 0; i < count; i++) assert_int_not_equal(hashes[i], hash);
        hashes[count++] = hash;
    }
    assert_in_range(count, 5, 99);
    assert_int_equal(count + repeated, 100);
    assert_int_equal(disk_fingerprint(sim_disk(machine->world)), fingerprint);
    assert_int_equal(sim_world_record(machine->world)->count, 0);
}

/* A failing extra image becomes the main one of a rerun. */
static void an_extra_image_can_be_promoted(void **state)
{
    struct machine *machine = *state;
    struct sim_record record = {0};
    uint64_t fingerprint = 0, hash = 0;
    int promoted = 0;

    for (uint32_t k = 1; k <= 20; k++) {
        machine->options.replay = NULL;
        machine_fresh(machine, write_unsynced);
        struct disk *disk = sim_image_draw(machine->world, k, &hash);
        fingerprint = disk_fingerprint(disk);
        assert_true(sim_record_copy(&record, sim_image_record(machine->world)));
        machine->options.replay = &record;
        machine_fresh(machine, write_unsynced);
        sim_settle(machine->world, NULL);
        assert_int_equal(disk_fingerprint(sim_disk(machine->world)), fingerprint);
        for (size_t i = 0; i < record.count; i++) assert_true(sim_replay_asked(machine->world, i));
        if (record.count > 0) promoted++;
    }
    assert_true(promoted > 5);
    sim_record_free(&record);
}

/* ---- On the side ---- */

static void look_and_leave(struct machine *machine)
{
    uint64_t salt = 0;

    machine_dir(machine);
    struct wal_file file = machine_open(machine, "beside");
    machine_write(machine, file, 0, "never seen again");
    assert_ok(io_fsync(machine->io, file));
    assert_ok(io_random(machine->io, &salt, sizeof salt));
    io_note(machine->io, WAL_NOTE_TAIL_CUT);
    sim_set_operation(machine->world, 3);
    assert_true(sim_in_side_run(machine->world));
    sim_abandon(machine->world);
}

/* Two boots, and between them maybe processes on the side. */
static size_t run_with_side(struct machine *machine, bool with_side,
                            struct sim_trace_event *ret_events)
{
    machine_fresh(machine, work);
    uint64_t fingerprint = disk_fingerprint(sim_disk(machine->world));
    uint64_t now_ns = sim_now_ns(machine->world), steps = sim_steps(machine->world);
    size_t whos, whos_after;
    (void)sim_world_whos(machine->world, &whos);
    for (int i = 0; with_side && i < 3; i++) {
        assert_int_equal(machine_side(machine, NULL, look_and_leave), SIM_STOP_ABANDONED);
        assert_int_equal(disk_fingerprint(sim_disk(machine->world)), fingerprint);
        assert_int_equal(disk_open_count(sim_disk(machine->world)), 0);
        assert_int_equal(sim_now_ns(machine->world), now_ns);
        assert_int_equal(sim_steps(machine->world), steps);
        assert_int_equal(sim_notes(machine->world)[WAL_NOTE_TAIL_CUT], 0);
        (void)sim_world_whos(machine->world, &whos_after);
        assert_int_equal(whos_after, whos);
        assert_false(sim_in_side_run(machine->world));
    }
    machine_run(machine, work);
    assert_int_equal(machine->end.stop, SIM_STOP_DONE);
    size_t count = 0;
    for (size_t i = 0; i < machine->traced_count; i++) {
        if (machine->traced[i].result != SIM_TRACE_SIDE) ret_events[count++] = machine->traced[i];
    }
    assert_int_equal(machine->traced_count - count, with_side ? 3 : 0);
    return count;
}

static void a_process_on_the_side_leaves_one_line_and_no_mark(void **state)
{
    static struct sim_trace_event with[TRACED_MAX], without[TRACED_MAX];
    struct machine *machine = *state;

    machine->options.policy = SIM_POLICY_RANDOM;
    for (machine->options.seed = 1; machine->options.seed <= 20; machine->options.seed++) {
        size_t count = run_with_side(machine, true, with);
        assert_int_equal(run_with_side(machine, false, without), count);
        assert_memory_equal(with, without, count * sizeof *with);
    }
}

static void read_what_is_there(struct machine *machine)
{
    machine_dir(machine);
    assert_string_equal(machine_text(machine, "named"), "0123456789abc");
}

static void nothing_strikes_on_the_side(void **state)
{
    struct machine *machine = *state;

    machine_fresh(machine, work);
    machine->options.crash_odds = 65536;
    machine->options.alloc_odds = 65536;
    machine->options.crashes_max = 10;
    machine_begin(machine);
    assert_int_equal(machine_run(machine, do_nothing), SIM_STOP_DONE);
    assert_int_equal(machine_side(machine, NULL, work), SIM_STOP_DONE);
    assert_int_equal(machine->end.leaked_blocks, 0);
    assert_int_equal(machine_run(machine, work), SIM_STOP_POWER);
}

static void the_machine_can_be_looked_at_on_the_side(void **state)
{
    struct machine *machine = *state;

    machine_fresh(machine, work);
    assert_int_equal(machine_side(machine, NULL, read_what_is_there), SIM_STOP_DONE);
    assert_int_equal(machine->end.leaked_descriptors, 1); /* The directory. */
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, machine_setup, machine_teardown)
    const struct CMUnitTest tests[] = {
        ROW(a_run_is_a_function_of_its_seed),
        ROW(two_worlds_have_nothing_in_common),
        ROW(harness_events_are_in_the_digest),
        ROW(the_first_line_is_still_in_the_digest_at_the_end),
        ROW(a_process_dies_before_inside_and_after_a_call),
        ROW(dying_inside_a_write_leaves_half_of_it),
        ROW(power_loss_takes_what_a_killed_process_leaves),
        ROW(crashes_come_as_often_as_told_and_no_more),
        ROW(extra_images_differ_from_each_other),
        ROW(an_extra_image_can_be_promoted),
        ROW(a_process_on_the_side_leaves_one_line_and_no_mark),
        ROW(nothing_strikes_on_the_side),
        ROW(the_machine_can_be_looked_at_on_the_side),
    };
#undef ROW
    return cmocka_run_group_tests_name("sim_world", tests, NULL, NULL);
}
