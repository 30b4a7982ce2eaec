extension MemoryTier {
    /// Counters and sizes, summed over the shards.
    var statistics: MemoryTierStatistics {
        var sum = MemoryTierStatistics(capacity: capacity)
        (sum.hits, sum.misses) = counters.sums
        sum.bytes = bytesBesideShards
        var highest = 0
        for shard in shards.indices {
            shards.withLock(shard) { state in
                sum.evictions += state.entries.removed.counts[.size]
                sum.removals += state.entries.removed.counts
                sum.entries += state.entries.count
                sum.bytes += state.byteCount
                sum.rejections += state.counters.rejections
                highest += state.counters.highestBytes
            }
        }
        sum.highestBytes = highestBytes(ofShards: highest)
        return sum
    }

    /// How many entries left, by cause. ``removeAll()`` and a resize to nothing count none.
    var removalCounts: RemovalCounts { statistics.removals }

    /// The entries most worth keeping, best first: those that proved themselves before those that did not, then by unspent hits, then the youngest.
    ///
    /// Visits every entry of a shard at a time under its lock, and copies the keys of those alone that may be among them.
    func hottest(_ count: Int) -> [MemoryEntryDescription] {
        ranked(count) { $0 > $1 }
    }

    /// The entries least worth keeping, worst first; see ``hottest(_:)``.
    func coldest(_ count: Int) -> [MemoryEntryDescription] {
        ranked(count) { $0 < $1 }
    }

    /// The entries most worth keeping, best first, as many as have keys of `byteCount` bytes, `overhead` for each included. For the hot set that is kept over
    /// a restart. Visits every entry twice, and copies few more keys than it returns.
    func hottest(keyBytes byteCount: Int, overhead: Int) -> [MemoryEntryDescription] {
        // How many bytes the keys of each class take; then the classes that fit are taken, and of the next one what still fits.
        var classes = [Int](repeating: 0, count: EntryRank.classCount)
        forEachEntry { shard, entry in
            classes[shard.rank(of: entry).classNumber] += overhead + shard.keyLength(of: entry)
        }
        var left = byteCount
        var least = classes.count
        while least > 0 {
            least -= 1
            if classes[least] > left { break }
            left -= classes[least]
            classes[least] = 0
        }
        let isSplit = classes[least] > 0
        var found: [MemoryEntryDescription] = []
        forEachEntry { shard, entry in
            let number = shard.rank(of: entry).classNumber
            guard number >= least else { return }
            if isSplit, number == least {
                let size = overhead + shard.keyLength(of: entry)
                guard size <= left else { return }
                left -= size
            }
            found.append(shard.description(of: entry))
        }
        found.sort { $0.rank > $1.rank }
        return found
    }

    /// How many entries take how many bytes: element i counts those with 2^i up to 2^(i+1) - 1 bytes, bookkeeping in the block included.
    var sizeHistogram: [Int] {
        histogram { shard, entry in shard.entries.weight(of: entry) }
    }

    /// How many entries are how old: element i counts those that were inserted, or last looked at by the policy, 2^i up to 2^(i+1) - 1 insertions into
    /// their shard ago, the first also those of this moment.
    var ageHistogram: [Int] {
        histogram { shard, entry in Int(shard.policy.age(of: entry, in: shard.entries)) }
    }

    private func histogram(_ measure: (borrowing MemoryShard, EntryReference) -> Int) -> [Int] {
        var counts: [Int] = []
        forEachEntry { shard, entry in
            let magnitude = Int.bitWidth - 1 - max(1, measure(shard, entry)).leadingZeroBitCount
            while counts.count <= magnitude { counts.append(0) }
            counts[magnitude] += 1
        }
        return counts
    }

    private func ranked(_ count: Int, by precedes: (EntryRank, EntryRank) -> Bool) -> [MemoryEntryDescription] {
        guard count > 0 else { return [] }
        var best: [MemoryEntryDescription] = []
        // What one of them must precede, once there are enough.
        var last: EntryRank?
        forEachEntry { shard, entry in
            if let last, !precedes(shard.rank(of: entry), last) { return }
            best.append(shard.description(of: entry))
            // Sorting what has doubled costs O(log count) for each entry.
            guard best.count >= 2 * max(count, 1_024) else { return }
            best.sort { precedes($0.rank, $1.rank) }
            best.removeLast(best.count - count)
            last = best[count - 1].rank
        }
        best.sort { precedes($0.rank, $1.rank) }
        return Array(best.prefix(count))
    }

    private func forEachEntry(_ body: (borrowing MemoryShard, EntryReference) -> Void) {
        for index in shards.indices {
            shards.withLock(index) { shard in shard.entries.forEach { body(shard, $0) } }
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

    fileprivate var rank: EntryRank { EntryRank(isProven: isProven, hits: hits, age: age) }
}

/// How much an entry is worth keeping: larger for more.
private struct EntryRank: Comparable {
    var isProven: Bool
    var hits: UInt8
    var age: UInt32

    private var standing: Int { (isProven ? 4 : 0) + Int(min(hits, 3)) }

    static func < (left: EntryRank, right: EntryRank) -> Bool {
        (left.standing, right.age) < (right.standing, left.age)
    }

    /// One of ``classCount`` classes, in the order of the ranks: ages of the same magnitude share one.
    var classNumber: Int { standing * 33 + age.leadingZeroBitCount }
    static let classCount = 8 * 33
}

extension MemoryShard {
    fileprivate func rank(of entry: EntryReference) -> EntryRank {
        EntryRank(
            isProven: entries.queue(of: entry) == .main, hits: entries.mark(of: entry).hits,
            age: policy.age(of: entry, in: entries))
    }

    fileprivate func keyLength(of entry: EntryReference) -> Int { entries.arena.state(entry).keyLength }

    fileprivate func description(of entry: EntryReference) -> MemoryEntryDescription {
        MemoryEntryDescription(
            keyspace: entries.arena.keyspace(entry), key: entries.arena.key(entry), bytes: entries.weight(of: entry),
            hits: entries.mark(of: entry).hits, isProven: entries.queue(of: entry) == .main,
            age: policy.age(of: entry, in: entries))
    }
}
