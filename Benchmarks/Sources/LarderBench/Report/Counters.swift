import Foundation

/// Figures that do not depend on the machine's mood, kept in a small text file so that commits can be compared.
///
/// The file has a line for each: what was measured, the counter, the value and the date it was taken, separated by tabs and sorted, so that a
/// difference of two versions reads well.
struct Counters {
    struct Entry: Equatable {
        var value: Double
        /// As `yyyy-mm-dd`.
        var date: String
    }

    /// By measurement and counter.
    private(set) var entries: [String: Entry] = [:]

    init() {}

    /// The counters of rows. Of several repetitions the median counts.
    init(_ rows: [Row], date: String) {
        let groups = Dictionary(grouping: rows, by: \.identity)
        for (identity, rows) in groups {
            let counters: [(String, (Row) -> Double?)] = [
                ("fsyncs_per_op", { $0.flushesPerOp }),
                ("bytes_written_per_op", { $0.bytesWrittenPerOp }),
                ("hit_ratio", { $0.hitRatio }),
                ("overhead_bytes_per_entry", { $0.overheadBytesPerEntry }),
                ("instructions_per_op", { $0.instructionsPerOp }),
            ]
            for (name, value) in counters {
                guard let median = rows.compactMap(value).median else { continue }
                entries["\(Self.name(identity))\t\(name)"] = Entry(value: median, date: date)
            }
        }
    }

    /// Reads a kept file.
    init(text: String) throws {
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            let fields = line.split(separator: "\t")
            guard fields.count == 4, let value = Double(fields[2]) else {
                throw BenchmarkFailure("not a line of counters: \(line)")
            }
            entries["\(fields[0])\t\(fields[1])"] = Entry(value: value, date: String(fields[3]))
        }
    }

    /// The file's text.
    var text: String {
        let lines = entries.sorted { $0.key < $1.key }.map { "\($0.key)\t\($0.value.value)\t\($0.value.date)\n" }
        return "# measurement\tcounter\tvalue\tdate\n" + lines.joined()
    }

    /// Takes over newer values; what was not measured again stays as it was, and so does the date of a value that did not change.
    mutating func merge(_ newer: Counters) {
        for (name, entry) in newer.entries where entries[name]?.value != entry.value {
            entries[name] = entry
        }
    }

    /// A line for each counter of `newer` that is new or has another value here.
    func changes(in newer: Counters) -> [String] {
        newer.entries.sorted { $0.key < $1.key }.compactMap { name, new in
            guard let old = entries[name] else { return "new\t\(name)\t\(new.value)" }
            guard old.value != new.value else { return nil }
            let change = old.value == 0 ? "" : String(format: "\t%+.2f %%", (new.value / old.value - 1) * 100)
            return "changed\t\(name)\t\(old.value) (\(old.date)) -> \(new.value)\(change)"
        }
    }

    private static func name(_ identity: Row.Identity) -> String {
        var name = "\(identity.case) \(identity.peer) threads=\(identity.threads) n=\(identity.n)"
        name += " vsize=\(identity.vsize) dist=\(identity.dist) durable=\(identity.durable)"
        if let trace = identity.trace { name += " trace=\(trace)" }
        if let objects = identity.cacheObjects { name += " cache_objects=\(objects)" }
        return name
    }
}
