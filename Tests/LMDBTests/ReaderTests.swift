import Synchronization
import TestSupport
import Testing

@testable import LMDB

@Suite struct `Reader slots` {
    let scratch = ScratchDirectory()

    @Test func `of a process that was killed while reading are used again`() async throws {
        // Two slots; the environment stays open here, so nobody else cleans the reader table.
        let environment = try Environment.openForTest(scratch.store, maximumReaders: 2)
        let table = try environment.table
        await #expect(processExitsWith: .signal(9)) { [path = scratch.store as String] in
            let environment = try Environment.open(at: path, options: .init(maximumReaders: 2))
            try environment.read { _ in killSelf() }
        }
        try environment.read { first in
            try environment.read { second throws in
                #expect(try first.entries(in: table) == second.entries(in: table))
            }
        }
    }

    @Test func `of a process that was killed are free again once another opens the environment`() async throws {
        let environment = try Environment.openForTest(scratch.store, maximumReaders: 3)
        let table = try environment.table
        await #expect(processExitsWith: .signal(9)) { [path = scratch.store as String] in
            let environment = try Environment.open(at: path, options: .init(maximumReaders: 3))
            try environment.read { _ in killSelf() }
        }
        await #expect(processExitsWith: .success) { [path = scratch.store as String] in
            let environment = try Environment.open(at: path, options: .init(maximumReaders: 3))
            let table = try environment.table
            let entries = try environment.read { _ in try environment.read { try $0.entries(in: table) } }
            #expect(entries == [])
        }
        #expect(try environment.read { try $0.entries(in: table) } == [])
    }

    @Test func `of a killed reader do not keep freed pages from being used again`() async throws {
        let environment = try Environment.openForTest(scratch.store)
        let table = try environment.table
        func overwrite(_ times: Int) throws {
            for round in 0..<times {
                let value = [UInt8](repeating: UInt8(truncatingIfNeeded: round), count: 9_000)
                try environment.write { try $0.put(value, "a".bytes, in: table) }
            }
        }
        try overwrite(10)
        await #expect(processExitsWith: .signal(9)) { [path = scratch.store as String] in
            let environment = try Environment.open(at: path)
            try environment.read { _ in killSelf() }
        }
        // Another process that opens the environment finds the dead reader.
        await #expect(processExitsWith: .success) { [path = scratch.store as String] in
            try Environment.open(at: path).close()
        }
        try overwrite(20)
        let before = try environment.information().usedBytes
        try overwrite(200)
        #expect(try environment.information().usedBytes == before)
    }

    @Test func `that are all taken are a typed error, and free again afterwards`() throws {
        let environment = try Environment.openForTest(scratch.store, maximumReaders: 2)
        try environment.read { _ in
            try environment.read { _ in
                #expect(code { try environment.read { _ in } } == .readersFull)
            }
        }
        try environment.read { _ in try environment.read { _ in } }
    }

    @Test func `are not leaked by many threads that come and go`() async throws {
        let environment = try Environment.openForTest(scratch.store, maximumReaders: 8)
        let table = try environment.table
        for _ in 0..<10 {
            try await inThreads(8) { _ throws in
                for _ in 0..<20 { #expect(try environment.read { try $0.entries(in: table) } == []) }
            }
        }
        let information = try environment.information()
        #expect(information.activeReaders == 0)
        #expect(information.usedReaders <= 8)
    }

    @Test func `are given back by a read that throws`() throws {
        struct Refusal: Error {}
        let environment = try Environment.openForTest(scratch.store, maximumReaders: 1)
        for _ in 0..<5 {
            #expect(throws: Refusal.self) { try environment.read { _ in throw Refusal() } }
        }
        try environment.read { _ throws in #expect(try environment.information().activeReaders == 1) }
        #expect(try environment.information().activeReaders == 0)
    }
}

@Suite struct `Transaction ids` {
    let scratch = ScratchDirectory()

    @Test func `of the last commit are seen at once, from this process and from others`() async throws {
        let environment = try Environment.openForTest(scratch.store)
        let table = try environment.table
        let first = environment.lastTransactionID
        try environment.write { transaction in
            #expect(transaction.id == first + 1)
            try transaction.put("1", "a", in: table)
        }
        #expect(environment.lastTransactionID == first + 1)
        #expect(try environment.visibleTransactionID() == first + 1)
        await #expect(processExitsWith: .success) { [path = scratch.store as String] in
            let environment = try Environment.open(at: path)
            let table = try environment.table
            for round in 0..<5 { try environment.write { try $0.put("\(round)", "a", in: table) } }
        }
        #expect(environment.lastTransactionID == first + 6)
        #expect(try environment.read { $0.id } == first + 6)
        #expect(try environment.information().lastTransactionID == first + 6)
    }

    /// Before a write transaction nobody need look what readers see if the last commit was our own.
    @Test func `are known to be seen by readers after a commit of ours, and only then`() async throws {
        let environment = try Environment.openForTest(scratch.store)
        let table = try environment.table
        var published: UInt64 { environment.lastPublished.load(ordering: .relaxed) }
        try environment.write { try $0.put("1", "a", in: table) }
        let last = environment.lastTransactionID
        #expect(published == last)
        // Transactions that commit nothing use up no id: the next commit with it may be another process's.
        try environment.write { _ in }
        _ = try environment.write { try $0.delete(Array("absent".utf8).span, in: table) }
        #expect(published == last)
        struct Undone: Error {}
        #expect(throws: Undone.self) {
            try environment.write { transaction in
                try transaction.put("2", "a", in: table)
                throw Undone()
            }
        }
        #expect(published == last)
        try environment.write { transaction in try transaction.nested { try $0.put("3", "a", in: table) } }
        #expect(published == last + 1)
        await #expect(processExitsWith: .success) { [path = scratch.store as String] in
            let environment = try Environment.open(at: path)
            let table = try environment.table
            try environment.write { try $0.put("4", "a", in: table) }
        }
        #expect(published == last + 1 && environment.lastTransactionID == last + 2)
        _ = try environment.write { try $0.delete(Array("a".utf8).span, in: table) }
        #expect(published == last + 3)
    }

    @Test func `are not used up by a transaction that changes nothing`() throws {
        let environment = try Environment.openForTest(scratch.store)
        let before = environment.lastTransactionID
        try environment.write { _ in }
        #expect(environment.lastTransactionID == before)
    }
}
