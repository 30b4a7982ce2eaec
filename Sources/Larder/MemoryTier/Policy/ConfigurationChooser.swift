/// Finds out by experiment which configuration suits the present workload.
///
/// Each configuration runs as a ``ShadowCache`` on a spatial sample of the keys, scaled down alike (SHARDS, Waldspurger et al., FAST 2015;
/// miniature simulation, Waldspurger et al., USENIX ATC 2017). Whenever two shadows disagree about an access, the one that hit gains a point on the
/// other; points fade. A configuration takes the lead when it is ahead by a standard deviation of the number of disagreements.
///
/// The shadows pay nothing for a change of window, but the live cache loses the entries that make room for it. It therefore
/// changes as a skier buys skis who does not know how long the season lasts (Karlin et al., "Competitive snoopy caching", Algorithmica 3, 1988): the
/// window grows in proportion to the misses that a larger one would have spared, so that what is given up for nothing is bounded by what was lost before.
/// Theory says one entry for one miss; recorded workloads favour somewhat more haste (``PolicyParameters/growthPerSparedMiss``).
struct ConfigurationChooser: Sendable {
    /// What the live cache should do now.
    struct Advice: Sendable, Equatable {
        /// The leading configuration.
        var configuration: PolicyConfiguration
        /// Entries by which the window may grow for each miss, at most 1.
        var growth: Double
    }

    private let parameters: PolicyParameters
    private var shadows: [ShadowCache]
    /// Index of the leading configuration.
    private(set) var leader: Int
    /// Index of the one that led before.
    private var predecessor: Int
    /// `points[i * n + j]`: accesses that i hit and j missed minus the contrary, fading.
    private var points: [Double]
    /// `disagreements[i * n + j]`: accesses that one of i and j hit and the other missed, fading.
    private var disagreements: [Double]
    /// Accesses that each missed, fading.
    private var misses: [Double]
    /// What the current access adds to a sum. Instead of all sums shrinking by a factor, this grows by it.
    private var unit = 1.0
    private let fading: Double

    /// Shadows of `capacity` units of weight and about `entryCount` entries each. `leader` leads at first; by default the initial configuration.
    init(capacity: Int, entryCount: Int, parameters: PolicyParameters = .standard, leader: Int? = nil) {
        self.parameters = parameters
        self.leader = leader ?? parameters.initialConfiguration
        predecessor = self.leader
        shadows = parameters.configurations.map {
            ShadowCache(
                capacity: capacity, entryCount: entryCount, configuration: $0, keepsFrequencies: $0.rule == .frequency,
                parameters: parameters)
        }
        let count = parameters.configurations.count
        points = Array(repeating: 0, count: count * count)
        disagreements = points
        misses = Array(repeating: 0, count: count)
        let horizon = max(parameters.minimumHorizon, parameters.horizonPerShadowEntry * Double(entryCount))
        fading = 1 / (1 - 1 / horizon)
    }

    /// The advice that holds until ``observe(_:weight:)`` returns another.
    var advice: Advice {
        let lead = points[leader * shadows.count + predecessor]
        let growth = parameters.growthPerSparedMiss * lead / max(unit, misses[leader])
        return Advice(
            configuration: parameters.configurations[leader], growth: min(max(growth, parameters.leastGrowth), 1))
    }

    /// The memory that the shadows take, in bytes.
    var byteCount: Int { shadows.reduce(0) { $0 + $1.byteCount } }

    /// Shows a sampled access to every shadow. Returns new advice if they disagree about it.
    mutating func observe(_ hash: UInt64, weight: Int) -> Advice? {
        var hits: UInt64 = 0
        for index in shadows.indices where shadows[index].access(hash, weight: weight) { hits |= 1 << UInt64(index) }
        unit *= fading
        if unit > 1e9 { renormalise() }
        for index in shadows.indices where hits >> UInt64(index) & 1 == 0 { misses[index] += unit }
        guard hits != 0, hits != (1 << UInt64(shadows.count)) - 1 else { return nil }
        score(hits)
        elect()
        return advice
    }

    /// Notes who hit and who missed; bit i of `hits` stands for shadow i.
    private mutating func score(_ hits: UInt64) {
        let count = shadows.count
        for winner in 0..<count where hits >> UInt64(winner) & 1 == 1 {
            for loser in 0..<count where hits >> UInt64(loser) & 1 == 0 {
                points[winner * count + loser] += unit
                points[loser * count + winner] -= unit
                disagreements[winner * count + loser] += unit
                disagreements[loser * count + winner] += unit
            }
        }
    }

    /// Lets the configuration lead that is furthest ahead of the leader, beyond chance.
    private mutating func elect() {
        let count = shadows.count
        var best = leader
        var margin = 0.0
        for rival in 0..<count where rival != leader {
            // In accesses: the lead is a sum of n signs, whose deviation by chance is sqrt(n).
            let lead = points[rival * count + leader] / unit
            let deviation = (disagreements[rival * count + leader] / unit).squareRoot()
            let excess = lead - parameters.switchingDeviations * deviation
            if excess > margin {
                margin = excess
                best = rival
            }
        }
        guard best != leader else { return }
        predecessor = leader
        leader = best
    }

    private mutating func renormalise() {
        for index in points.indices {
            points[index] /= unit
            disagreements[index] /= unit
        }
        for index in misses.indices { misses[index] /= unit }
        unit = 1
    }
}
