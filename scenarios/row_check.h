/*
 * row_check.h - hand bytes to the log's row decoder and judge what it makes of them.
 */
#ifndef SCENARIOS_ROW_CHECK_H
#define SCENARIOS_ROW_CHECK_H

#include <stddef.h>
#include <stdint.h>

#include "sim/guard.h"
#include "sim/history.h"
#include "wal/log/row.h"

/* Copies the bytes to the guard, so that reading beyond them is death, and decodes them there with
 * memory that is counted. HISTORY_ROW_GOOD: they are a row, whose values (if `want` is not NULL)
 * are the wanted ones, and encoded again it is the same bytes. */
enum history_row row_check(const struct sim_guard *guard, const uint8_t *bytes, size_t len,
                           const struct wal_row_value *want, uint32_t want_count);

/* Changes a row as the entropy says, in one of the ways that decoders are known to trip over: cut
 * short, a bit flipped, a byte or a length set to an extreme. Returns its new length, at most len.
 */
size_t row_mutate(uint8_t *bytes, size_t len, uint64_t entropy);

#endif
