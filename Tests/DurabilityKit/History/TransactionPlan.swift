/// What a transaction of the ledger writes, computed from its nonce, so that a checker knows it also when the transaction's process was
/// killed before it could say.
public struct TransactionPlan: Sendable {
    /// Keys of the ledger. Even ones are in the cache `ledger-even`, odd ones in `ledger-odd`.
    public static let keyCount = 16
    /// The key that every transaction writes, and that gives it its version.
    public static let clockKey = 1_000

    /// A key and what becomes of it.
    public struct Change: Sendable {
        /// The key.
        public var key: Int
        /// Whether it is removed, not set.
        public var isRemoval: Bool
        /// Whether it is done by an update in place, which is told what was there.
        public var isInPlace = false
    }

    /// Whether the transaction first removes everything in the cache of the odd keys.
    public let clearsOdd: Bool
    /// What it changes after that; no key twice.
    public let changes: [Change]

    /// The plan of a nonce.
    public init(nonce: UInt64) {
        var generator = SeededGenerator(seed: nonce)
        clearsOdd = generator.below(16) == 0
        var keys = Array(0..<Self.keyCount)
        var changes: [Change] = []
        for position in 0...generator.below(4) {
            keys.swapAt(position, position + generator.below(keys.count - position))
            let (isRemoval, isInPlace) = (generator.below(5) == 0, generator.below(3) == 0)
            changes.append(Change(key: keys[position], isRemoval: isRemoval, isInPlace: isInPlace && !clearsOdd))
        }
        self.changes = changes
    }

    /// What becomes of every key that the transaction touches, the clock apart.
    public var effects: [Change] {
        guard clearsOdd else { return changes }
        let changed = Set(changes.map(\.key))
        let cleared = stride(from: 1, to: Self.keyCount, by: 2).filter { !changed.contains($0) }
        return changes + cleared.map { Change(key: $0, isRemoval: true) }
    }
}
