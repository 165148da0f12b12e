#!/bin/bash
# survival.sh - how many reproducers survive a change of the log that has nothing to do with them.
#
# Not a test: it measures. Each planted bug with a reproducer in scenarios/regressions is planted
# together with each of the changes in tests/changes; then the reproducer is replayed by itself and
# with its neighbours, and the seed that it came from is run. A run survives if a property breaks.
#
# survival.sh [COUNT [SKIP]]: COUNT reproducers [24], the first SKIP left out [0]
set -u

root=${SQUALL_ROOT:?SQUALL_ROOT is not set}
build=${SQUALL_BUILD:?SQUALL_BUILD is not set}
count=${1:-24}
skip=${2:-0}
changes=$(cd "$root/tests/changes" && ls ./*.patch | sed 's|^\./||; s|\.patch$||')
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

breaks() { # COMMAND...: yes or no
    "$@" >"$work/out" 2>&1
    if [ $? -eq 1 ]; then echo 1; else echo 0; fi
}

files=$(ls "$root"/scenarios/regressions/*.repro | tail -n "+$((skip + 1))" | head -n "$count")
printf '%-28s %6s %10s %8s %7s\n' change tried reproducer near seed
all_tried=0 all_itself=0 all_near=0 all_seed=0
for change in $changes; do
    tried=0 itself=0 near=0 seeds=0
    for file in $files; do
        bug=$(sed -n 's/^bug = //p' "$file")
        scenario=$(sed -n 's/^scenario = //p' "$file")
        seed=$(sed -n 's/^seed = //p' "$file")
        program=$build/bugs/$bug+$change/squall
        # A change may touch the very lines that the bug does.
        "$root/scenarios/bugs/plant.sh" "$bug+$change" >"$work/out" 2>&1 || continue
        tried=$((tried + 1))
        found=$(breaks "$program" replay "$file")
        itself=$((itself + found))
        [ "$found" = 1 ] || found=$(breaks "$program" replay --neighbours "$file")
        near=$((near + found))
        seeds=$((seeds + $(breaks "$program" replay "$scenario:$seed")))
        rm -rf "$build/bugs/$bug+$change"
    done
    printf '%-28s %6d %10d %8d %7d\n' "$change" $tried $itself $near $seeds
    all_tried=$((all_tried + tried)) all_itself=$((all_itself + itself))
    all_near=$((all_near + near)) all_seed=$((all_seed + seeds))
done
printf '%-28s %6d %10d %8d %7d\n' all $all_tried $all_itself $all_near $all_seed
