import DurabilityKit
import Larder
import Testing

/// Rounds of kills on one store. The workers are child processes; SIGKILL ends them wherever they are.
@Suite(.serialized) struct `A store whose process is killed` {
    @Test func `keeps every acknowledged write and no partial transaction, over 100 kills`() async throws {
        var run = try CrashRun(processes: 1, seed: 0x5EED)
        defer { run.finish() }
        for _ in 0..<100 { try await run.runRound() }
        try expectSound(run, kills: 100)
    }

    @Test func `keeps them too while other processes go on, and leaks no reader slot`() async throws {
        var run = try CrashRun(processes: 2, seed: 0xD0_0D1E)
        defer { run.finish() }
        for _ in 0..<25 { try await run.runRound() }
        try expectSound(run, kills: 50)
    }

    @Test func `is made whole or not at all`() async throws {
        // Each round on a directory of its own, so that the kill falls into the making of the store again and again.
        for round in 0..<40 {
            let scratch = try ScratchDirectory()
            defer { scratch.remove() }
            let path = scratch.path + "/store"
            let child = try ChildProcess(WorkerExecutable.path(), ["peer", path])
            MonotonicTime.sleep(nanoseconds: UInt64(round) * 1_000_000)
            #expect(child.kill() == .killed(9))
            let store = try PeerStore(at: path)
            try await JoinableThread.run { try store.write(1, for: 1) }
            #expect(try store.read()[1] == 1)
            try store.store.close()
        }
    }

    private func expectSound(_ run: CrashRun, kills: Int) throws {
        let report = run.report
        #expect(report.failures == [])
        #expect(report.kills == kills)
        // The kills hit work under way, or the rounds prove nothing.
        #expect(report.acknowledged > 10 * kills)
        #expect(report.unfinished > kills)
        #expect(try run.damage() == [])
    }
}
