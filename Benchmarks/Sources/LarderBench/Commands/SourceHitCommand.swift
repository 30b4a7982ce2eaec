import ArgumentParser
import CBenchSystem
import Foundation
import Larder

/// Counts what a hit in memory costs behind a source of record, and what the same hit costs without one.
struct SourceHitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "source-hit",
        abstract: "Counts the instructions of a hit in memory, with a source behind the cache and without.")

    @Option(help: "Hits to count.")
    var hits = 100_000

    @Option(help: .hidden)
    var counting: Form?

    /// How the cache is asked: both from one task.
    enum Form: String, CaseIterable, ExpressibleByArgument {
        case withoutSource = "without-source"
        case throughSource = "through-source"
    }

    func run() throws {
        if let counting { return try count(counting) }
        let directory = FileManager.default.temporaryDirectory.path + "/larder-bench-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let totals = try Form.allCases.map { form in
            try Callgrind.total(in: "\(directory)/\(form.rawValue)") { program, prefix, environment in
                let command =
                    prefix + [program, "source-hit", "--hits", "\(hits)", "--counting", form.rawValue]
                let result = try Subprocess.run(
                    command[0], Array(command.dropFirst()), environment: environment)
                guard result.status == 0 else { throw BenchmarkFailure(result.standardError) }
            }
        }
        print("form,instructions_per_hit,ratio")
        for (form, total) in zip(Form.allCases, totals) {
            print(
                form.rawValue, String(format: "%.1f", Double(total) / Double(hits)),
                String(format: "%.4f", Double(total) / Double(totals[0])), separator: ",")
        }
    }

    private func count(_ form: Form) throws {
        let hits = hits
        _ = try runTasks(1) { _ in
            var options = StoreOptions()
            options.mapSize = .gibibytes(1)
            let store = try Store.temporary(options: options)
            let cache = try store.cache("names", key: .int, value: .string)
            let sourced = try cache.through { (key: Int) in "the name of \(key), from its source" }
            for key in 0..<1_000 { _ = try await sourced.value(for: key) }
            // The loaded values are in memory once they are committed.
            try await store.write { _ in }
            let before = try store.statistics().memory.hits
            var length = 0
            bench_start_counting()
            switch form {
            case .withoutSource: for hit in 0..<hits { length += try cache.value(for: hit % 1_000)?.utf8.count ?? 0 }
            case .throughSource:
                for hit in 0..<hits { length += try await sourced.value(for: hit % 1_000)?.utf8.count ?? 0 }
            }
            bench_stop_counting()
            guard try store.statistics().memory.hits - before == hits, length > hits else {
                throw BenchmarkFailure("a read was not answered by memory")
            }
        }
    }
}
