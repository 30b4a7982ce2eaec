#if PostgreSQL
    internal import Dispatch
    internal import Synchronization

    /// A connection and the thread that uses it, for one task after another. It connects when it is first used, and again when it has broken.
    final class Connection: Sendable {
        /// Serial, and so with a thread of its own while it has something to do.
        private let queue = DispatchQueue(label: "larder.postgresql")
        private let wake: WakePipe
        private let session = Mutex<Session?>(nil)
        private let parameters: String
        private let connectionTimeout: Duration
        private let statementTimeout: Duration

        /// - Throws: ``PostgreSQLError/Code-swift.struct/notConnected`` where the process has no file descriptor to spare.
        init(_ parameters: String, connectionTimeout: Duration, statementTimeout: Duration) throws(PostgreSQLError) {
            self.parameters = parameters
            self.connectionTimeout = connectionTimeout
            self.statementTimeout = statementTimeout
            wake = try WakePipe()
        }

        /// Runs one statement and returns its rows, until the task is cancelled.
        ///
        /// - Throws: ``PostgreSQLError``; `CancellationError`.
        func execute(_ statement: String, _ values: [String?]) async throws -> [Row] {
            let job = Job()
            return try await withTaskCancellationHandler {
                try await withCheckedThrowingContinuation { continuation in
                    queue.async { [self] in
                        continuation.resume(with: Result { try execute(statement, values, for: job) })
                    }
                }
            } onCancel: {
                job.cancel()
            }
        }

        /// Runs a statement on the calling thread, which is that of the queue.
        private func execute(_ statement: String, _ values: [String?], for job: Job) throws -> [Row] {
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
            do throws(PostgreSQLError) {
                try session.execute("SET statement_timeout = \(milliseconds)", [], patience)
            } catch {
                // Whatever it was, what the session is for has not been asked.
                throw PostgreSQLError(.notConnected, sqlState: error.sqlState, serverMessage: error.serverMessage)
            }
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
