import Synchronization
import TestSupport
import Testing

@testable import LMDB

@Suite struct `What is remembered of a snapshot` {
    let scratch = ScratchDirectory()
    let environment: Environment
    let table: Table
    let owner: PointLookupOwner
    /// So many that the tree has three levels.
    private static let keyCount = 5_000

    init() throws {
        environment = try Environment.openForTest(scratch.store)
        table = try environment.table
        owner = PointLookupOwner(try PointLookup(of: table, named: "t", in: environment))
        try environment.write { transaction in
            for number in 0..<Self.keyCount { try transaction.put(zeros: 100, Self.key(number), in: table) }
        }
    }

    private static func key(_ number: Int) -> [UInt8] { "key \(number)".bytes }

    /// Sets the first key to the number of the transaction that does, which moves the root.
    private func commit() throws {
        try environment.write { try $0.put("\($0.id)", "key 0", in: table) }
    }

    /// Whether the first key has the value that belongs to the snapshot.
    private func isRight(_ transaction: borrowing ReadTransaction) throws -> Bool {
        let expected = "\(transaction.id)".bytes
        return try transaction.withValue(for: Self.key(0).span, in: owner.lookup) { copy($0) } == expected
    }

    /// The root and the depth that are remembered of a snapshot.
    private func remembered(_ snapshot: UInt64) -> [UInt64]? {
        owner.lookup.remembered(in: snapshot).map { [$0.root, UInt64($0.depth)] }
    }

    /// The root and the depth in a snapshot.
    private func found(_ transaction: borrowing ReadTransaction) -> [UInt64]? {
        unsafe owner.lookup.search(in: transaction.handle).map { [$0.root, UInt64($0.depth)] }
    }

    @Test func `is its tree, and is asked for once`() throws {
        try commit()
        try environment.read { transaction throws in
            let number = transaction.id
            #expect(remembered(number) == nil)
            #expect(try isRight(transaction))
            let tree = remembered(number)
            #expect(tree != nil && tree == found(transaction) && tree?.last == 3)
            #expect(remembered(number - 1) == nil && remembered(number + 1) == nil)
        }
    }

    @Test func `is not taken for what another is like that is read in turn`() throws {
        for _ in 0..<50 {
            try commit()
            try environment.read { older throws in
                #expect(try isRight(older))
                let committed = Gate()
                startThread {
                    try? commit()
                    committed.open()
                }
                committed.wait()
                for _ in 0..<3 {
                    try environment.read { newer throws in
                        #expect(newer.id == older.id + 1)
                        #expect(try isRight(newer))
                        #expect(try isRight(newer))
                    }
                    #expect(try isRight(older))
                    #expect(try isRight(older))
                }
            }
        }
    }

    @Test func `is not taken for what another is like that other threads read`() async throws {
        let isOver = Atomic<Bool>(false)
        let wrong = Atomic<Int>(0)
        let right = Atomic<Int>(0)
        try commit()
        try await inThreads(4) { thread in
            if thread == 0 {
                for _ in 0..<3_000 { try commit() }
                isOver.store(true, ordering: .relaxed)
                return
            }
            var random = SeededGenerator(seed: UInt64(thread))
            while !isOver.load(ordering: .relaxed) {
                try environment.read { transaction throws in
                    for _ in 0..<Int.random(in: 1...20, using: &random) {
                        if try isRight(transaction) {
                            right.add(1, ordering: .relaxed)
                        } else {
                            wrong.add(1, ordering: .relaxed)
                        }
                    }
                }
            }
        }
        #expect(wrong.load(ordering: .relaxed) == 0)
        #expect(right.load(ordering: .relaxed) > 1_000)
    }

    /// Two that are remembered in turn, by two threads, while others ask for each: only the version tells that one came and went.
    @Test func `is never part of one and part of another`() async throws {
        let tree = RecentTreeOwner()
        let isOver = Atomic<Bool>(false)
        let seen = Atomic<Int>(0)
        let mixed = Atomic<Int>(0)
        try await inThreads(4) { thread in
            let own = UInt64(thread % 2 + 1)
            if thread < 2 {
                for _ in 0..<3_000_000 { tree.remember(own) }
                isOver.store(true, ordering: .relaxed)
            } else {
                while !isOver.load(ordering: .relaxed) {
                    guard let found = tree.found(own) else { continue }
                    seen.add(1, ordering: .relaxed)
                    if found != [own, own, own, own] { mixed.add(1, ordering: .relaxed) }
                }
            }
        }
        #expect(mixed.load(ordering: .relaxed) == 0)
        #expect(seen.load(ordering: .relaxed) > 0)
    }

    @Test func `is not used where the map has moved since`() throws {
        try commit()
        for round in 1...20 {
            let number = try environment.read { transaction throws in
                #expect(try isRight(transaction))
                return transaction.id
            }
            // No commit: the snapshot is the same, and where it was mapped nothing is.
            try environment.limitMap(to: (1 << 30) + round << 20)
            try environment.read { transaction throws in
                #expect(transaction.id == number)
                #expect(remembered(number) == nil)
                #expect(try isRight(transaction))
            }
        }
    }

    @Test func `is not used where the environment was opened anew since`() throws {
        try commit()
        for _ in 0..<10 {
            try environment.read { transaction throws in #expect(try isRight(transaction)) }
            try environment.withWriterLock { writer in try writer.reopen() }
            try environment.read { transaction throws in
                #expect(remembered(transaction.id) == nil)
                #expect(try isRight(transaction))
            }
        }
    }
}

/// A remembered tree all of whose numbers are the same.
private final class RecentTreeOwner: Sendable {
    private let tree = RecentTree()

    func remember(_ number: UInt64) {
        let start = unsafe UnsafeRawPointer(bitPattern: UInt(number) << 12)!
        let pages = unsafe MappedPages(start: start, size: 4_096, count: number)
        tree.remember(TreeSearch(root: number, depth: Int(number), in: pages), in: number, map: 1)
    }

    /// What is remembered as the tree of a snapshot: the root, the depth, the number of pages, and where they lie.
    func found(_ number: UInt64) -> [UInt64]? {
        guard let search = tree.search(in: number, map: 1, pageSize: 4_096) else { return nil }
        return [search.root, UInt64(search.depth), search.pages.count, UInt64(search.pages.address >> 12)]
    }
}
