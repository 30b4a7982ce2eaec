internal import CProcessor

/// Remembers keys that left the window unused, and when each had been inserted: a fingerprint and a coarse time in four bytes.
///
/// The table is set-associative: a key may stand in one row of 16 words, one cache line, where it takes the place of the oldest. A row keeps 16
/// bits of the fingerprint, so a stranger is taken for a ghost once in some 4,000 lookups. Time is kept modulo 65,536 units of
/// `2^timeShift` ticks, which spans at least eight turnovers of the cache.
struct GhostTable: Sendable {
    private static let rowWidth = 16
    private static let freeWord: UInt32 = 0

    private var words: [UInt32]
    private let rows: UInt32
    private let ways: Int
    private let timeShift: UInt32

    /// The number of ghosts that fit.
    var capacity: Int { Int(rows) * ways }
    /// The table's memory, in bytes.
    @inline(__always)
    var byteCount: Int { [UInt32].byteCount(Int(rows) * Self.rowWidth) }

    /// The memory of a table of a given capacity, in bytes.
    static func byteCount(capacity: Int) -> Int {
        [UInt32].byteCount(rows(capacity: capacity) * rowWidth)
    }

    private static func rows(capacity: Int) -> Int {
        max(1, (capacity + rowWidth - 1) / rowWidth)
    }

    /// A table for about `capacity` ghosts, at least one, of a cache of `entryCount` entries.
    init(capacity: Int, entryCount: Int) {
        let rows = Self.rows(capacity: capacity)
        self.rows = UInt32(rows)
        ways = min(Self.rowWidth, max(1, (capacity + rows - 1) / rows))
        words = Array(repeating: 0, count: rows * Self.rowWidth)
        var shift: UInt32 = 0
        while entryCount >> shift > 4096 { shift += 1 }
        timeShift = shift
    }

    /// Remembers a key that had been inserted at `time`.
    mutating func insert(_ fingerprint: UInt32, insertedAt time: UInt32, now: UInt32) {
        let coarseNow = UInt16(truncatingIfNeeded: now >> timeShift)
        let word = Self.tag(of: fingerprint) << 16 | UInt32(UInt16(truncatingIfNeeded: time >> timeShift))
        let ways = ways
        unsafe withRow(of: fingerprint) { row in
            var slot = 0
            var oldest: UInt16 = 0
            for way in 0..<ways {
                let word = unsafe row[way]
                if word == Self.freeWord {
                    slot = way
                    break
                }
                let age = coarseNow &- UInt16(truncatingIfNeeded: word)
                if age >= oldest {
                    oldest = age
                    slot = way
                }
            }
            unsafe row[slot] = word
        }
    }

    /// Forgets a key and returns how long before `now` it had been inserted, or nil if it is not remembered.
    mutating func remove(_ fingerprint: UInt32, now: UInt32) -> UInt32? {
        let tag = UInt16(truncatingIfNeeded: Self.tag(of: fingerprint))
        let coarseNow = UInt16(truncatingIfNeeded: now >> timeShift)
        let timeShift = timeShift
        return unsafe withRow(of: fingerprint) { row in
            let found = unsafe larder_short_words_with_upper_half(row, tag)
            guard found != 0 else { return nil }
            let way = found.trailingZeroBitCount
            let age = unsafe coarseNow &- UInt16(truncatingIfNeeded: row[way])
            unsafe row[way] = Self.freeWord
            return UInt32(age) << timeShift
        }
    }

    /// Brings the row of a key closer.
    @inline(__always)
    func prefetch(_ fingerprint: UInt32) {
        let start = row(of: fingerprint)
        unsafe words.withUnsafeBufferPointer { unsafe larder_prefetch($0.baseAddress.unsafelyUnwrapped + start) }
    }

    /// Calls `body` with the words of the row that a key belongs to. (Those beyond `ways` are free.)
    @inline(__always)
    private mutating func withRow<Result>(
        of fingerprint: UInt32, _ body: (UnsafeMutablePointer<UInt32>) -> Result
    ) -> Result {
        let start = row(of: fingerprint)
        return unsafe words.withUnsafeMutableBufferPointer { words in
            unsafe body(words.baseAddress.unsafelyUnwrapped + start)
        }
    }

    @inline(__always)
    private func row(of fingerprint: UInt32) -> Int {
        Int((UInt64(fingerprint) * UInt64(rows)) >> 32) * Self.rowWidth
    }

    /// The low half of the fingerprint, never 0, which marks a free word. (The row is chosen by the high half.)
    private static func tag(of fingerprint: UInt32) -> UInt32 {
        max(1, fingerprint & 0xFFFF)
    }
}
