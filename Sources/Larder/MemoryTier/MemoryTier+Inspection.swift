extension MemoryTier {
    /// Counters and sizes, summed over the shards.
    var statistics: MemoryTierStatistics {
        var sum = MemoryTierStatistics(capacity: capacity)
        for shard in shards.indices {
            shards.withLock(shard) { state in
                sum.hits += state.counters.hits
                sum.misses += state.counters.misses
                sum.evictions += state.entries.removed.counts[.size]
                sum.entries += state.entries.count
                sum.bytes += state.byteCount
                sum.highestBytes += state.counters.highestBytes
            }
        }
        return sum
    }
}
