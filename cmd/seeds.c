/*
 * seeds.c - the numbers that people type.
 *
 * Not strtoull: it takes signs, blanks and octal, and wraps "-1" around to the largest seed.
 */
#include <stdbool.h>
#include <string.h>

#include "cmd/seeds.h"

#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)

static int digit_value(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return 16;
}

/* The digits from `text` to `end`. */
static const char *number_parse(const char *text, const char *end, uint64_t *ret_number)
{
    uint64_t base = 10, number = 0;

    if (text == end) return "lacks a number";
    if (text[0] == '-') return "is negative";
    if (end - text > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        base = 16;
        text += 2;
    }
    for (; text < end; text++) {
        uint64_t digit = (uint64_t)digit_value(*text);

        if (digit >= base) return "is not a number";
        if (number > (UINT64_MAX - digit) / base) return "is over 2^64 - 1";
        number = number * base + digit;
    }
    *ret_number = number;
    return NULL;
}

const char *seed_parse(const char *text, uint64_t *ret_seed)
{
    return number_parse(text, text + strlen(text), ret_seed);
}

const char *seed_range_parse(const char *text, uint64_t *ret_first, uint64_t *ret_last)
{
    const char *dots = strstr(text, "..");
    uint64_t first, last;

    if (dots == NULL) return "is not a range A..B";
    const char *wrong = number_parse(text, dots, &first);
    if (wrong == NULL) wrong = number_parse(dots + 2, text + strlen(text), &last);
    if (wrong != NULL) return wrong;
    if (last < first) return "is empty: it ends before it starts";
    *ret_first = first;
    *ret_last = last;
    return NULL;
}

const char *shard_parse(const char *text, uint64_t *ret_index, uint64_t *ret_count)
{
    const char *slash = strchr(text, '/');
    uint64_t index, count;

    if (slash == NULL) return "is not a share I/N";
    const char *wrong = number_parse(text, slash, &index);
    if (wrong == NULL) wrong = number_parse(slash + 1, text + strlen(text), &count);
    if (wrong != NULL) return wrong;
    if (index == 0) return "starts at 0; shares count from 1";
    if (index > count) return "names a share beyond the last";
    *ret_index = index;
    *ret_count = count;
    return NULL;
}

const char *duration_parse(const char *text, uint64_t *ret_ns)
{
    static const struct {
        const char *name;
        uint64_t ns;
    } units[] = {
        {"", NS_PER_S},       {"ms", NS_PER_MS},      {"s", NS_PER_S},
        {"m", 60 * NS_PER_S}, {"h", 3600 * NS_PER_S},
    };
    const char *unit = text + strspn(text, "0123456789");
    uint64_t number;

    const char *wrong = number_parse(text, unit, &number);
    if (wrong != NULL) return text[0] == '-' ? "is negative" : "is not a time like 60s";
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(unit, units[i].name) != 0) continue;
        if (number == 0) return "is no time at all";
        if (number > UINT64_MAX / 4 / units[i].ns) return "is too long";
        *ret_ns = number * units[i].ns;
        return NULL;
    }
    return "is not a time like 60s (ms, s, m or h)";
}

const char *count_parse(const char *text, uint64_t min, uint64_t max, uint64_t *ret_count)
{
    uint64_t count;
    const char *wrong = seed_parse(text, &count);

    if (wrong != NULL) return wrong;
    if (count < min) return "is too small";
    if (count > max) return "is too large";
    *ret_count = count;
    return NULL;
}
