#!/bin/sh
# determinism_deep_test.sh - determinism_test.sh with all seeds under sanitizers too.
# ctest: slow serial timeout=3600
DETERMINISM_DEEP=1 exec "${SQUALL_ROOT:?SQUALL_ROOT is not set}/tests/determinism_test.sh"
