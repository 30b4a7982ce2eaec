import FoundationEssentials
import LarderFoundation

@testable import Larder
@testable import kvtool

extension Parser {
    /// Keys: the first byte chooses a coding, the rest is the key; and how the tool shows and reads it.
    static let keys = Parser(name: "keys") { input in
        var input = Input(input)
        let choice = input.byte()
        let bytes = input.remainder()
        switch choice % 7 {
        case 0: check(bytes, .string, KeyFormat(coding: "utf8", isHexadecimal: false))
        case 1: check(bytes, .int, KeyFormat(coding: "int64", isHexadecimal: false))
        case 2: check(bytes, .uint64, KeyFormat(coding: "uint64", isHexadecimal: false))
        case 3: check(bytes, .integer(Int16.self), KeyFormat(coding: "int16", isHexadecimal: false))
        case 4: check(bytes, .integer(Int128.self), KeyFormat(coding: "int128", isHexadecimal: false))
        case 5: check(bytes, .uuid, KeyFormat(coding: "uuid", isHexadecimal: false))
        default: check(bytes, .bytes, KeyFormat(coding: "bytes", isHexadecimal: true))
        }
        checkEscaping(bytes)
        checkText(String(decoding: bytes, as: UTF8.self), choice)
    }

    /// Bytes that a coding decodes are what it encodes the key as, and text that the tool shows is read as the same key.
    private static func check<Coding: KeyCoding>(_ bytes: [UInt8], _ coding: Coding, _ format: KeyFormat) {
        let line = format.line(bytes)
        require(!line.contains(where: { $0 < 0x20 }), "a key breaks its line")
        _ = format.json(bytes)
        guard let key = try? coding.decode(bytes.span) else { return }
        require(encoded(key, coding) == bytes, "a key is encoded as other bytes")
        if format != .text {
            require(try format.parse(String(decoding: line, as: UTF8.self)) == bytes, "a key shown is read as another")
        }
    }

    private static func encoded<Coding: KeyCoding>(_ key: Coding.Key, _ coding: Coding) -> [UInt8] {
        let storage = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 1 << 16)
        defer { unsafe storage.deallocate() }
        var buffer = unsafe KeyBuffer(storage)
        do { try coding.encode(key, into: &buffer) } catch { return [] }
        return unsafe Array(storage.prefix(buffer.count))
    }

    /// What is escaped can be had back.
    private static func checkEscaping(_ bytes: [UInt8]) {
        let text = Escaping.escape(bytes)
        require(String(validating: text, as: UTF8.self) != nil, "what is escaped is not text")
        var input = Input(text)
        var back: [UInt8] = []
        while !input.isEmpty {
            let byte = input.byte()
            guard byte == UInt8(ascii: "\\") else {
                back.append(byte)
                continue
            }
            switch input.byte() {
            case UInt8(ascii: "t"): back.append(0x09)
            case UInt8(ascii: "n"): back.append(0x0a)
            case UInt8(ascii: "r"): back.append(0x0d)
            case UInt8(ascii: "x"): back += Hexadecimal.decode(input.bytes(2)) ?? []
            default: back.append(UInt8(ascii: "\\"))
            }
        }
        require(back == bytes, "what was escaped cannot be had back")
    }

    /// Text as the tool's options and keys.
    private static func checkText(_ text: String, _ choice: UInt8) {
        if let size = ByteSize(argument: text) { require(size.bytes >= 0, "a size below zero") }
        if let span = TimeSpan(argument: text) { require(span.duration > .zero, "a time that is not positive") }
        let format = KeyFormat(
            coding: ["utf8", "int8", "uint128", "int128", "uuid"][Int(choice) % 5], isHexadecimal: choice > 127)
        guard let key = try? format.parse(text), format != .text else { return }
        require(
            try format.parse(String(decoding: format.line(key), as: UTF8.self)) == key, "a key read is shown as another"
        )
    }

    /// Values: the first byte chooses a coding, the rest is the payload.
    static let values = Parser(name: "values") { input in
        var input = Input(input)
        let choice = input.byte()
        let bytes = input.remainder()
        switch choice % 4 {
        case 0: check(bytes, StringCoding())
        case 1: check(bytes, IntegerValueCoding<Int>())
        case 2: check(bytes, IntegerValueCoding<UInt128>())
        default: checkDocument(bytes)
        }
    }

    private static func checkDocument(_ bytes: [UInt8]) {
        let coding = JSONCoding<Document>()
        guard let document = try? coding.decode(bytes.span) else { return }
        let again = (try? coding.encode(document)).flatMap { try? coding.decode($0.span) }
        require(again == document, "a document is encoded as another")
    }

    private static func check<Coding: ValueCoding>(_ bytes: [UInt8], _ coding: Coding) where Coding.Value: Equatable {
        guard let value = try? coding.decode(bytes.span) else { return }
        require(try coding.encode(value) == bytes, "a value is encoded as other bytes")
    }

    /// Something of every kind that JSON has.
    private struct Document: Codable, Equatable, Sendable {
        var text: String?
        var number: Int?
        var flag: Bool?
        var list: [Document]?
        var table: [String: Document]?
    }
}
