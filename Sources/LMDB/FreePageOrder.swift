/// Has commits write pages that lie side by side, so that a flush is a few long writes rather than many short ones.
///
/// LMDB copies every page that a commit changes to a free one, and takes the one that has been free for the longest time. As soon as keys
/// are changed in no order, these are scattered over the file, and a disk takes about as long for each of them as for hundreds in a row.
/// But LMDB keeps what a transaction has come by of the free pages in their order in the file (see ``WriteTransaction/visitRun(ofBytes:)``),
/// and takes it first from then on. So now and then a commit looks for the longest run, by which it comes by all of them or at least by those
/// that LMDB lists up to that run, and the commits after it go through the file from front to back, as a log-structured file system does that fills holes (threaded log: Rosenblum and Ousterhout, SOSP 1991).
///
/// How many lie side by side depends on how many are free: so the file is let grow until a quarter of it is.
///
/// Used by whoever holds the lock between writers.
struct FreePageOrder {
    /// Commits until the list of free pages is looked at again.
    private var commitsLeft = 0
    /// Pages freed up to this commit are in order.
    private var orderedThrough: UInt64 = 0
    /// Whether the list was too long to be put in order by one transaction, and by how many it was.
    private var isPartial = false
    private var parts = 0

    /// Below this a file has so few pages that their order is of no consequence, and above so many free ones ordering takes too long: about
    /// 0.3 µs for each.
    private static let leastFilePages = 256
    static let mostFreePages = 1 << 17
    /// A file is left alone for so many commits if there is nothing to be gained.
    private static let patience = 32
    /// The longest run that is looked for.
    private static let longestRun = 1_024
    /// LMDB reads so many entries of its list for each page of a run that it looks for, and then gives up.
    private static let entriesReadForEachPage = 60
    /// In so many transactions at most a list is put in order.
    private static let mostParts = 8

    /// Counts a commit; returns whether the list is to be looked at.
    mutating func isDue() -> Bool {
        if commitsLeft > 0 { commitsLeft -= 1 }
        return commitsLeft == 0
    }

    /// Whether pages that are in order are left, where the first entry of the list names those that this commit freed.
    func isInOrder(from first: UInt64) -> Bool {
        !isPartial && first <= orderedThrough
    }

    /// The pages of the run that the next transaction is to come by; `nil` for none.
    ///
    /// - Parameters:
    ///   - list: What is free and may be used.
    ///   - filePages: The pages of the file.
    ///   - mapPages: The pages that it may have.
    mutating func run(_ list: FreePageList, filePages: Int, mapPages: Int) -> Int? {
        let free = list.pages.count
        guard filePages >= Self.leastFilePages, free <= Self.mostFreePages else {
            commitsLeft = Self.patience
            return nil
        }
        let longest = list.longestRun(inEntries: list.entries.count)
        var run = min(longest, Self.longestRun)
        // What a reader keeps from being used counts, or the file would grow for as long as it reads.
        let missing = filePages / 4 - free - list.laterPages
        if missing > 0 {
            // More than there are in a row: LMDB looks through the whole list, and then takes them from behind the end of the file.
            let grown = max(longest + 1, min(missing, Self.longestRun))
            if grown <= Self.longestRun, filePages + grown < mapPages { run = grown }
        }
        isPartial = run * Self.entriesReadForEachPage < list.entries.count
        if isPartial {
            // What LMDB gets to see must have such a run.
            var found = list.longestRun(inEntries: run * Self.entriesReadForEachPage)
            while found < run {
                run = found
                found = list.longestRun(inEntries: run * Self.entriesReadForEachPage)
            }
        }
        parts = isPartial ? parts + 1 : 0
        guard run > 1, parts <= Self.mostParts else {
            (isPartial, parts) = (false, 0)
            commitsLeft = Self.patience
            return nil
        }
        if !isPartial { orderedThrough = max(list.bound, 1) - 1 }
        return run
    }
}
