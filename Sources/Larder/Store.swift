internal import LMDB
internal import Synchronization

/// A store: one LMDB file in a directory, with a memory tier in front of it and any number of typed caches in it.
///
/// ```swift
/// let store = try Store(at: "/var/lib/app/larder")
/// let users = try store.cache("users", key: .string, value: .string)
/// try await users.set("Ada", for: "u1")
/// let name = try users.value(for: "u1")
/// ```
///
/// A directory is opened once per process, and by any number of processes. All methods may be called from any thread. Opening replays
/// nothing, so the time it takes does not grow with the store, after a crash too; but for ``Durability/rebuildable(afterPowerCut:)`` with
/// ``Durability/Recovery/verify``, which reads the file after a power cut.
public final class Store: Sendable {
    /// The directory.
    public let path: String

    let durable: DurableTier
    let memory: MemoryTier
    let coherence: Coherence
    let loads: LoadTable
    let retries = RetryTable()
    let claims: ClaimKeeper
    let groupCommit: GroupCommit
    let writeThrough: WriteThrough
    let keyspaces: KeyspaceRegistry
    let sweep: ExpirySweep
    /// Nil where nobody listens.
    let removalDelivery: RemovalDelivery?
    /// Nil where the store does not keep it.
    let hotSet: HotSet?
    let clock: WallClock
    let maximumSnapshotAge: Duration?
    let counters = ReadCounters()
    private let closed = Atomic<Bool>(false)
    private let isTemporary: Bool

    /// Opens the store in a directory, making directory and store where they are missing: the directory with mode 0700, its files with
    /// mode 0600. A new store appears whole or not at all, also at a power cut.
    ///
    /// - Throws: ``LarderError``, with the code ``LarderError/Code-swift.struct/alreadyOpen``,
    ///   ``LarderError/Code-swift.struct/storeNotFound`` (only if the options say not to make one),
    ///   ``LarderError/Code-swift.struct/notAStore``, ``LarderError/Code-swift.struct/newerFormat``,
    ///   ``LarderError/Code-swift.struct/damagedStore``, ``LarderError/Code-swift.struct/invalidOption``,
    ///   ``LarderError/Code-swift.struct/durabilityMismatch``, ``LarderError/Code-swift.struct/purposeMismatch``, ``LarderError/Code-swift.struct/unflushed``,
    ///   ``LarderError/Code-swift.struct/diskFull`` or ``LarderError/Code-swift.struct/fileSystem``.
    public convenience init(at path: String, options: StoreOptions = .init()) throws {
        try self.init(at: path, options: options, isTemporary: false)
    }

    /// Opens a new store in a directory of its own under the system's temporary directory, which goes when the store is closed or
    /// released. For tests.
    ///
    /// - Throws: As ``init(at:options:)``.
    public static func temporary(options: StoreOptions = .init()) throws -> Store {
        let directory = try translatingErrors(at: TemporaryDirectory.parent) {
            try FileSystem.makeTemporaryDirectory(in: TemporaryDirectory.parent, prefix: "larder.")
        }
        do {
            return try Store(at: directory, options: options, isTemporary: true)
        } catch {
            FileSystem.removeDirectory(directory)
            throw error
        }
    }

    private init(at path: String, options: StoreOptions, isTemporary: Bool) throws {
        try options.check()
        self.path = path
        self.isTemporary = isTemporary
        clock = options.clock
        maximumSnapshotAge = options.maximumSnapshotAge
        // The store's own tables come on top.
        var environment = EnvironmentOptions(
            mapSize: options.mapSize.bytes, maximumTables: options.maximumCaches + DurableTier.TableName.all.count,
            maximumReaders: options.maximumReaders)
        options.durability.apply(to: &environment)
        durable = try DurableTier(
            at: path, options: environment, purpose: options.purpose, memory: options.memoryCapacity.bytes,
            creating: options.createsIfMissing, clock: options.clock)
        keyspaces = KeyspaceRegistry(durable: durable)
        // What is known of the reads is part of the bookkeeping.
        let capacity = max(0, options.memoryCapacity.bytes - (durable.references?.byteCount ?? 0))
        if let listener = options.removalListener {
            let delivery = RemovalDelivery(to: listener, naming: keyspaces)
            removalDelivery = delivery
            memory = MemoryTier(capacity: capacity, clock: clock, removalListener: { delivery.post($0) })
        } else {
            removalDelivery = nil
            memory = MemoryTier(capacity: capacity, clock: clock)
        }
        coherence = Coherence(environment: durable.environment)
        loads = LoadTable()
        claims = ClaimKeeper(environment: durable.environment)
        sweep = ExpirySweep(durable: durable, keyspaces: keyspaces)
        let disk = try DiskEviction(durable, memory, coherence, keyspaces, sweep, options.clock)
        writeThrough = WriteThrough(
            durable: durable, memory: memory, coherence: coherence, loads: loads, clock: options.clock, disk: disk)
        groupCommit = GroupCommit(writeThrough, sweep: sweep)
        // Where memory is off nothing is hot, and a temporary store is not opened again.
        if let interval = options.hotSetInterval?.positiveMilliseconds, memory.capacity > 0, !isTemporary {
            hotSet = try translatingErrors(at: path) { [durable, memory, keyspaces, groupCommit] in
                try HotSet(
                    durable: durable, memory: memory, keyspaces: keyspaces, groupCommit: groupCommit, interval: interval
                )
            }
        } else {
            hotSet = nil
        }
        writeThrough.memoryUpkeep.observeTurns { [hotSet] now in hotSet?.keepIfDue(now: now) }
        if options.removesExpired,
            let deadline = try withReadTransaction({ try self.durable.expiryIndex.earliestDeadline(in: $0) })
        {
            groupCommit.noteDeadline(deadline)
        }
        if options.removesExpired, disk != nil { groupCommit.catchUp() }
        if options.removesExpired {
            // Another process may have given deadlines and gone.
            coherence.observeForeignCommits { [groupCommit, clock] in
                groupCommit.noteDeadline(clock.now() + 1_000)
            }
        }
    }

    deinit {
        // Not `close()`: the last reference may go inside a transaction. The thread ends by itself and the file is closed after it.
        // In a forked child nothing is to be done: thread and directory are the parent's, and a lock may be held that nobody lets go of.
        if durable.environment.isForked { return }
        groupCommit.stop()
        hotSet?.stop()
        // They hold what holds them: a weak reference instead would make every retain of its object slow.
        writeThrough.memoryUpkeep.observeTurns(nil)
        coherence.observeForeignCommits(nil)
        if isTemporary { FileSystem.removeDirectory(path) }
    }

    /// Waits for the reads and writes under way, then closes the file. Later use throws ``LarderError/Code-swift.struct/closed``; closing
    /// again does nothing. Blocks the calling thread for as long as a commit and the longest read last.
    ///
    /// - Throws: ``LarderError/Code-swift.struct/nestedWrite`` and ``LarderError/Code-swift.struct/writeInsideRead`` inside the body of a
    ///   write or a read, which it would wait for.
    public func close() throws {
        // First: in a forked child every lock may be held by a thread that is not there.
        if durable.environment.isForked { return }
        if durable.environment.isReading {
            throw LarderError(.writeInsideRead, "the store was closed inside the body of a read")
        }
        if !groupCommit.isLeading { hotSet?.close() }
        try groupCommit.close()
        closed.store(true, ordering: .releasing)
        try translatingErrors(at: path) { try durable.environment.close() }
        memory.removeAll()
        if isTemporary { FileSystem.removeDirectory(path) }
    }

    /// Throws if the store cannot be used any more. Two loads.
    @inline(__always)
    func checkUsable() throws {
        if closed.load(ordering: .acquiring) { throw LarderError(.closed, "the store is closed") }
        try checkUnforked()
    }

    /// Throws in a forked child. Two loads.
    @inline(__always)
    func checkUnforked() throws {
        if durable.environment.isForked {
            throw LarderError(.forked, "the process was forked after the store was opened")
        }
    }

    @inline(__always)
    func withReadTransaction<Result>(_ body: (borrowing ReadTransaction) throws -> Result) throws -> Result {
        try translatingErrors(at: path) { try durable.environment.read(body) }
    }
}
