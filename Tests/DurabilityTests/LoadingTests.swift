import Larder
import Testing

@Suite struct `A load whose record is being committed` {
    @Test func `is joined until the record can be read, so that nobody loads a second time`() async throws {
        let store = try Store.temporary()
        let cache = try store.cache("c", key: .int, value: .int)
        try await withThrowingTaskGroup(of: Void.self) { group in
            // Readers that never pause, so that some look in every moment of a commit.
            for _ in 0..<4 {
                group.addTask {
                    for key in 0..<300 {
                        for _ in 0..<20 {
                            let value = try await cache.value(for: key) { $0 }
                            #expect(value == key)
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try store.statistics().loads == 300)
        try store.close()
    }
}
