import LMDB
import TestSupport
import Testing

@Suite struct `A table` {
    let scratch = ScratchDirectory()

    @Test func `that is not there is not opened and not made`() throws {
        let environment = try Environment.openForTest(scratch.store)
        let before = environment.lastTransactionID
        #expect(try environment.openTable("absent") == nil)
        #expect(environment.lastTransactionID == before)
    }

    @Test func `opens to the same handle every time, and waits for no writer`() throws {
        let environment = try Environment.openForTest(scratch.store)
        let table = try environment.table
        try environment.write { transaction in
            try transaction.put("1", "a", in: table)
            #expect(try environment.openTable("t") == table)
        }
        #expect(try environment.openTable("t") == table)
    }

    @Test func `is not opened inside a read, which whoever drops a table waits for`() throws {
        let environment = try Environment.openForTest(scratch.store)
        try environment.read { _ in
            #expect(code { _ = try environment.openTable("t") } == .insideRead)
        }
        #expect(try environment.openTable("t") != nil)
    }

    @Test func `made in a transaction that throws is not there, and can be made afterwards`() throws {
        struct Refusal: Error {}
        let environment = try Environment.openForTest(scratch.store)
        #expect(throws: Refusal.self) {
            try environment.writeTables { transaction in
                let table = try transaction.createTable("u")
                try transaction.put("1", "a", in: table)
                throw Refusal()
            }
        }
        #expect(try environment.openTable("u") == nil)
        let table = try environment.writeTables { transaction in
            let table = try transaction.createTable("u")
            try transaction.put("2", "a", in: table)
            return table
        }
        #expect(try environment.openTable("u") == table)
        #expect(try environment.read { try $0.string("a", in: table) } == "2")
    }

    @Test func `beyond the number the environment was opened for is refused, and the others work on`() throws {
        let environment = try Environment.open(at: scratch.store, options: .init(mapSize: 1 << 24, maximumTables: 2)) {
            _ = try $0.createTable("t")
        }
        let table = try environment.table
        _ = try environment.writeTables { try $0.createTable("u") }
        #expect(code { _ = try environment.writeTables { try $0.createTable("v") } } == .tablesFull)
        try environment.write { try $0.put("1", "a", in: table) }
        #expect(try environment.read { try $0.string("a", in: table) } == "1")
    }

    @Test func `made by another process can be opened`() async throws {
        let environment = try Environment.openForTest(scratch.store)
        #expect(try environment.openTable("theirs") == nil)
        await #expect(processExitsWith: .success) { [path = scratch.store as String] in
            let environment = try Environment.open(at: path)
            try environment.writeTables { transaction in
                let table = try transaction.createTable("theirs")
                try transaction.put("1", "a", in: table)
            }
        }
        let theirs = try #require(try environment.openTable("theirs"))
        #expect(try environment.read { try $0.string("a", in: theirs) } == "1")
    }

    @Test func `opened and made by many threads at once is one table`() async throws {
        let environment = try Environment.openForTest(scratch.store)
        try await inThreads(8) { index in
            for round in 0..<10 {
                let name = "table \(round)"
                let table = try environment.writeTables { try $0.createTable(name) }
                try environment.write { try $0.put("", "\(index)", in: table) }
                #expect(try environment.openTable(name) == table)
            }
        }
        for round in 0..<10 {
            let table = try #require(try environment.openTable("table \(round)"))
            #expect(try environment.read { try $0.statistics(of: table).entries } == 8)
        }
    }
}

@Suite struct `Dropping a table` {
    let scratch = ScratchDirectory()

    @Test func `removes it with what it holds, together with what is written alongside`() throws {
        let environment = try Environment.openForTest(scratch.store)
        let other = try environment.writeTables { try $0.createTable("other") }
        let table = try environment.table
        try environment.write { transaction in
            for index in 0..<1_000 { try transaction.put("v", "\(index)", in: table) }
        }
        var wasTold = false
        try environment.dropTable("t") { transaction throws(LMDBError) in
            try transaction.put("dropped".bytes.span, for: "t".bytes.span, in: other)
        } invalidated: {
            wasTold = true
        }
        #expect(wasTold)
        #expect(try environment.openTable("t") == nil)
        #expect(try environment.read { try $0.string("t", in: other) } == "dropped")
        try environment.close()
        let again = try Environment.open(at: scratch.store)
        #expect(try again.openTable("t") == nil)
    }

    @Test func `makes the use of its handle an error, in reads and in writes`() throws {
        let environment = try Environment.openForTest(scratch.store)
        let table = try environment.table
        try environment.dropTable("t", alongside: { _ in }, invalidated: {})
        #expect(code { _ = try environment.read { try $0.string("a", in: table) } } != nil)
        #expect(code { try environment.write { try $0.put("1", "a", in: table) } } != nil)
        let again = try environment.writeTables { try $0.createTable("t") }
        try environment.write { try $0.put("1", "a", in: again) }
        #expect(try environment.read { try $0.entries(in: again) } == [["a".bytes, "1".bytes]])
    }

    @Test func `waits for the readers that are at it`() async throws {
        let environment = try Environment.openForTest(scratch.store)
        let table = try environment.table
        try environment.write { try $0.put("1", "a", in: table) }
        let (isReading, mayEnd, hasEnded) = (Gate(), Gate(), Gate())
        async let reader: Void = inThread {
            try environment.read { transaction throws in
                isReading.open()
                mayEnd.wait()
                #expect(try transaction.string("a", in: table) == "1")
                hasEnded.open()
            }
        }
        try await inThread { isReading.wait() }
        async let drop: Void = inThread {
            try environment.dropTable("t", alongside: { _ in }) {
                #expect(hasEnded.isOpenNow, "the reader was still at it")
            }
        }
        try await inThread { pause(milliseconds: 20) }
        mayEnd.open()
        try await reader
        try await drop
        #expect(try environment.openTable("t") == nil)
    }

    @Test func `inside a read of the same thread is refused`() throws {
        let environment = try Environment.openForTest(scratch.store)
        let table = try environment.table
        try environment.read { _ in
            #expect(
                code { try environment.dropTable("t", alongside: { _ in }, invalidated: {}) } == .insideRead)
        }
        #expect(try environment.openTable("t") == table)
    }

    @Test func `does not happen if what is written alongside throws, and the handle stays good`() throws {
        let refusal = LMDBError(.notFound, operation: "refusal")
        let environment = try Environment.openForTest(scratch.store)
        let table = try environment.table
        try environment.write { try $0.put("1", "a", in: table) }
        #expect(throws: refusal) {
            try environment.dropTable("t") { _ throws(LMDBError) in
                throw refusal
            } invalidated: {
            }
        }
        #expect(try environment.read { try $0.string("a", in: table) } == "1")
        try environment.write { try $0.put("2", "a", in: table) }
    }

    @Test func `in a full map grows the map`() throws {
        let environment = try Environment.openForTest(scratch.store, mapSize: 1 << 18)
        let table = try environment.table
        let other = try environment.writeTables { try $0.createTable("other") }
        // Fill the map to the brim: what no longer fits is undone and the map stays as it is.
        var count = 0
        fill: while true {
            do {
                try environment.withWriterLock { writer in
                    var transaction = try writer.begin()
                    try transaction.put([UInt8](repeating: 1, count: 500), "\(count)".bytes, in: table)
                    try transaction.commit()
                }
                count += 1
            } catch let error as LMDBError where error.code == .mapFull {
                break fill
            }
        }
        #expect(try environment.information().mapSize == 1 << 18)
        let large = [UInt8](repeating: 2, count: 10_000)
        try environment.dropTable("t") { transaction throws(LMDBError) in
            try transaction.put(large.span, for: "t".bytes.span, in: other)
        } invalidated: {
        }
        #expect(try environment.openTable("t") == nil)
        #expect(try environment.read { try $0.value("t".bytes, in: other)?.count } == 10_000)
    }

    @Test func `that another process has dropped does nothing`() async throws {
        let environment = try Environment.openForTest(scratch.store)
        let table = try environment.table
        let other = try environment.writeTables { try $0.createTable("other") }
        try environment.write { try $0.put("1", "a", in: table) }
        await #expect(processExitsWith: .success) { [path = scratch.store as String] in
            try Environment.open(at: path).dropTable("t", alongside: { _ in }, invalidated: {})
        }
        #expect(try environment.read { try $0.string("a", in: table) } == nil)
        try environment.dropTable("t") { transaction throws(LMDBError) in
            try transaction.put("1".bytes.span, for: "a".bytes.span, in: other)
        } invalidated: {
        }
        #expect(try environment.read { try $0.string("a", in: other) } == nil)
    }
}
