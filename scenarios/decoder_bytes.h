/*
 * decoder_bytes.h - what the decoder's files share: sizes, integers and checksums of the format.
 * Private to scenarios/.
 */
#ifndef SCENARIOS_DECODER_BYTES_H
#define SCENARIOS_DECODER_BYTES_H

#include <isa-l.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { HEADER = 128, GROUP = 48, RECORD = 16 };

static inline uint32_t get32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint64_t get64(const uint8_t *p)
{
    return (uint64_t)get32(p) | (uint64_t)get32(p + 4) << 32;
}

static inline void put32(uint8_t *p, uint32_t value)
{
    for (int i = 0; i < 4; i++) p[i] = (uint8_t)(value >> (8 * i));
}

static inline void put64(uint8_t *p, uint64_t value)
{
    for (int i = 0; i < 8; i++) p[i] = (uint8_t)(value >> (8 * i));
}

/* CRC-32C register, without the inversion at the ends. */
static inline uint32_t feed(uint32_t state, const uint8_t *bytes, size_t len)
{
    uint8_t copy[4096];

    while (len > 0) { /* The library's prototype is not const. */
        size_t part = len < sizeof copy ? len : sizeof copy;
        memcpy(copy, bytes, part);
        state = crc32_iscsi(copy, (int)part, state);
        bytes += part;
        len -= part;
    }
    return state;
}

static inline uint32_t feed64(uint32_t state, uint64_t value)
{
    uint8_t bytes[8];

    put64(bytes, value);
    return feed(state, bytes, sizeof bytes);
}

static inline bool decoder_segment_number(const char *name, uint64_t *ret_number)
{
    uint64_t number = 0;

    if (strlen(name) != 20 || strcmp(name + 16, ".wal") != 0) return false;
    for (int i = 0; i < 16; i++) {
        const char *digits = "0123456789abcdef";
        const char *at = strchr(digits, name[i]);
        if (at == NULL) return false;
        number = number << 4 | (uint64_t)(at - digits);
    }
    *ret_number = number;
    return true;
}

#endif
