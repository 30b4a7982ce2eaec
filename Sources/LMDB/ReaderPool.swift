internal import CLMDB

/// The read transactions of an environment: those in use, and those that wait to be used again.
///
/// Renewing a read transaction costs a tenth of beginning one. The pool also knows who reads, so that whatever replaces the map
/// (growth), a table's handle (a drop) or the environment (close) waits until nobody does.
final class ReaderPool: Sendable {
    private struct State {
        var idle: [TransactionHandle] = []
        var active: [ThreadIdentity] = []
        var isBlocked = false
        var isClosed = false
    }

    private let environment: EnvironmentHandle
    private let state = Monitor(State())

    /// Idle transactions beyond this number are ended: each holds a slot of the reader table.
    private static let maximumIdle = 64

    init(environment: EnvironmentHandle) {
        self.environment = environment
    }

    /// Whether the calling thread is inside a read transaction.
    var isReading: Bool {
        state.withLock { $0.active.contains(.current) }
    }

    /// How many read transactions are in use.
    var activeCount: Int {
        state.withLock { $0.active.count }
    }

    /// Begins a read transaction; ``end(_:)`` must follow on the same thread.
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

    private func start(_ transaction: inout TransactionHandle?) -> Int32 {
        if let idle = transaction { return unsafe mdb_txn_renew(idle.pointer) }
        var pointer: OpaquePointer?
        let code = unsafe mdb_txn_begin(environment.pointer, nil, UInt32(MDB_RDONLY), &pointer)
        transaction = unsafe pointer.map { unsafe TransactionHandle(pointer: $0) }
        return code
    }

    /// Ends a read transaction.
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
        let (surplus, someoneWaits) = state.withLock { state -> (TransactionHandle?, Bool) in
            if let index = state.active.lastIndex(of: thread) { state.active.swapAt(index, state.active.count - 1) }
            state.active.removeLast()
            let someoneWaits = state.isBlocked || state.isClosed
            guard let transaction, state.idle.count < Self.maximumIdle else { return (transaction, someoneWaits) }
            state.idle.append(transaction)
            return (nil, someoneWaits)
        }
        if let surplus { unsafe mdb_txn_abort(surplus.pointer) }
        if someoneWaits { state.wakeAll() }
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
