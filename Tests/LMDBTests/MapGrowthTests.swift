import LMDB
import Synchronization
import TestSupport
import Testing

@Suite struct `A map that is too small` {
    let scratch = ScratchDirectory()

    private func value(_ index: Int, _ length: Int = 60_000) -> [UInt8] {
        [UInt8](repeating: UInt8(truncatingIfNeeded: index), count: length)
    }

    @Test func `grows as often as the writes need it`() throws {
        let environment = try Environment.openForTest(scratch.store, mapSize: 1 << 17)
        let table = try environment.table
        for index in 0..<100 { try environment.write { try $0.put(value(index), "\(index)".bytes, in: table) } }
        #expect(try environment.information().mapSize >= 100 * 60_000)
        try environment.read { transaction throws in
            for index in 0..<100 { #expect(try transaction.value("\(index)".bytes, in: table) == value(index)) }
        }
    }

    @Test func `grows for one transaction that is many times its size, and runs it again from the start`() throws {
        let environment = try Environment.openForTest(scratch.store, mapSize: 1 << 17)
        let table = try environment.table
        var runs = 0
        try environment.write { transaction in
            runs += 1
            #expect(try transaction.entries(in: table) == [])
            for index in 0..<50 { try transaction.put(value(index), "\(index)".bytes, in: table) }
        }
        #expect(runs > 1)
        #expect(try environment.read { try $0.statistics(of: table).entries } == 50)
    }

    @Test func `grows although the body swallows the error`() throws {
        let environment = try Environment.openForTest(scratch.store, mapSize: 1 << 17)
        let table = try environment.table
        try environment.write { transaction in
            try? transaction.put(value(1, 1_000_000), "large".bytes, in: table)
            try? transaction.put("1", "small", in: table)
        }
        try environment.read { transaction throws in
            #expect(try transaction.value("large".bytes, in: table)?.count == 1_000_000)
            #expect(try transaction.string("small", in: table) == "1")
        }
    }

    @Test func `grows for a nested transaction`() throws {
        let environment = try Environment.openForTest(scratch.store, mapSize: 1 << 17)
        let table = try environment.table
        try environment.write { try $0.nested { try $0.put(value(1, 1_000_000), "large".bytes, in: table) } }
        #expect(try environment.read { try $0.value("large".bytes, in: table)?.count } == 1_000_000)
    }

    @Test func `grows for what is written with a new table`() throws {
        let environment = try Environment.openForTest(scratch.store, mapSize: 1 << 17)
        let table = try environment.writeTables { transaction in
            let table = try transaction.createTable("large")
            try transaction.put(value(1, 1_000_000), "a".bytes, in: table)
            return table
        }
        #expect(try environment.read { try $0.value("a".bytes, in: table)?.count } == 1_000_000)
    }

    @Test func `grows while readers read, and none of them sees anything but a whole commit`() async throws {
        let environment = try Environment.openForTest(scratch.store, mapSize: 1 << 17)
        let table = try environment.table
        try environment.write { transaction in
            for part in 0..<4 { try transaction.put(value(0), "part \(part)".bytes, in: table) }
        }
        let (isDone, reads) = (Gate(), Counter())
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<3 {
                group.addTask {
                    try await inThread {
                        while !isDone.isOpenNow {
                            try environment.read { transaction in
                                let first = try transaction.value("part 0".bytes, in: table)
                                for part in 1..<4 {
                                    #expect(try transaction.value("part \(part)".bytes, in: table) == first)
                                }
                            }
                            _ = try environment.information()
                            reads.increment()
                        }
                    }
                }
            }
            group.addTask {
                try await inThread {
                    defer { isDone.open() }
                    try waitUntil { reads.value > 10 }
                    for index in 1...60 {
                        try environment.write { transaction in
                            for part in 0..<4 { try transaction.put(value(index), "part \(part)".bytes, in: table) }
                            try transaction.put(value(index), "grow \(index)".bytes, in: table)
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try environment.information().mapSize > 1 << 20)
        #expect(try environment.read { try $0.value("part 3".bytes, in: table) } == value(60))
    }

    @Test func `is enlarged at open where the file is larger`() throws {
        let large = try Environment.openForTest(scratch.store)
        let table = try large.table
        try large.write { try $0.put(value(1, 5_000_000), "a".bytes, in: table) }
        try large.close()
        let small = try Environment.openForTest(scratch.store, mapSize: 1 << 17)
        let again = try small.table
        #expect(try small.read { try $0.value("a".bytes, in: again)?.count } == 5_000_000)
        try small.write { try $0.put(value(2, 5_000_000), "b".bytes, in: again) }
        #expect(try small.read { try $0.statistics(of: again).entries } == 2)
    }
}

@Suite struct `A map that another process grew` {
    let scratch = ScratchDirectory()

    private func growElsewhere() async {
        await #expect(processExitsWith: .success) { [path = scratch.store as String] in
            let environment = try Environment.open(at: path, options: .init(mapSize: 1 << 17))
            let table = try environment.table
            let value = [UInt8](repeating: 9, count: 200_000)
            for index in 0..<20 { try environment.write { try $0.put(value, "theirs \(index)".bytes, in: table) } }
        }
    }

    @Test func `is taken over by the next read`() async throws {
        let environment = try Environment.openForTest(scratch.store, mapSize: 1 << 17)
        let table = try environment.table
        _ = try environment.read { try $0.entries(in: table) }
        await growElsewhere()
        #expect(try environment.read { try $0.statistics(of: table).entries } == 20)
        #expect(try environment.read { try $0.value("theirs 19".bytes, in: table)?.count } == 200_000)
    }

    @Test(arguments: [false, true])
    func `is taken over by a copy that has just begun`(compacting: Bool) async throws {
        let environment = try Environment.openForTest(scratch.store, mapSize: 1 << 17)
        let target = ScratchDirectory()
        let begins = Mutex(0)
        let (hasBegun, hasGrown) = (Gate(), Gate())
        async let copied: Void = inThread { [path = target.store as String] in
            try environment.copy(to: path, compacting: compacting) { _ in
                begins.withLock { $0 += 1 }
                hasBegun.open()
                hasGrown.wait()
            } verify: { _ in
            }
        }
        try await inThread { hasBegun.wait() }
        await growElsewhere()
        hasGrown.open()
        try await copied
        #expect(begins.withLock { $0 } == 2)
        let copy = try Environment.openForTest(target.store)
        let table = try copy.table
        #expect(try copy.read { try $0.statistics(of: table).entries } == 20)
    }

    @Test func `is taken over by the next write`() async throws {
        let environment = try Environment.openForTest(scratch.store, mapSize: 1 << 17)
        let table = try environment.table
        await growElsewhere()
        try environment.write { try $0.put("1", "ours", in: table) }
        #expect(try environment.read { try $0.statistics(of: table).entries } == 21)
    }

    @Test func `is taken over by many threads at once`() async throws {
        let environment = try Environment.openForTest(scratch.store, mapSize: 1 << 17)
        let table = try environment.table
        await growElsewhere()
        try await inThreads(6) { index in
            if index % 3 == 0 {
                try environment.write { try $0.put("1", "ours \(index)", in: table) }
            } else {
                #expect(try environment.read { try $0.value("theirs 7".bytes, in: table)?.count } == 200_000)
            }
        }
        #expect(try environment.read { try $0.statistics(of: table).entries } == 22)
    }

    @Test func `is not taken for damage where it grows again while it is taken over`() async throws {
        let options = EnvironmentOptions(mapSize: 1 << 17, flushing: EnvironmentOptions.Flushing.none)
        let environment = try Environment.open(at: scratch.store, options: options) { _ = try $0.createTable("t") }
        let table = try environment.table
        let hasEnded = Gate()
        async let growth: Void = {
            await #expect(processExitsWith: .success) { [path = scratch.store as String] in
                let environment = try Environment.open(at: path, options: .init(mapSize: 1 << 17, flushing: nil))
                let table = try environment.table
                // So that it grows in small steps, with nearly each commit.
                try environment.limitMap(to: 1 << 17)
                let value = [UInt8](repeating: 9, count: 200_000)
                for index in 0..<600 { try environment.write { try $0.put(value, "\(index)".bytes, in: table) } }
            }
            hasEnded.open()
        }()
        try await inThreads(2) { _ in
            while !hasEnded.isOpenNow { _ = try environment.read { try $0.statistics(of: table).entries } }
        }
        await growth
        #expect(try environment.read { try $0.statistics(of: table).entries } == 600)
    }

    @Test func `does not disturb a reader that began before`() async throws {
        let environment = try Environment.openForTest(scratch.store, mapSize: 1 << 17)
        let table = try environment.table
        try environment.write { try $0.put("1", "ours", in: table) }
        let (isReading, mayEnd) = (Gate(), Gate())
        async let reader: Void = inThread {
            try environment.read { transaction throws in
                isReading.open()
                mayEnd.wait()
                #expect(try transaction.entries(in: table) == [["ours".bytes, "1".bytes]])
            }
        }
        try await inThread { isReading.wait() }
        await growElsewhere()
        mayEnd.open()
        try await reader
        #expect(try environment.read { try $0.statistics(of: table).entries } == 21)
    }
}

@Suite struct `Where address space is limited` {
    let scratch = ScratchDirectory()

    @Test func `an environment opens with a smaller map`() async throws {
        await #expect(processExitsWith: .success) { [path = scratch.store as String] in
            guard limitAddressSpace(toMore: 1 << 30) else { try Test.cancel("the system has no such limit") }
            let environment = try Environment.openForTest(path, mapSize: 1 << 38)
            let table = try environment.table
            try environment.write { try $0.put("1", "a", in: table) }
            #expect(try environment.read { try $0.string("a", in: table) } == "1")
            #expect(try environment.information().mapSize < 1 << 30)
        }
    }

    @Test func `a map that cannot grow is a typed error, after which reads and writes go on`() async throws {
        await #expect(processExitsWith: .success) { [path = scratch.store as String] in
            let environment = try Environment.openForTest(path, mapSize: 1 << 24)
            let table = try environment.table
            try environment.write { try $0.put("1", "a", in: table) }
            guard limitAddressSpace(toMore: 1 << 23) else { try Test.cancel("the system has no such limit") }
            let large = [UInt8](repeating: 1, count: 1 << 16)
            var failure: LMDBError.Code?
            for index in 0..<1_000 where failure == nil {
                failure = code { try environment.write { try $0.put(large, "\(index)".bytes, in: table) } }
            }
            #expect(failure?.rawValue == ENOMEM)
            #expect(try environment.read { try $0.string("a", in: table) } == "1")
            try environment.write { transaction in _ = try transaction.delete("0".bytes.span, in: table) }
            try environment.write { try $0.put("2", "a", in: table) }
            #expect(try environment.read { try $0.string("a", in: table) } == "2")
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
