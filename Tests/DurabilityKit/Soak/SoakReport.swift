internal import Larder

/// What a ``SoakRun`` has come to.
public struct SoakReport: Sendable {
    /// Rounds so far.
    public var rounds = 0
    /// Processes killed.
    public var kills = 0
    /// Operations acknowledged.
    public var acknowledged = 0
    /// Operations whose process was killed before they were acknowledged.
    public var unfinished = 0
    /// Unfinished operations that are in the store, wholly.
    public var survived = 0
    /// Snapshots that were held and looked at twice.
    public var snapshots = 0
    /// Backups made, opened and looked at.
    public var backups = 0
    /// Expired records that this process removed at the end of epochs.
    public var expired = 0
    /// The most reader slots in use at one time.
    public var readerSlots = 0
    /// The largest file of each epoch, in bytes.
    public var fileBytes: [Int] = []
    /// This process's own memory at the end of each epoch, in bytes.
    public var memoryBytes: [Int] = []
    /// What should not be.
    public var failures: [String] = []

    private var largestFile = 0

    mutating func add(_ judgement: CrashJudge.Judgement) {
        acknowledged += judgement.acknowledged
        unfinished += judgement.unfinished
        survived += judgement.survived
        failures += judgement.failures.map { "round \(rounds): \($0)" }
    }

    mutating func note(_ statistics: StoreStatistics) {
        largestFile = max(largestFile, statistics.durable.fileBytes)
        if statistics.memory.highestBytes > statistics.memory.capacity {
            failures.append("round \(rounds): memory was at \(statistics.memory.highestBytes) bytes, above its budget")
        }
        if statistics.durable.activeReaders > 0 {
            failures.append("round \(rounds): a read transaction of this process was never ended")
        }
    }

    mutating func endEpoch(anonymousMemory: Int) {
        fileBytes.append(largestFile)
        memoryBytes.append(anonymousMemory)
        largestFile = 0
    }

    /// What has grown that must not: the file or the memory of the last third of the epochs beside those of the first, or the reader table.
    /// The data that the tasks keep has a bound, so these have one too; some room is left for chance.
    public func growth(processes: Int) -> [String] {
        var grown: [String] = []
        let third = fileBytes.count / 3
        func largest(_ values: [Int], _ range: Range<Int>) -> Int { values[range].max() ?? 0 }
        // An epoch by itself says little: how much a file grows while a snapshot is held is chance.
        if third >= 3 {
            let (first, last) = (0..<third, fileBytes.count - third..<fileBytes.count)
            if largest(fileBytes, last) > 2 * largest(fileBytes, first) + 1 << 20 {
                grown.append("the file has grown from epoch to epoch: \(fileBytes)")
            }
            if largest(memoryBytes, last) > largest(memoryBytes, first) * 5 / 4 + 8 << 20 {
                grown.append("this process's memory has grown from epoch to epoch: \(memoryBytes)")
            }
        }
        if fileBytes.contains(where: { $0 > 256 << 20 }) {
            grown.append("the file has grown without end: \(fileBytes)")
        }
        // Each process reads from a few threads, one slot each.
        if readerSlots > 16 * (processes + 1) { grown.append("\(readerSlots) reader slots are in use") }
        return grown
    }
}
