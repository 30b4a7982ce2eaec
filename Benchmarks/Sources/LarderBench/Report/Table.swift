import Foundation

/// The rows as Markdown: a table for each cell, with medians over the repetitions, their spread, and how Larder compares to each peer.
struct Table {
    private struct Group: Hashable {
        var `case`: String
        var threads: Int
        var n: Int
        var vsize: Int
        var dist: String
        var durable: Bool

        init(_ row: Row) {
            self.case = row.case
            threads = row.threads
            n = row.n
            vsize = row.vsize
            dist = row.dist
            durable = row.durable
        }

        var heading: String {
            let readers = threads == 1 ? "1 thread" : "\(threads) at once"
            let draws = dist == Distribution.zipf.rawValue ? "zipf" : "uniform"
            return "\(self.case), \(readers), \(draws), \(vsize)-byte values, N = \(n)\(durable ? ", flushed" : "")"
        }
    }

    private struct Column: Sendable {
        var title: String
        var digits: Int
        var value: @Sendable (Row) -> Double?
    }

    private static let columns: [Column] = [
        Column(title: "ns/op", digits: 1) { $0.nanosecondsPerOp },
        Column(title: "cpu ns/op", digits: 1) { $0.cpuNanosecondsPerOp },
        Column(title: "ops/s", digits: 0) { $0.opsPerSecond },
        Column(title: "p50 ns", digits: 0) { $0.nanosecondsPerOpP50 },
        Column(title: "p99 ns", digits: 0) { $0.p99 },
        Column(title: "× one thread", digits: 2) { $0.speedup },
        Column(title: "open ns", digits: 0) { $0.openNanoseconds },
        Column(title: "first get ns", digits: 0) { $0.firstGetNanoseconds },
        Column(title: "flushes/op", digits: 4) { $0.flushesPerOp },
        Column(title: "bytes written/op", digits: 0) { $0.bytesWrittenPerOp },
        Column(title: "hit ratio", digits: 4) { $0.hitRatio },
        Column(title: "overhead bytes/entry", digits: 1) { $0.overheadBytesPerEntry },
        Column(title: "instructions/op", digits: 1) { $0.instructionsPerOp },
        Column(title: "disk flush ns", digits: 0) { $0.diskFlushNanoseconds },
    ]

    let rows: [Row]

    init(_ rows: [Row]) {
        self.rows = rows.filter { $0.case != Case.hitRatio.rawValue }
    }

    /// The whole page of tables, in the order in which the cells were first measured.
    func markdown() -> String {
        var order: [Group] = []
        var groups: [Group: [Row]] = [:]
        for row in rows {
            let group = Group(row)
            if groups[group] == nil { order.append(group) }
            groups[group, default: []].append(row)
        }
        return order.map { "**\($0.heading)**\n\n" + Self.table(groups[$0]!) }.joined(separator: "\n")
    }

    private static func table(_ rows: [Row]) -> String {
        let peers = rows.map(\.peer).uniqued()
        let columns = columns.filter { column in rows.contains { column.value($0) != nil } }
        let baselines = rows.contains { $0.nanosecondsPerOp != nil } ? baselines(among: peers) : []
        var header = ["peer"]
        for column in columns {
            header.append(column.title)
            // The spread stands beside the time, the figure that drifts.
            if column.title == "ns/op" { header.append("spread") }
        }
        header += baselines.map { "\($0) is × as fast" }
        var lines = [line(header), "|---|" + String(repeating: "--:|", count: header.count - 1)]
        for peer in peers {
            let own = rows.filter { $0.peer == peer }
            var fields = [peer]
            for column in columns {
                let values = own.compactMap(column.value)
                fields.append(values.median.map { formatted($0, column.digits) } ?? "")
                if column.title == "ns/op" { fields.append(values.spread.map { "\(formatted($0 * 100, 0)) %" } ?? "") }
            }
            fields += baselines.map { ratio(of: $0, to: peer, in: rows).map { formatted($0, 2) } ?? "" }
            lines.append(line(fields))
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// Whom the others are compared with: Larder in all its forms, or raw LMDB in a table without it.
    private static func baselines(among peers: [String]) -> [String] {
        let larder = peers.filter { $0.hasPrefix("larder") }
        return larder.isEmpty ? peers.filter { $0 == Peer.lmdb.rawValue } : larder
    }

    /// How many times as fast one peer is as another: the median over the repetitions of the ratio inside each.
    static func ratio(of baseline: String, to peer: String, in rows: [Row]) -> Double? {
        guard baseline != peer, !peer.hasPrefix("larder") else { return nil }
        let ratios: [Double] = rows.filter { $0.peer == baseline }.compactMap { own in
            guard let other = rows.first(where: { $0.peer == peer && $0.rep == own.rep }),
                let ownTime = own.nanosecondsPerOp, let otherTime = other.nanosecondsPerOp
            else { return nil }
            return otherTime / ownTime
        }
        return ratios.median
    }

    private static func line(_ fields: [String]) -> String {
        "| " + fields.joined(separator: " | ") + " |"
    }

    private static func formatted(_ value: Double, _ digits: Int) -> String {
        String(format: "%.\(digits)f", value)
    }
}

extension Sequence where Element: Hashable {
    /// The elements without repetitions, in the order of their first appearance.
    func uniqued() -> [Element] {
        var seen: Set<Element> = []
        return filter { seen.insert($0).inserted }
    }
}
