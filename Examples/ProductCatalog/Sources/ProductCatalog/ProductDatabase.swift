package import GRDB
internal import Larder

extension Product: FetchableRecord, TableRecord {}

/// The system of record: the products in SQLite, with every commit flushed.
///
/// It keeps SQLite's rollback journal rather than a write-ahead log. Beside a log, readers go on with the old rows while a commit is being flushed,
/// however long that takes: a slow disk could then apply a write after the cache has given it up. With the journal nobody reads from the moment at
/// which a commit may take effect until it has, or has not.
package final class ProductDatabase: Sendable {
    /// The connection.
    package let queue: DatabaseQueue
    private let steps: StepObserver

    /// Opens the database, and makes it with a few products if it is not there.
    ///
    /// - Throws: `DatabaseError`.
    init(at path: String, steps: StepObserver) throws {
        self.steps = steps
        var configuration = Configuration()
        // Less than the cache's limit for a write, so that waiting in vain for another process is a failure and no unknown outcome.
        configuration.busyMode = .timeout(2)
        configuration.prepareDatabase { try $0.execute(sql: "PRAGMA synchronous = EXTRA") }
        queue = try DatabaseQueue(path: path, configuration: configuration)
        try queue.inTransaction(.immediate, Self.makeTable)
    }

    private static func makeTable(_ database: Database) throws -> Database.TransactionCompletion {
        guard try !database.tableExists(Product.databaseTableName) else { return .rollback }
        try database.create(table: Product.databaseTableName) { table in
            table.primaryKey("id", .integer)
            table.column("name", .text).notNull()
            table.column("priceInCents", .integer).notNull()
            table.column("version", .integer).notNull()
        }
        for (index, (name, price)) in samples.enumerated() {
            try database.execute(literal: "INSERT INTO product VALUES (\(index + 1), \(name), \(price), 1)")
        }
        return .commit
    }

    /// What a new catalog holds.
    private static let samples = [
        ("Oak shelf", 8_900), ("Preserving jar", 450), ("Bread bin", 3_200), ("Spice rack", 2_450),
        ("Egg basket", 1_750), ("Flour scoop", 690),
    ]

    /// The product of a number; `nil` if there is none.
    package func product(_ id: Int) async throws -> Product? {
        try await queue.read { try Product.fetchOne($0, key: id) }
    }

    /// The products of these numbers, in one query; those that are not there are left out.
    func products(_ ids: [Int]) async throws -> [Int: Product] {
        let products = try await queue.read { try Product.fetchAll($0, keys: ids) }
        return Dictionary(uniqueKeysWithValues: products.map { ($0.id, $0) })
    }

    /// Replaces the version of a product before this one.
    ///
    /// - Throws: ``CatalogError/versionConflict`` if the row is of another version or not there; `UnknownOutcome` if the commit fails;
    ///   `DatabaseError`.
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
    /// - Throws: `UnknownOutcome` if the commit fails; `DatabaseError`.
    func delete(_ id: Int) async throws {
        try await write { _ = try Product.deleteOne($0, key: id) }
    }

    /// Runs `body` in a transaction. What fails before the commit has failed for good; what a failed commit leaves only the database can say.
    private func write(_ body: @escaping @Sendable (Database) throws -> Void) async throws {
        try await queue.writeWithoutTransaction { [steps] database in
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
                throw isCommitting ? UnknownOutcome(error) : error
            }
        }
    }

    /// Waits for what is under way and closes the file.
    func close() throws {
        try queue.close()
    }
}
