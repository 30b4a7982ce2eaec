"""Calls fail: each at every place, and a full disk, a read-only one, and too few descriptors."""

import errno
import os
import shutil
import subprocess
from collections import Counter
from typing import Iterator

from suite import Ended, Failure, Row, Scratch, Suite

PART = "faults"
IO_ERROR, NO_SPACE = os.strerror(errno.EIO), os.strerror(errno.ENOSPC)
MANY_FILES, READ_ONLY = os.strerror(errno.EMFILE), os.strerror(errno.EROFS)
NO_MEMORY = os.strerror(errno.ENOMEM)
NO_MOUNT = "mounting a file system is not allowed here"
# The counter of the recorder, the fault, and what the error's cause may say.
FAULTS = {
    "EIO at a write": ("writes", "write:K:EIO", IO_ERROR),
    "EIO at a write, after it was done": ("writes", "write:K:EIO-late", IO_ERROR),
    "ENOSPC at a write": ("writes", "write:K:ENOSPC", NO_SPACE),
    "ENOSPC at a write and all after it": ("writes", "write:K+:ENOSPC", NO_SPACE),
    "a short write": ("writes", "write:K:short", f"{IO_ERROR},{NO_SPACE}"),
    "EIO at a sync": ("syncs", "sync:K:EIO", IO_ERROR),
    "EIO at a sync and all after it": ("syncs", "sync:K+:EIO", IO_ERROR),
    "EIO at a change of size": ("truncations", "truncate:K:EIO", IO_ERROR),
    "ENOSPC at a change of size": ("truncations", "truncate:K:ENOSPC", NO_SPACE),
    "EMFILE at an open": ("opens", "open:K:EMFILE", MANY_FILES),
    "ENOMEM at an allocation": ("allocations", "memory:K:ENOMEM", NO_MEMORY),
    "ENOMEM at an allocation and all after it": ("allocations", "memory:K+:ENOMEM", NO_MEMORY),
    "EIO at a change of a directory": ("directory_operations", "directory:K:EIO", IO_ERROR),
    "ENOSPC at a change of a directory": ("directory_operations", "directory:K:ENOSPC", NO_SPACE),
}
SHORT = ["EIO at a write", "ENOSPC at a write", "a short write", "EIO at a sync", "EMFILE at an open", "ENOMEM at an allocation"]
SHORT_SHARED = ["EIO at a write", "EIO at a sync"]
REBUILDABLE = ("--durability", "rebuildable")


def run(suite: Suite) -> Iterator[Row]:
    for name, (counter, fault, causes) in FAULTS.items():
        for there in (True, False):
            case = name + ("" if there else ", from the creation on")
            if suite.wants(PART, case) and (not suite.short or (there and name in SHORT)):
                yield every_place(suite, case, counter, fault, causes, there)
        case = name + ", under a shared commit"
        if suite.wants(PART, case) and (not suite.short or name in SHORT_SHARED):
            yield every_place(suite, case, counter, fault, causes, True, ("--lanes", "4"))
        case = name + ", in a store that is not flushed"
        if suite.wants(PART, case) and not suite.short:
            yield every_place(suite, case, counter, fault, causes, False, REBUILDABLE)
    if suite.wants(PART, "a full disk"):
        yield full_disk(suite)
    if suite.wants(PART, "a read-only disk"):
        yield read_only(suite)
    if suite.wants(PART, "descriptors exhausted"):
        yield descriptors(suite)


def fault_run(scratch: Scratch, suite: Suite, causes: str, *options: str, **how: object) -> Ended:
    size = ("--transactions", "2", "--steps", "2") if suite.short else ("--transactions", "15", "--steps", "10")
    return scratch.run(
        "fault-run", scratch.store, scratch.marks, *size, "--backup", str(scratch.root / "backup"), "--causes", causes, *options, **how)


def every_place(
    suite: Suite, case: str, counter: str, fault: str, causes: str, there: bool, options: tuple[str, ...] = ()
) -> Row:
    row = Row(PART, case, unit="faults")
    errors: Counter[str] = Counter()
    with suite.fresh() as base:
        if there:
            base.write("--lanes", "1", "--transactions", "8")
        with suite.fresh() as counting:
            counting.adopt(base)
            ended = fault_run(counting, suite, causes, *options, recorded=True)
            number = counting.counts()[counter]
        if ended.status != 0:
            row.failures.append(Failure(f"without a fault: {ended.last}", suite.replay(PART, case)))

        def one(k: int) -> None:
            with suite.fresh() as scratch:
                scratch.adopt(base)
                ended = fault_run(scratch, suite, causes, *options, recorded=True, faults=fault.replace("K", str(k)))
                row.tried += 1
                errors.update(line.split()[1] for line in ended.output.splitlines() if line.startswith("error "))
                wrong = "" if ended.status == 0 else ended.last
                mode = REBUILDABLE if REBUILDABLE == options else ()
                wrong = wrong or scratch.check("--machine-stayed-up", "1", *mode)
                if wrong:
                    row.failures.append(Failure(f"k = {k}: {wrong}", suite.replay(PART, case, k)))

        suite.each(one, suite.places(number))
    row.notes = {"errors": dict(sorted(errors.items()))}
    return row


def mounted(scratch: Scratch, *mount: str) -> tuple[str, ...] | None:
    """A prefix that runs a command with a file system of its own over the watched directory; `None` where that is not allowed."""
    script = "; ".join(mount) + '; exec "$@"'
    # Root may mount in a name space of its own; elsewhere anyone may be root in one.
    for unshare in (("unshare", "--mount"), ("unshare", "--user", "--map-root-user", "--mount")):
        if shutil.which("unshare") and subprocess.run(
            [*unshare, "mount", "-t", "tmpfs", "none", str(scratch.root)], stderr=subprocess.DEVNULL).returncode == 0:
            return (*unshare, "sh", "-ec", script, "sh")
    return None


def full_disk(suite: Suite) -> Row:
    row = Row(PART, "a full disk", unit="sizes")
    for size in ([1_500] if suite.short else range(600, 3_000, 100)):
        with suite.fresh() as scratch:
            prefix = mounted(scratch, f"mount -t tmpfs -o size={size}k none '{scratch.root}'")
            if prefix is None:
                row.skipped = NO_MOUNT
                return row
            ended = scratch.run("fill-disk", scratch.store, prefix=prefix)
            row.tried += 1
            if ended.status != 0:
                row.failures.append(Failure(f"{size} KiB: {ended.last}", suite.replay(PART, row.name)))
    return row


def read_only(suite: Suite) -> Row:
    row = Row(PART, "a read-only disk", unit="runs")
    with suite.fresh() as scratch:
        scratch.write("--lanes", "1", "--transactions", "3")
        prefix = mounted(scratch, f"mount --bind '{scratch.root}' '{scratch.root}'", f"mount -o remount,ro,bind '{scratch.root}'")
        if prefix is None:
            row.skipped = NO_MOUNT
            return row
        ended = fault_run(scratch, suite, READ_ONLY, prefix=prefix)
        row.tried = 1
        wrong = ended.last if ended.status != 0 else "" if "error " in ended.output else "nothing failed"
        wrong = wrong or scratch.check()
        if wrong:
            row.failures.append(Failure(wrong, suite.replay(PART, row.name)))
    return row


def descriptors(suite: Suite) -> Row:
    row = Row(PART, "descriptors exhausted", unit="limits")
    errors: Counter[str] = Counter()
    for limit in range(0, 12):
        with suite.fresh() as scratch:
            scratch.write("--lanes", "1", "--transactions", "3")
            ended = fault_run(scratch, suite, MANY_FILES, "--descriptors", str(limit))
            errors.update(line.split()[1] for line in ended.output.splitlines() if line.startswith("error "))
            row.tried += 1
            wrong = ("" if ended.status == 0 else ended.last) or scratch.check()
            if wrong:
                row.failures.append(Failure(f"{limit} descriptors: {wrong}", suite.replay(PART, row.name)))
    row.notes = {"errors": dict(sorted(errors.items()))}
    return row
