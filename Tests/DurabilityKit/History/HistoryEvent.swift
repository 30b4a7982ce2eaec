/// One operation of a recorded history: what was asked, what was answered, and the interval of time it took.
///
/// 48 bytes of plain integers, so that a history is an array in a mapped file.
public struct HistoryEvent: Sendable, Equatable {
    /// What an operation did.
    public enum Kind: UInt8, Sendable {
        /// The empty place behind the last event.
        case none
        /// Set a key to a value.
        case write
        /// Removed a key.
        case removal
        /// Read a value.
        case read
        /// Found a key absent.
        case absentRead
        /// Found a key present without learning its value.
        case presentRead
        /// Committed a transaction; what it wrote follows from its nonce (see ``TransactionPlan``).
        case transaction
        /// Added to a counter. The version is the sum, the nonce what was added.
        case increment
        /// Compared a value with what was expected, and it was another. ``HistoryEvent/found`` is what was expected.
        case failedCompare
    }

    /// Which promise an operation is held to.
    public enum Domain: UInt8, Sendable, CaseIterable {
        /// Keys that one lane writes and all read: the order of the writes is known, and absence is a value.
        case owned
        /// Keys that every lane overwrites blindly, updates in place, and compares and sets: every value is written once.
        case shared
        /// Keys of transactions, which number themselves: one order for all of them.
        case ledger
        /// Numbers that every lane adds to: they only grow, so that the sums are their order.
        case counter
    }

    /// When it began, in nanoseconds of the machine's monotonic clock.
    public var start: UInt64
    /// When it ended; 0 for one that never did, because its process was killed.
    public var finish: UInt64 = 0
    /// The place of the value in the order of its domain: given by the writer, or read.
    public var version: UInt64 = 0
    /// The number that only one write carries.
    public var nonce: UInt64 = 0
    /// For a read inside a snapshot or transaction: the version of the whole domain that it saw. For a transaction: the nonce of the one
    /// before it, noted by its body as it ran. For what reads and writes in one: see ``found``.
    public var snapshot: UInt64 = 0
    /// The key.
    public var key: UInt32 = 0
    private var kindValue: UInt8
    private var domainValue: UInt8
    private var flags: UInt16 = 0

    /// An operation that begins now.
    public init(_ kind: Kind, _ domain: Domain, key: Int, start: UInt64 = MonotonicTime.now()) {
        self.start = start
        self.key = UInt32(key)
        kindValue = kind.rawValue
        domainValue = domain.rawValue
    }

    /// What it did.
    public var kind: Kind {
        get { Kind(rawValue: kindValue) ?? .none }
        set { kindValue = newValue.rawValue }
    }

    /// Which promise it is held to.
    public var domain: Domain { Domain(rawValue: domainValue) ?? .owned }

    /// Whether the key had a value before, where the operation learnt that.
    public var foundPresent: Bool? {
        get { flags & 1 == 0 ? nil : flags & 2 != 0 }
        set { flags = flags & ~3 | (newValue.map { $0 ? 3 : 1 } ?? 0) }
    }

    /// What says of a value which one it is, in the domain of the operation.
    public func identity(of stamp: Stamp) -> UInt64 {
        domain == .owned ? stamp.version : stamp.nonce
    }

    /// That of the value it carries.
    var identity: UInt64 { identity(of: Stamp(version: version, nonce: nonce)) }

    /// The value that an update or a compare-and-set replaced, and must directly follow: one of ``identity(of:)``, or none. Outer `nil` for
    /// what is no such operation, or one whose body was never run.
    public var found: UInt64?? {
        get { flags & 8 == 0 ? .none : .some(foundPresent == true ? snapshot : nil) }
        set {
            flags = newValue == nil ? flags & ~8 : flags | 8
            guard let newValue else { return }
            (foundPresent, snapshot) = (newValue != nil, newValue ?? 0)
        }
    }

    /// Whether the body of a transaction or update was run, to whatever end.
    public var hasRun: Bool {
        get { flags & 16 != 0 }
        set { flags = newValue ? flags | 16 : flags & ~16 }
    }

    /// Whether it was cancelled while it waited, and its caller told that it did not happen.
    public var isWithdrawn: Bool {
        get { flags & 32 != 0 }
        set { flags = newValue ? flags | 32 : flags & ~32 }
    }

    /// The lane that did it, over all processes; at most 255.
    public var lane: Int {
        get { Int(flags >> 8) }
        set { flags = flags & 0xFF | UInt16(truncatingIfNeeded: newValue) << 8 }
    }

    /// Whether it read as part of a snapshot or transaction, at ``snapshot``.
    public var isInSnapshot: Bool {
        get { flags & 4 != 0 }
        set { flags = newValue ? flags | 4 : flags & ~4 }
    }

    /// Whether its end was recorded.
    public var isFinished: Bool { finish != 0 }

    /// Its end, or the end of time.
    public var end: UInt64 { isFinished ? finish : .max }
}
