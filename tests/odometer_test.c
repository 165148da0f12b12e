/*
 * odometer_test.c - every image comes, none for nothing, and what is not tried could not be
 * noticed.
 *
 * Three ways of knowing what "every" is: a count by hand, random draws, and the whole of it beside
 * what is left when unread answers are spared.
 */
#include "scenarios/odometer.h"

#include "sim/decide.h"
#include "tests/disk_script.h"

enum { SET_SLOTS = 1 << 18, FILES = 3, BYTES = 3000 };

/* Crash modes and sizes and names; nothing of which only some are tried. */
static const uint32_t every_mode_whole = 0x1f | 1U << 5 | 1U << 9;

static struct odometer odometer;

/* ---- A set of hashes ---- */

struct set {
    uint64_t slots[SET_SLOTS];
    size_t count;
};

static struct set visited, others;

static void set_clear(struct set *set)
{
    memset(set, 0, sizeof *set);
}

static uint64_t *set_slot(struct set *set, uint64_t hash)
{
    size_t slot = (size_t)sim_mix(hash, 0, 0) % SET_SLOTS;

    while (set->slots[slot] != 0 && set->slots[slot] != hash) slot = (slot + 1) % SET_SLOTS;
    return &set->slots[slot];
}

static void set_add(struct set *set, uint64_t hash)
{
    uint64_t *slot = set_slot(set, hash | 1);

    if (*slot != 0) return;
    *slot = hash | 1;
    assert_true(++set->count < SET_SLOTS / 2);
}

static bool set_has(struct set *set, uint64_t hash)
{
    return *set_slot(set, hash | 1) != 0;
}

/* ---- Counts by hand ---- */

/* How many different images of the fixture's disk there are; *ret_drawn: by how many draws. */
static size_t visit_all(struct fixture *fixture, uint32_t modes, size_t *ret_drawn)
{
    set_clear(&visited);
    *ret_drawn = 0;
    odometer_begin(&odometer, fixture->disk, modes);
    do {
        const struct disk_chooser chooser = odometer_chooser(&odometer);
        set_add(&visited, disk_image(fixture->disk, &chooser, fixture->image, NULL));
        odometer_saw(&odometer, NULL);
        ++*ret_drawn;
    } while (odometer_next(&odometer));
    assert_false(odometer.overflown);
    return visited.count;
}

static void assert_images(void **state, size_t count)
{
    size_t drawn;

    assert_int_equal(visit_all(*state, 0, &drawn), count);
}

static void nothing_pending_leaves_one_image(void **state)
{
    script_durable_file(begin(state, "weak"), "a", "A512");
    assert_images(state, 1);
}

static void two_chunks_are_old_or_new_each(void **state)
{
    struct disk *disk = begin(state, "strict");
    disk_inode inode = script_durable_file(disk, "a", "A1536");

    script_write(disk, inode, 0, "B512");
    script_write(disk, inode, 1024, "C512");
    assert_images(state, 4);
}

static void versions_of_a_chunk_come_in_order(void **state)
{
    struct disk *disk = begin(state, "strict");
    disk_inode inode = script_durable_file(disk, "a", "A512");

    script_write(disk, inode, 0, "B512");
    script_write(disk, inode, 0, "C512");
    script_write(disk, inode, 0, "D512");
    assert_images(state, 4); /* A, B, C, D. */
}

static void an_appended_chunk_is_there_or_not(void **state)
{
    struct disk *disk = begin(state, "strict");
    disk_inode inode = script_durable_file(disk, "a", "A512");

    script_write(disk, inode, 512, "B512");
    assert_images(state, 2);
}

static void names_come_as_a_prefix(void **state)
{
    struct disk *disk = begin(state, "ext4-ordered");

    script_sync_dir(disk, 0);
    script_create(disk, "a");
    script_create(disk, "b");
    script_create(disk, "c");
    assert_images(state, 4);
}

static void an_overwritten_chunk_of_the_weak_disk_has_seven_fates(void **state)
{
    struct disk *disk = begin(state, "weak");
    disk_inode inode = script_durable_file(disk, "a", "A512");

    script_write(disk, inode, 0, "B512");
    assert_images(state, 7); /* Old, new, torn at three places, garbage of two sorts. */
}

static void an_appended_chunk_of_the_weak_disk_has_eleven_fates(void **state)
{
    struct disk *disk = begin(state, "weak");
    disk_inode inode = script_durable_file(disk, "a", "A512");

    /* Not there; new; zeros, which is also what was stale; garbage of two sorts; torn at three
     * places, where the file ends or goes on with zeros. */
    script_write(disk, inode, 512, "B512");
    assert_images(state, 11);
}

static void a_longer_question_than_fits_is_told(void **state)
{
    struct fixture *fixture = *state;
    struct disk *disk = begin(state, "strict");
    disk_inode inode = script_durable_file(disk, "a", "A512");
    uint64_t hash;

    for (int i = 0; i < ODOMETER_DIGITS_MAX + 1; i++) script_write(disk, inode, 0, "B1");
    odometer_begin(&odometer, disk, 0);
    const struct disk_chooser chooser = odometer_chooser(&odometer);
    hash = disk_image(disk, &chooser, fixture->image, NULL);
    (void)hash;
    assert_true(odometer.overflown);
}

/* ---- Random disks ---- */

static uint32_t below(uint64_t *seed, uint32_t bound)
{
    *seed = sim_mix(*seed, 1, 2);
    return (uint32_t)(*seed % bound);
}

static void write_some(struct disk *disk, disk_inode inode, uint64_t *seed)
{
    uint8_t bytes[900];
    bool full;

    memset(bytes, 'A' + (int)below(seed, 26), sizeof bytes);
    (void)disk_write(disk, inode, below(seed, BYTES - sizeof bytes), bytes,
                     1 + below(seed, sizeof bytes), &full);
    assert_false(full);
}

static void change_a_name(struct disk *disk, uint64_t *seed)
{
    static const char *const names[] = {"a", "b", "c", "d", "e"};
    const char *from = names[below(seed, 5)], *to = names[below(seed, 5)];
    disk_inode inode;

    /* What is not there cannot be renamed; then nothing is pending. */
    switch (below(seed, 4)) {
    case 0: err_ignore(disk_rename(disk, 0, from, to)); return;
    case 1: err_ignore(disk_link(disk, 0, from, to)); return;
    case 2: err_ignore(disk_unlink(disk, 0, from)); return;
    default: err_ignore(disk_open(disk, 0, from, true, false, &inode)); return;
    }
}

static void fill(struct disk *disk, uint64_t seed)
{
    disk_inode inodes[FILES];
    char name[2] = "a";

    for (int i = 0; i < FILES; i++, name[0]++) {
        inodes[i] = script_create(disk, name);
        disk_hold(disk, inodes[i]);
        if (below(&seed, 3) > 0) write_some(disk, inodes[i], &seed);
        script_sync(disk, inodes[i]);
    }
    script_sync_dir(disk, 0);
    for (uint32_t i = 1 + below(&seed, 4); i > 0; i--) {
        disk_inode inode = inodes[below(&seed, FILES)];
        uint32_t what = below(&seed, 8);
        if (what == 0) assert_ok(disk_truncate(disk, inode, below(&seed, BYTES)));
        if (what == 1) assert_ok(disk_allocate(disk, inode, below(&seed, BYTES), 700, false));
        if (what == 2 || what == 3) change_a_name(disk, &seed);
        if (what > 3) write_some(disk, inode, &seed);
    }
}

static void random_disk(struct fixture *fixture, uint64_t seed)
{
    disk_reset(fixture->disk, &disk_profiles[seed % disk_profile_count], UINT64_MAX);
    fill(fixture->disk, seed);
}

static uint32_t choose_any(void *context, enum disk_question question, uint32_t bound)
{
    (void)question;
    return below(context, bound);
}

static void whatever_is_drawn_was_visited(void **state)
{
    struct fixture *fixture = *state;
    size_t most = 0;

    for (uint64_t seed = 1; seed <= 150; seed++) {
        size_t drawn;
        uint64_t draws = seed;
        random_disk(fixture, seed);
        size_t count = visit_all(fixture, every_mode_whole, &drawn);
        if (count > most) most = count;
        const struct disk_chooser chooser = {
            .choose = choose_any, .context = &draws, .modes = every_mode_whole};
        for (int i = 0; i < 1500; i++) {
            uint64_t hash = disk_image(fixture->disk, &chooser, fixture->image, NULL);
            if (set_has(&visited, hash)) continue;
            fail_msg("seed %d, profile %s: draw %d was not visited", (int)seed,
                     disk_profile_of(fixture->disk)->name, i);
        }
    }
    assert_true(most > 100);
}

/* ---- Sparing ---- */

/* What a program sees that reads some of the disk. Where it reads next depends on what it read. */
static uint64_t look_around(struct disk *image, uint64_t seed)
{
    static const char *const names[] = {"a", "b", "c"};
    uint64_t hash = seed;
    bool bad;

    for (int i = 0; i < 4; i++) {
        uint8_t bytes[400];
        disk_inode inode = script_find(image, names[below(&seed, 3)]);
        if (inode < 0) continue;
        if (below(&seed, 4) == 0) hash = sim_mix(hash, disk_size(image, inode), 1);
        uint64_t offset = below(&seed, BYTES);
        size_t len = disk_read(image, inode, offset, bytes, 1 + below(&seed, 400), &bad);
        for (size_t at = 0; at < len; at++) hash = hash * 31 + bytes[at];
        hash = sim_mix(hash, len, 2);
        seed ^= len > 0 && bytes[0] % 2 == 1 ? 1 : 0;
    }
    return hash;
}

/* Which outcomes there are, into `set`. Returns the number of images. */
static size_t visit_outcomes(struct fixture *fixture, uint64_t seed, bool spare, struct set *set)
{
    static struct disk_watch watch;
    size_t drawn = 0;

    set_clear(set);
    odometer_begin(&odometer, fixture->disk, 0);
    do {
        const struct disk_chooser chooser = odometer_chooser(&odometer);
        (void)disk_image(fixture->disk, &chooser, fixture->image, NULL);
        disk_watch_reads(fixture->image, &watch);
        set_add(set, look_around(fixture->image, seed));
        odometer_saw(&odometer, spare ? &watch : NULL);
        drawn++;
    } while (odometer_next(&odometer) && drawn < 30000);
    return drawn;
}

static void what_is_spared_could_not_be_noticed(void **state)
{
    struct fixture *fixture = *state;
    size_t spared = 0, all = 0, several = 0, tried = 0;

    for (uint64_t seed = 1; tried < 150; seed++) {
        random_disk(fixture, seed);
        size_t images = visit_outcomes(fixture, seed, false, &visited);
        if (images == 30000) continue; /* Too many to know them all. */
        tried++;
        all += images;
        spared += images - visit_outcomes(fixture, seed, true, &others);
        several += visited.count > 3;
        assert_int_equal(others.count, visited.count); /* None is new, so they are the same. */
    }
    assert_true(spared > all / 10);
    assert_true(several > 20);
}

static void nobody_looks_so_one_image_will_do(void **state)
{
    static struct disk_watch watch;
    struct fixture *fixture = *state;
    struct disk *disk = begin(state, "weak");
    disk_inode inode = script_durable_file(disk, "a", "A512");

    script_write(disk, inode, 0, "B1024");
    odometer_begin(&odometer, disk, 0);
    const struct disk_chooser chooser = odometer_chooser(&odometer);
    (void)disk_image(disk, &chooser, fixture->image, NULL);
    disk_watch_reads(fixture->image, &watch);
    odometer_saw(&odometer, &watch);
    assert_false(odometer_next(&odometer));
    assert_true(odometer.spared > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_pending_leaves_one_image),
        TEST(two_chunks_are_old_or_new_each),
        TEST(versions_of_a_chunk_come_in_order),
        TEST(an_appended_chunk_is_there_or_not),
        TEST(names_come_as_a_prefix),
        TEST(an_overwritten_chunk_of_the_weak_disk_has_seven_fates),
        TEST(an_appended_chunk_of_the_weak_disk_has_eleven_fates),
        TEST(a_longer_question_than_fits_is_told),
        TEST(whatever_is_drawn_was_visited),
        TEST(what_is_spared_could_not_be_noticed),
        TEST(nobody_looks_so_one_image_will_do),
    };

    return cmocka_run_group_tests_name("odometer", tests, NULL, NULL);
}
