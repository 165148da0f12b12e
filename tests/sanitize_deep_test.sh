#!/bin/sh
# sanitize_deep_test.sh - sanitize_test.sh with more seeds, and every test program.
# ctest: slow serial timeout=3600
SANITIZE_DEEP=1 exec "${SQUALL_ROOT:?SQUALL_ROOT is not set}/tests/sanitize_test.sh"
