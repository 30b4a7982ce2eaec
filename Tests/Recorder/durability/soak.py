"""Everything at once: writes, deadlines, kills, snapshots, backups and compaction, against a journal of what must be there."""

import json
import shutil
from typing import Iterator

from suite import HERE, Failure, Row, Suite

PART = "soak"
# Seconds of the long run, rounds of the short one, and how long the control may go unnoticed.
SECONDS = 600
SHORT_ROUNDS, SHORT_EPOCH = 24, 6
SECONDS_OF_CONTROL = 120
CASES = (("killed by the k-th write or sync", True), ("killed by the clock", False))


def run(suite: Suite) -> Iterator[Row]:
    for name, recorded in CASES:
        if suite.wants(PART, name):
            if suite.short:
                size = ["--rounds", str(SHORT_ROUNDS), "--epoch", str(SHORT_EPOCH)]
            else:
                size = ["--seconds", str(SECONDS if recorded else SECONDS // 2)]
            yield soak(suite, Row(PART, name, unit="rounds"), suite.program("DurabilityWorker"), size, recorded)
    name = "control: a build that looks for no commits of other processes"
    if suite.wants(PART, name):
        row = Row(PART, name, "fail", unit="rounds")
        worker = suite.broken("FOREIGN_CHECK", "DurabilityWorker")
        if worker is None:
            row.skipped = "no such program was built (--broken FOREIGN_CHECK=DIRECTORY)"
            yield row
        else:
            yield soak(suite, row, worker, ["--seconds", str(SECONDS_OF_CONTROL)], recorded=True)


def soak(suite: Suite, row: Row, worker: str, size: list[str], recorded: bool) -> Row:
    kept = (suite.kept / f"{PART}-{suite.seed}").resolve()
    command = ["soak", "--seed", str(suite.seed), *size]
    if row.must == "hold":
        command += ["--keep", "1"]
    if recorded:
        command += ["--recorder", str(HERE / ".build" / "recorder.so")]
    with suite.fresh() as scratch:
        ended = scratch.run(*command, timeout=7_200, worker=worker, variables={"TMPDIR": str(scratch.path)})
        lines = ended.output.splitlines()
        for line in lines:
            if line.startswith("kept: "):
                shutil.copytree(line.removeprefix("kept: "), kept, dirs_exist_ok=True)
    for line in lines:
        if line.startswith("{"):
            found = json.loads(line)
            row.tried = found.pop("rounds")
            row.notes = {name: value for name, value in found.items() if name not in ("seed", "failures")}
    failures = [line for line in lines if line.startswith("failure: ")]
    if ended.status != 0 and not failures:
        failures = [f"ended with {ended.status}: {ended.last}"]
    for failure in failures:
        row.failures.append(Failure(
            failure.removeprefix("failure: "), f"{suite.replay(PART, row.name)} (the store is in {kept})"))
    row.tried = row.tried or len(failures)
    return row
