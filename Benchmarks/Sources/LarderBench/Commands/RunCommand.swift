import ArgumentParser
import Foundation

/// Runs a suite: rows to standard output and to the results, then the table.
struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Measures the cases and prints rows and a table.")

    @Flag(help: "Every case and every peer, not only those with a figure to reach.")
    var full = false

    @Option(name: .customLong("case"), parsing: .upToNextOption, help: "Only these cases, with all their peers.")
    var cases: [Case] = []

    @Option(name: .customLong("peer"), parsing: .upToNextOption, help: "Only these peers.")
    var peers: [Peer] = []

    @Option(
        name: .customLong("threads"), parsing: .upToNextOption,
        help: "Only cells of these numbers of readers or writers.")
    var threads: [Int] = []

    @Option(name: .customLong("value-size"), parsing: .upToNextOption, help: "Only cells of these value sizes.")
    var valueSizes: [Int] = []

    @Option(name: .customLong("distribution"), parsing: .upToNextOption, help: "Only cells of these distributions.")
    var distributions: [Distribution] = []

    @Option(help: "Entries held (N).")
    var entries = 1_000_000

    @Option(help: "Repetitions, outermost.")
    var repetitions = 3

    @Option(help: "A directory of traces to replay besides, for hit_ratio.")
    var traces: String?

    @Option(help: "Where the rows, the table and the plots go.")
    var results = "results"

    @Option(help: "Where the peers keep their files: a disk, not a memory file system.")
    var stores = ".build-stores"

    func run() throws {
        try FileManager.default.createDirectory(atPath: results, withIntermediateDirectories: true)
        let path = results + "/latest.jsonl"
        try Data().write(to: URL(fileURLWithPath: path))
        let output = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        var rows: [Row] = []
        let report: (Row) throws -> Void = { row in
            rows.append(row)
            let line = try row.line()
            print(line)
            fflush(nil)
            try output.write(contentsOf: Data((line + "\n").utf8))
        }
        // Absolute, since the Java driver and valgrind get it too.
        let storesPath = URL(fileURLWithPath: stores).path
        let runner = Runner(entries: entries, repetitions: repetitions, stores: storesPath, report: report)
        var (skips, failures) = try runner.run(cells)
        if cases.isEmpty || cases.contains(.hitRatio) {
            skips += try replayTraces(report)
        }
        try output.close()
        let page = page(rows, skips, failures)
        try page.write(toFile: results + "/latest.md", atomically: true, encoding: .utf8)
        print("\n" + page)
        if !failures.isEmpty { throw ExitCode.failure }
    }

    /// The cells of the suite, narrowed to the cases and peers asked for. A case or peer asked for by name is taken from the full suite.
    var cells: [Cell] {
        let suite = full || !cases.isEmpty || !peers.isEmpty ? Suite.everything : Suite.figures
        return suite.compactMap { cell in
            var cell = cell
            if !cases.isEmpty && !cases.contains(cell.case) { return nil }
            if !threads.isEmpty && !threads.contains(cell.threads) { return nil }
            if !valueSizes.isEmpty && !valueSizes.contains(cell.valueSize) { return nil }
            if !distributions.isEmpty && !distributions.contains(cell.distribution) { return nil }
            if !peers.isEmpty { cell.peers.removeAll { !peers.contains($0) } }
            return cell.peers.isEmpty ? nil : cell
        }
    }

    private func replayTraces(_ report: (Row) throws -> Void) throws -> [Runner.Skip] {
        guard let traces else {
            return full || !cases.isEmpty
                ? [Runner.Skip(case: .hitRatio, peer: .caffeine, reason: "no directory of traces was given (TRACES=)")]
                : []
        }
        for policy in Policy.allCases where peers.isEmpty || peers.contains(where: { $0.rawValue == policy.rawValue }) {
            for cell in try HitRatioCommand.replay(traces, policy) {
                try report(cell.row)
            }
        }
        return []
    }

    private func page(_ rows: [Row], _ skips: [Runner.Skip], _ failures: [String]) -> String {
        var page = Machine.description() + "\n\n" + Table(rows).markdown()
        let notes = skips.map(\.line).uniqued() + failures
        if !notes.isEmpty { page += "\n" + notes.map { "- \($0)" }.joined(separator: "\n") + "\n" }
        return page
    }
}
