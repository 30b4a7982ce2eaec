internal import Synchronization

/// How long something may take, by a clock of the caller's choice.
struct TimeLimit: Sendable {
    let duration: Duration
    let clock: any Clock<Duration>

    /// What is thrown when the time is up.
    struct Passed: Error {}

    /// Waits until the time is up.
    func sleep() async throws {
        try await clock.sleep(for: duration)
    }

    /// What `body` gives, or ``Passed`` when the time is up first. `body` is then cancelled and not waited for, so one that ignores
    /// cancellation holds up nobody. Without a limit `body` has all the time.
    static func run<Value: Sendable>(
        within limit: TimeLimit?, _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        guard let limit else { return try await body() }
        let first = FirstResult<Value>()
        let work = Task {
            do { first.decide(.success(try await body())) } catch { first.decide(.failure(error)) }
        }
        let timer = Task {
            try await limit.sleep()
            first.decide(.failure(Passed()))
        }
        defer {
            timer.cancel()
            work.cancel()
        }
        return try await withTaskCancellationHandler {
            try await first.value()
        } onCancel: {
            first.decide(.failure(CancellationError()))
        }
    }
}

/// Whether the time of a limit is up.
final class TimeUp: Sendable {
    private let isUp = Atomic<Bool>(false)
    private let timer = Mutex<Task<Void, any Error>?>(nil)

    /// The time begins.
    init(after limit: TimeLimit) {
        let task = Task { [self] in
            try await limit.sleep()
            isUp.store(true, ordering: .releasing)
        }
        timer.withLock { $0 = task }
    }

    /// Whether it has ended.
    var value: Bool {
        isUp.load(ordering: .acquiring)
    }

    /// Nobody asks any more.
    func stop() {
        timer.withLock { $0 }?.cancel()
    }
}

/// The first of several results, for one who waits.
private final class FirstResult<Value: Sendable>: Sendable {
    private enum State {
        case open
        case awaited(CheckedContinuation<Value, any Error>)
        case decided(Result<Value, any Error>)
    }

    private let state = Mutex(State.open)

    /// Only the first call counts.
    func decide(_ result: Result<Value, any Error>) {
        let waiting: CheckedContinuation<Value, any Error>? = state.withLock { state in
            switch state {
            case .open:
                state = .decided(result)
                return nil
            case .awaited(let continuation):
                state = .decided(result)
                return continuation
            case .decided: return nil
            }
        }
        waiting?.resume(with: result)
    }

    func value() async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            let decided: Result<Value, any Error>? = state.withLock { state in
                if case .decided(let result) = state { return result }
                state = .awaited(continuation)
                return nil
            }
            if let decided { continuation.resume(with: decided) }
        }
    }
}
