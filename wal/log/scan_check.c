/*
 * scan_check.c - which records of a group are valid, as fast as their bytes come from memory.
 *
 * The processor adds eight bytes to a CRC-32C in each cycle, but what comes of it is known three
 * cycles later: so the sums of four records are taken side by side, all in one loop, and what will
 * be read next is asked for meanwhile, since it does not foresee what lies in the next page. Where
 * this finds anything amiss it says nothing: record by record is the way that decides.
 */
#include "wal/log/codec.h"
#include "wal/log/scan.h"

/* The next record, which is valid. False: it does not go on with the batch. */
static bool record_take(struct log_group *group, const uint8_t *p)
{
    struct wal_record_header record;

    log_record_header_decode(p, &record);
    if (record.batch_index != group->batch_index) return false;
    group->checked_bytes += log_record_bytes(record.length);
    group->checked_count++;
    group->batch_index++;
    if (record.flags & WAL_RECORD_BATCH_GOES_ON) return true;
    group->batch_index = 0;
    group->valid_bytes = (uint32_t)group->checked_bytes;
    group->valid_count = group->checked_count;
    return true;
}

#if defined(__x86_64__)
#include <nmmintrin.h>

#define WITH_CRC __attribute__((target("sse4.2")))

enum {
    LANES = 4,
    LINE_BYTES = 64,
    AHEAD_BYTES = 4096,
};

/* Written out four times, each sum in a register of its own: in an array they would not be. */
struct lanes {
    const uint8_t *record[LANES];
    uint64_t bytes[LANES];
};

WITH_CRC static inline uint64_t sum_begin(const uint8_t *record, uint32_t binding, uint64_t offset,
                                          uint64_t lsn)
{
    uint64_t sum = _mm_crc32_u64(_mm_crc32_u64(binding, offset), lsn);

    return _mm_crc32_u32((uint32_t)sum, get_u32(record + 4));
}

WITH_CRC static inline uint64_t sum_add(uint64_t sum, const uint8_t *p)
{
    return _mm_crc32_u64(sum, get_u64(p));
}

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline bool sum_is_right(uint64_t sum, const uint8_t *record, uint64_t common,
                                uint64_t bytes)
{
    uint32_t whole = (uint32_t)sum;

    if (common < bytes) whole = log_crc_add(whole, record + common, (size_t)(bytes - common));
    return get_u32(record) == log_crc_end(whole);
}

WITH_CRC static inline bool four_are_valid(const struct lanes *lanes, uint32_t binding,
                                           uint64_t offset, uint64_t lsn)
{
    const uint8_t *p0 = lanes->record[0], *p1 = lanes->record[1];
    const uint8_t *p2 = lanes->record[2], *p3 = lanes->record[3];
    const uint64_t *n = lanes->bytes;
    uint64_t common = min_u64(min_u64(n[0], n[1]), min_u64(n[2], n[3]));
    uint64_t at = 8; /* What comes before is begun with. */
    uint64_t a = sum_begin(p0, binding, offset, lsn);
    uint64_t b = sum_begin(p1, binding, offset + (uint64_t)(p1 - p0), lsn + 1);
    uint64_t c = sum_begin(p2, binding, offset + (uint64_t)(p2 - p0), lsn + 2);
    uint64_t d = sum_begin(p3, binding, offset + (uint64_t)(p3 - p0), lsn + 3);

    for (; at + LINE_BYTES <= common; at += LINE_BYTES) {
        __builtin_prefetch(p0 + at + AHEAD_BYTES);
        __builtin_prefetch(p1 + at + AHEAD_BYTES);
        __builtin_prefetch(p2 + at + AHEAD_BYTES);
        __builtin_prefetch(p3 + at + AHEAD_BYTES);
        for (uint64_t word = at; word < at + LINE_BYTES; word += 8) {
            a = sum_add(a, p0 + word);
            b = sum_add(b, p1 + word);
            c = sum_add(c, p2 + word);
            d = sum_add(d, p3 + word);
        }
    }
    for (; at < common; at += 8) {
        a = sum_add(a, p0 + at);
        b = sum_add(b, p1 + at);
        c = sum_add(c, p2 + at);
        d = sum_add(d, p3 + at);
    }
    return sum_is_right(a, p0, common, n[0]) && sum_is_right(b, p1, common, n[1]) &&
           sum_is_right(c, p2, common, n[2]) && sum_is_right(d, p3, common, n[3]);
}

/* Are the next four as long as one another? Then where they begin is known without waiting for the
 * length of each in turn. */
static inline bool four_alike(const uint8_t *first, uint64_t left, struct lanes *lanes)
{
    uint32_t length = get_u32(first + 4);
    uint64_t bytes = log_record_bytes(length);
    bool alike = true;

    if (LANES * bytes > left) return false;
    for (unsigned i = 0; i < LANES; i++) {
        lanes->record[i] = first + i * bytes;
        lanes->bytes[i] = bytes;
        alike &= get_u32(lanes->record[i] + 4) == length;
    }
    return alike;
}

/* Where the next four are. */
static inline bool four_find(const uint8_t *record, uint64_t left, struct lanes *lanes)
{
    if (left < WAL_RECORD_HEADER_BYTES) return false;
    if (four_alike(record, left, lanes)) return true;
    for (unsigned i = 0; i < LANES; i++) {
        if (left < WAL_RECORD_HEADER_BYTES) return false;
        uint64_t bytes = log_record_bytes(get_u32(record + 4));
        if (bytes > left) return false;
        lanes->record[i] = record;
        lanes->bytes[i] = bytes;
        record += bytes;
        left -= bytes;
    }
    return true;
}

/* Take four records and four, as long as there are as many and they are valid. */
WITH_CRC static void fours_take(uint32_t binding, struct log_group *group, uint64_t until)
{
    while (group->header.count - group->checked_count >= LANES && group->checked_bytes < until) {
        const uint8_t *first = log_group_record(group, group->checked_bytes);
        bool alone = group->batch_index == 0;
        struct lanes lanes;

        if (!four_find(first, group->read_bytes - group->checked_bytes, &lanes)) return;
        if (!four_are_valid(&lanes, binding,
                            group->offset + WAL_GROUP_HEADER_BYTES + group->checked_bytes,
                            group->header.first_lsn + group->checked_count)) {
            return;
        }
        for (unsigned i = 0; i < LANES; i++) alone &= log_record_alone(lanes.record[i]);
        if (!alone) {
            for (unsigned i = 0; i < LANES; i++) {
                if (!record_take(group, lanes.record[i])) return;
            }
            continue;
        }
        group->checked_bytes +=
            (uint64_t)(lanes.record[LANES - 1] - first) + lanes.bytes[LANES - 1];
        group->checked_count += LANES;
        group->valid_bytes = (uint32_t)group->checked_bytes;
        group->valid_count = group->checked_count;
    }
}

static void many_take(const struct log_scan *scan, struct log_group *group, uint64_t until)
{
    if (__builtin_cpu_supports("sse4.2")) fours_take(scan->binding, group, until);
}
#else
static void many_take(const struct log_scan *scan, struct log_group *group, uint64_t until)
{
    (void)scan;
    (void)group;
    (void)until;
}
#endif

static bool one_take(const struct log_scan *scan, struct log_group *group)
{
    const uint8_t *p = log_group_record(group, group->checked_bytes);

    return log_record_valid(p, group->there_bytes - group->checked_bytes, scan->binding,
                            group->offset + WAL_GROUP_HEADER_BYTES + group->checked_bytes,
                            group->header.first_lsn + group->checked_count) &&
           record_take(group, p);
}

/* Up to where the next record goes, as far as that can be seen. */
static uint64_t next_end(const struct log_group *group)
{
    uint64_t pos = group->checked_bytes;

    if (group->read_bytes - pos < WAL_RECORD_HEADER_BYTES) return pos + WAL_RECORD_HEADER_BYTES;
    return pos + log_record_bytes(get_u32(log_group_record(group, pos) + 4));
}

enum wal_err log_scan_group_check(struct log_scan *scan, struct log_group *group, uint64_t bytes)
{
    uint64_t until = group->checked_bytes + bytes;

    assert(!group->checked);
    group->kept_bytes = group->valid_bytes;
    while (group->checked_count < group->header.count) {
        if (group->checked_bytes >= until) return WAL_OK;
        if (group->header.count - group->checked_count > 1) many_take(scan, group, until);
        if (group->checked_bytes >= until || group->checked_count == group->header.count) continue;
        uint64_t end = next_end(group);
        if (end > group->read_bytes && end <= group->there_bytes) {
            enum wal_err err = log_scan_group_read(scan, group, end);
            if (err) return err;
            continue;
        }
        if (one_take(scan, group)) continue;
        group->checked = true;
        return WAL_OK;
    }
    group->checked = true;
    if (group->batch_index == 0 && group->checked_bytes == group->header.length) {
        group->state = LOG_GROUP_WHOLE;
    }
    return WAL_OK;
}
