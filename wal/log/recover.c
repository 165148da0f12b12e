/*
 * recover.c - make the log in a directory fit to be written to.
 *
 * After a clean close the writer goes on where the last one stopped. After anything else it takes
 * over: what is known durable stays where it is, never to be touched again; what is valid but not
 * known durable is copied into a fresh segment of a new life, synced, and only then served. So
 * nothing that a process killed but not dead may still write is ever part of the log, and no record
 * is shown that a power cut could take back.
 *
 * The order in which things become durable, each crash point between them being a state that the
 * next open understands:
 *
 *     1  the mark, under its name: a new life begins behind the last segment there is. From now on
 *        a segment above that one which is of an earlier life is a leftover, whoever began it
 *     2  leftovers are gone, and that is durable: their numbers are free; but the one whose number
 *        comes next stays, so that behind what does not count there always is one that says so
 *     3  the fresh segment's bytes under a .tmp name: litter until it has its own
 *     4  the segment's name, which that one loses
 *     5  the mark: done
 *
 * At creation there is no life before: the segment gets its name, and then the mark.
 *
 * A SEGMENT BEYOND THE MARK was linked by someone who didn't get as far as 5. The sync of its name
 * may have failed, after which nothing is promised about it any more, though it is there to be
 * seen. So it is written anew, from bytes that are verified, and renamed into place, before
 * anything that would follow it.
 */
#include "wal/log/codec.h"
#include "wal/log/log_state.h"
#include "wal/log/segment.h"
#include "wal/log/transfer.h"

enum { BLOCK_BYTES_MAX = 4096 };

/* The part of the source's groups with LSNs first..last goes to `file` from *offset on. */
struct copy {
    struct wal_file file;
    uint64_t first_lsn;
    uint64_t last_lsn;
    uint32_t binding;
    uint64_t durable_lsn; /* For the new group headers; UINT64_MAX: keep theirs. */
    uint64_t offset;
};

/* Cut the group to what is wanted of it, in place. Returns where its first record is. */
static uint8_t *group_trim(struct log_group *group, const struct copy *copy)
{
    struct wal_group_header *header = &group->header;
    uint64_t lsn = header->first_lsn;
    uint32_t begin = 0;
    uint32_t end = 0;

    header->count = 0;
    for (uint32_t i = 0; i < group->valid_count && lsn <= copy->last_lsn; i++, lsn++) {
        struct wal_record_header record;

        log_record_header_decode(group->records + end, &record);
        end += (uint32_t)log_record_bytes(record.length);
        if (lsn < copy->first_lsn) {
            begin = end;
            header->first_lsn = lsn + 1;
        } else {
            header->count++;
        }
    }
    header->length = end - begin;
    return group->records + begin;
}

/* Write the group, which stands in the scan's window, for its new place. */
static enum wal_err group_copy(struct log_scan *scan, struct log_group *group, struct copy *copy)
{
    static const uint8_t zeros[BLOCK_BYTES_MAX];
    uint8_t *records = group_trim(group, copy);
    uint8_t *bytes = records - WAL_GROUP_HEADER_BYTES; /* Overwrites what was not wanted. */
    size_t len = WAL_GROUP_HEADER_BYTES + (size_t)group->header.length;
    uint64_t next = log_next_offset(scan, copy->offset, group->header.length);

    if (group->header.count == 0) return WAL_OK;
    if (copy->durable_lsn != UINT64_MAX) group->header.durable_lsn = copy->durable_lsn;
    log_records_seal(records, copy->binding, copy->offset + WAL_GROUP_HEADER_BYTES,
                     group->header.first_lsn, group->header.count);
    log_group_header_encode(bytes, &group->header, copy->binding, copy->offset);
    enum wal_err err = log_write_full(scan->io, copy->file, copy->offset, bytes, len);
    if (err) return err;
    if (next > copy->offset + len) {
        size_t padding = (size_t)(next - copy->offset - len);
        err = log_write_full(scan->io, copy->file, copy->offset + len, zeros, padding);
        if (err) return err;
    }
    copy->offset = next;
    return WAL_OK;
}

static enum wal_err groups_copy(struct log_scan *scan, uint64_t offset, struct copy *copy)
{
    uint64_t lsn = copy->first_lsn;

    while (lsn <= copy->last_lsn) {
        struct log_group group;
        struct wal_group_header header;
        bool valid = false;

        enum wal_err err = log_scan_header(scan, offset, &header, &valid);
        if (err == WAL_OK && !valid) {
            log_scan_drop(scan); /* It may have gone wrong on its way. */
            err = log_scan_header(scan, offset, &header, &valid);
        }
        if (err) return err;
        if (!valid || header.first_lsn > lsn) return WAL_CORRUPT;
        err = log_scan_group_twice(scan, offset, header.first_lsn, &group);
        if (err) return err;
        /* The survey found all this valid. If it no longer is, the device is not to be trusted. */
        if (header.first_lsn + group.valid_count <= lsn) return WAL_CORRUPT;
        lsn = header.first_lsn + group.valid_count;
        offset = group.next_offset;
        err = group_copy(scan, &group, copy);
        if (err) return err;
    }
    return WAL_OK;
}

/* Of the last segment nothing is read behind what the survey found valid. */
static enum wal_err segment_copy(struct log_survey *survey, uint64_t number, uint64_t offset,
                                 struct copy *copy)
{
    const struct wal_segment_header *header =
        &survey->segments[number - survey->floor_segment].header;
    bool is_last = header == log_survey_last(survey);
    struct wal_file file;
    uint64_t size = 0;

    if (copy->first_lsn > copy->last_lsn) return WAL_OK;
    enum wal_err err = log_segment_open(survey->io, survey->dir, number, 0, &file);
    if (err) return err;
    err = io_size(survey->io, file, &size);
    if (is_last && size > survey->end.offset) size = survey->end.offset;
    if (err == WAL_OK) {
        log_scan_file(&survey->scan, file, header, size);
        err = groups_copy(&survey->scan, offset, copy);
        log_scan_drop(&survey->scan); /* The window was written over. */
    }
    err_ignore(io_close(survey->io, file)); /* Only read. */
    return err;
}

/* What survey found valid of segment i, written anew under the same name. */
static enum wal_err segment_rewrite(struct log_survey *survey, size_t i)
{
    struct wal_io *io = survey->io;
    const struct wal_segment_header *header = &survey->segments[i].header;
    bool is_last = i + 1 == survey->count;
    char name[WAL_SEGMENT_NAME_BYTES];
    struct copy copy = {
        .first_lsn = header->first_lsn,
        .last_lsn = is_last ? survey->end.lsn - 1 : survey->segments[i + 1].header.first_lsn - 1,
        .binding = log_binding(header->log_id, header->life, header->segment),
        .durable_lsn = UINT64_MAX,
        .offset = log_area_bytes(header->block_bytes),
    };

    log_segment_name(name, header->segment);
    enum wal_err err = log_tmp_create(io, survey->dir, WAL_SEGMENT_TMP_NAME, 0, &copy.file);
    if (err) return err;
    err = log_segment_header_write(io, copy.file, header, 1);
    if (err == WAL_OK) err = segment_copy(survey, header->segment, copy.offset, &copy);
    if (err == WAL_OK) err = io_fsync(io, copy.file);
    err_ignore(io_close(io, copy.file)); /* Synced, or given up. */
    if (err == WAL_OK) err = io_rename(io, survey->dir, WAL_SEGMENT_TMP_NAME, name);
    return err;
}

/* The mark as it is, in a file of its own. A writer that has lost its lock and does not know it may
 * yet renew the one it holds; that must not speak of what will have been written anew. */
static enum wal_err mark_detach(struct log_survey *survey)
{
    struct log_mark mark;

    enum wal_err err = log_mark_prepare(survey->io, survey->dir, &survey->mark, &mark);
    if (err) return err;
    err_ignore(io_close(survey->io, mark.file)); /* Synced. */
    survey->mark.sequence = mark.newest.sequence;
    return log_mark_publish(survey->io, survey->dir);
}

static enum wal_err names_make_durable(struct log_survey *survey)
{
    uint64_t beyond = survey->mark.segment + 1 - survey->floor_segment;

    if (beyond < survey->count) {
        enum wal_err err = mark_detach(survey);
        if (err) return err;
    }
    for (uint64_t i = beyond; i < survey->count; i++) {
        enum wal_err err = segment_rewrite(survey, (size_t)i);
        if (err) return err;
    }
    return beyond < survey->count ? io_fsync_dir(survey->io, survey->dir) : WAL_OK;
}

static struct wal_mark_slot mark_contents(const struct wal_log *log, uint64_t sequence)
{
    struct wal_mark_slot mark = {
        .version = WAL_FORMAT_VERSION,
        .sequence = sequence,
        .life = log->life,
        .cut_life = log->cut_life,
        .cut_lsn = log->cut_lsn,
        .durable_lsn = log->tip.durable_lsn,
        .floor_lsn = log->floor_lsn,
        .floor_segment = log->floor_segment,
        .segment = log->tip.segment,
        .offset = log->tip.offset,
        .commit_ns = log->tip.commit_ns,
        .added = log_mark_added(log->tip.begun_lsn, log->tip.durable_lsn),
    };

    memcpy(mark.log_id, log->log_id, WAL_LOG_ID_BYTES);
    return mark;
}

/* The tip as it is with everything up to `lsn` durable and nothing written beyond. */
static struct log_tip tip_at(const struct wal_log *log, uint64_t segment, uint64_t begun_lsn,
                             uint64_t offset, uint64_t lsn, uint64_t commit_ns)
{
    return (struct log_tip){
        .file = WAL_FILE_NONE,
        .segment = segment,
        .begun_lsn = begun_lsn,
        .offset = offset,
        .bytes_max = log->options.segment_bytes,
        .binding = log_binding(log->log_id, log->life, segment),
        .written_lsn = lsn,
        .durable_lsn = lsn,
        .durable_offset = offset,
        .commit_ns = commit_ns,
        .durable_commit_ns = commit_ns,
    };
}

/* The fresh segment's groups are in `file`, up to the tip: give it its header, durably. */
static enum wal_err segment_finish(struct wal_log *log, struct wal_segment_header *header,
                                   uint32_t align, struct wal_file *file)
{
    bool filled = false;
    enum wal_err err = WAL_OK;

    if (header->segment_bytes < log->tip.offset) header->segment_bytes = log->tip.offset;
    if (log->options.preallocate) {
        err = log_segment_try_fill(log->io, *file, log->tip.offset, header->segment_bytes, align,
                                   &filled);
        if (err) return err;
    }
    header->flags = filled ? WAL_SEGMENT_PREWRITTEN : 0;
    err = log_segment_header_write(log->io, *file, header, align);
    if (err) return err;
    err = io_fsync(log->io, *file);
    if (err) return err;
    return log_segment_reopen(log->io, log->dir, WAL_SEGMENT_TMP_NAME, log->file_flags, file);
}

static struct wal_segment_header fresh_header(const struct wal_log *log)
{
    struct wal_segment_header header = {
        .version = WAL_FORMAT_VERSION,
        .block_bytes = log->block_bytes,
        .life = log->life,
        .segment = log->tip.segment,
        .segment_bytes = log->options.segment_bytes,
    };

    memcpy(header.log_id, log->log_id, WAL_LOG_ID_BYTES);
    return header;
}

/* Who makes a file gives it up: its .tmp name goes, and nothing else has been done to the log. */
static void give_up(struct wal_log *log, struct wal_file file)
{
    err_ignore(io_close(log->io, file));
    err_ignore(io_unlink(log->io, log->dir, WAL_SEGMENT_TMP_NAME));
}

static enum wal_err parent_sync(struct wal_io *io, const char *path)
{
    size_t len = strlen(path);
    struct wal_dir dir;

    while (len > 1 && path[len - 1] == '/') len--;
    while (len > 0 && path[len - 1] != '/') len--;
    while (len > 1 && path[len - 1] == '/') len--;

    char *parent = io_alloc(io, len + 2);
    if (parent == NULL) return WAL_NOMEM;
    memcpy(parent, len > 0 ? path : ".", len > 0 ? len : 1);
    parent[len > 0 ? len : 1] = '\0';
    enum wal_err err = io_dir_open(io, parent, &dir);
    io_free(io, parent, len + 2);
    if (err) return err;
    err = io_fsync_dir(io, dir);
    io_dir_close(io, dir);
    return err;
}

static void leftover_removed(struct wal_log *log, const char *name)
{
    io_note(log->io, WAL_NOTE_LEFTOVER_REMOVED);
    log_emit(&log->options, (struct wal_event){
                                .kind = WAL_EVENT_LEFTOVER_REMOVED,
                                .place = log_place_file(name),
                            });
}

static void leftovers_remove(struct wal_log *log, const struct log_survey *survey, bool pruned)
{
    for (const char *name = NULL; (name = log_survey_next_name(survey, name)) != NULL;) {
        uint64_t number;
        bool goes = pruned ? log_segment_name_parse(name, &number) && number < log->floor_segment
                           : log_tmp_name(name);

        if (!pruned && log_spare_name_parse(name, &number)) {
            goes = !log_preparer_adopt(&log->preparer, number);
        }

        /* Litter harms nobody; who needs the name will try again. */
        if (goes && io_unlink(log->io, log->dir, name) == WAL_OK) leftover_removed(log, name);
    }
}

/* A creation got as far as its segment. Begin again, with the name durably gone: were it to come
 * back, its log would be another. */
static enum wal_err unbegun_remove(struct wal_log *log, const struct log_survey *survey)
{
    for (const char *name = NULL; (name = log_survey_next_name(survey, name)) != NULL;) {
        uint64_t number;

        if (!log_segment_name_parse(name, &number)) continue;
        enum wal_err err = io_unlink(log->io, log->dir, name);
        if (err) return err;
        leftover_removed(log, name);
    }
    enum wal_err err = io_fsync_dir(log->io, log->dir);
    if (err) return err;
    io_note(log->io, WAL_NOTE_CREATE_RESUMED);
    return WAL_OK;
}

enum wal_err log_create(struct wal_log *log, struct log_survey *survey, const char *path)
{
    struct wal_file file = WAL_FILE_NONE;

    leftovers_remove(log, survey, false);
    enum wal_err err = WAL_OK;
    if (survey->kind == LOG_KIND_UNBEGUN) err = unbegun_remove(log, survey);
    if (err) return err;
    /* Also if we didn't make the directory: whoever did may have died before he could sync it. */
    err = parent_sync(log->io, path);
    if (err) return err;
    err = io_random(log->io, log->log_id, sizeof log->log_id);
    if (err) return err;

    log->life = 1;
    log->block_bytes = log->options.block_bytes;
    log->floor_lsn = log->options.first_lsn;
    log->floor_segment = log->options.first_segment;
    log->tip = tip_at(log, log->floor_segment, log->floor_lsn - 1, log_area_bytes(log->block_bytes),
                      log->floor_lsn - 1, 0);
    struct wal_segment_header header = fresh_header(log);
    header.first_lsn = log->floor_lsn;
    header.durable_lsn = log->floor_lsn - 1;

    unsigned direct = log_fill_flags(&log->options, log->file_flags, log->direct_align);
    err = log_tmp_create(log->io, log->dir, WAL_SEGMENT_TMP_NAME, direct, &file);
    if (err) return err;
    err = segment_finish(log, &header, log_align_of(direct, log->direct_align), &file);
    if (err) goto undo;
    const struct wal_mark_slot contents = mark_contents(log, 0);
    /* The mark's bytes before the segment's name: what can fail for want of space comes first. */
    err = log_mark_prepare(log->io, log->dir, &contents, &log->mark);
    if (err) goto undo;
    bool unsure = false;
    err = log_segment_publish(log->io, log->dir, WAL_SEGMENT_TMP_NAME, header.segment, &unsure);
    if (err) goto undo;
    err = log_mark_publish(log->io, log->dir);
    if (err) goto undo;
    log->tip.file = file;
    io_note(log->io, WAL_NOTE_LOG_CREATED);
    return WAL_OK;

undo:
    give_up(log, file);
    return err;
}

static void takeover_report(const struct wal_log *log, const struct log_survey *survey)
{
    const struct wal_segment_header *last = log_survey_last(survey);
    uint64_t end_lsn = survey->end.lsn - 1;
    struct wal_place place = log_place_segment(last->segment, survey->end.offset, 0, 0);

    bool truncated = survey->announced && survey->mark.cut;

    if (survey->announced) io_note(log->io, WAL_NOTE_LIFE_RESUMED);
    if (truncated) io_note(log->io, WAL_NOTE_TRUNCATE_RESUMED);
    if (!truncated && survey->end.offset < survey->tail_end) {
        io_note(log->io, WAL_NOTE_TAIL_CUT);
        log_emit(&log->options, (struct wal_event){
                                    .kind = WAL_EVENT_TAIL_CUT,
                                    .lsn = end_lsn,
                                    .bytes = survey->tail_end - survey->end.offset,
                                    .place = place,
                                });
    }
    if (survey->witness.lsn <= end_lsn) io_note(log->io, WAL_NOTE_TAIL_COPIED);
    io_note(log->io, WAL_NOTE_OPEN_UNCLEAN);
    log_emit(&log->options, (struct wal_event){
                                .kind = WAL_EVENT_RECOVERED,
                                .lsn = end_lsn,
                                .place = place,
                            });
}

/* Before anything else of the new life: what lies above the segment that it follows does not count
 * from now on, nor does what a writer that has lost its lock may yet put there. */
static enum wal_err life_announce(struct wal_log *log, const struct log_survey *survey)
{
    struct wal_mark_slot contents = mark_contents(log, survey->mark.sequence);

    contents.begins = true;
    contents.cut = survey->announced && survey->mark.cut;
    contents.durable_lsn = survey->witness.lsn - 1;
    contents.segment = log_survey_last(survey)->segment;
    contents.offset = survey->witness_end;
    contents.commit_ns = survey->witness.commit_ns;
    contents.added = log_mark_added(log_survey_last(survey)->durable_lsn, contents.durable_lsn);
    enum wal_err err = log_mark_prepare(log->io, log->dir, &contents, &log->mark);
    if (err) return err;
    return log_mark_publish(log->io, log->dir);
}

/* None of them may be there when the new life's segments get such numbers; the first is replaced.
 */
static enum wal_err leftovers_unlink(struct wal_log *log, const struct log_survey *survey,
                                     bool *ret_first)
{
    bool any = false;

    for (const char *name = NULL; (name = log_survey_next_name(survey, name)) != NULL;) {
        uint64_t number;

        if (!log_segment_name_parse(name, &number) || number <= survey->last_segment) continue;
        if (number == survey->last_segment + 1) {
            *ret_first = true;
            leftover_removed(log, name);
            continue;
        }
        enum wal_err err = io_unlink(log->io, log->dir, name);
        if (err != WAL_OK && err != WAL_NOTFOUND) return err;
        leftover_removed(log, name);
        any = true;
    }
    return any ? io_fsync_dir(log->io, log->dir) : WAL_OK;
}

static enum wal_err fresh_publish(struct wal_log *log, uint64_t number, bool replaces)
{
    bool unsure = false;

    enum wal_err err = log_segment_put(log, WAL_SEGMENT_TMP_NAME, number, replaces);
    if (err) return err;
    const struct wal_mark_slot contents = mark_contents(log, log->mark.newest.sequence);
    return log_mark_renew(log->io, &log->mark, &contents, true, &unsure);
}

/* What is valid but not known durable, in a segment of the new life. */
static enum wal_err fresh_segment(struct wal_log *log, struct log_survey *survey, bool replaces)
{
    const struct wal_segment_header *last = log_survey_last(survey);
    struct copy copy = {
        .first_lsn = survey->witness.lsn,
        .last_lsn = survey->end.lsn - 1,
        .binding = log->tip.binding,
        .durable_lsn = survey->witness.lsn - 1,
        .offset = log->tip.offset,
    };
    struct wal_segment_header header = fresh_header(log);
    header.first_lsn = copy.first_lsn;
    header.durable_lsn = copy.last_lsn;
    header.commit_ns = survey->witness.commit_ns;
    header.prev_life = last->life;
    header.prev_durable_lsn = last->durable_lsn;

    enum wal_err err = log_tmp_create(log->io, log->dir, WAL_SEGMENT_TMP_NAME, 0, &copy.file);
    if (err) return err;
    err = segment_copy(survey, last->segment, survey->witness.offset, &copy);
    if (err) goto undo;
    log->tip.offset = copy.offset;
    log->tip.durable_offset = copy.offset;
    err = segment_finish(log, &header, 1, &copy.file);
    if (err) goto undo;
    err = fresh_publish(log, header.segment, replaces);
    if (err) goto undo;
    log->tip.file = copy.file;
    return WAL_OK;

undo:
    give_up(log, copy.file);
    return err;
}

static enum wal_err take_over(struct wal_log *log, struct log_survey *survey,
                              struct wal_place *reterr_place)
{
    uint64_t number = log_survey_last(survey)->segment + 1;
    bool replaces = false;

    enum wal_err err = names_make_durable(survey);
    if (err) return err;
    err = log_life_after(log->io, survey->life, &log->life);
    if (err) return err;
    log->tip = tip_at(log, number, survey->end.lsn - 1, log_area_bytes(log->block_bytes),
                      survey->end.lsn - 1, survey->end.commit_ns);
    err = life_announce(log, survey);
    if (err) return err;
    err = leftovers_unlink(log, survey, &replaces);
    if (err) return err;
    err = fresh_segment(log, survey, replaces);
    if (err) {
        *reterr_place = log_place_segment(number, 0, 0, 0);
        return err;
    }
    takeover_report(log, survey);
    return WAL_OK;
}

static enum wal_err go_on(struct wal_log *log, const struct log_survey *survey)
{
    const struct wal_segment_header *last = log_survey_last(survey);
    struct wal_file file = WAL_FILE_NONE;

    log->life = survey->life;
    log->tip = tip_at(log, last->segment, last->durable_lsn, survey->end.offset,
                      survey->end.lsn - 1, survey->end.commit_ns);
    if (last->segment_bytes < log->tip.bytes_max) log->tip.bytes_max = last->segment_bytes;
    const struct wal_mark_slot contents = mark_contents(log, survey->mark.sequence);

    enum wal_err err =
        log_segment_open(log->io, log->dir, last->segment, WAL_OPEN_WRITE | log->file_flags, &file);
    if (err) return err;
    /* Before the first write: the mark must no longer say that the log is closed. */
    err = log_mark_prepare(log->io, log->dir, &contents, &log->mark);
    if (err == WAL_OK) err = log_mark_publish(log->io, log->dir);
    if (err) {
        err_ignore(io_close(log->io, file)); /* Nothing was written to it. */
        return err;
    }
    log->tip.file = file;
    io_note(log->io, WAL_NOTE_OPEN_CLEAN);
    return WAL_OK;
}

enum wal_err log_recover(struct wal_log *log, struct log_survey *survey,
                         struct wal_place *reterr_place)
{
    memcpy(log->log_id, survey->mark.log_id, WAL_LOG_ID_BYTES);
    log->block_bytes = log_survey_last(survey)->block_bytes;
    log->floor_lsn = survey->mark.floor_lsn;
    log->floor_segment = survey->mark.floor_segment;
    log->cut_life = survey->mark.cut_life;
    log->cut_lsn = survey->mark.cut_lsn;
    if (survey->mark_bad_slots > 0) {
        io_note(log->io, WAL_NOTE_MARK_SLOT_BAD);
        log_emit(&log->options, (struct wal_event){
                                    .kind = WAL_EVENT_MARK_SLOT_BAD,
                                    .place = log_place_file(WAL_MARK_NAME),
                                });
    }
    leftovers_remove(log, survey, false);
    enum wal_err err = survey->clean ? go_on(log, survey) : take_over(log, survey, reterr_place);
    if (err) return err;
    /* Only now is the mark, and with it the floor, durable for sure. */
    leftovers_remove(log, survey, true);
    return WAL_OK;
}
