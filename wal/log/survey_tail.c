/*
 * survey_tail.c - where the log ends, and whether it was ever longer.
 *
 * L is the last valid record, M the highest LSN that anything proves durable (format.h, WHERE A
 * SEGMENT ENDS). M > L is damage. M <= L is a log that a crash may have left, and what lies above M
 * may be bytes that only the cache holds.
 */
#include "wal/log/codec.h"
#include "wal/log/segment.h"
#include "wal/log/survey.h"
#include "wal/log/survey_damage.h"

/* Where to begin in segment i: its first group. */
static struct log_position segment_start(const struct wal_segment_header *header)
{
    return (struct log_position){
        .offset = log_area_bytes(header->block_bytes),
        .lsn = header->first_lsn,
        .commit_ns = header->commit_ns,
    };
}

/* The mark saves reading what is below it, if it is of this life, and the file is long enough that
 * what is below can be there at all. */
static bool mark_is_usable(const struct log_survey *survey, const struct wal_segment_header *header,
                           uint64_t size)
{
    const struct wal_mark_slot *mark = &survey->mark;

    return mark->segment == header->segment && mark->life == survey->life && !mark->begins &&
           mark->offset <= size && mark->offset >= log_area_bytes(header->block_bytes) &&
           mark->offset % header->block_bytes == 0 && mark->durable_lsn >= header->first_lsn - 1;
}

static struct log_position start_position(const struct log_survey *survey,
                                          const struct wal_segment_header *header, uint64_t size,
                                          bool all)
{
    if (all || !mark_is_usable(survey, header, size)) return segment_start(header);
    return (struct log_position){
        .offset = survey->mark.offset,
        .lsn = survey->mark.durable_lsn + 1,
        .commit_ns = survey->mark.commit_ns,
    };
}

/* A segment that has a successor: it must reach it. */
static enum wal_err sealed_verify(struct log_survey *survey, size_t i, bool all)
{
    const struct wal_segment_header *header = &survey->segments[i].header;
    struct wal_file file;
    uint64_t size = 0;
    struct log_witness witness = {.lsn = 0};
    struct log_position position = {.lsn = 0};
    uint64_t limit = survey->segments[i + 1].header.first_lsn - 1;

    /* Only while verify goes on beyond damage: where this one should end is not known. */
    if (!survey->segments[i + 1].sound) return WAL_OK;
    if (header->first_lsn > limit) return WAL_OK;
    enum wal_err err = log_segment_open(survey->io, survey->dir, header->segment, 0, &file);
    if (err) return err;
    err = io_size(survey->io, file, &size);
    if (err == WAL_OK) {
        position = start_position(survey, header, size, all);
        log_scan_file(&survey->scan, file, header, size);
        err = log_scan_chain(&survey->scan, &position, limit, &witness);
    }
    err_ignore(io_close(survey->io, file)); /* Only read. */
    if (err) return err;
    if (position.lsn > limit) return WAL_OK;
    return log_survey_damage(
        survey, log_place_segment(header->segment, position.offset, position.lsn, limit));
}

static void raise_to(uint64_t *witness, uint64_t lsn)
{
    if (*witness < lsn) *witness = lsn;
}

/* M lies at or below L: find where its group ends, and round it up to whole batches: a batch of
 * which a part is known durable is durable. `behind`: where that is if nobody but a header found in
 * its place knows M, as is the rule; else what lies between is read once more. */
static enum wal_err witness_locate(struct log_survey *survey, uint64_t witness,
                                   const struct log_position *behind)
{
    struct log_position at = survey->start;
    struct log_group group = {.state = LOG_GROUP_NONE};

    if (behind->lsn > at.lsn && behind->lsn - 1 <= witness) at = *behind;
    if (witness == survey->end.lsn - 1) at = survey->end;
    while (at.lsn <= witness) {
        enum wal_err err = log_scan_group_twice(&survey->scan, at.offset, at.lsn, &group);
        if (err) return err;
        if (group.valid_count == 0) return WAL_CORRUPT; /* It was valid a moment ago. */
        if (at.lsn + group.valid_count - 1 > witness) break;
        at.lsn += group.valid_count;
        at.offset = group.next_offset;
        at.commit_ns = group.header.commit_ns;
    }
    survey->witness_end = at.offset;
    for (uint32_t pos = 0; at.lsn <= witness;) {
        struct wal_record_header record = {.flags = WAL_RECORD_BATCH_GOES_ON};

        for (; record.flags & WAL_RECORD_BATCH_GOES_ON; at.lsn++) {
            log_record_header_decode(group.records + pos, &record);
            pos += (uint32_t)log_record_bytes(record.length);
        }
        at.commit_ns = group.header.commit_ns;
        survey->witness_end = at.offset + WAL_GROUP_HEADER_BYTES + pos;
    }
    survey->witness = at;
    return WAL_OK;
}

/* The mark is renewed after the sync of all that it speaks of, padding and size too, so no crash
 * leaves a file that ends before the mark says. Even if every record is still there, somebody cut
 * it, and may have cut more. */
static bool is_cut_short(const struct log_survey *survey, const struct wal_segment_header *header)
{
    const struct wal_mark_slot *mark = &survey->mark;

    return mark->life == survey->life && mark->segment == header->segment &&
           mark->offset > survey->last_size;
}

/* Ends as the mark says that it was closed. So there is nothing more to look for, and a segment
 * that is prewritten need not be read to its end. */
static bool is_closed(const struct log_survey *survey, const struct wal_segment_header *header)
{
    const struct wal_mark_slot *mark = &survey->mark;
    bool sized = (header->flags & WAL_SEGMENT_PREWRITTEN) ? mark->offset <= survey->last_size
                                                          : mark->offset == survey->last_size;

    return sized && mark->clean && mark->life == survey->life && mark->segment == header->segment &&
           mark->durable_lsn == survey->end.lsn - 1 && mark->offset == survey->end.offset;
}

/* A truncation got as far as the mark: there is nothing above its LSN, whatever is still to be
 * seen, and whatever anybody witnesses. */
static void cut_apply(struct log_survey *survey, uint64_t *witness)
{
    const struct wal_mark_slot *mark = &survey->mark;

    *witness = mark->durable_lsn;
    if (survey->end.lsn <= mark->durable_lsn + 1) return;
    survey->end.lsn = mark->durable_lsn + 1;
    survey->end.offset = mark->offset;
    survey->end.commit_ns = mark->commit_ns;
}

static enum wal_err last_verify_open(struct log_survey *survey, struct wal_file file, bool all,
                                     uint64_t witness)
{
    const struct wal_segment_header *header = log_survey_last(survey);

    enum wal_err err = io_size(survey->io, file, &survey->last_size);
    if (err) return err;
    log_scan_file(&survey->scan, file, header, survey->last_size);
    survey->start = start_position(survey, header, survey->last_size, all);
    survey->end = survey->start;
    bool cut = survey->announced && survey->mark.cut;
    uint64_t limit = cut ? survey->mark.durable_lsn : UINT64_MAX - 1;
    struct log_witness met = {.lsn = witness, .behind = survey->start};
    err = log_scan_chain(&survey->scan, &survey->end, limit, &met);
    if (err) return err;
    raise_to(&witness, met.lsn);
    if (cut) cut_apply(survey, &witness);
    survey->witness = survey->end;
    survey->witness_end = survey->end.offset;
    survey->tail_end = survey->end.offset;
    if (survey->end.torn_end > survey->tail_end) {
        survey->tail_end =
            survey->end.torn_end < survey->last_size ? survey->end.torn_end : survey->last_size;
    }
    if (survey->holed) return WAL_OK; /* Not the last one, and where it should end isn't known. */
    if (survey->mark.life == survey->life) raise_to(&witness, survey->mark.durable_lsn);
    if (!cut) raise_to(&witness, header->durable_lsn);
    if (!all && is_closed(survey, header) && witness < survey->end.lsn) {
        return witness_locate(survey, witness, &met.behind);
    }
    if (!cut && survey->end.offset < survey->last_size) {
        uint64_t known = witness;

        err = log_scan_rest(&survey->scan, survey->end.offset, &witness, &survey->tail_end);
        if (err) return err;
        if (witness > known) io_note(survey->io, WAL_NOTE_RESYNC_WITNESS);
    }
    if (witness < survey->end.lsn && is_cut_short(survey, header)) {
        return log_survey_damage(survey, log_place_segment(header->segment, survey->last_size,
                                                           survey->mark.durable_lsn,
                                                           survey->mark.durable_lsn));
    }
    if (witness < survey->end.lsn) return witness_locate(survey, witness, &met.behind);

    survey->witness.lsn = witness + 1;
    return log_survey_damage(
        survey, log_place_segment(header->segment, survey->end.offset, survey->end.lsn, witness));
}

static enum wal_err last_verify(struct log_survey *survey, bool all, uint64_t witness)
{
    const struct wal_segment_header *header = log_survey_last(survey);
    struct wal_file file;

    if (!survey->segments[survey->count - 1].sound) return WAL_OK; /* Reported already. */
    enum wal_err err = log_segment_open(survey->io, survey->dir, header->segment, 0, &file);
    if (err) return err;
    err = last_verify_open(survey, file, all, witness);
    err_ignore(io_close(survey->io, file)); /* Only read. */
    log_scan_drop(&survey->scan);
    if (err) return err;
    survey->clean =
        survey->damages == 0 && is_closed(survey, header) && survey->tail_end <= survey->end.offset;
    return WAL_OK;
}

enum wal_err log_survey_tail(struct log_survey *survey, bool all, uint64_t witness_lsn)
{
    /* A mark of an earlier life: a takeover got as far as its segment. Begin where the mark is. */
    size_t first = all ? 0 : (size_t)(survey->mark.segment - survey->floor_segment);

    for (size_t i = first; i + 1 < survey->count; i++) {
        if (!survey->segments[i].sound) continue;
        enum wal_err err = sealed_verify(survey, i, all);
        if (err) return err;
    }
    return last_verify(survey, all, witness_lsn);
}
