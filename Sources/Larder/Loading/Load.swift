internal import Synchronization

/// One load of a missing value, and those who wait for it.
final class Load<Value: Sendable>: AnyLoad {
    private struct State {
        var result: Result<Value?, any Error>?
        var waiters: [Int: CheckedContinuation<Value?, any Error>] = [:]
        var nextWaiter = 0
        var task: Task<Void, Never>?
        var isValid = true
        /// How many have joined and not left; the one who made the load is the first.
        var interested = 1
    }

    /// The last commit when the load began. A later one by another process makes the value too old to keep.
    let version: UInt64
    private let state = Mutex(State())

    init(version: UInt64) {
        self.version = version
    }

    /// Whether its value may be kept, and others may join.
    var isValid: Bool {
        state.withLock { $0.isValid }
    }

    /// How many have joined and not left.
    var interested: Int {
        state.withLock { $0.interested }
    }

    func invalidate() {
        state.withLock { $0.isValid = false }
    }

    /// Joins, if others may; ``value(abandoned:)`` must follow. From now on the load goes on whoever else is cancelled.
    func join() -> Bool {
        state.withLock { state in
            if state.isValid { state.interested += 1 }
            return state.isValid
        }
    }

    /// Hands over the task that loads, to be cancelled when nobody waits any more. Whoever made the load calls it before it waits itself.
    func start(_ task: Task<Void, Never>) {
        state.withLock { $0.task = task }
    }

    /// The value is there, or the load failed: tells everyone who waits.
    func finish(_ result: Result<Value?, any Error>) {
        let waiters = state.withLock { state in
            state.result = result
            defer { state.waiters = [:] }
            return state.waiters
        }
        for waiter in waiters.values { waiter.resume(with: result) }
    }

    /// Waits for the value, after ``join()`` or ``init(version:)``. A cancelled waiter throws `CancellationError`; when it was the last one,
    /// the load is cancelled too and `abandoned` is called.
    func value(abandoned: @escaping @Sendable () -> Void) async throws -> Value? {
        let waiter = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        defer { leave(abandoned) }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let result: Result<Value?, any Error>? = state.withLock { state in
                    if let result = state.result { return result }
                    if Task.isCancelled { return .failure(CancellationError()) }
                    state.waiters[waiter] = continuation
                    return nil
                }
                if let result { continuation.resume(with: result) }
            }
        } onCancel: {
            let continuation = state.withLock { $0.waiters.removeValue(forKey: waiter) }
            continuation?.resume(throwing: CancellationError())
        }
    }

    private func leave(_ abandoned: () -> Void) {
        let task: Task<Void, Never>?? = state.withLock { state in
            state.interested -= 1
            guard state.interested == 0, state.result == nil else { return nil }
            state.isValid = false
            return .some(state.task)
        }
        guard let task else { return }
        task?.cancel()
        abandoned()
    }
}
