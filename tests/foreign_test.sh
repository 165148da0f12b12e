#!/bin/bash
# foreign_test.sh - a log that is not ours goes through the storm, and its bugs are found.
# ctest: timeout=300
set -u

root=${SQUALL_ROOT:?SQUALL_ROOT is not set}
build=${SQUALL_BUILD:?SQUALL_BUILD is not set}
. "$(dirname "$0")/tap.sh"

# linked FLAW: plain-FLAW is squall with that log.
linked() {
    # shellcheck disable=SC1091,SC2086
    (
        . "$build/plant.env"
        $CC $CFLAGS -DPLAIN_LOG_FLAW="$1" -I"$root" -o "$work/plain-$1" \
            "$root/tests/foreign/plain_log.c" "@$build/squall.link"
    )
}

# harmless FILE: without the flaw it holds, or (125) no longer comes to what it was about.
harmless() {
    ends_with 0 "$work/plain-0" replay "$1" || ends_with 125 "$work/plain-0" replay "$1"
}

if [ ! -e "$build/squall.link" ]; then
    skip_all "there is no squall.link in $build"
fi
check "a log that is not ours is linked with squall" linked 0
export SQUALL_BUILD=$work
check "it holds" ends_with 0 "$work/plain-0" run foreign --seeds 1..1000
check "also in the storm that is made for ours" \
    ends_with 0 "$work/plain-0" run everything --seeds 1..300
check "it is another log than ours" [ "$(grep -o 'digest.*' "$work/out")" != \
    "$("${SQUALL:?}" run everything --seeds 1..300 | grep -o 'digest.*')" ]

flaws=(- directory-sync checksum sync-retried in-place lock)
for flaw in 1 2 3 4 5; do
    check "with a flaw (${flaws[flaw]}) it is linked" linked $flaw
    check "and fails" ends_with 1 "$work/plain-$flaw" run foreign --seeds 1..1000 --stop-at-first
    seed=$(sed -n 's/^FAIL  \(foreign:0x[0-9a-f]*\) .*/\1/p' "$work/out" | head -n 1)
    check "which can be shrunk" \
        ends_with 1 "$work/plain-$flaw" shrink "${seed:-none}" -o "$work/$flaw.repro"
    check "and replayed" ends_with 1 "$work/plain-$flaw" replay "$work/$flaw.repro"
    check "and does not fail without the flaw" harmless "$work/$flaw.repro"
done
finish
