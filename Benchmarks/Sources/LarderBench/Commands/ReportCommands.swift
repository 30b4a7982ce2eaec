import ArgumentParser
import Foundation

/// Prints the table of rows that were measured before.
struct TableCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "table", abstract: "Prints medians, spread and ratios of measured rows.")

    @Argument(help: "A file of rows.")
    var rows = "results/latest.jsonl"

    func run() throws {
        print(Table(try Row.read(lines: String(contentsOfFile: rows, encoding: .utf8))).markdown())
    }
}

/// Compares the counters of measured rows with the kept ones, and keeps them.
struct CountersCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "counters",
        abstract: "Shows which machine-independent counters changed since they were kept.",
        discussion: "Exits 0 whether or not something changed.")

    @Argument(help: "A file of rows.")
    var rows = "results/latest.jsonl"

    @Option(help: "The file of kept counters.")
    var kept = "counters.tsv"

    @Flag(help: "Keep the new values.")
    var keep = false

    func run() throws {
        let newer = Counters(
            try Row.read(lines: String(contentsOfFile: rows, encoding: .utf8)), date: Machine.today())
        var known = Counters()
        if FileManager.default.fileExists(atPath: kept) {
            known = try Counters(text: String(contentsOfFile: kept, encoding: .utf8))
        }
        let changes = known.changes(in: newer)
        print(changes.isEmpty ? "no counter changed" : changes.joined(separator: "\n"))
        guard keep else { return }
        known.merge(newer)
        try known.text.write(toFile: kept, atomically: true, encoding: .utf8)
    }
}
