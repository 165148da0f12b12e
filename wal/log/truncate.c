/*
 * truncate.c - take back all records above an LSN, for good.
 *
 * The mark decides. Once it says, in both slots and synced, that a new life has begun behind `lsn`
 * and that nothing above counts (format.h, "A LIFE begins"), the truncation has happened: what the
 * log still does is to tidy up, and if it dies on the way the next open does it instead. Before
 * that nothing has happened. There is nothing between.
 *
 * In order: the new life's first segment under its .tmp name, because that may fail for want of
 * space; the mark; the segments above the cut unlinked, the last one first; the new segment's name,
 * in the place of the one right behind the cut, and the directory synced, so that none of them is
 * ever found again under the number of a later one; the mark. So behind what was cut off there is a
 * segment at any moment that says so, even to who has lost the mark.
 */
#include "wal/log/codec.h"
#include "wal/log/log_state.h"
#include "wal/log/segment.h"

struct cut {
    uint64_t lsn;
    uint64_t life;   /* The one that begins. */
    uint64_t offset; /* Where lsn ends: behind which byte, */
    uint64_t commit_ns;
    struct wal_segment_header kept;        /* and of which segment. */
    char tmp_name[WAL_SEGMENT_NAME_BYTES]; /* The new life's first segment, */
    struct wal_file file;                  /* without a name as yet. */
};

enum wal_err log_life_after(struct wal_io *io, uint64_t life, uint64_t *ret_life)
{
    uint32_t leap; /* Not just one more: format.h, "A LIFE begins". */

    enum wal_err err = io_random(io, &leap, sizeof leap);
    if (err) return err;
    *ret_life = life + 1 + leap;
    return WAL_OK;
}

/* The LSN lies in this group: where does it end, if a batch ends with it? */
static enum wal_err group_cut_at(struct log_scan *scan, uint64_t offset, uint64_t first_lsn,
                                 struct cut *cut)
{
    struct log_group group;
    uint32_t pos = 0;

    enum wal_err err = log_scan_group_twice(scan, offset, first_lsn, &group);
    if (err) return err;
    if (first_lsn + group.valid_count <= cut->lsn) return WAL_CORRUPT;
    for (uint64_t lsn = first_lsn; lsn <= cut->lsn; lsn++) {
        struct wal_record_header record;

        log_record_header_decode(group.records + pos, &record);
        pos += (uint32_t)log_record_bytes(record.length);
        if (lsn == cut->lsn && record.flags & WAL_RECORD_BATCH_GOES_ON) return WAL_OPTION;
    }
    cut->offset = offset + WAL_GROUP_HEADER_BYTES + pos;
    cut->commit_ns = group.header.commit_ns;
    return WAL_OK;
}

static enum wal_err groups_walk(struct log_scan *scan, uint64_t first_lsn, struct cut *cut)
{
    uint64_t lsn = first_lsn;

    while (lsn <= cut->lsn) {
        struct wal_group_header header;
        bool valid = false;

        enum wal_err err = log_scan_header(scan, cut->offset, &header, &valid);
        if (err == WAL_OK && !valid) {
            log_scan_drop(scan); /* It may have gone wrong on its way. */
            err = log_scan_header(scan, cut->offset, &header, &valid);
        }
        if (err) return err;
        if (!valid || header.first_lsn != lsn) return WAL_CORRUPT;
        if (lsn + header.count > cut->lsn) return group_cut_at(scan, cut->offset, lsn, cut);
        lsn += header.count;
        cut->offset = log_next_offset(scan, cut->offset, header.length);
    }
    return WAL_OK;
}

static enum wal_err cut_find(struct wal_log *log, struct cut *cut)
{
    const struct wal_segment_header *kept = &cut->kept;
    struct log_scan scan;
    struct wal_file file;
    uint64_t size = 0;

    enum wal_err err = log_segment_holding(log, cut->lsn, &cut->kept);
    if (err) return err;
    cut->offset = log_area_bytes(kept->block_bytes);
    cut->commit_ns = kept->commit_ns;
    err = log_segment_open(log->io, log->dir, kept->segment, 0, &file);
    if (err) return err;
    log_scan_init(&scan, log->io);
    err = io_size(log->io, file, &size);
    if (err == WAL_OK) {
        log_scan_file(&scan, file, kept, size);
        err = groups_walk(&scan, kept->first_lsn, cut);
    }
    log_scan_end(&scan);
    err_ignore(io_close(log->io, file)); /* Only read. */
    if (err == WAL_CORRUPT) {
        log_report_damage(log, err,
                          log_place_segment(cut->kept.segment, cut->offset, cut->lsn, cut->lsn));
    }
    return err;
}

/* All of the new segment but its name. */
static enum wal_err segment_prepare(struct wal_log *log, struct cut *cut, bool *unsure)
{
    struct wal_segment_header header = {
        .version = WAL_FORMAT_VERSION,
        .block_bytes = log->block_bytes,
        .life = cut->life,
        .segment = cut->kept.segment + 1,
        .first_lsn = cut->lsn + 1,
        .durable_lsn = cut->lsn,
        .commit_ns = cut->commit_ns,
        .segment_bytes = log->options.segment_bytes,
        .prev_life = cut->kept.life,
        .prev_durable_lsn = cut->kept.durable_lsn,
    };

    memcpy(header.log_id, log->log_id, WAL_LOG_ID_BYTES);
    log_next_name(cut->tmp_name, cut->life);
    unsigned direct = log_fill_flags(&log->options, log->file_flags, log->direct_align);
    uint32_t align = log_align_of(direct, log->direct_align);
    enum wal_err err = log_tmp_create(log->io, log->dir, cut->tmp_name, direct, &cut->file);
    if (err) return err;
    if (log->options.preallocate) {
        uint64_t area = log_area_bytes(log->block_bytes);
        bool filled = false;

        err = log_segment_try_fill(log->io, cut->file, area, header.segment_bytes, align, &filled);
        if (err) return err;
        if (filled) header.flags = WAL_SEGMENT_PREWRITTEN;
    }
    err = log_segment_header_write(log->io, cut->file, &header, align);
    if (err) return err;
    err = io_fsync(log->io, cut->file);
    *unsure = err != WAL_OK; /* Nothing is acknowledged after a failed sync, whatever it was of. */
    if (err) return err;
    return log_segment_reopen(log->io, log->dir, cut->tmp_name, log->file_flags, &cut->file);
}

/* From here on there is no way back. */
static enum wal_err mark_decide(struct wal_log *log, const struct cut *cut, bool *unsure)
{
    struct wal_mark_slot contents = {
        .version = WAL_FORMAT_VERSION,
        .begins = true,
        .cut = true,
        .life = cut->life,
        .cut_life = cut->life,
        .cut_lsn = cut->lsn,
        .durable_lsn = cut->lsn,
        .floor_lsn = log->floor_lsn,
        .floor_segment = log->floor_segment,
        .segment = cut->kept.segment,
        .offset = cut->offset,
        .commit_ns = cut->commit_ns,
        .added = log_mark_added(cut->kept.durable_lsn, cut->lsn),
    };

    memcpy(contents.log_id, log->log_id, WAL_LOG_ID_BYTES);
    enum wal_err err = log_mark_renew(log->io, &log->mark, &contents, true, unsure);
    if (err && !*unsure) {
        /* The slot may hold it nevertheless: put there what was true, or nobody knows. */
        *unsure = log_renew_mark(log, true, false, unsure) != WAL_OK;
        return err;
    }
    if (err) return err;
    /* The other slot too: it could be the only good one some day. */
    err = log_mark_renew(log->io, &log->mark, &contents, true, unsure);
    *unsure = err != WAL_OK;
    return err;
}

/* All but the one right behind the cut, whose number is needed. */
static enum wal_err segments_above_remove(struct wal_log *log, const struct cut *cut)
{
    for (uint64_t number = log->tip.segment; number > cut->kept.segment + 1; number--) {
        char name[WAL_SEGMENT_NAME_BYTES];

        log_segment_name(name, number);
        enum wal_err err = io_unlink(log->io, log->dir, name);
        if (err != WAL_OK && err != WAL_NOTFOUND) return err;
    }
    return WAL_OK;
}

static void tip_move(struct wal_log *log, const struct cut *cut)
{
    err_ignore(io_close(log->io, log->tip.file)); /* What is kept of it was synced. */
    log->tip = (struct log_tip){
        .file = cut->file,
        .segment = cut->kept.segment + 1,
        .begun_lsn = cut->lsn,
        .offset = log_area_bytes(log->block_bytes),
        .bytes_max = log->options.segment_bytes,
        .binding = log_binding(log->log_id, cut->life, cut->kept.segment + 1),
        .written_lsn = cut->lsn,
        .durable_lsn = cut->lsn,
        .durable_offset = log_area_bytes(log->block_bytes),
        .commit_ns = cut->commit_ns,
        .durable_commit_ns = cut->commit_ns,
    };
}

/* The mark says so; now make it so. */
static enum wal_err carry_out(struct wal_log *log, struct cut *cut)
{
    uint64_t number = cut->kept.segment + 1;
    bool unsure = false;

    log->life = log->cut_life = cut->life;
    log->cut_lsn = cut->lsn;
    enum wal_err err = log_mark_is_ours(log);
    if (err) return err;
    err = segments_above_remove(log, cut);
    if (err) return err;
    err = log_segment_put(log, cut->tmp_name, number, number <= log->tip.segment);
    if (err) return err;
    tip_move(log, cut);
    cut->file = WAL_FILE_NONE;
    log->preparer.asked_segment = 0; /* Numbers are given again. */
    io_note(log->io, WAL_NOTE_TRUNCATED);
    /* If this fails surely, the mark that decided and the new segment say all there is to say. */
    err = log_renew_mark(log, true, false, &unsure);
    return unsure ? err : WAL_OK;
}

enum wal_err log_truncate(struct wal_log *log, struct log_command *command, bool *unsure)
{
    struct cut cut = {.lsn = command->lsn, .file = WAL_FILE_NONE};

    assert(log->tip.durable_lsn == log->tip.written_lsn);
    if (cut.lsn >= log->tip.durable_lsn) return WAL_OK;
    if (cut.lsn + 1 < log->floor_lsn) return WAL_PRUNED;
    enum wal_err err = cut_find(log, &cut);
    if (err) return err;
    err = log_life_after(log->io, log->life, &cut.life);
    if (err) return err;
    err = segment_prepare(log, &cut, unsure);
    if (err) goto undo;
    err = mark_decide(log, &cut, unsure);
    if (err) goto undo;
    err = carry_out(log, &cut);
    *unsure = err != WAL_OK;
    if (err) goto undo;
    command->truncated = true;
    return WAL_OK;

undo:
    if (cut.file.id < 0) return err;
    /* It never got its name, or it is the next open that needs to know. */
    err_ignore(io_close(log->io, cut.file));
    if (!*unsure) err_ignore(io_unlink(log->io, log->dir, cut.tmp_name));
    return err;
}

enum wal_err wal_truncate_after(struct wal_log *log, uint64_t lsn)
{
    struct log_command command = {.kind = LOG_COMMAND_TRUNCATE, .lsn = lsn};

    return log_command_wait(log, &command);
}

enum wal_err log_leftover_remove(struct wal_log *log, uint64_t number)
{
    struct wal_segment_header header;
    char name[WAL_SEGMENT_NAME_BYTES];
    struct wal_file file;

    enum wal_err err = log_segment_open(log->io, log->dir, number, 0, &file);
    if (err) return err;
    err = log_segment_header_read(log->io, file, number, &header);
    err_ignore(io_close(log->io, file)); /* Only read. */
    if (err) return err;
    if (header.life >= log->life) return WAL_LOCKED;
    log_segment_name(name, number);
    err = io_unlink(log->io, log->dir, name);
    if (err) return err;
    return io_fsync_dir(log->io, log->dir);
}

enum wal_err log_segment_put(struct wal_log *log, const char *tmp_name, uint64_t number,
                             bool replaces)
{
    bool unsure = false;

    if (replaces) return log_segment_replace(log->io, log->dir, tmp_name, number, &unsure);
    enum wal_err err = log_segment_publish(log->io, log->dir, tmp_name, number, &unsure);
    if (err == WAL_LOCKED && log_leftover_remove(log, number) == WAL_OK) {
        err = log_segment_publish(log->io, log->dir, tmp_name, number, &unsure);
    }
    return err;
}
