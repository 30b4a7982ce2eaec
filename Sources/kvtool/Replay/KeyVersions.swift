import Synchronization

/// What a replay knows of its keys: the version that every later read must show at least, and which are being written.
final class KeyVersions: Sendable {
    private struct State {
        /// The latest version that was acknowledged or seen.
        var known: UInt64?
        var isBeingWritten = false

        mutating func note(_ version: UInt64) {
            known = max(known ?? 0, version)
        }
    }

    private let keys: Mutex<[UInt64: State]>

    /// - Parameter acknowledged: What earlier replays were told is durable.
    init(acknowledged: [Journal.Entry]) {
        var keys: [UInt64: State] = [:]
        for entry in acknowledged { keys[entry.key, default: State()].note(entry.version) }
        self.keys = Mutex(keys)
    }

    /// The version that a read that begins now must show at least.
    func known(_ key: UInt64) -> UInt64 {
        keys.withLock { $0[key]?.known ?? 0 }
    }

    /// Notes that a version was seen: no later read may show an older one.
    func note(_ version: UInt64, of key: UInt64) {
        keys.withLock { $0[key, default: State()].note(version) }
    }

    /// Claims a key for a write; `false` if it is being written, since versions of a key are written one after another.
    func beginWrite(of key: UInt64) -> Bool {
        keys.withLock { keys in
            defer { keys[key, default: State()].isBeingWritten = true }
            return keys[key]?.isBeingWritten != true
        }
    }

    /// The version to write to a key that was claimed: `stored` is asked for what the store holds if nothing is known.
    func nextVersion(of key: UInt64, stored: () throws -> UInt64?) rethrows -> UInt64 {
        let known = keys.withLock { $0[key]?.known }
        return try (known ?? stored() ?? 0) + 1
    }

    /// Lets go of a key.
    func endWrite(of key: UInt64) {
        keys.withLock { $0[key]?.isBeingWritten = false }
    }
}
