internal import CLMDB

extension Environment {
    /// The id of the oldest commit that a reader of any process still looks at, or `nil` if nobody reads.
    ///
    /// Pages that were freed after it are not reused. Costs a look at every reader slot.
    package func oldestReadTransactionID() throws(LMDBError) -> UInt64? {
        try checkFork()
        return try readers.withStableMap { () throws(LMDBError) in
            var list = ReaderList()
            let code = unsafe withUnsafeMutablePointer(to: &list) { pointer in
                unsafe mdb_reader_list(
                    handle.pointer,
                    { line, context in
                        if let line = unsafe line, let context = unsafe context {
                            unsafe context.assumingMemoryBound(to: ReaderList.self).pointee.add(String(cString: line))
                        }
                        return 0
                    }, pointer)
            }
            if code < 0 { throw LMDBError(.init(rawValue: code), operation: "mdb_reader_list", path: path) }
            return list.oldest
        }
    }
}

/// The lines of `mdb_reader_list`: process, thread, and the id of its transaction, or a dash for a slot that waits.
private struct ReaderList {
    var oldest: UInt64?

    mutating func add(_ text: String) {
        for line in text.split(separator: "\n") {
            guard let field = line.split(separator: " ").last, let id = UInt64(field) else { continue }
            oldest = min(oldest ?? id, id)
        }
    }
}
