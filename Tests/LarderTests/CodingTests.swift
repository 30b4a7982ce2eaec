import Foundation
import LarderFoundation
import TestSupport
import Testing

@testable import Larder

/// The bytes of an encoded key.
private func encoded<Key>(_ key: Key, _ coding: some KeyCoding<Key>) throws -> [UInt8] {
    try unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 511) { storage in
        var buffer = unsafe KeyBuffer(storage)
        try coding.encode(key, into: &buffer)
        return unsafe Array(storage[..<min(buffer.count, 511)])
    }
}

@Suite struct `Key codings` {
    private func check<Key: Comparable>(_ coding: some KeyCoding<Key>, _ keys: [Key]) throws {
        let sorted = keys.sorted()
        let encodings = try sorted.map { try encoded($0, coding) }
        for (key, bytes) in zip(sorted, encodings) { #expect(try coding.decode(bytes.span) == key) }
        for (index, bytes) in encodings.enumerated().dropFirst() where sorted[index - 1] < sorted[index] {
            #expect(
                encodings[index - 1].lexicographicallyPrecedes(bytes), "\(sorted[index - 1]) before \(sorted[index])")
        }
    }

    private func checkIntegers<Key: FixedWidthInteger & Sendable>(_ type: Key.Type) throws {
        var random = SeededGenerator(seed: UInt64(Key.bitWidth))
        var keys = (0..<500).map { _ in Key.random(in: .min ... .max, using: &random) }
        // Small ones, the ends, and both sides of every power of two.
        keys += (0..<100).map { Key(truncatingIfNeeded: $0 - 50) } + [.min, .max, .min + 1, .max - 1]
        for shift in 0..<Key.bitWidth {
            let power = Key(1) << Key(shift)
            keys += [power, power &- 1, power &+ 1, ~power]
        }
        try check(.integer(Key.self), Array(Set(keys)))
    }

    @Test func `of integers of every width sort as numbers, negative ones first`() throws {
        try checkIntegers(Int.self)
        try checkIntegers(Int8.self)
        try checkIntegers(Int16.self)
        try checkIntegers(Int32.self)
        try checkIntegers(Int64.self)
        try checkIntegers(Int128.self)
        try checkIntegers(UInt.self)
        try checkIntegers(UInt8.self)
        try checkIntegers(UInt16.self)
        try checkIntegers(UInt32.self)
        try checkIntegers(UInt64.self)
        try checkIntegers(UInt128.self)
    }

    @Test func `of integers write what the format says`() throws {
        #expect(try encoded(Int32(-1), .integer(Int32.self)) == [0x7F, 0xFF, 0xFF, 0xFF])
        #expect(try encoded(Int32(0), .integer(Int32.self)) == [0x80, 0, 0, 0])
        #expect(try encoded(Int64(0x0102_0304_0506_0708), .int64) == [0x81, 2, 3, 4, 5, 6, 7, 8])
        #expect(try encoded(UInt64(0x0102_0304_0506_0708), .uint64) == [1, 2, 3, 4, 5, 6, 7, 8])
        #expect(IntegerKeyCoding<Int>().identifier == "int64")
        #expect(IntegerKeyCoding<UInt16>().identifier == "uint16")
    }

    @Test func `of strings sort as their Unicode scalars`() throws {
        let strings = ["a", "aa", "b", "ab", "Z", "é", "e\u{301}", "ß", "zz", "日本", "😀", "\u{10FFFF}", "\u{1}", " "]
        let sorted = strings.sorted { $0.unicodeScalars.lexicographicallyPrecedes($1.unicodeScalars) }
        let encodings = try sorted.map { try encoded($0, .string) }
        for (earlier, later) in zip(encodings, encodings.dropFirst()) {
            #expect(earlier.lexicographicallyPrecedes(later))
        }
        for (string, bytes) in zip(sorted, encodings) {
            #expect(bytes == Array(string.utf8))
            let decoded = try StringCoding().decode(bytes.span)
            #expect(decoded.unicodeScalars.elementsEqual(string.unicodeScalars))
        }
    }

    @Test func `of bytes and of data are those bytes`() throws {
        var random = SeededGenerator(seed: 3)
        for length in [1, 2, 16, 255, 511] {
            let bytes = (0..<length).map { _ in UInt8.random(in: .min ... .max, using: &random) }
            #expect(try encoded(bytes, .bytes) == bytes)
            #expect(BytesCoding().decode(bytes.span) == bytes)
            // A slice of data does not begin at index 0.
            let data = Data([9, 9] + bytes).dropFirst(2)
            #expect(try encoded(data, .data) == bytes)
            #expect(DataCoding().decode(bytes.span) == data)
        }
        #expect(BytesCoding().identifier == DataCoding().identifier)
    }

    @Test func `of UUIDs sort as they are written`() throws {
        var random = SeededGenerator(seed: 4)
        let uuids = (0..<200).map { _ in
            let bytes = (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &random) }
            return UUID(
                uuid: (
                    bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7], bytes[8],
                    bytes[9], bytes[10], bytes[11], bytes[12], bytes[13], bytes[14], bytes[15]
                ))
        }
        let sorted = uuids.sorted { $0.uuidString < $1.uuidString }
        let encodings = try sorted.map { try encoded($0, .uuid) }
        #expect(encodings.allSatisfy { $0.count == 16 })
        for (earlier, later) in zip(encodings, encodings.dropFirst()) {
            #expect(earlier.lexicographicallyPrecedes(later))
        }
        for (uuid, bytes) in zip(sorted, encodings) { #expect(try UUIDKeyCoding().decode(bytes.span) == uuid) }
    }

    @Test(arguments: [0, 1, 7, 9, 15, 17])
    func `refuse bytes that they never give`(length: Int) throws {
        let bytes = [UInt8](repeating: 1, count: length)
        #expect(throws: DecodingFailure.self) { try IntegerKeyCoding<Int64>().decode(bytes.span) }
        #expect(throws: DecodingFailure.self) { try UUIDKeyCoding().decode(bytes.span) }
        #expect(throws: DecodingFailure.self) { try StringCoding().decode(([0x61, 0xFF] + bytes).span) }
    }
}

@Suite struct `Value codings` {
    struct User: Codable, Sendable, Equatable {
        var name: String
        var scores: [String: Double]
        var born: Date?
        var friends: [User]
    }

    @Test func `of integers keep every value and refuse other lengths`() throws {
        func check<Value: FixedWidthInteger & Sendable>(_ type: Value.Type) throws {
            let coding = IntegerValueCoding<Value>()
            for value in [Value.min, .max, 0, 1, .max / 3, .min / 3] {
                let bytes = coding.encode(value)
                #expect(bytes.count * 8 == Value.bitWidth)
                #expect(try coding.decode(bytes.span) == value)
            }
            let short = [UInt8](repeating: 0, count: Value.bitWidth / 8 - 1)
            let long = [UInt8](repeating: 0, count: Value.bitWidth / 8 + 1)
            #expect(throws: DecodingFailure.self) { try coding.decode(short.span) }
            #expect(throws: DecodingFailure.self) { try coding.decode(long.span) }
        }
        try check(Int.self)
        try check(Int8.self)
        try check(UInt16.self)
        try check(Int128.self)
        #expect(IntegerValueCoding<UInt16>().encode(0x0102) == [2, 1])
    }

    @Test func `of JSON keep a value, and give equal bytes for equal values`() throws {
        let user = User(
            name: "Ada \"\u{0}\u{1F600}", scores: ["z": 0.1, "a": 1e300, "m": -0.0],
            born: Date(timeIntervalSince1970: 1.5),
            friends: [User(name: "", scores: [:], born: nil, friends: [])])
        let coding = JSONCoding<User>()
        let bytes = try coding.encode(user)
        #expect(try coding.decode(bytes.span) == user)
        for _ in 0..<20 {
            var copy = user
            copy.scores = Dictionary(uniqueKeysWithValues: user.scores.shuffled())
            #expect(try coding.encode(copy) == bytes)
        }
    }

    @Test func `of JSON refuse what is not JSON of that type`() throws {
        let coding = JSONCoding<User>()
        for text in ["", "{", "[]", "{\"name\":1}", "null"] {
            #expect(throws: DecodingError.self) { try coding.decode(Array(text.utf8).span) }
        }
        #expect(throws: EncodingError.self) { try JSONCoding<[Double]>().encode([.nan]) }
    }

    @Test func `of bytes, data and strings keep empty values`() throws {
        #expect(BytesCoding().decode(BytesCoding().encode([]).span) == [])
        #expect(DataCoding().decode(DataCoding().encode(Data()).span) == Data())
        #expect(try StringCoding().decode(StringCoding().encode("").span) == "")
    }
}

@Suite struct `A cache with a coding of Foundation` {
    @Test func `keeps data and UUIDs, and opens with bytes as well`() async throws {
        let store = try Store.temporary()
        let byUUID = try store.cache("uuid", key: .uuid, value: .data)
        let id = UUID()
        try await byUUID.set(Data([1, 2, 3]), for: id)
        #expect(try byUUID.value(for: id) == Data([1, 2, 3]))
        #expect(try byUUID.entries().map(\.key) == [id])

        let asBytes = try store.cache("uuid", key: .uuid, value: .bytes)
        #expect(try asBytes.value(for: id) == [1, 2, 3])
        try await asBytes.set([4], for: id)
        #expect(try byUUID.value(for: id) == Data([4]))
        #expect(try asBytes.value(for: id) == [4])
    }

    @Test func `takes the moment at which an entry expires as a date`() async throws {
        let clock = ManualClock()
        let store = try Store.temporary(options: .init(clock: clock.wallClock))
        let cache = try store.cache("c", key: .int, value: .int)
        try await cache.set(1, for: 1, expires: .at(Date(timeIntervalSince1970: Double(clock.now) / 1_000 + 2.5)))
        #expect(try cache.remainingTimeToLive(for: 1) == .milliseconds(2_500))
        try await cache.set(1, for: 2, expires: .at(Date(timeIntervalSince1970: -5)))
        #expect(try cache.value(for: 2) == nil)
        try await cache.set(1, for: 3, expires: .at(.distantFuture))
        #expect(try cache.value(for: 3) == 1)
        try await cache.set(1, for: 4, expires: .at(Date(timeIntervalSinceReferenceDate: .infinity)))
        #expect(try cache.value(for: 4) == 1)
    }
}

/// Bytes that are stored the other way round.
private struct ReversingCoding: ValueCoding {
    var identifier: String { "reversed" }
    func encode(_ value: [UInt8]) -> [UInt8] { value.reversed() }
    func decode(_ bytes: Span<UInt8>) -> [UInt8] { [UInt8](copying: bytes).reversed() }
}

@Suite struct `A coding of one's own` {
    @Test func `of bytes gives what it decodes, whatever was asked for before`() async throws {
        let scratch = ScratchDirectory()
        do {
            let store = try Store(at: scratch.store)
            let cache = try store.cache("c", key: .int, value: ReversingCoding())
            for key in 0..<4 { try await cache.set([1, 2, 3], for: key) }
            for key in 0..<4 { #expect(try cache.value(for: key) == [1, 2, 3]) }
            for key in 0..<4 { #expect(try cache.withBytes(for: key) { [UInt8](copying: $0) } == [3, 2, 1]) }
            try store.close()
        }
        let store = try Store(at: scratch.store)
        let cache = try store.cache("c", key: .int, value: ReversingCoding())
        for _ in 0..<2 {
            #expect(try cache.value(for: 0) == [1, 2, 3])
            #expect(try cache.withBytes(for: 0) { [UInt8](copying: $0) } == [3, 2, 1])
            #expect(try cache.withBytes(for: 1) { [UInt8](copying: $0) } == [3, 2, 1])
            #expect(try cache.value(for: 1) == [1, 2, 3])
        }
        try store.close()
    }
}
