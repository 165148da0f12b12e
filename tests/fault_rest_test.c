/*
 * fault_rest_test.c - each damage at rest: as bytes and names, and what a run makes of it.
 *
 * A run is one of the scenario "rot" in which nothing but the fault in question strikes, and power
 * is lost in the tamest way. It must hold; and the history must show what the row promises.
 */
#include "tests/fault_rig.h"

#include "scenarios/scenario.h"

enum { SEEDS = 400 };

/* ---- As bytes ---- */

/* Sector 0 was written twice; sector 2 is not whole. */
static void write_four_letters(struct machine *machine)
{
    struct wal_file file = rig_open(machine, "a");

    for (int i = 0; i < 2; i++) {
        assert_done(rig_put(machine, file, 0, i == 0 ? 'D' : 'A', 512), WAL_OK, 512);
        assert_done(rig_put(machine, file, 512, 'B', 512), WAL_OK, 512);
        assert_done(rig_put(machine, file, 1024, 'C', 300), WAL_OK, 300);
        assert_ok(io_fsync(machine->io, file));
    }
    assert_ok(io_fsync_dir(machine->io, machine->dir));
    rig_shut(machine, file);
}

static void read_is_refused(struct machine *machine)
{
    struct wal_file file = rig_open(machine, "a");
    uint8_t bytes[1324];
    const uint8_t *window;

    for (int i = 0; i < 2; i++) { /* Reading again does not help. */
        assert_done(rig_get(machine, file, 0, bytes, 512), WAL_OK, 512);
        assert_done(rig_get(machine, file, 0, bytes, 513), WAL_IO, 0);
        assert_done(rig_get(machine, file, 1023, bytes, 1), WAL_IO, 0);
        assert_done(rig_get(machine, file, 1024, bytes, 300), WAL_OK, 300);
        assert_err(io_map(machine->io, file, 0, 1324, &window), WAL_IO);
    }
    assert_done(rig_put(machine, file, 512, 'E', 512), WAL_OK, 512); /* Writing does. */
    assert_done(rig_get(machine, file, 0, bytes, 1324), WAL_OK, 1324);
    rig_shut(machine, file);
}

static void F15_a_sector_at_rest_cannot_be_read(void **state)
{
    struct rig *rig = *state;
    const struct fault *fault = fault_find("F15");

    assert_int_equal(fault->sort, FAULT_AT_REST);
    assert_int_equal(machine_fresh(rig->machine, write_four_letters), SIM_STOP_DONE);
    disk_damage(rig_disk(rig), rig_inode(rig), 1, fault->damage, 0);
    assert_int_equal(machine_run(rig->machine, read_is_refused), SIM_STOP_DONE);
    assert_shows(rig_disk(rig), "a", "A512E512C300");
}

static void read_one_wrong_bit(struct machine *machine)
{
    struct wal_file file = rig_open(machine, "a");
    uint8_t bytes[1324], again[1324];
    unsigned bits = 0;

    assert_done(rig_get(machine, file, 0, bytes, sizeof bytes), WAL_OK, sizeof bytes);
    assert_done(rig_get(machine, file, 0, again, sizeof again), WAL_OK, sizeof again);
    assert_memory_equal(bytes, again, sizeof bytes);
    assert_true(script_equal(bytes, 1024, "A512B512"));
    for (size_t i = 1024; i < 1324; i++) {
        for (unsigned wrong = bytes[i] ^ (unsigned)'C'; wrong != 0; wrong &= wrong - 1) bits++;
    }
    assert_int_equal(bits, 1);
    rig_shut(machine, file);
}

static void F41_one_bit_of_a_sector_is_flipped(void **state)
{
    struct rig *rig = *state;
    const struct fault *fault = fault_find("F41");

    assert_int_equal(fault->sort, FAULT_AT_REST);
    assert_int_equal(machine_fresh(rig->machine, write_four_letters), SIM_STOP_DONE);
    for (uint64_t detail = 0; detail < 5000; detail += 613) {
        disk_damage(rig_disk(rig), rig_inode(rig), 2, fault->damage, detail);
        assert_int_equal(machine_run(rig->machine, read_one_wrong_bit), SIM_STOP_DONE);
        disk_lift_damage(rig_disk(rig));
        assert_shows(rig_disk(rig), "a", "A512B512C300");
    }
}

static void F43_a_sector_reads_as_zeros_as_another_or_as_it_was(void **state)
{
    struct rig *rig = *state;
    const struct fault *fault = fault_find("F43");

    assert_int_equal(fault->sort, FAULT_AT_REST);
    assert_int_equal(machine_fresh(rig->machine, write_four_letters), SIM_STOP_DONE);
    struct disk *disk = rig_disk(rig);
    disk_inode inode = rig_inode(rig);
    disk_damage(disk, inode, 0, fault->damage, 0);
    assert_shows(disk, "a", ".512B512C300");
    disk_damage(disk, inode, 0, DISK_DAMAGE_OTHER, (uint64_t)(uint32_t)inode << 32 | 1);
    assert_shows(disk, "a", "B1024C300");
    disk_damage(disk, inode, 0, DISK_DAMAGE_LOST_WRITE, 0);
    assert_shows(disk, "a", "D512B512C300");
    disk_damage(disk, inode, 0, DISK_DAMAGE_GARBAGE, 7);
    assert_shows(disk, "a", "?512B512C300");
    assert_false(script_equal(disk_window(disk, inode, 0, 1), 1, "A1"));
    assert_durable(disk, inode, "A512B512C300");
    disk_lift_damage(disk);
    assert_shows(disk, "a", "A512B512C300");
}

static void F47_a_sector_reads_as_somebody_worked_out(void **state)
{
    struct rig *rig = *state;
    uint8_t bytes[DISK_SECTOR_BYTES];

    assert_int_equal(fault_find("F47")->sort, FAULT_AT_REST);
    assert_int_equal(machine_fresh(rig->machine, write_four_letters), SIM_STOP_DONE);
    struct disk *disk = rig_disk(rig);
    memset(bytes, 'X', sizeof bytes);
    disk_damage_bytes(disk, rig_inode(rig), 1, bytes);
    assert_shows(disk, "a", "A512X512C300");
    disk_lift_damage(disk);
    assert_shows(disk, "a", "A512B512C300");
}

/* ---- As names ---- */

static void make_again(struct machine *machine)
{
    struct wal_file file = rig_open(machine, "a");

    assert_done(rig_put(machine, file, 0, 'N', 10), WAL_OK, 10);
    assert_ok(io_fsync(machine->io, file));
    assert_ok(io_fsync_dir(machine->io, machine->dir));
    rig_shut(machine, file);
}

static void F45_a_file_is_missing_or_empty_until_damage_is_lifted(void **state)
{
    struct rig *rig = *state;

    for (int empty = 0; empty < 2; empty++) {
        assert_int_equal(machine_fresh(rig->machine, write_four_letters), SIM_STOP_DONE);
        struct disk *disk = rig_disk(rig);
        assert_true(disk_damage_name(disk, 0, "a", empty != 0));
        assert_true(disk_damaged(disk));
        if (empty) assert_shows(disk, "a", "");
        if (!empty) assert_absent(disk, "a");
        disk_lose_pending(disk); /* Power loss changes nothing. */
        disk_process_died(disk);
        if (!empty) assert_absent(disk, "a");
        disk_lift_damage(disk);
        assert_shows(disk, "a", "A512B512C300");
        assert_durable(disk, rig_inode(rig), "A512B512C300");
        assert_false(disk_damaged(disk));
    }
}

static void F45_a_name_that_was_made_anew_stays(void **state)
{
    struct rig *rig = *state;

    for (int empty = 0; empty < 2; empty++) {
        assert_int_equal(machine_fresh(rig->machine, write_four_letters), SIM_STOP_DONE);
        assert_true(disk_damage_name(rig_disk(rig), 0, "a", empty != 0));
        assert_int_equal(machine_run(rig->machine, make_again), SIM_STOP_DONE);
        disk_lift_damage(rig_disk(rig));
        assert_shows(rig_disk(rig), "a", "N10");
    }
}

static void name_a_file(struct machine *machine)
{
    rig_shut(machine, rig_open(machine, "a"));
}

static void F45_names_on_their_way_to_the_disk_are_left_alone(void **state)
{
    struct rig *rig = *state;

    assert_int_equal(machine_fresh(rig->machine, name_a_file), SIM_STOP_DONE);
    assert_false(disk_damage_name(rig_disk(rig), 0, "a", false));
    assert_false(disk_damage_name(rig_disk(rig), 0, "nothing", false));
    assert_false(disk_damaged(rig_disk(rig)));
}

/* ---- In runs ---- */

struct sum {
    uint32_t struck;    /* Runs in which it did. */
    uint32_t broken;    /* Runs in which a property was. */
    uint32_t witnessed; /* Damages of records that are known durable elsewhere, */
    uint32_t unwitnessed, survivable, recordless;
    uint32_t refused;  /* Observations that ended with an error. */
    uint32_t outlived; /* Processes that began under damage which one before had opened under. */
    const char *property;
};

static void add_outlived(struct sum *sum, const struct history *history)
{
    bool damaged = false, opened = false;

    for (size_t i = 0; i < history->count; i++) {
        const struct history_event *event = &history->events[i];
        if (event->kind == HISTORY_DAMAGED) damaged = true;
        if (event->kind == HISTORY_LIFTED) damaged = opened = false;
        if (event->kind == HISTORY_BOOTED) sum->outlived += opened;
        if (event->kind == HISTORY_OBSERVED && event->observation->recovery) {
            opened = damaged && event->observation->open_error == HISTORY_OK;
        }
    }
}

static void add_events(struct sum *sum, const struct history *history, uint32_t number)
{
    for (size_t i = 0; i < history->count; i++) {
        const struct history_event *event = &history->events[i];
        if (event->kind == HISTORY_OBSERVED) sum->refused += event->error != HISTORY_OK;
        if (event->kind != HISTORY_DAMAGED) continue;
        assert_int_equal(event->fault, number);
        sum->survivable += event->index == 1;
        sum->recordless += event->first_lsn == 0;
        if (event->first_lsn == 0) continue;
        sum->witnessed += event->flag;
        sum->unwitnessed += !event->flag;
    }
}

static struct sum rot(uint32_t number)
{
    uint8_t only[FAULT_NUMBER_COUNT] = {[20] = 1};
    char path[1024], message[SCENARIO_MESSAGE_BYTES];
    struct runner *runner = runner_create();
    struct run_result result;
    struct sum sum = {.struck = 0};
    const char *root = getenv("SQUALL_ROOT");

    only[number] = 1;
    (void)snprintf(path, sizeof path, "%s/scenarios/%s.ini", root != NULL ? root : ".",
                   number == 47 ? "crc_collision" : "rot");
    struct scenario *scenario = scenario_load(path, message);
    if (scenario == NULL) fail_msg("%s", message);
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        const struct run_options options = {.seed = seed, .images = 2, .faults_only = only};
        runner_run(runner, scenario, &options, &result);
        sum.struck += runner_struck(runner)[number] > 0;
        sum.broken += result.property != NULL;
        if (result.property != NULL) sum.property = result.property->name;
        add_events(&sum, runner_history(runner), number);
        add_outlived(&sum, runner_history(runner));
    }
    scenario_free(scenario);
    runner_destroy(runner);
    return sum;
}

static void F41_hits_what_is_proven_durable_and_is_noticed(void **state)
{
    const struct sum sum = rot(41);

    (void)state;
    assert_true(sum.struck > 0);
    assert_int_equal(sum.broken, 0);
    assert_true(sum.witnessed > 0);
    assert_int_equal(sum.unwitnessed + sum.survivable, 0);
    assert_true(sum.refused > 0);
}

static void F42_hits_what_nothing_else_proves_durable(void **state)
{
    const struct sum sum = rot(42);

    (void)state;
    assert_true(sum.struck > 0);
    assert_int_equal(sum.broken, 0);
    assert_true(sum.unwitnessed > 0);
    assert_int_equal(sum.survivable + sum.recordless, 0);
}

static void F44_one_bad_slot_is_survived_and_two_are_noticed(void **state)
{
    const struct sum sum = rot(44);

    (void)state;
    assert_int_equal(sum.broken, 0);
    assert_int_equal(sum.recordless, sum.struck);
    assert_true(sum.survivable > 0);
    assert_true(sum.survivable < sum.struck);
    assert_true(sum.refused > 0);
    assert_true(sum.refused <= sum.struck - sum.survivable);
}

/* Who opens the log gives it another mark. */
static void F44_a_slot_that_was_replaced_explains_nothing_any_more(void **state)
{
    const struct sum sum = rot(44);

    (void)state;
    assert_true(sum.struck > sum.refused);
    assert_int_equal(sum.outlived, 0);
    assert_true(rot(46).outlived > 0); /* Segments are not replaced. */
}

static void F45_a_segment_that_is_gone_is_noticed(void **state)
{
    const struct sum sum = rot(45);

    (void)state;
    assert_true(sum.struck > 0);
    assert_int_equal(sum.broken, 0);
    assert_true(sum.witnessed > 0);
    assert_true(sum.refused > 0);
}

static void F46_damage_behind_what_was_acknowledged_is_survived(void **state)
{
    const struct sum sum = rot(46);

    (void)state;
    assert_true(sum.struck > 0);
    assert_int_equal(sum.broken + sum.refused + sum.witnessed, 0);
    assert_int_equal(sum.survivable, sum.unwitnessed + sum.recordless);
}

static void F47_a_record_with_other_bytes_and_a_right_checksum_is_served(void **state)
{
    const struct sum sum = rot(47);

    (void)state;
    assert_true(sum.struck > 0);
    assert_true(sum.broken > 0);
    assert_string_equal(sum.property, "no-phantom");
}

/* What an interrupted writer left has bytes, but it takes an interruption. */
static void F48_there_is_no_other_file_with_bytes_in_it(void **state)
{
    const struct sum sum = rot(48);

    (void)state;
    assert_int_equal(sum.broken + sum.refused, 0);
    assert_int_equal(sum.struck, 0);
}

static bool mine(const struct fault *fault)
{
    return fault->sort == FAULT_AT_REST;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(F15_a_sector_at_rest_cannot_be_read),
        RIG_TEST(F41_one_bit_of_a_sector_is_flipped),
        RIG_TEST(F43_a_sector_reads_as_zeros_as_another_or_as_it_was),
        RIG_TEST(F47_a_sector_reads_as_somebody_worked_out),
        RIG_TEST(F45_a_file_is_missing_or_empty_until_damage_is_lifted),
        RIG_TEST(F45_a_name_that_was_made_anew_stays),
        RIG_TEST(F45_names_on_their_way_to_the_disk_are_left_alone),
        cmocka_unit_test(F41_hits_what_is_proven_durable_and_is_noticed),
        cmocka_unit_test(F42_hits_what_nothing_else_proves_durable),
        cmocka_unit_test(F44_one_bad_slot_is_survived_and_two_are_noticed),
        cmocka_unit_test(F44_a_slot_that_was_replaced_explains_nothing_any_more),
        cmocka_unit_test(F45_a_segment_that_is_gone_is_noticed),
        cmocka_unit_test(F46_damage_behind_what_was_acknowledged_is_survived),
        cmocka_unit_test(F47_a_record_with_other_bytes_and_a_right_checksum_is_served),
        cmocka_unit_test(F48_there_is_no_other_file_with_bytes_in_it),
    };

    rig_assert_covered(tests, sizeof tests / sizeof tests[0], mine);
    return cmocka_run_group_tests_name("fault_rest", tests, NULL, NULL);
}
