/*
 * codec.h - between the bytes of format.h and structs. No other file knows an offset.
 *
 * Decoders take bytes from disk, so they never assert and never read beyond what they are given.
 * They say WAL_CORRUPT or false; WAL_VERSION only where the checksum proves that a newer version
 * wrote just that.
 */
#ifndef WAL_LOG_CODEC_H
#define WAL_LOG_CODEC_H

#include "wal/err.h"
#include "wal/log/crc.h"
#include "wal/log/format.h"
#include "wal/log/little_endian.h"

/* CRC state after log_id, life and segment: what every checksum inside a segment begins with. */
uint32_t log_binding(const uint8_t *log_id, uint64_t life, uint64_t segment);

/* To a power of two: a division would be a tenth of going from one small group to the next. */
static inline uint64_t log_round_up(uint64_t n, uint64_t align)
{
    return (n + align - 1) & ~(align - 1);
}

/* The header's share of a segment: groups start behind it. */
static inline uint32_t log_area_bytes(uint32_t block_bytes)
{
    return block_bytes < WAL_SEGMENT_HEADER_AREA_MIN ? (uint32_t)WAL_SEGMENT_HEADER_AREA_MIN
                                                     : block_bytes;
}

/* What a record with a payload of `len` takes: header, payload, padding. */
static inline uint64_t log_record_bytes(uint64_t len)
{
    return WAL_RECORD_HEADER_BYTES + log_round_up(len, WAL_RECORD_ALIGN);
}

static inline bool log_block_bytes_valid(uint32_t block_bytes)
{
    return block_bytes == 8 || block_bytes == 512 || block_bytes == 4096;
}

void log_segment_header_encode(uint8_t *p, const struct wal_segment_header *header);
WAL_CHECKED enum wal_err log_segment_header_decode(const uint8_t *p,
                                                   struct wal_segment_header *ret_header);

void log_group_header_encode(uint8_t *p, const struct wal_group_header *header, uint32_t binding,
                             uint64_t offset);
bool log_group_header_decode(const uint8_t *p, uint32_t binding, uint64_t offset,
                             struct wal_group_header *ret_header);

/* Without the checksum, which needs the place; seal adds it. */
void log_record_header_encode(uint8_t *p, const struct wal_record_header *header);
/* So many, one after the other from p on, which lie at this offset. */
void log_records_seal(uint8_t *p, uint32_t binding, uint64_t offset, uint64_t first_lsn,
                      uint32_t count);
static inline void log_record_header_decode(const uint8_t *p, struct wal_record_header *ret_header)
{
    *ret_header = (struct wal_record_header){
        .length = get_u32(p + 4),
        .kind = p[8],
        .flags = p[9],
        .batch_index = get_u32(p + 12),
    };
}
/* Is it no part of a batch of several? */
static inline bool log_record_alone(const uint8_t *p)
{
    return (p[9] & WAL_RECORD_BATCH_GOES_ON) == 0 && get_u32(p + 12) == 0;
}

/* Is it valid there, and inside the `left` bytes? */
bool log_record_valid(const uint8_t *p, uint64_t left, uint32_t binding, uint64_t offset,
                      uint64_t lsn);

void log_mark_slot_encode(uint8_t *p, unsigned slot, const struct wal_mark_slot *mark);
WAL_CHECKED enum wal_err log_mark_slot_decode(const uint8_t *p, unsigned slot,
                                              struct wal_mark_slot *ret_mark);

void log_pin_encode(uint8_t *p, const struct wal_pin_file *pin);
WAL_CHECKED enum wal_err log_pin_decode(const uint8_t *p, struct wal_pin_file *ret_pin);

void log_segment_name(char *ret_name, uint64_t number); /* WAL_SEGMENT_NAME_BYTES long. */
bool log_segment_name_parse(const char *name, uint64_t *ret_number);

/* What a segment is called while the writer of this life makes it. As long. */
void log_next_name(char *ret_name, uint64_t life);
/* What a segment is called that was pruned and is kept to be used again. As long. */
void log_spare_name(char *ret_name, uint64_t number);
bool log_spare_name_parse(const char *name, uint64_t *ret_number);
/* Is it the name of an unfinished file? */
bool log_tmp_name(const char *name);

#endif
