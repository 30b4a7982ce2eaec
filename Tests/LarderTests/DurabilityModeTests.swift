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
        if let boot {
            let descriptor = unsafe open(mark, O_WRONLY | O_TRUNC)
            #expect(unsafe write(descriptor, boot, boot.utf8.count) == boot.utf8.count)
            close(descriptor)
        }
        return path
    }

    private func fileExists(_ path: String) -> Bool {
        unsafe access(path, F_OK) == 0
    }
}
