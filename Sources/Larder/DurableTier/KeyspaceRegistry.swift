internal import LMDB

/// The caches of a store that this process has opened, by name and by number.
final class KeyspaceRegistry: Sendable {
    private struct State {
        var byName: [String: Keyspace] = [:]
        var byNumber: [UInt32: Keyspace] = [:]
    }

    private let durable: DurableTier
    private let state = Monitor(State())

    init(durable: DurableTier) {
        self.durable = durable
    }

    /// The keyspace of a name: the one that is open, unless it was dropped, or what `open` gives.
    func keyspace(named name: String, open: () throws -> Keyspace?) throws -> Keyspace? {
        try state.withLock { state in
            guard let keyspace = try open() else { return nil }
            // The same cache as before keeps its keyspace, since memory entries and floors belong to it.
            if let known = state.byName[name], known.number == keyspace.number, known.version == keyspace.version {
                return known
            }
            if let known = state.byName[name], known.number == keyspace.number { known.markSuperseded() }
            state.byName[name] = keyspace
            state.byNumber[keyspace.number] = keyspace
            return keyspace
        }
    }

    /// The keyspace of a number, or `nil` if there is no such cache any more.
    func keyspace(number: UInt32) throws -> Keyspace? {
        if let known = state.withLock({ $0.byNumber[number] }) { return known }
        let descriptors = try durable.environment.read { try durable.descriptors(in: $0) }
        guard let name = descriptors.first(where: { $0.1.number == number })?.name else { return nil }
        return try keyspace(named: name) { try durable.existingKeyspace(name) }
    }

    /// The caches that are open, by the number under which the memory tier knows them.
    var open: [UInt32: Keyspace] {
        let keyspaces = state.withLock { $0.byName.values.map { $0 } }
        return Dictionary(keyspaces.map { ($0.memoryNumber, $0) }) { first, _ in first }
    }

    /// Forgets a cache that was dropped.
    func forget(_ keyspace: Keyspace) {
        state.withLock { state in
            if state.byName[keyspace.name] === keyspace { state.byName[keyspace.name] = nil }
            state.byNumber[keyspace.number] = nil
        }
    }
}
