import DurabilityKit
import Larder
import Synchronization

/// A process beside the one that is killed: it has the store open with a warm memory tier, reads all the time, and looks closely when it is
/// told to by a line.
final class Watcher: Sendable {
    private let workload: WorkloadStore
    private let marks: String
    private let lanes: Int
    private let failure = Mutex<String?>(nil)
    private let reads = Atomic<Int>(0)

    init(_ arguments: Arguments) throws {
        guard arguments.rest.count == 2 else { throw Wrong("usage: watch STORE MARKS [--lanes N]") }
        workload = try WorkloadStore(at: arguments.rest[0], durability: arguments.durability())
        marks = arguments.rest[1]
        lanes = arguments.number("lanes", default: 1)
    }

    /// Obeys the lines of standard input: `check` is answered by `ok READS` or `fail REASON`.
    func run() async throws {
        let reader = Task.detached { [self] in
            while !Task.isCancelled {
                readOnce()
                try? await Task.sleep(for: .milliseconds(1))
            }
        }
        say("ready")
        var histories = Histories()
        while let line = readLine() {
            guard line == "check" else { break }
            do {
                if let failure = failure.withLock({ $0 }) { throw Wrong(failure) }
                try check(&histories)
                say("ok \(reads.load(ordering: .relaxed))")
            } catch {
                say("fail \(error)")
            }
        }
        reader.cancel()
        await reader.value
        try workload.store.close()
    }

    /// Reads each lane's position by memory, disk and memory again: it never goes back.
    private func readOnce() {
        do {
            for lane in 0..<lanes {
                let first = try workload.position(of: lane)
                let second = try workload.positionOnDisk(of: lane)
                let third = try workload.position(of: lane)
                guard first <= second, second <= third else {
                    throw Wrong("lane \(lane) was read at \(first), then on disk at \(second), then at \(third)")
                }
                reads.add(3, ordering: .relaxed)
            }
        } catch {
            failure.withLock { $0 = "\(error)" }
        }
    }

    /// No other process writes now: the store holds what the marks say, and both tiers say the same.
    ///
    /// The dead one may have left a commit that readers were not told of. This store finishes it when a read misses it, which can be in the
    /// middle of the comparison; that is then made anew, with the state that is there for good.
    private func check(_ histories: inout Histories) throws {
        let bounds = Bounds(marks: Marks.read(marks))
        let before = try workload.observe()
        do {
            try compare(bounds, &histories)
        } catch {
            let after = try workload.observe()
            guard after.positions != before.positions || after.schema != before.schema else { throw error }
            try compare(bounds, &histories)
        }
    }

    private func compare(_ bounds: Bounds, _ histories: inout Histories) throws {
        let observation = try workload.observe()
        try bounds.check(observation, floor: bounds.acknowledged, ceiling: bounds.issued, &histories)
        for lane in 0..<lanes {
            let position = observation.positions[lane] ?? 0
            guard try workload.position(of: lane) == position else {
                throw Wrong("memory has another position than the disk")
            }
            try workload.compareTiers(lane: lane, with: histories.state(lane, after: position))
        }
    }
}
