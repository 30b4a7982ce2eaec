internal import CProcessor

/// Finds entries by fingerprint: an open-addressing table whose rows are cache lines of seven entries each.
///
/// A word holds a fingerprint and a block, so that a lookup reads one line, then the entry, and growing reads no entry. The eighth word of a row counts the
/// entries that belong to it or an earlier row but went on past it (Bronson and Shi, "F14", 2019): a lookup stops at a row with none. A removal brings
/// back an entry that had gone on (Knuth, "The Art of Computer Programming" 6.4, algorithm R), so that the table stays as if it had just been built:
/// without that, entries that come and go would in time leave no row without passers-by, and a lookup of an absent key no end. The table grows to the number of
/// entries that is expected, so that it is never much too large.
struct EntryIndex: ~Copyable, Sendable {
    fileprivate static let rowBytes = 64
    private static let slots = 7
    /// The table grows beyond seven eighths.
    private static let fill = (numerator: 7, denominator: 8)

    private var memory: MappedMemory
    private var rows: Int
    private(set) var count = 0

    init() {
        rows = 64
        memory = MappedMemory(byteCount: rows * Self.rowBytes)
    }

    /// The memory of the table, in bytes: whole pages.
    @inline(__always)
    var byteCount: Int { Self.byteCount(rows) }

    private static func byteCount(_ rows: Int) -> Int { (rows * rowBytes + 4095) / 4096 * 4096 }

    /// Whether there is no room for one more entry.
    var isFull: Bool { (count + 1) * Self.fill.denominator > rows * Self.slots * Self.fill.numerator }

    /// The rows of a larger table: with room for `expected` entries and a few more, or if no more than one is expected, larger by a quarter.
    private func larger(for expected: Int) -> Int {
        guard expected > count + 1 else { return max(rows + rows / 4, rows + 60) }
        let needed = expected * Self.fill.denominator / (Self.slots * Self.fill.numerator)
        return max(needed + needed / 50, rows + rows / 50) + 8
    }

    /// The memory of the table after ``grow(for:)``, in bytes.
    func byteCountGrown(for expected: Int) -> Int { Self.byteCount(larger(for: expected)) }

    /// Where the table lies and how many rows it has, for ``prefetch(_:in:)``.
    var place: Place { Place(address: memory.address, rows: UInt64(truncatingIfNeeded: rows)) }

    /// Where a table lay once.
    struct Place {
        var address: UInt
        var rows: UInt64

        /// Brings the row of a fingerprint closer, if the table is still there; otherwise does nothing that matters.
        @inline(__always)
        func prefetch(_ fingerprint: UInt32) {
            let row = UInt(truncatingIfNeeded: (UInt64(fingerprint) &* rows) >> 32)
            unsafe larder_prefetch(UnsafeRawPointer(bitPattern: address &+ row &* UInt(EntryIndex.rowBytes)))
        }
    }

    @inline(__always)
    private static func row(_ fingerprint: UInt32, of rows: Int) -> Int {
        // The high bits of the product: any number of rows, no division.
        Int(truncatingIfNeeded: (UInt64(fingerprint) &* UInt64(truncatingIfNeeded: rows)) >> 32)
    }

    /// The first entry with the fingerprint for which `matches` holds, or 0.
    @inline(__always)
    func find(_ fingerprint: UInt32, where matches: (EntryReference) -> Bool) -> EntryReference {
        var row = Self.row(fingerprint, of: rows)
        while true {
            let offset = row &* Self.rowBytes
            // All slots are compared before any is looked at: nobody could foretell which of them it is.
            var candidates = memory.wordsWithUpperHalf(fingerprint, inLine: offset)
            while candidates != 0 {
                let slot = candidates.trailingZeroBitCount &>> 1
                let entry = memory.load(offset &+ slot &* 8, as: EntryReference.self)
                if entry != 0, matches(entry) { return entry }
                candidates &= candidates &- 1
            }
            if memory.load(offset + 56, as: UInt64.self) == 0 { return 0 }
            row = row + 1 == rows ? 0 : row + 1
        }
    }

    /// Adds an entry, for which there must be room (``isFull``).
    mutating func insert(_ entry: EntryReference, _ fingerprint: UInt32) {
        Self.place(UInt64(fingerprint) << 32 | UInt64(entry), in: memory, rows: rows)
        count += 1
    }

    /// Removes an entry that is there.
    mutating func remove(_ entry: EntryReference, _ fingerprint: UInt32) {
        var row = Self.row(fingerprint, of: rows)
        let offset = locate(UInt64(fingerprint) << 32 | UInt64(entry)) { passed in
            changeCount(passed, by: -1)
            row = next(passed)
        }
        fill(offset, in: row)
        count -= 1
    }

    /// Fills a slot that has become free with the nearest entry that went past its row, then that one's slot in turn.
    private func fill(_ free: Int, in freeRow: Int) {
        var (offset, row) = (free, freeRow)
        while memory.load(row * Self.rowBytes + 56, as: UInt64.self) != 0 {
            let (found, foundRow) = nearestPasser(of: row)
            memory.store(memory.load(found, as: UInt64.self), at: offset)
            while row != foundRow {
                changeCount(row, by: -1)
                row = next(row)
            }
            offset = found
        }
        memory.store(UInt64(0), at: offset)
    }

    /// The place and the row of an entry that went past a row. There must be one.
    private func nearestPasser(of row: Int) -> (offset: Int, row: Int) {
        var candidate = next(row)
        var distance = 1
        while true {
            for slot in 0..<Self.slots {
                let offset = candidate * Self.rowBytes + slot * 8
                let word = memory.load(offset, as: UInt64.self)
                guard UInt32(truncatingIfNeeded: word) != 0 else { continue }
                let home = Self.row(UInt32(truncatingIfNeeded: word >> 32), of: rows)
                let travelled = candidate >= home ? candidate - home : candidate + rows - home
                if travelled >= distance { return (offset, candidate) }
            }
            candidate = next(candidate)
            distance += 1
        }
    }

    @inline(__always)
    private func next(_ row: Int) -> Int { row + 1 == rows ? 0 : row + 1 }

    private func changeCount(_ row: Int, by difference: Int64) {
        let offset = row * Self.rowBytes + 56
        memory.store(memory.load(offset, as: Int64.self) + difference, at: offset)
    }

    /// Records that an entry has moved to another block.
    mutating func replace(_ entry: EntryReference, by other: EntryReference, _ fingerprint: UInt32) {
        let offset = locate(UInt64(fingerprint) << 32 | UInt64(entry)) { _ in }
        memory.store(UInt64(fingerprint) << 32 | UInt64(other), at: offset)
    }

    /// Makes room for `expected` entries, or for a quarter more than now if no more than one is expected. Reads no entry. O(size), once in so many insertions.
    mutating func grow(for expected: Int) {
        let newRows = larger(for: expected)
        let larger = MappedMemory(byteCount: newRows * Self.rowBytes)
        larger.preferHugePages()
        for row in 0..<rows {
            for slot in 0..<Self.slots {
                let word = memory.load(row * Self.rowBytes + slot * 8, as: UInt64.self)
                if UInt32(truncatingIfNeeded: word) != 0 { Self.place(word, in: larger, rows: newRows) }
            }
        }
        memory = larger
        rows = newRows
    }

    /// Forgets every entry and gives the memory back.
    mutating func removeAll() {
        self = EntryIndex()
    }

    /// The place of a word that is there. Calls `passing` with each row on the way that it is not in.
    private func locate(_ wanted: UInt64, passing: (Int) -> Void) -> Int {
        var row = Self.row(UInt32(truncatingIfNeeded: wanted >> 32), of: rows)
        while true {
            let offset = row * Self.rowBytes
            for slot in 0..<Self.slots where memory.load(offset + slot * 8, as: UInt64.self) == wanted {
                return offset + slot * 8
            }
            passing(row)
            row = next(row)
        }
    }

    /// What is wrong with the rows' counts, or nil. Visits every row.
    func brokenInvariant() -> String? {
        var entries = 0
        var passed = [UInt64](repeating: 0, count: rows)
        for row in 0..<rows {
            for slot in 0..<Self.slots {
                let word = memory.load(row * Self.rowBytes + slot * 8, as: UInt64.self)
                guard UInt32(truncatingIfNeeded: word) != 0 else { continue }
                entries += 1
                var home = Self.row(UInt32(truncatingIfNeeded: word >> 32), of: rows)
                while home != row {
                    passed[home] += 1
                    home = home + 1 == rows ? 0 : home + 1
                }
            }
        }
        if entries != count { return "\(entries) entries in the index, counted as \(count)" }
        for row in 0..<rows {
            let counted = memory.load(row * Self.rowBytes + 56, as: UInt64.self)
            if counted != passed[row] {
                return "a row of the index was passed by \(passed[row]), counted as \(counted)"
            }
            let isFull = (0..<Self.slots).allSatisfy { memory.load(row * Self.rowBytes + $0 * 8, as: UInt64.self) != 0 }
            if counted > 0, !isFull { return "a row of the index was passed though it has room" }
        }
        return nil
    }

    private static func place(_ word: UInt64, in memory: borrowing MappedMemory, rows: Int) {
        var row = row(UInt32(truncatingIfNeeded: word >> 32), of: rows)
        while true {
            let offset = row * rowBytes
            for slot in 0..<slots
            where UInt32(truncatingIfNeeded: memory.load(offset + slot * 8, as: UInt64.self)) == 0 {
                memory.store(word, at: offset + slot * 8)
                return
            }
            memory.store(memory.load(offset + 56, as: UInt64.self) + 1, at: offset + 56)
            row = row + 1 == rows ? 0 : row + 1
        }
    }
}
