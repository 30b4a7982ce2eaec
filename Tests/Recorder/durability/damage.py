"""Broken bytes: flips, zeroed, swapped and random pages, truncation and foreign files, over a sound store."""

import random
import shutil
import signal
import subprocess
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator

from pages import PageMap, Region
from suite import Failure, Row, Scratch, Suite

PART = "damage"
BATCH = 48
RECORDS = ("record header", "payload")


@dataclass
class Image:
    number: int
    what: str
    data: bytes
    record: str = "-"


def run(suite: Suite) -> Iterator[Row]:
    for name, unverified in (("broken bytes", False), ("control: reads that look at no checksum", True)):
        if suite.wants(PART, name):
            yield broken(suite, name, unverified)


def make_golden(suite: Suite, scratch: Scratch) -> None:
    if suite.golden:
        Path(scratch.store).mkdir()
        shutil.copy(suite.golden, Path(scratch.store) / "data.mdb")
        return
    for options in (("--lanes", "3", "--transactions", "40"), ("--lanes", "1", "--transactions", "10", "--steps", "13")):
        scratch.write(*options)


def images(golden: bytes, count: int, seed: int) -> Iterator[Image]:
    """About half the images hit records, in equal shares of header and payload; the rest everything else, kind by kind, page by page."""
    layout = PageMap(golden)
    kinds = dict(layout.by_kind())
    structure = [kind for kind in kinds if kind not in RECORDS]
    others = ["zeroed page", "swapped pages", "random page", "truncation", "flips anywhere", "foreign file"]
    turns = ["record header", "payload"] * (len(structure) + len(others)) + structure * 2 + others * 2
    for number in range(count):
        source = random.Random(f"{seed}:{number}")
        what = turns[number % len(turns)]
        yield image(number, what, golden, layout, kinds, source)


def image(
    number: int, what: str, golden: bytes, layout: PageMap, kinds: dict[str, list[Region]], source: random.Random
) -> Image:
    data = bytearray(golden)
    size = layout.size
    if what in kinds:
        region = source.choice(kinds[what])
        flip(data, region.offset + source.randrange(region.length), source)
        return Image(number, what, bytes(data), region.record)
    page = source.randrange(layout.pages)
    if what == "zeroed page":
        data[page * size : (page + 1) * size] = bytes(size)
    elif what == "random page":
        data[page * size : (page + 1) * size] = source.randbytes(size)
    elif what == "swapped pages":
        first, second = source.sample(sorted(layout.used), 2)
        data[first * size : (first + 1) * size] = golden[second * size : (second + 1) * size]
        data[second * size : (second + 1) * size] = golden[first * size : (first + 1) * size]
    elif what == "truncation":
        length = source.randrange(len(data)) if source.random() < 0.5 else page * size
        del data[length:]
    elif what == "flips anywhere":
        for _ in range(source.choice((1, 2, 8, 64))):
            flip(data, source.randrange(len(data)), source)
    else:
        length = source.choice((0, 1, 100, size, 10 * size))
        kind = source.choice(("zeros", "text", "random"))
        data = bytearray({"zeros": bytes(length), "text": b"not a store\n" * (length // 12), "random": source.randbytes(length)}[kind])
    return Image(number, what, bytes(data))


def flip(data: bytearray, offset: int, source: random.Random) -> None:
    data[offset] ^= 1 << source.randrange(8)


def broken(suite: Suite, name: str, unverified: bool) -> Row:
    row = Row(PART, name, "fail" if unverified else "hold", unit="images")
    counted: Counter[str] = Counter()
    # The order of threads and the store's random numbers are not in the seed, so the file is kept where anything fails.
    kept = suite.kept / "damage-golden.mdb"
    with suite.fresh() as scratch:
        make_golden(suite, scratch)
        golden = Path(scratch.store) / "data.mdb"
        whole = golden.read_bytes()
        count = (100 if suite.short else 400) if unverified else (600 if suite.short else 40_000)
        waiting: list[Image] = []
        batches: list[list[Image]] = []
        for one in images(whole, count, suite.seed):
            if suite.k is not None and one.number != suite.k or unverified and one.record == "-":
                continue
            waiting.append(one)
            if len(waiting) == BATCH:
                batches.append(waiting)
                waiting = []
        batches.append(waiting)

        def judge_batch(index: int) -> None:
            for one, reason, outcome in judged(suite, scratch, batches[index], unverified):
                row.tried += 1
                counted[outcome] += 1
                if reason:
                    row.failures.append(Failure(
                        f"image {one.number}, {one.what}: {reason}",
                        f"{suite.replay(PART, name, one.number)} --golden {kept}"))

        suite.each(judge_batch, range(len(batches)))
        if row.failures and not unverified:
            suite.kept.mkdir(parents=True, exist_ok=True)
            if suite.golden is None:
                shutil.copy(golden, kept)
    row.notes = dict(sorted(counted.items()))
    return row


def judged(suite: Suite, golden: Scratch, batch: list[Image], unverified: bool) -> Iterator[tuple[Image, str, str]]:
    if not batch:
        return
    with suite.fresh() as scratch:
        for one in batch:
            directory = scratch.root / str(one.number)
            directory.mkdir()
            (directory / "data.mdb").write_bytes(one.data)
        verified = verdicts(suite, golden, scratch.root, batch, "verify", unverified)
        read = verdicts(suite, golden, scratch.root, batch, "read", unverified)
    for one in batch:
        said, answer = verified[one.number], read[one.number]
        yield one, wrong(one, said, answer), f"{answer_kind(answer)}, {said.split()[0]} by verify"


def answer_kind(answer: str) -> str:
    word = answer.split()[0].rstrip(":")
    return {
        "same": "same answers", "noticed": "record refused", "died": "LMDB ends the process", "hung": "LMDB hangs",
        "lost": "answers missing", "error": "answers refused", "refused": "store refused", "wrong": "answers of an older commit",
        "invisible": "record not visible",
    }.get(word, word)


def wrong(one: Image, said: str, answer: str) -> str:
    """What breaks a promise; empty if nothing does."""
    if said.split()[0] not in ("healthy", "damaged", "refused"):
        return f"the verification: {said}"
    if answer.startswith(("untyped", "unnoticed", "others")):
        return answer
    if one.record != "-" and answer not in ("noticed", "invisible"):
        return f"a damaged record: {answer}"
    if one.record != "-" and said != "damaged":
        return "the verification does not see a damaged record"
    if answer not in ("same", "noticed", "invisible") and said == "healthy":
        return f"the verification calls the store healthy: {answer}"
    return ""


def verdicts(suite: Suite, golden: Scratch, root: Path, batch: list[Image], stage: str, unverified: bool) -> dict[int, str]:
    """Each image's verdict. A process that dies or hangs is the verdict on the first image that has none yet."""
    result: dict[int, str] = {}
    while len(result) < len(batch):
        left = [one for one in batch if one.number not in result]
        (root / "manifest").write_text("".join(f"{one.number}\t{one.record}\n" for one in left))
        command = [
            suite.worker, "damage", "--stage", stage, "--unverified", str(int(unverified)), golden.store, str(root)]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, errors="replace", env=suite.environment)
        try:
            output, _ = process.communicate(timeout=60)
            end = f"died of signal {-process.returncode}" if process.returncode < 0 else f"died with {process.returncode}"
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            output, _ = process.communicate()
            end = "hung"
        for line in output.splitlines():
            number, _, verdict = line.partition(" ")
            if number.isdecimal() and verdict:
                result[int(number)] = verdict
        rest = [one for one in left if one.number not in result]
        if rest:
            result[rest[0].number] = end
    return result
