import DurabilityKit

/// Makes and checks histories for a time, in many configurations, and reports as one JSON object a line.
struct CheckCommand {
    private var seconds: UInt64 = 60
    private var processes: Int?
    private var memory: Int?
    private var kills: Int?
    private var seed: UInt64 = MonotonicTime.now()

    init?(_ arguments: [String]) {
        var rest = arguments[...]
        while let name = rest.popFirst() {
            guard let value = rest.popFirst().flatMap({ UInt64($0) }) else { return nil }
            switch name {
            case "--seconds": seconds = value
            case "--processes": processes = Int(value)
            case "--memory": memory = Int(value)
            case "--kills": kills = Int(value)
            case "--seed": seed = value
            default: return nil
            }
        }
    }

    /// Runs until the time is over or a promise is found broken; returns whether none was.
    func run() async throws -> Bool {
        let deadline = MonotonicTime.now() + seconds * 1_000_000_000
        var generator = SeededGenerator(seed: seed)
        var total = HistoryRun.Report()
        while MonotonicTime.now() < deadline, total.violations.isEmpty, total.failures.isEmpty {
            var options = HistoryOptions()
            options.seed = generator.next() >> 1
            options.processes = processes ?? 1 + generator.below(3)
            options.memoryKibibytes = memory ?? [0, 8, 16, 8_192].randomElement(using: &generator) ?? 8
            options.mapKibibytes = generator.below(2) == 0 ? 256 : 1 << 20
            options.milliseconds = 1_500
            options.eventsPerLane = 1 << 21
            options.kills = kills ?? generator.below(6)
            var run = try HistoryRun(options)
            defer { run.finish() }
            for _ in 0..<3 where MonotonicTime.now() < deadline {
                total.add(try await run.runRound())
            }
            say(Self.row(options, total))
        }
        for violation in total.violations.prefix(10) { say("violation: \(violation)") }
        for failure in total.failures { say("failure: \(failure)") }
        return total.violations.isEmpty && total.failures.isEmpty
    }

    private static func row(_ options: HistoryOptions, _ total: HistoryRun.Report) -> String {
        """
        {"seed":\(options.seed),"processes":\(options.processes),"memory_kib":\(options.memoryKibibytes),\
        "rounds":\(total.rounds),"operations":\(total.operations),"writes":\(total.writes),\
        "updates":\(total.updates),"failed_compares":\(total.failedCompares),"withdrawn":\(total.withdrawn),\
        "unfinished":\(total.unfinished),"kills":\(total.kills),"violations":\(total.violations.count)}
        """
    }
}
