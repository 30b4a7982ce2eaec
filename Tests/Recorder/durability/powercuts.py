"""Power cuts on Larder's own workload, and the controls that must be seen to fail."""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator

from suite import HERE, IGNORED, Failure, Row, Scratch, Suite

PART = "power-cuts"
LONG = 20_000
# How many images of a moment are tried at most, in the long and in the short run: all up to the first number, otherwise the second.
EXHAUSTIVE = (256, 64)
SAMPLES = (400, 25)


@dataclass(frozen=True)
class Case:
    name: str
    # The processes that are recorded, one after another: the options of each.
    phases: tuple[tuple[str, ...], ...]
    # What ran before the recording; it counts as durable.
    base: tuple[tuple[str, ...], ...] = (("--lanes", "3", "--transactions", "15", "--steps", "6"),)
    must: str = "hold"
    faults: str = ""
    check: tuple[str, ...] = ()
    units: str = "4096,512"
    # Images in the long and in the short run.
    images: tuple[int, int] = (LONG, 300)
    # Recorded with the worker in which a guard of the protocol is left out.
    broken: bool = False


def cases() -> Iterator[Case]:
    lone = ("--lanes", "1", "--transactions", "30")
    group = ("--lanes", "4", "--transactions", "12", "--steps", "10")
    backups = ("--lanes", "2", "--transactions", "8", "--backups", "plain:ROOT/plain,compacting:ROOT/compacted")
    yield Case("creation", ((), ("--lanes", "1", "--transactions", "2")), base=())
    yield Case("one writer", (lone,))
    yield Case("group commits, and caches made, raised and dropped", (group,))
    yield Case("a store's life: made, written, opened again", ((), lone, group, lone), base=())
    yield Case("backups", (backups,))
    for name in ("relaxed", "rebuildable"):
        durability = ("--durability", name)
        yield Case(
            f"{name}: any earlier state, and everything synced", ((*group, *durability, "--sync", "1"),), check=durability)
    yield Case(
        "rebuildable, kept if it verifies: each record is whole", ((*group, "--durability", "rebuildable-verify"),),
        check=("--durability", "rebuildable-verify", "--only-whole", "1"))
    small = (1_000, 150)
    yield Case("control: syncs that lie", (lone,), must="fail", faults="sync:1+:lie", images=small)
    yield Case("control: a creation whose syncs lie", ((), lone), base=(), must="fail", faults="sync:1+:lie", images=small)
    yield Case("control: tears of 8 bytes", (lone,), must="fail", units="8", images=small)
    yield Case(
        "control: no flush, and the guard that notices removed", ((*lone, "--durability", "rebuildable"),), must="fail",
        check=("--forget-mark", "1"), images=small)
    yield Case(
        "control: relaxed, held to full durability", ((*lone, "--durability", "relaxed"),), must="fail", images=small)
    yield Case(
        "control: a build that acknowledges before it commits", (group,), must="fail", images=small, broken=True)


def run(suite: Suite) -> Iterator[Row]:
    for case in cases():
        if suite.wants(PART, case.name):
            yield cut(suite, case)


def options_of(phase: tuple[str, ...], scratch: Scratch) -> list[str]:
    return [option.replace("ROOT", str(scratch.root)) for option in phase]


def cut(suite: Suite, case: Case) -> Row:
    row = Row(PART, case.name, case.must, unit="images")
    worker = suite.broken("ACKNOWLEDGEMENT", "PowerCutWorker") if case.broken else suite.worker
    if worker is None:
        row.skipped = "no such program was built (--broken ACKNOWLEDGEMENT=DIRECTORY)"
        return row
    with suite.fresh() as scratch:
        for phase in case.base:
            ended = scratch.write(*options_of(phase, scratch))
            if ended.status != 0:
                row.failures.append(Failure(ended.last, suite.replay(PART, case.name)))
                return row
        # What was acknowledged before the recording is marked in it, so that the checker knows of it.
        before = Path(scratch.marks).read_text() if case.base else ""
        Path(scratch.marks).unlink(missing_ok=True)
        first = True
        for phase in case.phases:
            if first and before:
                seeded = scratch.path / "before"
                seeded.write_text(before)
                scratch.run("mark", scratch.marks, str(seeded), recorded=True, log=True)
            first = False
            ended = scratch.write(
                *options_of(phase, scratch), recorded=True, log=True, faults=case.faults, worker=worker)
            if ended.status != 0:
                row.failures.append(Failure(ended.last, suite.replay(PART, case.name)))
                return row
        enumerate_images(suite, case, scratch, row)
    return row


def enumerate_images(suite: Suite, case: Case, scratch: Scratch, row: Row) -> None:
    checker = " ".join([suite.worker, "check", *case.check])
    command = [
        sys.executable, str(HERE / "powercut"), str(scratch.log), "--tree", str(scratch.root), "--checker", checker,
        "--units", case.units, "--seed", str(suite.seed), "--images", str(case.images[suite.short]), "--json",
    ]
    for name in IGNORED:
        command += ["--ignore", name]
    sampling = ["--exhaustive", str(EXHAUSTIVE[suite.short]), "--samples", str(SAMPLES[suite.short])]
    command += sampling
    done = subprocess.run(command, env=suite.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode not in (0, 1):
        row.must = "hold"
        row.failures.append(Failure(done.stderr.strip()[-300:], suite.replay(PART, case.name)))
        return
    report = json.loads(done.stdout)
    row.tried = report["images"]
    row.notes = {"moments": report["moments"]}
    found = report["failures"]
    row.notes["failed images"] = report["failures_before_first_acknowledgement"] + report["failures_after"]
    for failure in found[:10]:
        row.failures.append(Failure(failure["reason"], ""))
    if found and case.must == "hold":
        # The order of threads is not in the seed, so the log is kept: it replays the image exactly.
        kept = suite.kept / f"{PART}-{case.name.split(':')[0].replace(' ', '-')}"
        kept.mkdir(parents=True, exist_ok=True)
        shutil.copy(scratch.log, kept / "log")
        for failure, entry in zip(row.failures, found):
            failure.replay = (
                f"python3 Tests/Recorder/powercut {kept / 'log'} --checker '{checker}' --units {case.units} "
                f"--seed {suite.seed} {' '.join(sampling)} "
                f"--ignore lock.mdb --ignore writer.lock {entry['replay']}")
