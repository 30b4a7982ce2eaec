internal import Larder

/// One sequence of operations, by a task or a thread of its own, with its log.
final class Lane {
    let stores: HistoryStore
    let log: HistoryLog
    var generator: SeededGenerator
    let ownedKeys: Range<Int>
    let laneCount: Int
    let writeShare: Int
    /// What each key that is compared and set held when the lane last looked.
    var remembered: [HistoryEvent.Domain: [Int: Stamp?]] = [:]
    /// Operations between two looks at the clock, and for tasks between two chances for others.
    static let slice = 32
    /// How many of a hundred writes of a task are cancelled while they wait.
    static let cancelledShare = 15

    /// - Parameters:
    ///   - index: The lane's number over all processes: it owns keys by it.
    ///   - writeShare: How many of a hundred operations are writes.
    init(
        index: Int, laneCount: Int, stores: HistoryStore, log: HistoryLog, seed: UInt64, writeShare: Int
    ) {
        self.stores = stores
        self.log = log
        self.laneCount = laneCount
        self.writeShare = writeShare
        generator = SeededGenerator(seed: seed)
        ownedKeys = index * HistoryStore.keysPerLane..<(index + 1) * HistoryStore.keysPerLane
    }

    func run(until deadline: UInt64) async throws {
        while log.hasRoom, MonotonicTime.now() < deadline {
            for _ in 0..<Self.slice where log.hasRoom {
                if let write = try nextWrite() {
                    let places = begin(write)
                    let answer =
                        generator.below(100) < Self.cancelledShare
                        ? try await performAndCancel(write, at: places)
                        : try await write.perform(in: stores, willFollow: noting(places))
                    record(answer, of: write, at: places)
                } else {
                    try readSomething()
                }
            }
            await Task.yield()
        }
    }

    func runBlocking(until deadline: UInt64) throws {
        while log.hasRoom, MonotonicTime.now() < deadline {
            for _ in 0..<Self.slice where log.hasRoom {
                if let write = try nextWrite() {
                    let places = begin(write)
                    record(try write.performBlocking(in: stores, willFollow: noting(places)), of: write, at: places)
                } else {
                    try readSomething()
                }
            }
        }
    }
}

extension UInt64 {
    /// The moment of the machine's monotonic clock.
    static var now: UInt64 { MonotonicTime.now() }
}
