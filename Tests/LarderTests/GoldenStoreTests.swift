import Foundation
import LMDB
import LarderFoundation
import TestSupport
import Testing

@testable import Larder

/// What is in the golden stores, and how one is made. See `Fixtures/golden/README.md`.
enum GoldenStore {
    /// 1998-07-09 and 2023-11-14: when a golden store says that it was made, and when it is read.
    static let made: UInt64 = 900_000_000_000, read: UInt64 = 1_700_000_000_000
    /// 2100-01-01 and 2001-09-09.
    static let future: UInt64 = 4_102_444_800_000, past: UInt64 = 1_000_000_000_000

    struct Person: Codable, Sendable, Equatable {
        var name: String
        var born: Int
    }

    static let longKey = String(repeating: "k", count: 511)
    static let longValue = (0..<5_000).map { "\($0 % 10)" }.joined()
    static let texts = ["a": "", "ü😀": "ß\u{0}\n", longKey: "long key", "long value": longValue]
    static let numbers: [Int64: Int] = [.min: 1, -1: 2, 0: .min, 1: .max, .max: -1]
    static let blobs: [[UInt8]: [UInt8]] = [[0]: [], [0, 0]: [0xFF], [0xFF]: [UInt8](repeating: 0xFF, count: 300)]
    static let id = UUID(uuidString: "6BA7B810-9DAD-11D1-80B4-00C04FD430C8")!
    static let person = Person(name: "Ada", born: 1815)

    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Fixtures/golden")

    /// Makes a store with all of this in a directory of its own.
    static func make(at path: String) async throws {
        let scratch = ScratchDirectory()
        let store = try Store(at: scratch.store, options: .init(clock: WallClock { made }))
        let texts = try store.cache("texts", key: .string, value: .string)
        for (key, value) in self.texts { try await texts.set(value, for: key) }
        let dropped = try store.cache("dropped", key: .string, value: .string)
        try await dropped.set("v", for: "k")
        let numbers = try store.cache("numbers", key: .int64, value: .int)
        for (key, value) in self.numbers { try await numbers.set(value, for: key) }
        let earlier = try store.cache("blobs", key: .bytes, value: .bytes, options: .init(version: 2))
        try await earlier.set([1, 2, 3], for: [7])
        let blobs = try store.cache("blobs", key: .bytes, value: .bytes, options: .init(version: 3))
        for (key, value) in self.blobs { try await blobs.set(value, for: key) }
        let people = try store.cache("people", key: .uuid, value: .json(Person.self))
        try await people.set(person, for: id)
        let sessions = try store.cache("sessions", key: .string, value: .bytes)
        try await sessions.set([1], for: "forever")
        try await sessions.set([2], for: "until 2100", expires: .at(millisecondsSince1970: future))
        try await sessions.set([3], for: "until 2001", expires: .at(millisecondsSince1970: past))
        let profiles = try store.cache("profiles", key: .string, value: .string)
        try await profiles.set("v", for: "tagged", tags: ["a", "b"], expires: .at(millisecondsSince1970: future))
        let options = SourceOptions(
            freshness: Freshness(
                timeToLive: .milliseconds(future - made), jitter: 0, refreshAhead: .seconds(60),
                staleIfError: .seconds(3_600),
                negativeTimeToLive: .milliseconds(future - made)))
        let sourced = try profiles.through(options: options) { key in key == "loaded" ? "w" : nil }
        _ = try await sourced.values(for: ["loaded", "missing"])
        while !store.loads.isEmpty { await Task.yield() }
        _ = try store.cache("empty", key: .string, value: .string)
        try store.dropCache("dropped")
        // The copy has no free pages, so the file is small.
        try await store.backup(to: path, compacting: true)
    }

    /// Every entry of every table, one a line: the table, the key and the value in hexadecimal.
    static func dump(_ path: String) throws -> String {
        try RawStore.contents(at: path).flatMap { table, entries in
            entries.map { "\(table) \(hexadecimal($0.key)) \(hexadecimal($0.value))\n" }
        }.sorted().joined()
    }

    private static func hexadecimal(_ bytes: [UInt8]) -> String {
        bytes.map { String(format: "%02x", $0) }.joined()
    }
}

@Suite struct `The golden store of format 1` {
    let scratch = ScratchDirectory()
    private let golden = GoldenStore.root.appendingPathComponent("format-1")

    /// Copies it, so that the fixture stays as it is.
    private func copy() throws -> String {
        try FileManager.default.createDirectory(atPath: scratch.store, withIntermediateDirectories: false)
        let data = try contents(of: golden.path + "/data.mdb")
        try write(data, to: scratch.store + "/data.mdb")
        return scratch.store
    }

    private func open(_ path: String) throws -> Store {
        try Store(at: path, options: .init(createsIfMissing: false, clock: WallClock { GoldenStore.read }))
    }

    @Test func `opens, and every cache holds what was put in it`() throws {
        let store = try open(try copy())
        let caches = try store.caches()
        #expect(caches.map(\.name) == ["blobs", "empty", "numbers", "people", "profiles", "sessions", "texts"])
        #expect(caches.map(\.version) == [3, 0, 0, 0, 0, 0, 0])
        #expect(caches.map(\.keyCoding) == ["bytes", "utf8", "int64", "uuid", "utf8", "utf8", "utf8"])
        #expect(caches.map(\.valueCoding) == ["bytes", "utf8", "int64", "json", "utf8", "bytes", "utf8"])
        #expect(caches.allSatisfy { $0.createdMillisecondsSince1970 == GoldenStore.made })

        func all<Key: Hashable, Value>(_ cache: Cache<Key, Value>) throws -> [Key: Value] {
            let entries = Dictionary(uniqueKeysWithValues: try cache.entries().map { ($0.key, $0.value) })
            #expect(try cache.count() == entries.count)
            return entries
        }
        #expect(try all(store.cache("texts", key: .string, value: .string)) == GoldenStore.texts)
        #expect(try all(store.cache("numbers", key: .int64, value: .int)) == GoldenStore.numbers)
        let blobs = try store.cache("blobs", key: .bytes, value: .bytes, options: .init(version: 3))
        #expect(try all(blobs) == GoldenStore.blobs)
        #expect(try blobs.value(for: [7]) == nil)
        let people = try store.cache("people", key: .uuid, value: .json(GoldenStore.Person.self))
        #expect(try all(people) == [GoldenStore.id: GoldenStore.person])
        let sessions = try store.cache("sessions", key: .string, value: .bytes)
        #expect(try all(sessions) == ["forever": [1], "until 2100": [2]])
        #expect(try sessions.remainingTimeToLive(for: "forever") == nil)
        let rest = Duration.milliseconds(GoldenStore.future - GoldenStore.read)
        #expect(try sessions.remainingTimeToLive(for: "until 2100") == rest)
        let profiles = try store.cache("profiles", key: .string, value: .string)
        #expect(try all(profiles) == ["tagged": "v", "loaded": "w"])
        #expect(try profiles.sourcedRecord(profiles.memoryKey("missing"))?.value == nil)
        #expect(try profiles.sourcedRecord(profiles.memoryKey("missing")) != nil)
        let loaded = try #require(try profiles.sourcedRecord(profiles.memoryKey("loaded"))).header
        #expect(loaded.refreshFrom == GoldenStore.future - 60_000)
        #expect(loaded.freshUntil == GoldenStore.future)
        #expect(loaded.expiry == GoldenStore.future + 3_600_000)
        #expect(try all(store.cache("empty", key: .string, value: .string)).isEmpty)
    }

    @Test func `holds the bytes it held when it was made`() throws {
        let expected = String(decoding: try contents(of: golden.path + "/contents.txt"), as: UTF8.self)
        let actual = try GoldenStore.dump(try copy())
        #expect(actual == expected)
    }

    @Test func `can be written to, and loses its expired record to a sweep`() async throws {
        let store = try open(try copy())
        let sessions = try store.cache("sessions", key: .string, value: .bytes)
        try await store.removeExpired()
        #expect(try store.withReadTransaction { try $0.statistics(of: sessions.keyspace.table).entries } == 2)
        try await sessions.set([9], for: "until 2100")
        #expect(try sessions.value(for: "until 2100") == [9])
        let made = try store.cache("new", key: .int, value: .int)
        try await made.set(1, for: 1)
        #expect(try store.caches().count == 8)
    }

    @Test func `has records laid out as the documentation says`() throws {
        let path = try copy()
        let tables = try RawStore.contents(at: path)
        let header = try #require(tables["larder"]?["store".bytes])
        #expect(header.count == 48)
        #expect(Array(header[..<8]) == "LRDR".bytes + [1, 0, 0, 0])
        #expect(integer(header[32..<40]) == GoldenStore.made)
        #expect(integer(header[40..<48]) == xxh3(Array(header[..<40]).span, seed: 0))
        let seed = integer(header[24..<32])

        // "sessions" was the sixth cache that was made: texts, dropped, numbers, blobs, people, sessions.
        let records = try #require(tables["cache.6"])
        let cacheSeed = seed &+ 6 &* 0x9E37_79B9_7F4A_7C15
        for (key, payload, deadline) in [
            ("forever", 1, nil), ("until 2100", 2, GoldenStore.future), ("until 2001", 3, GoldenStore.past),
        ] as [(String, UInt8, UInt64?)] {
            let record = try #require(records[key.bytes])
            let flags: UInt8 = deadline == nil ? 0 : 1
            let body = [1, flags, 0, 0] + (deadline.map(littleEndian) ?? []) + [payload]
            #expect(Array(record[8...]) == body)
            let hash = xxh3(key.bytes.span, seed: cacheSeed)
            #expect(integer(record[..<8]) == xxh3(body.span, seed: hash), "checksum of \(key)")
        }
        // Records of the version before are there, and say so.
        let blobs = try #require(tables["cache.4"])
        #expect(blobs[[7]].map { Array($0[8..<12]) } == [1, 0, 2, 0])
        #expect(blobs[[0]].map { Array($0[8...]) } == [1, 0, 3, 0])
        // The number of a dropped cache is not given again.
        #expect(tables["cache.2"] == nil)
        #expect(tables["larder"]?["last-cache".bytes].map { Array($0[..<4]) } == [8, 0, 0, 0])
        #expect(tables["larder"]?["last-cache".bytes]?.count == 12)
        // "profiles" was the seventh. Tags and what else a record says come between its deadline and its payload.
        let profiles = try #require(tables["cache.7"])
        let profileSeed = seed &+ 7 &* 0x9E37_79B9_7F4A_7C15
        let tags = ["a", "b"].map { xxh3($0.bytes.span, seed: profileSeed) }.sorted()
        #expect(
            profiles["tagged".bytes].map { Array($0[8...]) }
                == [1, 9, 0, 0] + littleEndian(GoldenStore.future) + [2] + tags.flatMap(littleEndian) + "v".bytes)
        #expect(
            profiles["loaded".bytes].map { Array($0[8...]) }
                == [1, 3, 0, 0] + littleEndian(GoldenStore.future + 3_600_000)
                + littleEndian(GoldenStore.future - 60_000) + littleEndian(GoldenStore.future) + "w".bytes)
        #expect(
            profiles["missing".bytes].map { Array($0[8...]) } == [1, 5, 0, 0] + littleEndian(GoldenStore.future))
        let tagged = xxh3("tagged".bytes.span, seed: profileSeed),
            missing = xxh3("missing".bytes.span, seed: profileSeed)
        let entries = [(tags[0], tagged, "tagged"), (tags[1], tagged, "tagged"), (0, missing, "missing")]
        #expect(tables["tags"]?.count == 3)
        for (tag, hash, key) in entries {
            let index = [0, 0, 0, 7] + littleEndian(tag).reversed() + littleEndian(hash).reversed()
            #expect(tables["tags"]?[index] == key.bytes)
        }
        #expect(tables["claims"] == [:])
        #expect(tables["expiry"]?.count == 5)
        #expect(
            tables["expiry"]?.values.sorted { $0.count < $1.count }.map { String(decoding: $0, as: UTF8.self) }.sorted()
                == ["loaded", "missing", "tagged", "until 2001", "until 2100"])
    }

    @Test func `with one bit of a record flipped names cache and key, and answers everything else`() throws {
        let path = try copy()
        try patch(path, find: GoldenStore.longValue.bytes) { bytes in bytes[4_321] ^= 1 }
        let store = try open(path)
        let texts = try store.cache("texts", key: .string, value: .string)
        let error = failure { _ = try texts.value(for: "long value") }
        #expect(error?.code == .damagedRecord)
        #expect(error?.cacheName == "texts")
        #expect(error?.keyHash == texts.keyspace.hash("long value".bytes.span))
        for (key, value) in GoldenStore.texts where key != "long value" {
            #expect(try texts.value(for: key) == value)
        }
        #expect(code { _ = try texts.entries() } == .damagedRecord)
        #expect(try store.cache("numbers", key: .int64, value: .int).count() == GoldenStore.numbers.count)
        try store.close()
        let verification = try StoreVerification.run(at: path)
        #expect(verification.damagedRecords.map(\.key) == ["long value".bytes])
        #expect(!verification.isHealthy)
    }

    @Test func `is whole to the check of every page`() throws {
        let verification = try StoreVerification.run(at: try copy())
        #expect(verification.isHealthy, "\(verification.problems)")
        #expect(verification.caches.map(\.records) == [4, 0, 5, 1, 3, 3, 4])
    }

    @Test func `of a later format is refused, and left as it is`() throws {
        let path = try copy()
        try patch(path, find: "LRDR".bytes + [1, 0, 0, 0]) { bytes in bytes[4] = 2 }
        let before = try contents(of: path + "/data.mdb")
        let error = failure { _ = try open(path) }
        #expect(error?.code == .newerFormat)
        #expect(try contents(of: path + "/data.mdb") == before)
    }

    /// Changes the only place in the file where these bytes are.
    private func patch(_ path: String, find pattern: [UInt8], _ change: (inout [UInt8]) -> Void) throws {
        var data = Data(try contents(of: path + "/data.mdb"))
        let range = try #require(data.range(of: Data(pattern)))
        #expect(data[range.upperBound...].range(of: Data(pattern)) == nil)
        var bytes = [UInt8](data[range])
        change(&bytes)
        data.replaceSubrange(range, with: bytes)
        try write([UInt8](data), to: path + "/data.mdb")
    }

    private func integer(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    private func littleEndian(_ number: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
    }
}

@Suite struct `A golden store` {
    /// Not a test but how the fixtures are made: `LARDER_WRITE_GOLDEN=format-N swift test --filter GoldenStore`.
    @Test(.enabled(if: ProcessInfo.processInfo.environment["LARDER_WRITE_GOLDEN"] != nil, "only when asked for"))
    func `is written where it is asked for`() async throws {
        let name = try #require(ProcessInfo.processInfo.environment["LARDER_WRITE_GOLDEN"])
        let path = GoldenStore.root.appendingPathComponent(name).path
        try await GoldenStore.make(at: path)
        try write(GoldenStore.dump(path).bytes, to: path + "/contents.txt")
        for name in ["lock.mdb", "writer.lock"] { try? remove(path + "/" + name) }
    }

    @Test func `that is made now holds what that of format 1 does`() async throws {
        let scratch = ScratchDirectory()
        try await GoldenStore.make(at: scratch.store)
        let (new, old) = (
            try RawStore.contents(at: scratch.store),
            String(decoding: try contents(of: GoldenStore.root.path + "/format-1/contents.txt"), as: UTF8.self)
        )
        // The store's own number and seed, and with them the checksums and the hashes of tags, differ from store to store; the rest does not.
        let lines = old.split(separator: "\n").map { $0.split(separator: " ", omittingEmptySubsequences: false) }
        for line in lines where line[0].hasPrefix("cache.") {
            let value = try #require(new[String(line[0])]?[bytes(of: line[1])])
            #expect(withoutHashes(value) == withoutHashes(bytes(of: line[2])))
        }
        for (table, entries) in new { #expect(lines.count { $0[0] == table } == entries.count, "\(table)") }
    }

    /// A record without its checksum and the hashes of its tags.
    private func withoutHashes(_ record: [UInt8]) -> [UInt8] {
        let rest = record.dropFirst(8)
        guard record[9] & 8 != 0 else { return Array(rest) }
        let tags = record[9] & 2 == 0 ? 20 : 36
        return Array(record[8...tags] + record[(tags + 1 + 8 * Int(record[tags]))...])
    }

    private func bytes(of hexadecimal: Substring) -> [UInt8] {
        var digits = hexadecimal[...]
        var bytes: [UInt8] = []
        while let byte = UInt8(digits.prefix(2), radix: 16) {
            bytes.append(byte)
            digits = digits.dropFirst(2)
        }
        return bytes
    }
}
