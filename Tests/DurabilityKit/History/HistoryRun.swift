internal import Larder

/// Makes histories on one store, round after round, with several processes that are killed and started again, and checks them.
public struct HistoryRun {
    private let options: HistoryOptions
    private let scratch: ScratchDirectory
    private let worker: String
    private var generator: SeededGenerator
    private var round = 0

    /// What a run has come to.
    public struct Report: Sendable {
        /// Operations recorded.
        public var operations = 0
        /// Operations that changed something and were acknowledged.
        public var writes = 0
        /// Of these writes, how many were updates in place, compare-and-sets or increments.
        public var updates = 0
        /// Compares that failed.
        public var failedCompares = 0
        /// Writes that were cancelled while they waited, and withdrawn.
        public var withdrawn = 0
        /// Writes whose process was killed before they were acknowledged.
        public var unfinished = 0
        /// Processes killed.
        public var kills = 0
        /// Rounds.
        public var rounds = 0
        /// Everything in which the histories break a promise.
        public var violations: [Violation] = []
        /// Processes that ended in a way they should not have, and other failures.
        public var failures: [String] = []

        /// A report of nothing.
        public init() {}

        /// Counts the operations of a history.
        mutating func count(_ events: [HistoryEvent]) {
            for event in events {
                guard event.isFinished else {
                    if event.kind.isWrite { unfinished += 1 }
                    continue
                }
                operations += 1
                if event.isWithdrawn {
                    withdrawn += 1
                } else if event.kind.isWrite {
                    writes += 1
                    if event.kind == .increment || event.found != nil { updates += 1 }
                } else if event.kind == .failedCompare {
                    failedCompares += 1
                }
            }
        }

        /// Adds another run's.
        public mutating func add(_ other: Report) {
            operations += other.operations
            writes += other.writes
            updates += other.updates
            failedCompares += other.failedCompares
            withdrawn += other.withdrawn
            unfinished += other.unfinished
            kills += other.kills
            rounds += other.rounds
            violations += other.violations
            failures += other.failures
        }
    }

    /// A run in a directory that is removed with ``finish()``.
    public init(_ options: HistoryOptions) throws {
        self.options = options
        scratch = try ScratchDirectory()
        worker = try WorkerExecutable.path()
        generator = SeededGenerator(seed: options.seed)
    }

    /// Removes what the run has left.
    public func finish() {
        scratch.remove()
    }

    private func open() throws -> HistoryStore {
        try HistoryStore(
            at: scratch.path + "/store", memoryKibibytes: options.memoryKibibytes, mapKibibytes: options.mapKibibytes)
    }

    /// Makes one history and checks it. The store is opened anew before and after.
    public mutating func runRound() async throws -> Report {
        round += 1
        var report = Report()
        report.rounds = 1
        let before = try open()
        try await before.prepare()
        var events = try before.state(laneCount: options.laneCount, asInitialWrites: true)
        try before.store.close()

        let logs = try ScratchDirectory()
        defer { logs.remove() }
        try runProcesses(logs: logs.path, &report)
        for name in ScratchDirectory.names(in: logs.path) {
            events += try HistoryLog.events(in: logs.path + "/" + name)
        }
        report.count(events)

        let after = try open()
        events += try after.state(laneCount: options.laneCount, asInitialWrites: false)
        try after.store.close()
        report.violations = HistoryChecker(events).violations()
        return report
    }

    private mutating func runProcesses(logs: String, _ report: inout Report) throws {
        let duration = UInt64(options.milliseconds) * 1_000_000
        let deadline = MonotonicTime.now() + duration
        var assignmentOptions = options
        assignmentOptions.seed = options.seed &+ UInt64(round) << 20
        func start(_ process: Int, _ incarnation: Int) throws -> ChildProcess {
            let assignment = HistoryAssignment(
                store: scratch.path + "/store", logs: logs, process: process, incarnation: incarnation,
                deadline: deadline, options: assignmentOptions)
            return try ChildProcess(worker, ["history"] + assignment.arguments)
        }
        var children = try (0..<options.processes).map { try start($0, 0) }
        for kill in 0..<options.kills {
            // Evenly over the round, but for chance.
            let share = (Double(kill) + Double(generator.below(1_000)) / 1_000) / Double(options.kills)
            let moment = deadline - duration + UInt64(Double(duration) * share)
            let now = MonotonicTime.now()
            if moment > now { MonotonicTime.sleep(nanoseconds: moment - now) }
            let process = generator.below(options.processes)
            switch children[process].kill() {
            case .killed(9): report.kills += 1
            // It was done.
            case .exited(0): break
            case let ending: report.failures.append("a worker ended with \(ending) before it was killed")
            }
            children[process] = try start(process, kill + 1)
        }
        for child in children {
            while try child.readLine() != nil {}
            let ending = child.wait()
            if ending != .exited(0) { report.failures.append("a worker ended with \(ending)") }
        }
    }
}
