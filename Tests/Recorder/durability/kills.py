"""The process is killed right after its k-th write or sync, for every k, while another process watches the same store; then a second one
is killed early in its work."""

import random
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Iterator

from suite import Failure, Row, Scratch, Suite

PART = "kills"
CASES = {
    # name: what is there before, the options of the run that is killed; a mode of durability is that of every process
    "creation": (None, ("--lanes", "1", "--transactions", "2")),
    "one writer": (("--lanes", "3", "--transactions", "5"), ("--lanes", "1", "--transactions", "60")),
    "group commits, and caches made, raised and dropped": (
        ("--lanes", "3", "--transactions", "5"), ("--lanes", "3", "--transactions", "30", "--steps", "30")),
    "backups": (
        ("--lanes", "3", "--transactions", "5"),
        ("--lanes", "1", "--transactions", "3", "--backups", "plain:ROOT/plain,compacting:ROOT/compacted")),
    "relaxed": (
        ("--lanes", "3", "--transactions", "5", "--durability", "relaxed"),
        ("--lanes", "3", "--transactions", "12", "--steps", "10", "--durability", "relaxed")),
    "rebuildable": (
        ("--lanes", "3", "--transactions", "5", "--durability", "rebuildable"),
        ("--lanes", "3", "--transactions", "12", "--steps", "10", "--durability", "rebuildable")),
}
SHORT = {
    "creation": CASES["creation"],
    "group commits, and caches made, raised and dropped": (
        ("--lanes", "3", "--transactions", "5"), ("--lanes", "2", "--transactions", "2", "--steps", "5")),
}


def run(suite: Suite) -> Iterator[Row]:
    for name, (before, options) in (SHORT if suite.short else CASES).items():
        if suite.wants(PART, name):
            yield every_place(suite, name, before, options)


def every_place(suite: Suite, name: str, before: tuple[str, ...] | None, options: tuple[str, ...]) -> Row:
    row = Row(PART, name, unit="kills")
    outlived = 0
    reads = 0
    with suite.fresh() as base:
        if before is not None:
            base.write(*before)
        with suite.fresh() as counting:
            counting.adopt(base)
            counting.write(*filled(options, counting), recorded=True)
            counts = counting.counts()
        number = counts["writes"] + counts["syncs"]

        def one(k: int) -> None:
            nonlocal outlived, reads
            with suite.fresh() as scratch:
                scratch.adopt(base)
                wrong, killed, seen = kill(scratch, options, k, watched=before is not None)
                row.tried += 1
                reads += seen
                outlived += not killed
                if wrong:
                    row.failures.append(Failure(f"k = {k}: {wrong}", suite.replay(PART, name, k)))

        suite.each(one, suite.places(number))
    row.notes = {"places": number, "runs that ended before their k": outlived, "reads of the watchers": reads}
    return row


def filled(options: tuple[str, ...], scratch: Scratch) -> list[str]:
    return [option.replace("ROOT", str(scratch.root)) for option in options]


def mode_of(options: tuple[str, ...]) -> list[str]:
    return ["--durability", options[options.index("--durability") + 1]] if "--durability" in options else []


class Watcher:
    def __init__(self, scratch: Scratch, mode: list[str]) -> None:
        self.process = subprocess.Popen(
            [scratch.suite.worker, "watch", scratch.store, scratch.marks, "--lanes", "3", *mode], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=scratch.suite.environment)
        self.reads = 0
        self.wrong = ""
        if self._line() != "ready":
            self.wrong = "the watcher did not get ready"

    def _line(self) -> str:
        return (self.process.stdout.readline() if self.process.stdout else "").strip()

    def check(self) -> None:
        if self.wrong or not self.process.stdin:
            return
        try:
            self.process.stdin.write("check\n")
            self.process.stdin.flush()
            said = self._line()
        except BrokenPipeError:
            said = ""
        if said.startswith("ok "):
            self.reads = int(said[3:])
        else:
            self.wrong = "the watcher: " + (said or "it died")

    def end(self) -> None:
        if self.process.stdin:
            self.process.stdin.close()
        try:
            if self.process.wait(timeout=30) != 0 and not self.wrong:
                self.wrong = f"the watcher ended with {self.process.returncode}"
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.wrong = self.wrong or "the watcher did not end"


def kill(scratch: Scratch, options: tuple[str, ...], k: int, watched: bool) -> tuple[str, bool, int]:
    """What is wrong, whether the run was killed, and how often the watcher read."""
    mode = mode_of(options)
    watcher = Watcher(scratch, mode) if watched else None
    # Where there is no store yet, another process makes it at the same time.
    rival = ThreadPoolExecutor(1).submit(scratch.write, "--first-lane", "1", "--transactions", "2", *mode) if not watched else None
    ended = scratch.write(*filled(options, scratch), recorded=True, faults=f"io:{k}:kill")
    if not ended.killed and ended.status != 0:
        return f"before its kill: {ended.last}", False, 0
    if rival and rival.result().status != 0:
        return f"beside the one that was killed: {rival.result().last}", ended.killed, 0
    if watcher:
        watcher.check()
    # Another one dies while it puts things in order; the next writer takes the locks of the dead, and goes on.
    second = 1 + random.Random(f"{scratch.suite.seed}:{k}").randrange(8)
    Path(scratch.control).unlink(missing_ok=True)
    scratch.write(*filled(options, scratch), recorded=True, faults=f"io:{second}:kill")
    if watcher:
        watcher.check()
    following = scratch.write("--lanes", "2", "--transactions", "2", "--steps", "1", *mode, timeout=60)
    wrong = "" if following.status == 0 else f"the next writer: {following.last}"
    reads = 0
    if watcher:
        watcher.check()
        wrong = wrong or dead_readers(scratch, watcher.process.pid)
        watcher.end()
        wrong = wrong or watcher.wrong
        reads = watcher.reads
    return wrong or scratch.check("--machine-stayed-up", "1", *mode), ended.killed, reads


def dead_readers(scratch: Scratch, watcher: int) -> str:
    """Only the watcher is left, so a slot of anyone else was not reclaimed."""
    listed = scratch.run("readers", scratch.store).output.splitlines()
    owners = {int(words[0]) for words in (line.split() for line in listed) if words and words[0].isdecimal()}
    return f"reader slots of the dead: {sorted(owners - {watcher})}" if owners - {watcher} else ""
