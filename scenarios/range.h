/*
 * range.h - a value that the seed draws: "5", "1..9", "512|4096", "0|64..128".
 *
 * Alternatives are separated by "|" and equally likely; within one, every number is.
 */
#ifndef SCENARIOS_RANGE_H
#define SCENARIOS_RANGE_H

#include <stdbool.h>
#include <stdint.h>

enum { RANGE_ALTERNATIVES_MAX = 8 };

struct range {
    uint64_t low[RANGE_ALTERNATIVES_MAX];
    uint64_t high[RANGE_ALTERNATIVES_MAX];
    uint32_t count;
};

/* False when the text is not a range, or a number lies outside min..max. */
bool range_parse(const char *text, uint64_t min, uint64_t max, struct range *ret_range);

uint64_t range_draw(const struct range *range, uint64_t entropy);
uint64_t range_min(const struct range *range);
uint64_t range_max(const struct range *range);

#endif
