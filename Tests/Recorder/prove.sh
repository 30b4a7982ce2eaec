#!/bin/sh
# Proves the recorder and the enumerator on plain LMDB: what LMDB promises must
# hold, and what cannot hold must be seen to fail. One line each; exits non-zero
# if anything is not as it must be.
set -u

here=$(cd "$(dirname "$0")" && pwd)
build=$here/.build
work=$(mktemp -d "$([ -d /dev/shm ] && echo /dev/shm || echo "${TMPDIR:-/tmp}")/prove-XXXXXX") || exit 70
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

wrong=0
images=0

fresh() {
    rm -rf "$work/root" "$work/log" "$work/log.control" "$work/marks" "$work/output"
    mkdir "$work/root"
}

# recorded FAULTS TRANSACTIONS MODE CREATION
recorded() {
    LD_PRELOAD=$build/recorder.so LARDER_RECORDER_DIRECTORY=$work/root LARDER_RECORDER_LOG=$work/log \
        LARDER_RECORDER_MARK=$work/marks LARDER_RECORDER_FAULTS=$1 \
        "$build/workload" "$work/root" "$work/marks" "$2" "$3" "$4" >>"$work/output" 2>&1
}

# cut CHECKER-OPTIONS OPTIONS...: the verdict into $verdict, how many into $said.
cut() {
    checker="$build/checker $1"
    shift
    python3 "$here/powercut" "$work/log" --checker "$checker" --ignore lock.mdb --json --tree "$work/root" "$@" >"$work/report" 2>"$work/errors"
    case $? in
    0) verdict=holds ;;
    1) verdict=fails ;;
    *) verdict=broken; cat "$work/errors" >&2 ;;
    esac
    said=$(sed -n 's/.*"images": \([0-9]*\), "failures_before_first_acknowledgement": \([0-9]*\), "failures_after": \([0-9]*\),.*/\1 images, \2 and \3 failures before and after the first acknowledgement/p' "$work/report")
    images=$((images + ${said%% *}))
}

verdict_line() {
    if [ "$verdict" = "$1" ]; then mark=ok; else mark=WRONG wrong=$((wrong + 1)); fi
    printf '%-5s %-6s %s: %s\n' "$mark" "$verdict" "$2" "$said"
}

# row MUST NAME FAULTS MODE CREATION CHECKER-OPTIONS OPTIONS...
row() {
    must=$1 name=$2 faults=$3 mode=$4 creation=$5 options=$6
    shift 6
    fresh
    recorded "$faults" 40 "$mode" "$creation" || { cat "$work/output"; }
    cut "$options" "$@"
    verdict_line "$must" "$name"
}

fresh
LD_PRELOAD=$build/recorder.so LARDER_RECORDER_DIRECTORY=$work/root LARDER_RECORDER_LOG=$work/log \
    "$build/calls" "$work/root" "$work/outside" >"$work/output" 2>&1 || { cat "$work/output"; wrong=1; }
if python3 "$here/powercut" "$work/log" --tree "$work/root"; then
    echo "ok    holds  every recorded call: the log leads to what is there"
else
    echo "WRONG fails  every recorded call: the log does not lead to what is there"
    wrong=1
fi

row holds "full durability" "" full directory "" --forgive-before-first
row holds "full durability, created under another name and linked" "" full linked ""
row holds "one flush a commit, which may lose the last" "" nometasync linked --may-lose
row fails "control: created as LMDB does it" "" full plain ""
row fails "control: one flush a commit, held to full durability" "" nometasync linked ""
row fails "control: no flush" "" nosync directory --may-lose --forgive-before-first
row fails "control: a flush that lies" "sync:5+:lie" full directory --may-lose --forgive-before-first
row fails "control: tears below a sector" "" full directory "" --forgive-before-first --units 8

# The same run with a fault at every place; what it leaves must hold all the same.
every() {
    name=$1 counted=$2 action=$3
    fresh
    recorded "" 6 full linked
    number=$(python3 "$here/powercut" --counts "$work/log.control" | awk -v name="$counted" '$1 == name { print $2 }')
    verdict=holds bad='' total=0 ended=0 k=1
    while [ "$k" -le "$number" ]; do
        fresh
        recorded "${counted%s}:$k:$action" 6 full linked || ended=$((ended + 1))
        # Whoever comes next goes on, after a kill and after giving up.
        again "$k"
        all=$verdict
        cut "" --exhaustive 24 --samples 10 --images 200 --seed "$k"
        total=$((total + ${said%% *}))
        if [ "$verdict" = holds ]; then verdict=$all; else bad="$bad $k" verdict=fails; fi
        k=$((k + 1))
    done
    said="$number places, $ended runs ended by it, $total images${bad:+, failing at$bad}"
    verdict_line holds "$name"
}

again() {
    recorded "" 6 full linked || { bad="$bad $1(again)"; verdict=fails; tail -n 1 "$work/output" >&2; }
}

every "killed after every write" writes kill
every "killed after every sync" syncs kill
every "EIO at every write" writes EIO
every "EIO at every write, after it was done" writes EIO-late
every "ENOSPC at every write" writes ENOSPC
every "a short write at every write" writes short
every "EIO at every sync" syncs EIO

echo "$images images, $wrong rows not as they must be"
[ "$wrong" = 0 ]
