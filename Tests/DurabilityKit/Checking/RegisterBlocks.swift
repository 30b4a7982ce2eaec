/// The values of a register, joined into blocks by the updates; see ``RegisterChecker``.
struct RegisterBlocks {
    /// A value: its write and its reads.
    struct Cluster {
        var write: HistoryEvent
        var firstEnd: UInt64
        var lastStart: UInt64
        /// Whether its write has happened for certain: its caller was told so, or somebody saw the value.
        var isKnown: Bool
        /// The value whose update directly followed.
        var successor: UInt64?
        var block = 0
    }

    /// Values that directly follow each other.
    struct Block {
        /// The first write.
        var write: HistoryEvent
        var firstEnd: UInt64
        var lastStart: UInt64

        /// Whether the register must have held the values for this whole interval, not just at a moment of it.
        var isForward: Bool { firstEnd < lastStart }
    }

    private(set) var violations: [Violation] = []
    private var clusters: [UInt64: Cluster] = [:]
    private var blocks: [Block] = []

    mutating func addWrite(_ event: HistoryEvent) {
        clusters[event.nonce] = Cluster(
            write: event, firstEnd: event.end, lastStart: event.start, isKnown: event.isFinished)
    }

    /// Adds a read; all writes have been added.
    mutating func addRead(_ event: HistoryEvent) {
        guard event.kind == .read, var cluster = clusters[event.nonce] else {
            return fail("read what nobody wrote", event)
        }
        if event.finish < cluster.write.start { fail("read before it was written", event) }
        cluster.isKnown = true
        cluster.firstEnd = min(cluster.firstEnd, event.finish)
        cluster.lastStart = max(cluster.lastStart, event.start)
        clusters[event.nonce] = cluster
    }

    private mutating func fail(_ reason: String, _ event: HistoryEvent) {
        violations.append(Violation(reason: reason, event: event))
    }

    /// Joins what updates have found with what they wrote; all reads have been added.
    mutating func join() {
        var heads: [UInt64] = []
        // A write that nobody was told of and nobody saw may never have happened. What one that happened has found, has happened too.
        var known = clusters.filter(\.value.isKnown).map(\.key)
        while let nonce = known.popLast() {
            guard let write = clusters[nonce]?.write, let found = write.found else {
                heads.append(nonce)
                continue
            }
            guard let found, let before = clusters[found] else {
                fail("found what nobody wrote", write)
                heads.append(nonce)
                continue
            }
            if before.successor != nil {
                fail("two updates of one value", write)
                heads.append(nonce)
            } else {
                clusters[found]?.successor = nonce
            }
            if !before.isKnown {
                clusters[found]?.isKnown = true
                known.append(found)
            }
        }
        for head in heads { addBlock(head) }
        for cluster in clusters.values where cluster.isKnown && cluster.block == 0 {
            fail("an update that found what came of itself", cluster.write)
        }
    }

    private mutating func addBlock(_ head: UInt64) {
        guard let first = clusters[head] else { return }
        var block = Block(write: first.write, firstEnd: .max, lastStart: 0)
        var next: UInt64? = head
        while let nonce = next, let cluster = clusters[nonce] {
            if cluster.firstEnd < block.lastStart { fail("a value was there after its update", cluster.write) }
            block.firstEnd = min(block.firstEnd, cluster.firstEnd)
            block.lastStart = max(block.lastStart, cluster.lastStart)
            clusters[nonce]?.block = blocks.count + 1
            next = cluster.successor
        }
        blocks.append(block)
    }

    /// Checks that there is an order of the blocks.
    mutating func checkOrder() {
        let forward = blocks.filter(\.isForward).sorted { $0.firstEnd < $1.firstEnd }
        var longest = forward.first
        for block in forward.dropFirst() {
            if let before = longest, block.firstEnd < before.lastStart {
                fail("two values each after the other", block.write)
            }
            if block.lastStart > longest?.lastStart ?? 0 { longest = block }
        }
        for block in blocks where !block.isForward {
            // Forward blocks that do not overlap end in the order in which they begin, so only the last that begins before can enclose.
            let index = partition(forward) { $0.firstEnd < block.lastStart }
            if index > 0, block.firstEnd < forward[index - 1].lastStart {
                fail("a value inside the time of another", block.write)
            }
        }
    }

    /// Checks compares that failed.
    mutating func check(_ compares: [HistoryEvent]) {
        let candidates = Candidates(
            blocks, unknown: clusters.values.lazy.filter { !$0.isKnown }.map(\.write.start).min() ?? .max)
        for compare in compares {
            // It may have come before what was expected, which may also never have been there.
            guard let expected = compare.found ?? nil, let cluster = clusters[expected], cluster.isKnown,
                cluster.block != 0, cluster.firstEnd < compare.start
            else { continue }
            // So it came after, and so did a write in between.
            let hasCause =
                if let successor = cluster.successor.flatMap({ clusters[$0] }) {
                    successor.write.start <= compare.finish
                } else {
                    candidates.contain(
                        oneThatFollows: cluster.block - 1, lastStart: blocks[cluster.block - 1].lastStart,
                        by: compare.finish)
                }
            if !hasCause || cluster.lastStart > compare.finish { fail("a compare that failed without cause", compare) }
        }
    }

    /// What may have followed a block, to be looked up by when it began.
    private struct Candidates {
        /// Blocks in the order in which they begin, each with the two latest of the ends so far.
        private var begun: [(start: UInt64, last: (end: UInt64, block: Int), other: UInt64)] = []
        /// When the first of the writes began of which nobody knows whether they happened.
        private let unknown: UInt64

        init(_ blocks: [Block], unknown: UInt64) {
            self.unknown = unknown
            var (last, other) = ((end: UInt64(0), block: -1), UInt64(0))
            for index in blocks.indices.sorted(by: { blocks[$0].write.start < blocks[$1].write.start }) {
                let end = blocks[index].firstEnd
                if end > last.end {
                    (other, last) = (last.end, (end, index))
                } else {
                    other = max(other, end)
                }
                begun.append((blocks[index].write.start, last, other))
            }
        }

        /// Whether something else than a block began by a time and need not come before it.
        func contain(oneThatFollows block: Int, lastStart: UInt64, by time: UInt64) -> Bool {
            if unknown <= time { return true }
            let count = partition(begun) { $0.start <= time }
            guard count > 0 else { return false }
            let (_, last, other) = begun[count - 1]
            return (last.block == block ? other : last.end) >= lastStart
        }
    }
}
