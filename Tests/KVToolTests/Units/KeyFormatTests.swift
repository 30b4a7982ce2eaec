import Foundation
import Larder
import Testing

@testable import kvtool

@Suite struct `The form of keys` {
    private func line(_ format: KeyFormat, _ key: [UInt8]) -> String {
        String(decoding: format.line(key), as: UTF8.self)
    }

    /// A key as the library stores it.
    private func stored<Coding: KeyCoding>(_ key: Coding.Key, _ coding: Coding) throws -> [UInt8] {
        let store = try Store.temporary()
        defer { try? store.close() }
        let cache = try store.cache("c", key: coding, value: .bytes)
        try cache.setBlocking([], for: key)
        return try store.rawCache("c").entries()[0].key
    }

    @Test func `follows the cache's coding, and --hex goes before it`() {
        #expect(KeyFormat(coding: "utf8", isHexadecimal: false) == .text)
        #expect(KeyFormat(coding: "bytes", isHexadecimal: false) == .text)
        #expect(KeyFormat(coding: "somebody's own", isHexadecimal: false) == .text)
        #expect(KeyFormat(coding: "int64", isHexadecimal: false) == .integer(isSigned: true, bitWidth: 64))
        #expect(KeyFormat(coding: "uint8", isHexadecimal: false) == .integer(isSigned: false, bitWidth: 8))
        #expect(KeyFormat(coding: "int65", isHexadecimal: false) == .text)
        #expect(KeyFormat(coding: "uuid", isHexadecimal: false) == .uuid)
        #expect(KeyFormat(coding: "int64", isHexadecimal: true) == .hexadecimal)
    }

    @Test func `writes and reads integers as the library's codings do`() throws {
        func check<Number: FixedWidthInteger & Sendable>(_ numbers: Number...) throws {
            let coding = IntegerKeyCoding<Number>()
            let format = KeyFormat(coding: coding.identifier, isHexadecimal: false)
            for number in numbers + [.min, .max, 0, 1] {
                let key = try stored(number, coding)
                #expect(try format.parse("\(number)") == key)
                #expect(line(format, key) == "\(number)")
                #expect(String(decoding: format.json(key)!.text, as: UTF8.self) == "\(number)")
            }
        }
        try check(-1 as Int, 1 << 40)
        try check(-1 as Int8, 100)
        try check(200 as UInt8)
        try check(-300 as Int16)
        try check(3_000_000_000 as UInt32)
        try check(UInt64(Int64.max) + 1)
        try check(-1 as Int128, Int128(Int64.min) - 1)
        try check(UInt128(UInt64.max) + 1)
    }

    @Test(arguments: ["", "x", "1x", " 1", "1.0", "0x1", "256", "-1", "1_000"])
    func `refuses what is no integer of the width`(text: String) {
        #expect(throws: Failure.self) { try KeyFormat.integer(isSigned: false, bitWidth: 8).parse(text) }
    }

    @Test(arguments: ["128", "-129", "99999999999999999999999999999999999999999"])
    func `refuses what does not fit a signed width`(text: String) {
        #expect(throws: Failure.self) { try KeyFormat.integer(isSigned: true, bitWidth: 8).parse(text) }
    }

    @Test func `shows a key of another length in hexadecimal digits`() {
        let format = KeyFormat.integer(isSigned: true, bitWidth: 64)
        #expect(line(format, [1, 2]) == "0102")
        #expect(format.json([1, 2]) == nil)
        #expect(line(.uuid, [1, 2]) == "0102")
    }

    @Test func `writes UUIDs as Foundation does and reads them in either case`() throws {
        let uuid = UUID(uuidString: "E621E1F8-C36C-495A-93FC-0C247A3E6E5F")!
        let key = unsafe withUnsafeBytes(of: uuid.uuid) { unsafe [UInt8]($0) }
        #expect(line(.uuid, key) == uuid.uuidString)
        #expect(try KeyFormat.uuid.parse(uuid.uuidString.lowercased()) == key)
        #expect(throws: Failure.self) { try KeyFormat.uuid.parse("E621E1F8") }
    }
}
