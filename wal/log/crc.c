/*
 * crc.c - CRC-32C by the fastest means for the length at hand.
 *
 * libisal folds long inputs with carry-less multiplication, which takes longer to set up than a
 * short input takes to be done, and most records are short. So below a few hundred bytes the
 * processor's own instruction is used, where there is one.
 */
#include "wal/log/crc.h"

#include <assert.h>
#include <isa-l.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

enum { SHORT_MAX = 256 };

#if defined(__x86_64__)
#include <nmmintrin.h>

static bool has_instruction(void)
{
    return __builtin_cpu_supports("sse4.2");
}

__attribute__((target("sse4.2"))) static uint32_t add_short(uint32_t state, const uint8_t *p,
                                                            size_t len)
{
    uint64_t crc = state;

    for (; len >= 8; p += 8, len -= 8) {
        uint64_t word;
        memcpy(&word, p, sizeof word);
        crc = _mm_crc32_u64(crc, word);
    }
    uint32_t crc32 = (uint32_t)crc;
    if (len >= 4) {
        uint32_t word;
        memcpy(&word, p, sizeof word);
        crc32 = _mm_crc32_u32(crc32, word);
        p += 4;
        len -= 4;
    }
    for (; len > 0; p++, len--) crc32 = _mm_crc32_u8(crc32, *p);
    return crc32;
}

__attribute__((target("sse4.2"))) static uint64_t lane_begin(const struct log_crc_lane *lane)
{
    uint32_t word;
    uint64_t crc = _mm_crc32_u64(lane->state, lane->place[0]);

    crc = _mm_crc32_u64(crc, lane->place[1]);
    memcpy(&word, lane->bytes, sizeof word);
    return _mm_crc32_u32((uint32_t)crc, word);
}

__attribute__((target("sse4.2"))) static inline uint64_t lane_step(uint64_t crc, const uint8_t *p)
{
    uint64_t word;

    memcpy(&word, p, sizeof word);
    return _mm_crc32_u64(crc, word);
}

__attribute__((target("sse4.2"))) static void add_side_by_side(struct log_crc_lane *lanes)
{
    const uint8_t *p[LOG_CRC_LANES];
    uint64_t crc[LOG_CRC_LANES];
    size_t common = SIZE_MAX; /* Whole words that each of them has. */

    for (unsigned i = 0; i < LOG_CRC_LANES; i++) {
        assert(lanes[i].len % 8 == 4);
        crc[i] = lane_begin(&lanes[i]);
        p[i] = lanes[i].bytes + 4;
        if (common > lanes[i].len / 8) common = lanes[i].len / 8;
    }
    uint64_t a = crc[0], b = crc[1], c = crc[2], d = crc[3];
    for (size_t at = 0; at < common * 8; at += 8) {
        a = lane_step(a, p[0] + at);
        b = lane_step(b, p[1] + at);
        c = lane_step(c, p[2] + at);
        d = lane_step(d, p[3] + at);
    }
    crc[0] = a, crc[1] = b, crc[2] = c, crc[3] = d;
    for (unsigned i = 0; i < LOG_CRC_LANES; i++) {
        lanes[i].state =
            log_crc_add((uint32_t)crc[i], p[i] + common * 8, lanes[i].len - 4 - common * 8);
    }
}
__attribute__((target("sse4.2"))) static void add_alone(struct log_crc_lane *lane)
{
    const uint8_t *p = lane->bytes + 4;
    const uint8_t *end = lane->bytes + lane->len;
    uint64_t crc = lane_begin(lane);

    assert(lane->len % 8 == 4);
    if (lane->len >= SHORT_MAX) {
        lane->state = log_crc_add((uint32_t)crc, p, lane->len - 4);
        return;
    }
    for (; p < end; p += 8) crc = lane_step(crc, p);
    lane->state = (uint32_t)crc;
}
#else
static bool has_instruction(void)
{
    return false;
}

static void add_alone(struct log_crc_lane *lane)
{
    (void)lane;
}

static void add_side_by_side(struct log_crc_lane *lanes)
{
    (void)lanes;
}

static uint32_t add_short(uint32_t state, const uint8_t *p, size_t len)
{
    (void)p;
    (void)len;
    return state;
}
#endif

uint32_t log_crc_add(uint32_t state, const void *bytes, size_t len)
{
    if (len == 0) return state;
    if (len < SHORT_MAX && has_instruction()) return add_short(state, bytes, len);
    assert(len <= INT_MAX); /* Nothing in a log is checksummed in pieces this large. */
    return crc32_iscsi((unsigned char *)(uintptr_t)bytes, (int)len, state);
}

void log_crc_add_lane(struct log_crc_lane *lane)
{
    uint8_t place[sizeof lane->place];

    if (has_instruction()) {
        add_alone(lane);
        return;
    }
    for (unsigned at = 0; at < sizeof place; at++) {
        place[at] = (uint8_t)(lane->place[at / 8] >> (at % 8 * 8));
    }
    lane->state = log_crc_add(lane->state, place, sizeof place);
    lane->state = log_crc_add(lane->state, lane->bytes, lane->len);
}

void log_crc_add_lanes(struct log_crc_lane *lanes)
{
    if (has_instruction()) {
        add_side_by_side(lanes);
        return;
    }
    for (unsigned i = 0; i < LOG_CRC_LANES; i++) log_crc_add_lane(&lanes[i]);
}
