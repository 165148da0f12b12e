#!/bin/bash
# determinism_test.sh - the digest of a fixed set of seeds is the same whatever ran it.
# ctest: serial timeout=900
#
# One process or two, gcc or clang, optimised or not or sanitized: a run is a function of scenario,
# seed and code. A sanitized build gets a slice of the seeds; DETERMINISM_DEEP=1 gives it all.
set -u

. "${SQUALL_ROOT:?SQUALL_ROOT is not set}/tests/variant.sh"
squall=${SQUALL:?SQUALL is not set}
. "$(dirname "$0")/tap.sh"
all=1..2000
slice=1..200
[ -n "${DETERMINISM_DEEP-}" ] && slice=$all

# digest SQUALL ARGUMENT...: the digest of a run that is complete.
digest() {
    local program=$1
    shift
    SQUALL_BUILD=$work "$program" run everything crash_in_recovery --json - "$@" 2>"$work/err" |
        sed -n 's/^{"type":"summary".*"complete":true.*"digest":"\([0-9a-f]\{32\}\)".*/\1/p'
    rm -rf "$work/failures"
}

# same WANT WHAT SQUALL ARGUMENT...
same() {
    local want=$1 what=$2 got
    shift 2
    got=$(digest "$@")
    echo "digest '$got', expected '$want'" >"$work/out"
    [ -n "$want" ] && [ "$got" = "$want" ]
    report $? "$what"
}

variant() { # COMPILER TYPE SANITIZE WANT SEEDS
    if ! command -v "$1" >/dev/null; then
        echo "# skipped: $1 is not installed"
        return
    fi
    variant_build "$1" "$2" "$3" squall >"$work/out" || { report 1 "$1 $2 $3 builds"; return; }
    same "$4" "$1 $2${3:+ $3}, seeds $5" "$(variant_folder "$1" "$2" "$3")/squall" --seeds "$5"
}

want_all=$(digest "$squall" --seeds $all --jobs 1)
want_slice=$(digest "$squall" --seeds $slice --jobs 1)
other=$(digest "$squall" --seeds 2..2001 --jobs 1)
echo "'$other' and '$want_all'" >"$work/out"
[ -n "$other" ] && [ "$other" != "$want_all" ]
report $? "other seeds have another digest"
same "$want_all" "one process, again" "$squall" --seeds $all --jobs 1
same "$want_all" "two processes" "$squall" --seeds $all --jobs 2
same "$want_all" "five processes" "$squall" --seeds $all --jobs 5
case $("${CC:-cc}" --version) in *clang*) ours=clang ;; *) ours=gcc ;; esac
for compiler in gcc clang; do
    [ $compiler = $ours ] || variant $compiler Release "" "$want_all" $all
    variant $compiler Debug "" "$want_all" $all
    variant $compiler Release address,undefined "$want_slice" $slice
done

finish
