/*
 * log_check.h - assertions that fail in our words, where cmocka would say 0x1 != 0x5.
 */
#ifndef TESTS_LOG_CHECK_H
#define TESTS_LOG_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wal/err.h"

/* Names both errors, where assert_int_equal would say 0x1 != 0x5. */
#define assert_err(actual, expected)                                            \
    do {                                                                        \
        enum wal_err actual_ = (actual), expected_ = (expected);                \
        if (actual_ != expected_) {                                             \
            fail_msg("%s: got %s, expected %s", #actual, wal_err_name(actual_), \
                     wal_err_name(expected_));                                  \
        }                                                                       \
    } while (0)

#define assert_ok(actual) assert_err(actual, WAL_OK)

#define assert_u64(actual, expected)                                              \
    do {                                                                          \
        unsigned long long actual_ = (actual), expected_ = (expected);            \
        if (actual_ != expected_) {                                               \
            fail_msg("%s: got %llu, expected %llu", #actual, actual_, expected_); \
        }                                                                         \
    } while (0)

#endif
