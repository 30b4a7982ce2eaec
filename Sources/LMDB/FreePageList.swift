/// The free pages that the next writer may take, as LMDB lists them: an entry for each commit that freed some, the oldest first.
struct FreePageList {
    /// Of each entry, how many pages it and those before it have.
    private(set) var entries: [Int] = []
    private(set) var pages: [UInt32] = []
    /// Only what commits before this one have freed may be taken.
    let bound: UInt64
    /// Pages that later commits have freed: they may be taken once readers have ended.
    private(set) var laterPages = 0

    init(before bound: UInt64) {
        self.bound = bound
    }

    mutating func addEntry(_ pages: some Sequence<Int>) {
        for page in pages { self.pages.append(UInt32(truncatingIfNeeded: page)) }
        entries.append(self.pages.count)
    }

    mutating func addLaterEntry(ofPages count: Int) {
        laterPages += count
    }

    /// The most pages in a row among those of the first entries.
    func longestRun(inEntries count: Int) -> Int {
        guard count > 0, !entries.isEmpty else { return 0 }
        let sorted = pages[..<entries[min(count, entries.count) - 1]].sorted()
        var (longest, run) = (0, 0)
        for position in sorted.indices {
            // Wrapping: a damaged list may say anything.
            run = position > 0 && sorted[position] == sorted[position - 1] &+ 1 ? run + 1 : 1
            longest = max(longest, run)
        }
        return longest
    }
}

extension ReadTransaction {
    /// The commit that freed what is free for the longest time, if anything is free.
    func oldestFreeEntry() throws -> UInt64? {
        var oldest: UInt64?
        try forEachFreeEntry { commit, _ in
            oldest = commit
            return false
        }
        return oldest
    }

    /// The free pages, of which those may be taken that commits before `bound` have freed, but no more entries than bring these above `limit`.
    func freePageList(before bound: UInt64, limit: Int) throws -> FreePageList {
        var list = FreePageList(before: bound)
        try forEachFreeEntry { commit, entry in
            guard list.pages.count <= limit else { return false }
            if commit < bound {
                list.addEntry(Self.pages(in: entry))
            } else {
                list.addLaterEntry(ofPages: Self.pageCount(in: entry))
            }
            return true
        }
        return list
    }

    /// Calls `body` with the number of each free page, and with whether the next writer may take it if there is no reader: all but what
    /// the last commit freed.
    package func forEachFreePage(_ body: (_ page: Int, _ isUsable: Bool) -> Void) throws {
        let last = id
        try forEachFreeEntry { commit, entry in
            for page in Self.pages(in: entry) { body(page, commit < last) }
            return true
        }
    }

    private func forEachFreeEntry(_ body: (_ commit: UInt64, _ entry: Span<UInt8>) -> Bool) throws {
        try withCursor(in: .freePages) { cursor in
            guard try cursor.move(.first) else { return }
            try cursor.forEach(.next) { commit, entry in
                commit.count >= 8 && body(Self.number(in: commit, at: 0), entry)
            }
        }
    }

    /// The length of the list comes first, then the pages. An entry may be longer than its list: LMDB makes some before it knows what to put in.
    private static func pageCount(in entry: Span<UInt8>) -> Int {
        guard entry.count >= 8 else { return 0 }
        return Int(min(number(in: entry, at: 0), UInt64(entry.count / 8 - 1)))
    }

    private static func pages(in entry: Span<UInt8>) -> [Int] {
        (0..<pageCount(in: entry)).map { Int(truncatingIfNeeded: number(in: entry, at: 8 + 8 * $0)) }
    }

    private static func number(in bytes: Span<UInt8>, at offset: Int) -> UInt64 {
        unsafe bytes.withUnsafeBytes { unsafe $0.loadUnaligned(fromByteOffset: offset, as: UInt64.self) }
    }
}
