internal import Synchronization

/// The bounded table of hot entries: a sharded LRU, bounded in bytes. It does not know LMDB.
///
/// Each method is one step under the lock of the key's shard. A shard also keeps, for stripes of its keys, what the coherence protocol
/// needs: how many commits are under way that change a key of the stripe, and the last transaction that did. A stripe stands for all of
/// its keys, which errs on the side of not keeping a value.
final class MemoryTier: Sendable {
    private let shards: [Shard]
    private let shift: UInt64

    /// The budget in bytes, bookkeeping included.
    let capacity: Int

    /// What a lookup finds.
    struct Hit {
        var value: MemoryValue
        var expiry: Milliseconds
    }

    init(capacity: Int, shardCount: Int = 16) {
        precondition(shardCount > 0 && shardCount & (shardCount - 1) == 0)
        self.capacity = capacity
        shards = (0..<shardCount).map { _ in Shard(capacity: capacity / shardCount) }
        shift = 64 - UInt64(shardCount.trailingZeroBitCount)
    }

    @inline(__always)
    private func shard(_ hash: UInt64) -> Shard {
        shards[Int(truncatingIfNeeded: shift == 64 ? 0 : hash >> shift)]
    }

    /// The entry of a key, unless it is older than `floor` or expired. `now` is asked for only if the entry expires.
    func lookup(
        _ key: Span<UInt8>, hash: UInt64, keyspace: UInt32, floor: UInt64, now: () -> Milliseconds
    ) -> Hit? {
        shard(hash).state.withLock { $0.lookup(key, hash: hash, keyspace: keyspace, floor: floor, now: now) }
    }

    /// A commit that changes the key is about to happen: its entry goes, and none may be populated until it is decided.
    func mark(_ key: MemoryKey) {
        shard(key.hash).state.withLock { $0.mark(key) }
    }

    /// The commit has happened: keeps the new value, unless it is `nil` or something newer than `version` has raised `floor`.
    func install(
        _ value: MemoryValue?, for key: MemoryKey, version: UInt64, expiry: Milliseconds, floor: () -> UInt64
    ) {
        shard(key.hash).state.withLock { $0.install(value, for: key, version: version, expiry: expiry, floor: floor()) }
    }

    /// The commit has failed: the key stays absent.
    func unmark(_ key: MemoryKey) {
        shard(key.hash).state.withLock { $0.unmark(key) }
    }

    /// Keeps a value that was read from the durable tier as of transaction `version`, unless a commit of ours that it may have missed is
    /// under way or has happened, or `floor` has been raised above it.
    func populate(
        _ value: MemoryValue, for key: MemoryKey, version: UInt64, expiry: Milliseconds, floor: () -> UInt64
    ) {
        shard(key.hash).state.withLock {
            $0.populate(value, for: key, version: version, expiry: expiry, floor: floor())
        }
    }

    /// Drops every entry. The protocol's marks stay.
    func removeAll() {
        for shard in shards { shard.state.withLock { $0.removeAll() } }
    }

    /// Counters and sizes, summed over the shards.
    var statistics: MemoryTierStatistics {
        var sum = MemoryTierStatistics(capacity: capacity)
        for shard in shards { shard.state.withLock { $0.add(to: &sum) } }
        return sum
    }

    private final class Shard: Sendable {
        let state: Mutex<MemoryShard>

        init(capacity: Int) {
            state = Mutex(MemoryShard(capacity: capacity))
        }
    }
}
