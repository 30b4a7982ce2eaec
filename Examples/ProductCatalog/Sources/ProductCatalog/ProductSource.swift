internal import Larder

/// The database as the source of record of a cache.
package struct ProductSource: WritableSource {
    let database: ProductDatabase
    let steps: StepObserver

    /// The product of a number.
    package func load(_ id: Int) async throws -> Product? {
        await steps.reached(.loadBegun)
        let product = try await database.product(id)
        await steps.reached(.loadRead)
        return product
    }

    /// The products of several numbers, in one query.
    package func load(_ ids: [Int]) async throws -> [Int: Product] {
        try await database.products(ids)
    }

    /// Replaces the version of the product before this one.
    package func store(_ product: Product, for id: Int) async throws {
        await steps.reached(.intended)
        try await database.replace(with: product)
        await steps.reached(.committed)
    }

    /// Deletes a product.
    package func remove(_ id: Int) async throws {
        await steps.reached(.intended)
        try await database.delete(id)
        await steps.reached(.committed)
    }
}
