import Foundation
import Larder
import Testing

@Suite struct `kvtool set` {
    private let scratch = ScratchDirectory()
    private var store: String { scratch.store }

    @Test func `makes a missing store and cache, and says nothing`() throws {
        let outcome = try Tool.run("set", store, "k", "v", "--cache", "new")
        #expect(outcome.status == 0)
        #expect(outcome.output == [])
        #expect(outcome.errors == "")
        let opened = try Store(at: store, options: StoreOptions(createsIfMissing: false))
        defer { try? opened.close() }
        #expect(try opened.cache("new", key: .string, value: .bytes).value(for: "k") == Array("v".utf8))
    }

    @Test func `takes the value from standard input to its end if none is given`() throws {
        let value = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        #expect(try Tool.run("set", store, "k", input: value).status == 0)
        #expect(try Tool.run("get", store, "k").output == value)
        #expect(try Tool.run("set", store, "empty", input: []).status == 0)
        let empty = try Tool.run("get", store, "empty")
        #expect(empty.status == 0)
        #expect(empty.output == [])
    }

    @Test func `round-trips every byte through --hex`() throws {
        let all = Hexadecimals.of(Array(0...255))
        #expect(try Tool.run("set", store, "00ff", all, "--hex").status == 0)
        #expect(try Tool.run("get", store, "00ff", "--hex").text == all)
        #expect(try Tool.run("set", store, "01", "--hex", input: Array((all.uppercased() + "\n").utf8)).status == 0)
        #expect(try Tool.run("get", store, "01", "--hex").text == all)
        #expect(try Tool.run("set", store, "02", "abc", "--hex").status == 64)
        #expect(try Tool.run("get", store, "02", "--hex").status == 1)
    }

    @Test(arguments: ["", String(repeating: "k", count: 512)])
    func `of an invalid key exits 64 and makes neither store nor cache`(key: String) throws {
        #expect(try Tool.run("set", store, key, "v").status == 64)
        #expect(!exists(store))
        _ = try Tool.run("set", store, "k", "v")
        #expect(try Tool.run("set", store, key, "v", "--cache", "other").status == 64)
        #expect(try Tool.run("scan", store, "--cache", "other").status == 66)
    }

    @Test(arguments: ["", String(repeating: "c", count: 256)])
    func `refuses a cache's name that no cache can have`(name: String) throws {
        #expect(try Tool.run("set", store, "k", "v", "--cache", name).status == 64)
        #expect(!exists(store))
    }

    @Test func `keeps the codings of a cache that is there`() throws {
        try makeStore(at: store) { _ = try $0.cache("numbers", key: .integer(UInt16.self), value: .string) }
        #expect(try Tool.run("set", store, "65535", "largest", "--cache", "numbers").status == 0)
        #expect(try Tool.run("set", store, "65536", "too large", "--cache", "numbers").status == 64)
        #expect(try Tool.run("set", store, "1", "--cache", "numbers", input: [0xff]).status == 64, "not UTF-8")
        let opened = try Store(at: store)
        defer { try? opened.close() }
        let cache = try opened.cache("numbers", key: .integer(UInt16.self), value: .string)
        #expect(try cache.entries().map(\.key) == [.max])
        #expect(try cache.value(for: .max) == "largest")
    }

    @Test func `gives an entry the time to live that is asked for`() throws {
        #expect(try Tool.run("set", store, "k", "v", "--expires-in", "2h").status == 0)
        #expect(try Tool.run("set", store, "forever", "v").status == 0)
        do {
            let opened = try Store(at: store)
            defer { try? opened.close() }
            let cache = try opened.cache("default", key: .string, value: .bytes)
            let left = try #require(try cache.remainingTimeToLive(for: "k"))
            #expect(left > .seconds(3_600) && left <= .seconds(7_200))
            #expect(try cache.remainingTimeToLive(for: "forever") == nil)
        }
        for time in ["0", "-1", "soon", "5 m", "1y"] {
            #expect(try Tool.run("set", store, "k", "v", "--expires-in=\(time)").status == 64, "\(time)")
        }
    }

    @Test func `as JSON says what was set`() throws {
        struct Answer: Decodable, Equatable { var cache: String, key: String, bytes: Int }
        let answer: Answer = try decode(try Tool.run("set", store, "k", "value", "--json").text)
        #expect(answer == Answer(cache: "default", key: "k", bytes: 5))
    }

    @Test func `where no store can be made exits 74`() throws {
        let outcome = try Tool.run("set", "/dev/null/store", "k", "v")
        #expect(outcome.status == 74)
        #expect(outcome.errors.hasPrefix("Error: "))
    }
}

/// The obvious way to write bytes as digits.
enum Hexadecimals {
    static func of(_ bytes: [UInt8]) -> String {
        bytes.map { String(format: "%02x", $0) }.joined()
    }
}
