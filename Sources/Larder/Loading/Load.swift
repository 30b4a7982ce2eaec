internal import Synchronization

/// One load of a missing value, and those who wait for it.
final class Load<Value: Sendable>: AnyLoad {
    private struct State {
        var result: Result<Value?, any Error>?
        var waiters: [Int: CheckedContinuation<Value?, any Error>] = [:]
        var nextWaiter = 0
        var task: Task<Void, Never>?
        var isValid = true
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

    func invalidate() {
        state.withLock { $0.isValid = false }
    }

    /// Hands over the task that loads, to be cancelled when nobody waits any more.
    func start(_ task: Task<Void, Never>) {
        let isAbandoned = state.withLock { state in
            state.task = task
            return !state.isValid && state.waiters.isEmpty && state.result == nil
        }
        if isAbandoned { task.cancel() }
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

    /// Waits for the value. A cancelled waiter throws `CancellationError`; when it was the last one, the load is cancelled too and
    /// `abandoned` is called.
    func value(abandoned: @escaping @Sendable () -> Void) async throws -> Value? {
        let waiter = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let result: Result<Value?, any Error>? = state.withLock { state in
                    if let result = state.result { return result }
                    if Task.isCancelled { return .failure(CancellationError()) }
                    state.waiters[waiter] = continuation
                    return nil
                }
                if let result { continuation.resume(with: result) }
                abandonIfUnwanted(abandoned)
            }
        } onCancel: {
            let continuation = state.withLock { $0.waiters.removeValue(forKey: waiter) }
            continuation?.resume(throwing: CancellationError())
            abandonIfUnwanted(abandoned)
        }
    }

    private func abandonIfUnwanted(_ abandoned: () -> Void) {
        let task: Task<Void, Never>?? = state.withLock { state in
            guard state.waiters.isEmpty, state.result == nil else { return nil }
            state.isValid = false
            return .some(state.task)
        }
        guard let task else { return }
        task?.cancel()
        abandoned()
    }
}
