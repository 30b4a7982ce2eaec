/// What a replay gave.
struct Outcome {
    var objectHitRatio = 0.0
    var byteHitRatio = 0.0
}

/// Replays a trace through `access`, which tells of each request whether it hit. Sizes are used only if `weighed`.
func replay(_ trace: Trace, weighed: Bool = false, through access: (UInt64, Int) -> Bool) -> Outcome {
    var hits = 0
    var hitBytes = 0
    var bytes = 0
    for (index, hash) in trace.hashes.enumerated() {
        let weight = weighed ? max(1, Int(trace.sizes[index])) : 1
        bytes += weight
        if access(hash, weight) {
            hits += 1
            hitBytes += weight
        }
    }
    return Outcome(
        objectHitRatio: Double(hits) / Double(max(1, trace.hashes.count)),
        byteHitRatio: Double(hitBytes) / Double(max(1, bytes)))
}

func replayPolicy(_ trace: Trace, capacity: Int, weighed: Bool = false) -> Outcome {
    let meanWeight = weighed ? max(1, trace.uniqueBytes / max(1, trace.uniqueKeys)) : 1
    var cache = SimulatedCache(capacity: capacity, entryCount: max(1, capacity / meanWeight))
    return replay(trace, weighed: weighed) { cache.access($0, weight: $1) }
}

func replayLRU(_ trace: Trace, capacity: Int, weighed: Bool = false) -> Outcome {
    var cache = LRUCache(capacity: capacity)
    return replay(trace, weighed: weighed) { cache.access($0, weight: $1) }
}

/// A number with six decimals, as in the reference tables.
func decimals(_ number: Double, _ count: Int = 6) -> String {
    var scale = 1
    for _ in 0..<count { scale *= 10 }
    let rounded = Int((abs(number) * Double(scale)).rounded())
    let fraction = String(rounded % scale)
    let sign = number < 0 && rounded > 0 ? "-" : ""
    return "\(sign)\(rounded / scale).\(String(repeating: "0", count: count - fraction.count))\(fraction)"
}

/// A cache size and what the reference policies reach with it.
struct Cell {
    var trace: String
    var capacity: Int
    var reference: [String: Outcome] = [:]
}

/// The cells of a reference table: `trace,capacity,policy,ratio[,byte ratio]`.
func readCells(_ path: String) -> [Cell]? {
    guard let rows = readTable(path) else { return nil }
    var cells: [Cell] = []
    for row in rows {
        guard row.count >= 4, let capacity = Int(row[1]), let ratio = Double(row[3]) else { continue }
        let trace = String(row[0])
        let outcome = Outcome(objectHitRatio: ratio, byteHitRatio: row.count > 4 ? Double(row[4]) ?? 0 : 0)
        if let index = cells.firstIndex(where: { $0.trace == trace && $0.capacity == capacity }) {
            cells[index].reference[String(row[2])] = outcome
        } else {
            cells.append(Cell(trace: trace, capacity: capacity, reference: [String(row[2]): outcome]))
        }
    }
    return cells
}
