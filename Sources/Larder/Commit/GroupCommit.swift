internal import LMDB
internal import Synchronization

/// Lets the transactions of any number of tasks and threads share commits.
///
/// Whoever commits is the leader; there is one at a time. A blocking write that finds nobody leading leads its own commit on its caller's
/// thread, with no hop. Everything else is queued for the store's thread, which commits all that is queued in one batch. After a batch
/// it pays to wait a little for the callers just told to come again: a batch costs the same two flushes however many share it. So the
/// thread waits for as many requests as callers were told and requests are queued, for at most half of the moving average of a commit, and is woken once. Where
/// half of a commit is too short to be waited for, as a rule where nothing is flushed, it does not wait.
final class GroupCommit: Sendable {
    private struct State {
        var queue: [WriteRequest] = []
        /// The requests in the queue that nobody waits for, and the bytes of their payloads.
        var unawaited = (count: 0, bytes: 0)
        var leader: ThreadIdentity?
        var isClosed = false
        var hasThread = false
        /// How long the queue must be for the thread to be woken.
        var wakeCount = 1
        /// When the thread is to look for expired records, in milliseconds since 1970.
        var sweepAt: Milliseconds?
        /// Whether the thread has to compute its timeout anew.
        var sweepMoved = false
        /// Whether the thread waits for whoever leads, because it is time to look for expired records.
        var isThreadWaiting = false
    }

    private let writeThrough: WriteThrough
    private let state = Monitor(State())
    private let ended = Monitor(false)
    /// Nanoseconds of a commit that count towards the average, so that nobody waits for company longer than half of it.
    private static let longestCommit: UInt64 = 10_000_000
    /// The moving average of how long a commit of the store's thread takes, in nanoseconds.
    private let averageCommit = Atomic<UInt64>(0)
    private let sweep: ExpirySweep
    private let isPublishing = Atomic<Bool>(false)

    init(_ writeThrough: WriteThrough, sweep: ExpirySweep) {
        self.writeThrough = writeThrough
        self.sweep = sweep
    }

    /// Whether the calling thread is inside the body of a transaction.
    var isLeading: Bool {
        state.withLock { $0.leader == .current }
    }

    // MARK: Submitting

    /// Queues a request for the store's thread and returns at once.
    func submit(_ request: WriteRequest) {
        do {
            let wakes = try state.withLock { state in
                try Self.checkOpen(state)
                if !state.hasThread {
                    try startThread()
                    state.hasThread = true
                }
                state.queue.append(request)
                return state.queue.count == state.wakeCount
            }
            if wakes { state.wakeAll() }
        } catch {
            request.complete(error)
        }
    }

    /// How many requests may be queued that nobody waits for, and how many bytes of payload they may hold.
    static let maximumUnawaited = (count: 4_096, bytes: 32 << 20)

    /// Takes a place in the queue for a request that nobody waits for, which is to be submitted next. Returns `false` where so many are queued
    /// that the disk does not keep up.
    ///
    /// - Parameter bytes: How many bytes of payload the request holds.
    func reservesUnawaited(bytes: Int) -> Bool {
        state.withLock { state in
            guard state.unawaited.count < Self.maximumUnawaited.count,
                state.unawaited.bytes <= Self.maximumUnawaited.bytes - bytes
            else { return false }
            state.unawaited.count += 1
            state.unawaited.bytes += bytes
            return true
        }
    }

    /// A read that began after another process's commit was noticed did not see it: its writer is just about to tell readers of it, or died
    /// before it could. Begins a write transaction on the store's thread, which waits for the former and finishes the latter's work (see
    /// ``Writer/begin()``), so that nobody has to wait for the next write. One at a time.
    func publishForeignCommit() {
        guard !isPublishing.exchange(true, ordering: .acquiring) else { return }
        let request = WriteRequest { _ in }
        request.whenDecided { [self] _ in isPublishing.store(false, ordering: .releasing) }
        submit(request)
    }

    /// Takes a request back that has not begun; returns whether that succeeded. Its caller then decides it.
    func withdraw(_ request: WriteRequest) -> Bool {
        state.withLock { state in
            guard let index = state.queue.firstIndex(where: { $0 === request }) else {
                return !ProtocolGuards.withdrawsOnlyWaiting
            }
            state.queue.remove(at: index)
            return true
        }
    }

    /// Commits a request and returns when it is decided; on this thread, if nobody else is committing.
    ///
    /// - Throws: ``LarderError/Code-swift.struct/nestedWrite`` inside the body of another write,
    ///   ``LarderError/Code-swift.struct/writeInsideRead`` inside that of a read; what went wrong.
    func submitBlocking(
        singleKey: MemoryKey?, perform: @escaping @Sendable (borrowing Transaction) throws -> Void
    ) throws {
        let thread = ThreadIdentity.current
        if writeThrough.durable.environment.isReading {
            throw LarderError(.writeInsideRead, "a write was begun inside the body of a read")
        }
        let (leads, mayBeDue) = try state.withLock { state in
            if state.leader == thread { throw LarderError(.nestedWrite, "a write was begun inside another write") }
            try Self.checkOpen(state)
            guard state.leader == nil, state.queue.isEmpty else { return (false, false) }
            state.leader = thread
            return (true, state.sweepAt != nil)
        }
        if leads {
            // Where one thread writes all the time, the store's own never gets to lead.
            let error: (any Error)?
            if mayBeDue, let sweep = sweepRequest() {
                let request = WriteRequest(singleKey: singleKey, perform: perform)
                let outcomes = lead { plan in writeThrough.commit([request, sweep], evicting: plan) }
                stopLeading()
                sweep.complete(outcomes[1])
                error = outcomes[0]
            } else {
                error = lead { plan in writeThrough.commit(singleKey: singleKey, evicting: plan, perform) }
                stopLeading()
            }
            if let error { throw error }
            return
        }
        let request = WriteRequest(singleKey: singleKey, isAwaited: true, perform: perform)
        let decided = Monitor<(isDecided: Bool, error: (any Error)?)>((false, nil))
        request.whenDecided { error in
            decided.withLock { $0 = (true, error) }
            decided.wakeAll()
        }
        submit(request)
        if let error = decided.withLock(when: { $0.isDecided }, { $0.error }) { throw error }
    }

    /// Commits a request on the store's thread and returns when it is decided. Cancelling the calling task withdraws the request if it
    /// has not begun, and then `CancellationError` is thrown; otherwise the outcome is that of the commit.
    func submitAndWait(
        singleKey: MemoryKey?, perform: @escaping @Sendable (borrowing Transaction) throws -> Void
    ) async throws {
        try await submitAndWait(WriteRequest(singleKey: singleKey, isAwaited: true, perform: perform))
    }

    /// As ``submitAndWait(singleKey:perform:)``, for a request that is made already.
    func submitAndWait(_ request: WriteRequest) async throws {
        try Task.checkCancellation()
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                request.whenDecided { error in
                    if let error { continuation.resume(throwing: error) } else { continuation.resume() }
                }
                submit(request)
                // Whoever cancelled just before found nothing to withdraw.
                if Task.isCancelled, withdraw(request) { request.complete(CancellationError()) }
            }
        } onCancel: {
            if withdraw(request) { request.complete(CancellationError()) }
        }
    }

    private static func checkOpen(_ state: State) throws {
        if state.isClosed { throw LarderError(.closed, "the store is closed") }
    }

    // MARK: Leading

    /// Has `commit` commit, together with what is to be evicted.
    @inline(__always)
    private func lead<Outcome>(_ commit: (EvictionPlan?) -> Outcome) -> Outcome {
        let plan = writeThrough.disk?.plan(after: writeThrough.statistics)
        let outcome = commit(plan)
        if let disk = writeThrough.disk, disk.beginsToCatchUp(after: plan) { catchUp() }
        return outcome
    }

    private func noteCommit(lasting duration: Duration) {
        let (seconds, attoseconds) = duration.components
        // A slow body, or another process that writes, says nothing about how long a commit takes.
        let sample = min(UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000), Self.longestCommit)
        let average = averageCommit.load(ordering: .relaxed)
        averageCommit.store(average == 0 ? sample : (average * 7 + sample) / 8, ordering: .relaxed)
    }

    private func stopLeading() {
        let wakes = state.withLock { state in
            state.leader = nil
            return !state.queue.isEmpty || state.isClosed || state.sweepMoved || state.isThreadWaiting
        }
        if wakes { state.wakeAll() }
    }

    private func startThread() throws {
        try BackgroundThread.start { [self] in run() }
    }

    private func run() {
        while let batch = nextBatch() {
            let start = ContinuousClock.now
            let outcomes = lead { plan in writeThrough.commit(batch, evicting: plan) }
            noteCommit(lasting: ContinuousClock.now - start)
            let queued = state.withLock { state in
                state.leader = nil
                return state.queue.count
            }
            // From here on the callers may come again.
            for (request, error) in zip(batch, outcomes) { request.complete(error) }
            waitForCompany(batch.count { $0.isAwaited } + queued)
        }
        ended.withLock { $0 = true }
        ended.wakeAll()
    }

    /// What the thread does next.
    private enum Turn {
        case lead([WriteRequest])
        case waitForLeader
        case computeTimeout
        case end
    }

    /// Waits until there is something to commit and leads it, all of it; `nil` when the store is closed and nothing is left.
    private func nextBatch() -> [WriteRequest]? {
        while true {
            let turn = state.withLock(
                when: { $0.sweepMoved || $0.leader == nil && (!$0.queue.isEmpty || $0.isClosed) },
                orAfter: sweepTimeout()
            ) { state -> Turn in
                let hasMoved = state.sweepMoved
                state.sweepMoved = false
                guard state.leader == nil else { return hasMoved ? .computeTimeout : .waitForLeader }
                if state.queue.isEmpty, state.isClosed { return .end }
                state.leader = .current
                state.unawaited = (0, 0)
                defer { state.queue = [] }
                return .lead(state.queue)
            }
            switch turn {
            case .end: return nil
            case .computeTimeout: continue
            case .waitForLeader: waitForLeader()
            case .lead(var batch):
                if let request = sweepRequest() { batch.append(request) }
                if !batch.isEmpty { return batch }
                state.withLock { $0.leader = nil }
            }
        }
    }

    /// Waits until whoever leads stops, or has looked for expired records itself.
    private func waitForLeader() {
        let due = state.withLock { state in
            state.isThreadWaiting = true
            return state.sweepAt
        }
        state.withLock(when: { $0.leader == nil || $0.sweepAt != due }) {
            $0.isThreadWaiting = false
        }
    }

    /// A shorter wait is not worth it: Linux ends it up to so many nanoseconds late.
    private static let shortestWait: UInt64 = 50_000

    private func waitForCompany(_ count: Int) {
        let longest = averageCommit.load(ordering: .relaxed) / 2
        guard count > 1, longest >= Self.shortestWait else { return }
        state.withLock { $0.wakeCount = count }
        state.withLock(when: { $0.queue.count >= count || $0.isClosed }, orAfter: longest) { $0.wakeCount = 1 }
    }

    // MARK: The budget on disk

    /// Commits for the sake of what is to be evicted with it, on the store's thread.
    func catchUp() {
        let request = WriteRequest { _ in }
        request.whenDecided { [disk = writeThrough.disk] _ in disk?.didCatchUp() }
        submit(request)
    }

    // MARK: Expiry

    /// Records that something expires at `deadline`, so that the thread looks then.
    func noteDeadline(_ deadline: Milliseconds) {
        let wakes = state.withLock { state -> Bool in
            guard !state.isClosed, deadline < state.sweepAt ?? .max else { return false }
            if !state.hasThread {
                guard (try? startThread()) != nil else { return false }
                state.hasThread = true
            }
            state.sweepAt = deadline
            state.sweepMoved = true
            return true
        }
        if wakes { state.wakeAll() }
    }

    /// Nanoseconds until the next look for expired records. At most a minute, in case the clock is set.
    private func sweepTimeout() -> UInt64 {
        let now = writeThrough.clock.now()
        let deadline = state.withLock { $0.sweepAt } ?? .max
        return min(deadline > now ? deadline - now : 0, 60_000) * 1_000_000
    }

    private func sweepRequest() -> WriteRequest? {
        writeThrough.memoryUpkeep.runIfDue()
        let now = writeThrough.clock.now()
        let isDue = state.withLock { state in
            guard let deadline = state.sweepAt, deadline <= now else { return false }
            state.sweepAt = nil
            return true
        }
        guard isDue, let plan = try? sweep.plan(now: now) else { return nil }
        // More that has expired goes with the next commit; what expires later, at most once a second.
        let next = plan.nextDeadline.map { $0 <= now ? $0 : max($0, now + 1_000) }
        guard !plan.entries.isEmpty else {
            // What is due and cannot be planned for belongs to caches that this process cannot open.
            if let next { noteDeadline(next > now ? max(next, now + 1_000) : now + 60_000) }
            return nil
        }
        let batch = ExpiredBatch(plan.entries, sweep)
        let request = batch.request(isAwaited: false)
        request.whenDecided { [self] error in
            if error == nil {
                batch.count()
                if let next = batch.isHalved ? now : next { noteDeadline(next) }
            } else {
                // A full disk, say. What has expired does not answer, and waits.
                noteDeadline(now + 60_000)
            }
        }
        return request
    }

    // MARK: Closing

    /// Refuses further requests; those under way are still decided, and the thread ends after them.
    func stop() {
        state.withLock { $0.isClosed = true }
        state.wakeAll()
    }

    /// Refuses further requests and waits until those under way are decided.
    func close() throws {
        let hasThread = try state.withLock { state in
            if state.leader == .current {
                throw LarderError(.nestedWrite, "the store was closed inside the body of a write")
            }
            state.isClosed = true
            return state.hasThread
        }
        state.wakeAll()
        if hasThread { ended.withLock(when: { $0 }) { _ in } }
    }
}
