#!/bin/bash
# man_test.sh - the manual pages say what there is: every command, option and function, no others.
#
# The same comparisons are run over pages that lack something, or say too much, and must object.
set -u

root=${SQUALL_ROOT:?SQUALL_ROOT is not set}
walctl=${WALCTL:?WALCTL is not set}
cc=${CC:-cc}
. "$(dirname "$0")/tap.sh"

objects() { # COMMAND...: it fails
    ! "$@" >/dev/null 2>&1
}

# What walctl says of itself: "command" and "command --option=ARG", a line each.
helped() {
    local command
    "$walctl" --help | sed -n '/^Commands/,/^$/ s/^  \([a-z-]\{1,\}\) .*/\1/p' >"$work/commands"
    while read -r command; do
        echo "$command"
        "$walctl" "$command" --help | grep -oE '^ +(-., )?--[a-z-]+(\[?=[A-Z]+\]?)?' |
            sed -E "s/^ +(-., )?/$command /" | grep -vE -- ' --(help|usage|version)$'
    done <"$work/commands" | LC_ALL=C sort
}

# The same of a page.
written() { # PAGE
    awk '
        /^\.It Cm / { command = $3; print command }
        /^\.It Fl -/ {
            option = "-" $3
            if ($4 == "Ns") option = option $5 $8
            print command " -" option
        }' "$1" | sed 's/---/--/' | LC_ALL=C sort
}

commands_agree() { # PAGE
    helped >"$work/helped"
    [ "$(wc -l <"$work/helped")" -ge 10 ] && diff "$work/helped" <(written "$1")
}

functions_agree() { # PAGE
    diff "$root/wal/libwal.symbols" <(sed -n 's/^\.It Fn \([a-z_]*\)$/\1/p' "$1" | LC_ALL=C sort)
}

# Each constant that a page names is one.
constants_agree() { # PAGE
    local name
    grep -oE '\bWAL_[A-Z_]+' "$1" | sort -u | while read -r name; do
        grep -qE "(X\(|define |^ *)$name\b" "$root"/wal/{err,version}.h "$root"/wal/log/log.h ||
            echo "$name: there is none"
    done >"$work/errors"
    [ ! -s "$work/errors" ] || { cat "$work/errors" && return 1; }
}

example_compiles() {
    sed -n '/^\.Sh EXAMPLES/,/^\.Ed/ { /^\.[A-Z]/!p }' "$1" | sed 's/\\e/\\/g' >"$work/example.c"
    grep -q main "$work/example.c" &&
        "$cc" -std=c11 -Wall -Wextra -Werror -fsyntax-only -I"$root" "$work/example.c"
}

well_formed() { # PAGE
    if command -v mandoc >/dev/null; then
        mandoc -T lint -W warning "$1"
    elif command -v man >/dev/null; then
        man --warnings -E UTF-8 -Tutf8 -Z -l "$1" 2>&1 >/dev/null | tee "$work/warnings"
        [ ! -s "$work/warnings" ]
    fi
}

# page FILE SED: a page edited so.
page() {
    sed "$2" "$root/docs/man/$1" >"$work/$1"
    if cmp -s "$root/docs/man/$1" "$work/$1"; then echo "# '$2' changes nothing in $1"; fi
    echo "$work/$1"
}

if command -v mandoc >/dev/null || command -v man >/dev/null; then
    for file in walctl.1 libwal.3; do
        check "$file is well-formed" well_formed "$root/docs/man/$file"
    done
    check "a page that is not is found" objects well_formed "$(page walctl.1 '/^\.El/d')"
else
    echo "# skipped: whether the pages are well-formed: neither mandoc nor man is installed"
fi
check "walctl.1 has the commands and options that --help has" \
    commands_agree "$root/docs/man/walctl.1"
check "a missing option is found" objects commands_agree "$(page walctl.1 '/^\.It Fl -quiet/d')"
check "one too many is found" \
    objects commands_agree "$(page walctl.1 's/^\.It Fl -quiet/&\n.It Fl -loud/')"
check "a missing command is found" objects commands_agree "$(page walctl.1 '/^\.It Cm stat/d')"
check "another argument is found" objects commands_agree "$(page walctl.1 's/Ar LSN/Ar N/')"
check "libwal.3 has every public function" functions_agree "$root/docs/man/libwal.3"
check "a missing function is found" objects functions_agree "$(page libwal.3 '/Fn wal_sync$/d')"
check "libwal.3 names constants that there are" constants_agree "$root/docs/man/libwal.3"
check "one that is not is found" \
    objects constants_agree "$(page libwal.3 's/WAL_END/WAL_ENDED/')"
check "its example compiles" example_compiles "$root/docs/man/libwal.3"

finish
