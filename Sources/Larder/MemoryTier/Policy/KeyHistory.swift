/// What an eviction policy remembers of keys, whether their entries are there or not: ghosts of those that left the window unused, and how often each key was used.
struct KeyHistory: Sendable {
    var ghosts: GhostTable
    /// Nil if no configuration asks for it.
    var sketch: FrequencySketch?

    /// An empty history, of the size that suits a number of entries.
    ///
    /// - Parameter keepsFrequencies: Whether a configuration may come that needs the sketch.
    init(entryCount: Int, keepsFrequencies: Bool, parameters: PolicyParameters) {
        ghosts = GhostTable(capacity: Self.ghosts(entryCount, parameters), entryCount: entryCount)
        guard keepsFrequencies else { return }
        sketch = FrequencySketch(
            width: Self.counters(entryCount, parameters),
            agingPeriod: Int(Double(entryCount) * parameters.agingPeriodPerEntry))
    }

    private static func ghosts(_ entryCount: Int, _ parameters: PolicyParameters) -> Int {
        Int((Double(entryCount) * parameters.ghostsPerEntry).rounded())
    }

    private static func counters(_ entryCount: Int, _ parameters: PolicyParameters) -> Int {
        Int(Double(entryCount) * parameters.countersPerEntry)
    }

    /// Its memory, in bytes.
    @inline(__always)
    var byteCount: Int { ghosts.byteCount + (sketch?.byteCount ?? 0) }

    /// The memory of a history, in bytes.
    static func byteCount(entryCount: Int, keepsFrequencies: Bool, parameters: PolicyParameters) -> Int {
        let ghosts = GhostTable.byteCount(capacity: ghosts(entryCount, parameters))
        return ghosts + (keepsFrequencies ? FrequencySketch.byteCount(width: counters(entryCount, parameters)) : 0)
    }

    /// Brings what is known of a key closer.
    @inline(__always)
    func prefetch(_ fingerprint: UInt32) {
        sketch?.prefetch(fingerprint)
        ghosts.prefetch(fingerprint)
    }
}
