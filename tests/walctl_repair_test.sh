#!/bin/bash
#
# walctl_repair_test.sh - repair on real directories: what it says is lost is lost, and only that.
#
# $WALCTL names the program. Prints TAP; ends with 1 if anything failed.

set -u
: "${WALCTL:?names the walctl to test}"
WALCTL=$(realpath "$WALCTL")
. "$(dirname "$0")/tap.sh"
cd "$work" || exit 1

# A log of 3000 records in `log`, of which those that say "record 1500" are written over.
make_damaged() {
    local segment at
    rm -rf log
    seq -f 'record %05.0f' 1 3000 | "$WALCTL" append --quiet --segment-bytes 65536 log >/dev/null
    segment=$(grep -l 'record 01500' log/*.wal)
    at=$(grep -abo 'record 01500' "$segment" | head -n 1 | cut -d: -f1)
    printf 'X' | dd of="$segment" bs=1 seek="$at" conv=notrunc status=none
}

make_damaged
ls -l --time-style=+ log >before
"$WALCTL" repair --policy salvage log >out 2>err
[ $? -eq 1 ] && grep -q 'LSNs 1500\.\.1500' out && grep -q 'nothing was changed' out &&
    ls -l --time-style=+ log | cmp -s before -
report $? "a plan names what is lost, and changes nothing"

sha256sum log/*.wal | sed 's/\.wal$/.wal.aside/' >sums
"$WALCTL" repair --policy salvage --apply log >out 2>err &&
    grep -q '^repaired: 2999 records kept in .*, 1 lost, the last LSN is 3000' out &&
    "$WALCTL" verify log >out && "$WALCTL" dump log >out 2>err &&
    [ "$(wc -l <out)" -eq 2999 ] && ! grep -q 'record 01500' out && grep -q 'LSN 1500 is lost' err
report $? "salvage keeps all others"
sha256sum --status -c sums
report $? "the old segments are set aside, byte for byte"
"$WALCTL" dump --json --from 1500 --to 1500 log >out 2>err && grep -q '"length":0,"lost":true}' out
report $? "with --json a lost record says so"
echo 'record 03001' | "$WALCTL" append --quiet log >out 2>err && [ "$(cat out)" = 3001 ] &&
    "$WALCTL" dump log 2>err | tail -n 2 >out && [ "$(head -n 1 out)" = 'record 03000' ]
report $? "the log goes on"
"$WALCTL" repair --policy salvage --apply log >out 2>err && grep -q '^nothing is damaged' out
report $? "what is repaired needs no repair"

make_damaged
"$WALCTL" repair --policy stop --apply --json log >out 2>err &&
    grep -q '"type":"lost".*"first_lsn":1500,"last_lsn":3000}' out &&
    grep -q '"applied":true,.*"last_lsn":1499,"kept":1499,"lost":1501' out &&
    [ "$("$WALCTL" dump log | tail -n 1)" = 'record 01499' ]
report $? "stop keeps what stands before the first loss"

"$WALCTL" repair log >out 2>err
[ $? -eq 2 ] && grep -q 'policy is missing' err
report $? "the policy has to be chosen"
"$WALCTL" repair --policy some log >out 2>err
[ $? -eq 2 ] && grep -q "stop or salvage, not 'some'" err
report $? "another one is refused"
"$WALCTL" repair --policy stop nowhere >out 2>err
[ $? -eq 1 ] && grep -q 'no log is there' err
report $? "nor is there anything to repair where no log is"

finish
