/*
 * wal_row_test.c - rows come back as they were written, and nothing else is a row.
 */
#include "tests/log_check.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios/row_check.h"
#include "wal/log/json_text.h"
#include "wal/log/little_endian.h"
#include "wal/log/row.h"
#include "wal/log/utf8.h"

enum { ROW_BYTES_MAX = 4096 };

static struct sim_guard guard;

static int guard_up(void **state)
{
    (void)state;
    sim_guard_init(&guard, ROW_BYTES_MAX);
    return 0;
}

static int guard_down(void **state)
{
    (void)state;
    sim_guard_free(&guard);
    return 0;
}

static size_t golden_row(uint8_t bytes[ROW_BYTES_MAX])
{
    char path[1024];
    const char *root = getenv("SQUALL_ROOT");

    snprintf(path, sizeof path, "%s/tests/golden/row-v1", root != NULL ? root : ".");
    FILE *file = fopen(path, "rb");
    if (file == NULL) fail_msg("%s: cannot be read", path);
    size_t len = fread(bytes, 1, ROW_BYTES_MAX, file);
    fclose(file);
    return len;
}

static struct wal_row_value bytes_value(enum wal_row_type type, const void *at, size_t len)
{
    return (struct wal_row_value){.type = type, .bytes = {at, (uint32_t)len}};
}

static struct wal_row_value text_value(enum wal_row_type type, const char *text)
{
    return bytes_value(type, text, strlen(text));
}

static double float_of(uint64_t bits)
{
    double number;

    memcpy(&number, &bits, sizeof number);
    return number;
}

/* ---- Golden ---- */

enum { GOLDEN_VALUES = 18 };

static void golden_values(struct wal_row_value values[GOLDEN_VALUES])
{
    static uint8_t all[256], floats[24];
    static const double numbers[] = {0.1, -0.0, 1e308};
    static const uint8_t uuid[] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
                                   0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};
    struct wal_row_value want[GOLDEN_VALUES] = {
        {.type = WAL_ROW_NULL},
        {.type = WAL_ROW_BOOL, .boolean = false},
        {.type = WAL_ROW_BOOL, .boolean = true},
        {.type = WAL_ROW_I16, .integer = INT16_MIN},
        {.type = WAL_ROW_I32, .integer = INT32_MIN},
        {.type = WAL_ROW_I64, .integer = INT64_MIN},
        {.type = WAL_ROW_U64, .natural = UINT64_MAX},
        {.type = WAL_ROW_FLOAT, .number = -1.5},
        {.type = WAL_ROW_FLOAT, .number = float_of(0x7ff4000000000001)},
        {.type = WAL_ROW_TIMESTAMP, .integer = -1},
        {.type = WAL_ROW_DECIMAL, .decimal = {UINT64_MAX, UINT32_MAX, 28, true}},
        {.type = WAL_ROW_DECIMAL, .decimal = {100, 0, 2, false}},
        {.type = WAL_ROW_UUID},
        text_value(WAL_ROW_TEXT, "Gr\xc3\xbc\xc3\x9f"
                                 "e, \xe4\xb8\x96\xe7\x95\x8c \xf0\x9f\x8c\x8d"),
        text_value(WAL_ROW_TEXT, ""),
        bytes_value(WAL_ROW_BYTES, all, sizeof all),
        text_value(WAL_ROW_JSON, " {\"a\": [1, -0.5e+3, null, \"\\u00e9\"]} "),
        bytes_value(WAL_ROW_FLOATS, floats, sizeof floats),
    };

    for (size_t i = 0; i < sizeof all; i++) all[i] = (uint8_t)i;
    for (size_t i = 0; i < 3; i++) wal_row_put_float(floats + 8 * i, numbers[i]);
    memcpy(want[12].uuid, uuid, sizeof uuid);
    memcpy(values, want, sizeof want);
}

static void the_golden_row_is_read_value_by_value(void **state)
{
    struct wal_row_value want[GOLDEN_VALUES];
    uint8_t bytes[ROW_BYTES_MAX];
    size_t len = golden_row(bytes);

    (void)state;
    golden_values(want);
    assert_int_equal(row_check(&guard, bytes, len, want, GOLDEN_VALUES), HISTORY_ROW_GOOD);
}

static void what_is_encoded_is_the_golden_row(void **state)
{
    struct wal_row_value values[GOLDEN_VALUES];
    uint8_t golden[ROW_BYTES_MAX], bytes[ROW_BYTES_MAX];
    size_t golden_len = golden_row(golden), len;

    (void)state;
    golden_values(values);
    assert_ok(wal_row_size(values, GOLDEN_VALUES, &len, NULL));
    assert_u64(len, golden_len);
    wal_row_encode(values, GOLDEN_VALUES, bytes);
    assert_memory_equal(bytes, golden, len);
}

static void floats_of_an_array_are_read_one_by_one(void **state)
{
    struct wal_row_value values[GOLDEN_VALUES];

    (void)state;
    golden_values(values);
    assert_true(wal_row_float(&values[17], 0) == 0.1);
    assert_true(signbit(wal_row_float(&values[17], 1)));
    assert_true(wal_row_float(&values[17], 2) == 1e308);
}

/* ---- What is not a row ---- */

static void a_row_cut_anywhere_is_refused(void **state)
{
    uint8_t bytes[ROW_BYTES_MAX];
    size_t len = golden_row(bytes);

    (void)state;
    for (size_t cut = 0; cut < len; cut++) {
        assert_int_equal(row_check(&guard, bytes, cut, NULL, 0), HISTORY_ROW_REFUSED);
    }
}

static void bytes_behind_the_last_value_are_refused(void **state)
{
    uint8_t bytes[ROW_BYTES_MAX];
    size_t len = golden_row(bytes);

    (void)state;
    bytes[len] = 0;
    assert_int_equal(row_check(&guard, bytes, len + 1, NULL, 0), HISTORY_ROW_REFUSED);
}

static void any_bit_flipped_is_refused_or_a_row_of_its_own(void **state)
{
    uint8_t bytes[ROW_BYTES_MAX];
    size_t len = golden_row(bytes), refused = 0;

    (void)state;
    for (size_t bit = 0; bit < 8 * len; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        enum history_row fate = row_check(&guard, bytes, len, NULL, 0);
        assert_true(fate == HISTORY_ROW_GOOD || fate == HISTORY_ROW_REFUSED);
        refused += fate == HISTORY_ROW_REFUSED;
        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    assert_true(refused > 8 * (8 + 17)); /* The header, types and lengths, at least. */
}

static void a_length_set_to_anything_is_refused(void **state)
{
    static const uint32_t lengths[] = {
        0, 4, 6, 7, 4096, INT32_MAX, 1U << 31, UINT32_MAX - 4, UINT32_MAX};
    static const enum wal_row_type types[] = {WAL_ROW_TEXT, WAL_ROW_BYTES, WAL_ROW_JSON,
                                              WAL_ROW_FLOATS};
    uint8_t bytes[32] = "ROW1\1\0\0\0?????12345";

    (void)state;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        bytes[8] = (uint8_t)types[i];
        for (size_t k = 0; k < sizeof lengths / sizeof lengths[0]; k++) {
            put_u32(bytes + 9, lengths[k]);
            assert_int_equal(row_check(&guard, bytes, 18, NULL, 0), HISTORY_ROW_REFUSED);
        }
    }
    put_u32(bytes + 9, 5);
    bytes[8] = WAL_ROW_TEXT;
    assert_int_equal(row_check(&guard, bytes, 18, NULL, 0), HISTORY_ROW_GOOD);
}

static void a_count_of_four_thousand_million_allocates_nothing(void **state)
{
    uint8_t bytes[16] = "ROW1\xff\xff\xff\xff";

    (void)state;
    assert_int_equal(row_check(&guard, bytes, 8, NULL, 0), HISTORY_ROW_REFUSED);
    assert_int_equal(row_check(&guard, bytes, 16, NULL, 0), HISTORY_ROW_REFUSED);
    put_u32(bytes + 4, 8); /* Eight nulls. */
    assert_int_equal(row_check(&guard, bytes, 16, NULL, 0), HISTORY_ROW_GOOD);
    put_u32(bytes + 4, 0);
    assert_int_equal(row_check(&guard, bytes, 8, NULL, 0), HISTORY_ROW_GOOD);
}

static void forms_that_a_type_does_not_allow_are_refused(void **state)
{
    static const struct {
        const char *value;
        size_t len;
        enum history_row want;
    } rows[] = {
        {"\1\1", 2, HISTORY_ROW_GOOD},
        {"\1\2", 2, HISTORY_ROW_REFUSED},
        {"\16", 1, HISTORY_ROW_REFUSED}, /* The first type that is none. */
        {"\377", 1, HISTORY_ROW_REFUSED},
        {"\10aaaaaaaaaaaa\34\1\0\0", 17, HISTORY_ROW_GOOD},
        {"\10aaaaaaaaaaaa\35\1\0\0", 17, HISTORY_ROW_REFUSED}, /* Scale 29. */
        {"\10aaaaaaaaaaaa\34\2\0\0", 17, HISTORY_ROW_REFUSED},
        {"\10aaaaaaaaaaaa\34\1\1\0", 17, HISTORY_ROW_REFUSED},
        {"\10aaaaaaaaaaaa\34\1\0\1", 17, HISTORY_ROW_REFUSED},
        {"\12\2\0\0\0\xc3\xa9", 7, HISTORY_ROW_GOOD},
        {"\12\2\0\0\0\xc3(", 7, HISTORY_ROW_REFUSED},
        {"\12\2\0\0\0a\xc3", 7, HISTORY_ROW_REFUSED},
        {"\13\2\0\0\0\xc3(", 7, HISTORY_ROW_GOOD},
        {"\14\2\0\0\0[]", 7, HISTORY_ROW_GOOD},
        {"\14\2\0\0\0[}", 7, HISTORY_ROW_REFUSED},
        {"\14\0\0\0\0", 5, HISTORY_ROW_REFUSED},
    };
    uint8_t bytes[64] = "ROW1\1\0\0\0";

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        memcpy(bytes + 8, rows[i].value, rows[i].len);
        if (row_check(&guard, bytes, 8 + rows[i].len, NULL, 0) == rows[i].want) continue;
        fail_msg("value %zu is not %s", i, rows[i].want == HISTORY_ROW_GOOD ? "good" : "refused");
    }
}

static void an_error_is_said_again_and_where(void **state)
{
    static const uint8_t bytes[] = "ROW1\2\0\0\0\1\1\1\7";
    struct wal_row row;
    struct wal_row_value value;

    (void)state;
    assert_ok(wal_row_open(bytes, sizeof bytes - 1, &row));
    assert_ok(wal_row_next(&row, &value));
    assert_true(value.boolean);
    for (int i = 0; i < 3; i++) {
        assert_err(wal_row_next(&row, &value), WAL_NOTROW);
        assert_u64(row.offset, 10);
    }
}

/* ---- What cannot be encoded ---- */

static void values_that_are_no_rows_are_not_encoded(void **state)
{
    struct wal_row_value bad[] = {
        {.type = WAL_ROW_I16, .integer = INT16_MAX + 1},
        {.type = WAL_ROW_I16, .integer = INT16_MIN - 1},
        {.type = WAL_ROW_I32, .integer = (int64_t)INT32_MAX + 1},
        {.type = WAL_ROW_I32, .integer = (int64_t)INT32_MIN - 1},
        {.type = WAL_ROW_DECIMAL, .decimal = {.scale = 29}},
        text_value(WAL_ROW_TEXT, "\xff"),
        text_value(WAL_ROW_JSON, "{"),
        bytes_value(WAL_ROW_FLOATS, "1234567", 7),
        {.type = WAL_ROW_TYPE_COUNT},
    };
    size_t len = 77, index = 77;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct wal_row_value values[] = {{.type = WAL_ROW_NULL}, bad[i]};

        index = 77;
        assert_err(wal_row_size(values, 2, &len, &index), WAL_NOTROW);
        assert_u64(index, 1);
        assert_u64(len, 77);
    }
}

static void a_row_longer_than_any_record_is_refused(void **state)
{
    static const uint8_t byte = 0;
    struct wal_row_value values[2] = {
        {.type = WAL_ROW_BYTES, .bytes = {&byte, UINT32_MAX - 18}},
        {.type = WAL_ROW_BYTES, .bytes = {&byte, 1}},
    };
    size_t len;

    (void)state; /* It is not encoded, so nobody reads what is not there. */
    assert_err(wal_row_size(values, 2, &len, NULL), WAL_RECORD_LIMIT);
    values[1].bytes.len = 0;
    assert_ok(wal_row_size(values, 2, &len, NULL));
    assert_u64(len, UINT32_MAX);
}

/* ---- JSON ---- */

static bool json(const char *text)
{
    size_t len = strlen(text);

    uint8_t *at = sim_guard_place(&guard, len);
    memcpy(at, text, len);
    return log_json_valid(at, len);
}

static void json_is_what_the_rfc_says(void **state)
{
    static const char *const good[] = {
        "0",
        "-0",
        "10",
        "-1.5",
        "1e9",
        "1E+9",
        "1e-9",
        "0.0",
        "true",
        "false",
        "null",
        "\"\"",
        "\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u12aF\"",
        "[]",
        "[ ]",
        "{}",
        "{ }",
        "[1]",
        "[1,2]",
        "[[],[[]],{}]",
        "{\"a\":1}",
        "{\"a\":1,\"b\":[{}]}",
        " \t\r\n[ 1 , 2 ] ",
        "{ \"a\" : { \"b\" : [ ] } }",
    };
    static const char *const bad[] = {
        "",           " ",         "01",          "-",      "+1",  ".5",    "1.",        "1e",
        "1e+",        "--1",       "tru",         "truex",  "nul", "True",  "\"",        "\"\\\"",
        "\"\\x\"",    "\"\\u12\"", "\"\\u12g4\"", "\"\n\"", "[",   "]",     "[1",        "[1,",
        "[1,]",       "[,1]",      "[1 2]",       "{",      "}",   "{1:2}", "{\"a\"}",   "{\"a\":}",
        "{\"a\":1,}", "{,}",       "{\"a\" 1}",   "[}",     "{]",  "[1}",   "{\"a\":1]", "1 2",
        "[] []",      "\"a\"x",    "{\"a\":1}}",  "NaN",
    };

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        if (!json(good[i])) fail_msg("refused: %s", good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (json(bad[i])) fail_msg("taken: %s", bad[i]);
    }
    assert_false(log_json_valid((const uint8_t *)"\"\0\"", 3));
    assert_false(log_json_valid((const uint8_t *)"\"\\\0\"", 4));
}

static void json_nests_as_deep_as_is_said_and_no_deeper(void **state)
{
    enum { DEEP = 2000 };
    char text[2 * DEEP + 1];

    (void)state;
    for (size_t depth = 1; depth <= DEEP; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        text[2 * depth] = '\0';
        assert_int_equal(json(text), depth <= WAL_ROW_JSON_DEPTH_MAX);
    }
    /* Depth that is left again does not count. */
    memset(text, 0, sizeof text);
    for (size_t i = 0; i < 400; i++) memcpy(text + 3 * i, i == 0 ? "[[]" : ",[]", 3);
    strcat(text, "]");
    assert_true(json(text));
}

static void utf8_has_no_other_forms(void **state)
{
    static const char *const bad[] = {
        "\x80",
        "\xc0\x80",
        "\xc1\xbf",
        "\xc3",
        "\xe0\x9f\xbf",
        "\xed\xa0\x80",
        "\xe2\x82",
        "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xff",
        "a\xe2\x28\xa1",
    };
    static const char *const good[] = {
        "",
        "a",
        "\xc2\x80",
        "\xdf\xbf",
        "\xe0\xa0\x80",
        "\xed\x9f\xbf",
        "\xee\x80\x80",
        "\xef\xbf\xbf",
        "\xf0\x90\x80\x80",
        "\xf4\x8f\xbf\xbf",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(wal_utf8_valid((const uint8_t *)bad[i], strlen(bad[i])));
    }
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(wal_utf8_valid((const uint8_t *)good[i], strlen(good[i])));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_golden_row_is_read_value_by_value),
        cmocka_unit_test(what_is_encoded_is_the_golden_row),
        cmocka_unit_test(floats_of_an_array_are_read_one_by_one),
        cmocka_unit_test(a_row_cut_anywhere_is_refused),
        cmocka_unit_test(bytes_behind_the_last_value_are_refused),
        cmocka_unit_test(any_bit_flipped_is_refused_or_a_row_of_its_own),
        cmocka_unit_test(a_length_set_to_anything_is_refused),
        cmocka_unit_test(a_count_of_four_thousand_million_allocates_nothing),
        cmocka_unit_test(forms_that_a_type_does_not_allow_are_refused),
        cmocka_unit_test(an_error_is_said_again_and_where),
        cmocka_unit_test(values_that_are_no_rows_are_not_encoded),
        cmocka_unit_test(a_row_longer_than_any_record_is_refused),
        cmocka_unit_test(json_is_what_the_rfc_says),
        cmocka_unit_test(json_nests_as_deep_as_is_said_and_no_deeper),
        cmocka_unit_test(utf8_has_no_other_forms),
    };

    return cmocka_run_group_tests_name("wal_row", tests, guard_up, guard_down);
}
