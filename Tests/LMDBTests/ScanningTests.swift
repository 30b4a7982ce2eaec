import Foundation
import TestSupport
import Testing

@testable import LMDB

@Suite struct `A scan of a table` {
    let scratch = ScratchDirectory()
    let environment: Environment
    let table: Table

    init() throws {
        environment = try Environment.openForTest(scratch.store)
        table = try environment.table
    }

    /// What of a table is under test: how many entries, and which size each value has.
    enum Contents: String, CaseIterable {
        case one, onePage, manyPages, longKeys, emptyValues, longValues, someLongValues

        var sizes: [Int] {
            switch self {
            case .one: [100]
            case .onePage: Array(repeating: 100, count: 20)
            case .manyPages: (0..<3_000).map { $0 % 300 }
            case .longKeys: Array(repeating: 50, count: 200)
            case .emptyValues: Array(repeating: 0, count: 2_000)
            case .longValues: Array(repeating: 5_000, count: 300)
            case .someLongValues: (0..<3_000).map { $0 / 50 % 3 == 0 && $0 % 7 == 0 ? 3_000 : 60 }
            }
        }

        func key(_ index: Int) -> [UInt8] {
            let digits = String(100_000 + index).bytes
            return self == .longKeys ? digits + [UInt8](repeating: 7, count: 500) : digits
        }
    }

    func fill(_ contents: Contents) throws {
        try environment.write { transaction in
            // In no order, so that the entries of a page lie in another one than that of their keys.
            for index in contents.sizes.indices.sorted(by: { ($0 * 7_919) % 10_007 < ($1 * 7_919) % 10_007 }) {
                let value = [UInt8](repeating: UInt8(truncatingIfNeeded: index), count: contents.sizes[index])
                try transaction.put(value, contents.key(index), in: table)
            }
        }
    }

    func visited(
        _ move: Cursor.Move, from key: [UInt8]?, limit: Int = .max,
        in transaction: borrowing some ReadableTransaction & ~Copyable
    ) throws -> [[[UInt8]]] {
        try transaction.withCursor(in: table) { cursor in
            var entries: [[[UInt8]]] = []
            let isThere =
                if let key { try cursor.move(to: key.span) } else { try cursor.move(move == .next ? .first : .last) }
            guard isThere else { return entries }
            try cursor.forEach(move) { key, value in
                entries.append([copy(key), copy(value)])
                return entries.count < limit
            }
            return entries
        }
    }

    @Test(arguments: Contents.allCases)
    func `sees what single steps see, in both directions, from any entry on`(contents: Contents) throws {
        try fill(contents)
        try environment.read { transaction in
            let all = try transaction.entries(in: table)
            #expect(all.count == contents.sizes.count)
            #expect(try visited(.next, from: nil, in: transaction) == all)
            #expect(try visited(.previous, from: nil, in: transaction) == all.reversed())
            for start in stride(from: 0, to: all.count, by: max(1, all.count / 60)) {
                let key = all[start][0]
                #expect(try visited(.next, from: key, in: transaction) == Array(all[start...]))
                #expect(try visited(.previous, from: key, in: transaction) == all[...start].reversed())
                #expect(try visited(.next, from: key, limit: 3, in: transaction) == Array(all[start...].prefix(3)))
            }
        }
    }

    @Test(arguments: Contents.allCases)
    func `of a writing transaction sees what that has written`(contents: Contents) throws {
        try fill(contents)
        try environment.write { transaction in
            for index in contents.sizes.indices where index % 2 == 0 {
                try transaction.put("new", String(100_000 + index), in: table)
            }
            let all = try transaction.entries(in: table)
            #expect(try visited(.next, from: nil, in: transaction) == all)
            #expect(try visited(.previous, from: nil, in: transaction) == all.reversed())
        }
    }

    @Test func `ends with the error of its closure`() throws {
        struct Stop: Error {}
        try fill(.manyPages)
        var seen = 0
        #expect(throws: Stop.self) {
            try environment.read { transaction in
                try transaction.withCursor(in: table) { cursor in
                    _ = try cursor.move(.first)
                    try cursor.forEach(.next) { _, _ in
                        seen += 1
                        if seen == 1_000 { throw Stop() }
                        return true
                    }
                }
            }
        }
        #expect(seen == 1_000)
    }

    /// Forward LMDB finds no way out of such a page; backward it takes the entries as they lie.
    @Test(arguments: [Cursor.Move.next, .previous])
    func `comes to an end where the keys of a page are in no order`(move: Cursor.Move) throws {
        try fill(.manyPages)
        try environment.close()
        let path = scratch.store + "/data.mdb"
        var bytes = try Data(contentsOf: URL(filePath: path))
        for page in stride(from: 0, to: bytes.count, by: 4_096) where bytes[page + 10] == 2 {
            let last = page + Int(bytes[page + 12]) + Int(bytes[page + 13]) << 8 - 2
            for byte in 0..<2 { bytes.swapAt(page + 16 + byte, last + byte) }
        }
        try bytes.write(to: URL(filePath: path))
        let damaged = try Environment.openForTest(scratch.store)
        let table = try damaged.table
        let code = code {
            try damaged.read { transaction in
                try transaction.withCursor(in: table) { cursor in
                    _ = try cursor.move(move == .next ? .first : .last)
                    try cursor.forEach(move) { _, _ in true }
                }
            }
        }
        #expect(code == (move == .next ? .corrupted : nil))
    }
}

@Suite struct `A leaf page` {
    /// A page with one entry for each of `sizes`, as LMDB lays it out, at a multiple of its size.
    @safe
    final class Bytes {
        static let size = 4_096
        let start = UnsafeMutableRawPointer.allocate(byteCount: Bytes.size, alignment: Bytes.size)
        private(set) var keys: [Int] = []

        init(_ sizes: [Int]) {
            unsafe start.initializeMemory(as: UInt8.self, repeating: 0, count: Self.size)
            var upper = Self.size
            for (index, size) in sizes.enumerated() {
                upper -= (8 + 4 + size + 1) & ~1
                set(upper, at: 16 + 2 * index)
                set(size, at: upper)
                set(4, at: upper + 6)
                keys.append(upper + 8)
            }
            set(2, at: 10)
            set(16 + 2 * sizes.count, at: 12)
            set(upper, at: 14)
        }

        deinit { unsafe start.deallocate() }

        func set(_ number: Int, at offset: Int) {
            unsafe start.storeBytes(of: UInt16(number), toByteOffset: offset, as: UInt16.self)
        }

        var page: LeafPage? { unsafe LeafPage(of: key(0), size: Self.size) }

        func key(_ index: Int) -> UnsafePointer<UInt8> {
            unsafe UnsafePointer((start + keys[index]).assumingMemoryBound(to: UInt8.self))
        }
    }

    @Test func `has its entries in place`() throws {
        let bytes = Bytes([10, 0, 1_000])
        let page = try #require(bytes.page)
        #expect(page.count == 3)
        for index in 0..<3 {
            #expect(unsafe page.index(ofKeyAt: bytes.key(index)) == index)
            let counts: [Int] = page.withEntry(index) { key, value in [key.count, value.count] }
            #expect(counts == [4, [10, 0, 1_000][index]])
        }
        #expect(unsafe page.index(ofKeyAt: bytes.key(0) + 1) == nil)
    }

    /// What in a page, of three entries, may be damaged or of another kind.
    enum Change: CaseIterable {
        case branch, dirty, lowerTooLow, lowerBeyondUpper, upperBeyondEnd, entryBeforeUpper, entryAtEnd, longValue,
            valueBeyondEnd, keyBeyondEnd
    }

    @Test(arguments: Change.allCases)
    func `is none if anything in it would lead elsewhere`(change: Change) {
        let bytes = Bytes([10, 20, 30])
        let node = bytes.keys[1] - 8
        switch change {
        case .branch: bytes.set(1, at: 10)
        case .dirty: bytes.set(0x12, at: 10)
        case .lowerTooLow: bytes.set(8, at: 12)
        case .lowerBeyondUpper: bytes.set(4_090, at: 12)
        case .upperBeyondEnd: bytes.set(4_098, at: 14)
        case .entryBeforeUpper: bytes.set(40, at: 18)
        case .entryAtEnd: bytes.set(4_092, at: 18)
        case .longValue: bytes.set(1, at: node + 4)
        case .valueBeyondEnd: bytes.set(1, at: node + 2)
        case .keyBeyondEnd: bytes.set(4_096, at: node + 6)
        }
        #expect(bytes.page == nil)
    }
}
