import Larder

/// One process of the workload: opens the store, goes on where the lanes are, and closes it.
///
/// Every transaction is marked before it is issued and after it was acknowledged, and what an opener finds counts as acknowledged: it has been
/// read.
struct Run: Sendable {
    let path: String
    let marks: Marks
    let durability: Durability
    /// Lanes that write at once, and how many transactions each does.
    let lanes: Range<Int>
    let transactions: Int
    /// Steps of ``SchemaPlan``, beside the lanes.
    let steps: Int
    /// Backups to make while the lanes write: `plain` or `compacting`, and a directory.
    let backups: [String]
    let syncs: Bool

    init(_ arguments: Arguments) throws {
        guard arguments.rest.count == 2 else { throw Wrong("usage: run STORE MARKS [OPTIONS]") }
        path = arguments.rest[0]
        marks = try Marks(path: arguments.rest[1])
        durability = try arguments.durability()
        let first = arguments.number("first-lane", default: 0)
        lanes = first..<first + arguments.number("lanes", default: 1)
        transactions = arguments.number("transactions", default: 0)
        steps = arguments.number("steps", default: 0)
        backups = arguments.list("backups")
        syncs = arguments.number("sync", default: 0) != 0
    }

    func perform() async throws {
        let workload = try WorkloadStore(at: path, durability: durability)
        try marks.write("created\nacked 1")
        let found = try workload.observe()
        for lane in lanes { try marks.acknowledged(lane: lane, found.positions[lane] ?? 0) }
        guard let stepped = found.schema.steps else { throw Wrong("the caches are as they never were") }
        if steps > 0 { try marks.acknowledged(lane: SchemaPlan.lane, stepped) }

        try await withThrowingTaskGroup(of: Void.self) { group in
            for lane in lanes {
                let start = found.positions[lane] ?? 0
                group.addTask { try await write(lane, from: start, in: workload) }
            }
            group.addTask {
                for step in stride(from: stepped + 1, through: stepped + steps, by: 1) {
                    try marks.issued(lane: SchemaPlan.lane, step)
                    try await workload.step(step)
                    try marks.acknowledged(lane: SchemaPlan.lane, step)
                }
            }
            group.addTask { try await backUp(workload.store) }
            try await group.waitForAll()
        }
        _ = try await workload.store.removeExpired()
        if syncs {
            try marks.write("syncing")
            try workload.store.sync()
            try marks.write("synced")
        }
        try workload.store.close()
    }

    private func write(_ lane: Int, from start: Int, in workload: WorkloadStore) async throws {
        for number in stride(from: start + 1, through: start + transactions, by: 1) {
            try marks.issued(lane: lane, number)
            // A lone writer commits on its own thread, several share their commits.
            if lanes.count == 1 {
                try { try workload.writeBlocking(lane: lane, number: number) }()
            } else {
                try await workload.write(lane: lane, number: number)
            }
            try marks.acknowledged(lane: lane, number)
            if syncs, number % 5 == 0 {
                try marks.write("syncing")
                try workload.store.sync()
                try marks.write("synced")
            }
        }
    }

    private func backUp(_ store: Store) async throws {
        for backup in backups {
            let words = backup.split(separator: ":").map(String.init)
            guard words.count == 2, let name = words[1].split(separator: "/").last else { throw Wrong("--backups") }
            try marks.write("backup \(name) issued")
            try await store.backup(to: words[1], compacting: words[0] == "compacting")
            try marks.write("backup \(name) acked\nacked 1")
        }
    }
}
