/*
 * reader_witness.c - how far a reader may read its segment, and which segment comes next.
 */
#include "wal/log/codec.h"
#include "wal/log/reader_state.h"
#include "wal/log/segment.h"
#include "wal/log/transfer.h"

enum wal_err log_reader_segment(struct wal_reader *reader, uint64_t number,
                                struct wal_file *ret_file, struct wal_segment_header *ret_header)
{
    struct wal_file file;

    enum wal_err err = log_segment_open(reader->io, reader->dir, number, 0, &file);
    if (err) return err;
    err = log_segment_header_read(reader->io, file, number, ret_header);
    if (err == WAL_OK && memcmp(ret_header->log_id, reader->log_id, WAL_LOG_ID_BYTES) != 0) {
        err = WAL_CORRUPT;
    }
    if (err) {
        err_ignore(io_close(reader->io, file)); /* Only read. */
        reader->place = log_place_segment(number, 0, reader->pos_lsn, UINT64_MAX);
        return err;
    }
    *ret_file = file;
    return WAL_OK;
}

enum wal_err log_reader_fail(struct wal_reader *reader, enum wal_err err, struct wal_place place)
{
    struct wal_mark_slot mark;
    unsigned bad = 0;

    if (err == WAL_CORRUPT && log_mark_read(reader->io, reader->dir, &mark, &bad) == WAL_OK &&
        place.segment != 0 && place.segment < mark.floor_segment &&
        memcmp(mark.log_id, reader->log_id, WAL_LOG_ID_BYTES) == 0) {
        err = WAL_PRUNED;
    }
    reader->failed = err;
    reader->place = place;
    return err;
}

static enum wal_err mark_witness(struct wal_reader *reader, struct wal_mark_slot *ret_mark)
{
    unsigned bad = 0;

    enum wal_err err = log_mark_read(reader->io, reader->dir, ret_mark, &bad);
    if (err == WAL_OK && memcmp(ret_mark->log_id, reader->log_id, WAL_LOG_ID_BYTES) != 0) {
        err = WAL_CORRUPT;
    }
    if (err == WAL_CORRUPT || err == WAL_NOTFOUND) {
        return log_reader_fail(reader, WAL_CORRUPT, log_place_file(WAL_MARK_NAME));
    }
    return err;
}

static enum wal_err truncated(struct wal_reader *reader, uint64_t first_lsn)
{
    return log_reader_fail(
        reader, WAL_TRUNCATED,
        log_place_segment(reader->header.segment, reader->at.offset, first_lsn, UINT64_MAX));
}

enum wal_err log_reader_gone(struct wal_reader *reader)
{
    struct wal_segment_header header = {.life = 0};
    struct wal_mark_slot mark;
    struct wal_file file;

    enum wal_err err = log_reader_segment(reader, reader->header.segment, &file, &header);
    if (err != WAL_OK && err != WAL_NOTFOUND) return err;
    if (err == WAL_OK) err_ignore(io_close(reader->io, file)); /* Only read. */
    if (err == WAL_OK && header.life == reader->header.life) return WAL_OK;
    err = mark_witness(reader, &mark);
    if (err) return err;
    if (mark.floor_segment > reader->header.segment) {
        return log_reader_fail(
            reader, WAL_PRUNED,
            log_place_segment(reader->header.segment, 0, reader->pos_lsn, mark.floor_lsn - 1));
    }
    return truncated(reader, reader->pos_lsn);
}

/* A new life has begun at `first_lsn`. Nothing of both sides may be served. */
static enum wal_err cut_check(struct wal_reader *reader, uint64_t first_lsn)
{
    enum wal_err err = log_reader_gone(reader);
    if (err) return err;
    if (reader->served_lsn >= first_lsn || reader->at.lsn > first_lsn) {
        return truncated(reader, first_lsn);
    }
    return WAL_OK;
}

/* The mark may be of a new life: what was witnessed before is not any more, unless it says so. */
static enum wal_err life_check(struct wal_reader *reader, const struct wal_mark_slot *mark)
{
    if (mark->life <= reader->mark_life) return WAL_OK;
    bool cut_here = mark->cut && mark->segment == reader->header.segment;
    enum wal_err err = cut_check(reader, cut_here ? mark->durable_lsn + 1 : UINT64_MAX);
    if (err) return err;
    reader->witness_lsn = mark->durable_lsn;
    reader->known_segment = mark->segment;
    log_reader_mark_seen(reader, mark);
    log_reader_unload(reader);
    return WAL_OK;
}

static bool follows(const struct wal_reader *reader, const struct wal_segment_header *header)
{
    return header->life >= reader->header.life && header->first_lsn >= reader->header.first_lsn &&
           header->block_bytes == reader->header.block_bytes;
}

/* Is there a successor? */
static enum wal_err successor_find(struct wal_reader *reader)
{
    struct wal_segment_header header;
    struct wal_file file = WAL_FILE_NONE;

    if (log_reader_sealed(reader)) return WAL_OK;
    enum wal_err err = log_reader_segment(reader, reader->header.segment + 1, &file, &header);
    if (err == WAL_NOTFOUND) return WAL_OK;
    if (err == WAL_CORRUPT || err == WAL_VERSION)
        return log_reader_fail(reader, err, reader->place);
    if (err) return err;
    if (header.life < reader->mark_life && header.segment > reader->mark_segment) {
        err_ignore(io_close(reader->io, file)); /* A leftover, and only read. */
        return WAL_OK;
    }
    if (!follows(reader, &header)) {
        err = log_reader_fail(reader, WAL_CORRUPT,
                              log_place_segment(header.segment, 0, reader->pos_lsn, UINT64_MAX));
    } else if (header.life > reader->header.life) {
        err = cut_check(reader, header.first_lsn);
    }
    if (err) {
        err_ignore(io_close(reader->io, file)); /* Only read. */
        return err;
    }
    reader->next_file = file;
    reader->next_header = header;
    log_reader_unload(reader);
    return WAL_OK;
}

/* A successor was heard of that isn't there. */
static enum wal_err successor_missing(struct wal_reader *reader)
{
    uint64_t missing = reader->header.segment + 1;
    struct wal_mark_slot mark;

    enum wal_err err = mark_witness(reader, &mark);
    if (err) return err;
    uint64_t life = reader->mark_life;
    err = life_check(reader, &mark);
    if (err) return err;
    if (mark.life > life) return WAL_OK; /* That may be why: look again. */
    return log_reader_fail(reader, mark.floor_segment > missing ? WAL_PRUNED : WAL_CORRUPT,
                           log_place_segment(missing, 0, reader->pos_lsn, reader->witness_lsn));
}

void log_reader_enter(struct wal_reader *reader, struct wal_file file,
                      const struct wal_segment_header *header)
{
    if (reader->file.id >= 0) err_ignore(io_close(reader->io, reader->file)); /* Only read. */
    reader->file = file;
    reader->header = *header;
    reader->next_file = WAL_FILE_NONE;
    reader->ready = false;
    reader->at = (struct log_position){
        .offset = log_area_bytes(header->block_bytes),
        .lsn = header->first_lsn,
    };
    if (header->life > reader->mark_life) {
        /* It says more than the mark did, and only what it says counts. */
        reader->witness_lsn = header->durable_lsn;
        reader->known_segment = header->segment;
        log_reader_mark_seen(
            reader, &(struct wal_mark_slot){.life = header->life, .segment = header->segment});
    } else if (header->life == reader->mark_life && reader->witness_lsn < header->durable_lsn) {
        reader->witness_lsn = header->durable_lsn;
    }
    log_scan_file(&reader->scan, file, header, 0);
    log_reader_unload(reader);
}

/* Of a segment with a successor all that may be served is durable. Of the last one it is what the
 * mark says, in its own words: where the group that it ends with ends, only the mark knows. */
static void map_allow(struct wal_reader *reader)
{
    bool marked =
        reader->mark_segment == reader->header.segment && reader->mark_life == reader->header.life;

    if (reader->options.mode != WAL_READ_MAPPED) return;
    if (log_reader_sealed(reader)) {
        log_scan_map(&reader->scan, reader->scan.size);
    } else if (marked) {
        log_scan_map(&reader->scan, reader->mark_offset);
    }
}

enum wal_err log_reader_ready(struct wal_reader *reader)
{
    enum wal_err err = successor_find(reader);
    if (err) return err;
    if (!log_reader_sealed(reader) && reader->known_segment > reader->header.segment) {
        return successor_missing(reader);
    }
    err = io_size(reader->io, reader->file, &reader->scan.size);
    if (err) return err;
    log_reader_unload(reader);
    map_allow(reader);
    reader->ready = true;
    return WAL_OK;
}

/* What the group headers from here on know durable, as far as they follow one another. */
static enum wal_err chain_witness(struct wal_reader *reader, uint64_t *witness)
{
    struct log_position at = reader->at;

    for (;;) {
        struct wal_group_header header;
        bool valid = false;

        enum wal_err err = log_scan_peek(&reader->scan, at.offset, &header, &valid);
        if (err || !valid || header.first_lsn != at.lsn) return err;
        if (*witness < header.durable_lsn) *witness = header.durable_lsn;
        at.lsn += header.count;
        at.offset = log_next_offset(&reader->scan, at.offset, header.length);
    }
}

/* `witness` was seen. It counts if there is no successor now. */
static enum wal_err witness_apply(struct wal_reader *reader, uint64_t witness, bool *ret_more)
{
    bool was_sealed = log_reader_sealed(reader);

    enum wal_err err = successor_find(reader);
    if (err) return err;
    *ret_more = log_reader_sealed(reader) != was_sealed;
    if (!log_reader_sealed(reader) && witness > reader->witness_lsn) {
        reader->witness_lsn = witness;
        *ret_more = true;
    }
    if (*ret_more) log_reader_unload(reader);
    return WAL_OK;
}

void log_reader_mark_seen(struct wal_reader *reader, const struct wal_mark_slot *mark)
{
    reader->mark_life = mark->life;
    reader->mark_segment = mark->segment;
    reader->mark_offset = mark->offset;
}

/* Before the mark is read: if it is of the same life then, so is what the writer says. */
static struct wal_stat writer_stat(const struct wal_reader *reader)
{
    struct wal_stat stat = {.life = 0};

    if (reader->options.log != NULL) wal_log_stat(reader->options.log, &stat);
    return stat;
}

enum wal_err log_reader_refresh(struct wal_reader *reader, bool *ret_more)
{
    struct wal_mark_slot mark;

    *ret_more = false;
    enum wal_err err = io_size(reader->io, reader->file, &reader->scan.size);
    if (err || log_reader_sealed(reader)) return err;
    const struct wal_stat stat = writer_stat(reader);
    err = mark_witness(reader, &mark);
    if (err) return err;
    err = life_check(reader, &mark);
    if (err) return err;
    uint64_t witness = mark.durable_lsn;
    if (stat.life == mark.life && witness < stat.durable_lsn) witness = stat.durable_lsn;
    /* What an earlier life's headers say may be more than was left of it. */
    if (reader->header.life == mark.life) err = chain_witness(reader, &witness);
    if (err) return err;
    err = witness_apply(reader, witness, ret_more);
    if (err) return err;
    log_reader_mark_seen(reader, &mark);
    map_allow(reader);
    if (reader->known_segment < mark.segment) reader->known_segment = mark.segment;
    if (log_reader_sealed(reader) || reader->known_segment <= reader->header.segment) return WAL_OK;
    return successor_missing(reader);
}

enum wal_err log_reader_resync(struct wal_reader *reader, uint64_t offset, bool *ret_more)
{
    uint64_t witness = 0;
    uint64_t tail_end = 0; /* Whoever only reads need not know. */

    *ret_more = false;
    if (offset >= reader->scan.size || reader->header.life < reader->mark_life) return WAL_OK;
    /* Once: what a crash left behind is there from the beginning. While the writer lives the mark
     * tells, and the file may be large and empty. */
    if (reader->resynced_segment == reader->header.segment) return WAL_OK;
    reader->resynced_segment = reader->header.segment;
    log_scan_drop(&reader->scan);
    enum wal_err err = log_scan_rest(&reader->scan, offset, &witness, &tail_end);
    log_reader_unload(reader);
    if (err) return err;
    return witness_apply(reader, witness, ret_more);
}
