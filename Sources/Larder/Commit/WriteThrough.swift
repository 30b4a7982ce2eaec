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
    /// Counts commits that change many keys, and goes back for others. Written with the lock between writers held.
    private let commitsOfMany = Atomic<Int>(0)
    /// How many commits may grow the file because of a reader whose process was killed.
    private static let commitsBetweenReaderChecks = 64
    /// How many changes a commit has that writes pages in order, and how many such commits come before one does. A commit that has not counts
    /// for so many that have.
    private static let changesInOrder = 8...1_024
    private static let commitsBeforeOrder = 64
    private static let commitsUndone = 4
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

    /// Commits a transaction that is alone, as ``commit(_:evicting:)`` does.
    func commit(
        singleKey: MemoryKey?, evicting plan: EvictionPlan?,
        _ perform: @escaping @Sendable (borrowing Transaction) throws -> Void
    ) -> (any Error)? {
        // Where nothing limits the file there is room as a rule, and nothing need be kept to be tried again.
        if disk == nil {
            do {
                let outcome = try durable.environment.withWriterLock { writer in
                    try attempt(isOfOneKey: singleKey != nil, writer, perform)
                }
                switch outcome {
                case .committed: return nil
                case .failed(_, let error): return error
                case .mapFull: break
                }
            } catch {
                return countFailure(error)
            }
        }
        return commit([WriteRequest(singleKey: singleKey, perform: perform)], evicting: plan)[0]
    }

    /// Commits the requests, each wholly or not at all, and returns what to tell each: an error, or `nil` for success.
    ///
    /// Nothing may be told before this returns: even a transaction that threw may have seen what a neighbour wrote.
    ///
    /// - Parameter plan: What leaves the store with them so that the file stays within its budget.
    func commit(_ requests: [WriteRequest], evicting plan: EvictionPlan? = nil) -> [(any Error)?] {
        var outcomes = [(any Error)?](repeating: nil, count: requests.count)
        var order = CommitOrder.positions(of: requests)
        // All of them, where not even the lock was had.
        var attempted = order.count
        do {
            try durable.environment.withWriterLock { writer in
                if let limit = disk?.takeNewLimit() { try writer.limitMap(to: limit) }
                var plan = plan
                var (most, efforts, room) = (order.count, 0, WantedRoom())
                while !order.isEmpty {
                    attempted = min(most, order.count)
                    switch try attempt(order.prefix(most).map { requests[$0] }, evicting: plan, in: room, writer) {
                    case .committed(let count, let undone):
                        (plan, efforts, room) = (nil, 0, WantedRoom())
                        most = min(most * 2, order.count)
                        for (position, error) in undone { outcomes[order[position]] = error }
                        // What did not fit beside the others gets a commit of its own.
                        order.removeFirst(count)
                    case .failed(let position, let error):
                        (efforts, room) = (0, WantedRoom())
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
                                room = wanted
                            } else {
                                (efforts, room) = (0, WantedRoom())
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
            let error = countFailure(error)
            for index in order.prefix(attempted) { outcomes[index] = error }
            // The others were no part of what failed: they are tried by themselves.
            let rest = Array(order.dropFirst(attempted))
            if !rest.isEmpty {
                for (index, outcome) in zip(rest, commit(rest.map { requests[$0] })) { outcomes[index] = outcome }
            }
        }
        return outcomes
    }

    private func countFailure(_ error: any Error) -> any Error {
        counters.withLock { $0.failures += 1 }
        return translate(error)
    }

    /// How an attempt to commit ended.
    enum Attempt {
        /// So many transactions, the first ones, are committed, but for those that were undone alone.
        case committed(Int, undone: [(position: Int, error: any Error)])
        /// One transaction broke the commit; nothing happened. The others are to be tried again without it.
        case failed(Int, any Error)
        /// The map is too small; nothing happened.
        case mapFull(WantedRoom)
    }

    /// What a commit goes by.
    private struct Basis {
        let id: UInt64
        let now: Milliseconds
        /// How many commits of others anyone has noticed: a reader may have noticed one first.
        let foreignCommits: Int
    }

    private func basis(of transaction: borrowing WriteTransaction) -> Basis {
        let id = transaction.id
        coherence.accountForCommits(before: id)
        return Basis(id: id, now: clock.now(), foreignCommits: coherence.foreignCommits)
    }

    /// Begins a commit; and if many keys are written in each, has them write pages that lie side by side. With a few pages a commit that
    /// does not pay: LMDB writes an entry of its list of free pages anew with each. Nor does it for a bulk load.
    private func begin(_ writer: borrowing Writer) throws -> WriteTransaction {
        commitsOfMany.load(ordering: .relaxed) >= Self.commitsBeforeOrder
            ? try writer.beginInOrder() : try writer.begin()
    }

    /// Counts a commit of so many changes towards putting pages in order, or against it.
    private func countForOrder(_ changes: Int) {
        let count = commitsOfMany.load(ordering: .relaxed)
        let next = Self.changesInOrder ~= changes ? count + 1 : count - Self.commitsUndone
        commitsOfMany.store(min(max(next, 0), 2 * Self.commitsBeforeOrder), ordering: .relaxed)
    }

    /// Attempts to commit a transaction that is alone: so it is LMDB's transaction itself that is undone where it fails.
    ///
    /// - Parameter room: What room was made for because it was wanting.
    private func attempt(
        isOfOneKey: Bool, in room: WantedRoom = WantedRoom(), _ writer: borrowing Writer,
        _ perform: (borrowing Transaction) throws -> Void
    ) throws -> Attempt {
        var transaction = try isOfOneKey || room.isAny ? writer.begin() : begin(writer)
        let basis = basis(of: transaction)
        if room.long > 0 {
            do {
                try transaction.visitRun(ofBytes: room.long)
            } catch {
                // It may fit all the same: the values of several records need not lie in one run.
                transaction.abort()
                return try attempt(isOfOneKey: isOfOneKey, writer, perform)
            }
        }
        var changes = ChangeSet(isOfOneKey: isOfOneKey)
        do {
            try unsafe withView(of: &transaction, &changes, after: nil, basis, perform)
            // The body may have swallowed the error of a write, which may have been its only one.
            if let failure = transaction.failure { throw failure }
        } catch {
            let failure = transaction.failure ?? error as? LMDBError
            transaction.abort()
            guard failure?.code == .mapFull else { return .failed(0, translate(failure ?? error)) }
            return .mapFull(changes.wantedRoom.isAny ? changes.wantedRoom : room)
        }
        return try finish(transaction, basis, &changes, count: 1, undone: [], writer)
    }

    /// Attempts to commit requests together, and what leaves the store with them.
    ///
    /// - Parameter room: What room was made for, if there is but one request.
    func attempt(
        _ requests: [WriteRequest], evicting plan: EvictionPlan?, in room: WantedRoom = WantedRoom(),
        _ writer: borrowing Writer
    ) throws -> Attempt {
        if requests.count == 1, plan == nil {
            return try attempt(isOfOneKey: requests[0].singleKey != nil, in: room, writer) { try run(requests[0], $0) }
        }
        var transaction = try begin(writer)
        let basis = basis(of: transaction)
        var batch = ChangeSet(isBatch: requests.count > 1)
        var undone: [(position: Int, error: any Error)] = []

        if let plan, let disk {
            do {
                var evicted = ChangeSet()
                try unsafe withView(of: &transaction, &evicted, after: nil, basis) { view in
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
        }
        var changes = ChangeSet()
        for (position, request) in requests.enumerated() {
            changes.reset(isOfOneKey: request.singleKey != nil)
            do {
                if request.singleKey != nil || !ProtocolGuards.undoesAlone {
                    try unsafe perform(request, in: &transaction, &changes, after: &batch, basis)
                } else {
                    try transaction.nested { child in
                        try unsafe perform(request, in: &child, &changes, after: &batch, basis)
                    }
                }
                batch.add(takenFrom: &changes)
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
                    return try finish(transaction, basis, &batch, count: position, undone: undone, writer)
                default: undone.append((position, translate(error)))
                }
            }
        }
        let attempt = try finish(transaction, basis, &batch, count: requests.count, undone: undone, writer)
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
        _ request: WriteRequest, in transaction: inout WriteTransaction, _ changes: UnsafeMutablePointer<ChangeSet>,
        after earlier: UnsafeMutablePointer<ChangeSet>?, _ basis: Basis
    ) throws {
        try unsafe withView(of: &transaction, changes, after: earlier, basis) { try run(request, $0) }
    }

    private func run(_ request: WriteRequest, _ view: borrowing Transaction) throws {
        try request.perform(view)
        if !ProtocolGuards.acknowledgesAfterCommit { request.complete(nil) }
    }

    private func withView(
        of transaction: inout WriteTransaction, _ changes: UnsafeMutablePointer<ChangeSet>,
        after earlier: UnsafeMutablePointer<ChangeSet>?, _ basis: Basis, _ body: (borrowing Transaction) throws -> Void
    ) throws {
        try unsafe withUnsafeMutablePointer(to: &transaction) { pointer in
            let view = unsafe Transaction(
                pointer, changes, after: earlier, durable: durable, now: basis.now,
                foreignCommits: basis.foreignCommits)
            try body(view)
        }
    }

    /// Marks, commits and installs.
    private func finish(
        _ transaction: consuming WriteTransaction, _ basis: Basis, _ batch: inout ChangeSet, count: Int,
        undone: [(position: Int, error: any Error)], _ writer: borrowing Writer
    ) throws -> Attempt {
        let id = basis.id
        for key in batch.absentKeys { loads.invalidate(key) }
        for keyspace in batch.thinned { loads.invalidateAll(in: keyspace) }
        if batch.isEmpty, ProtocolGuards.abortsEmptyTransactions {
            // An empty commit would succeed without using `id`, and the next foreign commit would be `id`: publish nothing.
            transaction.abort()
            // But what other processes are loading may be what was to go.
            if !batch.absentKeys.isEmpty || !batch.thinned.isEmpty { try durable.environment.countRemovalOfNothing() }
            return .committed(count, undone: undone)
        }
        coherence.publish(inflight: id)
        // By index: a change as a whole would be copied, with a retain for each of its parts.
        for index in batch.changes.indices {
            batch.note(memory.mark(batch.changes[index].key), at: index)
            if !batch.changes[index].isLoaded { loads.invalidate(batch.changes[index].key) }
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
            try writer.commit(transaction)
        } catch {
            coherence.withdraw()
            for index in batch.changes.indices { memory.unmark(batch.changes[index].key.hash) }
            batch.invalidated.forEach { _, hash, _ in memory.unmark(hash) }
            if error.code == .mapFull { return .mapFull(batch.wantedRoom) }
            let outcome = writer.outcome(of: error)
            guard outcome.code == .outcomeUnknown else { throw outcome }
            // The cause is what the commit met, not that LMDB refuses since.
            throw LarderError(.outcomeUnknown, outcome.code.message, underlyingError: error)
        }
        durable.noteCommit(of: id)
        for index in batch.changes.indices {
            memory.install(
                batch.changes[index].value, for: batch.changes[index].key, version: id,
                expiry: batch.changes[index].expiry, standing: batch.changes[index].standing
            ) {
                max(coherence.floorNow, batch.changes[index].keyspace.currentFloor)
            }
        }
        batch.invalidated.forEach { _, hash, _ in memory.settle(hash, version: id) }
        coherence.publish(applied: id)
        countForOrder(batch.count)
        memoryUpkeep.runIfDue()
        let commits = counters.withLock { counters in
            counters.commits += 1
            counters.transactions += count - undone.count
            counters.changes += batch.count
            counters.bytes += batch.payloadBytes
            return counters.commits
        }
        if commits.isMultiple(of: Self.commitsBetweenReaderChecks) { writer.freeDeadReaders() }
        return .committed(count, undone: undone)
    }

    private func translate(_ error: any Error) -> any Error {
        guard let error = error as? LMDBError else { return error }
        return LarderError(error, path: durable.environment.path)
    }
}
