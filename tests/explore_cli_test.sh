#!/bin/bash
# explore_cli_test.sh - squall explore finds what random seeds hardly meet, writes it down, says
# what it left out, and counts the same with any number of workers.
# ctest: timeout=600
set -u

root=${SQUALL_ROOT:?SQUALL_ROOT is not set}
build=${SQUALL_BUILD:?SQUALL_BUILD is not set}
squall=${SQUALL:?SQUALL is not set}
bug=refused-first-group-rewritten # Found by some 100,000 seeds.
. "$(dirname "$0")/tap.sh"

counts() { # JOBS: without times
    ends_with 0 "$squall" explore explore_rotate --depth 2 --jobs "$1" --json - &&
        sed 's/,"wall_s".*//' "$work/out" >"$work/counts-$1"
}

check "the bug is planted" "$root/scenarios/bugs/plant.sh" "$bug"
mutant=$build/bugs/$bug/squall
export SQUALL_BUILD=$work
check "it is found" ends_with 1 "$mutant" explore explore_refusal
check "by the property it breaks" grep -q '^FAIL  explore_refusal .*no-phantom: ' "$work/out"
check "and then nothing is called complete" grep -q 'not complete: .*failure' "$work/out"
repro=$(sed -n 's/.*replay with: .*replay //p' "$work/out" | head -n 1)
check "it is written down" test -s "$repro"
check "in two operations" test "$(grep -c '^[0-9]* = append' "$repro")" -eq 2
check "which replay" ends_with 1 "$mutant" replay "$repro"
check "and hold without the bug" ends_with 125 "$squall" replay "$repro"

check "one worker counts" counts 1
check "three workers count" counts 3
check "the same" cmp "$work/counts-1" "$work/counts-3"
check "and say complete" grep -q '"complete":true' "$work/counts-3"

check "running out of time is no failure" ends_with 0 "$squall" explore explore_append --for 1ms
check "and is said" grep -q 'not complete: out of time' "$work/out"
check "too many images are no failure" \
    ends_with 0 "$squall" explore explore_append --depth 1 --images-max 2
check "and are said" grep -q 'not complete: .*--images-max' "$work/out"
check "what cannot be explored is refused" ends_with 2 "$squall" explore canary
check "with its name" grep -q 'canary has no section \[explore\]' "$work/err"
check "an unknown scenario is refused" ends_with 2 "$squall" explore explore_appends
check "with the nearest one" grep -q "did you mean 'explore_append'" "$work/err"

finish
