#!/bin/sh
# bugs_apply_test.sh - every planted bug applies to the present library and compiles without a
# warning, so that whoever moves the code moves its specimens.
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

try() {
    patch=$1
    name=$(basename "$patch" .patch)
    for key in story source stratum breaks; do
        if ! grep -q "^$key: ." "$patch"; then
            report "not ok" "$name" "its head has no '$key:'"
            return
        fi
    done
    case $(sed -n 's/^stratum: //p' "$patch") in
    gross | subtle | classification | rare | null) ;;
    *)
        report "not ok" "$name" "its stratum is none of gross, subtle, classification, rare, null"
        return
        ;;
    esac
    rm -rf "$work/wal"
    cp -r "$root/wal" "$work/wal"
    if ! (cd "$work" && patch -p1 -s --no-backup-if-mismatch <"$patch") >"$work/out" 2>&1; then
        report "not ok" "$name" "does not apply: $(head -n 2 "$work/out" | tr '\n' ' ')"
        return
    fi
    for file in $(sed -n 's|^+++ b/\([^[:space:]]*\).*|\1|p' "$patch"); do
        # shellcheck disable=SC2086
        if ! (cd "$work" && $cc $flags -I. -fsyntax-only "$file") >"$work/out" 2>&1; then
            report "not ok" "$name" "does not compile: $(grep -m 1 error "$work/out")"
            return
        fi
    done
    report ok "$name"
}

for patch in "$root"/scenarios/bugs/*.patch; do
    [ -e "$patch" ] && try "$patch"
done
echo "1..$number"
[ "$number" -ge 45 ] || { echo "# only $number patches found"; exit 1; }
[ "$failed" -eq 0 ]
