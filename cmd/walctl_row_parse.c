/*
 * walctl_row_parse.c - lines of JSON to rows, see walctl_row.h.
 *
 * A cursor over the line. Rows are flat, so nothing recurses; the first thing that is not as it has
 * to be ends it, with the column where it stands.
 */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/walctl_row.h"
#include "wal/log/utf8.h"

enum { NUMBER_BYTES_MAX = 400 };

struct parsing {
    const char *line;
    size_t len, at;
    struct row_maker *maker;
    struct row_problem *problem;
};

/* ---- Saying what is wrong ---- */

__attribute__((format(printf, 3, 4))) static bool refuse(struct parsing *parsing, size_t at,
                                                         const char *format, ...)
{
    struct row_problem *problem = parsing->problem;
    va_list args;

    problem->column = 1;
    for (size_t i = 0; i < at; i++) problem->column += (parsing->line[i] & 0xc0) != 0x80;
    va_start(args, format);
    vsnprintf(problem->what, sizeof(problem->what), format, args);
    va_end(args);
    return false;
}

static bool expected(struct parsing *parsing, const char *what)
{
    if (parsing->at >= parsing->len) {
        return refuse(parsing, parsing->at, "the line ends where %s is expected", what);
    }
    return refuse(parsing, parsing->at, "expected %s", what);
}

/* ---- Memory ---- */

/* The block, grown to `size` if it is smaller. The line bounds what is ever asked for. */
static uint8_t *make_room(struct parsing *parsing, uint8_t *block, size_t *held, size_t size)
{
    if (size <= *held) return block;
    uint8_t *larger = realloc(block, size);
    if (larger == NULL) {
        (void)refuse(parsing, parsing->at, "out of memory");
        return NULL;
    }
    *held = size;
    return larger;
}

static bool add_value(struct parsing *parsing, const struct wal_row_value *value)
{
    struct row_maker *maker = parsing->maker;

    if (maker->count == maker->values_size) {
        size_t count = maker->values_size == 0 ? 64 : 2 * maker->values_size;
        void *larger = realloc(maker->values, count * sizeof(*maker->values));

        if (larger == NULL) return refuse(parsing, parsing->at, "out of memory");
        maker->values = larger;
        maker->values_size = count;
    }
    maker->values[maker->count++] = *value;
    return true;
}

/* ---- JSON ---- */

static int peek(const struct parsing *parsing)
{
    return parsing->at < parsing->len ? (unsigned char)parsing->line[parsing->at] : '\0';
}

static void skip_space(struct parsing *parsing)
{
    while (peek(parsing) == ' ' || peek(parsing) == '\t' || peek(parsing) == '\r') parsing->at++;
}

static bool take(struct parsing *parsing, char byte)
{
    skip_space(parsing);
    if (parsing->at >= parsing->len || peek(parsing) != byte) return false;
    parsing->at++;
    return true;
}

static bool take_word(struct parsing *parsing, const char *word)
{
    size_t len = strlen(word);

    if (parsing->len - parsing->at < len) return false;
    if (memcmp(parsing->line + parsing->at, word, len) != 0) return false;
    parsing->at += len;
    return true;
}

static bool take_unit(struct parsing *parsing, uint32_t *ret_unit)
{
    uint32_t unit = 0;

    for (int i = 0; i < 4; i++) {
        int c = peek(parsing);
        unsigned digit;

        if (c >= '0' && c <= '9') {
            digit = (unsigned)(c - '0');
        } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
            digit = (unsigned)((c | 0x20) - 'a') + 10;
        } else {
            return expected(parsing, "a hexadecimal digit");
        }
        unit = unit << 4 | digit;
        parsing->at++;
    }
    *ret_unit = unit;
    return true;
}

static size_t put_utf8(uint8_t *to, uint32_t c)
{
    if (c < 0x80) {
        to[0] = (uint8_t)c;
        return 1;
    }
    size_t len = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--) {
        to[i] = (uint8_t)(0x80 | (c & 0x3f));
        c >>= 6;
    }
    to[0] = (uint8_t)((0xf0U << (4 - len)) | c);
    return len;
}

/* Behind "\u". One in a pair comes with its other half. */
static bool take_unicode(struct parsing *parsing, uint8_t *to, size_t *ret_len)
{
    size_t begin = parsing->at - 2;
    uint32_t c = 0, low = 0;

    if (!take_unit(parsing, &c)) return false;
    if (c >= 0xd800 && c <= 0xdfff) {
        bool paired = c < 0xdc00 && take_word(parsing, "\\u");
        if (paired && !take_unit(parsing, &low)) return false;
        if (!paired || low < 0xdc00 || low > 0xdfff) {
            return refuse(parsing, begin, "half of a surrogate pair");
        }
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    }
    *ret_len = put_utf8(to, c);
    return true;
}

/* Behind the backslash. */
static bool take_escape(struct parsing *parsing, uint8_t *to, size_t *ret_len)
{
    static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
    int c = peek(parsing);
    const char *known = c == '\0' ? NULL : strchr(from, c);

    if (c == 'u') {
        parsing->at++;
        return take_unicode(parsing, to, ret_len);
    }
    if (known == NULL) return expected(parsing, "one of \"\\/bfnrtu behind the backslash");
    parsing->at++;
    to[0] = (uint8_t)into[known - from];
    *ret_len = 1;
    return true;
}

/* A string, its bytes in the pool: no longer than it stands in the line. */
static bool take_string(struct parsing *parsing, struct wal_row_bytes *ret_bytes)
{
    struct row_maker *maker = parsing->maker;
    uint8_t *begin = maker->pool + maker->pool_used, *to = begin;

    if (!take(parsing, '"')) return expected(parsing, "a string");
    for (;;) {
        const uint8_t *from = (const uint8_t *)parsing->line + parsing->at;
        size_t step = 1;

        if (parsing->at >= parsing->len) return expected(parsing, "the string's end");
        if (*from == '"') break;
        if (*from < 0x20) return refuse(parsing, parsing->at, "a control character in a string");
        if (*from == '\\') {
            parsing->at++;
            if (!take_escape(parsing, to, &step)) return false;
        } else {
            step = wal_utf8_sequence(from, parsing->len - parsing->at);
            if (step == 0) return refuse(parsing, parsing->at, "not UTF-8");
            memcpy(to, from, step);
            parsing->at += step;
        }
        to += step;
    }
    parsing->at++;
    maker->pool_used += (size_t)(to - begin);
    *ret_bytes = (struct wal_row_bytes){begin, (uint32_t)(to - begin)};
    return true;
}

static size_t skip_digits(struct parsing *parsing)
{
    size_t begin = parsing->at;

    while (peek(parsing) >= '0' && peek(parsing) <= '9') parsing->at++;
    return parsing->at - begin;
}

/* Over a number, as JSON has them. *ret_whole: it has no fraction and no exponent. */
static bool skip_number(struct parsing *parsing, bool *ret_whole)
{
    *ret_whole = true;
    if (peek(parsing) == '-') parsing->at++;
    if (peek(parsing) == '0') {
        parsing->at++;
    } else if (skip_digits(parsing) == 0) {
        return expected(parsing, "a value");
    }
    if (peek(parsing) == '.') {
        parsing->at++;
        *ret_whole = false;
        if (skip_digits(parsing) == 0) return expected(parsing, "a digit");
    }
    if (peek(parsing) != 'e' && peek(parsing) != 'E') return true;
    parsing->at++;
    *ret_whole = false;
    if (peek(parsing) == '+' || peek(parsing) == '-') parsing->at++;
    return skip_digits(parsing) > 0 || expected(parsing, "a digit");
}

/* ---- Numbers ---- */

/* A number's text and, if it is whole, its value: sign and magnitude. */
struct number {
    size_t at;
    char text[NUMBER_BYTES_MAX + 1];
    bool whole, negative;
    bool huge; /* The magnitude does not fit. */
    uint64_t magnitude;
};

static bool take_number(struct parsing *parsing, struct number *ret_number)
{
    struct number *number = ret_number;

    skip_space(parsing);
    number->at = parsing->at;
    if (!skip_number(parsing, &number->whole)) return false;
    size_t len = parsing->at - number->at;
    if (len > NUMBER_BYTES_MAX) {
        return refuse(parsing, number->at, "a number of more than %d characters", NUMBER_BYTES_MAX);
    }
    memcpy(number->text, parsing->line + number->at, len);
    number->text[len] = '\0';
    number->negative = number->text[0] == '-';
    number->magnitude = 0;
    number->huge = false;
    for (size_t i = number->negative; number->whole && i < len; i++) {
        uint64_t digit = (uint64_t)(number->text[i] - '0');

        number->huge |= __builtin_mul_overflow(number->magnitude, 10, &number->magnitude);
        number->huge |= __builtin_add_overflow(number->magnitude, digit, &number->magnitude);
    }
    return true;
}

static bool as_integer(const struct number *number, int64_t *ret_integer)
{
    if (!number->whole || number->huge) return false;
    if (number->magnitude > (uint64_t)INT64_MAX + number->negative) return false;
    uint64_t bits = number->negative ? 0 - number->magnitude : number->magnitude;
    memcpy(ret_integer, &bits, sizeof(bits));
    return true;
}

static bool as_natural(const struct number *number, uint64_t *ret_natural)
{
    if (!number->whole || number->huge || (number->negative && number->magnitude != 0))
        return false;
    *ret_natural = number->magnitude;
    return true;
}

static bool as_float(struct parsing *parsing, const struct number *number, double *ret_number)
{
    *ret_number = strtod(number->text, NULL);
    if (isfinite(*ret_number)) return true;
    return refuse(parsing, number->at, "%.40s is too large for a float", number->text);
}

/* A number, or a string that stands for what no number is. */
static bool take_float(struct parsing *parsing, double *ret_number)
{
    struct wal_row_bytes text;
    struct number number;

    skip_space(parsing);
    size_t begin = parsing->at;
    if (peek(parsing) != '"') {
        return take_number(parsing, &number) && as_float(parsing, &number, ret_number);
    }
    if (!take_string(parsing, &text)) return false;
    if (row_float_parse((const char *)text.at, text.len, ret_number)) return true;
    return refuse(parsing, begin, "expected a number, \"inf\", \"-inf\" or \"nan:\" and 16 digits");
}

/* ---- Values with a type ---- */

static bool read_bool(struct parsing *parsing, struct wal_row_value *value)
{
    skip_space(parsing);
    value->boolean = take_word(parsing, "true");
    return value->boolean || take_word(parsing, "false") || expected(parsing, "true or false");
}

static bool read_null(struct parsing *parsing, struct wal_row_value *value)
{
    (void)value;
    skip_space(parsing);
    return take_word(parsing, "null") || expected(parsing, "null");
}

static bool read_integer(struct parsing *parsing, struct wal_row_value *value)
{
    struct number number;

    if (!take_number(parsing, &number)) return false;
    if (value->type == WAL_ROW_U64) {
        if (as_natural(&number, &value->natural)) return true;
    } else if (as_integer(&number, &value->integer)) {
        size_t len;
        if (wal_row_size(value, 1, &len, NULL) == WAL_OK) return true;
    }
    return refuse(parsing, number.at, "%.40s is not a%s %s", number.text,
                  value->type == WAL_ROW_U64 ? "" : "n", wal_row_type_name(value->type));
}

static bool read_float(struct parsing *parsing, struct wal_row_value *value)
{
    return take_float(parsing, &value->number);
}

static bool read_string(struct parsing *parsing, struct wal_row_value *value)
{
    size_t len;

    skip_space(parsing);
    size_t begin = parsing->at;
    if (!take_string(parsing, &value->bytes)) return false;
    if (wal_row_size(value, 1, &len, NULL) == WAL_OK) return true;
    return refuse(parsing, begin, "the string is not the text of one JSON value, at most %d deep",
                  WAL_ROW_JSON_DEPTH_MAX);
}

static bool read_word(struct parsing *parsing, struct wal_row_value *value)
{
    struct wal_row_bytes bytes;

    skip_space(parsing);
    size_t begin = parsing->at;
    if (!take_string(parsing, &bytes)) return false;
    const char *text = (const char *)bytes.at;
    if (value->type == WAL_ROW_TIMESTAMP) {
        if (row_timestamp_parse(text, bytes.len, &value->integer)) return true;
        return refuse(parsing, begin, "expected a time like 2026-01-02T03:04:05.123456789Z");
    }
    if (value->type == WAL_ROW_UUID) {
        if (row_uuid_parse(text, bytes.len, value->uuid)) return true;
        return refuse(parsing, begin, "expected a uuid: 8-4-4-4-12 hexadecimal digits");
    }
    if (row_decimal_parse(text, bytes.len, &value->decimal)) return true;
    return refuse(parsing, begin,
                  "expected a decimal like -12.50, of 96 bits and at most %d places",
                  WAL_ROW_DECIMAL_SCALE_MAX);
}

static int base64_digit(uint8_t c)
{
    static const char known[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c == '\0' ? NULL : strchr(known, c);

    return at == NULL ? -1 : (int)(at - known);
}

/* In place. Only what encodes to the same text again. */
static bool decode_base64(uint8_t *bytes, uint32_t *len)
{
    uint32_t pads = 0, used = 0, bits = 0, word = 0;

    if (*len % 4 != 0) return false;
    while (pads < 2 && pads < *len && bytes[*len - 1 - pads] == '=') pads++;
    for (uint32_t i = 0; i < *len - pads; i++) {
        int digit = base64_digit(bytes[i]);

        if (digit < 0) return false;
        word = word << 6 | (uint32_t)digit;
        bits += 6;
        if (bits < 8) continue;
        bits -= 8;
        bytes[used++] = (uint8_t)(word >> bits);
    }
    *len = used;
    return (word & ((1U << bits) - 1)) == 0;
}

static bool read_bytes(struct parsing *parsing, struct wal_row_value *value)
{
    skip_space(parsing);
    size_t begin = parsing->at;
    uint8_t *pool = parsing->maker->pool + parsing->maker->pool_used;
    if (!take_string(parsing, &value->bytes)) return false;
    if (decode_base64(pool, &value->bytes.len)) return true;
    return refuse(parsing, begin, "expected base64, with its padding");
}

static bool read_floats(struct parsing *parsing, struct wal_row_value *value)
{
    struct row_maker *maker = parsing->maker;
    uint8_t *begin = maker->pool + maker->pool_used, *to = begin;

    if (!take(parsing, '[')) return expected(parsing, "'['");
    bool empty = take(parsing, ']');
    while (!empty) {
        double number;

        if (!take_float(parsing, &number)) return false;
        wal_row_put_float(to, number); /* Over the string it was, if it was one. */
        to += WAL_ROW_FLOAT_BYTES;
        maker->pool_used = (size_t)(to - maker->pool);
        if (take(parsing, ']')) break;
        if (!take(parsing, ',')) return expected(parsing, "',' or ']'");
    }
    value->bytes = (struct wal_row_bytes){begin, (uint32_t)(to - begin)};
    return true;
}

static bool (*const readers[WAL_ROW_TYPE_COUNT])(struct parsing *, struct wal_row_value *) = {
    [WAL_ROW_NULL] = read_null,   [WAL_ROW_BOOL] = read_bool,      [WAL_ROW_I16] = read_integer,
    [WAL_ROW_I32] = read_integer, [WAL_ROW_I64] = read_integer,    [WAL_ROW_U64] = read_integer,
    [WAL_ROW_FLOAT] = read_float, [WAL_ROW_TIMESTAMP] = read_word, [WAL_ROW_DECIMAL] = read_word,
    [WAL_ROW_UUID] = read_word,   [WAL_ROW_TEXT] = read_string,    [WAL_ROW_BYTES] = read_bytes,
    [WAL_ROW_JSON] = read_string, [WAL_ROW_FLOATS] = read_floats,
};

static bool take_type(struct parsing *parsing, enum wal_row_type *ret_type)
{
    struct wal_row_bytes word;

    skip_space(parsing);
    size_t begin = parsing->at;
    if (!take_string(parsing, &word)) return false;
    for (unsigned i = 0; i < WAL_ROW_TYPE_COUNT; i++) {
        const char *name = wal_row_type_name((enum wal_row_type)i);

        if (strlen(name) != word.len || memcmp(name, word.at, word.len) != 0) continue;
        *ret_type = (enum wal_row_type)i;
        return true;
    }
    return refuse(parsing, begin, "there is no type '%.*s'", word.len > 20 ? 20 : (int)word.len,
                  (const char *)word.at);
}

static bool take_name(struct parsing *parsing, const char *name)
{
    skip_space(parsing);
    return take_word(parsing, name) && take(parsing, ':');
}

/* {"type":T,"value":V} */
static bool take_typed(struct parsing *parsing, struct wal_row_value *value)
{
    if (!take(parsing, '{') || !take_name(parsing, "\"type\"")) {
        return expected(parsing, "\"type\": and then \"value\":");
    }
    if (!take_type(parsing, &value->type)) return false;
    if (!take(parsing, ',') || !take_name(parsing, "\"value\"")) {
        return expected(parsing, ",\"value\":");
    }
    if (!readers[value->type](parsing, value)) return false;
    return take(parsing, '}') || expected(parsing, "'}'");
}

/* ---- Values without ---- */

static bool take_plain_number(struct parsing *parsing, struct wal_row_value *value)
{
    struct number number;

    if (!take_number(parsing, &number)) return false;
    if (!number.whole) {
        value->type = WAL_ROW_FLOAT;
        return as_float(parsing, &number, &value->number);
    }
    value->type = WAL_ROW_I64;
    if (as_integer(&number, &value->integer)) return true;
    value->type = WAL_ROW_U64;
    if (as_natural(&number, &value->natural)) return true;
    return refuse(parsing, number.at, "%.40s does not fit 64 bits; a decimal, or a float?",
                  number.text);
}

static bool take_value(struct parsing *parsing)
{
    struct wal_row_value value = {.type = WAL_ROW_NULL};
    bool taken;

    skip_space(parsing);
    switch (peek(parsing)) {
    case 'n': taken = read_null(parsing, &value); break;
    case 't':
    case 'f':
        value.type = WAL_ROW_BOOL;
        taken = read_bool(parsing, &value);
        break;
    case '"':
        value.type = WAL_ROW_TEXT;
        taken = read_string(parsing, &value);
        break;
    case '{': taken = take_typed(parsing, &value); break;
    case '[': return refuse(parsing, parsing->at, "an array needs a type: floats, or json");
    default: taken = take_plain_number(parsing, &value); break;
    }
    return taken && add_value(parsing, &value);
}

static bool take_row(struct parsing *parsing)
{
    if (!take(parsing, '[')) return expected(parsing, "'[', the beginning of a row");
    bool empty = take(parsing, ']');
    while (!empty) {
        if (!take_value(parsing)) return false;
        if (take(parsing, ']')) break;
        if (!take(parsing, ',')) return expected(parsing, "',' or ']'");
    }
    skip_space(parsing);
    return parsing->at == parsing->len || expected(parsing, "the end of the line");
}

bool row_parse(struct row_maker *maker, const char *line, size_t len, const uint8_t **ret_bytes,
               size_t *ret_len, struct row_problem *reterr_problem)
{
    struct parsing parsing = {.line = line, .len = len, .maker = maker, .problem = reterr_problem};
    size_t row_len;

    maker->count = maker->pool_used = 0;
    /* "0," becomes eight bytes, and nothing becomes more than four times as long; a "\u" at most
     * four bytes at once. */
    uint8_t *pool = make_room(&parsing, maker->pool, &maker->pool_size, 4 * len + 16);
    if (pool == NULL) return false;
    maker->pool = pool;
    if (!take_row(&parsing)) return false;
    if (wal_row_size(maker->values, maker->count, &row_len, NULL) != WAL_OK) {
        return refuse(&parsing, 0, "longer than any record can be");
    }
    uint8_t *bytes = make_room(&parsing, maker->bytes, &maker->bytes_size, row_len);
    if (bytes == NULL) return false;
    maker->bytes = bytes;
    wal_row_encode(maker->values, maker->count, maker->bytes);
    *ret_bytes = maker->bytes;
    *ret_len = row_len;
    return true;
}

void row_maker_free(struct row_maker *maker)
{
    free(maker->values);
    free(maker->pool);
    free(maker->bytes);
    *maker = (struct row_maker){0};
}
