/*
 * payload.c - what the bytes of a record are.
 *
 * Noise, or (for who stores logs in a log) bytes that look like the log: a piece of one of its own
 * files, copied as it is now; half of such pieces keep step, so that what stood on a sector edge
 * stands on one again. A replica's pieces come from a copy of this log that went further: the group
 * headers in them are well-formed where they were copied from, and know LSNs durable that this log
 * has not given away yet. Whoever takes one of them for a witness misses records that never were.
 *
 * Or they are a row (row_payload.c).
 *
 * Each record begins with who it is: operation, index and length; shorter ones are cut.
 */
#include <string.h>

#include "scenarios/run.h"
#include "wal/log/codec.h"

enum { HEAD_BYTES = 8, AHEAD_LSNS = 1000 };

/* A file of the log, as it is at this moment. */
struct source {
    const struct disk *disk;
    disk_inode inode;
    uint64_t size;
};

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void fill_noise(uint8_t *bytes, uint32_t len, uint64_t entropy)
{
    uint64_t noise = entropy | 1, word;
    uint32_t at = 0;

    for (; len - at >= sizeof word; at += sizeof word) {
        noise *= 0x9e3779b97f4a7c15U;
        word = noise ^ noise >> 29;
        memcpy(bytes + at, &word, sizeof word);
    }
    if (at == len) return;
    noise *= 0x9e3779b97f4a7c15U;
    word = noise ^ noise >> 29;
    memcpy(bytes + at, &word, len - at);
}

/* One of the files that have bytes. */
static bool pick_source(struct disk *disk, uint64_t entropy, struct source *ret_source)
{
    uint32_t count = 0;
    disk_inode inode;
    int32_t dir;

    if (disk_dir_find(disk, RUN_LOG_PATH, &dir) != WAL_OK) return false;
    for (size_t i = 0; disk_entry(disk, dir, i, &inode) != NULL; i++) {
        if (inode == -1 || disk_size(disk, inode) == 0) continue;
        count++; /* Each one so far is equally likely. */
        if (sim_mix(entropy, i, 4) % count != 0) continue;
        *ret_source = (struct source){disk, inode, disk_size(disk, inode)};
    }
    return count > 0;
}

/* Where in the source the piece comes from that goes to `place` in a group, or in its sector. */
static uint64_t pick_offset(const struct source *source, uint64_t place, uint64_t entropy)
{
    uint64_t any = (entropy >> 2) % source->size;
    uint64_t in_step = any - any % DISK_SECTOR_BYTES + place % DISK_SECTOR_BYTES;

    switch (entropy & 3) {
    case 0: return any;
    case 1: return any - any % WAL_RECORD_ALIGN;
    default: return in_step;
    }
}

/* The piece [offset, offset + len) of a segment, as a copy of the log would have it that is ahead.
 */
static void run_ahead(const struct source *source, uint64_t offset, uint8_t *piece, size_t len)
{
    uint8_t head[WAL_SEGMENT_HEADER_BYTES];
    struct wal_segment_header segment;
    bool bad;

    if (disk_read(source->disk, source->inode, 0, head, sizeof head, &bad) < sizeof head) return;
    if (bad || log_segment_header_decode(head, &segment) != WAL_OK) return;
    uint32_t binding = log_binding(segment.log_id, segment.life, segment.segment);
    size_t at = (size_t)(log_round_up(offset, WAL_RECORD_ALIGN) - offset);
    for (; at + WAL_GROUP_HEADER_BYTES <= len; at += WAL_RECORD_ALIGN) {
        struct wal_group_header group;

        if (!log_group_header_decode(piece + at, binding, offset + at, &group)) continue;
        group.first_lsn += AHEAD_LSNS;
        group.durable_lsn += AHEAD_LSNS;
        log_group_header_encode(piece + at, &group, binding, offset + at);
    }
}

static void fill_log(const struct runner *runner, const struct operation *operation, uint64_t place,
                     uint8_t *bytes, uint32_t len, uint64_t entropy)
{
    struct source source;
    bool bad;

    if (!pick_source(sim_disk(runner->world), entropy, &source)) return;
    uint64_t offset = pick_offset(&source, place, sim_mix(entropy, place, 5));
    size_t got = disk_read(source.disk, source.inode, offset, bytes, len, &bad);
    if (bad) { /* What cannot be read stays noise. */
        fill_noise(bytes, len, entropy);
    } else if (operation->content == CONTENT_REPLICA) {
        run_ahead(&source, offset, bytes, got);
    }
}

void run_fill(struct runner *runner, const struct operation *operation, uint32_t index,
              uint8_t *bytes)
{
    uint32_t len = operation->lengths[index];
    uint32_t head[2] = {operation->number, index << 16 | (len & 0xffff)};
    uint64_t entropy = sim_mix(operation->noise, index, 3);

    if (operation->content == CONTENT_ROW && run_fill_row(runner, operation, index, bytes)) return;
    uint64_t place =
        WAL_GROUP_HEADER_BYTES + WAL_RECORD_HEADER_BYTES; /* If its group is its own. */

    for (uint32_t i = 0; i < index; i++) place += log_record_bytes(operation->lengths[i]);
    fill_noise(bytes, len, entropy);
    bool like_log = operation->content == CONTENT_LOG || operation->content == CONTENT_REPLICA;
    if (like_log && len > HEAD_BYTES) {
        fill_log(runner, operation, place + HEAD_BYTES, bytes + HEAD_BYTES, len - HEAD_BYTES,
                 entropy);
    }
    memcpy(bytes, head, smaller(len, HEAD_BYTES));
}
