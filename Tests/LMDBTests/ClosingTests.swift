import LMDB
import TestSupport
import Testing

@Suite struct `Closing an environment` {
    let scratch = ScratchDirectory()

    @Test func `makes every later use a typed error`() throws {
        let environment = try Environment.openForTest(scratch.store)
        let table = try environment.table
        try environment.close()
        #expect(code { try environment.read { _ in } } == .closed)
        #expect(code { try environment.write { try $0.put("1", "a", in: table) } } == .closed)
        #expect(code { _ = try environment.writeTables { try $0.createTable("u") } } == .closed)
        #expect(code { try environment.dropTable("t", alongside: { _ in }, invalidated: {}) } == .closed)
        #expect(code { _ = try environment.openTable("u") } == .closed)
        #expect(code { _ = try environment.information() } == .closed)
        #expect(code { _ = try environment.visibleTransactionID() } == .closed)
        #expect(code { try environment.flush() } == .closed)
        #expect(environment.lastTransactionID > 0)
    }

    @Test func `twice does nothing`() throws {
        let environment = try Environment.openForTest(scratch.store)
        try environment.close()
        let again = try Environment.openForTest(scratch.store)
        let table = try again.table
        try environment.close()
        #expect(code { _ = try Environment.openForTest(scratch.store) } == .alreadyOpen)
        try again.write { try $0.put("1", "a", in: table) }
    }

    @Test func `happens by itself with the last reference`() throws {
        do {
            let environment = try Environment.openForTest(scratch.store)
            let table = try environment.table
            try environment.write { try $0.put("1", "a", in: table) }
        }
        let again = try Environment.openForTest(scratch.store)
        let table = try again.table
        #expect(try again.read { try $0.string("a", in: table) } == "1")
    }

    @Test func `waits for a reader, and refuses new ones meanwhile`() async throws {
        let environment = try Environment.openForTest(scratch.store)
        let table = try environment.table
        try environment.write { try $0.put("1", "a", in: table) }
        let (isReading, mayEnd, isClosed) = (Gate(), Gate(), Gate())
        async let reader: Void = inThread {
            try environment.read { transaction throws in
                isReading.open()
                mayEnd.wait()
                #expect(!isClosed.isOpenNow)
                #expect(try transaction.string("a", in: table) == "1")
            }
        }
        try await inThread { isReading.wait() }
        async let closing: Void = inThread {
            try environment.close()
            isClosed.open()
        }
        // From when on reads are refused, close is waiting for the one that is under way.
        try await inThread { try waitUntil { code(of: { try environment.read { _ in } }) == .closed } }
        #expect(!isClosed.isOpenNow)
        mayEnd.open()
        try await reader
        try await closing
        #expect(try Environment.openForTest(scratch.store).openTable("t") != nil)
    }

    @Test func `waits for a writer, whose commit stays`() async throws {
        let environment = try Environment.openForTest(scratch.store)
        let table = try environment.table
        let (isWriting, mayEnd) = (Gate(), Gate())
        async let writer: Void = inThread {
            try environment.write { transaction in
                isWriting.open()
                mayEnd.wait()
                try transaction.put("1", "a", in: table)
            }
        }
        try await inThread { isWriting.wait() }
        async let closing: Void = inThread { try environment.close() }
        try await inThread { pause(milliseconds: 20) }
        mayEnd.open()
        try await writer
        try await closing
        let again = try Environment.openForTest(scratch.store)
        let reopened = try again.table
        #expect(try again.read { try $0.string("a", in: reopened) } == "1")
    }

    @Test func `races with readers and writers without a crash`() async throws {
        for _ in 0..<20 {
            let environment = try Environment.openForTest(scratch.store, mapSize: 1 << 17)
            let table = try environment.table
            try await inThreads(5) { index in
                let outcome = code {
                    for round in 0..<50 {
                        switch index {
                        case 0: if round == 5 { try environment.close() }
                        case 1: try environment.write { try $0.put("\(round)", "a", in: table) }
                        default: _ = try environment.read { try $0.string("a", in: table) }
                        }
                    }
                }
                #expect(outcome == nil || outcome == .closed)
            }
            #expect(code { try environment.read { _ in } } == .closed)
        }
    }
}

@Suite struct `After a fork` {
    let scratch = ScratchDirectory()

    @Test func `the child's use is refused and its close leaves the parent's locks and files alone`() async throws {
        await #expect(processExitsWith: .success) { [path = scratch.store as String] in
            let environment = try Environment.openForTest(path)
            let table = try environment.table
            try environment.write { try $0.put("1", "a", in: table) }
            let status = inForkedChild {
                let refusals: [() throws -> Void] = [
                    { try environment.read { _ in } },
                    { try environment.write { _ in } },
                    { _ = try environment.openTable("u") },
                    { _ = try environment.information() },
                    { try environment.flush() },
                ]
                for (index, refusal) in refusals.enumerated() where code(of: refusal) != .forked {
                    return Int32(index + 1)
                }
                guard environment.isForked, code(of: { try environment.close() }) == nil else { return 100 }
                return 0
            }
            #expect(status == 0)
            #expect(!environment.isForked)
            try environment.write { try $0.put("2", "a", in: table) }
            #expect(try environment.read { try $0.string("a", in: table) } == "2")
            #expect(code { _ = try Environment.openForTest(path) } == .alreadyOpen)
        }
    }

    @Test func `in the middle of a write the parent commits what it began`() async throws {
        await #expect(processExitsWith: .success) { [path = scratch.store as String] in
            let environment = try Environment.openForTest(path)
            let table = try environment.table
            try environment.write { transaction in
                try transaction.put("1", "before", in: table)
                #expect(inForkedChild { code { try environment.read { _ in } } == .forked ? 0 : 1 } == 0)
                try transaction.put("1", "after", in: table)
            }
            #expect(try environment.read { try $0.statistics(of: table).entries } == 2)
        }
    }
}

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif
