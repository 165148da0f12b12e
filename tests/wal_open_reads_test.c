/*
 * wal_open_reads_test.c - how often opening reads which byte of a log that somebody died over.
 *
 * The bound that wal_open states is counted at the door, byte by byte: below the mark nothing is
 * read, above it each byte once to judge it and once to copy it forward, or, where it does not
 * hold, once to look again. All files are smaller than what is read at once, so a pass over
 * something is one more time for each byte of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/log_fixture.h"
#include "wal/log/mark.h"

enum {
    GROUP_RECORDS = 40, /* In the last group, */
    SEGMENT_BYTES = 96 * 1024,
    RECORDS_MARKED = 8,  /* that the mark knows, */
    RECORDS_SYNCED = 30, /* and that the header of the last group does. */
};

#define FIRST_SEGMENT "0000000000000001.wal"
#define SECOND_SEGMENT "0000000000000002.wal"

/* So often was each byte of the file read. */
static struct {
    const struct power_inode *file;
    unsigned times[POWER_FILE_BYTES];
} reads;

static enum wal_err counted_pread(struct wal_io *io, struct wal_file file, uint64_t offset,
                                  void *buffer, size_t len, size_t *ret_len)
{
    enum wal_err err = power_pread(io, file, offset, buffer, len, ret_len);

    if (err == WAL_OK && power_inode(power_of(io), file) == reads.file) {
        for (size_t i = 0; i < *ret_len; i++) reads.times[offset + i]++;
    }
    return err;
}

/* Called back by the committer, which writes nothing meanwhile: all of this is one group. */
static void append_group(struct wal_notice *notice, enum wal_err err, uint64_t lsn)
{
    assert_ok(err);
    for (unsigned i = 1; i <= GROUP_RECORDS; i++) append_lsn(notice->context, lsn + i);
}

static void lose_power(struct fixture *fixture)
{
    power_cut_in(fixture->power, 1);
    err_ignore(wal_close(fixture->log));
    fixture->log = NULL;
    power_crash(fixture->power, POWER_LOSE_ALL);
}

/* The mark knows LSNs up to RECORDS_MARKED, the last group's header those up to RECORDS_SYNCED. */
static void die(struct fixture *fixture)
{
    struct wal_notice notice = {.call = append_group, .context = fixture};
    uint64_t lsn = 0;

    fixture->options.segment_bytes = SEGMENT_BYTES;
    fixture->options.queue_bytes = SEGMENT_BYTES / 4;
    open_log(fixture);
    append_wait(fixture, 1, RECORDS_MARKED);
    close_log(fixture);
    open_log(fixture);
    append_wait(fixture, RECORDS_MARKED + 1, RECORDS_SYNCED - 1);
    notice.ticket = append_lsn(fixture, RECORDS_SYNCED);
    wal_notify(fixture->log, &notice);
    assert_ok(wal_wait_durable(fixture->log, RECORDS_SYNCED, WAL_NO_DEADLINE, &lsn));
    while (stat_of(fixture).accepted_lsn < RECORDS_SYNCED + GROUP_RECORDS) {
        assert_ok(io_sleep(fixture->io, 100000, NULL)); /* Until it has been called back. */
    }
    assert_ok(
        wal_wait_durable(fixture->log, RECORDS_SYNCED + GROUP_RECORDS - 1, WAL_NO_DEADLINE, &lsn));
    lose_power(fixture);
}

static struct wal_mark_slot mark_of(struct fixture *fixture)
{
    struct wal_mark_slot mark;
    struct wal_dir dir;
    unsigned bad = 0;

    assert_ok(io_dir_open(fixture->io, "log", &dir));
    assert_ok(log_mark_read(fixture->io, dir, &mark, &bad));
    io_dir_close(fixture->io, dir);
    return mark;
}

/* Where record `lsn` begins, by the reader. */
static struct wal_record record_at(struct fixture *fixture, uint64_t lsn)
{
    const struct wal_reader_options options = {.from_lsn = lsn, .witness_lsn = lsn};
    struct wal_reader *reader = NULL;
    struct wal_record record;

    assert_ok(wal_reader_open(fixture->io, "log", &options, &reader, NULL));
    assert_ok(wal_reader_next(reader, &record, NULL));
    wal_reader_close(reader);
    return record;
}

static void open_counted(struct fixture *fixture, const char *name, uint64_t last_lsn)
{
    memset(&reads, 0, sizeof reads);
    reads.file = file_of(fixture, name);
    fixture->power->ops.pread = counted_pread;
    open_log(fixture);
    fixture->power->ops.pread = power_pread;
    assert_u64(stat_of(fixture).durable_lsn, last_lsn);
}

static void assert_times(uint64_t from, uint64_t to, unsigned least, unsigned most)
{
    assert_true(from < to);
    for (uint64_t i = from; i < to; i++) {
        if (reads.times[i] >= least && reads.times[i] <= most) continue;
        fail_msg("byte %llu was read %u times, not %u to %u", (unsigned long long)i, reads.times[i],
                 least, most);
    }
}

/* What is cut off a file by a write that was not finished. */
static void cut(struct fixture *fixture, const char *name, uint64_t size)
{
    struct power_inode *file = file_of(fixture, name);

    assert_true(size < file->now_size);
    file->now_size = (size_t)size;
    file->safe_size = (size_t)size;
}

static void what_is_whole_is_read_to_be_judged_and_to_be_copied(void **state)
{
    struct fixture *fixture = *state;

    die(fixture);
    uint64_t mark = mark_of(fixture).offset;
    uint64_t copied = record_at(fixture, RECORDS_SYNCED + 1).offset - WAL_GROUP_HEADER_BYTES;
    uint64_t end = file_of(fixture, FIRST_SEGMENT)->now_size;
    open_counted(fixture, FIRST_SEGMENT, RECORDS_SYNCED + GROUP_RECORDS);
    assert_times(0, WAL_SEGMENT_HEADER_BYTES, 1, 1);
    assert_times(WAL_SEGMENT_HEADER_BYTES, mark, 0, 0);
    assert_times(mark, copied, 1, 1);
    assert_times(copied, end, 2, 2);
}

/* It died while it wrote: of the last group some records are there, and a part of one. */
static void a_torn_group_is_read_twice(void **state)
{
    struct fixture *fixture = *state;

    die(fixture);
    uint64_t mark = mark_of(fixture).offset;
    uint64_t copied = record_at(fixture, RECORDS_SYNCED + 1).offset - WAL_GROUP_HEADER_BYTES;
    uint64_t broken = record_at(fixture, RECORDS_SYNCED + GROUP_RECORDS / 2).offset;
    uint64_t end = record_at(fixture, RECORDS_SYNCED + GROUP_RECORDS / 2 + 1).offset - 8;
    cut(fixture, FIRST_SEGMENT, end);
    open_counted(fixture, FIRST_SEGMENT, RECORDS_SYNCED + GROUP_RECORDS / 2 - 1);
    assert_times(WAL_SEGMENT_HEADER_BYTES, mark, 0, 0);
    assert_times(mark, copied, 1, 1);
    assert_times(copied, broken, 2, 2);
    assert_times(broken, end, 2, 2);
}

/* A sector of the last group never got there: what follows it does not count, but is gone through
 * for witnesses, in the same reading in which it is looked at again. */
static void what_follows_a_break_is_read_twice(void **state)
{
    struct fixture *fixture = *state;

    die(fixture);
    uint64_t mark = mark_of(fixture).offset;
    uint64_t broken = record_at(fixture, RECORDS_SYNCED + 5).offset;
    struct power_inode *file = file_of(fixture, FIRST_SEGMENT);
    file->now[broken + 4] ^= 1;
    file->safe[broken + 4] ^= 1;
    open_counted(fixture, FIRST_SEGMENT, RECORDS_SYNCED + 4);
    assert_times(WAL_SEGMENT_HEADER_BYTES, mark, 0, 0);
    assert_times(mark, file->now_size, 1, 2);
}

static void the_rest_of_a_prewritten_segment_is_read_twice(void **state)
{
    struct fixture *fixture = *state;

    fixture->options.preallocate = true;
    die(fixture);
    uint64_t mark = mark_of(fixture).offset;
    uint64_t copied = record_at(fixture, RECORDS_SYNCED + 1).offset - WAL_GROUP_HEADER_BYTES;
    assert_u64(file_of(fixture, FIRST_SEGMENT)->now_size, SEGMENT_BYTES);
    open_counted(fixture, FIRST_SEGMENT, RECORDS_SYNCED + GROUP_RECORDS);
    assert_times(WAL_SEGMENT_HEADER_BYTES, mark, 0, 0);
    assert_times(mark, copied, 1, 1);
    assert_times(copied, SEGMENT_BYTES, 2, 2);
}

/* Who knows more than the log itself names a record somewhere, and its group has to be found. */
static void what_somebody_else_witnesses_is_looked_for_once(void **state)
{
    struct fixture *fixture = *state;

    die(fixture);
    uint64_t mark = mark_of(fixture).offset;
    uint64_t group = record_at(fixture, RECORDS_SYNCED + 1).offset - WAL_GROUP_HEADER_BYTES;
    uint64_t end = file_of(fixture, FIRST_SEGMENT)->now_size;
    fixture->options.witness_lsn = RECORDS_SYNCED + 7;
    open_counted(fixture, FIRST_SEGMENT, RECORDS_SYNCED + GROUP_RECORDS);
    assert_times(WAL_SEGMENT_HEADER_BYTES, mark, 0, 0);
    assert_times(mark, group, 1, 2);
    assert_times(group, end, 2, 3); /* It is in here. */
}

static void mark_put(struct fixture *fixture, const uint8_t *bytes, size_t len)
{
    struct power_inode *file = file_of(fixture, WAL_MARK_NAME);

    assert_u64(file->now_size, len);
    memcpy(file->now, bytes, len);
    memcpy(file->safe, bytes, len);
}

/* The mark is two segments behind. What the first of them holds is only judged; the second was made
 * by someone who did not live to tell the mark, and is written anew before it is believed. */
static void a_segment_beyond_the_mark_is_read_once_more(void **state)
{
    struct fixture *fixture = *state;
    uint8_t before[2 * WAL_MARK_SLOT_STRIDE];
    uint64_t last = RECORDS_MARKED;

    fixture->options.segment_bytes = SEGMENT_BYTES;
    open_log(fixture);
    append_wait(fixture, 1, RECORDS_MARKED);
    close_log(fixture);
    open_log(fixture);
    size_t mark_bytes = file_of(fixture, WAL_MARK_NAME)->now_size;
    assert_true(mark_bytes <= sizeof before);
    memcpy(before, file_of(fixture, WAL_MARK_NAME)->now, mark_bytes);
    uint64_t mark = mark_of(fixture).offset;
    for (; stat_of(fixture).segment == 1; last++) append_wait(fixture, last + 1, last + 1);
    append_wait(fixture, last + 1, last + 3);
    last += 3;
    for (unsigned i = 0; i < 2; i++) {
        lose_power(fixture);
        mark_put(fixture, before, mark_bytes);
        uint64_t end = file_of(fixture, i == 0 ? FIRST_SEGMENT : SECOND_SEGMENT)->now_size;
        open_counted(fixture, i == 0 ? FIRST_SEGMENT : SECOND_SEGMENT, last);
        if (i == 0) assert_times(WAL_SEGMENT_HEADER_BYTES, mark, 0, 0);
        if (i == 0) assert_times(mark, end, 1, 1);
        if (i == 1) assert_times(WAL_SEGMENT_HEADER_AREA_MIN, end, 2, 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_whole_is_read_to_be_judged_and_to_be_copied, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_torn_group_is_read_twice, setup, teardown),
        cmocka_unit_test_setup_teardown(what_follows_a_break_is_read_twice, setup, teardown),
        cmocka_unit_test_setup_teardown(the_rest_of_a_prewritten_segment_is_read_twice, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_somebody_else_witnesses_is_looked_for_once, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_segment_beyond_the_mark_is_read_once_more, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
