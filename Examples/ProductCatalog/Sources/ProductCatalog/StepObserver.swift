internal import Foundation
internal import Synchronization

/// Is told of each ``Step``, so that a test can end the process there. It holds up the first task that reaches a chosen step for good, and can
/// make every step take a while.
package final class StepObserver: Sendable {
    private let step: Step?
    private let pause: Duration
    private let announce: @Sendable (Step) -> Void
    private let isTaken = Atomic<Bool>(false)

    /// Observes, and holds up nobody unless told to.
    ///
    /// - Parameters:
    ///   - step: Where to hold up a task.
    ///   - pause: How long every step takes.
    ///   - announce: Called when a task is held up.
    package init(
        holdingAt step: Step? = nil, pausing pause: Duration = .zero,
        announce: @escaping @Sendable (Step) -> Void = { _ in }
    ) {
        self.step = step
        self.pause = pause
        self.announce = announce
    }

    /// A task has reached a step.
    func reached(_ step: Step) async {
        if pause > .zero { try? await Task.sleep(for: pause) }
        guard holds(step) else { return }
        await unsafe withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in announce(step) }
    }

    /// A thread that may block has reached a step.
    func reachedBlocking(_ step: Step) {
        if pause > .zero { Thread.sleep(forTimeInterval: pause / .seconds(1)) }
        guard holds(step) else { return }
        announce(step)
        while true { Thread.sleep(forTimeInterval: 3_600) }
    }

    private func holds(_ reached: Step) -> Bool {
        reached == step && !isTaken.exchange(true, ordering: .relaxed)
    }
}
