/*
 * compare_test.c - the statistics give what textbooks and other programs give.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cmd/compare.h"
#include "cmd/json_read.h"

enum { MANY = 8 };
static const bool all_found[MANY] = {true, true, true, true, true, true, true, true};

static struct compare_trials trials_of(const double *seeds, size_t count)
{
    return (struct compare_trials){.seeds = seeds, .found = all_found, .count = count};
}

static void assert_near(double value, double expected, double tolerance)
{
    if (fabs(value - expected) > tolerance) fail_msg("%.6f is not %.6f", value, expected);
}

/* R: wilcox.test(c(1,2,3,4,5), c(6,7,8,9,10), exact=FALSE): W = 0, p = 0.01219 */
static void groups_apart_differ(void **state)
{
    static const double low[] = {1, 2, 3, 4, 5}, high[] = {6, 7, 8, 9, 10};
    const struct compare_trials one = trials_of(low, 5), other = trials_of(high, 5);

    (void)state;
    assert_near(compare_mann_whitney(&one, &other), 0.01219, 0.00001);
    assert_near(compare_mann_whitney(&other, &one), 0.01219, 0.00001);
    assert_near(compare_effect(&one, &other), 0, 0);
    assert_near(compare_effect(&other, &one), 1, 0);
}

/* By hand: midranks 2, 5.5 and 10; U = 35 - 21 = 14; variance 3 (13 - 204 / 132) = 34.3636;
 * z = 3.5 / 5.8621 = 0.59706, and twice the normal tail beyond it is 0.5505. */
static void ties_are_halved(void **state)
{
    static const double one[] = {1, 1, 2, 2, 3, 3}, other[] = {1, 2, 2, 3, 3, 3};
    const struct compare_trials old = trials_of(one, 6), fresh = trials_of(other, 6);

    (void)state;
    assert_near(compare_mann_whitney(&old, &fresh), 0.5505, 0.0001);
    assert_near(compare_effect(&old, &fresh), 14.0 / 36, 1e-9);
}

static void equal_groups_do_not_differ(void **state)
{
    static const double same[] = {7, 7, 7, 7};
    const struct compare_trials trials = trials_of(same, 4);

    (void)state;
    assert_near(compare_mann_whitney(&trials, &trials), 1, 0);
    assert_near(compare_effect(&trials, &trials), 0.5, 0);
    assert_near(compare_median(&trials), 7, 0);
}

/* Holm's own arithmetic: sorted .01 .02 .03 .04 times 4 3 2 1, never falling. */
static void holm_corrects_for_many_tests(void **state)
{
    double p_values[] = {0.04, 0.01, 0.03, 0.02};

    (void)state;
    compare_holm(p_values, 4);
    assert_near(p_values[1], 0.04, 1e-12);
    assert_near(p_values[3], 0.06, 1e-12);
    assert_near(p_values[2], 0.06, 1e-12);
    assert_near(p_values[0], 0.06, 1e-12);
}

/* Five pairs all in one direction: 2 / 2^5. Hollander and Wolfe's depression data: V = 40,
 * p = 0.03906 (R: wilcox.test(x, y, paired = TRUE)). */
static void signed_ranks_are_exact_for_few_pairs(void **state)
{
    static const double old[] = {1, 2, 3, 4, 5}, fresh[] = {2, 4, 6, 8, 10};
    static const double x[] = {1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30};
    static const double y[] = {0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29};

    (void)state;
    assert_near(compare_signed_rank(old, fresh, 5), 0.0625, 1e-12);
    assert_near(compare_signed_rank(x, y, 9), 0.03906, 0.00001);
    assert_near(compare_signed_rank(old, old, 5), 1, 0);
}

/* 10 finds in 1000 seeds: chi-square quantiles 9.5908 (20 degrees) and 36.7807 (22). */
static void rates_have_intervals(void **state)
{
    double seeds[10];
    bool found[10];

    (void)state;
    for (size_t i = 0; i < 10; i++) seeds[i] = 100, found[i] = true;
    const struct compare_trials trials = {.seeds = seeds, .found = found, .count = 10};
    struct compare_rate rate = compare_rate(&trials);
    assert_near(rate.rate, 0.01, 1e-12);
    assert_near(rate.low, 9.5908 / 2000, 1e-6);
    assert_near(rate.high, 36.7807 / 2000, 1e-6);

    for (size_t i = 0; i < 10; i++) found[i] = false;
    rate = compare_rate(&trials); /* "Rule of three", two-sided: 3.689 in 1000. */
    assert_near(rate.rate, 0, 0);
    assert_near(rate.low, 0, 0);
    assert_near(rate.high, 0.003689, 1e-6);
}

static void trials_are_read_from_a_line(void **state)
{
    static const char line[] =
        "{\"type\":\"bug\",\"bug\":\"no-\",\"cap\":50,\"trial_seeds\":[3,null,17]}";
    double numbers[4], cap = 0;
    char name[8];

    (void)state;
    assert_true(json_is_type(line, "bug"));
    assert_false(json_is_type(line, "bu"));
    assert_true(json_text(line, "bug", name, sizeof name));
    assert_string_equal(name, "no-");
    assert_true(json_number(line, "cap", &cap));
    assert_near(cap, 50, 0);
    assert_false(json_number(line, "bug", &cap));
    assert_false(json_number(line, "gap", &cap));
    assert_int_equal(json_numbers(line, "trial_seeds", -1, numbers, 4), 3);
    assert_near(numbers[0], 3, 0);
    assert_near(numbers[1], -1, 0);
    assert_near(numbers[2], 17, 0);
    assert_int_equal(json_numbers(line, "trial_seeds", -1, numbers, 2), 0);
    assert_int_equal(json_numbers("{\"a\":[1,x]}", "a", -1, numbers, 4), 0);
    assert_int_equal(json_numbers("{\"a\":[1,2", "a", -1, numbers, 4), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_apart_differ),
        cmocka_unit_test(ties_are_halved),
        cmocka_unit_test(equal_groups_do_not_differ),
        cmocka_unit_test(holm_corrects_for_many_tests),
        cmocka_unit_test(signed_ranks_are_exact_for_few_pairs),
        cmocka_unit_test(rates_have_intervals),
        cmocka_unit_test(trials_are_read_from_a_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
