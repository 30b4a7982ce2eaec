import Foundation
import Larder
import Testing

@testable import kvtool

@Suite struct `kvtool verify` {
    private let scratch = ScratchDirectory()
    private var store: String { scratch.store }
    private var journal: String { scratch.path + "/journal" }

    private struct Report: Decodable {
        var sound: Bool
        var caches: [Cache]
        var damaged_records: [Record]
        var problems: [String]
        var acknowledged: Int?
        var lost: Int?
        var wrong_values: Int?

        struct Cache: Decodable, Equatable {
            var name: String
            var records: Int
            var payload_bytes: Int
            var damaged: Int
        }

        struct Record: Decodable, Equatable {
            var cache: String
            var key_hash: String
            var key_hex: String
        }
    }

    private func fill() throws {
        try makeStore(at: store) { store in
            for name in ["first", "second"] {
                let cache = try store.cache(name, key: .string, value: .string)
                for key in 0..<50 { try cache.setBlocking("value \(key) of \(name).", for: "\(key)") }
            }
        }
    }

    @Test func `finds nothing wrong with a sound store`() throws {
        try fill()
        let outcome = try Tool.run("verify", store)
        #expect(outcome.status == 0)
        #expect(outcome.errors == "")
        let report: Report = try decode(try Tool.run("verify", store, "--json").text)
        #expect(report.sound)
        #expect(report.caches.map(\.name) == ["first", "second"])
        #expect(report.caches.map(\.records) == [50, 50])
        #expect(report.damaged_records.isEmpty && report.problems.isEmpty)
        #expect(report.acknowledged == nil)
    }

    @Test func `finds nothing wrong with values that a transaction wrote again, larger or smaller`() throws {
        try makeStore(at: store) { store in
            let cache = try store.cache("default", key: .string, value: .bytes)
            for sizes in [[20_000, 5_000], [5_000, 20_000], [20_000, 10], [20_000, 0, 9_000]] {
                try store.writeBlocking { transaction in
                    for size in sizes {
                        try transaction.set([UInt8](repeating: 1, count: size), for: "\(sizes)", in: cache)
                    }
                }
            }
        }
        let outcome = try Tool.run("verify", store)
        #expect(outcome.status == 0, "\(outcome.text)")
        #expect(!outcome.text.contains("lost"))
    }

    @Test func `names every damaged record, goes on after it, and exits 65`() throws {
        try fill()
        for pattern in ["value 7 of first.", "value 8 of first.", "value 49 of second."] {
            try flipBit(store, of: pattern)
        }
        let outcome = try Tool.run("verify", store)
        #expect(outcome.status == 65)
        #expect(outcome.errors == "Error: 3 records damaged\n")
        let named = outcome.lines.filter { $0.hasPrefix("damaged: ") }
        #expect(named.count == 3)
        #expect(named.filter { $0.contains("cache 'first', key hash ") }.count == 2)

        let json = try Tool.run("verify", store, "--json")
        #expect(json.status == 65)
        let report: Report = try decode(json.text)
        #expect(!report.sound)
        #expect(report.caches.map(\.records) == [48, 49])
        #expect(report.caches.map(\.damaged) == [2, 1])
        #expect(Set(report.damaged_records.map(\.key_hex)) == ["37", "38", "3439"])
    }

    @Test func `shows keys only if asked`() throws {
        try makeStore(at: store) {
            try $0.cache("c", key: .string, value: .string).setBlocking("the damaged value", for: "secret-key")
        }
        try flipBit(store, of: "the damaged value")
        let key = Hexadecimals.of(Array("secret-key".utf8))
        let plain = try Tool.run("verify", store)
        #expect(!plain.text.contains("secret") && !plain.text.contains(key) && !plain.errors.contains("secret"))
        #expect(try Tool.run("verify", store, "--hex").text.contains("key \(key)\n"))
    }

    @Test func `shows the records of one cache if asked`() throws {
        try fill()
        try flipBit(store, of: "value 7 of first.")
        #expect(try Tool.run("verify", store, "--cache", "first").status == 65)
        let second = try Tool.run("verify", store, "--cache", "second", "--json")
        #expect(second.status == 0)
        #expect(try decode(Report.self, second.text).caches.map(\.name) == ["second"])
        #expect(try Tool.run("verify", store, "--cache", "third").status == 66)
    }

    @Test(arguments: [0, 0xff] as [UInt8])
    func `exits 65 when a page of the file is overwritten`(filler: UInt8) throws {
        try fill()
        let places = try damage(store, where: Array("value 7 of first.".utf8)) { file, place in
            for index in (place & ~0xfff)..<(place | 0xfff) { file[index] = filler }
        }
        #expect(places > 0)
        let outcome = try Tool.run("verify", store)
        #expect(outcome.status == 65)
        #expect(outcome.lines.contains { $0.hasPrefix("damaged: page ") }, "\(outcome.text)\(outcome.errors)")
    }

    @Test(arguments: [1_000, 8_192, 12_288, 20_480] as [UInt64])
    func `exits 65 when the file was cut short`(length: UInt64) throws {
        try fill()
        try cutShort(store, to: length)
        let outcome = try Tool.run("verify", store)
        #expect(outcome.status == 65)
        #expect(outcome.errors.hasPrefix("Error: "))
    }

    @Test func `of an absent store exits 66 and makes nothing`() throws {
        #expect(try Tool.run("verify", store).status == 66)
        #expect(!exists(store))
    }

    @Test func `finds the acknowledged writes of a journal that are lost`() throws {
        try makeStore(at: store) { store in
            let cache = try store.cache("default", key: .string, value: .bytes)
            func set(_ key: UInt64, _ version: UInt64) throws {
                try cache.setBlocking(ReplayValue.make(key: key, version: version, size: 100), for: "\(key)")
            }
            try set(1, 3)
            try set(2, 1)
            try set(4, 9)
            try cache.setBlocking(Array("mine".utf8), for: "not-a-number")
        }
        // Of key 1 every version is covered by the third; key 2 is one version behind; key 3 is not there; a later version of key 4 is.
        try Data("1 1\n1 2\n2 1\n1 3\n2 2\n3 1\n4 8\n".utf8).write(to: URL(fileURLWithPath: journal))
        let outcome = try Tool.run("verify", store, "--journal", journal)
        #expect(outcome.status == 65)
        #expect(outcome.lines.suffix(3) == ["wrong values: 0", "acknowledged: 7", "lost: 2"])
        #expect(outcome.errors == "Error: 2 acknowledged writes lost\n")
        let report: Report = try decode(try Tool.run("verify", store, "--journal", journal, "--json").text)
        #expect(report.acknowledged == 7)
        #expect(report.lost == 2)
        #expect(!report.sound)
    }

    @Test func `finds values that are not what a replay wrote`() throws {
        try makeStore(at: store) { store in
            let cache = try store.cache("default", key: .string, value: .bytes)
            var torn = ReplayValue.make(key: 1, version: 1, size: 5_000)
            torn[4_999] ^= 1
            try cache.setBlocking(torn, for: "1")
            try cache.setBlocking(ReplayValue.make(key: 7, version: 1, size: 50), for: "2")
            try cache.setBlocking(ReplayValue.make(key: 3, version: 1, size: 50), for: "3")
        }
        try Data("1 1\n3 1\n".utf8).write(to: URL(fileURLWithPath: journal))
        let outcome = try Tool.run("verify", store, "--journal", journal, "--json")
        #expect(outcome.status == 65)
        let report: Report = try decode(outcome.text)
        #expect(report.wrong_values == 2)
        #expect(report.lost == 1)
    }

    @Test func `does not count a last line of the journal that was never finished`() throws {
        try makeStore(at: store) { _ = try $0.cache("default", key: .string, value: .bytes) }
        try Data("1 ".utf8).write(to: URL(fileURLWithPath: journal))
        let outcome = try Tool.run("verify", store, "--journal", journal)
        #expect(outcome.status == 0)
        #expect(outcome.lines.suffix(2) == ["acknowledged: 0", "lost: 0"])
    }

    @Test func `refuses a journal that is not there or malformed`() throws {
        try fill()
        #expect(try Tool.run("verify", store, "--journal", journal).status == 66)
        for text in ["1\n", "1 2 3\n", "a 1\n", "1 -1\n", "\n"] {
            try Data(text.utf8).write(to: URL(fileURLWithPath: journal))
            #expect(try Tool.run("verify", store, "--journal", journal).status == 65, "\(text)")
        }
    }
}
