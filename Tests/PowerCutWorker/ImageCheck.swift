import DurabilityKit
import Larder

/// Checks a batch of images, as `powercut` has it: opens each with Larder, and demands exactly one state between what was acknowledged and
/// what was issued, sound pages and records, and that the store goes on working.
struct ImageCheck {
    private let batch: String
    private let marks: [String]
    private let durability: Durability
    /// Whether the marks that a rebuildable store keeps about itself are taken away: a control.
    private let forgetsMark: Bool
    /// Whether a torn state is let pass as long as each record is whole.
    private let onlyWhole: Bool
    /// Whether only processes died, and not the machine: then every mode keeps all that was acknowledged.
    private let machineStayedUp: Bool
    private var histories = Histories()
    private var bounds: [Int: Bounds] = [:]

    init(_ arguments: Arguments) throws {
        guard let batch = arguments.rest.last else { throw Wrong("usage: check [OPTIONS] BATCH") }
        self.batch = batch
        marks = Marks.read(batch + "/marks")
        durability = try arguments.durability()
        forgetsMark = arguments.number("forget-mark", default: 0) != 0
        onlyWhole = arguments.number("only-whole", default: 0) != 0
        machineStayedUp = arguments.number("machine-stayed-up", default: 0) != 0
    }

    mutating func run() {
        for (index, line) in Marks.read(batch + "/manifest").enumerated() {
            let fields = line.split(separator: "\t").map(String.init)
            guard fields.count == 4, let count = Int(fields[3]) else { continue }
            do {
                try check(batch + "/" + fields[0], verifyingFirst: index % 2 == 0, marks: count)
                say("ok \(fields[0])")
            } catch {
                say("fail \(fields[0]) \(error)")
            }
        }
    }

    private mutating func check(_ root: String, verifyingFirst: Bool, marks count: Int) throws {
        let bounds = self.bounds[count] ?? Bounds(marks: marks.prefix(count))
        self.bounds[count] = bounds
        let store = root + "/store"
        let isThere = exists(store + "/data.mdb")
        if !isThere, bounds.created { throw Wrong("the store is not there, and its creation was acknowledged") }
        for (name, backup) in bounds.backups {
            let path = root + "/" + name
            guard exists(path + "/data.mdb") else {
                if backup.to != nil { throw Wrong("\(name) is not there, and was acknowledged") }
                continue
            }
            try checkSound(path, name)
            let observation = try observe(path, .full)
            try bounds.check(observation, floor: backup.from, ceiling: backup.to ?? bounds.issued, &histories)
        }

        let isMarked = !machineStayedUp && rewriteMark(store)
        var isEmptied = false
        if case .rebuildable = durability, isMarked { isEmptied = true }
        if isThere, verifyingFirst, !isEmptied { try checkSound(store, "the store") }
        let workload = try WorkloadStore(at: store, durability: durability)
        let observation = try workload.observe()
        if onlyWhole {
            try workload.store.close()
            return
        }
        if !(isEmptied && observation.positions.isEmpty) {
            let floor = durability == .full || machineStayedUp ? bounds.acknowledged : bounds.synced
            try bounds.check(observation, floor: isEmptied ? [:] : floor, ceiling: bounds.issued, &histories)
        }
        try goOn(workload, observation)
        try checkSound(store, "the store after going on")
    }

    /// Every page and every record.
    private func checkSound(_ path: String, _ name: String) throws {
        let verification = try StoreVerification.run(at: path)
        guard verification.isHealthy else {
            let first = verification.problems.first ?? verification.damagedRecords.first?.problem ?? ""
            throw Wrong("\(name) is damaged: \(first)")
        }
    }

    private func observe(_ path: String, _ durability: Durability) throws -> Observation {
        let workload = try WorkloadStore(at: path, durability: durability)
        let observation = try workload.observe()
        try workload.store.close()
        return observation
    }

    /// A power cut is followed by another boot, and these images are opened in the boot that they were made in. Returns whether the store was
    /// marked as not flushed.
    private func rewriteMark(_ store: String) -> Bool {
        let path = store + "/unflushed"
        guard exists(path) else { return false }
        if forgetsMark {
            Files.remove(path)
            return false
        }
        if !Files.bytes(of: path).isEmpty { Files.write(Array("another boot".utf8), to: path) }
        return true
    }

    /// Writes once more in every lane and reads it back: by both tiers, and after another opening.
    private mutating func goOn(_ workload: WorkloadStore, _ before: Observation) throws {
        let path = workload.store.path
        let lanes = Set(before.positions.keys).union([0])
        for lane in lanes {
            let number = (before.positions[lane] ?? 0) + 1
            try workload.writeBlocking(lane: lane, number: number)
            guard try workload.position(of: lane) == number else { throw Wrong("a write after the cut is not read") }
            try workload.compareTiers(lane: lane, with: histories.state(lane, after: number))
        }
        try workload.store.close()
        let after = try observe(path, durability)
        for lane in lanes {
            let number = (before.positions[lane] ?? 0) + 1
            guard after.positions[lane] == number, after.entries[lane] ?? [:] == histories.state(lane, after: number)
            else {
                throw Wrong("a write after the cut is not there after another opening")
            }
        }
        guard after.schema == before.schema else { throw Wrong("the caches changed by going on") }
    }
}
