import DurabilityKit
import Larder
import Testing

/// Caches with a source, in several processes.
@Suite(.serialized) struct `A source behind the caches of several processes` {
    @Test func `is asked 10 times by 4 processes with 1,000 tasks each that ask for 10 missing keys`() async throws {
        let scratch = try ScratchDirectory()
        defer { scratch.remove() }
        let (store, path) = (scratch.path + "/store", scratch.path + "/database")
        let database = FileDatabase(at: path)
        for key in 0..<10 { try await database.store(key * 10, for: key) }
        let children = try (0..<4).map { _ in
            try ChildProcess(WorkerExecutable.path(), ["source-ask", store, path, "1000", "10"])
        }
        for child in children { #expect(try child.readLine() == "ready") }
        for child in children { child.send("go") }
        for child in children {
            #expect(try child.readLine() == "wrong 0")
            #expect(child.wait() == .exited(0))
        }
        #expect(try database.loads().sorted() == Array(0..<10))
    }

    @Test func `is never contradicted by the cache, wherever a process that writes through it dies`() async throws {
        var run = try SourceKillRun(seed: 0x50_04CE)
        defer { run.finish() }
        let rounds = 8 * 7
        for _ in 0..<rounds { try await run.runRound() }
        #expect(run.report.failures == [])
        // Every step had its turn, and the rounds prove something.
        #expect(Set(run.report.endings.keys) == Set(SourceWorker.steps + ["done"]))
        #expect(run.report.late == rounds / 7)
        #expect(run.report.held > 0)
        #expect(run.report.reads > rounds)
    }
}
