import LMDB
import TestSupport
import Testing

@testable import Larder

@Suite struct `A damaged record` {
    let scratch = ScratchDirectory()

    /// A store with a cache `c` of so many equal records with keys from 0, closed again.
    private func makeStore(records: Int, value: String = "value") async throws {
        let store = try Store(at: scratch.store)
        let cache = try store.cache("c", key: .int, value: .string)
        try await store.write { transaction in
            for key in 0..<records {
                try transaction.set(value, for: key, in: cache, expires: .after(.seconds(100_000)))
            }
        }
        try store.close()
    }

    private func open() throws -> (Store, Cache<Int, String>) {
        let store = try Store(at: scratch.store)
        return (store, try store.cache("c", key: .int, value: .string))
    }

    /// The bytes of an integer key.
    private func encoded(_ key: Int) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: UInt64(bitPattern: Int64(key ^ .min)) >> (56 - $0 * 8)) }
    }

    @Test func `is noticed whichever bit of it is flipped, and names the cache and the key's hash`() async throws {
        // As many records as a record has bits; in each another bit is flipped.
        let bits = (20 + "value".utf8.count) * 8
        try await makeStore(records: bits + 1)
        try RawStore.change("cache.1", at: scratch.store) { records in
            for bit in 0..<bits {
                #expect(records[encoded(bit)]?.count == bits / 8)
                records[encoded(bit)]?[bit / 8] ^= 1 << UInt8(bit % 8)
            }
        }
        let (store, cache) = try open()
        for bit in 0..<bits {
            let error = failure { _ = try cache.value(for: bit) }
            #expect(error?.code == .damagedRecord, "bit \(bit)")
            #expect(error?.cacheName == "c")
            #expect(error?.keyHash == cache.keyspace.hash(encoded(bit).span))
            #expect(code { _ = try cache.contains(bit) } == .damagedRecord)
        }
        // The rest stays readable.
        #expect(try cache.value(for: bits) == "value")
        #expect(code { _ = try cache.entries() } == .damagedRecord)
        #expect(try cache.entries(from: bits).count == 1)
        #expect(try store.read { snapshot in try snapshot.value(for: bits, in: cache) } == "value")
    }

    @Test(arguments: [0, 1, 8, 11, 12, 19, 20, 24])
    func `is noticed when it is cut off`(length: Int) async throws {
        try await makeStore(records: 2)
        try RawStore.replace(encoded(0), in: "cache.1", at: scratch.store) { Array($0.prefix(length)) }
        let (_, cache) = try open()
        #expect(code { _ = try cache.value(for: 0) } == .damagedRecord)
        #expect(try cache.value(for: 1) == "value")
    }

    @Test func `is one that turns up under another key or in another cache`() async throws {
        try await makeStore(records: 2)
        do {
            let store = try Store(at: scratch.store)
            let other = try store.cache("other", key: .int, value: .string)
            try await other.set("other value", for: 0)
            try store.close()
        }
        let record = try RawStore.contents(at: scratch.store)["cache.1"]?[encoded(0)]
        try RawStore.change("cache.1", at: scratch.store) { $0[encoded(1)] = record }
        try RawStore.change("cache.2", at: scratch.store) { $0[encoded(0)] = record }
        let (store, cache) = try open()
        #expect(try cache.value(for: 0) == "value")
        #expect(code { _ = try cache.value(for: 1) } == .damagedRecord)
        let other = try store.cache("other", key: .int, value: .string)
        let error = failure { _ = try other.value(for: 0) }
        #expect(error?.code == .damagedRecord)
        #expect(error?.cacheName == "other")
    }

    @Test func `is not replaced by what depends on it, and can be overwritten and removed`() async throws {
        try await makeStore(records: 4)
        for key in 0..<3 {
            try RawStore.replace(encoded(key), in: "cache.1", at: scratch.store) { record in
                var record = record
                record[record.count - 1] ^= 1
                return record
            }
        }
        let (store, cache) = try open()
        #expect(await code { _ = try await cache.setIfAbsent("new", for: 0) } == .damagedRecord)
        #expect(await code { try await cache.touch(0, expires: .never) } == .damagedRecord)
        #expect(await code { try await cache.update(0) { $0 = "new" } } == .damagedRecord)
        #expect(await code { _ = try await cache.value(for: 0) { _ in "new" } } == .damagedRecord)
        #expect(
            await code {
                try await store.write { transaction in
                    try transaction.set("undone", for: 3, in: cache)
                    _ = try transaction.value(for: 0, in: cache)
                }
            } == .damagedRecord)
        #expect(try cache.value(for: 3) == "value")

        try await cache.set("new", for: 0)
        #expect(try cache.value(for: 0) == "new")
        try await cache.remove(1)
        #expect(try cache.value(for: 1) == nil)
        try await cache.removeAll(from: 2, to: 3)
        #expect(try cache.entries().map(\.key) == [0, 3])
    }

    @Test func `of a newer format, or of no form that there is, is an error although its checksum fits`() async throws {
        try await makeStore(records: 2)
        let (store, cache) = try open()
        let hash = cache.keyspace.hash(encoded(0).span)
        try store.close()
        // The format, flags that are not known, and a deadline of 0 in a record that says it expires.
        let forms: [(range: Range<Int>, value: UInt8, expected: LarderError.Code)] = [
            (8..<9, 2, .newerFormat), (9..<10, 2, .damagedRecord), (9..<10, 255, .damagedRecord),
            (12..<20, 0, .damagedRecord),
        ]
        let good = try #require(try RawStore.contents(at: scratch.store)["cache.1"]?[encoded(0)])
        for (range, value, expected) in forms {
            try RawStore.change("cache.1", at: scratch.store) { records in
                var record = good
                for offset in range { record[offset] = value }
                // As a later version would write it: with a checksum that fits.
                let covered = Array(record[8...])
                let checksum = xxh3(covered.span, seed: hash)
                records[encoded(0)] = (0..<8).map { UInt8(truncatingIfNeeded: checksum >> ($0 * 8)) } + covered
            }
            let (store, cache) = try open()
            let error = failure { _ = try cache.value(for: 0) }
            #expect(error?.code == expected)
            #expect(error?.keyHash == hash)
            #expect(try cache.value(for: 1) == "value")
            try store.close()
        }
    }

    @Test func `that memory holds whole is answered from memory, and noticed when it is not`() async throws {
        try await makeStore(records: 1)
        let (store, cache) = try open()
        #expect(try cache.value(for: 0) == "value")
        store.memory.removeAll()
        #expect(try cache.value(for: 0) == "value")
    }
}

@Suite struct `A store whose own descriptions are damaged` {
    let scratch = ScratchDirectory()

    private func makeStore() async throws {
        let store = try Store(at: scratch.store)
        let cache = try store.cache("c", key: .int, value: .string)
        try await cache.set("v", for: 1)
        _ = try store.cache("d", key: .int, value: .string)
        try store.close()
    }

    @Test func `is refused for any bit of its header, and opens again once it is mended`() async throws {
        try await makeStore()
        for bit in stride(from: 0, to: 48 * 8, by: 5) {
            let flip = { (header: [UInt8]) in
                var header = header
                header[bit / 8] ^= 1 << UInt8(bit % 8)
                return header
            }
            try RawStore.replace("store".bytes, in: "larder", at: scratch.store, flip)
            let refusal = code { _ = try Store(at: scratch.store) }
            // The first eight bytes say whether it is a store, and of which format.
            let expected: [LarderError.Code] =
                bit < 32 ? [.notAStore] : bit < 64 ? [.newerFormat, .damagedStore] : [.damagedStore]
            #expect(refusal.map(expected.contains) == true, "bit \(bit): \(String(describing: refusal))")
            try RawStore.replace("store".bytes, in: "larder", at: scratch.store, flip)
        }
        let store = try Store(at: scratch.store)
        #expect(try store.cache("c", key: .int, value: .string).value(for: 1) == "v")
    }

    @Test func `is refused if its format is newer, whatever follows`() async throws {
        try await makeStore()
        try RawStore.replace("store".bytes, in: "larder", at: scratch.store) { header in
            Array(header[..<4]) + [2, 0, 0, 0] + "a form that nobody knows yet".bytes
        }
        let error = failure { _ = try Store(at: scratch.store) }
        #expect(error?.code == .newerFormat)
        #expect(error?.message.contains("2") == true)
    }

    @Test func `is refused if the header is missing or cut off`() async throws {
        try await makeStore()
        try RawStore.replace("store".bytes, in: "larder", at: scratch.store) { Array($0.prefix(40)) }
        #expect(code { _ = try Store(at: scratch.store) } == .damagedStore)
        try RawStore.replace("store".bytes, in: "larder", at: scratch.store) { Array($0.prefix(6)) }
        #expect(code { _ = try Store(at: scratch.store) } == .notAStore)
        try RawStore.change("larder", at: scratch.store) { $0["store".bytes] = nil }
        #expect(code { _ = try Store(at: scratch.store) } == .notAStore)
    }

    @Test func `names the cache whose description is damaged, and opens the others`() async throws {
        try await makeStore()
        for bit in stride(from: 0, to: 30 * 8, by: 7) {
            let flip = { (descriptor: [UInt8]) in
                var descriptor = descriptor
                descriptor[bit / 8] ^= 1 << UInt8(bit % 8)
                return descriptor
            }
            try RawStore.replace("cache/c".bytes, in: "larder", at: scratch.store, flip)
            let store = try Store(at: scratch.store)
            let error = failure { _ = try store.cache("c", key: .int, value: .string) }
            #expect(error?.code == .damagedStore, "bit \(bit)")
            #expect(error?.cacheName == "c")
            #expect(try store.cache("d", key: .int, value: .string).count() == 0)
            try store.close()
            try RawStore.replace("cache/c".bytes, in: "larder", at: scratch.store, flip)
        }
        let store = try Store(at: scratch.store)
        #expect(try store.cache("c", key: .int, value: .string).value(for: 1) == "v")
    }

    @Test func `is refused with its name if a cache's table is missing`() async throws {
        try await makeStore()
        let environment = try Environment.open(at: scratch.store, options: .init(flushing: nil))
        try environment.dropTable("cache.1", alongside: { _ in }, invalidated: {})
        try environment.close()
        let store = try Store(at: scratch.store)
        let error = failure { _ = try store.cache("c", key: .int, value: .string) }
        #expect(error?.code == .damagedStore)
        #expect(error?.cacheName == "c")
    }
}

@Suite struct `A directory that holds no store` {
    let scratch = ScratchDirectory()

    @Test func `is refused without leave to make one, and left as it is`() throws {
        let options = StoreOptions(createsIfMissing: false)
        #expect(code { _ = try Store(at: scratch.path, options: options) } == .storeNotFound)
        #expect(code { _ = try Store(at: scratch.store, options: options) } == .storeNotFound)
        #expect(try names(in: scratch.path).isEmpty)
    }

    @Test func `but an LMDB file of something else is refused, and that is left as it is`() throws {
        let environment = try Environment.open(at: scratch.store) { transaction in
            let table = try transaction.createTable("theirs")
            try transaction.put("v".bytes.span, for: "k".bytes.span, in: table)
        }
        try environment.close()
        let before = try contents(of: scratch.store + "/data.mdb")
        for createsIfMissing in [true, false] {
            let options = StoreOptions(createsIfMissing: createsIfMissing)
            #expect(code { _ = try Store(at: scratch.store, options: options) } == .notAStore)
        }
        #expect(try contents(of: scratch.store + "/data.mdb") == before)
    }

    @Test(arguments: ["", "short", String(repeating: "no database ", count: 10_000)])
    func `but some other file of that name is refused, and that is left as it is`(text: String) throws {
        try Environment.open(at: scratch.store) { _ = try $0.createTable("t") }.close()
        try write(text.bytes, to: scratch.store + "/data.mdb")
        #expect(code { _ = try Store(at: scratch.store) } == .notAStore)
        #expect(try contents(of: scratch.store + "/data.mdb") == text.bytes)
    }

    @Test func `and cannot be made is reported with the system's error`() throws {
        try write([], to: scratch.path + "/file")
        let error = failure { _ = try Store(at: scratch.path + "/file/store") }
        #expect(error?.code == .fileSystem)
        #expect(error?.underlyingError is LMDBError)
    }
}
