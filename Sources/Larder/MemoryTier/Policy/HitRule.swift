/// What a hit makes of an entry's mark: a copy of what the policy goes by, for lookups that do not hold the lock under which it changes.
struct HitRule: Sendable {
    /// In a word, the age has the bits between the mark and the clock.
    private static let mostAge: UInt32 = 1 << 24 - 1

    /// The policy's time.
    private let clock: UInt32
    /// Hits of window entries younger than this are ignored.
    private let correlatedAge: UInt32
    /// The mark that no hit changes: of the present epoch, and with a full counter.
    let fullMark: UseMark

    @inline(__always)
    init(clock: UInt32, correlatedAge: UInt32, epoch: UInt8) {
        self.clock = clock
        self.correlatedAge = min(correlatedAge, Self.mostAge)
        fullMark = UseMark(hits: UseMark.mostHits, epoch: epoch)
    }

    /// The mark of an entry after a hit: of the present epoch, and with one hit more unless its counter is full or the hit is too soon.
    ///
    /// - Parameter time: When the entry came in; asked for only if that matters.
    @inline(__always)
    func mark(after mark: UseMark, queue: QueueKind, time: @autoclosure () -> UInt32) -> UseMark {
        let counts = mark.hits < UseMark.mostHits && (queue == .main || !isCorrelated(time()))
        return fullMark.with(hits: mark.hits &+ (counts ? 1 : 0))
    }

    /// Whether a hit of a window entry that came in at `time` belongs to the same use as its coming (correlated references; LRU-K, O'Neil, O'Neil and Weikum,
    /// SIGMOD 1993).
    @inline(__always)
    private func isCorrelated(_ time: UInt32) -> Bool { clock &- time < correlatedAge }

    /// All three in one word, the mark in front, as most hits need only that.
    @inline(__always)
    var word: UInt64 { UInt64(clock) << 32 | UInt64(correlatedAge) << 8 | UInt64(fullMark.byte) }

    @inline(__always)
    init(word: UInt64) {
        clock = UInt32(truncatingIfNeeded: word &>> 32)
        correlatedAge = UInt32(truncatingIfNeeded: word) &>> 8
        fullMark = UseMark(byte: UInt8(truncatingIfNeeded: word))
    }
}
