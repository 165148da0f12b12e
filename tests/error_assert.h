/*
 * error_assert.h - an assertion that names both errors, where assert_int_equal would say 0x1 !=
 * 0x5.
 */
#ifndef TESTS_ERROR_ASSERT_H
#define TESTS_ERROR_ASSERT_H

#include "wal/err.h"

#define assert_err(actual, expected)                                            \
    do {                                                                        \
        enum wal_err actual_ = (actual), expected_ = (expected);                \
        if (actual_ != expected_) {                                             \
            fail_msg("%s: got %s, expected %s", #actual, wal_err_name(actual_), \
                     wal_err_name(expected_));                                  \
        }                                                                       \
    } while (0)

#define assert_ok(actual) assert_err(actual, WAL_OK)

#endif
