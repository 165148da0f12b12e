/*
 * row.h - a row: typed values as the payload of a record.
 *
 * The log itself knows nothing of rows; who writes them and who reads them agree on it. A row says
 * of each value what it is, so it can be read without a schema. All integers are little-endian, and
 * nothing is aligned.
 *
 * ROW
 *
 *       0   4   magic         "ROW1"
 *       4   4   count         values that follow
 *       8   .   values, one after the other; the row ends where its bytes end
 *
 * VALUE
 *
 *       0   1   type, below
 *       1   .   what the type says:
 *
 *     0 null         nothing
 *     1 bool         1 byte: 0 or 1
 *     2 i16          2 bytes, two's complement
 *     3 i32          4 bytes, two's complement
 *     4 i64          8 bytes, two's complement
 *     5 u64          8 bytes
 *     6 float        8 bytes, IEEE 754 binary64; any bits, those of every NaN too
 *     7 timestamp    8 bytes, two's complement: nanoseconds since 1970-01-01T00:00:00Z
 *     8 decimal      16 bytes: 12 of an unsigned coefficient, 1 scale, 1 sign, 2 of zeros; it is
 *                    coefficient / 10^scale, scale at most 28, negative if the sign is 1, else 0
 *     9 uuid         16 bytes, as they are written from left to right
 *    10 text         4 bytes of length, so many bytes of UTF-8
 *    11 bytes        4 bytes of length, so many bytes
 *    12 json         4 bytes of length, so many bytes of one JSON value (RFC 8259) in UTF-8, arrays
 *                    and objects nested at most 64 deep
 *    13 floats       4 bytes of count, so many times the 8 bytes of a float
 *
 * There is one way only to write a row, so that what is decoded and encoded again is the same
 * bytes. Everything else is refused: WAL_NOTROW. That says nothing about the log: the record is as
 * it was written.
 *
 * The decoder is a cursor over the caller's bytes. It trusts none of them: every length and count
 * is compared with what is left before it is used, nothing is allocated and nothing recurses. What
 * it hands out points into these bytes.
 */
#ifndef WAL_LOG_ROW_H
#define WAL_LOG_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wal/err.h"
#include "wal/io.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    WAL_ROW_HEADER_BYTES = 8,
    WAL_ROW_DECIMAL_BYTES = 16,
    WAL_ROW_DECIMAL_SCALE_MAX = 28,
    WAL_ROW_UUID_BYTES = 16,
    WAL_ROW_FLOAT_BYTES = 8,
    WAL_ROW_JSON_DEPTH_MAX = 64,
};

#define WAL_ROW_MAGIC "ROW1"

enum wal_row_type {
    WAL_ROW_NULL,
    WAL_ROW_BOOL,
    WAL_ROW_I16,
    WAL_ROW_I32,
    WAL_ROW_I64,
    WAL_ROW_U64,
    WAL_ROW_FLOAT,
    WAL_ROW_TIMESTAMP,
    WAL_ROW_DECIMAL,
    WAL_ROW_UUID,
    WAL_ROW_TEXT,
    WAL_ROW_BYTES,
    WAL_ROW_JSON,
    WAL_ROW_FLOATS,
    WAL_ROW_TYPE_COUNT
};

struct wal_row_decimal {
    uint64_t low;  /* Of the coefficient: its 64 low bits */
    uint32_t high; /* and the 32 above them. */
    uint8_t scale;
    bool negative;
};

/* Not owned. Of floats: the bytes of all of them, in the form of the row; len is a multiple of 8.
 */
struct wal_row_bytes {
    const uint8_t *at; /* May be NULL if len is 0. */
    uint32_t len;
};

struct wal_row_value {
    enum wal_row_type type;
    union {
        bool boolean;
        int64_t integer; /* I16, I32, I64, TIMESTAMP. */
        uint64_t natural;
        double number;
        struct wal_row_decimal decimal;
        uint8_t uuid[WAL_ROW_UUID_BYTES];
        struct wal_row_bytes bytes; /* TEXT, BYTES, JSON, FLOATS. */
    };
};

/* ---- Decoding ---- */

struct wal_row {
    const uint8_t *bytes;
    size_t len;
    size_t offset; /* Where the next value begins, or the one that cannot be. */
    uint32_t left; /* Values. */
};

/* Errors: WAL_NOTROW. The bytes may be any at all; NULL if len is 0. */
WAL_CHECKED enum wal_err wal_row_open(const void *bytes, size_t len, struct wal_row *ret_row);

/* The next value. WAL_END: there was the last, and the row ends there. WAL_NOTROW: it does not, or
 * what stands at row->offset is not a value; the next call says so again. */
WAL_CHECKED enum wal_err wal_row_next(struct wal_row *row, struct wal_row_value *ret_value);

/* All values at once, in an array of its own (NULL if there is none), that is allocated once the
 * whole row is known to be good: so what it takes is bounded by the row's length. Give it back with
 * wal_row_free. Errors: WAL_NOTROW, WAL_NOMEM. */
WAL_CHECKED enum wal_err wal_row_read(struct wal_io *io, const void *bytes, size_t len,
                                      struct wal_row_value **ret_values, uint32_t *ret_count);
void wal_row_free(struct wal_io *io, struct wal_row_value *values, uint32_t count);

/* One of the floats of a value, from 0 to len / 8 - 1. */
double wal_row_float(const struct wal_row_value *value, uint32_t index);

/* ---- Encoding: the size first, then into room that the caller has made. ---- */

/* Errors: WAL_NOTROW (a value that is not of its type's form, and which: *reterr_index, which may
 * be NULL), WAL_RECORD_LIMIT (it would be longer than any record can be). */
WAL_CHECKED enum wal_err wal_row_size(const struct wal_row_value *values, size_t count,
                                      size_t *ret_len, size_t *reterr_index);

/* Writes what wal_row_size said; the values are those that it has seen. */
void wal_row_encode(const struct wal_row_value *values, size_t count, uint8_t *ret_bytes);

/* A float in the form of the row, for who makes an array of them. */
void wal_row_put_float(uint8_t ret_bytes[WAL_ROW_FLOAT_BYTES], double number);

/* "timestamp". Static storage. */
const char *wal_row_type_name(enum wal_row_type type);

#ifdef __cplusplus
}
#endif

#endif
