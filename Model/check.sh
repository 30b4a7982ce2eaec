#!/bin/sh
# Checks the models of Larder's protocols exhaustively with spin: the protocols
# and their variants must hold, and every mutation must be caught. One line each;
# exits non-zero if anything is not as it must be.
#
#   Model/check.sh           about five minutes on one core, under 1.5 GB
#   Model/check.sh --long    the larger sizes too: about fifteen minutes, under 4 GB
#   Model/check.sh NAME...   only the rows whose name contains one of the words
set -u

model=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d) || exit 70
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

long=false
if [ "${1:-}" = --long ]; then long=true; shift; fi
words=$*

if ! command -v spin >/dev/null; then
    case $(uname -s) in
    Darwin) brew install spin ;;
    *)
        as_root=$([ "$(id -u)" = 0 ] || echo sudo)
        $as_root apt-get update -qq
        $as_root apt-get install -y --no-install-recommends spin >/dev/null
        ;;
    esac || {
        echo "spin is missing and could not be installed" >&2
        exit 69
    }
fi

selected() {
    [ -z "$words" ] && return 0
    for word in $words; do
        case $1 in *"$word"*) return 0 ;; esac
    done
    return 1
}

wrong=0
ran=0

# Which model the next rows are about.
file=two_tiers.pml

# check MUST NAME FLAGS...: MUST is "holds" or "caught".
check() {
    must=$1 name=$2
    shift 2
    selected "$name" || return 0
    ran=$((ran + 1))
    rm -rf "$work/run"
    mkdir "$work/run"
    if ! (cd "$work/run" && spin -a "$@" "$model/$file" &&
        ${CC:-cc} -O2 -w -DSAFETY -DCOLLAPSE -DMEMLIM=4000 -o pan pan.c) >"$work/build" 2>&1; then
        cat "$work/build" >&2
        verdict="does not build" states=0 seconds=0 megabytes=0
    else
        (cd "$work/run" && ./pan -m1000000) >"$work/log" 2>&1
        states=$(awk '/states, stored/ { print $1; exit }' "$work/log")
        seconds=$(awk '/elapsed time/ { print $4; exit }' "$work/log")
        megabytes=$(awk '/total actual memory/ { print int($1); exit }' "$work/log")
        if grep -q 'assertion violated' "$work/log"; then
            verdict=caught
        elif grep -q 'errors: 0$' "$work/log" &&
            ! grep -Eq 'Search not completed|search depth too small|out of memory' "$work/log"; then
            verdict=holds
            # A proof about statements that never ran proves nothing.
            case "$*" in
            *=0*) ;;
            *) awk '/^unreached in/ { on = 1 } on && /state [0-9]+,/ && !/-end-/' "$work/log" |
                grep -q . && verdict="holds, but not every statement was reached" ;;
            esac
        else
            verdict="not decided"
            tail -n 5 "$work/log" >&2
        fi
    fi
    if [ "$verdict" = "$must" ]; then mark=ok; else mark=WRONG wrong=$((wrong + 1)); fi
    printf '%-5s %-6s %10s states %7s s %5s MB  %s\n' \
        "$mark" "$verdict" "${states:-0}" "${seconds:-0}" "${megabytes:-0}" "$name"
}

small="-DOURS=1"
no_plain="-DOURS=2 -DPLAIN=0"
no_foreign="-DOURS=2 -DFOREIGN=0"
striped="-DSTRIPE -DREMOVE_ALL"

# The protocol.
check holds "protocol: one transaction of each kind of writer" $small
check holds "protocol: two of ours, one foreign" $no_plain
check holds "protocol: two of ours, one by a plain tool" $no_foreign
check holds "protocol: two readers, a foreign writer" $small -DPLAIN=0 -DREADERS=2
check holds "protocol: two writing threads, a foreign writer" $no_plain -DWRITERS=2
check holds "stripes and remove-all: two of ours, one foreign" $striped $no_plain
check holds "stripes and remove-all: two of ours, one by a plain tool" $striped $no_foreign
check holds "sweeping flush: one transaction of each kind of writer" -DSWEEP $small
check holds "known limit: a plain tool during a failing commit misleads only reads begun then" \
    $no_foreign -DPLAIN_DURING_FAILURE -DEXCEPT_WHILE_FAILING
check holds "redundant: populate without floor, when hits compare with it" $small -DNO_FLOOR_AT_POPULATE
check holds "redundant: install without floor, when hits compare with it" $small -DNO_FLOOR_AT_INSTALL

if $long; then
    check holds "long: protocol, two of ours and one of each other" -DOURS=2
    check holds "long: protocol, two readers, a plain tool" $small -DFOREIGN=0 -DREADERS=2
    check holds "long: protocol, two writing threads, a plain tool" $no_foreign -DWRITERS=2
    check holds "long: protocol, two foreign transactions, two failures" $small -DFOREIGN=2 -DPLAIN=0 -DFAILURES=2
    check holds "long: stripes and remove-all, one transaction of each kind" $striped $small
    check holds "long: stripes and remove-all, two readers, a foreign writer" $striped $small -DPLAIN=0 -DREADERS=2
    check holds "long: stripes and remove-all, two writing threads, a foreign writer" $striped $no_plain -DWRITERS=2
fi

# Mutations that the design names.
check caught "mutation: no pending marks" $small -DNO_PENDING_MARKS
check caught "mutation: populate without the last write" $small -DNO_LAST_WRITE_AT_POPULATE
check caught "mutation: populate without floor (sweeping flush)" -DSWEEP $small -DNO_FLOOR_AT_POPULATE
check caught "mutation: install without floor (sweeping flush)" -DSWEEP $small -DNO_FLOOR_AT_INSTALL
check caught "mutation: hit without floor" $small -DNO_FLOOR_AT_HIT
check caught "mutation: readers do not look at me_last_txnid" $small -DNO_CHECK_BY_READER
check caught "mutation: writers do not look at the last transaction" $small -DNO_CHECK_BY_WRITER
check caught "mutation: a transaction that changed nothing is published" $small -DPUBLISH_EMPTY
check caught "mutation: no lock between Larder processes" $small -DNO_PROCESS_LOCK

# Further ones.
check caught "mutation: flush sets applied before floor" $small -DAPPLIED_BEFORE_FLOOR
check caught "mutation: floor is loaded before applied" $small -DLOAD_FLOOR_FIRST
check caught "mutation: marks are a flag, not a count" $no_plain -DWRITERS=2 -DBOOLEAN_MARKS
check caught "mutation: stripes, no pending marks" $striped $small -DNO_PENDING_MARKS
check caught "mutation: stripes, populate without the last write" $striped $small -DNO_LAST_WRITE_AT_POPULATE
check caught "mutation: stripes, the entry is not dropped at its mark" $striped $small -DNO_DROP_AT_MARK
check caught "mutation: remove-all raises its floor after the commit" $striped $small -DCACHE_FLOOR_AFTER_COMMIT
check caught "mutation: hit without the floor of its cache" $striped $small -DNO_CACHE_FLOOR_AT_HIT
check caught "known limit: a plain tool commits while a commit of ours fails" $small -DPLAIN_DURING_FAILURE

# Caches in front of a source.
file=write_through.pml
check holds "source: two writes, two loads, one change past the cache"
check holds "source: three writes, one load" -DWRITERS=3 -DLOADERS=1
check caught "source mutation: no intent" -DNO_INTENT
check caught "source mutation: the intent is dropped before the commit" -DDROP_BEFORE_COMMIT
check caught "source mutation: an intent is settled before its deadline" -DSETTLE_BEFORE_DEADLINE
check caught "source mutation: the intent of a living writer is settled" -DSETTLE_OF_THE_LIVING
check caught "source mutation: a loaded value is kept without its lease" -DKEEP_WITHOUT_LEASE
check caught "source mutation: a change leaves leases alone" -DKEEP_LEASE_AT_CHANGE
check caught "source mutation: a change leaves intents alone" -DNO_OVERTAKING

# Lookups without a lock.
file=lookup.pml
check holds "lookup: two writers, two lookups"
check holds "lookup: three writes each, three lookups" -DWRITES=3 -DLOOKUPS=3
check caught "lookup mutation: the number is not compared afterwards" -DNO_VALIDATION
check caught "lookup mutation: the number is not odd while someone writes" -DNO_ODD_NUMBER
check caught "lookup mutation: a range's size is shown before its address" -DSIZE_BEFORE_ADDRESS

# Lookups without a lock that retain what they find.
file=retain.pml
check holds "retain: two writers, two threads that look up"
check holds "retain: one write each, three lookups each" -DWRITES=1 -DLOOKUPS=3
check holds "retain: three writes each, one lookup each" -DWRITES=3 -DLOOKUPS=1
check caught "retain mutation: an object goes without waiting for lookups" -DNO_AWAIT
check caught "retain mutation: lookups are awaited before the removal" -DAWAIT_BEFORE_REMOVAL
check caught "retain mutation: a section is seen later than what it reads is read" -DSECTION_SHOWN_LATE
check caught "retain mutation: a section ends before the retain" -DENDS_BEFORE_RETAINING

if [ "$ran" = 0 ]; then
    echo "no row's name contains: $words" >&2
    exit 64
fi
echo "$ran checked, $wrong not as they must be"
[ "$wrong" = 0 ]
