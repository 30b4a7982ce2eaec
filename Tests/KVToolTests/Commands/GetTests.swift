import Foundation
import Larder
import Testing

@testable import kvtool

@Suite struct `kvtool get` {
    private let scratch = ScratchDirectory()
    private var store: String { scratch.store }

    private struct Entry: Decodable, Equatable {
        var cache: String
        var key: String?
        var key_hex: String?
        var value: String?
        var value_hex: String?
        var bytes: Int
        var expires_at_ms: UInt64?
    }

    @Test func `writes the value's bytes and nothing else`() throws {
        let value: [UInt8] = Array(0...255) + [0x0a, 0x0d, 0x0a]
        try makeStore(at: store) { try $0.cache("default", key: .string, value: .bytes).setBlocking(value, for: "k") }
        let outcome = try Tool.run("get", store, "k")
        #expect(outcome.status == 0)
        #expect(outcome.output == value)
        #expect(outcome.errors == "")
    }

    @Test func `writes a newline behind the value on a terminal only`() throws {
        _ = try Tool.run("set", store, "k", "value")
        #expect(try Terminal().run("get", store, "k", showing: \.output) == "value\r\n")
        #expect(try Tool.run("get", store, "k").text == "value")
    }

    @Test func `of an absent key exits 1 and writes no data`() throws {
        _ = try Tool.run("set", store, "k", "v")
        let outcome = try Tool.run("get", store, "absent")
        #expect(outcome.status == 1)
        #expect(outcome.output == [])
        #expect(outcome.errors == "Error: There is no such key\n")
    }

    @Test func `of an expired key exits 1`() throws {
        try makeStore(at: store) {
            let cache = try $0.cache("default", key: .string, value: .string)
            try cache.setBlocking("v", for: "k", expires: .at(millisecondsSince1970: 1))
        }
        #expect(try Tool.run("get", store, "k").status == 1)
    }

    @Test func `of an absent store exits 66 and makes nothing`() throws {
        let outcome = try Tool.run("get", store, "k")
        #expect(outcome.status == 66)
        #expect(outcome.output == [])
        #expect(outcome.errors.contains(store))
        #expect(!exists(store))
    }

    @Test func `of an absent cache exits 66 and names it`() throws {
        _ = try Tool.run("set", store, "k", "v")
        let outcome = try Tool.run("get", store, "k", "--cache", "users")
        #expect(outcome.status == 66)
        #expect(outcome.errors == "Error: There is no cache 'users'\n")
    }

    @Test(arguments: [[], ["--hex"]])
    func `of an empty or overlong key exits 64`(options: [String]) throws {
        _ = try Tool.run("set", store, "k", "v")
        for key in ["", String(repeating: "ab", count: 512)] {
            let outcome = try Tool.shell(#""$0" get "$@""#, store, key, options.first ?? "--cache=default")
            #expect(outcome.status == 64)
            #expect(outcome.output == [])
            #expect(!outcome.errors.contains("abab"), "an error never shows a key")
        }
        _ = try Tool.run("set", store, String(repeating: "x", count: 511), "longest")
        #expect(try Tool.run("get", store, String(repeating: "x", count: 511)).text == "longest")
    }

    @Test(arguments: ["0", "0g", "zz", "a b"])
    func `with --hex refuses a key that is not pairs of digits`(key: String) throws {
        _ = try Tool.run("set", store, "k", "v")
        #expect(try Tool.run("get", store, key, "--hex").status == 64)
    }

    @Test func `as JSON gives text as text and bytes as hexadecimal digits`() throws {
        _ = try Tool.run("set", store, "k", "line\n\"quoted\" \\ é")
        let text: Entry = try decode(try Tool.run("get", store, "k", "--json").text)
        #expect(text == Entry(cache: "default", key: "k", value: "line\n\"quoted\" \\ é", bytes: 18))

        _ = try Tool.run("set", store, "ff00", "fe", "--hex")
        let bytes: Entry = try decode(try Tool.run("get", store, "ff00", "--hex", "--json").text)
        #expect(bytes == Entry(cache: "default", key_hex: "ff00", value_hex: "fe", bytes: 1))
    }

    @Test func `as JSON says when the entry expires`() throws {
        let deadline: UInt64 = 4_000_000_000_000
        try makeStore(at: store) {
            let cache = try $0.cache("c", key: .string, value: .string)
            try cache.setBlocking("v", for: "k", expires: .at(millisecondsSince1970: deadline))
        }
        let entry: Entry = try decode(try Tool.run("get", store, "k", "--cache", "c", "--json").text)
        #expect(entry.expires_at_ms == deadline)
    }

    @Test func `takes numbers where keys are integers`() throws {
        try makeStore(at: store) {
            let cache = try $0.cache("numbers", key: .int64, value: .string)
            for key: Int64 in [-5, 0, .max, .min] { try cache.setBlocking("value \(key)", for: key) }
        }
        for key in [-5, 0, Int64.max, .min] {
            #expect(try Tool.run("get", "--cache", "numbers", "--", store, "\(key)").text == "value \(key)")
        }
        for key in ["x", "1.5", "9223372036854775808", "", "0x10"] {
            #expect(try Tool.run("get", store, key, "--cache", "numbers").status == 64, "\(key)")
        }
        #expect(try Tool.run("get", store, "7fffffffffffffff", "--cache", "numbers", "--hex").status == 1)
        #expect(try Tool.run("get", store, "8000000000000000", "--cache", "numbers", "--hex").status == 0)
    }

    @Test func `of a record with a flipped bit exits 65, names cache and key hash, and leaves the others readable`()
        throws
    {
        _ = try Tool.run("set", store, "sound", "a sound value")
        _ = try Tool.run("set", store, "damaged", "the value that is to be damaged")
        try flipBit(store, of: "the value that is to be damaged")
        let outcome = try Tool.run("get", store, "damaged")
        #expect(outcome.status == 65)
        #expect(outcome.output == [])
        #expect(try outcome.errors.firstMatch(of: Regex("cache 'default', key hash [0-9a-f]{16}\n$")) != nil)
        #expect(try Tool.run("get", store, "sound").text == "a sound value")
    }

    @Test func `of a file cut short exits 65 instead of crashing`() throws {
        try makeStore(at: store) { store in
            let cache = try store.cache("default", key: .string, value: .bytes)
            for key in 0..<64 { try cache.setBlocking([UInt8](repeating: 1, count: 3_000), for: "\(key)") }
        }
        try cutShort(store, to: 8_192)
        let outcome = try Tool.run("get", store, "1")
        #expect(outcome.status == 65)
        #expect(outcome.errors.hasPrefix("Error: "))
    }

    @Test func `of a file that is no store exits 65 and leaves it as it is`() throws {
        let file = Data("this is not a store".utf8)
        try FileManager.default.createDirectory(atPath: store, withIntermediateDirectories: true)
        try file.write(to: URL(fileURLWithPath: store + "/data.mdb"))
        let outcome = try Tool.run("get", store, "k")
        #expect(outcome.status == 65)
        #expect(try bytes(of: store + "/data.mdb") == Array(file))
    }
}
