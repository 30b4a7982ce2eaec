"""Enumerates what a power cut could leave of a recorded run, and has each image checked.

    python3 Tests/Recorder/powercut LOG --checker COMMAND
    python3 Tests/Recorder/powercut --counts CONTROL
"""

import argparse
import json
import random
import shlex
import shutil
import sys
import tempfile
import time
from collections import Counter
from fnmatch import fnmatch
from pathlib import Path
from typing import Iterator

from checker import Checker, Image
from disk import Disk, Unrecordable
from images import Point
from log import BASE, DURABLE_ON_RETURN, MARK, SYNC, WRITE, Damaged, Record, counts, read

EX_USAGE, EX_DATAERR, EX_NOINPUT = 64, 65, 66


class Run:
    """A walk through the log, at the moments that matter.

    What is pending only grows until something becomes durable, so the images of any moment are among those of the last
    moment before that. The power therefore goes right before each sync takes effect, while each write that is durable on
    return is under way, at each acknowledgement, and at the end.
    """

    def __init__(self, root: int, records: list[Record], unit: int, ignored: list[str]) -> None:
        self.disk = Disk(root, unit, ignored)
        self.records = records
        self.acknowledged = 0
        self.issued = 0
        self.marks: list[str] = []

    def points(self) -> Iterator[Point]:
        for record in self.records:
            base = record.has(BASE)
            if record.kind == SYNC:
                yield Point(self.disk)
            self.disk.apply(record)
            if record.kind == WRITE and record.has(DURABLE_ON_RETURN) and not base:
                yield Point(self.disk)
            self.disk.complete(record)
            if record.kind == MARK and self._mark(record):
                yield Point(self.disk)
        yield Point(self.disk)

    def _mark(self, record: Record) -> bool:
        acknowledged = False
        for line in record.payload.decode(errors="replace").splitlines():
            self.marks.append(line)
            word, _, number = line.partition(" ")
            if word == "issued" and number.isdecimal():
                self.issued = max(self.issued, int(number))
            elif word == "acked" and number.isdecimal():
                self.acknowledged = max(self.acknowledged, int(number))
                acknowledged = True
        return acknowledged


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="powercut", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("log", type=Path, help="a recorder's log, or with --counts its control file")
    parser.add_argument("--counts", action="store_true", help="print what a control file has counted, and end")
    parser.add_argument("--checker", help="the command that checks a batch of images")
    parser.add_argument("--units", default="4096,512", help="bytes that are written whole (default 4096,512)")
    parser.add_argument("--exhaustive", type=int, default=256, help="try all images of a moment up to this many (256)")
    parser.add_argument("--samples", type=int, default=50, help="otherwise about this many of them (50)")
    parser.add_argument("--images", type=int, default=0, help="about so many in all, moments picked by the seed (0: all)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--ignore", action="append", default=[], metavar="GLOB", help="names of files to leave out")
    parser.add_argument("--work", type=Path, help="where images are built (default: /dev/shm if there is one)")
    parser.add_argument("--batch", type=int, default=64, help="images a checker gets at once (64)")
    parser.add_argument("--timeout", type=float, default=60, help="seconds a checker may take for a batch (60)")
    parser.add_argument("--forgive-before-first", action="store_true", help="failures before the first acknowledgement do not count")
    parser.add_argument("--tree", type=Path, help="first compare what the log leads to with this directory, byte for byte")
    parser.add_argument("--only", metavar="UNIT:POINT:IMAGE", help="this image alone")
    parser.add_argument("--keep", type=Path, help="keep a copy of each image here, as it was before its check")
    parser.add_argument("--json", action="store_true", help="report as JSON")
    return parser.parse_args()


def choices_of(point: Point, unit: int, number: int, options: argparse.Namespace) -> list[tuple[int, ...]]:
    return point.choices(options.exhaustive, options.samples, random.Random(f"{options.seed}:{unit}:{number}"))


def picked(root: int, records: list[Record], unit: int, share: int, options: argparse.Namespace) -> set[int] | None:
    """The moments to try so that about `share` images result; None for all."""
    if not share:
        return None
    weights = []
    for point in Run(root, records, unit, options.ignore).points():
        weights.append(point.total if point.total <= options.exhaustive else options.samples)
    order = list(range(len(weights)))
    random.Random(f"{options.seed}:{unit}").shuffle(order)
    result: set[int] = set()
    for number in order:
        if share <= 0:
            break
        share -= weights[number]
        result.add(number)
    return result


def enumerate_images(root: int, records: list[Record], checker: Checker, options: argparse.Namespace) -> int:
    units = [int(unit) for unit in options.units.split(",")]
    only = tuple(int(part) for part in options.only.split(":")) if options.only else None
    moments = 0
    for unit in units:
        if only and unit != only[0]:
            continue
        selection = {only[1]} if only else picked(root, records, unit, options.images // len(units), options)
        run = Run(root, records, unit, options.ignore)
        for number, point in enumerate(run.points()):
            if selection is not None and number not in selection:
                continue
            moments += 1
            for index, choice in enumerate(choices_of(point, unit, number, options)):
                if only and index != only[2]:
                    continue
                image = Image(number, index, unit, choice, run.acknowledged, run.issued, len(run.marks))
                checker.add(image, point)
                if len(checker.waiting) >= options.batch:
                    checker.run()
    checker.run()
    return moments


def differences(image: Path, tree: Path, ignored: list[str]) -> Iterator[str]:
    here = {path.relative_to(image) for path in image.rglob("*")}
    there = {path.relative_to(tree) for path in tree.rglob("*") if not any(fnmatch(path.name, g) for g in ignored)}
    for path in sorted(here ^ there):
        yield f"{path}: {'not there' if path in here else 'not in the log'}"
    for path in sorted(here & there):
        if (image / path).is_dir() != (tree / path).is_dir():
            yield f"{path}: a directory, or not"
        elif (image / path).is_file() and (image / path).read_bytes() != (tree / path).read_bytes():
            yield f"{path}: other content"


def compare(root: int, records: list[Record], tree: Path, work: Path, ignored: list[str]) -> None:
    """The log must lead to what is there, or the recorder has missed something."""
    for unit in (512, 4096):
        *_, last = Run(root, records, unit, ignored).points()
        last.build(tuple(options - 1 for options in last.options), work / "tree")
        for difference in differences(work / "tree", tree, ignored):
            raise Unrecordable(f"the log does not lead to {tree}: {difference}")
        shutil.rmtree(work / "tree")


def report(checker: Checker, moments: int, seconds: float, options: argparse.Namespace) -> int:
    before = [failure for failure in checker.failures if failure.image.acknowledged == 0]
    after = [failure for failure in checker.failures if failure.image.acknowledged > 0]
    bad = after if options.forgive_before_first else checker.failures
    if options.json:
        print(json.dumps({
            "log": str(options.log), "seed": options.seed, "units": options.units, "moments": moments,
            "images": checker.checked, "failures_before_first_acknowledgement": len(before),
            "failures_after": len(after), "seconds": round(seconds, 2),
            "failures": [{"image": f.image.name, "replay": f.image.replay, "reason": f.reason} for f in bad[:100]],
        }))
        return 1 if bad else 0
    for failure in bad[:10]:
        image = failure.image
        print(f"fail {image.name} acknowledged {image.acknowledged} issued {image.issued}: {failure.reason}")
    if bad:
        for reason, times in Counter(f.reason for f in bad).most_common(8):
            print(f"  {times} x {reason}")
    if bad and not options.only:
        again = " ".join(shlex.quote(a) for a in sys.argv)
        print(f"replay the first alone: python3 {again} {bad[0].image.replay}")
    print(
        f"{checker.checked} images of {moments} moments in {seconds:.1f} s (seed {options.seed}): "
        f"{len(before)} failures before the first acknowledgement, {len(after)} after")
    return 1 if bad else 0


def main() -> int:
    options = arguments()
    if options.counts:
        for name, value in counts(options.log).items():
            print(f"{name} {value}")
        return 0
    if not options.checker and not options.tree:
        print("powercut: neither --checker nor --tree is given", file=sys.stderr)
        return EX_USAGE
    root, records = read(options.log)
    marks: list[str] = []
    for record in records:
        if record.kind == MARK:
            marks += record.payload.decode(errors="replace").splitlines()

    parent = options.work or (Path("/dev/shm") if Path("/dev/shm").is_dir() else None)
    work = Path(tempfile.mkdtemp(prefix="powercut-", dir=parent))
    started = time.monotonic()
    try:
        if options.tree:
            compare(root, records, options.tree, work, options.ignore)
        if not options.checker:
            return 0
        checker = Checker(shlex.split(options.checker), work, options.timeout, marks, options.keep)
        moments = enumerate_images(root, records, checker, options)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return report(checker, moments, time.monotonic() - started, options)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (Damaged, Unrecordable) as error:
        print(f"powercut: {type(error).__name__.lower()}: {error}", file=sys.stderr)
        sys.exit(EX_DATAERR)
    except FileNotFoundError as error:
        print(f"powercut: {error.filename}: {error.strerror}", file=sys.stderr)
        sys.exit(EX_NOINPUT)
