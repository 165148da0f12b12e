/*
 * decoder_fields.c - the bytes of a log's file, named.
 *
 * For looking at a failure: which field of the format a byte belongs to, what it says, and whether
 * its checksum holds. Also what is not valid is named, as far as it can be told apart: a header
 * whose checksum fails is what one wants to see.
 */
#include "scenarios/decoder.h"
#include "scenarios/decoder_bytes.h"

struct field {
    const char *name;
    const char *meaning;
    uint8_t offset, length;
    bool is_bytes; /* Else a little-endian integer, or text. */
};

static const struct field segment_fields[] = {
    {"magic", "says that a segment of the log begins here", 0, 8, true},
    {"version", "of the format", 8, 4, false},
    {"block_bytes", "groups start at multiples of this", 12, 4, false},
    {"log_id", "random, the same in every file of this log", 16, 16, true},
    {"life", "counts takeovers after a crash", 32, 8, false},
    {"segment", "equal to the number in the file's name", 40, 8, false},
    {"first_lsn", "number of the first record in this segment", 48, 8, false},
    {"durable_lsn", "a witness: all records up to it were safe before", 56, 8, false},
    {"commit_ns", "commit time of the record before", 64, 8, false},
    {"segment_bytes", "the size at which the segment is full", 72, 8, false},
    {"flags", "1: recycled, 2: prewritten", 80, 4, false},
    {"reserved", "zero", 84, 4, true},
    {"prev_life", "of the segment before; 0: there was none", 88, 8, false},
    {"prev_durable", "durable_lsn of the segment before", 96, 8, false},
    {"reserved", "zero", 104, 20, true},
    {"crc", "checksum of the header", 124, 4, false},
};

static const struct field mark_fields[] = {
    {"magic", "says that a slot of the mark begins here", 0, 8, true},
    {"version", "of the format", 8, 4, false},
    {"flags", "1: closed cleanly, 2: a life begins, 4: by cutting behind durable_lsn", 12, 4,
     false},
    {"log_id", "random, the same in every file of this log", 16, 16, true},
    {"sequence", "of two valid slots of one life the higher one counts", 32, 8, false},
    {"life", "counts takeovers after a crash", 40, 8, false},
    {"durable_lsn", "a witness: all records up to it were safe before", 48, 8, false},
    {"floor_lsn", "all records below are pruned", 56, 8, false},
    {"floor_segment", "the segment that holds floor_lsn", 64, 8, false},
    {"segment", "where durable_lsn ends,", 72, 8, false},
    {"offset", "and the byte where the next group would start", 80, 8, false},
    {"commit_ns", "commit time of durable_lsn", 88, 8, false},
    {"pruning_lsn", "a prune up to here is under way; 0: none", 96, 8, false},
    {"cut_life", "the latest truncation began this life; 0: none", 104, 8, false},
    {"cut_lsn", "and kept this LSN", 112, 8, false},
    {"added", "durable_lsn less the one in the segment's header", 120, 4, false},
    {"crc", "checksum of the slot and its place", 124, 4, false},
};

static const struct field group_fields[] = {
    {"crc", "checksum of this header and its place", 0, 4, false},
    {"magic", "says that a group of records begins here", 4, 4, true},
    {"first_lsn", "number of the group's first record", 8, 8, false},
    {"durable_lsn", "a witness: all records up to it were safe before", 16, 8, false},
    {"wall_ns", "wall clock at the commit", 24, 8, false},
    {"commit_ns", "commit time, never going back", 32, 8, false},
    {"length", "bytes of records that follow", 40, 4, false},
    {"count", "records that follow", 44, 4, false},
};

static const struct field record_fields[] = {
    {"crc", "checksum of the record, its number and its place", 0, 4, false},
    {"length", "bytes of the payload", 4, 4, false},
    {"kind", "1: data", 8, 1, false},
    {"flags", "1: the batch goes on with the next record", 9, 1, false},
    {"reserved", "zero", 10, 2, false},
    {"batch_index", "place in the batch", 12, 4, false},
};

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

/* A file being named. */
struct naming {
    const uint8_t *bytes;
    uint64_t size;
    decoder_emit *emit;
    void *context;
};

/* What a table's fields have in common. */
struct part {
    const char *name;
    uint64_t offset;
    uint64_t lsn;
    bool valid;
};

static uint64_t integer(const uint8_t *p, uint32_t length)
{
    uint64_t value = 0;

    for (uint32_t i = length; i > 0; i--) value = value << 8 | p[i - 1];
    return value;
}

static void emit_fields(const struct naming *naming, const struct part *part,
                        const struct field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t at = part->offset + fields[i].offset;
        if (at + fields[i].length > naming->size) return; /* Cut off. */
        const struct decoder_field field = {
            .part = part->name,
            .name = fields[i].name,
            .meaning = fields[i].meaning,
            .offset = at,
            .length = fields[i].length,
            .is_bytes = fields[i].is_bytes,
            .value = fields[i].is_bytes ? 0 : integer(naming->bytes + at, fields[i].length),
            .valid = part->valid,
            .lsn = part->lsn,
        };
        naming->emit(naming->context, &field);
    }
}

static void emit_payload(const struct naming *naming, const struct part *part, uint64_t end)
{
    const uint64_t start = part->offset + RECORD;

    if (end > naming->size) end = naming->size;
    if (end <= start) return;
    const struct decoder_field field = {.part = part->name,
                                        .name = "payload",
                                        .meaning = "what was appended, then zeros to a multiple "
                                                   "of 8 bytes",
                                        .offset = start,
                                        .length = end - start,
                                        .is_bytes = true,
                                        .valid = part->valid,
                                        .lsn = part->lsn};
    naming->emit(naming->context, &field);
}

static bool record_valid(const struct naming *naming, uint32_t seed, uint64_t offset, uint64_t end,
                         uint64_t lsn)
{
    if (end > naming->size) return false;
    uint32_t crc =
        ~feed(feed64(feed64(seed, offset), lsn), naming->bytes + offset + 4, end - offset - 4);
    return crc == get32(naming->bytes + offset);
}

/* Up to the first record whose length cannot be. */
static void name_records(const struct naming *naming, uint32_t seed, bool bound, uint64_t offset,
                         uint64_t end, uint64_t first_lsn, uint32_t count)
{
    for (uint32_t i = 0; i < count && offset + RECORD <= naming->size; i++) {
        uint64_t length = get32(naming->bytes + offset + 4);
        uint64_t next = offset + RECORD + ((length + 7) & ~UINT64_C(7));
        bool fits = next <= end;
        const struct part record = {
            .name = "record",
            .offset = offset,
            .lsn = first_lsn + i,
            .valid = bound && fits && record_valid(naming, seed, offset, next, first_lsn + i),
        };
        emit_fields(naming, &record, record_fields, COUNT(record_fields));
        if (!fits) return;
        emit_payload(naming, &record, next);
        offset = next;
    }
}

/* Returns where to look for the next group, 0 if none begins here. */
static uint64_t name_group(const struct naming *naming, uint32_t seed, bool bound, uint64_t offset)
{
    const uint8_t *p = naming->bytes + offset;

    if (offset + GROUP > naming->size || memcmp(p + 4, "GRP1", 4) != 0) return 0;
    bool valid = bound && ~feed(feed64(seed, offset), p + 4, GROUP - 4) == get32(p);
    const struct part group = {
        .name = "group header", .offset = offset, .lsn = get64(p + 8), .valid = valid};
    emit_fields(naming, &group, group_fields, COUNT(group_fields));
    if (!valid) return 0; /* Nothing says that its length is one. */
    uint64_t end = offset + GROUP + get32(p + 40);
    name_records(naming, seed, bound, offset + GROUP, end, group.lsn, get32(p + 44));
    return end;
}

static void name_segment(const struct naming *naming)
{
    const uint8_t *p = naming->bytes;
    bool headed = naming->size >= HEADER && memcmp(p, "SQUALSEG", 8) == 0;
    bool valid = headed && ~feed(~UINT32_C(0), p, 124) == get32(p + 124);
    uint64_t block = headed ? get32(p + 12) : 0;
    uint32_t seed = headed ? feed(~UINT32_C(0), p + 16, 32) : 0;

    if (headed) {
        const struct part header = {.name = "segment header", .valid = valid};
        emit_fields(naming, &header, segment_fields, COUNT(segment_fields));
    }
    if (block != 8 && block != 4096) block = 512;
    uint64_t offset = block > 512 ? block : 512;
    while (offset + GROUP <= naming->size) {
        uint64_t next = name_group(naming, seed, valid, offset);
        offset = next > offset ? (next + block - 1) / block * block : offset + block;
    }
}

static void name_mark(const struct naming *naming)
{
    for (uint64_t offset = 0; offset + HEADER <= naming->size && offset <= 4096; offset += 4096) {
        const uint8_t *p = naming->bytes + offset;
        if (memcmp(p, "SQUALMRK", 8) != 0) continue;
        const struct part slot = {.name = "mark slot",
                                  .offset = offset,
                                  .valid = ~feed(feed64(~UINT32_C(0), offset), p, 124) ==
                                           get32(p + 124)};
        emit_fields(naming, &slot, mark_fields, COUNT(mark_fields));
    }
}

void decoder_fields(const uint8_t *bytes, uint64_t size, const char *name, decoder_emit *emit,
                    void *context)
{
    const struct naming naming = {bytes, size, emit, context};
    uint64_t number;

    if (size == 0) return;
    if (decoder_segment_number(name, &number) || strcmp(name, "segment.tmp") == 0) {
        name_segment(&naming);
    } else if (strcmp(name, "mark") == 0 || strcmp(name, "mark.tmp") == 0) {
        name_mark(&naming);
    }
}
