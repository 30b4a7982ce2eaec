import CBenchSystem
import Foundation
import Synchronization

/// What passed between the start and the end of a measured stretch.
struct Interval: Sendable {
    /// Nanoseconds of wall and of processor time.
    var wall: UInt64
    var cpu: UInt64
    /// Flushes and bytes written; nil where the counter is not preloaded.
    var flushes: UInt64?
    var bytesWritten: UInt64?

    /// A reading of all the meters.
    private struct Reading {
        var wall: UInt64 = 0
        var cpu: UInt64 = 0
        var flushes: UInt64?
        var bytesWritten: UInt64?

        /// More memory than a peer takes in a measured stretch, in bytes.
        private static let touchedBytes = 1 << 29

        /// Done once. The host of a virtual machine takes memory back that was free for a while, and to get it again would be measured with the peer.
        private static let touchedMemory: Void = {
            if !bench_under_valgrind() { bench_touch_memory(touchedBytes) }
        }()

        /// A reading at the beginning.
        static func first() -> Reading {
            touchedMemory
            return now()
        }

        static func now() -> Reading {
            var flushes: UInt64 = 0
            var bytes: UInt64 = 0
            let counted = unsafe bench_flush_counts(&flushes, &bytes)
            return Reading(
                wall: bench_now(), cpu: bench_processor_time(), flushes: counted ? flushes : nil,
                bytesWritten: counted ? bytes : nil)
        }
    }

    private init(from start: Reading, to end: Reading) {
        wall = end.wall - start.wall
        cpu = end.cpu - start.cpu
        if let before = start.flushes, let after = end.flushes { flushes = after - before }
        if let before = start.bytesWritten, let after = end.bytesWritten { bytesWritten = after - before }
    }

    /// Measures a body on the calling thread.
    static func measure(_ body: () throws -> Void) rethrows -> Interval {
        let start = Reading.first()
        try body()
        return Interval(from: start, to: .now())
    }

    /// Measures threads that work at once. Each prepares on its own; when all are ready the clock starts, and it stops with the last to end.
    ///
    /// One thread alone runs on the caller's.
    static func measure<Prepared>(
        threads: Int, prepare: @escaping @Sendable (Int) throws -> Prepared,
        body: @escaping @Sendable (Int, Prepared) throws -> Void
    ) throws -> Interval {
        if threads == 1 {
            let prepared = try prepare(0)
            return try measure { try body(0, prepared) }
        }
        let team = Team()
        for index in 0..<threads {
            Thread.detachNewThread { team.run(index, prepare: prepare, body: body) }
        }
        for _ in 0..<threads { team.ready.wait() }
        let start = Reading.first()
        for _ in 0..<threads { team.gate.signal() }
        for _ in 0..<threads { team.done.wait() }
        let interval = Interval(from: start, to: .now())
        try team.check()
        return interval
    }

    /// Where threads meet before and after the measured stretch.
    private final class Team: Sendable {
        let ready = DispatchSemaphore(value: 0)
        let gate = DispatchSemaphore(value: 0)
        let done = DispatchSemaphore(value: 0)
        private let failure = Mutex<(any Error)?>(nil)

        func run<Prepared>(_ index: Int, prepare: (Int) throws -> Prepared, body: (Int, Prepared) throws -> Void) {
            let prepared = Result { try prepare(index) }
            ready.signal()
            gate.wait()
            do {
                try body(index, prepared.get())
            } catch {
                failure.withLock { $0 = $0 ?? error }
            }
            done.signal()
        }

        func check() throws {
            if let error = failure.withLock({ $0 }) { throw error }
        }
    }
}

/// Runs tasks at once on the cooperative pool, and blocks the calling thread until all have ended.
///
/// The program's own thread stays outside the pool, as a command's does; so measuring processes also run under valgrind, which an asynchronous
/// main function does not survive.
///
/// - Returns: What they returned, in the order of their numbers.
func runTasks<Result: Sendable>(
    _ count: Int, _ body: @escaping @Sendable (Int) async throws -> Result
) throws -> [Result] {
    let outbox = Outbox<[Result]>()
    Task.detached {
        do {
            let results = try await withThrowingTaskGroup(of: (Int, Result).self) { group in
                for number in 0..<count { group.addTask { (number, try await body(number)) } }
                return try await group.reduce(into: [(Int, Result)]()) { $0.append($1) }
            }
            outbox.put(.success(results.sorted { $0.0 < $1.0 }.map(\.1)))
        } catch {
            outbox.put(.failure(error))
        }
    }
    return try outbox.take().get()
}

/// Where a task leaves its outcome for a thread that waits.
private final class Outbox<Value: Sendable>: Sendable {
    private let outcome = Mutex<Result<Value, any Error>?>(nil)
    private let filled = DispatchSemaphore(value: 0)

    func put(_ result: Result<Value, any Error>) {
        outcome.withLock { $0 = result }
        filled.signal()
    }

    func take() -> Result<Value, any Error> {
        filled.wait()
        return outcome.withLock { $0! }
    }
}
