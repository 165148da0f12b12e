/*
 * cmd_seeds_test.c - the numbers that people type, right and wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "cmd/seeds.h"

/* Both NULL, or `wrong` says `expected`. */
static void assert_wrong(const char *text, const char *wrong, const char *expected)
{
    if (expected == NULL && wrong == NULL) return;
    if (expected == NULL) fail_msg("'%s' was refused: %s", text, wrong);
    if (wrong == NULL) fail_msg("'%s' was taken; expected: %s", text, expected);
    if (strstr(wrong, expected) == NULL) fail_msg("'%s' %s; expected: %s", text, wrong, expected);
}

static void seeds_are_read_in_decimal_and_hexadecimal_up_to_64_bits(void **state)
{
    static const struct {
        const char *text;
        uint64_t seed;
        const char *wrong;
    } rows[] = {
        {"0", 0, NULL},
        {"7", 7, NULL},
        {"007", 7, NULL}, /* Not octal. */
        {"0x1f", 0x1f, NULL},
        {"0X1F", 0x1f, NULL},
        {"18446744073709551615", UINT64_MAX, NULL},
        {"0xffffffffffffffff", UINT64_MAX, NULL},
        {"9223372036854775808", UINT64_C(1) << 63, NULL},
        {"18446744073709551616", 1, "over 2^64"},
        {"99999999999999999999", 1, "over 2^64"},
        {"0x10000000000000000", 1, "over 2^64"},
        {"-1", 1, "negative"},
        {"", 1, "lacks a number"},
        {"+1", 1, "not a number"},
        {" 1", 1, "not a number"},
        {"1 ", 1, "not a number"},
        {"1e3", 1, "not a number"},
        {"0x", 1, "not a number"},
        {"0x1g", 1, "not a number"},
        {"ff", 1, "not a number"},
        {"seed", 1, "not a number"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t seed = 77;
        assert_wrong(rows[i].text, seed_parse(rows[i].text, &seed), rows[i].wrong);
        assert_true(seed == (rows[i].wrong == NULL ? rows[i].seed : 77));
    }
}

static void ranges_include_both_ends_and_are_never_empty(void **state)
{
    static const struct {
        const char *text;
        uint64_t first, last;
        const char *wrong;
    } rows[] = {
        {"1..9", 1, 9, NULL},
        {"5..5", 5, 5, NULL},
        {"0x10..0x1f", 16, 31, NULL},
        {"0..18446744073709551615", 0, UINT64_MAX, NULL},
        {"9..1", 0, 0, "empty"},
        {"1", 0, 0, "not a range"},
        {"1.9", 0, 0, "not a range"},
        {"1-9", 0, 0, "not a range"},
        {"..9", 0, 0, "lacks a number"},
        {"1..", 0, 0, "lacks a number"},
        {"1...9", 0, 0, "not a number"},
        {"-1..3", 0, 0, "negative"},
        {"1..-3", 0, 0, "negative"},
        {"1..18446744073709551616", 0, 0, "over 2^64"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t first = 77, last = 77;
        assert_wrong(rows[i].text, seed_range_parse(rows[i].text, &first, &last), rows[i].wrong);
        assert_true(first == (rows[i].wrong == NULL ? rows[i].first : 77));
        assert_true(last == (rows[i].wrong == NULL ? rows[i].last : 77));
    }
}

static void shares_count_from_one(void **state)
{
    static const struct {
        const char *text;
        uint64_t index, count;
        const char *wrong;
    } rows[] = {
        {"1/1", 1, 1, NULL},
        {"3/8", 3, 8, NULL},
        {"8/8", 8, 8, NULL},
        {"0/8", 0, 0, "count from 1"},
        {"9/8", 0, 0, "beyond the last"},
        {"1/0", 0, 0, "beyond the last"},
        {"3", 0, 0, "not a share"},
        {"/8", 0, 0, "lacks a number"},
        {"3/", 0, 0, "lacks a number"},
        {"-1/8", 0, 0, "negative"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t index = 77, count = 77;
        assert_wrong(rows[i].text, shard_parse(rows[i].text, &index, &count), rows[i].wrong);
        assert_true(index == (rows[i].wrong == NULL ? rows[i].index : 77));
        assert_true(count == (rows[i].wrong == NULL ? rows[i].count : 77));
    }
}

static void times_have_a_unit_or_are_seconds(void **state)
{
    static const struct {
        const char *text;
        uint64_t ns;
        const char *wrong;
    } rows[] = {
        {"60", UINT64_C(60000000000), NULL},
        {"60s", UINT64_C(60000000000), NULL},
        {"500ms", UINT64_C(500000000), NULL},
        {"2m", UINT64_C(120000000000), NULL},
        {"1h", UINT64_C(3600000000000), NULL},
        {"0", 0, "no time at all"},
        {"0ms", 0, "no time at all"},
        {"s", 0, "not a time"},
        {"", 0, "not a time"},
        {"1.5s", 0, "not a time"},
        {"3d", 0, "not a time"},
        {"-3s", 0, "negative"},
        {"0x3s", 0, "not a time"},
        {"9999999999999999h", 0, "too long"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t ns = 77;
        assert_wrong(rows[i].text, duration_parse(rows[i].text, &ns), rows[i].wrong);
        assert_true(ns == (rows[i].wrong == NULL ? rows[i].ns : 77));
    }
}

static void counts_have_limits(void **state)
{
    uint64_t count = 77;

    (void)state;
    assert_null(count_parse("1", 1, 9, &count));
    assert_true(count == 1);
    assert_null(count_parse("9", 1, 9, &count));
    assert_true(count == 9);
    assert_wrong("0", count_parse("0", 1, 9, &count), "too small");
    assert_wrong("10", count_parse("10", 1, 9, &count), "too large");
    assert_wrong("x", count_parse("x", 1, 9, &count), "not a number");
    assert_true(count == 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seeds_are_read_in_decimal_and_hexadecimal_up_to_64_bits),
        cmocka_unit_test(ranges_include_both_ends_and_are_never_empty),
        cmocka_unit_test(shares_count_from_one),
        cmocka_unit_test(times_have_a_unit_or_are_seconds),
        cmocka_unit_test(counts_have_limits),
    };

    return cmocka_run_group_tests_name("cmd_seeds", tests, NULL, NULL);
}
