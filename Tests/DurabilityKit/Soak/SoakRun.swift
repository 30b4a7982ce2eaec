internal import Larder

#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Everything at once, for as long as one likes: several processes write, expire, load and are killed; this one has the same store open all
/// the time, with a warm memory tier, holds snapshots, makes backups, and after each round compares both tiers with the journals of the
/// killed, as RocksDB's `db_crashtest` does with its expected state.
///
/// The rounds come in epochs. An epoch ends with a compaction: the store is replaced by a compacting backup of itself. What the file, the
/// memory and the reader table came to is noted then, and must not grow from epoch to epoch.
public struct SoakRun {
    /// How the run is made.
    public struct Options: Sendable {
        /// Decides what the tasks do, and after how many writes and syncs each process dies.
        public var seed: UInt64 = 1
        /// Processes at a time, beside this one.
        public var processes = 3
        /// Rounds between compactions.
        public var roundsPerEpoch = 25
        /// The recorder of `Tests/Recorder`, which kills a process right after a write or sync; without it the clock says when.
        public var recorder: String?

        /// The options that hold unless they are set.
        public init() {}
    }

    private let options: Options
    private let scratch: ScratchDirectory
    private let worker: String
    private var stores: CrashStore
    private var judge: CrashJudge
    private var generator: SeededGenerator
    /// Processes of earlier rounds: no reader slot may be theirs.
    private var dead: Set<Int32> = []

    /// What the rounds so far have come to.
    public private(set) var report = SoakReport()

    private static let tasksPerProcess = 4

    /// A run on a store of its own.
    public init(_ options: Options) throws {
        self.options = options
        scratch = try ScratchDirectory()
        worker = try WorkerExecutable.path()
        stores = try CrashStore(at: scratch.path + "/store")
        judge = CrashJudge(tasks: options.processes * Self.tasksPerProcess)
        generator = SeededGenerator(seed: options.seed)
    }

    /// The directory of the store.
    public var store: String { scratch.path + "/store" }

    /// Removes what the run has left.
    public func finish() {
        try? stores.store.close()
        scratch.remove()
    }

    /// Starts the processes, works beside them until each is killed, and judges what is left.
    public mutating func runRound() async throws {
        report.rounds += 1
        let journals = try ScratchDirectory()
        defer { journals.remove() }
        var children: [ChildProcess] = []
        for process in 0..<options.processes { children.append(try start(process, journals)) }
        for child in children { _ = try child.readLine() }
        let ready = try ReaderSlots.owners(worker: worker, store: store)
        report.readerSlots = max(report.readerSlots, ready.count)
        // The system gives the numbers of the dead to others in time.
        dead.subtract(children.map(\.identifier))
        if !dead.isDisjoint(with: ready) { fail("a process that was killed rounds ago has a reader slot") }
        // One that its k-th write does not reach dies by the clock.
        let deadline = MonotonicTime.now() + UInt64(100_000_000 + generator.below(300_000_000))
        do { try await workBeside(until: deadline, children) } catch { fail("\(error)") }
        for child in children.shuffled(using: &generator) {
            guard child.kill() == .killed(SIGKILL) else {
                fail("a worker ended with \(child.wait()): \(try child.readLine() ?? "")")
                continue
            }
            report.kills += 1
        }
        dead.formUnion(children.map(\.identifier))
        let judgement = try await judge.judge(stores, journals: journals.path, round: UInt64(report.rounds))
        report.add(judgement)
        try report.note(stores.store.statistics())
        if report.rounds.isMultiple(of: options.roundsPerEpoch) { try await endEpoch() }
    }

    private mutating func start(_ process: Int, _ journals: ScratchDirectory) throws -> ChildProcess {
        let tasks = process * Self.tasksPerProcess..<(process + 1) * Self.tasksPerProcess
        let arguments = CrashWorkload.arguments(
            store: store, journals: journals.path, tasks: tasks, seed: generator.next() >> 1)
        let kill = 1 + generator.below(400)
        var environment: [String: String] = [:]
        if let recorder = options.recorder {
            environment = [
                "LD_PRELOAD": recorder, "LARDER_RECORDER_DIRECTORY": store,
                "LARDER_RECORDER_CONTROL": "\(journals.path)/control.\(process)",
                "LARDER_RECORDER_FAULTS": "io:\(kill):kill",
            ]
        }
        return try ChildProcess(worker, ["crash"] + arguments, environment: environment)
    }

    private mutating func workBeside(until deadline: UInt64, _ children: [ChildProcess]) async throws {
        var isBackedUp = !report.rounds.isMultiple(of: 4)
        while MonotonicTime.now() < deadline, children.contains(where: { !$0.hasEnded }) {
            try stores.checkSnapshot(tasks: judge.tasks, for: UInt64(generator.below(20_000_000)))
            report.snapshots += 1
            try stores.checkMemory(tasks: judge.tasks)
            if !isBackedUp {
                isBackedUp = true
                try await backUp(compacting: generator.below(2) == 0).remove()
            }
        }
    }

    /// Makes a backup and looks at it.
    private mutating func backUp(compacting: Bool) async throws -> ScratchDirectory {
        let directory = try ScratchDirectory()
        try await stores.store.backup(to: directory.path, compacting: compacting)
        let backup = try CrashStore(at: directory.path)
        try backup.checkConsistency(tasks: judge.tasks)
        try backup.store.close()
        report.backups += 1
        return directory
    }

    /// Compacts the store and notes what it had come to.
    private mutating func endEpoch() async throws {
        report.expired += try await stores.store.removeExpired()
        let backup = try await backUp(compacting: true)
        try stores.store.close()
        let verification = try StoreVerification.run(at: store)
        for problem in verification.problems + verification.damagedRecords.map(\.problem) { fail(problem) }
        ScratchDirectory.remove(store)
        guard unsafe rename(backup.path, store) == 0 else { throw SystemError("rename") }
        stores = try CrashStore(at: store)
        report.endEpoch(anonymousMemory: ProcessMemory.anonymousBytes)
        // Judged without journals, the compacted store must be what the one before it was.
        let nothing = try ScratchDirectory()
        defer { nothing.remove() }
        report.add(try await judge.judge(stores, journals: nothing.path, round: UInt64(report.rounds)))
    }

    private mutating func fail(_ text: String) {
        report.failures.append("round \(report.rounds): \(text)")
    }
}
