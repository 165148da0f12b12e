#!/bin/bash
# regress_test.sh - reproducers on the command line: shrink, replay, regress; also where runs die.
# ctest: timeout=300
#
# Runs that kill, hang or overrun their process cannot be had from a scenario: such bugs are planted
# in a copy of one file of the library.
set -u

root=${SQUALL_ROOT:?SQUALL_ROOT is not set}
build=${SQUALL_BUILD:?SQUALL_BUILD is not set}
squall=${SQUALL:?SQUALL is not set}
. "$(dirname "$0")/tap.sh"
cd "$work" || exit 1

says() { # PATTERN: in what was printed last
    grep -qE "$1" out err || { echo "# expected /$1/"; false; }
}

operations() { # FILE: how many it has
    sed -n '/^\[operations\]/,/^\[decisions\]/p' "$1" | grep -c '^[0-9]'
}

at_most() { # MAX FILE
    [ "$(operations "$2")" -le "$1" ] || { echo "# $(operations "$2") operations"; false; }
}

# ---- Reproducers ----

mkdir -p own && export SQUALL_BUILD=$work/own

check "a failing seed is shrunk" ends_with 1 "$squall" shrink canary:3 -o canary.repro --json json
check "to few operations" at_most 4 canary.repro
check "and says what it needs" says '^  F40 fsync-lies +needed: without it all holds$'
check "in JSON, too" grep -qE '^\{"type":"shrunk","scenario":"canary",.*"complete":true,.*\}$' json
check "the reproducer replays" ends_with 1 "$squall" replay canary.repro
check "breaking the same property" says '^FAIL  canary.repro  durability: '
check "it can be shrunk again" ends_with 1 "$squall" shrink canary.repro -o again.repro
check "and is as small as before" cmp <(grep -v '^;' canary.repro) <(grep -v '^;' again.repro)
check "it can be traced" ends_with 1 "$squall" replay canary.repro --trace
check "what holds is not shrunk" ends_with 0 "$squall" shrink everything:1 -o no.repro
check "and leaves no file" test ! -e no.repro
check "a token that is none is refused" ends_with 125 "$squall" shrink canary
check "so is a file that is not there" ends_with 125 "$squall" replay none.repro

sed 's/ F40 fdatasync 0 / F40 fdatasync 1 /' canary.repro >moved.repro
check "a decision that is never asked for is stale" ends_with 125 "$squall" replay moved.repro
check "and named" says 'stale: a decision was never asked for: .* F40 fdatasync 1 = 1$'
check "a neighbour still fails" ends_with 1 "$squall" replay --neighbours moved.repro
check "and says which" says 'a neighbour that fails: .* F40 fdatasync 1 = 1, by -1'
sed 's/ F40 fdatasync 0 / F40 fdatasync 50 /' canary.repro >far.repro
check "a decision far away has none" ends_with 125 "$squall" replay --neighbours far.repro
check "shrinking what is stale ends alike" ends_with 125 "$squall" shrink far.repro -o no.repro
line=$(grep -n ' F40 fdatasync 0 ' canary.repro | cut -d: -f1)
sed 's/ F40 fdatasync 0 / F40 fdatasyng 0 /' canary.repro >bad.repro
check "a malformed one is refused" ends_with 125 "$squall" replay bad.repro
check "with file and line" says "bad.repro:$line: "

# ---- A folder of them ----

mkdir folder && cp canary.repro folder
check "a reproducer that fails is not green" ends_with 1 "$squall" regress folder
check "and says so" says '^FAIL  folder/canary.repro: durability: '
rm folder/* && cp bad.repro folder
check "a malformed one is not green" ends_with 1 "$squall" regress folder
check "and says where" says "bad.repro:$line: "
rm folder/* && cp far.repro folder
check "a stale one is not green" ends_with 1 "$squall" regress folder --json json
check "and says so in JSON" grep -q '"stale":"a decision was never asked for: .*"green":false' json
rm folder/*
check "an empty folder is green" ends_with 0 "$squall" regress folder
check "a folder that is not there is refused" ends_with 2 "$squall" regress nowhere

check "the tree's reproducers and their neighbours hold" \
    ends_with 0 "$squall" regress --neighbours --without-mutants

# ---- Planted bugs ----

if [ ! -e "$build/plant.env" ]; then
    skip_check "planted bugs" "there is no plant.env in $build"
    finish
fi

export SQUALL_BUILD=$build
check "a find is kept" ends_with 0 "$squall" bugs no-checksum --trials 1 --keep planted
check "with the bug's name" grep -qx 'bug = no-checksum' planted/no-checksum.repro
check "it is green while the mutant fails" ends_with 0 "$squall" regress planted
sed -i '/^\[decisions\]/,/^\[milestones\]/{/^op\|^start/d}' planted/no-checksum.repro
check "without its decisions it is not" ends_with 1 "$squall" regress planted
check "since it no longer bites" says 'STALE .*with the bug no-checksum it no longer fails'
export SQUALL_BUILD=$work/own

# specimen NAME STATEMENT: squall with a library that does this when three records come at once.
specimen() {
    mkdir -p "$1/wal/log"
    sed "s/^    uint32_t need = 0;\$/&\n    $2/" "$root/wal/log/append.c" >"$1/wal/log/append.c"
    ! cmp -s "$1/wal/log/append.c" "$root/wal/log/append.c" || return 1
    # shellcheck disable=SC1091,SC2086
    (
        . "$build/plant.env"
        $CC $CFLAGS -Wno-error -I"$root" -o "$1/squall" $MAIN "$1/wal/log/append.c" $LIBS \
            "$build/libwal.a" $LIBS
    )
}

# dies NAME STATEMENT WHAT WHY: it is shrunk, and fails so.
dies() {
    check "$3 is planted" specimen "$1" "$2"
    check "$3 is shrunk" ends_with 1 "$1/squall" shrink "everything:$seed" -o "$1.repro" --for 30s
    check "$3: to few operations" at_most 2 "$1.repro"
    check "$3: the reproducer says why" grep -qE "^why = $4" "$1.repro"
    check "$3: and it replays" ends_with 1 "$1/squall" replay "$1.repro"
    check "$3: as what it was" says "worker: $4"
    check "$3: and holds with our log" ends_with 0 "$squall" replay "$1.repro"
}

check "an assertion is planted" specimen finder 'assert(count < 3);'
ends_with 1 finder/squall run everything --seeds 1..500 --images 2 --stop-at-first
seed=$(sed -n 's/^FAIL  everything:\(0x[0-9a-f]*\) .*/\1/p' out | head -n 1)
check "and met" test -n "$seed"
sanitized='(killed by SIG|the process ended)'
dies asserts 'assert(count < 3);' "an assertion" "$sanitized"
dies faults '*(volatile char *)(count < 3 ? \&need : (void *)8) = 0;' "a bad address" "$sanitized"
# Only where three come: what a frame calls that is always larger than the stack lies behind the
# guard.
deep='if (count > 2) { volatile char *deep = __builtin_alloca(300000);'
deep+=' for (int at = 300000; at > 0; at -= 4096) deep[at - 1] = 1; }'
dies overruns "$deep" "a stack overrun" "$sanitized"
dies spins 'for (volatile int spin = 1; count > 2 \&\& spin == 1;) {}' "a loop" 'no progress'
check "an interrupt ends the search" ends_with 1 timeout --preserve-status -s INT 4 \
    spins/squall shrink "everything:$seed" -o interrupted.repro --for 60s
check "and says so" says ' runs in [0-9.]+ s, interrupted$'
check "what there is by then is written" ends_with 1 spins/squall replay interrupted.repro

finish
