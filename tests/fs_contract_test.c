/*
 * fs_contract_test.c - the simulated file system and the real one keep the same contract.
 *
 * What cannot be seen without a crash, that is: what calls return, and what later calls then see.
 * Where the real world shows something that a case did not expect, POSIX and Linux are right.
 *
 * Four differences are known and wanted. A misaligned direct call ends a simulated process, since a
 * log must never issue one. A mapped window is a copy in simulation, and shows no later write. A
 * name has 63 bytes there. And a directory there never goes, so none is replaced by another, not
 * even when it is empty.
 */
#include "tests/fs_contract.h"

enum { PAGE = 4096 };

/* ---- Opening ---- */

static void opening_what_is_not_there_is_refused(struct contract *contract)
{
    struct wal_file file = {-7};

    assert_err(io_open(contract->io, contract->dir, "f", 0, &file, NULL), WAL_NOTFOUND);
    assert_err(io_open(contract->io, contract->dir, "f", WAL_OPEN_WRITE, &file, NULL),
               WAL_NOTFOUND);
    assert_int_equal(file.id, -7);
    assert_names(contract, "");
}

static void creating_makes_an_empty_file(struct contract *contract)
{
    struct wal_file file = file_open(contract, "f", WAL_OPEN_WRITE | WAL_OPEN_CREATE);

    assert_file(contract, file, "");
    file_close(contract, file);
    assert_names(contract, "f ");
}

static void creating_takes_what_is_there_as_it_is(struct contract *contract)
{
    file_make(contract, "f", "abc");
    struct wal_file file = file_open(contract, "f", WAL_OPEN_WRITE | WAL_OPEN_CREATE);
    assert_file(contract, file, "abc");
    file_close(contract, file);
}

static void creating_exclusively_refuses_what_is_there(struct contract *contract)
{
    struct wal_file file = {-7};

    file_make(contract, "f", "abc");
    assert_err(io_open(contract->io, contract->dir, "f", CONTRACT_NEW, &file, NULL), WAL_EXISTS);
    assert_int_equal(file.id, -7);
    assert_name(contract, "f", "abc");
}

static void a_directory_is_no_file(struct contract *contract)
{
    struct wal_file file = WAL_FILE_NONE;

    assert_ok(io_mkdir(contract->io, inside(contract, "d")));
    assert_err(io_open(contract->io, contract->dir, "d", 0, &file, NULL), WAL_INVALID);
    assert_err(io_open(contract->io, contract->dir, "d", WAL_OPEN_WRITE, &file, NULL), WAL_INVALID);
    assert_err(
        io_open(contract->io, contract->dir, "d", WAL_OPEN_WRITE | WAL_OPEN_CREATE, &file, NULL),
        WAL_INVALID);
    assert_err(io_open(contract->io, contract->dir, "d", CONTRACT_NEW, &file, NULL), WAL_EXISTS);
}

static void a_file_that_is_not_direct_has_no_alignment(struct contract *contract)
{
    struct wal_file file = WAL_FILE_NONE;
    uint32_t align = 77;

    assert_ok(
        io_open(contract->io, contract->dir, "f", CONTRACT_NEW | WAL_OPEN_DSYNC, &file, &align));
    assert_int_equal(align, 1);
    file_close(contract, file);
}

static void descriptors_of_one_file_share_its_bytes(struct contract *contract)
{
    struct wal_file one = file_open(contract, "f", CONTRACT_NEW);
    struct wal_file two = file_open(contract, "f", WAL_OPEN_WRITE), reader;

    assert_int_not_equal(one.id, two.id);
    reader = file_open(contract, "f", 0);
    file_put(contract, one, 0, "abc");
    file_put(contract, two, 1, "XYZ");
    assert_file(contract, reader, "aXYZ");
    assert_ok(io_ftruncate(contract->io, one, 2));
    assert_file(contract, reader, "aX");
    file_close(contract, one);
    assert_file(contract, two, "aX");
    file_close(contract, two);
    file_close(contract, reader);
}

static void files_of_one_directory_do_not_share_bytes(struct contract *contract)
{
    file_make(contract, "f", "abc");
    file_make(contract, "g", "xyz");
    assert_name(contract, "f", "abc");
    assert_name(contract, "g", "xyz");
}

/* ---- Reading and writing ---- */

static void a_read_at_the_end_is_short_and_behind_it_empty(struct contract *contract)
{
    struct wal_file file = file_open(contract, "f", CONTRACT_NEW);
    char bytes[16] = "################";
    size_t len = 99;

    file_put(contract, file, 0, "abcdef");
    assert_ok(io_pread(contract->io, file, 4, bytes, sizeof bytes, &len));
    assert_int_equal(len, 2);
    assert_memory_equal(bytes, "ef##", 4);
    assert_ok(io_pread(contract->io, file, 6, bytes, 1, &len));
    assert_int_equal(len, 0);
    assert_ok(io_pread(contract->io, file, 1 << 20, bytes, 1, &len));
    assert_int_equal(len, 0);
    file_close(contract, file);
}

static void a_write_beyond_the_end_leaves_zeros(struct contract *contract)
{
    struct wal_file file = file_open(contract, "f", CONTRACT_NEW);

    file_put(contract, file, 3, "abc");
    file_put(contract, file, 8, "d");
    assert_file(contract, file, "...abc..d");
    file_close(contract, file);
}

static void a_hole_of_many_pages_reads_as_zeros(struct contract *contract)
{
    struct wal_file file = file_open(contract, "f", CONTRACT_NEW);
    static char bytes[3 * PAGE];
    size_t len = 0, got = 0;

    file_put(contract, file, 3 * PAGE, "x");
    for (; len < sizeof bytes; len += got) {
        assert_ok(io_pread(contract->io, file, len, bytes + len, sizeof bytes - len, &got));
        assert_true(got > 0);
    }
    for (size_t i = 0; i < sizeof bytes; i++) assert_int_equal(bytes[i], 0);
    assert_int_equal(file_bytes(contract, file), 3 * PAGE + 1);
    file_close(contract, file);
}

static void a_write_inside_leaves_the_rest_and_the_size(struct contract *contract)
{
    struct wal_file file = file_open(contract, "f", CONTRACT_NEW);

    file_put(contract, file, 0, "abcdef");
    file_put(contract, file, 2, "XY");
    assert_file(contract, file, "abXYef");
    file_put(contract, file, 4, "ZZZ");
    assert_file(contract, file, "abXYZZZ");
    file_close(contract, file);
}

static void what_was_written_is_there_when_opened_again(struct contract *contract)
{
    file_make(contract, "f", "abc");
    struct wal_file file = file_open(contract, "f", WAL_OPEN_WRITE);
    file_put(contract, file, 3, "def");
    file_close(contract, file);
    assert_name(contract, "f", "abcdef");
}

static void syncing_changes_nothing_that_is_read(struct contract *contract)
{
    struct wal_file file = file_open(contract, "f", CONTRACT_NEW), reader;

    assert_ok(io_fsync(contract->io, file)); /* There is nothing to sync. */
    file_put(contract, file, 0, "abc");
    assert_ok(io_fdatasync(contract->io, file));
    reader = file_open(contract, "f", 0);
    assert_ok(io_fsync(contract->io, reader)); /* Also through one that only reads. */
    assert_ok(io_fsync_dir(contract->io, contract->dir));
    assert_file(contract, reader, "abc");
    file_close(contract, reader);
    file_close(contract, file);
}

static void a_write_through_reads_as_any_other(struct contract *contract)
{
    struct wal_file file = file_open(contract, "f", CONTRACT_NEW | WAL_OPEN_DSYNC);
    struct wal_file other = file_open(contract, "f", WAL_OPEN_WRITE);

    file_put(contract, other, 0, "abcdef");
    file_put(contract, file, 2, "XY");
    file_put(contract, file, 7, "Z");
    assert_file(contract, other, "abXYef.Z");
    file_close(contract, file);
    file_close(contract, other);
}

/* ---- Sizes ---- */

static void truncating_cuts(struct contract *contract)
{
    struct wal_file file = file_open(contract, "f", CONTRACT_NEW);

    file_put(contract, file, 0, "abcdef");
    assert_ok(io_ftruncate(contract->io, file, 6));
    assert_file(contract, file, "abcdef");
    assert_ok(io_ftruncate(contract->io, file, 2));
    assert_file(contract, file, "ab");
    assert_ok(io_ftruncate(contract->io, file, 0));
    assert_file(contract, file, "");
    file_close(contract, file);
}

static void what_was_cut_does_not_come_back(struct contract *contract)
{
    struct wal_file file = file_open(contract, "f", CONTRACT_NEW);

    file_put(contract, file, 0, "abcdef");
    assert_ok(io_ftruncate(contract->io, file, 2));
    assert_ok(io_ftruncate(contract->io, file, 5));
    assert_file(contract, file, "ab...");
    assert_ok(io_ftruncate(contract->io, file, 1));
    file_put(contract, file, 4, "x");
    assert_file(contract, file, "a...x");
    file_close(contract, file);
}

static void truncating_an_empty_file_makes_zeros(struct contract *contract)
{
    struct wal_file file = file_open(contract, "f", CONTRACT_NEW);

    assert_ok(io_ftruncate(contract->io, file, 3));
    assert_file(contract, file, "...");
    file_close(contract, file);
}

static void no_file_is_as_large_as_a_number(struct contract *contract)
{
    struct wal_file file = file_open(contract, "f", CONTRACT_NEW);

    file_put(contract, file, 0, "abc");
    enum wal_err err = io_ftruncate(contract->io, file, INT64_MAX);
    if (err == WAL_OK) {
        file_close(contract, file);
        print_message("SKIPPED: this file system takes files of any size\n");
        skip();
    }
    assert_err(err, WAL_FILE_TOO_LARGE);
    err = io_fallocate(contract->io, file, INT64_MAX - 10, 10, false);
    assert_true(err == WAL_FILE_TOO_LARGE || err == WAL_UNSUPPORTED);
    assert_file(contract, file, "abc");
    file_close(contract, file);
}

/* The file system cannot reserve: say so, and be done. */
static void need_reserving(struct contract *contract, struct wal_file file, enum wal_err err)
{
    if (err != WAL_UNSUPPORTED) {
        assert_ok(err);
        return;
    }
    file_close(contract, file);
    print_message("SKIPPED: this file system cannot reserve space\n");
    skip();
}

static void reserving_keeps_the_size_if_told(struct contract *contract)
{
    struct wal_file file = file_open(contract, "f", CONTRACT_NEW);

    file_put(contract, file, 0, "abc");
    need_reserving(contract, file, io_fallocate(contract->io, file, 0, 2 * PAGE, true));
    assert_file(contract, file, "abc");
    file_put(contract, file, 5, "x");
    assert_file(contract, file, "abc..x");
    file_close(contract, file);
}

static void reserving_makes_the_file_longer_with_zeros(struct contract *contract)
{
    struct wal_file file = file_open(contract, "f", CONTRACT_NEW);

    file_put(contract, file, 0, "abc");
    need_reserving(contract, file, io_fallocate(contract->io, file, 1, 5, false));
    assert_file(contract, file, "abc...");
    assert_ok(io_fallocate(contract->io, file, 8, 1, false));
    assert_file(contract, file, "abc......");
    file_close(contract, file);
}

static void reserving_what_is_there_changes_nothing(struct contract *contract)
{
    struct wal_file file = file_open(contract, "f", CONTRACT_NEW);

    file_put(contract, file, 0, "abcdef");
    need_reserving(contract, file, io_fallocate(contract->io, file, 1, 3, false));
    assert_file(contract, file, "abcdef");
    assert_ok(io_ftruncate(contract->io, file, 2));
    assert_ok(io_fallocate(contract->io, file, 0, 4, false));
    assert_file(contract, file, "ab..");
    file_close(contract, file);
}

/* ---- Direct ---- */

static _Alignas(PAGE) uint8_t blocks[3 * PAGE];

static struct wal_file direct_or_skip(struct contract *contract, unsigned flags,
                                      uint32_t *ret_align)
{
    struct wal_file file = WAL_FILE_NONE;
    enum wal_err err =
        io_open(contract->io, contract->dir, "f", flags | WAL_OPEN_DIRECT, &file, ret_align);

    if (err == WAL_NODIRECT) {
        print_message("SKIPPED: this file system has no direct I/O\n");
        skip();
    }
    assert_ok(err);
    assert_true(*ret_align == 512 || *ret_align == PAGE);
    return file;
}

static void direct_writes_are_read_by_all(struct contract *contract)
{
    uint32_t align = 0;
    struct wal_file file = direct_or_skip(contract, CONTRACT_NEW | WAL_OPEN_DSYNC, &align);
    struct wal_file other = file_open(contract, "f", WAL_OPEN_WRITE);
    size_t len = 0;
    uint8_t byte = 0;

    memset(blocks, 'x', sizeof blocks);
    assert_ok(io_pwrite(contract->io, file, align, blocks, 2 * PAGE, &len));
    assert_int_equal(len, 2 * PAGE);
    assert_int_equal(file_bytes(contract, other), align + 2 * PAGE);
    assert_ok(io_pread(contract->io, other, align + 2 * PAGE - 1, &byte, 1, &len));
    assert_int_equal(byte, 'x');
    assert_ok(io_pread(contract->io, other, 0, &byte, 1, &len));
    assert_int_equal(byte, 0);
    file_put(contract, other, align, "yz");
    assert_ok(io_pread(contract->io, file, 0, blocks, 2 * PAGE, &len));
    assert_int_equal(len, 2 * PAGE);
    assert_memory_equal(blocks + align, "yzx", 3);
    file_close(contract, file);
    file_close(contract, other);
}

static void a_direct_read_ends_where_the_file_does(struct contract *contract)
{
    uint32_t align = 0;
    struct wal_file file = direct_or_skip(contract, CONTRACT_NEW, &align), other;
    size_t len = 0;

    other = file_open(contract, "f", WAL_OPEN_WRITE);
    file_put(contract, other, PAGE, "abc");
    file_close(contract, other);
    memset(blocks, '#', sizeof blocks);
    assert_ok(io_pread(contract->io, file, 0, blocks, 3 * PAGE, &len));
    assert_int_equal(len, PAGE + 3);
    assert_memory_equal(blocks + PAGE - 1, "\0abc", 4);
    assert_ok(io_pread(contract->io, file, 2 * PAGE, blocks, PAGE, &len));
    assert_int_equal(len, 0);
    file_close(contract, file);
}

static void a_misaligned_direct_call(struct contract *contract, size_t offset, size_t at,
                                     size_t len)
{
    uint32_t align = 0;
    struct wal_file file = direct_or_skip(contract, CONTRACT_NEW, &align);
    size_t done = 77;

    contract->stop = SIM_STOP_MISALIGNED;
    assert_err(io_pwrite(contract->io, file, offset, blocks + at, len, &done), WAL_INVALID);
    assert_err(io_pread(contract->io, file, offset, blocks + at, len, &done), WAL_INVALID);
    assert_int_equal(done, 77);
    assert_int_equal(file_bytes(contract, file), 0);
    file_close(contract, file);
}

static void a_direct_call_with_an_odd_offset_is_refused(struct contract *contract)
{
    a_misaligned_direct_call(contract, 256, 0, PAGE);
}

static void a_direct_call_with_an_odd_buffer_is_refused(struct contract *contract)
{
    a_misaligned_direct_call(contract, 0, 8, PAGE);
}

static void a_direct_call_with_an_odd_length_is_refused(struct contract *contract)
{
    a_misaligned_direct_call(contract, 0, 0, PAGE - 1);
}

/* ---- Windows ---- */

static void a_window_shows_the_bytes_of_the_file(struct contract *contract)
{
    struct wal_file file = file_open(contract, "f", CONTRACT_NEW);
    const uint8_t *window = NULL;

    file_put(contract, file, PAGE - 1, "abc");
    assert_ok(io_map(contract->io, file, 0, PAGE + 2, &window));
    assert_memory_equal(window + PAGE - 2, "\0abc", 4);
    io_unmap(contract->io, window, PAGE + 2);
    assert_ok(io_map(contract->io, file, PAGE, 1, &window));
    assert_int_equal(window[0], 'b');
    file_close(contract, file);
    assert_int_equal(window[0], 'b'); /* It outlives the descriptor. */
    io_unmap(contract->io, window, 1);
}

static void a_window_ends_with_the_last_page_and_shows_zeros_there(struct contract *contract)
{
    struct wal_file file = file_open(contract, "f", CONTRACT_NEW);
    const uint8_t *window = NULL;

    file_put(contract, file, PAGE, "abc");
    assert_ok(io_map(contract->io, file, 0, 2 * PAGE, &window));
    assert_memory_equal(window + PAGE, "abc\0", 4);
    assert_int_equal(window[2 * PAGE - 1], 0);
    io_unmap(contract->io, window, 2 * PAGE);
    window = NULL;
    assert_err(io_map(contract->io, file, 0, 2 * PAGE + 1, &window), WAL_INVALID);
    assert_err(io_map(contract->io, file, 2 * PAGE, 1, &window), WAL_INVALID);
    assert_err(io_map(contract->io, file, PAGE, SIZE_MAX - 2 * PAGE, &window), WAL_INVALID);
    assert_null(window);
    file_close(contract, file);
}

static void an_empty_file_has_no_window(struct contract *contract)
{
    struct wal_file file = file_open(contract, "f", CONTRACT_NEW);
    const uint8_t *window = NULL;

    assert_err(io_map(contract->io, file, 0, 1, &window), WAL_INVALID);
    assert_null(window);
    file_close(contract, file);
}

/* ---- Locks ---- */

static void a_second_descriptor_cannot_take_the_lock(struct contract *contract)
{
    struct wal_file one = file_open(contract, "f", CONTRACT_NEW);
    struct wal_file two = file_open(contract, "f", 0), other;

    other = file_open(contract, "g", CONTRACT_NEW);
    assert_ok(io_lock(contract->io, one));
    assert_err(io_lock(contract->io, two), WAL_LOCKED);
    assert_ok(io_lock(contract->io, one)); /* It has it. */
    assert_ok(io_lock(contract->io, other));
    file_close(contract, one);
    assert_ok(io_lock(contract->io, two));
    file_close(contract, two);
    file_close(contract, other);
}

static void only_closing_its_own_descriptor_releases_a_lock(struct contract *contract)
{
    struct wal_file one = file_open(contract, "f", CONTRACT_NEW);
    struct wal_file two = file_open(contract, "f", 0);

    assert_ok(io_lock(contract->io, one));
    file_close(contract, two); /* As POSIX's own locks do not have it. */
    two = file_open(contract, "f", 0);
    assert_err(io_lock(contract->io, two), WAL_LOCKED);
    file_close(contract, one);
    file_close(contract, two);
}

static void a_lock_is_the_files_not_the_names(struct contract *contract)
{
    struct wal_file one = file_open(contract, "f", CONTRACT_NEW), two;

    assert_ok(io_lock(contract->io, one));
    assert_ok(io_rename(contract->io, contract->dir, "f", "g"));
    two = file_open(contract, "g", 0);
    assert_err(io_lock(contract->io, two), WAL_LOCKED);
    file_close(contract, two);
    assert_ok(io_unlink(contract->io, contract->dir, "g"));
    two = file_open(contract, "g", CONTRACT_NEW);
    assert_ok(io_lock(contract->io, two));
    file_close(contract, one);
    file_close(contract, two);
}

#include "tests/fs_contract_names.h"

#define CASES(X)                                              \
    X(opening_what_is_not_there_is_refused)                   \
    X(creating_makes_an_empty_file)                           \
    X(creating_takes_what_is_there_as_it_is)                  \
    X(creating_exclusively_refuses_what_is_there)             \
    X(a_directory_is_no_file)                                 \
    X(a_file_that_is_not_direct_has_no_alignment)             \
    X(descriptors_of_one_file_share_its_bytes)                \
    X(files_of_one_directory_do_not_share_bytes)              \
    X(a_read_at_the_end_is_short_and_behind_it_empty)         \
    X(a_write_beyond_the_end_leaves_zeros)                    \
    X(a_hole_of_many_pages_reads_as_zeros)                    \
    X(a_write_inside_leaves_the_rest_and_the_size)            \
    X(what_was_written_is_there_when_opened_again)            \
    X(syncing_changes_nothing_that_is_read)                   \
    X(a_write_through_reads_as_any_other)                     \
    X(truncating_cuts)                                        \
    X(what_was_cut_does_not_come_back)                        \
    X(truncating_an_empty_file_makes_zeros)                   \
    X(no_file_is_as_large_as_a_number)                        \
    X(reserving_keeps_the_size_if_told)                       \
    X(reserving_makes_the_file_longer_with_zeros)             \
    X(reserving_what_is_there_changes_nothing)                \
    X(direct_writes_are_read_by_all)                          \
    X(a_direct_read_ends_where_the_file_does)                 \
    X(a_direct_call_with_an_odd_offset_is_refused)            \
    X(a_direct_call_with_an_odd_buffer_is_refused)            \
    X(a_direct_call_with_an_odd_length_is_refused)            \
    X(a_window_shows_the_bytes_of_the_file)                   \
    X(a_window_ends_with_the_last_page_and_shows_zeros_there) \
    X(an_empty_file_has_no_window)                            \
    X(a_second_descriptor_cannot_take_the_lock)               \
    X(only_closing_its_own_descriptor_releases_a_lock)        \
    X(a_lock_is_the_files_not_the_names)                      \
    CONTRACT_NAME_CASES(X)

#define CASE_BODY(name) name,
static contract_case *const bodies[] = {CASES(CASE_BODY)};

int main(void)
{
#define CASE_NAMES(name) {"sim_" #name, "host_" #name},
    static const struct {
        const char *sim, *host;
    } names[] = {CASES(CASE_NAMES)};
    enum { COUNT = sizeof names / sizeof names[0] };
    static struct CMUnitTest tests[2 * COUNT];

    for (size_t i = 0; i < COUNT; i++) {
        void *body = (void *)(uintptr_t)&bodies[i];
        tests[2 * i] = (struct CMUnitTest){names[i].sim, contract_on_sim, NULL, NULL, body};
        tests[2 * i + 1] = (struct CMUnitTest){names[i].host, contract_on_host, NULL, NULL, body};
    }
    return cmocka_run_group_tests_name("fs_contract", tests, NULL, NULL);
}
