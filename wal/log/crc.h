/*
 * crc.h - CRC-32C in pieces: begin, add, add, end.
 *
 * The pieces exist because the log's checksums cover things that are not stored (format.h,
 * BINDING): the state after them is computed once and carried on from.
 */
#ifndef WAL_LOG_CRC_H
#define WAL_LOG_CRC_H

#include <stddef.h>
#include <stdint.h>

#define LOG_CRC_BEGIN UINT32_MAX

uint32_t log_crc_add(uint32_t state, const void *bytes, size_t len);

static inline uint32_t log_crc_end(uint32_t state)
{
    return ~state;
}

/* One of several checksums that are computed side by side: the processor needs three cycles for
 * each step of one, and can begin a step of another in each. */
struct log_crc_lane {
    uint64_t place[2]; /* Added first, little-endian; */
    const uint8_t *bytes;
    size_t len; /* a multiple of 8, and 4. */
    uint32_t state;
};

enum { LOG_CRC_LANES = 4 };

/* lanes: LOG_CRC_LANES of them. */
void log_crc_add_lanes(struct log_crc_lane *lanes);

/* One by itself. */
void log_crc_add_lane(struct log_crc_lane *lane);

#endif
