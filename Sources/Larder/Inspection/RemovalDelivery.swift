internal import LMDB

/// Tells a listener of the entries that leave memory, on a thread of its own, one after the other.
///
/// Entries leave under the lock of their shard and often in the middle of a commit, where a listener must not run. So notices wait in a queue, in the order in which
/// entries left each shard, and so for each key. The thread starts with the first and ends when there has been none for a second. The queue is
/// bounded like all of the memory tier: what a slow listener makes it too long by is counted and not told.
final class RemovalDelivery: Sendable {
    /// Notices that may wait.
    static let capacity = 16_384
    private static let patience: UInt64 = 1_000_000_000

    private struct State {
        var waiting: [RemovalNotice] = []
        var lost = 0
        var hasThread = false
    }

    private let listener: @Sendable (RemovedEntry) -> Void
    private let keyspaces: KeyspaceRegistry
    private let state = Monitor(State())

    init(to listener: @escaping @Sendable (RemovedEntry) -> Void, naming keyspaces: KeyspaceRegistry) {
        self.listener = listener
        self.keyspaces = keyspaces
    }

    /// Removals that were not told.
    var lost: Int { state.withLock { $0.lost } }

    /// Queues a notice. May be called under any lock but this object's own.
    func post(_ notice: RemovalNotice) {
        let (starts, wakes) = state.withLock { state -> (Bool, Bool) in
            guard state.waiting.count < Self.capacity else {
                state.lost += 1
                return (false, false)
            }
            state.waiting.append(notice)
            defer { state.hasThread = true }
            return (!state.hasThread, state.hasThread && state.waiting.count == 1)
        }
        if wakes { state.wakeAll() }
        guard starts else { return }
        do {
            try BackgroundThread.start { [self] in run() }
        } catch {
            state.withLock { state in
                state.hasThread = false
                state.lost += state.waiting.count
                state.waiting = []
            }
        }
    }

    private func run() {
        while let notices = next() {
            let open = keyspaces.open
            for notice in notices {
                // The caches are those of now: of one that was dropped since nothing is told.
                guard let name = open[notice.keyspace]?.name else {
                    state.withLock { $0.lost += 1 }
                    continue
                }
                listener(RemovedEntry(cacheName: name, key: notice.key, cause: notice.cause))
            }
        }
    }

    /// Everything that waits, once there is something; nil ends the thread.
    private func next() -> [RemovalNotice]? {
        state.withLock(when: { !$0.waiting.isEmpty }, orAfter: Self.patience) { state in
            if state.waiting.isEmpty {
                state.hasThread = false
                return nil
            }
            defer { state.waiting = [] }
            return state.waiting
        }
    }
}
