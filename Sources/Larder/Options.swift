/// A number of bytes.
public struct ByteCount: Hashable, Comparable, Sendable {
    /// The number.
    public var bytes: Int

    /// So many bytes.
    public static func bytes(_ count: Int) -> ByteCount { ByteCount(bytes: count) }
    /// So many times 1,024 bytes.
    public static func kibibytes(_ count: Int) -> ByteCount { ByteCount(bytes: count << 10) }
    /// So many times 1,024² bytes.
    public static func mebibytes(_ count: Int) -> ByteCount { ByteCount(bytes: count << 20) }
    /// So many times 1,024³ bytes.
    public static func gibibytes(_ count: Int) -> ByteCount { ByteCount(bytes: count << 30) }

    /// Whether one is fewer.
    public static func < (left: ByteCount, right: ByteCount) -> Bool { left.bytes < right.bytes }
}

/// How a ``Store`` is opened.
public struct StoreOptions: Sendable {
    /// Whether entries stay, or may be evicted to keep a budget on disk. ``StorePurpose/store`` unless said otherwise.
    public var purpose: StorePurpose
    /// What the memory tier may hold: keys, values and bookkeeping. 64 MiB unless said otherwise; less than 32 KiB turns it off. It can be changed later
    /// (``Store/setMemoryCapacity(_:)``).
    ///
    /// A value that is large for it is not kept there, since many others would have to go (``MemoryTierStatistics/rejections``). The memory is divided into up to
    /// 32 parts, no more than two for each processor, of 4 MiB at least. An entry is kept if it takes no more than a sixth of a part, or than twice the mean of
    /// those that are in it: 640 KiB are always kept where the capacity is 4 MiB or more.
    public var memoryCapacity: ByteCount
    /// What an acknowledged write survives. ``Durability/full`` unless said otherwise.
    public var durability: Durability
    /// Whether a missing store is made. `true` unless said otherwise.
    public var createsIfMissing: Bool
    /// How many caches the store may have, at most 4,096. 128 unless said otherwise. It costs a few bytes per read transaction.
    public var maximumCaches: Int
    /// How many read transactions may be open at one time over all processes. The process that opens the store first decides.
    /// 1,022 unless said otherwise; 1 to 100,000.
    public var maximumReaders: Int
    /// The address space reserved for the file. It takes no memory and no disk, and where it is not enough the map grows by itself.
    /// 256 GiB unless said otherwise; 64 KiB at least.
    public var mapSize: ByteCount
    /// How long a snapshot may be used; past it every further access through it throws. A minute unless said otherwise; `nil` sets no
    /// limit, and a snapshot that is never ended then lets the file grow without end.
    public var maximumSnapshotAge: Duration?
    /// Whether records that have expired are looked for at the opening, and removed. `true` unless said otherwise; tools that only read turn
    /// it off, so that they never write.
    public var removesExpired: Bool
    /// How often the keys of the hottest entries in memory are noted in the store, so that memory is warm again after a restart, also after
    /// a kill; at closing too. Five minutes unless said otherwise. Only what has changed by then is written, and an unused store writes nothing.
    /// After opening they are read back in the background. `nil` turns both off: for tools that only read, and for services that share a store
    /// and do not want each other's memory to start anew at the commit.
    public var hotSetInterval: Duration?
    /// Is told of each entry that leaves memory, with the cause; it is still on disk unless it was removed or has expired. `nil`, the default, costs
    /// nothing.
    ///
    /// It is called on a thread of its own, one call at a time, with no lock held and outside every transaction: it may read, and
    /// write in the blocking form. It hears of the removals of one key in the order in which they happened, soon after they have; across keys there is
    /// no order. What it is too slow for is counted in ``MemoryTierStatistics/unreportedRemovals`` and not told. Closing the
    /// store, and dropping all of memory at once, tells nothing. A listener that captures the store keeps it alive for ever: capture it weakly.
    public var removalListener: (@Sendable (RemovedEntry) -> Void)?
    /// Where the time of day comes from.
    public var clock: WallClock

    /// Makes options.
    public init(
        purpose: StorePurpose = .store, memoryCapacity: ByteCount = .mebibytes(64), durability: Durability = .full,
        createsIfMissing: Bool = true,
        maximumCaches: Int = 128,
        maximumReaders: Int = 1_022, mapSize: ByteCount = .gibibytes(256),
        maximumSnapshotAge: Duration? = .seconds(60), removesExpired: Bool = true,
        hotSetInterval: Duration? = .seconds(300),
        removalListener: (@Sendable (RemovedEntry) -> Void)? = nil, clock: WallClock = .system
    ) {
        self.purpose = purpose
        self.memoryCapacity = memoryCapacity
        self.durability = durability
        self.createsIfMissing = createsIfMissing
        self.maximumCaches = maximumCaches
        self.maximumReaders = maximumReaders
        self.mapSize = mapSize
        self.maximumSnapshotAge = maximumSnapshotAge
        self.removesExpired = removesExpired
        self.hotSetInterval = hotSetInterval
        self.removalListener = removalListener
        self.clock = clock
    }

    func check() throws {
        func require(_ condition: Bool, _ message: String) throws {
            if !condition { throw LarderError(.invalidOption, message) }
        }
        if case .cache(let budget) = purpose {
            try require(
                budget.bytes >= DiskBudget.minimum, "the disk budget is less than \(DiskBudget.minimum) bytes")
        }
        try require(memoryCapacity.bytes >= 0, "the memory capacity is negative")
        try require(1...4_096 ~= maximumCaches, "the number of caches is not between 1 and 4,096")
        try require(1...100_000 ~= maximumReaders, "the number of readers is not between 1 and 100,000")
        try require(mapSize.bytes >= 1 << 16, "the map is smaller than 64 KiB")
        if let hotSetInterval {
            try require(hotSetInterval.positiveMilliseconds != nil, "the interval of the hot set is not positive")
        }
    }
}

/// How a ``Cache`` is opened. Apart from the version, none of it is recorded: every opener has its own.
public struct CacheOptions: Sendable {
    /// How long an entry lives that is written without an expiration of its own. Forever unless said otherwise.
    public var timeToLive: Duration?
    /// How long an entry lives after it was last written or read. A read extends the durable deadline when a tenth of this time has
    /// passed since it was last extended, without waiting for it; an entry expires between this time and 1.1 times it after its last
    /// access. Excludes ``timeToLive`` and expirations of single entries.
    public var expiresAfterAccess: Duration?
    /// The version of the values' form. Raising it makes every older record absent; opening with a lower one than recorded is an error.
    /// 0 unless said otherwise.
    public var version: UInt16

    /// Makes options.
    public init(timeToLive: Duration? = nil, expiresAfterAccess: Duration? = nil, version: UInt16 = 0) {
        self.timeToLive = timeToLive
        self.expiresAfterAccess = expiresAfterAccess
        self.version = version
    }

    func check() throws {
        for duration in [timeToLive, expiresAfterAccess] where duration != nil && duration?.positiveMilliseconds == nil
        {
            throw LarderError(.invalidOption, "a cache's time to live is not positive")
        }
        if timeToLive != nil, expiresAfterAccess != nil {
            throw LarderError(.invalidOption, "a cache has either a time to live or expiry after access")
        }
    }
}

/// Whether a scan verifies the checksum of each record.
public enum ChecksumVerification: Hashable, Sendable {
    /// Damage is an error. The default everywhere.
    case verified
    /// Damage is not noticed: for when speed matters more than that, or for looking at what is left of a damaged store.
    case unverified
}

/// The order of a scan: that of the keys' bytes, or its reverse.
public enum ScanOrder: Hashable, Sendable {
    /// From the least key on.
    case ascending
    /// From the greatest key on.
    case descending
}
