import DurabilityKit

/// Kills workers round after round on one store, and reports what was left as one JSON object.
struct KillCommand {
    private var rounds: UInt64 = 100
    private var processes: UInt64 = 1
    private var seed: UInt64 = MonotonicTime.now()

    init?(_ arguments: [String]) {
        var rest = arguments[...]
        while let name = rest.popFirst() {
            guard let value = rest.popFirst().flatMap({ UInt64($0) }) else { return nil }
            switch name {
            case "--rounds": rounds = value
            case "--processes": processes = value
            case "--seed": seed = value
            default: return nil
            }
        }
    }

    /// Runs all rounds; returns whether nothing was lost and nothing torn.
    func run() async throws -> Bool {
        var run = try CrashRun(processes: Int(processes), seed: seed)
        defer { run.finish() }
        for _ in 0..<rounds { try await run.runRound() }
        let report = run.report
        let failures = report.failures + (try run.damage())
        say(
            """
            {"seed":\(seed),"processes":\(processes),"rounds":\(rounds),"kills":\(report.kills),\
            "acknowledged":\(report.acknowledged),"unfinished":\(report.unfinished),"survived":\(report.survived),\
            "failures":\(failures.count)}
            """)
        for failure in failures.prefix(20) { say("failure: \(failure)") }
        return failures.isEmpty
    }
}
