import Larder
import Testing

@Suite struct `kvtool delete` {
    private let scratch = ScratchDirectory()
    private var store: String { scratch.store }

    @Test func `removes a key, and exits 1 when there is none`() throws {
        _ = try Tool.run("set", store, "a", "1")
        _ = try Tool.run("set", store, "b", "2")
        let outcome = try Tool.run("delete", store, "a")
        #expect(outcome.status == 0)
        #expect(outcome.output == [])
        #expect(outcome.errors == "")
        #expect(try Tool.run("get", store, "a").status == 1)
        #expect(try Tool.run("delete", store, "a").status == 1)
        #expect(try Tool.run("get", store, "b").text == "2")
    }

    @Test func `of an absent store exits 66 and makes nothing`() throws {
        #expect(try Tool.run("delete", store, "a").status == 66)
        #expect(!exists(store))
    }

    @Test func `takes numbers where keys are integers, and bytes with --hex`() throws {
        try makeStore(at: store) {
            let cache = try $0.cache("numbers", key: .int, value: .string)
            for key in [-1, 1, 2] { try cache.setBlocking("v", for: key) }
        }
        #expect(try Tool.run("delete", "--cache", "numbers", "--", store, "-1").status == 0)
        #expect(try Tool.run("delete", store, "8000000000000001", "--hex", "--cache", "numbers").status == 0)
        #expect(try Tool.run("scan", store, "--keys", "--cache", "numbers").lines == ["2"])
        #expect(try Tool.run("delete", store, "two", "--cache", "numbers").status == 64)
    }

    @Test func `removes a damaged record, after which the store is sound`() throws {
        struct Answer: Decodable, Equatable { var cache: String, key: String, was_damaged: Bool }
        _ = try Tool.run("set", store, "damaged", "the value that is to be damaged")
        try flipBit(store, of: "the value that is to be damaged")
        #expect(try Tool.run("verify", store).status == 65)
        let outcome = try Tool.run("delete", store, "damaged", "--json")
        #expect(outcome.status == 0)
        #expect(
            try decode(outcome.text) == Answer(cache: "default", key: "damaged", was_damaged: true))
        #expect(try Tool.run("get", store, "damaged").status == 1)
        #expect(try Tool.run("verify", store).status == 0)
    }
}
