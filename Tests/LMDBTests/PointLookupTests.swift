import Foundation
import TestSupport
import Testing

@testable import LMDB

/// What a table holds that is looked up: the keys' lengths, what they begin with, and the values' sizes.
struct LookupContents: Sendable, CustomTestStringConvertible {
    var count: Int
    var keys: ClosedRange<Int>
    /// Bytes that all keys begin with.
    var shared = 0
    /// How many different bytes a key is made of.
    var letters = 256
    var values: ClosedRange<Int> = 0...100

    static let all = [
        Self(count: 0, keys: 1...8), Self(count: 1, keys: 8...8), Self(count: 20, keys: 1...16),
        Self(count: 2_000, keys: 1...3, letters: 4), Self(count: 20_000, keys: 16...16),
        Self(count: 5_000, keys: 4...30, shared: 12, letters: 3), Self(count: 800, keys: 400...500, letters: 2),
        Self(count: 300, keys: 8...20, values: 1_900...6_000),
        Self(count: 40, keys: 7...9, letters: 2, values: 0...200_000),
    ]

    var testDescription: String { "\(count) keys of \(shared) + \(keys) bytes of \(letters), values of \(values)" }

    func key(_ random: inout SeededGenerator) -> [UInt8] {
        let length = Int.random(in: keys, using: &random)
        return [UInt8](repeating: 0x61, count: shared)
            + (0..<length).map { _ in UInt8(256 / letters * Int.random(in: 0..<letters, using: &random)) }
    }
}

/// The pages of a file, in memory of the test's own behind which nothing can be read, and the record of its table `t`.
@safe
private final class FileCopy {
    let bytes: UnsafeMutableRawBufferPointer
    let record: Int
    static let pageSize = 4_096
    /// Behind the copy.
    private static let guardSize = 1 << 16

    init(_ path: String) throws {
        let data = try Data(contentsOf: URL(filePath: path))
        let size = data.count + Self.guardSize
        let address = unsafe mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0)
        let start = try unsafe #require(address != MAP_FAILED ? address : nil)
        try unsafe #require(mprotect(start + data.count, Self.guardSize, PROT_NONE) == 0)
        let bytes = unsafe UnsafeMutableRawBufferPointer(start: start, count: data.count)
        unsafe bytes.copyBytes(from: data)
        unsafe self.bytes = bytes
        record = try Self.record(in: data)
    }

    /// Where the record begins.
    private static func record(in data: Data) throws -> Int {
        let start = try Int(mainRoot(of: data)) * pageSize
        let node = try #require(Page(bytes: Array(data[start..<start + pageSize])).node(0))
        return start + node.offset + Page.Node.headerSize + node.keySize
    }

    /// The root of the table of tables.
    static func mainRoot(of data: Data) throws -> UInt64 {
        let metas = [0, 1].compactMap { number in
            Meta(Page(bytes: Array(data[number * pageSize..<(number + 1) * pageSize])))
        }
        return try #require(metas.max { $0.transactionID < $1.transactionID }?.main.root)
    }

    deinit { unsafe munmap(bytes.baseAddress, bytes.count + Self.guardSize) }

    var count: Int { unsafe bytes.count / Self.pageSize }

    func search() -> TreeSearch? {
        let start = unsafe UnsafeRawPointer(bytes.baseAddress!)
        return unsafe TreeSearch(
            ofRecord: start + record, in: MappedPages(start: start, size: Self.pageSize, count: UInt64(count)))
    }

    /// What the search finds: the value, nil for nothing, and whether it decided.
    func find(_ key: [UInt8]) throws -> (value: [UInt8]?, isDecided: Bool) {
        guard let search = search() else { return (nil, false) }
        return unsafe try key.withUnsafeBytes { key in
            switch unsafe search.find(key) {
            case .absent: return (nil, true)
            case .undecided: return (nil, false)
            case .value(let start, let count):
                let value = unsafe UnsafeRawBufferPointer(start: start, count: count)
                let isInside =
                    unsafe value.baseAddress! >= UnsafeRawPointer(bytes.baseAddress!)
                    && value.baseAddress! + count <= UnsafeRawPointer(bytes.baseAddress! + bytes.count)
                try #require(isInside)
                return unsafe (Array(value), true)
            }
        }
    }
}

@Suite struct `A lookup by pages` {
    let scratch = ScratchDirectory()
    let environment: Environment
    let table: Table

    init() throws {
        environment = try Environment.openForTest(scratch.store)
        table = try environment.table
    }

    /// Fills the table, and changes and removes some; returns the keys that were there at any time.
    func fill(_ contents: LookupContents, _ random: inout SeededGenerator) throws -> [[UInt8]] {
        let keys = (0..<contents.count).map { _ in contents.key(&random) }
        try environment.write { transaction in
            for key in keys {
                try transaction.put(zeros: Int.random(in: contents.values, using: &random), key, in: table)
            }
        }
        try environment.write { transaction in
            for key in keys where Int.random(in: 0..<3, using: &random) == 0 {
                if Bool.random(using: &random) {
                    _ = try transaction.delete(key.span, in: table)
                } else {
                    try transaction.put([UInt8(key.count & 255), 7], key, in: table)
                }
            }
        }
        return keys
    }

    @Test(arguments: LookupContents.all, [1, 2, 3])
    func `finds what LMDB finds, without it`(contents: LookupContents, seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var keys = try fill(contents, &random)
        for key in keys.prefix(500) {
            keys.append(key + [0])
            keys.append(Array(key.dropLast()) + [key.last! &+ 1])
            if key.count > 1 { keys.append(Array(key.dropLast())) }
        }
        for _ in 0..<200 { keys.append(contents.key(&random)) }
        keys += [[0], [255], [UInt8](repeating: 255, count: 511)]
        let lookup = try PointLookup(of: table, named: "t", in: environment)
        try environment.read { transaction throws in
            let search = try #require(unsafe lookup.search(in: transaction.handle))
            for key in keys where key.count <= Environment.maximumKeyLength {
                let expected = try transaction.value(key, in: table)
                #expect(try transaction.withValue(for: key.span, in: lookup) { copy($0) } == expected)
                let isDecided = unsafe key.withUnsafeBytes { key in
                    if case .undecided = unsafe search.find(key) { false } else { true }
                }
                #expect(isDecided)
            }
        }
    }

    @Test func `in a writing transaction sees what that has written`() throws {
        try environment.write { try $0.put("old", "a", in: table) }
        let lookup = try PointLookup(of: table, named: "t", in: environment)
        try environment.write { transaction in
            try transaction.put("new", "a", in: table)
            #expect(try transaction.withValue(for: "a".bytes.span, in: lookup) { copy($0) } == "new".bytes)
        }
    }

    @Test func `goes on finding while the map moves and the environment is opened anew`() throws {
        let scratch = ScratchDirectory()
        let environment = try Environment.openForTest(scratch.store, mapSize: 1 << 18)
        let table = try environment.table
        let lookup = try PointLookup(of: table, named: "t", in: environment)
        for round in 0..<400 {
            try environment.write { try $0.put(zeros: 3_000, "\(round)".bytes, in: table) }
            if round % 100 == 50 { try environment.withWriterLock { writer in try writer.reopen() } }
            for key in ["0", "\(round)"] {
                #expect(
                    try environment.read { try $0.withValue(for: key.bytes.span, in: lookup) { $0.count } } == 3_000)
            }
        }
        #expect(try environment.information().mapSize > 1 << 20)
    }

    @Test func `refuses a key of a bad length, and leaves it to LMDB where no table has the name`() throws {
        let lookup = try PointLookup(of: table, named: "t", in: environment)
        try environment.read { transaction in
            for key in [[], [UInt8](repeating: 1, count: 512)] {
                #expect(
                    code { _ = try transaction.withValue(for: key.span, in: lookup) { $0.count } } == .invalidKeyLength)
            }
        }
        let other = PointLookupOwner(try PointLookup(of: table, named: "absent", in: environment))
        try environment.write { try $0.put("1", "a", in: table) }
        // It is LMDB that answers, by the table's handle.
        try environment.read { transaction throws in
            #expect(unsafe other.lookup.search(in: transaction.handle) == nil)
            #expect(try transaction.withValue(for: "a".bytes.span, in: other.lookup) { copy($0) } == "1".bytes)
        }
    }

    /// What in the file may be damaged. LMDB is not asked then: it may fault.
    enum Damage: CaseIterable {
        case rootNumber, rootBeyondEnd, depth, keysOfAnotherKind, pageNumber, pageKind, lowerBound, nodeOffset, keySize,
            childNumber, firstChildOffset, valueSize, longValuePage, longValueSize
    }

    @Test(arguments: Damage.allCases)
    func `is undecided where something is not as it is to be`(damage: Damage) throws {
        let contents = LookupContents(count: 3_000, keys: 16...16)
        var random = SeededGenerator(seed: 9)
        let keys = try fill(contents, &random)
        let long = [UInt8](repeating: 255, count: 20)
        try environment.write { try $0.put(zeros: 10_000, long, in: table) }
        try environment.close()
        let file = try FileCopy(scratch.store + "/data.mdb")
        #expect(try file.find(long).value?.count == 10_000)
        #expect(try file.find(keys[0]).isDecided)
        let bytes = unsafe file.bytes
        func set<Value: FixedWidthInteger>(_ value: Value, at offset: Int) {
            unsafe bytes.storeBytes(of: value, toByteOffset: offset, as: Value.self)
        }
        /// Where the pages of a kind begin.
        func pages(_ flags: UInt16) -> [Int] {
            stride(from: 2 * FileCopy.pageSize, to: file.count * FileCopy.pageSize, by: FileCopy.pageSize).filter {
                unsafe bytes.loadUnaligned(fromByteOffset: $0 + 10, as: UInt16.self) == flags
            }
        }
        /// Where the nodes of pages of a kind begin.
        func nodes(_ flags: UInt16) -> [Int] {
            pages(flags).flatMap { page in
                let lower = unsafe Int(bytes.loadUnaligned(fromByteOffset: page + 12, as: UInt16.self))
                return stride(from: 16, to: lower, by: 2).map {
                    unsafe page + Int(bytes.loadUnaligned(fromByteOffset: page + $0, as: UInt16.self))
                }
            }
        }
        var sought = keys[0]
        switch damage {
        case .rootNumber: set(UInt64(1), at: file.record + 40)
        case .rootBeyondEnd: set(UInt64(file.count), at: file.record + 40)
        case .depth: set(UInt16(1), at: file.record + 6)
        case .keysOfAnotherKind: set(UInt16(2), at: file.record + 4)
        case .pageNumber: for page in pages(2) { set(UInt64(3), at: page) }
        case .pageKind: for page in pages(2) { set(UInt16(0x22), at: page + 10) }
        case .lowerBound: for page in pages(2) { set(UInt16(5_000), at: page + 12) }
        case .nodeOffset:
            for page in pages(2) {
                for offset in stride(from: 16, to: 80, by: 2) { set(UInt16(4_090), at: page + offset) }
            }
        case .keySize: for node in nodes(2) { set(UInt16(4_000), at: node + 6) }
        case .childNumber: for node in nodes(1) { set(UInt32(file.count), at: node) }
        case .firstChildOffset:
            for page in pages(1) { set(UInt16(4_090), at: page + 16) }
            sought = [0]
        case .valueSize: for node in nodes(2) { set(UInt32(4_096), at: node) }
        case .longValuePage:
            for page in pages(4) { set(UInt16(2), at: page + 10) }
            sought = long
        case .longValueSize:
            for node in nodes(2) { set(UInt32(0xFFFF_FFFF), at: node) }
            sought = long
        }
        let keysThere = damage == .valueSize ? try presentKeys(keys) : [sought]
        for key in keysThere { #expect(try file.find(key).isDecided == false) }
    }

    /// The page of the table's record says another number, so that the map seems to begin elsewhere: at the second page, at what cannot be read, or at nothing.
    @Test func `leaves it to LMDB where a page's number leads to another beginning of the map`() throws {
        try environment.write { try $0.put("v", "k", in: table) }
        try environment.close()
        let path = scratch.store + "/data.mdb"
        let whole = try Data(contentsOf: URL(filePath: path))
        let root = try Int(FileCopy.mainRoot(of: whole))
        for change in [-1, 1, 2] {
            var bytes = whole
            bytes[root * FileCopy.pageSize] = UInt8(root + change)
            try bytes.write(to: URL(filePath: path))
            let damaged = try Environment.openForTest(scratch.store)
            let table = try damaged.table
            let lookup = try PointLookup(of: table, named: "t", in: damaged)
            try damaged.read { transaction throws in
                #expect(unsafe lookup.search(in: transaction.handle) == nil)
                #expect(try transaction.withValue(for: "k".bytes.span, in: lookup) { copy($0) } == "v".bytes)
            }
            try damaged.close()
        }
    }

    /// Those of the keys that the closed file has.
    private func presentKeys(_ keys: [[UInt8]]) throws -> [[UInt8]] {
        let environment = try Environment.openForTest(scratch.store)
        let table = try environment.table
        return try environment.read { transaction throws in
            try keys.prefix(20).filter { try transaction.value($0, in: table) != nil }
        }
    }

    @Test(arguments: 1...4)
    func `stays inside the file whatever bytes are broken`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var keys = try fill(.init(count: 400, keys: 1...30, values: 0...3_000), &random)
        keys.append([UInt8](repeating: 255, count: 20))
        try environment.write { try $0.put(zeros: 10_000, keys.last!, in: table) }
        try environment.close()
        let file = try FileCopy(scratch.store + "/data.mdb")
        var undecided = 0
        for _ in 0..<3_000 {
            // Mostly in the headers of pages and the offsets of nodes, which lead elsewhere.
            let page = Int.random(in: 0..<file.count, using: &random) * FileCopy.pageSize
            let offset =
                page + Int.random(in: 0..<[64, FileCopy.pageSize].randomElement(using: &random)!, using: &random)
            let before = unsafe file.bytes[offset]
            unsafe file.bytes[offset] = UInt8.random(in: 0...255, using: &random)
            for _ in 0..<20 {
                if try !file.find(keys.randomElement(using: &random)!).isDecided { undecided += 1 }
            }
            // Damage adds up, to some degree.
            if Int.random(in: 0..<3, using: &random) > 0 { unsafe file.bytes[offset] = before }
        }
        #expect(undecided > 100)
    }
}

/// Holds a lookup for a closure.
final class PointLookupOwner: Sendable {
    let lookup: PointLookup
    init(_ lookup: consuming PointLookup) { self.lookup = lookup }
}
