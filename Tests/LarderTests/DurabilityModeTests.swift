import Larder
import Testing

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

@Suite struct `Durability modes` {
    @Test(arguments: [Durability.full, .relaxed, .rebuildable(afterPowerCut: .startEmpty)])
    func `keep everything over a close`(_ durability: Durability) async throws {
        let path = try temporaryPath()
        for round in 0..<3 {
            let store = try Store(at: path, options: .init(durability: durability))
            let cache = try store.cache("c", key: .int, value: .int)
            for key in 0..<round { #expect(try cache.value(for: key) == key) }
            try await cache.set(round, for: round)
            try store.sync()
            try store.close()
        }
        #expect(!fileExists(path + "/unflushed"))
    }

    @Test func `of a rebuildable store notice that the machine went down`() async throws {
        for (recovery, isKept) in [(Durability.Recovery.startEmpty, false), (.verify, true)] {
            let path = try await rebuildableStore(markedWithBoot: "another boot")
            #expect(throws: LarderError.self) { try Store(at: path) }
            let store = try Store(at: path, options: .init(durability: .rebuildable(afterPowerCut: recovery)))
            let cache = try store.cache("c", key: .int, value: .int)
            #expect(try cache.value(for: 1) == (isKept ? 2 : nil))
        }
    }

    @Test func `of a rebuildable store that does not pass the check start it empty`() async throws {
        let path = try await rebuildableStore(markedWithBoot: "another boot")
        // The record's page: everything behind the meta pages.
        let descriptor = unsafe open(path + "/data.mdb", O_RDWR)
        let zeros = [UInt8](repeating: 0, count: 4096)
        for page in 2..<8 { #expect(unsafe pwrite(descriptor, zeros, 4096, off_t(page * 4096)) == 4096) }
        close(descriptor)
        let store = try Store(at: path, options: .init(durability: .rebuildable(afterPowerCut: .verify)))
        let cache = try store.cache("c", key: .int, value: .int)
        #expect(try cache.count() == 0)
    }

    @Test func `of a rebuildable store that a kill left open keep everything`() async throws {
        let path = try await rebuildableStore(markedWithBoot: nil)
        let store = try Store(at: path, options: .init(durability: .rebuildable(afterPowerCut: .startEmpty)))
        let cache = try store.cache("c", key: .int, value: .int)
        #expect(try cache.value(for: 1) == 2)
    }

    @Test func `of a rebuildable store that was emptied do not ask that it may be made`() async throws {
        let path = try await rebuildableStore(markedWithBoot: "another boot")
        let store = try Store(
            at: path,
            options: .init(durability: .rebuildable(afterPowerCut: .startEmpty), createsIfMissing: false))
        #expect(try store.caches().isEmpty)
    }

    @Test func `of a rebuildable store make it safe with a sync, until the next write`() async throws {
        let options = StoreOptions(durability: .rebuildable(afterPowerCut: .startEmpty))
        for writesAfterwards in [false, true] {
            let path = try temporaryPath()
            let mark = path + "/unflushed"
            await #expect(processExitsWith: .success) {
                [path = path as String, writesAfterwards = writesAfterwards as Bool] in
                let store = try Store(
                    at: path, options: .init(durability: .rebuildable(afterPowerCut: .startEmpty)))
                let cache = try store.cache("c", key: .int, value: .int)
                for round in 1...3 {
                    try await cache.set(round, for: round)
                    #expect(unsafe access(path + "/unflushed", F_OK) == 0)
                    try store.sync()
                    #expect(unsafe access(path + "/unflushed", F_OK) != 0)
                    #expect(try cache.value(for: round) == round)
                }
                if writesAfterwards { try await cache.set(4, for: 4) }
                // Not closed.
                _exit(0)
            }
            #expect(fileExists(mark) == writesAfterwards)
            if writesAfterwards { try overwrite(mark, with: "another boot") }
            let store = try Store(at: path, options: options)
            #expect(try store.cache("c", key: .int, value: .int).count() == (writesAfterwards ? 0 : 3))
            try store.close()
        }
    }

    @Test func `of a rebuildable store are told by one process to the other`() async throws {
        let path = try temporaryPath()
        let mark = path + "/unflushed"
        let store = try Store(at: path, options: .init(durability: .rebuildable(afterPowerCut: .startEmpty)))
        let cache = try store.cache("c", key: .int, value: .int)
        try await cache.set(1, for: 1)
        await #expect(processExitsWith: .success) { [path = path as String] in
            let store = try Store(at: path, options: .init(durability: .adopted))
            try store.sync()
            try store.close()
        }
        #expect(!fileExists(mark))
        try await cache.set(2, for: 1)
        #expect(fileExists(mark))
    }

    @Test func `refuse a sync where it cannot wait for the writer`() async throws {
        let store = try Store.temporary(options: .init(durability: .rebuildable(afterPowerCut: .startEmpty)))
        try await store.write { _ in #expect(code { try store.sync() } == .nestedWrite) }
        try store.read { _ in #expect(code { try store.sync() } == .writeInsideRead) }
        try store.sync()
    }

    @Test(arguments: [Durability.full, .relaxed, .rebuildable(afterPowerCut: .startEmpty)])
    func `are the same for all processes, or adopted`(_ durability: Durability) async throws {
        let path = try temporaryPath()
        let store = try Store(at: path, options: .init(durability: durability))
        let cache = try store.cache("c", key: .int, value: .int)
        try await cache.set(1, for: 1)
        let name = durability == .full ? "full" : durability == .relaxed ? "relaxed" : "rebuildable"
        await #expect(processExitsWith: .success) { [path = path as String, name = name as String] in
            for (other, durability) in [
                ("full", Durability.full), ("relaxed", .relaxed),
                ("rebuildable", .rebuildable(afterPowerCut: .startEmpty)),
            ] {
                let found = code { try Store(at: path, options: .init(durability: durability)).close() }
                #expect(found == (other == name ? nil : .durabilityMismatch))
            }
            let store = try Store(at: path, options: .init(durability: .adopted))
            let cache = try store.cache("c", key: .int, value: .int)
            #expect(try cache.value(for: 1) == 1)
            try await cache.set(2, for: 1)
            try store.close()
        }
        #expect(try cache.value(for: 1) == 2)
        try store.close()
        // Nobody has it open: any mode goes.
        try Store(at: path, options: .init(durability: .relaxed)).close()
    }

    private func overwrite(_ path: String, with text: String) throws {
        let descriptor = unsafe open(path, O_WRONLY | O_TRUNC)
        #expect(unsafe write(descriptor, text, text.utf8.count) == text.utf8.count)
        close(descriptor)
    }

    /// A store as a kill leaves it: closed files, the mark still there, of this boot or of the one given.
    private func rebuildableStore(markedWithBoot boot: String?) async throws -> String {
        let path = try temporaryPath()
        let store = try Store(at: path, options: .init(durability: .rebuildable(afterPowerCut: .startEmpty)))
        let cache = try store.cache("c", key: .int, value: .int)
        try await cache.set(2, for: 1)
        let mark = path + "/unflushed"
        #expect(fileExists(mark))
        let saved = path + "/saved"
        #expect(unsafe link(mark, saved) == 0)
        try store.close()
        #expect(!fileExists(mark))
        #expect(unsafe rename(saved, mark) == 0)
        if let boot { try overwrite(mark, with: boot) }
        return path
    }

    private func fileExists(_ path: String) -> Bool {
        unsafe access(path, F_OK) == 0
    }
}
