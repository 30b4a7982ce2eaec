/// Finds entries by fingerprint: an open-addressing table whose rows are cache lines of seven entries each. ``ShardView`` looks entries up in it.
///
/// A word holds a fingerprint and a block, so that a lookup reads one line, then the entry, and growing reads no entry. The eighth word of a row counts, in its
/// first byte, the entries that belong to it or an earlier row but went on past it (Bronson and Shi, "F14", 2019): a lookup stops at a row with none. A removal
/// brings back an entry that had gone on (Knuth, "The Art of Computer Programming" 6.4, algorithm R), so that the table stays as if it had just been built:
/// without that, entries that come and go would in time leave no row without passers-by, and a lookup of an absent key no end. The other seven bytes of the
/// eighth word are the entries' marks (``UseMark``): a hit finds its entry's on the line that it has read, and may write it without a lock.
///
/// The table lies in one half of a range of address space, and grows into the other. Whoever looks something up without the shard's lock may still read in the half
/// that was left: it reads as zero.
struct EntryIndex: ~Copyable, Sendable {
    static let rowBytes = 64
    static let slots = 7
    /// Where a row counts those that went past it.
    static let passedOffset = 56
    /// Where a row holds the marks, a byte for each slot.
    static let marksOffset = 57
    static let leastRows = 64
    /// The table grows beyond seven ninths: at seven eighths, one lookup in eight would read a second line.
    private static let fill = (numerator: 7, denominator: 9)

    private var memory: MappedMemory
    /// The bytes of half the range.
    private var half: Int
    /// Where the table begins: 0 or `half`.
    private var start = 0
    private(set) var rows = EntryIndex.leastRows
    private(set) var count = 0
    /// Ranges that were too small, for lookups that still read there.
    private var retired: RetiredMemory?

    /// A table that can grow to `byteCount` bytes.
    init(largestByteCount byteCount: Int) {
        half = Self.half(byteCount)
        memory = MappedMemory(byteCount: 2 * half)
    }

    /// The least half that holds a table of `byteCount` bytes. Huge pages do not reach from one half to the other.
    private static func half(_ byteCount: Int) -> Int {
        let needed = max(byteCount, leastRows * rowBytes)
        return needed.roundedUp(toMultipleOf: needed >= MappedMemory.hugePage ? MappedMemory.hugePage : 4096)
    }

    /// The memory of the table, in bytes: whole pages.
    @inline(__always)
    var byteCount: Int { Self.byteCount(rows) }

    private static func byteCount(_ rows: Int) -> Int { (rows * rowBytes).roundedUp(toMultipleOf: 4096) }

    /// Whether there is no room for one more entry.
    var isFull: Bool { (count + 1) * Self.fill.denominator > rows * Self.slots * Self.fill.numerator }

    /// The rows of a larger table: with room for `expected` entries and a few more, or if no more than one is expected, larger by a quarter. No more than there
    /// is room for.
    private func larger(for expected: Int) -> Int {
        guard expected > count + 1 else { return min(max(rows + rows / 4, rows + 60), half / Self.rowBytes) }
        return min(max(Self.rows(for: expected), rows + rows / 50 + 8), half / Self.rowBytes)
    }

    /// The rows of a table for `expected` entries and a few more.
    private static func rows(for expected: Int) -> Int {
        let needed = expected * fill.denominator / (slots * fill.numerator)
        return needed + needed / 50 + 8
    }

    /// The memory of the table after ``grow(for:)``, in bytes; nil if it cannot grow.
    func byteCountGrown(for expected: Int) -> Int? {
        let larger = larger(for: expected)
        return larger > rows ? Self.byteCount(larger) : nil
    }

    /// Where the table lies.
    @inline(__always)
    var address: UInt { memory.address &+ UInt(bitPattern: start) }

    @inline(__always)
    static func row(_ fingerprint: UInt32, of rows: Int) -> Int {
        // The high bits of the product: any number of rows, no division.
        Int(truncatingIfNeeded: (UInt64(fingerprint) &* UInt64(truncatingIfNeeded: rows)) >> 32)
    }

    // MARK: Changes

    /// Whether an entry of this fingerprint can be added: there is room (``isFull``), and no row on its way was passed by as many as the row can count. For that
    /// hundreds of entries must have nearly the same fingerprint. A place is not lost when other entries leave.
    func hasPlace(for fingerprint: UInt32) -> Bool {
        target(of: fingerprint, from: start, rows: rows) != nil
    }

    /// Adds an entry, for which there must be a place.
    mutating func insert(_ entry: EntryReference, _ fingerprint: UInt32, mark: UseMark) {
        let isPlaced = place(Self.word(entry, fingerprint), mark, from: start, rows: rows)
        precondition(isPlaced, "there is no place in the index")
        count += 1
    }

    /// Removes an entry that is there.
    mutating func remove(_ entry: EntryReference, _ fingerprint: UInt32) {
        let place = locate(entry, fingerprint) { decrementPassed($0) }
        fill(place)
        count -= 1
    }

    /// Records that an entry has moved to another block.
    mutating func replace(_ entry: EntryReference, by other: EntryReference, _ fingerprint: UInt32) {
        setWord(Self.word(other, fingerprint), at: locate(entry, fingerprint) { _ in })
    }

    /// Makes room for `expected` entries, or for a quarter more than now if no more than one is expected, as far as there is address space. Reads no entry. O(size),
    /// once in so many insertions.
    ///
    /// - Returns: Whether it did; false, with nothing changed, if an entry has no place in the larger table, where rows begin elsewhere
    ///   (``hasPlace(for:)``).
    mutating func grow(for expected: Int) -> Bool {
        rebuild(rows: larger(for: expected))
    }

    /// The rows of a table for the entries that are there.
    private var fittingRows: Int { max(Self.rows(for: count), Self.leastRows) }

    /// The memory of the table after ``shrink()``, in bytes; nil if it is not worth it.
    var byteCountShrunk: Int? { fittingRows < rows / 2 ? Self.byteCount(fittingRows) : nil }

    /// Makes the table anew for the entries that are there. Reads no entry. O(size).
    mutating func shrink() {
        _ = rebuild(rows: fittingRows)
    }

    private mutating func rebuild(rows newRows: Int) -> Bool {
        let newStart = half - start
        memory.preferHugePages(from: newStart, count: newRows * Self.rowBytes)
        for row in 0..<rows {
            for slot in 0..<Self.slots {
                let place = Place(row: row, slot: slot)
                let word = word(at: place)
                guard UInt32(truncatingIfNeeded: word) != 0 else { continue }
                guard self.place(word, mark(at: place), from: newStart, rows: newRows) else {
                    memory.discard(from: newStart, to: newStart + half)
                    return false
                }
            }
        }
        memory.discard(from: start, to: start + half)
        (start, rows) = (newStart, newRows)
        return true
    }

    /// Makes address space for tables of up to `byteCount` bytes. Nothing else changes.
    mutating func reserve(byteCount: Int) {
        let needed = Self.half(byteCount)
        guard needed > half else { return }
        // At least twice as much, so that few are ever retired.
        let newHalf = max(needed, 2 * half)
        var larger = MappedMemory(byteCount: 2 * newHalf)
        larger.preferHugePages(from: 0, count: rows * Self.rowBytes)
        larger.copy(from: memory, at: start, count: rows * Self.rowBytes)
        swap(&memory, &larger)
        retired = RetiredMemory(larger, before: retired)
        half = newHalf
        start = 0
    }

    /// Forgets every entry and gives the memory back.
    mutating func removeAll() {
        memory.discard(from: 0, to: memory.byteCount)
        rows = Self.leastRows
        count = 0
    }

    // MARK: Marks

    /// The mark of an entry that is there.
    func mark(of entry: EntryReference, _ fingerprint: UInt32) -> UseMark {
        mark(at: locate(entry, fingerprint) { _ in })
    }

    /// Replaces the mark of an entry that is there.
    mutating func setMark(_ mark: UseMark, of entry: EntryReference, _ fingerprint: UInt32) {
        setMark(mark, at: locate(entry, fingerprint) { _ in })
    }

    /// Calls `body` with each entry in the first `mostRows` rows, and its mark. O(`mostRows`).
    func forEach(inFirst mostRows: Int, _ body: (EntryReference, UseMark) -> Void) {
        for row in 0..<min(rows, mostRows) {
            for slot in 0..<Self.slots {
                let place = Place(row: row, slot: slot)
                let entry = EntryReference(truncatingIfNeeded: word(at: place))
                if entry != 0 { body(entry, mark(at: place)) }
            }
        }
    }

    /// Brings the row of a fingerprint closer.
    @inline(__always)
    func prefetch(_ fingerprint: UInt32) {
        memory.prefetch(start &+ Self.row(fingerprint, of: rows) &* Self.rowBytes)
    }

    // MARK: Places

    /// A slot of a row.
    private struct Place {
        var row: Int
        var slot: Int
    }

    @inline(__always)
    private static func word(_ entry: EntryReference, _ fingerprint: UInt32) -> UInt64 {
        UInt64(fingerprint) << 32 | UInt64(entry)
    }

    @inline(__always)
    private func word(at place: Place) -> UInt64 {
        memory.load(start &+ place.row &* Self.rowBytes &+ place.slot &* 8, as: UInt64.self)
    }

    private func setWord(_ word: UInt64, at place: Place) {
        memory.store(word, at: start + place.row * Self.rowBytes + place.slot * 8)
    }

    private func mark(at place: Place) -> UseMark {
        UseMark(
            byte: memory.load(start + place.row * Self.rowBytes + Self.marksOffset + place.slot, as: UInt8.self))
    }

    private func setMark(_ mark: UseMark, at place: Place) {
        memory.store(mark.byte, at: start + place.row * Self.rowBytes + Self.marksOffset + place.slot)
    }

    private func passed(_ row: Int) -> UInt8 {
        memory.load(start + row * Self.rowBytes + Self.passedOffset, as: UInt8.self)
    }

    private func decrementPassed(_ row: Int) {
        memory.store(passed(row) - 1, at: start + row * Self.rowBytes + Self.passedOffset)
    }

    @inline(__always)
    private func next(_ row: Int) -> Int { row + 1 == rows ? 0 : row + 1 }

    /// The place of an entry that is there. Calls `passing` with each row on the way that it is not in.
    @inline(__always)
    private func locate(_ entry: EntryReference, _ fingerprint: UInt32, passing: (Int) -> Void) -> Place {
        let wanted = Self.word(entry, fingerprint)
        var row = Self.row(fingerprint, of: rows)
        while true {
            var candidates = memory.words(withUpperHalf: fingerprint, at: start &+ row &* Self.rowBytes)
            while candidates != 0 {
                let place = Place(row: row, slot: candidates.trailingZeroBitCount &>> 1)
                if word(at: place) == wanted { return place }
                candidates &= candidates &- 1
            }
            passing(row)
            row = next(row)
        }
    }

    /// The first free slot from the row of a fingerprint on, in a table of so many rows that begins at `start`; nil if a row before it was passed by as many
    /// as it can count.
    @inline(__always)
    private func target(of fingerprint: UInt32, from start: Int, rows: Int) -> Place? {
        var row = Self.row(fingerprint, of: rows)
        while true {
            let offset = start &+ row &* Self.rowBytes
            let free = memory.words(withLowerHalf: 0, at: offset)
            if free != 0 { return Place(row: row, slot: free.trailingZeroBitCount &>> 1) }
            guard memory.load(offset + Self.passedOffset, as: UInt8.self) < .max else { return nil }
            row = row + 1 == rows ? 0 : row + 1
        }
    }

    /// Puts a word into the first row from its own on that has room. Returns false, with nothing changed, if there is no place for it.
    private func place(_ word: UInt64, _ mark: UseMark, from start: Int, rows: Int) -> Bool {
        let fingerprint = UInt32(truncatingIfNeeded: word >> 32)
        guard let target = target(of: fingerprint, from: start, rows: rows) else { return false }
        let offset = start + target.row * Self.rowBytes
        memory.store(word, at: offset + target.slot * 8)
        memory.store(mark.byte, at: offset + Self.marksOffset + target.slot)
        var row = Self.row(fingerprint, of: rows)
        while row != target.row {
            let passed = start + row * Self.rowBytes + Self.passedOffset
            memory.store(memory.load(passed, as: UInt8.self) + 1, at: passed)
            row = row + 1 == rows ? 0 : row + 1
        }
        return true
    }

    /// Fills a slot that has become free with the nearest entry that went past its row, then that one's slot in turn.
    private func fill(_ free: Place) {
        var free = free
        while passed(free.row) != 0 {
            let found = nearestPasser(of: free.row)
            setWord(word(at: found), at: free)
            setMark(mark(at: found), at: free)
            var row = free.row
            while row != found.row {
                decrementPassed(row)
                row = next(row)
            }
            free = found
        }
        setWord(0, at: free)
    }

    /// The place of an entry that went past a row. There must be one.
    private func nearestPasser(of row: Int) -> Place {
        var candidate = next(row)
        var distance = 1
        while true {
            for slot in 0..<Self.slots {
                let word = word(at: Place(row: candidate, slot: slot))
                guard UInt32(truncatingIfNeeded: word) != 0 else { continue }
                let home = Self.row(UInt32(truncatingIfNeeded: word >> 32), of: rows)
                let travelled = candidate >= home ? candidate - home : candidate + rows - home
                if travelled >= distance { return Place(row: candidate, slot: slot) }
            }
            candidate = next(candidate)
            distance += 1
        }
    }

    /// What is wrong with the rows' counts, or nil. Visits every row.
    func brokenInvariant() -> String? {
        var entries = 0
        var passedBy = [UInt32](repeating: 0, count: rows)
        for row in 0..<rows {
            for slot in 0..<Self.slots {
                let word = word(at: Place(row: row, slot: slot))
                guard UInt32(truncatingIfNeeded: word) != 0 else { continue }
                entries += 1
                var home = Self.row(UInt32(truncatingIfNeeded: word >> 32), of: rows)
                while home != row {
                    passedBy[home] += 1
                    home = next(home)
                }
            }
        }
        if entries != count { return "\(entries) entries in the index, counted as \(count)" }
        for row in 0..<rows {
            if UInt32(passed(row)) != passedBy[row] {
                return "a row of the index was passed by \(passedBy[row]), counted as \(passed(row))"
            }
            let isFull = (0..<Self.slots).allSatisfy { word(at: Place(row: row, slot: $0)) != 0 }
            if passed(row) > 0, !isFull { return "a row of the index was passed though it has room" }
        }
        return nil
    }
}
