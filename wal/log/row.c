/*
 * row.c - rows to bytes and back, see row.h.
 *
 * One table says how many bytes each type has, and of what form; it is asked before a byte of the
 * value is looked at.
 */
#include "wal/log/row.h"

#include <assert.h>
#include <string.h>

#include "wal/log/json_text.h"
#include "wal/log/little_endian.h"
#include "wal/log/utf8.h"

enum {
    MAGIC_BYTES = 4,
    LENGTH_BYTES = 4,
    DECIMAL_SCALE_AT = 12,
    DECIMAL_SIGN_AT = 13,
    DECIMAL_ZEROS_AT = 14,
};

/* size: of all values of the type; 0: each has a length, in units of so many bytes. */
static const struct {
    const char *name;
    uint8_t size;
    uint8_t unit;
} types[WAL_ROW_TYPE_COUNT] = {
    [WAL_ROW_NULL] = {"null", 0, 0},
    [WAL_ROW_BOOL] = {"bool", 1, 0},
    [WAL_ROW_I16] = {"i16", 2, 0},
    [WAL_ROW_I32] = {"i32", 4, 0},
    [WAL_ROW_I64] = {"i64", 8, 0},
    [WAL_ROW_U64] = {"u64", 8, 0},
    [WAL_ROW_FLOAT] = {"float", WAL_ROW_FLOAT_BYTES, 0},
    [WAL_ROW_TIMESTAMP] = {"timestamp", 8, 0},
    [WAL_ROW_DECIMAL] = {"decimal", WAL_ROW_DECIMAL_BYTES, 0},
    [WAL_ROW_UUID] = {"uuid", WAL_ROW_UUID_BYTES, 0},
    [WAL_ROW_TEXT] = {"text", 0, 1},
    [WAL_ROW_BYTES] = {"bytes", 0, 1},
    [WAL_ROW_JSON] = {"json", 0, 1},
    [WAL_ROW_FLOATS] = {"floats", 0, WAL_ROW_FLOAT_BYTES},
};

const char *wal_row_type_name(enum wal_row_type type)
{
    assert((unsigned)type < WAL_ROW_TYPE_COUNT);
    return types[type].name;
}

/* ---- Forms: what the bytes of a value may be ---- */

static bool is_text(const uint8_t *p, uint32_t len)
{
    return wal_utf8_valid(p, len);
}

static bool is_json(const uint8_t *p, uint32_t len)
{
    return wal_utf8_valid(p, len) && log_json_valid(p, len);
}

static bool get_decimal(const uint8_t *p, struct wal_row_decimal *ret_decimal)
{
    if (p[DECIMAL_SCALE_AT] > WAL_ROW_DECIMAL_SCALE_MAX || p[DECIMAL_SIGN_AT] > 1) return false;
    if (p[DECIMAL_ZEROS_AT] != 0 || p[DECIMAL_ZEROS_AT + 1] != 0) return false;
    *ret_decimal = (struct wal_row_decimal){.low = get_u64(p),
                                            .high = get_u32(p + 8),
                                            .scale = p[DECIMAL_SCALE_AT],
                                            .negative = p[DECIMAL_SIGN_AT] != 0};
    return true;
}

static double get_float(const uint8_t *p)
{
    uint64_t bits = get_u64(p);
    double number;

    memcpy(&number, &bits, sizeof number);
    return number;
}

static int64_t as_signed(uint64_t bits)
{
    int64_t integer;

    memcpy(&integer, &bits, sizeof integer);
    return integer;
}

static int64_t get_i16(const uint8_t *p)
{
    uint16_t bits = (uint16_t)(p[0] | p[1] << 8);

    return bits < 0x8000 ? bits : (int64_t)bits - 0x10000;
}

static int64_t get_i32(const uint8_t *p)
{
    int64_t bits = get_u32(p);

    return bits <= INT32_MAX ? bits : bits - ((int64_t)UINT32_MAX + 1);
}

/* The value whose `len` bytes stand at p. */
static bool get_value(enum wal_row_type type, const uint8_t *p, uint32_t len,
                      struct wal_row_value *ret_value)
{
    struct wal_row_value value = {.type = type};
    bool good = true;

    switch (type) {
    case WAL_ROW_NULL: break;
    case WAL_ROW_BOOL:
        good = p[0] <= 1;
        value.boolean = p[0] == 1;
        break;
    case WAL_ROW_I16: value.integer = get_i16(p); break;
    case WAL_ROW_I32: value.integer = get_i32(p); break;
    case WAL_ROW_I64:
    case WAL_ROW_TIMESTAMP: value.integer = as_signed(get_u64(p)); break;
    case WAL_ROW_U64: value.natural = get_u64(p); break;
    case WAL_ROW_FLOAT: value.number = get_float(p); break;
    case WAL_ROW_DECIMAL: good = get_decimal(p, &value.decimal); break;
    case WAL_ROW_UUID: memcpy(value.uuid, p, WAL_ROW_UUID_BYTES); break;
    case WAL_ROW_TEXT: good = is_text(p, len); break;
    case WAL_ROW_JSON: good = is_json(p, len); break;
    case WAL_ROW_BYTES:
    case WAL_ROW_FLOATS: break;
    case WAL_ROW_TYPE_COUNT: return false;
    }
    if (!good) return false;
    if (types[type].unit != 0) value.bytes = (struct wal_row_bytes){p, len};
    *ret_value = value;
    return true;
}

/* ---- Decoding ---- */

enum wal_err wal_row_open(const void *bytes, size_t len, struct wal_row *ret_row)
{
    const uint8_t *p = bytes;

    if (len < WAL_ROW_HEADER_BYTES) return WAL_NOTROW;
    if (memcmp(p, WAL_ROW_MAGIC, MAGIC_BYTES) != 0) return WAL_NOTROW;
    uint32_t count = get_u32(p + MAGIC_BYTES);
    if (count > len - WAL_ROW_HEADER_BYTES) return WAL_NOTROW; /* A value is a byte at least. */
    *ret_row = (struct wal_row){.bytes = p, .len = len, .offset = WAL_ROW_HEADER_BYTES};
    ret_row->left = count;
    return WAL_OK;
}

/* The bytes of a value of this type, of which `left` are there at p: how many, and where those
 * begin that are not its length. */
static bool measure(enum wal_row_type type, const uint8_t *p, size_t left, uint32_t *ret_len,
                    uint32_t *ret_prefix)
{
    uint32_t unit = types[type].unit;

    *ret_prefix = 0;
    *ret_len = types[type].size;
    if (unit == 0) return *ret_len <= left;
    if (left < LENGTH_BYTES) return false;
    uint32_t units = get_u32(p);
    if (units > (left - LENGTH_BYTES) / unit || units > UINT32_MAX / unit) return false;
    *ret_prefix = LENGTH_BYTES;
    *ret_len = units * unit;
    return true;
}

enum wal_err wal_row_next(struct wal_row *row, struct wal_row_value *ret_value)
{
    size_t left = row->len - row->offset;
    const uint8_t *p = row->bytes + row->offset;
    uint32_t len, prefix;

    if (row->left == 0) return left == 0 ? WAL_END : WAL_NOTROW;
    if (left == 0 || p[0] >= WAL_ROW_TYPE_COUNT) return WAL_NOTROW;
    enum wal_row_type type = (enum wal_row_type)p[0];
    if (!measure(type, p + 1, left - 1, &len, &prefix)) return WAL_NOTROW;
    if (!get_value(type, p + 1 + prefix, len, ret_value)) return WAL_NOTROW;
    row->offset += 1 + (size_t)prefix + len;
    row->left--;
    return WAL_OK;
}

enum wal_err wal_row_read(struct wal_io *io, const void *bytes, size_t len,
                          struct wal_row_value **ret_values, uint32_t *ret_count)
{
    struct wal_row row, again;
    struct wal_row_value value, *values = NULL;
    enum wal_err err = wal_row_open(bytes, len, &row);

    if (err) return err;
    again = row;
    while ((err = wal_row_next(&again, &value)) == WAL_OK) {
    }
    if (err != WAL_END) return err;
    uint32_t count = row.left;
    if (count > 0) values = io_alloc(io, count * sizeof *values);
    if (count > 0 && values == NULL) return WAL_NOMEM;
    for (uint32_t i = 0; i < count; i++) {
        err = wal_row_next(&row, &values[i]);
        assert(err == WAL_OK); /* As it was a moment ago. */
    }
    *ret_values = values;
    *ret_count = count;
    return WAL_OK;
}

void wal_row_free(struct wal_io *io, struct wal_row_value *values, uint32_t count)
{
    if (values != NULL) io_free(io, values, count * sizeof *values);
}

double wal_row_float(const struct wal_row_value *value, uint32_t index)
{
    assert(value->type == WAL_ROW_FLOATS);
    assert(index < value->bytes.len / WAL_ROW_FLOAT_BYTES);
    return get_float(value->bytes.at + (size_t)index * WAL_ROW_FLOAT_BYTES);
}

/* ---- Encoding ---- */

static bool fits(int64_t integer, int64_t max)
{
    return integer <= max && integer >= -max - 1;
}

static bool is_encodable(const struct wal_row_value *value)
{
    switch (value->type) {
    case WAL_ROW_I16: return fits(value->integer, INT16_MAX);
    case WAL_ROW_I32: return fits(value->integer, INT32_MAX);
    case WAL_ROW_DECIMAL: return value->decimal.scale <= WAL_ROW_DECIMAL_SCALE_MAX;
    case WAL_ROW_TEXT: return is_text(value->bytes.at, value->bytes.len);
    case WAL_ROW_JSON: return is_json(value->bytes.at, value->bytes.len);
    case WAL_ROW_FLOATS: return value->bytes.len % WAL_ROW_FLOAT_BYTES == 0;
    case WAL_ROW_NULL:
    case WAL_ROW_BOOL:
    case WAL_ROW_I64:
    case WAL_ROW_U64:
    case WAL_ROW_FLOAT:
    case WAL_ROW_TIMESTAMP:
    case WAL_ROW_UUID:
    case WAL_ROW_BYTES: return true;
    case WAL_ROW_TYPE_COUNT: break;
    }
    return false;
}

static uint64_t value_bytes(const struct wal_row_value *value)
{
    if (types[value->type].unit == 0) return 1 + (uint64_t)types[value->type].size;
    return 1 + LENGTH_BYTES + (uint64_t)value->bytes.len;
}

enum wal_err wal_row_size(const struct wal_row_value *values, size_t count, size_t *ret_len,
                          size_t *reterr_index)
{
    uint64_t len = WAL_ROW_HEADER_BYTES;

    for (size_t i = 0; i < count; i++) {
        if (!is_encodable(&values[i])) {
            if (reterr_index != NULL) *reterr_index = i;
            return WAL_NOTROW;
        }
        len += value_bytes(&values[i]);
        if (len > UINT32_MAX) return WAL_RECORD_LIMIT;
    }
    *ret_len = (size_t)len;
    return WAL_OK;
}

static void put_decimal(uint8_t *p, const struct wal_row_decimal *decimal)
{
    put_u64(p, decimal->low);
    put_u32(p + 8, decimal->high);
    p[DECIMAL_SCALE_AT] = decimal->scale;
    p[DECIMAL_SIGN_AT] = decimal->negative;
    p[DECIMAL_ZEROS_AT] = p[DECIMAL_ZEROS_AT + 1] = 0;
}

void wal_row_put_float(uint8_t ret_bytes[WAL_ROW_FLOAT_BYTES], double number)
{
    uint64_t bits;

    memcpy(&bits, &number, sizeof bits);
    put_u64(ret_bytes, bits);
}

/* Behind the type. Returns where the next value goes. */
static uint8_t *put_value(uint8_t *p, const struct wal_row_value *value)
{
    const struct wal_row_bytes *bytes = &value->bytes;
    uint32_t unit = types[value->type].unit;

    switch (value->type) {
    case WAL_ROW_NULL: break;
    case WAL_ROW_BOOL: p[0] = value->boolean; break;
    case WAL_ROW_I16:
        p[0] = (uint8_t)value->integer;
        p[1] = (uint8_t)((uint64_t)value->integer >> 8);
        break;
    case WAL_ROW_I32: put_u32(p, (uint32_t)value->integer); break;
    case WAL_ROW_I64:
    case WAL_ROW_TIMESTAMP: put_u64(p, (uint64_t)value->integer); break;
    case WAL_ROW_U64: put_u64(p, value->natural); break;
    case WAL_ROW_FLOAT: wal_row_put_float(p, value->number); break;
    case WAL_ROW_DECIMAL: put_decimal(p, &value->decimal); break;
    case WAL_ROW_UUID: memcpy(p, value->uuid, WAL_ROW_UUID_BYTES); break;
    case WAL_ROW_TEXT:
    case WAL_ROW_BYTES:
    case WAL_ROW_JSON:
    case WAL_ROW_FLOATS:
        put_u32(p, bytes->len / unit);
        if (bytes->len > 0) memcpy(p + LENGTH_BYTES, bytes->at, bytes->len);
        break;
    case WAL_ROW_TYPE_COUNT: assert(0 && "not a type"); break;
    }
    return p + value_bytes(value) - 1;
}

void wal_row_encode(const struct wal_row_value *values, size_t count, uint8_t *ret_bytes)
{
    uint8_t *p = ret_bytes;

    assert(count <= UINT32_MAX);
    memcpy(p, WAL_ROW_MAGIC, MAGIC_BYTES);
    put_u32(p + MAGIC_BYTES, (uint32_t)count);
    p += WAL_ROW_HEADER_BYTES;
    for (size_t i = 0; i < count; i++) {
        *p++ = (uint8_t)values[i].type;
        p = put_value(p, &values[i]);
    }
}
