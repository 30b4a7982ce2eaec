/// Who may write: one thread of one process at a time.
///
/// LMDB has such a lock of its own, but lets go of it inside a commit, before the caller knows the outcome. Whoever holds this one
/// can act on the outcome before any other writer moves.
final class WriterLock: Sendable {
    private struct State {
        var owner: ThreadIdentity?
        var file: ProcessLock?
        var isClosed = false
    }

    private let state: Monitor<State>

    init(_ file: ProcessLock) {
        state = Monitor(State(file: file))
    }

    /// Waits until no thread of any process holds the lock, then holds it.
    ///
    /// - Throws: ``LMDBError/Code-swift.struct/nestedWrite`` if the calling thread holds it already;
    ///   ``LMDBError/Code-swift.struct/closed``; an `errno` of the file lock.
    func acquire() throws(LMDBError) {
        let thread = ThreadIdentity.current
        let file = try state.withLock { state throws(LMDBError) in
            if state.owner == thread { throw LMDBError(.nestedWrite, operation: "write") }
            return state.owner == nil
        } _: { state throws(LMDBError) -> ProcessLock? in
            if state.isClosed { throw LMDBError(.closed, operation: "write") }
            state.owner = thread
            return state.file
        }
        do {
            try file?.lock()
        } catch {
            leave()
            throw error
        }
    }

    /// Lets go of the lock.
    func release() {
        state.withLock { $0.file }?.unlock()
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

    /// Closes the lock's file.
    func releaseFile() {
        state.withLock { $0.file = nil }
    }
}
