/*
 * wal_mapped_test.c - mapped or streamed, with bookmarks or without: what is read is the same.
 *
 * The same log is read in every way that there is, and all that a caller can see is compared: the
 * records, what stands beside them, the error that ends it and its place.
 */
#include "tests/log_fixture.h"

enum { READ_MAX = 96, BOOKMARKS = 3 };

struct reading {
    enum wal_err opened, ended;
    struct wal_place place;
    unsigned count;
    struct wal_record records[READ_MAX];
    uint8_t bytes[READ_MAX][RECORD_MAX];
    uint64_t next_lsn;
};

static void read_all(struct fixture *fixture, const struct wal_reader_options *options,
                     struct reading *reading)
{
    struct wal_reader *reader = NULL;
    struct wal_record record;

    memset(reading, 0, sizeof *reading);
    reading->opened = wal_reader_open(fixture->io, "log", options, &reader, &reading->place);
    if (reading->opened) return;
    while ((reading->ended = wal_reader_next(reader, &record, &reading->place)) == WAL_OK) {
        assert_true(reading->count < READ_MAX);
        assert_true(record.len <= RECORD_MAX);
        if (record.len > 0) memcpy(reading->bytes[reading->count], record.bytes, record.len);
        record.bytes = NULL;
        reading->records[reading->count++] = record;
    }
    /* It stays so, whatever it was. */
    assert_err(wal_reader_next(reader, &record, NULL), reading->ended);
    reading->next_lsn = wal_reader_next_lsn(reader);
    wal_reader_close(reader);
}

static void assert_same_record(const struct wal_record *a, const struct wal_record *b)
{
    assert_u64(a->lsn, b->lsn);
    assert_u64(a->commit_ns, b->commit_ns);
    assert_u64(a->wall_ns, b->wall_ns);
    assert_u64(a->len, b->len);
    assert_u64(a->batch_index, b->batch_index);
    assert_int_equal(a->batch_goes_on, b->batch_goes_on);
    assert_u64(a->segment, b->segment);
    assert_u64(a->offset, b->offset);
}

static void assert_same(const struct reading *a, const struct reading *b)
{
    assert_err(a->opened, b->opened);
    assert_err(a->ended, b->ended);
    assert_string_equal(a->place.name, b->place.name);
    assert_u64(a->place.segment, b->place.segment);
    assert_u64(a->place.offset, b->place.offset);
    assert_u64(a->place.first_lsn, b->place.first_lsn);
    assert_u64(a->place.last_lsn, b->place.last_lsn);
    assert_u64(a->count, b->count);
    assert_u64(a->next_lsn, b->next_lsn);
    for (unsigned i = 0; i < a->count; i++) assert_same_record(&a->records[i], &b->records[i]);
    assert_memory_equal(a->bytes, b->bytes, sizeof a->bytes);
}

/* From this LSN on, streamed, and mapped with windows of several sizes. */
static void all_ways_alike(struct fixture *fixture, uint64_t from_lsn, uint64_t witness_lsn)
{
    static const size_t windows[] = {0, 512, 4096, 5000};
    static struct reading streamed, other;
    struct wal_reader_options options = {.from_lsn = from_lsn, .witness_lsn = witness_lsn};

    read_all(fixture, &options, &streamed);
    for (size_t i = 0; i < 2 * sizeof windows / sizeof windows[0]; i++) {
        options.mode = i % 2 == 0 ? WAL_READ_MAPPED : WAL_READ_STREAM;
        options.window_bytes = windows[i / 2];
        read_all(fixture, &options, &other);
        assert_same(&streamed, &other);
    }
}

static void a_sound_log_reads_alike_from_any_lsn(void **state)
{
    struct fixture *fixture = *state;

    open_log(fixture);
    append_wait(fixture, 1, 60);
    assert_true(stat_of(fixture).segment > 3);
    for (uint64_t from = 0; from <= 62; from++) all_ways_alike(fixture, from, 0); /* Live. */
    for (uint64_t from = 0; from <= 62; from++) all_ways_alike(fixture, from, 60);
    close_log(fixture);
    for (uint64_t from = 0; from <= 62; from++) all_ways_alike(fixture, from, 0);
    assert_true(fixture->power->notes[WAL_NOTE_MAPPED] > 0);
    assert_u64(fixture->power->notes[WAL_NOTE_MAP_REFUSED], 0);
}

static void a_torn_log_reads_alike(void **state)
{
    struct fixture *fixture = *state;

    die_at_16(fixture);
    for (uint64_t from = 0; from <= 18; from++) all_ways_alike(fixture, from, 0);
    open_log(fixture); /* What it takes over it puts into another segment. */
    append_wait(fixture, 17, 20);
    for (uint64_t from = 0; from <= 18; from++) all_ways_alike(fixture, from, 0);
    close_log(fixture);
    for (uint64_t from = 0; from <= 22; from++) all_ways_alike(fixture, from, 0);
}

/* Damage each byte of the file in turn. */
static void damage_alike(struct fixture *fixture, const char *name)
{
    struct power_inode *file = file_of(fixture, name);

    for (size_t at = 0; at < file->now_size; at++) {
        file->now[at] ^= (uint8_t)(1U << at % 8);
        all_ways_alike(fixture, at % 3 == 0 ? 0 : at % 16, 0);
        file->now[at] ^= (uint8_t)(1U << at % 8);
    }
}

static void a_log_damaged_at_any_byte_reads_alike(void **state)
{
    struct fixture *fixture = *state;

    open_log(fixture);
    append_wait(fixture, 1, 14);
    close_log(fixture);
    damage_alike(fixture, "0000000000000001.wal");
    damage_alike(fixture, "0000000000000002.wal");
    damage_alike(fixture, "mark");
}

static void a_log_cut_anywhere_reads_alike(void **state)
{
    struct fixture *fixture = *state;

    open_log(fixture);
    append_wait(fixture, 1, 14);
    close_log(fixture);
    for (unsigned number = 1; number <= 2; number++) {
        struct power_inode *file =
            file_of(fixture, number == 1 ? "0000000000000001.wal" : "0000000000000002.wal");
        size_t size = file->now_size;
        for (file->now_size = 0; file->now_size < size; file->now_size += 7) {
            all_ways_alike(fixture, 0, 0);
        }
        file->now_size = size;
    }
}

static unsigned refusal;

static enum wal_err map_refused(struct wal_io *io, struct wal_file file, uint64_t offset,
                                size_t len, const uint8_t **ret_window)
{
    static const enum wal_err errs[] = {WAL_IO, WAL_NOMEM, WAL_INVALID};

    if (refusal++ % 4 != 0) return errs[refusal % 3];
    return power_map(io, file, offset, len, ret_window);
}

static void what_cannot_be_mapped_is_read(void **state)
{
    struct fixture *fixture = *state;

    open_log(fixture);
    append_wait(fixture, 1, 60);
    close_log(fixture);
    fixture->power->ops.map = map_refused;
    for (uint64_t from = 0; from <= 62; from++) all_ways_alike(fixture, from, 0);
    assert_true(fixture->power->notes[WAL_NOTE_MAP_REFUSED] > 0);
    assert_true(fixture->power->notes[WAL_NOTE_MAPPED] > 0);
}

/* ---- Where to begin ---- */

static unsigned opens;

static enum wal_err open_counted(struct wal_io *io, struct wal_dir dir, const char *name,
                                 unsigned flags, struct wal_file *ret_file, uint32_t *ret_align)
{
    opens++;
    return power_open(io, dir, name, flags, ret_file, ret_align);
}

static void a_reader_opens_few_segments_to_find_its_own(void **state)
{
    struct fixture *fixture = *state;
    struct wal_reader *reader = NULL;
    struct wal_record record;
    unsigned most = 0;

    fixture->options.segment_bytes = 3584; /* The smallest that takes its queue. */
    open_log(fixture);
    append_wait(fixture, 1, 180);
    uint64_t segments = stat_of(fixture).segment;
    close_log(fixture);
    assert_true(segments >= 24 && segments <= 32);
    fixture->power->ops.open = open_counted;
    for (uint64_t from = 1; from <= 180; from++) {
        const struct wal_reader_options options = {.from_lsn = from};
        opens = 0;
        assert_ok(wal_reader_open(fixture->io, "log", &options, &reader, NULL));
        assert_ok(wal_reader_next(reader, &record, NULL));
        assert_record(&record, from);
        wal_reader_close(reader);
        if (most < opens) most = opens;
    }
    /* The mark, the last segment, one for each halving, the first one, a successor. */
    assert_true(most <= 4 + 5);
}

static void bookmarks_of(struct fixture *fixture, struct wal_bookmark *bookmarks)
{
    const struct wal_reader_options options = {.from_lsn = 0};
    struct wal_reader *reader = NULL;
    struct wal_record record;
    unsigned count = 0;

    assert_ok(wal_reader_open(fixture->io, "log", &options, &reader, NULL));
    assert_false(wal_reader_bookmark(reader, &bookmarks[0]));
    while (wal_reader_next(reader, &record, NULL) == WAL_OK) {
        if (record.lsn % 11 != 0 || count == BOOKMARKS) continue;
        assert_true(wal_reader_bookmark(reader, &bookmarks[count++]));
    }
    assert_u64(count, BOOKMARKS);
    wal_reader_close(reader);
}

static void bookmarks_alike(struct fixture *fixture, const struct wal_bookmark *bookmarks)
{
    static struct reading plain, marked;

    for (uint64_t from = 1; from <= 42; from++) {
        struct wal_reader_options options = {.from_lsn = from};
        read_all(fixture, &options, &plain);
        options.mode = from % 2 == 0 ? WAL_READ_STREAM : WAL_READ_MAPPED;
        options.bookmarks = bookmarks;
        options.bookmark_count = BOOKMARKS;
        read_all(fixture, &options, &marked);
        assert_same(&plain, &marked);
    }
}

static void no_bookmark_changes_what_is_read(void **state)
{
    struct fixture *fixture = *state;
    const uint32_t *notes = fixture->power->notes;
    struct wal_bookmark bookmarks[BOOKMARKS], poisoned[BOOKMARKS];
    uint64_t random = 99;

    open_log(fixture);
    append_wait(fixture, 1, 40);
    close_log(fixture);
    bookmarks_of(fixture, bookmarks);
    bookmarks_alike(fixture, bookmarks);
    assert_true(notes[WAL_NOTE_BOOKMARK_USED] > 0);
    assert_u64(notes[WAL_NOTE_BOOKMARK_WRONG], 0);
    for (unsigned round = 0; round < 60; round++) {
        for (unsigned i = 0; i < BOOKMARKS; i++) {
            poisoned[i] = bookmarks[i];
            uint64_t by = round % 2 == 0 ? 1 + draw(&random, 3) : draw(&random, UINT64_MAX);
            uint64_t far =
                round % 2 == 0 ? 512 * (1 + draw(&random, 4)) : draw(&random, UINT64_MAX);
            if (draw(&random, 2) == 0) poisoned[i].lsn += by;
            if (draw(&random, 3) == 0) poisoned[i].segment -= by;
            if (draw(&random, 2) == 0) poisoned[i].offset -= far;
        }
        bookmarks_alike(fixture, poisoned);
    }
    assert_true(notes[WAL_NOTE_BOOKMARK_WRONG] > 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_sound_log_reads_alike_from_any_lsn),
        TEST(a_torn_log_reads_alike),
        TEST(a_log_damaged_at_any_byte_reads_alike),
        TEST(a_log_cut_anywhere_reads_alike),
        TEST(what_cannot_be_mapped_is_read),
        TEST(a_reader_opens_few_segments_to_find_its_own),
        TEST(no_bookmark_changes_what_is_read),
    };
#undef TEST

    return cmocka_run_group_tests_name("wal_mapped", tests, NULL, NULL);
}
