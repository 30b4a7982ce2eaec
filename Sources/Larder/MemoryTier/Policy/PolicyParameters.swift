/// How an entry that was not used in the window, or came back from the ghosts, may earn a place in main.
enum AdmissionRule: Sendable, Equatable {
    /// None does: the least recently used entry leaves, be it in the window or in main.
    case recency
    /// By age: a key that comes back from the ghosts sooner than main's coldest entry has gone unused (LIRS' rule on FIFO clocks).
    case age
    /// By frequency: an entry that the sketch has seen more often than main's coldest (TinyLFU's rule).
    case frequency
}

/// One way to run the policy: how large the window is, and which rule opens main.
struct PolicyConfiguration: Sendable, Equatable {
    /// The window's share of the capacity, 0...1.
    var windowShare: Double
    /// How entries earn a place in main.
    var rule: AdmissionRule
    /// Whether hits soon after the insertion count for nothing (correlated references).
    var ignoresCorrelatedHits: Bool
}

/// The constants of the policy.
///
/// They were chosen on recorded traces of databases, disks, web servers and services; around each of them the mean hit ratio is flat. None depends on a trace or
/// on the number of keys.
struct PolicyParameters: Sendable {
    /// The configurations that compete.
    var configurations: [PolicyConfiguration] = [
        .init(windowShare: 1.00, rule: .recency, ignoresCorrelatedHits: false),
        .init(windowShare: 0.80, rule: .age, ignoresCorrelatedHits: false),
        .init(windowShare: 0.40, rule: .age, ignoresCorrelatedHits: true),
        .init(windowShare: 0.10, rule: .age, ignoresCorrelatedHits: true),
        .init(windowShare: 0.02, rule: .age, ignoresCorrelatedHits: true),
        .init(windowShare: 0.02, rule: .frequency, ignoresCorrelatedHits: true),
    ]
    /// Index of the configuration to begin with.
    var initialConfiguration = 3

    // MARK: One cache

    /// Hits of window entries are correlated references if they are younger than this share of the window's length.
    var correlatedShare = 0.3
    /// Ghosts for each resident entry.
    var ghostsPerEntry = 1.1
    /// Counters in each row of the sketch for each resident entry.
    var countersPerEntry = 4.0
    /// The sketch is halved after this many increments for each resident entry.
    var agingPeriodPerEntry = 40.0

    /// An epoch ends when as many entries have been used as make this share of the cache.
    var epochShare = 0.125

    /// An entry may weigh this part of the capacity, or twice the mean if that is more.
    var largestShare = 6

    // MARK: The choice

    /// Entries in a shadow at most.
    var shadowEntries = 512
    /// What a change costs for each entry of main that the window gains or loses, in accesses that would have hit.
    var changeCostPerEntry = 0.7
    /// What any change costs at least, in accesses.
    var leastChangeCost = 10.0
    /// How much of the change to recency counts as paid for where memory is first full and all of its older entries were used. It is more than all, so that a few
    /// that were not make no difference.
    var headStart = 1.2

    /// The configuration that an advice names, with the window as wide as it says.
    func configuration(for advice: ConfigurationChooser.Advice) -> PolicyConfiguration {
        var configuration = configurations[advice.leader]
        configuration.windowShare = advice.windowShare
        return configuration
    }

    /// The parameters that the memory tier uses.
    static let standard = PolicyParameters()
}
