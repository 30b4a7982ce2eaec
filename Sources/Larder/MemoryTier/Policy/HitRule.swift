/// When a hit counts: a copy of what the policy goes by, for lookups that do not hold the lock under which it changes.
struct HitRule: Sendable {
    /// An entry's counter goes no further.
    static let most: UInt8 = 3

    /// The policy's time.
    private let clock: UInt32
    /// Hits of window entries younger than this are ignored.
    private let correlatedAge: UInt32

    @inline(__always)
    init(clock: UInt32, correlatedAge: UInt32) {
        self.clock = clock
        self.correlatedAge = correlatedAge
    }

    /// Whether a hit of a window entry that came in at `time` belongs to the same use as its coming (correlated references; LRU-K, O'Neil, O'Neil and Weikum,
    /// SIGMOD 1993).
    @inline(__always)
    func isCorrelated(_ time: UInt32) -> Bool { clock &- time < correlatedAge }

    /// Both numbers in one word.
    @inline(__always)
    var word: UInt64 { UInt64(correlatedAge) << 32 | UInt64(clock) }

    @inline(__always)
    init(word: UInt64) {
        self.init(
            clock: UInt32(truncatingIfNeeded: word), correlatedAge: UInt32(truncatingIfNeeded: word >> 32))
    }
}
