#!/bin/bash
# faults_doc_test.sh - docs/faults.md is what the catalogue prints, and no row from F01 to F50 is
# missing.
set -u

squall=${SQUALL:?SQUALL is not set}
root=${SQUALL_ROOT:?SQUALL_ROOT is not set}
page=$root/docs/faults.md
. "$(dirname "$0")/tap.sh"

# current PAGE: it is what is printed.
current() {
    diff -u "$1" <("$squall" list faults --markdown) | head -n 20 | sed 's/^/# /'
    [ "${PIPESTATUS[0]}" -eq 0 ]
}

# whole PAGE: each row stands in it once, with nine columns, and none besides.
whole() {
    diff <(grep -oE '^\| F[0-9]+ ' "$1" | tr -d '| ') <(printf 'F%02d\n' {1..50}) &&
        ! grep -E '^\| F' "$1" | grep -vqE '^(\|[^|]+){9}\|$'
}

# listed: as text, too.
listed() {
    diff <("$squall" list faults | grep -oE '^F[0-9]+') <(printf 'F%02d\n' {1..50})
}

# stale PAGE: another odd is seen.
stale() {
    ! current <(sed '0,/512, 2621/s//512, 2622/' "$1") >/dev/null
}

check "docs/faults.md is current (squall list faults --markdown)" current "$page"
check "every fault stands in it once" whole "$page"
check "and in what is listed" listed
check "a page that is not current is told" stale "$page"

finish
