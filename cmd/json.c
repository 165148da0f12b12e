/*
 * json.c - bytes as JSON values.
 */
#include <stdint.h>

#include "cmd/json.h"
#include "wal/log/utf8.h"

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

        size_t step = wal_utf8_sequence((const uint8_t *)bytes + at, len - at);
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
    return wal_utf8_valid((const uint8_t *)bytes, len);
}
