# variant.sh - builds Squall once more, with another compiler, optimisation or sanitizer.
#
# For tests to source. A variant lies in $SQUALL_BUILD/variants and is built again only where
# sources have changed; two tests that want the same one wait for each other.

: "${SQUALL_ROOT:?is not set}" "${SQUALL_BUILD:?is not set}"

# variant_folder COMPILER TYPE SANITIZE: where it lies. SANITIZE may be empty.
variant_folder() {
    echo "$SQUALL_BUILD/variants/$1-$2${3:+-$3}" | tr 'A-Z,' 'a-z-'
}

# variant_build COMPILER TYPE SANITIZE TARGET...: false if it cannot be built, and says why.
variant_build() {
    local folder compiler=$1 type=$2 sanitize=$3
    folder=$(variant_folder "$compiler" "$type" "$sanitize")
    shift 3
    mkdir -p "$folder"
    (
        flock 9
        [ -e "$folder/build.ninja" ] || cmake -S "$SQUALL_ROOT" -B "$folder" -G Ninja \
            -DCMAKE_C_COMPILER="$compiler" -DCMAKE_BUILD_TYPE="$type" \
            -DSQUALL_SANITIZE="$sanitize" >"$folder/variant.log" 2>&1 &&
            ninja -C "$folder" "$@" >"$folder/variant.log" 2>&1 || {
            tail -n 40 "$folder/variant.log" | sed 's/^/# /'
            exit 1
        }
    ) 9>"$folder/lock"
}

# variant_squall FOLDER ARGUMENT...: its squall, which keeps failing seeds in a folder of its own.
variant_squall() {
    local folder=$1
    shift
    rm -rf "$folder/failures"
    SQUALL_BUILD=$folder "$folder/squall" "$@"
}
