import LMDB
import TestSupport
import Testing

@testable import Larder

@Suite struct `The files of a store` {
    let scratch = ScratchDirectory()

    @Test func `are readable by their owner alone`() async throws {
        let path = scratch.path + "/a/b/store"
        let store = try Store(at: path)
        let cache = try store.cache("sessions", key: .string, value: .string)
        try await cache.set("secret", for: "token")
        for directory in ["/a", "/a/b", "/a/b/store"] {
            #expect(try permissions(of: scratch.path + directory) == 0o700, "\(directory)")
        }
        let files = try names(in: path)
        #expect(files.contains("data.mdb"))
        for file in files { #expect(try permissions(of: path + "/" + file) == 0o600, "\(file)") }
    }

    @Test func `go with a temporary store when it is closed`() async throws {
        let store = try Store.temporary()
        try await store.cache("c", key: .int, value: .int).set(1, for: 1)
        #expect(try permissions(of: store.path) == 0o700)
        try store.close()
        #expect(!exists(store.path))
    }

    @Test func `go with a temporary store when it is released`() async throws {
        var path = ""
        do {
            let store = try Store.temporary()
            path = store.path
            try await store.cache("c", key: .int, value: .int).set(1, for: 1)
            #expect(exists(path))
        }
        // The last request may hold the store for a moment longer than its caller waits.
        try await inThread { [path] in try waitUntil { !exists(path) } }
    }

    @Test func `of two temporary stores are two`() async throws {
        let (one, two) = (try Store.temporary(), try Store.temporary())
        let (first, second) = (
            try one.cache("c", key: .int, value: .int), try two.cache("c", key: .int, value: .int)
        )
        try await first.set(1, for: 1)
        #expect(try second.value(for: 1) == nil)
        try one.close()
        #expect(try second.count() == 0)
    }

    @Test func `lie where the environment says, if the store is temporary`() async {
        await #expect(processExitsWith: .success) { [path = scratch.path as String] in
            setTemporaryDirectory(path)
            let store = try Store.temporary()
            #expect(store.path.hasPrefix(path + "/"))
            try store.close()
            #expect(try names(in: path) == [])
        }
    }
}

@Suite struct `Opening a store` {
    let scratch = ScratchDirectory()

    @Test func `twice in a process is refused, by whatever path, and the first works on`() async throws {
        let store = try Store(at: scratch.store)
        let cache = try store.cache("c", key: .int, value: .int)
        #expect(code { _ = try Store(at: scratch.store) } == .alreadyOpen)
        #expect(code { _ = try Store(at: scratch.store + "/.") } == .alreadyOpen)
        try await cache.set(1, for: 1)
        #expect(try cache.value(for: 1) == 1)
        try store.close()
        #expect(try Store(at: scratch.store).caches().count == 1)
    }

    @Test func `that was released without closing it works once its last request is done`() async throws {
        for round in 0..<20 {
            // The thread of the store before may still hold the file for a moment.
            let store = try await inThread { [path = scratch.store] in
                var store: Store?
                try waitUntil {
                    do {
                        store = try Store(at: path)
                        return true
                    } catch let error as LarderError where error.code == .alreadyOpen {
                        return false
                    }
                }
                return store!
            }
            let cache = try store.cache("c", key: .int, value: .int)
            #expect(try cache.count() == round)
            try await cache.set(round, for: round)
        }
    }
}
