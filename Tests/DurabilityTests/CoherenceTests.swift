import DurabilityKit
import LMDB
import Testing

@testable import Larder

/// Single steps of two processes, each of which once let memory and disk part.
@Suite struct `This process, beside another on its store,` {
    private func withPeer(_ body: (PeerStore, (String) throws -> String?) async throws -> Void) async throws {
        let scratch = try ScratchDirectory()
        defer { scratch.remove() }
        let path = scratch.path + "/store"
        let here = try PeerStore(at: path)
        let peer = try ChildProcess(WorkerExecutable.path(), ["peer", path])
        #expect(try peer.readLine() == "ready")
        try await body(here) { line in
            peer.send(line)
            return try peer.readLine()
        }
        try here.store.close()
    }

    @Test func `counts no commit of its own where the other was first to remove what expired`() async throws {
        try await withPeer { here, peer in
            #expect(try peer("write 1 1") == "written")
            let cache = try here.store.cache("short", key: .int, value: .int)
            try await cache.set(1, for: 1, expiresIn: .milliseconds(1))
            try await Task.sleep(for: .milliseconds(20))
            let plan = try here.store.sweep.plan(now: here.store.clock.now())
            #expect(try here.read()[1] == 1)
            for _ in 0..<2 {
                // The second time, all is gone already, as it is when another process has carried out the same plan.
                _ = try await here.store.write { [sweep = here.store.sweep] in try sweep.remove(plan.entries, in: $0) }
            }
            #expect(try peer("write 1 2") == "written")
            #expect(try here.read()[1] == 2)
        }
    }

    @Test func `writes nothing to a cache that the other has dropped, whether a read or a write noticed its commit`()
        async throws
    {
        for readsFirst in [false, true] {
            try await withPeer { here, peer in
                let names = try here.store.cache("names", key: .string, value: .string)
                let others = try here.store.cache("others", key: .int, value: .int)
                try await names.set("one", for: "1")
                #expect(try peer("drop names") == "dropped")
                if readsFirst { #expect(try others.value(for: 1) == nil) }
                await #expect {
                    try await names.set("two", for: "2")
                } throws: { error in
                    (error as? LarderError)?.code == .cacheDropped
                }
                #expect(try here.store.caches().map(\.name).contains("names") == false)
            }
        }
    }

    @Test func `keeps nothing from before a commit that its killed writer had not told readers of`() async throws {
        let scratch = try ScratchDirectory()
        defer { scratch.remove() }
        let (path, worker) = (scratch.path + "/store", try WorkerExecutable.path())
        // It keeps the lock file in use, which would otherwise be made anew.
        let peer = try ChildProcess(worker, ["peer", path])
        #expect(try peer.readLine() == "ready")
        for number in 1...2 {
            peer.send("write 1 \(number)")
            #expect(try peer.readLine() == "written")
        }
        guard try ChildProcess(worker, ["hide", path, "1"]).readLine() == "done" else {
            return print("skipped: the lock file has another layout")
        }
        let here = try PeerStore(at: path)
        #expect(try here.read()[1] == 1)
        #expect(try here.read()[1] == 1)
        // What the next writer does when it finds the dead one's lock.
        #expect(try ChildProcess(worker, ["hide", path, "0"]).readLine() == "done")
        #expect(try here.read()[1] == 2)
        try here.store.close()
    }

    @Test(.timeLimit(.minutes(10)), arguments: [false, true])
    func `sees what a killed writer had not told readers of, though nobody writes`(readsSnapshots: Bool) async throws {
        let scratch = try ScratchDirectory()
        defer { scratch.remove() }
        let (path, worker) = (scratch.path + "/store", try WorkerExecutable.path())
        let here = try PeerStore(at: path)
        // Of its own last commit it knows that readers see it; it must not take another's for that.
        try await JoinableThread.run { try here.write(0, for: 1) }
        let peer = try ChildProcess(worker, ["peer", path])
        #expect(try peer.readLine() == "ready")
        for number in 1...2 {
            peer.send("write 1 \(number)")
            #expect(try peer.readLine() == "written")
        }
        guard try ChildProcess(worker, ["die-unpublished", path]).readLine() == "dying" else {
            return print("skipped: the lock file has another layout")
        }
        // Until it is healed, which the first read asks for, readers see the commit before.
        if readsSnapshots {
            while try here.snapshot()[1] != 2 { try await Task.sleep(for: .milliseconds(1)) }
        } else {
            while try here.read()[1] != 2 { try await Task.sleep(for: .milliseconds(1)) }
        }
        let statistics = try here.store.statistics()
        #expect(try here.read()[1] == 2)
        #expect(try here.read()[1] == 2)
        #expect(try here.store.statistics().memory.hits > statistics.memory.hits, "memory takes it now")
        try here.store.close()
    }

    @Test func `reads no commit that readers have not been told of`() async throws {
        let scratch = try ScratchDirectory()
        defer { scratch.remove() }
        let (path, worker) = (scratch.path + "/store", try WorkerExecutable.path())
        let here = try PeerStore(at: path)
        for number in 1...3 { try await JoinableThread.run { try here.write(number, for: 1) } }
        let environment = here.store.durable.environment
        let last = environment.lastTransactionID
        // The meta page of the last commit but two is that of the last one by now: a reader that was told of the former, and was slow.
        guard try ChildProcess(worker, ["hide", path, "2"]).readLine() == "done" else {
            return print("skipped: the lock file has another layout")
        }
        async let slow = JoinableThread.run { try environment.read { $0.id } }
        try await Task.sleep(for: .milliseconds(50))
        #expect(try ChildProcess(worker, ["hide", path, "0"]).readLine() == "done")
        // Never the last commit under the number of an earlier one.
        #expect(try await slow == last)
        try here.store.close()
    }

    @Test func `reuses the pages that the other was reading when it was killed`() async throws {
        let scratch = try ScratchDirectory()
        defer { scratch.remove() }
        let path = scratch.path + "/store"
        let here = try PeerStore(at: path)
        let peer = try ChildProcess(WorkerExecutable.path(), ["peer", path])
        #expect(try peer.readLine() == "ready")
        peer.send("hold")
        #expect(try peer.readLine() == "holding")
        #expect(peer.kill() == .killed(9))
        let cache = try here.store.cache("large", key: .int, value: .bytes)
        let value = [UInt8](repeating: 7, count: 9_000)
        // Nobody opens the store meanwhile, and the map is far from full.
        for _ in 0..<400 { try await cache.set(value, for: 1) }
        // 400 versions of it would take 4.8 MB.
        #expect(try here.store.statistics().durable.fileBytes < 2 << 20)
        try here.store.close()
    }

    @Test func `does not keep a loaded value whose key was removed while it was loaded`() async throws {
        let store = try Store.temporary()
        let cache = try store.cache("c", key: .int, value: .string)
        // Each way to remove a key that has no record yet.
        let removals: [@Sendable () async throws -> Void] = [
            { _ = try await cache.remove(1) }, { _ = try await cache.removeAll(from: 0, to: 2) },
            { try await cache.removeAll() }, { try await store.write { _ = try $0.remove(1, in: cache) } },
        ]
        for removal in removals {
            let (loads, loading) = AsyncStream.makeStream(of: Void.self)
            let (removed, removing) = AsyncStream.makeStream(of: Void.self)
            async let loaded = cache.value(for: 1) { _ in
                loading.yield()
                for await _ in removed { break }
                return "from before the removal"
            }
            for await _ in loads { break }
            try await removal()
            removing.yield()
            #expect(try await loaded == "from before the removal")
            // Commits in order: what the load left, if anything, is there after this.
            try await cache.set("", for: 2)
            #expect(try cache.value(for: 1) == nil)
            let reloaded = try await cache.value(for: 1) { _ in "from after it" }
            #expect(reloaded == "from after it")
            try await cache.set("", for: 2)
            try await cache.removeAll()
        }
        try store.close()
    }
}
