internal import Foundation
internal import GRDB
internal import ProductCatalog

/// Rounds in which a service is killed at a step of an update or a load, or at any moment, and started again, while another, the witness,
/// serves the same catalog. At no time may either serve a price that the database does not hold.
struct KillRun {
    private let scratch: ScratchDirectory
    private let database: DatabaseQueue
    private let witness: (process: ServiceProcess, client: ServiceClient)
    private var generator: SeededGenerator
    /// The product of the next round: each has one of its own, so that no round waits for what another has left.
    private var next = Self.firstProduct

    private static let firstProduct = 1_000

    /// What the rounds came to.
    private(set) var report = Report()

    /// Counts, and what was wrong.
    struct Report {
        /// How many rounds ended at each step; "any moment" for the others.
        var endings: [String: Int] = [:]
        /// Served prices that were compared to the database's.
        var comparisons = 0
        /// Prices that were served during an update.
        var readings = 0
        /// Rounds after which the cache held the product at once.
        var held = 0
        /// Rounds after which the database held the new price.
        var updated = 0
        /// What was wrong, in words.
        var failures: [String] = []
    }

    /// Prepares a catalog with a product for each round.
    init(rounds: Int, seed: UInt64) async throws {
        scratch = try ScratchDirectory()
        generator = SeededGenerator(seed: seed)
        let process = try ServiceProcess(scratch.path)
        witness = (process, try await process.client())
        database = try DatabaseQueue(path: scratch.path + "/catalog.sqlite")
        try await database.write { database in
            for id in Self.firstProduct..<Self.firstProduct + rounds {
                try database.execute(literal: "INSERT INTO product VALUES (\(id), \("Product \(id)"), \(id), 1)")
            }
        }
    }

    // MARK: Rounds

    /// Kills the service while an update or a load is held up at a step.
    mutating func runRound(killingAt step: Step) async throws {
        let id = takeProduct(step.rawValue)
        let service = try ServiceProcess(scratch.path, holdingAt: step)
        let client = try await service.client()
        let held: Task<Product?, Never>
        if Step.ofLoads.contains(step) {
            held = Task { try? await client.product(id) }
            try await service.waitUntilHeld(at: step)
            _ = try await witness.client.setPrice(id, id * 2)
        } else {
            // With the old price in both tiers, or in none.
            if Bool.random(using: &generator) { try await compare(id, client, "before \(step)") }
            held = Task { try? await client.setPrice(id, id * 2) }
            try await service.waitUntilHeld(at: step)
        }
        for _ in 0..<2 { try await compare(id, witness.client, "while held at \(step)") }
        check(await service.end(SIGKILL) == .killed(SIGKILL), "killed at \(step)")
        check(await held.value == nil, "what was held up at \(step) was answered")

        try await checkAfterKill(id, "\(step)", isUpdated: !Step.beforeCommit.contains(step))
    }

    /// Kills the service at any moment of an update whose steps take a while, while the product is read from both.
    mutating func runRound(killingAfter delay: Duration) async throws {
        let id = takeProduct("any moment")
        let service = try ServiceProcess(scratch.path, pausing: 3)
        let client = try await service.client()
        if Bool.random(using: &generator) { try await compare(id, client, "before any moment") }
        let update = Task { try? await client.setPrice(id, id * 2) }
        let readers = [client, witness.client].map { client in
            Task {
                var prices: [Int] = []
                while service.isRunning, let product = try? await client.product(id) {
                    prices.append(product.priceInCents)
                }
                return prices
            }
        }
        try await Task.sleep(for: delay)
        check(await service.end(SIGKILL) == .killed(SIGKILL), "killed at any moment")
        let isAcknowledged = await update.value != nil
        for reader in readers {
            let prices = await reader.value
            report.readings += prices.count
            check(Set(prices).isSubset(of: [id, id * 2]), "a price that never was")
            check(prices == prices.sorted(), "the old price after the new one")
        }

        try await checkAfterKill(id, "any moment", isUpdated: isAcknowledged ? true : nil)
    }

    private mutating func takeProduct(_ ending: String) -> Int {
        defer { next += 1 }
        report.endings[ending, default: 0] += 1
        return next
    }

    // MARK: Checks

    /// Starts the service again, twice, and compares.
    private mutating func checkAfterKill(_ id: Int, _ moment: String, isUpdated: Bool?) async throws {
        try await compare(id, witness.client, "after \(moment), witness")
        for start in 1...2 {
            let service = try ServiceProcess(scratch.path)
            let client = try await service.client()
            for _ in 0..<2 { try await compare(id, client, "after \(moment), start \(start)") }
            if start == 1, try await client.statistics().loads == 0 { report.held += 1 }
            let ending = await service.end(Bool.random(using: &generator) ? SIGTERM : SIGKILL)
            check([.exited(0), .killed(SIGKILL)].contains(ending), "\(String(describing: ending)) after \(moment)")
        }
        try await compare(id, witness.client, "after \(moment), witness again")
        let price = try await row(id)?.priceInCents
        if price == id * 2 { report.updated += 1 }
        check([id, id * 2].contains(price), "the database holds a price that never was, after \(moment)")
        if let isUpdated { check((price == id * 2) == isUpdated, "the database holds the wrong price after \(moment)") }
    }

    /// What a service serves is what the database holds. Nobody may be changing it.
    private mutating func compare(_ id: Int, _ client: ServiceClient, _ moment: String) async throws {
        let served = try await client.product(id)
        let row = try await row(id)
        report.comparisons += 1
        check(served == row, "\(moment), product \(id): served \(served as Any), not \(row as Any)")
    }

    /// The product in the database, past the services.
    private func row(_ id: Int) async throws -> Product? {
        try await database.read { try Product.fetchOne($0, key: id) }
    }

    private mutating func check(_ condition: Bool, _ failure: String) {
        if !condition { report.failures.append(failure) }
    }
}
