import Testing

@testable import LarderBench

@Suite("The workload")
struct WorkloadTests {
    @Test("A seed gives the same draws, and another seed others", arguments: [Distribution.uniform, .zipf])
    func drawsAreRepeatable(_ distribution: Distribution) {
        let draws = distribution.draw(1_000, below: 500, seed: 1)
        #expect(draws == distribution.draw(1_000, below: 500, seed: 1))
        #expect(draws != distribution.draw(1_000, below: 500, seed: 2))
        #expect(draws.allSatisfy { $0 < 500 })
    }

    @Test("Zipf ranks come as often as the exponent 0.99 says")
    func zipfRanksFollowTheLaw() {
        let population = 1_000
        let zipf = ScrambledZipf(population: population)
        var generator = SplitMix64(seed: 7)
        let draws = 200_000
        var first = 0
        var firstHundred = 0
        for _ in 0..<draws {
            let rank = zipf.drawRank(&generator)
            if rank == 0 { first += 1 }
            if rank < 100 { firstHundred += 1 }
        }
        // 1 / zeta and zeta(100) / zeta with zeta(1000) = 7.7290 and zeta(100) = 5.2953; the tolerance is over five standard deviations.
        #expect(abs(Double(first) / Double(draws) - 0.1294) < 0.004)
        #expect(abs(Double(firstHundred) / Double(draws) - 0.6851) < 0.01)
    }

    @Test("Scrambling hashes ranks as YCSB does")
    func scramblingIsFowlerNollVo() {
        // FNV-1a over eight zero bytes, taken as a signed number's magnitude; computed independently.
        #expect(ScrambledZipf.fowlerNollVo(0) == 6_284_781_860_667_377_211)
        #expect(ScrambledZipf.fowlerNollVo(1) == 8_517_097_267_634_966_620)
    }

    @Test("A permutation draws every entry once")
    func permutationsAreComplete() {
        let permutation = Distribution.permutation(of: 1_000, seed: 3)
        #expect(permutation.sorted() == Array(0..<1_000))
        #expect(permutation != Array(0..<1_000))
    }

    @Test("Keys are 16 distinct bytes, ordered as their first word")
    func keysAreOrderedByTheirFirstWord() {
        let keys = Records.sortedIndexes(2_000).map(Entry.key)
        #expect(keys.allSatisfy { $0.count == Entry.keySize })
        for (lower, upper) in zip(keys, keys.dropFirst()) {
            #expect(lower.lexicographicallyPrecedes(upper))
        }
    }

    @Test("Values have the size asked for and differ by entry and by version", arguments: [8, 13, 100, 1024])
    func valuesAreDistinct(_ size: Int) {
        let value = Entry.value(5, version: 0, size: size)
        #expect(value.count == size)
        #expect(value.glimpse.head == Entry.valueHead(5, version: 0))
        #expect(value != Entry.value(5, version: 1, size: size))
        #expect(value != Entry.value(6, version: 0, size: size))
    }

    @Test("Records lie where they say")
    func recordsLieWhereTheySay() {
        let records = Records([4, 9], valueSize: 100, version: 1)
        #expect(Array(records.bytes[records.keyRange(1)]) == Entry.key(9))
        #expect(Array(records.bytes[records.valueRange(1)]) == Entry.value(9, version: 1, size: 100))
    }

    @Test("A digest depends on keys and values, not on their order")
    func digestsIgnoreOrder() {
        let all = Digest.expected([1, 2, 3], valueSize: 100) { _ in 0 }
        #expect(all == Digest.expected([3, 1, 2], valueSize: 100) { _ in 0 })
        #expect(all != Digest.expected([1, 2, 4], valueSize: 100) { _ in 0 })
        #expect(all != Digest.expected([1, 2, 3], valueSize: 100) { $0 == 2 ? 1 : 0 })
    }
}
