#!/bin/bash
# big_deep_test.sh - big_log_test with a log of 10 GiB.
# ctest: slow serial timeout=1200
set -u

program=${SQUALL_BUILD:?SQUALL_BUILD is not set}/tests/big_log_test
room=${TMPDIR:-/tmp}

if [ ! -x "$program" ]; then
    echo "# skipped: $program is not built"
    exit 77
fi
if [ "$(df --output=avail -B G "$room" | tail -n 1 | tr -dc 0-9)" -lt 14 ]; then
    echo "# skipped: less than 14 GB are free in $room"
    exit 77
fi
BIG_LOG_MIB=10240 exec "$program"
