/*
 * both_worlds.h - what a process asks of the simulated file system is asked of a real one too.
 *
 * The calls on files of a world are replaced by ones that go to both: first to the simulated one,
 * whose answer the process gets, then, before anybody else can run, to a real directory. Answers
 * must agree: errors, counts, bytes, sizes, names. The first that do not are put down. Processes on
 * the side are left alone. Where power was lost no real disk can follow, so it is given what the
 * simulated one holds when the next process begins, and the two go on from there.
 */
#ifndef TESTS_BOTH_WORLDS_H
#define TESTS_BOTH_WORLDS_H

#include <ftw.h>
#include <stdlib.h>

#include "tests/sim_machine.h"
#include "wal/host/host.h"

enum { BOTH_DESCRIPTORS = 256, BOTH_BYTES_MAX = 1 << 20, BOTH_NAMES_MAX = 512 };

/* What the real side does wrong on purpose, at the how-manieth such call. */
struct sabotage {
    enum sim_call call;
    uint64_t nth; /* From 1 on; 0: never. */
};

struct both {
    struct sim_world *world;
    const struct wal_io_ops *honest;
    struct wal_io_ops ops;
    struct wal_io *host;
    char path[256];
    struct wal_file files[BOTH_DESCRIPTORS]; /* By the simulated number. */
    struct wal_dir dirs[BOTH_DESCRIPTORS];
    uint32_t instance;
    bool syncs;     /* Also bother the real disk with syncs. */
    bool powerless; /* Power was lost, and no process has begun since. */
    bool differed;  /* `difference` says how. */
    char difference[512];
    uint64_t calls[SIM_CALL_COUNT]; /* Made on both sides. */
    struct sabotage sabotage;
    uint8_t bytes[BOTH_BYTES_MAX], others[BOTH_BYTES_MAX];
};

static struct both both;

__attribute__((format(printf, 1, 2))) static inline void both_differ(const char *format, ...)
{
    va_list args;

    if (both.differed) return;
    both.differed = true;
    va_start(args, format);
    (void)vsnprintf(both.difference, sizeof both.difference, format, args);
    va_end(args);
}

/* Descriptors are gone with their process. */
static inline void both_close_all(void)
{
    for (int i = 0; i < BOTH_DESCRIPTORS; i++) {
        if (both.files[i].id >= 0) assert_ok(io_close(both.host, both.files[i]));
        if (both.dirs[i].id >= 0) io_dir_close(both.host, both.dirs[i]);
        both.files[i] = WAL_FILE_NONE;
        both.dirs[i] = WAL_DIR_NONE;
    }
}

static inline const char *both_path(const char *path)
{
    static char paths[2][1024];
    static unsigned turn;
    char *real = paths[turn++ % 2];

    snprintf(real, sizeof paths[0], "%s/%s", both.path, path);
    return real;
}

static inline int both_remove(const char *path, const struct stat *status, int type,
                              struct FTW *where)
{
    (void)status, (void)type, (void)where;
    return remove(path);
}

/* The name of the same file that came before the i-th of its directory; NULL: there is none. */
static inline const char *both_first_name(struct disk *disk, int32_t dir, size_t i)
{
    disk_inode inode = -1, other;

    (void)disk_entry(disk, dir, i, &inode);
    for (size_t j = 0; j < i; j++) {
        const char *name = disk_entry(disk, dir, j, &other);
        if (other == inode) return name;
    }
    return NULL;
}

static inline void both_make_file(struct disk *disk, struct wal_dir real, const char *name,
                                  disk_inode inode)
{
    struct wal_file file = WAL_FILE_NONE;
    bool bad = false;
    size_t put = 0;

    assert_ok(io_open(both.host, real, name, WAL_OPEN_WRITE | WAL_OPEN_CREATE | WAL_OPEN_EXCLUSIVE,
                      &file, NULL));
    size_t len = disk_read(disk, inode, 0, both.bytes, BOTH_BYTES_MAX, &bad);
    assert_true(len < BOTH_BYTES_MAX && !bad);
    for (size_t done = 0; done < len; done += put) {
        assert_ok(io_pwrite(both.host, file, done, both.bytes + done, len - done, &put));
    }
    assert_ok(io_close(both.host, file));
}

static inline void both_make(struct disk *disk, const char *path)
{
    struct wal_dir real = WAL_DIR_NONE;
    char below[512];
    const char *name;
    disk_inode inode;
    int32_t dir;

    enum wal_err err = io_mkdir(both.host, both_path(path));
    assert_true(err == WAL_OK || err == WAL_EXISTS);
    assert_ok(io_dir_open(both.host, both_path(path), &real));
    assert_ok(disk_dir_find(disk, path, &dir));
    for (size_t i = 0; (name = disk_entry(disk, dir, i, &inode)) != NULL; i++) {
        const char *first = inode < 0 ? NULL : both_first_name(disk, dir, i);
        snprintf(below, sizeof below, "%s/%s", path, name);
        if (inode < 0) {
            both_make(disk, below);
        } else if (first != NULL) {
            assert_ok(io_link(both.host, real, first, name));
        } else {
            both_make_file(disk, real, name, inode);
        }
    }
    io_dir_close(both.host, real);
}

/* Directories that are in both may stay: they are dear to remove. */
static inline int both_clear(const char *path, const struct stat *status, int type,
                             struct FTW *where)
{
    const char *below = path + strlen(both.path);
    int32_t dir;

    (void)status, (void)where;
    if (type == FTW_DP && disk_dir_find(sim_disk(both.world), below, &dir) == WAL_OK) return 0;
    return remove(path);
}

/* The real directory becomes what the simulated disk is. */
static inline void both_follow(struct disk *disk)
{
    assert_int_equal(nftw(both.path, both_clear, 16, FTW_DEPTH | FTW_PHYS), 0);
    both_make(disk, "");
}

/* Does this call go to both? */
static inline bool both_ask(enum sim_call call)
{
    if (both.differed || sim_in_side_run(both.world)) return false;
    both.calls[call]++;
    return both.sabotage.call != call || both.calls[call] != both.sabotage.nth;
}

/* Before the call is made: is it the first of another process? */
static inline void both_enter(void)
{
    if (sim_in_side_run(both.world) || sim_instance(both.world) == both.instance) return;
    both_close_all();
    both.instance = sim_instance(both.world);
    if (both.powerless) both_follow(sim_disk(both.world));
    both.powerless = false;
}

/* True if both succeeded. */
static inline bool both_agree(const char *call, const char *about, enum wal_err err,
                              enum wal_err real)
{
    if (err != real) {
        both_differ("%s %s: %s in simulation, %s on the real disk", call, about, wal_err_name(err),
                    wal_err_name(real));
    }
    return err == WAL_OK && real == WAL_OK;
}

static inline void both_agree_on(const char *call, const char *what, uint64_t value, uint64_t real)
{
    if (value == real) return;
    both_differ("%s: %s %llu in simulation, %llu on the real disk", call, what,
                (unsigned long long)value, (unsigned long long)real);
}

static inline void both_agree_on_bytes(const char *call, const char *about, const uint8_t *bytes,
                                       const uint8_t *real, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] == real[i]) continue;
        both_differ("%s %s: byte %zu of %zu is %u in simulation, %u on the real disk", call, about,
                    i, len, bytes[i], real[i]);
        return;
    }
}

/* ---- Names ---- */

static enum wal_err both_mkdir(struct wal_io *io, const char *path)
{
    both_enter();
    enum wal_err err = both.honest->mkdir(io, path);
    if (both_ask(SIM_CALL_MKDIR)) {
        both_agree("mkdir", path, err, io_mkdir(both.host, both_path(path)));
    }
    return err;
}

static enum wal_err both_dir_open(struct wal_io *io, const char *path, struct wal_dir *ret_dir)
{
    struct wal_dir real = WAL_DIR_NONE;

    both_enter();
    enum wal_err err = both.honest->dir_open(io, path, ret_dir);
    if (!both_ask(SIM_CALL_DIR_OPEN)) return err;
    bool good = both_agree("dir_open", path, err, io_dir_open(both.host, both_path(path), &real));
    if (good) both.dirs[ret_dir->id] = real;
    return err;
}

static void both_dir_close(struct wal_io *io, struct wal_dir dir)
{
    both.honest->dir_close(io, dir);
    if (!both_ask(SIM_CALL_DIR_CLOSE)) return;
    io_dir_close(both.host, both.dirs[dir.id]);
    both.dirs[dir.id] = WAL_DIR_NONE;
}

static enum wal_err both_fsync_dir(struct wal_io *io, struct wal_dir dir)
{
    enum wal_err err = both.honest->fsync_dir(io, dir);

    if (both_ask(SIM_CALL_FSYNC_DIR) && both.syncs) {
        both_agree("fsync_dir", "", err, io_fsync_dir(both.host, both.dirs[dir.id]));
    }
    return err;
}

static inline int both_name_order(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names in alphabetic order, each with a blank behind it. */
static inline void both_sort(const char *names, size_t bytes, char *ret_text, size_t cap)
{
    static const char *sorted[BOTH_NAMES_MAX];
    size_t count = 0, used = 0;

    for (size_t at = 0; at < bytes; at += strlen(names + at) + 1) sorted[count++] = names + at;
    qsort(sorted, count, sizeof sorted[0], both_name_order);
    ret_text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        used += (size_t)snprintf(ret_text + used, cap - used, "%s ", sorted[i]);
        assert_true(used < cap);
    }
}

static enum wal_err both_list(struct wal_io *io, struct wal_dir dir, char **ret_names,
                              size_t *ret_bytes)
{
    static char text[16384], real_text[16384];
    enum wal_err err = both.honest->list(io, dir, ret_names, ret_bytes);
    char *names = NULL;
    size_t bytes = 0;

    if (!both_ask(SIM_CALL_LIST)) return err;
    enum wal_err real = io_list(both.host, both.dirs[dir.id], &names, &bytes);
    if (both_agree("list", "", err, real)) {
        both_sort(*ret_names, *ret_bytes, text, sizeof text);
        both_sort(names, bytes, real_text, sizeof real_text);
        if (strcmp(text, real_text) != 0) {
            both_differ("list: %.200s in simulation, %.200s on the real disk", text, real_text);
        }
    }
    if (real == WAL_OK) io_free(both.host, names, bytes);
    return err;
}

static enum wal_err both_rename(struct wal_io *io, struct wal_dir dir, const char *from,
                                const char *to)
{
    enum wal_err err = both.honest->rename(io, dir, from, to);

    if (both_ask(SIM_CALL_RENAME)) {
        both_agree("rename", from, err, io_rename(both.host, both.dirs[dir.id], from, to));
    }
    return err;
}

static enum wal_err both_link(struct wal_io *io, struct wal_dir dir, const char *from,
                              const char *to)
{
    enum wal_err err = both.honest->link(io, dir, from, to);

    if (both_ask(SIM_CALL_LINK)) {
        both_agree("link", from, err, io_link(both.host, both.dirs[dir.id], from, to));
    }
    return err;
}

static enum wal_err both_unlink(struct wal_io *io, struct wal_dir dir, const char *name)
{
    enum wal_err err = both.honest->unlink(io, dir, name);

    if (both_ask(SIM_CALL_UNLINK)) {
        both_agree("unlink", name, err, io_unlink(both.host, both.dirs[dir.id], name));
    }
    return err;
}

static enum wal_err both_open(struct wal_io *io, struct wal_dir dir, const char *name,
                              unsigned flags, struct wal_file *ret_file, uint32_t *ret_direct_align)
{
    struct wal_file real = WAL_FILE_NONE;

    assert_true((flags & (WAL_OPEN_DIRECT | WAL_OPEN_DSYNC)) == 0); /* No log of ours, so far. */
    enum wal_err err = both.honest->open(io, dir, name, flags, ret_file, ret_direct_align);
    if (!both_ask(SIM_CALL_OPEN)) return err;
    bool good = both_agree("open", name, err,
                           io_open(both.host, both.dirs[dir.id], name, flags, &real, NULL));
    if (good) both.files[ret_file->id] = real;
    return err;
}

/* ---- Files ---- */

static enum wal_err both_close(struct wal_io *io, struct wal_file file)
{
    enum wal_err err = both.honest->close(io, file);

    if (!both_ask(SIM_CALL_CLOSE)) return err;
    both_agree("close", "", err, io_close(both.host, both.files[file.id]));
    both.files[file.id] = WAL_FILE_NONE;
    return err;
}

static enum wal_err both_pread(struct wal_io *io, struct wal_file file, uint64_t offset,
                               void *buffer, size_t len, size_t *ret_len)
{
    enum wal_err err = both.honest->pread(io, file, offset, buffer, len, ret_len);
    size_t got = 0;

    if (!both_ask(SIM_CALL_PREAD)) return err;
    assert_true(len <= BOTH_BYTES_MAX);
    enum wal_err real = io_pread(both.host, both.files[file.id], offset, both.bytes, len, &got);
    if (both_agree("pread", "", err, real)) {
        both_agree_on("pread", "length", *ret_len, got);
        both_agree_on_bytes("pread", "", buffer, both.bytes, got < *ret_len ? got : *ret_len);
    }
    return err;
}

static enum wal_err both_pwrite(struct wal_io *io, struct wal_file file, uint64_t offset,
                                const void *buffer, size_t len, size_t *ret_len)
{
    enum wal_err err = both.honest->pwrite(io, file, offset, buffer, len, ret_len);
    size_t put = 0;

    if (!both_ask(SIM_CALL_PWRITE)) return err;
    enum wal_err real = io_pwrite(both.host, both.files[file.id], offset, buffer, len, &put);
    if (both_agree("pwrite", "", err, real)) both_agree_on("pwrite", "length", *ret_len, put);
    return err;
}

static enum wal_err both_fdatasync(struct wal_io *io, struct wal_file file)
{
    enum wal_err err = both.honest->fdatasync(io, file);

    if (both_ask(SIM_CALL_FDATASYNC) && both.syncs) {
        both_agree("fdatasync", "", err, io_fdatasync(both.host, both.files[file.id]));
    }
    return err;
}

static enum wal_err both_fsync(struct wal_io *io, struct wal_file file)
{
    enum wal_err err = both.honest->fsync(io, file);

    if (both_ask(SIM_CALL_FSYNC) && both.syncs) {
        both_agree("fsync", "", err, io_fsync(both.host, both.files[file.id]));
    }
    return err;
}

static enum wal_err both_ftruncate(struct wal_io *io, struct wal_file file, uint64_t size)
{
    enum wal_err err = both.honest->ftruncate(io, file, size);

    if (both_ask(SIM_CALL_FTRUNCATE)) {
        both_agree("ftruncate", "", err, io_ftruncate(both.host, both.files[file.id], size));
    }
    return err;
}

static enum wal_err both_fallocate(struct wal_io *io, struct wal_file file, uint64_t offset,
                                   uint64_t len, bool keep_size)
{
    enum wal_err err = both.honest->fallocate(io, file, offset, len, keep_size);

    if (both_ask(SIM_CALL_FALLOCATE)) {
        both_agree("fallocate", "", err,
                   io_fallocate(both.host, both.files[file.id], offset, len, keep_size));
    }
    return err;
}

static enum wal_err both_size(struct wal_io *io, struct wal_file file, uint64_t *ret_size)
{
    enum wal_err err = both.honest->size(io, file, ret_size);
    uint64_t size = 0;

    if (!both_ask(SIM_CALL_SIZE)) return err;
    if (both_agree("size", "", err, io_size(both.host, both.files[file.id], &size))) {
        both_agree_on("size", "bytes", *ret_size, size);
    }
    return err;
}

static enum wal_err both_map(struct wal_io *io, struct wal_file file, uint64_t offset, size_t len,
                             const uint8_t **ret_window)
{
    enum wal_err err = both.honest->map(io, file, offset, len, ret_window);
    const uint8_t *window = NULL;

    if (!both_ask(SIM_CALL_MAP)) return err;
    enum wal_err real = io_map(both.host, both.files[file.id], offset, len, &window);
    if (both_agree("map", "", err, real)) both_agree_on_bytes("map", "", *ret_window, window, len);
    if (real == WAL_OK) io_unmap(both.host, window, len);
    return err;
}

static enum wal_err both_lock(struct wal_io *io, struct wal_file file)
{
    enum wal_err err = both.honest->lock(io, file);

    if (both_ask(SIM_CALL_LOCK)) {
        both_agree("lock", "", err, io_lock(both.host, both.files[file.id]));
    }
    return err;
}

/* ---- The whole ---- */

/* From now on the world's processes ask both. */
static inline void both_begin(struct sim_world *world)
{
    const char *tmp = getenv("TMPDIR");

    memset(&both, 0, offsetof(struct both, bytes));
    both.world = world;
    assert_ok(wal_host_create(&both.host));
    for (int i = 0; i < BOTH_DESCRIPTORS; i++) {
        both.files[i] = WAL_FILE_NONE;
        both.dirs[i] = WAL_DIR_NONE;
    }
    snprintf(both.path, sizeof both.path, "%s/both_worlds.XXXXXX", tmp != NULL ? tmp : "/tmp");
    assert_non_null(mkdtemp(both.path));
    both.honest = sim_io(world)->ops;
    both.ops = *both.honest;
    both.ops.mkdir = both_mkdir;
    both.ops.dir_open = both_dir_open;
    both.ops.dir_close = both_dir_close;
    both.ops.fsync_dir = both_fsync_dir;
    both.ops.list = both_list;
    both.ops.rename = both_rename;
    both.ops.link = both_link;
    both.ops.unlink = both_unlink;
    both.ops.open = both_open;
    both.ops.close = both_close;
    both.ops.pread = both_pread;
    both.ops.pwrite = both_pwrite;
    both.ops.fdatasync = both_fdatasync;
    both.ops.fsync = both_fsync;
    both.ops.ftruncate = both_ftruncate;
    both.ops.fallocate = both_fallocate;
    both.ops.size = both_size;
    both.ops.map = both_map;
    both.ops.lock = both_lock;
    sim_io(world)->ops = &both.ops;
}

static inline void both_compare_file(struct disk *disk, struct wal_dir dir, const char *name,
                                     disk_inode inode)
{
    struct wal_file file = WAL_FILE_NONE;
    size_t len = 0, got = 0;
    bool bad = false;

    enum wal_err err = io_open(both.host, dir, name, 0, &file, NULL);
    if (err != WAL_OK) {
        both_differ("%s at the end: %s on the real disk", name, wal_err_name(err));
        return;
    }
    do {
        size_t room = BOTH_BYTES_MAX - len;
        assert_ok(io_pread(both.host, file, len, both.bytes + len, room, &got));
        len += got;
    } while (got > 0 && len < BOTH_BYTES_MAX);
    assert_true(len < BOTH_BYTES_MAX);
    both_agree_on(name, "bytes at the end", disk_size(disk, inode), len);
    size_t simulated = disk_read(disk, inode, 0, both.others, BOTH_BYTES_MAX, &bad);
    if (simulated == len) both_agree_on_bytes("at the end", name, both.others, both.bytes, len);
    assert_ok(io_close(both.host, file));
}

/* All names below a path, with sizes and bytes. Returns how many files there are. */
static inline size_t both_compare(struct disk *disk, const char *path)
{
    struct wal_dir real = WAL_DIR_NONE;
    size_t count = 0, files = 0, bytes = 0, real_count = 0;
    char *names = NULL, below[512];
    const char *name;
    disk_inode inode;
    int32_t dir;

    assert_ok(disk_dir_find(disk, path, &dir));
    enum wal_err err = io_dir_open(both.host, both_path(path), &real);
    if (err != WAL_OK) {
        both_differ("%s at the end: %s on the real disk", path, wal_err_name(err));
        return 0;
    }
    for (; (name = disk_entry(disk, dir, count, &inode)) != NULL; count++) {
        snprintf(below, sizeof below, "%s/%s", path, name);
        if (inode < 0) files += both_compare(disk, below);
        if (inode >= 0) both_compare_file(disk, real, name, inode);
        files += inode >= 0;
    }
    assert_ok(io_list(both.host, real, &names, &bytes));
    for (size_t at = 0; at < bytes; at += strlen(names + at) + 1) real_count++;
    both_agree_on(path, "names at the end", count, real_count);
    io_free(both.host, names, bytes);
    io_dir_close(both.host, real);
    return files;
}

static inline void both_end(void)
{
    both_close_all();
    sim_io(both.world)->ops = both.honest;
    wal_host_destroy(both.host);
    assert_int_equal(nftw(both.path, both_remove, 16, FTW_DEPTH | FTW_PHYS), 0);
}

#endif
