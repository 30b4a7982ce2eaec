internal import Synchronization

/// Keys whose last load has failed while an older value could be answered, and when the source may be asked again. So an outage of the
/// source costs a load for each key and delay, and not one for each read.
final class RetryTable: Sendable {
    private let moments = Mutex<[MemoryKey: Milliseconds]>([:])
    /// Beyond so many the table forgets, which costs a load each.
    private static let maximumCount = 65_536

    /// Whether the source is to be left alone with a key.
    func isDeferred(_ key: MemoryKey, now: Milliseconds) -> Bool {
        moments.withLock { now < $0[key] ?? 0 }
    }

    /// A load has failed.
    func deferLoad(of key: MemoryKey, until moment: Milliseconds, now: Milliseconds) {
        moments.withLock { moments in
            if moments.count >= Self.maximumCount { moments = moments.filter { now < $0.value } }
            if moments.count >= Self.maximumCount { moments = [:] }
            moments[key] = moment
        }
    }

    /// A load has succeeded.
    func forget(_ key: MemoryKey) {
        moments.withLock { moments in
            if !moments.isEmpty { moments[key] = nil }
        }
    }
}
