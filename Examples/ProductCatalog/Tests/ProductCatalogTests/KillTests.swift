internal import Foundation
internal import ProductCatalog
internal import Testing

@Suite(.serialized) struct `A service that is killed` {
    /// The environment sets them for longer runs.
    private static func setting<Number: LosslessStringConvertible>(_ name: String, _ usual: Number) -> Number {
        ProcessInfo.processInfo.environment[name].flatMap(Number.init) ?? usual
    }

    @Test func `never serves a price that the database does not hold, wherever it is killed`() async throws {
        let steps = Step.allCases
        let rounds = Self.setting("ROUNDS", 8 * steps.count)
        let seed = Self.setting("SEED", UInt64.random(in: 0 ... .max))
        var run = try await KillRun(rounds: rounds, seed: seed)
        var generator = SeededGenerator(seed: ~seed)
        for round in 0..<rounds {
            if round.isMultiple(of: 2) {
                try await run.runRound(killingAt: steps[round / 2 % steps.count])
            } else {
                try await run.runRound(killingAfter: .microseconds(.random(in: 0..<40_000, using: &generator)))
            }
        }
        let report = run.report
        print(
            "seed \(seed), \(rounds) rounds, \(report.comparisons) comparisons, \(report.readings) readings during updates"
        )
        print("held at once \(report.held), updated \(report.updated)")
        print(report.endings.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", "))
        #expect(report.failures == [])
        // Every step had its turn, and the rounds prove something.
        #expect(report.endings.count == min((rounds + 1) / 2, steps.count) + min(rounds / 2, 1))
        #expect(report.comparisons >= 6 * rounds)
        #expect(rounds < 2 * steps.count || (report.held > 0 && report.updated > 0 && report.readings > 0))
    }

    @Test(.timeLimit(.minutes(10)), arguments: [Step.intended, .committed])
    func `keeps the product again, and updates it, once the update is settled`(step: Step) async throws {
        let scratch = try ScratchDirectory()
        let killed = try ServiceProcess(scratch.path, holdingAt: step)
        let held = Task { [client = try await killed.client()] in try? await client.setPrice(1, 777) }
        try await killed.waitUntilHeld(at: step)
        await killed.end(SIGKILL)
        #expect(await held.value == nil)

        let service = try ServiceProcess(scratch.path)
        let client = try await service.client()
        let price = step == .committed ? 777 : 8_900
        // Until then each read asks the database.
        var loads = -1
        while try await client.statistics().loads != loads {
            loads = try await client.statistics().loads
            #expect(try await client.product(1)?.priceInCents == price)
            try await Task.sleep(for: .milliseconds(50))
        }
        #expect(try await client.statistics().cachedProducts == 1)
        #expect(try await client.setPrice(1, 888).priceInCents == 888)
        #expect(try await client.product(1)?.priceInCents == 888)
        #expect(await service.end(SIGTERM) == .exited(0))
    }
}
