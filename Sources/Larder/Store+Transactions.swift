internal import LMDB
internal import Synchronization

extension Store {
    /// Runs `body` as a transaction over any caches of the store. When it returns, everything the body wrote is durable and visible; if the
    /// body throws, nothing of it happened.
    ///
    /// Transactions of other tasks share the commit. The body runs on a thread of the store's own, so the cooperative pool is never
    /// blocked, and it may run more than once (see ``Transaction``).
    ///
    /// ```swift
    /// try await store.write { transaction in
    ///     let balance = try transaction.value(for: "a", in: accounts) ?? 0
    ///     try transaction.set(balance - 10, for: "a", in: accounts)
    ///     try transaction.set(10, for: "b", in: accounts)
    /// }
    /// ```
    ///
    /// - Throws: What `body` throws; `CancellationError` if the task was cancelled before the transaction began, which then did not happen;
    ///   ``LarderError``: ``LarderError/Code-swift.struct/transactionTooLarge``, ``LarderError/Code-swift.struct/diskFull``,
    ///   ``LarderError/Code-swift.struct/diskBudgetExceeded``, ``LarderError/Code-swift.struct/cacheDropped``,
    ///   ``LarderError/Code-swift.struct/outcomeUnknown``, ``LarderError/Code-swift.struct/reopenNeeded``,
    ///   ``LarderError/Code-swift.struct/damagedStore``, ``LarderError/Code-swift.struct/fileSystem``,
    ///   ``LarderError/Code-swift.struct/busy``, ``LarderError/Code-swift.struct/closed``,
    ///   ``LarderError/Code-swift.struct/forked``.
    public func write<Result: Sendable>(
        _ body: @escaping @Sendable (borrowing Transaction) throws -> Result
    ) async throws -> Result {
        try await write(singleKey: nil, body)
    }

    /// Runs `body` as ``write(_:)`` does and blocks the calling thread until it is decided. Where nobody else is writing, everything happens
    /// on the calling thread.
    ///
    /// - Throws: As ``write(_:)`` but for cancellation; ``LarderError/Code-swift.struct/nestedWrite`` inside the body of another write,
    ///   ``LarderError/Code-swift.struct/writeInsideRead`` inside that of a read.
    @available(*, noasync, message: "it blocks the thread; use write(_:)")
    public func writeBlocking<Result: Sendable>(
        _ body: @escaping @Sendable (borrowing Transaction) throws -> Result
    ) throws -> Result {
        try writeBlocking(singleKey: nil, body)
    }

    /// Runs `body` with a consistent view of every cache: what was committed when it began, whatever is committed while it runs.
    ///
    /// It reads the durable tier. While it runs, LMDB can reuse no page that was freed since it began, so keep it short. It takes about
    /// 0.1 µs to begin and end, on the calling thread.
    ///
    /// - Throws: What `body` throws; ``LarderError/Code-swift.struct/closed``, ``LarderError/Code-swift.struct/tooManyReaders``.
    public func read<Result>(_ body: (borrowing Snapshot) throws -> Result) throws -> Result {
        try checkUsable()
        let noticed = coherence.currentFloor()
        return try withReadTransaction { transaction in
            if transaction.id < noticed { groupCommit.publishForeignCommit() }
            return try unsafe body(
                Snapshot(
                    ReadTransaction(handle: transaction.handle), durable: durable, now: clock.now(),
                    limit: SnapshotLimit(maximumSnapshotAge)))
        }
    }

    func write<Result: Sendable>(
        singleKey: MemoryKey?, _ body: @escaping @Sendable (borrowing Transaction) throws -> Result
    ) async throws -> Result {
        try checkUsable()
        let box = ResultBox<Result>()
        try await groupCommit.submitAndWait(singleKey: singleKey) { box.value = try body($0) }
        return box.value!
    }

    func writeBlocking<Result: Sendable>(
        singleKey: MemoryKey?, _ body: @escaping @Sendable (borrowing Transaction) throws -> Result
    ) throws -> Result {
        try checkUsable()
        let box = ResultBox<Result>()
        try groupCommit.submitBlocking(singleKey: singleKey) { box.value = try body($0) }
        return box.value!
    }

    /// Removes expired records from the durable tier now, and returns how many there were. The store does so by itself, with later commits
    /// and about once a second; this is for tests and tools.
    ///
    /// - Throws: As ``write(_:)-swift.method``, also for cancellation; what went before that stays removed. Where a reader holds on to every free page of a cache with a
    ///   budget on disk, ``LarderError/Code-swift.struct/diskBudgetExceeded``.
    @discardableResult
    public func removeExpired() async throws -> Int {
        try checkUsable()
        var removed = 0
        while true {
            let plan = try translatingErrors(at: path) { try sweep.plan(now: clock.now()) }
            if plan.entries.isEmpty { return removed }
            let batch = ExpiredBatch(plan.entries, sweep)
            try await groupCommit.submitAndWait(batch.request(isAwaited: true))
            removed += batch.count()
        }
    }

    /// What the store has done since it was opened, and what it holds. Costs a few microseconds.
    ///
    /// - Throws: ``LarderError/Code-swift.struct/closed``, ``LarderError/Code-swift.struct/forked``,
    ///   ``LarderError/Code-swift.struct/tooManyReaders``, ``LarderError/Code-swift.struct/damagedStore``,
    ///   ``LarderError/Code-swift.struct/reopenNeeded``.
    public func statistics() throws -> StoreStatistics {
        try checkUsable()
        let (information, oldest, usedPages) = try translatingErrors(at: path) {
            (
                try durable.environment.information(), try durable.environment.oldestReadTransactionID(),
                try durable.environment.usedPages()
            )
        }
        var memory = memory.statistics
        memory.warmed = hotSet?.warmed ?? 0
        memory.unreportedRemovals = removalDelivery?.lost ?? 0
        return StoreStatistics(
            memory: memory,
            durable: DurableTierStatistics(
                hits: counters.durableHits.load(ordering: .relaxed),
                misses: counters.durableMisses.load(ordering: .relaxed),
                fileBytes: information.usedBytes, usedBytes: usedPages * information.pageSize,
                diskBudget: writeThrough.disk?.budget.bytes, mapSize: information.mapSize, expired: sweep.removed,
                evicted: writeThrough.disk?.evicted ?? 0, refused: writeThrough.disk?.refused ?? 0,
                activeReaders: information.activeReaders,
                readerLag: oldest.map {
                    Int(clamping: information.lastTransactionID - min($0, information.lastTransactionID))
                } ?? 0),
            commits: writeThrough.statistics, loads: counters.loads.load(ordering: .relaxed),
            failedLoads: counters.failedLoads.load(ordering: .relaxed),
            staleAnswers: counters.staleAnswers.load(ordering: .relaxed),
            foreignCommits: coherence.foreignCommits)
    }
}
