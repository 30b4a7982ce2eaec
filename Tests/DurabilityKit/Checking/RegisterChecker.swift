/// Checks that the history of a register is linearizable, where every value was written once and nothing else is known of the order of
/// the writes.
///
/// Gibbons and Korach, "Testing Shared Memories" (SIAM Journal on Computing 26, 1997): the operations of one value, its write and its
/// reads, form a cluster, from the first end among them to the last start. Whichever of two clusters comes first, all of its operations
/// do. A cluster must come before another if an operation of it ends before one of the other starts; the history is linearizable exactly
/// if no read ends before its write starts and no two clusters must each come before the other. O(n log n).
public enum RegisterChecker {
    private struct Cluster {
        var write: HistoryEvent
        var firstEnd: UInt64
        var lastStart: UInt64
        var isRead = false

        /// Whether the register must have held the value for this whole interval, not just at a moment of it.
        var isForward: Bool { firstEnd < lastStart }
    }

    /// The violations in the history of one key: events of the kinds write and read. The initial value, if there is one, is a write that
    /// ended before everything else.
    public static func violations(in events: [HistoryEvent]) -> [Violation] {
        var clusters: [UInt64: Cluster] = [:]
        for event in events where event.kind == .write {
            clusters[event.nonce] = Cluster(write: event, firstEnd: event.end, lastStart: event.start)
        }
        var violations: [Violation] = []
        for event in events where event.kind != .write {
            guard event.kind == .read, var cluster = clusters[event.nonce] else {
                violations.append(Violation(reason: "read what nobody wrote", event: event))
                continue
            }
            if event.finish < cluster.write.start {
                violations.append(Violation(reason: "read before it was written", event: event))
            }
            cluster.isRead = true
            cluster.firstEnd = min(cluster.firstEnd, event.finish)
            cluster.lastStart = max(cluster.lastStart, event.start)
            clusters[event.nonce] = cluster
        }
        // A write that nobody was told of and nobody read may never have happened.
        let known = clusters.values.filter { $0.write.isFinished || $0.isRead }
        let forward = known.filter(\.isForward).sorted { $0.firstEnd < $1.firstEnd }
        var longest = forward.first
        for cluster in forward.dropFirst() {
            if let before = longest, cluster.firstEnd < before.lastStart {
                violations.append(Violation(reason: "two values each after the other", event: cluster.write))
            }
            if cluster.lastStart > longest?.lastStart ?? 0 { longest = cluster }
        }
        for cluster in known where !cluster.isForward {
            // Forward clusters that do not overlap end in the order in which they begin, so only the last that begins before can enclose.
            let index = partition(forward) { $0.firstEnd < cluster.lastStart }
            if index > 0, cluster.firstEnd < forward[index - 1].lastStart {
                violations.append(Violation(reason: "a value inside the time of another", event: cluster.write))
            }
        }
        return violations
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
