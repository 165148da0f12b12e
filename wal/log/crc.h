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

#endif
