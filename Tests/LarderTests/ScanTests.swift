import Larder
import Testing

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

@Suite struct `A scan` {
    @Test(arguments: [1, 3, 100], [ScanOrder.ascending, .descending])
    func `visits every entry once, whatever the chunks`(_ chunkSize: Int, _ order: ScanOrder) async throws {
        let store = try Store.temporary()
        let cache = try store.cache("c", key: .bytes, value: .int)
        // Keys that differ in length only, and one of the greatest length, which has no successor that is a key.
        var keys = (1...20).map { [UInt8](repeating: 0xFF, count: $0) }
        keys.append([UInt8](repeating: 0xFF, count: 511))
        try await store.write { [keys] transaction in
            for (index, key) in keys.enumerated() { try transaction.set(index, for: key, in: cache) }
        }
        var seen: [[UInt8]] = []
        for try await (key, value) in try cache.scan(order: order, chunkSize: chunkSize) {
            #expect(keys[value] == key)
            seen.append(key)
        }
        #expect(seen == (order == .ascending ? keys : keys.reversed()))
    }

    @Test func `holds no snapshot while its consumer waits`() async throws {
        let store = try Store.temporary()
        let cache = try store.cache("c", key: .int, value: .int)
        try await store.write { transaction in
            for key in 0..<100 { try transaction.set(key, for: key, in: cache) }
        }
        var expected = 0
        for try await (key, _) in try cache.scan(from: 0, to: 1_000, chunkSize: 10) {
            #expect(key == expected)
            expected += 1
            #expect(try store.statistics().durable.activeReaders == 0)
            // Written behind the scan and before it: the former is not seen, the latter is.
            if key == 50 {
                try await cache.set(-1, for: -1)
                try await cache.set(100, for: 100)
            }
        }
        #expect(expected == 101)
    }

    @Test func `ends with its task`() async throws {
        let store = try Store.temporary()
        let cache = try store.cache("c", key: .int, value: .int)
        try await store.write { transaction in
            for key in 0..<10 { try transaction.set(key, for: key, in: cache) }
        }
        let task = Task {
            unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
            for try await _ in try cache.scan(chunkSize: 2) {}
        }
        await #expect(throws: CancellationError.self) { try await task.value }
    }
}

@Suite struct `A snapshot` {
    @Test func `does not see what is written while it lasts`() async throws {
        let store = try Store.temporary()
        let (a, b) = (try store.cache("a", key: .int, value: .int), try store.cache("b", key: .int, value: .int))
        try await store.write { transaction in
            try transaction.set(1, for: 1, in: a)
            try transaction.set(1, for: 1, in: b)
        }
        try store.read { snapshot in
            let before = try snapshot.value(for: 1, in: a)
            try runOnThread {
                try store.writeBlocking { transaction in
                    try transaction.set(2, for: 1, in: a)
                    try transaction.set(2, for: 1, in: b)
                }
            }
            let (after, count) = (try snapshot.value(for: 1, in: b), try snapshot.count(of: b))
            #expect(before == 1 && after == 1 && count == 1)
            #expect(try b.value(for: 1) == 2)
            #expect(try store.statistics().durable.readerLag == 1)
        }
        #expect(try store.statistics().durable.readerLag == 0)
    }

    @Test func `throws when it is used for longer than the options allow`() async throws {
        let store = try Store.temporary(options: .init(maximumSnapshotAge: .zero))
        let cache = try store.cache("c", key: .int, value: .int)
        try await store.write { transaction in
            for key in 0..<200 { try transaction.set(key, for: key, in: cache) }
        }
        let error = #expect(throws: LarderError.self) {
            try store.read { snapshot in
                for _ in 0..<1_000_000_000 { _ = try snapshot.value(for: 1, in: cache) }
            }
        }
        #expect(error?.code == .snapshotExpired)
        #expect(try cache.value(for: 1) == 1)
    }

    @Test func `throws at the next entry when those before took longer than the options allow`() async throws {
        let store = try Store.temporary(options: .init(maximumSnapshotAge: .milliseconds(50)))
        let cache = try store.cache("c", key: .int, value: .int)
        try await store.write { transaction in
            for key in 0..<200 { try transaction.set(key, for: key, in: cache) }
        }
        for isBytes in [false, true] {
            var visited = 0
            let error = #expect(throws: LarderError.self) {
                try store.read { snapshot in
                    func visit() {
                        visited += 1
                        usleep(100_000)
                    }
                    if isBytes {
                        try snapshot.forEachBytes(in: cache) { _, _ in visit() }
                    } else {
                        try snapshot.forEach(in: cache) { _, _ in visit() }
                    }
                }
            }
            #expect(error?.code == .snapshotExpired)
            #expect(visited == 1)
        }
        // A chunk is a snapshot of its own.
        let slow = try store.cache("slow", key: .int, value: SlowCoding())
        try await slow.set(1, for: 1)
        try await slow.set(2, for: 2)
        let scan = try slow.scan()
        let error = await #expect(throws: LarderError.self) { for try await _ in scan {} }
        #expect(error?.code == .snapshotExpired)
    }
}

/// Takes a tenth of a second for each value that it decodes.
private struct SlowCoding: ValueCoding {
    var identifier: String { "slow" }
    func encode(_ value: Int) -> [UInt8] { [UInt8(value)] }
    func decode(_ bytes: Span<UInt8>) -> Int {
        usleep(100_000)
        return Int(bytes[0])
    }
}
