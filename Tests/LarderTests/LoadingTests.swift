import Synchronization
import TestSupport
import Testing

@testable import Larder

/// A source of record whose loads can be held up and counted.
private final class SlowSource: Sendable {
    private let state = Mutex<(loads: Int, waiting: [CheckedContinuation<Void, Never>], isOpen: Bool)>((0, [], false))
    private let cancelled = Mutex(0)

    /// Loads begun.
    var loads: Int { state.withLock { $0.loads } }
    /// Loads that were cancelled while they were held up.
    var cancellations: Int { cancelled.withLock { $0 } }

    /// Lets every load go on, now and later.
    func open() {
        let waiting = state.withLock { state in
            state.isOpen = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    /// A load: counted, held up until ``open()``.
    func load() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOpen = state.withLock { state in
                    state.loads += 1
                    if !state.isOpen { state.waiting.append(continuation) }
                    return state.isOpen
                }
                if isOpen { continuation.resume() }
            }
        } onCancel: {
            cancelled.withLock { $0 += 1 }
            open()
        }
    }

    /// Waits until so many loads have begun.
    func waitForLoads(_ count: Int) async {
        while loads < count { await Task.yield() }
    }
}

@Suite(.timeLimit(.minutes(10))) struct `Loading a missing value` {
    let store: Store
    let cache: Cache<Int, String>
    private let source = SlowSource()

    init() throws {
        store = try Store.temporary()
        cache = try store.cache("c", key: .int, value: .string)
    }

    /// Waits until loads whose values have been handed out are decided: kept, or not.
    private func settle() async throws {
        await store.waitForLoads()
        // A load that gave way is in no table; its record, if it were to be written, would be queued about now.
        for _ in 0..<100 { await Task.yield() }
        try await store.write { _ in }
    }

    @Test func `does not load what memory or disk has`() async throws {
        try await cache.set("kept", for: 1)
        for memory in [true, false] {
            if !memory { store.memory.removeAll() }
            let value = try await cache.value(for: 1) { _ in
                Issue.record("it was there")
                return "loaded"
            }
            #expect(value == "kept")
        }
    }

    @Test func `happens once, and all who ask get the value`() async throws {
        let values = try await withThrowingTaskGroup(of: String?.self) { group in
            for _ in 0..<50 {
                group.addTask { [cache, source] in
                    try await cache.value(for: 1) { key in
                        await source.load()
                        return "loaded \(key)"
                    }
                }
            }
            await source.waitForLoads(1)
            source.open()
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(values == [String?](repeating: "loaded 1", count: 50))
        #expect(source.loads == 1)
        #expect(try store.statistics().loads == 1)
    }

    @Test func `of one key does not wait for that of another`() async throws {
        async let slow = cache.value(for: 1) { [source] _ in
            await source.load()
            return "slow"
        }
        await source.waitForLoads(1)
        #expect(try await cache.value(for: 2) { _ in "quick" } == "quick")
        source.open()
        #expect(try await slow == "slow")
    }

    @Test func `keeps the value, durably and with its expiration`() async throws {
        let scratch = ScratchDirectory()
        let clock = ManualClock()
        let store = try Store(at: scratch.store, options: .init(clock: clock.wallClock))
        let cache = try store.cache("c", key: .int, value: .string)
        #expect(try await cache.value(for: 1, expires: .after(.seconds(5))) { _ in "loaded" } == "loaded")
        await store.waitForLoads()
        #expect(try cache.value(for: 1) == "loaded")
        #expect(try cache.remainingTimeToLive(for: 1) == .seconds(5))
        try store.close()
        let again = try Store(at: scratch.store, options: .init(clock: clock.wallClock))
        let reopened = try again.cache("c", key: .int, value: .string)
        #expect(try reopened.value(for: 1) == "loaded")
        clock.advance(milliseconds: 5_000)
        #expect(try reopened.value(for: 1) == nil)
    }

    @Test func `that fails reaches all who wait, and is not kept`() async throws {
        let failures = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<20 {
                group.addTask { [cache, source] in
                    do {
                        _ = try await cache.value(for: 1) { _ in
                            await source.load()
                            throw Refusal()
                        }
                        return false
                    } catch {
                        return error is Refusal
                    }
                }
            }
            await source.waitForLoads(1)
            source.open()
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(failures == [Bool](repeating: true, count: 20))
        #expect(try cache.value(for: 1) == nil)
        #expect(try await cache.value(for: 1) { _ in "second" } == "second")
    }

    @Test func `that finds nothing is not kept`() async throws {
        #expect(try await cache.value(for: 1) { _ in nil } == nil)
        try await settle()
        #expect(try cache.contains(1) == false)
        #expect(try await cache.value(for: 1) { _ in "now" } == "now")
        #expect(try store.statistics().loads == 2)
    }

    @Test func `whose value cannot be encoded fails, and keeps nothing`() async throws {
        struct Unencodable: ValueCoding {
            var identifier: String { "unencodable" }
            func encode(_ value: String) throws -> [UInt8] { throw Refusal() }
            func decode(_ bytes: Span<UInt8>) throws -> String { "" }
        }
        let cache = try store.cache("unencodable", key: .int, value: Unencodable())
        await #expect(throws: Refusal.self) { try await cache.value(for: 1) { _ in "x" } }
        #expect(try cache.contains(1) == false)
    }

    // MARK: Cancellation

    @Test func `goes on for the others when one who waits is cancelled`() async throws {
        let first = Task { [cache, source] in
            try await cache.value(for: 1) { _ in
                await source.load()
                return "loaded"
            }
        }
        await source.waitForLoads(1)
        let second = Task { [cache] in
            try await cache.value(for: 1) { _ in
                Issue.record("a second load")
                return nil
            }
        }
        // The second has joined once two are interested.
        let flight = try #require(try load(of: 1))
        while flight.interested < 2 { await Task.yield() }
        first.cancel()
        await #expect(throws: CancellationError.self) { try await first.value }
        #expect(source.cancellations == 0)
        source.open()
        #expect(try await second.value == "loaded")
        try await settle()
        #expect(try cache.value(for: 1) == "loaded")
    }

    @Test func `goes on for whoever has joined and does not wait yet`() async throws {
        let flight = Load<String>()
        flight.whenAbandoned { Issue.record("somebody still waits") }
        #expect(flight.join())
        let cancelled = Task {
            unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
            return try await flight.value()
        }
        await #expect(throws: CancellationError.self) { try await cancelled.value }
        flight.finish(.success("loaded"))
        #expect(try await flight.value() == "loaded")
    }

    @Test func `is cancelled when nobody waits any more, and begins anew for the next`() async throws {
        let tasks = (0..<3).map { _ in
            Task { [cache, source] in
                try await cache.value(for: 1) { _ in
                    await source.load()
                    try Task.checkCancellation()
                    return "abandoned"
                }
            }
        }
        await source.waitForLoads(1)
        for task in tasks { task.cancel() }
        for task in tasks { await #expect(throws: CancellationError.self) { try await task.value } }
        while source.cancellations == 0 { await Task.yield() }
        #expect(try await cache.value(for: 1) { _ in "anew" } == "anew")
        try await settle()
        #expect(try cache.value(for: 1) == "anew")
    }

    @Test func `throws in a task that is cancelled already, unless the value is there`() async throws {
        for (key, expected) in [(1, nil), (2, "there")] as [(Int, String?)] {
            if let expected { try await cache.set(expected, for: key) }
            let task = Task { [cache] in
                unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
                return try await cache.value(for: key) { _ in "loaded" }
            }
            let result = await task.result
            if let expected {
                #expect(try result.get() == expected)
            } else {
                #expect(throws: CancellationError.self) { try result.get() }
            }
        }
    }

    // MARK: Writes during a load

    enum Write: CaseIterable, Sendable {
        case set, remove, removeAll, removeRange, transaction, setAndRemove
    }

    private func perform(_ write: Write) async throws {
        switch write {
        case .set: try await cache.set("written", for: 1)
        case .remove: try await cache.remove(1)
        case .removeAll: try await cache.removeAll()
        case .removeRange: try await cache.removeAll(from: 0, to: 5)
        case .transaction: try await store.write { [cache] in try $0.set("written", for: 1, in: cache) }
        case .setAndRemove:
            try await cache.set("written", for: 1)
            try await cache.remove(1)
        }
    }

    @Test(arguments: Write.allCases)
    func `gives way to a write that happens meanwhile`(write: Write) async throws {
        let waiter = Task { [cache, source] in
            try await cache.value(for: 1) { _ in
                await source.load()
                return "older"
            }
        }
        await source.waitForLoads(1)
        try await perform(write)
        source.open()
        // Whoever has asked before the write gets what was loaded, and nobody else does.
        #expect(try await waiter.value == "older")
        try await settle()
        let expected: String? =
            switch write {
            case .set, .transaction: "written"
            default: nil
            }
        #expect(try cache.value(for: 1) == expected)
        store.memory.removeAll()
        #expect(try cache.value(for: 1) == expected)
    }

    @Test func `does not mind that another key was removed which was not there`() async throws {
        let waiter = Task { [cache, source] in
            try await cache.value(for: 1) { _ in
                await source.load()
                return "loaded"
            }
        }
        await source.waitForLoads(1)
        #expect(try await cache.remove(2) == false)
        let joining = Task { [cache] in
            try await cache.value(for: 1) { _ in
                Issue.record("a second load")
                return nil
            }
        }
        let flight = try #require(try load(of: 1))
        while flight.interested < 2 { await Task.yield() }
        source.open()
        #expect(try await waiter.value == "loaded")
        #expect(try await joining.value == "loaded")
        try await settle()
        #expect(try cache.value(for: 1) == "loaded")
    }

    @Test(arguments: [Write.remove, .removeAll, .removeRange, .setAndRemove])
    func `is not joined by whoever asks after a removal`(write: Write) async throws {
        let waiter = Task { [cache, source] in
            try await cache.value(for: 1) { _ in
                await source.load()
                return "older"
            }
        }
        await source.waitForLoads(1)
        try await perform(write)
        #expect(try await cache.value(for: 1) { _ in "newer" } == "newer")
        source.open()
        #expect(try await waiter.value == "older")
        try await settle()
        #expect(try cache.value(for: 1) == "newer")
    }

    @Test func `gives way to another process that writes meanwhile`() async throws {
        let scratch = ScratchDirectory()
        let store = try Store(at: scratch.store)
        let cache = try store.cache("c", key: .int, value: .string)
        let waiter = Task { [source] in
            try await cache.value(for: 1) { _ in
                await source.load()
                return "older"
            }
        }
        await source.waitForLoads(1)
        await #expect(processExitsWith: .success) { [path = scratch.store as String] in
            let store = try Store(at: path)
            let cache = try store.cache("c", key: .int, value: .string)
            try await cache.set("theirs", for: 1)
            try await cache.remove(1)
        }
        source.open()
        #expect(try await waiter.value == "older")
        await store.waitForLoads()
        #expect(try cache.value(for: 1) == nil)
    }

    @Test func `leaves nothing behind in the table of loads`() async throws {
        for key in 0..<20 {
            _ = try await cache.value(for: key) { key in key % 3 == 0 ? nil : "v" }
            _ = try? await cache.value(for: 100 + key) { _ in throw Refusal() }
        }
        await store.waitForLoads()
        for key in 0..<20 { #expect(try load(of: key) == nil && load(of: 100 + key) == nil) }
    }

    /// The load of a key that is under way.
    private func load(of key: Int) throws -> Load<String>? {
        store.loads.current(try cache.memoryKey(key)) as? Load<String>
    }
}
