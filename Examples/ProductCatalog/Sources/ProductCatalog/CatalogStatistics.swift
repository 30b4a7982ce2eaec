internal import Larder

/// What the cache of a catalog has done since it was opened, and what it holds.
package struct CatalogStatistics: Codable, Hashable, Sendable {
    /// Products that the cache holds, in memory or on disk.
    package var cachedProducts: Int
    /// Reads that memory answered.
    package var memoryHits: Int
    /// Reads that the disk answered.
    package var diskHits: Int
    /// Reads of the database.
    package var loads: Int
    /// Of these, those that failed.
    package var failedLoads: Int
    /// Stale products that were answered because a load has failed.
    package var staleAnswers: Int
    /// Commits of the cache.
    package var commits: Int
    /// Bytes of the memory tier in use.
    package var memoryBytes: Int

    init(_ statistics: StoreStatistics, products: Int) {
        cachedProducts = products
        memoryHits = statistics.memory.hits
        diskHits = statistics.durable.hits
        loads = statistics.loads
        failedLoads = statistics.failedLoads
        staleAnswers = statistics.staleAnswers
        commits = statistics.commits.commits
        memoryBytes = statistics.memory.bytes
    }
}
