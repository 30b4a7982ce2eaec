/// What the marks of a run say about what a store may hold: of each lane at least what was acknowledged, and at most what was issued.
///
/// The marks are `created`; `lane L issued N` and `lane L acked N`; `syncing` and `synced`; `backup NAME issued` and `backup NAME acked`.
struct Bounds {
    /// How far each lane is.
    typealias Positions = [Int: Int]

    /// Whether the store was there.
    private(set) var created = false
    private(set) var acknowledged: Positions = [:]
    private(set) var issued: Positions = [:]
    /// What was acknowledged before the last sync that returned.
    private(set) var synced: Positions = [:]
    private var syncing: Positions = [:]
    /// What was acknowledged when a lane's transaction was first issued: whatever holds the one holds the other.
    private var before: [Int: [Int: Positions]] = [:]

    /// A backup, and what it may hold.
    struct Backup {
        var from: Positions
        /// `nil` while it is under way.
        var to: Positions?
    }

    private(set) var backups: [String: Backup] = [:]

    init(marks: some Sequence<String>) {
        for mark in marks { add(mark) }
    }

    private mutating func add(_ mark: String) {
        let words = mark.split(separator: " ").map(String.init)
        switch words.first {
        case "created": created = true
        case "syncing": syncing = acknowledged
        case "synced": synced = syncing
        case "lane":
            guard words.count == 4, let lane = Int(words[1]), let number = Int(words[3]) else { return }
            if words[2] == "issued" {
                issued[lane] = max(issued[lane] ?? 0, number)
                if before[lane]?[number] == nil { before[lane, default: [:]][number] = acknowledged }
            } else {
                acknowledged[lane] = max(acknowledged[lane] ?? 0, number)
            }
        case "backup":
            guard words.count == 3 else { return }
            if words[2] == "issued" {
                // A process that was killed before it could say so may have made it already; then the next one finds it there.
                if backups[words[1]] == nil { backups[words[1]] = Backup(from: acknowledged, to: nil) }
            } else {
                backups[words[1]]?.to = issued
            }
        default: break
        }
    }

    /// Throws unless a store may hold this.
    ///
    /// - Parameters:
    ///   - floor: What it must hold.
    ///   - ceiling: What it can hold at most.
    func check(_ observation: Observation, floor: Positions, ceiling: Positions, _ histories: inout Histories) throws {
        guard let steps = observation.schema.steps else {
            throw Wrong("the caches are as they never were: \(observation.schema)")
        }
        var positions = observation.positions
        positions[SchemaPlan.lane] = steps
        for lane in Set(positions.keys).union(floor.keys).union(observation.entries.keys) {
            let position = positions[lane] ?? 0
            let (least, most) = (floor[lane] ?? 0, ceiling[lane] ?? 0)
            if position < least { throw Wrong("lane \(lane) is at \(position), and \(least) was acknowledged") }
            if position > most { throw Wrong("lane \(lane) is at \(position), and only \(most) was issued") }
            if lane != SchemaPlan.lane, histories.state(lane, after: position) != observation.entries[lane] ?? [:] {
                throw Wrong("lane \(lane) is at \(position), and its entries are not")
            }
            for (other, earlier) in before[lane]?[position] ?? [:] where (positions[other] ?? 0) < earlier {
                throw Wrong(
                    "lane \(lane) is at \(position), before which lane \(other) was acknowledged at \(earlier), and it is at "
                        + "\(positions[other] ?? 0)")
            }
        }
    }
}

/// The histories of all lanes.
struct Histories {
    private var lanes: [Int: LaneHistory] = [:]

    mutating func state(_ lane: Int, after number: Int) -> [EntryKey: UInt64] {
        lanes[lane, default: LaneHistory(lane: lane)].state(after: number)
    }
}
