import LMDB
import TestSupport
import Testing

@Suite struct `Keys and values` {
    let scratch = ScratchDirectory()
    let environment: Environment
    let table: Table

    init() throws {
        environment = try Environment.openForTest(scratch.store)
        table = try environment.table
    }

    @Test(arguments: [1, 2, 510, 511])
    func `with a key of a length that LMDB takes are kept`(length: Int) throws {
        let key = [UInt8](repeating: 0xFF, count: length)
        try environment.write { try $0.put("v".bytes, key, in: table) }
        #expect(try environment.read { try $0.value(key, in: table) } == "v".bytes)
        let found = try environment.read { transaction in
            try transaction.withCursor(in: table) { cursor throws in
                #expect(try cursor.move(toFirstNotLess: key.span))
                #expect(try cursor.move(to: key.span))
                return cursor.withEntry { key, _ in copy(key) }
            }
        }
        #expect(found == key)
        let wasThere = try environment.write { try $0.delete(key.span, in: table) }
        #expect(wasThere)
    }

    @Test(arguments: [0, 512, 513, 70_000])
    func `with a key of another length are refused, in every operation`(length: Int) throws {
        let key = [UInt8](repeating: 1, count: length)
        #expect(code { try environment.write { try $0.put([1], key, in: table) } } == .invalidKeyLength)
        let reserved = code {
            try environment.write { try $0.put(zeros: 1, key, in: table) }
        }
        #expect(reserved == .invalidKeyLength)
        #expect(code { _ = try environment.write { try $0.delete(key.span, in: table) } } == .invalidKeyLength)
        try environment.read { transaction in
            #expect(code { _ = try transaction.value(key, in: table) } == .invalidKeyLength)
            try transaction.withCursor(in: table) { cursor in
                #expect(code { _ = try cursor.move(to: key.span) } == .invalidKeyLength)
                #expect(code { _ = try cursor.move(toFirstNotLess: key.span) } == .invalidKeyLength)
            }
        }
    }

    @Test func `come back whole at every length, on the page, across pages and empty`() throws {
        let lengths = [0, 1, 7, 24, 2_000, 4_071, 4_072, 4_080, 4_081, 8_192, 100_000, 5_000_000]
        func value(_ length: Int) -> [UInt8] { (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ length) } }
        try environment.write { transaction in
            for length in lengths { try transaction.put(value(length), "\(length)".bytes, in: table) }
        }
        try environment.read { transaction throws in
            for length in lengths {
                #expect(try transaction.value("\(length)".bytes, in: table) == value(length), "\(length) bytes")
            }
        }
    }

    @Test func `lie unaligned in the map and are read all the same`() throws {
        // Keys of every length move the values behind them to every residue.
        let number: UInt64 = 0x0123_4567_89AB_CDEF
        let value = unsafe withUnsafeBytes(of: number.littleEndian) { unsafe Array($0) }
        try environment.write { transaction in
            for length in 1...16 { try transaction.put(value, [UInt8](repeating: 7, count: length), in: table) }
        }
        var residues: Set<Int> = []
        var matches = 0
        try environment.read { transaction in
            for length in 1...16 {
                let key = [UInt8](repeating: 7, count: length)
                try transaction.withValue(for: key.span, in: table) { span in
                    unsafe span.withUnsafeBytes { bytes in
                        residues.insert(Int(bitPattern: bytes.baseAddress) & 7)
                        let read = unsafe UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
                        if read == number { matches += 1 }
                    }
                }
            }
        }
        #expect(residues.count > 1)
        #expect(matches == 16)
    }

    @Test func `stay as they were for a reader while they are overwritten`() throws {
        try environment.write { transaction in
            for index in 0..<200 { try transaction.put("old", "\(index)", in: table) }
        }
        try environment.read { reader throws in
            for round in 0..<20 {
                // Another thread's writes: this one is inside a read.
                let done = Gate()
                startThread {
                    let failure = code {
                        try environment.write { transaction in
                            for index in 0..<200 { try transaction.put("new \(round)", "\(index)", in: table) }
                        }
                    }
                    #expect(failure == nil)
                    done.open()
                }
                done.wait()
                #expect(try reader.string("\(round)", in: table) == "old")
            }
            #expect(try reader.entries(in: table).allSatisfy { $0[1] == "old".bytes })
        }
        #expect(try environment.read { try $0.string("0", in: table) } == "new 19")
    }
}

@Suite struct `A cursor` {
    let scratch = ScratchDirectory()
    let environment: Environment
    let table: Table

    init() throws {
        environment = try Environment.openForTest(scratch.store)
        table = try environment.table
    }

    private func fill(_ keys: [String]) throws {
        try environment.write { transaction in
            for key in keys { try transaction.put(key.uppercased(), key, in: table) }
        }
    }

    private func key(_ cursor: borrowing Cursor) -> String {
        cursor.withEntry { key, _ in String(decoding: copy(key), as: UTF8.self) }
    }

    @Test func `visits every entry in both directions`() throws {
        let keys = (0..<3_000).map { "\($0)" }
        try fill(keys.shuffled())
        try environment.read { transaction throws in
            let sorted = keys.sorted().map { [$0.bytes, $0.bytes] }
            let (forward, backward) = (
                try transaction.entries(in: table), try transaction.entries(in: table, reversed: true)
            )
            #expect(forward == sorted)
            #expect(backward == sorted.reversed())
        }
    }

    @Test func `finds nothing in an empty table`() throws {
        try environment.read { transaction in
            try transaction.withCursor(in: table) { cursor throws in
                for move in [Cursor.Move.first, .last, .next, .previous] { #expect(try !cursor.move(move)) }
                #expect(try !cursor.move(toFirstNotLess: "a".bytes.span))
                #expect(try !cursor.move(to: "a".bytes.span))
            }
        }
    }

    @Test func `finds the edges of a range`() throws {
        try fill(["b", "d", "f"])
        try environment.read { transaction in
            try transaction.withCursor(in: table) { cursor throws in
                for (bound, expected) in [("a", "b"), ("b", "b"), ("c", "d"), ("d", "d"), ("dd", "f"), ("f", "f")] {
                    #expect(try cursor.move(toFirstNotLess: bound.bytes.span))
                    #expect(key(cursor) == expected, "from \(bound)")
                }
                #expect(try !cursor.move(toFirstNotLess: "g".bytes.span))
                #expect(try cursor.move(.last), "after the end, the last entry is still to be had")
                #expect(key(cursor) == "f")
                #expect(try !cursor.move(.next))
                #expect(try cursor.move(toFirstNotLess: "b".bytes.span))
                #expect(try !cursor.move(.previous))
            }
        }
    }

    @Test func `moves to a key only if it is there`() throws {
        try fill(["b", "d"])
        try environment.read { transaction in
            try transaction.withCursor(in: table) { cursor throws in
                #expect(try cursor.move(to: "d".bytes.span))
                #expect(cursor.withEntry { _, value in copy(value) } == "D".bytes)
                #expect(try !cursor.move(to: "c".bytes.span))
            }
        }
    }

    @Test func `of a writer sees what the transaction wrote`() throws {
        try fill(["a", "c"])
        try environment.write { transaction in
            try transaction.put("B", "b", in: table)
            #expect(try transaction.entries(in: table).map { $0[0] } == ["a".bytes, "b".bytes, "c".bytes])
        }
    }

    @Test func `removes the entry it stands on and goes on with the one behind it`() throws {
        let keys = (0..<2_000).map { String(10_000 + $0) }
        try fill(keys)
        try environment.write { transaction in
            try transaction.withMutableCursor(in: table) { transaction, cursor in
                var visited: [String] = []
                var found = try cursor.move(.first)
                while found {
                    let current = key(cursor)
                    visited.append(current)
                    if current.hasSuffix("7") { try transaction.deleteEntry(at: &cursor) }
                    found = try cursor.move(.next)
                }
                #expect(visited == keys)
            }
        }
        let left = try environment.read { try $0.entries(in: table).map { String(decoding: $0[0], as: UTF8.self) } }
        #expect(left == keys.filter { !$0.hasSuffix("7") })
    }

    @Test func `that removes where it stands nowhere poisons the transaction`() throws {
        #expect(
            code {
                try environment.write { transaction in
                    try transaction.put("1", "a", in: table)
                    try transaction.withMutableCursor(in: table) { transaction, cursor in
                        try? transaction.deleteEntry(at: &cursor)
                    }
                }
            } != nil)
        #expect(try environment.read { try $0.entries(in: table) } == [])
    }
}
