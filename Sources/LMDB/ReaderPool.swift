internal import CLMDB
internal import Synchronization

/// The read transactions of an environment: those in use, and those that wait to be used again.
///
/// Renewing a read transaction costs a tenth of beginning one. The pool also knows who reads, so that whatever replaces the map
/// (growth), a table's handle (a drop) or the environment (close) waits until nobody does.
@usableFromInline
final class ReaderPool: Sendable {
    private struct State {
        var idle: [TransactionHandle] = []
        var active: [ThreadIdentity] = []
        var isBlocked = false
        var isClosed = false
    }

    private let environment: EnvironmentHandle
    private let metaPages: MetaPages
    private let state = Monitor(State())
    /// Whether no thread is inside a read transaction; written with the lock of `state` held.
    private let isIdle = Atomic<Bool>(true)

    /// Idle transactions beyond this number are ended: each holds a slot of the reader table.
    private static let maximumIdle = 16

    init(environment: EnvironmentHandle, metaPages: MetaPages) {
        self.environment = environment
        self.metaPages = metaPages
    }

    /// Whether the calling thread is inside a read transaction. One load where no thread is.
    var isReading: Bool {
        // What the calling thread itself has added it sees without the lock.
        isIdle.load(ordering: .relaxed) ? false : state.withLock { $0.active.contains(.current) }
    }

    /// Throws if the environment was closed because it could not be kept, and then must not be touched.
    func checkNotLost() throws(LMDBError) {
        try state.withLock { _ throws(LMDBError) in try environment.checkNotLost() }
    }

    /// How many read transactions are in use.
    var activeCount: Int {
        state.withLock { $0.active.count }
    }

    /// Begins a read transaction; ``end(_:)`` must follow on the same thread.
    @usableFromInline
    func begin() throws(LMDBError) -> ReadTransaction {
        let thread = ThreadIdentity.current
        while true {
            // A thread that reads already may go on: whoever blocks the pool is waiting for that very thread.
            let idle = try state.withLock { state throws(LMDBError) in
                !state.isBlocked || state.active.contains(thread)
            } _: { state throws(LMDBError) -> TransactionHandle? in
                if state.isClosed { throw LMDBError(.closed, operation: "read") }
                try environment.checkNotLost()
                state.active.append(thread)
                isIdle.store(false, ordering: .relaxed)
                return state.idle.popLast()
            }
            var transaction = idle
            var code = start(&transaction)
            if code == MDB_READERS_FULL {
                // The slots of processes that died stay taken until someone looks.
                _ = unsafe mdb_reader_check(environment.pointer, nil)
                code = start(&transaction)
            }
            if code == 0, let transaction { return unsafe ReadTransaction(handle: transaction.pointer) }
            if let idle { unsafe mdb_txn_abort(idle.pointer) }
            leave(thread, keeping: nil)
            guard code == MDB_MAP_RESIZED else {
                throw LMDBError(.init(rawValue: code), operation: "mdb_txn_begin", path: environment.path)
            }
            try withoutReaders(endingIdle: true) { () throws(LMDBError) in try environment.adoptMapSize() }
        }
    }

    /// How often a transaction is begun anew although the meta pages contradict each other.
    private static let maximumContradictions = 10_000

    /// Begins or renews a transaction.
    ///
    /// LMDB reads the number of the last commit and then that commit's meta page, which the commit after the next overwrites. If that happens
    /// in between, the transaction sees a commit that nobody was told of, is perhaps not on the disk, and is not seen by the next reader. It
    /// is begun anew: the number has grown by then.
    private func start(_ transaction: inout TransactionHandle?) -> Int32 {
        if transaction == nil {
            var pointer: OpaquePointer?
            let code = unsafe mdb_txn_begin(environment.pointer, nil, UInt32(MDB_RDONLY), &pointer)
            guard code == 0, let pointer = unsafe pointer else { return code }
            transaction = unsafe TransactionHandle(pointer: pointer)
            if unsafe !isOverwritten(pointer) { return 0 }
            unsafe mdb_txn_reset(pointer)
        }
        guard let handle = transaction else { return 0 }
        var contradictions = 0
        while contradictions < Self.maximumContradictions {
            let code = unsafe mdb_txn_renew(handle.pointer)
            if unsafe code != 0 || !isOverwritten(handle.pointer) { return code }
            // The commit after the next is what a race leaves there. Anything else, again and again, is damage.
            if unsafe !isOverwritten(handle.pointer, byTheCommitAfterTheNext: true) { contradictions += 1 }
            unsafe mdb_txn_reset(handle.pointer)
        }
        return MDB_CORRUPTED
    }

    /// Whether the meta page that a read transaction began from may have been another commit's already.
    @inline(__always)
    private func isOverwritten(_ transaction: OpaquePointer, byTheCommitAfterTheNext: Bool = false) -> Bool {
        let id = unsafe UInt64(truncatingIfNeeded: mdb_txn_id(transaction))
        // LMDB has read the meta page before it is looked at again.
        atomicMemoryFence(ordering: .acquiring)
        let inPlace = metaPages.transactionID(inPlaceOf: id)
        return byTheCommitAfterTheNext ? inPlace == id &+ 2 : inPlace > id
    }

    /// Ends a read transaction.
    @usableFromInline
    func end(_ transaction: consuming ReadTransaction) {
        unsafe mdb_txn_reset(transaction.handle)
        leave(.current, keeping: unsafe TransactionHandle(pointer: transaction.handle))
    }

    /// Ends a read transaction in which a table was opened, and leaves the table's handle to the environment.
    func commit(_ transaction: consuming ReadTransaction) throws(LMDBError) {
        let code = unsafe mdb_txn_commit(transaction.handle)
        leave(.current, keeping: nil)
        try check(code, "mdb_txn_commit", path: environment.path)
    }

    private func leave(_ thread: ThreadIdentity, keeping transaction: TransactionHandle?) {
        let (hasLeft, someoneWaits) = state.withLock { state in
            if let transaction {
                guard state.idle.count < Self.maximumIdle else { return (false, false) }
                state.idle.append(transaction)
            }
            if let index = state.active.lastIndex(of: thread) { state.active.swapAt(index, state.active.count - 1) }
            state.active.removeLast()
            if state.active.isEmpty { isIdle.store(true, ordering: .relaxed) }
            return (true, state.isBlocked || state.isClosed)
        }
        if someoneWaits { state.wakeAll() }
        if !hasLeft, let transaction {
            // While this thread still counts as a reader, so that the environment is not closed under it.
            unsafe mdb_txn_abort(transaction.pointer)
            leave(thread, keeping: nil)
        }
    }

    /// Runs `body` while no read transaction of this process is active and none can begin.
    ///
    /// - Parameter endingIdle: Whether the transactions that wait to be used again are ended too: nothing refers to the C environment then.
    /// - Throws: ``LMDBError/Code-swift.struct/insideRead`` if the calling thread reads itself; what `body` throws.
    func withoutReaders(endingIdle: Bool = false, _ body: () throws(LMDBError) -> Void) throws(LMDBError) {
        let thread = ThreadIdentity.current
        try state.withLock { state throws(LMDBError) in
            if state.active.contains(thread) { throw LMDBError(.insideRead, operation: "map growth") }
            return !state.isBlocked
        } _: { state throws(LMDBError) in
            if state.isClosed { throw LMDBError(.closed, operation: "map growth") }
            state.isBlocked = true
        }
        defer {
            state.withLock { $0.isBlocked = false }
            state.wakeAll()
        }
        try state.withLock { state throws(LMDBError) in
            state.active.isEmpty
        } _: { state throws(LMDBError) in
            if endingIdle { Self.endIdle(&state) }
            try body()
        }
    }

    private static func endIdle(_ state: inout State) {
        for transaction in state.idle { unsafe mdb_txn_abort(transaction.pointer) }
        state.idle = []
    }

    /// Runs `body` while the map stays where it is.
    func withStableMap<Result>(_ body: () throws(LMDBError) -> Result) throws(LMDBError) -> Result {
        try state.withLock { state throws(LMDBError) in
            if state.isClosed { throw LMDBError(.closed, operation: "information") }
            try environment.checkNotLost()
            return try body()
        }
    }

    /// Refuses further readers, waits for those that are active, and ends every transaction. Returns `false` if it was closed before.
    func close() throws(LMDBError) -> Bool {
        let thread = ThreadIdentity.current
        let first = try state.withLock { state throws(LMDBError) in
            if state.active.contains(thread) { throw LMDBError(.insideRead, operation: "close") }
            defer { state.isClosed = true }
            return !state.isClosed
        }
        guard first else { return false }
        state.withLock(when: { $0.active.isEmpty && !$0.isBlocked }) { state in
            Self.endIdle(&state)
        }
        return true
    }
}

/// A C transaction that waits in the pool.
@safe
private struct TransactionHandle: @unchecked Sendable {
    // Unchecked: it is used by the one thread that took it out of the pool.
    let pointer: OpaquePointer

    init(pointer: OpaquePointer) {
        unsafe self.pointer = pointer
    }
}
