import TestSupport
import Testing

@testable import LMDB

@Suite struct `Reopening an environment that stays in use` {
    let scratch = ScratchDirectory()

    @Test func `keeps the handles of its tables, and what they hold`() throws {
        let environment = try Environment.openForTest(scratch.store)
        let table = try environment.table
        let other = try environment.writeTables { try $0.createTable("other") }
        #expect(try environment.openTable("other") == other)
        try environment.write { transaction in
            try transaction.put("1", "a", in: table)
            try transaction.put("2", "a", in: other)
        }
        try environment.withWriterLock { writer in try writer.reopen() }
        try environment.read { transaction throws in
            #expect(try transaction.string("a", in: table) == "1")
            #expect(try transaction.string("a", in: other) == "2")
        }
        try environment.write { try $0.put("3", "a", in: other) }
        #expect(try environment.read { try $0.string("a", in: other) } == "3")
    }

    @Test func `that could not be opened anew refuses every use, a write after one's own too`() throws {
        let environment = try Environment.openForTest(scratch.store)
        let table = try environment.table
        try environment.write { try $0.put("1", "a", in: table) }
        // As after a failure to reopen: there is no C environment to go on with.
        environment.handle.markLost()
        #expect(code { try environment.write { try $0.put("2", "a", in: table) } } == .panic)
        #expect(code { try environment.read { _ in } } == .panic)
    }

    @Test func `waits for readers and for whoever opens a table`() async throws {
        let environment = try Environment.openForTest(scratch.store)
        let table = try environment.table
        for index in 0..<20 {
            let made = try environment.writeTables { try $0.createTable("table \(index)") }
            #expect(try environment.openTable("table \(index)") == made)
        }
        try environment.write { try $0.put("1", "a", in: table) }
        let isDone = Gate()
        try await inThreads(4) { index in
            switch index {
            case 0:
                defer { isDone.open() }
                for _ in 0..<50 { try environment.withWriterLock { writer in try writer.reopen() } }
            case 1:
                var round = 0
                while !isDone.isOpenNow {
                    round += 1
                    #expect(try environment.openTable("absent \(round)") == nil)
                }
            default:
                while !isDone.isOpenNow { #expect(try environment.read { try $0.string("a", in: table) } == "1") }
            }
        }
        #expect(try environment.read { try $0.string("a", in: table) } == "1")
    }
}
