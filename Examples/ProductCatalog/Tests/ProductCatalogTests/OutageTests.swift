internal import GRDB
internal import Larder
internal import ProductCatalog
internal import Testing

@Suite(.timeLimit(.minutes(10))) struct `A catalog whose database fails` {
    let scratch: ScratchDirectory
    let catalog: Catalog

    init() throws {
        scratch = try ScratchDirectory()
        // Whatever is read again is stale.
        catalog = try Catalog(at: scratch.path, timeToLive: .milliseconds(1))
    }

    @Test func `answers what it holds, and is fresh again by itself`() async throws {
        var held: [Product] = []
        for id in 1...5 { held.append(try #require(try await catalog.product(id))) }

        try await catalog.database.queue.write { try $0.execute(sql: "ALTER TABLE product RENAME TO gone") }
        while try catalog.statistics().failedLoads < 2 * held.count {
            for product in held { #expect(try await catalog.product(product.id) == product) }
            try await Task.sleep(for: .milliseconds(20))
        }
        #expect(try catalog.statistics().staleAnswers >= 2 * held.count)
        await #expect(throws: DatabaseError.self) { try await catalog.product(6) }
        await #expect(throws: DatabaseError.self) { try await catalog.setPrice(ofProduct: 1, to: 1) }

        try await catalog.database.queue.write { database in
            try database.execute(
                sql: "ALTER TABLE gone RENAME TO product; UPDATE product SET priceInCents = id, version = 2")
        }
        for product in held {
            let fresh = Product(id: product.id, name: product.name, priceInCents: product.id, version: 2)
            while try await catalog.product(product.id) != fresh { try await Task.sleep(for: .milliseconds(20)) }
        }
        #expect(try await catalog.product(6)?.priceInCents == 6)
    }

    /// Makes SQLite fail to commit.
    private final class CommitFailure: TransactionObserver {
        struct Failed: Error {}

        func observes(eventsOfKind eventKind: DatabaseEventKind) -> Bool { true }
        func databaseDidChange(with event: DatabaseEvent) {}
        func databaseWillCommit() throws { throw Failed() }
        func databaseDidCommit(_ database: Database) {}
        func databaseDidRollback(_ database: Database) {}
    }

    @Test func `says that the outcome of a failed commit is unknown, and keeps nothing until it is settled`()
        async throws
    {
        let old = try #require(try await catalog.product(1))
        let failure = CommitFailure()
        catalog.database.queue.add(transactionObserver: failure)
        let error = await #expect(throws: LarderError.self) {
            try await catalog.setPrice(ofProduct: 1, to: 1)
        }
        #expect(error?.code == .outcomeUnknown)
        #expect(try await catalog.product(1) == old)
        #expect(try catalog.products.cache.value(for: 1) == nil)

        catalog.database.queue.remove(transactionObserver: failure)
        #expect(try await catalog.setPrice(ofProduct: 2, to: 1).priceInCents == 1)
        while try catalog.products.cache.value(for: 1) == nil {
            #expect(try await catalog.product(1) == old)
            try await Task.sleep(for: .milliseconds(50))
        }
    }
}
