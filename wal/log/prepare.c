/*
 * prepare.c - the preparer's task, and the one place where segments get successors.
 */
#include "wal/log/prepare.h"

#include "wal/log/codec.h"
#include "wal/log/log_state.h"
#include "wal/log/segment.h"
#include "wal/log/transfer.h"

/* Out of a spare. Its name goes first: whoever has renamed it owns it. */
static enum wal_err make_recycled(struct log_preparer *preparer, uint64_t spare,
                                  struct wal_file *ret_file)
{
    struct wal_io *io = preparer->io;
    char name[WAL_SEGMENT_NAME_BYTES];
    struct wal_file file;
    uint64_t size = 0;

    log_spare_name(name, spare);
    enum wal_err err = io_rename(io, preparer->dir, name, preparer->tmp_name);
    if (err) return err;
    err = io_open(io, preparer->dir, preparer->tmp_name, WAL_OPEN_WRITE, &file, NULL);
    if (err) return err;
    err = io_size(io, file, &size);
    if (err == WAL_OK) err = log_segment_fill(io, file, size, preparer->segment_bytes, 1);
    if (err == WAL_OK && size < preparer->segment_bytes) err = io_fsync(io, file);
    if (err) {
        err_ignore(io_close(io, file)); /* It was never part of the log. */
        return err;
    }
    *ret_file = file;
    return WAL_OK;
}

static enum wal_err make_zeros(struct log_preparer *preparer, struct wal_file *ret_file)
{
    struct wal_io *io = preparer->io;
    struct wal_file file;

    enum wal_err err =
        log_tmp_create(io, preparer->dir, preparer->tmp_name, preparer->fill_flags, &file);
    if (err) return err;
    err = log_segment_fill(io, file, 0, preparer->segment_bytes, preparer->align);
    if (err == WAL_OK) err = io_fsync(io, file);
    if (err) {
        /* It was never part of the log; the space it took may be needed. */
        err_ignore(io_close(io, file));
        err_ignore(io_unlink(io, preparer->dir, preparer->tmp_name));
        return err;
    }
    *ret_file = file;
    return WAL_OK;
}

/* With the mutex held. */
static void make(struct log_preparer *preparer)
{
    uint64_t spare = 0;
    struct wal_file file = WAL_FILE_NONE;
    enum wal_err err = WAL_NOTFOUND;

    preparer->state = LOG_PREPARE_MAKING;
    if (preparer->spare_count > 0) spare = preparer->spares[--preparer->spare_count];
    io_mutex_unlock(preparer->io, preparer->mutex);

    if (spare != 0) err = make_recycled(preparer, spare, &file);
    bool recycled = err == WAL_OK;
    if (err) err = make_zeros(preparer, &file);

    io_mutex_lock(preparer->io, preparer->mutex);
    preparer->state = err == WAL_OK ? LOG_PREPARE_READY : LOG_PREPARE_IDLE;
    if (err == WAL_OK) {
        preparer->file = file;
        preparer->recycled = recycled;
    }
    io_cond_broadcast(preparer->io, preparer->moved);
}

static void prepare(void *arg)
{
    struct log_preparer *preparer = arg;

    io_mutex_lock(preparer->io, preparer->mutex);
    while (!preparer->ending) {
        if (preparer->state == LOG_PREPARE_WANTED) {
            make(preparer);
        } else {
            /* It looks again. */
            err_ignore(
                io_cond_wait(preparer->io, preparer->moved, preparer->mutex, WAL_NO_DEADLINE));
        }
    }
    io_mutex_unlock(preparer->io, preparer->mutex);
}

bool log_preparer_adopt(struct log_preparer *preparer, uint64_t spare)
{
    if (preparer->spare_count >= preparer->spares_max) return false;
    preparer->spares[preparer->spare_count++] = spare;
    return true;
}

void log_preparer_start(struct wal_log *log)
{
    struct log_preparer *preparer = &log->preparer;
    struct wal_io *io = log->io;

    if (!log->options.preallocate) return;
    preparer->io = io;
    preparer->dir = log->dir;
    preparer->segment_bytes = log->options.segment_bytes;
    preparer->fill_flags = log_fill_flags(&log->options, log->file_flags, log->direct_align);
    preparer->align = log_align_of(preparer->fill_flags, log->direct_align);
    preparer->first_own = log->tip.segment + 1;
    log_next_name(preparer->tmp_name, log->life);
    enum wal_err err = io_mutex_create(io, &preparer->mutex);
    if (err == WAL_OK) err = io_cond_create(io, &preparer->moved);
    if (err == WAL_OK) err = io_spawn(io, "preparer", prepare, preparer, &preparer->task);
    /* Without it each segment is made when it is needed. */
    if (err) log_preparer_stop(preparer);
}

void log_preparer_stop(struct log_preparer *preparer)
{
    struct wal_io *io = preparer->io;

    if (preparer->task != NULL) {
        io_mutex_lock(io, preparer->mutex);
        preparer->ending = true;
        io_cond_broadcast(io, preparer->moved);
        io_mutex_unlock(io, preparer->mutex);
        io_join(io, preparer->task);
        preparer->task = NULL;
    }
    if (preparer->state == LOG_PREPARE_READY) {
        /* Not needed any more; the next writer would only remove it. */
        err_ignore(io_close(io, preparer->file));
        err_ignore(io_unlink(io, preparer->dir, preparer->tmp_name));
        preparer->state = LOG_PREPARE_IDLE;
    }
    if (preparer->moved != NULL) io_cond_destroy(io, preparer->moved);
    if (preparer->mutex != NULL) io_mutex_destroy(io, preparer->mutex);
    preparer->moved = NULL;
    preparer->mutex = NULL;
}

void log_preparer_want(struct log_preparer *preparer, uint64_t segment)
{
    if (preparer->task == NULL || preparer->asked_segment == segment) return;
    preparer->asked_segment = segment;
    io_mutex_lock(preparer->io, preparer->mutex);
    if (preparer->state == LOG_PREPARE_IDLE) {
        preparer->state = LOG_PREPARE_WANTED;
        io_cond_broadcast(preparer->io, preparer->moved);
    }
    io_mutex_unlock(preparer->io, preparer->mutex);
}

/* What was prepared, waiting for it if it is on its way. */
static bool take(struct log_preparer *preparer, struct wal_file *ret_file, uint32_t *ret_flags)
{
    struct wal_io *io = preparer->io;
    bool waited = false;

    if (preparer->task == NULL) return false;
    io_mutex_lock(io, preparer->mutex);
    while (preparer->state == LOG_PREPARE_WANTED || preparer->state == LOG_PREPARE_MAKING) {
        waited = true;
        err_ignore(io_cond_wait(io, preparer->moved, preparer->mutex, WAL_NO_DEADLINE));
    }
    bool ready = preparer->state == LOG_PREPARE_READY;
    if (ready) {
        *ret_file = preparer->file;
        *ret_flags = WAL_SEGMENT_PREWRITTEN | (preparer->recycled ? WAL_SEGMENT_RECYCLED : 0U);
        preparer->state = LOG_PREPARE_IDLE;
    }
    io_mutex_unlock(io, preparer->mutex);
    io_note(io, !ready   ? WAL_NOTE_SEGMENT_INLINE
                : waited ? WAL_NOTE_SEGMENT_AWAITED
                         : WAL_NOTE_SEGMENT_READY);
    return ready;
}

enum wal_err log_next_segment(struct wal_log *log, struct wal_segment_header *header,
                              struct wal_file *ret_file, bool *ret_unsure)
{
    char tmp_name[WAL_SEGMENT_NAME_BYTES];
    struct wal_file file;
    uint32_t align = 1;

    header->flags = 0;
    log_next_name(tmp_name, header->life);
    enum wal_err err = WAL_OK;
    if (take(&log->preparer, &file, &header->flags)) {
        bool recycled = (header->flags & WAL_SEGMENT_RECYCLED) != 0;

        memcpy(tmp_name, log->preparer.tmp_name, sizeof tmp_name);
        if (recycled) io_note(log->io, WAL_NOTE_SEGMENT_RECYCLED);
        if (!recycled) align = log->preparer.align; /* The only one that is filled directly. */
    } else {
        err = log_tmp_create(log->io, log->dir, tmp_name, 0, &file);
        *ret_unsure = err != WAL_OK && !log_err_is_sure(err);
        if (err) return err;
    }
    err = log_segment_finish(log->io, log->dir, tmp_name, header, log->file_flags, align, &file,
                             ret_unsure);
    if (err) return err;
    *ret_file = file;
    return WAL_OK;
}

/* With the mutex held, if there is a task that shares the list. */
static bool wants_spare(const struct wal_log *log, uint64_t number)
{
    const struct log_preparer *preparer = &log->preparer;

    return preparer->task != NULL && number >= preparer->first_own &&
           preparer->spare_count < preparer->spares_max;
}

void log_segment_retire(struct wal_log *log, uint64_t number)
{
    struct log_preparer *preparer = &log->preparer;
    char name[WAL_SEGMENT_NAME_BYTES];
    char spare_name[WAL_SEGMENT_NAME_BYTES];
    bool wanted = false;

    log_segment_name(name, number);
    log_spare_name(spare_name, number);
    if (preparer->task != NULL) {
        io_mutex_lock(log->io, preparer->mutex);
        wanted = wants_spare(log, number);
        io_mutex_unlock(log->io, preparer->mutex);
    }
    if (!wanted) {
        err_ignore(io_unlink(log->io, log->dir, name)); /* See prepare.h. */
        return;
    }
    if (io_rename(log->io, log->dir, name, spare_name) != WAL_OK) return;
    /* Only the one who prunes adds to the list, so there still is room. */
    io_mutex_lock(log->io, preparer->mutex);
    preparer->spares[preparer->spare_count++] = number;
    io_mutex_unlock(log->io, preparer->mutex);
}
