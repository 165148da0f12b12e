/*
 * both_worlds.h - what a process asks of the simulated file system is asked of a real one too.
 *
 * The calls on files of a world are replaced by ones that go to both: first to the simulated one,
 * whose answer the process gets, then, before anybody else can run, to a real directory. Answers
 * must agree: errors, counts, bytes, sizes, names. The first that do not are put down. Processes on
 * the side are left alone. Where power was lost no real disk can follow, so it is given what the
 * simulated one holds when the next process begins, and the two go on from there.
 *
 * A direct file is direct on both sides, with the log's own buffers, unless the real directory
 * refuses that or demands more of them than the simulated disk: then it is buffered there, which
 * leaves the same bytes, and counted.
 */
#ifndef TESTS_BOTH_WORLDS_H
#define TESTS_BOTH_WORLDS_H

#include "tests/both_sides.h"

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

/* `align`: what the simulated file demands of direct calls. */
static inline enum wal_err both_open_real(struct wal_dir dir, const char *name, unsigned flags,
                                          uint32_t align, struct wal_file *ret_file)
{
    unsigned real_flags = both.syncs ? flags : flags & ~(unsigned)WAL_OPEN_DSYNC;
    uint32_t real_align = 1;

    both.direct += (flags & WAL_OPEN_DIRECT) != 0;
    enum wal_err err = io_open(both.host, dir, name, real_flags, ret_file, &real_align);
    if (err == WAL_OK && real_align > align) {
        assert_ok(io_close(both.host, *ret_file));
        *ret_file = WAL_FILE_NONE;
        err = WAL_NODIRECT;
    }
    if (err == WAL_NODIRECT) {
        both.not_direct++;
        /* A file that was to be made may be there now. */
        real_flags &= ~(unsigned)(WAL_OPEN_DIRECT | WAL_OPEN_EXCLUSIVE);
        err = io_open(both.host, dir, name, real_flags, ret_file, NULL);
    }
    both.dsync += err == WAL_OK && (real_flags & WAL_OPEN_DSYNC) != 0;
    return err;
}

static enum wal_err both_open(struct wal_io *io, struct wal_dir dir, const char *name,
                              unsigned flags, struct wal_file *ret_file, uint32_t *ret_direct_align)
{
    struct wal_file real = WAL_FILE_NONE;
    uint32_t align = 1;

    enum wal_err err = both.honest->open(io, dir, name, flags, ret_file, &align);
    if (err == WAL_OK && ret_direct_align != NULL) *ret_direct_align = align;
    if (!both_ask(SIM_CALL_OPEN)) return err;
    bool good =
        both_agree("open", name, err, both_open_real(both.dirs[dir.id], name, flags, align, &real));
    if (!good) return err;
    both.files[ret_file->id] = real;
    both.waits[ret_file->id] = (flags & WAL_OPEN_DSYNC) != 0;
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

static inline struct both_flight *both_take_off(struct wal_file file, uint64_t offset,
                                                const void *buffer, size_t len)
{
    struct both_flight *flight = both_flights;

    if (!both.waits[file.id] || both.differed || sim_in_side_run(both.world)) return NULL;
    while (flight->used) flight++;
    assert_true(flight < both_flights + BOTH_FLIGHTS && len <= BOTH_FLIGHT_BYTES);
    flight->used = true;
    flight->inode = descriptor_file(both.world, file)->target;
    flight->real = both.files[file.id];
    flight->offset = offset;
    flight->len = len;
    flight->landed = 0;
    memcpy(flight->bytes, buffer, len);
    return flight;
}

static enum wal_err both_pwrite(struct wal_io *io, struct wal_file file, uint64_t offset,
                                const void *buffer, size_t len, size_t *ret_len)
{
    struct both_flight *flight = both_take_off(file, offset, buffer, len);
    enum wal_err err = both.honest->pwrite(io, file, offset, buffer, len, ret_len), real = WAL_OK;
    size_t put = flight != NULL ? flight->landed : 0;

    if (flight != NULL) flight->used = false;
    if (!both_ask(SIM_CALL_PWRITE)) return err;
    if (put == 0) {
        real = io_pwrite(both.host, both.files[file.id], offset, buffer, len, &put);
    }
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
    for (size_t i = 0; i < BOTH_FLIGHTS; i++) both_flights[i].used = false;
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

    both_land();
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
