import Foundation
import Synchronization
import TestSupport
import Testing

@testable import LMDB

@Suite struct `The order of free pages` {
    let scratch = ScratchDirectory()

    private func list(_ entries: [[Int]]) -> FreePageList {
        var list = FreePageList(before: 100)
        for entry in entries { list.addEntry(entry) }
        return list
    }

    @Test func `is made by looking for the longest run, of which there need be but one`() {
        var order = FreePageOrder()
        let run1 = order.run(list([[1, 5, 9, 20], [6, 300, 301], [7, 40, 2]]), filePages: 300, mapPages: 1_000)
        #expect(run1 == 65)
        let quarter = Array(stride(from: 2, to: 400, by: 3))
        let run2 = order.run(list([quarter, [3, 4]]), filePages: 400, mapPages: 1_000)
        #expect(run2 == 4)
        #expect(order.isInOrder(from: 99))
        #expect(!order.isInOrder(from: 100))
    }

    @Test func `needs a quarter of the file free, by which it grows in steps, and no more than the map has room for`() {
        var order = FreePageOrder()
        let run3 = order.run(list([]), filePages: 40_000, mapPages: 1 << 30)
        #expect(run3 == 1_024)
        let run4 = order.run(list([Array(1...9_000)]), filePages: 40_000, mapPages: 1 << 30)
        #expect(run4 == 1_024)
        let run5 = order.run(list([[7, 9, 11]]), filePages: 400, mapPages: 400)
        #expect(run5 == nil)
        let run6 = order.run(list([[7, 8, 11]]), filePages: 400, mapPages: 400)
        #expect(run6 == 2)
    }

    @Test func `is left alone in a small file, and where so many pages are free that it would take long`() {
        var order = FreePageOrder()
        let run7 = order.run(list([[1, 2, 3]]), filePages: 100, mapPages: 1_000)
        #expect(run7 == nil)
        let due = (1...64).first { _ in order.isDue() }
        #expect(due == 32)
        let many = list([Array(0...FreePageOrder.mostFreePages)])
        let run8 = order.run(many, filePages: 1 << 20, mapPages: 1 << 21)
        #expect(run8 == nil)
    }

    @Test func `is made in parts where LMDB would not look through the whole list`() {
        var order = FreePageOrder()
        // A run of two within 120 entries and one of three over all.
        let entries = (0..<300).map { [$0 * 4] } + [[9], [10]]
        let run = order.run(list([[5]] + entries), filePages: 1_000, mapPages: 1_000)
        #expect(run == 2)
        #expect(!order.isInOrder(from: 1))
        let isDue = order.isDue()
        #expect(isDue)
        let scattered = (0..<3_000).map { [$0 * 4] } + [[5], [6]]
        let run9 = order.run(list(scattered), filePages: 10_000, mapPages: 10_000)
        #expect(run9 == nil)
    }

    @Test func `is not made in parts without end`() {
        var order = FreePageOrder()
        let list = list([[5]] + (0..<300).map { [$0 * 4] } + [[9], [10]])
        let parts = (0..<20).prefix { _ in order.run(list, filePages: 1_000, mapPages: 1_000) != nil }.count
        #expect(parts == 8)
        let isDue = order.isDue()
        #expect(!isDue)
    }

    /// The mean length of the runs of pages that commits of 64 keys take, after a while.
    private func meanRun(_ name: String, begin: (borrowing Writer) throws -> WriteTransaction) throws -> Double {
        let path = scratch.store + name
        let environment = try Environment.open(at: path, options: .init(flushing: .dataOnly)) {
            _ = try $0.createTable("t")
        }
        let table = try environment.table
        var random = SeededGenerator(seed: 1)
        let value = [UInt8](repeating: 7, count: 200)
        var (taken, runs) = (0, 0)
        for round in 0..<260 {
            let keys = (0..<64).map { _ in
                let number = Int.random(in: 0..<20_000, using: &random)
                return [UInt8(number >> 8), UInt8(number & 255), 1, 2]
            }
            let before = try freePages(of: environment)
            try environment.withWriterLock { writer in
                var transaction = try begin(writer)
                for key in round == 0 ? (0..<20_000).map({ [UInt8($0 >> 8), UInt8($0 & 255), 1, 2] }) : keys {
                    try transaction.put(value.span, for: key.span, in: table)
                }
                try writer.commit(transaction)
            }
            guard round >= 200 else { continue }
            let used = before.subtracting(try freePages(of: environment)).sorted()
            taken += used.count
            runs += zip(used, used.dropFirst()).count { $0 + 1 != $1 } + 1
        }
        #expect(taken > 60 * 64)
        #expect(try environment.read { try $0.entries(in: table).count } == 20_000)
        try environment.close()
        return Double(taken) / Double(runs)
    }

    private func freePages(of environment: Environment) throws -> Set<Int> {
        var pages: Set<Int> = []
        try environment.read { try $0.forEachFreePage { page, _ in pages.insert(page) } }
        return pages
    }

    @Test func `has commits write pages side by side, which they do not without it`() throws {
        let ordered = try meanRun("-ordered") { try $0.beginInOrder() }
        let unordered = try meanRun("-unordered") { try $0.begin() }
        #expect(unordered < 1.1)
        #expect(ordered > 1.15, "\(ordered) and \(unordered)")
    }

    private final class Flags: Sendable {
        let isReading = Atomic<Bool>(false)
        let isOver = Atomic<Bool>(false)
    }

    /// The pages of a file that 200 commits have changed while a reader kept all that they freed.
    private func pagesBesideReader(
        _ name: String, begin: (borrowing Writer) throws -> WriteTransaction
    ) async throws -> Int {
        let environment = try Environment.open(at: scratch.store + name, options: .init(flushing: .dataOnly)) {
            _ = try $0.createTable("t")
        }
        let table = try environment.table
        let value = [UInt8](repeating: 7, count: 200)
        func commit(_ keys: some Sequence<Int>) throws {
            try environment.withWriterLock { writer in
                var transaction = try begin(writer)
                for key in keys {
                    try transaction.put(value.span, for: [UInt8(key >> 8), UInt8(key & 255)].span, in: table)
                }
                try writer.commit(transaction)
            }
        }
        try commit(0..<20_000)
        let flags = Flags()
        async let reading: Void = inThread {
            try environment.read { _ in
                flags.isReading.store(true, ordering: .releasing)
                while !flags.isOver.load(ordering: .acquiring) { usleep(1_000) }
            }
        }
        while !flags.isReading.load(ordering: .acquiring) { try await Task.sleep(for: .milliseconds(1)) }
        var random = SeededGenerator(seed: 2)
        for _ in 0..<200 { try commit((0..<64).map { _ in Int.random(in: 0..<20_000, using: &random) }) }
        flags.isOver.store(true, ordering: .releasing)
        try await reading
        let information = try environment.information()
        try environment.close()
        return information.usedBytes / information.pageSize
    }

    @Test func `lets the file grow hardly more than it must while a reader keeps pages from being used`() async throws {
        let ordered = try await pagesBesideReader("-ordered") { try $0.beginInOrder() }
        let unordered = try await pagesBesideReader("-unordered") { try $0.begin() }
        #expect(unordered > 200 * 60)
        #expect(ordered < unordered * 5 / 4, "\(ordered) and \(unordered)")
    }
}
