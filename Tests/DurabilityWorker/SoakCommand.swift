import DurabilityKit

/// Soaks a store for a time or a number of rounds, and reports as one JSON object.
struct SoakCommand {
    private var options = SoakRun.Options()
    private var seconds: UInt64?
    private var rounds: UInt64 = .max
    private var keepsStore = false

    init?(_ arguments: [String]) {
        var rest = arguments[...]
        while let name = rest.popFirst() {
            guard let value = rest.popFirst() else { return nil }
            switch (name, UInt64(value)) {
            case ("--recorder", _): options.recorder = value
            case ("--keep", let flag?): keepsStore = flag != 0
            case ("--seed", let seed?): options.seed = seed
            case ("--processes", let processes?): options.processes = Int(processes)
            case ("--epoch", let rounds?): options.roundsPerEpoch = Int(rounds)
            case ("--seconds", let number?): seconds = number
            case ("--rounds", let number?): rounds = number
            default: return nil
            }
        }
        if seconds == nil, rounds == .max { seconds = 60 }
    }

    /// Runs until the end or a failure; returns whether nothing is wrong.
    func run() async throws -> Bool {
        let end = seconds.map { $0 * 1_000_000_000 } ?? .max
        // A round takes less than a second: more than a few say that the machine stood still, which is no soaking.
        let longestRound: UInt64 = 5_000_000_000
        var soaked: UInt64 = 0
        var run = try SoakRun(options)
        do {
            while run.report.rounds < rounds, soaked < end, run.report.failures.isEmpty {
                let start = MonotonicTime.now()
                try await run.runRound()
                soaked += min(MonotonicTime.now() - start, longestRound)
            }
        } catch {
            say("failure: round \(run.report.rounds): \(error)")
            finish(&run, isSound: false)
            throw error
        }
        let report = run.report
        let failures = report.failures + report.growth(processes: options.processes)
        say(
            """
            {"seed":\(options.seed),"seconds":\(soaked / 1_000_000_000),"rounds":\(report.rounds),\
            "kills":\(report.kills),"acknowledged":\(report.acknowledged),"unfinished":\(report.unfinished),\
            "survived":\(report.survived),"snapshots":\(report.snapshots),"backups":\(report.backups),\
            "compactions":\(report.fileBytes.count),"expired":\(report.expired),"reader_slots":\(report.readerSlots),\
            "file_bytes":\(report.fileBytes),"memory_bytes":\(report.memoryBytes),"failures":\(failures.count)}
            """)
        for failure in failures.prefix(20) { say("failure: \(failure)") }
        finish(&run, isSound: failures.isEmpty)
        return failures.isEmpty
    }

    /// Removes what the run has left; but the store of a failure only if nobody wants to look into it.
    private func finish(_ run: inout SoakRun, isSound: Bool) {
        if isSound || !keepsStore { run.finish() } else { say("kept: \(run.store)") }
    }
}
