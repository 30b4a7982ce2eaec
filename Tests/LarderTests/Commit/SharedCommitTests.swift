import Synchronization
import Testing

@testable import Larder

@Suite struct `Transactions of one commit` {
    private struct Refusal: Error {}

    @Test func `are tried again on a larger map, whatever the body makes of the write that failed`() throws {
        let store = try Store.temporary(options: .init(mapSize: .kibibytes(256)))
        let cache = try store.cache("c", key: .int, value: .bytes)
        let failures = Mutex<[any Error]>([])
        let requests = (0..<4).map { number in
            WriteRequest { transaction in
                do {
                    try transaction.set([UInt8](repeating: UInt8(number), count: 100_000), for: number, in: cache)
                } catch {
                    failures.withLock { $0.append(error) }
                    throw Refusal()
                }
            }
        }
        #expect(store.writeThrough.commit(requests).allSatisfy { $0 == nil })
        for number in 0..<4 { #expect(try cache.value(for: number)?.first == UInt8(number)) }
        #expect(try store.statistics().durable.mapSize > 256 << 10)
        // The error that a body sees is one that it can know.
        #expect(failures.withLock { !$0.isEmpty && $0.allSatisfy { $0 is LarderError } })
    }
}
