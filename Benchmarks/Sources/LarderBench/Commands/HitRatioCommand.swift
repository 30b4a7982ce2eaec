import ArgumentParser
import Foundation

/// Replays traces through a cache alone and prints the share of requests that it answered.
struct HitRatioCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hit-ratio", abstract: "Replays every *.trace.gz of a directory and prints CSV.")

    @Option(help: "The directory of traces.")
    var traces: String

    @Option(help: "The policy to replay.")
    var policy = Policy.larder

    @Flag(help: "Count the sizes of objects, of the traces that have them; only Larder.")
    var sized = false

    @Option(help: "Threads that share the requests; only Larder.")
    var threads = 1

    @Option(help: "Shards of the memory tier, a power of two, instead of what a store has; only Larder.")
    var shards: Int?

    func validate() throws {
        guard policy == .larder || (!sized && threads == 1 && shards == nil) else {
            throw ValidationError("sizes, threads and shards are only for Larder")
        }
        guard threads > 0, shards.map({ $0 > 0 && $0 & ($0 - 1) == 0 }) ?? true else {
            throw ValidationError("threads are at least one, and shards a power of two")
        }
    }

    func run() throws {
        guard !sized else { return try replaySized() }
        print("trace,cache_objects,policy,hit_ratio")
        let cells = try Self.replay(traces, policy, threads: threads, shards: shards) { cell in
            print(
                "\(cell.trace),\(cell.cacheObjects),\(policy.rawValue),\(String(format: "%.6f", cell.hitRatio))")
            fflush(nil)
        }
        guard !cells.isEmpty else { throw ValidationError("no *.trace.gz in \(traces)") }
        let mean = cells.map(\.hitRatio).reduce(0, +) / Double(cells.count)
        Runner.say(String(format: "mean over %d cells: %.4f \(policy.rawValue)", cells.count, mean))
        for share in Trace.sharesPerThousand {
            let ratios = cells.filter { Trace.share(share, of: $0.uniqueKeys) == $0.cacheObjects }.map(\.hitRatio)
            let mean = ratios.reduce(0, +) / Double(max(1, ratios.count))
            Runner.say(
                String(format: "  %4.1f %% of the keys: %.4f over %d cells", Double(share) / 10, mean, ratios.count))
        }
        guard let references = References(directory: traces) else { return }
        for (name, mean) in references.means(over: cells.map(\.place)) {
            Runner.say(String(format: "  reference: %.4f \(name)", mean))
        }
        let leads = cells.compactMap { cell in
            references.aboveLRU(cell.place, cell.hitRatio).map { (cell: cell, lead: $0) }
        }
        if let worst = leads.min(by: { $0.lead < $1.lead }) {
            Runner.say(
                String(
                    format: "  against LRU: %d cells more than a point below; the worst is %@@%d: %+.4f",
                    leads.count { $0.lead < -0.01 }, worst.cell.trace, worst.cell.cacheObjects, worst.lead))
        }
    }

    /// Replays the traces that have sizes, at shares of the bytes of their objects.
    private func replaySized() throws {
        print("trace,cache_bytes,policy,object_hit_ratio,byte_hit_ratio")
        var sums = (objects: 0.0, bytes: 0.0, cells: 0)
        for path in try Trace.files(in: traces) {
            let trace = try Trace(path: path)
            guard !trace.sizes.isEmpty else { continue }
            let requested = trace.sizes.reduce(0) { $0 + Int($1) }
            for capacity in trace.cacheSizesInBytes {
                let hits = LarderReplay.sizedHits(trace, bytes: capacity, shards: shards)
                let ratios = (Double(hits.objects) / Double(trace.keys.count), Double(hits.bytes) / Double(requested))
                print(
                    "\(trace.name),\(capacity),\(policy.rawValue),"
                        + String(format: "%.6f,%.6f", ratios.0, ratios.1))
                fflush(nil)
                sums = (sums.objects + ratios.0, sums.bytes + ratios.1, sums.cells + 1)
            }
        }
        guard sums.cells > 0 else { throw ValidationError("no trace with sizes in \(traces)") }
        let count = Double(sums.cells)
        Runner.say(
            String(
                format: "mean over %d cells: objects %.4f, bytes %.4f", sums.cells, sums.objects / count,
                sums.bytes / count))
    }

    /// A trace at a cache size.
    struct Replayed {
        var trace: String
        var cacheObjects: Int
        var uniqueKeys: Int
        var policy: Policy
        var hitRatio: Double

        var place: References.Cell { .init(trace: trace, cacheObjects: cacheObjects) }

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
    static func replay(
        _ directory: String, _ policy: Policy, threads: Int = 1, shards: Int? = nil,
        each: (Replayed) throws -> Void = { _ in }
    ) throws -> [Replayed] {
        var cells: [Replayed] = []
        for path in try Trace.files(in: directory) {
            let trace = try Trace(path: path)
            let sizes = trace.cacheSizes
            for (size, hits) in zip(sizes, try policy.hits(trace, sizes: sizes, threads: threads, shards: shards)) {
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
