"""Reads a recorder's log. The format is in ../README.md."""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator

MAGIC = b"LARDREC1"
RECORD_MAGIC = 0x4345524C
HEADER = struct.Struct("<8sIIQ")
RECORD = struct.Struct("<IHHQQQQqIIII")

WRITE, SYNC, TRUNCATE, CREATE, LINK, RENAME, REMOVE, MAKE_DIRECTORY, MARK, UNRECORDABLE = range(1, 11)
DURABLE_ON_RETURN, FAILED, LIED, BASE = 1, 2, 4, 8

COUNTERS = ["writes", "bytes_written", "syncs", "flushes", "truncations", "opens", "directory_operations", "marks", "allocations"]


class Damaged(Exception):
    """The file is not a log, or not one of this version."""


@dataclass(frozen=True, slots=True)
class Record:
    kind: int
    flags: int
    sequence: int
    file: int
    directory: int
    argument: int
    result: int
    payload: bytes

    def has(self, flag: int) -> bool:
        return bool(self.flags & flag)


def read(path: Path) -> tuple[int, list[Record]]:
    """The inode of the watched directory, and the records. A killed process may leave half a record at the end."""
    data = path.read_bytes()
    if len(data) < HEADER.size:
        raise Damaged(f"{path}: no log header")
    magic, header_bytes, record_bytes, root = HEADER.unpack_from(data)
    if magic != MAGIC or header_bytes != HEADER.size or record_bytes != RECORD.size:
        raise Damaged(f"{path}: not a log of this version")
    return root, list(_records(data, path))


def _records(data: bytes, path: Path) -> Iterator[Record]:
    at = HEADER.size
    while at + RECORD.size <= len(data):
        magic, kind, flags, sequence, file, directory, argument, result, _, _, size, _ = RECORD.unpack_from(data, at)
        if magic != RECORD_MAGIC:
            raise Damaged(f"{path}: no record at byte {at}")
        end = at + RECORD.size + size
        if end > len(data):
            return
        yield Record(kind, flags, sequence, file, directory, argument, result, data[at + RECORD.size : end])
        at = end


def counts(path: Path) -> dict[str, int]:
    """What a control file has counted."""
    data = path.read_bytes()
    if data[:8] != MAGIC:
        raise Damaged(f"{path}: not a control file")
    return dict(zip(COUNTERS, struct.unpack_from(f"<{len(COUNTERS)}Q", data, 8)))
