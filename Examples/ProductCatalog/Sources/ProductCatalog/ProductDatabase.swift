package import GRDB
internal import Larder
internal import Synchronization

extension Product: FetchableRecord, TableRecord {}

/// The system of record: the products in SQLite, in WAL mode, with every commit flushed.
package final class ProductDatabase: Sendable {
    /// The connections: one that writes, and those that read beside it.
    package let pool: DatabasePool
    private let steps: StepObserver
    private let isInDoubt = Atomic<Bool>(false)

    /// Opens the database, and makes it with a few products if it is not there.
    ///
    /// - Throws: `DatabaseError`, also if another program keeps a transaction open for 5 seconds.
    init(at path: String, steps: StepObserver) throws {
        self.steps = steps
        var configuration = Configuration()
        configuration.busyMode = .timeout(5)
        pool = try DatabasePool(path: path, configuration: configuration)
        try pool.writeWithoutTransaction { database in
            // Not in `prepareDatabase`, after which a pool sets NORMAL.
            try database.execute(sql: "PRAGMA synchronous = FULL")
            // A process that was killed may have left a commit in the log that was flushed in part, or that readers do not see yet. From
            // here on it is either in the database or gone.
            try database.checkpoint(.truncate)
        }
        try Self.migrator.migrate(pool)
    }

    private static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("products") { database in
            try database.create(table: Product.databaseTableName) { table in
                table.primaryKey("id", .integer)
                table.column("name", .text).notNull()
                table.column("priceInCents", .integer).notNull()
                table.column("version", .integer).notNull()
            }
            for (index, (name, price)) in samples.enumerated() {
                try database.execute(
                    literal: "INSERT INTO product VALUES (\(index + 1), \(name), \(price), 1)")
            }
        }
        return migrator
    }

    /// What a new catalog holds.
    private static let samples = [
        ("Oak shelf", 8_900), ("Preserving jar", 450), ("Bread bin", 3_200), ("Spice rack", 2_450),
        ("Egg basket", 1_750), ("Flour scoop", 690),
    ]

    // MARK: Reading

    /// The product of a number; `nil` if there is none.
    package func product(_ id: Int) async throws -> Product? {
        try await read { try Product.fetchOne($0, key: id) }
    }

    /// The products of these numbers, in one query; those that are not there are left out.
    func products(_ ids: [Int]) async throws -> [Int: Product] {
        let products = try await read { try Product.fetchAll($0, keys: ids) }
        return Dictionary(uniqueKeysWithValues: products.map { ($0.id, $0) })
    }

    private func read<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
        try checkDecided()
        return try await pool.read(body)
    }

    // MARK: Writing

    /// Replaces the version of a product before this one.
    ///
    /// - Throws: ``CatalogError/versionConflict`` if the row is of another version or not there; `UnknownOutcome` if the commit fails;
    ///   ``CatalogError/databaseInDoubt``, `DatabaseError`.
    func replace(with product: Product) async throws {
        try await write { database in
            try database.execute(
                literal: """
                    UPDATE product SET name = \(product.name), priceInCents = \(product.priceInCents), version = \(product.version)
                    WHERE id = \(product.id) AND version = \(product.version - 1)
                    """)
            guard database.changesCount == 1 else { throw CatalogError.versionConflict }
        }
    }

    /// Deletes a product, if it is there.
    ///
    /// - Throws: As ``replace(with:)``.
    func delete(_ id: Int) async throws {
        try await write { _ = try Product.deleteOne($0, key: id) }
    }

    /// Runs `body` in a transaction. Whatever fails before its commit has failed for good.
    private func write(_ body: @escaping @Sendable (Database) throws -> Void) async throws {
        try checkDecided()
        try await pool.writeWithoutTransaction { [self] database in
            var isCommitting = false
            do {
                try database.inTransaction(.immediate) {
                    steps.reachedBlocking(.begun)
                    try body(database)
                    steps.reachedBlocking(.executed)
                    isCommitting = true
                    return .commit
                }
            } catch {
                guard isCommitting else { throw error }
                isInDoubt.store(true, ordering: .releasing)
                throw UnknownOutcome(error)
            }
        }
    }

    /// After a failed commit the log may hold the whole of it, unseen until the database is opened again. A price that is read meanwhile could be
    /// undone by that, so none is read, and the cache keeps nothing.
    private func checkDecided() throws {
        if isInDoubt.load(ordering: .acquiring) { throw CatalogError.databaseInDoubt }
    }

    /// Waits for what is under way and closes the file.
    func close() throws {
        try pool.close()
    }
}
