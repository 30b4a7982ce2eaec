internal import Synchronization

/// A transaction that is queued: what it does, and whom to tell.
final class WriteRequest: Sendable {
    typealias Completion = @Sendable ((any Error)?) -> Void

    private enum Outcome {
        case open
        case awaited(Completion)
        case decided((any Error)?)
    }

    /// The key of a transaction that writes one key. Those of a batch are applied in the order of their keys, since pages near each other
    /// are then touched once. `nil` for a body, which is undone alone if it fails.
    let singleKey: MemoryKey?
    /// The transaction; it may run more than once, and only the last run counts.
    let perform: @Sendable (borrowing Transaction) throws -> Void
    /// Leaves out half of what the transaction removes, because there is no room to do it all at once; returns `false` if too little is left for that.
    let halve: @Sendable () -> Bool
    /// Whether someone waits for it who may come again as soon as it is decided.
    let isAwaited: Bool
    private let outcome = Mutex(Outcome.open)

    init(
        singleKey: MemoryKey? = nil, isAwaited: Bool = false, halve: @escaping @Sendable () -> Bool = { false },
        perform: @escaping @Sendable (borrowing Transaction) throws -> Void
    ) {
        self.singleKey = singleKey
        self.isAwaited = isAwaited
        self.halve = halve
        self.perform = perform
    }

    /// Calls `completion` once, with `nil` when the transaction is committed; at once if it is decided already.
    func whenDecided(_ completion: @escaping Completion) {
        let decided: Outcome = outcome.withLock { outcome in
            if case .open = outcome { outcome = .awaited(completion) }
            return outcome
        }
        if case .decided(let error) = decided { completion(error) }
    }

    /// Decides the request and tells whoever waits. Only the first decision counts.
    func complete(_ error: (any Error)?) {
        let completion: Completion? = outcome.withLock { outcome in
            switch outcome {
            case .open:
                outcome = .decided(error)
                return nil
            case .awaited(let completion):
                outcome = .decided(error)
                return completion
            case .decided:
                return nil
            }
        }
        completion?(error)
    }
}

/// A place for a result on its way from the thread that commits to the caller, who reads it only after the decision.
final class ResultBox<Value>: @unchecked Sendable {
    // Unchecked: the request's decision orders the write before the read.
    var value: Value?
}
