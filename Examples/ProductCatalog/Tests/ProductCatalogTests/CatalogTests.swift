internal import GRDB
internal import Larder
internal import ProductCatalog
internal import Testing

@Suite(.timeLimit(.minutes(10))) struct `A catalog` {
    let scratch: ScratchDirectory
    let catalog: Catalog

    init() throws {
        scratch = try ScratchDirectory()
        catalog = try Catalog(at: scratch.path)
    }

    @Test func `flushes every commit of the database, and the removal of its journal`() async throws {
        let settings = try await catalog.database.queue.read { database in
            (
                try String.fetchOne(database, sql: "PRAGMA journal_mode"),
                try Int.fetchOne(database, sql: "PRAGMA synchronous")
            )
        }
        #expect(settings.0 == "delete")
        let extra = 3
        #expect(settings.1 == extra)
    }

    @Test func `asks the database once, however many ask for a product`() async throws {
        try await withThrowingTaskGroup(of: Int?.self) { [catalog] group in
            for _ in 0..<100 { group.addTask { try await catalog.product(3)?.priceInCents } }
            for try await price in group { #expect(price == 3_200) }
        }
        #expect(try catalog.statistics().loads == 1)
    }

    @Test func `makes each of several updates of a product, one after the other`() async throws {
        try await withThrowingTaskGroup(of: Product.self) { [catalog] group in
            for price in 1...8 { group.addTask { try await catalog.setPrice(ofProduct: 1, to: price) } }
            for try await product in group { #expect(1...8 ~= product.priceInCents) }
        }
        let row = try await catalog.database.product(1)
        #expect(row?.version == 9)
        #expect(try catalog.products.cache.value(for: 1) == row)
    }

    @Test func `keeps nothing of an update that was made from what is no longer there`() async throws {
        let old = try #require(try await catalog.product(1))
        try await catalog.database.queue.write { database in
            try database.execute(sql: "UPDATE product SET name = 'Pine shelf', version = 2 WHERE id = 1")
        }
        await #expect(throws: CatalogError.versionConflict) {
            try await catalog.products.set(old.repriced(at: 1), for: 1)
        }
        #expect(try catalog.products.cache.value(for: 1) == nil)
        #expect(try await catalog.product(1)?.name == "Pine shelf")
        #expect(try await catalog.setPrice(ofProduct: 1, to: 2).version == 3)
    }
}
