/*
 * seeds.h - the numbers that people type: seeds, ranges of them, shards, times, counts.
 *
 * Each parser returns NULL, or what is wrong with the text, to be printed behind it: "ends before
 * it starts". Outputs are untouched then.
 */
#ifndef CMD_SEEDS_H
#define CMD_SEEDS_H

#include <stddef.h>
#include <stdint.h>

/* All 64 bits, in decimal or as 0x and hexadecimal digits. */
const char *seed_parse(const char *text, uint64_t *ret_seed);

/* "A..B", both included. */
const char *seed_range_parse(const char *text, uint64_t *ret_first, uint64_t *ret_last);

/* "I/N", 1 <= I <= N: the I-th of N shares. */
const char *shard_parse(const char *text, uint64_t *ret_index, uint64_t *ret_count);

/* "60s", "500ms", "2m", "1h"; seconds without a unit. Not 0. */
const char *duration_parse(const char *text, uint64_t *ret_ns);

const char *count_parse(const char *text, uint64_t min, uint64_t max, uint64_t *ret_count);

#endif
