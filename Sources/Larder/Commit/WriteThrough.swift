internal import LMDB
internal import Synchronization

/// Commits a batch of transactions in both tiers: mark, commit, install (see ``Coherence``).
///
/// It runs on one thread at a time, from begin to commit, with the lock between processes held.
final class WriteThrough: Sendable {
    let durable: DurableTier
    let memory: MemoryTier
    let coherence: Coherence
    let loads: LoadTable
    let clock: WallClock
    let memoryUpkeep: MemoryUpkeep
    /// What keeps the file within its budget, if it has one.
    let disk: DiskEviction?
    private let counters = Mutex(CommitStatistics())
    /// How many commits may grow the file because of a reader whose process was killed.
    private static let commitsBetweenReaderChecks = 64
    /// How many times room is made for one transaction before it is refused.
    private static let mostEfforts = 12

    init(
        durable: DurableTier, memory: MemoryTier, coherence: Coherence, loads: LoadTable, clock: WallClock,
        disk: DiskEviction? = nil
    ) {
        self.durable = durable
        self.memory = memory
        self.coherence = coherence
        self.loads = loads
        self.clock = clock
        memoryUpkeep = MemoryUpkeep(memory: memory, clock: clock)
        self.disk = disk
    }

    var statistics: CommitStatistics {
        counters.withLock { $0 }
    }

    /// Commits the requests, each wholly or not at all, and returns what to tell each: an error, or `nil` for success.
    ///
    /// Nothing may be told before this returns: even a transaction that threw may have seen what a neighbour wrote.
    ///
    /// - Parameter plan: What leaves the store with them so that the file stays within its budget.
    func commit(_ requests: [WriteRequest], evicting plan: EvictionPlan? = nil) -> [(any Error)?] {
        var outcomes = [(any Error)?](repeating: nil, count: requests.count)
        // Single keys in the order of their keys, then bodies in the order of arrival.
        var order = Array(requests.indices)
        if order.count > 1 {
            order.sort { Self.precedes(requests[$0].singleKey, requests[$1].singleKey) ?? ($0 < $1) }
        }
        do {
            try durable.environment.withWriterLock { writer in
                if let limit = disk?.takeNewLimit() { try writer.limitMap(to: limit) }
                var plan = plan
                var (most, efforts) = (order.count, 0)
                while !order.isEmpty {
                    switch try attempt(order.prefix(most).map { requests[$0] }, evicting: plan, writer) {
                    case .committed(let errors):
                        (plan, efforts) = (nil, 0)
                        most = min(most * 2, order.count)
                        for (index, error) in zip(order, errors) { outcomes[index] = error }
                        // What did not fit beside the others gets a commit of its own.
                        order.removeFirst(errors.count)
                    case .failed(let position, let error):
                        outcomes[order.remove(at: position)] = error
                    case .mapFull where plan != nil:
                        plan = nil
                    case .mapFull(let wanted):
                        let size = min(most, order.count)
                        if let disk, wanted.isAny || size > 1 {
                            if size > 1 {
                                // Fewer at a time copy fewer pages.
                                most = size / 2
                            } else if try efforts < Self.mostEfforts
                                && makeRoom(for: wanted, effort: efforts, disk, writer)
                            {
                                efforts += 1
                            } else {
                                efforts = 0
                                outcomes[order.removeFirst()] = disk.refusal()
                            }
                        } else if let disk {
                            // Even a removal copies pages, and a reader who never ends keeps the old ones.
                            if requests[order[0]].halve() { continue }
                            if try disk.hasReserve() {
                                try writer.growMap()
                            } else {
                                outcomes[order.removeFirst()] = disk.refusal()
                            }
                        } else {
                            try writer.growMap()
                        }
                    }
                }
            }
        } catch {
            counters.withLock { $0.failures += 1 }
            let error = translate(error)
            for index in order { outcomes[index] = error }
        }
        return outcomes
    }

    private static func precedes(_ left: MemoryKey?, _ right: MemoryKey?) -> Bool? {
        switch (left, right) {
        case (let left?, let right?):
            if left.keyspace != right.keyspace { return left.keyspace < right.keyspace }
            if left.bytes == right.bytes { return nil }
            return left.bytes.lexicographicallyPrecedes(right.bytes)
        case (.some, nil): return true
        case (nil, .some): return false
        case (nil, nil): return nil
        }
    }

    /// How an attempt to commit ended.
    enum Attempt {
        /// The first transactions are committed, or undone alone with the error given.
        case committed([(any Error)?])
        /// One transaction broke the commit; nothing happened. The others are to be tried again without it.
        case failed(Int, any Error)
        /// The map is too small; nothing happened.
        case mapFull(WantedRoom)
    }

    func attempt(
        _ requests: [WriteRequest], evicting plan: EvictionPlan?, _ writer: borrowing Writer
    ) throws -> Attempt {
        var transaction = try writer.begin()
        let id = transaction.id
        coherence.accountForCommits(before: id)
        let now = clock.now()
        // A reader may have noticed a foreign commit first, so what counts is that anyone has.
        let generation = coherence.foreignCommits
        let batch = ChangeSet(
            isBatch: requests.count > 1, isOfOneKey: requests.count == 1 && requests[0].singleKey != nil && plan == nil)
        var outcomes: [(any Error)?] = []

        if let plan, let disk {
            do {
                let evicted = ChangeSet()
                try withView(of: &transaction, evicted, after: nil, now, generation) { view in
                    try plan.carryOut(in: view, sweep: disk.sweep)
                }
                batch.add(evicted: evicted)
            } catch {
                let failure = transaction.failure ?? error as? LMDBError
                transaction.abort()
                if failure?.code == .mapFull { return .mapFull(WantedRoom()) }
                // What cannot be evicted must not keep anyone from writing.
                return try attempt(requests, evicting: nil, writer)
            }
        } else if requests.count == 1 {
            do {
                try perform(
                    requests[0], in: &transaction, batch, after: nil, now: now, generation: generation)
                // The body may have swallowed the error of a write, which may have been its only one.
                if let failure = transaction.failure { throw failure }
            } catch {
                let failure = transaction.failure ?? error as? LMDBError
                // Nobody shares the commit, so it is the transaction itself that is undone.
                transaction.abort()
                return failure?.code == .mapFull
                    ? .mapFull(batch.wantedRoom) : .failed(0, translate(failure ?? error))
            }
            return try finish(transaction, id, batch, [nil], writer)
        }
        for (position, request) in requests.enumerated() {
            let changes = ChangeSet(isOfOneKey: request.singleKey != nil)
            do {
                if request.singleKey != nil || !ProtocolGuards.undoesAlone {
                    try perform(request, in: &transaction, changes, after: batch, now: now, generation: generation)
                } else {
                    try transaction.nested { child in
                        try perform(request, in: &child, changes, after: batch, now: now, generation: generation)
                    }
                }
                batch.add(contentsOf: changes)
                outcomes.append(nil)
            } catch {
                if let failure = transaction.failure {
                    if failure.code == .mapFull { return .mapFull(batch.wantedRoom + changes.wantedRoom) }
                    if failure.code == .transactionFull, position > 0 {
                        return try retry(requests, upTo: position, writer, transaction)
                    }
                    return .failed(position, translate(failure))
                }
                switch (error as? LMDBError)?.code {
                case .mapFull: return .mapFull(batch.wantedRoom + changes.wantedRoom)
                case .transactionFull where position > 0:
                    // It may fit alone. What came before it is sound and goes on.
                    return try finish(transaction, id, batch, outcomes, writer)
                default: outcomes.append(translate(error))
                }
            }
        }
        let attempt = try finish(transaction, id, batch, outcomes, writer)
        if case .committed = attempt, let plan { disk?.count(plan) }
        return attempt
    }

    /// The transaction is too large with this request in it and cannot be kept; the requests before it can.
    private func retry(
        _ requests: [WriteRequest], upTo position: Int, _ writer: borrowing Writer,
        _ transaction: consuming WriteTransaction
    ) throws -> Attempt {
        transaction.abort()
        return try attempt(Array(requests[..<position]), evicting: nil, writer)
    }

    private func perform(
        _ request: WriteRequest, in transaction: inout WriteTransaction, _ changes: ChangeSet,
        after earlier: ChangeSet?,
        now: Milliseconds, generation: Int
    ) throws {
        try withView(of: &transaction, changes, after: earlier, now, generation) { view in
            try request.perform(view)
            if !ProtocolGuards.acknowledgesAfterCommit { request.complete(nil) }
        }
    }

    private func withView(
        of transaction: inout WriteTransaction, _ changes: ChangeSet, after earlier: ChangeSet?, _ now: Milliseconds,
        _ generation: Int, _ body: (borrowing Transaction) throws -> Void
    ) throws {
        try unsafe withUnsafeMutablePointer(to: &transaction) { pointer in
            let view = unsafe Transaction(
                pointer, durable: durable, changes: changes, earlier: earlier, now: now, foreignCommits: generation)
            try body(view)
        }
    }

    /// Marks, commits and installs.
    private func finish(
        _ transaction: consuming WriteTransaction, _ id: UInt64, _ batch: ChangeSet, _ outcomes: [(any Error)?],
        _ writer: borrowing Writer
    ) throws -> Attempt {
        for key in batch.absentKeys { loads.invalidate(key) }
        for keyspace in batch.thinned { loads.invalidateAll(in: keyspace) }
        if batch.isEmpty, ProtocolGuards.abortsEmptyTransactions {
            // An empty commit would succeed without using `id`, and the next foreign commit would be `id`: publish nothing.
            transaction.abort()
            // But what other processes are loading may be what was to go.
            if !batch.absentKeys.isEmpty || !batch.thinned.isEmpty { try durable.environment.countRemovalOfNothing() }
            return .committed(outcomes)
        }
        coherence.publish(inflight: id)
        for change in batch.changes {
            memory.mark(change.key)
            if !change.isLoaded { loads.invalidate(change.key) }
        }
        batch.invalidated.forEach { key, hash, keyspace in
            memory.mark(key, hash: hash, keyspace: keyspace)
            if !loads.isEmpty {
                loads.invalidate(MemoryKey(keyspace: keyspace, hash: hash, bytes: [UInt8](copying: key)))
            }
        }
        for keyspace in batch.cleared {
            keyspace.raiseFloor(to: id)
            loads.invalidateAll(in: keyspace)
        }
        do {
            try transaction.commit()
        } catch {
            coherence.withdraw()
            for change in batch.changes { memory.unmark(change.key.hash) }
            batch.invalidated.forEach { _, hash, _ in memory.unmark(hash) }
            if error.code == .mapFull { return .mapFull(batch.wantedRoom) }
            let outcome = writer.outcome(of: error)
            guard outcome.code == .outcomeUnknown else { throw outcome }
            // The cause is what the commit met, not that LMDB refuses since.
            throw LarderError(.outcomeUnknown, outcome.code.message, underlyingError: error)
        }
        durable.noteCommit(of: id)
        for change in batch.changes {
            memory.install(change.value, for: change.key, version: id, expiry: change.expiry) {
                max(coherence.floorNow, change.keyspace.currentFloor)
            }
        }
        batch.invalidated.forEach { _, hash, _ in memory.settle(hash, version: id) }
        coherence.publish(applied: id)
        memoryUpkeep.runIfDue()
        let commits = counters.withLock { counters in
            counters.commits += 1
            counters.transactions += outcomes.count { $0 == nil }
            counters.changes += batch.count
            counters.bytes += batch.payloadBytes
            return counters.commits
        }
        if commits.isMultiple(of: Self.commitsBetweenReaderChecks) { writer.freeDeadReaders() }
        return .committed(outcomes)
    }

    private func translate(_ error: any Error) -> any Error {
        guard let error = error as? LMDBError else { return error }
        return LarderError(error, path: durable.environment.path)
    }
}
