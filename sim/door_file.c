/*
 * door_file.c - the calls on files, and syncs.
 *
 * A sync takes time while others run: it covers what was written before it began. A direct call
 * that is misaligned ends the process, since it is never to be issued.
 */
#include <string.h>

#include "sim/door.h"

enum { INODE_SHIFT = 40, PAGE_BYTES = 4096 };

/* A file and a length in one word of the trace. */
static uint64_t traced(const struct descriptor *file, uint64_t len)
{
    return (uint64_t)(file->target + 1) << INODE_SHIFT | len;
}

static enum wal_err enter(struct sim_world *world, enum sim_call call,
                          const struct descriptor *file, uint64_t offset, size_t len,
                          struct passage *passage)
{
    door_enter_at(world, call, file->kind == DESCRIPTOR_FILE ? file->target : -1, file->name,
                  passage);
    if (!door_struck_at(world, call)) return WAL_OK;
    door_strike(world, call, file, offset, len, passage);
    return passage->outcome->err;
}

static void must_be_aligned(struct sim_world *world, enum sim_call call,
                            const struct descriptor *file, uint64_t offset, const void *buffer,
                            size_t len)
{
    if (file->align == 1) return;
    if ((offset | (uintptr_t)buffer | len) % file->align != 0)
        world_stop(world, SIM_STOP_MISALIGNED, call);
}

/* What a fault leaves of a length. */
static size_t shortened(const struct sim_outcome *outcome, size_t len)
{
    return outcome->len_max == 0 ? len : outcome->len_max;
}

static enum wal_err door_close(struct wal_io *io, struct wal_file id)
{
    struct sim_world *world = world_of(io);
    struct descriptor *file = descriptor_file(world, id);
    struct passage passage;

    enum wal_err err = enter(world, SIM_CALL_CLOSE, file, 0, 0, &passage);
    disk_inode inode = file->target;
    if (file->locked) disk_unlock(world->disk, inode);
    disk_release(world->disk, inode);
    file->kind = DESCRIPTOR_FREE;
    door_leave(world, SIM_CALL_CLOSE, &passage, err, (uint64_t)id.id, traced(file, 0), 0);
    return err;
}

/* ---- Reading ---- */

static void flip(const struct sim_outcome *outcome, void *buffer, size_t len)
{
    if (outcome->flip_bit == 0 || len == 0) return;
    uint64_t bit = (outcome->flip_bit - 1) % ((uint64_t)len * 8);
    ((unsigned char *)buffer)[bit / 8] ^= (unsigned char)(1U << bit % 8);
}

static enum wal_err door_pread(struct wal_io *io, struct wal_file id, uint64_t offset, void *buffer,
                               size_t len, size_t *ret_len)
{
    struct sim_world *world = world_of(io);
    const struct descriptor *file = descriptor_file(world, id);
    struct passage passage;
    size_t taken = 0;

    enum wal_err err = enter(world, SIM_CALL_PREAD, file, offset, len, &passage);
    must_be_aligned(world, SIM_CALL_PREAD, file, offset, buffer, len);
    if (err == WAL_OK) {
        bool bad = false;
        taken = disk_read(world->disk, file->target, offset, buffer,
                          shortened(passage.outcome, len), &bad);
        flip(passage.outcome, buffer, taken);
        if (bad) err = WAL_IO;
    }
    if (err == WAL_OK) *ret_len = taken;
    door_leave(world, SIM_CALL_PREAD, &passage, err, offset, traced(file, taken),
               world->side || taken == 0 ? 0 : trace_hash_ends(buffer, taken));
    return err;
}

static enum wal_err door_size(struct wal_io *io, struct wal_file id, uint64_t *ret_size)
{
    struct sim_world *world = world_of(io);
    const struct descriptor *file = descriptor_file(world, id);
    struct passage passage;
    uint64_t size = 0;

    enum wal_err err = enter(world, SIM_CALL_SIZE, file, 0, 0, &passage);
    if (err == WAL_OK) *ret_size = size = disk_size(world->disk, file->target);
    door_leave(world, SIM_CALL_SIZE, &passage, err, size, traced(file, 0), 0);
    return err;
}

static enum wal_err window_of(struct sim_world *world, const struct descriptor *file,
                              uint64_t offset, size_t len, uint8_t **ret_window)
{
    uint64_t size = disk_size(world->disk, file->target);
    uint64_t end = (size + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    bool bad = false;

    if (offset > end || len > end - offset) return WAL_INVALID;
    uint8_t *window = door_alloc(world, SIM_CALL_MAP, len);
    if (window == NULL) return WAL_NOMEM;
    size_t got = disk_read(world->disk, file->target, offset, window, len, &bad);
    if (bad) {
        memory_free(world->process->memory, window, len);
        return WAL_IO;
    }
    memset(window + got, 0, len - got); /* The rest of the last page. */
    *ret_window = window;
    return WAL_OK;
}

/* A copy: what is written later does not show in it. A log maps only what will not change. */
static enum wal_err door_map(struct wal_io *io, struct wal_file id, uint64_t offset, size_t len,
                             const uint8_t **ret_window)
{
    struct sim_world *world = world_of(io);
    const struct descriptor *file = descriptor_file(world, id);
    struct passage passage;
    uint8_t *window = NULL;

    enum wal_err err = enter(world, SIM_CALL_MAP, file, offset, len, &passage);
    if (err == WAL_OK) err = window_of(world, file, offset, len, &window);
    if (err == WAL_OK) {
        flip(passage.outcome, window, len);
        *ret_window = window;
    }
    door_leave(world, SIM_CALL_MAP, &passage, err, offset, traced(file, len),
               err != WAL_OK || world->side ? 0 : trace_hash_ends(window, len));
    return err;
}

static void door_unmap(struct wal_io *io, const uint8_t *window, size_t len)
{
    struct sim_world *world = world_of(io);
    struct passage passage;
    void *memory;

    door_enter(world, SIM_CALL_UNMAP, &passage);
    memcpy(&memory, &window, sizeof memory); /* It was ours before it was const. */
    memory_free(world->process->memory, memory, len);
    door_leave(world, SIM_CALL_UNMAP, &passage, WAL_OK, 0, len, 0);
}

/* ---- Syncs ---- */

static uint32_t choose_synced(void *context, enum disk_question question, uint32_t bound)
{
    return sim_decide(context, SIM_STREAM_IMAGE, SIM_KIND_IMAGE + (unsigned)question,
                      SIM_CALL_HARNESS, bound);
}

static struct disk_chooser synced_chooser(struct sim_world *world)
{
    return (struct disk_chooser){
        .choose = choose_synced, .context = world, .modes = world->options.image_modes};
}

/* The second half of a sync, when its time has passed. */
static enum wal_err sync_finish(struct sim_world *world, struct descriptor *file, uint64_t ticket,
                                const struct sim_outcome *outcome)
{
    struct disk *disk = world->disk;

    if (outcome->fsync_fails) {
        const struct disk_chooser chooser = synced_chooser(world);
        enum wal_err err =
            disk_sync_fail(disk, file->target, ticket, outcome->fsync_failure, &chooser);
        if (err == WAL_OK) return WAL_OK;
        (void)disk_error_heard(disk, file->target, &file->errors_heard); /* It is being told. */
        return outcome->fsync_err != WAL_OK ? outcome->fsync_err : err;
    }
    disk_sync_end(disk, file->target, ticket);
    return disk_error_heard(disk, file->target, &file->errors_heard) ? WAL_IO : WAL_OK;
}

static enum wal_err sync_file(struct sim_world *world, enum sim_call call, struct descriptor *file,
                              const struct passage *passage)
{
    if (passage->outcome->fsync_lies) {
        scheduler_pass(world, call, world->options.fsync_ns);
        if (passage->crash == DOOR_CRASH_INSIDE) door_die(world, call, passage);
        return WAL_OK;
    }
    uint64_t ticket = disk_sync_begin(world->disk, file->target);
    scheduler_pass(world, call, world->options.fsync_ns);
    if (passage->crash == DOOR_CRASH_INSIDE) door_die(world, call, passage);
    return sync_finish(world, file, ticket, passage->outcome);
}

static enum wal_err door_sync(struct wal_io *io, enum sim_call call, struct wal_file id)
{
    struct sim_world *world = world_of(io);
    struct descriptor *file = descriptor_file(world, id);
    struct passage passage;

    enum wal_err err = enter(world, call, file, 0, 0, &passage);
    if (err == WAL_OK) err = sync_file(world, call, file, &passage);
    door_leave(world, call, &passage, err, 0, traced(file, 0), 0);
    return err;
}

static enum wal_err door_fdatasync(struct wal_io *io, struct wal_file file)
{
    return door_sync(io, SIM_CALL_FDATASYNC, file);
}

static enum wal_err door_fsync(struct wal_io *io, struct wal_file file)
{
    return door_sync(io, SIM_CALL_FSYNC, file);
}

/* One that fails makes nothing durable, and what it would have covered no later one does. */
static enum wal_err door_fsync_dir(struct wal_io *io, struct wal_dir id)
{
    struct sim_world *world = world_of(io);
    const struct descriptor *dir = descriptor_dir(world, id);
    struct passage passage;

    enum wal_err err = enter(world, SIM_CALL_FSYNC_DIR, dir, 0, 0, &passage);
    if (err == WAL_OK) {
        uint64_t ticket = disk_sync_dir_begin(world->disk, dir->target);
        scheduler_pass(world, SIM_CALL_FSYNC_DIR, world->options.fsync_ns);
        if (passage.crash == DOOR_CRASH_INSIDE) door_die(world, SIM_CALL_FSYNC_DIR, &passage);
        if (passage.outcome->fsync_fails) {
            disk_sync_dir_fail(world->disk, dir->target, ticket);
            err = passage.outcome->fsync_err != WAL_OK ? passage.outcome->fsync_err : WAL_IO;
        } else if (!passage.outcome->fsync_lies) {
            disk_sync_dir_end(world->disk, dir->target, ticket);
        }
    }
    door_leave(world, SIM_CALL_FSYNC_DIR, &passage, err, (uint64_t)dir->target, 0, 0);
    return err;
}

/* ---- Writing ---- */

/* How much of a write was done when the machine died inside it. */
static size_t written_inside(const struct descriptor *file, size_t len)
{
    size_t half = len / 2;
    size_t unit = file->align > 1 ? file->align : DISK_SECTOR_BYTES;

    if (half >= unit) return half - half % unit;
    return file->align > 1 ? 0 : half;
}

/* The write is in the cache; bring it through if the file wants that. */
static enum wal_err write_through(struct sim_world *world, struct descriptor *file, uint64_t offset,
                                  size_t len, const struct sim_outcome *outcome)
{
    if (!(file->flags & WAL_OPEN_DSYNC)) return WAL_OK;
    uint64_t ticket = outcome->fsync_fails ? disk_sync_begin(world->disk, file->target) : 0;
    scheduler_pass(world, SIM_CALL_PWRITE, world->options.fsync_ns);
    if (outcome->fsync_fails) return sync_finish(world, file, ticket, outcome);
    if (outcome->fsync_lies) return WAL_OK;
    disk_write_through(world->disk, file->target, offset, len);
    return disk_error_heard(world->disk, file->target, &file->errors_heard) ? WAL_IO : WAL_OK;
}

static enum wal_err door_pwrite(struct wal_io *io, struct wal_file id, uint64_t offset,
                                const void *buffer, size_t len, size_t *ret_len)
{
    struct sim_world *world = world_of(io);
    struct descriptor *file = descriptor_file(world, id);
    struct passage passage;
    size_t written = 0;

    enum wal_err err = enter(world, SIM_CALL_PWRITE, file, offset, len, &passage);
    assert(file->flags & WAL_OPEN_WRITE);
    must_be_aligned(world, SIM_CALL_PWRITE, file, offset, buffer, len);
    size_t wanted = shortened(passage.outcome, len);
    if (passage.crash == DOOR_CRASH_INSIDE) wanted = written_inside(file, wanted);
    if (wanted > 0 && (err == WAL_OK || passage.outcome->some_written)) {
        bool full = false;
        written = disk_write(world->disk, file->target, offset, buffer, wanted, &full);
        if (err == WAL_OK && full && written == 0) err = WAL_NOSPACE;
        if (passage.outcome->writeback_fails && file->align == 1) {
            const struct disk_chooser chooser = synced_chooser(world);
            disk_writeback_fail(world->disk, file->target, &chooser);
        }
    }
    if (passage.crash == DOOR_CRASH_INSIDE) door_die(world, SIM_CALL_PWRITE, &passage);
    if (err == WAL_OK) err = write_through(world, file, offset, written, passage.outcome);
    if (err == WAL_OK) *ret_len = written;
    door_leave(world, SIM_CALL_PWRITE, &passage, err, offset, traced(file, written),
               world->side || written == 0 ? 0 : trace_hash(buffer, written));
    return err;
}

static enum wal_err door_ftruncate(struct wal_io *io, struct wal_file id, uint64_t size)
{
    struct sim_world *world = world_of(io);
    const struct descriptor *file = descriptor_file(world, id);
    struct passage passage;

    enum wal_err err = enter(world, SIM_CALL_FTRUNCATE, file, size, 0, &passage);
    assert(file->flags & WAL_OPEN_WRITE);
    if (err == WAL_OK) err = disk_truncate(world->disk, file->target, size);
    door_leave(world, SIM_CALL_FTRUNCATE, &passage, err, size, traced(file, 0), 0);
    return err;
}

static enum wal_err door_fallocate(struct wal_io *io, struct wal_file id, uint64_t offset,
                                   uint64_t len, bool keep_size)
{
    struct sim_world *world = world_of(io);
    const struct descriptor *file = descriptor_file(world, id);
    struct passage passage;

    enum wal_err err = enter(world, SIM_CALL_FALLOCATE, file, offset, len, &passage);
    assert(file->flags & WAL_OPEN_WRITE);
    if (err == WAL_OK) err = disk_allocate(world->disk, file->target, offset, len, keep_size);
    door_leave(world, SIM_CALL_FALLOCATE, &passage, err, offset, traced(file, len), keep_size);
    return err;
}

static enum wal_err door_lock(struct wal_io *io, struct wal_file id)
{
    struct sim_world *world = world_of(io);
    struct descriptor *file = descriptor_file(world, id);
    struct passage passage;

    enum wal_err err = enter(world, SIM_CALL_LOCK, file, 0, 0, &passage);
    if (err == WAL_OK && !file->locked) {
        file->locked = disk_lock(world->disk, file->target);
        if (!file->locked) err = WAL_LOCKED;
    }
    door_leave(world, SIM_CALL_LOCK, &passage, err, 0, traced(file, 0), 0);
    return err;
}

void door_fill_file_ops(struct wal_io_ops *ops)
{
    ops->close = door_close;
    ops->pread = door_pread;
    ops->pwrite = door_pwrite;
    ops->fdatasync = door_fdatasync;
    ops->fsync = door_fsync;
    ops->fsync_dir = door_fsync_dir;
    ops->ftruncate = door_ftruncate;
    ops->fallocate = door_fallocate;
    ops->size = door_size;
    ops->map = door_map;
    ops->unmap = door_unmap;
    ops->lock = door_lock;
}
