"""What a disk may hold after a power cut.

A file is a row of units (blocks or sectors). The page cache holds the newest version of each; the disk holds, for each unit
by itself, the durable version or any later one. A sync makes the newest versions durable. A directory is a list of entry
operations; each that is not durable may be there or not. See ../README.md for what is assumed and what is not.
"""

from dataclasses import dataclass, field
from fnmatch import fnmatch
from typing import Union

from log import (
    BASE, CREATE, DURABLE_ON_RETURN, FAILED, LIED, LINK, MAKE_DIRECTORY, REMOVE, RENAME, SYNC, TRUNCATE, UNRECORDABLE,
    WRITE, Record,
)

PAGE = 4096
"""The page cache writes back whole pages: what is pending in a page becomes durable together."""


class Unrecordable(Exception):
    """The log says that something happened which it does not hold."""


class File:
    def __init__(self, unit: int, ignored: bool) -> None:
        self.unit = unit
        self.ignored = ignored
        self.cached = bytearray()
        self.durable = bytearray()
        # For each unit that is not durable, its versions and when each was written.
        self.versions: dict[int, list[tuple[int, bytes]]] = {}
        # The sizes since the durable one, which comes first.
        self.sizes: list[tuple[int, int]] = [(0, 0)]
        # Pages to be written back by the next sync. A failed sync forgets them.
        self.dirty: set[int] = set()

    def write(self, when: int, offset: int, data: bytes) -> None:
        end = offset + len(data)
        if end > len(self.cached):
            self.cached.extend(bytes(end - len(self.cached)))
            self.sizes.append((when, end))
        self.cached[offset:end] = data
        self._changed(when, offset, end)

    def truncate(self, when: int, size: int) -> None:
        before = len(self.cached)
        if size == before:
            return
        self.sizes.append((when, size))
        if size > before:
            self.cached.extend(bytes(size - before))
        else:
            del self.cached[size:]
            self._changed(when, size, before)

    def _changed(self, when: int, start: int, end: int) -> None:
        if self.ignored or end <= start:
            return
        for index in range(start // self.unit, (end - 1) // self.unit + 1):
            content = bytes(self.cached[index * self.unit : (index + 1) * self.unit]).ljust(self.unit, b"\0")
            self.versions.setdefault(index, []).append((when, content))
        self.dirty.update(range(start // PAGE, (end - 1) // PAGE + 1))

    def sync(self) -> None:
        """Makes the size and all dirty pages durable."""
        self.sizes = [(0, len(self.cached))]
        self._clean(self.dirty)

    def sync_range(self, start: int, end: int) -> None:
        """Makes the dirty pages of a range durable, and as much of the size as it takes to read them."""
        if end > self.sizes[0][1]:
            self.sizes = [(0, end)] + [(when, size) for when, size in self.sizes if size > end]
        self._clean(self.dirty.intersection(range(start // PAGE, (end - 1) // PAGE + 1)))

    def _clean(self, pages: set[int]) -> None:
        for index in [index for index in self.versions if index * self.unit // PAGE in pages]:
            self._put(self.durable, index, self.versions.pop(index)[-1][1])
        self.dirty = self.dirty - pages

    def sync_failed(self) -> None:
        """What was dirty is marked clean, and no later sync writes it: it is there, or it is not."""
        self.dirty = set()

    def _put(self, content: bytearray, index: int, unit: bytes) -> None:
        at = index * self.unit
        if at > len(content):
            content.extend(bytes(at - len(content)))
        content[at : at + self.unit] = unit

    def image(self, size: int, chosen: dict[int, int]) -> bytearray:
        """The content if `sizes[size]` and, of each unit, the chosen version (0: the durable one) were written back."""
        content = bytearray(self.durable)
        for index, version in chosen.items():
            if version > 0:
                self._put(content, index, self.versions[index][version - 1][1])
        length = self.sizes[size][1]
        if length > len(content):
            content.extend(bytes(length - len(content)))
        else:
            del content[length:]
        return content


class Directory:
    def __init__(self) -> None:
        # The durable entries, and when each came to be.
        self.entries: dict[str, tuple[int, "Node"]] = {}


Node = Union[File, Directory, None]


@dataclass
class EntryOperation:
    """One atomic change of entries: of one, or for a rename of two."""

    when: int
    effects: list[tuple[Directory, str, Node]] = field(default_factory=list)


class Disk:
    def __init__(self, root: int, unit: int, ignored: list[str]) -> None:
        self.root = Directory()
        self.unit = unit
        self.ignored = ignored
        self.by_inode: dict[int, Node] = {root: self.root}
        self.operations: list[EntryOperation] = []
        self.files: list[File] = []

    def apply(self, record: Record) -> None:
        """Performs one operation. A write that is durable on return is not durable yet: see `complete`."""
        base = record.has(BASE)
        node = self.by_inode.get(record.file)
        if record.kind == WRITE:
            if isinstance(node, File) and record.payload:
                node.write(record.sequence, record.argument, record.payload)
                if base:
                    node.sync()
        elif record.kind == TRUNCATE:
            if isinstance(node, File):
                node.truncate(record.sequence, record.argument)
        elif record.kind == SYNC:
            self._sync(record)
        elif record.kind == UNRECORDABLE:
            if not (isinstance(node, File) and node.ignored):
                raise Unrecordable(record.payload.decode(errors="replace"))
        elif record.kind in (CREATE, MAKE_DIRECTORY, LINK, REMOVE, RENAME):
            self._change_entries(record)
            if base:
                self._persist(self._directory(record.directory))

    def complete(self, record: Record) -> None:
        """The operation returned: what it promised to be durable now is."""
        node = self.by_inode.get(record.file)
        if record.kind == WRITE and record.has(DURABLE_ON_RETURN) and not record.has(FAILED):
            if isinstance(node, File) and record.payload:
                node.sync_range(record.argument, record.argument + len(record.payload))

    def _sync(self, record: Record) -> None:
        if record.has(LIED):
            return
        node = self.by_inode.get(record.file)
        if record.has(FAILED):
            if isinstance(node, File):
                node.sync_failed()
        elif record.file == 0:
            for file in self.files:
                file.sync()
            for operation in self.operations:
                self._persist_operation(operation)
            self.operations = []
        elif isinstance(node, File):
            node.sync()
        elif isinstance(node, Directory):
            self._persist(node)

    def _directory(self, inode: int) -> Directory:
        node = self.by_inode.get(inode)
        if not isinstance(node, Directory):
            raise Unrecordable(f"an entry of directory {inode}, which the log does not know")
        return node

    def _new_file(self, name: str) -> File:
        file = File(self.unit, any(fnmatch(name, pattern) for pattern in self.ignored))
        self.files.append(file)
        return file

    def _change_entries(self, record: Record) -> None:
        operation = EntryOperation(record.sequence)
        if record.kind == RENAME:
            source, target = record.payload.decode().split("\0")
            node = self.by_inode.get(record.file)
            operation.effects = [
                (self._directory(record.directory), source, None),
                (self._directory(record.argument), target, node),
            ]
        else:
            name = record.payload.decode()
            if record.kind == CREATE and not (record.has(BASE) and record.file in self.by_inode):
                self.by_inode[record.file] = self._new_file(name)
            elif record.kind == MAKE_DIRECTORY:
                self.by_inode[record.file] = Directory()
            if record.directory == 0:
                return  # A file without a name.
            node = None if record.kind == REMOVE else self.by_inode.get(record.file)
            operation.effects = [(self._directory(record.directory), name, node)]
        self.operations.append(operation)

    def _persist(self, directory: Directory) -> None:
        done = [o for o in self.operations if any(effect[0] is directory for effect in o.effects)]
        for operation in done:
            self._persist_operation(operation)
        self.operations = [o for o in self.operations if not any(o is other for other in done)]

    def _persist_operation(self, operation: EntryOperation) -> None:
        for directory, name, node in operation.effects:
            directory.entries[name] = (operation.when, node)
