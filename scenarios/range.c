/*
 * range.c - a value that the seed draws.
 */
#include "scenarios/range.h"

#include <assert.h>
#include <stddef.h>

#include "sim/decide.h"

/* Reads digits at *text and moves it behind them. Underscores may group digits. */
static bool number_parse(const char **text, uint64_t *ret_number)
{
    const char *p = *text;
    uint64_t number = 0;

    while (*p == ' ') p++;
    if (*p < '0' || *p > '9') return false;
    for (; (*p >= '0' && *p <= '9') || *p == '_'; p++) {
        if (*p == '_') continue;
        uint64_t digit = (uint64_t)(*p - '0');
        if (number > (UINT64_MAX - digit) / 10) return false;
        number = number * 10 + digit;
    }
    while (*p == ' ') p++;
    *text = p;
    *ret_number = number;
    return true;
}

bool range_parse(const char *text, uint64_t min, uint64_t max, struct range *ret_range)
{
    struct range range = {.count = 0};

    for (;;) {
        uint64_t low, high;

        if (range.count == RANGE_ALTERNATIVES_MAX) return false;
        if (!number_parse(&text, &low)) return false;
        high = low;
        if (text[0] == '.' && text[1] == '.') {
            text += 2;
            if (!number_parse(&text, &high)) return false;
        }
        if (low > high || low < min || high > max) return false;
        range.low[range.count] = low;
        range.high[range.count] = high;
        range.count++;
        if (*text == '\0') break;
        if (*text++ != '|') return false;
    }
    *ret_range = range;
    return true;
}

uint64_t range_draw(const struct range *range, uint64_t entropy)
{
    assert(range->count > 0);

    uint32_t i = range->count == 1 ? 0 : (uint32_t)(entropy >> 40) % range->count;
    uint64_t span = range->high[i] - range->low[i] + 1;

    if (span == 0) return entropy; /* All of the 64-bit numbers. */
    if (span == 1) return range->low[i];
    return range->low[i] + sim_mix(entropy, i, 0) % span;
}

uint64_t range_min(const struct range *range)
{
    uint64_t min = UINT64_MAX;

    for (uint32_t i = 0; i < range->count; i++) {
        if (range->low[i] < min) min = range->low[i];
    }
    return min;
}

uint64_t range_max(const struct range *range)
{
    uint64_t max = 0;

    for (uint32_t i = 0; i < range->count; i++) {
        if (range->high[i] > max) max = range->high[i];
    }
    return max;
}
