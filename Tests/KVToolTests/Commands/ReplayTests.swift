import Foundation
import Larder
import TestSupport
import Testing

@testable import kvtool

@Suite struct `kvtool replay` {
    private let scratch = ScratchDirectory()
    private var store: String { scratch.store }
    private var journal: String { scratch.path + "/journal" }

    private struct Report: Decodable {
        struct Hits<Count: Decodable>: Decodable { var memory: Count, disk: Count, source: Count }
        var requests: Int
        var reads: Int
        var writes: Int
        var seconds: Double
        var requests_per_second: Double
        var hits: Hits<Int>
        var hit_ratio: Hits<Double?>
        var loads: Int
        var commits: Int
        var transactions: Int
        var transactions_per_commit: Double
        var bytes_written: Int
        var file_bytes: Int
        var wrong_values: Int
    }

    /// Requests of some popular and some rare keys, sizes included.
    private func trace(requests: Int, keys: UInt64) -> String {
        var numbers = SeededGenerator(seed: 1)
        var text = "# name=test requests=\(requests)\n"
        for _ in 0..<requests {
            let key = min(numbers.next() % keys, numbers.next() % keys)
            text += "\(key),\(key * 97 % 3_000)\n"
        }
        return text
    }

    @Test func `serves every request, from the tier that has it`() throws {
        let trace = Array(trace(requests: 3_000, keys: 200).utf8)
        let first = try Tool.run("replay", store, "-", "--json", input: trace)
        #expect(first.status == 0)
        #expect(first.errors == "")
        let cold: Report = try decode(first.text)
        #expect(cold.requests == 3_000)
        #expect(cold.reads + cold.writes == 3_000)
        #expect(cold.writes > 100 && cold.writes < 500)
        #expect(cold.hits.memory + cold.hits.disk + cold.hits.source == cold.reads)
        #expect(cold.loads > 0)
        #expect(cold.hits.source >= cold.loads)
        #expect(cold.transactions >= cold.writes && cold.commits < cold.transactions)
        #expect(cold.wrong_values == 0)

        // Everything is in the store now: memory and disk answer, and the source is not asked.
        let warm: Report = try decode(try Tool.run("replay", store, "-", "--json", input: trace).text)
        #expect(warm.loads == 0)
        #expect(warm.hits.source == 0)
        #expect(warm.hits.disk > 0 && warm.hits.memory > 0)
        #expect(warm.wrong_values == 0)
    }

    @Test func `leaves each key of the trace in the store with a value of its own`() throws {
        let trace = trace(requests: 1_000, keys: 50)
        #expect(try Tool.run("replay", store, "-", input: Array(trace.utf8)).status == 0)
        let opened = try Store(at: store)
        defer { try? opened.close() }
        let cache = try opened.cache("default", key: .string, value: .bytes)
        let keys = Set(trace.split(separator: "\n").dropFirst().map { String($0.split(separator: ",")[0]) })
        #expect(Set(try cache.entries().map(\.key)) == keys)
        for (key, value) in try cache.entries() {
            #expect(ReplayValue.verifiedVersion(of: value.span, key: UInt64(key)!) != nil)
            #expect(value.count == max(24, UInt64(key)! * 97 % 3_000).asInt)
        }
    }

    @Test func `reads the recorded trace, gzip'd as it is`() throws {
        let outcome = try Tool.run(
            "replay", store, TraceFileTests.fixture, "--json", "--writes", "0", "--max-value-size", "64")
        let report: Report = try decode(outcome.text)
        #expect(report.requests == 110_305)
        #expect(report.writes == 0)
        #expect(report.loads == 5_636)
        #expect(report.hits.source >= report.loads)
        #expect(report.wrong_values == 0)
        #expect(try Tool.run("scan", store, "--keys").lines.count == 5_636)
    }

    @Test func `takes the share of writes, the sizes and the number of tasks that it is told`() throws {
        let trace = (0..<200).map { "\($0),100000\n" }.joined()
        let outcome = try Tool.run(
            "replay", store, "-", "--json", "--writes", "1", "--max-value-size", "1K", "--tasks", "1",
            input: Array(trace.utf8))
        let report: Report = try decode(outcome.text)
        #expect(report.writes == 200)
        #expect(report.transactions == 200)
        #expect(report.commits == 200, "one task, one commit each")
        #expect(report.bytes_written == 200 * 1_024)
        let unsized = try Tool.run(
            "replay", store, "-", "--json", "--writes", "1", "--value-size", "500", "--cache", "c",
            input: Array("1\n2\n".utf8))
        #expect(try decode(Report.self, unsized.text).bytes_written == 1_000)
    }

    @Test func `notes each acknowledged write in the journal`() throws {
        let trace = Array(trace(requests: 2_000, keys: 100).utf8)
        for round in 1...2 {
            let before = (try? Journal.entries(of: journal).count) ?? 0
            let outcome = try Tool.run("replay", store, "-", "--journal", journal, "--json", input: trace)
            let entries = try Journal.entries(of: journal)
            #expect(entries.count - before == (try decode(Report.self, outcome.text)).writes)
            // The versions of a key go up by one, from one replay to the next too.
            var versions: [UInt64: UInt64] = [:]
            for entry in entries {
                #expect(entry.version == versions[entry.key, default: 0] + 1)
                versions[entry.key] = entry.version
            }
            let verified = try Tool.run("verify", store, "--journal", journal)
            #expect(verified.status == 0, "round \(round)")
            #expect(verified.lines.suffix(2) == ["acknowledged: \(entries.count)", "lost: 0"])
        }
    }

    @Test func `loses nothing that it acknowledged when it is killed`() async throws {
        // On a thread of its own: other tests need theirs meanwhile.
        try await inThread { [store, journal, trace = trace(requests: 2_000, keys: 2_000)] in
            for round in 1...5 {
                let replay = try RunningTool("replay", store, "-", "--journal", journal, "--writes", "0.5")
                let before = (try? bytes(of: journal).count) ?? 0
                let feeder = Thread { while (try? replay.feed(trace)) != nil {} }
                feeder.start()
                #expect(replay.waits { (try? bytes(of: journal).count) ?? 0 > before + 1_000 * round })
                #expect(try replay.kill().status == SIGKILL)
                let verified = try Tool.run("verify", store, "--journal", journal)
                #expect(verified.status == 0, "\(verified.text)\(verified.errors)")
                #expect(verified.lines.last == "lost: 0")
            }
        }
    }

    @Test func `notices an acknowledged write that is gone`() throws {
        _ = try Tool.run("replay", store, "-", "--journal", journal, "--writes", "1", input: Array("1,50\n2,50\n".utf8))
        #expect(try Tool.run("delete", store, "1").status == 0)
        let outcome = try Tool.run(
            "replay", store, "-", "--journal", journal, "--writes", "0", "--json", input: Array("1,50\n2,50\n".utf8))
        #expect(outcome.status == 65)
        #expect(try decode(Report.self, outcome.text).wrong_values == 1)
    }

    @Test func `leaves no store behind for a trace that is not there, and says 65 for a malformed one`() throws {
        #expect(try Tool.run("replay", store, scratch.path + "/absent").status == 66)
        #expect(!exists(store))
        let malformed = try Tool.run("replay", store, "-", input: Array("1,10\n2,20\nthree\n".utf8))
        #expect(malformed.status == 65)
        #expect(malformed.errors == "Error: Line 3: the key is not an unsigned decimal integer\n")
    }

    @Test(arguments: [
        "--tasks=0", "--tasks=x", "--writes=1.1", "--writes=-0.1", "--max-value-size=1T", "--max-value-size=-1",
        "--value-size=2G", "--cache=",
    ])
    func `refuses an option out of its range`(option: String) throws {
        #expect(try Tool.run("replay", store, "-", option).status == 64)
        #expect(!exists(store))
    }

    @Test func `refuses a cache of other codings`() throws {
        try makeStore(at: store) { _ = try $0.cache("numbers", key: .int, value: .string) }
        #expect(try Tool.run("replay", store, "-", "--cache", "numbers").status == 64)
    }

    @Test func `shows progress on a terminal only, and takes it away`() throws {
        let file = scratch.path + "/trace"
        try Data(trace(requests: 400, keys: 400).utf8).write(to: URL(fileURLWithPath: file))
        let shown = try Terminal().run("replay", store, file, "--tasks", "1", "--writes", "1", showing: \.errors)
        #expect(shown.contains("of 400 requests"))
        #expect(shown.hasSuffix("\r\u{1b}[K"))
        #expect(try Tool.run("replay", store, file).errors == "")
    }
}

extension UInt64 {
    fileprivate var asInt: Int { Int(self) }
}
