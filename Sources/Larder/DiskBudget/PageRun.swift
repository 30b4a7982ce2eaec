internal import LMDB

/// Finds a run of pages side by side that can be made free by evicting the fewest bytes.
///
/// LMDB keeps a long value on pages in a row, and copies pages to wherever there is room; so the free pages of a full file are scattered, and
/// even if half of it is free there may be no run for a long value. What lies between free pages is known here, and may be evicted.
struct PageRun {
    /// What a page holds.
    private enum Content {
        /// A page of LMDB's own, above those that hold records. Which ones is not known here. It moves when a record below it goes, so a run
        /// may have it, but had better not.
        case structure
        case free
        /// Records, or a part of one.
        case records
        /// A meta page, or a record that must stay.
        case fixed

        /// What it costs to have the page in a run, in pages of records.
        var cost: Int {
            switch self {
            case .free: 0
            case .records: 1
            case .structure: 16
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

    /// Adds the pages of a record. One that must stay keeps its page for the others on it too.
    mutating func add(_ location: PageLocation, isEvictable: Bool) {
        for page in [location.leaf] + Array(location.value ?? 0..<0) where pages.indices.contains(page) {
            if pages[page] != .fixed { pages[page] = isEvictable ? .records : .fixed }
        }
    }

    /// The run of so many pages that costs the least; of equals the last, since LMDB takes single pages from the front. `nil` if there is
    /// none.
    func cheapest(_ length: Int) -> Range<Int>? {
        var best: (cost: Int, start: Int)?
        var cost = 0
        for page in pages.indices {
            cost += pages[page].cost
            if page >= length { cost -= pages[page - length].cost }
            if page >= length - 1, cost < Content.fixed.cost, cost <= best?.cost ?? .max {
                best = (cost, page - length + 1)
            }
        }
        return best.map { $0.start..<$0.start + length }
    }
}

extension PageRun {
    /// What is to be evicted for a run of so many pages; empty if that would not help. Visits every record of every cache, twice.
    static func victims(
        length: Int, _ keyspaces: [Keyspace], _ durable: DurableTier
    ) throws -> [EvictionPlan.Victim] {
        let file = try durable.environment.information()
        let pageSize = file.pageSize
        return try durable.environment.read { transaction in
            var run = PageRun(count: file.usedBytes / pageSize)
            try transaction.forEachFreePage { run.addFree($0) }
            try forEach(keyspaces, in: transaction, pageSize) { _, _, location, isEvictable in
                run.add(location, isEvictable: isEvictable)
            }
            guard let found = run.cheapest(length) else { return [] }
            var victims: [EvictionPlan.Victim] = []
            try forEach(keyspaces, in: transaction, pageSize) { keyspace, key, location, isEvictable in
                guard isEvictable, found.contains(location.leaf) || location.value?.overlaps(found) == true else {
                    return
                }
                let key = MemoryKey(
                    keyspace: keyspace.memoryNumber, hash: keyspace.hash(key), bytes: [UInt8](copying: key))
                victims.append(.init(keyspace: keyspace, key: key))
            }
            return victims
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
