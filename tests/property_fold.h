/*
 * property_fold.h - each row of a table as a test of its own.
 */
#ifndef TESTS_PROPERTY_FOLD_H
#define TESTS_PROPERTY_FOLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/property_rows.h"

static uint64_t mask_of(const char *name)
{
    for (size_t i = 0; properties_all[i] != NULL; i++) {
        if (strcmp(properties_all[i]->name, name) == 0) return UINT64_C(1) << i;
    }
    fail_msg("there is no property %s", name);
    return 0;
}

static const char *name_of(const struct property *property)
{
    return property == NULL ? "nothing" : property->name;
}

/* The row breaks exactly what it should, at its last event; and an observation judged as an extra
 * image first is judged alike and changes nothing. */
static void fold(struct property_suite *suite, const struct row *row, uint64_t mask)
{
    const struct property *broken = NULL;

    property_suite_begin(suite, mask);
    for (size_t i = 0; i < row->count; i++) {
        const struct history_event *event = &row->events[i];
        const char *expected = i + 1 == row->count && row->broken != NULL ? row->broken : "nothing";
        struct verdict verdict = {0};
        if (event->kind == HISTORY_OBSERVED) {
            (void)property_suite_judge(suite, event->observation, &verdict);
            verdict = (struct verdict){0};
        }
        broken = property_suite_step(suite, event, &verdict);
        if (strcmp(name_of(broken), expected) != 0) {
            fail_msg("event %zu (%s) broke %s (%s), expected %s", i, history_kind_name(event->kind),
                     name_of(broken), verdict.why == NULL ? "" : verdict.why, expected);
        }
        assert_int_equal(broken != NULL, verdict.broken);
        if (broken != NULL) assert_non_null(verdict.why);
    }
}

static void row_is_judged_rightly(void **state)
{
    const struct row *row = *state;
    struct property_suite *suite = property_suite_create();

    fold(suite, row, UINT64_MAX);
    if (row->broken != NULL) fold(suite, row, mask_of(row->broken));
    fold(suite, row, UINT64_MAX); /* Nothing is left of the folds before. */
    property_suite_destroy(suite);
}

static int run_rows(const char *name, const struct row *rows, size_t count)
{
    struct CMUnitTest *tests = calloc(count, sizeof *tests);

    for (size_t i = 0; i < count; i++) {
        tests[i] = (struct CMUnitTest){
            .name = rows[i].name,
            .test_func = row_is_judged_rightly,
            .initial_state = (void *)(uintptr_t)&rows[i],
        };
    }
    int failures = _cmocka_run_group_tests(name, tests, count, NULL, NULL);
    free(tests);
    return failures;
}

#endif
