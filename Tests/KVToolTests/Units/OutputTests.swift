import Foundation
import TestSupport
import Testing

@testable import kvtool

@Suite struct `What kvtool prints` {
    @Test func `JSON keeps its order and is what a parser reads back`() throws {
        let json = JSON.object([
            ("z", .integer(-1)), ("a", .array([.null, .bool(true), .bool(false)])),
            ("decimal", .decimal(0.5, digits: 3)),
            ("infinite", .decimal(.infinity, digits: 1)), ("empty", .object([])),
        ])
        #expect(
            String(decoding: json.text, as: UTF8.self)
                == #"{"z":-1,"a":[null,true,false],"decimal":0.500,"infinite":null,"empty":{}}"#)
    }

    @Test func `JSON strings of any text are read back as they were`() throws {
        let strings = ["", "\"\\/", "\u{0}\u{1}\n\r\t\u{1f}\u{7f}", "é 漢字 🦊 \u{2028}", "a\u{301}"]
        let text = JSON.array(strings.map { .string($0) }).text
        #expect(try decode([String].self, String(decoding: text, as: UTF8.self)) == strings)
        #expect(!text.contains { $0 < 0x20 || $0 == 0x7f })
    }

    @Test func `escaped text is one line, printable, and keeps valid UTF-8 as it is`() {
        func escaped(_ bytes: [UInt8]) -> String { String(decoding: Escaping.escape(bytes), as: UTF8.self) }
        #expect(escaped(Array("plain é 漢 🦊".utf8)) == "plain é 漢 🦊")
        #expect(escaped(Array("\\\t\n\r\u{7f}\u{0}".utf8)) == #"\\\t\n\r\x7f\x00"#)
        #expect(escaped(Array("\u{9b}31m".utf8)) == #"\xc2\x9b31m"#, "a terminal might obey it")
        // Overlong, surrogate, beyond the last scalar, cut short, a lone continuation.
        #expect(escaped([0xc0, 0xaf]) == #"\xc0\xaf"#)
        #expect(escaped([0xed, 0xa0, 0x80]) == #"\xed\xa0\x80"#)
        #expect(escaped([0xf4, 0x90, 0x80, 0x80]) == #"\xf4\x90\x80\x80"#)
        #expect(escaped([0x61, 0xe6, 0xbc]) == #"a\xe6\xbc"#)
        #expect(escaped([0xbc, 0x61]) == #"\xbca"#)
    }

    @Test func `escaping agrees with the standard library on what is UTF-8`() {
        var numbers = SeededGenerator(seed: 7)
        for _ in 0..<20_000 {
            // Bytes from where the rules change.
            let edges: [UInt8] = [
                0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc1, 0xc3, 0xdf, 0xe0, 0xe1, 0xed, 0xef, 0xf0, 0xf4,
                0xf5,
            ]
            let bytes = (0..<4).map { _ in edges.randomElement(using: &numbers)! }
            let isText = !Escaping.escape(bytes).contains(UInt8(ascii: "\\"))
            let text = String(validating: bytes, as: UTF8.self)
            let hasControls = text?.unicodeScalars.contains { $0.properties.generalCategory == .control } ?? true
            #expect(isText == !hasControls, "\(bytes)")
        }
    }

    @Test func `hexadecimal digits are read in either case and written in lower case`() {
        #expect(Hexadecimal.text([0, 0x9a, 0xff]) == "009aff")
        #expect(Hexadecimal.decode("009AfF".utf8) == [0, 0x9a, 0xff])
        #expect(Hexadecimal.decode("".utf8) == [])
        for text in ["0", "0x", "g0", " 0", "-1", "０1"] { #expect(Hexadecimal.decode(text.utf8) == nil, "\(text)") }
    }

    @Test func `numbers are grouped, rounded and named for people`() {
        #expect(
            [0, 999, 1_000, 110_305, -1_234_567].map { Quantity.count($0) } == [
                "0", "999", "1,000", "110,305", "-1,234,567",
            ])
        #expect(Quantity.count(.min) == "-9,223,372,036,854,775,808")
        #expect(Quantity.count(1, "record") == "1 record")
        #expect(Quantity.count(0, "record") == "0 records")
        #expect(
            [0, 1, 1_023, 1_024, 1_536, 1 << 20, 5 << 30].map { Quantity.bytes($0) }
                == ["0 bytes", "1 byte", "1,023 bytes", "1.0 KiB", "1.5 KiB", "1.0 MiB", "5.0 GiB"])
        #expect(Quantity.decimal(1.005, digits: 1) == "1.0")
        #expect(Quantity.decimal(0.05, digits: 2) == "0.05")
        #expect(Quantity.decimal(-0.04, digits: 1) == "0.0")
        #expect(Quantity.decimal(9.96, digits: 1) == "10.0")
        #expect(Quantity.decimal(12.5, digits: 0) == "13")
        #expect(Quantity.percentage(1, of: 8) == "12.5 %")
        #expect(Quantity.percentage(0, of: 0) == "-")
    }

    @Test func `a table is aligned, without blanks at the ends of lines`() {
        var table = TextTable([.left, .right, .left])
        table.add("NAME", "N", "REST")
        table.add("a", "1,000")
        table.add("longer", "1", "x")
        #expect(table.text == "NAME        N  REST\na       1,000\nlonger      1  x\n")
    }

    @Test(arguments: [
        ("0", 0), ("64", 64), ("64K", 65_536), ("64KiB", 65_536), ("64kb", 65_536), ("2m", 2 << 20), ("1G", 1 << 30),
    ])
    func `a size may have a suffix`(text: String, bytes: Int) {
        #expect(ByteSize(argument: text)?.bytes == bytes)
    }

    @Test(arguments: ["", "K", "1T", "-1", "1.5M", "1 K", "9223372036854775808", "9223372036854775807K", "١"])
    func `a size is nothing else`(text: String) {
        #expect(ByteSize(argument: text) == nil)
    }
}
