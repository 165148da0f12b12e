#!/bin/bash
# explore_complete_test.sh - every small workload in the tree is visited completely, and holds.
# ctest: slow timeout=1800
set -u

squall=${SQUALL:?SQUALL is not set}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

SQUALL_BUILD=$work "$squall" explore --json "$work/counts" | sed 's/^/# /'
status=${PIPESTATUS[0]}
all=$(grep -c '"type":"explore"' "$work/counts")
complete=$(grep -c '"complete":true' "$work/counts")
echo "# $complete of $all complete, exit status $status"
if [ "$all" -ge 3 ] && [ "$all" -eq "$complete" ] && [ "$status" -eq 0 ]; then
    echo "ok 1 - all that is to be visited is, and holds"
else
    echo "not ok 1 - all that is to be visited is, and holds"
    exit 1
fi
echo "1..1"
