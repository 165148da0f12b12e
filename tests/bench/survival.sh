#!/bin/bash
# survival.sh - how many reproducers outlive changes of the log that have nothing to do with them.
#
# usage: survival.sh FOLDER    with reproducers of planted bugs, one a file, "bug = NAME" in it
#
# For each change in tests/changes and each reproducer, the bug is planted in a log that has changed
# so, and three things are tried there: the reproducer alone, it and its neighbours, and the plain
# seed that it came from. A table of how many still fail is printed. Not a test: what it measures
# has no right answer, and it takes a minute for each ten reproducers.
set -eu

[ $# -eq 1 ] || { sed -n 's/^# usage: /usage: /p' "$0" >&2; exit 2; }
here=$(dirname "$(readlink -f "$0")")
export SQUALL_ROOT=${SQUALL_ROOT:-$(dirname "$(dirname "$here")")}
export SQUALL_BUILD=${SQUALL_BUILD:-$SQUALL_ROOT/build}
plant=$SQUALL_ROOT/scenarios/bugs/plant.sh

value() { # KEY FILE
    sed -n "s/^$1 = //p" "$2" | head -n 1
}

files=$(grep -l '^bug = ' "$1"/*.repro)
[ -n "$files" ] || { echo "survival.sh: $1 has no reproducer of a planted bug" >&2; exit 2; }
count=$(echo "$files" | wc -l)
alone_all=0 near_all=0 seed_all=0 tried_all=0

fails() { # PROGRAM ARGUMENT...: does it end with 1, a property was broken?
    status=0
    SQUALL_BUILD=$(dirname "$1") "$@" >/dev/null 2>&1 || status=$?
    [ "$status" -eq 1 ]
}

printf '%-28s %8s %8s %12s %8s\n' change tried alone neighbours seed
for patch in "$SQUALL_ROOT"/tests/changes/*.patch; do
    change=$(basename "$patch" .patch)
    alone=0 near=0 seed=0 tried=0
    for file in $files; do
        bug=$(value bug "$file")
        "$plant" "$bug+$change" 2>/dev/null || continue # They touch the same lines.
        program=$SQUALL_BUILD/bugs/$bug+$change/squall
        tried=$((tried + 1))
        if fails "$program" replay "$file"; then alone=$((alone + 1)); fi
        if fails "$program" replay --neighbours "$file"; then near=$((near + 1)); fi
        if fails "$program" replay "$(value scenario "$file"):$(value seed "$file")"; then
            seed=$((seed + 1))
        fi
        rm -rf "$SQUALL_BUILD/bugs/$bug+$change"
    done
    printf '%-28s %8d %8d %12d %8d\n' "$change" "$tried" "$alone" "$near" "$seed"
    alone_all=$((alone_all + alone)) near_all=$((near_all + near))
    seed_all=$((seed_all + seed)) tried_all=$((tried_all + tried))
done
printf '%-28s %8d %8d %12d %8d\n' "all ($count reproducers)" "$tried_all" "$alone_all" \
    "$near_all" "$seed_all"
[ "$tried_all" -eq 0 ] || printf '%-28s %8s %7d%% %11d%% %7d%%\n' "" "" \
    $((100 * alone_all / tried_all)) $((100 * near_all / tried_all)) $((100 * seed_all / tried_all))
