"""Where everything lies in an LMDB 0.9 file of a 64-bit little-endian machine: an independent reading, so that damage can be aimed."""

import struct
from dataclasses import dataclass
from typing import Iterator

PAGE_HEADER, NODE_HEADER, META = 16, 8, 16
BRANCH, LEAF, OVERFLOW = 1, 2, 4
BIG, SUBTREE = 1, 2
NOTHING = (1 << 64) - 1


@dataclass(frozen=True)
class Region:
    kind: str
    offset: int
    length: int
    # The cache and key of a record, as the checker names it.
    record: str = "-"


class PageMap:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.size = struct.unpack_from("<I", data, META + 24)[0]
        self.pages = len(data) // self.size
        self.used: set[int] = {0, 1}
        self.names: dict[str, str] = {}
        self.regions: list[Region] = []
        newest = max((0, 1), key=lambda page: self._integer(page * self.size + META + 128, "<Q"))
        for page in (0, 1):
            kind = "newest meta page" if page == newest else "older meta page"
            self.regions.append(Region(kind, page * self.size, META + 136))
        at = newest * self.size + META
        self._tree(at + 24, "free list", None)
        tables: list[tuple[str, int]] = []
        self._tree(at + 72, "table of tables", tables)
        for name, tree in sorted(tables, key=lambda table: table[0] != "larder"):
            self._tree(tree, {"larder": "description", "expiry": "index of deadlines"}.get(name, name), None)
        for page in set(range(self.pages)) - self.used:
            self.regions.append(Region("unused page", page * self.size, self.size))

    def _integer(self, at: int, form: str) -> int:
        return struct.unpack_from(form, self.data, at)[0]

    def _tree(self, at: int, table: str, tables: list[tuple[str, int]] | None) -> None:
        root = self._integer(at + 40, "<Q")
        if root != NOTHING:
            self._page(root, table, tables)

    def _page(self, number: int, table: str, tables: list[tuple[str, int]] | None) -> None:
        base = number * self.size
        self.used.add(number)
        flags, lower, upper = struct.unpack_from("<HHH", self.data, base + 10)
        self.regions.append(Region("page header", base, PAGE_HEADER))
        self.regions.append(Region("node pointers", base + PAGE_HEADER, lower - PAGE_HEADER))
        if upper > lower:
            self.regions.append(Region("free space", base + lower, upper - lower))
        for index in range((lower - PAGE_HEADER) // 2):
            node = base + self._integer(base + PAGE_HEADER + 2 * index, "<H")
            low, high, node_flags, key_size = struct.unpack_from("<HHHH", self.data, node)
            self.regions.append(Region("node header", node, NODE_HEADER))
            if key_size:
                self.regions.append(Region("key", node + NODE_HEADER, key_size))
            if flags & BRANCH:
                self._page(low | high << 16 | node_flags << 32, table, tables)
                continue
            key = self.data[node + NODE_HEADER : node + NODE_HEADER + key_size]
            self._value(node + NODE_HEADER + key_size, low | high << 16, node_flags, key, table, tables)

    def _value(
        self, at: int, size: int, flags: int, key: bytes, table: str, tables: list[tuple[str, int]] | None
    ) -> None:
        if flags & SUBTREE and tables is not None:
            self.regions.append(Region("table of tables", at, size))
            tables.append((key.decode(), at))
            return
        if flags & BIG:
            self.regions.append(Region("number of an overflow page", at, 8))
            first = self._integer(at, "<Q")
            count = (PAGE_HEADER - 1 + size) // self.size + 1
            self.used.update(range(first, first + count))
            self.regions.append(Region("overflow page header", first * self.size, PAGE_HEADER))
            at = first * self.size + PAGE_HEADER
            if count * self.size > PAGE_HEADER + size:
                end = first * self.size + count * self.size
                self.regions.append(Region("free space", at + size, end - at - size))
        if table == "description" and key.startswith(b"cache/"):
            self.names[f"cache.{self._integer(at, '<I')}"] = key[6:].decode()
        if not table.startswith("cache."):
            self.regions.append(Region(table, at, size))
            return
        record = f"{self.names[table]} {key.hex()}"
        header = 20 if self.data[at + 9] & 1 else 12
        self.regions.append(Region("record header", at, header, record))
        if size > header:
            self.regions.append(Region("payload", at + header, size - header, record))

    def by_kind(self) -> Iterator[tuple[str, list[Region]]]:
        for kind in sorted({region.kind for region in self.regions}):
            yield kind, [region for region in self.regions if region.kind == kind]
