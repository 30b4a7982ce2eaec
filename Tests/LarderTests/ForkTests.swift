import LMDB
import TestSupport
import Testing

@testable import Larder

@Suite struct `A store in a forked child` {
    let scratch = ScratchDirectory()

    @Test func `refuses every use, and closing or releasing it there changes nothing for the parent`() async {
        await #expect(processExitsWith: .success) { [path = scratch.store as String] in
            let store = try Store(at: path)
            let cache = try store.cache("c", key: .int, value: .string)
            try await cache.set("v", for: 1)
            let status = inForkedChild {
                let uses: [() throws -> Void] = [
                    { _ = try cache.value(for: 1) }, { _ = try cache.contains(1) }, { _ = try cache.entries() },
                    { try cache.setBlocking("child", for: 1) }, { try store.writeBlocking { _ in } },
                    { try store.read { _ in } }, { _ = try store.caches() }, { _ = try store.statistics() },
                    { _ = try store.cache("d", key: .int, value: .int) }, { _ = try store.dropCache("c") },
                ]
                for (index, use) in uses.enumerated() where code(of: use) != .forked { return Int32(index + 1) }
                return code { try store.close() } == nil ? 0 : 100
            }
            #expect(status == 0)
            #expect(try cache.value(for: 1) == "v")
            try await cache.set("parent", for: 1)
            #expect(try cache.value(for: 1) == "parent")
        }
    }

    @Test func `keeps the files of a temporary store when it is released there`() async {
        await #expect(processExitsWith: .success) { [path = scratch.path as String] in
            setTemporaryDirectory(path)
            var store: Store? = try Store.temporary()
            let directory = try #require(store?.path)
            #expect(
                inForkedChild {
                    store = nil
                    return 0
                } == 0)
            #expect(exists(directory + "/data.mdb"))
            let cache = try #require(try store?.cache("c", key: .int, value: .int))
            try await cache.set(1, for: 1)
            #expect(try cache.value(for: 1) == 1)
        }
    }
}
