/*
 * sim_disk_image_test.c - each state in which a crash may leave bytes and sizes, struck on purpose.
 *
 * A script gives the answers, the test says which bytes must be there. The names carry the fault's
 * identifier.
 */
#include "tests/disk_script.h"

static void F20_lose_all_drops_everything_pending(void **state)
{
    struct disk *disk = begin(state, "weak");
    disk_inode inode = script_durable_file(disk, "a", "A1024");

    script_write(disk, inode, 0, "B512");
    script_write(disk, inode, 1024, "C700");
    assert_shows(draw(state), "a", "A1024");
    assert_int_equal(tally(state)->chunks_pending, 3);
    assert_int_equal(tally(state)->chunks_kept, 0);
    assert_shows(disk, "a", "B512A512C700");
}

static void F21_keep_all_keeps_what_was_never_synced(void **state)
{
    struct disk *disk = begin(state, "weak");
    disk_inode inode = script_durable_file(disk, "a", "A1024");

    script_write(disk, inode, 0, "B512");
    script_write(disk, inode, 1024, "C700");
    say(state, DISK_ASK_MODE, SCRIPT_KEEP);
    assert_shows(draw(state), "a", "B512A512C700");
    assert_int_equal(tally(state)->chunks_kept, 3);
}

static void F22_a_prefix_over_all_files_is_cut_at_a_byte(void **state)
{
    struct disk *disk = begin(state, "weak");
    disk_inode a = script_durable_file(disk, "a", "A1024");
    disk_inode b = script_durable_file(disk, "b", "B1024");

    script_write(disk, a, 0, "X512");
    script_write(disk, b, 0, "Y1024");
    script_write(disk, a, 512, "Z512");
    say(state, DISK_ASK_MODE, SCRIPT_PREFIX);
    say(state, DISK_ASK_CUT, 2);
    say(state, DISK_ASK_CUT_BYTE, 100);
    struct disk *image = draw(state);
    assert_shows(image, "a", "X512A512");
    assert_shows(image, "b", "Y612B412");
    assert_int_equal(tally(state)->chunks_torn, 1);
}

static void a_prefix_is_cut_between_chunks_where_nothing_tears(void **state)
{
    struct disk *disk = begin(state, "btrfs");
    disk_inode inode = script_durable_file(disk, "a", "A8192");

    script_write(disk, inode, 0, "B8192");
    say(state, DISK_ASK_MODE, SCRIPT_PREFIX);
    say(state, DISK_ASK_CUT, 1);
    say(state, DISK_ASK_CUT_BYTE, 100);
    assert_shows(draw(state), "a", "B4096A4096");
}

static void F23_any_one_chunk_may_be_missing(void **state)
{
    struct disk *disk = begin(state, "weak");
    disk_inode inode = script_durable_file(disk, "a", "A1536");

    script_write(disk, inode, 0, "B1536");
    say(state, DISK_ASK_MODE, SCRIPT_OMIT);
    say(state, DISK_ASK_OMIT, 1);
    assert_shows(draw(state), "a", "B512A512B512");
}

static void F23_any_subset_may_survive(void **state)
{
    struct disk *disk = begin(state, "weak");
    disk_inode inode = script_durable_file(disk, "a", "A2048");

    script_write(disk, inode, 0, "B2048");
    say(state, DISK_ASK_MODE, SCRIPT_EACH);
    say(state, DISK_ASK_CHUNK, 0);
    say(state, DISK_ASK_CHUNK, 1);
    say(state, DISK_ASK_CHUNK, 0);
    say(state, DISK_ASK_CHUNK, 1);
    assert_shows(draw(state), "a", "A512B512A512B512");
}

static void F23_a_chunk_shows_one_of_its_versions(void **state)
{
    struct disk *disk = begin(state, "weak");
    disk_inode inode = script_durable_file(disk, "a", "A512");

    script_write(disk, inode, 0, "B300");
    script_write(disk, inode, 200, "C100");
    say(state, DISK_ASK_MODE, SCRIPT_OMIT); /* The older is omitted, the newer one needs it. */
    assert_shows(draw(state), "a", "B200C100A212");
    assert_int_equal(tally(state)->overwrites_lost, 0);
    say(state, DISK_ASK_OMIT, 1);
    assert_shows(draw(state), "a", "B300A212");
    assert_int_equal(tally(state)->overwrites_lost, 0); /* It shows a newer version. */
}

static void F24_size_may_survive_without_its_data(void **state)
{
    struct disk *disk = begin(state, "weak");
    disk_inode inode = script_durable_file(disk, "a", "A700");

    script_write(disk, inode, 700, "B1000");
    say(state, DISK_ASK_SIZE, 1);
    assert_shows(draw(state), "a", "A700.1000");
    assert_int_equal(tally(state)->sizes_without_data, 1);
}

static void F24_a_lost_chunk_below_a_kept_one_shows_zeros(void **state)
{
    begin(state, "weak");
    static const char *const profiles[] = {"weak", "xfs"};

    for (size_t i = 0; i < 2; i++) {
        struct disk *disk = begin(state, profiles[i]);
        disk_inode inode = script_durable_file(disk, "a", "A4096");
        script_write(disk, inode, 4096, "B8192");
        uint32_t lost = disk_profile_find(profiles[i])->chunk_bytes == 4096 ? 0 : 15;
        struct disk *image = draw_mode(state, SCRIPT_OMIT, DISK_ASK_OMIT, lost);
        if (lost == 0) assert_shows(image, "a", "A4096.4096B4096");
        if (lost != 0) assert_shows(image, "a", "A4096B7680"); /* The last one: nothing above. */
        if (lost != 0) {
            assert_shows(draw_mode(state, SCRIPT_OMIT, DISK_ASK_OMIT, 0), "a", "A4096.512B7680");
        }
        assert_int_equal(tally(state)->sizes_without_data, 1);
    }
}

static void F24_the_size_is_cut_where_data_goes_first(void **state)
{
    static const char *const profiles[] = {"strict", "ext4-ordered", "btrfs", "ext4-data-journal"};

    for (size_t i = 0; i < 4; i++) {
        struct disk *disk = begin(state, profiles[i]);
        disk_inode inode = script_durable_file(disk, "a", "A4096");
        script_write(disk, inode, 4096, "B4096");
        script_write(disk, inode, 8192, "C4096");
        bool sectors = disk_profile_find(profiles[i])->chunk_bytes == 512;
        struct disk *image = draw_mode(state, SCRIPT_OMIT, DISK_ASK_OMIT, sectors ? 8 : 1);
        assert_shows(image, "a", "A4096B4096");
        image = draw_mode(state, SCRIPT_OMIT, DISK_ASK_OMIT, 0);
        assert_shows(image, "a", "A4096"); /* F26: what was kept behind the cut is gone too. */
        assert_int_equal(tally(state)->data_without_size, 1);
        image = draw_mode(state, SCRIPT_LOSE, DISK_ASK_SIZE, 0);
        assert_shows(image, "a", "A4096");
    }
}

static void F24_ext4_ordered_may_show_zeros_instead(void **state)
{
    struct disk *disk = begin(state, "ext4-ordered");
    disk_inode inode = script_durable_file(disk, "a", "A4096");

    script_write(disk, inode, 4096, "B4096");
    script_write(disk, inode, 8192, "C4096");
    say(state, DISK_ASK_MODE, SCRIPT_OMIT);
    say(state, DISK_ASK_CHUNK, 2);
    assert_shows(draw(state), "a", "A4096.4096C4096");
}

/* Of a file that was longer before, so that the disk has something old at its end. */
static disk_inode shortened_file(struct disk *disk)
{
    disk_inode inode = script_durable_file(disk, "a", "O4096");

    assert_ok(disk_truncate(disk, inode, 512));
    script_sync(disk, inode);
    return inode;
}

static void F24_sizes_follow_data_where_that_fault_is_off(void **state)
{
    struct fixture *fixture = *state;
    struct disk *disk = begin(state, "weak");
    disk_inode inode = script_durable_file(disk, "a", "A512");
    struct disk_chooser chooser = script_chooser(&fixture->script);

    script_write(disk, inode, 512, "B1024");
    chooser.modes = 1 << DISK_OMIT_ONE;
    disk_image(disk, &chooser, fixture->image, NULL);
    assert_shows(fixture->image, "a", "A512");
    assert_int_equal(fixture->script.asked[DISK_ASK_SIZE], 0);
    chooser.modes |= 1 << 5;
    disk_image(disk, &chooser, fixture->image, NULL);
    assert_shows(fixture->image, "a", "A512.512B512");
}

static void F25_a_lost_tail_may_show_garbage(void **state)
{
    struct disk *disk = begin(state, "weak");
    disk_inode inode = script_durable_file(disk, "a", "A512");
    uint64_t size;

    script_write(disk, inode, 512, "B512");
    say(state, DISK_ASK_SIZE, 1);
    say(state, DISK_ASK_CHUNK, 3);
    say(state, DISK_ASK_GARBAGE, 77);
    struct disk *image = draw(state);
    assert_shows(image, "a", "A512?512");
    const uint8_t *bytes = disk_durable(image, inode, &size);
    size_t letters = 0;
    for (size_t i = 512; i < size; i++) letters += bytes[i] == 'B' || bytes[i] == 0;
    assert_true(letters < 20);
    assert_int_equal(tally(state)->chunks_garbage, 1);
}

static void F25_a_lost_tail_may_show_an_older_generation(void **state)
{
    struct disk *disk = begin(state, "ext4-writeback");
    disk_inode inode = shortened_file(disk);

    script_write(disk, inode, 512, "B512");
    say(state, DISK_ASK_SIZE, 1);
    assert_shows(draw(state), "a", "A0O1024");
    assert_int_equal(tally(state)->chunks_stale, 1);
    assert_int_equal(tally(state)->chunks_recycled, 1);
}

static void F25_a_lost_tail_may_show_another_file(void **state)
{
    struct disk *disk = begin(state, "weak");
    disk_inode inode = script_durable_file(disk, "a", "A512");

    script_durable_file(disk, "b", "P512Q512");
    script_durable_file(disk, "c", "R512S512");
    script_write(disk, inode, 512, "B512");
    say(state, DISK_ASK_MODE, SCRIPT_EACH);
    say(state, DISK_ASK_CHUNK, 4);
    assert_shows(draw(state), "a", "A512Q512");
    say(state, DISK_ASK_GARBAGE, 1);
    assert_shows(draw(state), "a", "A512S512");
    assert_int_equal(tally(state)->chunks_stale, 1);
    assert_int_equal(tally(state)->chunks_recycled, 0);
}

static void F25_old_bytes_show_only_where_nothing_newer_stood(void **state)
{
    struct disk *disk = begin(state, "weak");
    disk_inode inode = shortened_file(disk);

    script_write(disk, inode, 512, "B512C512");
    say(state, DISK_ASK_MODE, SCRIPT_EACH);
    say(state, DISK_ASK_CHUNK, 4);
    say(state, DISK_ASK_CHUNK, 1);
    assert_shows(draw(state), "a", "O1024C512");
    script_write(disk, inode, 512, "D100");
    say(state, DISK_ASK_CHUNK, 1); /* The newer version of a chunk brings the older one along. */
    assert_shows(draw(state), "a", "O512D100B412C512");
    script_write(disk, inode, 1536, "E100");
    script_write(disk, inode, 1536, "F300");
    forget_script(state);
    say(state, DISK_ASK_MODE, SCRIPT_EACH);
    for (uint32_t i = 0; i < 5; i++) say(state, DISK_ASK_CHUNK, i < 4 ? 1 : 4);
    assert_shows(draw(state), "a", "O512D100B412C512E100O200");
}

static void F26_data_may_arrive_without_its_size(void **state)
{
    struct disk *disk = begin(state, "weak");
    disk_inode inode = script_durable_file(disk, "a", "A1024");

    script_write(disk, inode, 512, "B1024");
    say(state, DISK_ASK_MODE, SCRIPT_PREFIX);
    say(state, DISK_ASK_CUT, 1);
    say(state, DISK_ASK_CUT_BYTE, 300);
    assert_shows(draw(state), "a", "A512B812");
    assert_int_equal(tally(state)->data_without_size, 0);
    say(state, DISK_ASK_SIZE, 2);
    assert_shows(draw(state), "a", "A512B512");
    assert_int_equal(tally(state)->data_without_size, 1);
}

static void F27_a_sector_may_be_torn(void **state)
{
    struct disk *disk = begin(state, "weak");
    disk_inode inode = script_durable_file(disk, "a", "A1024");

    script_write(disk, inode, 512, "B512");
    say(state, DISK_ASK_MODE, SCRIPT_EACH);
    say(state, DISK_ASK_CHUNK, 5);
    say(state, DISK_ASK_CHUNK_BYTE, 99);
    assert_shows(draw(state), "a", "A512B100A412");
    assert_int_equal(tally(state)->chunks_torn, 1);
}

static void F27_a_torn_write_may_hurt_its_neighbours_only_when_hostile(void **state)
{
    static const char *const profiles[] = {"weak", "hostile"};

    for (size_t i = 0; i < 2; i++) {
        struct disk *disk = begin(state, profiles[i]);
        disk_inode inode = script_durable_file(disk, "a", "A1024");
        forget_script(state);
        script_write(disk, inode, 100, "B100");
        say(state, DISK_ASK_MODE, SCRIPT_EACH);
        say(state, DISK_ASK_CHUNK, 5);
        say(state, DISK_ASK_CHUNK_BYTE, 49);
        say(state, DISK_ASK_GARBAGE, 5);
        struct disk *image = draw(state);
        if (i == 0) assert_shows(image, "a", "A100B50A874");
        if (i == 1) assert_shows(image, "a", "?100B50A50?312A512");
        if (i == 1) assert_false(script_equal(disk_window(image, inode, 0, 100), 100, "A100"));
    }
}

static void F28_chunks_are_as_large_as_the_profile_says(void **state)
{
    for (size_t i = 0; i < disk_profile_count; i++) {
        struct disk *disk = begin(state, disk_profiles[i].name);
        disk_inode inode = script_durable_file(disk, "a", "A8192");
        script_write(disk, inode, 100, "B8000");
        uint32_t chunks = disk_profiles[i].chunk_bytes == 512 ? 16 : 2;
        assert_int_equal(disk_pending(disk), chunks);
        draw(state);
        assert_int_equal(tally(state)->chunks_pending, chunks);
    }
}

static void F28_chunks_are_as_large_as_told(void **state)
{
    static const struct {
        uint32_t chunk_bytes, chunks;
        const char *prefix; /* The first chunk kept, and half of the next. */
    } rows[] = {{8, 1024, "B12A8180"}, {512, 16, "B768A7424"}, {4096, 2, "B6144A2048"}};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < 3; i++) {
        struct disk *disk = begin(state, "weak");
        disk_set_chunk(disk, rows[i].chunk_bytes);
        disk_inode inode = script_durable_file(disk, "a", "A8192");
        script_write(disk, inode, 0, "B8192");
        assert_int_equal(disk_pending(disk), rows[i].chunks);
        forget_script(state);
        say(state, DISK_ASK_MODE, SCRIPT_PREFIX);
        say(state, DISK_ASK_CUT, 1);
        say(state, DISK_ASK_CUT_BYTE, rows[i].chunk_bytes / 2);
        struct disk *image = draw(state);
        assert_shows(image, "a", rows[i].prefix);
        assert_int_equal(tally(state)->chunks_pending, rows[i].chunks);
        assert_int_equal(disk_chunk(image), rows[i].chunk_bytes);
        disk_adopt(disk, fixture->image);
        script_write(disk, inode, 0, "C8192"); /* The disk that goes on is the same. */
        assert_int_equal(disk_pending(disk), rows[i].chunks);
    }
    assert_int_equal(disk_pending(begin(state, "weak")), 0);
    assert_int_equal(disk_chunk(fixture->disk), 512);
}

static void F28_a_failed_sync_loses_chunks_as_large_as_told(void **state)
{
    struct fixture *fixture = *state;
    struct disk *disk = begin(state, "ext4-ordered");
    disk_set_chunk(disk, 8);
    disk_inode inode = script_durable_file(disk, "a", "A32");

    script_write(disk, inode, 4, "B20");
    static const uint32_t lucky[] = {1, 0, 1};
    for (size_t i = 0; i < 3; i++) say(state, DISK_ASK_SYNC_CHUNK, lucky[i]);
    const struct disk_chooser chooser = script_chooser(&fixture->script);
    enum wal_err err = disk_sync_fail(disk, inode, disk_sync_begin(disk, inode),
                                      DISK_FSYNC_NEW_IN_CACHE, &chooser);
    assert_int_equal(err, WAL_IO);
    assert_durable(disk, inode, "A4B4A8B8A8");
}

static void a_lost_overwrite_may_leave_garbage_in_its_own_range(void **state)
{
    static const char *const profiles[] = {"weak", "ext4-writeback"};

    for (size_t i = 0; i < 2; i++) {
        struct disk *disk = begin(state, profiles[i]);
        disk_inode inode = script_durable_file(disk, "a", "A1024");
        script_write(disk, inode, 100, "B100");
        struct disk *image = draw_mode(state, SCRIPT_EACH, DISK_ASK_CHUNK, 3);
        if (i == 1) assert_shows(image, "a", "A1024");
        if (i == 0) assert_shows(image, "a", "A100?100A824");
        if (i == 0) assert_int_equal(tally(state)->chunks_garbage, 1);
        if (i == 0) assert_false(script_equal(disk_window(image, inode, 100, 100), 100, "A100"));
    }
}

/* ---- Sizes as items ---- */

static void F34_an_undone_truncation_brings_bytes_back_under_newer_ones(void **state)
{
    struct disk *disk = begin(state, "weak");
    disk_inode inode = script_durable_file(disk, "a", "A2048");

    assert_ok(disk_truncate(disk, inode, 512));
    script_write(disk, inode, 512, "B512");
    assert_shows(disk, "a", "A512B512");
    assert_shows(draw(state), "a", "A2048");
    assert_int_equal(tally(state)->truncations_undone, 1);
    say(state, DISK_ASK_MODE, SCRIPT_EACH);
    say(state, DISK_ASK_CHUNK, 0);
    say(state, DISK_ASK_CHUNK, 1);
    assert_shows(draw(state), "a", "A512B512A1024");
    assert_int_equal(tally(state)->truncations_undone, 1);
}

static void F34_what_a_kept_truncation_cut_may_show_under_a_kept_size(void **state)
{
    struct disk *disk = begin(state, "weak");
    disk_inode inode = script_durable_file(disk, "a", "A2048");

    assert_ok(disk_truncate(disk, inode, 512));
    script_write(disk, inode, 512, "B512");
    say(state, DISK_ASK_MODE, SCRIPT_OMIT);
    say(state, DISK_ASK_OMIT, 1);
    assert_shows(draw(state), "a", "A512");
    say(state, DISK_ASK_SIZE, 1);
    assert_shows(draw(state), "a", "A512.512");
    say(state, DISK_ASK_CHUNK, 4);
    assert_shows(draw(state), "a", "A1024");
}

static void F35_a_reservation_is_lost_or_kept_and_reads_as_zeros(void **state)
{
    struct disk *disk = begin(state, "weak");
    disk_inode inode = script_durable_file(disk, "a", "A512");

    assert_ok(disk_allocate(disk, inode, 512, 1024, false));
    assert_shows(disk, "a", "A512.1024");
    assert_shows(draw(state), "a", "A512");
    assert_int_equal(tally(state)->reservations_lost, 1);
    assert_int_equal(tally(state)->truncations_undone, 0);
    say(state, DISK_ASK_MODE, SCRIPT_KEEP);
    assert_shows(draw(state), "a", "A512.1024");
    assert_int_equal(tally(state)->reservations_pending, 1);
    assert_int_equal(tally(state)->reservations_lost, 0);
    script_write(disk, inode, 512, "B512");
    struct disk *image = draw_mode(state, SCRIPT_OMIT, DISK_ASK_OMIT, 1);
    assert_shows(image, "a", "A512.1024"); /* Reserved: zeros, never stale. */
}

static void F36_a_recycled_file_shows_its_old_generation(void **state)
{
    struct disk *disk = begin(state, "weak");
    disk_inode inode = script_durable_file(disk, "old", "A2048");

    assert_ok(disk_rename(disk, 0, "old", "new"));
    script_sync_dir(disk, 0);
    script_write(disk, inode, 0, "B1024");
    struct disk *image = draw_mode(state, SCRIPT_OMIT, DISK_ASK_OMIT, 0);
    assert_shows(image, "new", "A512B512A1024");
    assert_int_equal(tally(state)->overwrites_lost, 1);
    assert_absent(image, "old");
}

static void F36_a_new_file_shows_one_that_is_gone(void **state)
{
    struct disk *disk = begin(state, "weak");

    script_durable_file(disk, "gone", "A512B512");
    disk_inode inode = script_durable_file(disk, "new", "");
    assert_ok(disk_unlink(disk, 0, "gone"));
    script_write(disk, inode, 0, "C1024");
    say(state, DISK_ASK_SIZE, 1);
    say(state, DISK_ASK_CHUNK, 4);
    assert_shows(draw(state), "new", "A512B512"); /* It may come back, so it is not gone yet. */
    assert_int_equal(tally(state)->chunks_recycled, 0);
    script_sync_dir(disk, 0);
    say(state, DISK_ASK_SIZE, 1);
    say(state, DISK_ASK_CHUNK, 4);
    assert_shows(draw(state), "new", "A512B512");
    assert_int_equal(tally(state)->chunks_recycled, 2);
    disk_reset(disk, disk_profile_of(disk), UINT64_MAX);
    inode = script_durable_file(disk, "new", "");
    script_write(disk, inode, 0, "C1024");
    say(state, DISK_ASK_SIZE, 1);
    say(state, DISK_ASK_CHUNK, 4);
    assert_shows(draw(state), "new", ".1024");
}

static void F38_a_killed_process_leaves_bytes_that_power_loss_takes(void **state)
{
    struct disk *disk = begin(state, "weak");
    disk_inode inode = script_durable_file(disk, "a", "A512");

    disk_hold(disk, inode);
    script_write(disk, inode, 0, "B512");
    disk_process_died(disk);
    assert_int_equal(disk_open_count(disk), 0);
    assert_shows(disk, "a", "B512");
    assert_shows(draw(state), "a", "A512");
    disk_lose_pending(disk);
    assert_shows(disk, "a", "A512");
}

static void assert_about(const struct disk_about *about, disk_inode inode, uint64_t offset,
                         uint64_t len)
{
    assert_int_equal(about->inode, inode);
    assert_int_equal(about->offset, offset);
    assert_int_equal(about->len, len);
    assert_int_equal(about->dir, -1);
    assert_null(about->name);
}

static void each_question_says_which_bytes_it_is_about(void **state)
{
    struct disk *disk = begin(state, "weak");
    disk_inode a = script_durable_file(disk, "a", "A1024");
    disk_inode b = script_durable_file(disk, "b", "B1024");

    script_write(disk, a, 500, "C100");
    script_write(disk, b, 1024, "D512");
    assert_ok(disk_truncate(disk, a, 700));
    say(state, DISK_ASK_MODE, SCRIPT_EACH);
    static const uint32_t answers[] = {5, 0, 3, 0};
    for (size_t i = 0; i < 4; i++) say(state, DISK_ASK_CHUNK, answers[i]);
    draw(state);
    assert_about(told(state, DISK_ASK_MODE, 0), -1, 0, 0);
    assert_about(told(state, DISK_ASK_CHUNK, 0), a, 500, 12);
    assert_about(told(state, DISK_ASK_CHUNK_BYTE, 0), a, 500, 12);
    assert_about(told(state, DISK_ASK_CHUNK, 1), a, 512, 88);
    assert_about(told(state, DISK_ASK_CHUNK, 2), b, 1024, 512);
    assert_about(told(state, DISK_ASK_GARBAGE, 0), b, 1024, 512);
    assert_about(told(state, DISK_ASK_CHUNK, 3), a, 700, 0);
    assert_about(told(state, DISK_ASK_SIZE, 0), b, 1024, 512);
}

static void a_lost_tail_is_asked_about_from_its_first_lost_byte(void **state)
{
    struct disk *disk = begin(state, "weak");
    disk_inode inode = script_durable_file(disk, "a", "A700");

    script_write(disk, inode, 700, "B1000");
    say(state, DISK_ASK_SIZE, 1);
    say(state, DISK_ASK_CHUNK, 3);
    draw(state);
    assert_about(told(state, DISK_ASK_SIZE, 0), inode, 700, 1000);
    assert_about(told(state, DISK_ASK_CHUNK, 0), inode, 700, 1000);
    assert_about(told(state, DISK_ASK_GARBAGE, 0), inode, 700, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(F20_lose_all_drops_everything_pending),
        TEST(F21_keep_all_keeps_what_was_never_synced),
        TEST(F22_a_prefix_over_all_files_is_cut_at_a_byte),
        TEST(a_prefix_is_cut_between_chunks_where_nothing_tears),
        TEST(F23_any_one_chunk_may_be_missing),
        TEST(F23_any_subset_may_survive),
        TEST(F23_a_chunk_shows_one_of_its_versions),
        TEST(F24_size_may_survive_without_its_data),
        TEST(F24_a_lost_chunk_below_a_kept_one_shows_zeros),
        TEST(F24_the_size_is_cut_where_data_goes_first),
        TEST(F24_ext4_ordered_may_show_zeros_instead),
        TEST(F24_sizes_follow_data_where_that_fault_is_off),
        TEST(F25_a_lost_tail_may_show_garbage),
        TEST(F25_a_lost_tail_may_show_an_older_generation),
        TEST(F25_a_lost_tail_may_show_another_file),
        TEST(F25_old_bytes_show_only_where_nothing_newer_stood),
        TEST(F26_data_may_arrive_without_its_size),
        TEST(F27_a_sector_may_be_torn),
        TEST(F27_a_torn_write_may_hurt_its_neighbours_only_when_hostile),
        TEST(F28_chunks_are_as_large_as_the_profile_says),
        TEST(F28_chunks_are_as_large_as_told),
        TEST(F28_a_failed_sync_loses_chunks_as_large_as_told),
        TEST(a_lost_overwrite_may_leave_garbage_in_its_own_range),
        TEST(F34_an_undone_truncation_brings_bytes_back_under_newer_ones),
        TEST(F34_what_a_kept_truncation_cut_may_show_under_a_kept_size),
        TEST(F35_a_reservation_is_lost_or_kept_and_reads_as_zeros),
        TEST(F36_a_recycled_file_shows_its_old_generation),
        TEST(F36_a_new_file_shows_one_that_is_gone),
        TEST(each_question_says_which_bytes_it_is_about),
        TEST(a_lost_tail_is_asked_about_from_its_first_lost_byte),
        TEST(F38_a_killed_process_leaves_bytes_that_power_loss_takes),
    };

    return cmocka_run_group_tests_name("sim_disk_image", tests, NULL, NULL);
}
