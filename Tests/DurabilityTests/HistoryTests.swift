import DurabilityKit
import Testing

/// Recorded histories of real processes, tasks and threads, checked. The long version is `scripts/check-histories`.
@Suite(.serialized) struct `Every read` {
    /// - Parameters:
    ///   - memory: Tiny, so that entries are evicted all the time; none; or more than enough.
    ///   - map: So small that it grows; or never.
    @Test(arguments: [
        (processes: 1, kills: 0, memory: 8_192, map: 1 << 20), (processes: 1, kills: 2, memory: 8, map: 256),
        (processes: 2, kills: 3, memory: 8_192, map: 1 << 20), (processes: 3, kills: 4, memory: 16, map: 256),
        (processes: 2, kills: 0, memory: 0, map: 1 << 20),
    ])
    func `fits one order of all writes, whoever writes, is killed or evicts`(
        processes: Int, kills: Int, memory: Int, map: Int
    ) async throws {
        var options = HistoryOptions()
        (options.processes, options.kills, options.memoryKibibytes, options.mapKibibytes) = (
            processes, kills, memory, map
        )
        options.milliseconds = 1_000
        options.eventsPerLane = 150_000
        options.seed = UInt64(processes) << 8 | UInt64(kills)
        var run = try HistoryRun(options)
        defer { run.finish() }
        var total = HistoryRun.Report()
        // A minute over all arguments.
        for _ in 0..<12 {
            let report = try await run.runRound()
            #expect(report.violations.map(\.description) == [])
            #expect(report.failures == [])
            #expect(report.kills <= kills && report.kills * 2 >= kills)
            // Enough happened for the check to mean something.
            #expect(report.operations > 100)
            #expect(report.writes > 10)
            total.add(report)
        }
        #expect(total.operations > 20_000)
        #expect(total.updates > 200)
        #expect(total.failedCompares > 20)
        #expect(total.withdrawn > 20)
    }
}
