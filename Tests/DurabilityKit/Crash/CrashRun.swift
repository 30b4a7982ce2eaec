internal import Larder

#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Kills processes in the middle of their work on one store, round after round, and compares what the store holds with what was
/// acknowledged.
public struct CrashRun {
    private let scratch: ScratchDirectory
    private let worker: String
    private let processes: Int
    private var judge: CrashJudge
    private var generator: SeededGenerator
    private var round: UInt64 = 0
    /// Tasks of a process.
    private static let tasksPerProcess = 6

    /// What the rounds have come to.
    public struct Report: Sendable {
        /// Processes killed.
        public var kills = 0
        /// Operations acknowledged.
        public var acknowledged = 0
        /// Operations whose process was killed before they were acknowledged.
        public var unfinished = 0
        /// Unfinished operations that are in the store, wholly.
        public var survived = 0
        /// What should not be.
        public var failures: [String] = []
    }

    /// What the rounds so far have come to.
    public private(set) var report = Report()

    /// Rounds with so many processes at a time.
    public init(processes: Int, seed: UInt64) throws {
        scratch = try ScratchDirectory()
        worker = try WorkerExecutable.path()
        self.processes = processes
        judge = CrashJudge(tasks: processes * Self.tasksPerProcess)
        generator = SeededGenerator(seed: seed)
    }

    /// The directory of the store.
    public var store: String { scratch.path + "/store" }

    /// Removes what the run has left.
    public func finish() {
        scratch.remove()
    }

    /// Starts the processes, kills one after the other at random moments, and judges what is left. Of several, those that are not
    /// killed yet work on, and the store is opened beside them.
    public mutating func runRound() async throws {
        round += 1
        let journals = try ScratchDirectory()
        defer { journals.remove() }
        var children: [ChildProcess] = []
        for process in 0..<processes {
            let tasks = process * Self.tasksPerProcess..<(process + 1) * Self.tasksPerProcess
            let arguments = CrashWorkload.arguments(
                store: store, journals: journals.path, tasks: tasks, seed: generator.next() >> 1)
            children.append(try ChildProcess(worker, ["crash"] + arguments))
        }
        // One round in five kills before the store is open, or while it is made.
        let isReady = generator.below(5) != 0
        if isReady {
            for child in children where try child.readLine() != "ready" {
                report.failures.append("round \(round): a worker did not get ready")
            }
        }
        children.shuffle(using: &generator)
        while let child = children.popLast() {
            // At some moment, and on a slow machine not before there is something to lose.
            if isReady { try waitForAcknowledgements(generator.below(60), in: journals.path) }
            MonotonicTime.sleep(nanoseconds: UInt64(generator.below(60_000_000)))
            let ending = child.kill()
            if ending == .killed(SIGKILL) {
                report.kills += 1
            } else {
                let last = try child.readLine() ?? ""
                report.failures.append("round \(round): a worker ended with \(ending) \(last)")
            }
            if !children.isEmpty { try beSeenWorkingBeside(children) }
        }
        try await judge(journals.path)
    }

    /// How long acknowledgements are waited for, in nanoseconds: a store that does not go on must not keep the run from ending.
    private static let patience: UInt64 = 10_000_000_000

    /// Waits until the journals of a round hold so many acknowledgements.
    private func waitForAcknowledgements(_ count: Int, in journals: String) throws {
        let deadline = MonotonicTime.now() + Self.patience
        while MonotonicTime.now() < deadline {
            let acknowledged = try (0..<judge.tasks).reduce(0) { sum, task in
                let entries = try Journal.entries(in: CrashWorkload.journal(of: task, in: journals))
                return sum + entries.count { $0.isAcknowledged }
            }
            if acknowledged >= count { return }
            MonotonicTime.sleep(nanoseconds: 1_000_000)
        }
    }

    private mutating func beSeenWorkingBeside(_ children: [ChildProcess]) throws {
        let stores = try CrashStore(at: store)
        try stores.checkConsistency(tasks: judge.tasks)
        try stores.store.close()
        // The store was opened after the kill, which frees the slots of the dead.
        for owner in try ReaderSlots.owners(worker: worker, store: store) {
            if !ChildProcess.isAlive(owner) {
                report.failures.append("round \(round): a reader slot of a dead process")
            }
        }
    }

    private mutating func judge(_ journals: String) async throws {
        let stores = try CrashStore(at: store)
        let judgement = try await judge.judge(stores, journals: journals, round: round)
        report.acknowledged += judgement.acknowledged
        report.unfinished += judgement.unfinished
        report.survived += judgement.survived
        report.failures += judgement.failures.map { "round \(round): \($0)" }
        try stores.store.close()
    }
}

extension CrashRun {
    /// What a check of every page and every record of the file finds wrong. No process may have the store open.
    public func damage() throws -> [String] {
        let verification = try StoreVerification.run(at: store)
        return verification.problems + verification.damagedRecords.map { "\($0.cacheName): \($0.problem)" }
    }
}
