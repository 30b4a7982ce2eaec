internal import Larder

/// Writes that read what they replace.
extension WriteOperation {
    /// What an update does with the value that it finds.
    enum InPlace: Sendable {
        case set(Stamp)
        case remove
        case leave
        /// Puts in what nobody may ever read, and throws.
        case fail

        /// Changes the value; returns what it was.
        ///
        /// - Parameter willFollow: Told that first.
        func apply(to value: inout Stamp?, _ willFollow: (Stamp?) -> Void) throws -> Stamp? {
            let found = value
            willFollow(found)
            switch self {
            case .set(let stamp): value = stamp
            case .remove: value = nil
            case .leave: break
            case .fail:
                value = .garbage
                throw Thrown(found: found)
            }
            return found
        }

        /// As ``apply(to:_:)`` for stamps that memory keeps as bytes.
        func apply(toBytes bytes: inout [UInt8]?, _ willFollow: (Stamp?) -> Void) throws -> Stamp? {
            var value = try bytes.map(StampBytes.decode)
            defer { bytes = value.map(StampBytes.encode) }
            return try apply(to: &value, willFollow)
        }
    }

    /// Runs an update, a compare-and-set or an increment without blocking.
    func performUpdate(in stores: HistoryStore, _ willFollow: @escaping @Sendable (Stamp?) -> Void) async throws
        -> Answer
    {
        do {
            switch self {
            case .ownedUpdate(let key, let change):
                return .found(try await stores.owned.update(key) { try change.apply(to: &$0, willFollow) })
            case .sharedUpdate(let key, let change):
                return .found(try await stores.shared.update(key) { try change.apply(toBytes: &$0, willFollow) })
            case .ownedCompareAndSet(let key, let expected, let desired):
                return .flag(try await stores.owned.compareAndSet(key, expected: expected, desired: desired))
            case .sharedCompareAndSet(let key, let expected, let desired):
                return .flag(
                    try await stores.shared.compareAndSet(
                        key, expected: expected.map(StampBytes.encode), desired: StampBytes.encode(desired)))
            case .increment(let key, let amount): return .sum(try await stores.counters.increment(key, by: amount))
            default: return .done
            }
        } catch let thrown as Thrown {
            return .found(thrown.found)
        }
    }

    /// Runs an update, a compare-and-set or an increment on the calling thread.
    func performUpdateBlocking(in stores: HistoryStore, _ willFollow: @escaping @Sendable (Stamp?) -> Void) throws
        -> Answer
    {
        do {
            switch self {
            case .ownedUpdate(let key, let change):
                return .found(try stores.owned.updateBlocking(key) { try change.apply(to: &$0, willFollow) })
            case .sharedUpdate(let key, let change):
                return .found(try stores.shared.updateBlocking(key) { try change.apply(toBytes: &$0, willFollow) })
            case .ownedCompareAndSet(let key, let expected, let desired):
                return .flag(try stores.owned.compareAndSetBlocking(key, expected: expected, desired: desired))
            case .sharedCompareAndSet(let key, let expected, let desired):
                return .flag(
                    try stores.shared.compareAndSetBlocking(
                        key, expected: expected.map(StampBytes.encode), desired: StampBytes.encode(desired)))
            case .increment(let key, let amount): return .sum(try stores.counters.incrementBlocking(key, by: amount))
            default: return .done
            }
        } catch let thrown as Thrown {
            return .found(thrown.found)
        }
    }
}
