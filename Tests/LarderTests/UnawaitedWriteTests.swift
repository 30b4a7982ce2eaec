import LMDB
import TestSupport
import Testing

@testable import Larder

@Suite struct `Writes that nobody waits for` {
    @Test func `are queued up to a number and a size, and what is over is not`() async throws {
        let store = try Store.temporary()
        let cache = try store.cache("c", key: .int, value: .bytes)
        let (held, go) = (Monitor(false), Monitor(false))
        let writer = Task {
            try await store.write { _ in
                held.withLock { $0 = true }
                held.wakeAll()
                go.withLock(when: { $0 }) { _ in }
            }
        }
        try await inThread { held.withLock(when: { $0 }) { _ in } }
        let limit = GroupCommit.maximumUnawaited
        let decided = Monitor(0)
        var refused = 0
        func submit(bytes: Int) {
            guard store.groupCommit.reservesUnawaited(bytes: bytes) else { return refused += 1 }
            let request = WriteRequest { _ in }
            request.whenDecided { _ in decided.withLock { $0 += 1 } }
            store.groupCommit.submit(request)
        }
        submit(bytes: limit.bytes / 2)
        submit(bytes: limit.bytes / 2 + 1)
        #expect(refused == 1)
        for _ in 1..<limit.count { submit(bytes: 0) }
        submit(bytes: 0)
        #expect(refused == 2)
        // A loaded value is handed out when it is kept, then, rather than before.
        let loaded = Task { try await cache.value(for: 2) { _ in [2] } }
        // What somebody waits for is not refused.
        async let waited: Void = cache.set([1], for: 1)
        go.withLock { $0 = true }
        go.wakeAll()
        try await writer.value
        try await waited
        #expect(try await loaded.value == [2])
        #expect(decided.withLock { $0 } == limit.count)
        // There is room again, once the loaded value has left the queue too: its load may have come to it late.
        try await store.write { _ in }
        submit(bytes: limit.bytes)
        try await store.write { _ in }
        #expect(refused == 2)
        #expect(decided.withLock { $0 } == limit.count + 1)
    }

    @Test func `the store looks when the next record expires, although nothing had when it last looked`() async throws {
        let clock = ManualClock()
        let store = try Store.temporary(options: .init(clock: clock.wallClock))
        let cache = try store.cache("c", key: .int, value: .string)
        try await cache.set("v", for: 1, expiresIn: .seconds(5))
        // Told too early, as by a commit of another process.
        store.groupCommit.noteDeadline(clock.now)
        try await store.write { _ in }
        try await store.write { _ in }
        clock.advance(milliseconds: 5_000)
        // Its thread waits by the time of day, so it is woken by a commit.
        try await store.write { _ in }
        try await inThread { try waitUntil { try store.statistics().durable.expired == 1 } }
    }
}
