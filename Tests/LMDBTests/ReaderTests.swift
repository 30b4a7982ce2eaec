import LMDB
import TestSupport
import Testing

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

    @Test func `are not used up by a transaction that changes nothing`() throws {
        let environment = try Environment.openForTest(scratch.store)
        let before = environment.lastTransactionID
        try environment.write { _ in }
        #expect(environment.lastTransactionID == before)
    }
}
