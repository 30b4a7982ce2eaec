internal import Larder
internal import Synchronization

/// Rounds in which a process that writes through a cache dies at a named step, while this process reads the same key through it.
///
/// In each round, and again after the store was opened anew, the cache must hold nothing for the key, or what the database does; also
/// where the database applies the write only after its writer's death. Once the intent has run out, the key must be kept again.
public struct SourceKillRun {
    private let scratch: ScratchDirectory
    private let worker: String
    private let database: FileDatabase
    private let offset = OffsetClock()
    private var generator: SeededGenerator
    private var round = 0

    /// What the rounds came to.
    public private(set) var report = Report()

    /// Counts, and what was wrong.
    public struct Report: Sendable {
        /// How many rounds ended at each step; "done" for those that lived.
        public var endings: [String: Int] = [:]
        /// Rounds in which the write reached the database after its writer's death.
        public var late = 0
        /// Rounds after which the cache held the value at once.
        public var held = 0
        /// Loads that this process made meanwhile.
        public var reads = 0
        /// What was wrong, in words.
        public var failures: [String] = []
    }

    /// A clock that can be put ahead.
    private final class OffsetClock: Sendable {
        let milliseconds = Atomic<UInt64>(0)

        var wallClock: WallClock {
            WallClock { [self] in WallTime.now() + milliseconds.load(ordering: .relaxed) }
        }
    }

    /// Prepares a store and a database.
    public init(seed: UInt64) throws {
        scratch = try ScratchDirectory()
        worker = try WorkerExecutable.path()
        database = FileDatabase(at: scratch.path + "/database")
        generator = SeededGenerator(seed: seed)
    }

    /// Removes them.
    public func finish() {
        scratch.remove()
    }

    /// Where the next write is to end: every step has its turn.
    private var step: String {
        let steps = SourceWorker.steps + ["done"]
        return steps[round % steps.count]
    }

    /// Runs one round.
    public mutating func runRound() async throws {
        let (step, key) = (step, generator.below(4))
        round += 1
        let value = generator.below(4) == 0 ? nil : round
        offset.milliseconds.store(0, ordering: .relaxed)
        let store = try open()
        let cache = try SourceWorker.sourced(store, database)
        let before = try database.value(of: key)
        _ = try await cache.value(for: key)

        let child = try ChildProcess(
            worker,
            [
                "source-write", scratch.path + "/store", scratch.path + "/database", "\(key)",
                value.map(String.init) ?? "-", step,
            ])
        let (ending, said, reads) = try await Self.read(key, in: cache, of: [before, value], until: child)
        check(step == "done" ? ending == .exited(0) && said == "done" : ending == .killed(9), "\(ending) at \(step)")
        report.reads += reads
        report.endings[step, default: 0] += 1
        if step == "done" {
            check(try cache.cache.value(for: key) == value, "what was acknowledged is not held, round \(round)")
        }
        try await checkKey(key, cache, "after \(step)")
        if try cache.cache.value(for: key) != nil { report.held += 1 }
        // The load before this one may have begun before the database applied what it had received.
        if try database.applyRequests() > 0 { report.late += 1 }
        try await checkKey(key, cache, "after the late write of \(step)")
        try store.close()

        let reopened = try open()
        let again = try SourceWorker.sourced(reopened, database)
        try await checkKey(key, again, "after \(step) and opening again")
        // Nobody waits: the clock does.
        offset.milliseconds.store(SourceWorker.patience, ordering: .relaxed)
        _ = try await again.value(for: key)
        try reopened.close()
        let settled = try open()
        let kept = try SourceWorker.sourced(settled, database).cache.value(for: key)
        check(try kept == database.value(of: key), "after \(step) and its settlement the cache holds \(kept as Any)")
        try settled.close()
    }

    /// Reads a key over and over until a process ends. What is read may be the old or the new value; what is loaded meanwhile is not to be
    /// kept.
    private static func read(
        _ key: Int, in cache: SourcedCache<FileDatabase>, of values: [Int?], until child: ChildProcess
    ) async throws -> (ChildProcess.Ending, said: String?, reads: Int) {
        let isOver = Flag()
        async let reads = {
            var reads = 0
            while !isOver.value.load(ordering: .relaxed) {
                let seen = try await cache.value(for: key)
                if !values.contains(seen) { throw UnexpectedValue(seen: seen) }
                reads += 1
                await Task.yield()
            }
            return reads
        }()
        let ending = try await JoinableThread.run { child.wait() }
        isOver.value.store(true, ordering: .relaxed)
        return (ending, try child.readLine(), try await reads)
    }

    private final class Flag: Sendable {
        let value = Atomic<Bool>(false)
    }

    private func open() throws -> Store {
        try Store(at: scratch.path + "/store", options: .init(clock: offset.wallClock))
    }

    /// The cache holds what the database does, or nothing, before and after a load.
    private mutating func checkKey(_ key: Int, _ cache: SourcedCache<FileDatabase>, _ moment: String) async throws {
        let row = try database.value(of: key)
        for _ in 0..<2 {
            let held = try cache.cache.value(for: key)
            check(
                held == nil || held == row,
                "\(moment), round \(round), the cache holds \(held as Any), not \(row as Any)")
            let answer = try await cache.value(for: key)
            check(answer == row, "\(moment), round \(round), the answer is \(answer as Any), not \(row as Any)")
            try await cache.cache.store.write { _ in }
        }
    }

    private mutating func check(_ condition: Bool, _ failure: String) {
        if !condition { report.failures.append(failure) }
    }

    /// A value that was never written.
    private struct UnexpectedValue: Error {
        var seen: Int?
    }
}
