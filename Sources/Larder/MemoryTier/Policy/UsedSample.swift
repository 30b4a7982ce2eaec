/// How many entries, of some or of all, were used since they came in; see ``ConfigurationChooser/favourRecency(usedShare:)``.
struct UsedSample: Sendable {
    var used = 0
    var count = 0

    /// The share that was used, 0...1.
    var usedShare: Double { Double(used) / Double(max(1, count)) }

    static func += (sum: inout UsedSample, other: UsedSample) {
        sum.used += other.used
        sum.count += other.count
    }
}
