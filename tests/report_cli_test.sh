#!/bin/bash
# report_cli_test.sh - squall report on the command line: what it writes, prints and refuses.
#
# $SQUALL names the program, $SQUALL_ROOT the sources. Prints TAP; ends with 1 if anything failed.
set -u

squall=${SQUALL:?SQUALL is not set}
: "${SQUALL_ROOT:?SQUALL_ROOT is not set}"
. "$(dirname "$0")/tap.sh"
export SQUALL_BUILD=$work
page=$work/page.html

says() { # FILE PATTERN
    grep -Eq -e "$2" "$1"
}

lacks() { # FILE PATTERN
    ! grep -Eq -e "$2" "$1"
}

story_of() { # PAGE: the block of JSON
    sed -n '/id="story">/,/<\/script>/p' "$1" |
        sed -e 's/.*id="story">//' -e 's/<\/script>.*//'
}

# member PAGE NAME: what is at this name of the story, by whichever reader of JSON is here.
member() {
    if command -v python3 >/dev/null; then
        story_of "$1" | python3 -c 'import json, sys
value = json.load(sys.stdin)[sys.argv[1]]
print(len(value) if isinstance(value, list) else json.dumps(value))' "$2"
    else
        story_of "$1" | node -e 'const story = JSON.parse(require("fs").readFileSync(0, "utf8"));
const value = story[process.argv[1]];
console.log(Array.isArray(value) ? value.length : JSON.stringify(value));' "$2"
    fi
}

is_member() { # NAME VALUE
    [ "$(member "$page" "$1")" = "$2" ]
}

has_rows() { # NAME: there are some
    [ "$(member "$page" "$1")" -gt 0 ]
}

# The lines of the trace that have a number are the events of the page.
events_are_those_of_the_trace() {
    local last
    member "$page" reproducer >"$work/text"
    # The text as it is in JSON: with \n and \".
    printf '%b' "$(sed -e 's/^"//' -e 's/"$//' -e 's/\\"/"/g' "$work/text")" >"$work/told.repro"
    "$squall" replay "$work/told.repro" --trace >"$work/out" 2>"$work/err"
    last=$(awk '$1 ~ /^[0-9]+$/ { last = $1 } END { print last }' "$work/out")
    [ "$last" = "$(member "$page" events)" ]
}

check "a failing run is told, and that is no failure" \
    ends_with 0 "$squall" report canary:3 -o "$page"
check "it says where and what" says "$work/out" "^$page: Recovery ended before"
check "the page says what was promised" \
    says "$page" '"promised":"A record acknowledged, or served once, is present'
check "and names nothing on a network" lacks "$page" '(https?|wss?|ftp):/|url\(|@import|src=|href='
if command -v python3 >/dev/null || command -v node >/dev/null; then
    check "its story is JSON" is_member format 1
    check "which says that a promise was broken" is_member broken true
    check "and has records" has_rows records
    check "and sectors" has_rows sectors
    check "and what a user could see" has_rows facts
    check "and faults" has_rows faults
    check "its events are those of the trace" events_are_those_of_the_trace
    cp "$page" "$work/seed.html"
    check "the reproducer on it is told, too" \
        ends_with 0 "$squall" report "$work/told.repro" -o "$page"
    check "with as many events" is_member events "$(member "$work/seed.html" events)"
    check "and is broken" is_member broken true
    check "a run that holds is told" ends_with 0 "$squall" report bench_small:1 -o "$page"
    check "as one that holds" is_member broken false
else
    echo "# SKIPPED: neither python3 nor node is here to read the JSON of the page"
fi
check "- is standard output, and nothing else is" ends_with 0 "$squall" report canary:3 -o -
check "all of it" says "$work/out" '^<!DOCTYPE html>$'
check "to its end" says "$work/out" '^</html>$'
check "with nothing before" [ "$(head -n 1 "$work/out")" = '<!DOCTYPE html>' ]
check "without -o it is refused" ends_with 2 "$squall" report canary:3
check "so is an unknown scenario" ends_with 2 "$squall" report canari:3 -o "$page"
check "a malformed token is told as such" ends_with 125 "$squall" report canary -o "$page"
echo nonsense >"$work/bad.repro"
check "so is a malformed file" ends_with 125 "$squall" report "$work/bad.repro" -o "$page"
check "with its line" says "$work/err" 'bad\.repro:1'
check "what cannot be written is told" ends_with 3 "$squall" report canary:3 -o "$work/no/page.html"

finish
