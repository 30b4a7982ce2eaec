import Foundation
import Testing

@testable import LarderBench

@Suite("Rows, tables and counters")
struct ReportTests {
    private func row(_ peer: String, rep: Int, ns: Double) -> Row {
        var row = Row(
            peer: peer, case: "mem_get_hit", threads: 1, n: 10, vsize: 100, dist: "z", durable: false, rep: rep)
        row.nanosecondsPerOp = ns
        return row
    }

    @Test("A row is one line of JSON with the project's names, and reads back")
    func rowsReadBack() throws {
        var row = row("larder", rep: 2, ns: 12.5)
        row.nanosecondsPerOpP50 = 11
        row.flushesPerOp = 2
        let line = try row.line()
        #expect(!line.contains("\n"))
        #expect(
            line == """
                {"case":"mem_get_hit","dist":"z","durable":false,"fsyncs_per_op":2,"n":10,"ns_per_op":12.5,\
                "ns_per_op_p50":11,"peer":"larder","rep":2,"threads":1,"vsize":100}
                """)
        #expect(try Row.read(lines: line + "\n") == [row])
    }

    @Test("The median of an even number is the mean of the middle two")
    func medians() {
        #expect([3.0, 1, 2].median == 2)
        #expect([4.0, 1, 2, 3].median == 2.5)
        #expect([Double]().median == nil)
        #expect([90.0, 100, 120].spread == 0.3)
    }

    @Test("Percentiles are by nearest rank")
    func percentiles() {
        let samples = (1...100).map(UInt64.init)
        #expect(Latencies.percentile(0.5, of: samples) == 50)
        #expect(Latencies.percentile(0.99, of: samples) == 99)
        #expect(Latencies.percentile(0.99, of: [7]) == 7)
        #expect(Latencies.percentile(0.5, of: []) == nil)
    }

    @Test("A ratio is taken inside each repetition and is the median of those")
    func ratiosPairRepetitions() {
        // The machine was twice as slow in the second repetition, for both alike.
        let rows = [
            row("larder", rep: 0, ns: 100), row("lmdb", rep: 0, ns: 500),
            row("larder", rep: 1, ns: 200), row("lmdb", rep: 1, ns: 1_000),
            row("larder", rep: 2, ns: 100), row("lmdb", rep: 2, ns: 600),
        ]
        #expect(Table.ratio(of: "larder", to: "lmdb", in: rows) == 5)
        #expect(Table.ratio(of: "lmdb", to: "larder", in: rows) == nil)
        #expect(Table(rows).markdown().contains("| lmdb | 600.0 | 83 % | 5.00 |"))
    }

    @Test("Counters keep their file, show what changed, and keep the date of what did not")
    func countersShowChanges() throws {
        var first = row("larder", rep: 0, ns: 1)
        first.flushesPerOp = 2
        first.bytesWrittenPerOp = 8_000
        var kept = Counters([first], date: "2026-01-01")
        #expect(try Counters(text: kept.text).entries == kept.entries)
        #expect(kept.changes(in: Counters([first], date: "2026-02-02")).isEmpty)

        first.bytesWrittenPerOp = 4_000
        let newer = Counters([first], date: "2026-02-02")
        let changes = kept.changes(in: newer)
        #expect(changes.count == 1)
        #expect(changes[0].contains("8000.0 (2026-01-01) -> 4000.0") && changes[0].contains("-50.00 %"))
        kept.merge(newer)
        #expect(kept.entries.values.map(\.date).sorted() == ["2026-01-01", "2026-02-02"])
    }

    @Test("A file that is no counters' file is refused")
    func refusesOtherFiles() {
        #expect(throws: BenchmarkFailure.self) { try Counters(text: "a\tb\n") }
    }

    @Test("Threads are timed together, and what one throws reaches the caller")
    func intervalsCarryErrors() throws {
        struct Expected: Error {}
        #expect(throws: Expected.self) {
            try Interval.measure(threads: 4) {
                $0
            } body: { index, prepared in
                #expect(index == prepared)
                if index == 2 { throw Expected() }
            }
        }
        let interval = try Interval.measure(threads: 4) { _ in
        } body: { _, _ in
            Thread.sleep(forTimeInterval: 0.01)
        }
        #expect(interval.wall >= 10_000_000)
    }

    @Test("Tasks return in the order of their numbers")
    func tasksReturnInOrder() throws {
        #expect(try runTasks(20) { $0 * $0 } == (0..<20).map { $0 * $0 })
    }
}
