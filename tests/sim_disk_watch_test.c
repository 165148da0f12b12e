/*
 * sim_disk_watch_test.c - what is put down of a watched disk, and what may be concluded from it.
 *
 * The last test is the one that an explorer relies on: another answer to a question that nobody
 * looked at changes no result of the same calls. It is tried on random disks and random calls.
 */
#include "sim/disk_watch.h"

#include "sim/decide.h"
#include "tests/disk_script.h"

static struct disk_watch watch;

static void read_some(struct disk *disk, disk_inode inode, uint64_t offset, size_t len)
{
    static uint8_t bytes[SCRIPT_BYTES_MAX];
    bool bad;

    (void)disk_read(disk, inode, offset, bytes, len, &bad);
}

static bool saw(disk_inode inode, uint64_t offset, uint64_t len)
{
    return disk_watch_saw_bytes(&watch, inode, offset, len);
}

static void reads_are_put_down_as_they_were_asked_for(void **state)
{
    struct disk *disk = disk_of(state);
    disk_inode a = script_durable_file(disk, "a", "A2000");
    disk_inode b = script_durable_file(disk, "b", "B2000");

    disk_watch_reads(disk, &watch);
    assert_false(saw(a, 0, UINT64_MAX));
    read_some(disk, a, 600, 1);
    assert_true(saw(a, 512, 512)); /* The whole sector. */
    assert_false(saw(a, 0, 512));
    assert_false(saw(a, 1024, UINT64_MAX - 1024));
    assert_false(saw(b, 0, UINT64_MAX));
    read_some(disk, a, 1500, 4000); /* The file has 2000 bytes. */
    assert_true(saw(a, 5400, 10));
    assert_false(saw(a, 5632, 1));
    assert_null(disk_window(disk, a, 8192, 512));
    assert_true(saw(a, 8192, 1));
    read_some(disk, b, 100, 0);
    assert_false(saw(b, 0, UINT64_MAX));
    assert_false(saw(a, 512, 0));
    assert_false(disk_watch_saw_size(&watch, a));
    assert_int_equal(disk_size(disk, a), 2000);
    assert_true(disk_watch_saw_size(&watch, a));
    assert_false(disk_watch_saw_size(&watch, b));
}

static void any_range_is_put_down_and_found(void **state)
{
    static const uint64_t edges[] = {0,   1,   62,  63,   64,   65,   127,
                                     128, 129, 130, 4031, 4032, 4094, 4095};
    enum { EDGES = sizeof edges / sizeof edges[0] };
    struct disk *disk = disk_of(state);
    disk_inode inode = script_create(disk, "a");

    for (size_t i = 0; i < EDGES; i++) {
        for (size_t j = i; j < EDGES; j++) {
            uint64_t begin = edges[i], end = edges[j] + 1;
            disk_watch_reads(disk, &watch);
            read_some(disk, inode, begin * 512 + 511,
                      (size_t)((end - begin - 1) * 512 + 1 - (end - begin > 1 ? 511 : 0)));
            for (uint64_t sector = 0; sector < DISK_WATCH_SECTORS; sector++) {
                bool inside = sector >= begin && sector < end;
                assert_int_equal(saw(inode, sector * 512, 512), inside);
            }
            assert_false(saw(inode, DISK_WATCH_SECTORS * 512, UINT64_MAX));
        }
    }
}

static void what_has_no_place_of_its_own_is_put_down_together(void **state)
{
    struct disk *disk = disk_of(state);
    const uint64_t bound = (uint64_t)DISK_WATCH_SECTORS * 512;
    disk_inode inodes[DISK_WATCH_FILES + 2];
    char name[16];

    for (int i = 0; i < DISK_WATCH_FILES + 2; i++) {
        snprintf(name, sizeof name, "f%d", i);
        inodes[i] = script_create(disk, name);
    }
    disk_watch_reads(disk, &watch);
    read_some(disk, inodes[0], bound - 1, 2);
    assert_true(saw(inodes[0], bound - 1, 1));
    assert_true(saw(inodes[0], bound + 5000, 1));
    assert_false(saw(inodes[0], bound - 512, 0));
    assert_false(saw(inodes[1], bound, 512));
    assert_false(saw(inodes[DISK_WATCH_FILES], 0, 512));
    read_some(disk, inodes[DISK_WATCH_FILES], 0, 512);
    assert_true(saw(inodes[DISK_WATCH_FILES + 1], 9999, 1));
    assert_true(disk_watch_saw_size(&watch, inodes[DISK_WATCH_FILES + 1]));
}

static void looking_up_making_and_listing_names_is_put_down(void **state)
{
    struct disk *disk = disk_of(state);
    disk_inode inode = script_durable_file(disk, "a", "A512");
    int32_t dir;

    for (int how = 0; how < 9; how++) {
        disk_watch_reads(disk, &watch);
        read_some(disk, inode, 0, 512);
        assert_false(watch.names);
        switch (how) {
        case 0: assert_int_equal(script_find(disk, "none"), -1); break;
        case 1: assert_non_null(disk_entry(disk, 0, 0, &inode)); break;
        case 2: assert_int_equal(disk_unlink(disk, 0, "none"), WAL_NOTFOUND); break;
        case 3: assert_int_equal(disk_rename(disk, 0, "none", "b"), WAL_NOTFOUND); break;
        case 4: assert_int_equal(disk_link(disk, 0, "none", "b"), WAL_NOTFOUND); break;
        case 5: assert_int_equal(disk_dir_find(disk, "none", &dir), WAL_NOTFOUND); break;
        case 6: assert_int_equal(disk_dir_find(disk, "a/b", &dir), WAL_NOTDIR); break;
        case 7: assert_ok(disk_mkdir(disk, "d")); break;
        case 8: script_create(disk, "c"); break;
        }
        assert_true(watch.names);
    }
}

static void a_watch_ends_when_told_or_with_the_disk(void **state)
{
    struct fixture *fixture = *state;
    struct disk *disk = disk_of(state);
    disk_inode inode = script_durable_file(disk, "a", "A512");

    disk_watch_reads(disk, &watch);
    struct disk *image = draw(state);
    read_some(image, inode, 0, 512); /* The image is not the disk. */
    assert_false(saw(inode, 0, 512));
    disk_watch_reads(disk, NULL);
    read_some(disk, inode, 0, 512);
    assert_false(saw(inode, 0, 512));
    disk_watch_reads(image, &watch);
    read_some(image, inode, 0, 512);
    assert_true(saw(inode, 0, 512));
    draw(state);
    disk_watch_reads(disk, &watch);
    read_some(fixture->image, inode, 0, 512); /* It was reset by the draw. */
    assert_false(saw(inode, 0, 512));
}

/* ---- What was not looked at makes no difference ---- */

enum { FILES = 3, BYTES = 6000, QUESTIONS_MAX = 512, CALLS = 12 };

/* Answers are a function of what is asked about, so that another answer moves no other one. */
struct answers {
    uint64_t seed;
    struct disk_about about;
    uint32_t times[QUESTIONS_MAX]; /* How often the same was asked before. */
    struct disk_about asked[QUESTIONS_MAX];
    enum disk_question questions[QUESTIONS_MAX];
    uint32_t bounds[QUESTIONS_MAX], given[QUESTIONS_MAX];
    size_t count;
    size_t changed; /* The question that is answered otherwise, plus 1. */
    const struct answers *first;
};

static bool same_place(const struct disk_about *a, const struct disk_about *b)
{
    return a->inode == b->inode && a->offset == b->offset && a->len == b->len && a->dir == b->dir;
}

static uint32_t answer(void *context, enum disk_question question, uint32_t bound)
{
    struct answers *answers = context;
    const struct disk_about *about = &answers->about;
    size_t i = answers->count++;
    uint32_t times = 0;

    assert_true(i < QUESTIONS_MAX);
    for (size_t j = 0; j < i; j++) {
        times += answers->questions[j] == question && same_place(&answers->asked[j], about);
    }
    answers->asked[i] = *about;
    answers->questions[i] = question;
    answers->bounds[i] = bound;
    answers->times[i] = times;
    uint64_t hash = sim_mix(answers->seed, (uint64_t)about->inode << 40 | about->offset,
                            (uint64_t)question << 32 | times << 16 | about->len);
    uint32_t given = question == DISK_ASK_MODE ? 80 : (uint32_t)(hash % bound);
    if (question == DISK_ASK_NAMES) given = 1;
    const struct answers *first = answers->first;
    if (first != NULL) {
        size_t at = answers->changed - 1;
        if (first->questions[at] == question && same_place(&first->asked[at], about) &&
            first->times[at] == times) {
            given = (given + 1 + (uint32_t)(hash >> 32) % (bound - 1)) % bound;
        }
    }
    answers->given[i] = given;
    return given;
}

static uint32_t below(uint64_t *seed, uint32_t bound)
{
    *seed = sim_mix(*seed, 1, 2);
    return (uint32_t)(*seed % bound);
}

static void write_some(struct disk *disk, disk_inode inode, uint64_t *seed)
{
    uint8_t bytes[1500];
    bool full;

    memset(bytes, 'A' + (int)below(seed, 26), sizeof bytes);
    disk_write(disk, inode, below(seed, BYTES - sizeof bytes), bytes, 1 + below(seed, 1500), &full);
}

static void fill(struct disk *disk, disk_inode inodes[FILES], uint64_t *seed)
{
    char name[2] = "a";

    for (int i = 0; i < FILES; i++, name[0]++) {
        inodes[i] = script_create(disk, name);
        for (uint32_t writes = below(seed, 4); writes > 0; writes--) {
            write_some(disk, inodes[i], seed);
        }
        script_sync(disk, inodes[i]);
    }
    script_sync_dir(disk, 0);
    for (int i = 0; i < 8; i++) {
        disk_inode inode = inodes[below(seed, FILES)];
        uint32_t what = below(seed, 12);
        if (what == 0) assert_ok(disk_truncate(disk, inode, below(seed, BYTES)));
        if (what == 1) {
            assert_ok(disk_allocate(disk, inode, below(seed, BYTES), 1 + below(seed, 900), false));
        }
        if (what > 1) write_some(disk, inode, seed);
    }
}

/* Random calls on an image, and a hash of all that they returned. */
static uint64_t look_around(struct disk *image, const disk_inode inodes[FILES], uint64_t seed)
{
    static uint8_t bytes[BYTES];
    uint64_t hash = seed;
    bool bad;

    for (int i = 0; i < CALLS; i++) {
        disk_inode inode = inodes[below(&seed, FILES)];
        uint32_t what = below(&seed, 40);
        uint64_t offset = below(&seed, BYTES);
        if (what == 0) assert_ok(disk_truncate(image, inode, offset));
        if (what == 1) write_some(image, inode, &seed);
        if (what == 2) script_sync(image, inode);
        if (what == 3) disk_lose_pending(image);
        if (what == 4) hash = sim_mix(hash, disk_size(image, inode), 1);
        if (what < 20) continue;
        size_t len = disk_read(image, inode, offset, bytes, 1 + below(&seed, 600), &bad);
        for (size_t at = 0; at < len; at++) hash = hash * 31 + bytes[at];
        hash = sim_mix(hash, len, 2);
    }
    return hash;
}

static void what_nobody_looked_at_could_have_been_otherwise(void **state)
{
    struct fixture *fixture = *state;
    static struct answers first, other;
    size_t unseen = 0, seen_and_different = 0;

    for (uint64_t seed = 1; seed <= 1500; seed++) {
        const struct disk_profile *profile = &disk_profiles[seed % disk_profile_count];
        disk_inode inodes[FILES];
        uint64_t draws = seed;
        disk_reset(fixture->disk, profile, UINT64_MAX);
        if (seed % 3 == 0) disk_set_chunk(fixture->disk, seed % 2 == 0 ? 512 : 4096);
        fill(fixture->disk, inodes, &draws);
        first = (struct answers){.seed = seed};
        struct disk_chooser chooser = {.choose = answer, .context = &first, .about = &first.about};
        disk_image(fixture->disk, &chooser, fixture->image, NULL);
        disk_watch_reads(fixture->image, &watch);
        uint64_t wanted = look_around(fixture->image, inodes, draws);
        for (size_t i = 0; i < first.count; i++) {
            bool noticed = disk_watch_saw(&watch, &first.asked[i]);
            if (noticed && i % 4 != 0) continue;
            if (first.questions[i] == DISK_ASK_NAMES) continue;
            other = (struct answers){.seed = seed, .changed = i + 1, .first = &first};
            chooser.context = &other;
            chooser.about = &other.about;
            disk_image(fixture->disk, &chooser, fixture->image, NULL);
            uint64_t got = look_around(fixture->image, inodes, draws);
            if (!noticed) assert_int_equal(got, wanted);
            unseen += !noticed;
            seen_and_different += noticed && got != wanted;
        }
    }
    assert_true(unseen > 1000);
    assert_true(seen_and_different > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reads_are_put_down_as_they_were_asked_for),
        TEST(any_range_is_put_down_and_found),
        TEST(what_has_no_place_of_its_own_is_put_down_together),
        TEST(looking_up_making_and_listing_names_is_put_down),
        TEST(a_watch_ends_when_told_or_with_the_disk),
        TEST(what_nobody_looked_at_could_have_been_otherwise),
    };

    return cmocka_run_group_tests_name("sim_disk_watch", tests, NULL, NULL);
}
