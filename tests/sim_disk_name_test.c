/*
 * sim_disk_name_test.c - each state in which a crash may leave names, struck on purpose.
 */
#include "tests/disk_script.h"

static void F29_a_created_name_is_lost_with_its_data(void **state)
{
    struct disk *disk = begin(state, "weak");
    disk_inode inode = script_create(disk, "a");

    script_write(disk, inode, 0, "A512");
    script_sync(disk, inode);
    assert_absent(draw(state), "a");
    assert_int_equal(tally(state)->names_lost, 1);
    assert_int_equal(tally(state)->creates_lost, 1);
    say(state, DISK_ASK_NAMES, 1);
    assert_shows(draw(state), "a", "A512");
}

static void F29_a_lost_directory_takes_everything_with_it(void **state)
{
    struct disk *disk = begin(state, "weak");
    disk_inode inode;
    int32_t dir;

    assert_ok(disk_mkdir(disk, "/log"));
    assert_ok(disk_dir_find(disk, "log/", &dir));
    assert_ok(disk_open(disk, dir, "a", true, true, &inode));
    script_write(disk, inode, 0, "A512");
    script_sync(disk, inode);
    script_sync_dir(disk, dir);
    assert_int_equal(disk_dir_find(draw(state), "/log", &dir), WAL_NOTFOUND);
    say(state, DISK_ASK_NAMES, 1);
    assert_ok(disk_dir_find(draw(state), "/log", &dir));
}

static void F29_names_are_kept_where_that_fault_is_off(void **state)
{
    struct fixture *fixture = *state;
    struct disk *disk = begin(state, "weak");
    struct disk_chooser chooser = script_chooser(&fixture->script);

    script_create(disk, "a");
    chooser.modes = 1 << DISK_LOSE_ALL;
    disk_image(disk, &chooser, fixture->image, NULL);
    assert_shows(fixture->image, "a", "A0");
    assert_int_equal(fixture->script.asked[DISK_ASK_NAMES], 0);
}

static void F30_a_rename_may_be_undone(void **state)
{
    struct disk *disk = begin(state, "weak");

    script_durable_file(disk, "a", "A512");
    script_durable_file(disk, "b", "B512");
    assert_ok(disk_rename(disk, 0, "b", "a"));
    struct disk *image = draw(state);
    assert_shows(image, "a", "A512"); /* What it replaced is back too. */
    assert_shows(image, "b", "B512");
    assert_int_equal(tally(state)->renames_undone, 1);
    assert_int_equal(tally(state)->renames_both, 0);
    say(state, DISK_ASK_NAMES, 1);
    image = draw(state);
    assert_shows(image, "a", "B512");
    assert_absent(image, "b");
}

static void F30_a_rename_may_be_kept_and_its_data_lost(void **state)
{
    struct disk *disk = begin(state, "weak");
    disk_inode inode = script_create(disk, "tmp");

    script_write(disk, inode, 0, "A512");
    assert_ok(disk_rename(disk, 0, "tmp", "a"));
    say(state, DISK_ASK_NAMES, 1);
    assert_shows(draw(state), "a", "A0");
}

static void F31_a_rename_may_leave_both_names(void **state)
{
    struct disk *disk = begin(state, "weak");

    script_durable_file(disk, "a", "A512");
    assert_ok(disk_rename(disk, 0, "a", "b"));
    script_create(disk, "c");
    say(state, DISK_ASK_NAMES, 2);
    say(state, DISK_ASK_NAME, 1);
    say(state, DISK_ASK_SPLIT, 1);
    struct disk *image = draw(state);
    assert_shows(image, "a", "A512");
    assert_shows(image, "b", "A512");
    assert_int_equal(tally(state)->renames_both, 1);
    assert_int_equal(tally(state)->renames_neither, 0);
    assert_int_equal(tally(state)->names_reordered, 0);
}

static void F31_a_hostile_rename_may_leave_neither(void **state)
{
    struct disk *disk = begin(state, "hostile");

    script_durable_file(disk, "a", "A512");
    assert_ok(disk_rename(disk, 0, "a", "b"));
    say(state, DISK_ASK_NAMES, 3);
    say(state, DISK_ASK_NAME, 1);
    say(state, DISK_ASK_SPLIT, 2);
    struct disk *image = draw(state);
    assert_absent(image, "a");
    assert_absent(image, "b");
    assert_int_equal(tally(state)->renames_both, 0);
    assert_int_equal(tally(state)->renames_neither, 1);
    assert_int_equal(tally(state)->names_lost, 0);
}

static void F32_directory_operations_may_be_reordered(void **state)
{
    struct disk *disk = begin(state, "btrfs");

    script_create(disk, "a");
    script_create(disk, "b");
    script_create(disk, "c");
    say(state, DISK_ASK_NAMES, 3);
    say(state, DISK_ASK_NAME, 0);
    say(state, DISK_ASK_NAME, 1);
    struct disk *image = draw(state);
    assert_absent(image, "a");
    assert_shows(image, "b", "A0");
    assert_absent(image, "c");
    assert_int_equal(tally(state)->names_lost, 2);
    assert_int_equal(tally(state)->names_reordered, 1);
    draw_mode(state, SCRIPT_LOSE, DISK_ASK_NAMES, 2); /* A prefix reorders nothing. */
    assert_int_equal(tally(state)->names_lost, 3);
    assert_int_equal(tally(state)->names_reordered, 0);
}

static void F32_a_kept_operation_brings_along_what_it_depends_on(void **state)
{
    struct disk *disk = begin(state, "btrfs");
    disk_inode inode;
    int32_t dir;

    assert_ok(disk_mkdir(disk, "d"));
    assert_ok(disk_dir_find(disk, "d", &dir));
    assert_ok(disk_open(disk, dir, "tmp", true, true, &inode));
    script_create(disk, "a");
    assert_ok(disk_rename(disk, dir, "tmp", "b"));
    say(state, DISK_ASK_NAMES, 3);
    for (int i = 0; i < 4; i++) say(state, DISK_ASK_NAME, i == 3);
    struct disk *image = draw(state);
    assert_absent(image, "a");
    assert_ok(disk_dir_find(image, "d", &dir));
    assert_ok(disk_open(image, dir, "b", false, false, &inode));
    assert_int_equal(disk_open(image, dir, "tmp", false, false, &inode), WAL_NOTFOUND);
}

static void F33_an_unlink_may_be_undone(void **state)
{
    struct disk *disk = begin(state, "weak");

    script_durable_file(disk, "a", "A512");
    assert_ok(disk_unlink(disk, 0, "a"));
    assert_absent(disk, "a");
    assert_shows(draw(state), "a", "A512");
    assert_int_equal(tally(state)->unlinks_undone, 1);
    assert_int_equal(tally(state)->creates_lost, 0);
    script_sync_dir(disk, 0);
    assert_absent(draw(state), "a");
}

static void sync_dir_fails(struct disk *disk)
{
    disk_sync_dir_fail(disk, 0, disk_sync_dir_begin(disk, 0));
}

static void no_sync_covers_a_name_after_one_has_failed(void **state)
{
    struct disk *disk = begin(state, "weak");

    script_create(disk, "a");
    sync_dir_fails(disk);
    script_create(disk, "b");
    script_sync_dir(disk, 0);
    struct disk *image = draw(state);
    assert_absent(image, "a");
    assert_shows(image, "b", "A0");
    say(state, DISK_ASK_NAMES, 1);
    assert_shows(draw(state), "a", "A0"); /* It may be lucky. */
}

static void a_name_made_anew_after_a_failed_sync_is_covered(void **state)
{
    struct disk *disk = begin(state, "weak");

    script_durable_file(disk, "b", "B512");
    assert_ok(disk_link(disk, 0, "b", "a"));
    sync_dir_fails(disk);
    assert_ok(disk_rename(disk, 0, "b", "c"));
    assert_ok(disk_unlink(disk, 0, "a"));
    script_create(disk, "a");
    script_sync_dir(disk, 0);
    assert_int_equal(disk_pending(disk), 0);
    struct disk *image = draw(state);
    assert_shows(image, "a", "A0");
    assert_shows(image, "c", "B512");
    assert_absent(image, "b");
}

static void a_removal_after_a_failed_sync_is_covered(void **state)
{
    struct disk *disk = begin(state, "weak");

    script_create(disk, "a");
    assert_ok(disk_rename(disk, 0, "a", "b"));
    sync_dir_fails(disk);
    assert_ok(disk_unlink(disk, 0, "b"));
    script_sync_dir(disk, 0);
    say(state, DISK_ASK_NAMES, 1);
    assert_absent(draw(state), "b");
}

static void a_name_made_while_a_sync_fails_is_not_its_business(void **state)
{
    struct disk *disk = begin(state, "weak");

    uint64_t ticket = disk_sync_dir_begin(disk, 0);
    script_create(disk, "a");
    disk_sync_dir_fail(disk, 0, ticket);
    script_sync_dir(disk, 0);
    assert_shows(draw(state), "a", "A0");
}

static void names_are_durable_at_once_where_the_profile_is_strict(void **state)
{
    struct disk *disk = begin(state, "strict");

    script_create(disk, "a");
    script_create(disk, "b");
    assert_ok(disk_unlink(disk, 0, "b"));
    assert_int_equal(disk_pending(disk), 0);
    struct disk *image = draw(state);
    assert_shows(image, "a", "A0");
    assert_absent(image, "b");
}

static void each_question_says_which_operation_it_is_about(void **state)
{
    struct disk *disk = begin(state, "btrfs");
    disk_inode inode = script_durable_file(disk, "a", "A512");

    assert_ok(disk_mkdir(disk, "d"));
    assert_ok(disk_rename(disk, 0, "a", "b"));
    assert_ok(disk_unlink(disk, 0, "b"));
    say(state, DISK_ASK_NAMES, 3);
    for (uint32_t i = 0; i < 3; i++) say(state, DISK_ASK_NAME, i == 1);
    draw(state);
    static const struct {
        enum disk_name_kind kind;
        const char *name, *from;
    } rows[] = {{DISK_NAME_CREATE, "d", ""},
                {DISK_NAME_RENAME, "b", "a"},
                {DISK_NAME_UNLINK, "b", ""},
                {DISK_NAME_RENAME, "b", "a"}};
    for (uint32_t i = 0; i < 4; i++) {
        const struct disk_about *about =
            i < 3 ? told(state, DISK_ASK_NAME, i) : told(state, DISK_ASK_SPLIT, 0);
        assert_int_equal(about->dir, 0);
        assert_int_equal(about->kind, rows[i].kind);
        assert_int_equal(about->inode, i == 0 ? -1 : inode);
        assert_string_equal(about->name, rows[i].name);
        assert_string_equal(about->from, rows[i].from);
    }
    assert_int_equal(told(state, DISK_ASK_NAMES, 0)->dir, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(F29_a_created_name_is_lost_with_its_data),
        TEST(F29_a_lost_directory_takes_everything_with_it),
        TEST(F29_names_are_kept_where_that_fault_is_off),
        TEST(F30_a_rename_may_be_undone),
        TEST(F30_a_rename_may_be_kept_and_its_data_lost),
        TEST(F31_a_rename_may_leave_both_names),
        TEST(F31_a_hostile_rename_may_leave_neither),
        TEST(F32_directory_operations_may_be_reordered),
        TEST(F32_a_kept_operation_brings_along_what_it_depends_on),
        TEST(F33_an_unlink_may_be_undone),
        TEST(each_question_says_which_operation_it_is_about),
        TEST(no_sync_covers_a_name_after_one_has_failed),
        TEST(a_name_made_anew_after_a_failed_sync_is_covered),
        TEST(a_removal_after_a_failed_sync_is_covered),
        TEST(a_name_made_while_a_sync_fails_is_not_its_business),
        TEST(names_are_durable_at_once_where_the_profile_is_strict),
    };

    return cmocka_run_group_tests_name("sim_disk_name", tests, NULL, NULL);
}
