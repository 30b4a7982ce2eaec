/// What one operation of the crash workload does, computed from its token alone, so that whoever judges a crash knows it from the journal.
public struct CrashPlan: Sendable {
    /// Registers of a task: the first half in the cache `left`, the rest in `right`.
    public static let registerCount = 16
    /// Accounts that all tasks transfer between.
    public static let accountCount = 8
    /// What an account holds at the beginning.
    public static let initialBalance: Int64 = 1_000

    /// The operations.
    public enum Kind: Sendable {
        /// Sets a register.
        case set(Int)
        /// Sets a register unless it has a value.
        case setIfAbsent(Int)
        /// Removes a register.
        case remove(Int)
        /// Removes the first registers by a range.
        case removeRange(Int)
        /// Sets and removes several registers in both caches at once.
        case transaction(set: [Int], removed: [Int])
        /// Sets several registers and then throws.
        case failing([Int])
        /// Moves an amount between accounts, and notes it in the task's ledger.
        case transfer(from: Int, to: Int, amount: Int64)
        /// Sets the task's expiring entry, for so many milliseconds.
        case expiring(milliseconds: UInt64)
        /// Reads an entry through a load of what the source has.
        case load(Int)
    }

    /// The operation.
    public let kind: Kind

    /// The operation of a token.
    public init(token: UInt64) {
        var generator = SeededGenerator(seed: token)
        func registers(_ generator: inout SeededGenerator) -> [Int] {
            Array((0..<Self.registerCount).shuffled(using: &generator).prefix(1 + generator.below(5)))
        }
        switch generator.below(20) {
        case 0..<5: kind = .set(generator.below(Self.registerCount))
        case 5, 6: kind = .setIfAbsent(generator.below(Self.registerCount))
        case 7, 8: kind = .remove(generator.below(Self.registerCount))
        case 9: kind = .removeRange(1 + generator.below(4))
        case 10..<13:
            let changed = registers(&generator)
            let split = generator.below(changed.count + 1)
            kind = .transaction(set: Array(changed[split...]), removed: Array(changed[..<split]))
        case 13: kind = .failing(registers(&generator))
        case 14..<17:
            let from = generator.below(Self.accountCount)
            let to = (from + 1 + generator.below(Self.accountCount - 1)) % Self.accountCount
            kind = .transfer(from: from, to: to, amount: Int64(1 + generator.below(100)))
        case 17: kind = .expiring(milliseconds: generator.below(2) == 0 ? 3_600_000 : UInt64(1 + generator.below(60)))
        default: kind = .load(generator.below(64))
        }
    }

    /// The bytes that a token stands for: of every size from nothing to several pages.
    public static func bytes(of token: UInt64) -> [UInt8] {
        let size = Int(token >> 8) % (token.isMultiple(of: 8) ? 20_000 : 300)
        return stride(from: 0, to: 64, by: 8).map { UInt8(truncatingIfNeeded: token >> $0) }
            + [UInt8](repeating: UInt8(truncatingIfNeeded: token), count: size)
    }

    /// The token of the bytes; `nil` if they are not what ``bytes(of:)`` gives.
    public static func token(of bytes: [UInt8]) -> UInt64? {
        guard bytes.count >= 8 else { return nil }
        let token = (0..<8).reduce(UInt64(0)) { $0 | UInt64(bytes[$1]) << UInt64(8 * $1) }
        return bytes == Self.bytes(of: token) ? token : nil
    }

    /// What the source behind the cache `loaded` has for a key.
    public static func sourceValue(_ key: Int) -> String {
        "source value of \(key)"
    }
}
