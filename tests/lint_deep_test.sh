#!/bin/sh
# lint_deep_test.sh - lint_test.sh with the analyzer, which follows every path through a function.
# ctest: slow timeout=1800
LINT_DEEP=1 exec "${SQUALL_ROOT:?SQUALL_ROOT is not set}/tests/lint_test.sh"
