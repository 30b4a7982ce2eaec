/// The whole policy on keys alone: a live cache, and the shadows that choose its configuration.
struct SimulatedCache {
    private var live: ShadowCache
    private var chooser: ConfigurationChooser
    /// Keys whose 24 sampling bits lie below are shown to the shadows.
    private let threshold: UInt64
    private var wasFull = false

    /// A cache of `capacity` units of weight, expected to hold `entryCount` entries.
    init(capacity: Int, entryCount: Int, parameters: PolicyParameters = .standard) {
        let shadowEntries = min(entryCount, parameters.shadowEntries)
        let rate = Double(shadowEntries) / Double(max(1, entryCount))
        threshold = UInt64((rate * 0x1p24).rounded(.up))
        live = ShadowCache(
            capacity: capacity, entryCount: entryCount,
            configuration: parameters.configurations[parameters.initialConfiguration],
            keepsFrequencies: parameters.configurations.contains { $0.rule == .frequency }, parameters: parameters)
        chooser = ConfigurationChooser(
            capacity: max(1, Int((Double(capacity) * rate).rounded())), entryCount: shadowEntries,
            parameters: parameters)
    }

    /// Looks a key up and inserts it if it is absent. Returns whether it was present.
    mutating func access(_ hash: UInt64, weight: Int) -> Bool {
        if (hash >> 32) & 0xFF_FFFF < threshold {
            let isHit = live.contains(hash)
            if let advice = chooser.observe(hash, weight: weight, isHit: isHit) { live.adopt(advice) }
        }
        if !wasFull, live.isFull(for: weight) {
            wasFull = true
            live.adopt(chooser.favourRecency(usedShare: live.usedShare))
        }
        return live.access(hash, weight: weight)
    }
}
