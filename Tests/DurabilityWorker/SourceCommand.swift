import DurabilityKit

/// Kills processes at each step of a write through a cache, and reports what was left as one JSON object.
struct SourceCommand {
    private var rounds: UInt64 = 100
    private var seed: UInt64 = MonotonicTime.now()

    init?(_ arguments: [String]) {
        var rest = arguments[...]
        while let name = rest.popFirst() {
            guard let value = rest.popFirst().flatMap({ UInt64($0) }) else { return nil }
            switch name {
            case "--rounds": rounds = value
            case "--seed": seed = value
            default: return nil
            }
        }
    }

    /// Runs all rounds; returns whether nothing stale was found.
    func run() async throws -> Bool {
        var run = try SourceKillRun(seed: seed)
        defer { run.finish() }
        for _ in 0..<rounds { try await run.runRound() }
        let report = run.report
        let endings = report.endings.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\($0.value)" }
        say(
            """
            {"seed":\(seed),"rounds":\(rounds),"endings":{\(endings.joined(separator: ","))},"late":\(report.late),\
            "held":\(report.held),"reads":\(report.reads),"failures":\(report.failures.count)}
            """)
        for failure in report.failures.prefix(20) { say("failure: \(failure)") }
        return report.failures.isEmpty
    }
}
