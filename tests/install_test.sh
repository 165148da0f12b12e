#!/bin/bash
# install_test.sh - what is installed can be found, compiled, linked and run, and shows no more than
# it should.
#
# Everything is installed into a folder that is then moved: nothing may know where it was built.
set -u

root=${SQUALL_ROOT:?SQUALL_ROOT is not set}
build=${SQUALL_BUILD:?SQUALL_BUILD is not set}
cc=${CC:-cc}
. "$(dirname "$0")/tap.sh"

if [ ! -e "$build/package/libwal.so" ]; then
    skip_all "this build has no package (sanitized, or not built)"
fi

install_and_move() {
    cmake --install "$build" --prefix "$work/first" && mv "$work/first" "$work/prefix"
}

# ---- Headers ----

public_headers() {
    (cd "$work/prefix/include" && find . -name '*.h' | sed 's|^\./||' | sort)
}

# alone COMPILER STANDARD: each public header compiles by itself, and twice.
alone() {
    local header
    for header in $(public_headers); do
        printf '#include <%s>\n#include <%s>\n' "$header" "$header" >"$work/alone.${3:-c}"
        "$1" "-std=$2" -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -fsyntax-only \
            -I"$work/prefix/include" "$work/alone.${3:-c}" || return 1
    done
    [ -n "$header" ]
}

# Every function keeps its C name when it is called from C++.
c_names() {
    local header
    {
        for header in $(public_headers); do echo "#include <$header>"; done
        echo "typedef void any(); any *const all[] = {"
        sed 's/.*/reinterpret_cast<any *>(&),/' "$root/wal/libwal.symbols"
        echo "}; any *get(int i) { return all[i]; }"
    } >"$work/names.cc"
    g++ -std=c++11 -I"$work/prefix/include" -c "$work/names.cc" -o "$work/names.o" &&
        diff "$root/wal/libwal.symbols" <(nm -u "$work/names.o" | awk '{ print $2 }' |
            LC_ALL=C sort)
}

# ---- Symbols ----

dynamic() {
    nm -D --defined-only "$work/prefix/lib/libwal.so" |
        awk '$2 != "A" { sub("@.*", "", $3); print $3 }'
}

static() {
    nm --defined-only "$work/prefix/lib/libwal.a" 2>/dev/null |
        awk 'NF == 3 && $2 ~ /[A-Z]/ { print $3 }'
}

same_as_list() { # dynamic|static
    diff "$root/wal/libwal.symbols" <("$1" | LC_ALL=C sort)
}

# declared FOLDER: the functions in its public headers; what is static is no symbol.
declared() {
    local header
    for header in $(public_headers); do echo "#include <$header>"; done >"$work/declared.c"
    "$cc" -std=c11 -E "-I$1" "$work/declared.c" | awk '
        /^#/ { ours = $0 ~ /\/wal\//; next }
        ours' | tr '\n' ' ' | sed -E 's/typedef [^;]*;//g' |
        grep -oE '\<wal_[a-z0-9_]+\(' | tr -d '(' | LC_ALL=C sort -u
}

declared_are_listed() {
    diff "$root/wal/libwal.symbols" <(declared "$1")
}

planted_function_is_seen() {
    cp -r "$work/prefix/include" "$work/planted"
    echo 'int wal_planted(void);' >>"$work/planted/wal/version.h"
    ! declared_are_listed "$work/planted" >/dev/null
}

soname() {
    readelf -d "$work/prefix/lib/libwal.so" | grep -E 'SONAME.*\[libwal\.so\.[0-9]+\]'
}

# ---- Programs ----

says_hello() { # PROGRAM: a record in a new log, another in the same
    rm -rf "$work/demo.log"
    LD_LIBRARY_PATH=$work/prefix/lib "$1" "$work/demo.log" >"$work/said" &&
        LD_LIBRARY_PATH=$work/prefix/lib "$1" "$work/demo.log" >>"$work/said" || return 1
    cat "$work/said"
    [ "$(sed 's/^[0-9.]*: //' "$work/said")" = "ok, record 1
ok, record 2" ] && [ "$("$work/prefix/bin/walctl" dump "$work/demo.log")" = "hello
hello" ]
}

needs_libwal() { # PROGRAM
    readelf -d "$1" | grep -q 'NEEDED.*\[libwal\.so\.'
}

config() {
    PKG_CONFIG_PATH=$work/prefix/lib/pkgconfig pkg-config "$@" libwal
}

with_pkg_config() {
    # shellcheck disable=SC2046
    "$cc" -std=c11 "$root/tests/installed/installed.c" -o "$work/shared" \
        $(config --cflags --libs) && needs_libwal "$work/shared" && says_hello "$work/shared"
}

static_with_pkg_config() {
    # shellcheck disable=SC2046
    "$cc" -std=c11 "$root/tests/installed/installed.c" -o "$work/static" $(config --cflags) \
        $(config --libs --static | sed "s|-lwal |$(config --variable=libdir)/libwal.a |") &&
        ! needs_libwal "$work/static" && says_hello "$work/static"
}

with_find_package() {
    cmake -S "$root/tests/installed" -B "$work/found" -DCMAKE_C_COMPILER="$cc" \
        -DCMAKE_PREFIX_PATH="$work/prefix" && cmake --build "$work/found" &&
        needs_libwal "$work/found/with_wal" && says_hello "$work/found/with_wal" &&
        ! needs_libwal "$work/found/with_wal_static" && says_hello "$work/found/with_wal_static"
}

same_version() {
    local version
    version=$(sed -n 's/^#define WAL_LIBRARY_VERSION "\(.*\)"$/\1/p' "$root/wal/version.h")
    [ -n "$version" ] && [ "$(config --modversion)" = "$version" ] &&
        "$work/prefix/bin/walctl" --version | grep -qF "walctl $version " &&
        [ "$(sed 's/:.*//;q' "$work/said")" = "$version" ] &&
        [ -e "$work/prefix/lib/libwal.so.$version" ]
}

nothing_knows_the_tree() {
    ! grep -rlF -e "$build" -e "$work/first" "$work/prefix" --include='*.pc' --include='*.cmake'
}

manual_pages() {
    [ -s "$work/prefix/share/man/man1/walctl.1" ] && [ -s "$work/prefix/share/man/man3/libwal.3" ]
}

# Debian puts libraries into lib/x86_64-linux-gnu only under /usr; here it is lib.
check "it can be installed" install_and_move
check "each header compiles alone as C11" alone "$cc" c11
if command -v g++ >/dev/null; then
    check "each header compiles alone as C++11" alone g++ c++11 cc
    check "and as C++20" alone g++ c++20 cc
    check "C++ sees C names" c_names
else
    skip_check "headers in C++" "g++ is not installed"
fi
check "the shared library shows what libwal.symbols lists" same_as_list dynamic
check "the static library does, too" same_as_list static
check "every function in a public header is listed" declared_are_listed "$work/prefix/include"
check "one that is not would be seen" planted_function_is_seen
check "the shared library has a soname" soname
if command -v pkg-config >/dev/null; then
    check "a program is built with pkg-config" with_pkg_config
    check "and statically" static_with_pkg_config
    check "everything tells the same version" same_version
else
    skip_check "a program is built with pkg-config" "pkg-config is not installed"
fi
check "a program is built with find_package" with_find_package
check "the manual pages come with it" manual_pages
check "nothing knows where it was built" nothing_knows_the_tree

finish
