import Foundation

/// Hit ratios of other policies on the same cells, where the directory of traces has them (`reference-hit-ratios.csv`).
struct References {
    /// A cell of the comparison.
    struct Cell: Hashable {
        var trace: String
        var cacheObjects: Int
    }

    private(set) var ratios: [String: [Cell: Double]] = [:]

    /// Nil where the directory has no references.
    init?(directory: String) {
        guard let text = try? String(contentsOfFile: directory + "/reference-hit-ratios.csv", encoding: .utf8) else {
            return nil
        }
        self.init(csv: text)
    }

    /// Reads rows of `trace,cache_objects,policy,hit_ratio` below a header.
    init(csv: String) {
        for line in csv.split(separator: "\n").dropFirst() {
            let fields = line.split(separator: ",")
            guard fields.count == 4, let objects = Int(fields[1]), let ratio = Double(fields[3]) else { continue }
            ratios[String(fields[2]), default: [:]][Cell(trace: String(fields[0]), cacheObjects: objects)] = ratio
        }
    }

    /// How far the hit ratio of a cell is above that of LRU; nil where LRU is not known.
    func aboveLRU(_ cell: Cell, _ hitRatio: Double) -> Double? {
        ratios["LRU"]?[cell].map { hitRatio - $0 }
    }

    /// Each policy's mean over the cells given, best first, for the policies that have all of them.
    func means(over cells: [Cell]) -> [(policy: String, mean: Double)] {
        ratios.compactMap { policy, ratios in
            let own = cells.compactMap { ratios[$0] }
            guard own.count == cells.count, !own.isEmpty else { return nil }
            return (policy, own.reduce(0, +) / Double(own.count))
        }
        .sorted { $0.mean > $1.mean }
    }
}
