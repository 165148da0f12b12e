/*
 * fs_contract.h - one case of the file system contract, run on the simulated and on the real world.
 *
 * A case is written against wal/io.h alone. It gets an empty directory, and leaves nothing open. A
 * content is said in letters, with a dot for a zero byte.
 */
#ifndef TESTS_FS_CONTRACT_H
#define TESTS_FS_CONTRACT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <ftw.h>
#include <stdlib.h>

#include "tests/sim_machine.h"
#include "wal/host/host.h"

struct contract {
    struct wal_io *io;
    struct wal_dir dir;
    const char *path;   /* Of the directory. */
    enum sim_stop stop; /* How the process ends in simulation. */
};

typedef void contract_case(struct contract *contract);

/* ---- On the real world ---- */

static inline int contract_remove(const char *path, const struct stat *status, int type,
                                  struct FTW *where)
{
    (void)status, (void)type, (void)where;
    return remove(path);
}

static inline size_t contract_open_files(void)
{
    DIR *stream = opendir("/proc/self/fd");
    size_t count = 0;

    if (stream == NULL) return 0;
    while (readdir(stream) != NULL) count++;
    closedir(stream);
    return count;
}

static inline void contract_on_host(void **state)
{
    contract_case *const *body = *state;
    const char *tmp = getenv("TMPDIR");
    struct contract contract = {.stop = SIM_STOP_DONE};
    char path[256];

    snprintf(path, sizeof path, "%s/fs_contract_test.XXXXXX", tmp != NULL ? tmp : "/tmp");
    assert_non_null(mkdtemp(path));
    assert_ok(wal_host_create(&contract.io));
    contract.path = path;
    assert_ok(io_dir_open(contract.io, path, &contract.dir));
    size_t before = contract_open_files();
    (*body)(&contract);
    assert_int_equal(contract_open_files(), before);
    io_dir_close(contract.io, contract.dir);
    wal_host_destroy(contract.io);
    assert_int_equal(nftw(path, contract_remove, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* ---- On the simulated one ---- */

static struct contract contract_simulated;
static contract_case *contract_body;

static inline void contract_main(struct machine *machine)
{
    contract_simulated = (struct contract){.io = machine->io, .path = "/d", .stop = SIM_STOP_DONE};
    assert_ok(io_mkdir(machine->io, "/d"));
    assert_ok(io_dir_open(machine->io, "/d", &contract_simulated.dir));
    contract_body(&contract_simulated);
    io_dir_close(machine->io, contract_simulated.dir);
}

static inline void contract_on_sim(void **state)
{
    contract_case *const *body = *state;
    struct machine *machine;
    void *made;

    contract_body = *body;
    assert_int_equal(machine_setup(&made), 0);
    machine = made;
    enum sim_stop stop = machine_fresh(machine, contract_main);
    assert_int_equal(stop, contract_simulated.stop);
    assert_int_equal(machine->end.leaked_blocks, 0);
    assert_int_equal(machine->end.leaked_descriptors, 0);
    machine_teardown(&made);
}

/* ---- For cases ---- */

enum {
    CONTRACT_NEW = WAL_OPEN_WRITE | WAL_OPEN_CREATE | WAL_OPEN_EXCLUSIVE,
    CONTRACT_BYTES_MAX = 20000,
};

/* The path of a name in the directory; static storage, for two. */
static inline const char *inside(const struct contract *contract, const char *name)
{
    static char paths[2][1024];
    static unsigned turn;
    char *path = paths[turn++ % 2];

    snprintf(path, sizeof paths[0], "%s/%s", contract->path, name);
    return path;
}

static inline struct wal_file file_open(const struct contract *contract, const char *name,
                                        unsigned flags)
{
    struct wal_file file = WAL_FILE_NONE;

    assert_ok(io_open(contract->io, contract->dir, name, flags, &file, NULL));
    return file;
}

static inline void file_close(const struct contract *contract, struct wal_file file)
{
    assert_ok(io_close(contract->io, file));
}

static inline void file_put(const struct contract *contract, struct wal_file file, uint64_t offset,
                            const char *text)
{
    size_t len = strlen(text), put = 0;

    for (size_t done = 0; done < len; done += put) {
        assert_ok(io_pwrite(contract->io, file, offset + done, text + done, len - done, &put));
    }
}

static inline uint64_t file_bytes(const struct contract *contract, struct wal_file file)
{
    uint64_t size = UINT64_MAX;

    assert_ok(io_size(contract->io, file, &size));
    return size;
}

/* A file with this content, closed. */
static inline void file_make(const struct contract *contract, const char *name, const char *text)
{
    struct wal_file file = file_open(contract, name, CONTRACT_NEW);

    file_put(contract, file, 0, text);
    file_close(contract, file);
}

static inline void file_shows_at(const struct contract *contract, struct wal_file file,
                                 const char *content, const char *where, int line)
{
    static char bytes[CONTRACT_BYTES_MAX];
    size_t len = 0, got = 0;

    do {
        assert_ok(io_pread(contract->io, file, len, bytes + len, sizeof bytes - len, &got));
        len += got;
    } while (got > 0 && len < sizeof bytes);
    bool same = len == strlen(content) && file_bytes(contract, file) == len;
    for (size_t i = 0; i < len && same; i++) same = (bytes[i] == 0 ? '.' : bytes[i]) == content[i];
    if (same) return;
    for (size_t i = 0; i < len; i++) bytes[i] = bytes[i] == 0 ? '.' : bytes[i];
    print_error("%s:%d: got \"%.*s\", expected \"%s\"\n", where, line, (int)len, bytes, content);
    fail();
}

static inline void name_shows_at(const struct contract *contract, const char *name,
                                 const char *content, const char *where, int line)
{
    struct wal_file file = file_open(contract, name, 0);

    file_shows_at(contract, file, content, where, line);
    file_close(contract, file);
}

static inline int name_order(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names of a directory in alphabetic order, each with a blank behind it; static storage. */
static inline const char *names_in(const struct contract *contract, struct wal_dir dir)
{
    static char text[CONTRACT_BYTES_MAX];
    static const char *sorted[1024];
    char *names = NULL;
    size_t bytes = 0, count = 0, used = 0;

    assert_ok(io_list(contract->io, dir, &names, &bytes));
    for (size_t at = 0; at < bytes; at += strlen(names + at) + 1) sorted[count++] = names + at;
    qsort(sorted, count, sizeof sorted[0], name_order);
    text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "%s ", sorted[i]);
    }
    io_free(contract->io, names, bytes);
    return text;
}

/* The file, opened by descriptor or by name, has this content and size. */
#define assert_file(contract, file, content) \
    file_shows_at(contract, file, content, __FILE__, __LINE__)
#define assert_name(contract, name, content) \
    name_shows_at(contract, name, content, __FILE__, __LINE__)
#define assert_names(contract, names) \
    assert_string_equal(names_in(contract, (contract)->dir), names)

#endif
