import LMDB
import TestSupport
import Testing

@Suite struct `The lock between writing processes` {
    let scratch = ScratchDirectory()

    @Test func `lets one process write at a time`() async throws {
        let path = scratch.store
        let environment = try Environment.openForTest(path)
        let table = try environment.table
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<3 {
                group.addTask {
                    await #expect(processExitsWith: .success) { [path = path as String] in
                        let environment = try Environment.open(at: path)
                        let table = try environment.table
                        for _ in 0..<50 {
                            try environment.write { transaction in
                                let count = Int(try transaction.string("count", in: table) ?? "0") ?? -1
                                try transaction.put("\(count + 1)", "count", in: table)
                            }
                        }
                    }
                }
            }
        }
        #expect(try environment.read { try $0.string("count", in: table) } == "150")
    }

    @Test func `of two files does not look like a deadlock when two processes use both`() async throws {
        // Threads of one process wait for locks of another while the process holds locks itself. The system, which thinks in processes,
        // sees a circle; there is none, since no thread waits while it holds one.
        let paths = [scratch.path + "/one", scratch.path + "/two"]
        for path in paths { try Environment.openForTest(path).close() }
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<2 {
                group.addTask {
                    await #expect(processExitsWith: .success) { [paths = paths as [String]] in
                        let environments = try paths.map { try Environment.open(at: $0) }
                        let tables = try environments.map { try $0.table }
                        try await inThreads(2) { index in
                            for _ in 0..<500 {
                                try environments[index].withWriterLock { writer in
                                    var transaction = try writer.begin()
                                    let count = Int(try transaction.string("count", in: tables[index]) ?? "0") ?? -1
                                    try transaction.put("\(count + 1)", "count", in: tables[index])
                                    try transaction.commit()
                                }
                            }
                        }
                    }
                }
            }
        }
        for path in paths {
            let environment = try Environment.openForTest(path)
            let table = try environment.table
            #expect(try environment.read { try $0.string("count", in: table) } == "1000")
        }
    }
}
