#!/bin/sh
# plant.sh - builds squall with a planted bug: $SQUALL_BUILD/bugs/NAME/squall.
#
# NAME is that of a patch in scenarios/bugs or tests/changes, or several with + between them, to be
# applied one after the other: a bug in a library that has changed otherwise.
#
# The library is copied and patched, and so is any other room that a patch touches; what the patch
# changed is compiled as the build does it ($SQUALL_BUILD/plant.env) and linked before the archives,
# which give the rest. Nothing is done if nothing has changed since.
set -eu

[ $# -eq 1 ] || { echo "usage: plant.sh NAME[+NAME...]" >&2; exit 2; }
name=$1
root=${SQUALL_ROOT:?SQUALL_ROOT is not set}
build=${SQUALL_BUILD:?SQUALL_BUILD is not set}
place=$build/bugs/$name

set --
for part in $(echo "$name" | tr + ' '); do
    patch=$root/scenarios/bugs/$part.patch
    [ -e "$patch" ] || patch=$root/tests/changes/$part.patch
    [ -e "$patch" ] || { echo "plant.sh: there is no patch of the name $part" >&2; exit 2; }
    set -- "$@" "$patch"
done
[ -e "$build/plant.env" ] || { echo "plant.sh: build first: no $build/plant.env" >&2; exit 3; }
# shellcheck disable=SC1091
. "$build/plant.env"
archive=$build/libwal.a

if [ -x "$place/squall" ]; then
    # shellcheck disable=SC2086
    changed=$(find "$root/wal" "$@" "$build/plant.env" "$archive" \
        $(printf '%s\n' $MAIN $LIBS | grep '^/' || true) -newer "$place/squall" ! -type d \
        -print -quit)
    [ -n "$changed" ] || exit 0
fi

rm -rf "$place"
mkdir -p "$place"
files=$(sed -n 's|^+++ b/\([^[:space:]]*\).*|\1|p' "$@" | sort -u)
for room in wal $(echo "$files" | sed 's|/.*||' | sort -u); do
    [ -e "$place/$room" ] || cp -r "$root/$room" "$place/$room"
done
cd "$place"
for patch; do patch -p1 -s --no-backup-if-mismatch <"$patch"; done

# A header reaches every file of its room; else only what was patched differs from the archives.
for room in $(echo "$files" | sed -n 's|/.*\.h$||p' | sort -u); do
    files="$files $(find "$room" -name '*.c' ! -path 'wal/host/*')"
done
files=$(printf '%s\n' $files | grep '\.c$' | sort -u)
# shellcheck disable=SC2086
printf '%s\n' $files | sed 's/\.c$//' |
    xargs -P "$(nproc)" -I{} $CC $CFLAGS -I"$place" -I"$root" -c {}.c -o {}.o
objects=$(printf '%s\n' $files | sed 's/\.c$/.o/')
# shellcheck disable=SC2086
$CC $CFLAGS -o squall.new $MAIN $objects $LIBS "$archive" $LIBS
mv squall.new squall
