import LMDB
import TestSupport
import Testing

@Suite struct `A write transaction` {
    let scratch = ScratchDirectory()
    let environment: Environment
    let table: Table

    init() throws {
        environment = try Environment.openForTest(scratch.store)
        table = try environment.table
    }

    @Test func `is seen whole once it has committed, and sees its own writes before`() throws {
        try environment.write { transaction in
            try transaction.put("1", "a", in: table)
            try transaction.put("2", "b", in: table)
            #expect(try transaction.string("a", in: table) == "1")
            #expect(try environment.read { try $0.string("a", in: table) } == nil)
        }
        #expect(try environment.read { try $0.entries(in: table).count } == 2)
    }

    @Test func `leaves no trace if its body throws`() throws {
        struct Refusal: Error {}
        let before = environment.lastTransactionID
        #expect(throws: Refusal.self) {
            try environment.write { transaction in
                try transaction.put("1", "a", in: table)
                throw Refusal()
            }
        }
        #expect(try environment.read { try $0.string("a", in: table) } == nil)
        #expect(environment.lastTransactionID == before)
    }

    @Test func `begun inside another on the same thread is refused, and the outer one goes on`() throws {
        try environment.write { transaction in
            try transaction.put("1", "outer", in: table)
            #expect(code { try environment.write { try $0.put("2", "inner", in: table) } } == .nestedWrite)
            #expect(code { _ = try environment.writeTables { try $0.createTable("u") } } == .nestedWrite)
            #expect(
                code { try environment.dropTable("t", alongside: { _ in }, invalidated: {}) } == .nestedWrite)
            #expect(code { try environment.close() } == .nestedWrite)
        }
        #expect(try environment.read { try $0.entries(in: table) } == [["outer".bytes, "1".bytes]])
    }

    @Test func `begun inside a read on the same thread is refused, and the read goes on`() throws {
        try environment.write { try $0.put("1", "a", in: table) }
        try environment.read { transaction throws in
            #expect(code { try environment.write { try $0.put("2", "a", in: table) } } == .insideRead)
            #expect(code { _ = try environment.writeTables { try $0.createTable("u") } } == .insideRead)
            #expect(code { try environment.close() } == .insideRead)
            #expect(try transaction.string("a", in: table) == "1")
        }
        try environment.write { try $0.put("2", "a", in: table) }
        #expect(try environment.read { try $0.string("a", in: table) } == "2")
    }

    @Test func `is not committed once a write of it has failed, even if its body goes on`() throws {
        let longKey = [UInt8](repeating: 1, count: 512)
        let refusal = code {
            try environment.write { transaction in
                try transaction.put("1", "before", in: table)
                try? transaction.put([], longKey, in: table)
                #expect(transaction.failure?.code == .invalidKeyLength)
                try transaction.put("1", "after", in: table)
            }
        }
        #expect(refusal == .invalidKeyLength)
        #expect(try environment.read { try $0.entries(in: table) } == [])
    }

    @Test func `does not append a key that is not the greatest, and goes on`() throws {
        try environment.write { transaction in
            try transaction.put("1", "m", in: table)
            let appended = try ["a", "m", "n"].map { try transaction.append(zeros: 1, $0.bytes, in: table) }
            #expect(appended == [false, false, true])
            #expect(transaction.failure == nil)
        }
        let entries = try environment.read { try $0.entries(in: table) }
        #expect(entries == [["m".bytes, "1".bytes], ["n".bytes, [0]]])
    }

    @Test func `appends in order, straight into the page`() throws {
        try environment.write { transaction in
            for byte in UInt8(1)...200 {
                let isAppended = try transaction.append(zeros: Int(byte), [byte], in: table)
                #expect(isAppended)
            }
        }
        let entries = try environment.read { try $0.entries(in: table) }
        #expect(entries == (UInt8(1)...200).map { [[$0], [UInt8](repeating: 0, count: Int($0))] })
    }

    @Test(arguments: 1...8 as ClosedRange<UInt64>)
    func `appends behind the last key there is, whatever else is written in between`(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let tables = try [table, environment.writeTables { try $0.createTable("other") }]
        var expected = [[UInt16: Int]](repeating: [:], count: tables.count)
        for _ in 0..<20 {
            try environment.write { transaction in
                for _ in 0..<200 {
                    try writeRandomly(to: tables, &expected, &transaction, &generator)
                }
            }
        }
        for (table, expected) in zip(tables, expected) {
            let entries = try environment.read { try $0.entries(in: table) }
            #expect(entries.map(\.[0]) == expected.keys.sorted().map { key($0) })
            #expect(entries.map(\.[1].count) == expected.sorted { $0.key < $1.key }.map(\.value))
        }
    }

    /// Appends a run of keys, or writes, removes or undoes something.
    private func writeRandomly(
        to tables: [Table], _ expected: inout [[UInt16: Int]], _ transaction: inout WriteTransaction,
        _ generator: inout SeededGenerator
    ) throws {
        let index = Int.random(in: 0..<tables.count, using: &generator)
        let table = tables[index]
        let last = expected[index].keys.max() ?? 0
        let size = Int.random(in: 0...300, using: &generator)
        let any = UInt16.random(in: 0...30_000, using: &generator)
        switch Int.random(in: 0..<20, using: &generator) {
        case 0:
            try transaction.put(zeros: size, key(any), in: table)
            expected[index][any] = size
        case 1:
            // Behind the last one, where a cursor that has stayed would not look.
            let next = last + 40
            try transaction.put(zeros: size, key(next), in: table)
            expected[index][next] = size
        case 2:
            _ = try transaction.delete(key(last).span, in: table)
            expected[index][last] = nil
        case 3:
            if generator.oneIn(20) {
                try transaction.removeAll(in: table)
                expected[index] = [:]
            }
        case 4:
            let isUndone = generator.oneIn(2)
            try? transaction.nested { child in
                for step in 1...30 as ClosedRange<UInt16> {
                    #expect(try child.append(zeros: size, key(last + step), in: table))
                }
                if isUndone { throw LMDBError(.invalid, operation: "undone") }
            }
            if !isUndone { for step in 1...30 as ClosedRange<UInt16> { expected[index][last + step] = size } }
        case 5:
            #expect(try !transaction.append(zeros: size, key(last), in: table) || expected[index].isEmpty)
            expected[index][last] = expected[index][last] ?? size
        default:
            let next = last + 1
            #expect(try transaction.append(zeros: size, key(next), in: table))
            expected[index][next] = size
        }
    }

    private func key(_ number: UInt16) -> [UInt8] { [UInt8(number >> 8), UInt8(number & 0xFF)] }

    @Test func `says whether a removed key was there`() throws {
        try environment.write { transaction in
            try transaction.put("1", "a", in: table)
            #expect(try transaction.delete("a".bytes.span, in: table))
            #expect(try !transaction.delete("a".bytes.span, in: table))
        }
    }

    @Test func `removes everything in a table and nothing in others`() throws {
        let other = try environment.writeTables { try $0.createTable("other") }
        try environment.write { transaction in
            for index in 0..<1_000 { try transaction.put("v", "\(index)", in: table) }
            try transaction.put("v", "k", in: other)
        }
        try environment.write { try $0.removeAll(in: table) }
        try environment.read { transaction throws in
            #expect(try transaction.statistics(of: table).entries == 0)
            #expect(try transaction.entries(in: table) == [])
            #expect(try transaction.string("k", in: other) == "v")
        }
    }

    @Test func `by threads at once happens one after the other`() async throws {
        try await inThreads(8) { _ in
            for _ in 0..<25 {
                try environment.write { transaction in
                    let count = Int(try transaction.string("count", in: table) ?? "0") ?? -1
                    try transaction.put("\(count + 1)", "count", in: table)
                }
            }
        }
        #expect(try environment.read { try $0.string("count", in: table) } == "200")
    }

    @Test func `of a process that is killed in it leaves nothing and blocks nobody`() async throws {
        try environment.write { try $0.put("1", "a", in: table) }
        await #expect(processExitsWith: .signal(9)) { [path = scratch.store as String] in
            let environment = try Environment.open(at: path)
            let table = try environment.table
            try environment.write { transaction in
                try transaction.put("killed", "a", in: table)
                killSelf()
            }
        }
        #expect(try environment.read { try $0.string("a", in: table) } == "1")
        try environment.write { try $0.put("2", "a", in: table) }
        #expect(try environment.read { try $0.string("a", in: table) } == "2")
    }
}

@Suite struct `A nested transaction` {
    let scratch = ScratchDirectory()
    let environment: Environment
    let table: Table

    init() throws {
        environment = try Environment.openForTest(scratch.store)
        table = try environment.table
    }

    @Test func `is undone alone if its body throws`() throws {
        struct Refusal: Error {}
        try environment.write { transaction in
            try transaction.put("1", "before", in: table)
            #expect(throws: Refusal.self) {
                try transaction.nested { child in
                    try child.put("1", "inside", in: table)
                    try child.put("2", "before", in: table)
                    #expect(try child.string("before", in: table) == "2")
                    throw Refusal()
                }
            }
            #expect(transaction.failure == nil)
            #expect(try transaction.string("before", in: table) == "1")
            try transaction.put("1", "after", in: table)
        }
        let entries = try environment.read { try $0.entries(in: table) }
        #expect(entries == [["after".bytes, "1".bytes], ["before".bytes, "1".bytes]])
    }

    @Test func `is undone alone if a write in it fails, even if its body goes on`() throws {
        try environment.write { transaction in
            try transaction.put("1", "before", in: table)
            #expect(
                code {
                    try transaction.nested { child in
                        try child.put("1", "inside", in: table)
                        try? child.put([], [], in: table)
                    }
                } == .invalidKeyLength)
            #expect(transaction.failure == nil)
        }
        #expect(try environment.read { try $0.entries(in: table) } == [["before".bytes, "1".bytes]])
    }

    @Test func `joins its parent, which can still undo it`() throws {
        struct Refusal: Error {}
        try environment.write { try $0.nested { try $0.put("1", "kept", in: table) } }
        #expect(throws: Refusal.self) {
            try environment.write { transaction in
                try transaction.nested { try $0.put("1", "undone", in: table) }
                #expect(try transaction.string("undone", in: table) == "1")
                throw Refusal()
            }
        }
        #expect(try environment.read { try $0.entries(in: table) } == [["kept".bytes, "1".bytes]])
    }

    @Test func `of a nested transaction is undone alone, too`() throws {
        struct Refusal: Error {}
        try environment.write { transaction in
            try transaction.nested { child in
                try child.put("1", "child", in: table)
                try? child.nested { grandchild in
                    try grandchild.put("1", "grandchild", in: table)
                    throw Refusal()
                }
            }
        }
        #expect(try environment.read { try $0.entries(in: table) } == [["child".bytes, "1".bytes]])
    }
}
