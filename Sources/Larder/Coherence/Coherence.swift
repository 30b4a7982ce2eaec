internal import LMDB
internal import Synchronization

/// Keeps the memory tier one with the durable tier, whoever commits: the protocol of `Documentation.docc/TwoTiers.md`.
///
/// A commit of this process goes **mark, commit, install** and is published in two numbers: `inflight`, the transaction that is about to
/// commit, and `applied`, the last one that memory accounts for. The file itself says which transaction was committed last. If that is
/// neither of the two, another process wrote, and `floor` is raised: memory entries older than it do not answer.
///
/// A Promela model of this protocol is in `Model/`, with the mutations that break it.
final class Coherence: Sendable {
    private let metaPages: MetaPages
    private let inflight = Atomic<UInt64>(0)
    private let applied: Atomic<UInt64>
    private let floor: Atomic<UInt64>
    private let flushLock = Mutex<Int>(0)
    private let observer = Mutex<(@Sendable () -> Void)?>(nil)

    /// Calls `observer` from now on whenever another process's commits are noticed, or nobody.
    func observeForeignCommits(_ observer: (@Sendable () -> Void)?) {
        self.observer.withLock { $0 = observer }
    }

    init(environment: Environment) {
        metaPages = environment.metaPages
        let last = metaPages.lastTransactionID
        applied = Atomic(last)
        // Readers may see less than that for now: a writer that was killed may not have told them of its last commit.
        floor = Atomic(last)
    }

    // MARK: Readers

    /// What a memory entry's version must not be below to answer a read that begins now. Four or five loads.
    ///
    /// The order of the loads is part of the protocol: the file, `inflight`, `applied`, `floor`, and then the entry.
    @inline(__always)
    func currentFloor() -> UInt64 {
        let last = metaPages.lastTransactionID
        let inflight = inflight.load(ordering: .acquiring)
        let applied = applied.load(ordering: .acquiring)
        if ProtocolGuards.noticesForeignCommits, last != inflight && last != applied { flush() }
        return floor.load(ordering: .acquiring)
    }

    /// The floor as it stands, for whoever has looked for foreign commits already.
    @inline(__always)
    var floorNow: UInt64 {
        floor.load(ordering: .acquiring)
    }

    /// How many times another process's commits were noticed.
    var foreignCommits: Int {
        flushLock.withLock { $0 }
    }

    /// Accounts for the commits of others: nothing in memory from before them answers any more.
    @inline(never)
    private func flush() {
        let isForeign = flushLock.withLock { flushes in
            let last = metaPages.lastTransactionID
            let accounted = applied.load(ordering: .acquiring)
            guard last != inflight.load(ordering: .acquiring), last != accounted else { return false }
            floor.store(max(last, floor.load(ordering: .relaxed)), ordering: .sequentiallyConsistent)
            // Set, not raised: after a failed write of a meta page the file goes back.
            applied.store(last, ordering: .sequentiallyConsistent)
            flushes += 1
            return true
        }
        if isForeign { observer.withLock { $0 }?() }
    }

    // MARK: The writer, inside the lock between processes

    /// Accounts for what others have committed before the write transaction `id` began.
    func accountForCommits(before id: UInt64) {
        if applied.load(ordering: .acquiring) != id - 1 { flush() }
    }

    /// Announces that transaction `id` is about to commit. Before its keys are marked.
    func publish(inflight id: UInt64) {
        inflight.store(id, ordering: .sequentiallyConsistent)
    }

    /// The announced transaction did not commit, or nobody knows. Before its keys are unmarked.
    func withdraw() {
        inflight.store(0, ordering: .sequentiallyConsistent)
    }

    /// Transaction `id` has committed and its values are installed.
    func publish(applied id: UInt64) {
        flushLock.withLock { _ in
            applied.store(max(id, applied.load(ordering: .relaxed)), ordering: .sequentiallyConsistent)
            inflight.store(0, ordering: .sequentiallyConsistent)
        }
    }
}
