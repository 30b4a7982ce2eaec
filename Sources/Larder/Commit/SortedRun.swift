/// Notices that a transaction writes keys in ascending order, as a bulk load does, which is worth trying to append them.
struct SortedRun {
    /// How many keys in order are worth a try to append the next.
    private static let minimumLength = 4
    /// How many keys appended in order are a bulk load, which had better not displace what memory holds.
    private static let bulkLength = 32

    private var keyspace: UInt32 = 0
    private var length = 0
    private var appended = 0

    /// Whether what has been appended is a bulk load.
    var isBulkLoad: Bool {
        appended > Self.bulkLength
    }

    /// Whether what has been appended is a bulk load of this cache: then the attempt itself tells whether the next key is in order.
    func isBulkLoad(of keyspace: Keyspace) -> Bool {
        isBulkLoad && keyspace.number == self.keyspace
    }

    /// Adds a key that is written next; returns whether it continues a run.
    ///
    /// - Parameter isAscending: Whether it comes behind the one before.
    mutating func isContinued(in keyspace: Keyspace, isAscending: Bool) -> Bool {
        length = isAscending && keyspace.number == self.keyspace ? length + 1 : 0
        self.keyspace = keyspace.number
        return length >= Self.minimumLength
    }

    /// Adds whether the key was appended.
    mutating func note(isAppended: Bool) {
        if isAppended {
            appended += 1
        } else {
            // The keys of a bulk load were not compared.
            if isBulkLoad { length = 0 }
            appended = 0
        }
    }
}
