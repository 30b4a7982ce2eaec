/// The memory tier by itself, without a store under it: what benchmarks and replays of traces compare with caches that have no disk.
///
/// It is the tier that a ``Store`` has, with its shards, locks, index, policy and budget; nothing stands in for any of them.
@_spi(Benchmarks)
public final class StandaloneMemory: Sendable {
    private let tier: MemoryTier
    private let seed: UInt64

    /// What ``insertPlaceholder(for:cost:)`` keeps.
    private final class Placeholder: Sendable {}
    private static let placeholder = Placeholder()

    /// A tier of `capacity` bytes, bookkeeping included.
    ///
    /// - Parameters:
    ///   - shardCount: A power of two; by default what a store of that capacity has on this machine.
    ///   - seed: Seed of the keys' hashes, which a store draws at random.
    public init(capacity: ByteCount, shardCount: Int? = nil, seed: UInt64 = 0) {
        tier = MemoryTier(capacity: capacity.bytes, shardCount: shardCount)
        self.seed = seed
    }

    /// How many shards a store has whose memory has this capacity, on a machine with so many processors.
    public static func shardCount(for capacity: ByteCount, processors: Int) -> Int {
        MemoryTier.shardCount(for: capacity.bytes, processors: processors)
    }

    /// A copy of a key's value; one allocation.
    @inline(__always)
    public func value(for key: Span<UInt8>) -> [UInt8]? {
        guard case .bytes(let bytes)? = lookup(key)?.value else { return nil }
        return bytes
    }

    /// Copies the bytes of a key's value into `buffer`, if they fit, and returns how many there are; nothing is allocated.
    @inline(__always)
    public func copyValue(for key: Span<UInt8>, into buffer: inout MutableSpan<UInt8>) -> Int? {
        let hash = xxh3(key, seed: seed)
        return tier.copyValue(
            for: key, hash: hash, keyspace: 0, floor: 0, into: &buffer)
    }

    /// Calls `body` with the bytes of a key's value; nothing is allocated.
    @inlinable
    public func withBytes<Result>(for key: Span<UInt8>, _ body: (Span<UInt8>) throws -> Result) rethrows -> Result? {
        var result: Result?
        try lendBytes(for: key) { result = try body($0) }
        return result
    }

    @usableFromInline
    func lendBytes(for key: Span<UInt8>, _ body: (Span<UInt8>) throws -> Void) rethrows {
        let hash = xxh3(key, seed: seed)
        _ = try tier.withBytes(for: key, hash: hash, keyspace: 0, floor: 0) { bytes, _ in try body(bytes) }
    }

    /// Keeps a value, if the policy admits it.
    public func insert(_ value: Span<UInt8>, for key: Span<UInt8>) {
        tier.populate(value, for: key, hash: xxh3(key, seed: seed), keyspace: 0, version: 0, expiry: 0) { 0 }
    }

    /// Whether a key has an entry; counts as a use of it.
    public func contains(_ key: Span<UInt8>) -> Bool {
        let hash = xxh3(key, seed: seed)
        return tier.contains(key, hash: hash, keyspace: 0, floor: 0)
    }

    /// Keeps an entry without a value that is charged as an object of `cost` bytes, if the policy admits it.
    public func insertPlaceholder(for key: Span<UInt8>, cost: Int) {
        let memoryKey = MemoryKey(keyspace: 0, hash: xxh3(key, seed: seed), bytes: [UInt8](copying: key))
        tier.populate(.object(Self.placeholder, cost: cost), for: memoryKey, version: 0, expiry: 0) { 0 }
    }

    @inline(__always)
    private func lookup(_ key: Span<UInt8>) -> MemoryTier.Hit? {
        let hash = xxh3(key, seed: seed)
        return tier.lookup(key, hash: hash, keyspace: 0, floor: 0)
    }

    /// What the tier has done, and what it holds.
    public var statistics: MemoryTierStatistics { tier.statistics }
}

extension WallClock {
    /// Nothing expires.
    fileprivate static let stopped = WallClock { 0 }
}
