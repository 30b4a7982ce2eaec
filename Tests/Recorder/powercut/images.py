"""Chooses the images of one crash point, and builds them.

Whatever is not durable is a dimension: a unit of a file with its versions, a file's size, an entry operation. A choice gives
each dimension a number from 0 (as durable) to the newest.
"""

import itertools
import math
import random
from pathlib import Path
from typing import Iterator

from disk import Directory, Disk, EntryOperation, File, Node

Choice = tuple[int, ...]


def reachable(disk: Disk) -> tuple[set[int], list[File]]:
    """The directories and files that some image holds: what has no name, durable or not, makes no difference."""
    children: dict[int, list[Node]] = {}
    for operation in disk.operations:
        for directory, _, node in operation.effects:
            children.setdefault(id(directory), []).append(node)
    directories = {id(disk.root)}
    files: dict[int, File] = {}
    waiting: list[Directory] = [disk.root]
    while waiting:
        directory = waiting.pop()
        for node in [node for _, node in directory.entries.values()] + children.get(id(directory), []):
            if isinstance(node, Directory) and id(node) not in directories:
                directories.add(id(node))
                waiting.append(node)
            elif isinstance(node, File) and not node.ignored:
                files.setdefault(id(node), node)
    return directories, list(files.values())


class Point:
    """A moment at which the power may go."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self.units: list[tuple[File, int]] = []
        self.sized: list[File] = []
        directories, files = reachable(disk)
        for file in files:
            self.units += [(file, index) for index in sorted(file.versions)]
            if len(file.sizes) > 1:
                self.sized.append(file)
        self.operations: list[EntryOperation] = [
            operation
            for operation in disk.operations
            if any(id(directory) in directories for directory, _, _ in operation.effects)
        ]
        # When each dimension's versions came to be, the durable one left out.
        self.times: list[list[int]] = (
            [[when for when, _ in file.versions[index]] for file, index in self.units]
            + [[when for when, _ in file.sizes[1:]] for file in self.sized]
            + [[operation.when] for operation in self.operations]
        )
        self.options = [len(times) + 1 for times in self.times]

    @property
    def total(self) -> int:
        return math.prod(self.options)

    def choices(self, exhaustive: int, samples: int, source: random.Random) -> list[Choice]:
        """Every choice while there are no more than `exhaustive`, otherwise about `samples` of them."""
        if self.total <= exhaustive:
            return list(itertools.product(*(range(options) for options in self.options)))
        chosen: dict[Choice, None] = {}
        for choice in self._sampled(samples, source):
            chosen.setdefault(choice)
        return list(chosen)

    def _sampled(self, samples: int, source: random.Random) -> Iterator[Choice]:
        newest = tuple(options - 1 for options in self.options)
        oldest = tuple(0 for _ in self.options)
        dimensions = range(len(self.options))
        share = max(1, samples // 5)
        yield newest
        yield oldest
        # In the order in which it was written, up to a moment.
        moments = sorted({when for times in self.times for when in times})
        for moment in source.sample(moments, min(share, len(moments))):
            yield tuple(sum(when <= moment for when in times) for times in self.times)
        # All but one, and one alone.
        for base, other in ((newest, oldest), (oldest, newest)):
            for odd in source.sample(dimensions, min(share, len(dimensions))):
                yield tuple(other[d] if d == odd else base[d] for d in dimensions)
        # Any, from few to nearly all.
        for density in itertools.islice(itertools.cycle((0.5, 0.1, 0.9, 0.02, 0.98)), 2 * share):
            yield tuple(
                source.randrange(1, options) if source.random() < density else 0 for options in self.options
            )

    def build(self, choice: Choice, target: Path) -> None:
        """Writes the image's tree below `target`, a new directory."""
        units = len(self.units)
        sizes = units + len(self.sized)
        blocks: dict[int, dict[int, int]] = {}
        for (file, index), version in zip(self.units, choice):
            blocks.setdefault(id(file), {})[index] = version
        size = {id(file): number for file, number in zip(self.sized, choice[units:])}

        entries: dict[int, dict[str, tuple[int, Node]]] = {}

        def of(directory: Directory) -> dict[str, tuple[int, Node]]:
            return entries.setdefault(id(directory), dict(directory.entries))

        for operation, there in zip(self.operations, choice[sizes:]):
            for directory, name, node in operation.effects if there else []:
                # An older operation does not undo a newer one that is durable.
                if of(directory).get(name, (0, None))[0] < operation.when:
                    of(directory)[name] = (operation.when, node)

        def write(directory: Directory, path: Path) -> None:
            path.mkdir()
            for name, (_, node) in of(directory).items():
                if isinstance(node, Directory):
                    write(node, path / name)
                elif isinstance(node, File) and not node.ignored:
                    (path / name).write_bytes(node.image(size.get(id(node), 0), blocks.get(id(node), {})))

        write(self.disk.root, target)
