#!/bin/bash
# trace_test.sh - squall replay --trace: columns, what stands between them, stopping at an event.
#
# $SQUALL names the program, $SQUALL_ROOT the sources. Prints TAP; ends with 1 if anything failed.
set -u

squall=${SQUALL:?SQUALL is not set}
: "${SQUALL_ROOT:?SQUALL_ROOT is not set}"
. "$(dirname "$0")/tap.sh"
export SQUALL_BUILD=$work

has_line() { # PATTERN
    grep -Eq -e "$1" "$work/out" "$work/err"
}

events_count_up() {
    awk '$1 ~ /^[0-9]+$/ { if ($1 <= last) exit 1; last = $1; n++ } END { exit n < 50 }' "$work/out"
}

columns_stand_still() { # Each call's result begins in the column where the head says so.
    awk 'NR == 1 { at = index($0, "result"); next }
        $1 ~ /^[0-9]+$/ && / WAL_/ && !/ \? / {
            n++
            if (match($0, / WAL_[A-Z_]+$/) != at - 1) exit 1
        } END { exit n < 50 }' "$work/out"
}

before() { # PATTERN PATTERN: the first line of one stands before the first of the other
    local one other
    one=$(grep -Em1 -n -e "$1" "$work/out" | cut -d: -f1)
    other=$(grep -Em1 -n -e "$2" "$work/out" | cut -d: -f1)
    [ "${one:-0}" -gt 0 ] && [ "${other:-0}" -gt "$one" ]
}

the_last_event_is() { # EVENT
    [ "$(awk '$1 ~ /^[0-9]+$/ { last = $1 } END { print last }' "$work/out")" = "$1" ]
}

check "a trace ends as the run does" ends_with 1 "$squall" replay canary:3 --trace
check "events are numbered upwards" events_count_up
check "columns stand still" columns_stand_still
check "a write says its file and place" has_line ' pwrite +0000000000000001\.wal +512\+512  WAL_OK$'
check "a task has its name" has_line ' main +op0 +mutex_lock '
check "a decision has its address" has_line ' \? .*F40 fdatasync 0 = 1 \(fsync-lies\)$'
check "a fault stands before the call that it strikes" \
    before '\? .*F40 fdatasync 0 = 1' ' fdatasync +0000000000000001\.wal'
check "an acknowledgement stands behind its sync" \
    before ' fdatasync +0000' '= .*acknowledged: all up to LSN 1 is durable$'
check "power loss is marked" has_line '^ +! .*power lost$'
check "a recovery is marked" has_line '^ +\^ .*recovered nothing from LSN 1 on$'
cp "$work/out" "$work/first"
ends_with 1 "$squall" replay canary:3 --trace
check "two traces of a run are the same" cmp -s "$work/first" "$work/out"

check "--until stops, and says so by its status" ends_with 130 "$squall" replay canary:3 --until 40
check "and not before" the_last_event_is 40
check "nor without a word" has_line '^stopped after event 40, as asked$'
head -n "$(grep -n '^ *40 ' "$work/first" | cut -d: -f1)" "$work/first" >"$work/part"
head -n "$(wc -l <"$work/part")" "$work/out" >"$work/same"
check "what it prints is the beginning of the whole" cmp -s "$work/part" "$work/same"
check "an event that is not reached is told" ends_with 1 "$squall" replay canary:3 --until 99999999
check "and how many there are" has_line 'the run has only [0-9]+ events'
check "event 0 is refused" ends_with 2 "$squall" replay canary:3 --until 0

# 128 + 5: by SIGTRAP.
check "--break without a debugger ends by the signal" \
    ends_with 133 "$squall" replay canary:3 --break 40 2>/dev/null
check "and says what was missing" has_line 'no debugger is here'
if command -v gdb >/dev/null; then
    gdb -nx -batch -ex run -ex backtrace --args "$squall" replay canary:3 --break 40 \
        >"$work/out" 2>"$work/err"
    if has_line 'ptrace: Operation not permitted|warning: Could not trace'; then
        echo "# SKIPPED: the debugger may not trace here"
    else
        check "a debugger stops at the event" has_line 'SIGTRAP'
        check "and sees the log on the stack of the task" has_line '^#[0-9]+ .*/wal/log/'
    fi
else
    echo "# SKIPPED: gdb is not installed, --break was not seen to stop in it"
fi

finish
