/*
 * sim_disk_test.c - the disk's calls, its syncs and their failures, damage, and images as disks.
 *
 * What a crash may leave has its own tests; a comparison with a slow model has its own too.
 */
#include "tests/disk_script.h"

/* A draw after which the script is empty. */
static struct disk *draw_once(void **state, uint64_t *ret_hash)
{
    struct disk *image = draw_hashed(state, ret_hash);

    forget_script(state);
    return image;
}

/* What the disk holds if power is lost now: everything unsynced lost. */
static struct disk *lost(void **state)
{
    uint64_t hash;

    return draw_once(state, &hash);
}

static struct disk *kept(void **state)
{
    uint64_t hash;

    say(state, DISK_ASK_MODE, SCRIPT_KEEP);
    say(state, DISK_ASK_NAMES, 1);
    return draw_once(state, &hash);
}

/* ---- Profiles ---- */

static void every_profile_is_the_row_that_the_papers_give(void **state)
{
    enum { IN_CACHE = 1, LATE = 2, REVERT = 4, CLEAN = 8 };
    static const struct {
        const char *name;
        uint32_t chunk_bytes;
        const char *flags; /* n negative, s size before data, l z g t what a lost tail shows,
                              r reordered names, d names durable at once, x split, p safe. */
        uint32_t failures;
    } rows[] = {
        {"strict", 512, "ldp", CLEAN},
        {"weak", 512, "slzgtp", IN_CACHE | REVERT},
        {"ext4-ordered", 4096, "lzp", IN_CACHE},
        {"ext4-writeback", 4096, "sgtp", IN_CACHE},
        {"xfs", 4096, "zp", IN_CACHE},
        {"btrfs", 4096, "lrp", REVERT},
        {"ext4-data-journal", 4096, "nlp", LATE},
        {"hostile", 512, "nslzgtrx", IN_CACHE | LATE | REVERT | CLEAN},
    };

    (void)state;
    assert_int_equal(disk_profile_count, sizeof rows / sizeof rows[0]);
    for (size_t i = 0; i < disk_profile_count; i++) {
        const struct disk_profile *profile = disk_profile_find(rows[i].name);
        char flags[16] = "";
        assert_ptr_equal(profile, &disk_profiles[i]);
        if (profile->negative) strcat(flags, "n");
        if (profile->size_before_data) strcat(flags, "s");
        if (profile->tail_lost) strcat(flags, "l");
        if (profile->tail_zero) strcat(flags, "z");
        if (profile->tail_garbage) strcat(flags, "g");
        if (profile->tail_stale) strcat(flags, "t");
        if (profile->name_order == DISK_NAMES_SUBSET) strcat(flags, "r");
        if (profile->names_durable_at_once) strcat(flags, "d");
        if (profile->rename_may_split) strcat(flags, "x");
        if (profile->overwrite_powersafe) strcat(flags, "p");
        assert_string_equal(flags, rows[i].flags);
        assert_int_equal(profile->chunk_bytes, rows[i].chunk_bytes);
        assert_int_equal(profile->fsync_failures, rows[i].failures);
    }
    assert_null(disk_profile_find("ext5"));
}

/* ---- Calls ---- */

static void a_write_beyond_the_end_leaves_zeros(void **state)
{
    struct disk *disk = disk_of(state);
    disk_inode inode = script_create(disk, "a");

    script_write(disk, inode, 0, "A10");
    script_write(disk, inode, 20, "B10");
    assert_shows(disk, "a", "A10.10B10");
    assert_ok(disk_truncate(disk, inode, 5));
    assert_ok(disk_truncate(disk, inode, 12));
    assert_shows(disk, "a", "A5.7");
    assert_null(disk_window(disk, inode, 5, 8));
    assert_memory_equal(disk_window(disk, inode, 4, 2), "A", 2);
}

static void space_ends_in_the_middle_of_a_write(void **state)
{
    struct disk *disk = disk_of(state);
    disk_inode inode;
    uint8_t bytes[1000] = {0};
    bool full;

    disk_reset(disk, disk_profile_find("weak"), 1500);
    inode = script_create(disk, "a");
    script_write(disk, inode, 0, "A1000");
    assert_int_equal(disk_write(disk, inode, 1000, bytes, 1000, &full), 500);
    assert_true(full);
    assert_int_equal(disk_write(disk, inode, 1500, bytes, 1000, &full), 0);
    assert_true(full);
    script_write(disk, inode, 200, "B1000"); /* What is there may be overwritten. */
    assert_int_equal(disk_allocate(disk, inode, 1500, 1, true), WAL_NOSPACE);
    disk_set_space(disk, 2000);
    assert_ok(disk_allocate(disk, inode, 1500, 500, true));
    assert_int_equal(disk_size(disk, inode), 1500);
    assert_int_equal(disk_write(disk, script_create(disk, "b"), 0, bytes, 1, &full), 0);
    script_write(disk, inode, 1500, "C500"); /* It was reserved. */
    assert_ok(disk_unlink(disk, 0, "a"));
    script_write(disk, script_find(disk, "b"), 0, "B2000");
}

static void a_name_that_cannot_be_is_refused(void **state)
{
    struct disk *disk = disk_of(state);
    char name[65];
    disk_inode inode;
    int32_t dir;

    memset(name, 'n', 64);
    name[64] = '\0';
    assert_int_equal(disk_open(disk, 0, name, true, false, &inode), WAL_INVALID);
    assert_int_equal(disk_mkdir(disk, name), WAL_INVALID);
    assert_ok(disk_open(disk, 0, name + 1, true, false, &inode));
    assert_int_equal(disk_open(disk, 0, name + 1, true, true, &inode), WAL_EXISTS);
    assert_int_equal(disk_open(disk, 0, "b", false, false, &inode), WAL_NOTFOUND);
    assert_int_equal(disk_rename(disk, 0, name + 1, name), WAL_INVALID);
    assert_int_equal(disk_rename(disk, 0, "b", "c"), WAL_NOTFOUND);
    assert_int_equal(disk_unlink(disk, 0, "b"), WAL_NOTFOUND);
    assert_int_equal(disk_link(disk, 0, "b", "c"), WAL_NOTFOUND);
    assert_int_equal(disk_mkdir(disk, "x/y"), WAL_NOTFOUND);
    assert_ok(disk_mkdir(disk, "x"));
    assert_int_equal(disk_mkdir(disk, "/x/"), WAL_EXISTS);
    assert_int_equal(disk_unlink(disk, 0, "x"), WAL_INVALID);
    assert_int_equal(disk_open(disk, 0, "x", true, false, &inode), WAL_INVALID);
    script_create(disk, "f");
    assert_int_equal(disk_dir_find(disk, "f", &dir), WAL_NOTDIR);
    assert_int_equal(disk_mkdir(disk, "f/y"), WAL_NOTDIR);
    assert_int_equal(disk_truncate(disk, inode, UINT64_MAX), WAL_FILE_TOO_LARGE);
}

static void entries_are_listed_in_order_of_creation(void **state)
{
    struct disk *disk = disk_of(state);
    disk_inode a = script_create(disk, "a"), b = script_create(disk, "b"), inode;

    assert_ok(disk_mkdir(disk, "c"));
    assert_ok(disk_link(disk, 0, "a", "d"));
    assert_int_equal(disk_link(disk, 0, "a", "b"), WAL_EXISTS);
    assert_ok(disk_rename(disk, 0, "a", "d")); /* The same file: nothing happens. */
    assert_ok(disk_unlink(disk, 0, "a"));
    assert_string_equal(disk_entry(disk, 0, 0, &inode), "b");
    assert_int_equal(inode, b);
    assert_string_equal(disk_entry(disk, 0, 1, &inode), "c");
    assert_int_equal(inode, -1);
    assert_string_equal(disk_entry(disk, 0, 2, &inode), "d");
    assert_int_equal(inode, a);
    assert_null(disk_entry(disk, 0, 3, &inode));
    assert_null(disk_durable_entry(disk, 0, 0, &inode));
}

static void an_unlinked_file_lives_while_it_is_held(void **state)
{
    struct disk *disk = disk_of(state);
    disk_inode inode = script_durable_file(disk, "a", "A512");
    uint8_t byte;
    bool bad;

    disk_hold(disk, inode);
    assert_true(disk_lock(disk, inode));
    assert_false(disk_lock(disk, inode));
    assert_ok(disk_unlink(disk, 0, "a"));
    script_sync_dir(disk, 0);
    assert_int_not_equal(script_create(disk, "b"), inode);
    assert_int_equal(disk_read(disk, inode, 511, &byte, 1, &bad), 1);
    disk_release(disk, inode);
    assert_int_equal(script_create(disk, "c"), inode); /* The number is free again. */
    assert_shows(disk, "c", "A0");
    assert_true(disk_lock(disk, inode));
}

/* ---- Syncs ---- */

static void R2_a_sync_covers_what_had_returned_before_it_began(void **state)
{
    struct disk *disk = disk_of(state);
    disk_inode inode = script_durable_file(disk, "a", "A1024");

    script_write(disk, inode, 0, "B1024");
    uint64_t ticket = disk_sync_begin(disk, inode);
    script_write(disk, inode, 256, "C512"); /* Beside it, over the same bytes. */
    assert_ok(disk_truncate(disk, inode, 600));
    disk_sync_end(disk, inode, ticket);
    assert_durable(disk, inode, "B1024");
    assert_shows(disk, "a", "B256C344");
    assert_shows(lost(state), "a", "B1024");
    script_sync(disk, inode);
    assert_durable(disk, inode, "B256C344");
    assert_int_equal(disk_pending(disk), 0);
}

static void R3_a_file_sync_makes_no_name_durable_and_a_directory_sync_no_byte(void **state)
{
    struct disk *disk = disk_of(state);
    disk_inode inode = script_create(disk, "a");

    script_write(disk, inode, 0, "A512");
    uint64_t ticket = disk_sync_dir_begin(disk, 0);
    script_create(disk, "b");
    disk_sync_dir_end(disk, 0, ticket);
    assert_shows(lost(state), "a", "A0");
    assert_absent(lost(state), "b");
    script_sync(disk, script_find(disk, "b"));
    assert_absent(lost(state), "b");
}

static void a_write_through_covers_its_own_bytes_only(void **state)
{
    struct disk *disk = disk_of(state);
    disk_inode inode = script_durable_file(disk, "a", "A1024");

    script_write(disk, inode, 0, "B1024");
    script_write(disk, inode, 1024, "C512");
    script_write(disk, inode, 512, "D100");
    disk_write_through(disk, inode, 512, 100);
    assert_shows(lost(state), "a", "A512D100A412");
    assert_shows(kept(state), "a", "B512D100B412C512");
    uint64_t hash;
    say(state, DISK_ASK_MODE, SCRIPT_PREFIX); /* The older write comes without the newer one. */
    say(state, DISK_ASK_CUT, 2);
    assert_shows(draw_once(state, &hash), "a", "B512D100B412");
    script_write(disk, inode, 2000, "E100");
    disk_write_through(disk, inode, 2000, 100);
    assert_shows(lost(state), "a", "A512D100A412.976E100");
    assert_shows(kept(state), "a", "B512D100B412C512.464E100");
}

static void a_write_through_needs_the_truncation_before_it(void **state)
{
    struct disk *disk = disk_of(state);
    disk_inode inode = script_durable_file(disk, "a", "A1024");

    script_write(disk, inode, 0, "B1024");
    assert_ok(disk_truncate(disk, inode, 100));
    script_write(disk, inode, 200, "C100");
    disk_write_through(disk, inode, 200, 100);
    assert_shows(lost(state), "a", "A100.100C100");
    assert_shows(kept(state), "a", "B100.100C100");
}

static void F08_a_failed_sync_leaves_new_bytes_in_cache_and_old_ones_on_disk(void **state)
{
    struct fixture *fixture = *state;
    struct disk *disk = disk_of(state);
    disk_inode inode = script_durable_file(disk, "a", "A1024");
    const struct disk_chooser chooser = script_chooser(&fixture->script);

    script_write(disk, inode, 0, "B2048");
    say(state, DISK_ASK_SYNC_CHUNK, 0);
    say(state, DISK_ASK_SYNC_CHUNK, 1);
    uint64_t ticket = disk_sync_begin(disk, inode);
    script_write(disk, inode, 1536, "C512");
    enum wal_err err = disk_sync_fail(disk, inode, ticket, DISK_FSYNC_NEW_IN_CACHE, &chooser);
    assert_int_equal(err, WAL_IO);
    assert_shows(disk, "a", "B1536C512");
    assert_int_equal(told(state, DISK_ASK_SYNC_CHUNK, 1)->inode, inode);
    assert_int_equal(told(state, DISK_ASK_SYNC_CHUNK, 1)->offset, 512);
    assert_int_equal(told(state, DISK_ASK_SYNC_CHUNK, 1)->len, 512);
    assert_durable(disk, inode, "A512B512.1024"); /* The size went through the journal. */
    script_sync(disk, inode);                     /* It "succeeds", for what came after. */
    assert_durable(disk, inode, "A512B512.512C512");
    disk_process_died(disk);
    assert_shows(disk, "a", "B1536C512");
    disk_lose_pending(disk);
    assert_shows(disk, "a", "A512B512.512C512");
}

static void F09_a_late_failure_is_told_by_the_next_sync(void **state)
{
    struct fixture *fixture = *state;
    struct disk *disk = disk_of(state);
    disk_inode inode = script_durable_file(disk, "a", "A512");
    const struct disk_chooser chooser = script_chooser(&fixture->script);

    uint32_t heard = disk_error_at_open(disk, inode);
    script_write(disk, inode, 0, "B512");
    assert_ok(disk_sync_fail(disk, inode, disk_sync_begin(disk, inode), DISK_FSYNC_LATE, &chooser));
    assert_shows(disk, "a", "B512");
    assert_durable(disk, inode, "A512");
    assert_true(disk_error_heard(disk, inode, &heard));
    assert_false(disk_error_heard(disk, inode, &heard));
}

static void F10_a_failed_sync_may_take_cache_and_size_back(void **state)
{
    struct disk *disk = disk_of(state);
    disk_inode inode = script_durable_file(disk, "a", "A512");

    script_write(disk, inode, 0, "B1024");
    uint64_t ticket = disk_sync_begin(disk, inode);
    script_write(disk, inode, 1024, "C1024");
    enum wal_err err = disk_sync_fail(disk, inode, ticket, DISK_FSYNC_REVERT, NULL);
    assert_int_equal(err, WAL_IO);
    assert_shows(disk, "a", "A512");
    assert_int_equal(disk_pending(disk), 0);
    script_write(disk, inode, 2048, "D10"); /* Whoever appends where he thought the end is. */
    assert_shows(disk, "a", "A512.1536D10");
}

static void F11_pages_are_lost_while_no_call_fails(void **state)
{
    struct fixture *fixture = *state;
    struct disk *disk = disk_of(state);
    disk_inode inode = script_durable_file(disk, "a", "A1024");
    uint32_t heard = disk_error_at_open(disk, inode), other = heard;
    const struct disk_chooser chooser = script_chooser(&fixture->script);

    disk_writeback_fail(disk, inode, &chooser); /* There is nothing to write back. */
    assert_false(disk_error_heard(disk, inode, &heard));
    script_write(disk, inode, 0, "B1024");
    say(state, DISK_ASK_SYNC_CHUNK, 0);
    say(state, DISK_ASK_SYNC_CHUNK, 1);
    disk_writeback_fail(disk, inode, &chooser);
    assert_shows(disk, "a", "B1024");
    assert_durable(disk, inode, "A512B512");
    assert_int_equal(disk_pending(disk), 0);
    script_write(disk, inode, 0, "C10");
    disk_writeback_fail(disk, inode, &chooser); /* Nobody was told: it is the same failure. */
    assert_true(disk_error_heard(disk, inode, &heard));
    assert_false(disk_error_heard(disk, inode, &heard));
    uint32_t later = disk_error_at_open(disk, inode);
    assert_false(disk_error_heard(disk, inode, &later));
    assert_true(disk_error_heard(disk, inode, &other));
    script_write(disk, inode, 0, "D10");
    disk_writeback_fail(disk, inode, &chooser);
    uint32_t first_opener = disk_error_at_open(disk, inode);
    assert_true(disk_error_heard(disk, inode, &first_opener));
    assert_true(disk_error_heard(disk, inode, &later));
    assert_true(disk_error_heard(disk, inode, &heard));
    assert_false(disk_error_heard(disk, inode, &first_opener));
    disk_lose_pending(disk);
    uint32_t after = disk_error_at_open(disk, inode);
    assert_false(disk_error_heard(disk, inode, &after));
}

static void a_clean_failure_loses_nothing(void **state)
{
    struct disk *disk = disk_of(state);
    disk_inode inode = script_durable_file(disk, "a", "A512");
    enum wal_err err;

    script_write(disk, inode, 0, "B512");
    err = disk_sync_fail(disk, inode, disk_sync_begin(disk, inode), DISK_FSYNC_CLEAN, NULL);
    assert_int_equal(err, WAL_IO);
    assert_durable(disk, inode, "A512");
    script_sync(disk, inode);
    assert_durable(disk, inode, "B512");
}

/* ---- Damage ---- */

static void every_damage_shows_is_repeatable_and_can_be_lifted(void **state)
{
    static const char *const shows[] = {[DISK_DAMAGE_FLIP] = "?1024C512",
                                        [DISK_DAMAGE_ZERO] = "B512.512C512",
                                        [DISK_DAMAGE_GARBAGE] = "B512?512C512",
                                        [DISK_DAMAGE_OTHER] = "B512C1024",
                                        [DISK_DAMAGE_LOST_WRITE] = "B512A512C512"};
    struct disk *disk = disk_of(state);
    disk_inode inode = script_durable_file(disk, "a", "A1536");
    uint8_t once[1536], again[1536];
    bool bad;

    script_write(disk, inode, 0, "B1024C512");
    script_sync(disk, inode);
    uint64_t other = (uint64_t)inode << 32 | 2;
    for (int kind = DISK_DAMAGE_FLIP; kind < DISK_DAMAGE_UNREADABLE; kind++) {
        disk_damage(disk, inode, 1, (enum disk_damage)kind, other);
        assert_true(disk_damaged(disk));
        assert_shows(disk, "a", shows[kind]);
        disk_read(disk, inode, 0, once, sizeof once, &bad);
        disk_read(disk, inode, 700, again + 700, 100, &bad);
        assert_false(bad);
        assert_memory_equal(once + 700, again + 700, 100);
        assert_memory_equal(disk_window(disk, inode, 600, 100), once + 600, 100);
        assert_false(script_equal(once, sizeof once, "B1024C512"));
        assert_durable(disk, inode, "B1024C512");
        assert_shows(lost(state), "a", shows[kind]); /* A crash does not heal it. */
        disk_lift_damage(disk);
        assert_false(disk_damaged(disk));
        assert_shows(disk, "a", "B1024C512");
    }
}

static void an_unreadable_sector_fails_the_reads_that_touch_it(void **state)
{
    struct disk *disk = disk_of(state);
    disk_inode inode = script_durable_file(disk, "a", "A1536");
    uint8_t bytes[1536];
    bool bad;

    disk_damage(disk, inode, 1, DISK_DAMAGE_UNREADABLE, 0);
    disk_read(disk, inode, 0, bytes, 512, &bad);
    assert_false(bad);
    disk_read(disk, inode, 0, bytes, 513, &bad);
    assert_true(bad);
    assert_null(disk_window(disk, inode, 1000, 100));
    assert_non_null(disk_window(disk, inode, 1024, 100));
}

static void rewriting_a_sector_heals_it(void **state)
{
    struct disk *disk = disk_of(state);
    disk_inode inode = script_durable_file(disk, "a", "A1024");

    disk_damage(disk, inode, 0, DISK_DAMAGE_ZERO, 0);
    script_write(disk, inode, 100, "B100");
    assert_shows(disk, "a", ".100B100.312A512");
    script_write(disk, inode, 0, "C512");
    assert_false(disk_damaged(disk));
    assert_shows(disk, "a", "C512A512");
}

static void damage_that_changes_nothing_is_none(void **state)
{
    struct disk *disk = disk_of(state);
    disk_inode inode = script_durable_file(disk, "a", ".1024");

    disk_damage(disk, inode, 0, DISK_DAMAGE_ZERO, 0);
    disk_damage(disk, inode, 0, DISK_DAMAGE_OTHER, (uint64_t)inode << 32 | 1);
    disk_damage(disk, inode, 0, DISK_DAMAGE_LOST_WRITE, 0);
    disk_damage(disk, inode, 2, DISK_DAMAGE_UNREADABLE, 0); /* There is no such sector. */
    assert_false(disk_damaged(disk));
}

/* ---- Images are disks ---- */

static void an_image_can_be_written_and_leaves_its_source_alone(void **state)
{
    struct disk *disk = disk_of(state);
    disk_inode a = script_durable_file(disk, "a", "A512");

    script_durable_file(disk, "b", "B512");
    script_write(disk, a, 0, "X512");
    uint64_t before = disk_fingerprint(disk);
    struct disk *image = kept(state);
    script_write(image, script_find(image, "a"), 0, "C100");
    script_write(image, script_find(image, "b"), 512, "D100");
    script_sync(image, script_find(image, "b"));
    script_durable_file(image, "c", "E10");
    assert_ok(disk_unlink(image, 0, "a"));
    script_sync_dir(image, 0);
    assert_shows(image, "b", "B512D100");
    assert_int_equal(disk_fingerprint(disk), before);
    assert_shows(disk, "a", "X512");
    assert_shows(disk, "b", "B512");
    disk_lose_pending(image);
    assert_shows(image, "c", "E10");
    assert_absent(image, "a");
}

static void a_disk_becomes_the_image_it_adopts(void **state)
{
    struct disk *disk = disk_of(state);
    disk_inode a = script_durable_file(disk, "a", "A512");
    disk_inode b = script_durable_file(disk, "b", "B512");

    disk_hold(disk, a);
    assert_true(disk_lock(disk, a));
    script_write(disk, a, 0, "X512");
    script_write(disk, script_create(disk, "c"), 0, "C512");
    assert_ok(disk_unlink(disk, 0, "b"));
    struct disk *image = kept(state);
    uint64_t wanted = disk_fingerprint(image);
    disk_adopt(disk, image);
    assert_int_equal(disk_fingerprint(disk), wanted);
    assert_shows(disk, "a", "X512");
    assert_shows(disk, "c", "C512");
    assert_int_equal(disk_open_count(disk), 0);
    assert_int_equal(disk_pending(disk), 0);
    assert_true(disk_lock(disk, a));
    assert_absent(image, "a");
    assert_int_equal(script_create(disk, "d"), b); /* Its number is free. */
    script_write(disk, a, 0, "Y512");
    assert_shows(disk, "a", "Y512");
    assert_shows(lost(state), "a", "X512");
}

static void equal_images_have_equal_hashes_whatever_was_chosen(void **state)
{
    struct disk *disk = disk_of(state);
    disk_inode inode = script_durable_file(disk, "a", "A1024");
    uint64_t all, each, prefix, none, omit, names;

    script_write(disk, inode, 0, "B512");
    script_write(disk, inode, 512, "A512"); /* The bytes that are there. */
    script_create(disk, "b");
    say(state, DISK_ASK_MODE, SCRIPT_KEEP);
    draw_once(state, &all);
    say(state, DISK_ASK_MODE, SCRIPT_EACH);
    say(state, DISK_ASK_CHUNK, 1);
    draw_once(state, &each);
    say(state, DISK_ASK_MODE, SCRIPT_PREFIX);
    say(state, DISK_ASK_CUT, 1);
    draw_once(state, &prefix);
    draw_once(state, &none);
    say(state, DISK_ASK_MODE, SCRIPT_OMIT);
    draw_once(state, &omit);
    say(state, DISK_ASK_NAMES, 1);
    draw_once(state, &names);
    assert_int_equal(all, each);
    assert_int_equal(all, prefix);
    assert_int_equal(none, omit);
    assert_int_not_equal(all, none);
    assert_int_not_equal(none, names);
}

static void an_undone_truncation_shows_in_the_hash_wherever_it_shows(void **state)
{
    struct disk *disk = disk_of(state);
    disk_inode inode = script_durable_file(disk, "a", "A4000");
    uint64_t kept_hash, undone_hash;

    assert_ok(disk_truncate(disk, inode, 1024));
    script_write(disk, inode, 3584, "A416");
    say(state, DISK_ASK_MODE, SCRIPT_KEEP);
    assert_shows(draw_once(state, &kept_hash), "a", "A1024.2560A416");
    say(state, DISK_ASK_MODE, SCRIPT_OMIT);
    assert_shows(draw_once(state, &undone_hash), "a", "A4000");
    assert_int_not_equal(kept_hash, undone_hash);
}

static void a_mode_that_is_not_allowed_is_not_drawn(void **state)
{
    (void)state;
    for (uint32_t modes = 0; modes < 32; modes++) {
        uint32_t counts[5] = {0};
        for (uint32_t answer = 0; answer < 100; answer++) counts[disk_image_mode(answer, modes)]++;
        for (uint32_t mode = 0; mode < 5; mode++) {
            bool allowed = modes == 0 || (modes >> mode & 1) != 0;
            assert_int_equal(counts[mode] > 0, allowed);
        }
        if (modes == 0) assert_int_equal(counts[DISK_LOSE_ALL], 35);
        if (modes == 0) assert_int_equal(counts[DISK_EACH], 25);
    }
    assert_int_equal(disk_image_mode(99, 1 << 9), DISK_LOSE_ALL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_profile_is_the_row_that_the_papers_give),
        TEST(a_write_beyond_the_end_leaves_zeros),
        TEST(space_ends_in_the_middle_of_a_write),
        TEST(a_name_that_cannot_be_is_refused),
        TEST(entries_are_listed_in_order_of_creation),
        TEST(an_unlinked_file_lives_while_it_is_held),
        TEST(R2_a_sync_covers_what_had_returned_before_it_began),
        TEST(R3_a_file_sync_makes_no_name_durable_and_a_directory_sync_no_byte),
        TEST(a_write_through_covers_its_own_bytes_only),
        TEST(a_write_through_needs_the_truncation_before_it),
        TEST(F08_a_failed_sync_leaves_new_bytes_in_cache_and_old_ones_on_disk),
        TEST(F09_a_late_failure_is_told_by_the_next_sync),
        TEST(F10_a_failed_sync_may_take_cache_and_size_back),
        TEST(F11_pages_are_lost_while_no_call_fails),
        TEST(a_clean_failure_loses_nothing),
        TEST(every_damage_shows_is_repeatable_and_can_be_lifted),
        TEST(an_unreadable_sector_fails_the_reads_that_touch_it),
        TEST(rewriting_a_sector_heals_it),
        TEST(damage_that_changes_nothing_is_none),
        TEST(an_image_can_be_written_and_leaves_its_source_alone),
        TEST(a_disk_becomes_the_image_it_adopts),
        TEST(equal_images_have_equal_hashes_whatever_was_chosen),
        TEST(an_undone_truncation_shows_in_the_hash_wherever_it_shows),
        TEST(a_mode_that_is_not_allowed_is_not_drawn),
    };

    return cmocka_run_group_tests_name("sim_disk", tests, NULL, NULL);
}
