#if PostgreSQL
    /// What went wrong between Larder and a PostgreSQL server.
    ///
    /// `code` says what happened and is what programs compare. The description never contains bytes of keys or values; ``serverMessage`` may.
    public struct PostgreSQLError: Error, Hashable, Sendable {
        /// What happened.
        public var code: Code
        /// The five characters by which the server names an error, where it has given one.
        public var sqlState: String?
        /// What the server or libpq says to it. May quote values.
        public var serverMessage: String?

        /// Makes an error.
        public init(_ code: Code, sqlState: String? = nil, serverMessage: String? = nil) {
            self.code = code
            self.sqlState = sqlState
            self.serverMessage = serverMessage
        }

        /// What a ``PostgreSQLError`` is about. Later versions may add codes, so a `switch` needs a default.
        public struct Code: Hashable, Sendable, CustomStringConvertible {
            private enum Value: String {
                case notConnected, connectionLost, refused, interrupted, timedOut, unexpectedResult, invalidText
            }

            private let value: Value

            private init(_ value: Value) {
                self.value = value
            }

            /// The code's name.
            public var description: String {
                value.rawValue
            }

            /// No connection could be made. Nothing was asked.
            public static let notConnected = Self(.notConnected)
            /// The connection broke. What was asked may have been done.
            public static let connectionLost = Self(.connectionLost)
            /// The server has refused a statement, which had no effect; see ``PostgreSQLError/sqlState``.
            public static let refused = Self(.refused)
            /// Whoever had asked gave up. What was asked may have been done.
            public static let interrupted = Self(.interrupted)
            /// The server did not answer in time. What was asked may have been done.
            public static let timedOut = Self(.timedOut)
            /// The server's answer is not of the form that the statement promises: too few columns, or a key that is none.
            public static let unexpectedResult = Self(.unexpectedResult)
            /// A text holds a NUL, which PostgreSQL cannot hold. Nothing was asked.
            public static let invalidText = Self(.invalidText)
        }

        /// Whether the server can have done, or can still do, what was asked.
        var leavesOutcomeOpen: Bool {
            [.connectionLost, .interrupted, .timedOut].contains(code)
        }
    }

    extension PostgreSQLError: CustomStringConvertible {
        /// What happened, with the server's name for it.
        public var description: String {
            "PostgreSQL: \(code)" + (sqlState.map { " (SQLSTATE \($0))" } ?? "")
        }
    }
#endif
