import Larder
import Synchronization

/// A system of record that can be held up, that can be down, and that counts what it is asked.
final class Database: WritableSource {
    /// What it throws when it is down.
    struct Down: Error {}

    private struct State {
        var rows: [Int: String] = [:]
        var calls: [[Int]] = []
        var writes = 0
        var cancellations = 0
        var failure: (any Error)?
        var isHeld = false
        var held: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())
    private let tags: @Sendable (String) -> EntryAttributes

    init(_ rows: [Int: String] = [:], attributes: @escaping @Sendable (String) -> EntryAttributes = { _ in .init() }) {
        tags = attributes
        state.withLock { $0.rows = rows }
    }

    /// What is in it, and what somebody else puts into it.
    subscript(key: Int) -> String? {
        get { state.withLock { $0.rows[key] } }
        set { state.withLock { $0.rows[key] = newValue } }
    }

    /// The keys of each call that has loaded, in the order of their beginnings.
    var calls: [[Int]] { state.withLock { $0.calls } }
    /// Keys asked for.
    var loads: Int { calls.joined().count }
    /// Writes begun.
    var writes: Int { state.withLock { $0.writes } }
    /// Calls that were cancelled while they were held up.
    var cancellations: Int { state.withLock { $0.cancellations } }

    /// Whether everything fails, and with what.
    var failure: (any Error)? {
        get { state.withLock { $0.failure } }
        set { state.withLock { $0.failure = newValue } }
    }

    /// Holds up every call from now on, once it has read or before it writes.
    func hold() {
        state.withLock { $0.isHeld = true }
    }

    /// Lets every call go on.
    func release() {
        let held = state.withLock { state in
            state.isHeld = false
            defer { state.held = [] }
            return state.held
        }
        for continuation in held { continuation.resume() }
    }

    /// Calls that are held up.
    var heldCalls: Int { state.withLock { $0.held.count } }

    /// Waits until so many calls are held up.
    func waitForHeld(_ count: Int) async {
        while heldCalls < count { await Task.yield() }
    }

    private func pass() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isHeld = state.withLock { state in
                    if state.isHeld { state.held.append(continuation) }
                    return state.isHeld
                }
                if !isHeld { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.cancellations += 1 }
        }
    }

    func load(_ key: Int) async throws -> String? {
        try await load([key])[key]
    }

    func load(_ keys: [Int]) async throws -> [Int: String] {
        let (rows, failure) = state.withLock { state in
            state.calls.append(keys)
            return (state.rows.filter { keys.contains($0.key) }, state.failure)
        }
        await pass()
        if let failure { throw failure }
        return rows
    }

    func attributes(of value: String, for key: Int) -> EntryAttributes {
        tags(value)
    }

    func store(_ value: String, for key: Int) async throws {
        try await write(value, key)
    }

    func remove(_ key: Int) async throws {
        try await write(nil, key)
    }

    private func write(_ value: String?, _ key: Int) async throws {
        state.withLock { $0.writes += 1 }
        await pass()
        try state.withLock { state in
            if let failure = state.failure { throw failure }
            state.rows[key] = value
        }
    }
}
