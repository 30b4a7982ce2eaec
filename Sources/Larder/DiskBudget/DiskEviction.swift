internal import LMDB
internal import Synchronization

/// Keeps the file of a cache within its budget: decides before each commit what is to leave with it.
///
/// Which bytes are in use is counted exactly, in the trees of the last commit, but only when what was written since may have reached the
/// threshold. Whoever commits asks; there is one at a time.
final class DiskEviction: Sendable {
    private struct State {
        var budget: DiskBudget
        var hand = ClockHand()
        /// A second hand, which passes over what is short.
        var longHand = ClockHand()
        /// The store's caches, in the order of their numbers.
        var keyspaces: [Keyspace] = []
        /// How many foreign commits had been noticed when budget and caches were looked up; making a cache counts as one.
        var generation = -1
        /// Bytes in use when they were last counted, and what had been written then.
        var used = 0
        var counted = CommitStatistics()
        var countedRemovals = 0
        /// Whether the file's limit is to be set anew.
        var limitIsDue = false
    }

    let references: ReferenceCounters
    private let durable: DurableTier
    private let memory: MemoryTier
    private let coherence: Coherence
    private let keyspaces: KeyspaceRegistry
    let sweep: ExpirySweep
    private let clock: WallClock
    private let pageSize: Int
    private let state: Monitor<State>
    private let evictions = Atomic<Int>(0)
    private let refusals = Atomic<Int>(0)
    private let isCatchingUp = Atomic<Bool>(false)

    /// The most pages that a small change adds: a split on each level of the tree and in the index of what expires.
    private static let pagesPerChange = 4
    /// About how many bytes a record takes beside its payload.
    private static let bytesPerRecord = 48

    /// Makes what a store with a budget on disk needs; `nil` for one without.
    init?(
        _ durable: DurableTier, _ memory: MemoryTier, _ coherence: Coherence, _ keyspaces: KeyspaceRegistry,
        _ sweep: ExpirySweep, _ clock: WallClock
    ) throws {
        guard let budget = durable.budget, let references = durable.references else { return nil }
        self.references = references
        self.durable = durable
        self.memory = memory
        self.coherence = coherence
        self.keyspaces = keyspaces
        self.sweep = sweep
        self.clock = clock
        pageSize = try translatingErrors(at: durable.environment.path) {
            try durable.environment.information().pageSize
        }
        state = Monitor(State(budget: budget))
    }

    /// Records evicted, as far as their commits are decided.
    var evicted: Int { evictions.load(ordering: .relaxed) }
    /// Transactions refused for want of room.
    var refused: Int { refusals.load(ordering: .relaxed) }
    /// The budget in force.
    var budget: DiskBudget { state.withLock { $0.budget } }

    /// Counts what a plan has removed, once that is committed.
    func count(_ plan: EvictionPlan) {
        evictions.add(plan.evicted, ordering: .relaxed)
        sweep.count(removed: plan.expiredRemoved)
    }

    /// What a transaction is told that found no room; it is counted.
    func refusal() -> LarderError {
        refusals.add(1, ordering: .relaxed)
        return LarderError(.diskBudgetExceeded, "there is no room for the transaction in the disk budget")
    }

    // MARK: Before a commit

    /// What is to go with the next commit, or `nil`. Not to be called by whoever holds the lock between writers.
    ///
    /// Costs nothing that shows while the store is far from its budget; otherwise a read transaction, about 150 ns for each record that the
    /// hand passes, and the copies of the keys that are to go.
    ///
    /// - Parameter done: What has been committed so far.
    func plan(after done: CommitStatistics) -> EvictionPlan? {
        state.withLock { state in
            do {
                try look(&state)
                let written = written(since: state, done)
                guard state.used == 0 || state.used + written.atMost > state.budget.low else { return nil }
                try count(&state, done)
                let quota = state.budget.quota(used: state.used, written: written.about)
                guard quota > 0 else { return nil }
                return try choose(quota, &state)
            } catch {
                // A damaged page, say: a write that meets it tells its caller. The hand goes on behind it.
                state.hand.skip()
                return nil
            }
        }
    }

    /// Takes note of what other processes have changed: the budget, and which caches there are.
    private func look(_ state: inout State) throws {
        _ = coherence.currentFloor()
        let generation = coherence.foreignCommits
        guard generation != state.generation else { return }
        let (recorded, numbers) = try durable.environment.read { transaction in
            (
                try durable.recordedBudget(in: transaction),
                try durable.descriptors(in: transaction).map(\.1.number).sorted()
            )
        }
        if let recorded, recorded != state.budget {
            state.budget = recorded
            state.limitIsDue = true
            durable.setMaximumPayload(recorded.maximumPayload)
        }
        // The store may have been opened for fewer caches; the records of the others stay.
        state.keyspaces = numbers.compactMap { try? keyspaces.keyspace(number: $0) }
        state.used = 0
        state.generation = generation
    }

    /// The bytes that commits of this process have added since the last count: about so many, and never more than so many.
    private func written(since state: State, _ done: CommitStatistics) -> (about: Int, atMost: Int) {
        let bytes = done.bytes - state.counted.bytes
        let changes = done.changes - state.counted.changes
        let removals = evicted + sweep.removed - state.countedRemovals
        return (
            bytes + max(0, changes - removals) * Self.bytesPerRecord,
            bytes + changes * Self.pagesPerChange * pageSize
        )
    }

    private func count(_ state: inout State, _ done: CommitStatistics) throws {
        state.used = try durable.environment.usedPages() * pageSize
        state.counted = done
        state.countedRemovals = evicted + sweep.removed
    }

    /// What has expired goes first, and nothing else while that is enough.
    private func choose(_ quota: Int, _ state: inout State) throws -> EvictionPlan? {
        let expired = try sweep.plan(now: clock.now()).entries
        let isUrgent = state.used > state.budget.high
        if !expired.isEmpty, !isUrgent { return EvictionPlan(victims: [], expired: expired) }
        let victims = try advance(
            &state.hand, over: state.keyspaces, .init(bytes: quota, least: 0, isUrgent: isUrgent), clock.now())
        return victims.isEmpty && expired.isEmpty ? nil : EvictionPlan(victims: victims, expired: expired)
    }

    /// About how many pages are copied until a run that was made free is used.
    private static let pagesCopied = 128

    /// A record that is at least as long goes; where there is none, or that was not enough, a run of pages is made free, and before that
    /// so much of the file that what lies there finds another place.
    private func chooseLong(_ wanted: WantedRoom, effort: Int, _ state: inout State) throws -> EvictionPlan? {
        let now = clock.now()
        if effort == 0 {
            let victims = try advance(
                &state.longHand, over: state.keyspaces, .init(bytes: wanted.long, least: wanted.longest), now)
            if !victims.isEmpty { return EvictionPlan(victims: victims) }
        }
        // Two more: the headers of the records, and what is left of a page.
        let length = wanted.long / pageSize + 2
        let free = try durable.environment.information().usedBytes - state.used
        let missing = (length * 3 / 2 + Self.pagesCopied) * pageSize - free
        if missing > 0, state.used > state.budget.floor {
            let victims = try advance(
                &state.hand, over: state.keyspaces, .init(bytes: 2 * missing, least: 0), now)
            if !victims.isEmpty { return EvictionPlan(victims: victims) }
        }
        return try PageRun.plan(
            length: length, copies: Self.pagesCopied, state.keyspaces.filter { !$0.isRetired }, durable)
    }

    private func advance(
        _ hand: inout ClockHand, over keyspaces: [Keyspace], _ wanted: ClockHand.Wanted, _ now: Milliseconds
    ) throws -> [EvictionPlan.Victim] {
        let judge = ClockHand.Judge(references: references, memory: memory, now: now)
        var moved = hand
        let victims = try durable.environment.read { transaction in
            try moved.advance(
                over: keyspaces.filter { !$0.isRetired }, taking: wanted, judge, durable, in: transaction,
                pageSize: pageSize)
        }
        hand = moved
        return victims
    }

    // MARK: Catching up

    /// Whether more is in use than should be, and a commit is to be made for the sake of evicting alone; ``didCatchUp()`` must follow.
    func beginsToCatchUp(after plan: EvictionPlan?) -> Bool {
        guard plan != nil, state.withLock({ $0.used > $0.budget.high }) else { return false }
        return !isCatchingUp.exchange(true, ordering: .acquiringAndReleasing)
    }

    /// The commit that was made for that is decided.
    func didCatchUp() {
        isCatchingUp.store(false, ordering: .releasing)
    }

    // MARK: Inside the lock between writers

    /// The size to which the file is to be limited from now on, if that has changed.
    func takeNewLimit() -> Int? {
        state.withLock { state in
            defer { state.limitIsDue = false }
            return state.limitIsDue ? state.budget.fileLimit : nil
        }
    }

    /// What is to go so that a transaction finds room that found none; `nil` where evicting would not help it: most of the budget is free
    /// already, or a reader holds on to the pages that are.
    ///
    /// A long value needs as many free pages in a row, and free pages are scattered. What frees them in a row is another long value; where
    /// there is none, every record is looked at for what lies in the best place.
    ///
    /// - Parameters:
    ///   - wanted: What the transaction was to write.
    ///   - effort: How many times it was tried for this transaction.
    ///   - step: 0 for what is to make the room, 1 for the commit after it.
    func planForRoom(_ wanted: WantedRoom, effort: Int, step: Int) throws -> EvictionPlan? {
        try state.withLock { state in
            state.used = try durable.environment.usedPages() * pageSize
            guard wanted.long > 0 || state.used > state.budget.floor else { return nil }
            if state.used <= state.budget.high, try isPinned() { return nil }
            if wanted.long > 0, step == 0, let plan = try chooseLong(wanted, effort: effort, &state) { return plan }
            // Where a run is there already only a commit is wanting, and some record goes for the sake of that.
            let (bytes, visited) = wanted.long > 0 ? (pageSize, EvictionPlan.pagesBeside) : (state.budget.bytes / 32, 0)
            // The expired ones are among the records; their index cannot be asked here, which may open caches.
            let victims = try advance(&state.hand, over: state.keyspaces, .init(bytes: bytes, least: 0), clock.now())
            return victims.isEmpty ? nil : EvictionPlan(victims: victims, freePagesVisited: visited)
        }
    }

    /// Whether the map may grow once more and stay within the budget: by a part of the reserve, which all processes share.
    func hasReserve() throws -> Bool {
        try durable.environment.information().mapSize + Environment.limitedMapGrowth <= budget.bytes
    }

    /// How long to wait for a reader to end, in steps of a millisecond.
    private static let patience = 50

    /// Whether a reader keeps pages from being used again, and goes on doing so.
    private func isPinned() throws -> Bool {
        let never = Monitor(())
        for _ in 0..<Self.patience {
            let last = durable.environment.lastTransactionID
            guard let oldest = try durable.environment.oldestReadTransactionID(), oldest &+ 1 < last else {
                return false
            }
            never.withLock(when: { _ in false }, orAfter: 1_000_000) { _ in }
        }
        return true
    }
}
