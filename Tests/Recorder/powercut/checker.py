"""Runs the checker command over batches of images. Its contract is in ../README.md."""

import os
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from images import Choice, Point
from patience import finish


@dataclass(frozen=True)
class Image:
    point: int
    number: int
    unit: int
    choice: Choice
    acknowledged: int
    issued: int
    marks: int

    @property
    def name(self) -> str:
        return f"{self.unit}-{self.point}-{self.number}"

    @property
    def replay(self) -> str:
        return f"--only {self.unit}:{self.point}:{self.number}"


@dataclass(frozen=True)
class Failure:
    image: Image
    reason: str


class Checker:
    def __init__(self, command: list[str], work: Path, timeout: float, marks: list[str], keep: Path | None) -> None:
        self.command = command
        self.batch = work / "batch"
        self.timeout = timeout
        self.marks = marks
        self.keep = keep
        self.waiting: list[Image] = []
        self.checked = 0
        self.failures: list[Failure] = []

    def add(self, image: Image, point: Point) -> None:
        self.batch.mkdir(exist_ok=True)
        point.build(image.choice, self.batch / image.name)
        if self.keep:
            shutil.copytree(self.batch / image.name, self.keep / image.name, dirs_exist_ok=True)
        self.waiting.append(image)

    def run(self) -> None:
        """Checks what was added. A checker that dies has failed the first image on which it gave no verdict."""
        while self.waiting:
            lines = [f"{i.name}\t{i.acknowledged}\t{i.issued}\t{i.marks}\n" for i in self.waiting]
            (self.batch / "manifest").write_text("".join(lines))
            (self.batch / "marks").write_text("".join(mark + "\n" for mark in self.marks))
            output, end = self._call()
            verdicts: dict[str, str] = {}
            for line in output.splitlines():
                verdict, _, rest = line.partition(" ")
                name, _, reason = rest.partition(" ")
                if verdict in ("ok", "fail"):
                    verdicts[name] = "" if verdict == "ok" else reason or "no reason given"
            left: list[Image] = []
            for image in self.waiting:
                if image.name not in verdicts:
                    left.append(image)
                elif verdicts[image.name]:
                    self.failures.append(Failure(image, verdicts[image.name]))
            if left:
                self.failures.append(Failure(left.pop(0), end))
            self.checked += len(self.waiting) - len(left)
            self.waiting = left
        shutil.rmtree(self.batch, ignore_errors=True)

    def _call(self) -> tuple[str, str]:
        # A session of its own, so that whatever the checker started ends with it.
        process = subprocess.Popen(
            [*self.command, str(self.batch)], stdout=subprocess.PIPE, text=True, errors="replace",
            start_new_session=True)
        output = finish(process, self.timeout)
        if output is None:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
            return output, f"the checker gave no verdict within {self.timeout:g} s"
        if process.returncode < 0:
            return output, f"the checker died of signal {-process.returncode}"
        return output, f"the checker gave no verdict and exited {process.returncode}"
