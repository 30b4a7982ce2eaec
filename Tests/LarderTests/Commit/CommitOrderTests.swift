import TestSupport
import Testing

@testable import Larder

@Suite struct `The order of a batch` {
    private func request(_ key: [UInt8]?, keyspace: UInt32 = 1) -> WriteRequest {
        WriteRequest(singleKey: key.map { MemoryKey(keyspace: keyspace, hash: 0, bytes: $0) }) { _ in }
    }

    @Test func `is that of the keys, then that of arrival`() {
        let requests = [
            request(nil), request([2]), request([1], keyspace: 2), request([1]), request(nil), request([1, 0]),
            request([2]), request(Array(0...9)), request(Array(0...8) + [8]), request([0xFF]),
        ]
        // By keyspace; a prefix before what it is a prefix of; bodies at the end.
        #expect(CommitOrder.positions(of: requests) == [8, 7, 3, 5, 1, 6, 9, 2, 0, 4])
        #expect(CommitOrder.positions(of: []) == [])
        #expect(CommitOrder.positions(of: [request(nil)]) == [0])
    }

    @Test func `is LMDB's order of keys`() {
        var random = SeededGenerator(seed: 3)
        let keys = (0..<300).map { _ in
            (0..<Int.random(in: 1...20, using: &random)).map { _ in UInt8.random(in: 0...2, using: &random) }
        }
        let order = CommitOrder.positions(of: keys.map { request($0) })
        #expect(order.map { keys[$0] } == keys.sorted { $0.lexicographicallyPrecedes($1) })
    }
}
