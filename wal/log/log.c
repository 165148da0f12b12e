/*
 * log.c - opening and closing.
 */
#include "wal/log/log.h"

#include "wal/log/codec.h"
#include "wal/log/log_state.h"
#include "wal/log/segment.h"
#include "wal/log/survey.h"

enum {
    KIB = 1024,
    MIB = 1024 * 1024,
    QUEUE_BYTES_MAX = 1024 * MIB,
    MEMORY_ALIGN = 64,
    PAGE_BYTES = 4096,
};

struct wal_options wal_options_default(void)
{
    return (struct wal_options){
        .block_bytes = 4 * KIB,
        .segment_bytes = UINT64_C(16) * MIB,
        .first_segment = 1,
        .first_lsn = 1,
        .record_bytes_max = 1 * MIB,
        .batch_bytes_max = 2 * MIB,
        .queue_bytes = 4 * MIB,
        .spares = 2,
        .sync_interval_ns = UINT64_C(10000000),
        .mark_policy = WAL_MARK_INTERVAL,
        .mark_interval_ns = UINT64_C(10000000),
    };
}

static enum wal_err options_check(const struct wal_options *options)
{
    if (!log_block_bytes_valid(options->block_bytes)) return WAL_OPTION;
    if (options->sync_policy == WAL_SYNC_UNSET || options->sync_policy > WAL_SYNC_NEVER) {
        return WAL_OPTION;
    }
    if (options->first_segment == 0 || options->first_lsn == 0) return WAL_OPTION;
    if (options->first_segment > INT64_MAX || options->first_lsn > INT64_MAX) return WAL_OPTION;
    if (options->segment_bytes > INT64_MAX / 2) return WAL_OPTION;
    if (options->queue_bytes > QUEUE_BYTES_MAX) return WAL_OPTION;
    if (options->spares > LOG_SPARES_MAX) return WAL_OPTION;
    if (log_record_bytes(options->record_bytes_max) > options->queue_bytes) return WAL_OPTION;
    if (log_record_bytes(options->batch_bytes_max) > options->queue_bytes) return WAL_OPTION;
    return WAL_OK;
}

/* Everything that is accepted at once must fit one segment: a group never spans two. */
static enum wal_err segment_check(const struct wal_options *options, uint32_t block_bytes)
{
    uint64_t group = WAL_GROUP_HEADER_BYTES + (uint64_t)options->queue_bytes;
    uint64_t need = log_area_bytes(block_bytes) + log_round_up(group, block_bytes);

    return need <= options->segment_bytes ? WAL_OK : WAL_SEGMENT_LIMIT;
}

/* How the tip is to be written to. */
struct io_mode {
    unsigned file_flags;
    uint32_t align;
};

/* Can it be done as asked? The lock is a file like any other. */
static enum wal_err mode_find(struct wal_io *io, struct wal_dir dir,
                              const struct wal_options *options, uint32_t block_bytes,
                              struct io_mode *ret_mode)
{
    static const unsigned flags[] = {
        [WAL_IO_BUFFERED] = 0,
        [WAL_IO_DIRECT] = WAL_OPEN_DIRECT,
        [WAL_IO_DSYNC] = WAL_OPEN_DIRECT | WAL_OPEN_DSYNC,
    };
    struct io_mode mode = {.file_flags = flags[options->io_mode], .align = 1};
    struct wal_file file;

    if (mode.file_flags != 0) {
        enum wal_err err = io_open(io, dir, WAL_LOCK_NAME, WAL_OPEN_DIRECT, &file, &mode.align);
        if (err != WAL_OK && err != WAL_NODIRECT) return err;
        if (err == WAL_OK) err_ignore(io_close(io, file)); /* Only asked. */
        if (err == WAL_NODIRECT) {
            mode = (struct io_mode){.file_flags = 0, .align = 1};
            log_emit(options, (struct wal_event){.kind = WAL_EVENT_NODIRECT, .err = err});
        }
    }
    if (block_bytes % mode.align != 0) return WAL_OPTION;
    *ret_mode = mode;
    return WAL_OK;
}

/* Half-made logs are welcome. The committer is not running. */
static void log_free(struct wal_log *log)
{
    struct wal_io *io = log->io;

    log_preparer_stop(&log->preparer);
    /* What had to be synced was; closing a file promises nothing anyway. */
    if (log->tip.file.id >= 0) err_ignore(io_close(io, log->tip.file));
    if (log->mark.file.id >= 0) err_ignore(io_close(io, log->mark.file));
    if (log->lock.id >= 0) err_ignore(io_close(io, log->lock));
    if (log->dir.id >= 0) io_dir_close(io, log->dir);
    if (log->room != NULL) io_cond_destroy(io, log->room);
    if (log->moved != NULL) io_cond_destroy(io, log->moved);
    if (log->decided[1] != NULL) io_cond_destroy(io, log->decided[1]);
    if (log->decided[0] != NULL) io_cond_destroy(io, log->decided[0]);
    if (log->work != NULL) io_cond_destroy(io, log->work);
    if (log->mutex != NULL) io_mutex_destroy(io, log->mutex);
    io_free(io, log, log->memory_bytes);
}

/* The struct and its two queues in one piece of memory. Takes over dir and lock if it succeeds. */
static enum wal_err log_make(struct wal_io *io, const struct wal_options *options,
                             uint32_t block_bytes, const struct io_mode *mode, struct wal_dir dir,
                             struct wal_file lock, struct wal_log **ret_log)
{
    /* What lies across pages is more than one piece to a device that fetches it by itself. */
    size_t align = mode->file_flags & WAL_OPEN_DIRECT ? PAGE_BYTES : MEMORY_ALIGN;
    assert(align % mode->align == 0);
    size_t head = (size_t)log_round_up(sizeof(struct wal_log), MEMORY_ALIGN);
    size_t queue = (size_t)log_round_up(
        WAL_GROUP_HEADER_BYTES + (uint64_t)options->queue_bytes + block_bytes, align);
    struct wal_log *log = io_alloc(io, head + align + 2 * queue);

    if (log == NULL) return WAL_NOMEM;
    *log = (struct wal_log){
        .io = io,
        .memory_bytes = head + align + 2 * queue,
        .options = *options,
        .dir = WAL_DIR_NONE,
        .lock = WAL_FILE_NONE,
        .block_bytes = block_bytes,
        .file_flags = mode->file_flags,
        .direct_align = mode->align,
        .preparer = {.spares_max = options->preallocate ? options->spares : 0},
        .tip = {.file = WAL_FILE_NONE},
        .mark = {.file = WAL_FILE_NONE},
        .mark_timer = {.due_ns = WAL_NO_DEADLINE},
        .sync_due_ns = WAL_NO_DEADLINE,
        .epoch = 1,
    };
    uint8_t *bytes = (uint8_t *)log + head;
    bytes += align - (uintptr_t)bytes % align;
    log->queues[0].bytes = bytes;
    log->queues[1].bytes = bytes + queue;

    enum wal_err err = io_mutex_create(io, &log->mutex);
    if (err == WAL_OK) err = io_cond_create(io, &log->work);
    if (err == WAL_OK) err = io_cond_create(io, &log->decided[0]);
    if (err == WAL_OK) err = io_cond_create(io, &log->decided[1]);
    if (err == WAL_OK) err = io_cond_create(io, &log->moved);
    if (err == WAL_OK) err = io_cond_create(io, &log->room);
    if (err) {
        log_free(log);
        return err;
    }
    log->dir = dir;
    log->lock = lock;
    *ret_log = log;
    return WAL_OK;
}

static enum wal_err directory_open(struct wal_io *io, const char *path,
                                   const struct wal_options *options, struct wal_dir *ret_dir)
{
    enum wal_err err = io_dir_open(io, path, ret_dir);
    if (err != WAL_NOTFOUND || !options->create) return err;
    err = segment_check(options, options->block_bytes);
    if (err) return err;
    err = io_mkdir(io, path);
    if (err != WAL_OK && err != WAL_EXISTS) return err;
    return io_dir_open(io, path, ret_dir);
}

/* Is this a log, or a place for one? */
static enum wal_err kind_check(const struct log_survey *survey, bool create)
{
    switch (survey->kind) {
    case LOG_KIND_EMPTY: return create ? WAL_OK : WAL_NOTFOUND;
    case LOG_KIND_FOREIGN: return WAL_NOTLOG;
    case LOG_KIND_UNBEGUN:
    case LOG_KIND_LOG: return WAL_OK;
    }
    return WAL_NOTLOG;
}

/* The lock file is made only where there is a log, or may be one. */
static enum wal_err lock_take(struct wal_io *io, struct wal_dir dir,
                              const struct wal_options *options, struct wal_file *ret_lock,
                              struct wal_place *reterr_place)
{
    struct wal_file lock;

    enum wal_err err = io_open(io, dir, WAL_LOCK_NAME, WAL_OPEN_WRITE, &lock, NULL);
    if (err == WAL_NOTFOUND) {
        struct log_survey survey;

        log_survey_init(&survey, io, dir);
        err = log_survey_names(&survey);
        if (err == WAL_OK) err = kind_check(&survey, options->create);
        if (err == WAL_OK && survey.kind == LOG_KIND_EMPTY) {
            err = segment_check(options, options->block_bytes);
        }
        *reterr_place = survey.place;
        log_survey_end(&survey);
        if (err) return err;
        err = io_open(io, dir, WAL_LOCK_NAME, WAL_OPEN_WRITE | WAL_OPEN_CREATE, &lock, NULL);
    }
    *reterr_place = log_place_file(WAL_LOCK_NAME);
    if (err) return err;
    err = io_lock(io, lock);
    if (err) {
        err_ignore(io_close(io, lock)); /* Nothing is ever written to it. */
        return err;
    }
    *ret_lock = lock;
    return WAL_OK;
}

/* Find out all there is to know, and change nothing. */
static enum wal_err survey_take(struct log_survey *survey, const struct wal_options *options)
{
    survey->observe = options->observe;
    survey->observe_context = options->observe_context;
    enum wal_err err = log_survey_names(survey);
    if (err) return err;
    err = kind_check(survey, options->create);
    if (err) return err;
    if (survey->kind == LOG_KIND_EMPTY) return WAL_OK;
    if (survey->kind == LOG_KIND_UNBEGUN) {
        err = log_survey_unbegun(survey);
        if (err) return err;
        return options->create ? WAL_OK : WAL_NOTFOUND;
    }
    err = log_survey_headers(survey, options->verify_all);
    if (err) return err;
    return log_survey_tail(survey, options->verify_all, options->witness_lsn);
}

static enum wal_err log_start(struct wal_log *log)
{
    log->accepted_lsn = log->tip.durable_lsn;
    log->durable_lsn = log->tip.durable_lsn;
    log->stat = (struct wal_stat){
        .first_lsn = log->floor_lsn,
        .life = log->life,
        .segment = log->tip.segment,
        .offset = log->tip.offset,
        .segments = log->tip.segment - log->floor_segment + 1,
    };
    log_stat_publish(log);
    log_preparer_start(log);
    return io_spawn(log->io, "committer", log_committer, log, &log->committer);
}

/* With the directory open and locked, both of which the log takes over if it succeeds. */
static enum wal_err open_locked(struct wal_io *io, const char *path,
                                const struct wal_options *options, struct wal_dir dir,
                                struct wal_file lock, struct wal_log **ret_log,
                                struct wal_place *reterr_place)
{
    struct log_survey survey;
    struct wal_log *log = NULL;

    log_survey_init(&survey, io, dir);
    enum wal_err err = survey_take(&survey, options);
    if (err) goto undo;

    bool create = survey.kind != LOG_KIND_LOG;
    uint32_t block_bytes = create ? options->block_bytes : log_survey_last(&survey)->block_bytes;
    err = segment_check(options, block_bytes);
    if (err) goto undo;
    struct io_mode mode;
    err = mode_find(io, dir, options, block_bytes, &mode);
    if (err) goto undo;
    err = log_make(io, options, block_bytes, &mode, dir, lock, &log);
    if (err) goto undo;
    survey.place = (struct wal_place){.name = ""};
    err = create ? log_create(log, &survey, path) : log_recover(log, &survey, &survey.place);
    if (err) goto undo;
    err = log_start(log);
    if (err) goto undo;
    log_survey_end(&survey);
    *ret_log = log;
    return WAL_OK;

undo:
    *reterr_place = survey.place;
    log_survey_end(&survey);
    if (log != NULL) {
        log_preparer_stop(&log->preparer);
        log->dir = WAL_DIR_NONE;
        log->lock = WAL_FILE_NONE;
        log_free(log);
    }
    return err;
}

enum wal_err wal_open(struct wal_io *io, const char *path, const struct wal_options *options,
                      struct wal_log **ret_log, struct wal_place *reterr_place)
{
    struct wal_place place = {.name = ""};
    struct wal_dir dir = WAL_DIR_NONE;
    struct wal_file lock = WAL_FILE_NONE;

    enum wal_err err = options_check(options);
    if (err) goto undo;
    err = directory_open(io, path, options, &dir);
    if (err) goto undo;
    err = lock_take(io, dir, options, &lock, &place);
    if (err) goto undo;
    err = open_locked(io, path, options, dir, lock, ret_log, &place);
    if (err) goto undo;
    return WAL_OK;

undo:
    if (lock.id >= 0) err_ignore(io_close(io, lock)); /* Nothing is ever written to it. */
    if (dir.id >= 0) io_dir_close(io, dir);
    if (reterr_place != NULL) *reterr_place = place;
    return err;
}

enum wal_err wal_close(struct wal_log *log)
{
    assert(log != NULL);
    io_mutex_lock(log->io, log->mutex);
    log->closing = true;
    io_cond_broadcast(log->io, log->work);
    io_cond_broadcast(log->io, log->room);
    io_mutex_unlock(log->io, log->mutex);
    io_join(log->io, log->committer);

    io_mutex_lock(log->io, log->mutex);
    while (log->waiters + log->room_waiters > 0) {
        err_ignore(io_cond_wait(log->io, log->work, log->mutex, WAL_NO_DEADLINE));
    }
    io_mutex_unlock(log->io, log->mutex);
    assert(log->notices == NULL);
    enum wal_err err = log->close_err ? log->close_err : log->unheard_err;
    log_free(log);
    return err;
}
