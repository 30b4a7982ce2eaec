import Dispatch
import Foundation
import Larder
import Testing

@testable import kvtool

@Suite struct `Beside a running service, kvtool` {
    private let scratch = ScratchDirectory()
    private var store: String { scratch.store }

    @Test func `reads, writes and deletes while a replay runs`() throws {
        let replay = try RunningTool("replay", store, "-", "--writes", "0.3", "--json")
        try replay.feed("1,50\n2,50\n")
        #expect(replay.waits { (try? Tool.run("get", store, "2").status) == 0 })
        let feeder = Thread {
            // What fits in the pipe and no more, so that the replay goes on for as long as the test.
            for number in 0..<2_000 where (try? replay.feed("\(number % 500),200\n")) == nil { return }
        }
        feeder.start()
        for round in 0..<5 {
            #expect(try Tool.run("set", store, "by-hand-\(round)", "value \(round)").status == 0)
            #expect(try Tool.run("get", store, "by-hand-\(round)").text == "value \(round)")
            #expect(try Tool.run("get", store, "1").status == 0)
            #expect(try Tool.run("scan", store, "--prefix", "by-hand", "--keys").lines.count == 1)
            #expect(try Tool.run("stat", store).status == 0)
            #expect(try Tool.run("verify", store).status == 0)
            #expect(try Tool.run("delete", store, "by-hand-\(round)").status == 0)
            #expect(try Tool.run("get", store, "by-hand-\(round)").status == 1)
        }
        #expect(replay.isRunning)
        while feeder.isExecuting { usleep(1_000) }
        let outcome = try replay.finish()
        #expect(outcome.status == 0, "\(outcome.errors)")
        struct Report: Decodable { var requests: Int, wrong_values: Int }
        let report: Report = try decode(outcome.text)
        #expect(report.requests == 2_002)
        #expect(report.wrong_values == 0)
    }

    @Test func `is seen by the service's next read, and sees its writes`() throws {
        let service = try Store(at: store)
        defer { try? service.close() }
        let cache = try service.cache("default", key: .string, value: .bytes)
        try cache.setBlocking(Array("old".utf8), for: "k")
        for round in 0..<5 {
            #expect(try cache.value(for: "k") != nil, "so that memory holds it")
            #expect(try Tool.run("set", store, "k", "by hand \(round)").status == 0)
            #expect(try cache.value(for: "k") == Array("by hand \(round)".utf8))
            try cache.setBlocking(Array("by the service \(round)".utf8), for: "k")
            #expect(try Tool.run("get", store, "k").text == "by the service \(round)")
        }
        #expect(try Tool.run("delete", store, "k").status == 0)
        #expect(try cache.value(for: "k") == nil)
    }

    @Test func `refuses a file of locks that was cut short, and goes on when it is whole again`() throws {
        let service = try Store(at: store)
        let cache = try service.cache("default", key: .string, value: .bytes)
        try cache.setBlocking(Array("v".utf8), for: "k")
        // By another process: where this one closes the file, its locks are gone.
        let outcome = try Tool.shell(
            #"""
            cp "$1/writer.lock" "$1/kept" && : > "$1/writer.lock"
            "$0" get "$1" k
            status=$?
            cat "$1/kept" > "$1/writer.lock" && rm "$1/kept"
            exit $status
            """#, store)
        #expect(outcome.status == 65, "\(outcome.errors)")
        #expect(outcome.text == "")
        #expect(outcome.errors.contains("writer.lock"))
        #expect(try Tool.run("get", store, "k").text == "v")
        try cache.setBlocking(Array("w".utf8), for: "k")
        #expect(try Tool.run("get", store, "k").text == "w")
        try service.close()
    }

    @Test func `does not wait for a writer to read`() throws {
        let service = try Store(at: store)
        defer { try? service.close() }
        let cache = try service.cache("default", key: .string, value: .bytes)
        try cache.setBlocking([1], for: "k")
        try service.writeBlocking { transaction in
            try transaction.set([2], for: "k", in: cache)
            // While the write lock is held, and what was written is not committed.
            for arguments in [["get", store, "k"], ["scan", store], ["stat", store], ["verify", store]] {
                let outcome = try Tool.shell(#""$0" "$@""#, arguments)
                #expect(outcome.status == 0)
                #expect(arguments[0] != "get" || outcome.output == [1])
            }
        }
        #expect(try Tool.run("get", store, "k").output == [2])
    }

    @Test func `leaves expired records to the service`() throws {
        try makeStore(at: store) {
            let cache = try $0.cache("default", key: .string, value: .string)
            try cache.setBlocking("v", for: "k", expires: .at(millisecondsSince1970: 1))
        }
        let before = try bytes(of: store + "/data.mdb")
        for arguments in [["get", store, "k"], ["scan", store], ["stat", store], ["verify", store]] {
            _ = try Tool.shell(#""$0" "$@""#, arguments)
        }
        #expect(try bytes(of: store + "/data.mdb") == before, "reading writes nothing")
    }

    @Test func `exits 75 when every reader slot is taken`() throws {
        let service = try Store(at: store, options: StoreOptions(maximumReaders: 1))
        defer { try? service.close() }
        let cache = try service.cache("default", key: .string, value: .bytes)
        try cache.setBlocking([1], for: "k")
        try service.read { _ in
            let outcome = try Tool.run("get", store, "k")
            #expect(outcome.status == 75)
            #expect(outcome.output == [])
        }
    }
}
