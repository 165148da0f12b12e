/*
 * io.h - the door: everything the library asks of the outside world.
 *
 * The library makes no system call of its own; it calls through this table. Two worlds stand
 * behind it: wal/host/ (POSIX) and sim/ (simulated). What the simulator cannot see it cannot
 * break, so whatever is missing here the library may not use. The library never learns which of
 * the two it is in.
 *
 * The semantics are POSIX's, warts included, because the warts are what is tested. Every call may
 * block. The library calls the io_ wrappers below, never the table: the wrappers hold both sides
 * to the contract with assertions.
 *
 * WHAT A CALL PROMISES IF POWER IS LOST RIGHT AFTER IT RETURNED WAL_OK
 *
 *     pwrite        nothing: any subset of its sectors may be on disk, each whole or, on a bad
 *                   disk, torn; the file may have grown over sectors that never arrived. With
 *                   WAL_OPEN_DSYNC: the bytes of this call, and the size needed to read them.
 *     fdatasync     every byte whose pwrite had returned before fdatasync began, and the size
 *                   needed to read them. Not the file's name. Not writes that ran beside it.
 *     fsync         the same, and all of the size and metadata. Not the file's name.
 *     fsync_dir     every create, rename, link and unlink in this directory that had returned
 *                   before it began. Not the files' bytes.
 *     open+CREATE   nothing: the name may be gone.
 *     rename        nothing: the old name, the new one or (until fsync_dir) both may be there;
 *                   on file systems that keep their word, never neither.
 *     link, unlink  nothing: may be undone.
 *     ftruncate     nothing: the cut bytes may be back. fsync makes it durable.
 *     fallocate     nothing: the space may be gone again; what it added reads as zeros.
 *     mkdir         nothing, until the parent directory is synced.
 *     close         nothing at all. It flushes nothing.
 *
 * AFTER fsync, fdatasync OR fsync_dir FAILED the promise is: nothing, ever again, about bytes (or
 * names) written since the last one that succeeded. The pages may be clean and show the new bytes
 * while the disk holds the old ones, the next fsync may succeed and prove nothing; or cache and
 * size may have fallen back to the old state.
 *
 * AFTER A PROCESS DIES BUT THE MACHINE LIVES, a new process reads everything that was written, also
 * what never became durable.
 */
#ifndef WAL_IO_H
#define WAL_IO_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "wal/err.h"

#ifdef __cplusplus
extern "C" {
#endif

struct wal_io;

/* Structs, not ints, so that a descriptor cannot be passed for a length. */
struct wal_file {
    int32_t id;
};
struct wal_dir {
    int32_t id;
};
#define WAL_FILE_NONE ((struct wal_file){-1})
#define WAL_DIR_NONE ((struct wal_dir){-1})

enum {
    WAL_NAME_MAX = 255, /* Bytes of a name in a directory, without the terminator. */

    WAL_OPEN_WRITE = 1 << 0,     /* For reading and writing; without it for reading only. */
    WAL_OPEN_CREATE = 1 << 1,    /* Make the file if it is absent. Demands WAL_OPEN_WRITE. */
    WAL_OPEN_EXCLUSIVE = 1 << 2, /* With CREATE: WAL_EXISTS if it is there. */
    WAL_OPEN_DIRECT = 1 << 3,    /* Bypass the page cache; WAL_NODIRECT if the file cannot. */
    WAL_OPEN_DSYNC = 1 << 4,     /* Each pwrite returns when its bytes are durable. */
};

/* Opaque; each world has its own. */
struct wal_task;
struct wal_mutex;
struct wal_cond;
struct wal_cancel;

#define WAL_NO_DEADLINE UINT64_MAX

/* Milestones in the library's life, for the harness's tables of what was reached. */
#define WAL_NOTE_MAP(X)                                                         \
    X(WAL_NOTE_LOG_CREATED, "a log was created")                                \
    X(WAL_NOTE_CREATE_RESUMED, "an interrupted creation was begun again")       \
    X(WAL_NOTE_OPEN_CLEAN, "opened after a clean close, in the same segment")   \
    X(WAL_NOTE_OPEN_UNCLEAN, "opened after a crash, in a fresh segment")        \
    X(WAL_NOTE_TAIL_CUT, "a torn tail was cut")                                 \
    X(WAL_NOTE_TAIL_COPIED, "records above the witnesses were copied forward")  \
    X(WAL_NOTE_RESYNC_WITNESS, "a witness was found beyond a break")            \
    X(WAL_NOTE_MARK_SLOT_BAD, "one slot of the mark was unreadable")            \
    X(WAL_NOTE_ROTATED, "a segment was sealed and its successor begun")         \
    X(WAL_NOTE_GROUP_OF_MANY, "a commit group held several appends")            \
    X(WAL_NOTE_QUEUE_FULL, "an append waited for room in the queue")            \
    X(WAL_NOTE_SHORT_WRITE, "a short write was continued")                      \
    X(WAL_NOTE_ROLLED_BACK, "a group failed and was rolled back")               \
    X(WAL_NOTE_POISONED, "the log was poisoned")                                \
    X(WAL_NOTE_MARK_IDLE_SYNC, "the mark was synced because the log was idle")  \
    X(WAL_NOTE_LEFTOVER_REMOVED, "an unfinished file was removed at open")      \
    X(WAL_NOTE_REPAIRED, "a damaged log was repaired")                          \
    X(WAL_NOTE_SEGMENT_READY, "the next segment was ready when needed")         \
    X(WAL_NOTE_SEGMENT_AWAITED, "a rotation waited for the next segment")       \
    X(WAL_NOTE_SEGMENT_RECYCLED, "a pruned segment was used again")             \
    X(WAL_NOTE_SEGMENT_INLINE, "a rotation made its segment by itself")         \
    X(WAL_NOTE_LIVE_READ, "a reader stopped at the witness of a live log")      \
    X(WAL_NOTE_MAPPED, "a reader mapped a window of a segment")                 \
    X(WAL_NOTE_MAP_REFUSED, "a window could not be mapped and was read")        \
    X(WAL_NOTE_BOOKMARK_USED, "a reader began at a bookmark")                   \
    X(WAL_NOTE_BOOKMARK_WRONG, "a bookmark was wrong and not used")             \
    X(WAL_NOTE_FOLLOW_WAITED, "a follower waited for more")                     \
    X(WAL_NOTE_READ_CANCELLED, "a reader was cancelled")                        \
    X(WAL_NOTE_UNKNOWN_SKIPPED, "a reader skipped a record of an unknown kind") \
    X(WAL_NOTE_PRUNED, "segments below the floor were given up")                \
    X(WAL_NOTE_PRUNE_MET_PIN, "a pin came while the log was being pruned")      \
    X(WAL_NOTE_GAVE_UP_APPEND, "an append gave up waiting for room")            \
    X(WAL_NOTE_GAVE_UP_WAIT, "a wait for what was accepted was given up")       \
    X(WAL_NOTE_CALLED_BACK, "a waiter was called back with an error")           \
    X(WAL_NOTE_LEAD_HANDED_ON, "who led woke the one who leads next")           \
    X(WAL_NOTE_LINGERED, "what nobody asked for was written")                   \
    X(WAL_NOTE_TRUNCATED, "records were truncated")                             \
    X(WAL_NOTE_LIFE_RESUMED, "a life that was only announced was taken over")   \
    X(WAL_NOTE_TRUNCATE_RESUMED, "a truncation begun before a crash was finished")

enum wal_note {
#define WAL_NOTE_ENUM(name, text) name,
    WAL_NOTE_MAP(WAL_NOTE_ENUM)
#undef WAL_NOTE_ENUM
        WAL_NOTE_COUNT
};

/* Object stores. Declared here so that the door is whole; no world offers them yet, so
 * wal_io.objects is NULL everywhere, and a library that needs them must refuse to start. Bodies
 * live in the caller's memory; etags and tokens are NUL-terminated. */
struct wal_object {
    char key[1024 + 1];
    char etag[128];
    uint64_t size;
    uint64_t modified_wall_ns; /* The store's clock: never used for ordering. */
};

struct wal_put_condition {
    bool if_none_match;   /* Only if no such object exists, else WAL_PRECONDITION. */
    const char *if_match; /* Only if the etag is this one; NULL: any. */
    const char *metadata; /* Stored beside the object, returned by head; NULL: none. */
};

struct wal_object_ops {
    /* Atomic: all of the body or nothing. WAL_UNAVAILABLE, WAL_TIMEOUT: may apply, even later. */
    enum wal_err (*put)(struct wal_io *io, const char *key, const void *body, size_t len,
                        const struct wal_put_condition *condition, struct wal_object *ret_object);
    enum wal_err (*get)(struct wal_io *io, const char *key, uint64_t offset, void *body, size_t len,
                        const char *if_match, size_t *ret_len);
    enum wal_err (*head)(struct wal_io *io, const char *key, struct wal_object *ret_object,
                         char *ret_metadata, size_t metadata_cap);
    /* One page of at most `max` keys under prefix, after `token` (empty: from the start). */
    enum wal_err (*list)(struct wal_io *io, const char *prefix, const char *token, size_t max,
                         struct wal_object *ret_objects, size_t *ret_count, char *ret_token,
                         size_t token_cap);
    enum wal_err (*remove)(struct wal_io *io, const char *key);
    enum wal_err (*multipart_begin)(struct wal_io *io, const char *key, char *ret_upload,
                                    size_t upload_cap);
    enum wal_err (*multipart_part)(struct wal_io *io, const char *key, const char *upload,
                                   uint32_t number, const void *body, size_t len, char *ret_etag,
                                   size_t etag_cap);
    enum wal_err (*multipart_complete)(struct wal_io *io, const char *key, const char *upload,
                                       const char *const *etags, size_t count,
                                       const struct wal_put_condition *condition,
                                       struct wal_object *ret_object);
    enum wal_err (*multipart_abort)(struct wal_io *io, const char *key, const char *upload);
};

struct wal_io_ops {
    /* Directories. Paths are absolute or relative to the working directory; every other call
     * names a file by its directory and one name without a slash. */
    enum wal_err (*mkdir)(struct wal_io *io, const char *path);
    enum wal_err (*dir_open)(struct wal_io *io, const char *path, struct wal_dir *ret_dir);
    void (*dir_close)(struct wal_io *io, struct wal_dir dir);
    enum wal_err (*fsync_dir)(struct wal_io *io, struct wal_dir dir);
    /* Names without "." and "..", NUL-terminated one after the other, in no promised order. Memory
     * from alloc; the caller frees (*ret_names, *ret_bytes). An empty directory gives NULL, 0. */
    enum wal_err (*list)(struct wal_io *io, struct wal_dir dir, char **ret_names,
                         size_t *ret_bytes);
    enum wal_err (*rename)(struct wal_io *io, struct wal_dir dir, const char *from, const char *to);
    /* A second name for a file; WAL_EXISTS rather than replacing anything. */
    enum wal_err (*link)(struct wal_io *io, struct wal_dir dir, const char *from, const char *to);
    enum wal_err (*unlink)(struct wal_io *io, struct wal_dir dir, const char *name);

    /* Files. *ret_direct_align (may be NULL): what a direct file demands of buffers, lengths and
     * offsets, 512 or 4096; 1 if the file is not direct. A misaligned direct call is refused with
     * WAL_INVALID. */
    enum wal_err (*open)(struct wal_io *io, struct wal_dir dir, const char *name, unsigned flags,
                         struct wal_file *ret_file, uint32_t *ret_direct_align);
    /* The descriptor is gone, also on failure. */
    enum wal_err (*close)(struct wal_io *io, struct wal_file file);
    /* May be short; *ret_len of 0 is end of file and nothing else. WAL_INTERRUPTED, WAL_AGAIN:
     * nothing was done. */
    enum wal_err (*pread)(struct wal_io *io, struct wal_file file, uint64_t offset, void *buffer,
                          size_t len, size_t *ret_len);
    /* May be short, never 0. On an error any part of the range may hold the new bytes. */
    enum wal_err (*pwrite)(struct wal_io *io, struct wal_file file, uint64_t offset,
                           const void *buffer, size_t len, size_t *ret_len);
    enum wal_err (*fdatasync)(struct wal_io *io, struct wal_file file);
    enum wal_err (*fsync)(struct wal_io *io, struct wal_file file);
    enum wal_err (*ftruncate)(struct wal_io *io, struct wal_file file, uint64_t size);
    /* Reserve [offset, offset+len); the size grows unless keep_size. */
    enum wal_err (*fallocate)(struct wal_io *io, struct wal_file file, uint64_t offset,
                              uint64_t len, bool keep_size);
    enum wal_err (*size)(struct wal_io *io, struct wal_file file, uint64_t *ret_size);
    /* A read-only window, populated before it is returned: what goes wrong goes wrong here, with a
     * typed error, and not at a later load. offset is a multiple of 4096. */
    enum wal_err (*map)(struct wal_io *io, struct wal_file file, uint64_t offset, size_t len,
                        const uint8_t **ret_window);
    void (*unmap)(struct wal_io *io, const uint8_t *window, size_t len);
    /* Exclusive, advisory, never waits: WAL_LOCKED if another open file holds it, be it of this
     * process. Gone when the file is closed or the process dies. */
    enum wal_err (*lock)(struct wal_io *io, struct wal_file file);

    /* Tasks. Each spawned task must be joined. A condition is waited for in a loop: wake-ups may
     * be spurious. deadline_ns is on the monotonic clock. */
    enum wal_err (*spawn)(struct wal_io *io, const char *name, void (*entry)(void *arg), void *arg,
                          struct wal_task **ret_task);
    void (*join)(struct wal_io *io, struct wal_task *task);
    enum wal_err (*mutex_create)(struct wal_io *io, struct wal_mutex **ret_mutex);
    void (*mutex_destroy)(struct wal_io *io, struct wal_mutex *mutex);
    void (*mutex_lock)(struct wal_io *io, struct wal_mutex *mutex);
    void (*mutex_unlock)(struct wal_io *io, struct wal_mutex *mutex);
    enum wal_err (*cond_create)(struct wal_io *io, struct wal_cond **ret_cond);
    void (*cond_destroy)(struct wal_io *io, struct wal_cond *cond);
    /* WAL_OK, WAL_TIMEOUT, or WAL_CANCELLED if cancel (may be NULL) has fired, before or meanwhile;
     * the mutex is held again either way. */
    enum wal_err (*cond_wait)(struct wal_io *io, struct wal_cond *cond, struct wal_mutex *mutex,
                              uint64_t deadline_ns, struct wal_cancel *cancel);
    void (*cond_signal)(struct wal_io *io, struct wal_cond *cond);
    void (*cond_broadcast)(struct wal_io *io, struct wal_cond *cond);
    /* A flag that ends sleeps and waits early and that long work polls. Once fired it stays so. */
    enum wal_err (*cancel_create)(struct wal_io *io, struct wal_cancel **ret_cancel);
    void (*cancel_destroy)(struct wal_io *io, struct wal_cancel *cancel);
    void (*cancel_fire)(struct wal_io *io, struct wal_cancel *cancel);
    bool (*cancel_fired)(struct wal_io *io, struct wal_cancel *cancel);
    /* WAL_OK after duration_ns, WAL_CANCELLED if cancel (may be NULL) fired before. */
    enum wal_err (*sleep)(struct wal_io *io, uint64_t duration_ns, struct wal_cancel *cancel);

    /* Time, chance, memory. The monotonic clock never goes back; the wall clock may jump. */
    uint64_t (*monotonic_ns)(struct wal_io *io);
    uint64_t (*wall_ns)(struct wal_io *io);
    enum wal_err (*random)(struct wal_io *io, void *buffer, size_t len);
    void *(*alloc)(struct wal_io *io, size_t size); /* NULL: WAL_NOMEM. Contents undefined. */
    void (*free)(struct wal_io *io, void *memory, size_t size); /* NULL, 0 is allowed. */

    void (*note)(struct wal_io *io, enum wal_note note);
};

/* First member of every world. */
struct wal_io {
    const struct wal_io_ops *ops;
    const struct wal_object_ops *objects; /* NULL: this world has no object store. */
};

static inline bool io_name_valid(const char *name)
{
    return name[0] != '\0' && strchr(name, '/') == NULL && strlen(name) <= WAL_NAME_MAX;
}

WAL_CHECKED static inline enum wal_err io_mkdir(struct wal_io *io, const char *path)
{
    assert(path[0] != '\0');
    return io->ops->mkdir(io, path);
}

WAL_CHECKED static inline enum wal_err io_dir_open(struct wal_io *io, const char *path,
                                                   struct wal_dir *ret_dir)
{
    assert(path[0] != '\0');
    enum wal_err err = io->ops->dir_open(io, path, ret_dir);
    if (err == WAL_OK) assert(ret_dir->id >= 0);
    return err;
}

static inline void io_dir_close(struct wal_io *io, struct wal_dir dir)
{
    assert(dir.id >= 0);
    io->ops->dir_close(io, dir);
}

WAL_CHECKED static inline enum wal_err io_fsync_dir(struct wal_io *io, struct wal_dir dir)
{
    assert(dir.id >= 0);
    return io->ops->fsync_dir(io, dir);
}

WAL_CHECKED static inline enum wal_err io_list(struct wal_io *io, struct wal_dir dir,
                                               char **ret_names, size_t *ret_bytes)
{
    assert(dir.id >= 0);
    enum wal_err err = io->ops->list(io, dir, ret_names, ret_bytes);
    if (err == WAL_OK) assert((*ret_names == NULL) == (*ret_bytes == 0));
    return err;
}

WAL_CHECKED static inline enum wal_err io_rename(struct wal_io *io, struct wal_dir dir,
                                                 const char *from, const char *to)
{
    assert(dir.id >= 0);
    assert(io_name_valid(from));
    assert(io_name_valid(to));
    return io->ops->rename(io, dir, from, to);
}

WAL_CHECKED static inline enum wal_err io_link(struct wal_io *io, struct wal_dir dir,
                                               const char *from, const char *to)
{
    assert(dir.id >= 0);
    assert(io_name_valid(from));
    assert(io_name_valid(to));
    return io->ops->link(io, dir, from, to);
}

WAL_CHECKED static inline enum wal_err io_unlink(struct wal_io *io, struct wal_dir dir,
                                                 const char *name)
{
    assert(dir.id >= 0);
    assert(io_name_valid(name));
    return io->ops->unlink(io, dir, name);
}

WAL_CHECKED static inline enum wal_err io_open(struct wal_io *io, struct wal_dir dir,
                                               const char *name, unsigned flags,
                                               struct wal_file *ret_file,
                                               uint32_t *ret_direct_align)
{
    assert(dir.id >= 0);
    assert(io_name_valid(name));
    if (flags & WAL_OPEN_CREATE) assert(flags & WAL_OPEN_WRITE);
    if (flags & WAL_OPEN_EXCLUSIVE) assert(flags & WAL_OPEN_CREATE);
    enum wal_err err = io->ops->open(io, dir, name, flags, ret_file, ret_direct_align);
    if (err == WAL_OK) assert(ret_file->id >= 0);
    if (err == WAL_EXISTS) assert(flags & WAL_OPEN_EXCLUSIVE);
    return err;
}

WAL_CHECKED static inline enum wal_err io_close(struct wal_io *io, struct wal_file file)
{
    assert(file.id >= 0);
    return io->ops->close(io, file);
}

WAL_CHECKED static inline enum wal_err io_pread(struct wal_io *io, struct wal_file file,
                                                uint64_t offset, void *buffer, size_t len,
                                                size_t *ret_len)
{
    assert(file.id >= 0);
    assert(len > 0);
    assert(offset <= INT64_MAX - len);
    enum wal_err err = io->ops->pread(io, file, offset, buffer, len, ret_len);
    if (err == WAL_OK) assert(*ret_len <= len);
    return err;
}

WAL_CHECKED static inline enum wal_err io_pwrite(struct wal_io *io, struct wal_file file,
                                                 uint64_t offset, const void *buffer, size_t len,
                                                 size_t *ret_len)
{
    assert(file.id >= 0);
    assert(len > 0);
    assert(offset <= INT64_MAX - len);
    enum wal_err err = io->ops->pwrite(io, file, offset, buffer, len, ret_len);
    if (err == WAL_OK) assert(*ret_len > 0 && *ret_len <= len);
    return err;
}

WAL_CHECKED static inline enum wal_err io_fdatasync(struct wal_io *io, struct wal_file file)
{
    assert(file.id >= 0);
    return io->ops->fdatasync(io, file);
}

WAL_CHECKED static inline enum wal_err io_fsync(struct wal_io *io, struct wal_file file)
{
    assert(file.id >= 0);
    return io->ops->fsync(io, file);
}

WAL_CHECKED static inline enum wal_err io_ftruncate(struct wal_io *io, struct wal_file file,
                                                    uint64_t size)
{
    assert(file.id >= 0);
    assert(size <= INT64_MAX);
    return io->ops->ftruncate(io, file, size);
}

WAL_CHECKED static inline enum wal_err io_fallocate(struct wal_io *io, struct wal_file file,
                                                    uint64_t offset, uint64_t len, bool keep_size)
{
    assert(file.id >= 0);
    assert(len > 0);
    assert(offset <= INT64_MAX - len);
    return io->ops->fallocate(io, file, offset, len, keep_size);
}

WAL_CHECKED static inline enum wal_err io_size(struct wal_io *io, struct wal_file file,
                                               uint64_t *ret_size)
{
    assert(file.id >= 0);
    return io->ops->size(io, file, ret_size);
}

WAL_CHECKED static inline enum wal_err io_map(struct wal_io *io, struct wal_file file,
                                              uint64_t offset, size_t len,
                                              const uint8_t **ret_window)
{
    assert(file.id >= 0);
    assert(len > 0);
    assert(offset % 4096 == 0);
    return io->ops->map(io, file, offset, len, ret_window);
}

static inline void io_unmap(struct wal_io *io, const uint8_t *window, size_t len)
{
    assert(window != NULL);
    io->ops->unmap(io, window, len);
}

WAL_CHECKED static inline enum wal_err io_lock(struct wal_io *io, struct wal_file file)
{
    assert(file.id >= 0);
    return io->ops->lock(io, file);
}

WAL_CHECKED static inline enum wal_err io_spawn(struct wal_io *io, const char *name,
                                                void (*entry)(void *arg), void *arg,
                                                struct wal_task **ret_task)
{
    assert(name[0] != '\0');
    assert(entry != NULL);
    return io->ops->spawn(io, name, entry, arg, ret_task);
}

static inline void io_join(struct wal_io *io, struct wal_task *task)
{
    assert(task != NULL);
    io->ops->join(io, task);
}

WAL_CHECKED static inline enum wal_err io_mutex_create(struct wal_io *io,
                                                       struct wal_mutex **ret_mutex)
{
    return io->ops->mutex_create(io, ret_mutex);
}

static inline void io_mutex_destroy(struct wal_io *io, struct wal_mutex *mutex)
{
    assert(mutex != NULL);
    io->ops->mutex_destroy(io, mutex);
}

static inline void io_mutex_lock(struct wal_io *io, struct wal_mutex *mutex)
{
    assert(mutex != NULL);
    io->ops->mutex_lock(io, mutex);
}

static inline void io_mutex_unlock(struct wal_io *io, struct wal_mutex *mutex)
{
    assert(mutex != NULL);
    io->ops->mutex_unlock(io, mutex);
}

WAL_CHECKED static inline enum wal_err io_cond_create(struct wal_io *io, struct wal_cond **ret_cond)
{
    return io->ops->cond_create(io, ret_cond);
}

static inline void io_cond_destroy(struct wal_io *io, struct wal_cond *cond)
{
    assert(cond != NULL);
    io->ops->cond_destroy(io, cond);
}

WAL_CHECKED static inline enum wal_err io_cond_wait_cancel(struct wal_io *io, struct wal_cond *cond,
                                                           struct wal_mutex *mutex,
                                                           uint64_t deadline_ns,
                                                           struct wal_cancel *cancel)
{
    assert(cond != NULL);
    assert(mutex != NULL);
    enum wal_err err = io->ops->cond_wait(io, cond, mutex, deadline_ns, cancel);
    assert(err == WAL_OK || err == WAL_TIMEOUT || err == WAL_CANCELLED);
    if (err == WAL_TIMEOUT) assert(deadline_ns != WAL_NO_DEADLINE);
    if (err == WAL_CANCELLED) assert(cancel != NULL);
    return err;
}

WAL_CHECKED static inline enum wal_err io_cond_wait(struct wal_io *io, struct wal_cond *cond,
                                                    struct wal_mutex *mutex, uint64_t deadline_ns)
{
    return io_cond_wait_cancel(io, cond, mutex, deadline_ns, NULL);
}

static inline void io_cond_signal(struct wal_io *io, struct wal_cond *cond)
{
    assert(cond != NULL);
    io->ops->cond_signal(io, cond);
}

static inline void io_cond_broadcast(struct wal_io *io, struct wal_cond *cond)
{
    assert(cond != NULL);
    io->ops->cond_broadcast(io, cond);
}

WAL_CHECKED static inline enum wal_err io_cancel_create(struct wal_io *io,
                                                        struct wal_cancel **ret_cancel)
{
    return io->ops->cancel_create(io, ret_cancel);
}

static inline void io_cancel_destroy(struct wal_io *io, struct wal_cancel *cancel)
{
    assert(cancel != NULL);
    io->ops->cancel_destroy(io, cancel);
}

static inline void io_cancel_fire(struct wal_io *io, struct wal_cancel *cancel)
{
    assert(cancel != NULL);
    io->ops->cancel_fire(io, cancel);
}

static inline bool io_cancel_fired(struct wal_io *io, struct wal_cancel *cancel)
{
    assert(cancel != NULL);
    return io->ops->cancel_fired(io, cancel);
}

WAL_CHECKED static inline enum wal_err io_sleep(struct wal_io *io, uint64_t duration_ns,
                                                struct wal_cancel *cancel)
{
    return io->ops->sleep(io, duration_ns, cancel);
}

static inline uint64_t io_monotonic_ns(struct wal_io *io)
{
    return io->ops->monotonic_ns(io);
}

static inline uint64_t io_wall_ns(struct wal_io *io)
{
    return io->ops->wall_ns(io);
}

WAL_CHECKED static inline enum wal_err io_random(struct wal_io *io, void *buffer, size_t len)
{
    assert(len > 0);
    return io->ops->random(io, buffer, len);
}

static inline void *io_alloc(struct wal_io *io, size_t size)
{
    assert(size > 0);
    return io->ops->alloc(io, size);
}

static inline void io_free(struct wal_io *io, void *memory, size_t size)
{
    assert((memory == NULL) == (size == 0));
    if (memory != NULL) io->ops->free(io, memory, size);
}

static inline void io_note(struct wal_io *io, enum wal_note note)
{
    assert(note < WAL_NOTE_COUNT);
    io->ops->note(io, note);
}

#ifdef __cplusplus
}
#endif

#endif
