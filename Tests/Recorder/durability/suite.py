"""What the parts of the suite share: processes, scratch directories, rows of the report."""

import os
import shutil
import signal
import subprocess
import tempfile
from argparse import Namespace
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Iterable

from patience import finish

HERE = Path(__file__).resolve().parent.parent
IGNORED = ["lock.mdb", "writer.lock"]


@dataclass
class Failure:
    reason: str
    replay: str


@dataclass
class Row:
    """One line of the report: what ran, whether it must hold, and what came of it."""

    part: str
    name: str
    must: str = "hold"
    tried: int = 0
    unit: str = ""
    notes: dict[str, object] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    skipped: str = ""
    seconds: float = 0

    @property
    def right(self) -> bool:
        if self.skipped:
            return True
        return self.tried > 0 and bool(self.failures) == (self.must == "fail")


@dataclass
class Ended:
    status: int
    output: str

    @property
    def killed(self) -> bool:
        return self.status == -signal.SIGKILL

    @property
    def wrong(self) -> str:
        return self.last if self.status != 0 else ""

    @property
    def last(self) -> str:
        lines = [line for line in self.output.splitlines() if line]
        return lines[-1] if lines else f"ended with {self.status} and said nothing"


class Suite:
    def __init__(self, options: Namespace) -> None:
        self.programs: Path = options.programs.resolve()
        self.worker = self.program("PowerCutWorker")
        self.broken_programs: dict[str, Path] = dict(options.broken)
        self.short: bool = options.short
        self.seed: int = options.seed
        self.jobs: int = options.jobs
        self.kept: Path = options.report / "kept"
        self.only: str | None = options.only
        self.k: int | None = options.k
        self.golden: Path | None = options.golden
        parent = "/dev/shm" if Path("/dev/shm").is_dir() else None
        self.work = Path(tempfile.mkdtemp(prefix="larder-durability-", dir=parent))
        # The seed decides the transactions of the workload too.
        self.environment = {**os.environ, "SWIFT_BACKTRACE": "enable=no", "LARDER_WORKLOAD_SEED": str(options.seed)}

    def program(self, name: str) -> str:
        return str(self.programs / name)

    def broken(self, guard: str, name: str) -> str | None:
        """The same program, built without a guard of the protocol; `None` if it was not built."""
        directory = self.broken_programs.get(guard)
        return str(directory.resolve() / name) if directory else None

    def close(self) -> None:
        shutil.rmtree(self.work, ignore_errors=True)

    def wants(self, part: str, name: str) -> bool:
        return self.only is None or self.only in (part, f"{part}/{name}")

    def replay(self, part: str, name: str, k: int | None = None) -> str:
        place = "" if k is None else f" --k {k}"
        return f"scripts/durability --only '{part}/{name}'{place} --seed {self.seed}" + (" --short" if self.short else "")

    def places(self, count: int) -> Iterable[int]:
        # A few more than were counted: threads may come to one write more another time. A run past the end of its calls just ends.
        return [self.k] if self.k is not None else range(1, count + 7)

    def fresh(self) -> "Scratch":
        return Scratch(self, Path(tempfile.mkdtemp(dir=self.work)))

    def each(self, body: Callable[[int], None], numbers: Iterable[int]) -> None:
        with ThreadPoolExecutor(self.jobs) as pool:
            for _ in pool.map(body, numbers):
                pass


class Scratch:
    """A watched directory with its log and its marks."""

    def __init__(self, suite: Suite, path: Path) -> None:
        self.suite = suite
        self.path = path
        self.root = path / "root"
        self.root.mkdir(exist_ok=True)
        self.store = str(self.root / "store")
        self.marks = str(path / "marks")
        self.log = path / "log"
        self.control = path / "control"

    def __enter__(self) -> "Scratch":
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.path, ignore_errors=True)

    def adopt(self, other: "Scratch") -> None:
        """Begins with what another directory holds, and with its marks."""
        shutil.copytree(other.root, self.root, dirs_exist_ok=True)
        if Path(other.marks).exists():
            shutil.copy(other.marks, self.marks)

    def run(self, *arguments: str, recorded: bool = False, faults: str = "", log: bool = False, timeout: float = 120,
            prefix: tuple[str, ...] = (), worker: str | None = None, variables: dict[str, str] | None = None) -> Ended:
        environment = {**self.suite.environment, **(variables or {})}
        if recorded:
            environment["LD_PRELOAD"] = str(HERE / ".build" / "recorder.so")
            environment["LARDER_RECORDER_DIRECTORY"] = str(self.root)
            environment["LARDER_RECORDER_MARK"] = self.marks
            environment["LARDER_RECORDER_FAULTS"] = faults
            environment["LARDER_RECORDER_CONTROL"] = str(self.control)
            if log:
                environment["LARDER_RECORDER_LOG"] = str(self.log)
        command = [*prefix, worker or self.suite.worker, *arguments]
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        output = finish(process, timeout)
        if output is None:
            process.kill()
            process.communicate()
            return Ended(-signal.SIGALRM, f"did not end within {timeout:g} s")
        return Ended(process.returncode, output)

    def write(self, *options: str, **how: object) -> Ended:
        return self.run("run", self.store, self.marks, *options, **how)

    def counts(self) -> dict[str, int]:
        from log import counts

        return counts(self.control)

    def check(self, *options: str) -> str:
        """Judges the directory as an image: empty, or what is wrong."""
        batch = self.path / "batch"
        batch.mkdir()
        os.rename(self.root, batch / "it")
        marks = Path(self.marks).read_text() if Path(self.marks).exists() else ""
        (batch / "marks").write_text(marks)
        (batch / "manifest").write_text(f"it\t0\t0\t{len(marks.splitlines())}\n")
        said = self.run("check", *options, str(batch))
        os.rename(batch / "it", self.root)
        shutil.rmtree(batch)
        return "" if said.output.strip() == "ok it" else said.last
