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

#if defined(__x86_64__)
#include <nmmintrin.h>

enum { SHORT_MAX = 256 };

static bool short_is_faster(size_t len)
{
    return len < SHORT_MAX && __builtin_cpu_supports("sse4.2");
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
#else
static bool short_is_faster(size_t len)
{
    (void)len;
    return false;
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
    if (short_is_faster(len)) return add_short(state, bytes, len);
    assert(len <= INT_MAX); /* Nothing in a log is checksummed in pieces this large. */
    return crc32_iscsi((unsigned char *)(uintptr_t)bytes, (int)len, state);
}
