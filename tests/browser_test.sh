#!/bin/bash
# browser_test.sh - pages of squall report, opened in a real browser that nobody looks at.
#
# ctest: slow timeout=600
# The page says about itself, in attributes of its root, when it is ready, how many events it drew,
# where the broken record is, and how much it asked of a network. Screenshots are left in the folder
# pages of the build folder. $SQUALL names the program, $SQUALL_ROOT the sources, $SQUALL_BUILD the
# build folder. Prints TAP; ends with 1 if anything failed, with 77 where there is no browser.
set -u

squall=${SQUALL:?SQUALL is not set}
: "${SQUALL_ROOT:?SQUALL_ROOT is not set}" "${SQUALL_BUILD:?SQUALL_BUILD is not set}"
pages=$SQUALL_BUILD/pages
. "$(dirname "$0")/tap.sh"

browser=
for name in chromium chromium-browser google-chrome; do
    command -v "$name" >/dev/null && browser=$name && break
done
if [ -z "$browser" ]; then
    skip_all "no Chromium is installed: apt-get install chromium"
fi
mkdir -p "$pages"

browse() { # ARGUMENT...: with a profile that is new
    rm -rf "$work/profile"
    timeout 120 "$browser" --headless --no-sandbox --disable-gpu --no-first-run \
        --disable-background-networking --disable-component-update --disable-sync \
        --enable-logging=stderr --hide-scrollbars --window-size=1280,800 \
        --user-data-dir="$work/profile" "$@" \
        2>>"$work/browser.log"
}

open_page() { # NAME: its DOM is in the file dom afterwards
    browse --dump-dom "file://$pages/$1.html" >"$work/dom" &&
        browse --screenshot="$pages/$1.png" "file://$pages/$1.html" &&
        browse --blink-settings=preferredColorScheme=0 --screenshot="$pages/$1-dark.png" \
            "file://$pages/$1.html"
}

attribute() { # NAME
    grep -o '<html[^>]*>' "$work/dom" | sed -n "s/.* data-$1=\"\([^\"]*\)\".*/\1/p"
}

is() { # ATTRIBUTE VALUE
    [ "$(attribute "$1")" = "$2" ]
}

at_least() { # ATTRIBUTE NUMBER
    [ "$(attribute "$1")" -ge "$2" ]
}

at_most() { # ATTRIBUTE NUMBER
    [ "$(attribute "$1")" -le "$2" ]
}

in_page() { # PATTERN: in what the browser made of the page
    grep -Eq -e "$1" "$work/dom"
}

is_picture() { # FILE: one that is not of one colour only would be small
    [ "$(wc -c <"$1")" -gt 20000 ]
}

no_error() {
    ! grep -E 'CONSOLE.*(Uncaught|Refused|Error)' "$work/browser.log" | grep .
}

looks_well() { # NAME, after open_page
    check "$1: the script ran to its end" is ready yes
    check "$1: nothing was asked of a network" is resources 0
    check "$1: no error of the script was reported" no_error
    check "$1: there is a picture" is_picture "$pages/$1.png"
    check "$1: and a dark one" is_picture "$pages/$1-dark.png"
}

# ---- The canary: records were lost ----

"$squall" report canary:3 -o "$pages/canary.html" >"$work/out" 2>&1 || sed 's/^/# /' "$work/out"
check "canary: it opens" open_page canary
looks_well canary
check "canary: the broken record is on the first screen" is first-screen true
check "canary: events are drawn" at_least drawn 60
check "canary: its steps are there" in_page '<b>synced, falsely</b>'
check "canary: bytes have names" in_page '<td>durable_lsn</td>'

# ---- A planted bug: a torn tail is called corruption. Shrunk, as it would be read. ----

bug=torn-tail-is-fatal
mutant=$SQUALL_BUILD/bugs/$bug/squall
if [ -e "$SQUALL_BUILD/plant.env" ] &&
    "$SQUALL_ROOT/scenarios/bugs/plant.sh" $bug >"$work/out" 2>&1; then
    token=$(SQUALL_BUILD=$work "$mutant" run everything --seeds 1..300 --keep-going --jobs 1 |
        sed -n 's/^FAIL  \([^ ]*\)  [^ ]* damage was reported of a log that has none.*/\1/p' |
        head -n 1)
    SQUALL_BUILD=$work "$mutant" shrink "$token" -o "$work/torn.repro" >"$work/out" 2>&1
    SQUALL_BUILD=$work "$mutant" report "$work/torn.repro" -o "$pages/torn-tail.html" \
        >"$work/out" 2>&1 || sed 's/^/# /' "$work/out"
    check "torn-tail: it opens" open_page torn-tail
    looks_well torn-tail
    check "torn-tail: the broken record is on the first screen" is first-screen true
    check "torn-tail: it says what was wrong" in_page 'Damage was reported of a log that has none'
    check "torn-tail: and why that is so" in_page 'what the crash left of something unfinished'
    check "torn-tail: the recovery that refused is there, call by call" in_page '<b>recovery</b>'
else
    echo "# SKIPPED: $bug could not be planted: $(head -n 2 "$work/out")"
fi

# ---- More than twenty thousand events ----

sed 's/^operations = .*/operations = 4000/' "$SQUALL_ROOT/scenarios/bench_lifecycle.ini" \
    >"$work/long.ini"
"$squall" report "$work/long.ini:1" -o "$pages/long.html" >"$work/out" 2>&1 ||
    sed 's/^/# /' "$work/out"
check "long: it opens" open_page long
looks_well long
check "long: all events are drawn" at_least drawn 20000
check "long: in a blink" at_most draw-ms 500
check "long: but few rows of its lists are in the page" at_most rows 100

echo "# pictures are in $pages"
finish
