internal import LMDB

/// Encoded keys from a lower bound, included, to an upper bound, not included; `nil` is open.
struct KeyRange: Sendable {
    var lower: [UInt8]?
    var upper: [UInt8]?
    /// Whether the lower bound itself is left out.
    private(set) var excludesLower = false

    static let all = KeyRange()

    init(lower: [UInt8]? = nil, upper: [UInt8]? = nil) {
        // LMDB has no empty key, and none is less than one of a single zero.
        self.lower = lower?.isEmpty == true ? nil : lower
        self.upper = upper
    }

    /// The keys that begin with `prefix`.
    init(prefix: [UInt8]) {
        var end = prefix[...]
        while end.last == .max { end.removeLast() }
        if let last = end.popLast() {
            self.init(lower: prefix, upper: Array(end) + [last + 1])
        } else {
            self.init(lower: prefix)
        }
    }

    /// Leaves out everything up to and with `key`.
    mutating func continueAfter(_ key: [UInt8]) {
        lower = key
        excludesLower = true
    }

    /// Whether a key that was reached in this order, from inside the range, is still inside.
    @inline(__always)
    func contains(_ key: Span<UInt8>, _ order: ScanOrder) -> Bool {
        switch order {
        case .ascending: isBelowUpper(key)
        case .descending: isAtOrAboveLower(key)
        }
    }

    @inline(__always)
    func isBelowUpper(_ key: Span<UInt8>) -> Bool {
        guard let upper else { return true }
        return isLess(key, upper.span)
    }

    @inline(__always)
    func isAtOrAboveLower(_ key: Span<UInt8>) -> Bool {
        guard let lower else { return true }
        return !isLess(key, lower.span)
    }
}

/// Whether the bytes `left` sort before the bytes `right`, as LMDB sorts keys.
@inline(__always)
func isLess(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
    for index in 0..<min(left.count, right.count) where left[index] != right[index] {
        return left[index] < right[index]
    }
    return left.count < right.count
}

extension DurableTier {
    /// Moves a cursor to the first entry of a range in the order given; returns `false` if the range is empty.
    func start(_ range: KeyRange, _ order: ScanOrder, _ cursor: inout Cursor) throws -> Bool {
        let found: Bool
        switch order {
        case .ascending:
            if let lower = range.lower {
                var start = try cursor.move(toFirstNotLess: lower.span)
                if start, range.excludesLower, cursor.withEntry({ key, _ in !isLess(lower.span, key) }) {
                    start = try cursor.move(.next)
                }
                found = start
            } else {
                found = try cursor.move(.first)
            }
        case .descending:
            if let upper = range.upper {
                guard !upper.isEmpty else { return false }
                found = try cursor.move(toFirstNotLess: upper.span) ? cursor.move(.previous) : cursor.move(.last)
            } else {
                found = try cursor.move(.last)
            }
        }
        return found && isInside(range, order, cursor)
    }

    /// Whether the cursor, moved in this order, is still inside the range.
    func isInside(_ range: KeyRange, _ order: ScanOrder, _ cursor: borrowing Cursor) -> Bool {
        cursor.withEntry { key, _ in range.contains(key, order) }
    }

    /// Visits the records of a range that are there, in the order of their keys, until `body` returns `false`.
    ///
    /// - Parameter checksums: Whether each record's checksum is verified, or only its header looked at.
    @inline(__always)
    func forEachRecord(
        in keyspace: Keyspace, _ range: KeyRange, _ order: ScanOrder,
        of transaction: borrowing some ReadableTransaction & ~Copyable,
        now: () -> Milliseconds, checksums: ChecksumVerification = .verified,
        _ body: (_ key: Span<UInt8>, Record.Header, _ payload: Span<UInt8>) throws -> Bool
    ) throws {
        try keyspace.checkUsable()
        let isBounded = order == .ascending ? range.upper != nil : range.lower != nil
        try transaction.withCursor(in: keyspace.table) { cursor in
            guard try start(range, order, &cursor) else { return }
            try cursor.forEach(order == .ascending ? .next : .previous) { key, bytes in
                if isBounded, !range.contains(key, order) { return false }
                let header =
                    switch checksums {
                    case .verified: try Self.verify(bytes, keyHash: keyspace.hash(key), in: keyspace)
                    case .unverified: try Self.header(bytes, of: key, in: keyspace)
                    }
                guard header.isLive(version: keyspace.version, now: now()) else { return true }
                return try body(key, header, bytes.extracting(header.size...))
            }
        }
    }

    /// How many records of a cache are there. O(1) but for negative entries and those that have expired and are not removed yet, which are
    /// looked up; O(n) for a cache whose version was raised.
    func count(
        in keyspace: Keyspace, of transaction: borrowing some ReadableTransaction & ~Copyable, now: Milliseconds,
        limit: SnapshotLimit = SnapshotLimit(nil)
    ) throws -> Int {
        try keyspace.checkUsable()
        if keyspace.mayHoldOtherVersions {
            var count = 0
            try forEachRecord(in: keyspace, .all, .ascending, of: transaction, now: { now }) { _, _, _ in
                try limit.check()
                count += 1
                return true
            }
            return count
        }
        // Of a table that another process has dropped LMDB gives the counts that it last knew.
        guard try descriptor(of: keyspace.name, in: transaction)?.number == keyspace.number else { return 0 }
        var gone = 0
        for entry in try expiryIndex.expired(by: now, limit: .max, in: transaction).expired
        where entry.keyspace == keyspace.number {
            let deadline = try transaction.withValue(for: entry.key.span, in: keyspace.table) { bytes in
                Record.deadline(bytes)
            }
            if deadline == entry.deadline { gone += 1 }
        }
        let absences = try countAbsences(in: keyspace, of: transaction, now: now)
        return try transaction.statistics(of: keyspace.table).entries - gone - absences
    }

    /// How many records of a cache are absences that have not expired.
    private func countAbsences(
        in keyspace: Keyspace, of transaction: borrowing some ReadableTransaction & ~Copyable, now: Milliseconds
    ) throws -> Int {
        if try tagIndex.isEmpty(in: transaction) { return 0 }
        let keys = try tagIndex.keys(tagged: TagIndex.absences, keyspace: keyspace.number, in: transaction)
        return try keys.count { key in
            try transaction.withValue(for: key.span, in: keyspace.table) { bytes in
                guard let header = try? Record.header(bytes), header.flags.contains(.isAbsence) else { return false }
                return header.isKept(version: keyspace.version, now: now)
            } ?? false
        }
    }

    /// Throws ``LarderError/Code-swift.struct/cacheDropped`` if another process has dropped the cache, and
    /// ``LarderError/Code-swift.struct/newerCacheVersion`` if one has raised its version: a record of the earlier version would take the place
    /// of one that it cannot see.
    ///
    /// Looks only when somebody else has committed since the last look, which `foreignCommits` counts.
    func checkExists(
        _ keyspace: Keyspace, foreignCommits: Int, in transaction: borrowing some ReadableTransaction & ~Copyable
    ) throws {
        try keyspace.checkUsable()
        if keyspace.wasSeen(after: foreignCommits) { return }
        guard let descriptor = try descriptor(of: keyspace.name, in: transaction), descriptor.number == keyspace.number
        else {
            keyspace.markDropped()
            return try keyspace.checkUsable()
        }
        guard descriptor.version == keyspace.version else {
            keyspace.markSuperseded()
            return try keyspace.checkUsable()
        }
        keyspace.markSeen(after: foreignCommits)
    }
}
