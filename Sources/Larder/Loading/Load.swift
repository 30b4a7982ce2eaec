internal import Synchronization

/// One load of a value, and those who wait for it.
final class Load<Value: Sendable>: AnyLoad {
    private struct State {
        var result: Result<Value?, any Error>?
        var waiters: [Int: CheckedContinuation<Value?, any Error>] = [:]
        var nextWaiter = 0
        /// Waiters whose time was up before they had begun to wait.
        var late: Set<Int> = []
        var start: LoadStart?
        var whenAbandoned: (@Sendable () -> Void)?
        var isValid = true
        var isAbandoned = false
        /// How many want it and have not left; who made the load is the first.
        var interested = 1
    }

    /// What a waiter is told when nobody wanted the load any more, and it was cancelled.
    struct Abandoned: Error {}

    private let state = Mutex(State())

    /// Whether its value may be kept, and others may join.
    var isValid: Bool {
        state.withLock { $0.isValid }
    }

    /// Whether nobody wants it any more.
    var isAbandoned: Bool {
        state.withLock { $0.isAbandoned }
    }

    /// How many want it and have not left.
    var interested: Int {
        state.withLock { $0.interested }
    }

    func invalidate() {
        state.withLock { $0.isValid = false }
    }

    /// What was known when the source was asked; `nil` until it is.
    var start: LoadStart? {
        state.withLock { $0.start }
    }

    /// The source is about to be asked. Who comes later may have to ask again.
    func begin(_ start: LoadStart) {
        state.withLock { $0.start = start }
    }

    /// Joins, if others may; ``value(within:)`` must follow. From now on the load goes on whoever else is cancelled.
    func join() -> Bool {
        state.withLock { state in
            if state.isValid { state.interested += 1 }
            return state.isValid
        }
    }

    /// The load goes on though nobody waits for it.
    func keepGoing() {
        state.withLock { $0.interested += 1 }
    }

    /// Whoever made the load says what is to be done when nobody wants it any more, before it waits itself.
    func whenAbandoned(_ body: @escaping @Sendable () -> Void) {
        state.withLock { $0.whenAbandoned = body }
    }

    /// The value is there, or the load failed: tells everyone who waits. Only the first call counts.
    func finish(_ result: Result<Value?, any Error>) {
        let (waiters, result) = state.withLock { state in
            let told = state.result ?? (state.isAbandoned ? .failure(Abandoned()) : result)
            state.result = told
            state.whenAbandoned = nil
            defer { state.waiters = [:] }
            return (state.waiters, told)
        }
        for waiter in waiters.values { waiter.resume(with: result) }
    }

    /// Waits for the value, once for each ``join()`` and for whoever made the load, and no longer than the limit. When nobody wants the load
    /// any more, it is cancelled.
    ///
    /// - Throws: What the load fails with; `CancellationError` if the waiting task is cancelled; ``TimeLimit/Passed``, after which the load
    ///   goes on.
    func value(within limit: TimeLimit? = nil) async throws -> Value? {
        let waiter: Int? = state.withLock { state in
            state.nextWaiter += 1
            return state.result == nil ? state.nextWaiter : nil
        }
        let timer: Task<Void, any Error>? =
            if let limit, let waiter {
                Task {
                    try await limit.sleep()
                    self.timeOut(waiter)
                }
            } else { nil }
        defer {
            timer?.cancel()
            leave()
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let result: Result<Value?, any Error>? = state.withLock { state in
                    if let result = state.result { return result }
                    if Task.isCancelled { return .failure(CancellationError()) }
                    if let waiter, state.late.remove(waiter) != nil { return .failure(TimeLimit.Passed()) }
                    if let waiter { state.waiters[waiter] = continuation }
                    return nil
                }
                if let result { continuation.resume(with: result) }
            }
        } onCancel: {
            let continuation = state.withLock { state in waiter.flatMap { state.waiters.removeValue(forKey: $0) } }
            continuation?.resume(throwing: CancellationError())
        }
    }

    private func timeOut(_ waiter: Int) {
        let continuation = state.withLock { state in
            // Or it would be cancelled as soon as its last waiter left.
            state.interested += 1
            let continuation = state.waiters.removeValue(forKey: waiter)
            if continuation == nil { state.late.insert(waiter) }
            return continuation
        }
        continuation?.resume(throwing: TimeLimit.Passed())
    }

    /// Stops wanting it, without having waited.
    func leave() {
        let abandoned: (@Sendable () -> Void)? = state.withLock { state in
            state.interested -= 1
            guard state.interested == 0, state.result == nil else { return nil }
            state.isValid = false
            state.isAbandoned = true
            return state.whenAbandoned
        }
        abandoned?()
    }
}

/// What was known when the source was asked, so that a later change of the key can be told from an earlier one.
struct LoadStart: Hashable, Sendable {
    /// The last commit.
    var version: UInt64
    /// How many removals by other processes had found nothing to remove.
    var removals: UInt64
    /// The lease under which the source is asked, if there is one: while it stands, nobody has changed the key.
    var lease: UInt64?
}
