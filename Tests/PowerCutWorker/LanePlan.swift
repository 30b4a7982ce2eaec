import DurabilityKit
import Glibc

/// A cache of the workload whose entries belong to lanes.
enum LaneCache: Int, CaseIterable, Sendable {
    case left, right, large, expiring

    var name: String { "\(self)" }
}

/// An entry of the workload.
struct EntryKey: Hashable, Sendable {
    var cache: LaneCache
    /// The lane times 1,000 plus a number below 1,000.
    var key: Int

    var lane: Int { key / 1_000 }
}

/// What the transactions of a lane do: each is computed from its lane and number alone, so whoever finds a store knows what it must hold.
enum LanePlan {
    /// One change of a transaction.
    enum Change: Sendable {
        case set(EntryKey, token: UInt64)
        /// Sets an entry whose deadline has passed: it is never seen, and lies in the file until it is removed.
        case setExpired(EntryKey, token: UInt64)
        /// Sets an entry with a deadline far away.
        case setExpiring(EntryKey, token: UInt64)
        /// Gives an entry a deadline that has passed.
        case expire(EntryKey)
        case remove(EntryKey)
        /// Removes a lane's entries of `left` below a key.
        case removeRange(lane: Int, below: Int)
    }

    /// Makes other transactions of the same lanes and numbers: the environment's `LARDER_WORKLOAD_SEED`.
    private static let seed = unsafe getenv("LARDER_WORKLOAD_SEED").flatMap { unsafe UInt64(String(cString: $0)) } ?? 0

    /// From this lane on transactions are wide: they change many entries, scattered over more. None expires, so that all commits are wide.
    private static let firstWideLane = 200

    /// The transaction of a number, from 1 on.
    static func changes(lane: Int, number: Int) -> [Change] {
        var generator = SeededGenerator(
            seed: SeededGenerator.mix(seed) ^ SeededGenerator.mix(UInt64(lane + 1) << 32 | UInt64(number)))
        func key(_ cache: LaneCache, _ count: Int) -> EntryKey {
            EntryKey(cache: cache, key: lane * 1_000 + generator.below(count))
        }
        var changes: [Change] = [
            .set(key(.left, 8), token: generator.next()), .set(key(.right, 8), token: generator.next()),
        ]
        if lane >= firstWideLane {
            for _ in 0..<16 {
                changes.append(.set(key(generator.below(2) == 0 ? .left : .right, 1_000), token: generator.next()))
            }
        }
        for _ in 0..<generator.below(4) {
            switch generator.below(lane >= firstWideLane ? 6 : 12) {
            case 0, 1: changes.append(.set(key(.large, 3), token: generator.next()))
            case 2: changes.append(.remove(key(.large, 3)))
            case 3: changes.append(.remove(key(.left, 8)))
            case 4: changes.append(.remove(key(.right, 8)))
            case 5: changes.append(.removeRange(lane: lane, below: lane * 1_000 + 1 + generator.below(4)))
            case 6, 7: changes.append(.setExpired(key(.expiring, 6), token: generator.next()))
            case 8, 9: changes.append(.setExpiring(key(.expiring, 6), token: generator.next()))
            case 10: changes.append(.expire(key(.expiring, 6)))
            default: changes.append(.set(key(.left, 8), token: generator.next()))
            }
        }
        return changes
    }

    /// The bytes that a token stands for: short ones, and in the cache `large` up to five pages.
    static func bytes(of token: UInt64, in cache: LaneCache) -> [UInt8] {
        let size = cache == .large ? 3_000 + Int(token >> 8) % 17_000 : Int(token >> 8) % 250
        return littleEndianBytes(token) + [UInt8](repeating: UInt8(truncatingIfNeeded: token >> 3), count: size)
    }

    /// The token of the bytes; `nil` if they are not what ``bytes(of:in:)`` gives.
    static func token(of bytes: [UInt8], in cache: LaneCache) -> UInt64? {
        guard bytes.count >= 8 else { return nil }
        let token = (0..<8).reduce(UInt64(0)) { $0 | UInt64(bytes[$1]) << UInt64(8 * $1) }
        return bytes == Self.bytes(of: token, in: cache) ? token : nil
    }

    private static func littleEndianBytes(_ token: UInt64) -> [UInt8] {
        stride(from: 0, to: 64, by: 8).map { UInt8(truncatingIfNeeded: token >> $0) }
    }
}

/// What a lane's entries are after each of its transactions.
struct LaneHistory {
    private let lane: Int
    private var states: [[EntryKey: UInt64]] = [[:]]

    init(lane: Int) {
        self.lane = lane
    }

    /// The tokens of the lane's entries after so many transactions.
    mutating func state(after number: Int) -> [EntryKey: UInt64] {
        while states.count <= number {
            var state = states[states.count - 1]
            for change in LanePlan.changes(lane: lane, number: states.count) {
                switch change {
                case .set(let key, let token), .setExpiring(let key, let token): state[key] = token
                case .setExpired(let key, _), .expire(let key), .remove(let key): state[key] = nil
                case .removeRange(_, let below):
                    state = state.filter { $0.key.cache != .left || $0.key.key >= below }
                }
            }
            states.append(state)
        }
        return states[number]
    }
}
