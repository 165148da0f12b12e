#!/bin/bash
#
# walctl_row_test.sh - rows in and out of a log as JSON: nothing is lost, what is wrong is shown.
#
# $WALCTL names the program. Prints TAP; ends with 1 if anything failed.

set -u
: "${WALCTL:?names the walctl to test}"
WALCTL=$(realpath "$WALCTL")
. "$(dirname "$0")/tap.sh"
cd "$work" || exit 1

append() {
    "$WALCTL" append --rows --quiet "$@" >out 2>err
}

# ---- Round trips ----

# comes_back WHAT < rows: dump prints the same lines, and appending those gives the same bytes.
comes_back() {
    rm -rf log again
    cat >rows
    append log <rows && "$WALCTL" dump --rows log >out 2>err && cmp -s rows out &&
        append again <rows && "$WALCTL" dump log >first && "$WALCTL" dump again | cmp -s first - &&
        [ "$("$WALCTL" dump log | head -c 4)" = ROW1 ]
    report $? "$1"
}

comes_back "each type comes back as it was written" <<'END'
[]
[null,true,false]
[0,-1,9223372036854775807,-9223372036854775808]
[9223372036854775808,18446744073709551615]
[{"type":"i16","value":-32768},{"type":"i32","value":2147483647},{"type":"u64","value":0}]
[0.1,-0.0,1.0,1e+308,4.94065645841247e-324,1.7976931348623157e+308,1.2345678901234568e+17]
[{"type":"float","value":"inf"},{"type":"float","value":"-inf"}]
[{"type":"float","value":"nan:7ff4000000000001"}]
["","text with \"quotes\", \\ and \n","Grüße 世界 🌍","\u0000\u001f"]
[{"type":"timestamp","value":"1970-01-01T00:00:00.000000000Z"}]
[{"type":"timestamp","value":"1969-12-31T23:59:59.999999999Z"}]
[{"type":"timestamp","value":"1677-09-21T00:12:43.145224192Z"}]
[{"type":"timestamp","value":"2262-04-11T23:47:16.854775807Z"}]
[{"type":"timestamp","value":"2000-02-29T12:00:00.500000000Z"}]
[{"type":"timestamp","value":"1900-03-01T00:00:00.000000000Z"}]
[{"type":"decimal","value":"-7.9228162514264337593543950335"}]
[{"type":"decimal","value":"0.10"},{"type":"decimal","value":"-0"},{"type":"decimal","value":"100"}]
[{"type":"uuid","value":"00112233-4455-6677-8899-aabbccddeeff"}]
[{"type":"bytes","value":""},{"type":"bytes","value":"AA=="},{"type":"bytes","value":"AAH/"}]
[{"type":"bytes","value":"/+8="}]
[{"type":"json","value":" {\"a\": [1, \"\\u00e9\"]} "}]
[{"type":"floats","value":[]},{"type":"floats","value":[0.5,"inf",-0.0,"nan:fff8000000000000"]}]
END

reads_as() { # WHAT, LINE, WANT: what one may write in another way is printed in ours
    rm -rf log
    append log <<<"$2" && "$WALCTL" dump --rows log >out && [ "$(cat out)" = "$3" ]
    report $? "$1"
}

reads_as "spaces and escapes do not matter" \
    ' [ 1 , "\u00e9\uD83D\uDE00\/" , { "type" : "text" , "value" : "a" } ] ' \
    '[1,"é😀/","a"]'
reads_as "a fraction or exponent makes a float" '[1e3,-0,1E-2]' '[1000.0,0,0.01]'
reads_as "a time needs no fraction" '[{"type":"timestamp","value":"2024-02-29T00:00:00Z"}]' \
    '[{"type":"timestamp","value":"2024-02-29T00:00:00.000000000Z"}]'

"$WALCTL" dump --rows --json log >out 2>err && grep -q '"length":17,"row":\[{"type":"timestamp"' out
report $? "with --json the row stands beside time and place"

# ---- What is wrong ----

refused() { # COLUMN, PATTERN, LINE: the line after two good ones is refused, and those are kept
    rm -rf log
    printf '[1]\n[2]\n%s\n[4]\n' "$3" | append log
    [ $? -eq 1 ] && grep -qE "^walctl append: line 3, column $1: .*$2" err &&
        [ "$(wc -l <err)" -eq 1 ] && [ "$("$WALCTL" dump --rows log)" = '[1]
[2]' ]
    report $? "refused: $3"
}

refused 1 "the beginning of a row" '{"a":1}'
refused 1 "the line ends where" ''
refused 3 "the line ends where ',' or ']'" '[1'
refused 4 "expected a value" '[1,]'
refused 4 "expected ',' or ']'" '[1 2]'
refused 4 "the end of the line" '[1]x'
refused 3 "expected ',' or ']'" '[01]'
refused 4 "a digit" '[1.]'
refused 2 "does not fit 64 bits" '[18446744073709551616]'
refused 2 "does not fit 64 bits" '[-9223372036854775809]'
refused 2 "too large for a float" '[1e999]'
refused 2 "an array needs a type" '[[1]]'
refused 3 "\"type\": and then" '[{"value":1}]'
refused 10 "there is no type 'int'" '[{"type":"int","value":1}]'
refused 24 "32768 is not an i16" '[{"type":"i16","value":32768}]'
refused 24 "-1 is not a u64" '[{"type":"u64","value":-1}]'
refused 28 "a decimal like" '[{"type":"decimal","value":"79228162514264337593543950336"}]'
refused 28 "a decimal like" '[{"type":"decimal","value":"1."}]'
refused 30 "a time like" '[{"type":"timestamp","value":"2023-02-29T00:00:00Z"}]'
refused 30 "a time like" '[{"type":"timestamp","value":"2262-04-11T23:47:16.854775808Z"}]'
refused 25 "a uuid" '[{"type":"uuid","value":"0"}]'
refused 26 "base64" '[{"type":"bytes","value":"AB=="}]'
refused 25 "one JSON value" '[{"type":"json","value":"{"}]'
refused 6 "half of a surrogate" '["äöü\ud800"]'
refused 4 "the string's end" '["a'
refused 4 "behind the backslash" '["\x"]'
refused 3 "not UTF-8" "$(printf '["\xff"]')"
refused 3 "a control character" "$(printf '["\t"]')"

rm -rf log
printf '[1]\n' | append log
printf 'hello\n' | "$WALCTL" append --quiet log >out 2>err
! "$WALCTL" dump --rows log >out 2>err && [ "$(cat out)" = "[1]" ] &&
    grep -q '^walctl dump: LSN 2 is not a row: byte 0 of 5$' err
report $? "a record that is not a row is said to be none"

rm -rf log
{ printf '["'; head -c 100000 /dev/zero | tr '\0' x; printf '"]\n'; } >rows
! append --segment-bytes 65536 log <rows && grep -q 'larger than the log' err
report $? "a row over the limit is refused as such"

finish
