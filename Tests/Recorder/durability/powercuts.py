"""Power cuts on Larder's own workload, and the controls that must be seen to fail."""

import itertools
import json
import random
import shutil
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator

import log
from suite import HERE, IGNORED, Ended, Failure, Row, Scratch, Suite

PART = "power-cuts"
PAGE = 4096
LONG = 30_000
# How many images of a moment are tried at most, in the long and in the short run: all up to the first number, otherwise the second.
EXHAUSTIVE = (256, 64)
SAMPLES = (400, 25)


# How many images of a first cut are gone on with, in the long and in the short run.
CUT_AGAIN = (40, 4)

# The options of a process, or of several at once.
Phase = tuple[str, ...] | tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Case:
    name: str
    # What is recorded, one phase after another.
    phases: tuple[Phase, ...]
    # What ran before the recording; it counts as durable.
    base: tuple[tuple[str, ...], ...] = (("--lanes", "3", "--transactions", "15", "--steps", "6"),)
    must: str = "hold"
    faults: str = ""
    check: tuple[str, ...] = ()
    units: str = "4096,512"
    # Images in the long and in the short run.
    images: tuple[int, int] = (LONG, 300)
    # What runs on images of the first cut, before the power is cut again; then only those second images are checked.
    afterwards: tuple[Phase, ...] = ()
    # Recorded with the worker in which a guard of the protocol is left out.
    broken: bool = False
    # Whether commits must be seen to write pages that lie side by side.
    side_by_side: bool = False


def cases() -> Iterator[Case]:
    lone = ("--lanes", "1", "--transactions", "30")
    group = ("--lanes", "4", "--transactions", "12", "--steps", "10")
    backups = ("--lanes", "2", "--transactions", "8", "--backups", "plain:ROOT/plain,compacting:ROOT/compacted")
    yield Case("creation", ((), ("--lanes", "1", "--transactions", "2")), base=())
    yield Case("one writer", (lone,))
    yield Case("group commits, and caches made, raised and dropped", (group,))
    yield Case("a store's life: made, written, opened again", ((), lone, group, lone), base=())
    yield Case("backups", (backups,))
    wide = ("--first-lane", "200", "--lanes", "4", "--transactions", "200")
    one_wide = ("--first-lane", "200", "--lanes", "1", "--transactions", "400")
    # Its images are large.
    yield Case("pages written side by side", (one_wide,), base=(wide,), images=(4_000, 300), side_by_side=True)
    other = ("--first-lane", "4", "--lanes", "3", "--transactions", "12")
    yield Case("two processes at once", ((group, other),))
    yield Case(
        "a cut while going on after a cut", (group,), afterwards=(("--lanes", "2", "--transactions", "2", "--steps", "3"),))
    yield Case(
        "a cut while a creation goes on after a cut", (("--lanes", "1", "--transactions", "1"),), base=(),
        afterwards=(("--lanes", "1", "--transactions", "2"),))
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
    # Few tears of a word do harm: those of a meta page.
    yield Case("control: tears of 8 bytes", (lone,), must="fail", units="8", images=(2_000, 900))
    yield Case(
        "control: no flush, and the guard that notices removed", ((*lone, "--durability", "rebuildable"),), must="fail",
        check=("--forget-mark", "1"), images=small)
    yield Case(
        "control: relaxed, held to full durability", ((*lone, "--durability", "relaxed"),), must="fail", images=small)
    # On a slow disk, so that what is acknowledged too early is so before it is flushed, whatever else the machine does.
    yield Case(
        "control: a build that acknowledges before it commits", (group,), must="fail", faults="sync:1+:slow", images=small, broken=True)


def run(suite: Suite) -> Iterator[Row]:
    wanted = [case for case in cases() if suite.wants(PART, case.name)]
    with ThreadPoolExecutor(suite.jobs) as pool:
        yield from pool.map(lambda case: cut(suite, case), wanted)


def options_of(phase: tuple[str, ...], scratch: Scratch) -> list[str]:
    return [option.replace("ROOT", str(scratch.root)) for option in phase]


def cut(suite: Suite, case: Case) -> Row:
    started = time.monotonic()
    row = tried(suite, case)
    row.seconds = time.monotonic() - started
    return row


def tried(suite: Suite, case: Case) -> Row:
    row = Row(PART, case.name, case.must, unit="images")
    worker = suite.broken("ACKNOWLEDGEMENT", "PowerCutWorker") if case.broken else suite.worker
    if worker is None:
        row.skipped = "no such program was built (--broken ACKNOWLEDGEMENT=DIRECTORY)"
        return row
    with suite.fresh() as scratch:
        for phase in case.base:
            if wrong := scratch.write(*options_of(phase, scratch)).wrong:
                row.failures.append(Failure(wrong, suite.replay(PART, case.name)))
                return row
        if wrong := record(scratch, case, case.phases, worker):
            row.failures.append(Failure(wrong, suite.replay(PART, case.name)))
        elif case.side_by_side and (wrong := scattered(scratch.log)):
            row.failures.append(Failure(wrong, suite.replay(PART, case.name)))
        elif case.afterwards:
            cut_again(suite, case, scratch, row)
        else:
            enumerate_images(suite, case, scratch, row, case.images[suite.short])
    return row


def record(scratch: Scratch, case: Case, phases: tuple[Phase, ...], worker: str) -> str:
    """Runs the phases under the recorder; what is there already, with its marks, counts as durable and acknowledged. Returns what is wrong."""
    marks = Path(scratch.marks)
    if marks.exists() and marks.stat().st_size > 0:
        # In the log, so that the checker knows of them.
        marks.rename(scratch.path / "before")
        scratch.run("mark", scratch.marks, str(scratch.path / "before"), recorded=True, log=True)
    for phase in phases:
        processes = phase if phase and isinstance(phase[0], tuple) else (phase,)

        def run(options: tuple[str, ...]) -> Ended:
            return scratch.write(*options_of(options, scratch), recorded=True, log=True, faults=case.faults, worker=worker)

        with ThreadPoolExecutor(len(processes)) as pool:
            for ended in pool.map(run, processes):
                if ended.wrong:
                    return ended.wrong
    return ""


def scattered(path: Path) -> str:
    """Counts in how many places commits write that lie more than 16 pages from each other. Empty if those of the second half do in 5.4 at most on the
    average: with 30 seeds it was 3.4 to 4.8, and with 20 of a build that puts no pages in order 6.1 to 8.0."""
    commits: list[list[int]] = [[]]
    for entry in log.read(path)[1]:
        if entry.kind == log.WRITE and len(entry.payload) >= PAGE and not entry.has(log.BASE):
            commits[-1].append(entry.argument // PAGE)
        elif entry.kind == log.SYNC and commits[-1]:
            commits.append([])
    places = [1 + sum(b - a > 16 for a, b in itertools.pairwise(sorted(commit))) for commit in commits if len(commit) > 8]
    mean = statistics.mean(places[len(places) // 2 :])
    return "" if mean <= 5.4 else f"in the end commits write in {mean:.1f} places"


def cut_again(suite: Suite, case: Case, scratch: Scratch, row: Row) -> None:
    """Takes some images of a power cut, goes on with each under the recorder, and cuts the power again."""
    count = CUT_AGAIN[suite.short]
    first = scratch.path / "first"
    first.mkdir()
    collect = f"{sys.executable} {HERE / 'durability' / 'collect.py'} {first}"
    code, _, error = powercut(
        suite, scratch, ["--checker", collect, "--units", "4096", "--exhaustive", "1", "--samples", "4", "--images", str(4 * count)])
    images = sorted(first.iterdir())
    random.Random(suite.seed).shuffle(images)
    if code != 0 or not images:
        row.failures.append(Failure(error or "no images of the first cut", suite.replay(PART, case.name)))
    for image in images[:count]:
        with suite.fresh() as next_scratch:
            shutil.copytree(image / "root", next_scratch.root, dirs_exist_ok=True)
            shutil.copy(image / "marks", next_scratch.marks)
            if wrong := record(next_scratch, case, case.afterwards, suite.worker):
                row.failures.append(Failure(f"after {image.name}: {wrong}", suite.replay(PART, case.name)))
            else:
                enumerate_images(suite, case, next_scratch, row, case.images[suite.short] // count)


def powercut(suite: Suite, scratch: Scratch, options: list[str]) -> tuple[int, str, str]:
    command = [sys.executable, str(HERE / "powercut"), str(scratch.log), "--tree", str(scratch.root), "--seed", str(suite.seed), "--json"]
    for name in IGNORED:
        command += ["--ignore", name]
    done = subprocess.run(command + options, env=suite.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return done.returncode, done.stdout, done.stderr.strip()[-300:]


def enumerate_images(suite: Suite, case: Case, scratch: Scratch, row: Row, count: int) -> None:
    checker = " ".join([suite.worker, "check", *case.check])
    # A control looks at few images of many moments: most moments would show nothing.
    few = suite.short or case.must == "fail"
    sampling = ["--exhaustive", str(EXHAUSTIVE[few]), "--samples", str(SAMPLES[few])]
    code, output, error = powercut(
        suite, scratch, ["--checker", checker, "--units", case.units, "--images", str(count), *sampling])
    if code not in (0, 1):
        row.must = "hold"
        row.failures.append(Failure(error, suite.replay(PART, case.name)))
        return
    report = json.loads(output)
    row.tried += report["images"]
    row.notes["moments"] = row.notes.get("moments", 0) + report["moments"]
    found = report["failures"]
    row.notes["failed images"] = (
        row.notes.get("failed images", 0) + report["failures_before_first_acknowledgement"] + report["failures_after"])
    kept = suite.kept / f"{PART}-{case.name.split(':')[0].replace(' ', '-')}-{scratch.path.name}"
    if found and case.must == "hold":
        # The order of threads is not in the seed, so the log is kept: it replays the image exactly.
        kept.mkdir(parents=True, exist_ok=True)
        shutil.copy(scratch.log, kept / "log")
    for failure in found[:10]:
        replay = (
            f"LARDER_WORKLOAD_SEED={suite.seed} python3 Tests/Recorder/powercut {kept / 'log'} --checker '{checker}' "
            f"--units {case.units} --seed {suite.seed} {' '.join(sampling)} --ignore lock.mdb --ignore writer.lock {failure['replay']}")
        row.failures.append(Failure(failure["reason"], replay if case.must == "hold" else ""))
