#if SQLite
    import Foundation
    import GRDB

    /// SQLite through GRDB, as a Swift program would use it: a pool in WAL mode, statements cached, `synchronous=FULL` where puts are durable and
    /// `OFF` where nothing is flushed. Every get is a read of its own.
    final class SQLiteDriver: Driver {
        private let pool: DatabasePool

        init(_ options: DriverOptions) throws {
            try options.refuseMemoryAlone()
            var configuration = Configuration()
            // Room for everything in each connection's page cache, and in the mapping below it.
            let bytes = 2 * options.entries * (Entry.keySize + options.valueSize + 16)
            configuration.prepareDatabase { database in
                try database.execute(
                    sql: """
                        PRAGMA cache_size = -\(max(65_536, bytes / 1024));
                        PRAGMA mmap_size = \(max(64 << 20, bytes));
                        """)
            }
            pool = try DatabasePool(path: options.directory + "/bench.sqlite", configuration: configuration)
            // Not in `prepareDatabase`, after which a pool sets NORMAL.
            let synchronous = options.flushing ? "FULL" : "OFF"
            try pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = \(synchronous)") }
            try pool.write { database in
                try database.execute(
                    sql: """
                        CREATE TABLE IF NOT EXISTS entries (key BLOB NOT NULL PRIMARY KEY, value BLOB NOT NULL)
                        WITHOUT ROWID
                        """)
            }
        }

        func makeSession() -> Session { Session(pool: pool) }

        func write(_ records: Records, _ range: Range<Int>, appending: Bool) throws {
            try pool.write { database in
                let statement = try database.cachedStatement(sql: Session.putting)
                for position in range {
                    try statement.execute(arguments: [
                        Data(records.bytes[records.keyRange(position)]),
                        Data(records.bytes[records.valueRange(position)]),
                    ])
                }
            }
        }

        func scan(verifying: Bool) throws -> ScanSum {
            try pool.read { database in
                var sum = ScanSum()
                let rows = try GRDB.Row.fetchCursor(database, sql: "SELECT key, value FROM entries ORDER BY key")
                while let row = try rows.next() {
                    sum.entries += 1
                    sum.firstBytes += try row.withUnsafeData(atIndex: 1) { UInt64($0?.first ?? 0) }
                }
                return sum
            }
        }

        func settle() throws {
            try pool.writeWithoutTransaction { _ = try $0.checkpoint(.truncate) }
        }

        func close() throws {
            try pool.close()
        }

        final class Session: DriverSession {
            fileprivate static let putting = "INSERT OR REPLACE INTO entries (key, value) VALUES (?, ?)"
            private static let getting = "SELECT value FROM entries WHERE key = ?"

            private let pool: DatabasePool

            fileprivate init(pool: DatabasePool) {
                self.pool = pool
            }

            private func get<R: Sendable>(_ key: Span<UInt8>, _ body: (Data) -> R) throws -> R? {
                let key = unsafe key.withUnsafeBytes { unsafe Data($0) }
                // A single statement is a snapshot of its own, without the transaction that `read` would open around it.
                return try pool.unsafeRead { database in
                    let statement = try database.cachedStatement(sql: Self.getting)
                    return try Data.fetchOne(statement, arguments: [key]).map(body)
                }
            }

            func get(_ key: Span<UInt8>) throws -> Glimpse? {
                try get(key) { data in [UInt8](data).span.glimpse }
            }

            func put(_ key: Span<UInt8>, _ value: Span<UInt8>) throws {
                let key = unsafe key.withUnsafeBytes { unsafe Data($0) }
                let value = unsafe value.withUnsafeBytes { unsafe Data($0) }
                try pool.writeWithoutTransaction { database in
                    try database.cachedStatement(sql: Self.putting).execute(arguments: [key, value])
                }
            }

            func value(for key: Span<UInt8>) throws -> [UInt8]? {
                try get(key) { [UInt8]($0) }
            }
        }
    }
#endif
