/*
 * row_check.c - hand bytes to the log's row decoder and judge what it makes of them.
 *
 * Whatever the bytes are, each value handed out lies inside them, nothing larger is allocated than
 * they account for, and since there is one way only to write a row, what was accepted is encoded to
 * the bytes that it was decoded from. A row that was written comes back value by value.
 */
#include "scenarios/row_check.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sim/decide.h"
#include "wal/log/little_endian.h"

enum { BYTES_PER_BYTE_MAX = 2 * sizeof(struct wal_row_value) }; /* Memory for a byte of a row. */

/* A world with nothing but memory, and of that not much. The door comes first. */
struct larder {
    struct wal_io io;
    size_t allowed;
    bool greedy;
};

static void *larder_alloc(struct wal_io *io, size_t size)
{
    struct larder *larder = (struct larder *)io;

    if (size > larder->allowed) {
        larder->greedy = true;
        return NULL;
    }
    larder->allowed -= size;
    return malloc(size);
}

static void larder_free(struct wal_io *io, void *memory, size_t size)
{
    ((struct larder *)io)->allowed += size;
    free(memory);
}

static const struct wal_io_ops larder_ops = {.alloc = larder_alloc, .free = larder_free};

static bool has_bytes(enum wal_row_type type)
{
    return type == WAL_ROW_TEXT || type == WAL_ROW_BYTES || type == WAL_ROW_JSON ||
           type == WAL_ROW_FLOATS;
}

static bool is_inside(const struct wal_row_bytes *bytes, const uint8_t *row, size_t len)
{
    return bytes->at >= row && bytes->at <= row + len &&
           bytes->len <= len - (size_t)(bytes->at - row);
}

static bool all_inside(const struct wal_row_value *values, uint32_t count, const uint8_t *row,
                       size_t len)
{
    for (uint32_t i = 0; i < count; i++) {
        if (has_bytes(values[i].type) && !is_inside(&values[i].bytes, row, len)) return false;
    }
    return true;
}

/* Bit by bit: NaNs, too, come back. */
static bool is_same_float(double a, double b)
{
    uint8_t left[WAL_ROW_FLOAT_BYTES], right[WAL_ROW_FLOAT_BYTES];

    wal_row_put_float(left, a);
    wal_row_put_float(right, b);
    return memcmp(left, right, sizeof left) == 0;
}

static bool is_same(const struct wal_row_value *a, const struct wal_row_value *b)
{
    if (a->type != b->type) return false;
    switch (a->type) {
    case WAL_ROW_NULL: return true;
    case WAL_ROW_BOOL: return a->boolean == b->boolean;
    case WAL_ROW_I16:
    case WAL_ROW_I32:
    case WAL_ROW_I64:
    case WAL_ROW_TIMESTAMP: return a->integer == b->integer;
    case WAL_ROW_U64: return a->natural == b->natural;
    case WAL_ROW_FLOAT: return is_same_float(a->number, b->number);
    case WAL_ROW_DECIMAL:
        return a->decimal.low == b->decimal.low && a->decimal.high == b->decimal.high &&
               a->decimal.scale == b->decimal.scale && a->decimal.negative == b->decimal.negative;
    case WAL_ROW_UUID: return memcmp(a->uuid, b->uuid, sizeof a->uuid) == 0;
    case WAL_ROW_TEXT:
    case WAL_ROW_BYTES:
    case WAL_ROW_JSON:
    case WAL_ROW_FLOATS:
        return a->bytes.len == b->bytes.len &&
               (a->bytes.len == 0 || memcmp(a->bytes.at, b->bytes.at, a->bytes.len) == 0);
    case WAL_ROW_TYPE_COUNT: break;
    }
    return false;
}

static bool all_same(const struct wal_row_value *values, uint32_t count,
                     const struct wal_row_value *want, uint32_t want_count)
{
    if (count != want_count) return false;
    for (uint32_t i = 0; i < count; i++) {
        if (!is_same(&values[i], &want[i])) return false;
    }
    return true;
}

static bool comes_back(const struct wal_row_value *values, uint32_t count, const uint8_t *row,
                       size_t len)
{
    size_t again_len;

    if (wal_row_size(values, count, &again_len, NULL) != WAL_OK || again_len != len) return false;
    uint8_t *again = malloc(len + 1); /* For no bytes at all it might answer NULL. */
    assert(again != NULL);
    wal_row_encode(values, count, again);
    bool same = memcmp(again, row, len) == 0;
    free(again);
    return same;
}

enum history_row row_check(const struct sim_guard *guard, const uint8_t *bytes, size_t len,
                           const struct wal_row_value *want, uint32_t want_count)
{
    struct larder larder = {.io = {.ops = &larder_ops}, .allowed = len * BYTES_PER_BYTE_MAX};
    uint8_t *row = sim_guard_place(guard, len);
    enum history_row fate = HISTORY_ROW_GOOD;
    struct wal_row_value *values = NULL;
    uint32_t count = 0;

    if (len > 0) memcpy(row, bytes, len);
    enum wal_err err = wal_row_read(&larder.io, row, len, &values, &count);
    if (larder.greedy) return HISTORY_ROW_GREEDY;
    if (err) return HISTORY_ROW_REFUSED;
    if (!all_inside(values, count, row, len)) {
        fate = HISTORY_ROW_OUTSIDE;
    } else if (!comes_back(values, count, row, len)) {
        fate = HISTORY_ROW_CHANGED;
    } else if (want != NULL && !all_same(values, count, want, want_count)) {
        fate = HISTORY_ROW_OTHER;
    }
    wal_row_free(&larder.io, values, count);
    return fate;
}

/* ---- What a hostile row may be ---- */

/* Where the length of some value stands, or the count of values: a good row's, so it can be found
 * with the decoder itself. */
static size_t pick_length(const uint8_t *bytes, size_t len, uint64_t entropy)
{
    size_t at = 4, seen = 1;
    struct wal_row_value value;
    struct wal_row row;

    if (wal_row_open(bytes, len, &row) != WAL_OK) return at;
    for (size_t begin = row.offset; wal_row_next(&row, &value) == WAL_OK; begin = row.offset) {
        if (!has_bytes(value.type)) continue;
        seen++; /* Each one so far is equally likely. */
        if (sim_mix(entropy, seen, 6) % seen == 0) at = begin + 1;
    }
    return at;
}

size_t row_mutate(uint8_t *bytes, size_t len, uint64_t entropy)
{
    static const uint32_t extremes[] = {UINT32_MAX, INT32_MAX, 1U << 31, 1U << 24, 4096, 0};
    uint64_t where = sim_mix(entropy, len, 7);

    if (len == 0) return 0;
    switch (entropy % 8) {
    case 0: return 0;
    case 1:
    case 2: return (size_t)(where % len);
    case 3: bytes[where % len] ^= (uint8_t)(1U << (entropy >> 8) % 8); return len;
    case 4: bytes[where % len] = (uint8_t)(entropy >> 8); return len;
    default: break;
    }
    size_t at = pick_length(bytes, len, where);
    if (at + 4 > len) return len;
    uint32_t value = get_u32(bytes + at) + (uint32_t)((entropy >> 8) % 8) - 3;
    if (entropy % 8 != 5) value = extremes[(entropy >> 8) % (sizeof extremes / sizeof extremes[0])];
    put_u32(bytes + at, value);
    return len;
}
