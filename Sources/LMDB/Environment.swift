internal import CLMDB
internal import Synchronization

/// An LMDB file in a directory, opened once per process.
///
/// Any number of threads and processes read while one writes. The type closes LMDB's traps: creation survives a power cut, a second
/// open in one process and use after a fork are errors, the slots of dead readers are freed, a write transaction stays on its thread,
/// the map grows without pulling pages from under a reader. All methods may be called from any thread.
@usableFromInline
package final class Environment: Sendable {
    /// The longest key in bytes; the shortest has one.
    @inlinable package static var maximumKeyLength: Int { 511 }

    /// The directory.
    package let path: String

    let handle: EnvironmentHandle
    @usableFromInline let readers: ReaderPool
    let writers: WriterLock
    /// The last commit of this process of which it is known that readers see it. Used by whoever holds ``writers``.
    let lastPublished = Atomic<UInt64>(0)
    /// Used by whoever holds ``writers``.
    let freePageOrder = Mutex(FreePageOrder())
    let tables = Monitor<[String: Table]>([:])
    let options: EnvironmentOptions
    private let mark: OpenMark
    var processLock: ProcessLock { mark.lock }
    /// Where the commits of every process show.
    package let metaPages: MetaPages
    private let identities: [FileSystem.Identity]
    /// The process's forks, and how many there had been when the environment was opened.
    @usableFromInline let forks: ForkCounter
    @usableFromInline let forkGeneration: Int

    init(
        handle: EnvironmentHandle, mark: OpenMark, metaPages: MetaPages, identities: [FileSystem.Identity],
        options: EnvironmentOptions
    ) {
        path = handle.path
        self.handle = handle
        self.mark = mark
        self.options = options
        self.metaPages = metaPages
        self.identities = identities
        readers = ReaderPool(environment: handle, metaPages: metaPages)
        writers = WriterLock(mark.lock)
        forks = ForkDetection.counter
        forkGeneration = forks.generation
    }

    deinit {
        // Nobody is inside a transaction: whoever is holds a reference.
        try? close()
    }

    /// Waits for the transactions under way, then closes the file. Later use throws ``LMDBError/Code-swift.struct/closed``. Closing
    /// twice does nothing, and a forked child closes nothing: the file is its parent's.
    ///
    /// - Throws: ``LMDBError/Code-swift.struct/insideRead`` or ``LMDBError/Code-swift.struct/nestedWrite`` if the calling thread is
    ///   inside a transaction.
    package func close() throws(LMDBError) {
        if isForked { return }
        if isReading { throw LMDBError(.insideRead, operation: "close", path: path) }
        try writers.close()
        guard try readers.close() else { return }
        EnvironmentRegistry.closing(identities) {
            mark.leave { () throws(LMDBError) in
                try handle.checkNotLost()
                try handle.flush()
            }
            if !handle.isLost { unsafe mdb_env_close(handle.pointer) }
            mark.lock.closeFile()
        }
    }

    /// The id of the last transaction that any process committed. It moves a moment before readers can see that commit, and goes
    /// back after a failed write of a meta page. Costs two loads, also while the map grows, and after ``close()`` too.
    package var lastTransactionID: UInt64 {
        metaPages.lastTransactionID
    }

    /// Whether the process has forked since the environment was opened. One load.
    @inlinable
    package var isForked: Bool {
        forkGeneration != forks.generation
    }

    /// Whether the calling thread is inside a read transaction.
    package var isReading: Bool {
        readers.isReading
    }

    @inlinable
    func checkFork() throws(LMDBError) {
        if isForked { try throwForked() }
    }

    @usableFromInline
    func throwForked() throws(LMDBError) {
        throw LMDBError(.forked, operation: "use of the environment", path: path)
    }

    /// Runs `body` with a consistent view of the last commit, which ends with the closure. Costs about 0.1 µs.
    ///
    /// - Throws: ``LMDBError``; what `body` throws.
    @inlinable
    package func read<Result: ~Copyable>(_ body: (borrowing ReadTransaction) throws -> Result) throws -> Result {
        try checkFork()
        let transaction = try readers.begin()
        do {
            let result = try body(transaction)
            readers.end(transaction)
            return result
        } catch {
            readers.end(transaction)
            throw error
        }
    }

    /// Makes every commit so far durable, in every mode: one flush. Where commits flush nothing, the file is then marked as flushed until somebody writes.
    ///
    /// - Throws: ``LMDBError``; where commits flush nothing, also as ``withWriterLock(_:)``.
    package func flush() throws {
        guard options.flushing == EnvironmentOptions.Flushing.none else { return try flushData() }
        try withWriterLock { _ in
            try flushData()
            try mark.clear()
        }
    }

    /// Before anything is written, by the only writer of all processes: where commits flush nothing, sees to it that the file is marked.
    @inline(__always)
    func markUnflushed() throws(LMDBError) {
        if options.flushing == EnvironmentOptions.Flushing.none { try mark.setIfNeeded() }
    }

    private func flushData() throws(LMDBError) {
        try checkFork()
        // As a reader, so that the environment stays and others may read meanwhile.
        let transaction = try readers.begin()
        do throws(LMDBError) {
            try handle.flush()
        } catch {
            readers.end(transaction)
            throw error
        }
        readers.end(transaction)
    }
}
