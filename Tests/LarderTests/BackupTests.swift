import Foundation
import Larder
import TestSupport
import Testing

@Suite struct `A backup` {
    @Test(arguments: [false, true])
    func `holds what the store held, while writes go on`(_ compacting: Bool) async throws {
        let store = try Store.temporary()
        let cache = try store.cache("c", key: .int, value: .bytes)
        let value = [UInt8](repeating: 7, count: 1_000)
        try await store.write { transaction in
            for key in 0..<5_000 { try transaction.set(value, for: key, in: cache) }
        }
        let writer = Task {
            var key = 5_000
            while !Task.isCancelled {
                try await cache.set(value, for: key)
                key += 1
            }
        }
        let path = try temporaryPath()
        let (steps, continuation) = AsyncStream.makeStream(of: Int.self)
        try await store.backup(to: path, compacting: compacting) { written, total in
            if written <= total { continuation.yield(written.bytes) }
        }
        continuation.finish()
        writer.cancel()
        #expect(await steps.reduce(0) { $0 + $1 } > 0)

        let copy = try Store(at: path)
        let copied = try copy.cache("c", key: .int, value: .bytes)
        #expect(try copied.count() >= 5_000)
        #expect(try copied.entries(to: 5_000).allSatisfy { $0.value == value })
        await #expect(throws: LarderError.self) { try await store.backup(to: path) }
        try copy.close()
        let verification = try StoreVerification.run(at: path)
        #expect(verification.isHealthy)
        #expect(verification.caches.map(\.records)[0] >= 5_000)
    }

    @Test func `removes what one has left whose process was killed, and not what another is writing`() async throws {
        let scratch = ScratchDirectory()
        let store = try Store.temporary()
        let (left, held) = (scratch.path + "/copying.left", scratch.path + "/copying.held")
        for directory in [left, held] {
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            try Data("half".utf8).write(to: URL(filePath: directory + "/data.mdb"))
        }
        let descriptor = unsafe open(held, O_RDONLY | O_DIRECTORY)
        #expect(flock(descriptor, LOCK_EX) == 0)
        try await store.backup(to: scratch.path)
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: scratch.path).sorted() == ["copying.held", "data.mdb"])
        close(descriptor)
    }

    @Test(arguments: [false, true])
    func `can be read by its owner alone, in whatever directory it is`(_ compacting: Bool) async throws {
        let scratch = ScratchDirectory()
        let store = try Store.temporary()
        try await store.backup(to: scratch.path, compacting: compacting)
        #expect(try permissions(of: scratch.path + "/data.mdb") == 0o600)
    }
}
