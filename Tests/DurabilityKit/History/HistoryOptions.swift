internal import Larder

/// How a history is made.
public struct HistoryOptions: Sendable {
    /// Processes on the store at a time.
    public var processes = 2
    /// Lanes that are tasks, in each process.
    public var tasks = 3
    /// Lanes that are threads and use the blocking forms, in each process.
    public var threads = 2
    /// How long a round lasts, in milliseconds.
    public var milliseconds = 1_000
    /// Processes killed in a round, at random moments; each is started again.
    public var kills = 2
    /// The memory tier of each process: tiny, so that entries are evicted all the time, or large.
    public var memoryKibibytes = 8
    /// The map of the file, which grows from there.
    public var mapKibibytes = 1 << 20
    /// The largest number of events of a lane in a round.
    public var eventsPerLane = 1 << 20
    /// What everything random follows from, but for the timing.
    public var seed: UInt64 = 1

    /// The defaults.
    public init() {}

    /// Lanes of a process.
    public var lanesPerProcess: Int { tasks + threads }
    /// Lanes of all processes.
    public var laneCount: Int { processes * lanesPerProcess }
}

/// What a process of a history is told on its command line.
public struct HistoryAssignment: Sendable {
    var store: String
    var logs: String
    var process: Int
    var incarnation: Int
    var deadline: UInt64
    var options: HistoryOptions

    var arguments: [String] {
        [
            store, logs, "\(process)", "\(incarnation)", "\(deadline)", "\(options.processes)", "\(options.tasks)",
            "\(options.threads)", "\(options.memoryKibibytes)", "\(options.mapKibibytes)", "\(options.eventsPerLane)",
            "\(options.seed)",
        ]
    }

    init(
        store: String, logs: String, process: Int, incarnation: Int, deadline: UInt64, options: HistoryOptions
    ) {
        self.store = store
        self.logs = logs
        self.process = process
        self.incarnation = incarnation
        self.deadline = deadline
        self.options = options
    }

    /// Reads what ``arguments`` says; `nil` if it is something else.
    public init?(_ arguments: [String]) {
        let numbers = arguments.dropFirst(2).compactMap { UInt64($0) }
        guard arguments.count == 12, numbers.count == 10 else { return nil }
        store = arguments[0]
        logs = arguments[1]
        process = Int(numbers[0])
        incarnation = Int(numbers[1])
        deadline = numbers[2]
        options = HistoryOptions()
        options.processes = Int(numbers[3])
        options.tasks = Int(numbers[4])
        options.threads = Int(numbers[5])
        options.memoryKibibytes = Int(numbers[6])
        options.mapKibibytes = Int(numbers[7])
        options.eventsPerLane = Int(numbers[8])
        options.seed = numbers[9]
    }
}

extension HistoryAssignment {
    /// Works on the store until the deadline, and records it. What a worker process does.
    ///
    /// - Parameter ready: Called when the store is open.
    public func run(ready: () -> Void) async throws {
        let stores = try HistoryStore(
            at: store, memoryKibibytes: options.memoryKibibytes, mapKibibytes: options.mapKibibytes)
        ready()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<options.lanesPerProcess {
                let lane = process * options.lanesPerProcess + number
                let log = "\(logs)/\(lane).\(incarnation)"
                let seed = SeededGenerator.mix(options.seed &+ UInt64(lane) << 32 &+ UInt64(incarnation))
                let isThread = number >= options.tasks
                // The last thread only reads, without a pause; the others write as often as they read.
                let writeShare = number == options.lanesPerProcess - 1 ? 0 : 50
                @Sendable func makeLane() throws -> Lane {
                    Lane(
                        index: lane, laneCount: options.laneCount, stores: stores,
                        log: try HistoryLog(path: log, lane: lane, capacity: options.eventsPerLane), seed: seed,
                        writeShare: writeShare)
                }
                group.addTask { [deadline] in
                    if isThread {
                        try await JoinableThread.run { try makeLane().runBlocking(until: deadline) }
                    } else {
                        try await makeLane().run(until: deadline)
                    }
                }
            }
            try await group.waitForAll()
        }
        try stores.store.close()
    }
}
