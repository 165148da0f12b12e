#!/bin/sh
# plant.sh - builds squall with one planted bug: $SQUALL_BUILD/bugs/NAME/squall.
#
# The library is copied and patched; what the patch changed is compiled as the build does it
# ($SQUALL_BUILD/plant.env) and linked before the library's archive, which gives the rest. Nothing
# is done if nothing has changed since.
set -eu

[ $# -eq 1 ] || { echo "usage: plant.sh NAME" >&2; exit 2; }
name=$1
root=${SQUALL_ROOT:?SQUALL_ROOT is not set}
build=${SQUALL_BUILD:?SQUALL_BUILD is not set}
patch=$root/scenarios/bugs/$name.patch
place=$build/bugs/$name

[ -e "$patch" ] || { echo "plant.sh: there is no $patch" >&2; exit 2; }
[ -e "$build/plant.env" ] || { echo "plant.sh: build first: no $build/plant.env" >&2; exit 3; }
# shellcheck disable=SC1091
. "$build/plant.env"
archive=$build/libwal.a

if [ -x "$place/squall" ]; then
    # shellcheck disable=SC2086
    changed=$(find "$root/wal" "$patch" "$build/plant.env" "$archive" \
        $(printf '%s\n' $MAIN $LIBS | grep '^/' || true) -newer "$place/squall" ! -type d \
        -print -quit)
    [ -n "$changed" ] || exit 0
fi

rm -rf "$place"
mkdir -p "$place"
cp -r "$root/wal" "$place/wal"
cd "$place"
patch -p1 -s --no-backup-if-mismatch <"$patch"

# A header reaches every file; else only what was patched differs from the archive.
files=$(sed -n 's|^+++ b/\([^[:space:]]*\).*|\1|p' "$patch")
case " $(echo $files) " in
*.h\ *) files=$(echo wal/*.c wal/log/*.c) ;;
esac
# shellcheck disable=SC2086
printf '%s\n' $files | sed 's/\.c$//' |
    xargs -P "$(nproc)" -I{} $CC $CFLAGS -I"$place" -I"$root" -c {}.c -o {}.o
objects=$(printf '%s\n' $files | sed 's/\.c$/.o/')
# shellcheck disable=SC2086
$CC $CFLAGS -o squall.new $MAIN $objects $LIBS "$archive" $LIBS
mv squall.new squall
