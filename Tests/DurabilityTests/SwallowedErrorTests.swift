import Larder
import Testing

@Suite struct `A transaction that swallows the error of a write` {
    @Test func `runs again when it was the map that was full`() async throws {
        let store = try Store.temporary(options: StoreOptions(mapSize: .kibibytes(256)))
        let cache = try store.cache("c", key: .int, value: .bytes)
        let value = [UInt8](repeating: 1, count: 1 << 20)
        try await store.write { transaction in try? transaction.set(value, for: 1, in: cache) }
        #expect(try cache.value(for: 1) == value)
        try store.close()
    }
}
