/// Checks that the history of a register is linearizable, where every value was written once and nothing is known of the order of the
/// writes but what updates have found.
///
/// Gibbons and Korach, "Testing Shared Memories" (SIAM Journal on Computing 26, 1997): the operations of one value, its write and its
/// reads, form a cluster. An update that found a value comes directly after it, and with it the update's whole cluster; clusters that
/// updates join so form a block, within which the order is known. From the first end among the operations of a block to the last start,
/// the register holds its values. Whichever of two blocks comes first, all of its operations do. A block must come before another if an
/// operation of it ends before one of the other starts; the history is linearizable exactly if the order inside each block fits, and no two
/// blocks must each come before the other. O(n log n).
///
/// A compare that failed must have a moment at which the register held something else. It is called a violation only where no order at all
/// gives it one.
public enum RegisterChecker {
    /// The violations in the history of one key: events of the kinds write, read and failed compare. The initial value, if there is one, is
    /// a write that ended before everything else.
    public static func violations(in events: [HistoryEvent]) -> [Violation] {
        var checker = RegisterBlocks()
        for event in events where event.kind == .write { checker.addWrite(event) }
        for event in events where event.kind != .write && event.kind != .failedCompare { checker.addRead(event) }
        checker.join()
        checker.checkOrder()
        let compares = events.filter { $0.kind == .failedCompare }
        if !compares.isEmpty { checker.check(compares) }
        return checker.violations
    }
}

/// How many elements at the front of a sorted array satisfy a condition that those behind them do not.
func partition<Element>(_ elements: [Element], _ isBefore: (Element) -> Bool) -> Int {
    var (low, high) = (0, elements.count)
    while low < high {
        let middle = (low + high) / 2
        if isBefore(elements[middle]) { low = middle + 1 } else { high = middle }
    }
    return low
}
