/// How many entries, of some or of all, were used since they came in, leaving out the younger half, which may not have had the time; see
/// ``ConfigurationChooser/favourRecency(usedShare:)``. A key that was written again has just come in: where many are, fewer than half are left, and less used ones.
struct UsedSample: Sendable {
    private var used = 0
    private var count = 0

    /// The share that was used, 0...1; 0 if nothing was counted.
    var usedShare: Double { Double(used) / Double(max(1, count)) }

    /// Counts an entry that has its `mark` and came in `age` insertions ago, as one of `entryCount`.
    mutating func add(_ mark: UseMark, age: UInt32, of entryCount: Int) {
        guard Int(age) >= entryCount / 2 else { return }
        count += 1
        if mark.hits > 0 { used += 1 }
    }

    static func += (sum: inout UsedSample, other: UsedSample) {
        sum.used += other.used
        sum.count += other.count
    }
}
