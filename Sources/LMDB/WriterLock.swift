/// Who may write: one thread of one process at a time.
///
/// LMDB has such a lock of its own, but lets go of it inside a commit, before the caller knows the outcome. Whoever holds this one
/// can act on the outcome before any other writer moves.
final class WriterLock: Sendable {
    private struct State {
        var owner: ThreadIdentity?
        var isClosed = false
    }

    private let state = Monitor(State())
    private let file: ProcessLock

    init(_ file: ProcessLock) {
        self.file = file
    }

    /// Waits until no thread of any process holds the lock, then holds it.
    ///
    /// - Throws: ``LMDBError/Code-swift.struct/nestedWrite`` if the calling thread holds it already;
    ///   ``LMDBError/Code-swift.struct/closed``; an `errno` of the file lock.
    func acquire() throws(LMDBError) {
        let thread = ThreadIdentity.current
        try state.withLock { state throws(LMDBError) in
            if state.owner == thread { throw LMDBError(.nestedWrite, operation: "write") }
            return state.owner == nil
        } _: { state throws(LMDBError) in
            if state.isClosed { throw LMDBError(.closed, operation: "write") }
            state.owner = thread
        }
        do {
            try file.lockWriter()
        } catch {
            leave()
            throw error
        }
    }

    /// Lets go of the lock.
    func release() {
        file.unlockWriter()
        leave()
    }

    private func leave() {
        state.withLock { $0.owner = nil }
        state.wakeAll()
    }

    /// Refuses further writers and waits for the one under way.
    func close() throws(LMDBError) {
        let thread = ThreadIdentity.current
        try state.withLock { state throws(LMDBError) in
            if state.owner == thread { throw LMDBError(.nestedWrite, operation: "close") }
            state.isClosed = true
            return state.owner == nil
        } _: { _ throws(LMDBError) in
        }
    }
}
