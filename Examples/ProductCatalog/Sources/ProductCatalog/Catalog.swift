internal import Foundation
package import Larder
internal import LarderFoundation

/// The products, read and changed through a cache.
///
/// A price that it hands out is one that the database holds, wherever this process, or another that serves the same catalog, is killed.
package final class Catalog: Sendable {
    /// The system of record.
    package let database: ProductDatabase
    /// The cache in front of it.
    package let products: SourcedCache<ProductSource>
    private let store: Store
    private let steps: StepObserver

    /// How often an update is tried while somebody else changes the product each time.
    private static let attempts = 16

    /// Opens the catalog in a directory, and makes it if it is not there.
    ///
    /// - Parameter timeToLive: After what time a product is looked up again, for what is changed in the database past the cache.
    /// - Throws: What `Store` and GRDB throw.
    package init(
        at directory: String, timeToLive: Duration = .seconds(3_600), steps: StepObserver = StepObserver()
    ) throws {
        self.steps = steps
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        database = try ProductDatabase(at: directory + "/catalog.sqlite", steps: steps)
        store = try Store(at: directory + "/cache", options: .init(purpose: .cache(diskBudget: .mebibytes(64))))
        let options = SourceOptions(
            freshness: .init(timeToLive: timeToLive, staleIfError: .seconds(86_400)), writeTimeout: .seconds(5),
            // SQLite runs in this process, and applies nothing once it has died.
            settlement: .seconds(1))
        products = try store.cache("products", key: .int, value: .json(Product.self))
            .through(ProductSource(database: database, steps: steps), options: options)
    }

    /// The product of a number: from memory, disk or the database; `nil` if there is none.
    ///
    /// - Throws: What the cache and GRDB throw.
    package func product(_ id: Int) async throws -> Product? {
        let product = try await products.value(for: id)
        await steps.reached(.loaded)
        return product
    }

    /// Changes the price of a product in the database and the cache. Returns the product as it then is.
    ///
    /// An update begins at the row, not at the cache, and is made anew if somebody else comes first.
    ///
    /// - Throws: ``CatalogError``; `LarderError` with the code `outcomeUnknown` if it may or may not have happened, and `busy` if another
    ///   update of the product is not done in time; `DatabaseError`.
    package func setPrice(ofProduct id: Int, to priceInCents: Int) async throws -> Product {
        guard Product.prices.contains(priceInCents) else { throw CatalogError.invalidPrice(priceInCents) }
        await steps.reached(.requested)
        for _ in 0..<Self.attempts {
            guard let current = try await database.product(id) else { throw CatalogError.noSuchProduct(id) }
            let product = current.repriced(at: priceInCents)
            do {
                try await products.set(product, for: id)
            } catch CatalogError.versionConflict {
                continue
            }
            await steps.reached(.cached)
            return product
        }
        throw CatalogError.versionConflict
    }

    /// Removes a product from the database and the cache.
    ///
    /// - Throws: ``CatalogError/noSuchProduct(_:)``; otherwise as ``setPrice(ofProduct:to:)``.
    package func removeProduct(_ id: Int) async throws {
        guard try await database.product(id) != nil else { throw CatalogError.noSuchProduct(id) }
        try await products.remove(id)
    }

    /// What the cache has done since the catalog was opened.
    package func statistics() throws -> CatalogStatistics {
        CatalogStatistics(try store.statistics(), products: try products.cache.count())
    }

    /// Closes cache and database, once what is under way is done.
    package func close() throws {
        try store.close()
        try database.close()
    }
}
