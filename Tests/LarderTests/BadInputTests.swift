import LMDB
import Larder
import LarderFoundation
import TestSupport
import Testing

@Suite struct `A key of a length that cannot be` {
    let store: Store
    let strings: Cache<String, String>
    let bytes: Cache<[UInt8], String>

    init() throws {
        store = try Store.temporary()
        strings = try store.cache("strings", key: .string, value: .string)
        bytes = try store.cache("bytes", key: .bytes, value: .string)
    }

    @Test(arguments: ["", String(repeating: "k", count: 512), String(repeating: "é", count: 256)])
    func `is refused by every operation, and nothing is written`(key: String) async throws {
        let cache = strings
        #expect(code { _ = try cache.value(for: key) } == .invalidKey)
        #expect(code { _ = try cache.contains(key) } == .invalidKey)
        #expect(code { _ = try cache.remainingTimeToLive(for: key) } == .invalidKey)
        #expect(code { try cache.withBytes(for: key) { _ in } } == .invalidKey)
        #expect(await code { try await cache.set("v", for: key) } == .invalidKey)
        #expect(await code { _ = try await cache.setIfAbsent("v", for: key) } == .invalidKey)
        #expect(await code { try await cache.remove(key) } == .invalidKey)
        #expect(await code { try await cache.touch(key) } == .invalidKey)
        #expect(await code { try await cache.update(key) { $0 = "v" } } == .invalidKey)
        #expect(await code { _ = try await cache.value(for: key) { _ in "v" } } == .invalidKey)
        try await store.write { transaction in
            #expect(code { _ = try transaction.value(for: key, in: cache) } == .invalidKey)
            #expect(code { try transaction.set("v", for: key, in: cache) } == .invalidKey)
            #expect(code { try transaction.remove(key, in: cache) } == .invalidKey)
            try transaction.set("kept", for: "good", in: cache)
        }
        try store.read { snapshot throws in
            #expect(code { _ = try snapshot.value(for: key, in: cache) } == .invalidKey)
            #expect(try snapshot.value(for: "good", in: cache) == "kept")
        }
        #expect(try cache.entries().map(\.key) == ["good"])
    }

    @Test func `names the cache and not the key`() throws {
        let error = failure { _ = try strings.value(for: String(repeating: "secret", count: 100)) }
        #expect(error?.cacheName == "strings")
        #expect(error.map { "\($0)".contains("secret") } == false)
    }

    @Test func `is one of 512 bytes or none, and not one of 511 or 1`() async throws {
        for length in [1, 511] {
            let key = [UInt8](repeating: 0xFF, count: length)
            try await bytes.set("v", for: key)
            #expect(try bytes.value(for: key) == "v")
            #expect(try bytes.value(for: key.span) == "v")
        }
        for length in [0, 512] {
            let key = [UInt8](repeating: 0xFF, count: length)
            #expect(code { _ = try bytes.value(for: key.span) } == .invalidKey)
            #expect(code { _ = try bytes.contains(key.span) } == .invalidKey)
        }
        #expect(try bytes.count() == 2)
    }

    @Test func `may bound a scan if it is empty`() async throws {
        for key in ["a", "b", "c"] { try await strings.set(key, for: key) }
        #expect(try strings.entries(from: "").count == 3)
        #expect(try strings.entries(to: "").isEmpty)
        #expect(try strings.entries(from: "", to: "b", order: .descending).map(\.key) == ["a"])
        #expect(try strings.entries(prefix: "").count == 3)
        #expect(try await strings.removeAll(from: "", to: "b") == 1)
    }
}

@Suite struct `Opening a cache` {
    let scratch = ScratchDirectory()

    @Test(arguments: ["", "a\u{0}b", String(repeating: "n", count: 256), String(repeating: "é", count: 128)])
    func `refuses a name that is empty, too long or has a NUL`(name: String) throws {
        let store = try Store(at: scratch.store)
        #expect(code { _ = try store.cache(name, key: .string, value: .string) } == .invalidCacheName)
        #expect(try store.caches().isEmpty)
    }

    @Test(arguments: ["n", String(repeating: "n", count: 255), "cache/../store", "larder", "expiry", "ü 😀\n"])
    func `takes any other name, also those the store uses itself`(name: String) async throws {
        let store = try Store(at: scratch.store)
        let cache = try store.cache(name, key: .string, value: .string)
        try await cache.set("v", for: "store")
        try store.close()
        let again = try Store(at: scratch.store)
        #expect(try again.caches().map(\.name) == [name])
        #expect(try again.cache(name, key: .string, value: .string).value(for: "store") == "v")
    }

    @Test func `with another coding than it was made with is refused, here and after a reopen`() async throws {
        for round in 0..<2 {
            let store = try Store(at: scratch.store)
            let cache = try store.cache("c", key: .string, value: .json([Int].self))
            if round == 0 { try await cache.set([1], for: "k") }
            #expect(code { _ = try store.cache("c", key: .bytes, value: .json([Int].self)) } == .codingMismatch)
            let error = failure { _ = try store.cache("c", key: .string, value: .string) }
            #expect(error?.code == .codingMismatch)
            #expect(error?.cacheName == "c")
            #expect(error?.message.contains("json") == true)
            #expect(try cache.value(for: "k") == [1])
            try store.close()
        }
    }

    @Test func `with a lower version than recorded is refused`() throws {
        for _ in 0..<2 {
            let store = try Store(at: scratch.store)
            _ = try store.cache("c", key: .int, value: .int, options: .init(version: 3))
            let refusal = code { _ = try store.cache("c", key: .int, value: .int, options: .init(version: 2)) }
            #expect(refusal == .newerCacheVersion)
            try store.close()
        }
    }

    @Test func `beyond the number the store was opened for is refused`() async throws {
        let store = try Store(at: scratch.store, options: .init(maximumCaches: 2))
        let first = try store.cache("a", key: .int, value: .int)
        _ = try store.cache("b", key: .int, value: .int)
        #expect(code { _ = try store.cache("c", key: .int, value: .int) } == .tooManyCaches)
        try await first.set(1, for: 1)
        #expect(try store.caches().map(\.name) == ["a", "b"])
        #expect(try store.dropCache("b"))
        _ = try store.cache("c", key: .int, value: .int)
    }

    @Test func `that is not there as a raw one is refused`() throws {
        let store = try Store(at: scratch.store)
        #expect(code { _ = try store.rawCache("absent") } == .cacheNotFound)
        #expect(try store.dropCache("absent") == false)
        #expect(try store.caches().isEmpty)
    }

    @Test func `inside the body of a write or a read is refused, and the body goes on`() async throws {
        let store = try Store(at: scratch.store)
        let cache = try store.cache("c", key: .int, value: .int)
        try await store.write { transaction in
            try transaction.set(1, for: 1, in: cache)
            #expect(code { _ = try store.cache("d", key: .int, value: .int) } == .nestedWrite)
            #expect(code { _ = try store.cache("c", key: .int, value: .int) } == .nestedWrite)
            #expect(code { _ = try store.rawCache("c") } == .nestedWrite)
            #expect(code { _ = try store.dropCache("c") } == .nestedWrite)
        }
        try store.read { snapshot throws in
            #expect(code { _ = try store.cache("d", key: .int, value: .int) } == .writeInsideRead)
            #expect(code { _ = try store.cache("c", key: .int, value: .int) } == .writeInsideRead)
            #expect(code { _ = try store.rawCache("c") } == .writeInsideRead)
            #expect(code { _ = try store.dropCache("c") } == .writeInsideRead)
            #expect(try snapshot.value(for: 1, in: cache) == 1)
        }
        #expect(try store.caches().map(\.name) == ["c"])
    }
}

@Suite struct `Options` {
    @Test func `out of their range are refused, and nothing is left behind`() async throws {
        let scratch = ScratchDirectory()
        let bad = [
            StoreOptions(memoryCapacity: .bytes(-1)), StoreOptions(maximumCaches: 0),
            StoreOptions(maximumCaches: 4_097),
            StoreOptions(maximumReaders: 0), StoreOptions(mapSize: .bytes(1_000)),
        ]
        for options in bad {
            #expect(code { _ = try Store(at: scratch.store, options: options) } == .invalidOption)
        }
        #expect(!exists(scratch.store))
        await #expect(processExitsWith: .success) { [path = scratch.path as String] in
            setTemporaryDirectory(path)
            #expect(code { _ = try Store.temporary(options: StoreOptions(maximumCaches: 0)) } == .invalidOption)
            let left = try names(in: path)
            #expect(left == [])
        }
    }

    @Test func `at the ends of their range are taken`() async throws {
        for options in [
            StoreOptions(memoryCapacity: .bytes(0), maximumCaches: 1, maximumReaders: 1, mapSize: .kibibytes(64)),
            StoreOptions(maximumCaches: 4_096, maximumReaders: 100_000),
        ] {
            let store = try Store.temporary(options: options)
            let cache = try store.cache("c", key: .int, value: .string)
            try await cache.set(String(repeating: "x", count: 100_000), for: 1)
            #expect(try cache.value(for: 1)?.count == 100_000)
        }
    }

    @Test func `of a cache with a time that is not positive, or with two, are refused`() throws {
        let store = try Store.temporary()
        for options in [
            CacheOptions(timeToLive: .zero), CacheOptions(timeToLive: .seconds(-1)),
            CacheOptions(expiresAfterAccess: .zero),
            CacheOptions(timeToLive: .seconds(1), expiresAfterAccess: .seconds(1)),
        ] {
            #expect(code { _ = try store.cache("c", key: .int, value: .int, options: options) } == .invalidOption)
        }
        #expect(try store.caches().isEmpty)
    }
}

@Suite struct `A time to live` {
    @Test(arguments: [Duration.zero, .seconds(-1), .nanoseconds(-1), .milliseconds(Int64.min / 1_000_000)])
    func `that is not positive is refused, and the entry stays as it was`(duration: Duration) async throws {
        let store = try Store.temporary()
        let cache = try store.cache("c", key: .int, value: .string)
        try await cache.set("kept", for: 1)
        #expect(await code { try await cache.set("v", for: 1, expiresIn: duration) } == .invalidExpiration)
        #expect(
            await code { _ = try await cache.setIfAbsent("v", for: 2, expires: .after(duration)) } == .invalidExpiration
        )
        #expect(await code { try await cache.touch(1, expires: .after(duration)) } == .invalidExpiration)
        #expect(
            await code { _ = try await cache.value(for: 2, expires: .after(duration)) { _ in "v" } }
                == .invalidExpiration)
        #expect(
            await code {
                try await store.write { try $0.set("v", for: 1, in: cache, expires: .after(duration)) }
            } == .invalidExpiration)
        #expect(try cache.entries().map(\.value) == ["kept"])
    }

    @Test func `of its own is refused in a cache that expires after access`() async throws {
        let store = try Store.temporary()
        let cache = try store.cache("c", key: .int, value: .int, options: .init(expiresAfterAccess: .seconds(10)))
        #expect(await code { try await cache.set(1, for: 1, expiresIn: .seconds(1)) } == .invalidExpiration)
        #expect(await code { try await cache.set(1, for: 1, expires: .never) } == .invalidExpiration)
        #expect(try cache.count() == 0)
    }

    @Test func `as long as can be is no overflow`() async throws {
        let store = try Store.temporary()
        let cache = try store.cache("c", key: .int, value: .int)
        for duration in [Duration.seconds(Int64.max), .milliseconds(Int64.max), .seconds(1_000_000_000_000)] {
            try await cache.set(1, for: 1, expiresIn: duration)
            #expect(try cache.value(for: 1) == 1)
            let remaining = try #require(try cache.remainingTimeToLive(for: 1))
            #expect(remaining >= .seconds(1_000_000_000))
        }
        try await cache.set(1, for: 2, expires: .at(millisecondsSince1970: .max))
        #expect(try cache.value(for: 2) == 1)
        let sliding = try store.cache(
            "s", key: .int, value: .int, options: .init(expiresAfterAccess: .seconds(Int64.max)))
        try await sliding.set(1, for: 1)
        #expect(try sliding.value(for: 1) == 1)
    }

    @Test func `of less than a millisecond is one`() async throws {
        let clock = ManualClock()
        let store = try Store.temporary(options: .init(clock: clock.wallClock))
        let cache = try store.cache("c", key: .int, value: .int)
        try await cache.set(1, for: 1, expiresIn: .nanoseconds(1))
        #expect(try cache.value(for: 1) == 1)
        clock.advance(milliseconds: 1)
        #expect(try cache.value(for: 1) == nil)
    }
}

@Suite struct `A value` {
    @Test func `longer than 2 GiB is refused before anything is written`() async throws {
        let store = try Store.temporary()
        let cache = try store.cache("c", key: .int, value: .bytes)
        // Never touched, so it takes address space only.
        let huge = unsafe [UInt8](unsafeUninitializedCapacity: 1 << 31) { _, count in count = 1 << 31 }
        #expect(await code { try await cache.set(huge, for: 1) } == .valueTooLarge)
        #expect(try cache.count() == 0)
        try await cache.set([1], for: 1)
        #expect(try cache.value(for: 1) == [1])
    }

    @Test func `that its coding cannot encode is not written, and its error reaches the caller`() async throws {
        let store = try Store.temporary()
        let cache = try store.cache("c", key: .int, value: .json(Double.self))
        try await cache.set(1, for: 1)
        await #expect(throws: EncodingError.self) { try await cache.set(.nan, for: 1) }
        await #expect(throws: EncodingError.self) { try await cache.update(1) { $0 = .infinity } }
        await #expect(throws: EncodingError.self) {
            try await store.write { try $0.set(.nan, for: 1, in: cache) }
        }
        #expect(try cache.value(for: 1) == 1)
    }

    @Test func `that its coding cannot decode is an error of its own, not damage`() async throws {
        let store = try Store.temporary()
        let ints = try store.cache("ints", key: .int, value: .json([Int].self))
        let names = try store.cache("ints", key: .int, value: .json([String].self))
        try await ints.set([1, 2], for: 7)
        let error = failure { _ = try names.value(for: 7) }
        #expect(error?.code == .undecodableValue)
        #expect(error?.cacheName == "ints")
        #expect(error?.keyHash != nil)
        #expect(error?.underlyingError is DecodingError)
        #expect(code { _ = try names.entries() } == .undecodableValue)
        #expect(await code { try await names.update(7) { $0 = [] } } == .undecodableValue)
        // Nothing but decoding fails.
        #expect(try names.contains(7))
        #expect(try names.count() == 1)
        #expect(try ints.value(for: 7) == [1, 2])
        #expect(try await names.remove(7))
    }

    @Test func `whose key its coding cannot decode is an error of its own`() async throws {
        let scratch = ScratchDirectory()
        var store = try Store(at: scratch.store)
        _ = try store.cache("c", key: .int, value: .string)
        let raw = try store.rawCache("c")
        try await raw.set("v".bytes, for: [1, 2, 3])
        try store.close()
        store = try Store(at: scratch.store)
        let cache = try store.cache("c", key: .int, value: .string)
        let error = failure { _ = try cache.entries() }
        #expect(error?.code == .undecodableKey)
        #expect(error?.cacheName == "c")
        #expect(try cache.count() == 1)
    }
}
