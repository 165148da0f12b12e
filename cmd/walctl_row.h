/*
 * walctl_row.h - rows as lines of JSON.
 *
 * A row is an array. What JSON can say is said in JSON: null, true, false, a text; a number without
 * a fraction or exponent is an i64, or a u64 if only that can hold it; one with is a float. The
 * rest are objects of a type and a value, in this order:
 *
 *     {"type":"i16","value":-5}           i16, i32, i64, u64
 *     {"type":"float","value":"inf"}      also "-inf", "nan:7ff8000000000000" (its bits), or a
 * number
 *     {"type":"timestamp","value":"2026-01-02T03:04:05.123456789Z"}
 *     {"type":"decimal","value":"-12.50"}
 *     {"type":"uuid","value":"00112233-4455-6677-8899-aabbccddeeff"}
 *     {"type":"bytes","value":"AAEC"}     base64
 *     {"type":"json","value":"[1, 2]"}    the JSON's text
 *     {"type":"floats","value":[1,2.5]}
 *
 * What row_print prints, row_parse makes the same row of, to the last bit.
 */
#ifndef CMD_WALCTL_ROW_H
#define CMD_WALCTL_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "wal/log/row.h"

struct row_problem {
    size_t column; /* In characters, from 1. */
    char what[120];
};

/* Memory that lines one after the other use again. Zero it first. */
struct row_maker {
    struct wal_row_value *values;
    size_t count, values_size;
    uint8_t *pool; /* What values point to. */
    size_t pool_used, pool_size;
    uint8_t *bytes; /* The row. */
    size_t bytes_size;
};

/* The row that the line says; valid until the next one. False: *reterr_problem. */
bool row_parse(struct row_maker *maker, const char *line, size_t len, const uint8_t **ret_bytes,
               size_t *ret_len, struct row_problem *reterr_problem);
void row_maker_free(struct row_maker *maker);

/* False: it is not a row, and *reterr_offset is where the value begins that shows it. */
bool row_check_whole(const void *bytes, size_t len, size_t *reterr_offset);

/* Prints a row as an array, without a newline. */
void row_print(FILE *out, const void *bytes, size_t len);

/* ---- One value as text, both ways (walctl_row_text.c). ---- */

enum { ROW_TEXT_BYTES = 64 };

/* False: the text is not of this form, or what it says has no place in the type. */
bool row_timestamp_parse(const char *text, size_t len, int64_t *ret_ns);
bool row_decimal_parse(const char *text, size_t len, struct wal_row_decimal *ret_decimal);
bool row_uuid_parse(const char *text, size_t len, uint8_t ret_uuid[WAL_ROW_UUID_BYTES]);
/* "inf", "-inf" and "nan:" with 16 hexadecimal digits. */
bool row_float_parse(const char *text, size_t len, double *ret_number);

void row_timestamp_text(int64_t ns, char ret_text[ROW_TEXT_BYTES]);
void row_decimal_text(const struct wal_row_decimal *decimal, char ret_text[ROW_TEXT_BYTES]);
void row_uuid_text(const uint8_t uuid[WAL_ROW_UUID_BYTES], char ret_text[ROW_TEXT_BYTES]);
/* A JSON number if it is finite, else what row_float_parse reads. */
void row_float_text(double number, char ret_text[ROW_TEXT_BYTES]);

#endif
