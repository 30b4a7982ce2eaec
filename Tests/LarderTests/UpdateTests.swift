import Larder
import TestSupport
import Testing

@Suite struct `An update` {
    @Test func `of many tasks loses nothing`() async throws {
        let store = try Store.temporary()
        let counters = try store.cache("c", key: .string, value: .int)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<32 {
                group.addTask {
                    for _ in 0..<10 {
                        try await counters.increment("a")
                        _ = try await counters.update("b") { $0 = ($0 ?? 0) + task }
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try counters.value(for: "a") == 320)
        #expect(try counters.value(for: "b") == (0..<32).reduce(0, +) * 10)
    }

    @Test func `that throws, or changes nothing, writes nothing`() async throws {
        struct Refusal: Error {}
        let store = try Store.temporary()
        let cache = try store.cache("c", key: .int, value: .int)
        try await cache.set(1, for: 1)
        let commits = try store.statistics().commits.commits
        await #expect(throws: Refusal.self) {
            try await cache.update(1) { value in
                value = 2
                throw Refusal()
            }
        }
        #expect(try await cache.update(1) { value in value } == 1)
        #expect(try await cache.compareAndSet(1, expected: 7, desired: 8) == false)
        #expect(try store.statistics().commits.commits == commits)
        #expect(try cache.value(for: 1) == 1)
    }

    @Test func `by comparing sets, removes and makes`() async throws {
        let store = try Store.temporary()
        let cache = try store.cache("c", key: .int, value: .string)
        #expect(try await cache.compareAndSet(1, expected: nil, desired: "a"))
        #expect(try await cache.compareAndSet(1, expected: "a", desired: "b"))
        #expect(try await cache.compareAndSet(1, expected: "a", desired: "c") == false)
        #expect(try cache.value(for: 1) == "b")
        #expect(try await cache.compareAndSet(1, expected: "b", desired: nil))
        #expect(try cache.contains(1) == false)
    }

    @Test func `of a counter refuses to overflow`() async throws {
        let store = try Store.temporary()
        let cache = try store.cache("c", key: .int, value: .integer(UInt8.self))
        try await cache.set(250, for: 1)
        let error = await #expect(throws: LarderError.self) { try await cache.increment(1, by: 6) }
        #expect(error?.code == .overflow)
        #expect(try await cache.increment(1, by: 5) == 255)
    }

    @Test func `that blocks compares and counts as one that does not`() throws {
        let store = try Store.temporary()
        let names = try store.cache("names", key: .int, value: .string)
        #expect(try names.compareAndSetBlocking(1, expected: nil, desired: "a"))
        #expect(try names.compareAndSetBlocking(1, expected: nil, desired: "b") == false)
        #expect(try names.compareAndSetBlocking(1, expected: "a", desired: nil))
        #expect(try names.contains(1) == false)
        let counters = try store.cache("counters", key: .int, value: .integer(UInt8.self))
        #expect(try counters.incrementBlocking(1, by: 250) == 250)
        let error = #expect(throws: LarderError.self) { try counters.incrementBlocking(1, by: 6) }
        #expect(error?.code == .overflow)
        #expect(try counters.incrementBlocking(1) == 251)
        #expect(try counters.value(for: 1) == 251)
    }

    @Test func `that blocks of many threads loses nothing`() async throws {
        let store = try Store.temporary()
        let counters = try store.cache("c", key: .int, value: .int)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    try await inThread {
                        for _ in 0..<25 {
                            try counters.incrementBlocking(1)
                            while true {
                                let seen = try counters.value(for: 2)
                                if try counters.compareAndSetBlocking(2, expected: seen, desired: (seen ?? 0) + 1) {
                                    break
                                }
                            }
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try counters.value(for: 1) == 200)
        #expect(try counters.value(for: 2) == 200)
    }
}
