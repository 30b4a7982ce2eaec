import TestSupport
import Testing

@testable import Larder

@Suite struct `An index of changes` {
    @Test func `finds what was added, and nothing else, however it grows`() {
        var random = SeededGenerator(seed: 1)
        var index = ChangeIndex()
        #expect(index.position(of: 1) { _ in 0 } == nil)
        for round in 0..<3 {
            var hashes: [UInt64] = []
            for position in 0..<2_000 {
                // Half of them fall on one place.
                hashes.append(position % 2 == 0 ? UInt64(position) << 32 | 5 : random.next())
                index.insert(position) { hashes[$0] }
            }
            #expect(!index.isEmpty)
            for position in hashes.indices {
                #expect(index.position(of: hashes[position]) { hashes[$0] } == position)
            }
            #expect(index.position(of: 1 << 63 | 5) { hashes[$0] } == nil, "round \(round)")
            index.removeAll()
            #expect(index.isEmpty)
            #expect(index.position(of: hashes[0]) { hashes[$0] } == nil)
        }
    }

    @Test func `bytes of keys lie one behind the other`() {
        var bytes = KeyBytes()
        var expected: [UInt8] = []
        #expect(bytes.withBytes { $0.count } == 0)
        for round in 0..<2 {
            for length in [1, 511, 16, 3, 511, 511] {
                let key = (0..<length).map { UInt8(truncatingIfNeeded: $0 + length) }
                bytes.append(key.span)
                expected += key
            }
            #expect(bytes.withBytes { [UInt8](copying: $0) } == expected, "round \(round)")
            bytes.removeAll()
            expected = []
        }
    }
}
