#if PostgreSQL
    internal import Synchronization

    /// A PostgreSQL database: a few connections to it, made when they are needed and made again when they break.
    ///
    /// Each connection is used from a thread of its own, so the cooperative pool is never blocked. When all are in use, who comes next waits its turn.
    /// A task that is cancelled gives up at once, whatever the server does, and its connection is closed. Use it from any thread.
    public final class PostgreSQLDatabase: Sendable {
        private typealias Turn = CheckedContinuation<Connection, any Error>

        private struct State {
            var idle: [Connection]
            /// Who waits for a connection, in the order in which they came.
            var waiting: [(number: Int, turn: Turn)] = []
            var nextNumber = 0
        }

        private let state: Mutex<State>

        /// Makes one. Nothing is connected yet.
        ///
        /// - Parameters:
        ///   - parameters: A connection string or URI, as libpq reads it: `"host=/run/postgresql dbname=shop"`.
        ///   - connections: How many connections there may be, at least one.
        ///   - connectionTimeout: How long it may take to connect.
        ///   - statementTimeout: After how long the server gives a statement up, be its client there or not; in milliseconds, rounded down. Keep it
        ///     below the `SourceOptions.settlement` of the caches that write to it.
        /// - Throws: ``PostgreSQLError/Code-swift.struct/notConnected`` where the process has no file descriptors to spare.
        public init(
            _ parameters: String, connections: Int = 4, connectionTimeout: Duration = .seconds(5),
            statementTimeout: Duration = .seconds(10)
        ) throws(PostgreSQLError) {
            var idle: [Connection] = []
            for _ in 0..<max(1, connections) {
                idle.append(
                    try Connection(
                        parameters, connectionTimeout: connectionTimeout, statementTimeout: statementTimeout))
            }
            state = Mutex(State(idle: idle))
        }

        /// Runs one statement and returns its rows: columns as texts, `nil` for NULL.
        ///
        /// - Parameter parameters: The values of `$1` and so on, as texts.
        /// - Throws: ``PostgreSQLError``; `CancellationError` if the task was cancelled, and then the server may have run the statement.
        @discardableResult
        public func execute(_ statement: String, _ parameters: [String?] = []) async throws -> [[String?]] {
            let connection = try await take()
            defer { giveBack(connection) }
            return try await connection.execute(statement, parameters)
        }

        /// A connection that nobody else uses, once there is one.
        private func take() async throws -> Connection {
            let number = state.withLock { state in
                state.nextNumber += 1
                return state.nextNumber
            }
            return try await withTaskCancellationHandler {
                try await withCheckedThrowingContinuation { (turn: Turn) in
                    let result: Result<Connection, any Error>? = state.withLock { state in
                        // Looked at under the lock: whoever cancels from now on finds it waiting.
                        if Task.isCancelled { return .failure(CancellationError()) }
                        if let connection = state.idle.popLast() { return .success(connection) }
                        state.waiting.append((number, turn))
                        return nil
                    }
                    if let result { turn.resume(with: result) }
                }
            } onCancel: {
                let turn = state.withLock { state in
                    state.waiting.firstIndex { $0.number == number }.map { state.waiting.remove(at: $0).turn }
                }
                turn?.resume(throwing: CancellationError())
            }
        }

        /// Hands a connection to whoever has waited longest.
        private func giveBack(_ connection: Connection) {
            let turn: Turn? = state.withLock { state in
                if state.waiting.isEmpty {
                    state.idle.append(connection)
                    return nil
                }
                return state.waiting.removeFirst().turn
            }
            turn?.resume(returning: connection)
        }
    }
#endif
