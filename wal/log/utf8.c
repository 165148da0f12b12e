/*
 * utf8.c - which bytes are UTF-8.
 */
#include "wal/log/utf8.h"

/* What the first byte of a UTF-8 sequence says: how long it is, and the range of the second byte,
 * which is where overlong forms, surrogates and what lies above U+10FFFF differ from the rest. */
static const struct {
    uint8_t first_min, first_max, len, second_min, second_max;
} utf8_rows[] = {
    {0x00, 0x7f, 1, 0x00, 0x00}, {0xc2, 0xdf, 2, 0x80, 0xbf}, {0xe0, 0xe0, 3, 0xa0, 0xbf},
    {0xe1, 0xec, 3, 0x80, 0xbf}, {0xed, 0xed, 3, 0x80, 0x9f}, {0xee, 0xef, 3, 0x80, 0xbf},
    {0xf0, 0xf0, 4, 0x90, 0xbf}, {0xf1, 0xf3, 4, 0x80, 0xbf}, {0xf4, 0xf4, 4, 0x80, 0x8f},
};

size_t wal_utf8_sequence(const uint8_t *at, size_t len)
{
    size_t row = 0;

    if (at[0] < 0x80) return 1;
    while (at[0] < utf8_rows[row].first_min || at[0] > utf8_rows[row].first_max) {
        if (++row == sizeof(utf8_rows) / sizeof(utf8_rows[0])) return 0;
    }
    if (len < utf8_rows[row].len) return 0;
    if (at[1] < utf8_rows[row].second_min || at[1] > utf8_rows[row].second_max) return 0;
    for (size_t i = 2; i < utf8_rows[row].len; i++) {
        if (at[i] < 0x80 || at[i] > 0xbf) return 0;
    }
    return utf8_rows[row].len;
}

bool wal_utf8_valid(const uint8_t *bytes, size_t len)
{
    size_t at = 0;

    while (at < len) {
        size_t step = wal_utf8_sequence(bytes + at, len - at);

        if (step == 0) return false;
        at += step;
    }
    return true;
}
