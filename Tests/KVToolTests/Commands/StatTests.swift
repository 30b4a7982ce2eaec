import Foundation
import Larder
import Testing

@Suite struct `kvtool stat` {
    private let scratch = ScratchDirectory()
    private var store: String { scratch.store }

    private struct Report: Decodable {
        var store: String
        var file_bytes: Int
        var used_bytes: Int
        var disk_budget_bytes: Int?
        var map_bytes: Int
        var reader_lag: Int
        var caches: [Cache]

        struct Cache: Decodable {
            var name: String
            var entries: Int
            var file_bytes: Int
            var key_coding: String
            var value_coding: String
            var version: Int
            var created_ms: UInt64
        }
    }

    private func fill() throws {
        try makeStore(at: store) { store in
            let names = try store.cache("names", key: .string, value: .string, options: .init(version: 3))
            for key in 0..<100 { try names.setBlocking("value", for: "\(key)") }
            try names.setBlocking("gone", for: "expired", expires: .at(millisecondsSince1970: 1))
            let numbers = try store.cache("numbers", key: .int64, value: .bytes)
            try numbers.setBlocking([UInt8](repeating: 7, count: 100_000), for: 1)
        }
    }

    @Test func `says what each cache holds`() throws {
        try fill()
        let report: Report = try decode(try Tool.run("stat", store, "--json").text)
        #expect(report.store == store)
        #expect(report.caches.map(\.name) == ["names", "numbers"])
        #expect(report.caches.map(\.entries) == [100, 1])
        #expect(report.caches.map(\.key_coding) == ["utf8", "int64"])
        #expect(report.caches.map(\.value_coding) == ["utf8", "bytes"])
        #expect(report.caches.map(\.version) == [3, 0])
        #expect(report.caches[1].file_bytes >= 100_000)
        #expect(report.file_bytes > report.caches.reduce(0) { $0 + $1.file_bytes })
        #expect(report.map_bytes >= report.file_bytes)
    }

    @Test func `says what of a cache's budget is in use`() throws {
        try fill()
        #expect(try (decode(try Tool.run("stat", store, "--json").text) as Report).disk_budget_bytes == nil)
        let cache = store + ".cache"
        try Store(at: cache, options: .init(purpose: .cache(diskBudget: .mebibytes(8)))).close()
        #expect(try Tool.run("set", cache, "k", "v").status == 0)
        let report: Report = try decode(try Tool.run("stat", cache, "--json").text)
        #expect(report.disk_budget_bytes == 8 << 20)
        #expect(report.used_bytes <= report.file_bytes && report.used_bytes > 0)
        #expect(try Tool.run("stat", cache).text.contains("budget of 8.0 MiB"))
    }

    @Test func `shows a table to people`() throws {
        try fill()
        let outcome = try Tool.run("stat", store)
        #expect(outcome.status == 0)
        #expect(outcome.errors == "")
        #expect(
            outcome.lines.contains { $0.split(separator: " ").prefix(3) == ["names", "100", "4.0"] }, "\(outcome.text)"
        )
        #expect(outcome.lines.allSatisfy { !$0.hasSuffix(" ") })
    }

    @Test func `shows one cache if asked, and exits 66 if it is not there`() throws {
        try fill()
        let report: Report = try decode(try Tool.run("stat", store, "--cache", "numbers", "--json").text)
        #expect(report.caches.map(\.name) == ["numbers"])
        #expect(try Tool.run("stat", store, "--cache", "absent").status == 66)
    }

    @Test func `of an absent store exits 66 and makes nothing`() throws {
        #expect(try Tool.run("stat", store).status == 66)
        #expect(!exists(store))
    }
}
