internal import Synchronization

/// Expired records that go in one transaction: half of them where there is no room for all, since even a removal copies the pages that it changes.
final class ExpiredBatch: Sendable {
    private struct State {
        var entries: [ExpirySweep.Entry]
        var isHalved = false
        var removed = 0
    }

    private let sweep: ExpirySweep
    private let state: Mutex<State>

    init(_ entries: [ExpirySweep.Entry], _ sweep: ExpirySweep) {
        self.sweep = sweep
        state = Mutex(State(entries: entries))
    }

    /// The transaction that removes them.
    ///
    /// - Parameter isAwaited: As ``WriteRequest/isAwaited``.
    func request(isAwaited: Bool) -> WriteRequest {
        WriteRequest(isAwaited: isAwaited, halve: { self.halve() }, perform: { try self.remove(in: $0) })
    }

    /// Whether some of the records are left.
    var isHalved: Bool { state.withLock { $0.isHalved } }

    /// Counts what was removed, once that is committed, and returns it.
    @discardableResult
    func count() -> Int {
        let removed = state.withLock { $0.removed }
        sweep.count(removed: removed)
        return removed
    }

    private func remove(in transaction: borrowing Transaction) throws {
        let removed = try sweep.remove(state.withLock { $0.entries }, in: transaction)
        state.withLock { $0.removed = removed }
    }

    private func halve() -> Bool {
        state.withLock { state in
            guard state.entries.count > 1 else { return false }
            state.entries.removeLast(state.entries.count / 2)
            state.isHalved = true
            return true
        }
    }
}
