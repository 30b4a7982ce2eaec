"""Broken bytes: flips, zeroed, swapped and random pages, truncation and foreign files, over a sound store."""

import random
import shutil
import subprocess
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator

from pages import PageMap, Region
from patience import finish
from suite import HERE, Failure, Row, Scratch, Suite

PART = "damage"
BATCH = 48
RECORDS = ("record header", "payload")
# Where a meta page has the number of its commit: after the page's header, four words, two trees and the last page's number.
META_NUMBER = 144


@dataclass
class Image:
    number: int
    what: str
    data: bytes
    record: str = "-"
    # Whether it is a sound file as of the commit before the last, which is what a power cut may leave too: see `undone`.
    undone: bool = False


# Images in the long and in the short run.
COUNT = (10_000, 600)
COUNT_OF_CONTROL = (400, 100)


def run(suite: Suite) -> Iterator[Row]:
    name = "broken bytes"
    if suite.wants(PART, name):
        yield broken(suite, name, suite.golden)
    for path in sorted((HERE.parent.parent / "Fixtures" / "golden").glob("format-*/data.mdb")):
        name = f"broken bytes of the golden store of {path.parent.name}"
        if suite.wants(PART, name):
            yield broken(suite, name, path)
    name = "every bit of the meta pages"
    if suite.wants(PART, name) and not suite.short:
        yield broken(suite, name, suite.golden, kind=EveryBit)
    name = "control: reads that look at no checksum"
    if suite.wants(PART, name):
        yield broken(suite, name, suite.golden, unverified=True)


def make_sound(store: Path | None, scratch: Scratch) -> None:
    if store:
        Path(scratch.store).mkdir()
        shutil.copy(store, Path(scratch.store) / "data.mdb")
        return
    for options in (("--lanes", "3", "--transactions", "40"), ("--lanes", "1", "--transactions", "10", "--steps", "13")):
        scratch.write(*options)


class Images:
    """About half the images hit records, in equal shares of header and payload; the rest everything else, kind by kind, page by page."""

    def __init__(self, sound: bytes, seed: int) -> None:
        self.sound = sound
        self.seed = seed
        self.layout = PageMap(sound)
        self.kinds = dict(self.layout.by_kind())
        structure = [kind for kind in self.kinds if kind not in RECORDS]
        others = ["zeroed page", "swapped pages", "random page", "truncation", "flips anywhere", "foreign file"]
        self.turns = list(RECORDS) * (len(structure) + len(others)) + structure * 2 + others * 2

    def __getitem__(self, number: int) -> Image:
        source = random.Random(f"{self.seed}:{number}")
        what = self.turns[number % len(self.turns)]
        return image(number, what, self.sound, self.layout, self.kinds, source)


def undone(sound: bytes, data: bytes) -> bool:
    """Whether all that differs is the number of the last commit, and that is now less by two, so that LMDB answers from the commit before. LMDB has
    no checksum of a meta page, so nothing tells this from a file in which the last commit has not happened."""
    size = PageMap(sound).size
    numbers = [int.from_bytes(sound[page * size + META_NUMBER : page * size + META_NUMBER + 8], "little") for page in (0, 1)]
    if max(numbers) < 2:
        return False
    at = (size if numbers[1] > numbers[0] else 0) + META_NUMBER
    expected = bytearray(sound)
    expected[at : at + 8] = (max(numbers) - 2).to_bytes(8, "little")
    return bytes(expected) == data


class EveryBit:
    """Each bit of the meta pages flipped by itself: LMDB believes them before anything else."""

    def __init__(self, sound: bytes, seed: int) -> None:
        self.sound = sound
        self.regions = [region for region in PageMap(sound).regions if region.kind.endswith("meta page")]

    def __len__(self) -> int:
        return 8 * sum(region.length for region in self.regions)

    def __getitem__(self, number: int) -> Image:
        at = number
        for region in self.regions:
            if at < 8 * region.length:
                data = bytearray(self.sound)
                data[region.offset + at // 8] ^= 1 << at % 8
                return Image(number, f"bit {at % 8} of byte {at // 8} of the {region.kind}", bytes(data))
            at -= 8 * region.length
        raise IndexError(number)


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


def broken(
    suite: Suite, name: str, store: Path | None, unverified: bool = False, kind: type[Images] | type[EveryBit] = Images
) -> Row:
    row = Row(PART, name, "fail" if unverified else "hold", unit="images")
    counted: Counter[str] = Counter()
    # The order of threads and the store's random numbers are not in the seed, so a file made here is kept where anything fails.
    kept = store or suite.kept / f"sound-{name.replace(' ', '-')}.mdb"
    with suite.fresh() as scratch:
        make_sound(store, scratch)
        sound = Path(scratch.store) / "data.mdb"
        images = kind(sound.read_bytes(), suite.seed)
        count = len(images) if isinstance(images, EveryBit) else (COUNT_OF_CONTROL if unverified else COUNT)[suite.short]
        numbers = [suite.k] if suite.k is not None else list(range(count))

        def judge_batch(start: int) -> None:
            batch = [images[number] for number in numbers[start : start + BATCH]]
            for one in batch:
                one.undone = undone(images.sound, one.data)
            for one, reason, outcome in judged(suite, scratch, [one for one in batch if not unverified or one.record != "-"], unverified):
                row.tried += 1
                counted[outcome] += 1
                if reason:
                    row.failures.append(Failure(
                        f"image {one.number}, {one.what}: {reason}", f"{suite.replay(PART, name, one.number)} --golden {kept}"))

        suite.each(judge_batch, range(0, len(numbers), BATCH))
        if row.failures and not unverified and store is None:
            suite.kept.mkdir(parents=True, exist_ok=True)
            shutil.copy(sound, kept)
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
    if one.undone and answer.startswith(("wrong", "lost")):
        return ""
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
        finished = finish(process, 60)
        if finished is None:
            process.kill()
            output, _ = process.communicate()
            end = "hung"
        else:
            output = finished
            end = f"died of signal {-process.returncode}" if process.returncode < 0 else f"died with {process.returncode}"
        for line in output.splitlines():
            number, _, verdict = line.partition(" ")
            if number.isdecimal() and verdict:
                result[int(number)] = verdict
        rest = [one for one in left if one.number not in result]
        if rest:
            result[rest[0].number] = end
    return result
