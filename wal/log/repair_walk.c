/*
 * repair_walk.c - everything valid in a damaged log, see repair_walk.h.
 */
#include "wal/log/repair_walk.h"

#include <assert.h>
#include <string.h>

#include "wal/log/codec.h"
#include "wal/log/mark.h"
#include "wal/log/segment.h"
#include "wal/log/transfer.h"

enum { WINDOW_BYTES = 64 * 1024, SECTOR_BYTES = 512 };

void log_walk_init(struct log_walk *walk, struct wal_io *io, struct wal_dir dir)
{
    *walk = (struct log_walk){.io = io, .dir = dir};
}

void log_walk_end(struct log_walk *walk)
{
    struct wal_io *io = walk->io;

    io_free(io, walk->names, walk->names_bytes);
    io_free(io, walk->segments, walk->capacity * sizeof *walk->segments);
    io_free(io, walk->window, walk->window == NULL ? 0 : WINDOW_BYTES);
    io_free(io, walk->group, walk->group_bytes);
    *walk = (struct log_walk){.io = io, .dir = walk->dir};
}

/* ---- What there is ---- */

static enum wal_err read_header(struct log_walk *walk, struct log_walk_segment *segment)
{
    struct wal_file file;

    enum wal_err err = log_segment_open(walk->io, walk->dir, segment->number, 0, &file);
    if (err) return err;
    err = io_size(walk->io, file, &segment->size);
    if (err == WAL_OK) {
        err = log_segment_header_read(walk->io, file, segment->number, &segment->header);
        segment->sound = err == WAL_OK;
        if (err == WAL_CORRUPT || err == WAL_IO) err = WAL_OK;
    }
    err_ignore(io_close(walk->io, file)); /* Only read. */
    return err;
}

/* Of which log these are, and its newest life: from the mark, else from the first good header. */
static enum wal_err agree(struct log_walk *walk)
{
    const struct wal_segment_header *known = NULL;

    for (size_t i = 0; i < walk->count; i++) {
        const struct log_walk_segment *segment = &walk->segments[i];
        bool its = !walk->marked ||
                   memcmp(segment->header.log_id, walk->mark.log_id, WAL_LOG_ID_BYTES) == 0;
        if (segment->sound && its && known == NULL) known = &segment->header;
    }
    if (known == NULL) return WAL_CORRUPT;
    memcpy(walk->log_id, known->log_id, WAL_LOG_ID_BYTES);
    walk->block_bytes = known->block_bytes;
    walk->segment_bytes = known->segment_bytes;
    walk->floor_lsn = walk->marked ? walk->mark.floor_lsn : walk->segments[0].header.first_lsn;
    if (!walk->marked && !walk->segments[0].sound) walk->floor_lsn = known->first_lsn;
    if (walk->marked) walk->life = walk->mark.life;
    for (size_t i = 0; i < walk->count; i++) {
        struct log_walk_segment *segment = &walk->segments[i];

        if (memcmp(segment->header.log_id, walk->log_id, WAL_LOG_ID_BYTES) != 0) {
            segment->sound = false;
        }
        if (segment->sound && segment->header.life > walk->life) walk->life = segment->header.life;
    }
    return WAL_OK;
}

/* ---- Reading what may be unreadable ---- */

/* What cannot be read is zeros, a sector at a time. */
static enum wal_err read_salvaging(struct wal_io *io, struct wal_file file, uint64_t offset,
                                   uint8_t *to, size_t len, size_t *ret_len)
{
    enum wal_err err = log_read_full(io, file, offset, to, len, ret_len);

    if (err != WAL_IO) return err;
    memset(to, 0, len);
    *ret_len = len;
    for (size_t at = 0; at < len;) {
        size_t step = SECTOR_BYTES - (size_t)((offset + at) % SECTOR_BYTES);
        size_t got;

        if (step > len - at) step = len - at;
        err = log_read_full(io, file, offset + at, to + at, step, &got);
        if (err == WAL_IO) memset(to + at, 0, step);
        if (err != WAL_OK && err != WAL_IO) return err;
        at += step;
    }
    return WAL_OK;
}

struct segment_walk {
    struct log_walk *walk;
    const struct log_walk_segment *segment;
    struct wal_file file;
    uint32_t binding;
    uint64_t limit_lsn; /* The last that may stand here. */
};

/* The valid group header at `offset`, if one is there. */
static enum wal_err header_at(struct segment_walk *at, uint64_t offset,
                              struct wal_group_header *ret_header, bool *ret_valid)
{
    struct log_walk *walk = at->walk;
    bool held = offset >= walk->window_offset &&
                offset + WAL_GROUP_HEADER_BYTES <= walk->window_offset + walk->window_bytes;

    *ret_valid = false;
    if (!held) {
        walk->window_bytes = 0;
        enum wal_err err = read_salvaging(walk->io, at->file, offset, walk->window, WINDOW_BYTES,
                                          &walk->window_bytes);
        if (err) return err;
        walk->window_offset = offset;
    }
    if (offset + WAL_GROUP_HEADER_BYTES > walk->window_offset + walk->window_bytes) return WAL_OK;
    *ret_valid = log_group_header_decode(walk->window + (offset - walk->window_offset), at->binding,
                                         offset, ret_header);
    return WAL_OK;
}

static enum wal_err read_group(struct segment_walk *at, uint64_t offset,
                               const struct wal_group_header *header, size_t *ret_len)
{
    struct log_walk *walk = at->walk;
    uint64_t left = at->segment->size - offset - WAL_GROUP_HEADER_BYTES;
    size_t len = (size_t)(header->length < left ? header->length : left);

    if (len > walk->group_bytes) {
        uint8_t *larger = io_alloc(walk->io, len);
        if (larger == NULL) return WAL_NOMEM;
        io_free(walk->io, walk->group, walk->group_bytes);
        walk->group = larger;
        walk->group_bytes = len;
    }
    return read_salvaging(walk->io, at->file, offset + WAL_GROUP_HEADER_BYTES, walk->group, len,
                          ret_len);
}

/* ---- Batches ---- */

/* The group that is looked at, and what of it is valid and not yet handed on. */
struct group_walk {
    struct segment_walk *at;
    const struct log_walk_visitor *visitor;
    const struct wal_group_header *header;
    uint64_t offset; /* Of its records, */
    size_t len;      /* so many bytes. */
    size_t run_begin, run_end;
    uint64_t run_lsn, run_count;
};

static enum wal_err lose(struct log_walk *walk, const struct log_walk_visitor *visitor,
                         uint64_t last_lsn)
{
    struct wal_place place = walk->place;

    place.first_lsn = walk->next_lsn;
    place.last_lsn = last_lsn;
    walk->next_lsn = last_lsn + 1;
    return visitor->lost(visitor->context, &place);
}

static enum wal_err flush_run(struct group_walk *group)
{
    struct log_walk *walk = group->at->walk;
    struct wal_group_header header = *group->header;

    if (group->run_count == 0) return WAL_OK;
    if (group->run_lsn > walk->next_lsn) {
        enum wal_err err = lose(walk, group->visitor, group->run_lsn - 1);
        if (err) return err;
    }
    header.first_lsn = group->run_lsn;
    header.count = (uint32_t)group->run_count;
    header.length = (uint32_t)(group->run_end - group->run_begin);
    walk->next_lsn = group->run_lsn + group->run_count;
    group->run_count = 0;
    walk->place =
        log_place_segment(group->at->segment->number, group->offset + group->run_end, 0, 0);
    return group->visitor->keep(group->visitor->context, &header, walk->group + group->run_begin);
}

static bool record_at(const struct group_walk *group, size_t pos, uint64_t lsn,
                      struct wal_record_header *ret_record)
{
    const uint8_t *p = group->at->walk->group + pos;

    if (pos >= group->len ||
        !log_record_valid(p, group->len - pos, group->at->binding, group->offset + pos, lsn)) {
        return false;
    }
    log_record_header_decode(p, ret_record);
    return true;
}

/* A whole valid batch at pos, whose first record is `lsn`: its bytes and records; 0: none. */
static size_t batch_at(const struct group_walk *group, size_t pos, uint64_t lsn,
                       uint32_t *ret_count)
{
    struct wal_record_header record = {.flags = WAL_RECORD_BATCH_GOES_ON};
    size_t begin = pos;
    uint32_t count = 0;

    while ((record.flags & WAL_RECORD_BATCH_GOES_ON) != 0) {
        if (!record_at(group, pos, lsn + count, &record)) return 0;
        if (record.batch_index != count) return 0;
        pos += (size_t)log_record_bytes(record.length);
        count++;
    }
    *ret_count = count;
    return pos - begin;
}

/* Does it look like the header of a record? Spares most places a checksum. */
static bool is_plausible(const struct group_walk *group, size_t pos)
{
    const uint8_t *p = group->at->walk->group + pos;
    struct wal_record_header record;

    log_record_header_decode(p, &record);
    return record.kind != 0 && record.batch_index == 0 && record.flags <= 1 && p[10] == 0 &&
           p[11] == 0 && log_record_bytes(record.length) <= group->len - pos;
}

/* The next place behind pos where a batch begins that is whole. Between it and pos there are as
 * many records as fit, at most: which LSN it has, its checksum knows. */
static bool find_batch(const struct group_walk *group, size_t *pos, uint64_t *lsn)
{
    uint64_t end_lsn = group->header->first_lsn + group->header->count;
    uint32_t count;

    for (size_t at = *pos + WAL_RECORD_ALIGN; at + WAL_RECORD_HEADER_BYTES <= group->len;
         at += WAL_RECORD_ALIGN) {
        uint64_t skipped_max = (at - *pos) / WAL_RECORD_HEADER_BYTES;

        if (!is_plausible(group, at)) continue;
        for (uint64_t i = 1; i <= skipped_max && *lsn + i < end_lsn; i++) {
            if (batch_at(group, at, *lsn + i, &count) == 0) continue;
            *pos = at;
            *lsn += i;
            return true;
        }
    }
    return false;
}

/* The floor may lie inside a batch, which is kept whole. */
static void reach_below_floor(struct log_walk *walk, uint64_t lsn, uint32_t count)
{
    if (walk->next_lsn != walk->floor_lsn || lsn >= walk->floor_lsn) return;
    if (lsn + count <= walk->floor_lsn) return;
    walk->next_lsn = walk->begin_lsn = lsn;
}

/* Hand on what is valid of the group whose bytes are at hand. */
static enum wal_err walk_group(struct group_walk *group)
{
    uint64_t lsn = group->header->first_lsn, end_lsn = lsn + group->header->count;
    size_t pos = 0;

    while (lsn < end_lsn) {
        uint32_t count = 0;
        size_t bytes = batch_at(group, pos, lsn, &count);

        if (bytes == 0) {
            enum wal_err err = flush_run(group);
            if (err) return err;
            if (!find_batch(group, &pos, &lsn)) break;
            continue;
        }
        if (lsn + count - 1 > group->at->limit_lsn) break;
        reach_below_floor(group->at->walk, lsn, count);
        if (lsn >= group->at->walk->next_lsn) {
            if (group->run_count == 0) {
                group->run_begin = pos;
                group->run_lsn = lsn;
            }
            group->run_count += count;
            group->run_end = pos + bytes;
        }
        lsn += count;
        pos += bytes;
    }
    return flush_run(group);
}

/* ---- Segments ---- */

/* The first group of this life in the segment, if there is one, and where it stands. */
static enum wal_err find_group(struct segment_walk *at, uint64_t life, uint64_t *ret_offset,
                               struct wal_group_header *ret_header, bool *ret_has)
{
    struct log_walk *walk = at->walk;
    uint64_t offset = log_area_bytes(walk->block_bytes);
    enum wal_err err = WAL_OK;

    at->binding = log_binding(walk->log_id, life, at->segment->number);
    walk->window_bytes = 0;
    *ret_has = false;
    for (; offset + WAL_GROUP_HEADER_BYTES <= at->segment->size; offset += walk->block_bytes) {
        err = header_at(at, offset, ret_header, ret_has);
        if (err != WAL_OK || *ret_has) break;
    }
    *ret_offset = offset;
    return err;
}

/* The header of the segment right behind segment i, if it can be read. */
static const struct wal_segment_header *header_behind(const struct log_walk *walk, size_t i)
{
    const struct log_walk_segment *behind = &walk->segments[i + 1];
    bool right = i + 1 < walk->count && behind->number == walk->segments[i].number + 1;

    return right && behind->sound ? &behind->header : NULL;
}

/* Where segment i begins, whose header can't be read, or where what only it has: the segment behind
 * it says so, or a group at its very beginning. 0: nobody knows; unless the mark does. */
static uint64_t made_up_first_lsn(const struct log_walk *walk, size_t i,
                                  const struct wal_group_header *group, uint64_t offset)
{
    const struct wal_segment_header *behind = header_behind(walk, i);

    if (behind != NULL && behind->prev_life != 0) return log_prev_kept_lsn(behind) + 1;
    bool begins = group != NULL && offset == log_area_bytes(walk->block_bytes);
    return begins ? group->first_lsn : 0;
}

/* The life of the nearest segment with a header, downwards or upwards from i; 0: there is none. */
static uint64_t life_beside(const struct log_walk *walk, size_t i, bool up)
{
    while (up ? ++i < walk->count : i-- > 0) {
        if (walk->segments[i].sound) return walk->segments[i].header.life;
    }
    return 0;
}

/* A header that cannot be read is made up. Of which life the segment is the one behind it says, or
 * its groups tell, if it is one of those that are known; without it nothing in the segment can be
 * told from other bytes. */
static enum wal_err make_up_header(struct log_walk *walk, size_t i)
{
    struct log_walk_segment *segment = &walk->segments[i];
    const struct wal_segment_header *behind = header_behind(walk, i);
    const uint64_t lives[] = {behind != NULL ? behind->prev_life : 0, life_beside(walk, i, false),
                              life_beside(walk, i, true), walk->marked ? walk->mark.life : 0, 1};
    struct segment_walk at = {.walk = walk, .segment = segment};
    struct wal_group_header group;
    uint64_t offset = 0;
    bool has = false;

    segment->header = (struct wal_segment_header){.version = WAL_FORMAT_VERSION,
                                                  .block_bytes = walk->block_bytes,
                                                  .segment = segment->number,
                                                  .segment_bytes = walk->segment_bytes};
    memcpy(segment->header.log_id, walk->log_id, WAL_LOG_ID_BYTES);
    enum wal_err err = log_segment_open(walk->io, walk->dir, segment->number, 0, &at.file);
    if (err) return err;
    for (size_t k = 0; err == WAL_OK && !has && k < sizeof lives / sizeof lives[0]; k++) {
        if (lives[k] == 0) continue;
        segment->header.life = lives[k];
        err = find_group(&at, lives[k], &offset, &group, &has);
    }
    err_ignore(io_close(walk->io, at.file)); /* Only read. */
    if (err) return err;
    segment->empty = !has;
    segment->header.first_lsn = made_up_first_lsn(walk, i, has ? &group : NULL, offset);
    return WAL_OK;
}

/* What a new life has left behind is not part of the log: segments above the mark's that are of a
 * lower life than the mark. One of which nobody knows the life stays; there is nothing in it. */
static void drop_leftovers(struct log_walk *walk)
{
    size_t kept = 0;

    if (!walk->marked) return;
    for (size_t i = 0; i < walk->count; i++) {
        const struct log_walk_segment *segment = &walk->segments[i];
        bool older = !segment->empty && segment->header.life < walk->mark.life;

        if (!older || segment->number <= walk->mark.segment) walk->segments[kept++] = *segment;
    }
    walk->count = kept;
}

/* A group may count behind a gap, too: its writer had written what stood there. */
static bool may_count(const struct segment_walk *at, const struct wal_group_header *header)
{
    const struct log_walk *walk = at->walk;

    if (header->first_lsn > at->limit_lsn) return false;
    return header->first_lsn + header->count > walk->next_lsn;
}

static enum wal_err walk_groups(struct segment_walk *at, const struct log_walk_visitor *visitor)
{
    struct log_walk *walk = at->walk;
    uint32_t block = walk->block_bytes;
    uint64_t offset = log_area_bytes(block);

    walk->window_bytes = 0;
    while (offset + WAL_GROUP_HEADER_BYTES <= at->segment->size) {
        struct wal_group_header header;
        bool valid;

        enum wal_err err = header_at(at, offset, &header, &valid);
        if (err) return err;
        if (!valid) {
            offset += block;
            continue;
        }
        if (visitor == NULL) {
            bool present = at->segment->header.life == walk->life;
            if (present && header.durable_lsn > walk->witness_lsn) {
                walk->witness_lsn = header.durable_lsn;
            }
        } else if (may_count(at, &header)) {
            struct group_walk group = {.at = at,
                                       .visitor = visitor,
                                       .header = &header,
                                       .offset = offset + WAL_GROUP_HEADER_BYTES};
            err = read_group(at, offset, &header, &group.len);
            if (err == WAL_OK) err = walk_group(&group);
            if (err) return err;
        }
        offset += log_round_up(WAL_GROUP_HEADER_BYTES + (uint64_t)header.length, block);
    }
    return WAL_OK;
}

/* The last LSN that segment i may hold, as far as those behind it tell. */
static uint64_t limit_by_next(const struct log_walk *walk, size_t i)
{
    const struct wal_mark_slot *mark = &walk->mark;
    uint64_t life = walk->segments[i].header.life;
    bool marked = walk->marked && mark->segment > walk->segments[i].number;

    for (size_t k = i + 1; k < walk->count; k++) {
        const struct wal_segment_header *header = &walk->segments[k].header;
        bool gone = walk->segments[k - 1].number + 1 != header->segment;

        if (gone && header->prev_life != 0) return log_prev_kept_lsn(header);
        if (header->first_lsn != 0) return header->first_lsn - 1;
    }
    if (marked && log_mark_kept_lsn(mark) != UINT64_MAX) return log_mark_kept_lsn(mark);
    if (!walk->marked || mark->life <= life || mark->life < walk->life) return UINT64_MAX;
    /* A life that has begun in the mark only. A takeover keeps all that is valid. */
    if (mark->begins) return mark->cut ? mark->durable_lsn : UINT64_MAX;
    return mark->durable_lsn;
}

/* What a truncation has cut off may have been given away again, where nobody can read it now. */
static uint64_t limit_of(const struct log_walk *walk, size_t i)
{
    uint64_t limit = limit_by_next(walk, i);
    bool cut = walk->marked && walk->segments[i].header.life < walk->mark.cut_life;

    return cut && walk->mark.cut_lsn < limit ? walk->mark.cut_lsn : limit;
}

static enum wal_err walk_segment(struct log_walk *walk, size_t i,
                                 const struct log_walk_visitor *visitor)
{
    const struct log_walk_segment *segment = &walk->segments[i];
    struct segment_walk at = {
        .walk = walk,
        .segment = segment,
        .binding = log_binding(walk->log_id, segment->header.life, segment->number),
        .limit_lsn = limit_of(walk, i),
    };

    walk->place = log_place_segment(segment->number, log_area_bytes(walk->block_bytes), 0, 0);
    enum wal_err err = log_segment_open(walk->io, walk->dir, segment->number, 0, &at.file);
    if (err) return err;
    err = walk_groups(&at, visitor);
    err_ignore(io_close(walk->io, at.file)); /* Only read. */
    return err;
}

static enum wal_err find_witness(struct log_walk *walk)
{
    if (walk->marked && walk->mark.life == walk->life &&
        walk->mark.durable_lsn > walk->witness_lsn) {
        walk->witness_lsn = walk->mark.durable_lsn;
    }
    for (size_t i = 0; i < walk->count; i++) {
        const struct log_walk_segment *segment = &walk->segments[i];
        const struct wal_segment_header *header = &segment->header;

        if (segment->sound && header->first_lsn - 1 > walk->witness_lsn) {
            walk->witness_lsn = header->first_lsn - 1;
        }
        if (segment->sound && header->life == walk->life &&
            header->durable_lsn > walk->witness_lsn) {
            walk->witness_lsn = header->durable_lsn;
        }
        enum wal_err err = walk_segment(walk, i, NULL);
        if (err) return err;
    }
    return WAL_OK;
}

enum wal_err log_walk_survey(struct log_walk *walk, uint64_t witness_lsn)
{
    unsigned bad_slots;

    enum wal_err err = log_mark_read(walk->io, walk->dir, &walk->mark, &bad_slots);
    if (err != WAL_OK && err != WAL_NOTFOUND && err != WAL_CORRUPT) return err;
    walk->marked = err == WAL_OK;
    err = io_list(walk->io, walk->dir, &walk->names, &walk->names_bytes);
    if (err) return err;
    err = log_walk_list(walk);
    for (size_t i = 0; err == WAL_OK && i < walk->count; i++) {
        err = read_header(walk, &walk->segments[i]);
    }
    if (err) return err;
    err = agree(walk);
    if (err) return err;
    walk->window = io_alloc(walk->io, WINDOW_BYTES);
    if (walk->window == NULL) return WAL_NOMEM;
    for (size_t i = 0; err == WAL_OK && i < walk->count; i++) {
        if (!walk->segments[i].sound) err = make_up_header(walk, i);
    }
    if (err) return err;
    drop_leftovers(walk);
    walk->witness_lsn = witness_lsn;
    return find_witness(walk);
}

enum wal_err log_walk_run(struct log_walk *walk, const struct log_walk_visitor *visitor)
{
    walk->next_lsn = walk->begin_lsn = walk->floor_lsn;
    for (size_t i = 0; i < walk->count; i++) {
        enum wal_err err = walk_segment(walk, i, visitor);
        if (err) return err;
    }
    return walk->next_lsn <= walk->witness_lsn ? lose(walk, visitor, walk->witness_lsn) : WAL_OK;
}
