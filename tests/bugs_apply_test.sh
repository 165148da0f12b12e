#!/bin/sh
# bugs_apply_test.sh - every planted bug applies to the present library and compiles without a
# warning, so that whoever moves the code moves its specimens. So does each of the small changes
# that reproducers of bugs have to survive, also in the room of the scenarios.
#
# Needs SQUALL_ROOT; CC is optional. Prints one line a patch, TAP-like.
set -u

root=${SQUALL_ROOT:?SQUALL_ROOT is not set}
cc=${CC:-cc}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
flags="-std=c11 -O1 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wswitch-enum -Werror"
number=0
failed=0

report() { # ok|not ok, name, what
    number=$((number + 1))
    [ "$1" = ok ] || failed=$((failed + 1))
    echo "$1 $number - $2${3:+: $3}"
}

try() { # PATCH KEY...: its head has these keys, it applies, and what it touches compiles
    patch=$1
    shift
    name=$(basename "$patch" .patch)
    for key; do
        if ! grep -q "^$key: ." "$patch"; then
            report "not ok" "$name" "its head has no '$key:'"
            return
        fi
    done
    case $(sed -n 's/^stratum: //p' "$patch") in
    "" | gross | subtle | classification | rare | null) ;; # None: it is not a bug.
    *)
        report "not ok" "$name" "its stratum is none of gross, subtle, classification, rare, null"
        return
        ;;
    esac
    rm -rf "$work/wal" "$work/scenarios"
    cp -r "$root/wal" "$work/wal"
    mkdir "$work/scenarios"
    cp "$root"/scenarios/*.[ch] "$work/scenarios"
    if ! (cd "$work" && patch -p1 -s --no-backup-if-mismatch <"$patch") >"$work/out" 2>&1; then
        report "not ok" "$name" "does not apply: $(head -n 2 "$work/out" | tr '\n' ' ')"
        return
    fi
    for file in $(sed -n 's|^+++ b/\([^[:space:]]*\).*|\1|p' "$patch"); do
        # shellcheck disable=SC2086
        if ! (cd "$work" && $cc $flags -I. -I"$root" -fsyntax-only "$file") >"$work/out" 2>&1; then
            report "not ok" "$name" "does not compile: $(grep -m 1 error "$work/out")"
            return
        fi
    done
    report ok "$name"
}

for patch in "$root"/scenarios/bugs/*.patch; do
    [ -e "$patch" ] && try "$patch" story source stratum breaks
done
bugs=$number
for patch in "$root"/tests/changes/*.patch; do
    [ -e "$patch" ] && try "$patch" change why
done
echo "1..$number"
[ "$bugs" -ge 60 ] || { echo "# only $bugs bugs found"; exit 1; }
[ "$((number - bugs))" -ge 8 ] || { echo "# only $((number - bugs)) changes found"; exit 1; }
[ "$failed" -eq 0 ]
