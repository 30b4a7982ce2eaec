/// Notices that a transaction writes keys in ascending order, as a bulk load does, which is worth trying to append them.
struct SortedRun {
    /// How many keys in order are worth a try to append the next.
    private static let minimumLength = 4
    /// How many keys appended in order are a bulk load, which had better not displace what memory holds.
    private static let bulkLength = 32

    private var keyspace: UInt32 = 0
    private var last: [UInt8] = []
    private var length = 0
    private var appended = 0

    /// Whether what has been appended is a bulk load.
    var isBulkLoad: Bool {
        appended > Self.bulkLength
    }

    /// Adds the key that is written next; returns whether it continues a run.
    @inline(__always)
    mutating func isContinued(by key: Span<UInt8>, in keyspace: Keyspace) -> Bool {
        let continues = keyspace.number == self.keyspace && isLess(last.span, key)
        length = continues ? length + 1 : 0
        self.keyspace = keyspace.number
        last.removeAll(keepingCapacity: true)
        unsafe key.withUnsafeBufferPointer { unsafe last.append(contentsOf: $0) }
        return length >= Self.minimumLength
    }

    /// Adds whether the key was appended.
    mutating func note(isAppended: Bool) {
        appended = isAppended ? appended + 1 : 0
    }
}
