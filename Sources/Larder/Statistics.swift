/// What a store has done since it was opened, and what it holds.
public struct StoreStatistics: Hashable, Sendable {
    /// The memory tier.
    public var memory: MemoryTierStatistics
    /// The durable tier.
    public var durable: DurableTierStatistics
    /// Commits and their transactions.
    public var commits: CommitStatistics
    /// Values loaded from a source for a miss in both tiers.
    public var loads: Int
    /// Of these, those that failed.
    public var failedLoads: Int
    /// Stale values that were answered, while they were loaded again or because the source failed.
    public var staleAnswers: Int
    /// How many times commits of other processes were noticed; each makes memory start anew.
    public var foreignCommits: Int
}

/// What the memory tier has done, and what it holds.
public struct MemoryTierStatistics: Hashable, Sendable {
    /// The budget in bytes, less what counts reads for the budget on disk.
    public var capacity: Int
    /// Bytes counted against the budget now: keys, values and all bookkeeping, the small caches of keys that choose how entries are kept included.
    public var bytes = 0
    /// The largest number of bytes there ever were, at most; never above the budget, or the largest one if it was changed.
    public var highestBytes = 0
    /// Entries held.
    public var entries = 0
    /// Lookups that memory answered.
    public var hits = 0
    /// Lookups that went on to the durable tier.
    public var misses = 0
    /// Entries that made room for others.
    public var evictions = 0
    /// Values that memory did not take, because they are too large for it (see ``StoreOptions/memoryCapacity``). They are answered from the disk.
    public var rejections = 0
    /// Entries that left, by cause; those of ``RemovalCause/size`` are the ``evictions``. Dropping all of memory at once counts none.
    public var removals = RemovalCounts()
    /// Removals that a listener was too slow to hear of.
    public var unreportedRemovals = 0
    /// Entries of the hot set that were brought back after opening.
    public var warmed = 0
}

/// What the durable tier has done, and what it holds.
public struct DurableTierStatistics: Hashable, Sendable {
    /// Lookups that the durable tier answered.
    public var hits = 0
    /// Lookups that found nothing there.
    public var misses = 0
    /// Bytes of the file. LMDB reuses freed pages and never shrinks the file. Where many keys are written in a commit and commits are flushed,
    /// the file grows until a quarter of it is free, so that a commit writes pages that lie side by side.
    public var fileBytes = 0
    /// Bytes of the file's pages that hold something now; the others are free to be used again, or will be when the readers that may look at
    /// them end.
    public var usedBytes = 0
    /// The budget on disk in bytes, of a store that was opened as a cache.
    public var diskBudget: Int?
    /// How large the file may become before the map grows, in bytes of address space.
    public var mapSize = 0
    /// Expired records removed.
    public var expired = 0
    /// Records evicted to keep the budget on disk.
    public var evicted = 0
    /// Transactions that were refused because the budget on disk had no room for them.
    public var refused = 0
    /// Read transactions and snapshots of this process that are open now.
    public var activeReaders = 0
    /// How many commits the oldest reader of any process is behind. While it is there, pages freed since are not reused.
    public var readerLag = 0
}

/// How transactions became commits.
public struct CommitStatistics: Hashable, Sendable {
    /// Commits of the durable tier.
    public var commits = 0
    /// Transactions in them; above ``commits`` where callers shared one.
    public var transactions = 0
    /// Keys changed.
    public var changes = 0
    /// Payload bytes written.
    public var bytes = 0
    /// Commits that failed or whose outcome is unknown.
    public var failures = 0
}
