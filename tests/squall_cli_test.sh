#!/bin/bash
#
# squall_cli_test.sh - squall on the command line: what it refuses, prints and survives.
#
# ctest: timeout=300
# $SQUALL names the program, $SQUALL_ROOT the sources, $SQUALL_BUILD the build folder. Prints TAP;
# ends with 1 if anything failed. Each test is a function that runs in a directory of its own, with
# a build folder of its own; its first failed check ends it.

set -u
: "${SQUALL:?names the squall to test}" "${SQUALL_ROOT:?}" "${SQUALL_BUILD:?}"
SQUALL=$(realpath "$SQUALL")
PLANTS=$SQUALL_BUILD
. "$(dirname "$0")/tap.sh"

# member NAME FILE: the value in the JSON summary, without quotes.
member() {
    sed -n '/"type":"summary"/s/.*"'"$1"'":"\{0,1\}\([^",}]*\).*/\1/p' "$2"
}

# workers_of PID: its children, once there are some.
workers_of() {
    local children=
    [ -r "/proc/$1/task/$1/children" ] || skip "this kernel does not list children"
    for _ in $(seq 100); do
        children=$(cat "/proc/$1/task/$1/children" 2>/dev/null) || break
        [ -n "$children" ] && break
        sleep 0.02
    done
    [ -n "$children" ] || fail "no worker was ever seen"
    echo "$children"
}

# ---- Bad input ----

bad_input_is_named_and_ends_with_2() {
    local line arguments pattern
    while IFS='|' read -r arguments pattern; do
        # shellcheck disable=SC2086
        status 2 "$SQUALL" $arguments
        says err "$pattern"
        [ ! -s out ] || fail "'$arguments' printed: $(cat out)"
    done <<'TABLE'
|Usage: squall
runn|unknown command 'runn'; did you mean 'run'
--helf|unknown option '--helf'; did you mean '--help'
run everythin|unknown scenario 'everythin'; did you mean 'everything'
run no/such/place.ini|no/such/place.ini: cannot be read
run everything --seeds 5..1|'5..1' is empty
run everything --seeds 5|'5' is not a range
run everything --seeds -1..5|'-1..5' is negative
run everything --seed 18446744073709551616|over 2\^64
run everything --seed twelve|'twelve' is not a number
run everything --seed 1 --seeds 1..2|given twice
run everything --seeds 1..9 --shard 0/2|count from 1
run everything --seeds 1..9 --shard 3/2|beyond the last
run everything --for 0s|no time at all
run everything --jobs 0|too small
run everything --images many|'many' is not a number
run everything --sedes 1..2|unknown option '--sedes'; did you mean '--seeds'
run everything --only F8|unknown fault 'F8'
run everything --only fsync-eoi|unknown fault 'fsync-eoi'; did you mean 'fsync-eio'
run everything --without F01,,F02|unknown fault ''
run everything --profile waek|unknown profile 'waek'; did you mean 'weak'
run everything --property durabilty|unknown property 'durabilty'; did you mean 'durability'
run everything --seed 1 --json - --junit -|only one
replay|SCENARIO:SEED or FILE.repro is missing
replay everythin:1|unknown scenario 'everythin'; did you mean 'everything'
replay everything:1 everything:2|one run at a time
list bgs|unknown section 'bgs'; did you mean 'bugs'
bugs no-checksom|unknown bug 'no-checksom'; did you mean 'no-checksum'
bugs --cap 0|too small
bench small-seeds|unknown benchmark 'small-seeds'; did you mean 'small_seeds'
test everything|takes no argument
TABLE
}

an_unknown_key_in_a_scenario_file_is_named_with_its_line() {
    printf '[scenario]\nstory = Mistyped.\n[workload]\noperatoins = 5\n' >typo.ini
    status 2 "$SQUALL" run typo.ini --seed 1
    says err 'typo\.ini:4: .*operatoins.*did you mean .operations'
}

a_malformed_token_ends_with_125() {
    local token
    for token in everything everything: everything:x :1 everything:-1 everything:1..2; do
        status 125 "$SQUALL" replay "$token"
        [ "$(wc -l <err)" -eq 1 ] || fail "more than one line for '$token': $(cat err)"
    done
}

what_cannot_be_written_is_refused_before_anything_runs() {
    status 2 "$SQUALL" run everything --json no/such/folder/file
    says err 'no/such/folder/file'
    status 2 "$SQUALL" run everything --junit no/such/folder/file
    [ ! -s out ] || fail "it ran: $(cat out)"
}

help_is_0_and_names_every_option() {
    local option command
    status 0 "$SQUALL" --help
    for command in run replay list bugs bench test; do says out "^  $command"; done
    for command in run replay list bugs bench test; do status 0 "$SQUALL" $command --help; done
    status 0 "$SQUALL" run --help
    for option in seeds seed for jobs images shard json junit keep-going profile only without \
        property; do
        says out "^ +--$option"
    done
    status 0 "$SQUALL" --version
    says out '^squall [0-9]'
}

# ---- Sums ----

sums_and_digest_do_not_depend_on_the_number_of_workers() {
    local jobs
    for jobs in 1 2 5; do
        status 0 "$SQUALL" run everything bench_small --seeds 1..300 --jobs $jobs --json -
        [ "$(member seeds out)" = 600 ] || fail "seeds: $(cat out)"
        for key in seeds failures crashes images sim_s digest complete; do member $key out; done \
            >"sums.$jobs"
        cmp sums.1 "sums.$jobs" || fail "--jobs $jobs: $(cat sums.1 "sums.$jobs")"
    done
}

# add HEX HEX: the sum of two 128-bit numbers.
add() {
    local low=$((0x${1:16} + 0x${2:16})) carry=0
    [ $((low ^ (1 << 63))) -lt $((0x${1:16} ^ (1 << 63))) ] && carry=1
    printf '%016x%016x' $((0x${1:0:16} + 0x${2:0:16} + carry)) $low
}

shares_add_up_to_the_whole() {
    local share sum=00000000000000000000000000000000
    status 0 "$SQUALL" run everything --seeds 10..109 --json whole
    for share in 1/3 2/3 3/3; do
        status 0 "$SQUALL" run everything --seeds 10..109 --shard $share --json part
        sum=$(add $sum "$(member digest part)")
        member seeds part
    done >shares
    # The loop ran in this shell; only its output went to the file.
    [ "$(tr '\n' ' ' <shares)" = "34 33 33 " ] || fail "shares: $(cat shares)"
    [ "$sum" = "$(member digest whole)" ] || fail "$sum is not $(member digest whole)"
}

a_time_bounds_a_sweep_without_end() {
    status 0 "$SQUALL" run bench_small --for 300ms --images 0 --json file
    says out '^seeds from 0x[0-9a-f]{16} on$'
    [ "$(member complete file)" = true ] || fail "not complete: $(cat file)"
    [ "$(member seeds file)" -gt 10 ] || fail "only $(member seeds file) seeds"
    [ "${SECONDS:?}" -lt 60 ] || fail "it took too long"
}

# ---- Failures ----

a_failing_seed_is_replayed_as_it_was() {
    local line
    status 1 "$SQUALL" run canary --seeds 1..3 --jobs 1
    says out '^FAIL  canary:0x1  [a-z-]+: .+'
    says out '^      replay with: ./squall replay canary:0x1$'
    says out '^3 failing seeds: canary:0x1 canary:0x2 canary:0x3$'
    sed -n '1,/replay with/p' out >first
    line=$(sed -n 's/.*replay with: .\/squall //p' first)
    # shellcheck disable=SC2086
    status 1 "$SQUALL" $line
    cmp first out || fail "the replay differs: $(diff first out)"
}

what_restricts_a_run_is_part_of_its_replay() {
    local line property
    set -- --seeds 1..50 --stop-at-first --jobs 1 --images 3 --only fsync-lies,F20
    status 1 "$SQUALL" run canary "$@"
    property=$(sed -n 's/^FAIL  [^ ]*  \([a-z-]*\): .*/\1/p' out)
    status 1 "$SQUALL" run canary "$@" --property "$property"
    line=$(sed -n 's/.*replay with: .\/squall //p' out)
    says out "replay canary:0x[0-9a-f]+ --images 3 --only F20,F40 --property $property\$"
    sed -n '1,/replay with/p' out >first
    # shellcheck disable=SC2086
    status 1 "$SQUALL" $line
    cmp first out || fail "the replay differs: $(diff first out)"
    status 0 "$SQUALL" run canary --seeds 1..50 --without fsync-lies
}

ten_failing_seeds_are_enough_unless_told_to_go_on() {
    status 1 "$SQUALL" run canary --seeds 1..200 --json file
    [ "$(member complete file)" = false ] || fail "it went on: $(member seeds file) seeds"
    [ "$(member failures file)" -ge 10 ] || fail "it stopped too early"
    says out 'stopped early'
    status 1 "$SQUALL" run canary --seeds 1..200 --keep-going --json file
    [ "$(member seeds file)" = 200 ] || fail "it stopped: $(member seeds file) seeds"
    status 1 "$SQUALL" run canary --seeds 1..200 --stop-at-first --jobs 1 --json file
    [ "$(member failures file)" = 1 ] || fail "it did not stop: $(member failures file)"
}

json_is_one_object_a_line_sorted_and_nothing_else() {
    status 1 "$SQUALL" run canary --seeds 0xffffffffffffff40..0xffffffffffffffff --jobs 4 \
        --keep-going --json -
    says_not out '^[^{]|[^}]$'
    [ "$(head -n -1 out | grep -c '"type":"failure"')" -eq $(($(wc -l <out) - 1)) ] ||
        fail "something else than failures: $(cat out)"
    says out '"scenario":"canary","seed":"0xffffffffffffff[0-9a-f]{2}","property":"[a-z-]+",'
    says out '"replay":"./squall replay canary:0xffffffffffffff[0-9a-f]{2}"'
    says out '"digest":"[0-9a-f]{32}"}$'
    grep -o '"seed":"[^"]*"' out | sort -c || fail "not sorted: $(grep -o '"seed":"[^"]*"' out)"
    says err '^FAIL  canary'
}

junit_has_a_suite_for_each_scenario_and_a_case_for_each_failure() {
    status 1 "$SQUALL" run canary rot --seeds 1..4 --junit file.xml
    says file.xml '<testsuite name="rot" tests="1" failures="0"'
    says file.xml '<testsuite name="canary" tests="5" failures="4"'
    [ "$(grep -c '<failure type="' file.xml)" -eq 4 ] || fail "$(cat file.xml)"
    [ "$(grep -c '</testcase>' file.xml)" -eq 4 ] || fail "$(cat file.xml)"
    says file.xml '^</testsuites>$'
    if command -v xmllint >/dev/null; then xmllint --noout file.xml || fail "not XML"; fi
}

a_file_of_results_replaces_the_old_one_whole() {
    echo old >file
    "$SQUALL" run bench_small --seeds 1..100000000 --json file >out 2>err &
    workers_of $! >/dev/null
    [ "$(cat file)" = old ] || fail "it was touched before there were results"
    kill -INT $!
    wait $!
    says file '"type":"summary".*"interrupted":true'
    [ "$(find . -name 'file*' | wc -l)" -eq 1 ] || fail "left behind: $(ls)"
    status 0 "$SQUALL" run bench_small --seed 1 --json /dev/null
    [ -c /dev/null ] || fail "/dev/null was replaced"
}

# ---- Workers ----

a_worker_that_dies_is_a_failing_seed_and_the_sweep_goes_on() {
    local got=0 token
    "$SQUALL" run bench_small --seeds 1..20000 --images 0 --jobs 2 --json file >out 2>err &
    # shellcheck disable=SC2046
    set -- $! $(workers_of $!)
    sleep 0.2
    kill -SEGV "$2" || skip "it was over too soon"
    wait "$1" || got=$?
    [ $got -eq 1 ] || fail "it ended with $got: $(cat out err)"
    # A sanitizer reports the signal by itself and ends with 1.
    says out '^FAIL  bench_small:0x[0-9a-f]+  worker: (killed by SIGSEGV|.* ended with status 1)$'
    says out 'A run ends by itself within its process\.$'
    [ "$(member seeds file)" = 20000 ] || fail "only $(member seeds file) seeds were run"
    [ "$(member failures file)" = 1 ] || fail "failures: $(cat file)"
    [ "$(member complete file)" = true ] || fail "not complete"

    # It is kept and tried first, holds now, and is forgotten.
    token=$(sed -n 's/^FAIL  \([^ ]*\) .*/\1/p' out)
    [ "$(ls "$SQUALL_BUILD/failures")" = "bench_small-${token#*:}.repro" ] ||
        fail "kept: $(ls "$SQUALL_BUILD/failures")"
    status 0 "$SQUALL" run bench_small --seed 1
    says out '^kept from earlier runs: 1 tried first, 0 fail, 1 hold'
    [ -z "$(ls "$SQUALL_BUILD/failures")" ] || fail "it was not forgotten"
    status 0 "$SQUALL" run bench_small --seed 1
    says_not out kept
}

an_interrupt_prints_what_there_is() {
    local got=0
    "$SQUALL" run everything --seeds 1..100000000 >out 2>err &
    workers_of $! >workers
    sleep 0.3
    kill -INT $!
    wait $! || got=$?
    [ $got -eq 130 ] || [ $got -eq 1 ] || fail "it ended with $got"
    says out '^everything +[1-9][0-9]* seeds .* digest [0-9a-f]{32}$'
    says out 'interrupted'
    for pid in $(cat workers); do
        [ ! -e "/proc/$pid" ] || fail "worker $pid is still there"
    done
}

# gone PID: it is no more, or nobody has asked yet how it ended.
gone() {
    [ ! -e "/proc/$1" ] || grep -qs '^State:.Z' "/proc/$1/status"
}

workers_do_not_outlive_their_master() {
    local pid
    "$SQUALL" run everything --seeds 1..100000000 >out 2>err &
    workers_of $! >workers
    kill -KILL $!
    wait $! 2>/dev/null
    for _ in $(seq 100); do
        for pid in $(cat workers); do gone "$pid" || { sleep 0.05 && continue 2; }; done
        return 0
    done
    fail "worker $pid is still there"
}

in_a_pipe_nothing_is_redrawn_or_coloured() {
    status 1 "$SQUALL" run canary --seeds 1..5
    says_not out $'\033'
    says_not err $'\033|\r'
}

# ---- Replay, list, the others ----

a_trace_is_the_same_each_time_and_ends_in_the_digest() {
    local digest
    status 0 "$SQUALL" replay everything:7 --trace
    mv out one
    status 0 "$SQUALL" replay everything:7 --trace
    cmp one out || fail "two traces differ"
    says out '^ +[0-9]+ +[0-9]+ +[0-9]+ [a-z0-9]+ +(-|[0-9]+) +fdatasync .* WAL_OK$'
    says out 'acknowledged: all up to LSN'
    digest=$(sed -n 's/^digest //p' out)
    [ ${#digest} -eq 32 ] || fail "the digest is '$digest'"
    status 0 "$SQUALL" replay everything:0x7
    [ "$(sed -n 's/^digest //p' out)" = "$digest" ] || fail "tracing changes the digest"
}

lists_say_one_sentence_each() {
    local section
    for section in scenarios faults properties bugs profiles; do
        status 0 "$SQUALL" list $section
        [ -s out ] || fail "nothing under $section"
        says_not out '[^.)]$'
    done
    status 0 "$SQUALL" list
    says out '^everything +'
    says out '^F08 '
    says out '^durability +'
    says out '^no-checksum +gross +'
    says out '^weak +'
}

a_scenario_may_be_a_file_anywhere() {
    cp "$SQUALL_ROOT/scenarios/bench_small.ini" mine.ini
    status 0 "$SQUALL" run ./mine.ini --seeds 1..20
    says out '^\./mine\.ini +20 seeds'
    status 0 "$SQUALL" replay ./mine.ini:0x3
}

a_planted_bug_is_found_and_a_cap_of_one_misses_it() {
    export SQUALL_BUILD=$PLANTS
    [ -e "$SQUALL_BUILD/plant.env" ] || skip "there is no plant.env in $SQUALL_BUILD"
    status 0 "$SQUALL" bugs no-checksum --trials 2 --json file
    says out '^no-checksum +gross +2/2 +[0-9]+'
    says file '"bug":"no-checksum","stratum":"gross","trials":2,"found":2,"median_seeds":[0-9]+,'
    says file '"shrunk_operations":[0-9.]+,"shrunk_operations_max":[0-9]+,"shrunk_dec'
    says out '^2 shrunk and replayed: median [0-9.]+ operations'

    status 1 "$SQUALL" bugs append-behind-torn-tail --trials 1 --cap 1
    says out 'append-behind-torn-tail +subtle +0/1 .*MISSED$'
}

# The log of this squall has the bug itself: so it fails without a planted one.
what_fails_without_the_planted_bug_is_no_find() {
    export SQUALL_BUILD=$PLANTS
    [ -e "$SQUALL_BUILD/plant.env" ] || skip "there is no plant.env in $SQUALL_BUILD"
    "$SQUALL_ROOT/scenarios/bugs/plant.sh" no-checksum || fail "it is not planted"
    mutant=$SQUALL_BUILD/bugs/no-checksum/squall
    status 1 "$mutant" bugs no-checksum --trials 2 --json file
    says out '^no-checksum +gross +0/0 .*FAILS WITHOUT IT$'
    says out '^1 planted, 0 missed, 0 found falsely, 1 fail without it, 0 not finished$'
    says out '^0x[0-9a-f]+ fails without no-checksum, too: [a-z-]+$'
    says file '"trials":0,"found":0,.*"trial_seeds":\[\],"unsound":2,'
    status 0 "$mutant" bugs null-comment --trials 1 --cap 20
    says out '^null-comment +null +0/1 '
}

bench_says_value_and_goal() {
    status 0 "$SQUALL" bench small_seeds --for 50ms --json -
    says out '^\{"type":"bench","name":"small_seeds","value":[0-9.]+,"unit":"seeds/s","ratio":null,'
    says out '"goal":20000,"met":(true|false),.*\}$'
    [ "$(wc -l <out)" -eq 1 ] || fail "more than was asked for: $(cat out)"
}

# ---- Running them ----

tests=${*:-"
    bad_input_is_named_and_ends_with_2
    an_unknown_key_in_a_scenario_file_is_named_with_its_line
    a_malformed_token_ends_with_125
    what_cannot_be_written_is_refused_before_anything_runs
    help_is_0_and_names_every_option
    sums_and_digest_do_not_depend_on_the_number_of_workers
    shares_add_up_to_the_whole
    a_time_bounds_a_sweep_without_end
    a_failing_seed_is_replayed_as_it_was
    what_restricts_a_run_is_part_of_its_replay
    ten_failing_seeds_are_enough_unless_told_to_go_on
    json_is_one_object_a_line_sorted_and_nothing_else
    junit_has_a_suite_for_each_scenario_and_a_case_for_each_failure
    a_file_of_results_replaces_the_old_one_whole
    a_worker_that_dies_is_a_failing_seed_and_the_sweep_goes_on
    an_interrupt_prints_what_there_is
    workers_do_not_outlive_their_master
    in_a_pipe_nothing_is_redrawn_or_coloured
    a_trace_is_the_same_each_time_and_ends_in_the_digest
    lists_say_one_sentence_each
    a_scenario_may_be_a_file_anywhere
    a_planted_bug_is_found_and_a_cap_of_one_misses_it
    what_fails_without_the_planted_bug_is_no_find
    bench_says_value_and_goal
"}
# shellcheck disable=SC2086
run_all $tests
