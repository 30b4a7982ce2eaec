#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// `HitRatio cells|bytes|synthetic [DIRECTORY] [SEED]`: replays traces through the eviction policy and prints comma-separated rows; a summary follows on the standard
/// error.
///
/// - `cells`: unit sizes, every cell of `reference-hit-ratios.csv` in the directory with the traces.
/// - `bytes`: the sized traces, every cell of `reference-byte-hit-ratios.csv`.
/// - `synthetic`: the generated workloads, against LRU.
@main
enum HitRatio {
    static func main() {
        let arguments = CommandLine.arguments
        let directory = arguments.count > 2 ? arguments[2] : "../../../shared/traces"
        let seed = arguments.count > 3 ? UInt64(arguments[3]) ?? 0 : 0
        switch arguments.count > 1 ? arguments[1] : "" {
        case "cells": runCells(directory, seed)
        case "bytes": runBytes(directory, seed)
        case "synthetic": runSynthetic(seed)
        default:
            note("usage: HitRatio cells|bytes|synthetic [DIRECTORY] [SEED]")
            exit(64)
        }
    }

    private static func note(_ text: String) {
        _ = unsafe "\(text)\n".withCString { unsafe write(2, $0, strlen($0)) }
    }

    private static func cells(_ directory: String, _ file: String) -> [Cell] {
        guard let cells = readCells("\(directory)/\(file)") else {
            note("\(directory)/\(file) cannot be read")
            exit(66)
        }
        return cells
    }

    private static func runCells(_ directory: String, _ seed: UInt64) {
        print("trace,cache_objects,policy,hit_ratio")
        var summary = Summary()
        var trace: Trace?
        for cell in cells(directory, "reference-hit-ratios.csv") {
            if trace?.name != cell.trace { trace = Trace.load(cell.trace, in: directory, seed: seed) }
            guard let trace else { continue }
            let ratio = replayPolicy(trace, capacity: cell.capacity).objectHitRatio
            print("\(cell.trace),\(cell.capacity),Larder,\(decimals(ratio))")
            summary.add(
                "\(cell.trace)@\(cell.capacity)", ratio, lru: cell.reference["LRU"]?.objectHitRatio ?? 0,
                share: Double(cell.capacity) / Double(trace.uniqueKeys))
        }
        note(summary.text)
    }

    private static func runBytes(_ directory: String, _ seed: UInt64) {
        print("trace,cache_bytes,policy,object_hit_ratio,byte_hit_ratio")
        var trace: Trace?
        var policies: [String: (objects: Double, bytes: Double)] = [:]
        let all = cells(directory, "reference-byte-hit-ratios.csv")
        for cell in all {
            if trace?.name != cell.trace { trace = Trace.load(cell.trace, in: directory, seed: seed) }
            guard let trace else { continue }
            let outcome = replayPolicy(trace, capacity: cell.capacity, weighed: true)
            print(
                "\(cell.trace),\(cell.capacity),Larder,\(decimals(outcome.objectHitRatio)),\(decimals(outcome.byteHitRatio))"
            )
            for (name, reference) in cell.reference.merging(["Larder": outcome], uniquingKeysWith: { $1 }) {
                policies[name, default: (0, 0)].objects += reference.objectHitRatio / Double(all.count)
                policies[name, default: (0, 0)].bytes += reference.byteHitRatio / Double(all.count)
            }
        }
        note("mean over \(all.count) cells: policy, object hit ratio, byte hit ratio")
        for (name, mean) in policies.sorted(by: { $0.value.objects > $1.value.objects }) {
            note("  \(name) \(decimals(mean.objects, 4)) \(decimals(mean.bytes, 4))")
        }
    }

    private static func runSynthetic(_ seed: UInt64) {
        print("workload,cache_objects,lru,larder,difference")
        var behind = 0
        var worst = (name: "", difference: 0.0)
        for workload in Workload.allCases {
            let trace = workload.trace(seed: seed &+ 1)
            var capacities = [100, 30, 10, 4, 2].map { trace.uniqueKeys / $0 }
            capacities += [4_500, 10_500]
            for capacity in capacities {
                let lru = replayLRU(trace, capacity: capacity).objectHitRatio
                let ratio = replayPolicy(trace, capacity: capacity).objectHitRatio
                let name = "\(workload.rawValue),\(capacity)"
                print("\(name),\(decimals(lru, 4)),\(decimals(ratio, 4)),\(decimals(ratio - lru, 4))")
                if ratio - lru < -0.02 { behind += 1 }
                if ratio - lru < worst.difference { worst = (name, ratio - lru) }
            }
        }
        note(
            "\(behind) cells more than 2 points below LRU; the worst is \(worst.name): \(decimals(worst.difference, 4))"
        )
    }
}

/// Means over the cells, and how they stand against LRU.
private struct Summary {
    private var sums = [Double](repeating: 0, count: 4)
    private var counts = [Int](repeating: 0, count: 4)
    private var worst = (name: "", difference: 0.0)
    private var below = 0

    mutating func add(_ name: String, _ ratio: Double, lru: Double, share: Double) {
        let size = share < 0.003 ? 0 : share < 0.03 ? 1 : share < 0.15 ? 2 : 3
        sums[size] += ratio
        counts[size] += 1
        if ratio - lru < -0.01 { below += 1 }
        if ratio - lru < worst.difference { worst = (name, ratio - lru) }
    }

    var text: String {
        let means = zip(sums, counts).map { decimals($0 / Double(max(1, $1)), 4) }
        let mean = sums.reduce(0, +) / Double(max(1, counts.reduce(0, +)))
        return """
            \(counts.reduce(0, +)) cells, mean \(decimals(mean, 4)); at 0.1, 1, 10 and 25 % of the keys: \(means.joined(separator: ", "))
            \(below) cells more than a point below LRU; the worst is \(worst.name): \(decimals(worst.difference, 4))
            """
    }
}
