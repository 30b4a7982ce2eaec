/// Sampled accesses of a shard that the shadows have not seen yet. Filled under the shard's lock; lossy when nobody comes to empty it.
struct ShadowFeed: Sendable {
    /// An access.
    struct Access: Sendable {
        var hash: UInt64
        var weight: Int
        /// Whether the key was there.
        var isHit: Bool
    }

    private static let capacity = 32
    /// Its memory, in bytes.
    static let byteCount = capacity * MemoryLayout<Access>.stride + 32

    private var accesses: [Access] = []

    init() {
        accesses.reserveCapacity(Self.capacity)
    }

    var isFull: Bool { accesses.count >= Self.capacity }

    /// Adds an access, or loses it if the feed is full.
    @inline(__always)
    mutating func add(_ hash: UInt64, weight: Int, isHit: Bool) {
        if accesses.count < Self.capacity { accesses.append(Access(hash: hash, weight: weight, isHit: isHit)) }
    }

    /// Takes everything.
    mutating func take() -> [Access] {
        let taken = accesses
        accesses.removeAll(keepingCapacity: true)
        return taken
    }
}

/// A chooser's advice in one word, so that shards read it without a lock.
struct PackedAdvice: Equatable, Sendable {
    var word: UInt64

    /// No advice yet.
    static let none = PackedAdvice(word: 0)

    init(word: UInt64) {
        self.word = word
    }

    init(_ advice: ConfigurationChooser.Advice) {
        word = UInt64(advice.leader + 1) << 32 | UInt64(advice.windowShare * 0xFFFF)
    }

    /// Index of the configuration that leads, if there is advice.
    var leader: Int? { word == 0 ? nil : Int(word >> 32) - 1 }

    /// The configuration to run.
    func unpacked(_ parameters: PolicyParameters) -> PolicyConfiguration? {
        guard let leader else { return nil }
        return parameters.configuration(
            for: .init(leader: leader, windowShare: Double(word & 0xFFFF_FFFF) / 0xFFFF))
    }
}
