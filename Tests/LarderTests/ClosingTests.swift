import LMDB
import TestSupport
import Testing

@testable import Larder

@Suite struct `A closed store` {
    let scratch = ScratchDirectory()

    @Test func `refuses every use, and closing it again does nothing`() async throws {
        let store = try Store(at: scratch.store)
        let cache = try store.cache("c", key: .int, value: .string)
        try await cache.set("v", for: 1)
        try store.close()
        try store.close()
        #expect(code { _ = try cache.value(for: 1) } == .closed)
        #expect(code { _ = try cache.contains(1) } == .closed)
        #expect(code { _ = try cache.remainingTimeToLive(for: 1) } == .closed)
        #expect(code { _ = try cache.count() } == .closed)
        #expect(code { _ = try cache.entries() } == .closed)
        #expect(code { try cache.withBytes(for: 1) { _ in } } == .closed)
        #expect(code { _ = try store.caches() } == .closed)
        #expect(code { _ = try store.statistics() } == .closed)
        #expect(code { _ = try store.cache("c", key: .int, value: .string) } == .closed)
        #expect(code { _ = try store.rawCache("c") } == .closed)
        #expect(code { _ = try store.dropCache("c") } == .closed)
        #expect(code { try store.read { _ in } } == .closed)
        #expect(code { try store.sync() } == .closed)
        #expect(code { try store.writeBlocking { _ in } } == .closed)
        #expect(code { try cache.setBlocking("v", for: 2) } == .closed)
        #expect(await code { try await cache.set("v", for: 2) } == .closed)
        #expect(await code { try await cache.remove(1) } == .closed)
        #expect(await code { try await cache.removeAll() } == .closed)
        #expect(await code { try await store.write { _ in } } == .closed)
        #expect(await code { try await store.removeExpired() } == .closed)
        #expect(await code { _ = try await cache.value(for: 2) { _ in "v" } } == .closed)

        let again = try Store(at: scratch.store)
        #expect(try again.cache("c", key: .int, value: .string).entries().map(\.value) == ["v"])
        try store.close()
        #expect(try again.caches().count == 1)
    }

    @Test func `has waited for the writes under way, which are decided one way or the other`() async throws {
        for round in 0..<10 {
            let store = try Store(at: scratch.store)
            let cache = try store.cache("c\(round)", key: .int, value: .int)
            let acknowledged = await withTaskGroup(of: Int?.self) { group in
                for key in 0..<64 {
                    group.addTask {
                        do {
                            try await cache.set(key, for: key)
                            return key
                        } catch {
                            #expect((error as? LarderError)?.code == .closed)
                            return nil
                        }
                    }
                }
                group.addTask {
                    await Task.yield()
                    do {
                        try await inThread { try store.close() }
                    } catch {
                        Issue.record(error)
                    }
                    return nil
                }
                return await group.reduce(into: Set()) { if let key = $1 { $0.insert(key) } }
            }
            let again = try Store(at: scratch.store)
            let found = try again.cache("c\(round)", key: .int, value: .int).entries().map(\.key)
            #expect(Set(found) == acknowledged)
            try again.close()
        }
    }

    @Test func `has waited for the reads under way`() async throws {
        let store = try Store(at: scratch.store)
        let cache = try store.cache("c", key: .int, value: .string)
        try await cache.set("v", for: 1)
        let (isReading, mayEnd, isClosed) = (Gate(), Gate(), Gate())
        async let reader: Void = inThread {
            try store.read { snapshot throws in
                isReading.open()
                mayEnd.wait()
                #expect(!isClosed.isOpenNow)
                #expect(try snapshot.value(for: 1, in: cache) == "v")
            }
        }
        try await inThread { isReading.wait() }
        async let closing: Void = inThread {
            try store.close()
            isClosed.open()
        }
        try await inThread { try waitUntil { code { try store.read { _ in } } == .closed } }
        #expect(!isClosed.isOpenNow)
        mayEnd.open()
        try await reader
        try await closing
    }
}
