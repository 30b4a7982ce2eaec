#if PostgreSQL
    internal import CPostgreSQL

    /// A connection to a server, used by one thread at a time, which it blocks for as long as its ``Patience`` lasts and no longer.
    ///
    /// libpq is used without blocking (`PQsetnonblocking`), so that a server that has gone silent holds up nobody for good. After a wait that was
    /// given up, or a connection that broke, the session is of no use any more.
    @safe
    struct Session: ~Copyable {
        private let connection: OpaquePointer
        /// Whether an answer is outstanding that nobody waits for any more.
        private var isAbandoned = false

        private init(_ connection: OpaquePointer) {
            unsafe self.connection = connection
        }

        deinit {
            unsafe PQfinish(connection)
        }

        // MARK: Connecting

        /// Connects.
        ///
        /// - Parameter parameters: A connection string or URI of libpq.
        /// - Throws: ``PostgreSQLError/Code-swift.struct/notConnected``.
        static func open(_ parameters: String, _ patience: Patience) throws(PostgreSQLError) -> Session {
            // The first, which the connection string overrides, are defaults; the last override it.
            let settings = [
                ("fallback_application_name", "larder"), ("dbname", parameters), ("client_encoding", "UTF8"),
            ]
            let connection = unsafe CStringArray(settings.map(\.0)).withPointers { names in
                unsafe CStringArray(settings.map(\.1)).withPointers { values in
                    unsafe PQconnectStartParams(names.baseAddress, values.baseAddress, 1)
                }
            }
            guard let connection = unsafe connection else { throw PostgreSQLError(.notConnected) }
            var session = unsafe Session(connection)
            try session.connect(patience)
            return session
        }

        private mutating func connect(_ patience: Patience) throws(PostgreSQLError) {
            // What a server has to say by the way is nothing for a library's standard error.
            unsafe PQsetNoticeReceiver(connection, { _, _ in }, nil)
            var awaited = PGRES_POLLING_WRITING
            while awaited != PGRES_POLLING_OK {
                guard !isBroken, awaited != PGRES_POLLING_FAILED else { throw failure(.notConnected) }
                let events = awaited == PGRES_POLLING_READING ? Patience.readable : Patience.writable
                guard case .ready = unsafe patience.wait(for: PQsocket(connection), events) else {
                    throw PostgreSQLError(.notConnected)
                }
                awaited = unsafe PQconnectPoll(connection)
            }
            guard unsafe PQsetnonblocking(connection, 1) == 0 else { throw failure(.notConnected) }
        }

        /// Whether it can still be used, as far as is known here.
        var isUsable: Bool {
            !isBroken && !isAbandoned
        }

        private var isBroken: Bool {
            unsafe PQstatus(connection) == CONNECTION_BAD
        }

        /// Whether it can still be used, once what has arrived in the meantime has been looked at: a server that has ended says so.
        mutating func checkUsable() -> Bool {
            guard isUsable else { return false }
            let patience = Patience.lasting(.zero)
            while case .ready = unsafe patience.wait(for: PQsocket(connection), Patience.readable) {
                if unsafe PQconsumeInput(connection) == 0 || isBroken { return false }
            }
            return true
        }

        // MARK: Statements

        /// Runs one statement and returns its rows.
        ///
        /// It is planned anew each time: what a prepared statement saves is little beside the way to the server, and it neither outlives a change of
        /// the table's columns nor works through every pooler.
        ///
        /// - Parameter parameters: The values of `$1` and so on, as texts.
        /// - Throws: ``PostgreSQLError``.
        @discardableResult
        mutating func execute(
            _ statement: String, _ parameters: [String?] = [], _ patience: Patience
        ) throws(PostgreSQLError) -> [Row] {
            guard !statement.utf8.contains(0), parameters.allSatisfy({ $0?.utf8.contains(0) != true }) else {
                throw PostgreSQLError(.invalidText)
            }
            let isSent = unsafe CStringArray(parameters).withPointers { values in
                unsafe PQsendQueryParams(
                    connection, statement, Int32(parameters.count), nil, values.baseAddress, nil, nil, 0)
            }
            guard isSent == 1 else { throw failure(.connectionLost) }
            return try rows(patience)
        }

        /// The rows of the statement that was just sent.
        private mutating func rows(_ patience: Patience) throws(PostgreSQLError) -> [Row] {
            do throws(PostgreSQLError) {
                try flush(patience)
                var rows: [Row] = []
                var refusal: PostgreSQLError?
                while let result = try nextResult(patience) {
                    switch result.status {
                    case .done: break
                    case .rows: rows += result.rows
                    case .refused(let error): refusal = error
                    case .unexpected: throw PostgreSQLError(.unexpectedResult)
                    }
                }
                if isBroken { throw failure(.connectionLost) }
                if let refusal { throw refusal }
                return rows
            } catch {
                if error.code != .refused { isAbandoned = true }
                throw error
            }
        }

        private mutating func flush(_ patience: Patience) throws(PostgreSQLError) {
            while true {
                switch unsafe PQflush(connection) {
                case 0: return
                case 1:
                    try wait(Patience.readable | Patience.writable, patience)
                    // A server that answers before it has read everything would wait for us for ever.
                    try consumeInput()
                default: throw failure(.connectionLost)
                }
            }
        }

        private mutating func nextResult(_ patience: Patience) throws(PostgreSQLError) -> QueryResult? {
            while unsafe PQisBusy(connection) == 1 {
                try wait(Patience.readable, patience)
                try consumeInput()
            }
            return unsafe QueryResult(PQgetResult(connection))
        }

        private func wait(_ events: Int32, _ patience: Patience) throws(PostgreSQLError) {
            // It has no socket any more then.
            if isBroken { throw failure(.connectionLost) }
            switch unsafe patience.wait(for: PQsocket(connection), events) {
            case .ready: break
            case .woken: throw PostgreSQLError(.interrupted)
            case .timedOut: throw PostgreSQLError(.timedOut)
            }
        }

        private func consumeInput() throws(PostgreSQLError) {
            guard unsafe PQconsumeInput(connection) == 1, !isBroken else { throw failure(.connectionLost) }
        }

        private func failure(_ code: PostgreSQLError.Code) -> PostgreSQLError {
            PostgreSQLError(code, serverMessage: unsafe PQerrorMessage(connection).map { unsafe String(cString: $0) })
        }

        // MARK: Notifications

        /// What somebody has said on a channel.
        struct Notification: Hashable, Sendable {
            var channel: String
            var payload: String
        }

        /// Listens on a channel. What is committed from now on with a `NOTIFY` on it arrives here.
        ///
        /// - Throws: ``PostgreSQLError``.
        mutating func listen(on channel: String, _ patience: Patience) throws(PostgreSQLError) {
            let quoted =
                "\"" + channel.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
            try execute("LISTEN " + quoted, [], patience)
        }

        /// The notifications that have arrived.
        mutating func notifications() -> [Notification] {
            var notifications: [Notification] = []
            while let notification = unsafe PQnotifies(connection) {
                defer { unsafe PQfreemem(notification) }
                notifications.append(
                    Notification(
                        channel: unsafe String(cString: notification.pointee.relname),
                        payload: unsafe String(cString: notification.pointee.extra)))
            }
            return notifications
        }

        /// Waits until something arrives, and takes it in.
        ///
        /// - Throws: ``PostgreSQLError/Code-swift.struct/connectionLost``.
        mutating func waitForInput(_ patience: Patience) throws(PostgreSQLError) -> Patience.Outcome {
            let outcome = unsafe patience.wait(for: PQsocket(connection), Patience.readable)
            if case .ready = outcome { try consumeInput() }
            return outcome
        }
    }
#endif
