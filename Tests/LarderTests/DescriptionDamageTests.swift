import LMDB
import TestSupport
import Testing

@testable import Larder

@Suite struct `Damage to what a store says of its caches` {
    let scratch = ScratchDirectory()

    /// A store with a cache `full` of one record and an empty cache `void`, closed again.
    private func makeStore() async throws {
        let store = try Store(at: scratch.store)
        try await store.cache("full", key: .int, value: .string).set("value", for: 1)
        _ = try store.cache("void", key: .int, value: .string)
        try store.close()
        #expect(try StoreVerification.run(at: scratch.store).isHealthy)
    }

    /// Gives an entry of the store's own table another key.
    private func rename(_ key: String, to other: String) throws {
        try RawStore.change("larder", at: scratch.store) { entries in
            let description = entries.removeValue(forKey: Array(key.utf8))
            entries[Array(other.utf8)] = description
        }
    }

    @Test(arguments: [
        ("cache/full", "cache/fulm"), ("cache/void", "cache/voie"), ("cache/void", "cachd/void"), ("store", "stoqe"),
        ("last-cache", "last-cachd"),
    ])
    func `is found by a verification when it is a name's`(_ key: String, _ other: String) async throws {
        try await makeStore()
        try rename(key, to: other)
        #expect(try !StoreVerification.run(at: scratch.store).isHealthy)
    }

    @Test func `under the name of another cache is refused`() async throws {
        try await makeStore()
        try RawStore.change("larder", at: scratch.store) { $0[Array("cache/void".utf8)] = $0[Array("cache/full".utf8)] }
        let store = try Store(at: scratch.store)
        #expect(code { _ = try store.cache("void", key: .int, value: .string) } == .damagedStore)
    }

    @Test(arguments: ["expiry", "cache.2"])
    func `is found when an empty table is missing`(_ table: String) async throws {
        try await makeStore()
        let environment = try Environment.open(at: scratch.store, options: .init(flushing: nil))
        _ = try environment.openTable(table)
        try environment.dropTable(table) { _ in
        } invalidated: {
        }
        try environment.close()
        #expect(try !StoreVerification.run(at: scratch.store).isHealthy)
    }

    @Test func `never gives a cache the table of another`() async throws {
        try await makeStore()
        try RawStore.change("larder", at: scratch.store) { $0[Array("last-cache".utf8)] = nil }
        let store = try Store(at: scratch.store)
        #expect(code { _ = try store.cache("third", key: .int, value: .string) } == .damagedStore)
        #expect(try store.cache("full", key: .int, value: .string).value(for: 1) == "value")
    }
}
