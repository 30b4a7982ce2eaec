import Dispatch
import Synchronization

/// Hands the requests of a trace to any number of tasks, each to one, in order.
///
/// A thread of its own reads ahead, a bounded number of requests, so that a slow trace (standard input) blocks no task's thread.
final class RequestFeed: Sendable {
    /// A request with its place in the trace, counted from 0.
    struct NumberedRequest {
        var number: Int
        var request: TraceRequest
    }

    private struct State {
        var ready: [NumberedRequest] = []
        /// Where in `ready` the next one is; what is before it was handed out.
        var position = 0
        var waiting: [CheckedContinuation<NumberedRequest?, any Error>] = []
        var count = 0
        var end: Result<Void, TraceError>?
    }

    private static let readAhead = 4_096

    /// What the trace says of itself.
    let header: TraceHeader

    private let reader: Mutex<TraceReader<FileByteSource>>
    private let state = Mutex(State())
    /// Requests that may still be read ahead. A semaphore must not be released below the value that it began with, so it begins with none.
    private let room = DispatchSemaphore(value: 0)

    /// Opens a trace, and reads up to its first request.
    ///
    /// - Parameter path: The file's path, or `-` for standard input.
    /// - Throws: `TraceError`.
    init(path: String) throws(TraceError) {
        let reader = try TraceReader(FileByteSource(path: path))
        header = reader.header
        self.reader = Mutex(reader)
    }

    /// Begins to read ahead. To be called once.
    func start() {
        for _ in 0..<Self.readAhead { room.signal() }
        DispatchQueue.global().async { [self] in
            while readOne() {}
        }
    }

    private func readOne() -> Bool {
        room.wait()
        let outcome: Result<TraceRequest?, TraceError>
        do throws(TraceError) {
            outcome = .success(try reader.withLock { reader throws(TraceError) in try reader.next() })
        } catch {
            outcome = .failure(error)
        }
        switch outcome {
        case .success(let request?): return put(request)
        case .success(nil): end(.success(()))
        case .failure(let error): end(.failure(error))
        }
        return false
    }

    private func put(_ request: TraceRequest) -> Bool {
        let (goesOn, waiting, numbered) = state.withLock { state in
            let numbered = NumberedRequest(number: state.count, request: request)
            state.count += 1
            if state.end != nil { return (false, nil as CheckedContinuation<NumberedRequest?, any Error>?, numbered) }
            if let waiting = state.waiting.popLast() { return (true, waiting, numbered) }
            state.ready.append(numbered)
            return (true, nil, numbered)
        }
        if let waiting {
            room.signal()
            waiting.resume(returning: numbered)
        }
        return goesOn
    }

    /// Ends the trace here for everyone: at its end, where it cannot be read on, or because a task failed.
    private func end(_ outcome: Result<Void, TraceError>) {
        let waiting = state.withLock { state in
            if state.end == nil { state.end = outcome }
            defer { state.waiting = [] }
            return state.waiting
        }
        for waiting in waiting { waiting.resume(with: outcome.map { nil }.mapError { $0 }) }
    }

    /// Gives out no further requests.
    func stop() {
        state.withLock { state in
            state.ready = []
            state.position = 0
        }
        end(.success(()))
        // The reading thread may be waiting for room.
        room.signal()
    }

    /// The next request; `nil` at the end.
    ///
    /// - Throws: `TraceError`, once all the requests before it were handed out.
    func next() async throws -> NumberedRequest? {
        if let taken = try state.withLock({ try Self.take(&$0) }) {
            if taken != nil { room.signal() }
            return taken
        }
        let request = try await withCheckedThrowingContinuation { continuation in
            let taken = state.withLock { state in
                let taken = Result { try Self.take(&state) }
                if case .success(nil) = taken { state.waiting.append(continuation) }
                return taken
            }
            switch taken {
            case .success(nil): return
            case .success(let request?):
                if request != nil { room.signal() }
                continuation.resume(returning: request)
            case .failure(let error): continuation.resume(throwing: error)
            }
        }
        return request
    }

    /// What can be said at once: a request, or `nil` inside for the end; `nil` outside if there is nothing yet.
    private static func take(_ state: inout State) throws -> NumberedRequest?? {
        if state.position < state.ready.count {
            let request = state.ready[state.position]
            state.position += 1
            if state.position == state.ready.count {
                state.ready.removeAll(keepingCapacity: true)
                state.position = 0
            }
            return .some(request)
        }
        guard let end = state.end else { return nil }
        try end.get()
        return .some(nil)
    }
}
