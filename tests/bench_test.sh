#!/bin/bash
# bench_test.sh - squall bench has the rows that were promised, and checks what it measures.
# ctest: timeout=300
set -u

squall=${SQUALL:?SQUALL is not set}
build=${SQUALL_BUILD:?SQUALL_BUILD is not set}
. "$(dirname "$0")/tap.sh"

rows="append_sync_1_128 append_sync_1_1024 append_sync_1_16384 append_group_16 append_group_64
      append_async append_nosync_128 replay_128 replay_1024 replay_streamed_128 open_clean_1mb
      recover_1mb"
# shellcheck disable=SC2086
"$squall" bench $rows --for 20ms --dir "$work" --json "$work/json" >"$work/out" 2>"$work/err"
report $? "the rows of the log are measured"

for row in $rows; do
    number_of='[0-9.e+]+'
    grep -qE "^\{\"type\":\"bench\",\"name\":\"$row\",\"value\":$number_of,\"unit\":\"[a-zA-Z/]+\",\
\"ratio\":($number_of|null),\"goal\":($number_of|null),\"met\":(true|false|null).*\}$" "$work/json"
    report $? "$row is told in JSON"
done

"$squall" bench append_sync_1_128 --for 20ms --dir "$work" --json - >"$work/out" 2>"$work/err"
report $? "JSON may go to standard output"
! grep -qv '^{' "$work/out"
report $? "and is all that is printed there"

for row in append_group_16 append_async append_nosync_128 replay_128; do
    "$build/bench_log" $row --for 20ms --dir "$work" --spoil >"$work/out" 2>"$work/err"
    [ $? -eq 1 ] && grep -qE '^bench_log: LSN [0-9]+ is not what was written$' "$work/err"
    report $? "$row says so if what it wrote does not come back"
done

for mode in plain buffered direct dsync; do
    "$squall" bench append_sync_1_1024 --mode $mode --for 20ms --dir "$work" >"$work/out" \
        2>"$work/err"
    report $? "appends are measured $mode"
done

! compgen -G "$work/bench-*" >/dev/null
report $? "nothing stays behind"

finish
