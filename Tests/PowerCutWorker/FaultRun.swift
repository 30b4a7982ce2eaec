import Larder

/// The workload of one task, or of several that share their commits, while calls fail: every failure must be a `LarderError` with its cause, and after it both tiers must agree on
/// what is there. What is tried again is tried a few times, since some faults do not go away.
struct FaultRun {
    private let path: String
    private let marks: Marks
    private let transactions: Int
    private let steps: Int
    private let lanes: Int
    private let durability: Durability
    private let backup: String?
    /// What the cause of a failure says.
    private let causes: [String]
    /// How many descriptors may be opened beside those that are open at the start; `nil` for as many as the system allows.
    private let descriptors: Int?
    private var histories = Histories()
    private var workload: WorkloadStore?

    private static let attempts = 4

    init(_ arguments: Arguments) throws {
        guard arguments.rest.count == 2 else { throw Wrong("usage: fault-run STORE MARKS [OPTIONS]") }
        path = arguments.rest[0]
        marks = try Marks(path: arguments.rest[1])
        transactions = arguments.number("transactions", default: 4)
        steps = arguments.number("steps", default: 5)
        lanes = arguments.number("lanes", default: 1)
        durability = try arguments.durability()
        backup = arguments.text("backup")
        causes = arguments.list("causes")
        descriptors = arguments.text("descriptors").flatMap { Int($0) }
    }

    mutating func run() async throws {
        if let descriptors {
            // The runtime of concurrency opens descriptors of its own when it starts, and dies if it cannot.
            try await Task.sleep(for: .milliseconds(1))
            try Files.limitDescriptors(toMore: descriptors)
        }
        try await tryAgain { run in try run.open() }
        guard workload != nil else { return say("gave up opening") }
        for _ in 0..<transactions { try await tryAgain { run in try await run.writeOnce() } }
        for _ in 0..<steps { try await tryAgain { run in try await run.step() } }
        if let backup {
            var number = 0
            try await tryAgain { run in
                number += 1
                try await run.backUp(to: backup + "\(number)")
            }
        }
        try await tryAgain { run in _ = try await run.workload?.store.removeExpired() }
        try agreeUnlessFaulted()
        do { try workload?.store.close() } catch { try judge(error) }
    }

    /// Runs `body` until it succeeds, at most a few times. Each failure is judged, and the tiers are compared after it.
    private mutating func tryAgain(_ body: (inout FaultRun) async throws -> Void) async throws {
        for _ in 0..<Self.attempts {
            do {
                return try await body(&self)
            } catch let wrong as Wrong {
                throw wrong
            } catch {
                try judge(error)
                if (error as? LarderError)?.code == .reopenNeeded {
                    try? workload?.store.close()
                    workload = nil
                    do { try open() } catch { try judge(error) }
                }
                guard workload != nil else { continue }
                try agreeUnlessFaulted()
            }
        }
    }

    /// Compares the tiers; a fault may hit the comparison itself.
    private mutating func agreeUnlessFaulted() throws {
        do { try agree() } catch let error as LarderError { try judge(error) }
    }

    /// Throws if an error is not one of Larder's, or hides its cause.
    private func judge(_ error: any Error) throws {
        guard let error = error as? LarderError else { throw Wrong("an error that is not typed: \(error)") }
        say("error \(error.code)")
        let cause = error.underlyingError.map { "\($0)" } ?? "none"
        switch error.code {
        // What follows from an earlier failure.
        case .reopenNeeded, .cacheDropped: return
        case .diskFull where causes.contains("No space left on device"): return
        case .fileSystem, .outcomeUnknown:
            guard causes.contains(where: { cause.contains($0) }) else {
                throw Wrong("the failure hides its cause: \(error.code), \(error)")
            }
        default: throw Wrong("the failure is something else: \(error.code), \(error), cause \(cause)")
        }
    }

    private mutating func open() throws {
        guard workload == nil else { return }
        let workload = try WorkloadStore(at: path, durability: durability)
        self.workload = workload
        try marks.write("created\nacked 1")
    }

    /// A transaction of each lane; several at once go into the same commits.
    private func writeOnce() async throws {
        guard let workload else { return }
        guard lanes > 1 else { return try await write(0, workload) }
        let errors: [any Error] = await withTaskGroup(of: (any Error)?.self) { group in
            for lane in 0..<lanes {
                group.addTask {
                    do { try await write(lane, workload) } catch { return error }
                    return nil
                }
            }
            return await group.reduce(into: []) { if let error = $1 { $0.append(error) } }
        }
        for error in errors where error is Wrong { throw error }
        for error in errors.dropFirst() { try judge(error) }
        if let error = errors.first { throw error }
    }

    private func write(_ lane: Int, _ workload: WorkloadStore) async throws {
        let number = try workload.positionOnDisk(of: lane) + 1
        try marks.issued(lane: lane, number)
        do {
            if lanes == 1 {
                try Self.writeBlocking(workload, lane, number)
            } else {
                try await workload.write(lane: lane, number: number)
            }
        } catch let error as LarderError where error.code != .outcomeUnknown {
            // A failure that is not called unknown is one: nothing of it is there.
            if (try? workload.positionOnDisk(of: lane)) == number {
                throw Wrong("a write failed (\(error.code)), and is there")
            }
            throw error
        }
        try marks.acknowledged(lane: lane, number)
    }

    private static func writeBlocking(_ workload: WorkloadStore, _ lane: Int, _ number: Int) throws {
        try workload.writeBlocking(lane: lane, number: number)
    }

    private func step() async throws {
        guard let workload else { return }
        guard let steps = try workload.observe().schema.steps else { throw Wrong("the caches are as they never were") }
        try marks.issued(lane: SchemaPlan.lane, steps + 1)
        try await workload.step(steps + 1)
        try marks.acknowledged(lane: SchemaPlan.lane, steps + 1)
    }

    private func backUp(to path: String) async throws {
        guard let workload else { return }
        do {
            try await workload.store.backup(to: path, compacting: true)
        } catch {
            // What is there is whole; a failed flush of the directory can leave it there, and it is not acknowledged.
            if exists(path + "/data.mdb"), try !StoreVerification.run(at: path).isHealthy {
                throw Wrong("half a backup has its name")
            }
            throw error
        }
        guard try StoreVerification.run(at: path).isHealthy else { throw Wrong("a backup is damaged") }
    }

    /// Memory and disk say the same, and that is one of the workload's states.
    private mutating func agree() throws {
        guard let workload else { return }
        let observation = try workload.observe()
        for lane in 0..<lanes {
            let position = observation.positions[lane] ?? 0
            let state = histories.state(lane, after: position)
            guard observation.entries[lane] ?? [:] == state else { throw Wrong("a failed transaction left something") }
            guard try workload.position(of: lane) == position else {
                throw Wrong("the tiers disagree after a failure")
            }
            try workload.compareTiers(lane: lane, with: state)
        }
    }
}
