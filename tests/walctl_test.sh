#!/bin/bash
#
# walctl_test.sh - walctl on real directories: what it prints is true, also after kill -9.
#
# $WALCTL names the program. Prints TAP; ends with 1 if anything failed. Each test is a function
# that runs in a directory of its own; its first failed check ends it.

set -u
: "${WALCTL:?names the walctl to test}"
WALCTL=$(realpath "$WALCTL")
. "$(dirname "$0")/tap.sh"

one_line() {
    [ "$(wc -l <"$1")" -eq 1 ] || fail "expected one line in $1: $(head -c 500 "$1")"
}

# holds DIR N: the log's records are the numbers 1..N.
holds() {
    status 0 "$WALCTL" dump "$1"
    seq 1 "$2" | cmp - out || fail "$1 does not hold exactly 1..$2"
}

append() {
    "$WALCTL" append "$@" 2>err
}

# field NAME DIR: a number of stat.
field() {
    "$WALCTL" stat "$2" 2>/dev/null | awk -v key="$1" '$1 == key { print $2 }'
}

# await FILE LINE: within ten seconds the file's last line is this one.
await() {
    for _ in $(seq 200); do
        [ "$(tail -n 1 "$1" 2>/dev/null)" = "$2" ] && return
        sleep 0.05
    done
    fail "waited in vain for '$2' at the end of $1: $(tail -n 3 "$1")"
}

# flip FILE OFFSET: the byte there becomes another one.
flip() {
    local byte
    byte=$(od -An -tu1 -j "$2" -N 1 "$1") || fail "no byte at $2 of $1"
    printf "%b" "\\x$(printf '%02x' $((byte ^ 255)))" |
        dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

last_segment() {
    printf '%s/%016x.wal' "$1" "$(field last_segment "$1")"
}

# A writer in the background that appends what is written to descriptor 5.
writer_begin() {
    mkfifo "$1.fifo"
    "$WALCTL" append "$1" <"$1.fifo" >"$1.printed" 2>"$1.err" &
    WRITER=$!
    exec 5>"$1.fifo"
}

writer_end() {
    local got=0
    exec 5>&-
    wait $WRITER || got=$?
    [ $got -eq "$1" ] || fail "the writer ended with $got, expected $1"
}

# A log in `cut` as a crash would leave it: LSNs 1..5 witnessed, 6 not.
make_unwitnessed() {
    writer_begin live
    seq 1 5 >&5
    await live.printed 5
    cp -r live cut
    # One record, so one group: a second one's header would be a witness for the first.
    echo 6 >&5
    await live.printed 6
    cp live/*.wal cut/
    writer_end 0
}

# ---- Round trips ----

a_hundred_thousand_lines_come_back() {
    seq 1 100000 | append log >printed || fail "append: $(cat err)"
    [ "$(tail -n 1 printed)" = 100000 ] || fail "the last line printed is $(tail -n 1 printed)"
    sort -n -u -c printed || fail "the printed LSNs do not increase"
    [ -s err ] && fail "append said: $(cat err)"
    holds log 100000
    [ -s err ] && fail "dump said: $(cat err)"
    status 0 "$WALCTL" verify log
    says out '^ok: LSNs 1\.\.100000, [0-9]+ segments?, closed cleanly$'
    [ "$(field last_lsn log)" = 100000 ] || fail "stat: last_lsn $(field last_lsn log)"
    [ "$(field witness_lsn log)" = 100000 ] || fail "stat: witness_lsn"
    [ "$(field tail log)" = clean ] || fail "stat: tail"
    [ "$(field bytes log)" = "$(cat log/*.wal | wc -c)" ] || fail "stat: bytes"
}

appending_goes_on_where_it_ended() {
    seq 1 10 | append log >printed || fail "append: $(cat err)"
    seq 11 20 | append --no-create --quiet log >printed || fail "append: $(cat err)"
    [ "$(cat printed)" = 20 ] || fail "quiet printed $(cat printed)"
    append log </dev/null >printed || fail "append: $(cat err)"
    [ "$(cat printed)" = 20 ] || fail "appending nothing printed $(cat printed)"
    holds log 20
    status 0 "$WALCTL" dump --from 5 --to 7 log
    [ "$(tr '\n' ' ' <out)" = "5 6 7 " ] || fail "5..7 is $(cat out)"
    status 0 "$WALCTL" dump --from 19 log
    [ "$(tr '\n' ' ' <out)" = "19 20 " ] || fail "19.. is $(cat out)"
}

what_is_pruned_is_gone_and_its_space_with_it() {
    seq 1 30000 | append --segment-bytes 65536 --quiet log >printed || fail "append: $(cat err)"
    local before
    before=$(field segments log)
    status 0 "$WALCTL" prune --before 20000 log
    [ "$(cat out)" = 20000 ] || fail "prune printed $(cat out)"
    [ "$(field floor_lsn log)" = 20000 ] || fail "stat: floor_lsn"
    [ "$(field segments log)" -lt "$before" ] || fail "no segment is gone"
    [ "$(field segments log)" = "$(ls log/*.wal | wc -l)" ] || fail "stat: segments"
    status 0 "$WALCTL" dump log
    seq 20000 30000 | cmp - out || fail "other records are left"
    status 1 "$WALCTL" dump --from 19999 log
    status 2 "$WALCTL" prune log
    status 2 "$WALCTL" prune --before 0 log
    grep -q 'LSNs begin with 1' err || fail "prune --before 0 said $(cat err)"
    [ "$(field floor_lsn log)" = 20000 ] || fail "what was refused moved the floor"
}

what_is_truncated_is_gone_and_appending_goes_on_there() {
    seq 1 30000 | append --segment-bytes 65536 --quiet log >printed || fail "append: $(cat err)"
    status 0 "$WALCTL" truncate --after 12345 log
    [ "$(cat out)" = 12345 ] || fail "truncate printed $(cat out)"
    holds log 12345
    seq 12346 20000 | append --quiet log >printed || fail "append: $(cat err)"
    holds log 20000
    status 0 "$WALCTL" truncate --after 0 log
    holds log 0
    status 2 "$WALCTL" truncate log
    status 0 "$WALCTL" truncate --help
    grep -q -e '--after=LSN' out || fail "its help says $(cat out)"
}

empty_lines_are_records_and_so_is_an_unfinished_last() {
    printf 'a\n\n\nlast' | append log >printed || fail "append: $(cat err)"
    [ "$(tail -n 1 printed)" = 4 ] || fail "printed $(cat printed)"
    status 0 "$WALCTL" dump log
    printf 'a\n\n\nlast\n' | cmp - out || fail "the lines differ"
    status 0 "$WALCTL" dump --json log
    says out '^\{"lsn":2,.*"length":0,"text":""\}$'
}

prefixed_records_may_be_any_bytes() {
    printf '\003\0\0\0a\nb\0\0\0\0\002\0\0\0\377\0' | append --length-prefixed log >printed ||
        fail "append: $(cat err)"
    [ "$(tail -n 1 printed)" = 3 ] || fail "printed $(cat printed)"
    status 0 "$WALCTL" dump --json log
    says out '"lsn":1,"time":"20[0-9-]+T[0-9:]+\.[0-9]{9}Z","commit_ns":"[0-9]+","segment":1,'
    says out '"lsn":1,.*"batch_index":0,"batch_goes_on":false,"length":3,"text":"a\\nb"\}$'
    says out '"lsn":3,.*"length":2,"base64":"/wA="\}$'
    printf '\003\0\0\0a' >cut
    status 1 "$WALCTL" append --length-prefixed log <cut
    says err 'ends inside record 1$'
    [ "$(field last_lsn log)" = 3 ] || fail "a cut record was appended"
}

small_segments_hold_the_same_records() {
    seq 1 20000 | append --segment-bytes 65536 log >printed || fail "append: $(cat err)"
    [ "$(field segments log)" -gt 5 ] || fail "only $(field segments log) segments"
    holds log 20000
    for block in 512 8; do
        seq 1 20000 | append --block-bytes $block log.$block >printed || fail "append: $(cat err)"
        [ "$(field block_bytes log.$block)" = $block ] || fail "stat: block_bytes"
        holds log.$block 20000
    done
}

whatever_the_sync_policy_all_is_durable_at_the_end() {
    for policy in every-group on-demand interval never; do
        seq 1 20000 | append --sync=$policy log.$policy >printed || fail "append: $(cat err)"
        [ "$(tail -n 1 printed)" = 20000 ] || fail "$policy: printed $(tail -n 1 printed)"
        holds log.$policy 20000
    done
    status 2 "$WALCTL" append --sync=sometimes log
    says err "not 'sometimes'"
}

statistics_are_for_people_and_for_prometheus() {
    seq 1 5000 | append --stats --prometheus=metrics log >printed || fail "append: $(cat err)"
    says err '^commit +[1-9][0-9]* '
    says metrics '^wal_durable_lsn 5000$'
    says metrics '^wal_records_total 5000$'
    says metrics '^wal_commit_seconds_bucket\{le="\+Inf"\} [1-9]'
    groups=$(awk '$1 == "wal_groups_total" { print $2 }' metrics)
    says metrics "^wal_queue_seconds_count $groups\$"
    status 0 "$WALCTL" stat --prometheus log
    says out '^wal_last_lsn 5000$'
    says out '^# TYPE wal_last_lsn gauge$'
    status 1 "$WALCTL" append --prometheus=no/such/place log </dev/null
    says err 'no/such/place: No such file'
}

# ---- What is printed is durable ----

what_was_printed_is_there_after_kill_9() {
    for round in 1 2 3 4 5; do
        seq 1 100000000 | "$WALCTL" append log.$round >printed 2>err &
        sleep 0.$((round + 1))
        kill -9 $!
        wait $! 2>/dev/null
        durable=$(tail -n 1 printed) # A whole line: each is one write.
        [ "${durable:-0}" -gt 0 ] || fail "nothing was printed in round $round"
        status 0 "$WALCTL" dump log.$round
        served=$(wc -l <out)
        [ "$served" -ge "$durable" ] || fail "printed $durable, dumped $served"
        seq 1 "$served" | cmp - out || fail "not what was appended"
        append log.$round </dev/null >printed || fail "append: $(cat err)"
        says err 'recovered'
        after=$(tail -n 1 printed)
        [ "$after" -ge "$served" ] || fail "served $served, then $after"
        holds log.$round "$after"
    done
}

a_number_is_true_the_moment_it_is_printed() {
    for round in 1 2 3; do
        mkfifo in.$round out.$round
        "$WALCTL" append log.$round <in.$round >out.$round 2>err &
        exec 5>in.$round 6<out.$round
        seq 1 3 >&5
        read -r durable <&6
        kill -9 $!
        wait $! 2>/dev/null
        exec 5>&- 6<&-
        status 0 "$WALCTL" dump log.$round
        [ "$(wc -l <out)" -ge "$durable" ] || fail "printed $durable, dumped $(wc -l <out)"
    done
}

an_interrupted_append_closes_cleanly() {
    for signal in INT TERM; do
        writer_begin log.$signal
        seq 1 5 >&5
        await log.$signal.printed 5
        kill -$signal $WRITER
        writer_end 130
        await log.$signal.printed 5
        status 0 "$WALCTL" verify log.$signal
        says out 'LSNs 1\.\.5, .* closed cleanly$'
    done
    seq 1 100000000 | "$WALCTL" append busy >printed 2>err &
    sleep 0.3
    kill -TERM $!
    got=0
    wait $! || got=$?
    [ $got -eq 130 ] || fail "ended with $got under load: $(cat err)"
    holds busy "$(tail -n 1 printed)"
    status 0 "$WALCTL" verify busy
    says out 'closed cleanly$'
}

a_reader_that_goes_away_loses_no_record() {
    seq 1 100000 | "$WALCTL" append log 2>err | head -n 1 >printed
    holds log 100000
}

# ---- Crashes and damage ----

a_tail_that_no_witness_knows_may_be_cut_anywhere() {
    make_unwitnessed
    from=$(field witness_offset cut)
    size=$(wc -c <"$(last_segment cut)")
    [ "$from" -lt "$size" ] || fail "nothing lies above the witness"
    status 0 "$WALCTL" dump cut
    [ "$(tail -n 1 out)" = 5 ] || fail "dump served up to $(tail -n 1 out)"
    says err '[0-9]+ bytes after LSN 5 are not known durable'
    for at in $from $((from + 1)) $((from + 47)) $((from + 48)) $((from + 60)) $((from + 100)) \
        $((size - 1)) $size; do
        rm -rf copy
        cp -r cut copy
        truncate -s "$at" "$(last_segment copy)"
        append copy </dev/null >printed || fail "cut at $at: $(cat err)"
        kept=$(tail -n 1 printed)
        [ "$kept" -ge 5 ] && [ "$kept" -le 6 ] || fail "cut at $at kept $kept"
        holds copy "$kept"
    done
    [ "$kept" = 6 ] || fail "uncut, it kept $kept"
}

a_cut_below_the_witness_is_refused_and_named() {
    make_unwitnessed
    from=$(field witness_offset cut)
    for at in $((from - 4096 + 50)) 4096 4095 600; do
        rm -rf copy
        cp -r cut copy
        truncate -s "$at" "$(last_segment copy)"
        cp -r copy before
        status 1 "$WALCTL" append copy </dev/null
        one_line err
        says err '^walctl append: copy: .*: LSNs [1-5]\.\.'
        first=$(sed -E 's/.*LSNs ([0-9]+)\.\..*/\1/' err)
        diff -r copy before || fail "a refused log was changed"
        rm -r before
        status 1 "$WALCTL" dump copy
        [ "$(wc -l <out)" -eq $((first - 1)) ] || fail "dump: $(wc -l <out) before LSN $first"
        says err "LSNs $first\\.\\."
    done
}

a_log_closed_cleanly_may_not_be_cut() {
    seq 1 1000 | append log >printed || fail "append: $(cat err)"
    size=$(wc -c <"$(last_segment log)")
    for less in 4096 8192 20000; do
        rm -rf copy
        cp -r log copy
        truncate -s $((size - less)) "$(last_segment copy)"
        status 1 "$WALCTL" append copy </dev/null
        says err 'LSNs [0-9]+\.\.1000'
        status 1 "$WALCTL" verify copy
        says out '^damaged: 0{15}1\.wal offset [0-9]+: LSNs [0-9]+\.\.1000$'
        status 1 "$WALCTL" stat copy
        says out '^tail +rotten$'
    done
}

a_flipped_byte_is_named_by_segment_offset_and_lsns() {
    seq 1 20000 | append --segment-bytes 65536 log >printed || fail "append: $(cat err)"
    "$WALCTL" dump --json log >before
    record=$(grep '"segment":2,' before | sed -n 10p)
    lsn=$(sed -E 's/.*"lsn":([0-9]+).*/\1/' <<<"$record")
    offset=$(sed -E 's/.*"offset":([0-9]+).*/\1/' <<<"$record")
    flip log/0000000000000002.wal $((offset + 16))
    status 1 "$WALCTL" verify log
    says out "^damaged: 0{15}2\\.wal offset [0-9]+: LSNs $lsn\\.\\.[0-9]+\$"
    status 1 "$WALCTL" verify --json log
    says out "^\\{\"type\":\"damage\",\"file\":\"0{15}2\\.wal\",\"segment\":2,.*\"first_lsn\":$lsn,"
    says out '^\{"type":"summary","ok":false,'
    status 1 "$WALCTL" dump log
    one_line err
    says err "^walctl dump: log: 0{15}2\\.wal offset [0-9]+: LSNs $lsn\\.\\."
    seq 1 $((lsn - 1)) | cmp - out || fail "dump did not print what lies before the damage"
}

# ---- Two at a time ----

one_writer_at_a_time_and_readers_beside_it() {
    writer_begin log
    seq 1 7 >&5
    await log.printed 7
    status 1 "$WALCTL" append log </dev/null
    one_line err
    says err '^walctl append: log: .*in use by another process'
    holds log 7
    status 0 "$WALCTL" verify log
    status 0 "$WALCTL" stat --json log
    says out '"witness_lsn":7,'
    seq 8 9 >&5
    await log.printed 9
    writer_end 0
    holds log 9
}

# ---- No room ----

# After a full disk: the beginning of the input is there, and it was said where it ends.
check_full() {
    one_line err
    says err '(line|record) [0-9]+ is the first that is not in the log$'
    kept=$(tail -n 1 printed)
    says err "line $((kept + 1)) is the first"
    holds "$1" "$kept"
    status 0 "$WALCTL" verify "$1"
    says out "$2"
}

a_file_size_limit_ends_appending_and_the_log_lives() {
    for limit in 100 500 1000 1500 2000 3000; do
        got=0
        (
            ulimit -f $limit
            seq 1 1000000 | "$WALCTL" append log.$limit >printed 2>err
        ) || got=$?
        [ $got -eq 1 ] || fail "ended with $got: $(cat err)"
        says err 'largest size'
        check_full log.$limit 'closed cleanly$'
        seq $((kept + 1)) $((kept + 100)) | append log.$limit >printed || fail "append: $(cat err)"
        holds log.$limit $((kept + 100))
    done
}

a_full_disk_ends_appending_and_the_log_lives() {
    mkdir disk
    mount -t tmpfs -o size=4m none disk 2>/dev/null || skip "cannot mount a small disk"
    trap 'umount disk' EXIT
    got=0
    seq 1 1000000 | "$WALCTL" append disk/log >printed 2>err || got=$?
    [ $got -eq 1 ] || fail "ended with $got: $(cat err)"
    says err 'no space left'
    # Whether there is room for the fresh segment that a clean close wants is the disk's luck.
    check_full disk/log '(closed cleanly|ends without a close)$'
    mount -o remount,size=64m disk
    seq $((kept + 1)) $((kept + 100)) | append disk/log >printed || fail "append: $(cat err)"
    holds disk/log $((kept + 100))
}

a_line_over_the_limit_is_named_and_those_before_it_stay() {
    { seq 1 3; head -c 5000000 /dev/zero | tr '\0' x; echo; seq 5 6; } >lines
    status 1 "$WALCTL" append log <lines
    one_line err
    says err '^walctl append: line 4 is over the limit of [0-9]+ bytes'
    [ "$(tail -n 1 out)" = 3 ] || fail "printed $(tail -n 1 out)"
    holds log 3
    status 0 "$WALCTL" verify log
    says out 'closed cleanly$'
}

# ---- What is not a log, and what is not a command ----

what_is_not_a_log_is_not_touched() {
    mkdir other
    echo hello >other/file
    ls -l --time-style=full-iso other >before
    for command in append dump verify stat; do
        status 1 "$WALCTL" $command other </dev/null
        one_line err
        says err "^walctl $command: other: .*not a log"
        ls -l --time-style=full-iso other | cmp - before || fail "$command touched it"
        status 1 "$WALCTL" $command other/file </dev/null
        says err 'not a directory'
    done
    status 1 "$WALCTL" append absent/log </dev/null
    says err '^walctl append: absent/log: no such file or directory \(nor the directory'
    status 1 "$WALCTL" append --no-create absent </dev/null
    says err '^walctl append: absent: no such file or directory'
    for command in dump verify stat; do
        status 1 "$WALCTL" $command absent
        says err "^walctl $command: absent: no such file or directory"
        mkdir -p empty
        status 1 "$WALCTL" $command empty
        says err "^walctl $command: empty: .*no log is there"
        rmdir empty || fail "$command left something behind"
    done
    [ -e absent ] && fail "a log was made"
    return 0
}

without_permission_nothing_happens() {
    [ "$(id -u)" -eq 0 ] && skip "root may do anything"
    seq 1 5 | append log >printed
    chmod 000 log
    for command in append dump verify stat; do
        status 1 "$WALCTL" $command log </dev/null
        says err 'permission denied'
    done
    chmod 700 log
    holds log 5
}

usage_is_2_and_help_is_0() {
    status 2 "$WALCTL"
    says err '^Usage: walctl '
    status 0 "$WALCTL" --help
    says out 'dump DIR'
    status 0 "$WALCTL" --version
    says out '^walctl [0-9]'
    status 2 "$WALCTL" apend log
    one_line err
    says err "unknown command 'apend'; did you mean 'append'"
    status 2 "$WALCTL" frobnicate
    says err "unknown command 'frobnicate'"
    status 2 "$WALCTL" dump --form 3 log
    one_line err
    says err "unknown option '--form'; did you mean '--from'"
    status 2 "$WALCTL" dump --from many log
    says err "wants a decimal number, not 'many'"
    status 2 "$WALCTL" append --block-bytes 7 log
    status 2 "$WALCTL" append --segment-bytes 100 log
    [ -e log ] && fail "bad usage made a log"
    for command in append dump verify stat; do
        status 2 "$WALCTL" $command
        says err 'DIR is missing'
        status 2 "$WALCTL" $command one two
        status 0 "$WALCTL" $command --help
        says out "^Usage: walctl $command "
    done
}

# ---- Running them ----

tests=${*:-"
    a_hundred_thousand_lines_come_back
    appending_goes_on_where_it_ended
    what_is_pruned_is_gone_and_its_space_with_it
    what_is_truncated_is_gone_and_appending_goes_on_there
    empty_lines_are_records_and_so_is_an_unfinished_last
    prefixed_records_may_be_any_bytes
    small_segments_hold_the_same_records
    whatever_the_sync_policy_all_is_durable_at_the_end
    statistics_are_for_people_and_for_prometheus
    what_was_printed_is_there_after_kill_9
    a_number_is_true_the_moment_it_is_printed
    an_interrupted_append_closes_cleanly
    a_reader_that_goes_away_loses_no_record
    a_tail_that_no_witness_knows_may_be_cut_anywhere
    a_cut_below_the_witness_is_refused_and_named
    a_log_closed_cleanly_may_not_be_cut
    a_flipped_byte_is_named_by_segment_offset_and_lsns
    one_writer_at_a_time_and_readers_beside_it
    a_file_size_limit_ends_appending_and_the_log_lives
    a_full_disk_ends_appending_and_the_log_lives
    a_line_over_the_limit_is_named_and_those_before_it_stay
    what_is_not_a_log_is_not_touched
    without_permission_nothing_happens
    usage_is_2_and_help_is_0
"}
# shellcheck disable=SC2086
run_all $tests
