/*
 * json.c - bytes as JSON values.
 */
#include <stdint.h>

#include "cmd/json.h"

/* What the first byte of a UTF-8 sequence says: how long it is, and the range of the second byte,
 * which is where overlong forms, surrogates and what lies above U+10FFFF differ from the rest. */
static const struct {
    uint8_t first_min, first_max, len, second_min, second_max;
} utf8_rows[] = {
    {0x00, 0x7f, 1, 0x00, 0x00}, {0xc2, 0xdf, 2, 0x80, 0xbf}, {0xe0, 0xe0, 3, 0xa0, 0xbf},
    {0xe1, 0xec, 3, 0x80, 0xbf}, {0xed, 0xed, 3, 0x80, 0x9f}, {0xee, 0xef, 3, 0x80, 0xbf},
    {0xf0, 0xf0, 4, 0x90, 0xbf}, {0xf1, 0xf3, 4, 0x80, 0xbf}, {0xf4, 0xf4, 4, 0x80, 0x8f},
};

/* The length of the sequence at the start of these bytes (at least one); 0: none is there. */
static size_t utf8_sequence(const char *bytes, size_t len)
{
    const uint8_t *at = (const uint8_t *)bytes;
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

static bool is_plain(char byte)
{
    return (uint8_t)byte >= 0x20 && (uint8_t)byte < 0x80 && byte != '"' && byte != '\\';
}

static void escape(FILE *out, char byte)
{
    switch (byte) {
    case '"': fputs("\\\"", out); break;
    case '\\': fputs("\\\\", out); break;
    case '\n': fputs("\\n", out); break;
    case '\r': fputs("\\r", out); break;
    case '\t': fputs("\\t", out); break;
    default: fprintf(out, "\\u%04x", (unsigned)(uint8_t)byte);
    }
}

void json_string(FILE *out, const char *bytes, size_t len)
{
    size_t at = 0;

    fputc('"', out);
    while (at < len) {
        size_t plain = at;

        while (plain < len && is_plain(bytes[plain])) plain++;
        fwrite(bytes + at, 1, plain - at, out);
        at = plain;
        if (at == len) break;

        size_t step = utf8_sequence(bytes + at, len - at);
        if (step == 1) {
            escape(out, bytes[at]);
        } else if (step > 1) {
            fwrite(bytes + at, 1, step, out);
        } else {
            fputs("\\ufffd", out);
            step = 1;
        }
        at += step;
    }
    fputc('"', out);
}

void json_base64(FILE *out, const char *bytes, size_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const uint8_t *at = (const uint8_t *)bytes;

    fputc('"', out);
    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i;
        uint32_t word = (uint32_t)at[i] << 16;

        if (left > 1) word |= (uint32_t)at[i + 1] << 8;
        if (left > 2) word |= at[i + 2];
        fputc(digits[word >> 18 & 63], out);
        fputc(digits[word >> 12 & 63], out);
        fputc(left > 1 ? digits[word >> 6 & 63] : '=', out);
        fputc(left > 2 ? digits[word & 63] : '=', out);
    }
    fputc('"', out);
}

bool json_is_text(const char *bytes, size_t len)
{
    size_t at = 0;

    while (at < len) {
        size_t step = utf8_sequence(bytes + at, len - at);

        if (step == 0) return false;
        at += step;
    }
    return true;
}
