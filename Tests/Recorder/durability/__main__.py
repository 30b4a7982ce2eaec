"""The durability suite: power cuts, kills, faults and broken bytes. See ../README.md; `scripts/durability` builds what it needs and runs it."""

import argparse
import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "powercut"))

import damage
import faults
import kills
import powercuts
import report
import soak
from suite import Row, Suite

PARTS = (powercuts, kills, faults, damage, soak)


def guard(text: str) -> tuple[str, Path]:
    name, _, directory = text.partition("=")
    return name, Path(directory)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="durability", description=__doc__)
    parser.add_argument("--programs", type=Path, required=True, help="where PowerCutWorker and DurabilityWorker were built")
    parser.add_argument(
        "--broken", type=guard, action="append", default=[], metavar="GUARD=DIRECTORY", help="where they were built without a guard")
    parser.add_argument("--golden", type=Path, help="the file to damage, rather than a new one")
    parser.add_argument("--short", action="store_true", help="the share of a few minutes, bounded by counts")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2, help="cases at a time within a part (2)")
    parser.add_argument("--only", metavar="PART[/CASE]", help="this part or case alone")
    parser.add_argument("--k", type=int, help="this place, or damaged image, of the case alone")
    parser.add_argument("--report", type=Path, default=Path(".build/durability"), help="where the report goes, and what is kept of failures")
    return parser.parse_args()


def show(row: Row) -> None:
    mark = "skip" if row.skipped else "ok" if row.right else "WRONG"
    found = row.notes.get("failed images", len(row.failures))
    print(f"{mark:5} must {row.must}  {row.part}/{row.name}: {row.skipped or f'{row.tried} {row.unit}, {found} failed'}", flush=True)
    if not row.right:
        for failure in row.failures[:5]:
            print(f"      {failure.reason}\n      replay: {failure.replay}", flush=True)


def main() -> int:
    options = arguments()
    suite = Suite(options)
    started = time.monotonic()
    rows: list[Row] = []
    before = started
    try:
        for part in PARTS:
            for row in part.run(suite):
                rows.append(row)
                now = time.monotonic()
                row.seconds, before = row.seconds or now - before, now
                show(row)
    finally:
        suite.close()
    if not rows:
        print(f"durability: there is no '{options.only}'", file=sys.stderr)
        return 64
    seconds = time.monotonic() - started
    report.write(options.report, suite, rows, seconds)
    wrong = sum(not row.right for row in rows)
    print(f"{wrong} of {len(rows)} cases not as they must be, in {seconds:.0f} s; {options.report}/report.md")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
