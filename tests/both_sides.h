/*
 * both_sides.h - the two sides of both_worlds.h: which file is which, and who disagrees.
 *
 * A write that is its own sync is in the simulated cache long before it returns, and others see it
 * there. So it is put down before it is made, and goes to the real directory as soon as the cache
 * has it, before anybody else asks for something.
 */
#ifndef TESTS_BOTH_SIDES_H
#define TESTS_BOTH_SIDES_H

#include <ftw.h>
#include <stdlib.h>

#include "sim/door.h"
#include "tests/sim_machine.h"
#include "wal/host/host.h"

enum {
    BOTH_DESCRIPTORS = 256,
    BOTH_BYTES_MAX = 1 << 20,
    BOTH_NAMES_MAX = 512,
    BOTH_FLIGHTS = 4,
    BOTH_FLIGHT_BYTES = 65536,
};

/* What the real side does wrong on purpose, at the how-manieth such call. */
struct sabotage {
    enum sim_call call;
    uint64_t nth; /* From 1 on; 0: never. */
};

/* A write that is its own sync, from before it is made to when it returns. */
struct both_flight {
    _Alignas(4096) uint8_t bytes[BOTH_FLIGHT_BYTES];
    bool used;
    disk_inode inode;
    struct wal_file real;
    uint64_t offset;
    size_t len;
    size_t landed; /* So much of it was written to the real disk. */
};

struct both {
    struct sim_world *world;
    const struct wal_io_ops *honest;
    struct wal_io_ops ops;
    struct wal_io *host;
    char path[256];
    struct wal_file files[BOTH_DESCRIPTORS]; /* By the simulated number. */
    struct wal_dir dirs[BOTH_DESCRIPTORS];
    bool waits[BOTH_DESCRIPTORS]; /* Its writes are their own syncs. */
    uint32_t instance;
    bool syncs;     /* Also bother the real disk with syncs, and writes that are their own. */
    bool powerless; /* Power was lost, and no process has begun since. */
    bool differed;  /* `difference` says how. */
    char difference[512];
    uint64_t calls[SIM_CALL_COUNT]; /* Made on both sides. */
    uint64_t direct, not_direct;    /* Direct files; those that the real directory refused. */
    uint64_t dsync;                 /* Files whose writes the real disk syncs. */
    struct sabotage sabotage;
    _Alignas(4096) uint8_t bytes[BOTH_BYTES_MAX]; /* Direct reads go there. */
    uint8_t others[BOTH_BYTES_MAX];
};

static struct both both;
static struct both_flight both_flights[BOTH_FLIGHTS];

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

/* What of the writes on their way has arrived in the simulated cache arrives on the real disk. */
static inline void both_land(void)
{
    struct disk *disk = sim_disk(both.world);

    for (size_t i = 0; i < BOTH_FLIGHTS; i++) {
        struct both_flight *flight = &both_flights[i];
        size_t same = 0, put = 0;
        bool bad = false;
        if (!flight->used || flight->landed == flight->len) continue;
        size_t len = disk_read(disk, flight->inode, flight->offset, both.others, flight->len, &bad);
        while (same < len && both.others[same] == flight->bytes[same]) same++;
        /* Half a sector may be there by chance, and nothing shorter is written. */
        same -= same % DISK_SECTOR_BYTES;
        if (same <= flight->landed) continue;
        assert_ok(io_pwrite(both.host, flight->real, flight->offset, flight->bytes, same, &put));
        flight->landed = put;
    }
}

/* Does this call go to both? */
static inline bool both_ask(enum sim_call call)
{
    if (both.differed || sim_in_side_run(both.world)) return false;
    both_land();
    both.calls[call]++;
    return both.sabotage.call != call || both.calls[call] != both.sabotage.nth;
}

/* Before the call is made: is it the first of another process? */
static inline void both_enter(void)
{
    if (sim_in_side_run(both.world) || sim_instance(both.world) == both.instance) return;
    if (!both.powerless) both_land();
    for (size_t i = 0; i < BOTH_FLIGHTS; i++) both_flights[i].used = false;
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

#endif
