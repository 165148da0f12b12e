# tap.sh - what the tests in shell share: a folder to work in, checks that count, TAP.
#
# For tests to source. A test is either a row of checks, ended by finish, or a list of functions
# that each run in a folder of their own, ended by run_all. Either way one line of TAP says how each
# came out, and where one failed the lines behind it say why.

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
number=0
failed=0
skipped=77 # The status of a test that cannot be run here.

# report STATUS WHAT [FILE...]: 0 is ok; otherwise the ends of the files are shown, by default those
# that ends_with leaves.
report() {
    local status=$1 what=$2 file
    shift 2
    number=$((number + 1))
    if [ "$status" -eq 0 ]; then
        echo "ok $number - $what"
        return
    fi
    failed=1
    echo "not ok $number - $what"
    [ $# -gt 0 ] || set -- "$work/out" "$work/err"
    for file; do
        [ ! -e "$file" ] || tail -n 40 "$file" | head -c 8000 | sed 's/^/# /'
    done
}

# check WHAT COMMAND...: it ends with 0.
check() {
    local what=$1 status=0
    shift
    "$@" >"$work/tried" 2>&1 || status=$?
    report $status "$what" "$work/tried" "$work/out" "$work/err"
}

# none_found WHAT: what should not be found lies in the file found.
none_found() {
    [ ! -s "$work/found" ]
    report $? "$1" "$work/found"
}

# skip_check WHAT WHY
skip_check() {
    number=$((number + 1))
    echo "ok $number - $1 # SKIP $2"
}

# skip_all WHY
skip_all() {
    echo "1..0 # SKIPPED: $1"
    exit $skipped
}

finish() {
    echo "1..$number"
    exit $failed
}

# ends_with STATUS COMMAND...: what it prints goes to the files out and err.
ends_with() {
    local want=$1 got=0
    shift
    "$@" >"$work/out" 2>"$work/err" || got=$?
    [ "$got" -eq "$want" ] || { echo "'$*' ended with $got, expected $want"; false; }
}

# ---- Tests that are functions: the first thing that is not as it should be ends one ----

fail() {
    echo "$*" >&2
    exit 1
}

skip() {
    echo "$*" >&2
    exit $skipped
}

# status WANT COMMAND...: the command must end with this; its output goes to files out and err.
status() {
    local want=$1 got=0
    shift
    "$@" >out 2>err || got=$?
    [ $got -eq "$want" ] || fail "'$*' ended with $got, expected $want: $(head -c 500 err out)"
}

# says FILE PATTERN: a line of the file matches.
says() {
    grep -Eq -e "$2" "$1" || fail "expected /$2/ in $1: $(head -c 800 "$1")"
}

says_not() {
    ! grep -Eq -e "$2" "$1" || fail "did not expect /$2/ in $1: $(grep -E -e "$2" "$1" | head -n 3)"
}

# run_all TEST...: each in a folder of its own, with a build folder of its own.
run_all() {
    local test got
    for test; do
        got=0
        mkdir -p "$work/$test/build"
        (cd "$work/$test" && SECONDS=0 && export SQUALL_BUILD=$PWD/build && "$test") \
            >"$work/tried" 2>&1 || got=$?
        if [ $got -eq $skipped ]; then
            skip_check "$test" "$(tail -n 1 "$work/tried")"
        else
            report $got "$test" "$work/tried"
        fi
        rm -rf "${work:?}/$test"
    done
    finish
}
