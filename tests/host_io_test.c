/*
 * host_io_test.c - the host's files and directories keep every promise of the door that can be seen
 * without a crash.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/log_check.h"
#include "wal/host/host.h"
#include "wal/host/host_errno.h"
#include "wal/io.h"

enum {
    MS = 1000000,
    BLOCK = 4096,
    READ_ONLY = 0,
    NEW = WAL_OPEN_WRITE | WAL_OPEN_CREATE | WAL_OPEN_EXCLUSIVE,
};

struct fixture {
    char path[256];
    struct wal_io *io;
    struct wal_dir dir;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    const char *tmp = getenv("TMPDIR");

    if (fixture == NULL) return -1;
    snprintf(fixture->path, sizeof(fixture->path), "%s/host_io_test.XXXXXX", tmp ? tmp : "/tmp");
    if (mkdtemp(fixture->path) == NULL) return -1;
    if (wal_host_create(&fixture->io) != WAL_OK) return -1;
    if (io_dir_open(fixture->io, fixture->path, &fixture->dir) != WAL_OK) return -1;
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    char *names = NULL;
    size_t bytes = 0;

    if (io_list(fixture->io, fixture->dir, &names, &bytes) != WAL_OK) return -1;
    for (size_t at = 0; at < bytes; at += strlen(names + at) + 1) {
        if (unlinkat(fixture->dir.id, names + at, 0) != 0) {
            unlinkat(fixture->dir.id, names + at, AT_REMOVEDIR);
        }
    }
    io_free(fixture->io, names, bytes);
    io_dir_close(fixture->io, fixture->dir);
    wal_host_destroy(fixture->io);
    int failed = rmdir(fixture->path);
    free(fixture);
    return failed;
}

static struct wal_file file_new(struct fixture *fixture, const char *name)
{
    struct wal_file file = WAL_FILE_NONE;

    assert_ok(io_open(fixture->io, fixture->dir, name, NEW, &file, NULL));
    return file;
}

/* A file with these bytes, closed again. */
static void put_file(struct fixture *fixture, const char *name, const char *bytes)
{
    struct wal_file file = file_new(fixture, name);
    size_t len = 0;

    assert_ok(io_pwrite(fixture->io, file, 0, bytes, strlen(bytes), &len));
    assert_int_equal(len, strlen(bytes));
    assert_ok(io_close(fixture->io, file));
}

static void assert_file(struct fixture *fixture, const char *name, const char *bytes)
{
    struct wal_file file = WAL_FILE_NONE;
    char read[64];
    size_t len = 0;

    assert_ok(io_open(fixture->io, fixture->dir, name, READ_ONLY, &file, NULL));
    assert_ok(io_pread(fixture->io, file, 0, read, sizeof(read), &len));
    assert_ok(io_close(fixture->io, file));
    assert_int_equal(len, strlen(bytes));
    assert_memory_equal(read, bytes, len);
}

static void inside(struct fixture *fixture, const char *name, char *ret_path, size_t size)
{
    int len = snprintf(ret_path, size, "%s/%s", fixture->path, name);

    assert_true(len > 0 && (size_t)len < size);
}

static void an_unknown_errno_is_a_device_error(void **state)
{
    (void)state;
    assert_err(host_errno(ENOSPC), WAL_NOSPACE);
    assert_err(host_errno(EDQUOT), WAL_QUOTA);
    assert_err(host_errno(EINTR), WAL_INTERRUPTED);
    assert_err(host_errno(EWOULDBLOCK), WAL_AGAIN);
    assert_err(host_errno(EIO), WAL_IO);
    assert_err(host_errno(ESTALE), WAL_IO);
    assert_err(host_errno(ETIMEDOUT), WAL_IO);
    assert_err(host_errno(0), WAL_IO);
    assert_err(host_errno(99999), WAL_IO);
}

static void the_host_fills_every_call_and_has_no_object_store(void **state)
{
    struct fixture *fixture = *state;
    void (*calls[sizeof(struct wal_io_ops) / sizeof(void (*)(void))])(void);

    memcpy(calls, fixture->io->ops, sizeof(calls));
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) assert_true(calls[i] != NULL);
    assert_null(fixture->io->objects);
}

static void a_directory_is_made_once_and_only_beside_its_parent(void **state)
{
    struct fixture *fixture = *state;
    char path[512];

    inside(fixture, "made", path, sizeof(path));
    assert_ok(io_mkdir(fixture->io, path));
    assert_err(io_mkdir(fixture->io, path), WAL_EXISTS);
    inside(fixture, "absent/made", path, sizeof(path));
    assert_err(io_mkdir(fixture->io, path), WAL_NOTFOUND);
}

static void only_a_directory_opens_as_one(void **state)
{
    struct fixture *fixture = *state;
    struct wal_dir dir = {-7};
    char path[512];

    inside(fixture, "absent", path, sizeof(path));
    assert_err(io_dir_open(fixture->io, path, &dir), WAL_NOTFOUND);
    put_file(fixture, "file", "x");
    inside(fixture, "file", path, sizeof(path));
    assert_err(io_dir_open(fixture->io, path, &dir), WAL_NOTDIR);
    assert_int_equal(dir.id, -7);
}

static void listing_an_empty_directory_gives_nothing(void **state)
{
    struct fixture *fixture = *state;
    char *names = fixture->path;
    size_t bytes = 9;

    assert_ok(io_list(fixture->io, fixture->dir, &names, &bytes));
    assert_null(names);
    assert_int_equal(bytes, 0);
}

static void listing_gives_each_name_once_however_often_it_is_asked(void **state)
{
    enum { COUNT = 600 }; /* More than the first buffer holds. */
    struct fixture *fixture = *state;

    for (int i = 0; i < COUNT; i++) {
        char name[32];
        snprintf(name, sizeof(name), "%016x.wal", (unsigned)i);
        put_file(fixture, name, "x");
    }
    for (int round = 0; round < 2; round++) {
        bool seen[COUNT] = {false};
        char *names = NULL;
        size_t bytes = 0;
        int count = 0;

        assert_ok(io_list(fixture->io, fixture->dir, &names, &bytes));
        for (size_t at = 0; at < bytes; at += strlen(names + at) + 1, count++) {
            unsigned long number = strtoul(names + at, NULL, 16);

            assert_true(number < COUNT);
            assert_false(seen[number]);
            seen[number] = true;
        }
        io_free(fixture->io, names, bytes);
        assert_int_equal(count, COUNT);
    }
}

static void rename_replaces_and_link_does_not(void **state)
{
    struct fixture *fixture = *state;

    put_file(fixture, "a", "old");
    put_file(fixture, "b", "new");
    assert_err(io_link(fixture->io, fixture->dir, "b", "a"), WAL_EXISTS);
    assert_file(fixture, "a", "old");
    assert_ok(io_rename(fixture->io, fixture->dir, "b", "a"));
    assert_file(fixture, "a", "new");
    assert_err(io_rename(fixture->io, fixture->dir, "b", "a"), WAL_NOTFOUND);
    assert_ok(io_link(fixture->io, fixture->dir, "a", "c"));
    assert_ok(io_unlink(fixture->io, fixture->dir, "a"));
    assert_file(fixture, "c", "new");
    assert_err(io_unlink(fixture->io, fixture->dir, "a"), WAL_NOTFOUND);
    assert_ok(io_fsync_dir(fixture->io, fixture->dir));
}

static void create_takes_what_is_there_unless_exclusive(void **state)
{
    const unsigned create = WAL_OPEN_WRITE | WAL_OPEN_CREATE;
    struct fixture *fixture = *state;
    struct wal_file file = {-7};
    uint32_t align = 99;

    assert_err(io_open(fixture->io, fixture->dir, "f", WAL_OPEN_WRITE, &file, &align),
               WAL_NOTFOUND);
    put_file(fixture, "f", "kept");
    assert_err(io_open(fixture->io, fixture->dir, "f", NEW, &file, &align), WAL_EXISTS);
    assert_int_equal(file.id, -7);
    assert_int_equal(align, 99);
    assert_ok(io_open(fixture->io, fixture->dir, "f", create, &file, &align));
    assert_int_equal(align, 1);
    assert_ok(io_close(fixture->io, file));
    assert_file(fixture, "f", "kept");
}

static void what_is_not_a_file_does_not_open_as_one(void **state)
{
    struct fixture *fixture = *state;
    struct wal_file file = WAL_FILE_NONE;
    char path[512];

    inside(fixture, "dir", path, sizeof(path));
    assert_ok(io_mkdir(fixture->io, path));
    assert_err(io_open(fixture->io, fixture->dir, "dir", READ_ONLY, &file, NULL), WAL_INVALID);
    assert_err(io_open(fixture->io, fixture->dir, "dir", WAL_OPEN_WRITE, &file, NULL), WAL_INVALID);
    assert_int_equal(mkfifoat(fixture->dir.id, "pipe", 0600), 0);
    assert_err(io_open(fixture->io, fixture->dir, "pipe", READ_ONLY, &file, NULL), WAL_INVALID);
}

static void descriptors_close_on_exec_and_dsync_reaches_the_kernel(void **state)
{
    struct fixture *fixture = *state;
    struct wal_file plain = file_new(fixture, "plain"), dsync = WAL_FILE_NONE;

    assert_ok(io_open(fixture->io, fixture->dir, "dsync", NEW | WAL_OPEN_DSYNC, &dsync, NULL));
    assert_true(fcntl(fixture->dir.id, F_GETFD) & FD_CLOEXEC);
    assert_true(fcntl(plain.id, F_GETFD) & FD_CLOEXEC);
    assert_false(fcntl(plain.id, F_GETFL) & O_DSYNC);
    assert_true(fcntl(dsync.id, F_GETFL) & O_DSYNC);
    assert_ok(io_close(fixture->io, plain));
    assert_ok(io_close(fixture->io, dsync));
}

static void a_read_at_the_end_is_short_and_behind_it_empty(void **state)
{
    struct fixture *fixture = *state;
    struct wal_file file = file_new(fixture, "f");
    char bytes[16];
    uint64_t size = 0;
    size_t len = 99;

    assert_ok(io_pwrite(fixture->io, file, 3, "abc", 3, &len));
    assert_int_equal(len, 3);
    assert_ok(io_size(fixture->io, file, &size));
    assert_int_equal(size, 6);
    assert_ok(io_pread(fixture->io, file, 2, bytes, sizeof(bytes), &len));
    assert_int_equal(len, 4);
    assert_memory_equal(bytes, "\0abc", 4);
    assert_ok(io_pread(fixture->io, file, 6, bytes, sizeof(bytes), &len));
    assert_int_equal(len, 0);
    assert_ok(io_pread(fixture->io, file, 600, bytes, sizeof(bytes), &len));
    assert_int_equal(len, 0);
    assert_ok(io_fdatasync(fixture->io, file));
    assert_ok(io_fsync(fixture->io, file));
    assert_ok(io_close(fixture->io, file));
}

static void truncating_cuts_and_grows(void **state)
{
    struct fixture *fixture = *state;
    struct wal_file file = file_new(fixture, "f");
    char bytes[8];
    size_t len = 0;

    assert_ok(io_pwrite(fixture->io, file, 0, "abcdef", 6, &len));
    assert_ok(io_ftruncate(fixture->io, file, 2));
    assert_ok(io_ftruncate(fixture->io, file, 4));
    assert_ok(io_pread(fixture->io, file, 0, bytes, sizeof(bytes), &len));
    assert_int_equal(len, 4);
    assert_memory_equal(bytes, "ab\0\0", 4);
    assert_ok(io_close(fixture->io, file));
}

static void reserving_grows_the_size_only_if_asked(void **state)
{
    struct fixture *fixture = *state;
    struct wal_file file = file_new(fixture, "f");
    uint64_t size = 9;

    enum wal_err err = io_fallocate(fixture->io, file, 0, 2 * BLOCK, true);
    if (err == WAL_UNSUPPORTED) {
        assert_ok(io_close(fixture->io, file));
        skip();
    }
    assert_ok(err);
    assert_ok(io_size(fixture->io, file, &size));
    assert_int_equal(size, 0);
    assert_ok(io_fallocate(fixture->io, file, BLOCK, BLOCK, false));
    assert_ok(io_size(fixture->io, file, &size));
    assert_int_equal(size, 2 * BLOCK);
    assert_ok(io_close(fixture->io, file));
}

static void writing_over_the_file_size_limit_is_an_error_not_death(void **state)
{
    struct fixture *fixture = *state;
    struct wal_file file = file_new(fixture, "f");
    struct rlimit before, limit;
    enum wal_err err_inside = WAL_OK, err_over = WAL_OK, err_grow = WAL_OK;
    size_t len = 0, len_over = 77;

    /* Collected first and judged later: the limit also holds for what cmocka prints. */
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    limit = (struct rlimit){BLOCK, before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
    err_inside = io_pwrite(fixture->io, file, BLOCK - 4, "abcdefgh", 8, &len);
    err_over = io_pwrite(fixture->io, file, BLOCK, "efgh", 4, &len_over);
    err_grow = io_ftruncate(fixture->io, file, 2 * BLOCK);
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, SIG_DFL);

    assert_ok(err_inside);
    assert_int_equal(len, 4);
    assert_err(err_over, WAL_FILE_TOO_LARGE);
    assert_int_equal(len_over, 77);
    assert_err(err_grow, WAL_FILE_TOO_LARGE);
    assert_ok(io_close(fixture->io, file));
}

static void running_out_of_descriptors_says_so(void **state)
{
    struct fixture *fixture = *state;
    struct rlimit before, limit;
    struct wal_file file = {-7};
    char *names = NULL;
    size_t bytes = 0;

    put_file(fixture, "f", "x");
    getrlimit(RLIMIT_NOFILE, &before);
    limit = (struct rlimit){0, before.rlim_max};
    setrlimit(RLIMIT_NOFILE, &limit);
    enum wal_err err_open = io_open(fixture->io, fixture->dir, "f", READ_ONLY, &file, NULL);
    enum wal_err err_list = io_list(fixture->io, fixture->dir, &names, &bytes);
    setrlimit(RLIMIT_NOFILE, &before);

    assert_err(err_open, WAL_NOFILES);
    assert_err(err_list, WAL_NOFILES);
    assert_int_equal(file.id, -7);
    assert_null(names);
}

static void direct_files_refuse_what_is_misaligned(void **state)
{
    struct fixture *fixture = *state;
    struct wal_file file = WAL_FILE_NONE;
    uint32_t align = 0;
    uint8_t *block = NULL;
    size_t len = 0;

    enum wal_err err =
        io_open(fixture->io, fixture->dir, "f", NEW | WAL_OPEN_DIRECT, &file, &align);
    if (err == WAL_NODIRECT) skip();
    assert_ok(err);
    assert_true(align == 512 || align == 4096);
    assert_int_equal(posix_memalign((void **)&block, BLOCK, 2 * BLOCK), 0);
    memset(block, 'x', 2 * BLOCK);

    assert_err(io_pwrite(fixture->io, file, 0, block + 1, BLOCK, &len), WAL_INVALID);
    assert_err(io_pwrite(fixture->io, file, 1, block, BLOCK, &len), WAL_INVALID);
    assert_err(io_pwrite(fixture->io, file, 0, block, BLOCK - 1, &len), WAL_INVALID);
    assert_ok(io_pwrite(fixture->io, file, 0, block, BLOCK, &len));
    assert_int_equal(len, BLOCK);
    assert_err(io_pread(fixture->io, file, 0, block + 8, BLOCK, &len), WAL_INVALID);
    memset(block, 0, 2 * BLOCK);
    assert_ok(io_pread(fixture->io, file, 0, block, 2 * BLOCK, &len));
    assert_int_equal(len, BLOCK);
    assert_int_equal(block[BLOCK - 1], 'x');
    free(block);
    assert_ok(io_fdatasync(fixture->io, file));
    assert_ok(io_close(fixture->io, file));
}

static void a_window_shows_the_file_and_ends_with_its_last_page(void **state)
{
    struct fixture *fixture = *state;
    struct wal_file file = file_new(fixture, "f");
    const uint8_t *window = NULL;
    size_t len = 0;

    assert_ok(io_ftruncate(fixture->io, file, 2 * BLOCK));
    assert_ok(io_pwrite(fixture->io, file, 2 * BLOCK, "abc", 3, &len));
    assert_ok(io_map(fixture->io, file, BLOCK, 2 * BLOCK, &window));
    assert_int_equal(window[0], 0);
    assert_memory_equal(window + BLOCK, "abc\0", 4);
    assert_int_equal(window[2 * BLOCK - 1], 0);
    io_unmap(fixture->io, window, 2 * BLOCK);

    window = NULL;
    assert_err(io_map(fixture->io, file, 0, 64 * BLOCK, &window), WAL_INVALID);
    assert_err(io_map(fixture->io, file, 64 * BLOCK, BLOCK, &window), WAL_INVALID);
    assert_err(io_map(fixture->io, file, BLOCK, SIZE_MAX - BLOCK, &window), WAL_INVALID);
    assert_null(window);
    assert_ok(io_close(fixture->io, file));
}

static void a_second_open_file_cannot_take_the_lock(void **state)
{
    struct fixture *fixture = *state;
    struct wal_file first = file_new(fixture, "lock"), second = WAL_FILE_NONE;

    assert_ok(io_open(fixture->io, fixture->dir, "lock", WAL_OPEN_WRITE, &second, NULL));
    assert_ok(io_lock(fixture->io, first));
    assert_err(io_lock(fixture->io, second), WAL_LOCKED);
    assert_ok(io_close(fixture->io, first));
    assert_ok(io_lock(fixture->io, second));
    assert_ok(io_close(fixture->io, second));
}

static void a_lock_dies_with_its_process(void **state)
{
    struct fixture *fixture = *state;
    struct wal_file file = file_new(fixture, "lock");
    int ready[2];
    char byte = 0;

    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct wal_file own = WAL_FILE_NONE;
        enum wal_err err = io_open(fixture->io, fixture->dir, "lock", WAL_OPEN_WRITE, &own, NULL);

        if (err == WAL_OK) err = io_lock(fixture->io, own);
        byte = err == WAL_OK ? 'y' : 'n';
        if (write(ready[1], &byte, 1) != 1) _exit(1);
        for (;;) pause();
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    assert_err(io_lock(fixture->io, file), WAL_LOCKED);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    assert_ok(io_lock(fixture->io, file));
    assert_ok(io_close(fixture->io, file));
    close(ready[0]);
    close(ready[1]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_unknown_errno_is_a_device_error),
        TEST(the_host_fills_every_call_and_has_no_object_store),
        TEST(a_directory_is_made_once_and_only_beside_its_parent),
        TEST(only_a_directory_opens_as_one),
        TEST(listing_an_empty_directory_gives_nothing),
        TEST(listing_gives_each_name_once_however_often_it_is_asked),
        TEST(rename_replaces_and_link_does_not),
        TEST(create_takes_what_is_there_unless_exclusive),
        TEST(what_is_not_a_file_does_not_open_as_one),
        TEST(descriptors_close_on_exec_and_dsync_reaches_the_kernel),
        TEST(a_read_at_the_end_is_short_and_behind_it_empty),
        TEST(truncating_cuts_and_grows),
        TEST(reserving_grows_the_size_only_if_asked),
        TEST(writing_over_the_file_size_limit_is_an_error_not_death),
        TEST(running_out_of_descriptors_says_so),
        TEST(direct_files_refuse_what_is_misaligned),
        TEST(a_window_shows_the_file_and_ends_with_its_last_page),
        TEST(a_second_open_file_cannot_take_the_lock),
        TEST(a_lock_dies_with_its_process),
    };

    return cmocka_run_group_tests_name("host_io", tests, NULL, NULL);
}
