/// Why an entry left memory. Later versions may know further causes.
public enum RemovalCause: Int, Sendable, CaseIterable {
    /// It made room for others.
    case size
    /// Its time had come.
    case expired
    /// Its key was written or removed, also where the commit then failed, or its record left the disk to keep the budget there.
    case written
    /// It was older than a commit of another process, or than the removal of its cache, and the value that was read instead took its place.
    /// Where none did, it makes room for others some time (``size``).
    case outdated
    /// Another value from the durable tier took its place, or was refused it (``MemoryTierStatistics/rejections``).
    case replaced
}

/// How many entries left memory for which cause.
public struct RemovalCounts: Sendable, Hashable {
    private var counts = [Int](repeating: 0, count: RemovalCause.allCases.count)

    /// None yet.
    public init() {}

    /// Those that left for one cause.
    public internal(set) subscript(cause: RemovalCause) -> Int {
        get { counts[cause.rawValue] }
        set { counts[cause.rawValue] = newValue }
    }

    static func += (left: inout RemovalCounts, right: RemovalCounts) {
        for cause in RemovalCause.allCases { left[cause] += right[cause] }
    }
}

/// One entry's departure, as a listener hears of it.
struct RemovalNotice: Sendable, Hashable {
    var keyspace: UInt32
    var key: [UInt8]
    var cause: RemovalCause
}

/// What left a shard under its lock and must be seen to after it: objects to let go, whose deinitialisers may run any code, and notices for the
/// listener.
struct RemovedEntries: Sendable {
    /// Whether someone listens; otherwise no notices are written.
    var isObserved = false
    var counts = RemovalCounts()
    var objects: [any AnyObject & Sendable] = []
    var notices: [RemovalNotice] = []
    /// Whether there is anything to see to.
    @inline(__always) var isPending: Bool { !objects.isEmpty || !notices.isEmpty }

    /// Forgets what was seen to.
    mutating func clear() {
        objects = []
        notices = []
    }
}
