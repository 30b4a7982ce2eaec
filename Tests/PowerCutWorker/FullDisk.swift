import Larder

/// Fills the file system that a store is on: the write that no longer fits fails as `diskFull`, reads go on and agree, a removal makes room,
/// and a backup leaves nothing behind.
struct FullDisk {
    private let path: String

    init(_ arguments: Arguments) throws {
        guard let path = arguments.rest.first else { throw Wrong("usage: fill-disk STORE") }
        self.path = path
    }

    func run() async throws {
        let store = try Store(at: path, options: StoreOptions(memoryCapacity: .mebibytes(1), mapSize: .kibibytes(256)))
        let cache = try store.cache("filler", key: .int, value: .bytes)
        var count = 0
        var failures = 0
        // Once is luck: the file is at its end now, and every further write is refused the same way.
        while failures < 5 {
            do {
                try await cache.set(value(count), for: count)
                count += 1
            } catch let error as LarderError {
                guard error.code == .diskFull else { throw Wrong("a full disk is \(error.code): \(error)") }
                failures += 1
                guard try cache.value(for: count) == nil else { throw Wrong("a write that failed is read") }
            }
            if count > 100_000 { throw Wrong("the disk does not fill") }
        }
        try compare(cache, count)
        do {
            try await store.backup(to: path + "/backup")
            throw Wrong("a backup fits on a full disk")
        } catch let error as LarderError {
            guard error.code == .diskFull else { throw Wrong("a backup on a full disk is \(error.code): \(error)") }
            if exists(path + "/backup/data.mdb") { throw Wrong("half a backup has its name") }
        }
        for key in 0..<count / 2 { try await cache.remove(key) }
        // Pages that a commit frees are free for the commit after the next.
        for _ in 0..<3 { try await cache.set(value(1), for: count) }
        guard try cache.value(for: count) == value(1) else { throw Wrong("a write after making room is not read") }
        try store.close()
        guard try StoreVerification.run(at: path).isHealthy else { throw Wrong("the store is damaged") }
        let again = try Store(at: path)
        let reopened = try again.cache("filler", key: .int, value: .bytes)
        guard try reopened.count() == count - count / 2 + 1 else { throw Wrong("an acknowledged write is lost") }
        try again.close()
        say("ok \(count) writes fitted")
    }

    private func value(_ key: Int) -> [UInt8] { [UInt8](repeating: UInt8(truncatingIfNeeded: key), count: 20_000) }

    private func compare(_ cache: Cache<Int, [UInt8]>, _ count: Int) throws {
        for key in 0..<count {
            guard try cache.value(for: key) == value(key) else { throw Wrong("an acknowledged write is not read") }
            guard try cache.store.read({ try $0.value(for: key, in: cache) }) == value(key) else {
                throw Wrong("an acknowledged write is not on disk")
            }
        }
    }
}
