/*
 * walctl_row_text.c - values of rows that JSON has no word for, as text and back.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmd/walctl_row.h"

enum { NS_PER_S = 1000000000, FRACTION_DIGITS = 9, LIMBS = 3, DECIMAL_DIGITS_MAX = 29 };

/* So many decimal digits at text. False: there is something else. */
static bool digits(const char *text, size_t count, int64_t *ret_number)
{
    int64_t number = 0;

    for (size_t i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9') return false;
        number = number * 10 + (text[i] - '0');
    }
    *ret_number = number;
    return true;
}

/* ---- Timestamps ---- */

static bool is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int64_t days_of_month(int64_t year, int64_t month)
{
    static const int64_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return days[month - 1] + (month == 2 && is_leap(year));
}

static int64_t days_since_1970(int64_t year, int64_t month, int64_t day)
{
    int64_t before = year - 1, days = day - 1;

    for (int64_t m = 1; m < month; m++) days += days_of_month(year, m);
    return days + 365 * (year - 1970) + (before / 4 - before / 100 + before / 400) - 477;
}

/* Behind the seconds: "Z", or "." and up to nine digits and "Z". */
static bool fraction(const char *text, size_t len, int64_t *ret_ns)
{
    int64_t ns = 0;

    if (len == 1) {
        *ret_ns = 0;
        return text[0] == 'Z';
    }
    if (len < 3 || len > 2 + FRACTION_DIGITS || text[0] != '.' || text[len - 1] != 'Z')
        return false;
    if (!digits(text + 1, len - 2, &ns)) return false;
    for (size_t i = len - 2; i < FRACTION_DIGITS; i++) ns *= 10;
    *ret_ns = ns;
    return true;
}

/* 2026-01-02T03:04:05.123456789Z */
bool row_timestamp_parse(const char *text, size_t len, int64_t *ret_ns)
{
    int64_t year, month, day, hour, minute, second, ns;

    if (len < 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T') return false;
    if (text[13] != ':' || text[16] != ':') return false;
    if (!digits(text, 4, &year) || !digits(text + 5, 2, &month) || !digits(text + 8, 2, &day) ||
        !digits(text + 11, 2, &hour) || !digits(text + 14, 2, &minute) ||
        !digits(text + 17, 2, &second) || !fraction(text + 19, len - 19, &ns)) {
        return false;
    }
    if (year == 0 || month < 1 || month > 12 || day < 1 || day > days_of_month(year, month) ||
        hour > 23 || minute > 59 || second > 59) {
        return false;
    }
    int64_t seconds =
        days_since_1970(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
    if (seconds < 0 && ns > 0) { /* So that the smallest one does not overflow on the way. */
        seconds++;
        ns -= NS_PER_S;
    }
    return !__builtin_mul_overflow(seconds, (int64_t)NS_PER_S, &seconds) &&
           !__builtin_add_overflow(seconds, ns, ret_ns);
}

void row_timestamp_text(int64_t ns, char ret_text[ROW_TEXT_BYTES])
{
    int64_t second = ns / NS_PER_S, rest = ns % NS_PER_S;
    struct tm parts;
    char date[32];

    if (rest < 0) {
        second--;
        rest += NS_PER_S;
    }
    time_t when = (time_t)second;
    gmtime_r(&when, &parts);
    strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(ret_text, ROW_TEXT_BYTES, "%s.%09" PRId64 "Z", date, rest);
}

/* ---- Decimals ---- */

static bool times_ten_plus(uint32_t limbs[LIMBS], uint32_t digit)
{
    uint64_t carry = digit;

    for (int i = 0; i < LIMBS; i++) {
        carry += (uint64_t)limbs[i] * 10;
        limbs[i] = (uint32_t)carry;
        carry >>= 32;
    }
    return carry == 0;
}

/* Divides by ten; returns the rest. */
static uint32_t by_ten(uint32_t limbs[LIMBS])
{
    uint64_t rest = 0;

    for (int i = LIMBS - 1; i >= 0; i--) {
        rest = rest << 32 | limbs[i];
        limbs[i] = (uint32_t)(rest / 10);
        rest %= 10;
    }
    return (uint32_t)rest;
}

bool row_decimal_parse(const char *text, size_t len, struct wal_row_decimal *ret_decimal)
{
    bool negative = len > 0 && text[0] == '-';
    uint32_t limbs[LIMBS] = {0};
    size_t begin = negative, point = len;

    for (size_t i = begin; i < len; i++) {
        if (text[i] == '.' && point == len && i > begin && i + 1 < len) {
            point = i;
            continue;
        }
        if (text[i] < '0' || text[i] > '9') return false;
        if (!times_ten_plus(limbs, (uint32_t)(text[i] - '0'))) return false;
    }
    size_t scale = point == len ? 0 : len - point - 1;
    if (len == begin || scale > WAL_ROW_DECIMAL_SCALE_MAX) return false;
    *ret_decimal = (struct wal_row_decimal){.low = limbs[0] | (uint64_t)limbs[1] << 32,
                                            .high = limbs[2],
                                            .scale = (uint8_t)scale,
                                            .negative = negative};
    return true;
}

void row_decimal_text(const struct wal_row_decimal *decimal, char ret_text[ROW_TEXT_BYTES])
{
    uint32_t limbs[LIMBS] = {(uint32_t)decimal->low, (uint32_t)(decimal->low >> 32), decimal->high};
    char backwards[ROW_TEXT_BYTES];
    size_t count = 0, at = 0;

    while (count <= decimal->scale || (limbs[0] | limbs[1] | limbs[2]) != 0) {
        if (count == decimal->scale && count > 0) backwards[at++] = '.';
        backwards[at++] = (char)('0' + by_ten(limbs));
        count++;
    }
    if (decimal->negative) backwards[at++] = '-';
    for (size_t i = 0; i < at; i++) ret_text[i] = backwards[at - 1 - i];
    ret_text[at] = '\0';
}

/* ---- UUIDs ---- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

static bool is_dash(size_t i)
{
    return i == 8 || i == 13 || i == 18 || i == 23;
}

bool row_uuid_parse(const char *text, size_t len, uint8_t ret_uuid[WAL_ROW_UUID_BYTES])
{
    uint8_t uuid[WAL_ROW_UUID_BYTES];
    size_t at = 0;

    if (len != 36) return false;
    for (size_t i = 0; i < len;) {
        if (is_dash(i)) {
            if (text[i++] != '-') return false;
            continue;
        }
        int high = hex_digit(text[i]), low = hex_digit(text[i + 1]);
        if (high < 0 || low < 0) return false;
        uuid[at++] = (uint8_t)(high << 4 | low);
        i += 2;
    }
    memcpy(ret_uuid, uuid, sizeof(uuid));
    return true;
}

void row_uuid_text(const uint8_t uuid[WAL_ROW_UUID_BYTES], char ret_text[ROW_TEXT_BYTES])
{
    char *at = ret_text;

    for (size_t i = 0; i < WAL_ROW_UUID_BYTES; i++) {
        if (is_dash((size_t)(at - ret_text))) *at++ = '-';
        at += sprintf(at, "%02x", uuid[i]);
    }
}

/* ---- Floats ---- */

static bool nan_parse(const char *bits, double *ret_number)
{
    uint64_t number = 0;

    for (int i = 0; i < 16; i++) {
        if (hex_digit(bits[i]) < 0) return false;
        number = number << 4 | (unsigned)hex_digit(bits[i]);
    }
    memcpy(ret_number, &number, sizeof(number));
    return isnan(*ret_number);
}

bool row_float_parse(const char *text, size_t len, double *ret_number)
{
    if (len == 20 && memcmp(text, "nan:", 4) == 0) return nan_parse(text + 4, ret_number);
    bool negative = len == 4 && text[0] == '-';
    if (len != 3 + (size_t)negative || memcmp(text + negative, "inf", 3) != 0) return false;
    *ret_number = negative ? -INFINITY : INFINITY;
    return true;
}

void row_float_text(double number, char ret_text[ROW_TEXT_BYTES])
{
    uint64_t bits;

    memcpy(&bits, &number, sizeof(bits));
    if (isnan(number)) {
        snprintf(ret_text, ROW_TEXT_BYTES, "nan:%016" PRIx64, bits);
        return;
    }
    if (isinf(number)) {
        snprintf(ret_text, ROW_TEXT_BYTES, "%s", number < 0 ? "-inf" : "inf");
        return;
    }
    for (int precision = 15; precision <= 17; precision++) { /* The shortest that comes back. */
        double back;
        uint64_t back_bits;

        snprintf(ret_text, ROW_TEXT_BYTES, "%.*g", precision, number);
        back = strtod(ret_text, NULL);
        memcpy(&back_bits, &back, sizeof(back));
        if (back_bits == bits) break;
    }
    /* Without a fraction it would be an integer. */
    if (strpbrk(ret_text, ".e") == NULL) strcat(ret_text, ".0");
}
