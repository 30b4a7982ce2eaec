internal import Foundation
internal import Synchronization

/// Is told of each ``Step``, and holds up the first task that reaches a chosen one for good, so that a test can end the process there.
package final class StepObserver: Sendable {
    private let step: Step?
    private let announce: @Sendable (Step) -> Void
    private let isTaken = Atomic<Bool>(false)

    /// Observes, and holds up nobody unless a step is given.
    ///
    /// - Parameter announce: Called when a task is held up.
    package init(holdingAt step: Step? = nil, announce: @escaping @Sendable (Step) -> Void = { _ in }) {
        self.step = step
        self.announce = announce
    }

    /// A task has reached a step.
    func reached(_ step: Step) async {
        guard holds(step) else { return }
        await unsafe withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in announce(step) }
    }

    /// A thread that may block has reached a step.
    func reachedBlocking(_ step: Step) {
        guard holds(step) else { return }
        announce(step)
        while true { Thread.sleep(forTimeInterval: 3_600) }
    }

    private func holds(_ reached: Step) -> Bool {
        reached == step && !isTaken.exchange(true, ordering: .relaxed)
    }
}
