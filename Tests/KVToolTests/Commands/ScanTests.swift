import Foundation
import Larder
import Testing

@testable import kvtool

@Suite struct `kvtool scan` {
    private let scratch = ScratchDirectory()
    private var store: String { scratch.store }

    private struct Line: Decodable, Equatable {
        var key: String?
        var key_hex: String?
        var value: String?
        var value_hex: String?
        var damaged: Bool?
        var expires_at_ms: UInt64?
    }

    private func fill(_ keys: String...) throws {
        try makeStore(at: store) {
            let cache = try $0.cache("default", key: .string, value: .string)
            for key in keys { try cache.setBlocking("value of \(key)", for: key) }
        }
    }

    private func keys(_ options: String...) throws -> [String] {
        let outcome = try Tool.shell(#"store=$1; shift; "$0" scan "$store" --keys "$@""#, [store] + options)
        #expect(outcome.status == 0)
        return outcome.lines
    }

    @Test func `prints a line for each entry, in the order of the keys`() throws {
        try fill("b", "a", "B", "é", "ab")
        let outcome = try Tool.run("scan", store)
        #expect(outcome.status == 0)
        #expect(outcome.errors == "")
        #expect(outcome.lines == ["B", "a", "ab", "b", "é"].map { "\($0)\tvalue of \($0)" })
        #expect(try keys("--reverse") == ["é", "b", "ab", "a", "B"])
    }

    @Test func `takes a prefix, bounds and a limit together`() throws {
        try fill("a", "ab", "abc", "abd", "ac", "b")
        #expect(try keys("--prefix", "ab") == ["ab", "abc", "abd"])
        #expect(try keys("--prefix", "ab", "--from", "abc") == ["abc", "abd"])
        #expect(try keys("--prefix", "ab", "--to", "abd") == ["ab", "abc"])
        #expect(try keys("--prefix", "ab", "--from", "a", "--to", "z", "--limit", "2") == ["ab", "abc"])
        #expect(try keys("--from", "ab", "--to", "ac") == ["ab", "abc", "abd"])
        #expect(try keys("--from", "ab", "--reverse", "--limit", "2") == ["b", "ac"])
        #expect(try keys("--to", "ab", "--reverse") == ["a"])
        #expect(try keys("--limit", "0") == [])
        #expect(try keys("--from", "x") == [])
        #expect(try Tool.run("scan", store, "--limit=-1").status == 64)
    }

    @Test func `reads more than one batch, each key once, in both directions`() throws {
        let expected = (0..<5_000).map { String(format: "%06d", $0) }
        try makeStore(at: store) { store in
            let cache = try store.cache("default", key: .string, value: .bytes)
            try store.writeBlocking { transaction in
                for key in expected { try transaction.set([1], for: key, in: cache) }
                // The longest key, and the greatest of that length: where a batch must know how to go on.
                try transaction.set([1], for: String(repeating: "~", count: 511), in: cache)
            }
        }
        let all = expected + [String(repeating: "~", count: 511)]
        #expect(try keys() == all)
        #expect(try keys("--reverse") == all.reversed())
        #expect(try keys("--prefix", "0012") == Array(expected[1_200..<1_300]))
        #expect(try keys("--limit", "2048").count == 2_048)
    }

    @Test func `escapes what would break a line`() throws {
        try makeStore(at: store) {
            let cache = try $0.cache("default", key: .bytes, value: .bytes)
            try cache.setBlocking(Array("tab\tline\nreturn\rback\\slash".utf8), for: Array("k\n".utf8))
            try cache.setBlocking([0xff, 0x1b, 0xc3, 0xa9], for: [0xfe])
        }
        #expect(
            try Tool.run("scan", store).lines == [
                #"k\n"# + "\t" + #"tab\tline\nreturn\rback\\slash"#, #"\xfe"# + "\t" + #"\xff\x1bé"#,
            ])
        #expect(
            try Tool.run("scan", store, "--hex").lines.last == "fe\tff1bc3a9")
    }

    @Test func `as JSON prints an object a line`() throws {
        _ = try Tool.run("set", store, "text", "a\n\"b\"\u{7}")
        _ = try Tool.run("set", store, "ff", "00ff", "--hex")
        let lines: [Line] = try Tool.run("scan", store, "--json").lines.map { try decode($0) }
        #expect(lines == [Line(key: "text", value: "a\n\"b\"\u{7}"), Line(key_hex: "ff", value_hex: "00ff")])
        let hex: [Line] = try Tool.run("scan", store, "--json", "--hex").lines.map { try decode($0) }
        #expect(hex.first == Line(key_hex: Hexadecimals.of(Array("text".utf8)), value_hex: "610a22622207"))
    }

    @Test func `prints numbers where keys are integers, in the order of the numbers`() throws {
        struct Line: Decodable, Equatable { var key: Int, value: String }
        try makeStore(at: store) {
            let cache = try $0.cache("numbers", key: .int, value: .string)
            for key in [10, -3, 0, 9] { try cache.setBlocking("v", for: key) }
        }
        #expect(try Tool.run("scan", store, "--cache", "numbers", "--keys").lines == ["-3", "0", "9", "10"])
        #expect(
            try Tool.run("scan", store, "--cache", "numbers", "--from", "0", "--to", "10", "--keys").lines
                == ["0", "9"])
        let lines: [Line] = try Tool.run("scan", store, "--cache", "numbers", "--json").lines.map { try decode($0) }
        #expect(lines.map(\.key) == [-3, 0, 9, 10])
        #expect(try Tool.run("scan", store, "--cache", "numbers", "--prefix", "1").status == 64)
    }

    @Test func `leaves out what has expired`() throws {
        try makeStore(at: store) {
            let cache = try $0.cache("default", key: .string, value: .string)
            try cache.setBlocking("v", for: "expired", expires: .at(millisecondsSince1970: 1))
            try cache.setBlocking("v", for: "live")
        }
        #expect(try keys() == ["live"])
    }

    @Test func `of an absent store exits 66, and prints nothing for an empty cache`() throws {
        #expect(try Tool.run("scan", store).status == 66)
        #expect(!exists(store))
        try makeStore(at: store) { _ = try $0.cache("default", key: .string, value: .bytes) }
        #expect(try keys() == [])
    }

    @Test func `passes over a damaged record, names it, and exits 65`() throws {
        try fill("a", "b", "c")
        try flipBit(store, of: "value of b")
        let outcome = try Tool.run("scan", store)
        #expect(outcome.status == 65)
        #expect(outcome.lines == ["a\tvalue of a", "c\tvalue of c"])
        let named = try #require(try outcome.errors.firstMatch(of: Regex("key hash ([0-9a-f]{16})")))
        let hash = String(outcome.errors[named.output[1].range!])

        // The hash leads back to the key, damaged or not.
        let found = try Tool.run("scan", store, "--hash", hash, "--keys")
        #expect(found.status == 65)
        #expect(found.lines == ["b"])
        let json = try Tool.run("scan", store, "--hash", hash, "--json")
        #expect(try json.lines.map { try decode(Line.self, $0) } == [Line(key: "b", damaged: true)])
        #expect(try Tool.run("delete", store, "b").status == 0)
        #expect(try Tool.run("scan", store, "--hash", hash).status == 1)
        #expect(try Tool.run("scan", store).status == 0)
    }

    @Test func `finds a sound key by its hash`() throws {
        try fill("a", "b", "c")
        let hash = try {
            let opened = try Store(at: store)
            defer { try? opened.close() }
            return hexadecimal(try opened.rawCache("default").keyHash(of: Array("b".utf8).span))
        }()
        #expect(try keys("--hash", hash) == ["b"])
        for hash in ["", "12", "xyz", hash + "0", String(repeating: "g", count: 16)] {
            #expect(try Tool.run("scan", store, "--hash", hash).status == 64)
        }
    }
}
