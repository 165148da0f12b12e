/*
 * repair.c - make a damaged log usable again, see repair.h.
 *
 * The order, each crash point between being a state that the next repair understands:
 *
 *     1  segment.tmp and mark.tmp, written and synced: litter
 *     2  each old segment gets its second name, NUMBER.wal.aside
 *     3  the old mark gets its second name, NEW.mark.aside: it says that 2 is done, and that a
 *        segment NEW, should there be one, is no more than a copy
 *     4  the new segment gets its name, NEW.wal
 *     5  the new mark replaces the old one: done
 *     6  the old segments' first names go; they lie below the floor, where they do not count
 */
#include "wal/log/repair.h"

#include <assert.h>
#include <string.h>

#include "wal/log/codec.h"
#include "wal/log/mark.h"
#include "wal/log/repair_walk.h"
#include "wal/log/segment.h"
#include "wal/log/transfer.h"

enum { BLOCK_BYTES_MAX = 4096, LOST_AT_ONCE = 128 };

struct repair {
    struct wal_io *io;
    struct wal_dir dir;
    const struct wal_repair_options *options;
    struct log_walk walk;
    struct wal_repair_report report;

    struct wal_file file; /* The new segment, if this is not only a plan. */
    uint64_t life;
    uint32_t binding;
    uint64_t offset;
    uint64_t wall_ns, commit_ns; /* Of the last group. */
    uint8_t *buffer;
    size_t buffer_bytes;
};

static void emit(const struct repair *repair, struct wal_event event)
{
    if (repair->options->observe == NULL) return;
    repair->options->observe(repair->options->observe_context, &event);
}

/* ---- Writing what is kept ---- */

static enum wal_err make_room(struct repair *repair, size_t len)
{
    if (len <= repair->buffer_bytes) return WAL_OK;
    uint8_t *larger = io_alloc(repair->io, len);
    if (larger == NULL) return WAL_NOMEM;
    io_free(repair->io, repair->buffer, repair->buffer_bytes);
    repair->buffer = larger;
    repair->buffer_bytes = len;
    return WAL_OK;
}

/* The group whose records lie in the buffer, behind room for its header. */
static enum wal_err write_group(struct repair *repair, struct wal_group_header *header)
{
    uint8_t *records = repair->buffer + WAL_GROUP_HEADER_BYTES;
    size_t len = WAL_GROUP_HEADER_BYTES + (size_t)header->length;
    size_t padded = (size_t)log_round_up(len, repair->walk.block_bytes);

    header->durable_lsn = header->first_lsn - 1;
    log_records_seal(records, repair->binding, repair->offset + WAL_GROUP_HEADER_BYTES,
                     header->first_lsn, header->count);
    log_group_header_encode(repair->buffer, header, repair->binding, repair->offset);
    memset(repair->buffer + len, 0, padded - len);
    enum wal_err err =
        log_write_full(repair->io, repair->file, repair->offset, repair->buffer, padded);
    if (err) return err;
    repair->offset += padded;
    return WAL_OK;
}

static enum wal_err keep(void *context, const struct wal_group_header *header,
                         const uint8_t *records)
{
    struct repair *repair = context;
    struct wal_group_header group = *header;

    repair->report.kept += header->count;
    repair->report.last_lsn = header->first_lsn + header->count - 1;
    if (!repair->options->apply) return WAL_OK;
    /* Groups of a damaged log may come from several lives; their times still never go back. */
    if (group.commit_ns < repair->commit_ns) group.commit_ns = repair->commit_ns;
    repair->wall_ns = group.wall_ns;
    repair->commit_ns = group.commit_ns;
    enum wal_err err =
        make_room(repair, WAL_GROUP_HEADER_BYTES + (size_t)group.length + BLOCK_BYTES_MAX);
    if (err) return err;
    memcpy(repair->buffer + WAL_GROUP_HEADER_BYTES, records, group.length);
    return write_group(repair, &group);
}

/* Records that say of their LSNs that they are lost. */
static enum wal_err write_lost(struct repair *repair, uint64_t first_lsn, uint64_t last_lsn)
{
    const struct wal_record_header lost = {.kind = WAL_RECORD_LOST};
    enum wal_err err = make_room(
        repair, WAL_GROUP_HEADER_BYTES + LOST_AT_ONCE * WAL_RECORD_HEADER_BYTES + BLOCK_BYTES_MAX);

    while (err == WAL_OK && first_lsn <= last_lsn) {
        uint64_t left = last_lsn - first_lsn + 1;
        struct wal_group_header group = {
            .first_lsn = first_lsn,
            .wall_ns = repair->wall_ns,
            .commit_ns = repair->commit_ns,
            .count = left < LOST_AT_ONCE ? (uint32_t)left : LOST_AT_ONCE,
        };

        group.length = group.count * WAL_RECORD_HEADER_BYTES;
        for (size_t i = 0; i < group.count; i++) {
            log_record_header_encode(
                repair->buffer + WAL_GROUP_HEADER_BYTES + i * WAL_RECORD_HEADER_BYTES, &lost);
        }
        err = write_group(repair, &group);
        first_lsn += group.count;
    }
    return err;
}

static enum wal_err lost(void *context, const struct wal_place *at)
{
    struct repair *repair = context;
    struct wal_place place = *at;
    bool stop = repair->options->policy == WAL_REPAIR_STOP;

    if (stop && repair->walk.witness_lsn > place.last_lsn) {
        place.last_lsn = repair->walk.witness_lsn;
    }
    repair->report.lost += place.last_lsn - place.first_lsn + 1;
    emit(repair,
         (struct wal_event){.kind = WAL_EVENT_CORRUPTION, .err = WAL_CORRUPT, .place = place});
    if (stop) return WAL_END;
    repair->report.last_lsn = place.last_lsn;
    if (!repair->options->apply) return WAL_OK;
    return write_lost(repair, place.first_lsn, place.last_lsn);
}

static enum wal_err walk_all(struct repair *repair)
{
    const struct log_walk_visitor visitor = {.keep = keep, .lost = lost, .context = repair};
    enum wal_err err = log_walk_run(&repair->walk, &visitor);
    return err == WAL_END ? WAL_OK : err;
}

/* ---- Putting it into place ---- */

static enum wal_err begin_life(struct repair *repair)
{
    uint32_t leap; /* As when a log is taken over: format.h, "A LIFE begins". */

    enum wal_err err = io_random(repair->io, &leap, sizeof leap);
    if (err) return err;
    repair->life = repair->walk.life + 1 + leap;
    repair->binding = log_binding(repair->walk.log_id, repair->life, repair->report.segment);
    repair->offset = log_area_bytes(repair->walk.block_bytes);
    return WAL_OK;
}

static enum wal_err write_header(struct repair *repair)
{
    const struct log_walk *walk = &repair->walk;
    struct wal_segment_header header = {
        .version = WAL_FORMAT_VERSION,
        .block_bytes = walk->block_bytes,
        .life = repair->life,
        .segment = repair->report.segment,
        .first_lsn = walk->begin_lsn,
        .durable_lsn = repair->report.last_lsn,
        .segment_bytes =
            walk->segment_bytes > repair->offset ? walk->segment_bytes : repair->offset,
    };

    memcpy(header.log_id, walk->log_id, WAL_LOG_ID_BYTES);
    enum wal_err err = log_segment_header_write(repair->io, repair->file, &header, 1);
    if (err) return err;
    return io_fsync(repair->io, repair->file);
}

static enum wal_err prepare_mark(struct repair *repair)
{
    struct wal_mark_slot contents = {
        .version = WAL_FORMAT_VERSION,
        .clean = true,
        .sequence = repair->walk.marked ? repair->walk.mark.sequence : 0,
        .life = repair->life,
        .durable_lsn = repair->report.last_lsn,
        .floor_lsn = repair->walk.floor_lsn,
        .floor_segment = repair->report.segment,
        .segment = repair->report.segment,
        .offset = repair->offset,
        .commit_ns = repair->commit_ns,
        .added = 0, /* All of it is in the header. */
    };
    struct log_mark mark;

    memcpy(contents.log_id, repair->walk.log_id, WAL_LOG_ID_BYTES);
    enum wal_err err = log_mark_prepare(repair->io, repair->dir, &contents, &mark);
    if (err) return err;
    err_ignore(io_close(repair->io, mark.file)); /* Synced. */
    return WAL_OK;
}

/* A second name; that it is there already was the same file's doing. */
static enum wal_err set_aside(struct repair *repair, const char *name, const char *aside)
{
    enum wal_err err = io_link(repair->io, repair->dir, name, aside);

    return err == WAL_EXISTS ? WAL_OK : err;
}

static enum wal_err set_segments_aside(struct repair *repair)
{
    for (size_t i = 0; i < repair->walk.count; i++) {
        uint64_t number = repair->walk.segments[i].number;
        char name[WAL_SEGMENT_NAME_BYTES], aside[LOG_ASIDE_NAME_BYTES];

        log_segment_name(name, number);
        log_aside_segment_name(aside, number);
        enum wal_err err = set_aside(repair, name, aside);
        if (err) return err;
    }
    return io_fsync_dir(repair->io, repair->dir);
}

static enum wal_err set_mark_aside(struct repair *repair)
{
    char aside[LOG_ASIDE_NAME_BYTES];

    log_aside_mark_name(aside, repair->report.segment);
    enum wal_err err = set_aside(repair, WAL_MARK_NAME, aside);
    if (err == WAL_NOTFOUND) { /* There is no mark; but the name has something to say. */
        struct wal_file file;

        err =
            io_open(repair->io, repair->dir, aside, WAL_OPEN_WRITE | WAL_OPEN_CREATE, &file, NULL);
        if (err) return err;
        err_ignore(io_close(repair->io, file)); /* Nothing was written. */
    }
    if (err) return err;
    return io_fsync_dir(repair->io, repair->dir);
}

/* The copy that an interrupted repair left goes, durably, before its name is given again. */
static enum wal_err remove_unfinished(struct repair *repair)
{
    char name[WAL_SEGMENT_NAME_BYTES];

    if (repair->walk.unfinished == 0) return WAL_OK;
    log_segment_name(name, repair->walk.unfinished);
    enum wal_err err = io_unlink(repair->io, repair->dir, name);
    if (err != WAL_OK && err != WAL_NOTFOUND) return err;
    return io_fsync_dir(repair->io, repair->dir);
}

static enum wal_err switch_over(struct repair *repair)
{
    bool unsure = false;

    enum wal_err err = remove_unfinished(repair);
    if (err == WAL_OK) err = prepare_mark(repair);
    if (err == WAL_OK) err = set_segments_aside(repair);
    if (err == WAL_OK) err = set_mark_aside(repair);
    if (err == WAL_OK) {
        err = log_segment_publish(repair->io, repair->dir, WAL_SEGMENT_TMP_NAME,
                                  repair->report.segment, &unsure);
    }
    if (err == WAL_OK) err = log_mark_publish(repair->io, repair->dir);
    return err;
}

/* They lie below the floor: should one stay, the next writer removes it. */
static void drop_old_names(struct repair *repair)
{
    for (size_t i = 0; i < repair->walk.count; i++) {
        char name[WAL_SEGMENT_NAME_BYTES];

        log_segment_name(name, repair->walk.segments[i].number);
        err_ignore(io_unlink(repair->io, repair->dir, name));
    }
    err_ignore(io_fsync_dir(repair->io, repair->dir));
}

static enum wal_err apply(struct repair *repair)
{
    enum wal_err err =
        log_tmp_create(repair->io, repair->dir, WAL_SEGMENT_TMP_NAME, 0, &repair->file);

    if (err) return err;
    err = begin_life(repair);
    if (err == WAL_OK) err = walk_all(repair);
    if (err == WAL_OK) err = write_header(repair);
    if (err == WAL_OK) err = switch_over(repair);
    err_ignore(io_close(repair->io, repair->file)); /* Synced, or given up. */
    if (err) return err;
    drop_old_names(repair);
    io_note(repair->io, WAL_NOTE_REPAIRED);
    emit(repair, (struct wal_event){.kind = WAL_EVENT_REPAIRED,
                                    .lsn = repair->report.last_lsn,
                                    .bytes = repair->report.lost});
    return WAL_OK;
}

/* ---- The whole ---- */

static enum wal_err take_lock(struct wal_io *io, struct wal_dir dir, struct wal_file *ret_lock)
{
    struct wal_file lock;

    enum wal_err err =
        io_open(io, dir, WAL_LOCK_NAME, WAL_OPEN_WRITE | WAL_OPEN_CREATE, &lock, NULL);
    if (err) return err;
    err = io_lock(io, lock);
    if (err) {
        err_ignore(io_close(io, lock)); /* Nothing is ever written to it. */
        return err;
    }
    *ret_lock = lock;
    return WAL_OK;
}

static enum wal_err run(struct repair *repair)
{
    struct wal_repair_report *report = &repair->report;

    enum wal_err err = log_walk_survey(&repair->walk, repair->options->witness_lsn);
    if (err) return err;
    report->floor_lsn = repair->walk.floor_lsn;
    report->last_lsn = report->floor_lsn - 1;
    report->segment =
        repair->walk.unfinished != 0 ? repair->walk.unfinished : repair->walk.number_max + 1;
    report->aside = repair->walk.count;
    return repair->options->apply ? apply(repair) : walk_all(repair);
}

/* Only what verify calls damaged is repaired: a torn tail is the next writer's affair. */
static enum wal_err is_needed(struct wal_io *io, const char *path, bool *ret_needed)
{
    struct wal_survey survey;

    enum wal_err err = wal_verify(io, path, true, NULL, NULL, &survey, NULL);
    *ret_needed = err == WAL_CORRUPT || err == WAL_IO; /* Nor can it be used if it can't be read. */
    return *ret_needed ? WAL_OK : err;
}

static enum wal_err repair_locked(struct wal_io *io, const char *path, struct wal_dir dir,
                                  const struct wal_repair_options *options,
                                  struct wal_repair_report *ret_report)
{
    struct repair repair = {.io = io, .dir = dir, .options = options, .file = WAL_FILE_NONE};

    enum wal_err err = is_needed(io, path, &repair.report.needed);
    if (err == WAL_OK && repair.report.needed) {
        log_walk_init(&repair.walk, io, dir);
        err = run(&repair);
        log_walk_end(&repair.walk);
        io_free(io, repair.buffer, repair.buffer_bytes);
    }
    if (err) return err;
    *ret_report = repair.report;
    return WAL_OK;
}

enum wal_err wal_repair(struct wal_io *io, const char *path,
                        const struct wal_repair_options *options,
                        struct wal_repair_report *ret_report)
{
    struct wal_file lock = WAL_FILE_NONE;
    struct wal_dir dir;

    if (options->policy != WAL_REPAIR_STOP && options->policy != WAL_REPAIR_SALVAGE) {
        return WAL_OPTION;
    }
    enum wal_err err = io_dir_open(io, path, &dir);
    if (err) return err;
    if (options->apply) err = take_lock(io, dir, &lock);
    if (err == WAL_OK) err = repair_locked(io, path, dir, options, ret_report);
    if (lock.id >= 0) err_ignore(io_close(io, lock)); /* Nothing is ever written to it. */
    io_dir_close(io, dir);
    return err;
}
