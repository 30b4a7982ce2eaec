extension MemoryTier {
    /// Counters and sizes, summed over the shards.
    var statistics: MemoryTierStatistics {
        var sum = MemoryTierStatistics(capacity: capacity)
        (sum.hits, sum.misses) = counters.sums
        (sum.bytes, sum.highestBytes) = bytesBesideShards
        for shard in shards.indices {
            shards.withLock(shard) { state in
                sum.evictions += state.entries.removed.counts[.size]
                sum.removals += state.entries.removed.counts
                sum.entries += state.entries.count
                sum.bytes += state.byteCount
                sum.highestBytes += state.counters.highestBytes
            }
        }
        return sum
    }

    /// How many entries left, by cause. ``removeAll()`` and a resize to nothing count none.
    var removalCounts: RemovalCounts { statistics.removals }

    /// The entries most worth keeping, best first: those that proved themselves before those that did not, then by unspent hits, then the youngest.
    ///
    /// Visits every entry of a shard at a time under its lock; for inspection, and for the hot set that is kept over a restart.
    func hottest(_ count: Int) -> [MemoryEntryDescription] {
        ranked(count) { $0.rank > $1.rank }
    }

    /// The entries least worth keeping, worst first; see ``hottest(_:)``.
    func coldest(_ count: Int) -> [MemoryEntryDescription] {
        ranked(count) { $0.rank < $1.rank }
    }

    /// How many entries take how many bytes: element i counts those with 2^i up to 2^(i+1) - 1 bytes, bookkeeping in the block included.
    var sizeHistogram: [Int] {
        histogram { $0.bytes }
    }

    /// How many entries are how old: element i counts those that were inserted, or last looked at by the policy, 2^i up to 2^(i+1) - 1 insertions into
    /// their shard ago, the first also those of this moment.
    var ageHistogram: [Int] {
        histogram { Int($0.age) }
    }

    private func histogram(_ measure: (MemoryEntryDescription) -> Int) -> [Int] {
        var counts: [Int] = []
        forEachEntry { entry in
            let magnitude = Int.bitWidth - 1 - max(1, measure(entry)).leadingZeroBitCount
            while counts.count <= magnitude { counts.append(0) }
            counts[magnitude] += 1
        }
        return counts
    }

    private func ranked(
        _ count: Int, by precedes: (MemoryEntryDescription, MemoryEntryDescription) -> Bool
    ) -> [MemoryEntryDescription] {
        var best: [MemoryEntryDescription] = []
        forEachEntry { entry in
            best.append(entry)
            // Sorting what has doubled costs O(log count) for each entry.
            if best.count >= 2 * max(count, 1_024) {
                best.sort(by: precedes)
                best.removeLast(best.count - count)
            }
        }
        best.sort(by: precedes)
        return Array(best.prefix(count))
    }

    private func forEachEntry(_ body: (MemoryEntryDescription) -> Void) {
        for shard in shards.indices {
            for entry in shards.withLock(shard, { $0.descriptions }) { body(entry) }
        }
    }
}

/// An entry as an inspector sees it.
struct MemoryEntryDescription: Sendable, Hashable {
    var keyspace: UInt32
    var key: [UInt8]
    /// The bytes it takes, a value elsewhere included.
    var bytes: Int
    /// Hits that have not yet been spent on a second chance, 0...3.
    var hits: UInt8
    /// Whether it has proved itself and stands in main.
    var isProven: Bool
    /// Insertions into its shard since it was inserted or last looked at by the policy.
    var age: UInt32

    /// Larger for what is more worth keeping.
    fileprivate var rank: (Int, Int) { ((isProven ? 4 : 0) + Int(hits), -Int(age)) }
}

extension MemoryShard {
    /// Every entry.
    var descriptions: [MemoryEntryDescription] {
        var all: [MemoryEntryDescription] = []
        all.reserveCapacity(entries.count)
        entries.forEach { entry in
            all.append(
                MemoryEntryDescription(
                    keyspace: entries.arena.keyspace(entry), key: entries.arena.key(entry),
                    bytes: entries.weight(of: entry), hits: entries.mark(of: entry).hits,
                    isProven: entries.queue(of: entry) == .main, age: policy.age(of: entry, in: entries)))
        }
        return all
    }
}
