/// Finds out by experiment which configuration suits the present workload.
///
/// Each configuration runs as a ``ShadowCache`` on a spatial sample of the keys, scaled down alike (SHARDS, Waldspurger et al., FAST 2015;
/// miniature simulation, Waldspurger et al., USENIX ATC 2017). The shadows pay nothing for a change of window, but the live cache gives up entries for it. So the
/// choice is a metrical task system (Borodin, Linial and Saks, J. ACM 39, 1992), and is made as by its work functions: a configuration takes
/// the lead when it has missed so much less than the leader that the change is paid for, and no lag behind the leader counts for more than the change
/// back would cost. What is lost by a change that was in vain is thus bounded by what was lost before it (but for the head start of recency), and what was long ago
/// is forgotten without a clock.
///
/// Meanwhile the window stands on the way from the leader's share to that of a wider configuration, as far along as that is on its way to the lead.
struct ConfigurationChooser: Sendable {
    /// What the live cache should do now.
    struct Advice: Sendable, Equatable {
        /// Index of the leading configuration.
        var leader: Int
        /// The window's share of the capacity, not less than the leader's.
        var windowShare: Double
    }

    private let parameters: PolicyParameters
    private let entryCount: Double
    private var shadows: [ShadowCache]
    /// Index of the leading configuration.
    private(set) var leader: Int
    /// Accesses that each missed and another hit, less a head start; but never more above the leader's than a change costs.
    private var misses: [Double]

    /// Shadows of `capacity` units of weight and about `entryCount` entries each. `leader` leads at first; by default the initial configuration.
    init(capacity: Int, entryCount: Int, parameters: PolicyParameters = .standard, leader: Int? = nil) {
        self.parameters = parameters
        self.entryCount = Double(entryCount)
        self.leader = leader ?? parameters.initialConfiguration
        shadows = parameters.configurations.map {
            ShadowCache(
                capacity: capacity, entryCount: entryCount, mostEntries: Self.mostEntries(entryCount),
                configuration: $0, keepsFrequencies: $0.rule == .frequency, parameters: parameters)
        }
        misses = Array(repeating: 0, count: shadows.count)
    }

    /// The advice that holds until ``observe(_:weight:isHit:)`` returns another.
    var advice: Advice {
        let own = parameters.configurations[leader].windowShare
        var share = own
        for rival in shadows.indices {
            let way = parameters.configurations[rival].windowShare - own
            if way > 0 { share = max(share, own + way * lead(of: rival) / cost(of: rival)) }
        }
        return Advice(leader: leader, windowShare: share)
    }

    /// The most entries that a shadow for `entryCount` may hold: a sample is not quite as the whole, nor is the whole what it was when the shadow was made.
    private static func mostEntries(_ entryCount: Int) -> Int { entryCount + entryCount / 4 + 8 }

    /// The memory taken, in bytes. It stays as it is.
    var byteCount: Int {
        shadows.reduce(Self.byteCountBesideTables(shadows.count)) { $0 + $1.tableByteCount }
    }

    /// The memory of a chooser with shadows of about `entryCount` entries, in bytes.
    static func byteCount(entryCount: Int, parameters: PolicyParameters) -> Int {
        let configurations = parameters.configurations
        return configurations.reduce(byteCountBesideTables(configurations.count)) {
            $0
                + ShadowCache.tableByteCount(
                    entryCount: entryCount, mostEntries: mostEntries(entryCount),
                    keepsFrequencies: $1.rule == .frequency, parameters: parameters)
        }
    }

    private static func byteCountBesideTables(_ shadows: Int) -> Int {
        [ShadowCache].byteCount(shadows) + [Double].byteCount(shadows)
    }

    /// Shows a sampled access to every shadow. Returns new advice if they disagree about it.
    ///
    /// - Parameter isHit: Whether the live cache had the key. Where recency leads and its shadow says otherwise, the sample is not as the whole, and nothing is learnt from the
    ///   access: of a cycle of keys that just fits the cache there may be too many in the sample, and it would seem not to be hit at all.
    mutating func observe(_ hash: UInt64, weight: Int, isHit: Bool) -> Advice? {
        // A bit for each shadow.
        var hits: UInt64 = 0
        for index in shadows.indices where shadows[index].access(hash, weight: weight) { hits |= 1 << index }
        let isHitByLeader = hits & 1 << leader != 0
        if parameters.configurations[leader].rule == .recency, isHit != isHitByLeader { return nil }
        for index in shadows.indices where hits & 1 << index == 0 { misses[index] += 1 }
        guard hits != 0, hits.nonzeroBitCount < shadows.count else { return nil }
        elect()
        return advice
    }

    /// Lets the configuration that follows recency begin ahead when the live cache is full for the first time, by the fourth power of the share of its older
    /// entries that were used since they came in (``UsedSample``), or lead at once. Where nearly all were, it is likely that what comes will be used soon, and
    /// little would be lost if not. Returns new advice.
    mutating func favourRecency(usedShare: Double) -> Advice {
        if let recency = parameters.configurations.firstIndex(where: { $0.rule == .recency }), recency != leader {
            let square = usedShare * usedShare
            misses[recency] = misses[leader] - parameters.headStart * square * square * cost(of: recency)
            elect()
        }
        return advice
    }

    /// How many more accesses the leader missed than another.
    private func lead(of rival: Int) -> Double { misses[leader] - misses[rival] }

    /// What the live cache would lose by changing to another configuration, in accesses: in proportion to the entries that it would give up, and somewhat more, so that chance
    /// does not rule a small cache.
    private func cost(of rival: Int) -> Double {
        let way = parameters.configurations[rival].windowShare - parameters.configurations[leader].windowShare
        return parameters.leastChangeCost + parameters.changeCostPerEntry * abs(way) * entryCount
    }

    /// Lets the configuration lead that has paid for the change with most to spare, then forgets by how much more than a change others lag behind.
    private mutating func elect() {
        let rivals = shadows.indices.filter { $0 != leader && lead(of: $0) >= cost(of: $0) }
        if let best = rivals.max(by: { lead(of: $0) - cost(of: $0) < lead(of: $1) - cost(of: $1) }) { leader = best }
        for rival in shadows.indices where rival != leader {
            misses[rival] = min(misses[rival], misses[leader] + cost(of: rival))
        }
    }
}
