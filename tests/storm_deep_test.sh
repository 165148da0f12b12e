#!/bin/bash
# storm_deep_test.sh - host_storm_test for two minutes under ThreadSanitizer; and it finds a race.
# ctest: slow serial timeout=1800
set -u

. "${SQUALL_ROOT:?SQUALL_ROOT is not set}/tests/variant.sh"
. "$(dirname "$0")/tap.sh"
export TSAN_OPTIONS=halt_on_error=1
folder=$(variant_folder gcc Release thread)

# The library with a counter that no lock guards: it is reported at its line.
planted() {
    local line
    mkdir -p "$work/wal/log"
    sed 's/^    assert(count >= 1);$/&\n    log->stat.marks += 1;/' \
        "$SQUALL_ROOT/wal/log/append.c" >"$work/wal/log/append.c"
    line=$(grep -nF -m 1 "log->stat.marks += 1;" "$work/wal/log/append.c" | cut -d : -f 1)
    [ -n "$line" ] || return 1
    # shellcheck disable=SC1091,SC2086
    (
        . "$folder/plant.env"
        $CC $CFLAGS -D_GNU_SOURCE -I"$SQUALL_ROOT" -o "$work/planted" \
            "$SQUALL_ROOT/tests/host_storm_test.c" "$work/wal/log/append.c" \
            "$folder/libwalhost.a" "$folder/libwal.a" $LIBS -lcmocka
    ) || return 1
    STORM_SECONDS=10 "$work/planted" && return 1
    grep -q "ThreadSanitizer: data race" "$work/out" &&
        grep -q "#0 .*append\.c:$line\b" "$work/out"
}

variant_build gcc Release thread host_storm_test >"$work/out" 2>&1
report $? "it builds"
STORM_SECONDS=120 "$folder/tests/host_storm_test" >"$work/out" 2>&1
report $? "a minute in each mode under ThreadSanitizer"
grep '^# ' "$work/out"
planted >"$work/out" 2>&1
report $? "a planted race is found"
finish
