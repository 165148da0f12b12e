#!/bin/bash
# lint_test.sh - every source as the formatter breaks it, and nothing that the linter objects to.
# ctest: timeout=600
#
# The analyzer takes minutes, so it runs in lint_deep_test.sh only. Both demand that a planted slip
# is found: a linter that cannot read its configuration says nothing and ends well.
set -u

root=${SQUALL_ROOT:?SQUALL_ROOT is not set}
build=${SQUALL_BUILD:?SQUALL_BUILD is not set}
deep=${LINT_DEEP-}
. "$(dirname "$0")/tap.sh"
version="version 1[4-9]"

for tool in clang-format clang-tidy; do
    $tool --version 2>/dev/null | grep -q "$version" && continue
    skip_all "$tool is not installed"
done

sources() {
    find wal sim faults properties scenarios cmd tests -name "$1" | sort
}

# tidy CHECKS FILE...: what the linter finds; CHECKS is added to those of .clang-tidy.
tidy() {
    local checks=$1
    shift
    [ -n "$deep" ] || checks="$checks,-clang-analyzer-*"
    printf '%s\n' "$@" | xargs -P "$(nproc)" -n 1 \
        clang-tidy -p "$build" --quiet --config-file="$root/.clang-tidy" --checks="$checks" 2>&1 |
        grep -E '(error|warning): ' | sort -u
}

cd "$root" || exit 1
sources '*.[ch]' | xargs clang-format --dry-run -Werror 2>&1 |
    grep -oE '^[^:]+:[0-9]+:[0-9]+: error' | cut -d : -f 1 | sort | uniq -c |
    sed 's/^ *\([0-9]*\) \(.*\)/\2: the formatter would change \1 places/' >"$work/found"
none_found "the formatter changes nothing"

# shellcheck disable=SC2046
{
    tidy "" $(sources '*.c' | grep -v '^tests/')
    # 2 * BLOCK as an offset is no risk where every number is written down. And the analyzer does
    # not know that a failed cmocka assertion does not return, so it objects to paths that a test
    # has just ruled out; the tests run under the sanitizers instead.
    tidy "-bugprone-implicit-widening-of-multiplication-result,-clang-analyzer-*" tests/*.c
} >"$work/found"
none_found "the linter objects to nothing"

printf 'int planted(void);\nint planted(void) {\n  return (int)sizeof(sizeof(int));\n}\n' \
    >"$work/planted.c"
cp "$root/.clang-format" "$work"
: >"$work/found"
clang-format --dry-run -Werror "$work/planted.c" 2>/dev/null && echo "no formatter" >"$work/found"
tidy "" "$work/planted.c" | grep -q 'sizeof-expression' || echo "no linter" >>"$work/found"
none_found "planted slips are found"

finish
