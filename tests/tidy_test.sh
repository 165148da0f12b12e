#!/bin/bash
# tidy_test.sh - the measures of the house: lengths, heads, names, sentences, sizes.
#
# Each rule is a function that prints a line for every place that breaks it. The same functions are
# run over a tree in which every rule is broken once, and must say so.
set -u

root=${SQUALL_ROOT:?SQUALL_ROOT is not set}
squall=${SQUALL:?SQUALL is not set}
. "$(dirname "$0")/tap.sh"

# files PATTERN: what is tracked or would be, below the current directory.
files() {
    if git rev-parse --git-dir >/dev/null 2>&1; then
        git ls-files -co --exclude-standard -- "$1" | sort -u | while read -r file; do
            [ -f "$file" ] && echo "$file"
        done
    else
        find . -path ./build -prune -o -path ./.git -prune -o -type f -print | sed 's|^\./||' |
            grep -E "$(sed 's/\./\\./g; s/\*/.*/g' <<<"$1")\$" | sort
    fi
}

text_files() {
    { files '*.[ch]' && files '*.sh' && files '*.ini' && files CMakeLists.txt && files squall &&
        files .ci/run && files '*.js' && files '*.css' && files '*.html'; } | sort -u
}

lines_fit() {
    # A value in a scenario file is one line, so those may be longer.
    text_files | grep -v '\.ini$' | xargs -r awk '
        length($0) > 100 { print FILENAME ":" FNR ": " length($0) " columns, 100 are allowed" }'
}

lines_end() {
    text_files | xargs -r awk '
        /[ \t\r]$/ { print FILENAME ":" FNR ": ends in white space" }
        /\t/ { print FILENAME ":" FNR ": has a tab" }'
}

functions_fit() {
    files '*.[ch]' | xargs -r awk '
        /^[a-zA-Z_].*\(/ && !/;$/ { head = FNR }
        /^\{$/ { start = head ? head : FNR }
        /^\}$/ && start {
            if (FNR - start + 1 > 70)
                print FILENAME ":" start ": a function of " FNR - start + 1 " lines, 70 are allowed"
            start = head = 0
        }'
}

files_fit() {
    files '*.[ch]' | xargs -r awk '
        FNR == 601 { print FILENAME ": more than 600 lines" }'
}

heads_say_the_name() {
    files '*.[ch]' | while read -r file; do
        [ "$(sed -n 1p "$file")" = '/*' ] &&
            sed -n 2p "$file" | grep -qF " * ${file##*/} - " || echo "$file: line 2 is not its name"
    done
    { files '*.sh' && files squall; } | while read -r file; do
        sed -n 1,3p "$file" | grep -qF "# ${file##*/} - " || echo "$file: its head lacks its name"
    done
}

names_are_unique() {
    files '*.[ch]' | sed 's|.*/||' | sort | uniq -d | sed 's/$/: several files have this name/'
}

guards_say_the_name() {
    files '*.h' | while read -r file; do
        guard=$(tr 'a-z.' 'A-Z_' <<<"${file##*/}")
        grep -qE "^#ifndef ([A-Z]+_)*$guard\$" "$file" || echo "$file: no guard made of its name"
    done
}

nothing_is_put_off() {
    text_files | xargs -r grep -nwE 'TO''DO|FIX''ME|X''XX' /dev/null
}

no_machine_is_named() {
    text_files | xargs -r grep -nE '["'"'"' =(](/wo''rk|/ro''ot|/ho''me|/fa''rm)(/|\b)' /dev/null
}

files_are_small() {
    files '*' | while read -r file; do
        size=$(wc -c <"$file")
        [ "$size" -le 65536 ] || echo "$file: $size bytes, 65536 are allowed"
    done
}

# Which table a fault, property, scenario or bug is in decides whether it is ever used.
properties_are_listed() {
    files 'properties/*.c' |
        xargs -r sed -n 's/^const struct property \(property_[a-z_]*\) = .*/\1/p' |
        while read -r name; do
            grep -qE "^ *&$name,\$" properties/suite.c || echo "$name: not in properties_all"
        done
}

listed() { # KIND PATTERN SUFFIX: each file that matches is listed
    "$squall" list "$1" >"$work/list" || echo "list $1 fails"
    files "$2" | while read -r file; do
        name=$(basename "$file" "$3")
        grep -q "^$name " "$work/list" || echo "$file: squall list $1 does not know it"
    done
}

sentences_end() {
    for kind in scenarios faults properties bugs; do
        "$squall" list "$kind" | awk -v kind="$kind" '
            NF < 2 && NR == 1 { next }
            { sub(/ \([a-z ]*\)$/, "") }
            !/\.$/ { print "squall list " kind ": no full stop: " $0 }'
    done
}

rules="lines_fit lines_end functions_fit files_fit heads_say_the_name names_are_unique
    guards_say_the_name nothing_is_put_off no_machine_is_named files_are_small
    properties_are_listed"

# A tree that breaks every rule once, in a file that has the rule's name.
plant_all() {
    mkdir -p "$work/tree/properties" "$work/tree/sim"
    cd "$work/tree" || exit 1
    plant() { # FILE: a good head, and what comes on standard input
        { printf '/*\n * %s - planted\n */\n' "$1" && cat; } >"${2-}$1"
    }
    printf '// %0100d\n' 0 | plant lines_fit.c
    echo "int x; " | plant lines_end.c
    { echo "void f(void)" && echo "{" && yes '    g();' | sed 69q && echo "}"; } |
        plant functions_fit.c
    yes '' | sed 598q | plant files_fit.c
    echo '/* other.c - planted */' >heads_say_the_name.c
    plant names_are_unique.c </dev/null
    plant names_are_unique.c sim/ </dev/null
    printf '#ifndef OTHER_H\n#endif\n' | plant guards_say_the_name.h
    echo "// TO""DO: all of it" | plant nothing_is_put_off.c
    echo 'char *p = "/wo''rk/main";' | plant no_machine_is_named.c
    yes "$(printf '%099d' 0)" | sed 656q | plant files_are_small.c
    echo 'const struct property property_lost = {' | plant properties_are_listed.c properties/
    plant suite.c properties/ </dev/null
}

cd "$root" || exit 1
for rule in $rules; do
    $rule >"$work/found"
    none_found "${rule//_/ }"
done
{ listed scenarios 'scenarios/*.ini' .ini && listed bugs 'scenarios/bugs/*.patch' .patch; } \
    >"$work/found"
none_found "scenarios and bugs are listed"
sentences_end >"$work/found"
none_found "sentences end"

(plant_all)
cd "$work/tree" || exit 1
for rule in $rules; do
    case $rule in properties_are_listed) sign=property_lost ;; *) sign=$rule ;; esac
    if $rule | grep -q "$sign"; then : >"$work/found"; else echo "$sign" >"$work/found"; fi
    none_found "a planted breach of '${rule//_/ }' is found"
done

finish
