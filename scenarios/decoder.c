/*
 * decoder.c - what stands on the disk, read by somebody who does not trust the log.
 */
#include "scenarios/decoder.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios/decoder_bytes.h"

enum { SEGMENTS_MAX = 4096 };

/* A stretch of bytes that stands for LSNs. */
struct span {
    disk_inode inode;
    uint64_t start, end;
    uint64_t first_lsn, last_lsn;
};

struct witness {
    disk_inode inode;
    uint64_t offset;
    uint64_t life;
    uint64_t lsn;
};

struct segment {
    uint64_t number;
    disk_inode inode;
    const uint8_t *bytes;
    uint64_t size;
    bool valid;
    uint64_t life, first_lsn;
    uint64_t end; /* Of its last whole batch. */
    uint32_t block;
    uint32_t seed;
};

struct record {
    uint32_t segment; /* Index. */
    uint64_t offset, bytes, lsn;
};

/* The slot of the mark that counts. */
struct mark {
    bool valid;
    bool cut; /* A life begins, and nothing above durable_lsn belongs to it. */
    uint64_t sequence, life, durable_lsn, floor_segment, segment;
};

struct decoder {
    struct segment segments[SEGMENTS_MAX];
    uint32_t segment_count;
    struct span *spans;
    size_t span_count, span_capacity;
    struct witness *witnesses;
    size_t witness_count, witness_capacity;
    struct record *records;
    size_t record_count, record_capacity;
    struct {
        disk_inode inode;
        enum decoder_part part; /* RECORDS: a segment. */
        uint64_t sectors;
    } files[SEGMENTS_MAX + 8];
    uint32_t file_count;
    uint32_t mark_slots;
    struct mark mark;
    uint64_t durable_lsn;
    uint64_t life; /* The present one. */
};

static void *grown(void *array, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity) return array;
    *capacity = *capacity == 0 ? 256 : *capacity * 2;
    void *bigger = realloc(array, *capacity * size);
    assert(bigger != NULL);
    return bigger;
}

static void add_span(struct decoder *decoder, const struct segment *segment, uint64_t start,
                     uint64_t end, uint64_t first_lsn, uint64_t last_lsn)
{
    decoder->spans =
        grown(decoder->spans, decoder->span_count, &decoder->span_capacity, sizeof *decoder->spans);
    decoder->spans[decoder->span_count++] =
        (struct span){segment->inode, start, end, first_lsn, last_lsn};
}

static void add_witness(struct decoder *decoder, disk_inode inode, uint64_t offset, uint64_t life,
                        uint64_t lsn)
{
    decoder->witnesses = grown(decoder->witnesses, decoder->witness_count,
                               &decoder->witness_capacity, sizeof *decoder->witnesses);
    decoder->witnesses[decoder->witness_count++] = (struct witness){inode, offset, life, lsn};
}

struct decoder *decoder_create(void)
{
    struct decoder *decoder = calloc(1, sizeof *decoder);

    assert(decoder != NULL);
    return decoder;
}

void decoder_destroy(struct decoder *decoder)
{
    if (decoder == NULL) return;
    free(decoder->spans);
    free(decoder->witnesses);
    free(decoder->records);
    free(decoder);
}

static void read_segment_header(struct decoder *decoder, struct segment *segment)
{
    const uint8_t *p = segment->bytes;

    if (segment->size < 512 || memcmp(p, "SQUALSEG", 8) != 0) return;
    if (~feed(~UINT32_C(0), p, 124) != get32(p + 124)) return;
    segment->block = get32(p + 12);
    segment->life = get64(p + 32);
    segment->first_lsn = get64(p + 48);
    segment->seed = feed(~UINT32_C(0), p + 16, 32); /* log_id, life, segment: the binding. */
    segment->valid = get64(p + 40) == segment->number && segment->block != 0;
    if (segment->valid) add_witness(decoder, segment->inode, 0, segment->life, get64(p + 56));
}

static bool mark_follows(const struct mark *slot, const struct mark *before)
{
    if (!before->valid) return true;
    if (slot->life != before->life) return slot->life > before->life;
    return slot->sequence >= before->sequence;
}

static void read_mark(struct decoder *decoder, disk_inode inode, const uint8_t *bytes,
                      uint64_t size)
{
    for (uint64_t offset = 0; offset + HEADER <= size && offset <= 4096; offset += 4096) {
        const uint8_t *p = bytes + offset;
        if (memcmp(p, "SQUALMRK", 8) != 0) continue;
        if (~feed(feed64(~UINT32_C(0), offset), p, 124) != get32(p + 124)) continue;
        const struct mark slot = {.valid = true,
                                  .cut = (get32(p + 12) & 4) != 0,
                                  .sequence = get64(p + 32),
                                  .life = get64(p + 40),
                                  .durable_lsn = get64(p + 48),
                                  .floor_segment = get64(p + 64),
                                  .segment = get64(p + 72)};
        add_witness(decoder, inode, offset, slot.life, slot.durable_lsn);
        if (mark_follows(&slot, &decoder->mark)) decoder->mark = slot;
        decoder->mark_slots++;
    }
}

static bool group_valid(const struct segment *segment, uint64_t offset)
{
    if (offset + GROUP > segment->size) return false;
    const uint8_t *p = segment->bytes + offset;
    if (memcmp(p + 4, "GRP1", 4) != 0) return false;
    return ~feed(feed64(segment->seed, offset), p + 4, GROUP - 4) == get32(p);
}

/* Bytes of the record at offset, 0 if it is not valid. */
static uint64_t record_bytes(const struct segment *segment, uint64_t offset, uint64_t end,
                             uint64_t lsn)
{
    if (end > segment->size) end = segment->size;
    if (offset + RECORD > end) return 0;
    const uint8_t *p = segment->bytes + offset;
    uint64_t bytes = RECORD + (((uint64_t)get32(p + 4) + 7) & ~UINT64_C(7));
    if (offset + bytes > end) return 0;
    uint32_t crc = ~feed(feed64(feed64(segment->seed, offset), lsn), p + 4, bytes - 4);
    return crc == get32(p) ? bytes : 0;
}

static void add_record(struct decoder *decoder, const struct segment *segment, uint64_t offset,
                       uint64_t bytes, uint64_t lsn)
{
    decoder->records = grown(decoder->records, decoder->record_count, &decoder->record_capacity,
                             sizeof *decoder->records);
    decoder->records[decoder->record_count++] =
        (struct record){(uint32_t)(segment - decoder->segments), offset, bytes, lsn};
}

/* Walk one group up to LSN `limit`. Returns the last LSN of its last whole batch, first_lsn - 1 if
 * there is none, and where that batch ends. */
static uint64_t walk_group(struct decoder *decoder, const struct segment *segment, uint64_t offset,
                           uint64_t first_lsn, uint64_t limit, uint64_t *ret_end)
{
    const uint8_t *p = segment->bytes + offset;
    uint64_t end = offset + GROUP + get32(p + 40);
    uint32_t count = get32(p + 44);
    uint64_t at = offset + GROUP, batch_at = at, batch_lsn = first_lsn, last_lsn = first_lsn - 1;

    for (uint32_t i = 0; i < count && first_lsn + i <= limit; i++) {
        uint64_t bytes = record_bytes(segment, at, end, first_lsn + i);
        if (bytes == 0) break;
        add_record(decoder, segment, at, bytes, first_lsn + i);
        bool goes_on = (segment->bytes[at + 9] & 1) != 0;
        at += bytes;
        if (goes_on) continue;
        last_lsn = first_lsn + i;
        add_span(decoder, segment, batch_at, at, batch_lsn, last_lsn);
        batch_at = at;
        batch_lsn = last_lsn + 1;
    }
    if (last_lsn >= first_lsn)
        add_span(decoder, segment, offset, offset + GROUP, first_lsn, last_lsn);
    *ret_end = batch_at;
    return last_lsn;
}

/* Walk a segment up to LSN `limit`. Returns the last LSN. */
static uint64_t walk_segment(struct decoder *decoder, struct segment *segment, uint64_t limit,
                             bool last)
{
    uint64_t lsn = segment->first_lsn - 1;
    uint64_t offset = segment->block > 512 ? segment->block : 512;

    segment->end = offset;
    while (lsn < limit && group_valid(segment, offset)) {
        const uint8_t *p = segment->bytes + offset;
        uint32_t count = get32(p + 44);
        if (get64(p + 8) != lsn + 1) break;
        if (last) add_witness(decoder, segment->inode, offset, segment->life, get64(p + 16));
        uint64_t batch_end;
        uint64_t reached = walk_group(decoder, segment, offset, lsn + 1, limit, &batch_end);
        bool whole = reached == lsn + count;
        lsn = reached;
        if (!whole && lsn == limit) segment->end = batch_end; /* The rest was truncated. */
        if (!whole) break;
        offset += GROUP + get32(p + 40);
        segment->end = offset;
        offset = (offset + segment->block - 1) / segment->block * segment->block;
    }
    for (; last && offset + GROUP <= segment->size; offset += segment->block) {
        if (!group_valid(segment, offset)) continue;
        add_witness(decoder, segment->inode, offset, segment->life,
                    get64(segment->bytes + offset + 16));
    }
    return lsn;
}

static int by_number(const void *a, const void *b)
{
    const struct segment *left = a, *right = b;

    return left->number < right->number ? -1 : left->number > right->number;
}

static enum decoder_part part_of(const char *name)
{
    uint64_t number;

    size_t len = strlen(name);

    if (strcmp(name, "mark") == 0) return DECODER_MARK;
    if (len > 4 && strcmp(name + len - 4, ".pin") == 0) return DECODER_PIN;
    return decoder_segment_number(name, &number) ? DECODER_RECORDS : DECODER_OTHER;
}

static void read_directory(struct decoder *decoder, const struct disk *disk, int32_t dir)
{
    disk_inode inode;

    for (size_t i = 0;; i++) {
        const char *name = disk_durable_entry(disk, dir, i, &inode);
        struct segment segment = {.inode = inode, .end = UINT64_MAX};

        if (name == NULL) break;
        segment.bytes = disk_durable(disk, inode, &segment.size);
        if (decoder->file_count < SEGMENTS_MAX && segment.size > 0) {
            decoder->files[decoder->file_count].inode = inode;
            decoder->files[decoder->file_count].part = part_of(name);
            decoder->files[decoder->file_count++].sectors =
                (segment.size + DISK_SECTOR_BYTES - 1) / DISK_SECTOR_BYTES;
        }
        if (strcmp(name, "mark") == 0) read_mark(decoder, inode, segment.bytes, segment.size);
        if (!decoder_segment_number(name, &segment.number)) continue;
        if (decoder->segment_count == SEGMENTS_MAX) break;
        decoder->segments[decoder->segment_count++] = segment;
    }
}

/* Below the floor it was pruned; and above the segment in a mark of a later life it is left over
 * from before that life, which has not got a segment yet. */
static bool is_leftover(const struct mark *mark, const struct segment *segment)
{
    if (!mark->valid) return false;
    if (segment->number < mark->floor_segment) return true;
    return segment->number > mark->segment && segment->valid && segment->life < mark->life;
}

static void drop_leftovers(struct decoder *decoder)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < decoder->segment_count; i++) {
        const struct segment segment = decoder->segments[i];
        if (!is_leftover(&decoder->mark, &segment)) {
            decoder->segments[kept++] = segment;
            continue;
        }
        for (uint32_t file = 0; file < decoder->file_count; file++) {
            bool its = decoder->files[file].inode == segment.inode;
            bool pruned = segment.number < decoder->mark.floor_segment;
            /* Whether one above counts is asked of its header. */
            if (its && pruned) decoder->files[file].part = DECODER_OTHER;
        }
    }
    decoder->segment_count = kept;
}

/* The last LSN that a segment may hold. */
static uint64_t limit_of(const struct decoder *decoder, uint32_t i)
{
    const struct segment *segment = &decoder->segments[i];
    const struct mark *mark = &decoder->mark;

    if (i + 1 < decoder->segment_count) return decoder->segments[i + 1].first_lsn - 1;
    if (mark->cut && mark->segment == segment->number && segment->life < mark->life) {
        return mark->durable_lsn;
    }
    return UINT64_MAX;
}

void decoder_read(struct decoder *decoder, const struct disk *disk, const char *path)
{
    int32_t dir;

    decoder->segment_count = decoder->file_count = decoder->mark_slots = 0;
    decoder->span_count = decoder->witness_count = decoder->record_count = 0;
    decoder->durable_lsn = decoder->life = 0;
    decoder->mark = (struct mark){.valid = false};
    if (disk_dir_find((struct disk *)(uintptr_t)disk, path, &dir) != WAL_OK) return;
    read_directory(decoder, disk, dir);
    qsort(decoder->segments, decoder->segment_count, sizeof decoder->segments[0], by_number);
    for (uint32_t i = 0; i < decoder->segment_count; i++) {
        read_segment_header(decoder, &decoder->segments[i]);
    }
    drop_leftovers(decoder);
    if (decoder->mark.valid) decoder->life = decoder->mark.life;
    for (uint32_t i = 0; i < decoder->segment_count; i++) {
        struct segment *segment = &decoder->segments[i];
        bool last = i + 1 == decoder->segment_count;
        if (segment->size == 0) continue; /* Damaged so (F45); what follows stands by itself. */
        if (!segment->valid) break;
        uint64_t limit = limit_of(decoder, i);
        decoder->durable_lsn = walk_segment(decoder, segment, limit, last);
        if (segment->life > decoder->life) decoder->life = segment->life;
        if (!last && decoder->durable_lsn < limit) break;
    }
}

uint64_t decoder_durable_lsn(const struct decoder *decoder)
{
    return decoder->durable_lsn;
}

uint32_t decoder_mark_slots(const struct decoder *decoder)
{
    return decoder->mark_slots;
}

uint32_t decoder_sector_count(const struct decoder *decoder)
{
    uint64_t count = 0;

    for (uint32_t i = 0; i < decoder->file_count; i++) count += decoder->files[i].sectors;
    return (uint32_t)count;
}

void decoder_sector(const struct decoder *decoder, uint32_t i, disk_inode *ret_inode,
                    uint64_t *ret_sector)
{
    uint64_t at = i;

    for (uint32_t file = 0; file < decoder->file_count; file++) {
        if (at < decoder->files[file].sectors) {
            *ret_inode = decoder->files[file].inode;
            *ret_sector = at;
            return;
        }
        at -= decoder->files[file].sectors;
    }
    assert(0 && "no such sector");
}

/* Records below the successor's first LSN are witnessed by its existence. */
static uint64_t successor_witness(const struct decoder *decoder, disk_inode inode)
{
    for (uint32_t i = 0; i + 1 < decoder->segment_count; i++) {
        if (decoder->segments[i].inode == inode) return decoder->segments[i + 1].first_lsn - 1;
    }
    return 0;
}

static enum decoder_part part_at(const struct decoder *decoder, disk_inode inode, uint64_t start)
{
    enum decoder_part part = DECODER_OTHER;

    for (uint32_t i = 0; i < decoder->file_count; i++) {
        /* A file may have two names, one of them of no importance. */
        if (decoder->files[i].inode != inode || decoder->files[i].part == DECODER_OTHER) continue;
        part = decoder->files[i].part;
    }
    for (uint32_t i = 0; i < decoder->segment_count; i++) {
        const struct segment *segment = &decoder->segments[i];
        if (segment->inode == inode && segment->valid && start >= segment->end) return DECODER_TAIL;
    }
    return part;
}

/* What stands for the bytes [start, end) of the file. Witnesses count if they lie elsewhere. */
static struct decoder_hit hit_of(const struct decoder *decoder, disk_inode inode, uint64_t start,
                                 uint64_t end)
{
    struct decoder_hit hit = {.part = part_at(decoder, inode, start)};

    for (size_t i = 0; i < decoder->span_count; i++) {
        const struct span *span = &decoder->spans[i];
        if (span->inode != inode || span->end <= start || span->start >= end) continue;
        if (hit.first_lsn == 0 || span->first_lsn < hit.first_lsn) hit.first_lsn = span->first_lsn;
        if (span->last_lsn > hit.last_lsn) hit.last_lsn = span->last_lsn;
    }
    if (hit.first_lsn == 0) return hit;
    hit.witness_lsn = successor_witness(decoder, inode);
    for (size_t i = 0; i < decoder->witness_count; i++) {
        const struct witness *witness = &decoder->witnesses[i];
        bool elsewhere =
            witness->inode != inode || witness->offset + GROUP <= start || witness->offset >= end;
        if (witness->life != decoder->life) continue;
        if (elsewhere && witness->lsn > hit.witness_lsn) hit.witness_lsn = witness->lsn;
        if (witness->lsn > hit.said_lsn) hit.said_lsn = witness->lsn;
    }
    if (hit.said_lsn < hit.witness_lsn) hit.said_lsn = hit.witness_lsn;
    return hit;
}

struct decoder_hit decoder_hit(const struct decoder *decoder, disk_inode inode, uint64_t sector)
{
    uint64_t start = sector * DISK_SECTOR_BYTES;

    return hit_of(decoder, inode, start, start + DISK_SECTOR_BYTES);
}

uint32_t decoder_segment_count(const struct decoder *decoder)
{
    return decoder->segment_count;
}

struct decoder_hit decoder_segment(const struct decoder *decoder, uint32_t i, char ret_name[21])
{
    const struct segment *segment = &decoder->segments[i];

    for (int digit = 0; digit < 16; digit++) {
        ret_name[digit] = "0123456789abcdef"[segment->number >> (60 - 4 * digit) & 15];
    }
    memcpy(ret_name + 16, ".wal", 5);
    return hit_of(decoder, segment->inode, 0, UINT64_MAX);
}

bool decoder_forge(const struct decoder *decoder, uint64_t which, disk_inode *ret_inode,
                   uint64_t *ret_sector, uint8_t ret_bytes[DISK_SECTOR_BYTES])
{
    for (size_t i = 0; i < decoder->record_count; i++) {
        const struct record *record = &decoder->records[(which + i) % decoder->record_count];
        const struct segment *segment = &decoder->segments[record->segment];
        uint64_t sector = record->offset / DISK_SECTOR_BYTES;
        uint64_t payload = record->offset + RECORD, start = sector * DISK_SECTOR_BYTES;

        if (get32(segment->bytes + record->offset + 4) == 0) continue;
        if (payload / DISK_SECTOR_BYTES != sector) continue;
        uint32_t state = feed64(feed64(segment->seed, record->offset), record->lsn);
        state = feed(state, segment->bytes + record->offset + 4, RECORD - 4);
        uint8_t changed = segment->bytes[payload] ^ 1;
        state = feed(state, &changed, 1);
        state = feed(state, segment->bytes + payload + 1, record->bytes - RECORD - 1);

        uint64_t left = segment->size - start;
        memset(ret_bytes, 0, DISK_SECTOR_BYTES);
        memcpy(ret_bytes, segment->bytes + start,
               left < DISK_SECTOR_BYTES ? (size_t)left : DISK_SECTOR_BYTES);
        ret_bytes[payload - start] = changed;
        put32(ret_bytes + (record->offset - start), ~state);
        *ret_inode = segment->inode;
        *ret_sector = sector;
        return true;
    }
    return false;
}
