/*
 * bench_world.c - the real world with counters in front, clocks, and a place for files.
 */
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cmd/squall.h"
#include "tests/bench/bench_log.h"
#include "wal/host/host.h"

void bench_die(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fputs("bench_log: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(SQUALL_BROKEN);
}

void bench_check(enum wal_err err, const char *what)
{
    if (err) bench_die("%s: %s", what, wal_err_text(err));
}

/* ---- Counting ---- */

static struct bench_world *world_of(struct wal_io *io)
{
    return (struct bench_world *)io;
}

static enum wal_err counting_pread(struct wal_io *io, struct wal_file file, uint64_t offset,
                                   void *buffer, size_t len, size_t *ret_len)
{
    struct bench_world *world = world_of(io);

    enum wal_err err = world->host->ops->pread(io, file, offset, buffer, len, ret_len);
    atomic_fetch_add(&world->reads, 1);
    if (err == WAL_OK) atomic_fetch_add(&world->bytes_read, *ret_len);
    return err;
}

static enum wal_err counting_fdatasync(struct wal_io *io, struct wal_file file)
{
    atomic_fetch_add(&world_of(io)->syncs, 1);
    return world_of(io)->host->ops->fdatasync(io, file);
}

static void count_memory(struct bench_world *world, size_t size)
{
    uint64_t memory = atomic_fetch_add(&world->memory, size) + size;
    uint64_t most = atomic_load(&world->memory_most);

    while (memory > most && !atomic_compare_exchange_weak(&world->memory_most, &most, memory)) {
        continue;
    }
}

static void *counting_alloc(struct wal_io *io, size_t size)
{
    void *memory = world_of(io)->host->ops->alloc(io, size);

    if (memory != NULL) count_memory(world_of(io), size);
    return memory;
}

static void counting_free(struct wal_io *io, void *memory, size_t size)
{
    atomic_fetch_sub(&world_of(io)->memory, size);
    world_of(io)->host->ops->free(io, memory, size);
}

void bench_world_init(struct bench_world *world)
{
    memset(world, 0, sizeof *world);
    bench_check(wal_host_create(&world->host), "the world");
    world->ops = *world->host->ops;
    world->ops.pread = counting_pread;
    world->ops.fdatasync = counting_fdatasync;
    world->ops.alloc = counting_alloc;
    world->ops.free = counting_free;
    world->io = (struct wal_io){.ops = &world->ops};
}

void bench_world_end(struct bench_world *world)
{
    if (atomic_load(&world->memory) != 0) bench_die("the log kept memory");
    wal_host_destroy(world->host);
}

/* ---- Time ---- */

uint64_t bench_now_ns(void)
{
    return squall_now_ns();
}

static uint64_t timeval_ns(struct timeval time)
{
    return (uint64_t)time.tv_sec * BENCH_NS_PER_S + (uint64_t)time.tv_usec * 1000;
}

uint64_t bench_cpu_ns(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return timeval_ns(usage.ru_utime) + timeval_ns(usage.ru_stime);
}

void bench_sleep(uint64_t ns)
{
    struct timespec left = {(time_t)(ns / BENCH_NS_PER_S), (long)(ns % BENCH_NS_PER_S)};

    while (nanosleep(&left, &left) != 0 && errno == EINTR) continue;
}

/* ---- Files ---- */

char *bench_path(const struct bench_setup *setup, const char *name)
{
    return squall_path("%s/%s", setup->dir, name);
}

bool bench_try_remove(const char *path)
{
    struct dirent *entry;
    DIR *dir = opendir(path);

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        char *inner = squall_path("%s/%s", path, entry->d_name);
        (void)bench_try_remove(inner);
        free(inner);
    }
    if (dir != NULL) closedir(dir);
    return remove(path) == 0 || errno == ENOENT;
}

void bench_remove(const char *path)
{
    if (!bench_try_remove(path)) bench_die("%s cannot be removed", path);
}

struct wal_options bench_options(void)
{
    struct wal_options options = wal_options_default();

    options.create = true;
    options.sync_policy = WAL_SYNC_EVERY_GROUP;
    return options;
}

static const struct {
    const char *name;
    enum wal_io_mode io_mode;
} modes[BENCH_MODES] = {
    [BENCH_PLAIN] = {"plain", WAL_IO_BUFFERED},
    [BENCH_BUFFERED] = {"buffered", WAL_IO_BUFFERED},
    [BENCH_DIRECT] = {"direct", WAL_IO_DIRECT},
    [BENCH_DSYNC] = {"dsync", WAL_IO_DSYNC},
};

const char *bench_mode_name(enum bench_mode mode)
{
    return modes[mode].name;
}

void bench_mode_apply(enum bench_mode mode, struct wal_options *options)
{
    options->preallocate = mode != BENCH_PLAIN;
    options->io_mode = modes[mode].io_mode;
}
