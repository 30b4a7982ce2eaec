@_spi(Benchmarks) import Larder
import Testing

@testable import LarderBench

@Suite("Replayed traces")
struct HitRatioTests {
    @Test("Lines are keys, with or without sizes, and comments are passed over")
    func parsesLines() throws {
        let (keys, sizes) = try Trace.parse("# name=x requests=3\n7\n18446744073709551615,100\r\n0", "t")
        #expect(keys == [7, .max, 0])
        #expect(sizes.isEmpty)
        #expect(try Trace.parse("7,1\n8,4294967296\n7,1\n", "t").sizes == [1, .max, 1])
    }

    @Test("What is not a 64-bit number is refused", arguments: ["a\n", "1\n-2\n", "1,\n", "18446744073709551616\n"])
    func refusesOtherLines(_ text: String) {
        #expect(throws: BenchmarkFailure.self) { try Trace.parse(text, "t") }
    }

    @Test("Shares of the keys are rounded with halves to even")
    func roundsHalvesToEven() {
        #expect(Trace.share(250, of: 1_498) == 374)
        #expect(Trace.share(250, of: 1_502) == 376)
        #expect(Trace.share(100, of: 36_815) == 3_682)
        #expect(Trace.share(1, of: 1_499) == 1)
        #expect(Trace.share(1, of: 1_501) == 2)
    }

    @Test("Sizes under ten objects are left out")
    func leavesOutSmallSizes() {
        #expect(Trace(name: "t", keys: Array(0..<1_000)).cacheSizes == [10, 100, 250])
    }

    @Test("Sizes in bytes are shares of what the unique objects take together, rounded down")
    func sizesInBytes() {
        let trace = Trace(name: "t", keys: [1, 2, 1, 3], sizes: [500, 1_000, 500, 499])
        #expect(trace.uniqueBytes == 1_999)
        #expect(trace.cacheSizesInBytes == [1, 19, 199, 499])
    }

    @Test("Larder's tier holds what a replay gives it room for, on one shard and on several", arguments: [nil, 4])
    func larderHoldsItsObjects(_ shards: Int?) {
        for objects in [10, 100, 3_000] {
            let keys = Array(0..<UInt64(objects * 2)) + Array(0..<UInt64(objects * 2))
            let tier = LarderReplay.makeTier(objects: objects, shards: shards)
            for key in keys { _ = LarderReplay.request(key, cost: LarderReplay.unitCost, from: tier) }
            let held = tier.statistics.entries
            #expect(held <= objects)
            #expect(held >= objects - (shards ?? 1))
        }
    }

    @Test("Threads that share a replay answer about as many requests as one")
    func threadsShareAReplay() {
        let keys = Distribution.zipf.draw(40_000, below: 5_000, seed: 7).map(UInt64.init)
        let trace = Trace(name: "t", keys: keys)
        let one = LarderReplay.hits(trace, objects: 500)
        let three = LarderReplay.hits(trace, objects: 500, threads: 3)
        #expect(abs(one - three) < keys.count / 50)
    }

    @Test("LRU evicts what was not asked for the longest")
    func leastRecentlyUsedEvictsTheOldest() throws {
        var cache = LeastRecentlyUsed(capacity: 2)
        let hits = [1, 2, 1, 3, 1, 2, 3].map { cache.request($0) }
        #expect(hits == [false, false, true, false, true, false, false])
    }

    @Test("LRU agrees with a list kept in order of use")
    func leastRecentlyUsedAgreesWithAModel() {
        for capacity in [1, 2, 7, 50] {
            var cache = LeastRecentlyUsed(capacity: capacity)
            var model: [UInt64] = []
            for index in Distribution.zipf.draw(5_000, below: 100, seed: UInt64(capacity)) {
                let key = UInt64(index)
                let held = model.firstIndex(of: key)
                if let held { model.remove(at: held) }
                model.append(key)
                if model.count > capacity { model.removeFirst() }
                #expect(cache.request(key) == (held != nil))
            }
        }
    }

    @Test("Reference means count only policies that have every cell")
    func referenceMeans() {
        let references = References(
            csv: "trace,cache_objects,policy,hit_ratio\na,10,X,0.5\nb,10,X,0.7\na,10,Y,0.9\n")
        let means = references.means(over: [.init(trace: "a", cacheObjects: 10), .init(trace: "b", cacheObjects: 10)])
        #expect(means.map(\.policy) == ["X"])
        #expect(abs(means[0].mean - 0.6) < 1e-12)
    }
}
