import LMDB
import TestSupport
import Testing

@Suite struct `Free pages` {
    let scratch = ScratchDirectory()
    let environment: Environment
    let table: Table

    init() throws {
        environment = try Environment.openForTest(scratch.store, mapSize: 4 << 20)
        table = try environment.table
        // A page each, and every third of them free.
        try environment.write { transaction in
            for number in 0..<300 { try transaction.put(value.span, for: key(number).span, in: table) }
        }
        for number in stride(from: 0, to: 300, by: 3) {
            _ = try environment.write { try $0.delete(key(number).span, in: table) }
        }
    }

    private let value = [UInt8](repeating: 1, count: 3_000)

    private func key(_ number: Int) -> [UInt8] { [UInt8(number >> 8), UInt8(number & 255)] }

    private func freePages() throws -> (usable: [Int], others: [Int]) {
        var (usable, others): ([Int], [Int]) = ([], [])
        try environment.read { transaction in
            try transaction.forEachFreePage { page, isUsable in
                if isUsable { usable.append(page) } else { others.append(page) }
            }
        }
        return (usable.sorted(), others.sorted())
    }

    private func page(of number: Int) throws -> Int? {
        let pageSize = try environment.information().pageSize
        return try environment.read { transaction in
            try transaction.withCursor(in: table) { cursor -> Int? in
                guard try cursor.move(.first) else { return nil }
                repeat {
                    let isIt = cursor.withEntry { found, _ in found.indices.map { found[$0] } == key(number) }
                    if isIt { return cursor.location(pageSize: pageSize).value?.lowerBound }
                } while try cursor.move(.next)
                return nil
            }
        }
    }

    @Test func `of the last commit are not usable yet`() throws {
        let before = try freePages()
        #expect(!before.usable.isEmpty && !before.others.isEmpty)
        _ = try environment.write { try $0.delete(key(1).span, in: table) }
        let after = try freePages()
        #expect(before.others.allSatisfy { after.usable.contains($0) || !after.others.contains($0) })
    }

    @Test func `that were visited are still free, and the first of them in the file is taken next`() throws {
        let free = try freePages().usable
        try environment.write { transaction in
            try transaction.visitFreePages(free.count - 8)
            try transaction.put(value.span, for: key(1_000).span, in: table)
        }
        let taken = try #require(try page(of: 1_000))
        let before = free.filter { $0 < taken }
        // A few went to the pages above.
        #expect(before.count < 8)
        let left = try freePages()
        #expect(left.usable.count + left.others.count >= free.count - 8)
        #expect(try environment.read { try $0.entries(in: table).count } == 201)
    }

    @Test func `that are not there cannot be visited, and the transaction is of no use then`() throws {
        let information = try environment.information()
        let all = information.mapSize / information.pageSize
        try environment.withWriterLock { writer in
            var transaction = try writer.begin()
            #expect(code { try transaction.visitFreePages(all) } == .mapFull)
            transaction.abort()
        }
        try environment.withWriterLock { writer in
            var transaction = try writer.begin()
            #expect(code { try transaction.visitRun(ofBytes: information.mapSize) } == .mapFull)
            transaction.abort()
        }
        #expect(try environment.read { try $0.entries(in: table).count } == 200)
    }

    @Test func `in a row that were visited are still free and in a row, while others are used`() throws {
        let long = [UInt8](repeating: 2, count: 300_000)
        try environment.write { try $0.put(long.span, for: key(3_000).span, in: table) }
        _ = try environment.write { try $0.delete(key(3_000).span, in: table) }
        // What a commit frees is used by the commit after the next.
        try environment.write { try $0.put(value.span, for: key(400).span, in: table) }
        let fileBytes = try environment.information().usedBytes
        try environment.write { transaction in
            try transaction.visitRun(ofBytes: long.count)
            for number in 0..<10 { try transaction.put(value.span, for: key(2_000 + number).span, in: table) }
            try transaction.put(long.span, for: key(3_000).span, in: table)
        }
        #expect(try environment.information().usedBytes == fileBytes)
        #expect(try environment.read { try $0.value(key(3_000), in: table) } == long)
    }

    @Test func `may lie behind the end of the file, where they are no damage and are used in time`() throws {
        try environment.write { transaction in
            try transaction.visitRun(ofBytes: 400_000)
            try transaction.put(value.span, for: key(1_000).span, in: table)
        }
        let length = try FileSystem.size(of: scratch.store + "/data.mdb").length
        #expect(length < (try environment.information().usedBytes))
        let verification = try FileVerification.run(environment) { _, _, _ in }
        #expect(verification.problems.isEmpty)
        #expect(verification.lostPages == 0)
        for number in 2_000..<2_200 {
            try environment.write { try $0.put(value.span, for: key(number).span, in: table) }
        }
        #expect(try FileVerification.run(environment) { _, _, _ in }.problems.isEmpty)
        #expect(try environment.read { try $0.entries(in: table).count } == 401)
    }
}
