internal import Foundation
internal import Synchronization

/// Runs `body` on so many threads of their own at once and returns when all have ended; throws the first error.
///
/// The cooperative pool has as many threads as the machine has cores, so work that blocks must not run on it.
package func inThreads(_ count: Int, _ body: @escaping @Sendable (Int) throws -> Void) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
        for index in 0..<count {
            group.addTask { try await inThread { try body(index) } }
        }
        try await group.waitForAll()
    }
}

/// Runs `body` on a thread of its own and returns what it returns.
@discardableResult
package func inThread<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
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
package func startThread(_ body: @escaping @Sendable () -> Void) {
    Thread.detachNewThread(body)
}

/// A gate that is closed at first; whoever waits goes on when it is opened.
package final class Gate: Sendable {
    /// Makes one.
    package init() {}

    private let condition = NSCondition()
    private let isOpen = Mutex(false)

    /// Lets everyone through, now and later.
    package func open() {
        condition.lock()
        isOpen.withLock { $0 = true }
        condition.broadcast()
        condition.unlock()
    }

    /// Whether the gate is open.
    package var isOpenNow: Bool {
        isOpen.withLock { $0 }
    }

    /// Blocks the thread until the gate is open.
    package func wait() {
        condition.lock()
        while !isOpen.withLock({ $0 }) { condition.wait() }
        condition.unlock()
    }
}

/// A number that threads count up together.
package final class Counter: Sendable {
    /// Makes one.
    package init() {}

    private let count = Mutex(0)

    /// The number.
    package var value: Int {
        count.withLock { $0 }
    }

    /// Adds one.
    package func increment() {
        count.withLock { $0 += 1 }
    }
}

/// Blocks the thread for a while, to let others come to where they are expected. No expectation may rest on it alone.
package func pause(milliseconds: Int) {
    usleep(UInt32(milliseconds) * 1_000)
}

/// Waits until `condition` holds, looking again and again. A test in which it never holds does not end, and fails by its time limit.
package func waitUntil(_ condition: () throws -> Bool) throws {
    while try !condition() { pause(milliseconds: 1) }
}
