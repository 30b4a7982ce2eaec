internal import LMDB

/// Finds a run of pages side by side that can be made free by evicting the fewest bytes.
///
/// LMDB keeps a long value on pages in a row, and copies pages to wherever there is room; so the free pages of a full file are scattered, and
/// even if half of it is free there may be no run for a long value. What lies between free pages is known here, and may be evicted.
struct PageRun {
    /// What a page holds.
    private enum Content: UInt8 {
        /// Something that cannot be evicted: a page of LMDB's own, or of a record that must stay.
        case fixed
        case free
        /// Records, or a part of one.
        case evictable
    }

    private var pages: [Content]

    /// - Parameter count: How many pages the file has.
    init(count: Int) {
        pages = [Content](repeating: .fixed, count: count)
    }

    private mutating func set(_ page: Int, _ content: Content) {
        if pages.indices.contains(page) { pages[page] = content }
    }

    mutating func addFree(_ page: Int) {
        set(page, .free)
    }

    /// Adds the pages of a record. One that must stay fixes its page for the others on it too.
    mutating func add(_ location: PageLocation, isEvictable: Bool, seen: inout Set<Int>) {
        if isEvictable {
            if !seen.contains(location.leaf) { set(location.leaf, .evictable) }
        } else {
            seen.insert(location.leaf)
            set(location.leaf, .fixed)
        }
        guard isEvictable, let value = location.value else { return }
        for page in value { set(page, .evictable) }
    }

    /// The run of so many pages that needs the fewest evicted; of equals the last, since LMDB takes single pages from the front. `nil` if
    /// there is none.
    func cheapest(_ length: Int) -> Range<Int>? {
        var best: (cost: Int, start: Int)?
        var (cost, fixed) = (0, 0)
        for page in pages.indices {
            cost += pages[page] == .evictable ? 1 : 0
            fixed += pages[page] == .fixed ? 1 : 0
            if page >= length {
                cost -= pages[page - length] == .evictable ? 1 : 0
                fixed -= pages[page - length] == .fixed ? 1 : 0
            }
            if page >= length - 1, fixed == 0, cost <= best?.cost ?? .max { best = (cost, page - length + 1) }
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
            var fixed: Set<Int> = []
            try forEach(keyspaces, in: transaction, pageSize) { _, _, location, isEvictable in
                run.add(location, isEvictable: isEvictable, seen: &fixed)
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
