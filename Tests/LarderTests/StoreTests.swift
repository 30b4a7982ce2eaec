import Larder
import LarderFoundation
import Testing

@Suite struct `A store` {
    @Test func `keeps what was set, over a reopen`() async throws {
        let path = try temporaryPath()
        struct User: Codable, Sendable, Equatable { var name: String }
        do {
            let store = try Store(at: path)
            let users = try store.cache("users", key: .string, value: .json(User.self))
            try await users.set(User(name: "Ada"), for: "u1")
            #expect(try users.value(for: "u1") == User(name: "Ada"))
            #expect(try users.value(for: "u2") == nil)
            try store.close()
        }
        let store = try Store(at: path, options: .init(hotSetInterval: nil))
        let users = try store.cache("users", key: .string, value: .json(User.self))
        #expect(try users.value(for: "u1") == User(name: "Ada"))
        #expect(try users.value(for: "u1") == User(name: "Ada"))
        let statistics = try store.statistics()
        #expect(statistics.memory.hits == 1)
        #expect(statistics.durable.hits == 1)
    }

    @Test func `loads a missing value once however many ask`() async throws {
        let store = try Store.temporary()
        let cache = try store.cache("c", key: .int, value: .string)
        let values = try await withThrowingTaskGroup(of: String?.self) { group in
            for _ in 0..<100 {
                group.addTask {
                    try await cache.value(for: 7) { key in
                        try await Task.sleep(for: .milliseconds(20))
                        return "value \(key)"
                    }
                }
            }
            return try await group.reduce(into: [String?]()) { $0.append($1) }
        }
        #expect(values == Array(repeating: "value 7", count: 100))
        #expect(try store.statistics().loads == 1)
    }

    @Test func `shares commits among tasks`() async throws {
        let store = try Store.temporary()
        let cache = try store.cache("c", key: .int, value: .bytes)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<64 {
                group.addTask {
                    for round in 0..<20 { try await cache.set([UInt8(round)], for: task * 1000 + round) }
                }
            }
            try await group.waitForAll()
        }
        let statistics = try store.statistics()
        #expect(statistics.commits.transactions == 64 * 20)
        #expect(statistics.commits.commits < 64 * 20 / 4)
        #expect(try cache.count() == 64 * 20)
        print(statistics)
    }
}
