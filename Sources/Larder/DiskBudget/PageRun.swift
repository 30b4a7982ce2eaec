internal import LMDB

/// Finds a run of pages side by side that can be made free at the least cost.
///
/// LMDB keeps a long value on pages in a row, and copies pages to wherever there is room; so the free pages of a full file are scattered, and
/// even if half of it is free there may be no run for a long value. What lies between free pages is known here. A page of records goes
/// elsewhere if one of them is written again; a long value that is in the way is evicted.
struct PageRun {
    /// What a page holds.
    private enum Content {
        /// A page of LMDB's own, above those that hold records, or one whose records all have pages of their own. It is copied when
        /// something below it changes, so a run may have it, but had better not.
        case structure
        case free
        /// Records that can be put elsewhere.
        case records
        /// A part of a long value that would be lost.
        case longValue
        /// A meta page, or a part of a long value that must stay.
        case fixed

        /// What it costs to have the page in a run, in copies of a page.
        var cost: Int {
            switch self {
            case .free: 0
            case .records: 1
            case .longValue: 4
            case .structure: 1 << 16
            case .fixed: 1 << 32
            }
        }
    }

    private var pages: [Content]

    /// - Parameter count: How many pages the file has.
    init(count: Int) {
        pages = [Content](repeating: .structure, count: count)
        for metaPage in 0..<min(2, count) { pages[metaPage] = .fixed }
    }

    mutating func addFree(_ page: Int) {
        if pages.indices.contains(page) { pages[page] = .free }
    }

    /// Adds the pages of a record.
    mutating func add(_ location: PageLocation, isEvictable: Bool) {
        if let value = location.value {
            for page in value where pages.indices.contains(page) { pages[page] = isEvictable ? .longValue : .fixed }
        } else if pages.indices.contains(location.leaf) {
            pages[location.leaf] = .records
        }
    }

    /// The run of so many pages that costs the least; of equals the last. `nil` if there is none.
    ///
    /// - Parameter copies: How many pages commits copy besides until the run is used. These, and what the run holds, go to the first free
    ///   pages of the file, and a run that starts before so many is short of them.
    func cheapest(_ length: Int, copies: Int) -> Range<Int>? {
        var best: (cost: Int, start: Int)?
        var (cost, copied, freeBefore) = (0, 0, 0)
        for page in pages.indices {
            cost += pages[page].cost
            if pages[page] == .records { copied += 1 }
            if page >= length {
                cost -= pages[page - length].cost
                if pages[page - length] == .records { copied -= 1 }
                if pages[page - length] == .free { freeBefore += 1 }
            }
            guard page >= length - 1, cost < Content.fixed.cost else { continue }
            let total = cost + Self.costOfShortage * max(0, copied + copies - freeBefore)
            if total <= best?.cost ?? .max { best = (total, page - length + 1) }
        }
        return best.map { $0.start..<$0.start + length }
    }

    /// A page that is copied into the run has to be copied again.
    private static let costOfShortage = 8
}

extension PageRun {
    /// The most free pages that are visited: LMDB takes time for each that grows with their number, about 10 ms for these.
    private static let maximumVisited = 4_096

    /// What makes a run of so many pages free; `nil` if nothing does. Visits every record of every cache, twice.
    static func plan(
        length: Int, copies: Int, _ keyspaces: [Keyspace], _ durable: DurableTier
    ) throws -> EvictionPlan? {
        let file = try durable.environment.information()
        let pageSize = file.pageSize
        return try durable.environment.read { transaction in
            var run = PageRun(count: file.usedBytes / pageSize)
            var usable = 0
            try transaction.forEachFreePage { page, isUsable in
                run.addFree(page)
                if isUsable { usable += 1 }
            }
            try forEach(keyspaces, in: transaction, pageSize) { _, _, location, isEvictable in
                run.add(location, isEvictable: isEvictable)
            }
            guard let found = run.cheapest(length, copies: copies) else { return nil }
            var (victims, rewritten): ([EvictionPlan.Victim], [EvictionPlan.Victim]) = ([], [])
            var lastLeaf = 0
            try forEach(keyspaces, in: transaction, pageSize) { keyspace, key, location, isEvictable in
                func record() -> EvictionPlan.Victim {
                    let (hash, bytes) = (keyspace.hash(key), [UInt8](copying: key))
                    return .init(
                        keyspace: keyspace, key: MemoryKey(keyspace: keyspace.memoryNumber, hash: hash, bytes: bytes))
                }
                if let value = location.value {
                    if isEvictable, value.overlaps(found) { victims.append(record()) }
                } else if found.contains(location.leaf), location.leaf != lastLeaf {
                    lastLeaf = location.leaf
                    rewritten.append(record())
                }
            }
            // Twice as many as are used, so that those of the run are not among the first; and what is not visited must do for the visit.
            let wanted = 2 * (victims.count + rewritten.count + EvictionPlan.pagesBeside)
            let visited = min(wanted, usable * 3 / 4, Self.maximumVisited)
            let plan = EvictionPlan(victims: victims, rewritten: rewritten, freePagesVisited: visited)
            return plan.isEmpty ? nil : plan
        }
    }

    private static func forEach(
        _ keyspaces: [Keyspace], in transaction: borrowing ReadTransaction, _ pageSize: Int,
        _ body: (Keyspace, Span<UInt8>, PageLocation, _ isEvictable: Bool) -> Void
    ) throws {
        for keyspace in keyspaces {
            try keyspace.checkUsable()
            try transaction.withCursor(in: keyspace.table) { cursor in
                var found = try cursor.move(.first)
                while found {
                    let location = cursor.location(pageSize: pageSize)
                    cursor.withEntry { key, record in body(keyspace, key, location, Record.isEvictable(record)) }
                    found = try cursor.move(.next)
                }
            }
        }
    }
}
