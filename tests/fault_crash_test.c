/*
 * fault_crash_test.c - each state that a crash may leave, as bytes and names.
 *
 * A crash state is looked for among some hundred images drawn with the modes of its row, and must
 * not be found among as many drawn with all the other rows' modes.
 */
#include "tests/fault_rig.h"

enum { SEEDS = 40, IMAGES = 20 };

/* ---- Images ---- */

/* What is pending: B over A, C behind it, and names made, changed and removed. Another file holds
 * 'O's that stale sectors can show. */
static void lose_power(struct machine *machine)
{
    struct wal_io *io = machine->io;
    struct wal_file file = rig_open(machine, "a"), other = machine_open(machine, "o");
    struct wal_file old = machine_open(machine, "r");

    assert_done(rig_put(machine, file, 0, 'A', 1024), WAL_OK, 1024);
    assert_done(rig_put(machine, other, 0, 'O', 4096), WAL_OK, 4096);
    assert_ok(io_fsync(io, file));
    assert_ok(io_fsync(io, other));
    assert_ok(io_close(io, old));
    assert_ok(io_fsync_dir(io, machine->dir));
    (void)machine_open(machine, "n");
    assert_ok(io_rename(io, machine->dir, "r", "s"));
    assert_ok(io_unlink(io, machine->dir, "o"));
    assert_done(rig_put(machine, file, 0, 'B', 1024), WAL_OK, 1024);
    assert_done(rig_put(machine, file, 1024, 'C', 1024), WAL_OK, 1024);
    sim_power_off(machine->world);
}

/* What an image shows of the file. */
struct sight {
    struct disk *disk;
    uint8_t bytes[RIG_BYTES_MAX];
    size_t size;
};

typedef bool sight_test(const struct sight *sight);

static bool sees(struct disk *disk, sight_test *shown)
{
    struct sight sight = {.disk = disk};
    bool bad = false;

    sight.size = disk_read(disk, script_find(disk, "a"), 0, sight.bytes, sizeof sight.bytes, &bad);
    assert_false(bad);
    return shown(&sight);
}

struct count {
    unsigned images, shown;
};

static struct count look(struct rig *rig, const char *profile, uint32_t modes, sight_test *shown)
{
    struct machine *machine = rig->machine;
    struct count count = {0, 0};
    uint64_t hash;

    machine->options.profile = disk_profile_find(profile);
    machine->options.image_modes = modes;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        machine->options.seed = seed;
        assert_int_equal(machine_fresh(machine, lose_power), SIM_STOP_POWER);
        for (uint32_t k = 1; k <= IMAGES; k++) {
            struct disk *image = sim_image_draw(machine->world, k, &hash);
            if (image == NULL) continue;
            count.images++;
            count.shown += sees(image, shown);
        }
        count.images++;
        count.shown += sees(rig_settle(rig), shown);
    }
    return count;
}

static uint32_t modes_of(const char *id)
{
    const struct fault *fault = fault_find(id);

    assert_non_null(fault);
    assert_true(fault->image_mode != 0);
    return fault->image_mode;
}

static uint32_t modes_without(const char *id)
{
    uint32_t modes = 0;

    for (size_t i = 0; i < faults_count; i++) modes |= faults_all[i].image_mode;
    return modes & ~modes_of(id);
}

#define assert_seen(rig, modes, predicate) \
    assert_true(look(rig, "weak", modes, predicate).shown > 0)
#define assert_never_seen(rig, modes, predicate) \
    assert_int_equal(look(rig, "weak", modes, predicate).shown, 0)
#define assert_always_seen(rig, modes, predicate)                  \
    do {                                                           \
        struct count count_ = look(rig, "weak", modes, predicate); \
        assert_true(count_.images > 0);                            \
        assert_int_equal(count_.shown, count_.images);             \
    } while (0)

static bool is(const struct sight *sight, const char *content)
{
    return script_equal(sight->bytes, sight->size, content);
}

static bool all_lost(const struct sight *sight)
{
    return is(sight, "A1024");
}

static bool all_kept(const struct sight *sight)
{
    return is(sight, "B1024C1024");
}

static void F20_power_loss_drops_everything_unsynced(void **state)
{
    assert_always_seen(*state, modes_of("F20"), all_lost);
    assert_never_seen(*state, modes_of("F21") | modes_of("F27"), all_lost);
}

static void F21_power_loss_keeps_everything_unsynced(void **state)
{
    assert_always_seen(*state, modes_of("F21"), all_kept);
    assert_never_seen(*state, modes_of("F20") | modes_of("F22"), all_kept);
}

static bool prefix_of_chunks(const struct sight *sight)
{
    return is(sight, "A1024") || is(sight, "B512A512") || is(sight, "B1024") ||
           is(sight, "B1024C512");
}

static bool part_of_chunks(const struct sight *sight)
{
    return prefix_of_chunks(sight) && !is(sight, "A1024");
}

/* So many B's, then A's up to the old end, or so many C's behind the B's. */
static bool prefix_of_bytes(const struct sight *sight)
{
    size_t kept = 0;

    while (kept < sight->size && sight->bytes[kept] == (kept < 1024 ? 'B' : 'C')) kept++;
    for (size_t i = kept; i < sight->size; i++) {
        if (sight->bytes[i] != 'A') return false;
    }
    return kept < 2048 && sight->size == (kept < 1024 ? 1024 : kept);
}

static bool torn_prefix(const struct sight *sight)
{
    return prefix_of_bytes(sight) && !prefix_of_chunks(sight);
}

static void F22_power_loss_keeps_a_prefix_of_what_was_written(void **state)
{
    assert_always_seen(*state, modes_of("F22"), prefix_of_chunks);
    assert_seen(*state, modes_of("F22"), part_of_chunks);
    assert_never_seen(*state, modes_of("F20") | modes_of("F21") | modes_of("F27"), part_of_chunks);
}

static void F22_the_prefix_is_cut_at_a_byte_where_sectors_tear(void **state)
{
    assert_always_seen(*state, modes_of("F22") | modes_of("F27"), prefix_of_bytes);
    assert_seen(*state, modes_of("F22") | modes_of("F27"), torn_prefix);
}

/* What was written first is lost, what was written behind it is there. */
static bool hole(const struct sight *sight)
{
    return sight->bytes[0] == 'A' && (sight->bytes[512] == 'B' || sight->bytes[1024] == 'C');
}

static void F23_power_loss_keeps_any_subset_of_the_sectors(void **state)
{
    assert_seen(*state, modes_of("F23"), hole);
    assert_never_seen(*state, modes_without("F23"), hole);
}

static bool size_without_data(const struct sight *sight)
{
    return is(sight, "A1024.1024");
}

static bool zeros(const struct sight *sight)
{
    return memchr(sight->bytes, 0, sight->size) != NULL;
}

static void F24_zeros_stand_under_a_size_whose_data_is_lost(void **state)
{
    assert_seen(*state, modes_of("F24"), size_without_data);
    assert_never_seen(*state, modes_without("F24") & ~modes_of("F25"), zeros);
}

/* One chunk was omitted, and that one is not in the tail: so the tail was there. */
static bool data_without_size(const struct sight *sight)
{
    return is(sight, "A512B512") || is(sight, "B512A512");
}

static void F26_data_is_lost_past_a_size_that_is_lost(void **state)
{
    const uint32_t omit_one = UINT32_C(1) << DISK_OMIT_ONE;

    assert_true((modes_of("F23") & omit_one) != 0);
    assert_seen(*state, modes_of("F26") | omit_one, data_without_size);
    assert_never_seen(*state, omit_one, data_without_size);
}

static bool garbage(const struct sight *sight)
{
    for (size_t i = 0; i < sight->size; i++) {
        if (sight->bytes[i] != 0 && strchr("ABCO", sight->bytes[i]) == NULL) return true;
    }
    return false;
}

/* A whole sector of the other file: garbage has single 'O's. */
static bool stale(const struct sight *sight)
{
    for (size_t i = 1024; i + 512 <= sight->size; i += 512) {
        if (script_equal(sight->bytes + i, 512, "O512")) return true;
    }
    return false;
}

static void F25_lost_sectors_show_random_or_older_bytes(void **state)
{
    const uint32_t modes = modes_of("F23") | modes_of("F25");

    assert_seen(*state, modes, garbage);
    assert_seen(*state, modes, stale);
    assert_never_seen(*state, modes_without("F25"), garbage);
    assert_never_seen(*state, modes_without("F25"), stale);
}

/* Old and new in one sector. */
static bool torn_sector(const struct sight *sight)
{
    for (size_t i = 0; i < 1024; i += 512) {
        if (sight->bytes[i] == 'B' && sight->bytes[i + 511] == 'A') return true;
    }
    return false;
}

static void F27_a_sector_is_cut_at_a_byte(void **state)
{
    assert_seen(*state, modes_of("F27") | modes_of("F23"), torn_sector);
    assert_never_seen(*state, modes_without("F27"), torn_sector);
}

static bool has(const struct sight *sight, const char *name)
{
    return script_find(sight->disk, name) >= 0;
}

static bool names_kept(const struct sight *sight)
{
    return has(sight, "n") && has(sight, "s") && !has(sight, "r") && !has(sight, "o");
}

static bool names_lost(const struct sight *sight)
{
    return !has(sight, "n") && !has(sight, "s") && has(sight, "r") && has(sight, "o");
}

static void F29_a_name_that_was_made_and_not_synced_is_gone(void **state)
{
    assert_seen(*state, modes_of("F29"), names_lost);
    assert_always_seen(*state, modes_without("F29") & ~modes_of("F30"), names_kept);
}

static bool rename_undone(const struct sight *sight)
{
    return has(sight, "r") && !has(sight, "s");
}

static void F30_a_rename_is_undone(void **state)
{
    assert_seen(*state, modes_of("F30"), rename_undone);
}

static bool both_names(const struct sight *sight)
{
    return has(sight, "r") && has(sight, "s");
}

static bool neither_name(const struct sight *sight)
{
    return !has(sight, "r") && !has(sight, "s");
}

static void F31_a_rename_leaves_both_names_and_on_a_hostile_disk_neither(void **state)
{
    assert_seen(*state, modes_of("F31"), both_names);
    assert_never_seen(*state, modes_of("F31"), neither_name);
    assert_true(look(*state, "hostile", modes_of("F31"), neither_name).shown > 0);
}

static bool later_name_kept(const struct sight *sight)
{
    return !has(sight, "n") && (has(sight, "s") || !has(sight, "o"));
}

static void F32_names_are_reordered_where_the_disk_does_that(void **state)
{
    const struct fault *fault = fault_find("F32");

    for (size_t i = 0; i < disk_profile_count; i++) {
        const struct disk_profile *profile = &disk_profiles[i];
        bool shown = look(*state, profile->name, modes_of("F32"), later_name_kept).shown > 0;
        assert_int_equal(shown, fault_possible(fault, profile));
    }
}

static bool unlink_undone(const struct sight *sight)
{
    return has(sight, "o");
}

static void F33_a_name_that_was_removed_is_back(void **state)
{
    assert_seen(*state, modes_of("F33"), unlink_undone);
}

/* ---- Sizes, units, and what was there before ---- */

/* Some images of what this leaves, and what they show. */
static uint32_t look_at(struct rig *rig, machine_body *body, uint32_t modes, uint32_t chunk_bytes,
                        const char *content)
{
    struct machine *machine = rig->machine;
    uint32_t shown = 0;

    machine->options.profile = disk_profile_find("weak");
    machine->options.image_modes = modes;
    machine->options.chunk_bytes = chunk_bytes;
    for (machine->options.seed = 1; machine->options.seed <= SEEDS; machine->options.seed++) {
        uint64_t hash;
        assert_int_equal(machine_fresh(machine, body), SIM_STOP_POWER);
        for (uint32_t k = 1; k <= IMAGES; k++) {
            struct disk *image = sim_image_draw(machine->world, k, &hash);
            struct sight sight = {.disk = image};
            bool bad = false;
            if (image == NULL || script_find(image, "a") < 0) continue;
            sight.size =
                disk_read(image, script_find(image, "a"), 0, sight.bytes, sizeof sight.bytes, &bad);
            shown += is(&sight, content);
        }
    }
    return shown;
}

static struct wal_file put_durably(struct machine *machine, char letter, size_t len)
{
    struct wal_file file = rig_open(machine, "a");

    assert_done(rig_put(machine, file, 0, letter, len), WAL_OK, len);
    assert_ok(io_fsync(machine->io, file));
    assert_ok(io_fsync_dir(machine->io, machine->dir));
    return file;
}

static void overwrite(struct machine *machine)
{
    struct wal_file file = put_durably(machine, 'A', 512);

    assert_done(rig_put(machine, file, 0, 'B', 32), WAL_OK, 32);
    sim_power_off(machine->world);
}

static void F28_the_unit_that_is_kept_or_lost_is_another_one(void **state)
{
    struct rig *rig = *state;

    assert_int_equal(look_at(rig, overwrite, ~modes_of("F27"), 0, "B24A488"), 0);
    assert_true(look_at(rig, overwrite, ~modes_of("F27"), 8, "B24A488") > 0);
}

static void cut_and_append(struct machine *machine)
{
    struct wal_file file = put_durably(machine, 'A', 1024);

    assert_ok(io_ftruncate(machine->io, file, 512));
    assert_done(rig_put(machine, file, 512, 'B', 100), WAL_OK, 100);
    sim_power_off(machine->world);
}

static void F34_what_was_cut_off_is_back_below_newer_bytes(void **state)
{
    assert_true(look_at(*state, cut_and_append, 0, 0, "A1024") > 0);
    assert_true(look_at(*state, cut_and_append, 0, 0, "A512B100A412") > 0);
}

static void reserve(struct machine *machine)
{
    struct wal_file file = put_durably(machine, 'A', 512);

    assert_ok(io_fallocate(machine->io, file, 0, 1024, false));
    sim_power_off(machine->world);
}

static void F35_a_reservation_is_lost_or_reads_as_zeros(void **state)
{
    assert_true(look_at(*state, reserve, 0, 0, "A512") > 0);
    assert_true(look_at(*state, reserve, 0, 0, "A512.512") > 0);
}

static void use_again(struct machine *machine)
{
    struct wal_file file = put_durably(machine, 'A', 1024);

    assert_ok(io_ftruncate(machine->io, file, 0));
    assert_ok(io_fsync(machine->io, file));
    assert_done(rig_put(machine, file, 0, 'B', 1024), WAL_OK, 1024);
    sim_power_off(machine->world);
}

static void F36_a_file_that_is_used_again_shows_its_former_contents(void **state)
{
    assert_true(look_at(*state, use_again, 0, 0, "B512A512") > 0);
}

/* ---- Processes ---- */

static void write_and_sync(struct machine *machine)
{
    struct wal_file file = rig_open(machine, "a");

    assert_done(rig_put(machine, file, 0, 'A', 512), WAL_OK, 512);
    assert_ok(io_fsync(machine->io, file));
    rig_shut(machine, file);
}

/* Contexts of boots, as a crash in one makes the next. */
static void F37_power_is_lost_in_recovery_again_and_again(void **state)
{
    struct rig *rig = *state;
    struct machine *machine = rig->machine;

    machine->options.crash_odds = 65536;
    machine->options.crashes_max = 3;
    machine_begin(machine);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(machine_run(machine, write_and_sync), SIM_STOP_POWER);
        assert_true(machine->end.in_boot);
        (void)rig_settle(rig);
    }
    assert_int_equal(machine_run(machine, write_and_sync), SIM_STOP_DONE);
    unsigned boots = 0, again = 0;
    for (size_t i = 0; i < machine->history.count; i++) {
        const struct history_event *event = &machine->history.events[i];
        if (event->kind != HISTORY_BOOTED) continue;
        boots++;
        again += event->flag;
    }
    assert_int_equal(boots, 4);
    assert_int_equal(again, 3);
}

static void read_after_the_kill(struct machine *machine)
{
    struct wal_file file = rig_open(machine, "a");
    uint8_t bytes[512];

    assert_done(rig_get(machine, file, 0, bytes, 512), WAL_OK, 512);
    assert_int_equal(bytes[0], 'A');
    sim_power_off(machine->world);
}

/* Decisions about a crash: 6 is the death of the process, after the call. */
static void F38_a_process_dies_and_its_cache_lives_on_until_power_is_lost(void **state)
{
    struct rig *rig = *state;

    rig_allow(rig, 38, 65536);
    rig_decide(rig, SIM_STREAM_CRASH, SIM_KIND_CRASH, SIM_CALL_PWRITE, 0, 6);
    assert_int_equal(machine_fresh(rig->machine, write_and_sync), SIM_STOP_KILLED);
    assert_int_equal(disk_open_count(rig_disk(rig)), 0);
    assert_shows(rig_disk(rig), "a", "A512");
    assert_durable(rig_disk(rig), rig_inode(rig), "");
    assert_int_equal(machine_run(rig->machine, read_after_the_kill), SIM_STOP_POWER);
    assert_absent(rig_settle(rig), "a");
}

static bool mine(const struct fault *fault)
{
    return fault->sort == FAULT_AT_CRASH || fault->number == 28 || fault->number == 37 ||
           fault->number == 38;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(F20_power_loss_drops_everything_unsynced),
        RIG_TEST(F21_power_loss_keeps_everything_unsynced),
        RIG_TEST(F22_power_loss_keeps_a_prefix_of_what_was_written),
        RIG_TEST(F22_the_prefix_is_cut_at_a_byte_where_sectors_tear),
        RIG_TEST(F23_power_loss_keeps_any_subset_of_the_sectors),
        RIG_TEST(F24_zeros_stand_under_a_size_whose_data_is_lost),
        RIG_TEST(F26_data_is_lost_past_a_size_that_is_lost),
        RIG_TEST(F25_lost_sectors_show_random_or_older_bytes),
        RIG_TEST(F27_a_sector_is_cut_at_a_byte),
        RIG_TEST(F28_the_unit_that_is_kept_or_lost_is_another_one),
        RIG_TEST(F29_a_name_that_was_made_and_not_synced_is_gone),
        RIG_TEST(F30_a_rename_is_undone),
        RIG_TEST(F31_a_rename_leaves_both_names_and_on_a_hostile_disk_neither),
        RIG_TEST(F32_names_are_reordered_where_the_disk_does_that),
        RIG_TEST(F33_a_name_that_was_removed_is_back),
        RIG_TEST(F34_what_was_cut_off_is_back_below_newer_bytes),
        RIG_TEST(F35_a_reservation_is_lost_or_reads_as_zeros),
        RIG_TEST(F36_a_file_that_is_used_again_shows_its_former_contents),
        RIG_TEST(F37_power_is_lost_in_recovery_again_and_again),
        RIG_TEST(F38_a_process_dies_and_its_cache_lives_on_until_power_is_lost),
    };

    rig_assert_covered(tests, sizeof tests / sizeof tests[0], mine);
    return cmocka_run_group_tests_name("fault_crash", tests, NULL, NULL);
}
