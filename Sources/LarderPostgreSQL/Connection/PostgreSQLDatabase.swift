#if PostgreSQL
    internal import Dispatch
    internal import Synchronization

    /// A PostgreSQL database: a few connections to it, made when they are needed and made again when they break.
    ///
    /// Each connection is used from a thread of its own, so the cooperative pool is never blocked. When all are in use, who comes next waits its turn.
    /// A task that is cancelled gives up at once, whatever the server does; its connection is closed. Use it from any thread.
    public final class PostgreSQLDatabase: Sendable {
        private struct State {
            var idle: [Worker]
            /// The jobs that wait, numbered from `first` up to `next`.
            var waiting: [Int: @Sendable (Worker) -> Void] = [:]
            var first = 0
            var next = 0
        }

        private let state: Mutex<State>

        /// Makes one. Nothing is connected yet.
        ///
        /// - Parameters:
        ///   - parameters: A connection string or URI, as libpq reads it: `"host=/run/postgresql dbname=shop"`.
        ///   - connections: How many connections there may be, at least one.
        ///   - connectionTimeout: How long it may take to connect.
        ///   - statementTimeout: After how long the server gives a statement up, be its client there or not. Keep it below the
        ///     `SourceOptions.settlement` of the caches that write to it.
        /// - Throws: ``PostgreSQLError/Code-swift.struct/notConnected`` where the process has no file descriptors to spare.
        public init(
            _ parameters: String, connections: Int = 4, connectionTimeout: Duration = .seconds(5),
            statementTimeout: Duration = .seconds(10)
        ) throws(PostgreSQLError) {
            var workers: [Worker] = []
            for _ in 0..<max(1, connections) {
                workers.append(
                    try Worker(parameters, connectionTimeout: connectionTimeout, statementTimeout: statementTimeout))
            }
            state = Mutex(State(idle: workers))
        }

        /// Runs a statement, which each connection prepares at its first use, and returns its rows: columns as texts, `nil` for NULL.
        ///
        /// - Parameter parameters: The values of `$1` and so on, as texts.
        /// - Throws: ``PostgreSQLError``; `CancellationError` if the task was cancelled, and then the server may have run the statement.
        @discardableResult
        public func execute(_ statement: String, _ parameters: [String?] = []) async throws -> [[String?]] {
            let job = Job()
            return try await withTaskCancellationHandler {
                try await withCheckedThrowingContinuation { continuation in
                    submit { worker in
                        continuation.resume(with: Result { try worker.execute(statement, parameters, for: job) })
                    }
                }
            } onCancel: {
                job.cancel()
            }
        }

        private func submit(_ job: @escaping @Sendable (Worker) -> Void) {
            let worker: Worker? = state.withLock { state in
                if let worker = state.idle.popLast() { return worker }
                state.waiting[state.next] = job
                state.next += 1
                return nil
            }
            guard let worker else { return }
            worker.queue.async { [self] in
                var next: (@Sendable (Worker) -> Void)? = job
                while let job = next {
                    job(worker)
                    next = nextJob(for: worker)
                }
            }
        }

        /// What the worker is to do next; if nothing, it is idle from now on.
        private func nextJob(for worker: Worker) -> (@Sendable (Worker) -> Void)? {
            state.withLock { state in
                guard let job = state.waiting.removeValue(forKey: state.first) else {
                    state.idle.append(worker)
                    return nil
                }
                state.first += 1
                return job
            }
        }
    }

    /// A connection and the thread that uses it.
    private final class Worker: Sendable {
        /// Serial, and so with a thread of its own while it has something to do.
        let queue = DispatchQueue(label: "larder.postgresql")
        private let wake: WakePipe
        private let session = Mutex<Session?>(nil)
        private let parameters: String
        private let connectionTimeout: Duration
        private let statementTimeout: Duration

        init(_ parameters: String, connectionTimeout: Duration, statementTimeout: Duration) throws(PostgreSQLError) {
            self.parameters = parameters
            self.connectionTimeout = connectionTimeout
            self.statementTimeout = statementTimeout
            wake = try WakePipe()
        }

        /// Runs a statement on the calling thread, which is that of the queue.
        func execute(_ statement: String, _ values: [String?], for job: Job) throws -> [Row] {
            guard job.begin(wake) else { throw CancellationError() }
            defer {
                job.end()
                wake.drain()
            }
            do {
                return try session.withLock { session in
                    if session?.checkUsable() != true { session = try connect() }
                    // What is of no use any more is closed at once, and the server sees that nobody waits.
                    defer { if session?.isUsable != true { session = nil } }
                    return try session?.execute(statement, values, Patience(wake: wake)) ?? []
                }
            } catch let error as PostgreSQLError {
                throw job.isCancelled ? CancellationError() : error
            }
        }

        private func connect() throws(PostgreSQLError) -> Session {
            let patience = Patience.lasting(connectionTimeout, wake: wake)
            var session = try Session.open(parameters, patience)
            let milliseconds = max(1, Int64(statementTimeout / .milliseconds(1)))
            try session.executeUnprepared("SET statement_timeout = \(milliseconds)", patience)
            return session
        }
    }

    /// A statement that somebody waits for, and may give up.
    private final class Job: Sendable {
        private let state = Mutex<(isCancelled: Bool, wake: WakePipe?)>((false, nil))

        /// The thread that this pipe wakes begins; returns whether it is still wanted.
        func begin(_ wake: WakePipe) -> Bool {
            state.withLock { state in
                state.wake = wake
                return !state.isCancelled
            }
        }

        /// From now on the pipe is another job's.
        func end() {
            state.withLock { $0.wake = nil }
        }

        /// Whether it was given up.
        var isCancelled: Bool {
            state.withLock { $0.isCancelled }
        }

        /// Gives it up.
        func cancel() {
            state.withLock { state in
                state.isCancelled = true
                state.wake?.wake()
            }
        }
    }
#endif
