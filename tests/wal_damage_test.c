/*
 * wal_damage_test.c - a tail that may be torn opens; what was proven durable never vanishes unsaid.
 *
 * ctest: timeout=300
 */
#include "tests/log_fixture.h"

/* The state of the disk, to go back to. */
struct saved {
    uint8_t bytes[POWER_FILE_BYTES];
    size_t size;
    struct power_names names;
};

static void disk_save(struct fixture *fixture, const char *name, struct saved *ret_saved)
{
    const struct power_inode *file = file_of(fixture, name);

    memcpy(ret_saved->bytes, file->now, sizeof ret_saved->bytes);
    ret_saved->size = file->now_size;
    ret_saved->names = fixture->power->now;
}

static void disk_restore(struct fixture *fixture, const char *name, const struct saved *saved)
{
    struct power *p = fixture->power;

    p->now = saved->names;
    p->pending_count = 0;
    struct power_inode *file = file_of(fixture, name);
    memcpy(file->now, saved->bytes, sizeof saved->bytes);
    file->now_size = saved->size;
    /* Forget the files that were made since: tests go through thousands. */
    while (p->inode_count > 0) {
        bool named = false;
        for (int i = 0; i < p->now.count; i++) {
            if (p->now.entries[i].inode == p->inode_count - 1) named = true;
        }
        if (named) break;
        p->inode_count--;
        free(p->inodes[p->inode_count].now);
        free(p->inodes[p->inode_count].safe);
        p->inodes[p->inode_count] = (struct power_inode){.now = NULL};
    }
}

static void a_tail_cut_above_the_witness_opens_and_below_it_is_damage(void **state)
{
    struct fixture *fixture = *state;
    static const char name[] = "0000000000000001.wal";
    struct saved *saved = malloc(sizeof *saved);
    struct wal_survey survey;
    struct wal_place place;
    unsigned opened = 0;

    assert_non_null(saved);
    die_at_16(fixture);
    assert_ok(wal_verify(fixture->io, "log", true, NULL, NULL, &survey, &place));
    assert_u64(survey.last_lsn, 16);
    assert_u64(survey.witness_lsn, 15);
    disk_save(fixture, name, saved);
    for (size_t size = saved->size; size >= 512; size--) {
        uint64_t last = 0;
        struct power_inode *file = file_of(fixture, name);

        file->now_size = size;
        memset(file->now + size, 0, POWER_FILE_BYTES - size);
        enum wal_err err = wal_open(fixture->io, "log", &fixture->options, &fixture->log, &place);
        if (err == WAL_OK) {
            uint64_t durable = stat_of(fixture).durable_lsn;
            assert_true(durable >= 8);
            close_log(fixture);
            assert_err(read_from(fixture, 0, &last, &place), WAL_END);
            assert_u64(last, durable);
            opened++;
        } else {
            assert_err(err, WAL_CORRUPT);
            assert_string_equal(place.name, name);
            assert_true(place.first_lsn <= 8 && place.last_lsn == 8);
            if (size >= 4200) { /* Only padding is gone: what is durable can still be read. */
                assert_err(read_from(fixture, 0, &last, &place), WAL_END);
                assert_u64(last, 8);
                disk_restore(fixture, name, saved);
                continue;
            }
            assert_err(read_from(fixture, 0, &last, &place), WAL_CORRUPT);
            assert_u64(place.first_lsn, last + 1);
            assert_u64(place.last_lsn, 8);
        }
        disk_restore(fixture, name, saved);
    }
    /* 4608: where the padded group of record 8 ends, and the mark says so; its bytes end at 4200.
     */
    assert_u64(opened, 8704 - 4608 + 1);
    free(saved);
}

/* Whatever byte is flipped: what is read is right, and nothing below a witness vanishes unsaid. */
static void flip_each_byte(struct fixture *fixture, const char *name, size_t step, uint64_t witness)
{
    struct saved *saved = malloc(sizeof *saved);
    struct wal_place place;

    assert_non_null(saved);
    disk_save(fixture, name, saved);
    for (size_t at = 0; at < saved->size; at += step) {
        uint64_t last = 0;

        file_of(fixture, name)->now[at] ^= (uint8_t)(1U << at % 8);
        enum wal_err err = read_from(fixture, 0, &last, &place);
        if (err != WAL_END) assert_err(err, WAL_CORRUPT);
        if (err == WAL_END && last < 8) fail_msg("%s: byte %zu: read %d", name, at, (int)last);

        fixture->options.verify_all = at % 2 == 0;
        err = wal_open(fixture->io, "log", &fixture->options, &fixture->log, &place);
        if (err) {
            assert_err(err, WAL_CORRUPT);
            assert_true(place.name[0] != '\0');
        } else {
            uint64_t durable = stat_of(fixture).durable_lsn;
            if (durable < witness && strcmp(name, "mark") != 0) {
                fail_msg("%s: byte %zu: %d records, %d were proven", name, at, (int)durable,
                         (int)witness);
            }
            close_log(fixture);
            err = read_from(fixture, 0, &last, &place);
            if (err == WAL_END) assert_u64(last, durable);
            if (err != WAL_END) assert_err(err, WAL_CORRUPT);
        }
        disk_restore(fixture, name, saved);
    }
    free(saved);
}

static void no_flipped_byte_of_a_crashed_log_goes_unnoticed(void **state)
{
    struct fixture *fixture = *state;

    die_at_16(fixture);
    /* A flip in the header of group 16 takes away the witness of 15 with the record: 14 remains. */
    flip_each_byte(fixture, "0000000000000001.wal", 1, 14);
    flip_each_byte(fixture, "mark", 1, 15);
}

static void no_flipped_byte_of_a_closed_log_goes_unnoticed(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.segment_bytes = 4096;
    open_log(fixture);
    append_wait(fixture, 1, 16);
    close_log(fixture);
    flip_each_byte(fixture, "0000000000000001.wal", 1, 16);
    flip_each_byte(fixture, "0000000000000002.wal", 1, 16);
    flip_each_byte(fixture, "mark", 1, 5);
}

static void damage_in_an_old_segment_is_found_by_verify_all_and_when_it_is_read(void **state)
{
    struct fixture *fixture = *state;
    struct wal_log *log = NULL;
    struct wal_survey survey;
    struct wal_place place;
    uint64_t last = 0;

    open_log(fixture);
    append_wait(fixture, 1, 60);
    close_log(fixture);
    file_of(fixture, "0000000000000001.wal")->now[1024 + 60] ^= 1;
    file_of(fixture, "0000000000000003.wal")->now[512 + 8] ^= 1;
    fixture->events.count = 0;
    assert_err(wal_verify(fixture->io, "log", true, observe, &fixture->events, &survey, &place),
               WAL_CORRUPT);
    assert_int_equal(survey.tail, WAL_TAIL_ROTTEN);
    assert_u64(fixture->events.count, 2);
    assert_u64(place.segment, 1);
    assert_u64(place.offset, 1024);
    assert_u64(place.first_lsn, 2);
    assert_u64(fixture->events.list[1].place.segment, 3);
    assert_ok(wal_verify(fixture->io, "log", false, NULL, NULL, &survey, &place));

    fixture->options.verify_all = true;
    assert_err(wal_open(fixture->io, "log", &fixture->options, &log, &place), WAL_CORRUPT);
    assert_u64(place.segment, 1);
    fixture->options.verify_all = false;
    open_log(fixture);
    close_log(fixture);
    assert_err(read_from(fixture, 0, &last, &place), WAL_CORRUPT);
    assert_u64(last, 1);
    assert_u64(place.segment, 1);
    assert_u64(place.first_lsn, 2);
}

static void a_witness_from_elsewhere_turns_a_short_log_into_damage(void **state)
{
    struct fixture *fixture = *state;
    struct wal_log *log = NULL;
    struct wal_place place;

    die_at_16(fixture);
    fixture->options.witness_lsn = 17;
    assert_err(wal_open(fixture->io, "log", &fixture->options, &log, &place), WAL_CORRUPT);
    assert_u64(place.first_lsn, 17);
    assert_u64(place.last_lsn, 17);
    fixture->options.witness_lsn = 16;
    open_log(fixture);
    close_log(fixture);
}

/* All that was there is pruned, and what is left has no record: without its mark it looks like a
 * log that was never finished, but for what it says of its predecessor. */
static void an_empty_log_without_a_mark_is_not_begun_again(void **state)
{
    struct fixture *fixture = *state;
    uint64_t floor_lsn = 0;

    fixture->options.segment_bytes = 1 << 16;
    fixture->options.mark_policy = WAL_MARK_EVERY_SYNCED;
    open_log(fixture);
    append_wait(fixture, 1, 5);
    power_cut_in(fixture->power, 1);
    err_ignore(wal_close(fixture->log)); /* It died. */
    fixture->log = NULL;
    power_crash(fixture->power, POWER_LOSE_ALL);
    open_log(fixture);
    assert_ok(wal_prune_before(fixture->log, 6, &floor_lsn));
    assert_u64(floor_lsn, 6);
    close_log(fixture);
    struct power_names *names = &fixture->power->now;
    names->entries[power_find(names, WAL_MARK_NAME)].inode = -1;
    struct wal_place place;
    assert_err(wal_open(fixture->io, "log", &fixture->options, &fixture->log, &place), WAL_CORRUPT);
    assert_string_equal(place.name, WAL_MARK_NAME);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_tail_cut_above_the_witness_opens_and_below_it_is_damage),
        TEST(no_flipped_byte_of_a_crashed_log_goes_unnoticed),
        TEST(no_flipped_byte_of_a_closed_log_goes_unnoticed),
        TEST(damage_in_an_old_segment_is_found_by_verify_all_and_when_it_is_read),
        TEST(a_witness_from_elsewhere_turns_a_short_log_into_damage),
        TEST(an_empty_log_without_a_mark_is_not_begun_again),
    };
#undef TEST

    return cmocka_run_group_tests_name("wal_damage", tests, NULL, NULL);
}
