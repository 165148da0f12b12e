#!/bin/bash
# law_test.sh - who may see whom: includes, what each library leaves undefined, what it keeps.
#
# The law is design, not habit: the library that meets the storm is the one that is shipped because
# it has no other way out than wal/io.h, and a run repeats because sim/ has no clock to ask. The
# last part plants violations in a room of its own and demands that they are found.
set -u

root=${SQUALL_ROOT:?SQUALL_ROOT is not set}
build=${SQUALL_BUILD:?SQUALL_BUILD is not set}
cc=${CC:-cc}
. "$(dirname "$0")/tap.sh"

# room | what it may include in quotes (a folder ends in /) | what in angle brackets (* is all)
#
# scenarios/ asks cmd/ for one thing: which known name an unknown one is nearest to.
plain="assert.h inttypes.h limits.h stdbool.h stddef.h stdint.h string.h"
include_law="
wal | wal/io.h wal/err.h wal/version.h wal/log/ wal/ship/ wal/sqlite/ | $plain \
stdatomic.h isa-l.h nmmintrin.h
wal/host | wal/io.h wal/err.h wal/host/ | *
sim | sim/ wal/io.h wal/err.h | $plain stdlib.h jemalloc/jemalloc.h sys/mman.h sys/types.h \
ucontext.h xxhash.h sanitizer/asan_interface.h sanitizer/common_interface_defs.h \
sanitizer/tsan_interface.h
faults | faults/ sim/ wal/io.h wal/err.h | $plain
properties | properties/ sim/history.h | $plain stdlib.h
scenarios | scenarios/ properties/ faults/ sim/ wal/ cmd/nearest.h | $plain isa-l.h ini.h stdlib.h \
stdarg.h stdio.h sys/types.h xxhash.h
cmd | cmd/ scenarios/ properties/ faults/ sim/ wal/ | *
tests | tests/ cmd/ scenarios/ properties/ faults/ sim/ wal/ | *"

# library | libraries whose symbols it may use | other symbols (an awk pattern for the whole name)
#
# What is not here cannot be called: no clock, no rand, no thread, no file, no printing, and from
# wal/ no malloc. Of wal/ the simulator takes only the names of errors.
compiler="_GLOBAL_OFFSET_TABLE_|__stack_chk_fail|__cpu_model|__assert_fail"
bytes="bcmp|mem(cpy|move|set|cmp|chr)|str(len|nlen|cmp|ncmp|chr|rchr)"
heap="malloc|calloc|realloc|free"
symbol_law="
wal | | $compiler|$bytes|crc32_iscsi|crc64_iso_refl
sim | | $compiler|$bytes|$heap|mallctl|mallctlbymib|mallctlnametomib|mallocx|dallocx|mmap|\
munmap|mprotect|jump_fcontext|make_fcontext|wal_err_(name|text)
faults | sim | $compiler|$bytes|wal_err_(name|text)
properties | | $compiler|$bytes|$heap
scenarios | properties faults sim wal | $compiler|$bytes|$heap|crc32_iscsi|ini_parse|nearest_name|\
qsort|bsearch|v?snprintf|strtoull?|str(c?spn)"

# include_violations ROOT: one line for each include that the law does not allow.
include_violations() {
    # shellcheck disable=SC2016
    (cd "$1" && find wal sim faults properties scenarios cmd tests -name '*.[ch]' 2>/dev/null |
        sort | xargs -r awk -v law="$include_law" '
        function trim(text) { gsub(/^ +| +$/, "", text); return text }
        function allowed(list, name,    words, count, i) {
            count = split(list, words, " ")
            for (i = 1; i <= count; i++) {
                if (words[i] == "*" || words[i] == name) return 1
                if (words[i] ~ /\/$/ && index(name, words[i]) == 1) return 1
            }
            return 0
        }
        BEGIN {
            rows = split(law, row, "\n")
            for (i = 1; i <= rows; i++) {
                if (split(row[i], cell, "|") != 3) continue
                quoted[trim(cell[1])] = cell[2]
                angle[trim(cell[1])] = cell[3]
            }
        }
        FNR == 1 {
            split(FILENAME, part, "/")
            room = part[1]
            if ((room "/" part[2]) in quoted) room = room "/" part[2]
        }
        /^[ \t]*#[ \t]*include/ {
            if (match($0, /"[^"]*"/)) list = quoted[room]
            else if (match($0, /<[^>]*>/)) list = angle[room]
            else { print FILENAME ":" FNR ": " $0 " is not plain"; next }
            name = substr($0, RSTART + 1, RLENGTH - 2)
            if (name ~ /(^|\/)\.\.\// || !allowed(list, name))
                print FILENAME ":" FNR ": " room "/ may not include " name
        }')
}

symbols() { # u|d ARCHIVE...: the symbols that are undefined, or defined for others
    if [ "$1" = u ]; then
        nm -u "${@:2}" | awk 'NF == 2 { print $2 }' | sort -u
    else
        nm --defined-only "${@:2}" | awk 'NF == 3 && $2 ~ /[A-Z]/ { print $3 }' | sort -u
    fi
}

# symbol_violations FOLDER LIBRARY: one line for each symbol that the law does not allow.
symbol_violations() {
    local row others archives=("$1/lib$2.a") library
    row=$(grep "^$2 |" <<<"$symbol_law") || { echo "the law has no row for $2"; return; }
    # shellcheck disable=SC2013
    for library in $(cut -d '|' -f 2 <<<"$row"); do archives+=("$1/lib$library.a"); done
    others=$(cut -d '|' -f 3- <<<"$row" | tr -d ' ')
    comm -23 <(symbols u "$1/lib$2.a") <(symbols d "${archives[@]}") |
        awk -v law="^($others)\$" -v room="$2" '$0 !~ law { print room " may not call " $0 }'
}

# state_violations FOLDER LIBRARY: one line for each global or static that can change.
state_violations() {
    objdump -t "$1/lib$2.a" | awk -v room="$2" '
        /\.data\.rel\.ro/ { next }
        / \.(data|bss|tdata|tbss)/ && $NF !~ /^\./ { print room " keeps state in " $NF }'
}

check_symbols() {
    local library
    if symbols u "$build/libwal.a" | grep -qE '^__(asan|ubsan|tsan)_'; then
        echo "# sanitized build: undefined symbols are not looked at"
        return
    fi
    for library in wal sim faults properties scenarios; do
        symbol_violations "$build" "$library" >"$work/found" 2>&1
        none_found "lib$library calls only what it may"
        state_violations "$build" "$library" >"$work/found" 2>&1
        none_found "lib$library keeps no state of its own"
    done
}

# planted FILE PATTERN TEXT: a file that breaks the law is found, and said so in these words.
planted_include() {
    rm -rf "$work/tree"
    mkdir -p "$work/tree/$(dirname "$1")"
    printf '%s\n' "$3" >"$work/tree/$1"
    include_violations "$work/tree" >"$work/found"
    grep -q "$2" "$work/found"
    report $? "a planted '$3' in $1 is found" "$work/found"
}

# plant LIBRARY TEXT: in a folder of its own the library is made of this text alone.
plant() {
    rm -rf "$work/plant"
    mkdir "$work/plant"
    cp "$build"/lib{wal,sim,faults,properties,scenarios}.a "$work/plant"
    rm "$work/plant/lib$1.a"
    echo "$2" >"$work/plant/planted.c"
    "$cc" -fno-builtin -c "$work/plant/planted.c" -o "$work/plant/planted.o" 2>"$work/found" &&
        ar rc "$work/plant/lib$1.a" "$work/plant/planted.o"
}

# planted_call LIBRARY SYMBOL: a library that calls this is found.
planted_call() {
    plant "$1" "void $2(void); void planted(void); void planted(void) { $2(); }" &&
        symbol_violations "$work/plant" "$1" >"$work/found"
    [ "$(cat "$work/found")" = "$1 may not call $2" ]
    report $? "a planted call of $2 in lib$1 is found" "$work/found"
}

# planted_state LIBRARY TEXT: a library with such a variable is found.
planted_state() {
    plant "$1" "$2" && state_violations "$work/plant" "$1" >"$work/found"
    [ "$(cat "$work/found")" = "$1 keeps state in planted" ]
    report $? "a planted '$2' in lib$1 is found" "$work/found"
}

include_violations "$root" >"$work/found"
none_found "includes name only rooms that may be seen"
check_symbols
planted_include wal/log/planted.c 'wal/ may not include sim/disk.h' '#include "sim/disk.h"'
planted_include wal/log/planted.c 'wal/ may not include wal/host/host.h' \
    '#include "wal/host/host.h"'
planted_include wal/planted.h 'wal/ may not include stdio.h' '#include <stdio.h>'
planted_include wal/host/planted.c 'wal/host/ may not include wal/log/log.h' \
    '#include "wal/log/log.h"'
planted_include sim/planted.c 'sim/ may not include wal/log/log.h' '#  include "wal/log/log.h"'
planted_include sim/planted.c 'sim/ may not include time.h' '#include <time.h>'
planted_include faults/planted.c 'faults/ may not include properties/' \
    '#include "properties/model.h"'
planted_include properties/planted.c 'properties/ may not include sim/disk.h' \
    '#include "sim/disk.h"'
planted_include scenarios/planted.c 'scenarios/ may not include cmd/squall.h' \
    '#include "cmd/squall.h"'
planted_include tests/planted.c 'may not include ../sim/disk.h' '#include "../sim/disk.h"'
for symbol in malloc pthread_create printf clock_gettime write __errno_location; do
    planted_call wal "$symbol"
done
for symbol in rand clock_gettime getrandom pthread_create time wal_open; do
    planted_call sim "$symbol"
done
planted_call faults wal_append
planted_call properties sim_decide
planted_call scenarios printf
planted_state wal 'int planted;'
planted_state sim 'int planted = 1;'
planted_state scenarios '_Thread_local int planted;'

finish
