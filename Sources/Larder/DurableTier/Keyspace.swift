internal import LMDB
internal import Synchronization

/// A cache as the tiers see it: a table of the durable tier, a number in the memory tier, without the types of keys and values.
///
/// Every ``Cache`` of the same name in a store shares one.
@usableFromInline
final class Keyspace: Sendable {
    let name: String
    let number: UInt32
    /// Under what the memory tier knows it: another for each keyspace of this process, so that what is read through one, of an earlier
    /// version of the cache say, never answers through another.
    let memoryNumber: UInt32 = Keyspace.memoryNumbers.add(1, ordering: .relaxed).newValue
    private static let memoryNumbers = Atomic<UInt32>(0)
    /// Finds the records of single keys.
    let records: PointLookup
    var table: Table { records.table }
    /// Seed of this cache's key hashes.
    let hashSeed: UInt64
    /// Only records of this version are there.
    let version: UInt16
    /// Whether records of an earlier version may be in the table.
    let mayHoldOtherVersions: Bool

    /// Memory entries of this cache from before this transaction do not answer: it removed all of them.
    private let floor = Atomic<UInt64>(0)

    /// What a memory entry's version must not be below to answer for this cache.
    @inline(__always)
    var currentFloor: UInt64 {
        floor.load(ordering: .acquiring)
    }

    /// Why the cache cannot be used through this keyspace any more; 0 while it can.
    private let retirement = Atomic<Int>(0)

    init(name: String, descriptor: CacheDescriptor, records: consuming PointLookup, storeSeed: UInt64) {
        self.name = name
        self.records = records
        number = descriptor.number
        version = descriptor.version
        mayHoldOtherVersions = descriptor.version != descriptor.firstVersion
        hashSeed = Self.hashSeed(storeSeed: storeSeed, number: descriptor.number)
    }

    /// The seed of a cache's key hashes. An odd multiplier keeps the seeds of a store's caches apart.
    static func hashSeed(storeSeed: UInt64, number: UInt32) -> UInt64 {
        storeSeed &+ UInt64(number) &* 0x9E37_79B9_7F4A_7C15
    }

    /// The hash of an encoded key of this cache.
    @inline(__always)
    func hash(_ key: Span<UInt8>) -> UInt64 {
        xxh3(key, seed: hashSeed)
    }

    /// Throws unless a key has 1 to ``Environment/maximumKeyLength`` bytes.
    @inline(__always)
    func checkKeyLength(_ count: Int) throws {
        guard 1...Environment.maximumKeyLength ~= count else {
            throw LarderError(
                .invalidKey, "a key has \(count) bytes, not 1 to \(Environment.maximumKeyLength)", cacheName: name)
        }
    }

    /// The cache was dropped: every use throws from now on.
    func markDropped() {
        retire(1)
    }

    /// The cache was opened with a later version in this process: every use through this keyspace throws from now on.
    func markSuperseded() {
        retire(2)
    }

    private func retire(_ reason: Int) {
        retirement.store(reason, ordering: .releasing)
        // Nothing in memory answers any more, so every use reaches the durable tier, which asks.
        raiseFloor(to: Self.unreachable)
    }

    /// Above every transaction's id. Not `UInt64.max`, which `Atomic.max` of Swift 6.3 takes for less than 0.
    private static let unreachable: UInt64 = 1 << 62

    /// Memory entries of this cache from before transaction `id` do not answer any more.
    func raiseFloor(to id: UInt64) {
        floor.max(id, ordering: .sequentiallyConsistent)
    }

    /// Whether the cache cannot be used through this keyspace any more.
    var isRetired: Bool {
        retirement.load(ordering: .acquiring) != 0
    }

    /// Throws if the cache cannot be used any more. To be asked inside a transaction: a drop waits for those under way.
    @inline(__always)
    func checkUsable() throws {
        switch retirement.load(ordering: .acquiring) {
        case 0: return
        case 1: throw LarderError(.cacheDropped, "the cache was dropped", cacheName: name)
        default:
            throw LarderError(.newerCacheVersion, "the cache was opened with a later version", cacheName: name)
        }
    }

    private let seen = Atomic<Int>(-1)

    /// Whether the cache was found in the store after so many commits of others.
    func wasSeen(after foreignCommits: Int) -> Bool {
        seen.load(ordering: .relaxed) == foreignCommits
    }

    /// The cache was found in the store.
    func markSeen(after foreignCommits: Int) {
        seen.store(foreignCommits, ordering: .relaxed)
    }

    private let touches = Mutex<Set<UInt64>>([])

    /// Notes that the deadline of the key of this hash is being extended; returns `false` if it is already.
    func beginTouch(_ keyHash: UInt64) -> Bool {
        touches.withLock { $0.insert(keyHash).inserted }
    }

    /// The extension is decided.
    func endTouch(_ keyHash: UInt64) {
        _ = touches.withLock { $0.remove(keyHash) }
    }

    func error(_ damage: Record.Damage, keyHash: UInt64) -> LarderError {
        let code: LarderError.Code = if case .newerFormat = damage { .newerFormat } else { .damagedRecord }
        return LarderError(code, damage.message, cacheName: name, keyHash: keyHash)
    }
}
