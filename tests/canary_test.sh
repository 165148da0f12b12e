#!/bin/bash
# canary_test.sh - scenarios that must fail do, and the line they print reproduces the failure.
#
# A harness that finds nothing looks exactly like a log without bugs. In the canary syncs lie; the
# others of the negative suite break storage's word in the other ways that no log can help.
set -u

squall=${SQUALL:?SQUALL is not set}
. "$(dirname "$0")/tap.sh"
export SQUALL_BUILD=$work

# said FILE: the first failure as it was printed, and its digest; neither the token nor the count of
# other failures.
said() {
    grep -m 1 -A 3 '^FAIL' "$1" | grep -E '^FAIL|digest'
}

check "the canary fails" ends_with 1 "$squall" run canary --seeds 1..20
check "a failure is printed" grep -q '^FAIL  canary:' "$work/out"
said "$work/out" >"$work/run"
replay=$(grep -m 1 -oE 'replay canary:[0-9a-fx]+.*' "$work/out")
check "its replay line is printed" test -n "$replay"
# shellcheck disable=SC2086
check "the replay reproduces it" ends_with 1 "$squall" $replay
said "$work/out" >"$work/replay"
check "it is the same failure with the same digest" cmp "$work/run" "$work/replay"
check "its digest is printed" grep -qE 'digest [0-9a-f]{32}' "$work/replay"

for file in "${SQUALL_ROOT:?SQUALL_ROOT is not set}"/scenarios/*.ini; do
    grep -q '^expect = fail' "$file" || continue
    name=$(basename "$file" .ini)
    check "$name fails" ends_with 1 "$squall" run "$name" --seeds 1..200
done

mkdir "$work/failing" && SQUALL_BUILD=$work/failing
check "what holds is not called a failure" ends_with 0 "$squall" run everything --seeds 1..200
token=$(grep -oE 'everything:[0-9a-fx]+' "$work/out" | head -n 1)
check "and names no seed" test -z "$token"
check "a replay of what holds ends with 0" ends_with 0 "$squall" replay everything:1

finish
