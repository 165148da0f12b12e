/*
 * walctl_row_print.c - rows as lines of JSON, see walctl_row.h.
 */
#include <assert.h>
#include <inttypes.h>
#include <math.h>

#include "cmd/json.h"
#include "cmd/walctl_row.h"

static void print_typed(FILE *out, const struct wal_row_value *value, const char *text,
                        const char *quote)
{
    fprintf(out, "{\"type\":\"%s\",\"value\":%s%s%s}", wal_row_type_name(value->type), quote, text,
            quote);
}

static void print_integer(FILE *out, const struct wal_row_value *value)
{
    char text[ROW_TEXT_BYTES];

    snprintf(text, sizeof(text), "%" PRId64, value->integer);
    if (value->type == WAL_ROW_I64) {
        fputs(text, out);
    } else {
        print_typed(out, value, text, "");
    }
}

static void print_natural(FILE *out, const struct wal_row_value *value)
{
    char text[ROW_TEXT_BYTES];

    snprintf(text, sizeof(text), "%" PRIu64, value->natural);
    if (value->natural > INT64_MAX) {
        fputs(text, out);
    } else {
        print_typed(out, value, text, "");
    }
}

static void print_float(FILE *out, const struct wal_row_value *value)
{
    char text[ROW_TEXT_BYTES];

    row_float_text(value->number, text);
    if (isfinite(value->number)) {
        fputs(text, out);
    } else {
        print_typed(out, value, text, "\"");
    }
}

static void print_floats(FILE *out, const struct wal_row_value *value)
{
    fputs("{\"type\":\"floats\",\"value\":[", out);
    for (uint32_t i = 0; i < value->bytes.len / WAL_ROW_FLOAT_BYTES; i++) {
        double number = wal_row_float(value, i);
        const char *quote = isfinite(number) ? "" : "\"";
        char text[ROW_TEXT_BYTES];

        row_float_text(number, text);
        fprintf(out, "%s%s%s%s", i == 0 ? "" : ",", quote, text, quote);
    }
    fputs("]}", out);
}

static void print_bytes(FILE *out, const struct wal_row_value *value)
{
    const char *at = (const char *)value->bytes.at;

    fprintf(out, "{\"type\":\"%s\",\"value\":", wal_row_type_name(value->type));
    if (value->type == WAL_ROW_BYTES) {
        json_base64(out, at, value->bytes.len);
    } else {
        json_string(out, at, value->bytes.len);
    }
    fputc('}', out);
}

static void print_value(FILE *out, const struct wal_row_value *value)
{
    char text[ROW_TEXT_BYTES];

    switch (value->type) {
    case WAL_ROW_NULL: fputs("null", out); return;
    case WAL_ROW_BOOL: fputs(value->boolean ? "true" : "false", out); return;
    case WAL_ROW_I16:
    case WAL_ROW_I32:
    case WAL_ROW_I64: print_integer(out, value); return;
    case WAL_ROW_U64: print_natural(out, value); return;
    case WAL_ROW_FLOAT: print_float(out, value); return;
    case WAL_ROW_TIMESTAMP: row_timestamp_text(value->integer, text); break;
    case WAL_ROW_DECIMAL: row_decimal_text(&value->decimal, text); break;
    case WAL_ROW_UUID: row_uuid_text(value->uuid, text); break;
    case WAL_ROW_TEXT: json_string(out, (const char *)value->bytes.at, value->bytes.len); return;
    case WAL_ROW_BYTES:
    case WAL_ROW_JSON: print_bytes(out, value); return;
    case WAL_ROW_FLOATS: print_floats(out, value); return;
    case WAL_ROW_TYPE_COUNT: return;
    }
    print_typed(out, value, text, "\"");
}

bool row_check_whole(const void *bytes, size_t len, size_t *reterr_offset)
{
    struct wal_row_value value;
    struct wal_row row;

    *reterr_offset = 0;
    enum wal_err err = wal_row_open(bytes, len, &row);
    if (err) return false;
    do {
        err = wal_row_next(&row, &value);
    } while (err == WAL_OK);
    *reterr_offset = row.offset;
    return err == WAL_END;
}

void row_print(FILE *out, const void *bytes, size_t len)
{
    struct wal_row row;
    struct wal_row_value value;
    enum wal_err err = wal_row_open(bytes, len, &row);

    assert(err == WAL_OK); /* It was checked. */
    fputc('[', out);
    for (bool first = true; (err = wal_row_next(&row, &value)) == WAL_OK; first = false) {
        if (!first) fputc(',', out);
        print_value(out, &value);
    }
    fputc(']', out);
    assert(err == WAL_END);
}
