import ArgumentParser
import Foundation

/// Replays traces through a cache alone and prints the share of requests that it answered.
struct HitRatioCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hit-ratio", abstract: "Replays every *.trace.gz of a directory and prints CSV.")

    @Option(help: "The directory of traces.")
    var traces: String

    @Option(help: "The policy to replay.")
    var policy = Policy.leastRecentlyUsed

    func run() throws {
        print("trace,cache_objects,policy,hit_ratio")
        let cells = try Self.replay(traces, policy) { cell in
            print(
                "\(cell.trace),\(cell.cacheObjects),\(policy.rawValue),\(String(format: "%.6f", cell.hitRatio))")
            fflush(nil)
        }
        guard !cells.isEmpty else { throw ValidationError("no *.trace.gz in \(traces)") }
        let mean = cells.map(\.hitRatio).reduce(0, +) / Double(cells.count)
        Runner.say(String(format: "mean over %d cells: %.4f \(policy.rawValue)", cells.count, mean))
        let places = cells.map { References.Cell(trace: $0.trace, cacheObjects: $0.cacheObjects) }
        for (name, mean) in References(directory: traces)?.means(over: places) ?? [] {
            Runner.say(String(format: "  reference: %.4f \(name)", mean))
        }
    }

    /// A trace at a cache size.
    struct Replayed {
        var trace: String
        var cacheObjects: Int
        var uniqueKeys: Int
        var policy: Policy
        var hitRatio: Double

        var row: Row {
            var row = Row(
                peer: policy.rawValue, case: Case.hitRatio.rawValue, threads: 1, n: uniqueKeys, vsize: 1, dist: "t",
                durable: false, rep: 0)
            row.trace = trace
            row.cacheObjects = cacheObjects
            row.hitRatio = hitRatio.rounded(digits: 6)
            return row
        }
    }

    /// Replays the traces of a directory at all their sizes.
    static func replay(_ directory: String, _ policy: Policy, each: (Replayed) throws -> Void = { _ in }) throws
        -> [Replayed]
    {
        var cells: [Replayed] = []
        for path in try Trace.files(in: directory) {
            let trace = try Trace(path: path)
            let sizes = trace.cacheSizes
            for (size, hits) in zip(sizes, try policy.hits(trace, sizes: sizes)) {
                let cell = Replayed(
                    trace: trace.name, cacheObjects: size, uniqueKeys: trace.uniqueKeys, policy: policy,
                    hitRatio: Double(hits) / Double(trace.keys.count))
                try each(cell)
                cells.append(cell)
            }
        }
        return cells
    }
}
