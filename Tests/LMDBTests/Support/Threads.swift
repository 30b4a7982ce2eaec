import Foundation
import Synchronization

/// Runs `body` on so many threads of their own at once and returns when all have ended; throws the first error.
///
/// The cooperative pool has as many threads as the machine has cores, so work that blocks must not run on it.
func inThreads(_ count: Int, _ body: @escaping @Sendable (Int) throws -> Void) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
        for index in 0..<count {
            group.addTask { try await inThread { try body(index) } }
        }
        try await group.waitForAll()
    }
}

/// Runs `body` on a thread of its own and returns what it returns.
@discardableResult
func inThread<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread {
            do {
                continuation.resume(returning: try body())
            } catch {
                continuation.resume(throwing: error)
            }
        }
    }
}

/// Starts a thread of its own that runs `body`.
func startThread(_ body: @escaping @Sendable () -> Void) {
    Thread.detachNewThread(body)
}

/// A gate that is closed at first; whoever waits goes on when it is opened.
final class Gate: Sendable {
    private let condition = NSCondition()
    private let isOpen = Mutex(false)

    /// Lets everyone through, now and later.
    func open() {
        condition.lock()
        isOpen.withLock { $0 = true }
        condition.broadcast()
        condition.unlock()
    }

    /// Whether the gate is open.
    var isOpenNow: Bool {
        isOpen.withLock { $0 }
    }

    /// Blocks the thread until the gate is open.
    func wait() {
        condition.lock()
        while !isOpen.withLock({ $0 }) { condition.wait() }
        condition.unlock()
    }
}

/// A number that threads count up together.
final class Counter: Sendable {
    private let count = Mutex(0)

    /// The number.
    var value: Int {
        count.withLock { $0 }
    }

    /// Adds one.
    func increment() {
        count.withLock { $0 += 1 }
    }
}

/// Blocks the thread for a while, to let others come to where they are expected. No expectation may rest on it alone.
func pause(milliseconds: Int) {
    usleep(UInt32(milliseconds) * 1_000)
}

/// Waits until `condition` holds, looking again and again. A test in which it never holds does not end, and fails by its time limit.
func waitUntil(_ condition: () throws -> Bool) throws {
    while try !condition() { pause(milliseconds: 1) }
}
