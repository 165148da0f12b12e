/*
 * sim_disk_model_test.c - the disk against a slow, obvious model, and images against their laws.
 *
 * The model keeps whole copies: of each file as it is and as it is durable, and of each as it was
 * when a sync in flight began. What a sync makes durable is that copy, unless a sync that began
 * later has ended before. The directory is modelled in the same way.
 */
#include "tests/disk_script.h"

enum {
    SEQUENCES = 10000,
    OPERATIONS = 40,
    NAMES = 5,
    FILES = 64,
    BYTES = 2048,
    HELD = 3,
    FLIGHTS = 3,
};

struct content {
    uint8_t bytes[BYTES];
    size_t size;
};

struct model_file {
    struct content now, durable;
    disk_inode inode;
    uint64_t durable_as_of; /* When the sync that made it so began. */
};

struct flight {
    bool active;
    int file; /* -1: of the directory. */
    uint64_t ticket, began;
    struct content content;
    int names[NAMES];
};

struct model {
    struct model_file files[FILES];
    int file_count;
    int names[NAMES], durable_names[NAMES]; /* Files; -1: none. */
    uint64_t names_as_of;
    int held[HELD];
    struct flight flights[FLIGHTS];
    uint64_t clock;
};

struct modelled {
    struct disk *disk, *image;
    struct model *model;
    uint64_t seed;
};

static int set_up_model(void **state)
{
    struct modelled *fixture = calloc(1, sizeof *fixture);

    assert_non_null(fixture);
    fixture->disk = disk_create();
    fixture->image = disk_create();
    fixture->model = calloc(1, sizeof *fixture->model);
    assert_non_null(fixture->model);
    *state = fixture;
    return 0;
}

static int tear_down_model(void **state)
{
    struct modelled *fixture = *state;

    disk_destroy(fixture->disk);
    disk_destroy(fixture->image);
    free(fixture->model);
    free(fixture);
    return 0;
}

static uint32_t drawn(struct modelled *fixture, size_t bound)
{
    fixture->seed = fixture->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((fixture->seed >> 33) % bound);
}

static uint32_t choose_any(void *context, enum disk_question question, uint32_t bound)
{
    (void)question;
    return drawn(context, bound);
}

static const char *name_of(size_t i)
{
    static const char *const names[NAMES] = {"a", "b", "c", "d", "e"};

    return names[i];
}

static void model_reset(struct model *model)
{
    model->file_count = 0;
    model->clock = model->names_as_of = 0;
    for (size_t i = 0; i < NAMES; i++) model->names[i] = model->durable_names[i] = -1;
    for (size_t i = 0; i < HELD; i++) model->held[i] = -1;
    for (size_t i = 0; i < FLIGHTS; i++) model->flights[i].active = false;
}

static void content_write(struct content *content, size_t offset, const uint8_t *bytes, size_t len)
{
    if (offset > content->size) memset(content->bytes + content->size, 0, offset - content->size);
    memcpy(content->bytes + offset, bytes, len);
    if (offset + len > content->size) content->size = offset + len;
}

static void content_resize(struct content *content, size_t size)
{
    if (size > content->size) memset(content->bytes + content->size, 0, size - content->size);
    content->size = size;
}

static void assert_same(struct disk *disk, disk_inode inode, const struct content *content)
{
    static uint8_t bytes[BYTES + 1];
    bool bad;

    assert_int_equal(disk_size(disk, inode), content->size);
    assert_int_equal(disk_read(disk, inode, 0, bytes, sizeof bytes, &bad), content->size);
    assert_memory_equal(bytes, content->bytes, content->size);
    if (content->size > 1) assert_int_equal(disk_window(disk, inode, 1, 1)[0], content->bytes[1]);
}

/* A file that is named or held: -1 if the draw hit none. */
static int some_file(struct modelled *fixture)
{
    uint32_t i = drawn(fixture, NAMES + HELD);

    return i < NAMES ? fixture->model->names[i] : fixture->model->held[i - NAMES];
}

/* ---- Operations, on both ---- */

static void try_create(struct modelled *fixture)
{
    struct model *model = fixture->model;
    uint32_t i = drawn(fixture, NAMES);
    disk_inode inode;

    if (model->file_count == FILES) return;
    enum wal_err err = disk_open(fixture->disk, 0, name_of(i), true, true, &inode);
    assert_int_equal(err, model->names[i] >= 0 ? WAL_EXISTS : WAL_OK);
    if (err != WAL_OK) return;
    struct model_file *file = &model->files[model->file_count];
    file->now.size = file->durable.size = 0;
    file->inode = inode;
    file->durable_as_of = 0;
    model->names[i] = model->file_count++;
}

static void try_write(struct modelled *fixture, int file)
{
    struct content *now = &fixture->model->files[file].now;
    uint8_t bytes[700];
    size_t offset = drawn(fixture, BYTES - sizeof bytes), len = 1 + drawn(fixture, sizeof bytes);
    bool full;

    if (drawn(fixture, 2) == 0 && now->size + len <= BYTES) offset = now->size;
    for (size_t i = 0; i < len; i++) bytes[i] = (uint8_t)drawn(fixture, 256);
    assert_int_equal(
        disk_write(fixture->disk, fixture->model->files[file].inode, offset, bytes, len, &full),
        len);
    content_write(now, offset, bytes, len);
}

static void try_resize(struct modelled *fixture, int file)
{
    struct model_file *of = &fixture->model->files[file];
    size_t size = drawn(fixture, BYTES);

    if (drawn(fixture, 2) == 0) {
        assert_ok(disk_truncate(fixture->disk, of->inode, size));
        content_resize(&of->now, size);
    } else {
        bool keep = drawn(fixture, 3) == 0;
        assert_ok(disk_allocate(fixture->disk, of->inode, size / 2, size - size / 2, keep));
        if (!keep && size > of->now.size) content_resize(&of->now, size);
    }
}

static void try_rename(struct modelled *fixture)
{
    struct model *model = fixture->model;
    uint32_t from = drawn(fixture, NAMES), to = drawn(fixture, NAMES);

    enum wal_err err = disk_rename(fixture->disk, 0, name_of(from), name_of(to));
    assert_int_equal(err, model->names[from] >= 0 ? WAL_OK : WAL_NOTFOUND);
    if (err != WAL_OK || model->names[from] == model->names[to]) return;
    model->names[to] = model->names[from];
    model->names[from] = -1;
}

static void try_link_or_unlink(struct modelled *fixture)
{
    struct model *model = fixture->model;
    uint32_t from = drawn(fixture, NAMES), to = drawn(fixture, NAMES);

    if (drawn(fixture, 2) == 0) {
        enum wal_err err = disk_unlink(fixture->disk, 0, name_of(from));
        assert_int_equal(err, model->names[from] >= 0 ? WAL_OK : WAL_NOTFOUND);
        model->names[from] = -1;
        return;
    }
    enum wal_err err = disk_link(fixture->disk, 0, name_of(from), name_of(to));
    enum wal_err wanted = model->names[to] >= 0 ? WAL_EXISTS : WAL_OK;
    if (model->names[from] < 0) wanted = WAL_NOTFOUND;
    assert_int_equal(err, wanted);
    if (err == WAL_OK) model->names[to] = model->names[from];
}

static void try_hold(struct modelled *fixture)
{
    struct model *model = fixture->model;
    int *held = &model->held[drawn(fixture, HELD)], name = model->names[drawn(fixture, NAMES)];

    for (size_t i = 0; i < FLIGHTS; i++) {
        if (model->flights[i].active && model->flights[i].file == *held) return;
    }
    if (*held >= 0) {
        disk_release(fixture->disk, model->files[*held].inode);
        *held = -1;
    } else if (name >= 0) {
        disk_hold(fixture->disk, model->files[name].inode);
        *held = name;
    }
}

static void begin_sync(struct modelled *fixture, struct flight *flight)
{
    struct model *model = fixture->model;
    int held = model->held[drawn(fixture, HELD)];

    *flight = (struct flight){.active = true, .file = -1, .began = ++model->clock};
    if (held >= 0 && drawn(fixture, 3) > 0) {
        flight->file = held;
        flight->content = model->files[held].now;
        flight->ticket = disk_sync_begin(fixture->disk, model->files[held].inode);
    } else {
        memcpy(flight->names, model->names, sizeof flight->names);
        flight->ticket = disk_sync_dir_begin(fixture->disk, 0);
    }
}

static void end_sync(struct modelled *fixture, struct flight *flight)
{
    struct model *model = fixture->model;

    flight->active = false;
    if (flight->file >= 0) {
        struct model_file *file = &model->files[flight->file];
        disk_sync_end(fixture->disk, file->inode, flight->ticket);
        if (flight->began < file->durable_as_of) return;
        file->durable = flight->content;
        file->durable_as_of = flight->began;
    } else {
        disk_sync_dir_end(fixture->disk, 0, flight->ticket);
        if (flight->began < model->names_as_of) return;
        memcpy(model->durable_names, flight->names, sizeof flight->names);
        model->names_as_of = flight->began;
    }
}

static void step(struct modelled *fixture)
{
    struct flight *flight = &fixture->model->flights[drawn(fixture, FLIGHTS)];
    int file = some_file(fixture);

    switch (drawn(fixture, 10)) {
    case 0:
    case 1: try_create(fixture); break;
    case 2: try_rename(fixture); break;
    case 3: try_link_or_unlink(fixture); break;
    case 4: try_hold(fixture); break;
    case 5:
    case 6:
        if (flight->active) {
            end_sync(fixture, flight);
        } else {
            begin_sync(fixture, flight);
        }
        break;
    case 7:
        if (file >= 0) try_resize(fixture, file);
        break;
    default:
        if (file >= 0) try_write(fixture, file);
        break;
    }
    file = some_file(fixture); /* The step may have taken the last name of the one before. */
    if (file < 0) return;
    assert_same(fixture->disk, fixture->model->files[file].inode, &fixture->model->files[file].now);
}

static void assert_image(struct modelled *fixture, enum disk_crash_mode mode, bool names)
{
    struct script script = {0};
    struct model *model = fixture->model;
    const struct disk_chooser chooser = script_chooser(&script);
    struct disk_chooser one_mode = chooser;

    one_mode.modes = UINT32_C(1) << mode | UINT32_C(1) << 9;
    script_say(&script, DISK_ASK_NAMES, names ? 1 : 0);
    disk_image(fixture->disk, &one_mode, fixture->image, NULL);
    for (size_t i = 0; i < NAMES; i++) {
        int file = names ? model->names[i] : model->durable_names[i];
        assert_int_equal(script_find(fixture->image, name_of(i)) >= 0, file >= 0);
        if (file < 0) continue;
        const struct model_file *of = &model->files[file];
        assert_same(fixture->image, script_find(fixture->image, name_of(i)),
                    mode == DISK_KEEP_ALL ? &of->now : &of->durable);
    }
}

static void reads_and_images_agree_with_the_model(void **state)
{
    struct modelled *fixture = *state;

    for (uint32_t seed = 1; seed <= SEQUENCES; seed++) {
        fixture->seed = seed;
        disk_reset(fixture->disk, disk_profile_find(seed % 2 ? "weak" : "btrfs"), UINT64_MAX);
        model_reset(fixture->model);
        for (int i = 0; i < OPERATIONS; i++) step(fixture);
        uint64_t before = disk_fingerprint(fixture->disk);
        for (int i = 0; i < 4; i++) {
            assert_image(fixture, i % 2 ? DISK_KEEP_ALL : DISK_LOSE_ALL, i / 2 == 1);
            assert_int_equal(disk_fingerprint(fixture->disk), before);
        }
        if (seed % 3 == 0) {
            disk_adopt(fixture->disk, fixture->image);
            assert_int_equal(disk_pending(fixture->disk), 0);
            for (size_t i = 0; i < NAMES; i++) {
                int file = fixture->model->names[i];
                if (file < 0) continue;
                assert_same(fixture->disk, script_find(fixture->disk, name_of(i)),
                            &fixture->model->files[file].now);
            }
        }
    }
}

/* ---- Laws of images ---- */

/* Three files with durable bytes, and some writes, truncations and reservations pending. Marks
 * what may differ from the durable bytes. */
static void make_pending(struct modelled *fixture, disk_inode inodes[3],
                         bool touched[3][2 * BYTES / DISK_SECTOR_BYTES])
{
    uint8_t bytes[BYTES];
    bool full;

    memset(touched, 0, 3 * sizeof touched[0]);
    for (size_t i = 0; i < 3; i++) {
        inodes[i] = script_create(fixture->disk, name_of(i));
        for (size_t at = 0; at < BYTES; at++) bytes[at] = (uint8_t)drawn(fixture, 256);
        disk_write(fixture->disk, inodes[i], 0, bytes, 1 + drawn(fixture, BYTES), &full);
        script_sync(fixture->disk, inodes[i]);
    }
    script_sync_dir(fixture->disk, 0);
    for (uint32_t left = 1 + drawn(fixture, 4); left > 0; left--) {
        uint32_t i = drawn(fixture, 3);
        size_t offset = drawn(fixture, BYTES), len = 1 + drawn(fixture, BYTES - 1);
        if (drawn(fixture, 6) == 0) {
            assert_ok(disk_truncate(fixture->disk, inodes[i], offset));
            len = 2 * BYTES - offset;
        } else {
            for (size_t at = 0; at < len; at++) bytes[at] = (uint8_t)drawn(fixture, 256);
            disk_write(fixture->disk, inodes[i], offset, bytes, len, &full);
        }
        for (size_t at = offset; at < offset + len; at++) touched[i][at / DISK_SECTOR_BYTES] = true;
    }
}

static void assert_untouched(struct modelled *fixture, const disk_inode inodes[3],
                             bool touched[3][2 * BYTES / DISK_SECTOR_BYTES])
{
    for (size_t i = 0; i < 3; i++) {
        uint64_t size, image_size;
        const uint8_t *bytes = disk_durable(fixture->disk, inodes[i], &size);
        const uint8_t *image = disk_durable(fixture->image, inodes[i], &image_size);
        for (size_t at = 0; at < size; at++) {
            if (touched[i][at / DISK_SECTOR_BYTES]) continue;
            assert_true(at < image_size);
            assert_int_equal(image[at], bytes[at]);
        }
    }
}

static void equal_hashes_mean_equal_images_and_synced_bytes_survive(void **state)
{
    enum { DRAWS = 24 };
    struct modelled *fixture = *state;
    const struct disk_chooser chooser = {.choose = choose_any, .context = fixture};
    uint64_t hashes[DRAWS], prints[DRAWS];
    bool touched[3][2 * BYTES / DISK_SECTOR_BYTES];
    disk_inode inodes[3];
    size_t equal = 0;

    for (uint32_t seed = 1; seed <= 2000; seed++) {
        fixture->seed = seed;
        disk_reset(fixture->disk, &disk_profiles[seed % disk_profile_count], UINT64_MAX);
        make_pending(fixture, inodes, touched);
        for (size_t i = 0; i < DRAWS; i++) {
            hashes[i] = disk_image(fixture->disk, &chooser, fixture->image, NULL);
            prints[i] = disk_fingerprint(fixture->image);
            assert_untouched(fixture, inodes, touched);
            for (size_t j = 0; j < i; j++) {
                assert_int_equal(hashes[i] == hashes[j], prints[i] == prints[j]);
                equal += hashes[i] == hashes[j];
            }
        }
        disk_adopt(fixture->disk, fixture->image);
        assert_int_equal(disk_fingerprint(fixture->disk), prints[DRAWS - 1]);
    }
    assert_true(equal > 1000);
}

static void what_was_written_through_survives_and_nothing_else_is_lost(void **state)
{
    struct modelled *fixture = *state;
    struct content now;
    uint8_t bytes[600];
    bool full;

    for (uint32_t seed = 1; seed <= 3000; seed++) {
        fixture->seed = seed;
        disk_reset(fixture->disk, disk_profile_find("weak"), UINT64_MAX);
        disk_inode inode = script_durable_file(fixture->disk, "a", "A700");
        now.size = 700;
        memset(now.bytes, 'A', 700);
        for (int i = 0; i < 12; i++) {
            size_t offset = drawn(fixture, BYTES - 600), len = 1 + drawn(fixture, 600);
            struct script script = {0};
            struct disk_chooser lose = script_chooser(&script), keep = lose;
            lose.modes = 1 << DISK_LOSE_ALL;
            keep.modes = 1 << DISK_KEEP_ALL;
            if (drawn(fixture, 5) == 0) {
                assert_ok(disk_truncate(fixture->disk, inode, offset));
                content_resize(&now, offset);
                continue;
            }
            for (size_t at = 0; at < len; at++) bytes[at] = (uint8_t)drawn(fixture, 256);
            disk_write(fixture->disk, inode, offset, bytes, len, &full);
            content_write(&now, offset, bytes, len);
            if (drawn(fixture, 2) == 0) continue;
            disk_write_through(fixture->disk, inode, offset, len);
            for (int images = 0; images < 4; images++) {
                const struct disk_chooser any = {.choose = choose_any, .context = fixture};
                disk_image(fixture->disk, images == 0 ? &lose : &any, fixture->image, NULL);
                assert_memory_equal(disk_window(fixture->image, inode, offset, len), bytes, len);
            }
            disk_image(fixture->disk, &keep, fixture->image, NULL);
            assert_same(fixture->image, inode, &now);
        }
        script_sync(fixture->disk, inode);
        disk_lose_pending(fixture->disk);
        assert_same(fixture->disk, inode, &now);
    }
}

static uint64_t life_of(struct modelled *fixture, struct disk *disk, uint64_t seed)
{
    const struct disk_chooser chooser = {.choose = choose_any, .context = fixture};
    bool touched[3][2 * BYTES / DISK_SECTOR_BYTES];
    disk_inode inodes[3];
    struct disk *used = fixture->disk;

    fixture->seed = seed;
    fixture->disk = disk;
    disk_reset(disk, disk_profile_find("hostile"), UINT64_MAX);
    make_pending(fixture, inodes, touched);
    uint64_t hash = disk_image(disk, &chooser, fixture->image, NULL);
    disk_adopt(disk, fixture->image);
    fixture->disk = used;
    return hash ^ disk_fingerprint(disk);
}

static void a_used_disk_behaves_as_a_new_one(void **state)
{
    struct modelled *fixture = *state;

    for (uint32_t seed = 1; seed <= 300; seed++) {
        struct disk *fresh = disk_create();
        uint64_t wanted = life_of(fixture, fresh, seed);
        assert_int_equal(life_of(fixture, fixture->disk, seed), wanted);
        disk_destroy(fresh);
    }
}

int main(void)
{
#define MODELLED(name) cmocka_unit_test_setup_teardown(name, set_up_model, tear_down_model)
    const struct CMUnitTest tests[] = {
        MODELLED(reads_and_images_agree_with_the_model),
        MODELLED(equal_hashes_mean_equal_images_and_synced_bytes_survive),
        MODELLED(what_was_written_through_survives_and_nothing_else_is_lost),
        MODELLED(a_used_disk_behaves_as_a_new_one),
    };

    return cmocka_run_group_tests_name("sim_disk_model", tests, NULL, NULL);
}
