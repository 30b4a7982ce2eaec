#if PostgreSQL
    public import Larder

    /// A table, or whatever statements read and write, as the source of a cache.
    ///
    /// ```swift
    /// let source = PostgreSQLSource<Int, String>(
    ///     database,
    ///     load: "SELECT id, name FROM users WHERE id = ANY($1)",
    ///     store: "INSERT INTO users (id, name) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET name = excluded.name",
    ///     remove: "DELETE FROM users WHERE id = $1",
    ///     columns: { [$0] }, value: { $0[0] ?? "" })
    /// ```
    ///
    /// Everything travels as text, which PostgreSQL has for every type; the statements say what it is of (`$1::bigint[]`) where the server cannot
    /// tell. Keys that Swift holds equal must be one in the database too, which two spellings of `é` are not. Each call is one statement, and one way to
    /// the server and back. A write whose answer is lost with its connection, or given up, has an unknown outcome.
    public struct PostgreSQLSource<Key: Hashable & Sendable & LosslessStringConvertible, Value: Sendable>:
        WritableSource
    {
        private let database: PostgreSQLDatabase
        private let statements: (load: String, store: String, remove: String)
        private let columns: @Sendable (Value) throws -> [String?]
        private let value: @Sendable ([String?]) throws -> Value
        private let attributesOfEntry: @Sendable (Value, Key) -> EntryAttributes

        /// Makes a source.
        ///
        /// - Parameters:
        ///   - load: Selects the rows of several keys. `$1` is an array of keys; the first column is the key, the rest is the value.
        ///   - store: Sets the row of a key. `$1` is the key; `$2` and so on are the value. One statement, which commits by itself.
        ///   - remove: Removes the row of the key `$1`.
        ///   - columns: The columns of a value: what `store` has as `$2` and so on.
        ///   - value: The value of the columns that `load` selects after the key.
        ///   - attributes: The tags and the time to live of an entry.
        public init(
            _ database: PostgreSQLDatabase, load: String, store: String, remove: String,
            columns: @escaping @Sendable (Value) throws -> [String?],
            value: @escaping @Sendable ([String?]) throws -> Value,
            attributes: @escaping @Sendable (Value, Key) -> EntryAttributes = { _, _ in EntryAttributes() }
        ) {
            self.database = database
            statements = (load, store, remove)
            self.columns = columns
            self.value = value
            attributesOfEntry = attributes
        }

        /// The value of a key.
        ///
        /// - Throws: ``PostgreSQLError``; what the closure that makes values throws.
        public func load(_ key: Key) async throws -> Value? {
            try await load([key])[key]
        }

        /// The values of several keys, with one statement.
        ///
        /// - Throws: As ``load(_:)-(Key)``.
        public func load(_ keys: [Key]) async throws -> [Key: Value] {
            let rows = try await database.execute(statements.load, [arrayLiteral(keys.map(\.description))])
            var values: [Key: Value] = [:]
            for row in rows {
                guard let text = row.first, let text, let key = Key(text) else {
                    throw PostgreSQLError(.unexpectedResult)
                }
                values[key] = try value(Array(row.dropFirst()))
            }
            return values
        }

        /// Sets the row of a key.
        ///
        /// - Throws: ``PostgreSQLError``, and nothing was written; `UnknownOutcome`; what the closure that makes columns throws.
        public func store(_ value: Value, for key: Key) async throws {
            try await write(statements.store, [key.description] + columns(value))
        }

        /// Removes the row of a key.
        ///
        /// - Throws: As ``store(_:for:)``.
        public func remove(_ key: Key) async throws {
            try await write(statements.remove, [key.description])
        }

        /// The tags and the time to live of an entry.
        public func attributes(of value: Value, for key: Key) -> EntryAttributes {
            attributesOfEntry(value, key)
        }

        private func write(_ statement: String, _ parameters: [String?]) async throws {
            do {
                try await database.execute(statement, parameters)
            } catch let error as PostgreSQLError where error.leavesOutcomeOpen {
                throw UnknownOutcome(error)
            }
        }
    }

    /// The text of an array of texts, as PostgreSQL reads it.
    func arrayLiteral(_ elements: [String]) -> String {
        let quoted = elements.map { element in
            // Scalar by scalar: a character may be a quotation mark with an accent on it, which the server takes apart.
            element.unicodeScalars.reduce(into: "\"") { text, scalar in
                if scalar == "\\" || scalar == "\"" { text.append("\\") }
                text.unicodeScalars.append(scalar)
            } + "\""
        }
        return "{" + quoted.joined(separator: ",") + "}"
    }
#endif
