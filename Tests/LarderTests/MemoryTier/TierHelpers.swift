import TestSupport

@testable import Larder

extension MemoryKey {
    /// The key with a number, of 16 bytes.
    static func number(_ number: Int, keyspace: UInt32 = 1) -> MemoryKey {
        var generator = SeededGenerator(seed: UInt64(number) << 8 ^ UInt64(keyspace))
        let hash = generator.next()
        let bytes = (0..<16).map { UInt8(truncatingIfNeeded: number >> ($0 % 8 * 8)) }
        return MemoryKey(keyspace: keyspace, hash: hash, bytes: bytes)
    }
}

extension MemoryTier {
    func find(_ key: MemoryKey, floor: UInt64 = 0, isObject: Bool = false) -> Hit? {
        lookup(
            key.bytes.span, hash: key.hash, keyspace: key.keyspace, floor: floor,
            isObject: isObject)
    }

    func keep(_ bytes: [UInt8], for key: MemoryKey, version: UInt64 = 1, expiry: UInt64 = 0) {
        populate(.bytes(bytes), for: key, version: version, expiry: expiry) { 0 }
    }

    /// What is wrong with any shard, or nil.
    func brokenInvariant() -> String? {
        for shard in shards.indices {
            if let broken = shards.withLock(shard, { $0.brokenInvariant() }) { return broken }
        }
        return nil
    }
}

extension MemoryTier.Hit {
    var bytes: [UInt8]? {
        if case .bytes(let bytes) = value { bytes } else { nil }
    }
}
