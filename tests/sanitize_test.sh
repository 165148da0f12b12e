#!/bin/bash
# sanitize_test.sh - a slice of every scenario under AddressSanitizer, UBSan and ThreadSanitizer.
# ctest: serial timeout=900
#
# ThreadSanitizer sees the tasks of the simulation as threads that only locks, spawn and join tie
# together: a race is reported in the seed where it is possible, not where it happens to hurt. A
# specimen of each kind is planted in a copy of the library and must be found by the same sweep.
#
# SANITIZE_DEEP=1: more seeds, and the test programs too.
set -u

. "${SQUALL_ROOT:?SQUALL_ROOT is not set}/tests/variant.sh"
. "$(dirname "$0")/tap.sh"
deep=${SANITIZE_DEEP-}
# What a worker says is shown when it dies, so a race must be the end of it.
export TSAN_OPTIONS=halt_on_error=1

sweep() { # KIND SEEDS: nothing is found
    check "$1: seeds $2 of every scenario" \
        variant_squall "$(folder_of "$1")" run --seeds "$2" --images 2
}

folder_of() {
    variant_folder gcc Release "$1"
}

# line_of TEXT: where it stands in the specimen.
line_of() {
    grep -nF -m 1 -- "$1" "$work/wal/log/append.c" | cut -d : -f 1
}

# specimen KIND FILE SED WHAT SAYS [TEXT]: with the file edited so, the sweep ends with 1 and says
# so, and names the line of this text.
specimen() {
    local folder
    folder=$(folder_of "$1")
    rm -rf "$work/wal" && cp -r "$SQUALL_ROOT/wal" "$work/wal"
    sed -i "$3" "$work/$2"
    if cmp -s "$work/$2" "$SQUALL_ROOT/$2"; then
        echo "the specimen cannot be planted: $3" >"$work/out"
        report 1 "$1: a planted $4 is found"
        return
    fi
    mkdir -p "$work/planted"
    # shellcheck disable=SC1091,SC2086
    (
        . "$folder/plant.env"
        $CC $CFLAGS -I"$work" -I"$SQUALL_ROOT" -o "$work/planted/squall" $MAIN "$work/$2" $LIBS \
            "$folder/libwal.a" $LIBS
    ) >"$work/out" 2>&1 || {
        report 1 "$1: a planted $4 is found"
        return
    }
    variant_squall "$work/planted" run group_commit --seeds 1..20 >"$work/out" 2>&1
    [ $? -eq 1 ] && grep -q "$5" "$work/out" &&
        { [ -z "${6-}" ] || grep -q "#0 .*append\.c:$(line_of "$6")\b" "$work/out"; }
    report $? "$1: a planted $4 is found${6:+ at its line}"
}

# programs KIND NAMES: test programs whose name matches hold.
programs() {
    local folder
    folder=$(folder_of "$1")
    variant_build gcc Release "$1" check-programs >"$work/out" 2>&1 &&
        ctest --test-dir "$folder" -L program -R "$2" --output-on-failure --no-tests=error \
            -j "$(nproc)" >"$work/out" 2>&1
    report $? "$1: test programs $2"
}

# Goes in front of what an append does.
before='s/^    assert(count >= 1);$/&\n'
overrun='char *p8 = io_alloc(log->io, 8); if (p8) { p8[8] = 1; io_free(log->io, p8, 8); }/'
counter='log->stat.marks += 1;/'
overflow='int big = 2147483647; big += (int)count; log->stat.marks += big == 0;/'

for kind in address,undefined thread; do
    if ! variant_build gcc Release $kind squall >"$work/out"; then
        report 1 "$kind: builds"
        continue
    fi
    if [ $kind = thread ]; then
        sweep $kind "1..${deep:+2}20"
        specimen $kind wal/log/append.c "$before    $counter" \
            "unlocked counter" "ThreadSanitizer: data race" "${counter%/}"
        programs $kind "^(host_|wal_log)"
    else
        sweep $kind "1..${deep:+5}100"
        specimen $kind wal/log/append.c "$before$overrun" "overrun" "AddressSanitizer"
        specimen $kind wal/log/append.c "$before$overflow" "overflow" "signed integer overflow"
        [ -z "$deep" ] || programs $kind "."
    fi
done

finish
