#!/bin/bash
# readme_test.sh - what README.md shows is what happens.
#
# Its C program becomes demo.c, and each line of its sh blocks that begins with "$ " is run, in
# order, in a folder that looks like the clone; what follows is what it must print. Counts, speeds
# and digests may differ, and so may the property that a failing seed breaks first.
set -u

root=${SQUALL_ROOT:?SQUALL_ROOT is not set}
. "$(dirname "$0")/tap.sh"

# mask: what may differ.
mask() {
    sed -E -e 's/^(FAIL  [^ ]+) .*/\1 BROKEN/' -e 's/^      [A-Z].*\.$/      CLAIM/' \
        -e 's/digest [0-9a-f]{32}/digest D/' -e '/ seeds? /s/ +[0-9]+ / N /g' -e 's/ +/ /g'
}

# blocks LANGUAGE: the lines of its blocks.
blocks() {
    awk -v open="^\`\`\`$1\$" '$0 ~ open { inside = 1; next } /^```/ { inside = 0 } inside' \
        "$root/README.md"
}

run() { # COMMAND, with what it must print in the file want
    (cd "$work/clone" && eval "$1") >"$work/got" 2>"$work/err"
    diff <(mask <"$work/want") <(mask <"$work/got") >"$work/diff"
    report $? "$1" "$work/diff" "$work/err"
}

mkdir "$work/clone"
ln -s "$root"/* "$work/clone"
blocks c >"$work/clone/demo.c"
blocks sh >"$work/script"

command=
while IFS= read -r line; do
    case $line in
    '$ '*)
        [ -z "$command" ] || run "$command"
        command=${line#\$ }
        : >"$work/want"
        ;;
    *) echo "$line" >>"$work/want" ;;
    esac
    # This test is part of that one.
    [ "$command" != "./squall test" ] || command=
done <"$work/script"
[ -z "$command" ] || run "$command"

check "there were commands" test "$number" -ge 5
finish
